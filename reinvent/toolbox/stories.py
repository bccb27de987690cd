"""Stories with questions: the bAbI file format, and a world to tell of.

bAbI (Weston et al., 2015) numbers the lines of a story from 1; a question is
a line of the story like any other::

    1 Mary moved to the bathroom.
    2 Mary got the milk there.
    3 Where is the milk? <tab>bathroom<tab>2 1

Behind the answer stand the numbers of the lines that it follows from, in the
order of reasoning. Here a question comes with its own list of statements,
and facts are positions in that list, from 0.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from reinvent.toolbox.world import PLACES, Words, World

LINE = re.compile(r"(\d+) (.*)")
QUESTION = re.compile(r"([^\t?]+)\? ?\t([^\t]+)\t(\d+(?: \d+)*)")
STATEMENT = re.compile(r"([^\t.]+)\.")


class BabiFormatError(ValueError):
    """A line of a file is not in the bAbI format."""


@dataclass(frozen=True)
class Question:
    """A question and all that was told before it.

    Attributes:
        statements: Oldest first, each a tuple of words without its full
            stop; earlier questions of the story are left out.
        question: Words without the question mark.
        answer: One word, or several with commas: "football,milk".
        facts: Positions in `statements` that give the answer, in the order
            of reasoning.
    """

    statements: tuple[Words, ...]
    question: Words
    answer: str
    facts: tuple[int, ...]


def read_babi(path: str | Path) -> list[Question]:
    """Read a file in the bAbI format.

    Args:
        path: One of the official files, or one by `write_babi`.

    Returns:
        The questions in the order of the file.

    Raises:
        BabiFormatError: A line is broken. The message gives the file, the
            line, its text and what was expected.
    """
    reader = _Reader()
    number, text = 0, ""
    try:
        for raw in Path(path).read_bytes().splitlines():
            number, text = number + 1, raw.decode("utf-8", "replace")
            reader.read(text)
        reader.end_story()
    except _ExpectedError as error:
        raise BabiFormatError(
            f"{path}, line {number}: {text!r}: expected {error}"
        ) from None
    return reader.questions


class _ExpectedError(Exception):
    """Says what a line should have been."""


class _Reader:
    """Takes line after line and collects the questions."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.told: list[Words] = []  # the statements of this story
        self.place: dict[int, int] = {}  # line of the story: place in told
        self.last = 0
        self.asked = False

    def read(self, text: str) -> None:
        """Read one line."""
        line = LINE.fullmatch(text)
        if not line:
            raise _ExpectedError("a number, a space and a sentence in UTF-8")
        index, sentence = int(line[1]), line[2]
        if index == 1 and self.last:
            self.end_story()
            self.told, self.place = [], {}
        elif index != self.last + 1:
            start = " or 1" if self.last else ""
            raise _ExpectedError(f"number {self.last + 1}{start}")
        self.last, self.asked = index, False
        if "\t" in sentence or "?" in sentence:
            self.read_question(sentence)
        else:
            self.read_statement(sentence)

    def read_statement(self, sentence: str) -> None:
        """Add a statement to the story."""
        match = STATEMENT.fullmatch(sentence)
        if not match:
            raise _ExpectedError("a statement with one full stop, at its end")
        self.place[self.last] = len(self.told)
        self.told.append(tuple(match[1].split()))

    def read_question(self, sentence: str) -> None:
        """Add a question about the story so far."""
        match = QUESTION.fullmatch(sentence)
        if not match:
            raise _ExpectedError(
                "question?, tab, answer, tab, numbers of the facts"
            )
        facts = [int(fact) for fact in match[3].split()]
        for fact in facts:
            if fact not in self.place:
                raise _ExpectedError(
                    f"fact {fact} to be the number of an earlier statement"
                )
        self.questions.append(
            Question(
                tuple(self.told),
                tuple(match[1].split()),
                match[2],
                tuple(self.place[fact] for fact in facts),
            )
        )
        self.asked = True

    def end_story(self) -> None:
        """Refuse a story that asks nothing at its end."""
        if not self.asked:
            raise _ExpectedError("each story to end with a question")


