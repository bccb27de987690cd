"""The hand that draws every model of the book: boxes, arrows, words.

A sheet is measured in inches, from its lower left corner. A box knows its
four sides, so that an arrow can say where it starts and ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import (
    Ellipse,
    FancyArrowPatch,
    FancyBboxPatch,
    Rectangle,
)
from matplotlib.path import Path

from .style import COLORS, INK, axes, text_color

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A drawn thing with its middle and its size in inches."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> Point:
        """The middle of the left side."""
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        """The middle of the right side."""
        return self.x + self.width / 2, self.y

    @property
    def top(self) -> Point:
        """The middle of the upper side."""
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> Point:
        """The middle of the lower side."""
        return self.x, self.y - self.height / 2

    def rim(self, point: Point) -> Point:
        """The place on the rim of a circle that faces a point."""
        wide, tall = point[0] - self.x, point[1] - self.y
        share = self.height / 2 / hypot(wide, tall)
        return self.x + share * wide, self.y + share * tall


def sheet(width: float, height: float, ax: Axes | None = None) -> Axes:
    """Return empty axes whose units are inches."""
    ax = axes(ax, width, height)
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.axis("off")
    return ax


def box(
    ax: Axes,
    x: float,
    y: float,
    text: str = "",
    role: str = "before",
    *,
    width: float = 0.56,
    height: float = 0.36,
    code: bool = False,
) -> Box:
    """Draw a rounded box in the colour of a role, with text inside.

    Args:
        ax: A sheet.
        x: The middle, in inches.
        y: The middle, in inches.
        text: What it is called; `$h_t$` is set as mathematics.
        role: A key of `COLORS`.
        width: In inches.
        height: In inches.
        code: True for a name of our code.
    """
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.07",
            fc=to_rgba(COLORS[role], 0.2),
            ec=text_color(COLORS[role]),
            lw=1.2,
        )
    )
    label(ax, x, y, text, code=code)
    return Box(x, y, width, height)


def operation(ax: Axes, x: float, y: float, text: str) -> Box:
    """Draw a small circle: an operation without weights."""
    size = 0.27
    ax.add_patch(Ellipse((x, y), size, size, fc="white", ec=INK, lw=1.2))
    label(ax, x, y, text, size=12)
    return Box(x, y, size, size)


def strip(
    ax: Axes, x: float, y: float, role: str, shades: Sequence[float]
) -> Box:
    """Draw a row of numbers as small squares, paler for smaller ones."""
    size = 0.2
    left = x - size * len(shades) / 2
    for i, shade in enumerate(shades):
        ax.add_patch(
            Rectangle(
                (left + size * i, y - size / 2),
                size,
                size,
                fc=to_rgba(COLORS[role], shade),
                ec=text_color(COLORS[role]),
                lw=0.8,
            )
        )
    return Box(x, y, size * len(shades), size)


def words(
    ax: Axes, tokens: Sequence[str], xs: Sequence[float], y: float
) -> list[Box]:
    """Write a row of words: data, without a frame."""
    for token, x in zip(tokens, xs, strict=True):
        label(ax, x, y, token)
    return [Box(x, y, 0.5, 0.26) for x in xs]


def label(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    role: str | None = None,
    *,
    code: bool = False,
    size: float = 11,
    side: str = "center",
) -> None:
    """Write text with its middle, or its `side`, at a point."""
    ax.text(
        x,
        y,
        text,
        ha=side,
        va="center",
        size=size,
        color=text_color(COLORS[role]) if role else INK,
        family="monospace" if code else None,
    )


def frame(
    ax: Axes,
    left: float,
    bottom: float,
    right: float,
    top: float,
    name: str,
    role: str = "before",
    *,
    at: float | None = None,
) -> None:
    """Draw a dashed frame with the name of a class below it.

    Args:
        ax: A sheet.
        left: In inches, as the three that follow.
        bottom: Lower side.
        right: Right side.
        top: Upper side.
        name: Of our code.
        role: A key of `COLORS`, for the name.
        at: Middle of the name; by default the middle of the frame.
    """
    ax.add_patch(
        FancyBboxPatch(
            (left, bottom),
            right - left,
            top - bottom,
            boxstyle="round,pad=0,rounding_size=0.12",
            fc="none",
            ec=COLORS["before"],
            lw=0.8,
            ls=(0, (4, 3)),
            zorder=0.5,
        )
    )
    middle = (left + right) / 2 if at is None else at
    label(ax, middle, bottom - 0.15, name, role, code=True)


def arrow(
    ax: Axes,
    start: Point,
    end: Point,
    role: str | None = None,
    *,
    bend: float = 0.0,
    dashed: bool = False,
    head: bool = True,
) -> None:
    """Draw a thin arrow, straight or bent, in ink or in a role's colour."""
    _line(
        ax,
        role,
        dashed,
        head,
        posA=start,
        posB=end,
        connectionstyle=f"arc3,rad={bend}",
        shrinkA=1.5,
        shrinkB=1.5,
    )


def route(
    ax: Axes,
    *points: Point,
    role: str | None = None,
    dashed: bool = False,
) -> None:
    """Draw an arrow through three points or more, with round corners."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(
        points, points[1:], points[2:], strict=False
    ):
        vertices += [_near(corner, before), corner, _near(corner, after)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    vertices.append(_near(points[-1], points[-2], 0.02))
    codes.append(Path.LINETO)
    _line(ax, role, dashed, path=Path(vertices, codes))


def _near(point: Point, other: Point, inches: float = 0.08) -> Point:
    """The place so far from a point on the way to another."""
    wide, tall = other[0] - point[0], other[1] - point[1]
    share = inches / hypot(wide, tall)
    return point[0] + share * wide, point[1] + share * tall


def _line(
    ax: Axes,
    role: str | None,
    dashed: bool,
    head: bool = True,
    **course: object,
) -> None:
    """Draw a line along a course, in the look of every arrow."""
    ax.add_patch(
        FancyArrowPatch(
            arrowstyle="-|>,head_length=4,head_width=2.2" if head else "-",
            color=text_color(COLORS[role]) if role else INK,
            lw=1.2,
            ls="--" if dashed else "-",
            zorder=1.5,
            **course,
        )
    )
