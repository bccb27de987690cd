"""The models of the book, drawn by one hand with the names of our code.

Each function draws one model. Purple is what a model remembers, blue by what
it is found, orange what asks, green what is handed over; grey boxes are
steps without such a role.
"""

from matplotlib.axes import Axes

from .sketch import (
    Box,
    arrow,
    box,
    frame,
    label,
    operation,
    sheet,
    strip,
    words,
)


def encoder_decoder(ax: Axes | None = None) -> Axes:
    """Draw `seq2seq.EncoderDecoder`: all crosses over in one state."""
    ax = sheet(5.6, 2.2, ax)
    read = [0.45, 1.13, 1.81]
    write = [3.15, 3.83, 4.51, 5.19]
    source = words(ax, ["the", "black", "cat"], read, 0.5)
    given = words(ax, ["<s>", "le", "chat", "noir"], write, 0.5)
    made = words(ax, ["le", "chat", "noir", "</s>"], write, 2.05)
    readers = [box(ax, x, 1.15, "LSTM", "memory") for x in read]
    state = box(ax, 2.48, 1.15, "$h, c$", "value", width=0.5, height=0.6)
    label(ax, 2.48, 1.6, "State", "value", code=True)
    writers = [box(ax, x, 1.15, "LSTM", "query") for x in write]
    chain = [*readers, state, *writers]
    for one, other in zip(chain, chain[1:], strict=False):
        arrow(ax, one.right, other.left)
    inputs = [*source, *given]
    for word, cell in zip(inputs, [*readers, *writers], strict=True):
        arrow(ax, word.top, cell.bottom)
    for cell, word in zip(writers, made, strict=True):
        arrow(ax, cell.top, word.bottom)
    frame(ax, 0.08, 0.3, 2.17, 1.5, "Encoder", "memory")
    frame(ax, 2.79, 0.3, 5.56, 1.5, "Decoder", "query")
    return ax


def lstm_cell(ax: Axes | None = None) -> Axes:
    """Draw one step of `seq2seq.LSTMCell`: a cell that gates guard."""
    ax = sheet(5.6, 3.4, ax)
    lane, inner = 3.2, 2.35
    keep, write, new, read = (
        box(ax, 0.95 + 1.12 * i, 1.45, name, width=1.02, code=True)
        for i, name in enumerate(["keep", "write", "candidate", "read"])
    )
    inputs = box(ax, 2.63, 0.75, width=4.36)
    label(ax, 2.63, 0.75, "from_input + from_hidden", code=True)
    for gate, name in ((keep, "σ"), (write, "σ"), (new, "tanh"), (read, "σ")):
        label(ax, gate.x - 0.1, 1.77, name, side="right")
        arrow(ax, (gate.x, inputs.top[1]), gate.bottom)
    for x, name in ((1.6, "$x_t$"), (3.66, "$h_{t-1}$")):
        label(ax, x, 0.15, name)
        arrow(ax, (x, 0.26), (x, inputs.bottom[1]))
    kept = operation(ax, keep.x, lane, "×")
    added = operation(ax, (write.x + new.x) / 2, lane, "+")
    written = operation(ax, added.x, inner, "×")
    shown = operation(ax, read.x, inner, "×")
    arrow(ax, keep.top, kept.bottom)
    arrow(ax, write.top, written.left, bend=-0.3)
    arrow(ax, new.top, written.right, bend=0.3)
    arrow(ax, written.top, added.bottom)
    arrow(ax, (read.x, lane), shown.top)
    label(ax, read.x + 0.1, 2.8, "tanh", side="left")
    arrow(ax, read.top, shown.bottom)
    label(ax, 0.2, lane, "$c_{t-1}$", "memory")
    label(ax, 5.4, lane, "$c_t$", "memory")
    label(ax, 5.4, inner, "$h_t$", "query")
    arrow(ax, (0.42, lane), kept.left, "memory")
    arrow(ax, kept.right, added.left, "memory")
    arrow(ax, added.right, (5.25, lane), "memory")
    arrow(ax, shown.right, (5.25, inner), "query")
    return ax