def write_babi(questions: Iterable[Question], path: str | Path) -> None:
    """Write a file in the bAbI format; `read_babi` gives the same list.

    A question whose statements begin with all those of the question before
    continues its story, so that a list from an official file gives that
    file again. (A few official files lack the space behind the question
    mark; it is always written.) The file is there whole or not at all.

    Args:
        questions: At least one.
        path: An existing file is replaced.

    Raises:
        ValueError: There is no question, or one that the format cannot
            hold: without facts, or with a fact outside its statements.
    """
    lines: list[str] = []
    told: tuple[Words, ...] = ()
    numbers: list[int] = []  # of the statements of this story
    last = 0
    for question in questions:
        statements = question.statements
        _check(question)
        if not last or statements[: len(told)] != told:
            told, numbers, last = (), [], 0
        for words in statements[len(told) :]:
            last += 1
            numbers.append(last)
            lines.append(f"{last} {' '.join(words)}.\n")
        told = statements
        last += 1
        facts = " ".join(str(numbers[fact]) for fact in question.facts)
        asked = " ".join(question.question)
        lines.append(f"{last} {asked}? \t{question.answer}\t{facts}\n")
    if not lines:
        raise ValueError("no question to write: expected at least one")
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        partial.write_text("".join(lines), encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _check(question: Question) -> None:
    """Refuse what `read_babi` would not give back."""
    count = len(question.statements)
    wrong = [fact for fact in question.facts if not 0 <= fact < count]
    if wrong or not question.facts:
        raise ValueError(
            f"facts must be positions among {count} statements,"
            f" 0 to {count - 1}; got {question.facts}"
        )
    for words in (*question.statements, question.question, (question.answer,)):
        for word in words:
            if not word or re.search(r"[\s.?]", word):
                raise ValueError(
                    "a word must have letters, and no space, full stop or"
                    f" question mark; got {word!r} in {words}"
                )
        if not words:
            raise ValueError("a statement or question without words")


def generate_stories(
    count: int,
    facts: int = 2,
    seed: int = 0,
    *,
    shortest: int = 4,
    longest: int = 16,
) -> list[Question]:
    """Tell stories of four people, six places and three objects.

    Each question has a story of its own. Its facts are those of the
    official tasks 1 to 3:

    - 1, "Where is Mary": her last move.
    - 2, "Where is the milk": who took it last and the last move of that
      person; or who put it down last and the last move before that.
    - 3, "Where was the milk before the garden": who took or put it down
      last, the move to the garden with it, and the move before.

    In official files the place named last is the answer to task 1 in more
    than half of the questions. Here it is in one of six, the place named
    most often likewise: guesses that need no reasoning fail.

    Args:
        count: Number of questions.
        facts: 1, 2 or 3.
        seed: The same seed gives the same stories.
        shortest: Fewest statements of a story, at least 4.
        longest: Most statements, at least 8 so that each question can occur.

    Raises:
        ValueError: An argument is out of its range.
    """
    if facts not in (1, 2, 3):
        raise ValueError(f"facts must be 1, 2 or 3, got {facts}")
    if count < 1 or not 4 <= shortest <= longest or longest < 8:
        raise ValueError(
            "expected count >= 1 and 4 <= shortest <= longest >= 8, got"
            f" count={count}, shortest={shortest}, longest={longest}"
        )
    rng = Random(f"stories {facts} {seed}")
    questions = []
    for _ in range(count):
        # Each of the two guesses shall be right in one of six stories.
        wanted = tuple(rng.random() < 1 / len(PLACES) for _ in range(2))
        while True:
            world = World(rng)
            for _ in range(rng.randint(shortest, longest)):
                world.go_on(with_objects=facts > 1)
            asked = world.ask(facts)
            if asked and _guesses(world.told, asked[1]) == wanted:
                break
        questions.append(Question(tuple(world.told), *asked))
    return questions


def _guesses(told: list[Words], answer: str) -> tuple[bool, bool]:
    """Say whether the place named last, and most often, is the answer."""
    places = [words[-1] for words in told if words[-1] in PLACES]
    # Of places named equally often, the one named last.
    often = Counter(reversed(places)).most_common(1)[0][0]
    return places[-1] == answer, often == answer
