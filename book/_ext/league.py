"""The league table: every translator and reader of the book, as stored.

A page says `% league: quality`, or another name of `PARTS`, on a line of its
own where the table shall stand.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean

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


def readers() -> dict[str, dict[str, Interval]]:
    """Return what each reader of Part III was measured to do, over seeds."""
    values: dict[str, dict[str, list[float]]] = {}
    for row in stored_rows("readers"):
        its = values.setdefault(row["model"], {})
        its.setdefault(row["measure"], []).append(float(row["value"]))
    return {
        model: {
            name: Interval(min(v), mean(v), max(v), len(v))
            for name, v in its.items()
        }
        for model, its in values.items()
    }


def of_readers(columns: Mapping[str, tuple[str, int]]) -> str:
    """Return a table with a row for each reader.

    Args:
        columns: Their heads, each with the name of a measure and digits.
    """
    rows = []
    for model, its in readers().items():
        module = model.partition(",")[0].lower().replace("-", "")
        row = {"chapter": PAPERS[module].chapter, "model": model}
        cells = [
            mean_and_span(its.get(name), digits)
            for name, digits in columns.values()
        ]
        rows.append([link(row["chapter"], row), *cells])
    return table(["", *columns], rows)


def mean_and_span(its: Interval | None, digits: int) -> str:
    """Return an interval over seeds as `mean (low–high)`."""
    if its is None:
        return "–"
    if its.low == its.high:
        return f"{its.mean:,.{digits}f}"
    return f"{its.mean:.{digits}f} ({span(its, digits)})"


def reading() -> str:
    """Return the table of what readers know before they have a task."""
    return of_readers(
        {
            "parameters": ("parameters", 0),
            "early sense": ("same sense, early", 2),
            "late sense": ("same sense, late", 2),
            "first noun": ("perplexity, first noun", 1),
            "its topic": ("topic, first noun", 2),
            "last noun": ("perplexity, last noun", 1),
        }
    )


def few_labels() -> str:
    """Return the table of what readers learn from few labels."""
    return of_readers(
        {
            f"{task}, {count}": (f"{task}, {count} labels", 2)
            for task in ("early sense", "sentiment", "order")
            for count in (12, 48)
        }
    )


def in_words() -> str:
    """Return the table of what readers tell when they are asked in words."""
    names = {"overall: yes or no": "overall", "about: a topic": "about"}
    return of_readers(
        {head: (f"asked in words, {its}", 2) for head, its in names.items()}
    )


def libraries() -> str:
    """Return the table of ratios against the libraries, and what they are."""
    stored: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in stored_rows("bench"):
        found = stored.setdefault((row["what"], row["against"]), {})
        found[row["threads"]] = row
    rows = []
    for (what, against), by_threads in stored.items():
        one = by_threads["1"]
        cells = [ratio(by_threads.get(threads)) for threads in "12"]
        ours = f"{one['ours']} {one['unit']}".strip() or "–"
        rows.append([what, against, *cells, one["aim"] or "–", ours])
    head = ["", "against", "one thread", "two threads", "aim", "ours"]
    texts = {row["note"] for row in stored_rows("bench") if row["ratio"]}
    told = ", ".join(sorted(filter(None, texts)))
    return (
        f"{table(head, rows)}\nWith {one['versions']}, on"
        f" {one['cores']} cores. The tokenizers read {told}.\n"
    )


def ratio(row: dict[str, str] | None) -> str:
    """Return the median of a ratio, and where half of the rounds lie."""
    if row is None:
        return "–"
    if not row["ratio"]:
        return "not installed"
    middle, low, high = (float(row[name]) for name in ("ratio", "low", "high"))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def link(chapter: str, row: dict[str, str]) -> str:
    """Return the name of a model as a link to its chapter."""
    return f"[{row['model']}](../chapters/{chapter}.ipynb)"


PARTS = (
    *(quality, by_length, cost, story, real),
    *(reading, few_labels, in_words, libraries),
)


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
