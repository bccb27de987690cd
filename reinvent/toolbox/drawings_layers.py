"""Drawings of the models that are stacks of layers; see `drawings`."""

from matplotlib.axes import Axes

from .sketch import Box, arrow, box, frame, label, operation, route, sheet


def conv_encoder(ax: Axes | None = None) -> Axes:
    """Draw one word of `conv_encoder.ConvEncoderTranslator`."""
    ax = sheet(5.6, 8.2, ax)
    source = ["the", "black", "cat", "sees", "a", "bird", "</s>"]
    bar = box(ax, 2.8, 1.4, width=5.2)
    label(ax, 0.4, 1.4, "PositionedEmbedding", code=True, side="left")
    label(ax, 5.2, 1.4, "$e_j = w_j + l_j$", side="right")
    for i, word in enumerate(source):
        x = 0.55 + 0.75 * i
        label(ax, x, 0.77, word)
        label(ax, x, 0.5, str(i + 1), "before")
        arrow(ax, (x, 0.9), (x, bar.bottom[1]))
    for y in (2.58, 3.14):
        label(ax, 2.8, y, "ConvBlock", code=True)
    label(ax, 2.8, 3.7, "ConvBlock", "key", code=True)
    keys = _windows(ax, 1.25, 3, "key", "z")
    values = _windows(ax, 4.35, 2, "value", "v")
    ask = box(ax, keys.x, 4.9, "attend", "key", width=2.14, code=True)
    text = r"$c_i = \Sigma_j \, a_{ij} v_j$"
    mix = box(ax, values.x, 4.9, text, "value", width=2.14)
    for stack, end, role, name, paper in (
        (keys, ask, "key", "to_keys", "CNN-a"),
        (values, mix, "value", "to_values", "CNN-c"),
    ):
        arrow(ax, stack.top, end.bottom, role)
        label(ax, stack.x - 0.09, 4.17, name, role, code=True, side="right")
        label(ax, stack.x + 0.09, 4.17, paper, role, side="left")
    arrow(ax, ask.right, mix.left)
    label(ax, 2.8, 5.08, "$a_{ij}$")
    _conditional(ax, ask, mix)
    frame(ax, 0.08, 0.3, 5.52, 4.36, "ConvolutionalEncoder", "memory")
    return ax


def _windows(
    ax: Axes, middle: float, blocks: int, role: str, symbol: str
) -> Box:
    """Draw a stack of blocks, and in colour all that its fourth word sees."""
    xs = [middle + 0.3 * (i - 3) for i in range(7)]
    for level in range(blocks + 1):
        y, reach = 2.02 + 0.56 * level, blocks - level
        name = {0: "e", blocks: symbol}.get(level)
        for i, x in enumerate(xs):
            text = f"${name}_{i + 1}$" if name else ""
            seen = abs(i - 3) <= reach
            color = role if seen or level == blocks else "muted"
            cell = box(ax, x, y, text, color, width=0.26, height=0.26)
            if level == 0:
                arrow(ax, (x, 1.58), cell.bottom)
            elif seen:
                for below in xs[i - 1 : i + 2]:
                    start = (below, y - 0.56 + 0.13)
                    arrow(ax, start, cell.bottom, role, head=False)
    return box(ax, middle, y, role=role, width=2.14)


def _conditional(ax: Axes, ask: Box, mix: Box) -> None:
    """Draw how the last state and word ask, before the LSTM moves on."""
    x, split = mix.x, mix.x - 0.28
    total = operation(ax, ask.x, 5.6, "+")
    query = box(ax, ask.x, 6.15, "to_query", "query", width=1.1, code=True)
    state = box(ax, ask.x, 6.75, "$h_i$", "query")
    word = box(ax, 2.8, 5.6, "$g_i$", "query")
    cell = box(ax, x, 6.75, "LSTM", "query", width=0.9)
    out = box(ax, x, 7.35, "to_logits", "query", width=1.1, code=True)
    label(ax, 2.8, 6.22, "chat")
    arrow(ax, (2.8, 6.09), word.top)
    arrow(ax, state.bottom, query.top, "query")
    arrow(ax, query.bottom, total.top, "query")
    arrow(ax, word.left, total.right, "query")
    arrow(ax, total.bottom, ask.top, "query")
    label(ax, ask.x + 0.07, 5.29, "$d_i$", "query", side="left")
    arrow(ax, state.right, cell.left, "query")
    turn, end = (split, word.y), (split, cell.bottom[1])
    route(ax, word.right, turn, end, role="query")
    arrow(ax, (x + 0.28, mix.top[1]), (x + 0.28, end[1]), "value")
    label(ax, x + 0.35, 5.85, "context", "value", side="left")
    arrow(ax, cell.top, out.bottom, "query")
    label(ax, x + 0.07, 7.05, "$h_{i+1}$", "query", side="left")
    arrow(ax, out.top, (x, 7.92), "query")
    label(ax, x, 8.05, "noir")
    frame(ax, 0.08, 4.62, 5.52, 7.7, "ConditionalDecoder", "query")


