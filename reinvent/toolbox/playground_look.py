"""What stays when the sliders of a playground move: scale, digits, names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reinvent.toolbox.inline import visible

DASHES = ("", "8 4", "2 4", "12 4 2 4", "16 6", "6 2 2 2")
BARS = 60  # more are lines
DIGITS = 12  # after the point


@dataclass(frozen=True)
class Look:
    """Everything about a picture that no slider changes.

    `limits` are the ends of the scale, the same at every setting. Numbers
    are integers in units of 10 ** -digits, here as in the page.
    """

    kind: str  # "bars" or "lines"
    names: tuple[str, ...]
    labels: list
    limits: tuple[float, float]
    digits: int
    unit: str
    xlabel: str
    ylabel: str

    def rounded(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers in units of 10 ** -digits."""
        return np.rint(numbers * 10**self.digits).astype(int)

    def shown(self, number: int) -> str:
        """Return a rounded number as a reader sees it."""
        return f"{number / 10**self.digits:.{self.digits}f}{self.unit}"

    def share(self, number: float) -> float:
        """Return where on the scale a number lies, from 0 to 1."""
        low, high = self.limits
        return (number - low) / (high - low)


def make_look(
    numbers: np.ndarray,
    names: tuple[str, ...],
    kind: str,
    labels: list,
    ends: Sequence[float] | None,
    digits: int | None,
    words: tuple[str, str, str],
) -> Look:
    """Choose what is the same in all frames.

    Args:
        numbers: (frames, lines, points).
        names: Of the lines.
        kind: "bars" or "lines".
        labels: Of the points.
        ends: Of the scale, or None.
        digits: After the point, or None.
        words: Unit, xlabel and ylabel.

    Raises:
        ValueError: If there is more than a picture can show.
    """
    _, lines, points = numbers.shape
    if kind == "bars" and points > BARS:
        raise ValueError(f"{points} bars; the most is {BARS}")
    if kind == "lines" and points < 2:
        raise ValueError(f"a line has {points} point, not 2 or more")
    if lines > len(DASHES):
        raise ValueError(f"{lines} lines; the most is {len(DASHES)}")
    scale = limits(numbers, kind, ends)
    if digits is None:
        steps = 1000 if kind == "lines" else 100
        digits = round(math.log10(steps / (scale[1] - scale[0])))
        digits = min(max(0, digits), DIGITS)
    elif not 0 <= digits <= DIGITS:
        raise ValueError(f"digits is 0 to {DIGITS}, not {digits}")
    largest = max(map(abs, scale))
    if largest * 10**digits >= 2**53:
        raise ValueError(
            f"the page cannot hold {largest:g} with {digits} digits after "
            "the point: more than 15 digits in all"
        )
    words = [_visible(word) for word in words]
    return Look(kind, names, labels, scale, digits, *words)


def _visible(words: str) -> str:
    """Make words visible; none stay none, a space before a unit stays."""
    bare = words.strip(" ")
    return " " * words.startswith(" ") + visible(bare) if bare else ""


def limits(
    numbers: np.ndarray, kind: str, given: Sequence[float] | None
) -> tuple[float, float]:
    """Choose the ends of a scale that holds all numbers.

    Raises:
        ValueError: If the ends that were given do not hold them.
    """
    low, high = float(numbers.min()), float(numbers.max())
    if given is not None:
        bottom, top = map(float, given)
        if kind == "bars":
            low, high = min(low, 0.0), max(high, 0.0)
        if not bottom <= low <= high <= top or bottom == top:
            raise ValueError(
                f"limits {bottom:g} to {top:g}, "
                f"but the {kind} go from {low:g} to {high:g}"
            )
        return bottom, top
    if kind == "bars" or 0 < low < 0.3 * high:
        low, high = min(low, 0.0), max(high, 0.0)
    if kind == "bars":
        return (low, high) if high - low > 1e-300 else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    step = _step(high - low)
    return (
        _clean(math.floor(low / step + 1e-9) * step),
        _clean(math.ceil(high / step - 1e-9) * step),
    )


def _step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten: 3 to 6 steps in a span."""
    power = 10.0 ** math.floor(math.log10(span / 3))
    return max(m * power for m in (1, 2, 5) if m * power <= span / 3)


def _clean(number: float) -> float:
    """Return .3 for 0.30000000000000004."""
    return float(f"{number:.15g}")


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two."""
    step = _step(high - low)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [_clean(i * step) for i in range(first, last + 1)]
