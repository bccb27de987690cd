"""Drawings of the Transformer and of its attention; see `drawings`."""

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


def transformer(ax: Axes | None = None) -> Axes:
    """Draw `transformer.Transformer` with its norms as in the paper."""
    ax = sheet(5.6, 8.85, ax)
    read, write = _embedded(ax, 0.9, 4.0)
    looked = _self_attention(ax, read, "padding_mask", 1.75)
    last = _feed_forward(ax, looked, 4.55, 1.75)
    memory = box(ax, last.x, 6.25, "memory", "memory", width=1.1, code=True)
    arrow(ax, last.top, memory.bottom, "memory")
    label(ax, 2.1, 3.9, "× N")
    frame(ax, 0.08, 2.12, 2.42, 5.82, "EncoderLayer", "memory", at=1.65)
    looked = _self_attention(ax, write, "causal_mask", 5.0, "query")
    crossed = _cross_attention(ax, looked, memory, 5.0)
    last = _feed_forward(ax, crossed, 6.35, 5.0, "query")
    label(ax, 5.26, 3.9, "× N", "query")
    frame(ax, 2.95, 2.12, 5.52, 7.6, "DecoderLayer", "query", at=4.75)
    x = last.x
    out = box(ax, x, 8.02, "to_logits", "query", width=1.1, code=True)
    arrow(ax, last.top, out.bottom, "query")
    arrow(ax, out.top, (x, 8.55), "query")
    label(ax, x, 8.7, "le  chat  noir  </s>")
    return ax


def _embedded(ax: Axes, read: float, write: float) -> tuple[Box, Box]:
    """Draw words that learn their places, on both sides."""
    middle = (read + write) / 2
    places = box(ax, middle, 1.5, "position_code", width=1.36, code=True)
    sums = []
    for x, name, words, role in (
        (read, "source", "the  black  cat  </s>", None),
        (write, "target", "<s>  le  chat  noir", "query"),
    ):
        label(ax, x, 0.15, words)
        table = box(ax, x, 0.75, name, role or "before", width=1.1, code=True)
        total = operation(ax, x, places.y, "+")
        arrow(ax, (x, 0.28), table.bottom)
        arrow(ax, table.top, total.bottom, role)
        side = x + 0.1, 1.13
        label(ax, *side, r"$\times \sqrt{d_{model}}$", role, side="left")
        sums.append(total)
    arrow(ax, places.left, sums[0].right)
    arrow(ax, places.right, sums[1].left)
    return sums[0], sums[1]


def _self_attention(
    ax: Axes, start: Box, mask: str, lane: float, role: str | None = None
) -> Box:
    """Draw words that ask one another; return the norm."""
    x, split = start.x, (start.x, 2.24)
    cell = _attention(ax, x, 2.85, "attention", mask)
    arrow(ax, start.top, (x, 2.4), role, head=False)
    for side, at, letter, part in (
        (-0.4, -0.54, "Q", "query"),
        (0.0, 0.13, "K", "key"),
        (0.4, 0.54, "V", "value"),
    ):
        end = x + side, cell.bottom[1]
        label(ax, x + at, 2.5, letter, part, size=10)
        if side:
            route(ax, (x, 2.38), (end[0], 2.38), end, role=part)
        else:
            arrow(ax, (x, 2.38), end, part)
    return _residual(ax, split, cell, lane, role)


def _cross_attention(ax: Axes, start: Box, memory: Box, lane: float) -> Box:
    """Draw the target asking the source; return the norm."""
    x, split = start.x, (start.x, start.top[1] + 0.15)
    cell = _attention(ax, x, 4.72, "cross_attention", "padding_mask")
    arrow(ax, start.top, cell.bottom, "query")
    label(ax, x + 0.13, cell.bottom[1] - 0.12, "Q", "query", size=10)
    left, y = cell.left
    label(ax, 2.1, memory.y + 0.2, "K", "key", size=10)
    label(ax, 2.1, memory.y - 0.2, "V", "value", size=10)
    for rise, turn, role in ((0.07, 2.8, "key"), (-0.07, 2.62, "value")):
        begin = memory.right[0], memory.y + rise
        end = left, y + rise
        corners = (turn, begin[1]), (turn, end[1])
        route(ax, begin, *corners, end, role=role)
    return _residual(ax, split, cell, lane, "query")


def _attention(ax: Axes, x: float, y: float, name: str, mask: str) -> Box:
    """Draw a box with the name of an attention and that of its mask."""
    cell = box(ax, x, y, role="key", width=1.46, height=0.5)
    label(ax, x, y + 0.1, name, code=True)
    label(ax, x, y - 0.13, mask, code=True, size=10)
    return cell


def _feed_forward(
    ax: Axes, start: Box, y: float, lane: float, role: str | None = None
) -> Box:
    """Draw the network of each position; return the norm."""
    split = start.x, start.top[1] + 0.15
    kind = role or "before"
    cell = box(ax, start.x, y, "feed_forward", kind, width=1.3, code=True)
    arrow(ax, start.top, cell.bottom, role)
    return _residual(ax, split, cell, lane, role)


