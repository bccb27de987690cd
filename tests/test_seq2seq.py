"""The cells are PyTorch's, and the encoder-decoder keeps its promises."""

import pytest
import torch
from torch import nn

from reinvent.seq2seq import (
    EncoderDecoder,
    GRUCell,
    LSTMCell,
    RNNCell,
    Seq2SeqConfig,
    lengths_of,
    reverse,
)

B, T, S, E, D, V = 2, 3, 5, 7, 11, 13
CONFIG = Seq2SeqConfig(
    source_vocab_size=17,
    target_vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    num_layers=2,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return EncoderDecoder(CONFIG)


@pytest.fixture
def source():
    source = torch.randint(1, 17, (B, S))
    source[1, 3:] = 0
    return source


def copy_weights(ours, theirs):
    ours.from_input.weight.data.copy_(theirs.weight_ih)
    ours.from_input.bias.data.copy_(theirs.bias_ih)
    ours.from_hidden.weight.data.copy_(theirs.weight_hh)
    ours.from_hidden.bias.data.copy_(theirs.bias_hh)


@pytest.mark.parametrize(
    ("cell", "reference"),
    [(RNNCell, nn.RNNCell), (GRUCell, nn.GRUCell), (LSTMCell, nn.LSTMCell)],
)
def test_cells_equal_those_of_pytorch(cell, reference):
    ours, theirs = cell(E, D).double(), reference(E, D).double()
    copy_weights(ours, theirs)
    inputs = torch.randn(B, E).double()
    hidden, memory = torch.randn(2, B, D).double()
    state = (hidden, memory) if cell is LSTMCell else hidden
    torch.testing.assert_close(ours(inputs, state), theirs(inputs, state))


def test_the_lstm_as_a_loop_over_units():
    cell = LSTMCell(E, D)
    x, hidden, memory = torch.randn(E), torch.randn(D), torch.randn(D)
    rows = (
        cell.from_input.weight @ x
        + cell.from_input.bias
        + cell.from_hidden.weight @ hidden
        + cell.from_hidden.bias
    )
    new_hidden, new_memory = cell(x[None], (hidden[None], memory[None]))
    for unit in range(D):
        write, keep, candidate, read = rows[unit::D]
        c = torch.sigmoid(keep) * memory[unit]
        c = c + torch.sigmoid(write) * torch.tanh(candidate)
        torch.testing.assert_close(new_memory[0, unit], c)
        h = torch.sigmoid(read) * torch.tanh(c)
        torch.testing.assert_close(new_hidden[0, unit], h)


def test_reversing_leaves_the_padding_at_the_end():
    tokens = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]])
    assert reverse(tokens).tolist() == [[5, 4, 3, 2, 1], [8, 7, 6, 0, 0]]


def test_an_empty_sentence_is_named():
    with pytest.raises(ValueError, match="sentence 1 is empty"):
        lengths_of(torch.tensor([[1, 2], [0, 0]]))


def test_padding_before_a_word_is_refused():
    with pytest.raises(ValueError, match="before a word"):
        lengths_of(torch.tensor([[0, 4, 5]]))


def test_reading_backwards_changes_the_result(source):
    forward = EncoderDecoder(
        Seq2SeqConfig(**{**vars(CONFIG), "reverse_source": False})
    )
    backward = EncoderDecoder(CONFIG)
    backward.load_state_dict(forward.state_dict())
    flipped = backward.encode(reverse(source)).hidden
    torch.testing.assert_close(flipped, forward.encode(source).hidden)
    assert not torch.allclose(
        backward.encode(source).hidden, forward.encode(source).hidden
    )
