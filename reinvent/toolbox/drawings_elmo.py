"""The drawing of the biLM and of its layers in a task; see `drawings`."""

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

FORWARD = [0.62, 1.44, 2.26]
BACKWARD = [3.44, 4.26, 5.08]
"""Where the words of each direction stand, in inches."""


def elmo(ax: Axes | None = None) -> Axes:
    """Draw `elmo.BiLanguageModel`, and its layers at work in a task."""
    ax = sheet(5.6, 9.3, ax)
    sums = _two_stacks(ax)
    out = box(ax, 2.85, 4.38, "to_logits", "query", width=5.0, code=True)
    told = ["bank", "hunts", "</s>", "<s>", "the", "bank"]
    for total, word in zip(sums, told, strict=True):
        x = total.x
        arrow(ax, total.top, (x, out.bottom[1]), _column(x))
        arrow(ax, (x, out.top[1]), (x, 4.9), "query")
        label(ax, x, 5.03, word)
    label(ax, FORWARD[1], 5.28, "the next word", "query")
    label(ax, BACKWARD[1], 5.28, "the word before", "query")
    frame(ax, 0.3, 0.86, 5.44, 3.97, "BiLM", "memory", at=0.62)
    frame(ax, 0.2, 0.46, 5.54, 4.67, "BiLanguageModel", "query", at=0.95)
    box(ax, 0.58, 9.0, "LSTM", width=0.5)
    label(ax, 0.93, 9.0, "ProjectedLSTM", code=True, side="left")
    _task(ax, _mixed(ax, (0.3, 2.56)))
    return ax


def _column(x: float) -> str | None:
    """The colour of what belongs to the second word."""
    return "memory" if x in (FORWARD[1], BACKWARD[1]) else None


def _two_stacks(ax: Axes) -> list[Box]:
    """Draw both stacks over what they share; return their last sums."""
    bar = box(ax, 2.85, 1.2, width=5.0)
    label(ax, 0.5, 1.2, "token", code=True, side="left")
    label(ax, 5.2, 1.2, "CharacterCNN", code=True, side="right")
    for x, word in ((2.0, "the"), (2.85, "bank"), (3.7, "hunts")):
        ink = "memory" if word == "bank" else None
        label(ax, x, 0.15, word, ink)
        arrow(ax, (x, 0.28), (x, bar.bottom[1]), ink)
    label(ax, 1.03, 1.73, "forward")
    label(ax, 4.67, 1.73, "backward")
    sums = []
    for xs, side in ((FORWARD, 1), (BACKWARD, -1)):
        for place, x in enumerate(xs, start=1):
            sums.append(_lstms(ax, x, bar.top[1], side))
            _beside(ax, x, 1.52, f"$x_{place}$", side)
        chain = xs[::side]
        for one, other in zip(chain, chain[1:], strict=False):
            for y in (2.15, 2.98):
                start, end = one + 0.25 * side, other - 0.25 * side
                arrow(ax, (start, y), (end, y))
    return sums


def _lstms(ax: Axes, x: float, start: float, side: int) -> Box:
    """Draw two layers of one direction for one word; return the sum."""
    ink = _column(x)
    role = ink or "before"
    first = box(ax, x, 2.15, "LSTM", role, width=0.5)
    second = box(ax, x, 2.98, "LSTM", role, width=0.5)
    total = operation(ax, x, 3.5, "+")
    arrow(ax, (x, start), first.bottom, ink)
    arrow(ax, first.top, second.bottom, ink)
    arrow(ax, second.top, total.bottom, ink)
    lane, split = x + 0.34 * side, (x, 2.56)
    turns = (lane, split[1]), (lane, total.y)
    end = total.right if side > 0 else total.left
    route(ax, split, *turns, end, role=ink)
    if ink:
        _beside(ax, x, 2.49, _half(side, 1), side)
        _beside(ax, x, 3.79, _half(side, 2), side)
    return total


def _beside(ax: Axes, x: float, y: float, text: str, side: int) -> None:
    """Write beside an upward arrow, on the side that is read first."""
    held = "right" if side > 0 else "left"
    label(ax, x - 0.06 * side, y, text, _column(x), side=held)


def _half(side: int, layer: int) -> str:
    """The name of what one direction has for the second word."""
    if not layer:
        return "$x_2$"
    way = "right" if side > 0 else "left"
    return rf"$\overrightarrow{{h}}_{{2,{layer}}}$".replace("right", way)


def _mixed(ax: Axes, start: Point) -> Box:
    """Draw the layers of the second word, and their mix."""
    rows = [6.45, 7.15, 7.85]
    mix = box(ax, 3.02, rows[1], role="value", width=1.1, height=1.76)
    label(ax, mix.x, mix.y + 0.14, "ScalarMix", code=True)
    label(ax, mix.x, mix.y - 0.16, r"$\gamma \, \Sigma_j \, s_j h_{2,j}$")
    for layer, y in enumerate(rows):
        label(ax, 0.56, y, f"$h_{{2,{layer}}}$", "memory")
        for x, side in ((1.05, 1), (1.55, -1)):
            half = _half(side, layer)
            last = box(ax, x, y, half, "memory", width=0.5)
        arrow(ax, last.right, (mix.left[0], y), "value")
        label(ax, 2.24, y + 0.14, f"$s_{layer}$", "value")
    frame(ax, 0.3, 6.02, 1.9, 8.28, "represent", "memory", at=1.1)
    route(ax, start, (0.1, start[1]), (0.1, 7.15), (0.3, 7.15), role="memory")
    return mix


def _task(ax: Axes, mix: Box) -> None:
    """Draw a task's own network, which has its own vector of the word."""
    x = 4.75
    label(ax, x, 5.68, "bank", "query")
    table = box(ax, x, 6.25, "embedding", "query", width=1.1, code=True)
    own = box(ax, x, mix.y - 0.36, "own $x_2$", "query", width=0.8)
    given = box(ax, x, mix.y, "$ELMo_2$", "value", width=0.8)
    cell = box(ax, x, 7.75, "lstm", "query", width=0.8, code=True)
    out = box(ax, x, 8.33, "to_labels", "query", width=1.1, code=True)
    arrow(ax, (x, 5.81), table.bottom, "query")
    arrow(ax, table.top, own.bottom, "query")
    arrow(ax, mix.right, given.left, "value")
    arrow(ax, given.top, cell.bottom, "query")
    arrow(ax, cell.top, out.bottom, "query")
    arrow(ax, out.top, (x, 9.01), "query")
    label(ax, x, 9.15, "nature")
    frame(ax, 2.0, 6.02, 5.54, 8.7, "TaskModel", "query", at=3.02)
