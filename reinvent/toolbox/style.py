"""One look for every figure of the book.

Figures are dark ink on nothing: in dark mode the page inverts them and turns
the hues back, so both modes read the same file. The colours are those of
Okabe and Ito, which readers with colour-blindness tell apart; each has one
role in the whole book.
"""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager, rcParams
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.textpath import text_to_path

from .show import notebook

INK = "#222222"
COLORS = {
    "query": "#D55E00",
    "key": "#56B4E9",
    "value": "#009E73",
    "memory": "#CC79A7",
    "gold": "#E69F00",
    "ours": "#0072B2",
    "before": "#6E6E6E",
    "muted": "#B4B4B4",
}
"""The colour of each role, the same in every figure."""

ORDER = ("ours", "query", "value", "memory", "gold", "key", "before")
MARKERS = "osD^vPX*"
"""Each curve of a figure has its own marker: colour never stands alone."""

WEIGHTS = LinearSegmentedColormap.from_list(
    "weights",
    [(0.0, "#FFFFFF00"), (0.1, "#BFD9EC"), (0.5, "#4F97C9"), (1.0, "#003A5D")],
)
"""Weights from 0 (nothing) to 1 (dark blue), one hue."""

SIGNED = LinearSegmentedColormap.from_list(
    "signed",
    [(0.0, "#8F3F00"), (0.3, "#F0A36B"), (0.5, "#FFFFFF00")]
    + [(0.7, "#7DB8DF"), (1.0, "#003A5D")],
)
"""Values around 0: orange below, nothing at 0, blue above."""


def use_style() -> None:
    """Set the look of the book; call it once, in the first cell.

    In a notebook figures become SVG whose bytes depend on nothing but the
    figure. The letters are drawn as outlines: they look the same on a device
    that lacks the font.
    """
    rcParams.update(
        {
            "figure.figsize": (5.4, 3.2),
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "savefig.bbox": "tight",
            "savefig.dpi": 200,
            "svg.fonttype": "path",
            "svg.hashsalt": "reinvent",
            "font.family": ["DejaVu Sans"],
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.labelsize": 11,
            "xtick.labelsize": 11,
            "ytick.labelsize": 11,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "lines.linewidth": 2.0,
            "lines.markersize": 6,
            "legend.frameon": False,
        }
    )
    shell = notebook()
    if shell is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        nothing = {"Date": None, "Creator": None}
        set_matplotlib_formats("svg", bbox_inches="tight", metadata=nothing)


def axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of that size in inches."""
    if ax is None:
        size = (width, height)
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    return ax


def array(numbers: object) -> np.ndarray:
    """Return a tensor, an array or lists as an array of finite floats.

    Raises:
        ValueError: If a number is NaN or infinite.
    """
    if hasattr(numbers, "detach"):
        numbers = numbers.detach().cpu().float().numpy()
    result = np.asarray(numbers, dtype=float)
    bad = result.size - int(np.isfinite(result).sum())
    if bad:
        raise ValueError(f"{bad} of {result.size} numbers are not finite")
    return result


def marks(count: int, history: bool = False) -> list[dict[str, str]]:
    """Return color, marker and line style for each of `count` series.

    Args:
        count: Number of series.
        history: True makes the first of several the grey of what was
            before and the last the blue of the chapter's own model.
    """
    roles = [ORDER[i % len(ORDER)] for i in range(count)]
    if history and count > 1:
        between = [ORDER[1 + i % 5] for i in range(count - 2)]
        roles = ["before", *between, "ours"]
    return [
        {
            "color": COLORS[role],
            "marker": MARKERS[i % len(MARKERS)],
            "ls": "--" if role == "before" else "-",
        }
        for i, role in enumerate(roles)
    ]


def text_color(color: str) -> str:
    """Darken a colour until text in it is legible on white (4.5 to 1)."""
    rgb = np.array(to_rgb(color))
    while 1.05 / (_luminance(rgb) + 0.05) < 4.5:
        rgb = 0.95 * rgb
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _luminance(rgb: np.ndarray) -> float:
    """The relative luminance of WCAG 2, from 0 (black) to 1 (white)."""
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


def ink_on(red: float, green: float, blue: float, alpha: float) -> str:
    """The text colour, dark or white, that stands out on a fill."""
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return INK if 1 - alpha * (1 - light) > 0.55 else "white"


def readable(token: str, limit: int = 24) -> str:
    """Return a token as a figure can show it.

    What the font cannot draw becomes a box, what has no width its code
    point, an empty token a pair of quotes; a token of more than `limit`
    characters ends in an ellipsis.
    """
    known = _characters()
    shown = []
    for letter in str(token):
        if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp"):
            shown.append(f"\\x{ord(letter):02x}")
        else:
            shown.append(letter if ord(letter) in known else "\u25a1")
    text = "".join(shown) or "''"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def inches(words: Sequence[str]) -> float:
    """The width of the widest word in the font of the labels."""
    font = font_manager.FontProperties(family="DejaVu Sans", size=11)
    measure = text_to_path.get_text_width_height_descent
    return max(measure(word, font, ismath=False)[0] for word in words) / 72


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    """The code points that the book's font can draw."""
    path = font_manager.findfont("DejaVu Sans")
    return frozenset(font_manager.get_font(path).get_charmap())
