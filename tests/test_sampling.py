"""Rules for the next word, on distributions that fit on a line."""

import math
from functools import partial

import pytest
import torch

from reinvent.toolbox.sampling import (
    at_temperature,
    draw,
    nucleus,
    top_k,
)

B, T, V = 3, 5, 11
SHARES = torch.tensor([0.4, 0.3, 0.2, 0.1])
LOGITS = SHARES.log()
INF = float("inf")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def shares(logits):
    """Probabilities, rounded to be read."""
    return [round(share, 3) for share in logits.softmax(-1).tolist()]


def stays(logits):
    """The words that may still be drawn."""
    return (logits > -INF).nonzero().flatten().tolist()


# Temperature


def test_a_temperature_is_a_power_of_the_probabilities():
    for temperature in (0.3, 0.5, 1.0, 2.0, 7.0):
        power = SHARES ** (1 / temperature)
        torch.testing.assert_close(
            at_temperature(LOGITS, temperature).softmax(-1),
            power / power.sum(),
        )
    assert shares(at_temperature(LOGITS, 0.5)) == [0.533, 0.3, 0.133, 0.033]
    assert shares(at_temperature(LOGITS, 2)) == [0.325, 0.282, 0.23, 0.163]


def test_cold_is_greedy_and_hot_is_pure_chance():
    for cold in (1e-3, 1e-30):
        assert shares(at_temperature(LOGITS, cold)) == [1, 0, 0, 0]
    for hot in (1e6, 1e30):
        assert shares(at_temperature(LOGITS, hot)) == [0.25] * 4
    tie = torch.tensor([2.0, 5.0, 5.0])
    assert shares(at_temperature(tie, 1e-9)) == [0, 0.5, 0.5]


# The k best


@pytest.mark.parametrize("k", range(1, 5))
def test_exactly_k_words_stay_and_share_the_rest(k):
    kept = top_k(LOGITS.flip(0), k).flip(0)
    assert stays(kept) == list(range(k))
    expected = SHARES[:k] / SHARES[:k].sum()
    torch.testing.assert_close(kept.softmax(-1)[:k], expected)


def test_of_words_with_the_same_score_the_first_stay():
    tied = torch.tensor([1.0, 2.0, 1.0, 2.0, 1.0])
    assert stays(top_k(tied, 1)) == [1]
    assert stays(top_k(tied, 2)) == [1, 3]
    assert stays(top_k(tied, 4)) == [0, 1, 2, 3]
    for k in range(1, V + 1):
        assert stays(top_k(torch.zeros(V), k)) == list(range(k))
    assert stays(nucleus(torch.zeros(4), 0.5)) == [0, 1]


def test_the_best_word_alone_is_the_one_that_argmax_takes():
    logits = torch.randint(0, 3, (997, V)).float()
    kept = top_k(logits, 1)
    assert torch.equal(draw(kept), logits.argmax(-1))
    assert ((kept > -INF).sum(-1) == 1).all()


# The nucleus


@pytest.mark.parametrize(
    ("p", "size"),
    [(1e-9, 1), (0.39, 1), (0.41, 2), (0.69, 2), (0.71, 3), (0.91, 4), (1, 4)],
)
def test_the_fewest_words_with_this_probability_stay(p, size):
    order = torch.tensor([2, 0, 3, 1])
    assert stays(nucleus(LOGITS[order], p)) == sorted(
        order.argsort()[:size].tolist()
    )


def test_no_smaller_set_has_the_probability():
    for p in (0.1, 0.5, 0.9, 0.99):
        logits = 3 * torch.randn(97, V)
        probability = logits.double().softmax(-1)
        kept = nucleus(logits, p) > -INF
        total = probability.where(kept, 0.0).sum(-1)
        least = probability.where(kept, 2.0).min(-1).values
        assert (total >= p - 1e-12).all()
        assert (total - least < p).all()
        assert (probability.where(~kept, 0.0).max(-1).values <= least).all()


def test_halves_that_add_up_exactly_are_enough():
    assert stays(nucleus(torch.tensor([0.5, 0.25, 0.25]).log(), 0.5)) == [0]
    assert stays(nucleus(torch.tensor([0.25] * 4).log(), 0.75)) == [0, 1, 2]


def test_a_sure_model_keeps_fewer_words_than_an_unsure_one():
    sure = torch.tensor([9.0, 1.0, 1.0, 1.0])
    assert len(stays(nucleus(sure, 0.9))) == 1
    assert len(stays(nucleus(torch.zeros(4), 0.9))) == 4


# All rules

RULES = [
    partial(at_temperature, temperature=0.7),
    partial(top_k, k=3),
    partial(nucleus, p=0.7),
]
rules = pytest.mark.parametrize("rule", RULES)


@rules
def test_each_row_is_ruled_alone_and_nothing_is_changed(rule):
    logits = torch.randn(B, T, V)
    before = logits.clone()
    ruled = rule(logits)
    assert ruled.shape == logits.shape
    assert ruled.dtype == logits.dtype
    torch.testing.assert_close(logits, before)
    for b in range(B):
        for t in range(T):
            torch.testing.assert_close(ruled[b, t], rule(logits[b, t]))


@rules
def test_a_word_that_must_not_be_written_stays_out(rule):
    for other in (*RULES, lambda logits: logits):
        logits = other(torch.randn(V).index_fill(0, torch.tensor(2), -INF))
        ruled = rule(logits)
        assert ruled[2] == -INF
        assert not ruled.isnan().any()
        assert set(stays(ruled)) <= set(stays(logits))


@rules
def test_the_order_of_the_words_that_stay_does_not_change(rule):
    logits = torch.randn(V)
    ruled = rule(logits)
    kept = stays(ruled)
    assert torch.equal(ruled[kept].argsort(), logits[kept].argsort())


# Chance


def test_words_are_drawn_as_often_as_they_are_probable():
    count = 20_000
    drawn = draw(LOGITS.expand(count, -1))
    found = torch.bincount(drawn, minlength=4)
    chi_square = ((found - count * SHARES) ** 2 / (count * SHARES)).sum()
    assert chi_square < 16.3  # 3 degrees of freedom, 1 in 1,000


def test_the_same_generator_draws_the_same_words():
    logits = torch.randn(97, V)

    def drawn(seed):
        return draw(logits, torch.Generator().manual_seed(seed))

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


# What a user can get wrong


@pytest.mark.parametrize("wrong", [0, -1.0, math.inf, math.nan])
def test_a_temperature_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=f"temperature is {wrong}, expected"):
        at_temperature(LOGITS, wrong)


@pytest.mark.parametrize("wrong", [0, -1, 5])
def test_a_k_out_of_range_is_refused_with_both_numbers(wrong):
    with pytest.raises(ValueError, match=f"k is {wrong}, expected 1 to 4"):
        top_k(LOGITS, wrong)


@pytest.mark.parametrize("wrong", [0, -0.1, 1.1, math.nan])
def test_a_p_that_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match=f"p is {wrong}, expected more"):
        nucleus(LOGITS, wrong)
