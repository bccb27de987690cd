"""A map of word vectors: their two main axes, with the words beside them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import array, axes, inches, marks, readable


def vectors_2d(
    vectors: object,
    words: Sequence[str],
    groups: Sequence[str] | Mapping[str, str],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw word vectors on their two main axes (PCA), a mark per group.

    Two axes keep a part of the truth only: the labels say how much.

    Args:
        vectors: (V, D), one row for each word.
        words: The V words.
        groups: The group of each word, in order or by word.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If the sizes differ, or a word has no group.
    """
    matrix = array(vectors)
    if isinstance(groups, Mapping):
        lost = [word for word in words if word not in groups]
        if lost:
            raise ValueError(f"{len(lost)} words without group: {lost[:5]}")
        groups = [groups[word] for word in words]
    if not len(matrix) == len(words) == len(groups):
        raise ValueError(
            f"{len(matrix)} vectors, {len(words)} words and {len(groups)}"
            " groups: the numbers must be equal"
        )
    points, shares = _two_main_axes(matrix)
    ax = axes(ax, 5.4, 5.0)
    kinds = list(dict.fromkeys(groups))
    for style, kind in zip(marks(len(kinds)), kinds, strict=True):
        chosen = np.array([group == kind for group in groups])
        ax.plot(
            *points[chosen].T,
            style["marker"],
            color=style["color"],
            label=readable(kind),
        )
    ax.set_xlabel(f"axis 1: {shares[0]:.0%} of the variance")
    ax.set_ylabel(f"axis 2: {shares[1]:.0%}")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.margins(0.12)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=min(len(kinds), 4),
        handletextpad=0.1,
        columnspacing=1.0,
    )
    _word_labels(ax, points, [readable(word) for word in words])
    return ax


def _two_main_axes(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project rows on their first two principal axes.

    Returns:
        The points (V, 2), and the share of the variance on both axes. The
        sign of an axis is free: its largest entry is made positive.
    """
    centred = matrix - matrix.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(matrix), 2))
    shares = np.zeros(2)
    kept = min(2, len(sizes))
    points[:, :kept] = (left * sizes)[:, :kept]
    shares[:kept] = (sizes**2 / max((sizes**2).sum(), 1e-12))[:kept]
    largest = abs(points).argmax(0)
    signs = np.sign(points[largest, [0, 1]])
    return points * np.where(signs == 0, 1, signs), shares


def _word_labels(ax: Axes, points: np.ndarray, words: Sequence[str]) -> None:
    """Write each word beside its point where it covers the least."""
    ax.figure.draw_without_rendering()
    pixels = ax.figure.dpi / 72
    spots = ax.transData.transform(points)
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots / pixels]
    for point, (x, y), word in zip(points, spots / pixels, words, strict=True):
        wide, tall = 65 * inches([word]), 11.0
        offsets = [
            (7, -tall / 2),
            (-7 - wide, -tall / 2),
            (-wide / 2, 6),
            (-wide / 2, -6 - tall),
            (5, 4),
            (-5 - wide, 4),
            (5, -4 - tall),
            (-5 - wide, -4 - tall),
        ]
        boxes = [
            (x + dx, y + dy, x + dx + wide, y + dy + tall)
            for dx, dy in offsets
        ]
        covered = [
            sum(_overlap(box, other) for other in taken) for box in boxes
        ]
        best = int(np.argmin(covered))
        taken.append(boxes[best])
        ax.annotate(
            word,
            point,
            xytext=offsets[best],
            textcoords="offset points",
            fontsize=10,
            parse_math=False,
        )


def _overlap(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The area that two boxes (left, bottom, right, top) share."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    tall = min(box[3], other[3]) - max(box[1], other[1])
    return max(wide, 0.0) * max(tall, 0.0)
