"""The drawing of GPT and of what its tasks read; see `drawings`."""

from matplotlib.axes import Axes

from .sketch import (
    Box,
    Point,
    arrow,
    box,
    frame,
    label,
    operation,
    route,
    sheet,
)
from .style import inches


def gpt(ax: Axes | None = None) -> Axes:
    """Draw `gpt.GPT`, its two ends, and the inputs of four tasks."""
    ax = sheet(5.6, 7.9, ax)
    norm = _layer(ax, _places(ax))
    frame(ax, 0.03, 0.52, 2.19, 6.24, "GPT", "query", at=1.8)
    _ends(ax, norm)
    _one_input(ax, 5.82, "classification", "Text")
    _one_input(ax, 4.58, "entailment", "Premise", "Hypothesis")
    _both_orders(ax)
    frame(ax, 2.28, 2.62, 5.56, 6.77, "GPTClassifier", "value")
    _answers(ax)
    frame(ax, 2.28, 0.46, 5.56, 2.26, "GPTChooser", "value")
    return ax


def _places(ax: Axes) -> Box:
    """Draw words that learn their places; return their sum."""
    x = 1.04
    label(ax, 1.24, 0.15, "Start  the  bank  hunts  Extract")
    word = box(ax, x, 0.75, "words", "query", width=0.75, code=True)
    total = operation(ax, x, 1.4, "+")
    place = box(ax, 1.76, 1.4, "places", "query", width=0.7, code=True)
    arrow(ax, (x, 0.28), word.bottom)
    arrow(ax, word.top, total.bottom, "query")
    arrow(ax, place.left, total.right, "query")
    return total


def _layer(ax: Axes, start: Box) -> Box:
    """Draw a decoder that has no source; return its last norm."""
    x, split, fork = start.x, (start.x, 2.39), (start.x, 2.53)
    look = _detailed(ax, x, 3.0, "attention", "causal_mask", "key")
    arrow(ax, start.top, (x, 2.55), "query", head=False)
    for side, at, letter, part in (
        (-0.4, -0.54, "Q", "query"),
        (0.0, 0.13, "K", "key"),
        (0.4, 0.54, "V", "value"),
    ):
        end = x + side, look.bottom[1]
        label(ax, x + at, 2.65, letter, part, size=10)
        if side:
            route(ax, fork, (end[0], fork[1]), end, role=part)
        else:
            arrow(ax, fork, end, part)
    norm = _summed(ax, split, look)
    think = _detailed(ax, x, 4.77, "feed_forward", "gelu", "query")
    arrow(ax, norm.top, think.bottom, "query")
    label(ax, 0.42, norm.y, "× N", "query")
    frame(ax, 0.2, 2.27, 2.03, 6.1, "EncoderLayer", "query", at=1.61)
    return _summed(ax, (x, norm.top[1] + 0.15), think)


def _detailed(
    ax: Axes, x: float, y: float, name: str, detail: str, role: str
) -> Box:
    """Draw a box with a name and, smaller, what is special about it."""
    cell = box(ax, x, y, role=role, width=1.46, height=0.5)
    label(ax, x, y + 0.1, name, code=True)
    label(ax, x, y - 0.13, detail, code=True, size=10)
    return cell


def _summed(ax: Axes, split: Point, cell: Box) -> Box:
    """Draw the way around a sub-layer, the sum and the norm above it."""
    x, lane = cell.x, 1.91
    total = operation(ax, x, cell.top[1] + 0.27, "+")
    norm = box(ax, x, total.y + 0.46, "norm", "query", width=0.8, code=True)
    arrow(ax, cell.top, total.bottom, "query")
    arrow(ax, total.top, norm.bottom, "query")
    corners = (lane, split[1]), (lane, total.y)
    route(ax, split, *corners, total.right, role="query")
    return norm


def _ends(ax: Axes, norm: Box) -> None:
    """Draw what tells the next words and what tells a label."""
    x, fork, y = norm.x, 6.6, 7.15
    said = box(ax, 0.72, y, "to_logits", "query", width=0.94, code=True)
    told = _head(ax, 1.79, y)
    for end, role, text in (
        (told, "value", "a label"),
        (said, "query", "the  bank  hunts"),
    ):
        turn = end.x, fork
        route(ax, norm.top, (x, fork), turn, end.bottom, role=role)
        arrow(ax, end.top, (end.x, 7.63), role)
        label(ax, end.x, 7.77, text)
    label(ax, 1.15, 6.4, "at Extract", "value", side="left")
    begin, lane = (x - 0.375, 0.75), 0.11
    corners = (lane, begin[1]), (lane, y)
    route(ax, begin, *corners, said.left, role="query", dashed=True)
    label(ax, 0.38, 0.92, "tied", "query")


def _head(ax: Axes, x: float, y: float) -> Box:
    """Draw the layer that a task adds."""
    return box(ax, x, y, "to_classes", "value", width=1.02, code=True)


def _input(ax: Axes, y: float, name: str, *texts: str) -> Box:
    """Draw texts between their marks; return the extract token."""
    parts = ["Start", *texts[:1]]
    for text in texts[1:]:
        parts += ["Delim", text]
    parts.append("Extract")
    widths = [inches([part]) * 10 / 11 + 0.08 for part in parts]
    left = 5.3 - sum(widths)
    label(ax, 2.4, y + 0.36, name, code=True, side="left")
    for part, width in zip(parts, widths, strict=True):
        role = "before" if part in texts else "gold"
        role = "value" if part == "Extract" else role
        x = left + width / 2
        last = box(ax, x, y, role=role, width=width, height=0.34)
        label(ax, x, y, part, size=10)
        left += width
    return last


def _one_input(ax: Axes, y: float, name: str, *texts: str) -> None:
    """Draw one input and what reads it."""
    last = _input(ax, y, name, *texts)
    head = _head(ax, 4.97, y + 0.64)
    _read(ax, last, head.bottom[1])


def _read(ax: Axes, last: Box, end: float) -> None:
    """Draw how the extract token goes through the model."""
    x, y = last.top
    arrow(ax, last.top, (x, end), "value")
    label(ax, x - 0.08, (y + end) / 2, "GPT", "query", code=True, side="right")


def _both_orders(ax: Axes) -> None:
    """Draw two inputs whose vectors are added."""
    low = _input(ax, 2.92, "", "Text 2", "Text 1")
    high = _input(ax, 3.34, "similarity", "Text 1", "Text 2")
    total = operation(ax, high.x, 3.98, "+")
    head = _head(ax, 4.1, total.y)
    _read(ax, high, total.bottom[1])
    turns = (5.42, low.y), (5.42, total.y)
    route(ax, low.right, *turns, total.right, role="value")
    arrow(ax, total.left, head.right, "value")


def _answers(ax: Axes) -> None:
    """Draw an input for each answer, each with a score."""
    low = _input(ax, 0.74, "", "Context", "Answer 2")
    high = _input(ax, 1.16, "multiple_choice", "Context", "Answer 1")
    head = _head(ax, 4.97, 1.95)
    _read(ax, high, head.bottom[1])
    turn = 5.4, low.y
    route(ax, low.right, turn, (5.4, head.bottom[1]), role="value")
    share = box(ax, 3.75, head.y, "softmax", "value", width=0.8)
    for rise in (-0.08, 0.08):
        start, end = head.left[0], share.right[0]
        arrow(ax, (start, head.y + rise), (end, head.y + rise), "value")
