"""Metrics, each against a case small enough to count by hand."""

import math
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from reinvent.toolbox.metrics import (
    aligned_weights,
    alignment_error_rate,
    bleu,
    by_length,
    exact_match,
    indices_by_length,
)
from reinvent.toolbox.translation import Pair
from reinvent.toolbox.vocabulary import Vocabulary


def pair(
    source: str,
    target: str,
    sure: set[tuple[int, int]] = frozenset(),
    possible: set[tuple[int, int]] = frozenset(),
) -> Pair:
    return Pair(
        tuple(source), tuple(target), frozenset(sure), frozenset(possible)
    )


def looks_at(*places: int, size: int) -> Tensor:
    """Weights whose largest entry lies at the given place in each row."""
    return torch.softmax(torch.eye(size)[list(places)], dim=1)


def test_exact_match_counts_whole_sentences():
    hypotheses = [["a", "b"], ["a"], ["a", "b", "c"], []]
    references = [("a", "b"), ("b",), ("a", "b"), ("a",)]
    assert exact_match(hypotheses, references) == 0.25


def test_bleu_of_the_references_is_100_and_of_other_words_0():
    words = [tuple("abcdefg"), tuple("hijkl")]
    assert bleu(words, words) == pytest.approx(100)
    assert bleu([("x",), ("y",)], words) == 0


def test_bleu_is_that_of_the_formula():
    # 1- to 4-grams: 4/5, 3/4, 2/3, 1/2; as long as the reference.
    expected = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert bleu([tuple("abcdx")], [tuple("abcde")]) == pytest.approx(expected)


def test_bleu_takes_words_as_they_are():
    # A tokenizer would cut the apostrophe and the full stop off.
    assert bleu([("l'", "a", "b", "c.")], [("l'", "a", "b", "c", ".")]) < 70


GOLD = pair(
    "abc", "xyzw", sure={(0, 0), (1, 1)}, possible={(0, 0), (1, 1), (2, 2)}
)


@pytest.mark.parametrize(
    ("places", "in_sure", "in_possible"),
    [
        ((0, 1, 2, 2), 2, 3),  # the fourth word has no gold link
        ((0, 1, 1, 1), 2, 2),
        ((2, 2, 0, 0), 0, 0),
    ],
)
def test_alignment_error_rate_is_that_of_och_and_ney(
    places, in_sure, in_possible
):
    rate = alignment_error_rate([looks_at(*places, size=3)], [GOLD])
    assert rate == pytest.approx(1 - (in_sure + in_possible) / (4 + 2))


def test_a_perfect_alignment_has_error_rate_0():
    links = {(2, 0), (0, 1), (1, 2)}
    gold = pair("abc", "xyz", sure=links, possible=links)
    assert alignment_error_rate([looks_at(2, 0, 1, size=3)], [gold]) == 0


def test_sure_links_count_as_possible_even_where_not_listed():
    gold = pair("ab", "xy", sure={(0, 0), (1, 1)})
    assert alignment_error_rate([looks_at(0, 1, size=2)], [gold]) == 0


def test_the_error_rate_is_that_of_all_sentences_together():
    short = pair("a", "x", sure={(0, 0)}, possible={(0, 0)})
    weights = [looks_at(0, size=1), looks_at(2, 2, 0, 0, size=3)]
    rate = alignment_error_rate(weights, [short, GOLD])
    assert rate == pytest.approx(1 - (1 + 1) / (1 + 4 + 1 + 2))


def test_the_row_of_the_end_is_ignored_and_its_column_is_wrong():
    gold = pair("ab", "xy", sure={(0, 0), (1, 1)}, possible={(0, 0), (1, 1)})
    # One more column and one more row, for </s>.
    assert alignment_error_rate([looks_at(0, 1, 0, size=3)], [gold]) == 0
    rate = alignment_error_rate([looks_at(0, 2, 2, size=3)], [gold])
    assert rate == pytest.approx(1 - (1 + 1) / (2 + 2))


