"""The questions, what is made from them, and the checks of their answers."""

import ast
import csv
import importlib
import io
import pydoc
import re
import sqlite3
import sys
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import cards  # noqa: E402
import interview  # noqa: E402
import interview_room  # noqa: E402
from interview import HEADING, Group, Question, groups, read  # noqa: E402

GROUPS = groups()
CHAPTERS = [group for group in GROUPS if group.name[0].isdigit()]
QUESTIONS = {one.id: one for group in GROUPS for one in group.questions}
CHECKED = [one for one in QUESTIONS.values() if one.check]
CHECKS = ROOT / "tests" / "interview_checks"
FEWEST = 10  # questions of a chapter
FEWEST_IN_ALL = 150
# Two digits or more, a decimal or a share: what someone has counted. Years
# and the numbers of chapters are none.
FIGURE = re.compile(
    r"(?<![\w.])(?!(?:19|20)\d\d\b)(?:\d[\d,]*\.\d+|\.\d+|\d[\d,]*\d|\d ?%)"
)


def plain(text: str) -> str:
    """Return a text with each run of white space as one space."""
    return " ".join(text.split())


def answer(one: Question) -> str:
    """Return both answers as one line."""
    return plain(f"{one.short} {one.full}")


@cache
def told_by(one: Question) -> list[str]:
    """Run the checks of a question and return what its answer has to say."""
    texts = []
    for check in one.check.split():
        module, function = check.split(".")
        checks = importlib.import_module(f"interview_checks.{module}")
        texts += getattr(checks, function)()
    return [plain(text) for text in texts]


def test_no_two_questions_have_one_id() -> None:
    assert len(QUESTIONS) == sum(len(group.questions) for group in GROUPS)


def test_every_chapter_has_its_questions() -> None:
    notebooks = sorted((ROOT / "chapters").glob("*.ipynb"))
    assert [g.name for g in CHAPTERS] == [path.stem for path in notebooks]
    assert all(len(group.questions) >= FEWEST for group in CHAPTERS)
    assert len(QUESTIONS) >= FEWEST_IN_ALL


@pytest.mark.parametrize("group", CHAPTERS, ids=lambda group: group.name)
def test_a_corner_is_what_the_source_says(group: Group) -> None:
    path = ROOT / "chapters" / f"{group.name}.ipynb"
    (corner,) = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.source.startswith(HEADING)
    ]
    assert corner == group.corner(), "run: make interview"


def test_themes_speak_of_no_chapter_as_this_one() -> None:
    for group in GROUPS:
        if group not in CHAPTERS:
            for one in group.questions:
                assert not one.corner
                assert "this chapter" not in answer(one).lower()


@pytest.mark.parametrize("one", CHECKED, ids=lambda one: one.id)
def test_an_answer_says_what_its_check_computes(one: Question) -> None:
    for text in told_by(one):
        assert text in answer(one)


@pytest.mark.parametrize("one", CHECKED, ids=lambda one: one.id)
def test_without_a_source_every_figure_is_computed(one: Question) -> None:
    if not one.source:
        rest = answer(one)
        for text in told_by(one):
            rest = rest.replace(text, "")
        rest = re.sub(r"chapters? \d\d", "", rest)
        assert FIGURE.findall(rest) == []


def test_every_check_belongs_to_a_question() -> None:
    written = {
        f"{path.stem}.{node.name}"
        for path in CHECKS.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and ast.unparse(node.returns) == "list[str]"
    }
    assert written == {name for one in CHECKED for name in one.check.split()}


@pytest.mark.parametrize("one", QUESTIONS.values(), ids=lambda one: one.id)
def test_what_shows_an_answer_is_there(one: Question) -> None:
    if one.shows.startswith("chapters/"):
        path, anchor = one.shows.split("#")
        assert anchor in interview.headings(Path(path).stem)
    else:
        thing = pydoc.locate(one.shows)
        assert thing is not None and thing.__doc__


@pytest.mark.parametrize("one", QUESTIONS.values(), ids=lambda one: one.id)
def test_answers_are_paragraphs_lists_code_and_tables(one: Question) -> None:
    reader = MarkdownIt().enable("table").use(dollarmath_plugin)
    for text in (one.short, one.full):
        kinds = {token.type for token in reader.parse(text)}
        assert not kinds & {"heading_open", "html_block", "hr"}
        assert "$" not in re.sub(r"\$[^$]+\$|`[^`]+`", "", text)


