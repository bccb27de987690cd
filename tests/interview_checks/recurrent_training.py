"""Recurrent cells: their step, their size, and how they are trained."""

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from reinvent.seq2seq import LSTMCell, RNNCell


def lstm_step() -> list[str]:
    E, D = 3, 5
    ours, other = LSTMCell(E, D), nn.LSTMCell(E, D)
    other.weight_ih.data = ours.from_input.weight.data
    other.bias_ih.data = ours.from_input.bias.data
    other.weight_hh.data = ours.from_hidden.weight.data
    other.bias_hh.data = ours.from_hidden.bias.data
    inputs, hidden, cell = (torch.randn(2, size) for size in (E, D, D))
    gates = ours.from_input(inputs) + ours.from_hidden(hidden)
    i, f, g, o = gates.chunk(4, dim=-1)
    c = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    torch.testing.assert_close((h, c), other(inputs, (hidden, cell)))
    return ["i, f, g, o = gates.chunk(4, dim=-1)"]


def lstm_size() -> list[str]:
    E, D = 100, 200
    layer = nn.LSTM(E, D)
    assert sum(p.numel() for p in layer.parameters()) == 241_600
    assert 4 * (E * D + D * D + D) == 240_800
    both = nn.LSTM(E, D, bidirectional=True)
    assert sum(p.numel() for p in both.parameters()) == 483_200
    gru = nn.GRU(E, D)
    assert sum(p.numel() for p in gru.parameters()) == 181_200
    told = ["240,800", "241,600", "483,200", "181,200"]
    return ["$E = 100$", "$D = 200$", *told]


def clipped() -> list[str]:
    def weight() -> Tensor:
        parameter = nn.Parameter(torch.zeros(2))
        parameter.grad = torch.tensor([30.0, 0.4])
        return parameter

    by_norm, by_value = weight(), weight()
    clip_grad_norm_([by_norm], 1.0)
    clip_grad_value_([by_value], 1.0)
    ratio = by_norm.grad[0] / by_norm.grad[1]
    torch.testing.assert_close(ratio, torch.tensor(75.0))
    torch.testing.assert_close(by_value.grad, torch.tensor([1.0, 0.4]))
    return ["$(30, 0.4)$", "$(1, 0.013)$", "$(1, 0.4)$", "keeps the direction"]


def cut_in_time() -> list[str]:
    cell = RNNCell(3, 5)
    words = torch.randn(6, 1, 3, requires_grad=True)

    def last(cut: int | None) -> Tensor:
        hidden = torch.zeros(1, 5)
        for step, word in enumerate(words):
            if step == cut:
                hidden = hidden.detach()
            hidden = cell(word, hidden)
        return hidden.sum()

    torch.testing.assert_close(last(None), last(4))
    (whole,) = torch.autograd.grad(last(None), words)
    (part,) = torch.autograd.grad(last(4), words)
    assert (whole.abs().amax(dim=(1, 2)) > 0).all()
    assert (part[:4] == 0).all()
    torch.testing.assert_close(part[4:], whole[4:])
    return ["exactly 0 before the cut", "the same after it"]
