"""The drawing of BERT in pretraining and in its tasks; see `drawings`."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from .sketch import Box, Point, arrow, box, frame, label, route, sheet, strip
from .style import COLORS, inches

MARKS = {"[CLS]": "value", "[MASK]": "query", "[SEP]": "gold"}
"""The colours of the tokens that are no words."""

PAIR = [
    *("[CLS]", "the", "bank", "[MASK]", "leaves", "[SEP]"),
    *("foxes", "look", "fine", "[SEP]"),
]
"""What is read in pretraining."""

BASE = 4.98
"""Where the model of pretraining begins, in inches; tasks are below it."""


def bert(ax: Axes | None = None) -> Axes:
    """Draw `bert.PretrainingBERT`, and the heads that tasks put on BERT."""
    ax = sheet(5.6, BASE + 5.08, ax)
    tokens = _embeddings(ax)
    end = _layer(ax, tokens)
    frame(ax, 0.1, BASE, 5.43, BASE + 3.98, "BERT", "memory", at=0.4)
    _pretraining(ax, tokens, end)
    _one_label(ax, 0.2, ["[CLS]", "Text", "[SEP]"])
    _one_label(ax, 2.76, ["[CLS]", "Text 1", "[SEP]", "Text 2", "[SEP]"])
    frame(ax, 0.03, 2.86, 5.57, 4.3, "BERTClassifier", "value")
    _labels(ax)
    _answer(ax)
    return ax


def _row(
    ax: Axes, left: float, y: float, parts: Sequence[str], space: float = 0.06
) -> list[Box]:
    """Draw one input, a box for each token."""
    boxes = []
    for part in parts:
        width = inches([part]) * 10 / 11 + space
        x, role = left + width / 2, MARKS.get(part, "before")
        boxes.append(box(ax, x, y, role=role, width=width, height=0.3))
        label(ax, x, y, part, size=10)
        left += width
    return boxes


def _bar(
    ax: Axes, tokens: Sequence[Box], y: float, name: str, role: str
) -> Box:
    """Draw a part of the model that reads all tokens."""
    left, right = tokens[0].left[0], tokens[-1].right[0]
    middle, width = (left + right) / 2, right - left
    return box(ax, middle, y, name, role, width=width, height=0.3, code=True)


def _embeddings(ax: Axes) -> list[Box]:
    """Draw two texts as sums of three vectors; return their tokens."""
    rows = [BASE + 0.27 + 0.32 * i for i in range(3)]
    tokens = _row(ax, 1.12, rows[0], PAIR)
    norm = _bar(ax, tokens, BASE + 1.36, "norm", "memory")
    second = PAIR.index("[SEP]") + 1
    for i, token in enumerate(tokens):
        for y, number in ((rows[1], i), (rows[2], int(i >= second))):
            box(ax, token.x, y, "", "memory", width=token.width, height=0.3)
            label(ax, token.x, y, str(number), size=10)
        start = token.x, rows[2] + 0.15
        arrow(ax, start, (token.x, norm.bottom[1]), "memory")
    for y, name in zip(rows, ("words", "+ places", "+ segments"), strict=True):
        label(ax, 1.06, y, name, "memory", code=True, size=10, side="right")
    return tokens


def _layer(ax: Axes, tokens: Sequence[Box]) -> float:
    """Draw how all words look at all words; return where the layer ends."""
    low, high, size = BASE + 1.98, BASE + 2.76, {"width": 0.26, "height": 0.2}
    think = _bar(ax, tokens, BASE + 3.2, "FeedForward", "memory")
    below = [box(ax, t.x, low, role="memory", **size) for t in tokens]
    for node, name in zip(below, PAIR, strict=True):
        role = "memory" if name == "[SEP]" else MARKS.get(name, "memory")
        above = box(ax, node.x, high, role=role, **size)
        arrow(ax, (node.x, BASE + 1.51), node.bottom, "memory")
        arrow(ax, above.top, (node.x, think.bottom[1]), role)
        for other in below:
            if name == "[MASK]":
                arrow(ax, other.top, above.bottom, role, head=False)
            else:
                _thread(ax, other.top, above.bottom)
    y = (low + high) / 2
    label(ax, 0.23, y, "attention", "key", code=True, side="left")
    label(ax, 0.6, think.y, "× N", "memory")
    sides = 0.17, BASE + 1.78, 5.36, BASE + 3.46
    frame(ax, *sides, "EncoderLayer", "memory", at=0.72)
    return think.top[1]


def _thread(ax: Axes, start: Point, end: Point) -> None:
    """Draw one of many lines, so pale that the others stand out."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-",
            color=COLORS["muted"],
            alpha=0.8,
            lw=0.5,
            shrinkA=0,
            shrinkB=0,
            zorder=0.6,
        )
    )


