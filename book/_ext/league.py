"""The league table: every translator of the book, from stored runs.

A page says `% league: quality`, or another name of `PARTS`, on a line of its
own where the table shall stand.
"""

import csv
from collections.abc import Iterable, Sequence

from sphinx.application import Sphinx

from reinvent import PAPERS
from reinvent.toolbox.results import Interval, stored_file, stored_results
from reinvent.toolbox.translation import LENGTH_BUCKETS, LONG

IN_A_ROW = ("in a row, 12 words", "in a row, 24 words")


def stored_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in `book/results`."""
    with open(stored_file(name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def translators() -> dict[str, dict[str, str]]:
    """Return what each translator costs, by chapter, from the stored run."""
    return {row["chapter"]: row for row in stored_rows("translators_speed")}


def span(its: Interval | None, digits: int) -> str:
    """Return an interval over seeds as `low–high`."""
    if its is None:
        return "–"
    low, high = f"{its.low:.{digits}f}", f"{its.high:.{digits}f}"
    return low if low == high else f"{low}–{high}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; numbers stand to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def quality() -> str:
    """Return the table of scores on the test sentences."""
    names = ("exact match", 3), ("BLEU", 1), ("alignment error", 2)
    rows = []
    for chapter, row in translators().items():
        _, stored = stored_results(chapter)
        spans = [span(stored.get(name), digits) for name, digits in names]
        rows.append([link(chapter, row), *spans])
    return table(["", *(name for name, _ in names)], rows)


def by_length() -> str:
    """Return the table of exact match by the length of the source."""
    buckets = [*LENGTH_BUCKETS, LONG]
    rows = []
    for chapter, row in translators().items():
        _, stored = stored_results(chapter)
        spans = [
            span(stored.get(f"exact match, {low}-{high} tokens"), 2)
            for low, high in buckets
        ]
        rows.append([link(chapter, row), *spans])
    return table(["", *(f"{low}–{high}" for low, high in buckets)], rows)


def cost() -> str:
    """Return the table of sizes and times."""
    head = ["", "parameters", "steps", "a training step", "translating"]
    head.append("in a row")
    rows = []
    for chapter, row in translators().items():
        ratios = [
            f"{float(row[name]):.2f}"
            for name in ("training step, ratio", "translating, ratio")
        ]
        count = f"{int(row['parameters']):,}"
        waits = ", ".join(row[name] for name in IN_A_ROW)
        rows.append([link(chapter, row), count, row["steps"], *ratios, waits])
    return table(head, rows)


def story() -> str:
    """Return the short table of the preface: how good, at what cost."""
    head = ["", "exact match", "long", "longer", "step", "in a row"]
    rows = []
    for chapter, row in translators().items():
        _, stored = stored_results(chapter)
        names = ["exact match"]
        names += [
            f"exact match, {low}-{high} tokens"
            for low, high in (LENGTH_BUCKETS[-1], LONG)
        ]
        spans = [span(stored.get(name), 2) for name in names]
        ratio = f"{float(row['training step, ratio']):.2f}"
        rows.append([link(chapter, row), *spans, ratio, row[IN_A_ROW[1]]])
    return table(head, rows)


def real() -> str:
    """Return the table of BLEU on Multi30k."""
    head = ["", "parameters", "steps", "minutes"]
    head += ["BLEU, greedy", "BLEU, beam of 5", "tutorials"]
    models = {row["chapter"]: row for row in translators().values()}
    rows = []
    for row in stored_rows("multi30k"):
        chapter = PAPERS[row["translator"]].chapter
        rows.append(
            [
                link(chapter, models[chapter]),
                f"{int(row['parameters']):,}",
                row["steps"],
                f"{float(row['seconds']) / 60:.0f}",
                row["BLEU greedy"],
                row["BLEU beam"],
                row["tutorials"] or "–",
            ]
        )
    return table(head, rows)


def link(chapter: str, row: dict[str, str]) -> str:
    """Return the name of a model as a link to its chapter."""
    return f"[{row['model']}](../chapters/{chapter}.ipynb)"


PARTS = (quality, by_length, cost, story, real)


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a table where a page says `% league: quality`, and so on."""
    for part in PARTS:
        mark = f"% league: {part.__name__}"
        if mark in source[0]:
            source[0] = source[0].replace(mark, part())


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the page when Sphinx reads it."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
