"""Greedy decoding, with translators small enough to know the answer."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from reinvent.toolbox.decoding import greedy, translate
from reinvent.toolbox.vocabulary import Vocabulary

PAD, BOS, EOS = 0, 1, 2
VOCAB = 13


class State(NamedTuple):
    source: Tensor  # (B, S)
    position: Tensor  # (B,)


class Copier(nn.Module):
    """Writes the source word by word, looking at each, then `</s>`."""

    def __init__(self, looks: bool = True) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(5.0))
        self.looks = looks
        self.batches: list[tuple[int, ...]] = []
        self.given: list[list[int]] = []

    def encode(self, source: Tensor) -> State:
        assert not self.training and not torch.is_grad_enabled()
        self.batches.append(tuple(source.shape))
        return State(source, source.new_zeros(len(source)))

    def step(
        self, tokens: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor | None]:
        self.given.append(tokens.tolist())
        size = state.source.shape[1]
        where = nn.functional.one_hot(state.position % size, size)
        words = (state.source * where).sum(dim=1)
        logits = self.logit * nn.functional.one_hot(words, VOCAB)
        state = State(state.source, state.position + 1)
        return logits, state, where.float() if self.looks else None


SOURCE = torch.tensor(
    [[5, 6, 7, EOS, PAD], [8, EOS, PAD, PAD, PAD], [9, 10, 11, 12, EOS]]
)


def decode(model: nn.Module, source: Tensor = SOURCE, max_length: int = 7):
    return greedy(model, source, bos_id=BOS, eos_id=EOS, max_length=max_length)


def test_each_sentence_ends_at_its_own_end():
    decoded = decode(Copier())
    assert decoded.tokens == [[5, 6, 7], [8], [9, 10, 11, 12]]


def test_the_batch_stops_when_all_have_ended():
    model = Copier()
    decode(model, SOURCE[:2])
    assert len(model.given) == 4  # three words and </s>


def test_the_most_probable_word_is_given_back_to_the_model():
    model = Copier()
    decode(model, SOURCE[:1])
    assert model.given == [[BOS], [5], [6], [7]]


def test_no_sentence_is_longer_than_max_length():
    decoded = decode(Copier(), max_length=2)
    assert decoded.tokens == [[5, 6], [8], [9, 10]]
    assert [tuple(w.shape) for w in decoded.weights] == [
        (2, 4),
        (1, 2),
        (2, 5),
    ]


def test_weights_have_a_row_for_each_word_and_a_column_for_each_source_token():
    weights = decode(Copier()).weights
    assert [tuple(w.shape) for w in weights] == [(3, 4), (1, 2), (4, 5)]
    for matrix in weights:
        rows, columns = matrix.shape
        assert_close(matrix, torch.eye(rows, columns))


def test_a_translator_that_does_not_look_gives_no_weights():
    assert decode(Copier(looks=False)).weights is None


def test_a_batch_is_decoded_as_its_sentences_one_by_one():
    together = decode(Copier())
    for i, row in enumerate(SOURCE):
        alone = decode(Copier(), row[row != PAD][None])
        assert alone.tokens == [together.tokens[i]]
        assert_close(alone.weights[0], together.weights[i])


def test_padding_and_the_start_sign_are_never_written():
    class Stubborn(Copier):
        def step(self, tokens, state):
            logits, *rest = super().step(tokens, state)
            logits[:, [PAD, BOS]] = 99.0
            return logits, *rest

    assert decode(Stubborn()).tokens == decode(Copier()).tokens


def test_the_translator_gets_its_mode_back():
    model = Copier().train()
    decode(model)
    assert model.training


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SOURCE[:0], r"\(0, 5\); expected \(B, S\) with B at least 1"),
        (SOURCE[0], r"\(5,\); expected"),
        (torch.tensor([[5, EOS], [EOS, PAD]]), "sentence 1 .* 0 words"),
        (torch.tensor([[PAD, PAD]]), "sentence 0 .* 0 words"),
    ],
)
def test_a_source_without_words_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        decode(Copier(), source)


def test_a_length_below_one_is_refused():
    with pytest.raises(ValueError, match="max_length is 0; expected"):
        decode(Copier(), max_length=0)


WORDS = Vocabulary(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"])
TASK = SimpleNamespace(source_words=WORDS, target_words=WORDS)


def test_translations_come_in_the_order_of_the_sentences():
    sentences = [tuple("abcd"), ("e",), tuple("fgh"), tuple("ij"), ("a",)]
    model = Copier()
    assert translate(model, sentences, TASK, batch_size=2) == [
        list(sentence) for sentence in sentences
    ]
    # Short with short: (sentences, longest and </s>).
    assert model.batches == [(2, 2), (2, 4), (1, 5)]


def test_nothing_to_translate_gives_no_translations():
    assert translate(Copier(), [], TASK) == []


def test_translations_keep_to_max_length():
    assert translate(Copier(), [tuple("abcd")], TASK, max_length=3) == [
        ["a", "b", "c"]
    ]


def test_bad_sentences_and_sizes_are_refused():
    with pytest.raises(ValueError, match="zebra"):
        translate(Copier(), [("zebra",)], TASK)
    with pytest.raises(ValueError):
        translate(Copier(), [()], TASK)
    with pytest.raises(ValueError, match="batch_size is 0"):
        translate(Copier(), [("a",)], TASK, batch_size=0)
