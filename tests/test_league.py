"""The league table says what the stored runs say."""

import re
import sys
from pathlib import Path

import pytest

from reinvent.toolbox.results import stored_results

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "experiments")]

import league  # noqa: E402
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
    assert rows[speed.UNIT][2:] == ["1.00", "1.00"]


def test_each_round_does_each_work_once():
    done = []
    works = {name: lambda name=name: done.append(name) for name in "ab"}
    found = speed.fastest(works, rounds=3)
    assert done == ["a", "b"] * 3
    assert found.keys() == works.keys()
    assert all(seconds >= 0 for seconds in found.values())
