"""Products are counted as a pencil counts them."""

import pytest
import torch
from torch import nn

from reinvent.seq2seq import RNNCell
from reinvent.toolbox.counting import operations, steps_in_a_row
from reinvent.transformer import MultiHeadAttention

B, T, D, E, K = 2, 5, 7, 11, 3


def read(cell, words):
    hidden = torch.zeros(B, D)
    for word in words.unbind(dim=1):
        hidden = cell(word, hidden)
    return hidden


def test_a_product_has_as_many_multiplications_as_its_three_sizes():
    a, b = torch.ones(B * T, D), torch.ones(D, E)
    assert operations(torch.matmul, a, b) == B * T * D * E


def test_a_convolution_has_a_product_for_each_place_of_its_kernel():
    layer = nn.Conv1d(D, E, K)
    x = torch.ones(B, D, T)
    assert operations(layer, x) == B * (T - K + 1) * K * D * E


def test_a_recurrent_cell_needs_a_step_for_each_word():
    cell, words = RNNCell(E, D), torch.ones(B, T, E)
    # The first product with the state reads zeros, but it is made.
    assert steps_in_a_row(read(cell, words)) == T
    assert operations(read, cell, words) == B * T * D * (E + D)


def test_products_side_by_side_are_one_step():
    a = torch.ones(D, D, requires_grad=True)
    assert steps_in_a_row(a @ a + a.T @ a) == 1
    assert steps_in_a_row((a @ a) @ (a @ a) @ a) == 3
    assert steps_in_a_row(a + 1) == 0


def test_a_convolution_is_one_step_whatever_the_length():
    layer = nn.Conv1d(D, D, K, padding=1)
    for length in (T, 10 * T):
        x = torch.ones(B, D, length)
        assert steps_in_a_row(layer(layer(x))) == 2


@pytest.mark.parametrize("with_weights", [False, True])
def test_attention_is_two_steps_and_two_projections(with_weights):
    layer = MultiHeadAttention(2 * D, 2)
    for length in (T, 10 * T):
        x = torch.ones(B, length, 2 * D)
        context, _ = layer(x, layer.remember(x), None, with_weights)
        assert steps_in_a_row(context) == 4


def test_an_lstm_shows_its_steps_without_onednn(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    output, _ = nn.LSTM(E, D)(torch.ones(T, B, E))
    assert steps_in_a_row(output) == T


def test_a_very_long_chain_is_counted():
    x = torch.ones(1, 1, requires_grad=True)
    for _ in range(3_000):
        x = x @ x.detach()
    assert steps_in_a_row(x) == 3_000


def test_an_output_without_gradient_is_named():
    with pytest.raises(ValueError, match="no gradient"):
        steps_in_a_row(torch.ones(1))
