"""What a playground is given: its sliders, and what its function returns."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from reinvent.toolbox.explorer_input import numbers
from reinvent.toolbox.inline import visible

FRAMES = 2_000  # settings of all sliders together
NUMBERS = 60_000  # in all frames; about 300 kB of page


@dataclass(frozen=True)
class Slider:
    """One slider: its name, the values it takes, where it starts."""

    name: str
    values: tuple
    start: int  # position in `values`

    @property
    def shown(self) -> list[str]:
        """The values as a reader sees them."""
        short = [_short(value, 4) for value in self.values]
        if len(set(short)) == len(short):
            return short
        return [_short(value, 12) for value in self.values]


def _short(value: object, digits: int) -> str:
    """Return a value of a slider in few characters."""
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    return visible(str(value))


def sliders(
    given: Mapping[str, Iterable], start: Mapping[str, object]
) -> list[Slider]:
    """Check one or two sliders and where they start."""
    if not 1 <= len(given) <= 2:
        raise ValueError(f"a playground has 1 or 2 sliders, not {len(given)}")
    for name in start:
        if name not in given:
            raise ValueError(f"start names {name!r}, sliders {list(given)}")
    made = []
    for name, values in given.items():
        if name == "values":
            raise ValueError("a slider cannot be called 'values'")
        values = _values(name, values)
        at = _position(name, values, start[name]) if name in start else 0
        made.append(Slider(name, values, at))
    counts = [len(slider.values) for slider in made]
    if math.prod(counts) > FRAMES:
        raise ValueError(
            f"{' x '.join(map(str, counts))} values make "
            f"{math.prod(counts):,} frames; the most is {FRAMES:,}"
        )
    return made


def _values(name: str, values: Iterable) -> tuple:
    """Check the values of one slider: words, or numbers that grow."""
    values = tuple(_plain(value) for value in values)
    for value in values:
        if not isinstance(value, int | float | str):
            kind = type(value).__name__
            raise ValueError(f"slider {name!r} has a {kind}: {value!r}")
    if len(values) < 2:
        raise ValueError(f"slider {name!r} has {len(values)} values, not 2")
    if any(isinstance(value, str) for value in values):
        if len(set(values)) < len(values):
            raise ValueError(f"slider {name!r} has a value twice: {values}")
        return values
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"slider {name!r} has a value {value}")
    for left, right in zip(values, values[1:], strict=False):
        if left >= right:
            raise ValueError(
                f"the values of slider {name!r} must grow, "
                f"but {right:g} follows {left:g}"
            )
    return values


def _plain(value: object) -> object:
    """Return .3 for 0.30000000000000004, and no type but Python's own."""
    value = value.item() if hasattr(value, "item") else value
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _position(name: str, values: tuple, start: object) -> int:
    """Find where a slider starts."""
    start = _plain(start)
    if start in values:
        return values.index(start)
    raise ValueError(
        f"slider {name!r} cannot start at {start!r}: it has "
        f"{len(values)} values from {values[0]!r} to {values[-1]!r}, not this"
    )


@dataclass(frozen=True)
class Frame:
    """What is seen at one setting.

    `numbers` has shape (lines, points), bars count as one line without a
    name; `given` is what the author's `text` is called with.
    """

    names: tuple[str, ...]
    numbers: np.ndarray
    given: list[float] | dict[str, list[float]]


def frame(
    function: Callable, settings: Mapping[str, object], kind: str
) -> Frame:
    """Call the author's function at one setting; check what it returns.

    Raises:
        ValueError: If that has not the form that `kind` needs, or a number
            in it is NaN or infinite; what and where is named.
    """
    call = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    call = f"frame({call})"
    result = function(**settings)
    if (kind == "lines") != isinstance(result, Mapping):
        form = "a dict {name: numbers}" if kind == "lines" else "numbers"
        raise ValueError(
            f"{call} gave {type(result).__name__}; {kind} need {form}"
        )
    parts = result if kind == "lines" else {"": result}
    if not parts:
        raise ValueError(f"{call} gave 0 lines")
    rows = {
        str(name): _row(part, f"{call}[{name!r}]" if name else call)
        for name, part in parts.items()
    }
    sizes = {name: len(row) for name, row in rows.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{call} gave lines of different lengths: {sizes}")
    lists = {name: row.tolist() for name, row in rows.items()}
    return Frame(
        tuple(rows),
        np.stack(list(rows.values())),
        lists if kind == "lines" else lists[""],
    )


def _row(part: object, call: str) -> np.ndarray:
    """Check one sequence of numbers."""
    try:
        row = numbers(part)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{call} gave no numbers: {error}") from error
    if row.ndim != 1 or not row.size:
        raise ValueError(
            f"{call} gave shape {row.shape}, not one row of numbers"
        )
    wrong = np.flatnonzero(~np.isfinite(row))
    if len(wrong):
        raise ValueError(
            f"{call} gave {row[wrong[0]]} at position {wrong[0]} of {len(row)}"
        )
    return row


def same_shape(first: Frame, other: Frame, settings: Mapping) -> None:
    """Compare a frame with the first: the picture only moves."""
    if first.names != other.names:
        raise ValueError(
            f"the lines are {other.names} at {dict(settings)}, "
            f"but {first.names} at the first setting"
        )
    if first.numbers.shape != other.numbers.shape:
        raise ValueError(
            f"{other.numbers.shape[1]} numbers at {dict(settings)}, "
            f"but {first.numbers.shape[1]} at the first setting"
        )


def labels(given: Iterable | None, count: int) -> list:
    """Check the names of the bars, or where the points of lines stand."""
    if given is None:
        return list(range(count))
    if isinstance(given, str):
        raise ValueError(f"labels is a string; split it: {given!r}")
    made = [_plain(label) for label in given]
    if len(made) != count:
        raise ValueError(f"{len(made)} labels for {count} numbers")
    return made


def sentence(
    text: str | Callable | None,
    frame: Frame,
    settings: Mapping[str, object],
) -> str | None:
    """Say in the author's words what is seen; None: there are none."""
    if text is None:
        return None
    if callable(text):
        said = text(frame.given, **settings)
    else:
        try:
            said = text.format(values=frame.given, **settings)
        except (KeyError, IndexError) as error:
            raise ValueError(
                f"text {text!r} at {dict(settings)}: no field {error}; there "
                f"are {['values', *settings]}, {frame.numbers.shape[1]} "
                "numbers each"
            ) from error
    if not isinstance(said, str):
        raise ValueError(
            f"text gave {type(said).__name__} at {dict(settings)}, not str"
        )
    return visible(said.strip())
