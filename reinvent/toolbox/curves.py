"""Curves: scores by length, losses by step, intervals over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import (
    COLORS,
    INK,
    array,
    axes,
    marks,
    readable,
    text_color,
)

Bucket = tuple[int, int]


def length_curves(
    curves: Mapping[str, Mapping[Bucket, float]],
    *,
    ylabel: str = "exact match",
    trained_up_to: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a score against the length of the source, one line per model.

    Args:
        curves: Name of a model to its score by (shortest, longest) length.
            Give the models in the order of history: the first of several
            is grey, the last, which the chapter is about, is blue.
        ylabel: What the score is; scores from 0 to 1 get that whole axis.
        trained_up_to: The longest source seen in training, in tokens: a
            dotted line.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If there is no curve, or two have different buckets.
    """
    if not curves or not all(curves.values()):
        raise ValueError(f"{len(curves)} curves given, at least 1 is needed")
    buckets = sorted(next(iter(curves.values())))
    for name, curve in curves.items():
        if sorted(curve) != buckets:
            raise ValueError(
                f"{name!r} has the buckets {sorted(curve)}, expected {buckets}"
            )
    ax = axes(ax, 5.4, 3.1)
    middles = [(low + high) / 2 for low, high in buckets]
    ends = {}
    styles = marks(len(curves), history=True)
    for style, (name, curve) in zip(styles, curves.items(), strict=True):
        values = [float(curve[bucket]) for bucket in buckets]
        ax.plot(middles, values, clip_on=False, zorder=3, **style)
        ends[name] = (values[-1], style["color"])
    if trained_up_to is not None:
        ax.axvline(trained_up_to + 0.5, color=COLORS["before"], ls=":", lw=1.2)
    values = [float(v) for curve in curves.values() for v in curve.values()]
    low, high = min(0.0, *values), max(values)
    ax.set_ylim(low, 1.0 if high <= 1 else 1.05 * high)
    ax.set_xticks(middles, [_range(bucket) for bucket in buckets])
    ax.set_xlabel("source tokens")
    ax.set_ylabel(ylabel)
    ax.grid(axis="y", color=COLORS["muted"], lw=0.5, alpha=0.5)
    _end_labels(ax, ends)
    return ax


def loss_curves(
    losses: Mapping[str, Sequence[float]],
    *,
    smooth: int = 25,
    ylabel: str = "loss (nats per token)",
    ax: Axes | None = None,
) -> Axes:
    """Draw losses by step: their range pale, the running mean on it.

    Args:
        losses: Name of a run to its loss at each step; order as in
            `length_curves`.
        smooth: Steps in the running mean.
        ylabel: What the loss is, with its unit.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If there is no run, a run has no step, or `smooth` < 1.
    """
    if smooth < 1:
        raise ValueError(f"smooth is {smooth} steps, at least 1 is needed")
    if not losses or not all(len(run) for run in losses.values()):
        raise ValueError("every run needs at least 1 loss, one has 0")
    ax = axes(ax, 5.4, 3.1)
    ends = {}
    styles = marks(len(losses), history=True)
    for style, (name, run) in zip(styles, losses.items(), strict=True):
        run = array(run)
        mean = _running_mean(run, smooth)
        color = style["color"]
        # A few hundred points are all that a page can show: the band keeps
        # the lowest and the highest loss between two of them.
        starts = np.unique(np.linspace(0, len(run) - 1, 200).astype(int))
        ax.fill_between(
            starts,
            np.minimum.reduceat(run, starts),
            np.maximum.reduceat(run, starts),
            color=color,
            alpha=0.15,
            lw=0,
        )
        ax.plot(starts, mean[starts], color=color, ls=style["ls"])
        ends[name] = (mean[-1], color)
    ax.set_xlabel("step")
    ax.set_ylabel(ylabel)
    ax.margins(x=0)
    _end_labels(ax, ends)
    return ax


def interval_dots(
    stored: Mapping[str, tuple[float, float, float]],
    live: Mapping[str, float] | None = None,
    *,
    xlabel: str = "exact match",
    ax: Axes | None = None,
) -> Axes:
    """Draw stored intervals over seeds, with the run of this page as a dot.

    Args:
        stored: Name to (lowest, mean, highest) over the seeds.
        live: Name to the value that was measured here; names may be absent.
        xlabel: What was measured, with its unit.
        ax: Where to draw; a new figure if None.

    Raises:
        ValueError: If an interval is not in order, or a live name unknown.
    """
    live = live or {}
    unknown = sorted(set(live) - set(stored))
    if unknown or not stored:
        raise ValueError(
            f"live names {unknown} are not stored; stored: {sorted(stored)}"
        )
    for name, (low, mean, high) in stored.items():
        if not low <= mean <= high:
            raise ValueError(f"{name}: {low} <= {mean} <= {high} is false")
    ax = axes(ax, 5.4, 0.42 * len(stored) + 0.9)
    for row, (name, (low, mean, high)) in enumerate(stored.items()):
        ax.plot(
            [low, high],
            [row, row],
            color=COLORS["muted"],
            lw=9,
            solid_capstyle="round",
        )
        ax.plot([mean, mean], [row - 0.2, row + 0.2], color=INK, lw=1.6)
        if name in live:
            ax.plot(live[name], row, "o", color=COLORS["ours"], ms=8, mec="w")
    ax.set_yticks(range(len(stored)), [readable(n, 32) for n in stored])
    ax.set_ylim(len(stored) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=COLORS["muted"], lw=0.5, alpha=0.5)
    ax.set_xlabel(xlabel)
    return ax


def _range(bucket: Bucket) -> str:
    low, high = bucket
    return f"{low}–{high}" if low < high else f"{low}"


def _running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """The mean of the last `width` values, of fewer at the start."""
    total = np.concatenate([[0.0], values.cumsum()])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - width, 0)
    return (total[last] - total[first]) / (last - first)


def _end_labels(ax: Axes, ends: Mapping[str, tuple[float, str]]) -> None:
    """Name each curve to the right of its end, without overlap.

    Args:
        ax: Axes whose limits stand.
        ends: Name to (last value, colour).
    """
    low, high = ax.get_ylim()
    inches = ax.get_position().height * ax.figure.get_figheight()
    gap = 1.25 * 11 / 72 / inches * (high - low)
    names = sorted(ends, key=lambda name: ends[name][0])
    places = []
    for name in names:
        place = float(np.clip(ends[name][0], low, high))
        places.append(max([place, *(p + gap for p in places[-1:])]))
    # What was pushed above the top moves down again, with what is below it.
    for i in reversed(range(len(places))):
        ceiling = high if i == len(places) - 1 else places[i + 1] - gap
        places[i] = min(places[i], ceiling)
    for name, place in zip(names, places, strict=True):
        ax.annotate(
            readable(name),
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=text_color(ends[name][1]),
            weight="bold",
            parse_math=False,
        )
