"""The layer of GPT beside that of GPT-2; see `drawings`."""

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
    strip,
)


def gpt2_block(ax: Axes | None = None) -> Axes:
    """Draw `gpt2.GPT2` beside `gpt.GPT`: where norms and memory stand."""
    ax = sheet(5.6, 6.95, ax)
    _ends(ax, _behind(ax, 0.88), 6.32, "the  bank  hunts", "bank  hunts  the")
    frame(ax, 0.03, 0.5, 2.08, 5.92, "GPT", "query", at=1.75)
    _ends(ax, _in_front(ax, 4.34), 6.32, "hunts", "the")
    frame(ax, 2.16, 0.5, 5.57, 5.92, "GPT2", "query", at=5.1)
    return ax


def _ends(ax: Axes, last: Box, y: float, read: str, told: str) -> None:
    """Draw what is read, and what is told about the next words."""
    x = last.x
    label(ax, x, 0.15, read)
    first = box(ax, x, 0.78, "embedding", "query", width=1.1, code=True)
    arrow(ax, (x, 0.28), first.bottom)
    out = box(ax, x, y, "to_logits", "query", width=1.0, code=True)
    arrow(ax, last.top, out.bottom, "query")
    arrow(ax, out.top, (x, 6.7), "query")
    label(ax, x, 6.82, told)


def _behind(ax: Axes, x: float) -> Box:
    """Draw the layer of GPT; return its last norm."""
    split, fork = (x, 1.52), 1.66
    look = _cell(ax, x, 2.19, "attention", "causal_mask", "key")
    arrow(ax, (x, 0.96), (x, fork), "query", head=False)
    for side, at, letter, part in (
        (-0.4, -0.54, "Q", "query"),
        (0.0, 0.13, "K", "key"),
        (0.4, 0.54, "V", "value"),
    ):
        end = x + side, look.bottom[1]
        label(ax, x + at, 1.82, letter, part, size=10)
        if side:
            route(ax, (x, fork), (end[0], fork), end, role=part)
        else:
            arrow(ax, (x, fork), end, part)
    norm = _norm(ax, _added(ax, split, look), 3.17)
    think = _cell(ax, x, 3.95, "feed_forward", "gelu", "query")
    arrow(ax, norm.top, think.bottom, "query")
    total = _added(ax, (x, norm.top[1] + 0.15), think)
    label(ax, x - 0.5, total.y, "× N", "query")
    frame(ax, 0.13, 1.38, 1.95, 5.24, "EncoderLayer", "query", at=1.47)
    return _norm(ax, total, 4.9)


def _in_front(ax: Axes, x: float) -> Box:
    """Draw the layer of GPT-2; return the norm behind all layers."""
    norm = box(ax, x, 1.84, "norm", "gold", width=0.8, code=True)
    arrow(ax, (x, 0.96), norm.bottom, "query")
    look = _cell(ax, x, 2.69, "attention", "causal_mask", "key")
    _past(ax, norm, look)
    total = _added(ax, (x, 1.52), look)
    norm = _norm(ax, total, 3.8)
    think = _cell(ax, x, 4.45, "feed_forward", "gelu", "query")
    arrow(ax, norm.top, think.bottom, "query")
    total = _added(ax, (x, total.top[1] + 0.13), think)
    label(ax, x - 0.5, total.y, "× N", "query")
    frame(ax, 2.25, 1.38, 5.47, 5.24, "EncoderLayer", "query", at=4.94)
    return _norm(ax, total, 5.61)


def _past(ax: Axes, norm: Box, look: Box) -> None:
    """Draw how new keys and values are kept behind those of the past."""
    x, fork, y = norm.x, norm.top[1] + 0.1, look.y + 0.14
    kept = box(ax, 2.85, y, "", "memory", width=0.9, height=0.9)
    label(ax, kept.x, y + 0.28, "past", "memory", code=True)
    label(ax, kept.x, y + 0.78, "kept for the\nnext words", "memory")
    arrow(ax, norm.top, look.bottom, "query")
    label(ax, x + 0.13, fork + 0.19, "Q", "query", size=10)
    for rise, turn, letter, role in (
        (0.02, 2.65, "K", "key"),
        (-0.28, 3.05, "V", "value"),
    ):
        end = turn, kept.bottom[1]
        route(ax, (x, fork), (turn, fork), end, role=role)
        label(ax, turn + 0.12, fork + 0.13, letter, role, size=10)
        cells = strip(ax, kept.x, y + rise, role, [0.15, 0.15, 0.8])
        arrow(ax, cells.right, (look.left[0], y + rise), role)


def _cell(
    ax: Axes, x: float, y: float, name: str, detail: str, role: str
) -> Box:
    """Draw a box with a name and, smaller, what is special about it."""
    cell = box(ax, x, y, role=role, width=1.38, height=0.5)
    label(ax, x, y + 0.1, name, code=True)
    label(ax, x, y - 0.13, detail, code=True, size=10)
    return cell


def _added(ax: Axes, split: Point, cell: Box) -> Box:
    """Draw the way around a sub-layer, and the sum above it."""
    lane = cell.x + 0.84
    total = operation(ax, cell.x, cell.top[1] + 0.27, "+")
    arrow(ax, cell.top, total.bottom, "query")
    turns = (lane, split[1]), (lane, total.y)
    route(ax, split, *turns, total.right, role="query")
    return total


def _norm(ax: Axes, below: Box, y: float) -> Box:
    """Draw a norm and what it reads."""
    norm = box(ax, below.x, y, "norm", "gold", width=0.8, code=True)
    arrow(ax, below.top, norm.bottom, "query")
    return norm
