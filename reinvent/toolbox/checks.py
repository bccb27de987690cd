"""Checks of behaviour: what must hold for any correct implementation.

Each check returns a `Verdict` that says in words what is wrong and where.
The tests of this package use them, and so do the exercises of the chapters.
"""

import copy
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes:
        ok: True if the check passed.
        message: What was checked, or what is wrong and where.
    """

    ok: bool
    message: str

    def __bool__(self) -> bool:
        """True if the check passed."""
        return self.ok

    def __str__(self) -> str:
        """The message behind a word that says how it went."""
        return f"{'passed' if self.ok else 'not yet'}: {self.message}"

    __repr__ = __str__


def claim(words: str, holds: bool) -> None:
    """Prints a sentence of the text if it holds, and stops if it does not.

    Args:
        words: The claim, as a sentence.
        holds: Whether this run bears it out.

    Raises:
        AssertionError: If it does not.
    """
    if not holds:
        raise AssertionError(f"this run does not bear out: {words}")
    print(f"✓ {words}")


def _first_difference(
    one: Tensor, other: Tensor, tolerance: float
) -> tuple[int, ...] | None:
    """Index of the first place where two tensors differ, or None."""
    same = torch.isclose(
        one, other, rtol=tolerance, atol=tolerance, equal_nan=True
    )
    wrong = (~same).nonzero()
    return tuple(wrong[0].tolist()) if len(wrong) else None


def same_values(
    given: Any, expected: Tensor, *, name: str, tolerance: float = 1e-5
) -> Verdict:
    """Compares a tensor with the right one: type, shape, then each number.

    Args:
        given: What is to be judged, any type.
        expected: The right values, any shape.
        name: What the values are, for the message.
        tolerance: Largest absolute and relative difference.

    Returns:
        A verdict that names the first number that differs.
    """
    if given is None:
        return Verdict(False, f"{name} is None: nothing was returned yet")
    if isinstance(given, numbers.Number):
        given = torch.tensor(float(given))
    if not isinstance(given, Tensor):
        return Verdict(
            False, f"{name} is a {type(given).__name__}, expected a tensor"
        )
    if given.shape != expected.shape:
        return Verdict(
            False,
            f"{name} has shape {tuple(given.shape)}, "
            f"expected {tuple(expected.shape)}",
        )
    given, expected = given.detach().double(), expected.detach().double()
    place = _first_difference(given, expected, tolerance)
    if place is not None:
        return Verdict(
            False,
            f"{name}{list(place) or ''} is {given[place]:.6g}, "
            f"expected {expected[place]:.6g}",
        )
    return Verdict(True, f"{name} is right, shape {tuple(expected.shape)}")


def gives(
    given: Callable,
    cases: Sequence[tuple[tuple, Any]],
    *,
    name: str,
    tolerance: float = 1e-5,
) -> Verdict:
    """Calls a function and compares its results with the right ones.

    Args:
        given: What is to be judged.
        cases: Pairs of arguments and the right result, a tensor or numbers.
        name: How to call the function in the message.
        tolerance: Largest absolute and relative difference.

    Returns:
        A verdict that names the first case that differs.
    """
    for number, (arguments, expected) in enumerate(cases, start=1):
        try:
            result = given(*copy.deepcopy(arguments))
        except Exception as error:
            # PyTorch raises it too, with words, for types that it lacks.
            if isinstance(error, NotImplementedError) and not error.args:
                return Verdict(
                    False, f"{name} is still a stub: write its body"
                )
            return Verdict(
                False,
                f"{name} raised {type(error).__name__} in case {number} of "
                f"{len(cases)}: {error}",
            )
        verdict = same_values(
            result,
            torch.as_tensor(expected),
            name=f"the result in case {number}",
            tolerance=tolerance,
        )
        if not verdict:
            return Verdict(False, f"{name}: {verdict.message}")
    times = f"{len(cases)} case{'' if len(cases) == 1 else 's'}"
    return Verdict(True, f"{name} is right in {times}")


def same_function(
    given: Callable, expected: Callable, cases: Sequence[tuple], *, name: str
) -> Verdict:
    """Calls two functions with the same arguments and compares the results.

    Args:
        given: What is to be judged.
        expected: The right function; it returns a tensor or a number.
        cases: Tuples of arguments.
        name: How to call the function in the message.

    Returns:
        A verdict that names the first case that differs.
    """
    right = [(case, expected(*copy.deepcopy(case))) for case in cases]
    return gives(given, right, name=name)


def is_distribution(
    weights: Tensor, mask: Tensor | None = None, tolerance: float = 1e-5
) -> Verdict:
    """Weights are at least 0, sum to 1, and are exactly 0 where masked.

    Args:
        weights: Attention weights, shape (..., S).
        mask: True where attention may look, broadcastable to the weights.
        tolerance: Largest distance of a sum from 1.

    Returns:
        A verdict that names the first row that is wrong.
    """
    if not weights.isfinite().all():
        place = (~weights.isfinite()).nonzero()[0].tolist()
        return Verdict(False, f"weights{place} is not finite")
    if (weights < 0).any():
        place = tuple((weights < 0).nonzero()[0].tolist())
        return Verdict(
            False, f"weights{list(place)} is {weights[place]:.3g}, below 0"
        )
    if mask is not None:
        hidden = weights.masked_fill(mask.expand(weights.shape), 0.0)
        if hidden.any():
            place = tuple(hidden.nonzero()[0].tolist())
            return Verdict(
                False,
                f"weights{list(place)} is {hidden[place]:.3g} at a masked "
                "position, expected exactly 0",
            )
    sums = weights.sum(dim=-1)
    place = _first_difference(sums, torch.ones_like(sums), tolerance)
    if place is not None:
        return Verdict(
            False, f"row {list(place)} sums to {sums[place]:.4g}, expected 1"
        )
    return Verdict(True, f"{sums.numel()} rows are distributions")


@torch.no_grad()
def no_look_ahead(
    function: Callable[[Tensor], Tensor],
    tokens: Tensor,
    vocab_size: int,
    tolerance: float = 1e-5,
) -> Verdict:
    """Changing later tokens does not change earlier outputs.

    Args:
        function: Maps ids (B, T) to outputs (B, T, ...), without chance.
        tokens: Ids to start from, shape (B, T).
        vocab_size: Ids to change them to are below this number.
        tolerance: Largest difference that counts as none.

    Returns:
        A verdict that names the position that sees the future.
    """
    before = function(tokens)
    for position in range(1, tokens.shape[1]):
        changed = tokens.clone()
        changed[:, position:] = (tokens[:, position:] + 1) % vocab_size
        after = function(changed)
        place = _first_difference(
            before[:, :position], after[:, :position], tolerance
        )
        if place is not None:
            return Verdict(
                False,
                f"output {place[1]} of sentence {place[0]} changed when "
                f"tokens from {position} on were changed: it sees the future",
            )
    return Verdict(
        True, f"no output depends on a later token, {tokens.shape[1]} tested"
    )


@torch.no_grad()
def padding_has_no_effect(
    function: Callable[[Tensor], Tensor],
    tokens: Tensor,
    pad_id: int = 0,
    extra: int = 3,
    tolerance: float = 1e-5,
) -> Verdict:
    """More padding at the end of the input does not change the output.

    Args:
        function: Maps ids (B, S) to outputs whose first size is B. If the
            second size grows with S, only the first S of it are compared.
        tokens: Ids, shape (B, S).
        pad_id: The id of padding.
        extra: How much padding to add.
        tolerance: Largest difference that counts as none.

    Returns:
        A verdict that names the first output that changed.
    """
    before = function(tokens)
    padded = nn.functional.pad(tokens, (0, extra), value=pad_id)
    after = function(padded)
    grown = tokens.shape[1] + extra
    if before.dim() > 1 and after.shape[1] == grown != before.shape[1]:
        after = after[:, : tokens.shape[1]]
    if before.shape != after.shape:
        return Verdict(
            False,
            f"the output has shape {tuple(before.shape)} without and "
            f"{tuple(after.shape)} with {extra} more places "
            "of padding",
        )
    place = _first_difference(before, after, tolerance)
    if place is not None:
        return Verdict(
            False,
            f"output{list(place) or ''} changed from {before[place]:.4g} to "
            f"{after[place]:.4g} when {extra} places of padding "
            "were added",
        )
    return Verdict(True, f"{extra} more places of padding change nothing")


def every_parameter_learns(
    model: nn.Module, loss: Callable[[], Tensor]
) -> Verdict:
    """Every parameter gets a gradient, and a step of SGD moves it.

    Args:
        model: The model; it comes back with its old weights.
        loss: Computes a scalar from the model.

    Returns:
        A verdict that names the first parameter that stands still.
    """
    saved = copy.deepcopy(model.state_dict())
    model.zero_grad(set_to_none=True)
    loss().backward()
    still = None
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            still = f"{name} gets no gradient: it is not used by the loss"
        elif not parameter.grad.isfinite().all():
            still = f"{name} gets a gradient that is not finite"
        elif not parameter.grad.any():
            still = f"{name} gets a gradient of only zeros"
        if still:
            break
    else:
        torch.optim.SGD(model.parameters(), lr=1.0).step()
        for name, parameter in model.named_parameters():
            if torch.equal(parameter, saved[name]):
                still = f"{name} has a gradient but did not move"
                break
    model.zero_grad(set_to_none=True)
    model.load_state_dict(saved)
    count = sum(1 for _ in model.parameters())
    return Verdict(still is None, still or f"all {count} parameters learn")


def each_target_counts(
    loss: Callable[[Tensor, Tensor], Tensor],
    logits: Tensor,
    targets: Tensor,
    counted: Tensor | None = None,
) -> Verdict:
    """A loss pulls at the logits of the targets that count, at no others.

    Args:
        loss: Maps logits and targets to a scalar.
        logits: Any numbers, shape (..., C) for C classes.
        targets: The right classes, shape (...).
        counted: True where a target counts, shape (...); None: everywhere.

    Returns:
        A verdict that names the first target that is lost, or that counts
        and should not.
    """
    logits = logits.detach().clone().requires_grad_()
    value = loss(logits, targets)
    if not value.isfinite():
        return Verdict(False, f"the loss is {value.item()}")
    (gradient,) = torch.autograd.grad(value, logits)
    pulled = (gradient != 0).any(dim=-1)
    if counted is None:
        counted = torch.ones_like(pulled)
    wrong = (pulled != counted).nonzero()
    if len(wrong):
        place = tuple(wrong[0].tolist())
        fault = "counts and should not" if pulled[place] else "does not count"
        return Verdict(
            False,
            f"the target {targets[place].item()} at {list(place)} {fault}",
        )
    return Verdict(
        True, f"{int(counted.sum())} of {counted.numel()} targets count"
    )


def starts_near_uniform(
    loss: float | Tensor, vocab_size: int, tolerance: float = 0.25
) -> Verdict:
    """Before training, the loss is near ln V: no word is preferred.

    Args:
        loss: Mean loss before training, in nats per token.
        vocab_size: V.
        tolerance: Largest relative distance from ln V.

    Returns:
        A verdict with both numbers.
    """
    value = torch.as_tensor(loss).item()
    expected = math.log(vocab_size)
    return Verdict(
        abs(value - expected) <= tolerance * expected,
        f"the loss at the start is {value:.3f}, "
        f"ln {vocab_size} is {expected:.3f}",
    )


def can_overfit(
    model: nn.Module,
    loss: Callable[[], Tensor],
    *,
    steps: int = 200,
    learning_rate: float = 1e-2,
    below: float = 0.1,
) -> Verdict:
    """A model that works can learn one batch by heart.

    Args:
        model: The model; it is trained in place.
        loss: Computes the loss of the same batch at each call.
        steps: How many optimizer steps it may take.
        learning_rate: Of Adam.
        below: The loss, in its own unit, that must be reached.

    Returns:
        A verdict with the loss at the start and the lowest one.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    first = lowest = math.inf
    for step in range(steps):
        optimizer.zero_grad()
        value = loss()
        if not value.isfinite():
            return Verdict(False, f"the loss is {value.item()} at step {step}")
        first = value.item() if step == 0 else first
        lowest = min(lowest, value.item())
        if lowest < below:
            return Verdict(
                True,
                f"the loss fell from {first:.3f} to {lowest:.3f} "
                f"in {step + 1} steps",
            )
        value.backward()
        optimizer.step()
    return Verdict(
        False,
        f"the loss fell from {first:.3f} to {lowest:.3f} only in "
        f"{steps} steps, expected below {below}",
    )


