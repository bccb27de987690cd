"""The interview room: one page with every question of book/interview.

The page says `% interview: room` where the questions shall stand. They are
folded and complete as they are; interview.js adds what needs a script.
"""

import re
import sys
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import cards  # noqa: E402
from interview import (  # noqa: E402
    KINDS,
    LEVELS,
    Group,
    Question,
    answer,
    groups,
    headings,
)

PAGE = "book/interview"
MARK = "% interview: room"
ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5}(?:v\d+)?)")
PROGRESS = {"open": "not known yet", "known": "known"}
BUTTONS = {
    "test": "Test me",
    "fold": "Show all answers",
    "mix": "Shuffle",
    "print": "Print",
    "forget": "Forget my progress",
}


def choice(name: str, label: str, choices: dict[str, str]) -> str:
    """Return a list to choose from with its label, in HTML."""
    entries = "".join(
        f'<option value="{value}">{escape(words)}</option>'
        for value, words in {"": "all", **choices}.items()
    )
    return f'<label>{label} <select name="{name}">{entries}</select></label>\n'


def controls(all_groups: list[Group]) -> str:
    """Return what the script brings to life, hidden until then, in HTML."""
    lists = (
        ("group", "Chapter or theme", {g.name: g.title for g in all_groups}),
        ("kind", "Kind", KINDS),
        (
            "level",
            "Level",
            {str(n): f"{n}, {its}" for n, its in LEVELS.items()},
        ),
        ("progress", "My progress", PROGRESS),
    )
    buttons = (
        f'<button type="button" name="{name}">{words}</button>\n'
        for name, words in BUTTONS.items()
    )
    return (
        '<form class="room" aria-label="Choose questions" hidden>\n'
        f"{''.join(choice(*one) for one in lists)}"
        "<label>Search for words"
        ' <input type="search" name="words"></label>\n'
        f'<p class="buttons">\n{"".join(buttons)}</p>\n'
        '<p class="told" role="status"></p>\n</form>\n'
    )


def link(shows: str) -> str:
    """Return a link to what shows the answer, in Markdown.

    Raises:
        ValueError: The chapter has no such heading.
    """
    if not shows.startswith("chapters/"):
        return f"{{py:obj}}`~{shows}`"
    path, anchor = shows.split("#")
    chapter = Path(path).stem
    known = headings(chapter)
    if anchor not in known:
        raise ValueError(f"{shows}: expected one of {', '.join(known)}")
    return f"[chapter {chapter[:2]}, “{known[anchor]}”](../{shows})"


def folded(question: Question, group: Group) -> str:
    """Return one question in HTML, its answers in Markdown."""
    told = [f"Shown by {link(question.shows)}."]
    if question.source:
        source = ARXIV.sub(
            r"[\g<0>](https://arxiv.org/abs/\1)", question.source
        )
        told.append(f"Source: {source}.")
    if question.check:
        checks = ", ".join(f"`{name}`" for name in question.check.split())
        told.append(f"Computed by `tests/interview_checks`: {checks}.")
    kind, level = KINDS[question.kind], LEVELS[question.level]
    return (
        f'<details class="question" id="q-{question.id}"'
        f' data-group="{group.name}" data-kind="{question.kind}"'
        f' data-level="{question.level}">\n'
        f"<summary>{escape(question.question)}"
        f' <span class="marks">{kind} · {level}</span></summary>\n\n'
        f"{group.elsewhere(answer(question))}\n\n"
        f'<div class="origin">\n\n{" ".join(told)}\n\n</div>\n</details>\n'
    )


def room(all_groups: list[Group]) -> str:
    """Return the controls and all questions, under their headings."""
    parts = [controls(all_groups)]
    for group in all_groups:
        parts.append(f"## {group.title}\n")
        parts += [folded(question, group) for question in group.questions]
    return "\n".join(parts)


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the questions into their page."""
    if docname == PAGE:
        source[0] = source[0].replace(MARK, room(groups()))


def add_script(
    app: Sphinx, pagename: str, template: str, context: dict, doctree: Any
) -> None:
    """Give this page, and no other, its script and its style."""
    if pagename == PAGE:
        app.add_js_file("interview.js", loading_method="defer")
        app.add_css_file("interview.css", priority=900)  # after book.css


def write_cards(app: Sphinx, error: Exception | None) -> None:
    """Put the cards where the page offers them."""
    if not error and app.builder.format == "html":
        cards.write(groups(), Path(app.outdir) / "book")


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the page when Sphinx reads it, write the cards at the end."""
    app.connect("source-read", fill)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_cards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
