"""Every check passes what is right and catches a module that is broken."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from reinvent.toolbox import checks

B, T, D, V = 2, 5, 7, 11


@pytest.fixture
def tokens():
    torch.manual_seed(0)
    tokens = torch.randint(1, V, (B, T))
    tokens[1, 3:] = 0
    return tokens


class Running(nn.Module):
    """Outputs at t depend on the tokens up to t."""

    def __init__(self, future=False, spread=False):
        super().__init__()
        self.embedding = nn.Embedding(V, D)
        self.future, self.spread = future, spread
        self.to_logits = nn.Linear(D, V)

    def forward(self, tokens):
        hidden = self.embedding(tokens)
        if self.future:
            hidden = hidden + hidden.roll(-1, dims=1)
        if self.spread:
            hidden = hidden + hidden.mean(dim=1, keepdim=True)
        return self.to_logits(hidden.cumsum(dim=1))


class Mean(nn.Module):
    """One vector per sentence, over its words or, wrongly, its padding."""

    def __init__(self, masked):
        super().__init__()
        self.embedding = nn.Embedding(V, D)
        self.masked = masked

    def forward(self, tokens):
        hidden = self.embedding(tokens)
        if not self.masked:
            return hidden.mean(dim=1)
        mask = (tokens != 0).unsqueeze(-1)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


def test_a_verdict_is_true_or_false_and_speaks():
    good, bad = checks.Verdict(True, "all well"), checks.Verdict(False, "no")
    assert good and not bad
    assert str(good) == "passed: all well"
    assert repr(bad) == "not yet: no"


def test_a_claim_speaks_when_it_holds_and_stops_when_not(capsys):
    checks.claim("two is even", 2 % 2 == 0)
    assert capsys.readouterr().out == "✓ two is even\n"
    with pytest.raises(AssertionError, match="bear out: three is even"):
        checks.claim("three is even", 3 % 2 == 0)


def test_a_look_at_the_future_is_caught_and_located(tokens):
    full = tokens.clamp(min=1)
    assert checks.no_look_ahead(Running(), full, V)
    verdict = checks.no_look_ahead(Running(future=True), full, V)
    assert not verdict
    assert "output 0" in verdict.message and "from 1 on" in verdict.message


def test_softmax_over_padding_is_caught(tokens):
    mask = tokens != 0
    scores = torch.randn(B, T)
    right = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    assert checks.is_distribution(right, mask)
    verdict = checks.is_distribution(scores.softmax(dim=-1), mask)
    assert not verdict and "weights[1, 3]" in verdict.message


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([[0.5, 0.6]], "sums to 1.1"),
        ([[1.5, -0.5]], "below 0"),
        ([[float("nan"), 1.0]], "not finite"),
    ],
)
def test_what_is_no_distribution_is_named(weights, words):
    verdict = checks.is_distribution(torch.tensor(weights))
    assert not verdict and words in verdict.message


def test_a_mean_over_padding_is_caught(tokens):
    assert checks.padding_has_no_effect(Mean(masked=True), tokens)
    verdict = checks.padding_has_no_effect(Mean(masked=False), tokens)
    assert not verdict and "3 places of padding were" in verdict.message


def test_outputs_that_grow_with_the_padding_are_compared_at_the_words(tokens):
    assert checks.padding_has_no_effect(Running(), tokens)
    assert not checks.padding_has_no_effect(Running(spread=True), tokens)


def test_a_sentence_that_depends_on_its_neighbour_is_caught(tokens):
    assert checks.batched_equals_one_by_one(Mean(masked=True), tokens)
    assert checks.batched_equals_one_by_one(Running(), tokens)
    verdict = checks.batched_equals_one_by_one(Mean(masked=False), tokens)
    assert not verdict and "sentence 1" in verdict.message


def test_a_parameter_that_is_not_used_is_named(tokens):
    model = Running()

    def loss():
        return model(tokens).square().mean()

    assert checks.every_parameter_learns(model, loss)
    model.forgotten = nn.Linear(D, D)
    verdict = checks.every_parameter_learns(model, loss)
    assert not verdict and "forgotten.weight" in verdict.message


def test_a_parameter_behind_a_dead_unit_is_named(tokens):
    model = Running()

    def loss():
        return (model(tokens) * 0).sum()

    verdict = checks.every_parameter_learns(model, loss)
    assert not verdict and "only zeros" in verdict.message


def test_a_gradient_that_is_not_finite_is_named(tokens):
    model = Running()

    def loss():
        return (model(tokens) * 0).sum().sqrt()

    verdict = checks.every_parameter_learns(model, loss)
    assert not verdict and "not finite" in verdict.message


def test_the_model_comes_back_with_its_weights(tokens):
    model = Running()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    checks.every_parameter_learns(model, lambda: model(tokens).sum())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def cross_entropy(logits, targets, **settings):
    return nn.functional.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), **settings
    )


def test_targets_that_a_loss_leaves_out_are_named(tokens):
    logits = torch.randn(B, T, V)
    assert checks.each_target_counts(cross_entropy, logits, tokens)
    verdict = checks.each_target_counts(
        lambda *given: cross_entropy(*given, ignore_index=0), logits, tokens
    )
    assert verdict.message == "the target 0 at [1, 3] does not count"


def test_padding_that_a_loss_counts_is_named(tokens):
    logits, words = torch.randn(B, T, V), tokens != 0
    verdict = checks.each_target_counts(
        lambda *given: cross_entropy(*given, ignore_index=0),
        logits,
        tokens,
        words,
    )
    assert verdict and "8 of 10" in verdict.message
    verdict = checks.each_target_counts(cross_entropy, logits, tokens, words)
    assert verdict.message == "the target 0 at [1, 3] counts and should not"


def test_a_loss_of_nothing_is_named():
    verdict = checks.each_target_counts(
        lambda *given: cross_entropy(*given, ignore_index=0),
        torch.randn(B, V),
        torch.zeros(B, dtype=torch.long),
    )
    assert not verdict and verdict.message == "the loss is nan"


def test_a_loss_far_from_uniform_is_caught():
    assert checks.starts_near_uniform(2.4, V)
    verdict = checks.starts_near_uniform(9.0, V)
    assert not verdict and "9.000" in verdict.message


def test_a_model_without_weights_cannot_overfit(tokens):
    def loss_of(model):
        return lambda: nn.functional.cross_entropy(
            model(tokens)[:, -1], tokens[:, 0]
        )

    model = Running()
    assert checks.can_overfit(model, loss_of(model))
    model = Running()
    model.to_logits.weight.requires_grad_(False).zero_()
    verdict = checks.can_overfit(model, loss_of(model), steps=20)
    assert not verdict and "20 steps" in verdict.message


def test_a_loss_that_is_nan_stops_the_overfitting():
    model = nn.Linear(D, V)
    verdict = checks.can_overfit(
        model, lambda: model.weight.sum() * float("nan")
    )
    assert not verdict and "nan at step 0" in verdict.message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "None"),
        ("text", "a str"),
        (torch.zeros(2), "shape (2,)"),
        (torch.tensor([1.0, 2.0, 4.0]), "[2] is 4"),
    ],
)
def test_values_that_differ_are_named(given, words):
    right = torch.tensor([1.0, 2.0, 3.0])
    assert checks.same_values(right, right, name="it")
    verdict = checks.same_values(given, right, name="it")
    assert not verdict and words in verdict.message


def test_a_function_is_judged_by_its_results():
    cases = [(torch.tensor([1.0, 2.0]),), (torch.tensor([3.0]),)]

    def stub(_):
        raise NotImplementedError

    def broken(x):
        return x[:1]

    def raises(x):
        return x @ torch.zeros(3)

    def lacks_a_type(x):
        return x.long().softmax(dim=0)

    def judge(function):
        return checks.same_function(function, lambda x: x, cases, name="f")

    assert judge(lambda x: x)
    assert "stub" in judge(stub).message
    assert "case 1" in judge(broken).message
    assert "RuntimeError" in judge(raises).message
    assert "'Long'" in judge(lacks_a_type).message


def test_a_number_of_any_kind_is_judged():
    right = torch.tensor(3.0)
    for given in (3, 3.0, Fraction(3), np.float32(3), torch.tensor(3.0)):
        assert checks.same_values(given, right, name="it")
    verdict = checks.same_values(2, right, name="it")
    assert verdict.message == "it is 2, expected 3"


def test_a_function_is_judged_by_given_results():
    cases = [((2,), 4.0), ((3,), 9.0)]
    verdict = checks.gives(lambda x: x * x, cases, name="square")
    assert verdict and verdict.message == "square is right in 2 cases"
    verdict = checks.gives(lambda x: x * x, cases[:1], name="square")
    assert verdict and verdict.message == "square is right in 1 case"
    verdict = checks.gives(lambda x: x + 2, cases, name="square")
    assert not verdict and "case 2" in verdict.message
