"""Flash cards of the interview questions: an Anki deck and a CSV.

The numbers of the deck and of the kind of note never change, and a note is
known by the id of its question. So who imports a newer deck gets new texts on
the cards that are there, with their progress, and no card twice.
"""

import csv
import io
import re
from functools import cache
from html import escape
from pathlib import Path

import genanki
from interview import KINDS, Group, Question
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

DECK = 1_409_047_301
NOTE = 1_706_037_622
FIELDS = ("Question", "Short", "Full", "Chapter", "Source")
FRONT = """<p class="where">{{Chapter}}</p>
<p class="question">{{Question}}</p>"""
BACK = """{{FrontSide}}
<hr id="answer">
{{Short}}
<hr>
{{Full}}
<p class="where">{{Source}}</p>"""
STYLE = """.card { font-family: sans-serif; font-size: 18px; line-height: 1.5;
  max-width: 40em; margin: 0 auto; padding: 0 1em; }
.question { font-size: 22px; font-weight: 600; }
.where { font-size: 14px; opacity: 0.75; }
pre { overflow-x: auto; font-size: 15px; }"""


@cache
def markdown() -> MarkdownIt:
    """Return a reader of Markdown that leaves formulas to Anki."""
    reader = MarkdownIt().enable("table").use(dollarmath_plugin)
    reader.add_render_rule(
        "math_inline", lambda _, all, at, *__: formula(all[at].content, "()")
    )
    reader.add_render_rule(
        "math_block", lambda _, all, at, *__: formula(all[at].content, "[]")
    )
    return reader


def formula(source: str, marks: str) -> str:
    """Return a formula between the marks that Anki's MathJax looks for."""
    return f"\\{marks[0]}{escape(source.strip(), quote=False)}\\{marks[1]}"


def fields(question: Question, group: Group) -> list[str]:
    """Return the fields of a note, in HTML, in the order of `FIELDS`."""
    short, full = (
        markdown().render(group.elsewhere(text)).strip()
        for text in (question.short, question.full)
    )
    where = f"{group.title} · {KINDS[question.kind]}"
    return [
        escape(question.question, quote=False),
        short,
        full,
        escape(where, quote=False),
        escape(question.source, quote=False),
    ]


def deck(all_groups: list[Group]) -> genanki.Deck:
    """Return the deck of all questions."""
    model = genanki.Model(
        NOTE,
        "Re-inventing BERT",
        fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Card", "qfmt": FRONT, "afmt": BACK}],
        css=STYLE,
    )
    result = genanki.Deck(DECK, "Re-inventing BERT")
    for group in all_groups:
        for question in group.questions:
            tags = [group.name, question.kind, f"level-{question.level}"]
            result.add_note(
                genanki.Note(
                    model=model,
                    fields=fields(question, group),
                    tags=tags,
                    guid=genanki.guid_for("re-inventing-bert", question.id),
                )
            )
    return result


def joined(text: str) -> str:
    """Return Markdown with each paragraph on one line, code as it is."""
    if "```" in text:
        return text
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def table(all_groups: list[Group]) -> str:
    """Return all questions as CSV, with the answers in Markdown."""
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(
        ["id", "chapter", "kind", "level", "question", "short", "full"]
        + ["shows", "source"]
    )
    for group in all_groups:
        for one in group.questions:
            short, full = (
                joined(group.elsewhere(text)) for text in (one.short, one.full)
            )
            lines.writerow(
                [one.id, group.title, one.kind, one.level, one.question]
                + [short, full, one.shows, one.source]
            )
    return file.getvalue()


def write(all_groups: list[Group], folder: Path) -> None:
    """Write interview.apkg and interview.csv into a folder."""
    deck(all_groups).write_to_file(folder / "interview.apkg")
    (folder / "interview.csv").write_text(table(all_groups), encoding="utf-8")
