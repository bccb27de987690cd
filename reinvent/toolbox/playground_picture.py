"""How a playground looks: bars, lines, and the same as a table, in HTML.

The script draws nothing new: it changes the widths, the paths and the words
that stand here already.
"""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from reinvent.toolbox.inline import table, visible
from reinvent.toolbox.playground_look import DASHES, Look, ticks

SIDE = 1000  # of the square in which lines are drawn; the page stretches it
ROWS = 12  # of a table of lines: more points are thinned out


def picture(look: Look, numbers: np.ndarray, was: np.ndarray) -> str:
    """Draw one frame.

    Args:
        look: What all frames share.
        numbers: (lines, points), rounded: what is drawn.
        was: (lines, points), rounded: where the playground starts; bars
            keep a mark there.
    """
    draw = _bars if look.kind == "bars" else _lines
    return draw(look, numbers, was)


def _bars(look: Look, numbers: np.ndarray, was: np.ndarray) -> str:
    """One row per bar: its name, the bar, its number."""
    scale = 10**look.digits
    zero = look.share(0.0)
    rows = []
    for label, number, old in zip(
        look.labels, numbers[0].tolist(), was[0].tolist(), strict=True
    ):
        end = look.share(number / scale)
        left, width = min(zero, end), abs(end - zero)
        start = look.share(old / scale)
        shown = escape(look.shown(number))
        rows.append(
            '<div class="rb-bar" role="listitem">'
            f'<bdi class="rb-label">{escape(visible(str(label)))}</bdi>'
            '<span class="rb-track">'
            f'<i class="rb-length" style="left:{left:.2%};width:{width:.2%}">'
            f'</i><i class="rb-was" style="left:{start:.2%}"></i></span> '
            f'<span class="rb-number">{shown}</span>'
            "</div>\n"
        )
    many = " rb-many" if len(rows) > 12 else ""
    bars = "".join(rows)
    return (
        _words(look.ylabel, "p")
        + f'<div class="rb-bars{many}" role="list">\n{bars}</div>\n'
    )


def _words(text: str, tag: str) -> str:
    """Say what an axis shows, if the author does."""
    return f'<{tag} class="rb-axis">{escape(text)}</{tag}>\n' if text else ""


def _lines(look: Look, numbers: np.ndarray, was: np.ndarray) -> str:
    """A square that the page stretches; words and numbers stand around it."""
    across = positions(look.labels)
    top = 10**look.digits
    curves, keys = "", ""
    for i, (name, row) in enumerate(zip(look.names, numbers, strict=True)):
        points = (
            f"{x} {round(SIDE * (1 - look.share(n / top)), 1):g}"
            for x, n in zip(across, row.tolist(), strict=True)
        )
        dash = f' stroke-dasharray="{DASHES[i % 6]}"' if i % 6 else ""
        curve = f'class="rb-curve rb-c{i % 6}"{dash}'
        curves += f'<path {curve} d="M{"L".join(points)}"/>'
        keys += (
            '<span class="rb-key"><svg viewBox="0 0 32 8" aria-hidden="true">'
            f'<path class="rb-c{i % 6}"{dash} d="M0 4L32 4"/></svg> '
            f"<bdi>{escape(visible(name))}</bdi></span> "
        )
    marks, grid = _marks(look, across)
    kind = "rb-plot" if _grow(look.labels) else "rb-plot rb-named"
    return (
        f'<p class="rb-keys">{_words(look.ylabel, "span")}{keys}</p>\n'
        f'<div class="{kind}">{marks}<svg class="rb-box" aria-hidden="true" '
        f'viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none">'
        f'<path class="rb-grid" d="{grid}"/>{curves}</svg></div>\n'
        f'<div class="rb-under">{_words(look.xlabel, "p")}</div>\n'
    )


def positions(labels: list) -> list[float]:
    """Return where the points of a line stand, from 0 to SIDE.

    Labels that are numbers and grow stand where they belong, others evenly.
    """
    places = labels if _grow(labels) else range(len(labels))
    first, last = places[0], places[-1]
    span = (last - first) or 1
    return [round(SIDE * (x - first) / span, 1) for x in places]


def _grow(labels: list) -> bool:
    """Say whether labels are numbers, each larger than the one before."""
    if any(isinstance(label, str) for label in labels):
        return False
    return all(a < b for a, b in zip(labels, labels[1:], strict=False))


def _marks(look: Look, across: list[float]) -> tuple[str, str]:
    """The numbers at both sides of the square, and the lines across it."""
    marks, grid = "", ""
    for tick in ticks(*look.limits):
        at = 1 - look.share(tick)
        marks += f'<span class="rb-y" style="top:{at:.2%}">{tick:g}</span>'
        grid += f"M0 {SIDE * at:.1f}H{SIDE}"
    labels = look.labels
    if _grow(labels) and len(labels) > 6:
        first, last = labels[0], labels[-1]
        shown = [
            (f"{tick:g}", (tick - first) / (last - first))
            for tick in ticks(first, last)
        ]
    else:
        every = math.ceil(len(labels) / 6)
        shown = [
            (visible(str(labels[i])), across[i] / SIDE)
            for i in range(0, len(labels), every)
        ]
    room = f"max-width:min(5rem,{0.95 / len(shown):.0%})"
    for text, at in shown:
        style = f"left:{at:.2%};{room}"
        marks += f'<bdi class="rb-x" style="{style}">{escape(text)}</bdi>'
    return marks, grid


def plainly(look: Look, numbers: np.ndarray) -> str:
    """Say what is seen in numbers (lines, points), where no author does."""
    rows = look.rounded(numbers)
    if look.kind == "bars":
        names = [visible(str(label)) for label in look.labels]
        most, least = rows[0].argmax(), rows[0].argmin()
        return (
            f"{names[most]} is the largest with {look.shown(rows[0][most])}, "
            f"{names[least]} the smallest with {look.shown(rows[0][least])}."
        )
    ends = [
        f"{visible(name)} from {look.shown(row[0])} to {look.shown(row[-1])}"
        for name, row in zip(look.names, rows, strict=True)
    ]
    return f"From left to right: {', '.join(ends)}."


def as_table(look: Look, frames: Sequence[tuple[str, np.ndarray, str]]) -> str:
    """Show some settings as a table, and below it what is seen in each.

    Args:
        look: What all frames share.
        frames: For each setting its name, its rounded numbers (lines,
            points) and its sentence.
    """
    count = len(look.labels)
    every = 1 if look.kind == "bars" else math.ceil(count / ROWS)
    kept = range(0, count, every)
    columns = [
        f"{visible(line)}: {setting}" if line else setting
        for setting, _, _ in frames
        for line in look.names
    ]
    body = [
        [
            f'<td class="rb-cell">{escape(look.shown(line[point]))}</td>'
            for _, numbers, _ in frames
            for line in numbers.tolist()
        ]
        for point in kept
    ]
    rows = [visible(f"{look.labels[point]}") for point in kept]
    caption = look.ylabel
    if every > 1:
        note = f"{len(rows)} of {count} points"
        caption = f"{caption}: {note}" if caption else note
    said = "".join(
        f'<p class="rb-said"><b>{escape(setting)}</b> {escape(text)}</p>\n'
        for setting, _, text in frames
    )
    return table(caption, columns, rows, body) + said
