"""Every exhibit of the museum of bugs has the same form."""

import re
from pathlib import Path

import nbformat
import pytest

PATH = Path(__file__).resolve().parents[1] / "book" / "museum.ipynb"
CELLS = nbformat.read(PATH, as_version=4).cells
STARTS = [
    number
    for number, cell in enumerate(CELLS)
    if cell.cell_type == "markdown"
    and re.search(r"^### \d+\. ", cell.source, re.M)
]
REPORT = r"https://github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/\d+\b"
FILE = r"https://github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/"

each_exhibit = pytest.mark.parametrize("start", STARTS)


def test_there_are_twelve_exhibits_or_more_in_order() -> None:
    titles = [CELLS[start].source.split("### ")[1] for start in STARTS]
    numbers = [int(title.split(".")[0]) for title in titles]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 12


@each_exhibit
def test_an_exhibit_is_symptom_code_hunt_and_fix(start: int) -> None:
    symptom, code, hunt, fix = CELLS[start : start + 4]
    assert "<details>" not in symptom.source
    assert code.cell_type == fix.cell_type == "code"
    assert "claim(" in code.source
    for part in ("*Measure*", "*The bug", "*The fix*"):
        assert part in hunt.source
    assert "judge(" in fix.source
    assert "hide-cell" in fix.metadata.tags


@each_exhibit
def test_hunt_and_report_are_folded(start: int) -> None:
    text = CELLS[start + 2].source
    assert text.startswith("<details>\n<summary>The hunt</summary>\n\n")
    assert text.endswith("\n\n</details>")


@each_exhibit
def test_a_bug_was_reported_or_seen_at_an_address(start: int) -> None:
    text = CELLS[start + 2].source
    assert re.search(REPORT if "*Reported*" in text else FILE, text)
    for address in re.findall(r"https://github\.com/[^)\s]+", text):
        assert re.match(f"{REPORT}$|{FILE}", address), address


def test_the_table_has_a_row_for_each_exhibit() -> None:
    rows = re.findall(r"^\| (\d+) \|", CELLS[-1].source, re.M)
    assert [int(row) for row in rows] == list(range(1, len(STARTS) + 1))
