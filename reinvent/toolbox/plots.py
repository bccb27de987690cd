"""The figures of the book: attention, memories, curves, words, numbers.

Each function draws on `ax`, or on a new figure, and returns the axes. It
never calls `plt.show`: a notebook displays the figure once, at the end of
the cell (end the line with `;` to hide the name of the axes). Figures show
numbers as they are: no row is rescaled, no weight is hidden.
"""

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import blended_transform_factory

from .curves import interval_dots, length_curves, loss_curves
from .style import (
    COLORS,
    SIGNED,
    WEIGHTS,
    array,
    axes,
    inches,
    ink_on,
    readable,
    use_style,
)
from .vectors import vectors_2d

__all__ = [
    "COLORS",
    "attention",
    "heat",
    "interval_dots",
    "length_curves",
    "loss_curves",
    "memories",
    "use_style",
    "vectors_2d",
]

Links = Collection[tuple[int, int]]


def attention(
    weights: object,
    source: Sequence[str],
    target: Sequence[str],
    *,
    gold: tuple[Links, Links] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw attention weights, one row for each word that asks.

    Args:
        weights: (T, S), from 0 to 1; a tensor, an array or lists.
        source: The S tokens that are asked, along the top.
        target: The T tokens that ask, down the left side.
        gold: The true links as (sure, possible), each a collection of
            (source position, target position): full and dotted squares.
        title: Above the source tokens.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If the sizes differ, a weight is not from 0 to 1, or a
            link is outside.
    """
    matrix = _weights(weights, len(target), len(source), "target", "source")
    rows, columns = matrix.shape
    sure, possible = gold or ((), ())
    for s, t in (*sure, *possible):
        if not (0 <= s < columns and 0 <= t < rows):
            raise ValueError(
                f"link ({s}, {t}) is outside: there are {columns} source"
                f" and {rows} target positions"
            )
    top = [readable(token) for token in source]
    left = [readable(token) for token in target]
    cell = float(np.clip((5.9 - inches(left)) / columns, 0.165, 0.42))
    tall = inches(top) > 0.9 * cell  # words that need a turn
    head = inches(top) if tall else 0.2
    ax = axes(
        ax,
        columns * cell + inches(left) + 0.3,
        rows * cell + head + 0.3 + 0.3 * bool(title),
    )
    ax.imshow(matrix, cmap=WEIGHTS, vmin=0, vmax=1, interpolation="none")
    _grid(ax, rows, columns)
    ax.xaxis.tick_top()
    _tick_words(ax, top, left, rotation=90 if tall else 0)
    _squares(ax, set(possible) - set(sure), ":")
    _squares(ax, sure, "-")
    if title:
        ax.set_title(readable(title, 60), parse_math=False)
    return ax


def memories(
    statements: Sequence[str | Sequence[str]],
    weights: object,
    *,
    gold: Sequence[int] | None = None,
    question: str | Sequence[str] | None = None,
    answer: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a story as rows of text, with one column for each hop.

    A dot marks the memory that a hop weighs most; a square marks the one
    that it should find.

    Args:
        statements: The M statements of the story, oldest first.
        weights: (hops, M), from 0 to 1.
        gold: For each hop the index of the right statement, in order; may
            be shorter than the number of hops.
        question: Written below the story.
        answer: Written behind the question.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If the sizes differ, a weight is not from 0 to 1, or an
            index is outside.
    """
    hops = len(array(weights))
    size = len(statements)
    matrix = _weights(weights, hops, size, "hop", "statement").T
    gold = tuple(gold or ())
    if len(gold) > hops or any(not 0 <= fact < size for fact in gold):
        raise ValueError(
            f"gold facts {gold} do not fit {hops} hops over {size} statements"
        )
    rows = [_sentence(statement) for statement in statements]
    numbered = [f"{row}  {i + 1:>2}" for i, row in enumerate(rows)]
    asked = "" if question is None else _sentence(question)
    if asked and answer is not None:
        asked += f"  →  {readable(answer)}"
    height = 0.27 * (size + 1.8 * bool(asked)) + 0.5
    ax = axes(ax, 0.38 * hops + inches(numbered) + 0.3, height)
    ax.imshow(
        matrix,
        cmap=WEIGHTS,
        vmin=0,
        vmax=1,
        interpolation="none",
        aspect="auto",
    )
    _grid(ax, size, hops)
    ax.xaxis.tick_top()
    _tick_words(ax, [f"hop {h + 1}" for h in range(hops)], numbered)
    if hops > 1:
        ax.set_xticks(range(hops), [str(h + 1) for h in range(hops)])
        ax.set_title("hop", fontsize=11, parse_math=False)
    for hop, best in enumerate(matrix.argmax(0)):
        fill = ink_on(*WEIGHTS(matrix[best, hop]))
        ax.plot(hop, best, "o", color=fill, markersize=5)
    _squares(ax, list(enumerate(gold)), "-")
    if asked:
        place = blended_transform_factory(ax.transAxes, ax.transData)
        ax.text(
            1.0,
            size + 0.5,
            asked,
            transform=place,
            ha="right",
            va="center",
            weight="bold",
            parse_math=False,
        )
    return ax


def heat(
    matrix: object,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    digits: int = 2,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a small matrix with its numbers: blue above 0, orange below.

    The darkest colour is the largest absolute value of this matrix.

    Args:
        matrix: (rows, columns).
        rows: Names of the rows.
        columns: Names of the columns.
        digits: Decimals of the numbers.
        title: Above the column names.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If the sizes differ.
    """
    values = _matrix(matrix, len(rows), len(columns), "row", "column")
    left = [readable(name) for name in rows]
    top = [readable(name) for name in columns]
    width = inches([*top, "−00." + digits * "0"]) + 0.12
    ax = axes(
        ax,
        len(top) * width + inches(left) + 0.3,
        0.36 * len(left) + 0.5 + 0.3 * bool(title),
    )
    largest = abs(values).max() or 1.0
    ax.imshow(
        values,
        cmap=SIGNED,
        vmin=-largest,
        vmax=largest,
        interpolation="none",
        aspect="auto",
    )
    _grid(ax, *values.shape)
    ax.xaxis.tick_top()
    _tick_words(ax, top, left)
    for (row, column), value in np.ndenumerate(values):
        fill = SIGNED(0.5 + 0.5 * value / largest)
        number = f"{value:.{digits}f}".replace("-", "\u2212")
        ax.text(
            column, row, number, ha="center", va="center", color=ink_on(*fill)
        )
    if title:
        ax.set_title(readable(title, 60), pad=10, parse_math=False)
    return ax


def _matrix(
    numbers: object, rows: int, columns: int, row: str, column: str
) -> np.ndarray:
    """The numbers as (rows, columns), or an error that names both sizes."""
    matrix = array(numbers)
    if matrix.shape != (rows, columns) or 0 in matrix.shape:
        raise ValueError(
            f"the matrix has shape {matrix.shape}, but there are {rows}"
            f" {row} names and {columns} {column} names: expected"
            f" ({rows}, {columns}), neither of them 0"
        )
    return matrix


def _weights(
    numbers: object, rows: int, columns: int, row: str, column: str
) -> np.ndarray:
    """The numbers as a matrix of weights; scores are another thing."""
    matrix = _matrix(numbers, rows, columns, row, column)
    low, high = matrix.min(), matrix.max()
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            f"weights go from 0 to 1, these from {low:.3g} to {high:.3g}:"
            " draw scores with `heat`"
        )
    return matrix


def _sentence(words: str | Sequence[str]) -> str:
    text = words if isinstance(words, str) else " ".join(words)
    return readable(text, limit=46)


def _grid(ax: Axes, rows: int, columns: int) -> None:
    """Thin lines between the cells, in place of the frame and the ticks."""
    style = {"color": COLORS["muted"], "lw": 0.4, "zorder": 1.5}
    ax.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, **style)
    ax.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, **style)
    ax.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _tick_words(
    ax: Axes, top: Sequence[str], left: Sequence[str], rotation: int = 0
) -> None:
    """Write words along the top and down the left side, `$` as it is."""
    ax.set_xticks(range(len(top)), top, rotation=rotation)
    ax.set_yticks(range(len(left)), left)
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_parse_math(False)


def _squares(ax: Axes, links: Links, line: str) -> None:
    """Outline the cells (column, row), without covering their colour."""
    for column, row in sorted(links):
        ax.add_patch(
            Rectangle(
                (column - 0.42, row - 0.42),
                0.84,
                0.84,
                fill=False,
                ec=COLORS["gold"],
                lw=1.6,
                ls=line,
                zorder=2,
            )
        )