def glu_block(ax: Axes | None = None) -> Axes:
    """Draw two blocks of `glu_lm.GatedConvLM`, at work on the last word."""
    ax = sheet(5.6, 7.75, ax)
    xs = [0.42 + 0.6 * i for i in range(8)]
    read = ["<s>", "the", "black", "cat", "sees"]
    for x, word in zip(xs[3:], read, strict=True):
        label(ax, x, 0.15, word)
        arrow(ax, (x, 0.28), (x, 0.5))
    last = _past(ax, xs, 0.69, "x", 7)
    for number, seen in ((1, 4), (2, 1)):
        total = _gated_unit(ax, xs, last)
        last = _past(ax, xs, last.y + 2.85, f"h^{number}", seen)
        arrow(ax, total.top, last.bottom, "query")
    x = last.x
    out = box(ax, x, 6.98, "to_logits", "query", width=1.1, code=True)
    arrow(ax, last.top, out.bottom, "query")
    arrow(ax, out.top, (x, 7.45), "query")
    label(ax, x, 7.6, "a")
    return ax


def _past(ax: Axes, xs: list[float], y: float, symbol: str, seen: int) -> Box:
    """Draw zeros and a vector per word; the last `seen` are in colour."""
    for i, x in enumerate(xs):
        if i < 3 and seen == 1:
            continue
        role = "query" if i >= len(xs) - seen else "muted"
        text = f"${symbol}_{i - 2}$" if i > 2 else "0"
        cell = box(ax, x, y, text, role, width=0.44)
    return cell


def _gated_unit(ax: Axes, xs: list[float], last: Box) -> Box:
    """Draw equation 1 for the last word; return the circle that adds."""
    x, y, lane = last.x, last.y, last.x + 0.62
    middle = (xs[4] + xs[7]) / 2
    window = box(
        ax, middle, y + 0.7, "convolution", "query", width=2.3, code=True
    )
    for at in xs[4:]:
        arrow(ax, (at, last.top[1]), (at, window.bottom[1]), "query")
    value = box(ax, xs[4] + 0.1, y + 1.25, "A", "value")
    gate = box(ax, xs[6], y + 1.25, "B")
    curve = operation(ax, gate.x, y + 1.72, "σ")
    product = operation(ax, gate.x, y + 2.2, "×")
    total = operation(ax, x, y + 2.2, "+")
    for half, role in ((value, "value"), (gate, None)):
        arrow(ax, (half.x, window.top[1]), half.bottom, role)
    turn = value.x, product.y
    route(ax, value.top, turn, product.left, role="value")
    arrow(ax, gate.top, curve.bottom)
    arrow(ax, curve.top, product.bottom)
    arrow(ax, product.right, total.left, "value")
    turns = (lane, y), (lane, total.y)
    route(ax, last.right, *turns, total.right, role="query")
    for at in xs[:4]:
        end = (xs[3], y + 2.64)
        arrow(ax, (at, last.top[1]), end, "muted", head=at == xs[3])
    label(ax, 0.22, y + 2.22, "GatedBlock", "query", code=True, side="left")
    label(ax, 0.22, y + 1.92, r"$x + A \cdot \sigma(B)$", side="left")
    label(ax, 3.47, y + 1.72, "glu", code=True)
    frame(ax, 0.08, y + 0.42, 5.5, y + 2.45, "")
    return total


def convs2s(ax: Axes | None = None) -> Axes:
    """Draw one word and one layer of `convs2s.ConvS2S`, which looks back."""
    ax = sheet(5.6, 8.5, ax)
    keys, values = _gated_encoder(ax)
    word, lower = _gated_layer(ax)
    total = _multi_step(ax, word, lower, keys, values)
    x = total.x
    arrow(ax, total.top, (x, 7.05), "query", head=False)
    label(ax, x, 7.15, "⋮", "query", size=14)
    label(ax, x - 0.15, 7.15, "every layer looks", "query", side="right")
    last = box(ax, x, 7.6, "to_embedding", "query", width=1.3, code=True)
    out = box(ax, x - 1.5, 7.6, "to_logits", "query", width=1.1, code=True)
    arrow(ax, (x, 7.2), last.bottom, "query")
    arrow(ax, last.left, out.right, "query")
    arrow(ax, out.top, (out.x, 8.2), "query")
    label(ax, out.x, 8.35, "noir")
    frame(ax, 2.2, 0.3, 5.52, 7.93, "ConvDecoder", "query")
    operation(ax, 0.3, 7.6, "+")
    label(ax, 0.55, 7.6, r"sum $\times \, \sqrt{.5}$", side="left")
    return ax


