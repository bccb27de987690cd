"""Drawings of the translators that look at the source; see `drawings`."""

from matplotlib.axes import Axes

from .sketch import (
    Box,
    arrow,
    box,
    frame,
    label,
    operation,
    route,
    sheet,
    words,
)


def bahdanau(ax: Axes | None = None) -> Axes:
    """Draw one word of `bahdanau.RNNsearch`: ask, weigh, mix, write."""
    ax = sheet(5.6, 6.3, ax)
    xs = [0.7, 1.55, 2.4, 3.25]
    notes = _annotations(ax, ["the", "black", "cat", "</s>"], xs)
    ask, mix = _look(ax, notes, "AdditiveAttention", "h", 3.5)
    before = box(ax, 4.65, 3.5, "$s_{i-1}$", "query")
    arrow(ax, before.left, ask.right, "query")
    label(ax, 4.65, 3.15, "$s_0$ from $h_1$", "query")
    _next_word(ax, before, mix)
    frame(ax, 0.15, 2.98, 5.5, 5.82, "AttentionDecoder", "query", at=4.65)
    return ax


def _annotations(ax: Axes, tokens: list[str], xs: list[float]) -> list[Box]:
    """Draw the encoder: each word feeds two rows, and both feed h_j."""
    source = words(ax, tokens, xs, 0.5)
    onward = [box(ax, x - 0.18, 1.06, "GRU", width=0.42) for x in xs]
    back = [box(ax, x + 0.18, 1.62, "GRU", width=0.42) for x in xs]
    notes = [
        box(ax, x, 2.24, f"$h_{i + 1}$", "memory") for i, x in enumerate(xs)
    ]
    for i in range(3):
        arrow(ax, onward[i].right, onward[i + 1].left)
        arrow(ax, back[i + 1].left, back[i].right)
    for i, x in enumerate(xs):
        for row, side in ((onward[i], x - 0.12), (back[i], x + 0.12)):
            arrow(ax, (side, source[i].top[1]), (side, row.bottom[1]))
            arrow(ax, (side, row.top[1]), (side, notes[i].bottom[1]))
    frame(ax, 0.15, 0.3, 3.8, 2.55, "BidirectionalEncoder", "memory")
    return notes


def _look(
    ax: Axes, notes: list[Box], name: str, symbol: str, y: float
) -> tuple[Box, Box]:
    """Draw attention: a share of each annotation goes into one sum."""
    middle = (notes[0].x + notes[-1].x) / 2
    ask = box(ax, middle, y, name, "key", width=3.3, code=True)
    mix = operation(ax, middle, y + 1.35, "+")
    for i, weight in enumerate([0.03, 0.87, 0.09, 0.01]):
        x = notes[i].x
        arrow(ax, notes[i].top, (x, ask.bottom[1]), "key")
        part = f".{100 * weight:02.0f} ${symbol}_{i + 1}$"
        cell = box(ax, x, y + 0.65, part, "value", width=0.66)
        arrow(ax, (x, ask.top[1]), cell.bottom)
        arrow(ax, cell.top, mix.rim(cell.top), "value")
    return ask, mix


def _next_word(ax: Axes, before: Box, mix: Box) -> None:
    """Draw how state, context and previous word give the next word."""
    x, split = before.x, 4.15
    after = box(ax, x, mix.y, "GRU", "query")
    out = box(ax, x, 5.52, "output", "query", width=1.3, code=True)
    arrow(ax, before.top, after.bottom, "query")
    arrow(ax, after.top, out.bottom, "query")
    label(ax, x + 0.07, 5.18, "$s_i$", "query", side="left")
    arrow(ax, mix.right, after.left, "value")
    arrow(ax, (split, mix.y), (split, out.bottom[1]), "value")
    label(ax, 3.2, mix.y + 0.17, "context $c_i$", "value")
    label(ax, x + 0.5, 4.15, "chat")
    arrow(ax, (x + 0.45, 4.28), (x + 0.2, after.bottom[1]))
    arrow(ax, (x + 0.5, 4.28), (x + 0.5, out.bottom[1]))
    arrow(ax, out.top, (x, 6.03), "query")
    label(ax, x, 6.16, "noir")


def luong(ax: Axes | None = None) -> Axes:
    """Draw one word of `luong.LuongTranslator`: write first, then ask."""
    ax = sheet(5.6, 6.7, ax)
    xs = [0.7, 1.55, 2.4, 3.25]
    source = words(ax, ["the", "black", "cat", "</s>"], xs, 0.5)
    cells = [box(ax, x, 1.06, "LSTM") for x in xs]
    notes = [
        box(ax, x, 1.68, rf"$\bar{{h}}_{i + 1}$", "memory")
        for i, x in enumerate(xs)
    ]
    for word, cell, note in zip(source, cells, notes, strict=True):
        arrow(ax, word.top, cell.bottom)
        arrow(ax, cell.top, note.bottom)
    for after, before in zip(cells, cells[1:], strict=False):
        arrow(ax, before.left, after.right)
    frame(ax, 0.15, 0.3, 3.8, 2.0, "StackedEncoder", "memory")
    ask, mix = _look(ax, notes, "LuongAttention", r"\bar{h}", 3.95)
    _attentional(ax, ask, mix)
    frame(ax, 0.15, 2.42, 5.5, 6.24, "LuongDecoder", "query", at=4.45)
    return ax