def _residual(
    ax: Axes, split: Point, cell: Box, lane: float, role: str | None
) -> Box:
    """Draw the way around a sub-layer, the sum and the norm above it."""
    x, kind = cell.x, role or "before"
    total = operation(ax, x, cell.top[1] + 0.27, "+")
    norm = box(ax, x, total.y + 0.46, "norm", kind, width=0.8, code=True)
    arrow(ax, cell.top, total.bottom, role)
    arrow(ax, total.top, norm.bottom, role)
    corners = (lane, split[1]), (lane, total.y)
    route(ax, split, *corners, total.right, role=role)
    return norm


def multi_head_attention(ax: Axes | None = None) -> Axes:
    """Draw `transformer.MultiHeadAttention`, its first head in detail."""
    ax = sheet(5.6, 6.65, ax)
    parts = []
    for x, name, role in (
        (0.95, "to_query", "query"),
        (2.8, "to_key", "key"),
        (4.65, "to_value", "value"),
    ):
        part = box(ax, x, 1.05, name, role, width=1.1, code=True)
        numbers = strip(ax, x, 1.65, role, [0.9, 0.5] + 6 * [0.1])
        arrow(ax, part.top, numbers.bottom, role)
        parts.append(part)
    label(ax, 0.95, 0.15, "query", "query", code=True)
    label(ax, 3.725, 0.15, "memory", "memory", code=True)
    arrow(ax, (0.95, 0.28), parts[0].bottom, "query")
    arrow(ax, (3.725, 0.28), (3.725, 0.62), "memory", head=False)
    for part in parts[1:]:
        turn = part.x, 0.62
        route(ax, (3.725, 0.62), turn, part.bottom, role="memory")
    heads = _head(ax)
    joined = strip(ax, 4.65, 5.0, "value", 4 * [0.9, 0.5])
    out = box(ax, 4.65, 5.55, "to_output", "value", width=1.2, code=True)
    for at, top in heads:
        arrow(ax, (at, top), (at, joined.bottom[1]), "value")
    arrow(ax, joined.top, out.bottom, "value")
    arrow(ax, out.top, (4.65, 6.35), "value")
    label(ax, 4.65, 6.5, "context", "value", code=True)
    frame(ax, 0.04, 0.46, 5.56, 5.88, "MultiHeadAttention", "key", at=2.3)
    return ax


def _head(ax: Axes) -> list[Point]:
    """Draw equation 1 on one card, with three more behind it.

    Returns:
        Where each head gives its context.
    """
    asked, found, given, middle = 0.35, 2.2, 4.05, 1.275
    scores = box(ax, middle, 2.7, r"$Q K^T / \sqrt{d_k}$", "key", width=2.1)
    weights = box(ax, middle, 3.5, "softmax", "key", width=1.1, code=True)
    mix = box(ax, given, 3.5, "× V", "value", width=0.8)
    for x, end, letter, role in (
        (asked, scores, "Q", "query"),
        (found, scores, "K", "key"),
        (given, mix, "V", "value"),
    ):
        arrow(ax, (x, 1.75), (x, end.bottom[1]), role)
        label(ax, x + 0.08, 2.3, letter, role, side="left")
    arrow(ax, scores.top, weights.bottom, "key")
    label(ax, middle + 0.08, 3.1, "mask", code=True, side="left")
    arrow(ax, weights.right, mix.left)
    label(ax, 2.74, 3.67, "weights", code=True)
    label(ax, 0.26, 4.05, "attend", "key", code=True, side="left")
    label(ax, 0.26, 4.85, "× num_heads", "key", code=True, side="left")
    return [(given, mix.top[1]), *_cards(ax, 0.14, 2.02, 5.02, 4.28)]


def _cards(
    ax: Axes, left: float, bottom: float, right: float, top: float
) -> list[Point]:
    """Draw a card and what is seen of three behind; return their tops."""
    step, tops = 0.12, []
    for i in range(4):
        low, high = bottom + step * i, top + step * i
        one, other = left + step * i, right + step * i
        near = (one, high - step if i else low)
        far = (other - step if i else one, low)
        corners = [near, (one, high), (other, high), (other, low), far]
        for start, end in zip(corners, corners[1:], strict=False):
            _edge(ax, start, end)
        tops.append((4.05 + 0.4 * i, high))
    return tops[1:]


def _edge(ax: Axes, start: Point, end: Point) -> None:
    """Draw a line that reaches both corners, where an arrow stops short."""
    (x0, y0), (x1, y1) = start, end
    share = 0.02 / (abs(x1 - x0) + abs(y1 - y0))
    wide, tall = share * (x1 - x0), share * (y1 - y0)
    start, end = (x0 - wide, y0 - tall), (x1 + wide, y1 + tall)
    arrow(ax, start, end, "before", head=False)
