"""Tasks and probes made from the documents of a world of text.

A task has labels: `examples` gives all of a split, `few_labels` a balanced
sample to learn from. A probe asks a language model at one place of a
document and needs no label. Summaries such as "overall : yes ." are left out
of all of them but `prompts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from reinvent.toolbox.documents import (
    LINKING,
    NOUNS,
    NUMBERS,
    POLARITIES,
    TAILS,
    TOPICS,
    TWO_SENSES,
    VERBS,
    Document,
    Token,
    Words,
)

TASKS = {
    "sentiment": POLARITIES,
    "topic": TOPICS,
    "early sense": TOPICS,
    "late sense": TOPICS,
    "order": ("swapped", "in order"),
    "next": ("another", "next"),
}
"""The names of the tasks, and what their labels stand for."""


class Example(NamedTuple):
    """A text with its label.

    Attributes:
        words: Of the text.
        label: A place in TASKS[task].
        place: Where the word stands whose sense is asked, else None.
        second: The words of the second text if the task has two, else ().
    """

    words: Words
    label: int
    place: int | None = None
    second: Words = ()


def examples(
    documents: Sequence[Document], task: str, seed: int = 0
) -> list[Example]:
    """Make all examples of a task.

    - "sentiment": is the document negative or positive?
    - "topic": what is it about?
    - "early sense": in the sense of which topic is its first noun used?
      Of documents that open with a noun of two senses.
    - "late sense": the same of the first noun of two senses in its second
      half.
    - "order": do the two halves stand in their order, or are they swapped?
    - "next": is the second text the second half of the same document, or of
      another one, drawn by chance? One in six of these has the same topic.

    Args:
        documents: What to make them of; one example each, or none.
        task: One of TASKS.
        seed: Of "order" and "next": draws which half of the examples has
            which label, and the other documents.

    Raises:
        ValueError: The task is unknown, there is no document, or only one
            for "next".
    """
    _check_name(task, TASKS, "task")
    if len(documents) < 1 + (task == "next"):
        raise ValueError(
            f"{len(documents)} documents for {task!r}, expected at least"
            f" {1 + (task == 'next')}"
        )
    if task in ("order", "next"):
        return _pairs(documents, task, Random(f"{task} {seed}"))
    if task.endswith("sense"):
        return [
            Example(probe.words, TOPICS.index(probe.topic), probe.place)
            for probe in sense_probes(documents, task.split()[0])
        ]
    return [Example(d.body, _label(d, task)) for d in documents]


def _label(document: Document, task: str) -> int:
    """Find the label of sentiment or topic."""
    if task == "topic":
        return TOPICS.index(document.topic)
    return POLARITIES.index(document.polarity)


def _pairs(
    documents: Sequence[Document], task: str, rng: Random
) -> list[Example]:
    """Make a true or a false pair of the halves of each document."""
    labels = [i % 2 for i in range(len(documents))]
    rng.shuffle(labels)
    pairs = []
    for i, (document, label) in enumerate(zip(documents, labels, strict=True)):
        first, second = document.halves
        if not label and task == "order":
            first, second = second, first
        elif not label:
            other = (i + rng.randrange(1, len(documents))) % len(documents)
            second = documents[other].halves[1]
        pairs.append(Example(first, label, second=second))
    return pairs


def few_labels(
    documents: Sequence[Document], task: str, count: int, seed: int = 0
) -> list[Example]:
    """Draw a few examples of a task, of each label as many.

    Where `count` cannot be shared out, some labels have one more. With the
    same seed, a larger sample begins like a smaller one.

    Args:
        documents: What to make them of.
        task: One of TASKS.
        count: Number of examples.
        seed: The same seed gives the same sample.

    Raises:
        ValueError: The task is unknown, `count` is smaller than 1, or the
            documents do not give so many examples.
    """
    rng = Random(f"few labels {task} {seed}")
    made = examples(documents, task, seed)
    rng.shuffle(made)
    classes = range(len(TASKS[task]))
    shares = [[e for e in made if e.label == label] for label in classes]
    rng.shuffle(shares)
    most = min(len(shares) * len(share) + i for i, share in enumerate(shares))
    if not 1 <= count <= most:
        raise ValueError(
            f"count is {count}, expected 1 to {most}: so many balanced"
            f" examples of {task!r} do {len(documents)} documents give"
        )
    return [shares[i % len(shares)][i // len(shares)] for i in range(count)]


def prompts(documents: Sequence[Document], tail: str) -> list[Example]:
    """Begin a summary behind each document, for a model to go on.

    Args:
        documents: What to ask about.
        tail: "overall" (go on with "no" or "yes") or "about" (with a topic).

    Returns:
        Texts that end with ":"; a label is a place in TAILS[tail].

    Raises:
        ValueError: The tail is unknown.
    """
    _check_name(tail, TAILS, "tail")
    task = "topic" if tail == "about" else "sentiment"
    return [
        Example((*document.body, tail, ":"), _label(document, task))
        for document in documents
    ]


class NounProbe(NamedTuple):
    """A noun in a document.

    Attributes:
        words: Of the document.
        place: Of the noun.
        lemma: Its singular.
        number: "singular" or "plural".
        topic: Of the document.
        sense: "bank (nature)"; "" if the noun has one sense only.
    """

    words: Words
    place: int
    lemma: str
    number: str
    topic: str
    sense: str


def cloze_probes(
    documents: Sequence[Document], which: str = "first"
) -> list[NounProbe]:
    """Find the noun to hide in each document.

    Args:
        documents: One probe each.
        which: "first": only the right context can tell its topic; or "last".

    Raises:
        ValueError: `which` is neither.
    """
    _check_name(which, ("first", "last"), "noun")
    end = 0 if which == "first" else -1
    return [_nouns(document)[end] for document in documents]


def sense_probes(
    documents: Sequence[Document], where: str = "early"
) -> list[NounProbe]:
    """Find nouns of two senses, at most one in each document.

    Args:
        documents: Where to look.
        where: "early": the first noun of the document, so that only the
            right context can tell its sense; "late": the first one in the
            second half, behind a half that has told the topic.

    Raises:
        ValueError: `where` is neither.
    """
    _check_name(where, ("early", "late"), "where")
    return [probe for d in documents for probe in _two_senses(d, where)[:1]]


def _two_senses(document: Document, where: str) -> list[NounProbe]:
    """Find the nouns of two senses at the start or in the second half."""
    nouns = _nouns(document)
    if where == "early":
        nouns = nouns[:1]
    else:
        nouns = [n for n in nouns if n.place >= document.starts[2]]
    return [noun for noun in nouns if noun.sense]


def _nouns(document: Document) -> list[NounProbe]:
    body, tokens = document.body, document.tokens
    return [
        NounProbe(body, i, t.lemma, t.number, t.topic, t.sense)
        for i, t in enumerate(tokens)
        if t.part == "noun"
    ]


class VerbProbe(NamedTuple):
    """A verb that must agree with its subject.

    Attributes:
        words: Of the document.
        place: Of the verb.
        subject: Place of the noun that it agrees with.
        right: The form that agrees: words[place].
        wrong: The form that does not.
        distance: Words between the noun and the verb.
        attractors: How many of the nouns between have the other number.
    """

    words: Words
    place: int
    subject: int
    right: str
    wrong: str
    distance: int
    attractors: int


def agreement_probes(
    documents: Sequence[Document], shortest: int = 0
) -> list[VerbProbe]:
    """Find the verbs and the nouns that they must agree with.

    Args:
        documents: Up to four verbs each.
        shortest: Leave out those with fewer words between; one phrase such
            as "near the river" is 3 or 4 words, two are 6 to 8.

    Raises:
        ValueError: `shortest` is negative or longer than two phrases.
    """
    if not 0 <= shortest <= 8:
        raise ValueError(f"shortest is {shortest}, expected 0 to 8 words")
    found = [probe for d in documents for probe in _agreements(d)]
    return [probe for probe in found if probe.distance >= shortest]


def _agreements(document: Document) -> list[VerbProbe]:
    """Find the verb of each sentence and its subject, the first noun."""
    body, probes, start = document.body, [], 0
    for sentence in document.sentences:
        parts = [token.part for token in sentence]
        subject, place = parts.index("noun"), parts.index("verb")
        verb = sentence[place]
        nouns = [token for token in sentence[:place] if token.part == "noun"]
        probes.append(
            VerbProbe(
                body,
                start + place,
                start + subject,
                right=verb.word,
                wrong=_other_number(verb),
                distance=place - subject - 1,
                attractors=sum(n.number != verb.number for n in nouns),
            )
        )
        start += len(sentence)
    return probes


def _other_number(verb: Token) -> str:
    """Return the form of a verb that does not agree."""
    forms = LINKING.get(verb.lemma)
    if forms is None:
        forms = next(f for f in VERBS[verb.topic] if f[1] == verb.lemma)
    return forms[1 - NUMBERS.index(verb.number)]


def noun_words(topic: str | None = None, number: str | None = None) -> Words:
    """List the nouns, to see which of them a model expects.

    Args:
        topic: Only those of this topic that have no other sense.
        number: Only "singular" or "plural" ones.

    Raises:
        ValueError: The topic or the number is unknown.
    """
    forms = [noun for nouns in NOUNS.values() for noun in nouns]
    forms += TWO_SENSES
    if topic is not None:
        _check_name(topic, TOPICS, "topic")
        forms = NOUNS[topic]
    if number is not None:
        _check_name(number, NUMBERS, "number")
        return tuple(noun[NUMBERS.index(number)] for noun in forms)
    return tuple(word for noun in forms for word in noun)


def _check_name(name: str, known: Sequence[str] | dict, what: str) -> None:
    if name not in known:
        raise ValueError(f"{what} is {name!r}, expected one of {list(known)}")