RIGHT = {
    "id": "a-question",
    "kind": "define",
    "level": 1,
    "question": "What?",
    "short": "This.",
    "full": "This, and that.",
    "shows": "reinvent.bahdanau",
    "source": "Someone, section 1",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "A question"}, "id 'A question', expected words"),
        ({"kind": "explain"}, "kind 'explain', expected one of define"),
        ({"level": 4}, "level 4, expected 1-3"),
        ({"question": "What is $x$?"}, "not plain text"),
        ({"full": " "}, "full is empty"),
        ({"full": "```python\nx = 1\n```"}, "full begins with a block"),
        ({"short": "- a list"}, "short begins with a block"),
        ({"source": ""}, "no source and no check"),
    ],
)
def test_a_wrong_record_is_refused(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Question(**RIGHT | change)


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theme.yaml"
    lines = [f"    {name}: {value}" for name, value in RIGHT.items()]
    record = "\n".join(lines).replace("    id", "  - id", 1)
    path.write_text(f"title: A theme\nquestions:\n{record}\n")
    assert read(path).questions == (Question(**RIGHT),)
    path.write_text(f"{path.read_text()}    colour: red\n")
    with pytest.raises(ValueError, match="theme.yaml: a-question: .*colour"):
        read(path)
    path.write_text(f"questions:\n{record}\n")
    with pytest.raises(ValueError, match="theme.yaml: no title"):
        read(path)


def test_a_heading_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        ValueError, match="nowhere: expected one of hide-a-word"
    ):
        interview_room.link("chapters/12_bert.ipynb#nowhere")


def notes(folder: Path, all_groups: list[Group]) -> dict[str, list[str]]:
    """Write the cards and return the fields of each note by its guid."""
    folder.mkdir()
    cards.write(all_groups, folder)
    with zipfile.ZipFile(folder / "interview.apkg") as deck:
        deck.extract("collection.anki2", folder)
    base = sqlite3.connect(folder / "collection.anki2")
    rows = base.execute("select guid, flds from notes").fetchall()
    (count,) = base.execute("select count(*) from cards").fetchone()
    base.close()
    assert count == len(rows)
    return {guid: fields.split("\x1f") for guid, fields in rows}


def test_the_deck_has_every_question_once(tmp_path: Path) -> None:
    found = notes(tmp_path / "deck", GROUPS)
    assert len(found) == len(QUESTIONS)
    fronts = {fields[0] for fields in found.values()}
    assert len(fronts) == len(QUESTIONS)


def test_a_new_edition_updates_its_cards(tmp_path: Path) -> None:
    first, *others = GROUPS
    one = replace(first.questions[0], short="A new answer.")
    newer = [replace(first, questions=(one, *first.questions[1:])), *others]
    old, new = (
        notes(tmp_path / name, its)
        for name, its in {"old": GROUPS, "new": newer}.items()
    )
    assert list(old) == list(new)
    changed = [guid for guid in old if old[guid] != new[guid]]
    assert [new[guid][1] for guid in changed] == ["<p>A new answer.</p>"]


def test_cards_have_formulas_for_anki_and_no_markdown(tmp_path: Path) -> None:
    texts = [
        re.sub(r"<(pre|code)>.*?</\1>", "", text, flags=re.DOTALL)
        for fields in notes(tmp_path / "deck", GROUPS).values()
        for text in fields
    ]
    assert any(r"\(\sqrt{d_k}\)" in text for text in texts)
    assert not [text for text in texts if "$" in text or "**" in text]


def test_a_formula_is_text_for_the_card() -> None:
    html = cards.markdown().render("$a < b$ and\n\n$$x & y$$")
    assert r"\(a &lt; b\)" in html
    assert r"\[x &amp; y\]" in html


def test_the_table_has_every_question_and_is_the_same_each_time() -> None:
    text = cards.table(GROUPS)
    assert text == cards.table(groups())
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == list(QUESTIONS)
    assert all(row["short"] and row["full"] for row in rows)


def test_lines_of_a_paragraph_are_joined_and_code_is_not() -> None:
    assert cards.joined("one\ntwo\n\nthree") == "one two\n\nthree"
    code = "so:\n\n```python\na = 1\nb = 2\n```"
    assert cards.joined(code) == code