@torch.no_grad()
def batched_equals_one_by_one(
    function: Callable[[Tensor], Tensor],
    tokens: Tensor,
    pad_id: int = 0,
    tolerance: float = 1e-5,
) -> Verdict:
    """Each sentence gives the same alone as it does in a batch.

    Args:
        function: Maps ids (B, S) to outputs whose first size is B.
        tokens: Ids, padded at the end, shape (B, S).
        pad_id: The id of padding; a sentence alone carries none.
        tolerance: Largest difference that counts as none.

    Returns:
        A verdict that names the first sentence that differs.
    """
    together = function(tokens)
    for row, sentence in enumerate(tokens):
        length = int((sentence != pad_id).sum())
        alone = function(sentence[:length].unsqueeze(0))[0]
        beside = together[row]
        if beside.dim() and beside.shape[0] == tokens.shape[1]:
            beside = beside[: alone.shape[0]]
        if alone.shape != beside.shape:
            return Verdict(
                False,
                f"sentence {row} has shape {tuple(alone.shape)} alone and "
                f"{tuple(beside.shape)} in the batch",
            )
        place = _first_difference(alone, beside, tolerance)
        if place is not None:
            return Verdict(
                False,
                f"sentence {row} gives {alone[place]:.4g} alone and "
                f"{beside[place]:.4g} in the batch, at {list(place)}",
            )
    return Verdict(True, f"{len(tokens)} sentences, alone as in the batch")