def _pretraining(ax: Axes, tokens: Sequence[Box], start: float) -> None:
    """Draw what is told at [CLS] and at [MASK]."""
    first, hidden = tokens[0].x, tokens[PAIR.index("[MASK]")].x
    y, out = BASE + 4.4, BASE + 4.94
    pool = box(ax, first, BASE + 3.73, "pool", "value", width=0.6, code=True)
    told = box(ax, first, y, "to_next", "value", width=0.86, code=True)
    head = box(ax, hidden, y, "", "query", width=1.0, height=0.48)
    label(ax, hidden, y + 0.1, "WordHead", code=True)
    label(ax, hidden, y - 0.12, "transform", code=True, size=10)
    arrow(ax, (first, start), pool.bottom, "value")
    arrow(ax, pool.top, told.bottom, "value")
    arrow(ax, (hidden, start), head.bottom, "query")
    for end, text, role in (
        (told, "follows", "value"),
        (head, "hunts", "query"),
    ):
        arrow(ax, end.top, (end.x, out - 0.12), role)
        label(ax, end.x, out, text)
    (x, low), lane = tokens[-1].right, 5.5
    turns = (lane, low), (lane, y)
    route(ax, (x, low), *turns, head.right, role="query", dashed=True)
    label(ax, 4.6, y + 0.13, "tied to words", "query")
    frame(ax, 0.03, BASE - 0.3, 5.57, BASE + 4.73, "PretrainingBERT", "query")


def _read(
    ax: Axes, tokens: Sequence[Box], read: Sequence[Box], end: float
) -> None:
    """Draw BERT on its tokens, and which of its vectors a head reads."""
    body = _bar(ax, tokens, tokens[0].y + 0.45, "BERT", "memory")
    for token in tokens:
        arrow(ax, token.top, (token.x, body.bottom[1]), "memory")
    for token in read:
        arrow(ax, (token.x, body.top[1]), (token.x, end), "value")


def _one_label(ax: Axes, left: float, parts: Sequence[str]) -> None:
    """Draw a text, or two, that get a label."""
    y, last = 4.02, {"role": "value", "code": True}
    tokens = _row(ax, left, 3.09, parts, space=0.12)
    pool = box(ax, left + 0.3, y, "pool", width=0.56, **last)
    head = box(ax, left + 1.26, y, "to_logits", width=0.96, **last)
    _read(ax, tokens, tokens[:1], pool.bottom[1])
    arrow(ax, pool.right, head.left, "value")
    arrow(ax, head.right, (left + 1.92, y), "value")
    label(ax, left + 1.96, y, "label", side="left")


def _labels(ax: Axes) -> None:
    """Draw a text whose words get a label each."""
    parts = ["[CLS]", "the", "bank", "hunts", "[SEP]"]
    tokens = _row(ax, 0.13, 0.53, parts)
    read = tokens[1:-1]
    head = _bar(ax, tokens, 1.43, "to_logits", "value")
    _read(ax, tokens, read, head.bottom[1])
    for token, name in zip(read, ("–", "noun", "verb"), strict=True):
        arrow(ax, (token.x, head.top[1]), (token.x, 1.92), "value")
        label(ax, token.x, 2.04, name, size=10)
    frame(ax, 0.03, 0.3, 2.3, 1.68, "BERTTagger", "value")


def _answer(ax: Axes) -> None:
    """Draw a question and a text in which the answer stands."""
    parts = ["[CLS]", "who", "?", "[SEP]", "the", "bank", "hunts", "[SEP]"]
    tokens = _row(ax, 2.5, 0.53, parts)
    head = _bar(ax, tokens, 1.43, "to_logits", "value")
    _read(ax, tokens, tokens, head.bottom[1])
    for token in tokens[4:]:
        arrow(ax, (token.x, head.top[1]), (token.x, 1.9), "value")
    for y, name, shades in (
        (2.02, "start", [0.9, 0.2, 0.05, 0.05]),
        (2.26, "end", [0.1, 0.9, 0.2, 0.05]),
    ):
        label(ax, tokens[4].x - 0.2, y, name, "value", code=True, side="right")
        for token, shade in zip(tokens[4:], shades, strict=True):
            strip(ax, token.x, y, "value", [shade])
    frame(ax, 2.4, 0.3, 5.57, 1.68, "BERTReader", "value")
