"""The league table says what the stored runs say."""

import re
import sys
from pathlib import Path

import pytest

from reinvent import PAPERS
from reinvent.toolbox.results import stored_results

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "experiments")]

import league  # noqa: E402
import multi30k_translators  # noqa: E402
import speed  # noqa: E402


def cells(table: str) -> dict[str, list[str]]:
    """The cells of a Markdown table, by the chapter its row links to."""
    found = {}
    for line in table.splitlines():
        chapter = re.search(r"chapters/(\w+)\.ipynb", line)
        if chapter:
            parts = [cell.strip() for cell in line.strip("|").split("|")]
            found[chapter[1]] = parts[1:]
    return found


@pytest.mark.parametrize("part", [league.quality, league.by_length])
def test_every_translator_has_a_row_of_stored_values(part):
    rows = cells(part())
    assert list(rows) == list(speed.TRANSLATORS)
    for chapter, row in rows.items():
        filled = [cell for cell in row if cell != "–"]
        assert len(filled) >= 2, chapter


def test_a_cell_is_the_interval_over_the_seeds():
    its = stored_results("02_bahdanau")[1]["exact match"]
    row = cells(league.quality())["02_bahdanau"]
    assert row[0] == f"{its.low:.3f}–{its.high:.3f}"


def test_the_stored_costs_are_those_of_the_models():
    task = speed.translation_task(train_size=1, test_size=1)
    rows = cells(league.cost())
    for chapter in speed.TRANSLATORS:
        model = speed.build(chapter, task)
        count = sum(p.numel() for p in model.parameters())
        steps = speed.TRANSLATORS[chapter][2]
        assert rows[chapter][:2] == [f"{count:,}", str(steps)]
    assert rows[speed.UNIT][2:4] == ["1.00", "1.00"]


def test_the_table_of_real_sentences_says_what_was_stored():
    stored = league.stored_rows("multi30k")
    rows = league.real().splitlines()[2:]
    for line, row in zip(rows, stored, strict=True):
        parts = [cell.strip() for cell in line.strip("|").split("|")]
        assert (
            f"chapters/{PAPERS[row['translator']].chapter}.ipynb" in parts[0]
        )
        assert parts[4:6] == [row["BLEU greedy"], row["BLEU beam"]]
        assert parts[3] == str(round(float(row["seconds"]) / 60))
        assert "experiments/multi30k.py" in row["command"]
        assert "version" in row["signature"]


def test_the_preface_tells_what_the_runs_say():
    costs = league.translators()
    results = {chapter: stored_results(chapter)[1] for chapter in costs}

    def of(chapter, name="exact match"):
        (its,) = (r for key, r in results.items() if key.startswith(chapter))
        return its[name]

    long, longer = "exact match, 18-22 tokens", "exact match, 23-30 tokens"
    assert of("00", long).high < 0.1 < 0.85 < of("02", long).low
    later = ("03", "05", "06", "08", "09")
    assert max(of(its).mean for its in later) < of("02").mean + 0.03
    assert sum(of(its).high < of("02").low for its in later) >= 2
    told_places = max(of(its, longer).mean for its in ("06", "08", "09"))
    assert told_places < min(
        of(its, longer).mean for its in ("02", "03", "05")
    )

    ratio = {c[:2]: float(r["training step, ratio"]) for c, r in costs.items()}
    assert 0.28 < ratio["03"] < 0.4
    waits = {c[:2]: [r[n] for n in league.IN_A_ROW] for c, r in costs.items()}
    assert [c for c, (a, b) in waits.items() if a == b] == ["08", "09"]

    for search in ("greedy", "beam"):
        bleu = {
            row["translator"]: float(row[f"BLEU {search}"])
            for row in league.stored_rows("multi30k")
        }
        for name in ("convs2s", "transformer"):
            gain = bleu[name] - bleu["bahdanau"]
            told = (
                multi30k_translators.REPORTED[its, "de", "en"]
                for its in (name, "bahdanau")
            )
            assert 0 < gain < next(told) - next(told)


def test_each_round_does_each_work_once():
    done = []
    works = {name: lambda name=name: done.append(name) for name in "ab"}
    found = speed.fastest(works, rounds=3)
    assert done == ["a", "b"] * 3
    assert found.keys() == works.keys()
    assert all(seconds >= 0 for seconds in found.values())