def memory_network(ax: Axes | None = None) -> Axes:
    """Draw `memory_networks.MemoryNetwork`: write, look twice, answer."""
    ax = sheet(5.6, 4.0, ax)
    story = [
        "john went to the office",
        "john took the apple",
        "mary moved to the garden",
        "john went to the kitchen",
    ]
    label(ax, 1.35, 3.87, "the story")
    write = box(ax, 1.35, 3.32, "write  (I, G)", width=1.5, code=True)
    slots = [
        box(ax, 1.35, 2.5 - 0.52 * i, text, "memory", width=2.4)
        for i, text in enumerate(story)
    ]
    arrow(ax, (1.35, 3.74), write.top)
    arrow(ax, write.bottom, slots[0].top, "memory")
    label(ax, 4.35, 3.87, "where is the apple ?", "query")
    first = box(ax, 4.35, 3.32, "look  (O)", "query", width=1.5, code=True)
    second = box(ax, 4.35, 1.9, "look  (O)", "query", width=1.5, code=True)
    answer = "answer_scores  (R)"
    last = box(ax, 4.35, 0.88, answer, "query", width=2.2, code=True)
    arrow(ax, (4.35, 3.74), first.top, "query")
    arrow(ax, first.bottom, second.top, "query")
    arrow(ax, second.bottom, last.top, "query")
    arrow(ax, last.bottom, (4.35, 0.26))
    label(ax, 4.35, 0.13, "kitchen")
    (right, y), (_, last_y) = slots[1].right, slots[3].right
    arrow(ax, first.left, (right, y + 0.08), "query")
    arrow(ax, (right, y - 0.08), second.left, "memory")
    arrow(ax, (3.6, 1.82), (right, last_y + 0.08), "query")
    arrow(ax, (right, last_y - 0.06), last.left, "memory")
    label(ax, 3.1, 2.95, "hop 1", "query", side="right")
    label(ax, 3.05, 1.62, "hop 2", "query", side="right")
    frame(ax, 0.06, 0.5, 5.54, 3.6, "MemoryNetwork", at=1.35)
    return ax


def bahdanau(ax: Axes | None = None) -> Axes:
    """Draw one word of `bahdanau.RNNsearch`: ask, weigh, mix, write."""
    ax = sheet(5.6, 6.3, ax)
    xs = [0.7, 1.55, 2.4, 3.25]
    notes = _annotations(ax, ["the", "black", "cat", "</s>"], xs)
    score = "AdditiveAttention"
    ask = box(ax, 1.975, 3.5, score, "key", width=3.3, code=True)
    mix = operation(ax, 1.975, 4.85, "+")
    for i, weight in enumerate([0.03, 0.87, 0.09, 0.01]):
        arrow(ax, notes[i].top, (xs[i], ask.bottom[1]), "key")
        part = f".{100 * weight:02.0f} $h_{i + 1}$"
        cell = box(ax, xs[i], 4.15, part, "value", width=0.66)
        arrow(ax, (xs[i], ask.top[1]), cell.bottom)
        arrow(ax, cell.top, mix.rim(cell.top), "value")
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


def skip_gram(ax: Axes | None = None) -> Axes:
    """Draw `word2vec.SkipGram`: true context words against noise."""
    ax = sheet(5.6, 3.15, ax)
    rows = [2.6, 2.15, 1.35, 0.95, 0.55]
    label(ax, 0.3, 1.57, "cat", "query")
    centre = strip(ax, 1.3, 1.57, "query", [0.2, 0.7, 0.1, 0.9, 0.4])
    arrow(ax, (0.5, 1.57), centre.left, "query")
    frame(ax, 0.7, 1.4, 1.9, 1.74, "input_vectors", "query")
    shades = [
        [0.3, 0.6, 0.2, 0.8, 0.3],
        [0.1, 0.8, 0.1, 0.7, 0.5],
        [0.9, 0.1, 0.6, 0.1, 0.2],
        [0.5, 0.2, 0.9, 0.1, 0.1],
        [0.8, 0.3, 0.7, 0.2, 0.1],
    ]
    names = ["black", "sleeps", "king", "her", "green"]
    for i, (y, name) in enumerate(zip(rows, names, strict=True)):
        true = i < 2
        other = strip(ax, 3.7, y, "key", shades[i])
        label(ax, 4.35, y, name, side="left")
        label(ax, 5.35, y, "1" if true else "0", "value" if true else None)
        role = "value" if true else "before"
        arrow(ax, centre.right, other.left, role, dashed=not true)
    label(ax, 4.35, 2.98, "seen near it", "value", side="left")
    label(ax, 4.35, 1.73, "noise", "before", side="left")
    frame(ax, 3.1, 0.36, 4.3, 2.79, "output_vectors", "key")
    return ax
