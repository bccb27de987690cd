"""The drawing of what RoBERTa puts into its inputs; see `drawings`."""

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from .sketch import arrow, label, sheet
from .style import COLORS, text_color

DOCUMENTS = {
    "A": [0.9, 0.6, 0.95, 0.75, 0.55, 0.8, 0.65],
    "B": [0.9, 0.6, 0.7, 0.8, 0.55],
}
"""The lengths of the sentences of two documents, in inches."""

FORMATS = {
    "SEGMENT-PAIR + NSP": {
        "[ A1 A2 | A3 A4 A5 |": "follows: yes",
        "[ A6 A7 | B3 B4 B5 |": "follows: no",
    },
    "SENTENCE-PAIR + NSP": {
        "[ A1 | A2 |": "follows: yes",
        "[ A3 | B4 |": "follows: no",
        "[ A4 | A5 |": "follows: yes",
    },
    "FULL-SENTENCES": {
        "[ A1 A2 A3 A4 A5 |": "",
        "[ A6 A7 | B1 B2 B3 |": "goes on with B",
        "[ B4 B5 | …": "goes on with C",
    },
    "DOC-SENTENCES": {
        "[ A1 A2 A3 A4 A5 |": "",
        "[ A6 A7 |": "ends with A",
        "[ B1 B2 B3 B4 B5 |": "",
    },
}
"""Inputs of section 4.2, each with what is said of it."""

LEFT, LONGEST = 0.1, 4.03
"""Where inputs begin, and how long they may be, in inches."""


def input_formats(ax: Axes | None = None) -> Axes:
    """Draw how `roberta` packs the sentences of documents into inputs."""
    ax = sheet(5.6, 7.2, ax)
    y = 7.05
    for name, lengths in DOCUMENTS.items():
        label(ax, LEFT, y, f"document {name}", side="left")
        places = " ".join(f"{name}{i + 1}" for i in range(len(lengths)))
        _input(ax, y - 0.3, places)
        y -= 0.66
    for x, name, role in ((4.05, "[CLS]", "value"), (4.8, "[SEP]", "gold")):
        _piece(ax, x, y + 0.36, 0.08, role)
        label(ax, x + 0.14, y + 0.36, name, side="left")
    _limit(ax, y + 0.05)
    for name, inputs in FORMATS.items():
        y -= 0.16
        label(ax, LEFT, y, name, side="left")
        for parts, note in inputs.items():
            y -= 0.35
            _input(ax, y, parts)
            role = "value" if note.startswith("follows") else "before"
            label(ax, LEFT + LONGEST + 0.15, y, note, role, side="left")
        y -= 0.33
    return ax


def _limit(ax: Axes, top: float) -> None:
    """Draw the line that no input may cross."""
    x = LEFT + LONGEST + 0.05
    label(ax, x, top, "512 tokens", "before")
    arrow(ax, (x, top - 0.15), (x, 0.05), "before", dashed=True, head=False)


def _input(ax: Axes, y: float, parts: str) -> None:
    """Draw sentences and the marks around them."""
    left = LEFT
    for part in parts.split():
        if part in "[|":
            width, role = 0.08, "value" if part == "[" else "gold"
        elif part == "…":
            label(ax, left + 0.1, y, part, side="left")
            break
        else:
            width = DOCUMENTS[part[0]][int(part[1:]) - 1]
            role = "before" if part[0] == "A" else "ours"
            label(ax, left + width / 2, y, part, size=10)
        _piece(ax, left, y, width, role)
        left += width


def _piece(ax: Axes, left: float, y: float, width: float, role: str) -> None:
    """Draw a sentence or a mark as a strip in the colour of a role."""
    mark = role in ("value", "gold")
    ax.add_patch(
        Rectangle(
            (left, y - 0.13),
            width,
            0.26,
            fc=to_rgba(COLORS[role], 0.9 if mark else 0.25),
            ec=text_color(COLORS[role]),
            lw=0.8,
            zorder=2 if mark else 1,
        )
    )
