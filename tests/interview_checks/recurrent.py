"""Gates, and what they do to a gradient."""

import torch
from torch.autograd.functional import jacobian

from reinvent.seq2seq import GRUCell, LSTMCell, RNNCell

E, D = 5, 7


def rnn_slope() -> list[str]:
    cell = RNNCell(E, D)
    inputs, before = torch.randn(1, E), torch.randn(1, D)
    after = cell(inputs, before)
    slopes = jacobian(lambda hidden: cell(inputs, hidden)[0], before)[:, 0]
    told = torch.diag(1 - after[0] ** 2) @ cell.from_hidden.weight
    torch.testing.assert_close(slopes, told)
    return [r"\mathrm{diag}(1 - h_t^2)\, U"]


def forget_gate() -> list[str]:
    cell = LSTMCell(32, 64)
    inputs, hidden, memory = torch.zeros(1, 32), torch.zeros(1, 64), 1.0
    memory = torch.full((1, 64), memory)
    slopes = jacobian(
        lambda cell_state: cell(inputs, (hidden, cell_state))[1][0], memory
    )[:, 0]
    gate = slopes.diagonal()
    torch.testing.assert_close(slopes, torch.diag(gate))
    assert abs(gate.mean() - 0.5) < 0.05
    assert gate.mean() ** 49 < 1e-6
    assert torch.sigmoid(torch.tensor(3.0)) ** 49 > 0.05
    return ["= f_t$", "about 0.5", "over 49 words", "a bias of 3"]


def gru_size() -> list[str]:
    gru, lstm = (
        sum(weight.numel() for weight in cell(E, D).parameters())
        for cell in (GRUCell, LSTMCell)
    )
    assert 4 * gru == 3 * lstm
    return ["three quarters of the parameters"]
