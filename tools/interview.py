"""The questions of the interview room, and the corners made from them.

    make interview    write the corner of every chapter into its notebook

A file of book/interview holds the questions of one group: those of a chapter
if it is called as the chapter is, else those of a theme, whose title it tells.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import nbformat
import yaml

from chapters import ROOT, save

CHAPTERS = ROOT / "chapters"
FOLDER = ROOT / "book" / "interview"
HEADING = "## Interview corner"
KINDS = {
    "define": "say what it is",
    "derive": "say why",
    "compare": "compare",
    "compute": "compute",
    "debug": "find the fault",
    "write": "write it down",
}
LEVELS = {1: "first question", 2: "follow-up", 3: "for specialists"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question with its answers.

    Attributes:
        id: Its name for ever: progress and flash cards hang on it.
        kind: One of `KINDS`.
        level: One of `LEVELS`.
        question: In plain text, as one line.
        short: What one says in 30 seconds, in Markdown.
        full: What one says in three minutes, in Markdown.
        shows: What shows it: a heading of a chapter,
            `chapters/NAME.ipynb#anchor`, or a name of the package.
        source: Who says so: paper, version, section.
        check: What computes the numbers of the answer: `module.function` of
            `tests/interview_checks`, or several with spaces between.
        corner: Whether it stands in the chapter, too.
    """

    id: str
    kind: str
    level: int
    question: str
    short: str
    full: str
    shows: str
    source: str = ""
    check: str = ""
    corner: bool = False

    def __post_init__(self) -> None:
        """Refuse what the page, the chapters or the cards cannot show.

        Raises:
            ValueError: A field is not as it has to be.
        """
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise ValueError(f"id {self.id!r}, expected words such as a-b-c")
        if self.kind not in KINDS:
            known = ", ".join(KINDS)
            raise ValueError(
                f"{self.id}: kind {self.kind!r}, expected one of {known}"
            )
        if self.level not in LEVELS:
            raise ValueError(f"{self.id}: level {self.level!r}, expected 1-3")
        if re.search(r"[$`*\n]", self.question):
            raise ValueError(f"{self.id}: the question is not plain text")
        for name in ("question", "short", "full", "shows"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.id}: {name} is empty")
        for name in ("short", "full"):
            if re.match(r"\s*(```|\||>|[-*+] |\d+\. )", getattr(self, name)):
                raise ValueError(
                    f"{self.id}: {name} begins with a block, expected a"
                    " sentence: its name stands on the same line"
                )
        if not self.source and not self.check:
            raise ValueError(f"{self.id}: no source and no check")


@dataclass(frozen=True)
class Group:
    """The questions of one chapter or theme.

    Attributes:
        name: Stem of its file; of a chapter, that of the notebook.
        title: Its heading in the room.
        questions: In the order of the file.
    """

    name: str
    title: str
    questions: tuple[Question, ...]

    def corner(self) -> str:
        """Return the interview corner of the chapter, in Markdown."""
        folded = [
            "<details>\n"
            f"<summary>{escape(one.question, quote=False)}</summary>\n\n"
            f"{answer(one)}\n\n</details>"
            for one in self.questions
            if one.corner
        ]
        return "\n\n".join([HEADING, *folded])

    def elsewhere(self, text: str) -> str:
        """Return a text of this chapter as it reads outside of it."""
        return re.sub(r"this\s+chapter", f"chapter {self.name[:2]}", text)


def answer(question: Question) -> str:
    """Return both answers in Markdown, each under its name."""
    return f"**Short.** {question.short}\n\n**Full.** {question.full}"


def read(path: Path) -> Group:
    """Read the questions of one group.

    Raises:
        ValueError: A record has a field too many, too few or a wrong one, or
            a theme has no title.
    """
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "title" not in data and not (CHAPTERS / f"{path.stem}.ipynb").exists():
        raise ValueError(f"{path.name}: no title, and no chapter of this name")
    questions = []
    for record in data["questions"]:
        texts = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in record.items()
        }
        try:
            questions.append(Question(**texts))
        except TypeError as error:
            raise ValueError(
                f"{path.name}: {texts.get('id')}: {error}"
            ) from None
    title = data.get("title") or chapter_title(path.stem)
    return Group(path.stem, title, tuple(questions))


def groups() -> list[Group]:
    """Return all groups: the chapters in their order, then the themes."""
    found = [read(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return sorted(found, key=lambda group: not group.name[0].isdigit())


@cache
def headings(chapter: str) -> dict[str, str]:
    """Return the headings of a chapter by the anchors that links name.

    Args:
        chapter: Stem of the notebook.
    """
    notebook = json.loads((CHAPTERS / f"{chapter}.ipynb").read_text("utf-8"))
    text = "\n".join(
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
    )
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"): words
        for words in found
    }


def chapter_title(chapter: str) -> str:
    """Return the number and the first heading of a chapter."""
    return f"{chapter[:2]} {next(iter(headings(chapter).values()))}"


def main() -> None:
    """Write the corners that changed."""
    for group in groups():
        path = CHAPTERS / f"{group.name}.ipynb"
        if not path.exists():
            continue
        notebook = nbformat.read(path, as_version=4)
        (cell,) = [
            cell for cell in notebook.cells if cell.source.startswith(HEADING)
        ]
        if cell.source != group.corner():
            cell.source = group.corner()
            save(notebook, path)
            print(f"{path.name}: its interview corner is new")


if __name__ == "__main__":
    main()