@pytest.mark.parametrize(
    "shape", [(3, 3), (6, 3), (4, 2), (4, 5), (4,), (1, 4, 3)]
)
def test_weights_of_another_size_are_refused(shape):
    with pytest.raises(ValueError) as caught:
        alignment_error_rate([torch.ones(shape)], [GOLD])
    assert "pair 0" in str(caught.value)
    assert str(shape) in str(caught.value)
    assert "expected (4, 3)" in str(caught.value)


def test_different_numbers_of_things_are_named():
    with pytest.raises(ValueError, match="2 hypotheses and 1 references"):
        exact_match([["a"], ["b"]], [["a"]])
    with pytest.raises(ValueError, match="1 hypotheses and 2 references"):
        bleu([["a"]], [["a"], ["b"]])
    with pytest.raises(ValueError, match="0 weights and 1 pairs"):
        alignment_error_rate([], [GOLD])
    with pytest.raises(ValueError, match="2 values and 1 pairs"):
        by_length([GOLD], [1.0, 2.0], [(1, 5)])


def test_no_sentences_have_no_score():
    with pytest.raises(ValueError, match="0 hypotheses and 0 references"):
        exact_match([], [])


PAIRS = [pair("a" * size, "x") for size in (4, 2, 8, 5, 11)]
BUCKETS = ((2, 4), (5, 7), (8, 9), (12, 13))


def test_buckets_take_both_of_their_ends():
    assert indices_by_length(PAIRS, BUCKETS) == {
        (2, 4): [0, 1],
        (5, 7): [3],
        (8, 9): [2],
        (12, 13): [],
    }


def test_each_bucket_has_the_mean_of_its_values():
    means = by_length(PAIRS, [1, 0, 0.25, True, 9], BUCKETS)
    assert math.isnan(means.pop((12, 13)))
    assert means == {(2, 4): 0.5, (5, 7): 1.0, (8, 9): 0.25}


class State(NamedTuple):
    source: Tensor  # (B, S)


class Looker(nn.Module):
    """Looks at the place whose number is the id of the word given."""

    def __init__(self, looks: bool = True) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(7))
        self.looks = looks

    def encode(self, source: Tensor) -> State:
        assert not self.training and not torch.is_grad_enabled()
        return State(source)

    def step(
        self, tokens: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor | None]:
        size = state.source.shape[1]
        weights = nn.functional.one_hot(tokens % size, size).float()
        logits = self.logit.expand(len(tokens), -1)
        return logits, state, weights if self.looks else None


WORDS = Vocabulary(["a", "b", "c", "d"])  # ids 3, 4, 5, 6
TASK = SimpleNamespace(source_words=WORDS, target_words=WORDS)


@pytest.mark.parametrize("batch_size", [1, 2, 250])
def test_rows_belong_to_the_gold_words_that_are_written(batch_size):
    pairs = [pair("abcdabc", "dcb"), pair("ab", "a"), pair("abcda", "bd")]
    model = Looker().train()
    weights = aligned_weights(model, pairs, TASK, batch_size=batch_size)
    assert [tuple(w.shape) for w in weights] == [(3, 8), (1, 3), (2, 6)]
    # The first word is written after <s>, id 1; the second after the first.
    assert weights[0].argmax(dim=1).tolist() == [1, 6, 5]
    assert weights[1].argmax(dim=1).tolist() == [1]
    assert weights[2].argmax(dim=1).tolist() == [1, 4]
    assert model.training


def test_aligned_weights_fit_the_error_rate():
    links = {(1, 0), (6, 1), (5, 2)}
    gold = [pair("abcdabc", "dcb", sure=links, possible=links)]
    weights = aligned_weights(Looker(), gold, TASK)
    assert alignment_error_rate(weights, gold) == 0


def test_a_translator_that_does_not_look_is_named():
    with pytest.raises(ValueError, match="Looker gives no weights"):
        aligned_weights(Looker(looks=False), [pair("a", "b")], TASK)


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        aligned_weights(Looker(), [], TASK, batch_size=0)


def test_weights_are_kept_for_no_pairs():
    assert aligned_weights(Looker(), [], TASK) == []
    assert_close(looks_at(0, size=1), torch.ones(1, 1))
