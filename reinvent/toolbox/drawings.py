"""The models of the book, drawn by one hand with the names of our code.

Each function draws one model. Purple is what a model remembers, blue by what
it is found, orange what asks, green what is handed over; grey boxes are
steps without such a role. Recurrent translators that look at the source are
in `drawings_attention`, stacks of convolutions in `drawings_layers`.
"""

from matplotlib.axes import Axes

from .drawings_attention import bahdanau, gnmt, luong
from .drawings_bert import bert
from .drawings_elmo import elmo
from .drawings_gpt import gpt
from .drawings_gpt2 import gpt2_block
from .drawings_layers import conv_encoder, convs2s, glu_block
from .drawings_roberta import input_formats
from .drawings_transformer import multi_head_attention, transformer
from .sketch import (
    Box,
    arrow,
    box,
    frame,
    label,
    operation,
    route,
    sheet,
    strip,
    words,
)

__all__ = [
    "bahdanau",
    "bert",
    "conv_encoder",
    "convs2s",
    "elmo",
    "encoder_decoder",
    "glu_block",
    "gnmt",
    "gpt",
    "gpt2_block",
    "input_formats",
    "lstm_cell",
    "luong",
    "memn2n",
    "memory_network",
    "multi_head_attention",
    "skip_gram",
    "transformer",
]


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


def memn2n(ax: Axes | None = None) -> Axes:
    """Draw `memn2n.MemN2N`: the whole story is looked at, twice."""
    ax = sheet(5.6, 6.7, ax)
    xs, x = [0.97, 1.92, 2.87, 3.82], 5.0
    story = [
        "john\nwent to\nthe office",
        "john\ntook the\napple",
        "mary\nmoved to\nthe garden",
        "john\nwent to\nthe kitchen",
    ]
    write = box(ax, 2.395, 1.4, "write", "memory", width=3.6, code=True)
    for at, text in zip(xs, story, strict=True):
        label(ax, at, 0.7, text)
        arrow(ax, (at, 0.98), (at, write.bottom[1]))
    label(ax, x, 0.7, "where is\nthe apple ?", "query")
    encode = box(ax, x, 1.4, "encode", "query", width=0.9, code=True)
    arrow(ax, (x, 0.9), encode.bottom, "query")
    label(ax, x - 0.08, 2.1, "$B = A^1$", "query", side="right")
    first = _stored(ax, xs, 2.1, "m", "key", "$A^1$")
    second = _stored(ax, xs, 3.5, "c", "value", "$C^1$")
    again = _stored(ax, xs, 3.86, "m", "key", "$A^2$")
    third = _stored(ax, xs, 5.26, "c", "value", "$C^2$")
    for row in (first, second, third):
        low, left = write.left, 0.18
        turns = (left, low[1]), (left, row[0].y)
        route(ax, low, *turns, row[0].left, role="memory")
    asked = _hop(ax, encode, first, second, [0.06, 0.84, 0.02, 0.08], 1)
    asked = _hop(ax, asked, again, third, [0.05, 0.02, 0.01, 0.92], 2)
    out = box(ax, x, 5.95, "$W = C^2$", "query", width=0.9)
    arrow(ax, asked.top, out.bottom, "query")
    arrow(ax, out.top, (x, 6.43), "query")
    label(ax, x, 6.56, "kitchen")
    frame(ax, 0.05, 0.3, 5.55, 6.24, "MemN2N")
    return ax


def _stored(
    ax: Axes, xs: list[float], y: float, symbol: str, role: str, name: str
) -> list[Box]:
    """Draw the story under one embedding, one vector per statement."""
    label(ax, 0.4, y + 0.14, name, role)
    return [
        box(ax, x, y, f"${symbol}_{i + 1}$", role) for i, x in enumerate(xs)
    ]


def _hop(
    ax: Axes,
    below: Box,
    keys: list[Box],
    values: list[Box],
    weights: list[float],
    hop: int,
) -> Box:
    """Draw equations 1, 2 and 4; return the circle that adds o to u."""
    y = keys[0].y + 0.6
    look = box(ax, 2.395, y, "look_up", "key", width=3.6, code=True)
    query = box(ax, below.x, y, f"$u^{hop}$", "query")
    mix = operation(ax, below.x, values[0].y, "+")
    arrow(ax, below.top, query.bottom, "query")
    arrow(ax, query.left, look.right, "query")
    arrow(ax, query.top, mix.bottom, "query")
    for key, value, weight in zip(keys, values, weights, strict=True):
        arrow(ax, key.top, (key.x, look.bottom[1]), "key")
        arrow(ax, (key.x, look.top[1]), value.bottom)
        share = f".{100 * weight:02.0f}"
        label(ax, key.x + 0.06, y + 0.4, share, side="left")
    for one, other in zip(values, values[1:], strict=False):
        arrow(ax, one.right, other.left, "value", head=False)
    arrow(ax, values[-1].right, mix.left, "value")
    label(ax, 4.45, mix.y + 0.17, f"$o^{hop}$", "value")
    return mix