def _attentional(ax: Axes, ask: Box, mix: Box) -> None:
    """Draw how state and context make a vector that is said and fed."""
    x, side = 4.45, 5.33
    label(ax, x, 2.65, "chat")
    label(ax, 3.75, 3.2, "$h_{t-1}$", "query")
    label(ax, 3.75, 2.84, r"$h_0 = \bar{h}_1$", "query")
    cell = box(ax, x, 3.2, "LSTM", "query")
    state = box(ax, x, ask.y, "$h_t$", "query")
    name = "to_attentional"
    both = box(ax, x, mix.y, name, "query", width=1.42, code=True)
    out = box(ax, x, 5.95, "to_logits", "query", width=1.42, code=True)
    arrow(ax, (x, 2.78), cell.bottom)
    arrow(ax, (3.98, 3.2), cell.left, "query")
    arrow(ax, cell.top, state.bottom, "query")
    arrow(ax, state.left, ask.right, "query")
    arrow(ax, state.top, both.bottom, "query")
    arrow(ax, mix.right, both.left, "value")
    label(ax, 2.95, mix.y + 0.17, "context $c_t$", "value")
    arrow(ax, both.top, out.bottom, "query")
    label(ax, x + 0.07, 5.63, r"$\tilde{h}_t$", "query", side="left")
    turns = (side, mix.y), (side, cell.y)
    route(ax, both.right, *turns, cell.right, role="query", dashed=True)
    label(ax, 4.95, 4.67, "input\nfeeding", "query")
    arrow(ax, out.top, (x, 6.43), "query")
    label(ax, x, 6.56, "noir")


def gnmt(ax: Axes | None = None) -> Axes:
    """Draw one word of `gnmt.GNMT`: deep stacks that add to their input."""
    ax = sheet(5.6, 6.05, ax)
    notes = _deep_encoder(ax)
    middle, x, rail = 3.02, 4.5, 3.78
    label(ax, x, 0.5, "chat")
    bottom = box(ax, x, 1.15, "LSTM 1", "query", width=0.8)
    second = box(ax, x, 1.9, "LSTM 2", "query", width=0.8)
    arrow(ax, (x, 0.63), bottom.bottom)
    arrow(ax, bottom.top, second.bottom, "query")
    third, last, total = _residual(ax, second, "query", x + 0.72)
    out = box(ax, x, 5.15, "to_logits", "query", width=1.1, code=True)
    arrow(ax, total.top, out.bottom, "query")
    arrow(ax, out.top, (x, 5.78), "query")
    label(ax, x, 5.91, "noir")
    past = box(ax, middle, 1.15, "$y_{i-1}$", "query")
    ask = box(ax, middle, 1.9, "attention", "key", width=1.0, code=True)
    arrow(ax, past.right, bottom.left, "query")
    arrow(ax, past.top, ask.bottom, "query")
    turn, end = (2.8, notes.y), (2.8, ask.top[1])
    route(ax, notes.right, turn, end, role="key")
    arrow(ax, ask.right, second.left, "value")
    for cell in (third, last):
        turns = (rail, ask.y), (rail, cell.y)
        route(ax, ask.right, *turns, cell.left, role="value")
    label(ax, 3.3, 2.4, "context $a_i$", "value")
    frame(ax, 0.1, 0.3, 2.3, 5.46, "DeepEncoder", "memory")
    frame(ax, 2.42, 0.3, 5.5, 5.46, "DeepDecoder", "query")
    return ax


def _deep_encoder(ax: Axes) -> Box:
    """Draw the stack that reads, both ways in its bottom layer."""
    x = 1.2
    label(ax, x, 0.5, "the  black  cat  </s>")
    second = box(ax, x, 1.9, "LSTM 2 →", width=0.94)
    for side, name in ((0.68, "LSTM 1 →"), (1.72, "← LSTM 1")):
        cell = box(ax, side, 1.15, name, width=0.94)
        arrow(ax, (side, 0.63), cell.bottom)
        arrow(ax, cell.top, ((x + side) / 2, second.bottom[1]))
    _, _, total = _residual(ax, second, "before", x - 0.78, " →")
    text = r"$x_1 \quad x_2 \quad x_3 \quad x_4$"
    notes = box(ax, x, 5.15, text, "memory", width=1.8)
    arrow(ax, total.top, notes.bottom)
    return notes


def _residual(
    ax: Axes, second: Box, role: str, lane: float, way: str = ""
) -> tuple[Box, Box, Box]:
    """Draw two layers, a way around each, and the circles that add both."""
    x, ink = second.x, None if role == "before" else role
    cells, totals = [], []
    for number, y, start in ((3, 2.65, second.top[1]), (8, 4.15, 3.63)):
        name = f"LSTM {number}{way}"
        cell = box(ax, x, y, name, role, width=second.width)
        total = operation(ax, x, y + 0.5, "+")
        arrow(ax, (x, start), cell.bottom, ink)
        arrow(ax, cell.top, total.bottom, ink)
        split = (x, cell.bottom[1] - 0.17)
        end = total.left if lane < x else total.right
        turns = (lane, split[1]), (lane, total.y)
        route(ax, split, *turns, end, role=ink)
        cells.append(cell)
        totals.append(total)
    arrow(ax, totals[0].top, (x, 3.43), ink, head=False)
    label(ax, x, 3.53, "⋮", ink, size=14)
    return *cells, totals[1]
