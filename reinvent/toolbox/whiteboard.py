"""How an answer to a task of the whiteboard is judged.

The answer is run on small inputs, and what it returns is compared with what
is right, number by number: how it was written does not matter. If it is
wrong, it is compared with what known mistakes return, and the message names
the mistake. The tasks are in the modules `whiteboard_attention`,
`whiteboard_layers`, `whiteboard_pieces` and `whiteboard_outputs`.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reinvent.toolbox.checks import Verdict, same_values

TOLERANCE = 1e-4
"""Largest difference that another order of operations may make."""


def no_sign(*given: Any) -> str:
    """For a task whose mistakes are all known by what they return."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is right and what is known to go wrong.

    Attributes:
        results: The name of each result, for the message.
        right: Takes the arguments of the task; returns a tuple if there is
            more than one result.
        cases: The arguments, once for each time that the answer is run.
        mistakes: Wrong answers that people really write, compared in this
            order: in words what is wrong, and a function of the same
            arguments that makes the mistake.
        sign: Takes a wrong result, whose tensors have the right shapes, the
            right result and the arguments; returns what can be seen in the
            numbers, or "". Asked when no mistake fits.
    """

    results: Sequence[str]
    right: Callable
    cases: Sequence[tuple]
    mistakes: Sequence[tuple[str, Callable]] = ()
    sign: Callable[..., str] = no_sign

    def judge(self, answer: Callable) -> Verdict:
        """Runs an answer on all cases and says what is wrong with it.

        Args:
            answer: What is to be judged.

        Returns:
            A verdict that names the mistake, or else the first difference.
        """
        name = name_of(answer)
        given, problem = run(answer, self.cases)
        if problem:
            return Verdict(False, problem)
        expected = [self.right(*case) for case in self.cases]
        found = self._first_difference(given, expected)
        if not found:
            return Verdict(True, f"{name} is right in {len(given)} cases")
        for words, mistake in self.mistakes:
            made = [mistake(*case) for case in self.cases]
            if not self._first_difference(given, made):
                return Verdict(False, f"{name}: {words}")
        number, words = found
        one, right = given[number], expected[number]
        if self._comparable(one, right):
            words = self.sign(one, right, *self.cases[number]) or words
        where = f"in case {number + 1} of {len(given)}"
        return Verdict(False, f"{name}: {where}, {words}")

    def _first_difference(
        self, given: Sequence, expected: Sequence
    ) -> tuple[int, str] | None:
        """The first case that differs, from 0, and how; None if none does."""
        for number, (one, other) in enumerate(
            zip(given, expected, strict=True)
        ):
            if words := difference(one, other, self.results):
                return number, words
        return None

    def _comparable(self, given: Any, expected: Any) -> bool:
        """Whether the types and shapes are those of the right result."""
        if len(self.results) == 1:
            given, expected = (given,), (expected,)
        return isinstance(given, (tuple, list)) and all(
            type(one) is type(other)
            and getattr(one, "shape", None) == getattr(other, "shape", None)
            for one, other in zip(given, expected, strict=False)
        )


def name_of(answer: Callable) -> str:
    """How to call an answer in a message."""
    return getattr(answer, "__name__", "your answer")


def run(answer: Callable, cases: Sequence[tuple]) -> tuple[list, str]:
    """Runs an answer on copies of its arguments.

    Args:
        answer: What is to be judged.
        cases: The arguments of each call.

    Returns:
        Its results, and what went wrong: "" if nothing did.
    """
    results, name = [], name_of(answer)
    for number, case in enumerate(cases, start=1):
        try:
            results.append(answer(*copy.deepcopy(case)))
        except Exception as error:
            # PyTorch raises it too, with words, for types that it lacks.
            if isinstance(error, NotImplementedError) and not error.args:
                return results, f"{name} is still a stub: write its body"
            return results, (
                f"{name} raised {type(error).__name__} in case {number} of "
                f"{len(cases)}: {error}"
            )
    return results, ""


def difference(given: Any, expected: Any, names: Sequence[str]) -> str:
    """What differs between a result and the right one, "" if nothing does.

    Args:
        given: What was returned, any type.
        expected: What is right: a tuple if there are several names.
        names: The name of each part.
    """
    if given is None:
        return "nothing was returned: is there a `return`?"
    if len(names) == 1:
        given, expected = (given,), (expected,)
    elif not isinstance(given, (tuple, list)) or len(given) != len(names):
        return (
            f"a {type(given).__name__} was returned, expected"
            f" {len(names)} results: {', '.join(names)}"
        )
    for one, other, name in zip(given, expected, names, strict=True):
        if isinstance(other, Tensor):
            verdict = same_values(one, other, name=name, tolerance=TOLERANCE)
            if not verdict:
                return verdict.message
        elif one != other:
            return f"{name} is {one!r}, expected {other!r}"
    return ""


def same(given: Tensor, expected: Tensor) -> bool:
    """Whether all numbers are equal, but for the order of operations."""
    return torch.allclose(
        given.detach().double(),
        expected.detach().double(),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


def normal(seed: int, *sizes: tuple[int, ...]) -> list[Tensor]:
    """Random tensors that are the same each time.

    Args:
        seed: Where the chance starts; torch's own is left alone.
        sizes: The shape of each tensor.

    Returns:
        Numbers from the standard normal distribution.
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=generator) for size in sizes]
