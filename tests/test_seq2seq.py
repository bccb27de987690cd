"""The cells are PyTorch's, and the encoder-decoder keeps its promises."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reinvent.seq2seq import (
    EncoderDecoder,
    GRUCell,
    LSTMCell,
    RNNCell,
    Seq2SeqConfig,
    lengths_of,
    reverse,
)
from reinvent.toolbox import checks

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


def test_batches_of_different_sizes_are_named(model, source):
    with pytest.raises(ValueError, match=r"\(2, 5\).*\(1, 3\)"):
        model(source, torch.ones(1, T, dtype=torch.long))


@pytest.mark.parametrize("wrong", [-1, 19])
def test_ids_without_a_word_are_named(model, source, wrong):
    target = torch.ones(B, T, dtype=torch.long)
    bad_source, bad_target = source.clone(), target.clone()
    bad_source[0, 1] = bad_target[0, 1] = wrong
    state = model.encode(source)
    for call in (
        lambda: model.encode(bad_source),
        lambda: model(bad_source, target),
        lambda: model(source, bad_target),
        lambda: model.step(bad_target[:, 1], state),
    ):
        with pytest.raises(ValueError, match=rf"id {wrong} .* \d+ words"):
            call()


def test_a_word_sees_only_the_words_before_it(model, source):
    target = torch.randint(1, V, (B, T))
    assert checks.no_look_ahead(lambda t: model(source, t), target, V)


def test_padding_of_the_source_has_no_effect(model, source):
    target = torch.randint(1, V, (1, T)).expand(B, T)

    def logits(tokens):
        return model(tokens, target[: len(tokens)])

    assert checks.padding_has_no_effect(logits, source)
    assert checks.batched_equals_one_by_one(logits, source)


def test_steps_equal_teacher_forcing(model, source):
    target = torch.randint(1, V, (B, T))
    state = model.encode(source)
    rows = []
    for tokens in target.unbind(dim=1):
        logits, state, weights = model.step(tokens, state)
        assert weights is None
        rows.append(logits)
    torch.testing.assert_close(torch.stack(rows, dim=1), model(source, target))


def test_it_starts_uniform_learns_everywhere_and_overfits(model, source):
    target = torch.randint(1, V, (B, T))

    def loss():
        logits = model(source, target)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())

    assert checks.starts_near_uniform(loss(), V)
    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)


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
