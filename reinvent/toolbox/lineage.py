"""The lineage of BERT, read from the imports of the paper modules.

An import between papers is a citation: the paper needs what the other one
invented. Nothing here runs a module; the files are parsed.
"""

import ast
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

import reinvent
from reinvent.toolbox.style import COLORS, axes, inches

PACKAGE = Path(reinvent.__file__).parent


class Citation(NamedTuple):
    """One import between papers.

    Attributes:
        module: The paper module that is imported, without `reinvent.`.
        names: What is taken from it; empty when the module itself is.
        comment: The comment on the import's lines, without `#`: where in
            the paper the debt is named.
        line: Line of the import, from 1.
    """

    module: str
    names: tuple[str, ...]
    comment: str
    line: int


def imports(
    package: Path = PACKAGE, papers: Mapping[str, object] = reinvent.PAPERS
) -> dict[str, list[Citation]]:
    """Return what each paper module takes from other papers.

    Args:
        package: The folder with one file for each paper; papers without a
            file are left out.
        papers: The names of the paper modules, oldest first.

    Returns:
        Module name to its citations, in the order of the papers.
    """
    return {
        name: [
            citation
            for citation in _imported(package / f"{name}.py")
            if citation.module in papers
        ]
        for name in papers
        if (package / f"{name}.py").exists()
    }


def violations(
    package: Path = PACKAGE, papers: Mapping[str, object] = reinvent.PAPERS
) -> list[str]:
    """Return one sentence for each import that breaks the rule.

    A paper imports older papers only, the toolbox imports no paper, and
    every file beside the toolbox is a paper.
    """
    order = list(papers)
    found = [
        f"{path.name} is no paper: PAPERS has no {path.stem!r}"
        for path in sorted(package.glob("*.py"))
        if path.stem not in papers and path.stem != "__init__"
    ]
    for name, citations in imports(package, papers).items():
        found += [
            f"{name}.py, line {one.line}: imports {one.module}, which comes"
            " later in the book"
            for one in citations
            if order.index(one.module) >= order.index(name)
        ]
    for path in sorted(package.glob("toolbox/**/*.py")):
        found += [
            f"toolbox/{path.name}, line {one.line}: imports the paper"
            f" {one.module}"
            for one in _imported(path)
            if one.module in papers
        ]
    return found


def family_tree(
    ax: Axes | None = None,
    package: Path = PACKAGE,
    papers: Mapping[str, reinvent.Paper] = reinvent.PAPERS,
) -> Axes:
    """Draw who builds on whom: a row per paper, time to the right.

    A line leaves a paper downwards and ends at a paper that imports it. A
    pale bar is a paper of which only the year is known.

    Args:
        ax: Where to draw; a new figure if None.
        package: The folder with one file for each paper.
        papers: The papers in the order of the rows, with their dates.
    """
    when = {name: _years(paper.date) for name, paper in papers.items()}
    halo = withStroke(linewidth=3, foreground="white")
    rows = {name: row for row, name in enumerate(papers)}
    ax = axes(ax, 6.2, 0.3 * len(papers) + 0.6)
    for name, cited in imports(package, papers).items():
        for one in cited:
            _elbow(
                ax,
                (np.mean(when[one.module]), rows[one.module]),
                (np.mean(when[name]), rows[name]),
            )
    for name, (first, last) in when.items():
        ends, row = np.array([first, last]), rows[name]
        if last - first > 0.1:
            bar = {"lw": 8, "alpha": 0.5, "solid_capstyle": "butt"}
            ax.plot(ends, [row, row], color=COLORS["muted"], **bar)
        ax.plot(
            ends.mean(),
            row,
            "o",
            color=COLORS["ours"],
            zorder=3,
            clip_on=False,
        )
        ax.annotate(
            name,
            (max(last, ends.mean()), row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            family="monospace",
            path_effects=[halo],
        )
    first, last = min(min(when.values())), max(max(when.values()))
    years = np.arange(int(first), int(np.ceil(last)) + 1)
    ax.set_xticks(years, [str(year) for year in years])
    ax.set_yticks([])
    ax.set_ylim(len(papers) - 0.4, -0.6)
    room = inches(papers) * 1.2 + 0.2
    width = ax.figure.get_figwidth() - room
    ax.set_xlim(years[0], years[0] + (last - years[0]) * (1 + room / width))
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0)
    ax.spines[:].set_visible(False)
    ax.grid(axis="x", color=COLORS["muted"], lw=0.5, alpha=0.5)
    return ax


def _years(text: str) -> tuple[float, float]:
    """First and last moment of a date, in years: of its day or its year."""
    if len(text) == 4:
        return float(text), float(text) + 1.0
    day = date.fromisoformat(text)
    moment = day.year + (day.timetuple().tm_yday - 1) / 365.25
    return moment, moment


def _elbow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """A line down from one dot, round the corner, across to the other."""
    (x, y), (right, below) = start, end
    turn = np.linspace(0, np.pi / 2, 9)
    wide = np.clip(right - x, -0.12, 0.12)
    xs = [x, *(x + wide * (1 - np.cos(turn))), right]
    ys = [y, *(below - 0.4 * (1 - np.sin(turn))), below]
    ax.plot(xs, ys, color=COLORS["before"], lw=1.1, zorder=2)


def _imported(path: Path) -> list[Citation]:
    """All modules of `reinvent` that a file imports, wherever it does."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        in_toolbox = path.parent.name == "toolbox"
        for module, names in _modules(node, in_toolbox):
            comment = _comment(lines[node.lineno - 1 : node.end_lineno])
            found.append(Citation(module, names, comment, node.lineno))
    return sorted(found, key=lambda one: one.line)


def _modules(
    node: ast.Import | ast.ImportFrom, in_toolbox: bool
) -> list[tuple[str, tuple[str, ...]]]:
    """Modules of `reinvent` that one statement imports, with the names.

    `import reinvent.a`, `from reinvent.a import x`, `from reinvent import
    a`, and the same with dots in place of the package's name.
    """
    if isinstance(node, ast.Import):
        paths = [alias.name.split(".") for alias in node.names]
        return [(p[1], ()) for p in paths if p[0] == "reinvent" and p[1:]]
    path = node.module.split(".") if node.module else []
    if node.level == (2 if in_toolbox else 1):
        path = ["reinvent", *path]
    elif node.level:
        return []
    if path[:1] != ["reinvent"]:
        return []
    names = tuple(alias.name for alias in node.names)
    return [(path[1], names)] if path[1:] else [(name, ()) for name in names]


def _comment(lines: list[str]) -> str:
    """The comments at the ends of these lines of an import."""
    parts = [line.split("#", 1)[1].strip() for line in lines if "#" in line]
    return " ".join(parts)