def _gated_encoder(ax: Axes) -> tuple[Box, Box]:
    """Draw what reads: keys that saw neighbours, values with the words."""
    x, lane = 1.1, 0.2
    label(ax, x, 0.5, "the  black  cat  </s>")
    word = _vectors(ax, x, 1.05, "e", "before")
    enter = box(ax, x, 1.6, "from_embedding", width=1.45, code=True)
    first = box(ax, x, 2.45, "GatedBlock", width=1.3, code=True)
    last = box(ax, x, 3.6, "GatedBlock", width=1.3, code=True)
    leave = box(ax, x, 4.3, "to_embedding", width=1.3, code=True)
    keys = _vectors(ax, x, 5.05, "z", "key")
    total = operation(ax, x, 5.62, "+")
    values = _vectors(ax, x, 6.1, "v", "value")
    arrow(ax, (x, 0.63), word.bottom)
    arrow(ax, word.top, enter.bottom)
    arrow(ax, first.top, (x, 2.8), head=False)
    label(ax, x, 2.9, "⋮", size=14)
    for low, high in ((enter.top[1], first), (3.03, last)):
        for side in (-0.3, 0.0, 0.3):
            arrow(ax, (x + side, low), high.bottom)
    arrow(ax, last.top, leave.bottom)
    arrow(ax, leave.top, keys.bottom)
    arrow(ax, keys.top, total.bottom)
    arrow(ax, total.top, values.bottom)
    route(ax, word.left, (lane, word.y), (lane, total.y), total.left)
    frame(ax, 0.08, 0.3, 2.04, 5.33, "ConvEncoder", "memory")
    return keys, values


def _vectors(ax: Axes, x: float, y: float, symbol: str, role: str) -> Box:
    """Draw one vector for each word of the source."""
    text = r" \quad ".join(f"{symbol}_{i}" for i in range(1, 5))
    return box(ax, x, y, f"${text}$", role, width=1.6)


def _gated_layer(ax: Axes) -> tuple[Box, Box]:
    """Draw a convolution that sees no later word, its gate, and its sum."""
    xs, lane = [3.3, 4.0, 4.7], 5.25
    word = box(ax, 4.0, 1.05, width=2.1)
    enter = box(ax, 4.0, 1.6, "from_embedding", width=2.1, code=True)
    window = box(ax, 4.0, 2.75, "convolution", "query", width=2.1, code=True)
    for x, token, i in zip(
        xs, ["<s>", "le", "chat"], ["i-2", "i-1", "i"], strict=True
    ):
        label(ax, x, 0.5, token)
        label(ax, x, word.y, f"$g_{{{i}}}$")
        below = box(ax, x, 2.15, f"$h_{{{i}}}$", "query")
        arrow(ax, (x, 0.63), (x, word.bottom[1]))
        arrow(ax, (x, word.top[1]), (x, enter.bottom[1]))
        arrow(ax, (x, enter.top[1]), below.bottom)
        arrow(ax, below.top, (x, window.bottom[1]), "query")
    gate = box(ax, x, 3.25, "glu", "query", code=True)
    total = operation(ax, x, 3.7, "+")
    arrow(ax, (x, window.top[1]), gate.bottom, "query")
    arrow(ax, gate.top, total.bottom, "query")
    turns = (lane, below.y), (lane, total.y)
    route(ax, below.right, *turns, total.right, role="query")
    label(ax, 3.5, 3.45, "GatedBlock", "query", code=True)
    frame(ax, 2.5, 2.47, 5.4, 3.93, "")
    return word, total


def _multi_step(
    ax: Axes, word: Box, lower: Box, keys: Box, values: Box
) -> Box:
    """Draw the attention of one layer; return the circle that adds it."""
    x, middle, y, lane = lower.x, 3.25, 4.5, 2.35
    asked = operation(ax, middle, y, "+")
    query = box(ax, 4.05, y, "to_query", "query", width=0.9, code=True)
    ask = box(ax, middle, keys.y, "attend", "key", width=1.3, code=True)
    text = r"$c_i = \Sigma_j \, a_{ij} v_j$"
    mix = box(ax, middle, values.y, text, "value", width=1.3)
    back = box(ax, middle, 6.65, "to_hidden", "value", width=1.1, code=True)
    total = operation(ax, x, back.y, "+")
    arrow(ax, lower.top, total.bottom, "query")
    arrow(ax, (x, y), query.right, "query")
    arrow(ax, query.left, asked.right, "query")
    turns = (lane, word.y), (lane, y)
    route(ax, word.left, *turns, asked.left, role="query")
    label(ax, 2.82, y + 0.15, "$g_i$", "query")
    arrow(ax, asked.top, ask.bottom, "query")
    label(ax, middle + 0.07, 4.75, "$d_i$", "query", side="left")
    arrow(ax, keys.right, ask.left, "key")
    arrow(ax, ask.top, mix.bottom)
    label(ax, middle + 0.07, (ask.y + mix.y) / 2, "$a_{ij}$", side="left")
    arrow(ax, values.right, mix.left, "value")
    arrow(ax, mix.top, back.bottom, "value")
    arrow(ax, back.right, total.left, "value")
    frame(ax, 2.5, 4.23, 5.4, 6.9, "MultiStepAttention", "query", at=3.6)
    return total
