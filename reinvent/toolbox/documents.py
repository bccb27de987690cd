"""A world of text: short documents of which every word's truth is known.

A document has a topic and a polarity. Two of its four sentences tell what
happens, two give an opinion; some documents end with a summary::

    this bank hunts the small leaves . the river near those foxes is lovely
    and not bad . these valleys seem superb . the butterfly devours the bass .
    overall : yes .

What the chapters on pretraining measure is built in:

- Each topic has six nouns of its own and shares two with its neighbours:
  "bank" is a word of finance and of nature. Half of the documents open with
  such a noun, before anything has told the topic.
- No noun comes twice in a document, so that no noun can be copied.
- The three verbs of a topic are the steps of a plot: one hunts, catches,
  devours. The first half of a document tells an earlier step than the
  second half.
- Verbs agree with their subject, also across a phrase such as "near those
  foxes".
- An opinion is that of the document; before "not" stands its opposite.

What the sentences say is nonsense: any noun of the topic may hunt a leaf.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from reinvent.toolbox.vocabulary import Vocabulary

Words = tuple[str, ...]
Forms = tuple[str, str]  # singular, plural


def _forms(text: str) -> tuple[Forms, ...]:
    words = text.split()
    return tuple(zip(words[::2], words[1::2], strict=True))


NOUNS = {
    "finance": _forms(
        "loan loans coin coins broker brokers market markets"
        " dollar dollars investor investors"
    ),
    "nature": _forms(
        "river rivers forest forests fox foxes valley valleys"
        " leaf leaves butterfly butterflies"
    ),
    "music": _forms(
        "violin violins singer singers melody melodies drum drums"
        " choir choirs piano pianos"
    ),
    "sport": _forms(
        "player players referee referees team teams coach coaches"
        " trophy trophies racket rackets"
    ),
    "law": _forms(
        "judge judges lawyer lawyers witness witnesses jury juries"
        " verdict verdicts thief thieves"
    ),
    "cooking": _forms(
        "oven ovens sauce sauces knife knives dish dishes"
        " onion onions chef chefs"
    ),
}
"""The nouns that have one sense, by topic: (singular, plural)."""

TWO_SENSES = {
    ("bank", "banks"): ("finance", "nature"),
    ("bass", "basses"): ("nature", "music"),
    ("pitch", "pitches"): ("music", "sport"),
    ("court", "courts"): ("sport", "law"),
    ("order", "orders"): ("law", "cooking"),
    ("stock", "stocks"): ("cooking", "finance"),
}
"""The nouns that have two, and the topics of their senses."""

VERBS = {
    "finance": _forms("borrows borrow trades trade repays repay"),
    "nature": _forms("hunts hunt catches catch devours devour"),
    "music": _forms("composes compose rehearses rehearse performs perform"),
    "sport": _forms("trains train challenges challenge defeats defeat"),
    "law": _forms("accuses accuse defends defend acquits acquit"),
    "cooking": _forms("chops chop boils boil serves serve"),
}
"""The verbs of a topic, in the order in which things happen."""

TOPICS = tuple(NOUNS)
POLARITIES = ("negative", "positive")
ADJECTIVES = {
    polarity: tuple(words.split())
    for polarity, words in {
        "negative": "bad awful terrible horrible dreadful poor ugly nasty",
        "positive": "good great lovely wonderful excellent pleasant superb"
        " fine",
        "neutral": "red green blue black big small tall tiny",
    }.items()
}
LINKING = {
    "be": ("is", "are"),
    "seem": ("seems", "seem"),
    "look": ("looks", "look"),
}
DETERMINERS = {
    "the": ("the", "the"),
    "this": ("this", "these"),
    "that": ("that", "those"),
}
PREPOSITIONS = ("near", "behind", "beside")
TAILS = {"overall": ("no", "yes"), "about": TOPICS}
"""How a summary begins, and the answers: those of POLARITIES, of TOPICS."""

WORDS = tuple(
    sorted(
        {
            word
            for table in (*NOUNS.values(), *VERBS.values(), TWO_SENSES)
            for forms in table
            for word in forms
        }
        | {word for words in ADJECTIVES.values() for word in words}
        | {word for forms in LINKING.values() for word in forms}
        | {word for forms in DETERMINERS.values() for word in forms}
        | {word for answers in TAILS.values() for word in answers}
        | {*PREPOSITIONS, *TAILS, "not", "and", ".", ":"}
    )
)
"""All words of the world, by alphabet."""

# Chances, as shares of the places where each may happen.
AMBIGUOUS_OPENING = 0.5
PLURAL = 0.4
PLAIN_DETERMINER = 0.7
NEUTRAL_ADJECTIVE = 0.15
MODIFIER, SECOND_MODIFIER = 0.35, 0.3
SECOND_OPINION = 0.8
NEGATED = 0.1
TAIL_CHANCES = {"overall": 0.4, "about": 0.2}

NUMBERS = ("singular", "plural")


class Token(NamedTuple):
    """A word and what is true of it; "" stands for nothing.

    Attributes:
        word: As it is written.
        lemma: Its entry in a dictionary: "knife" of "knives", "be" of "are".
        part: "noun", "verb", "determiner", "adjective", "preposition",
            "adverb" (not), "conjunction" (and), "mark" or "tail" (all of a
            summary).
        number: "singular" or "plural", of nouns and of what agrees with
            them.
        topic: Of the nouns and verbs of a topic.
        sense: Of nouns that have two: "bank (nature)".
    """

    word: str
    lemma: str
    part: str
    number: str = ""
    topic: str = ""
    sense: str = ""


Tokens = tuple[Token, ...]
NOT = Token("not", "not", "adverb")
AND = Token("and", "and", "conjunction")
STOP = Token(".", ".", "mark")


@dataclass(frozen=True)
class Document:
    """Four sentences, and perhaps a summary.

    Attributes:
        topic: One of TOPICS.
        polarity: "negative" or "positive".
        sentences: Four; each half has one that tells what happens and one
            that gives an opinion.
        tails: None, one or two summaries, "overall : yes ." first.
    """

    topic: str
    polarity: str
    sentences: tuple[Tokens, ...]
    tails: tuple[Tokens, ...]

    @property
    def tokens(self) -> Tokens:
        """Everything, summaries included; place i is that of `words`."""
        return sum(self.sentences + self.tails, ())

    @property
    def words(self) -> Words:
        """The words of everything: what a language model reads."""
        return _words(*self.sentences, *self.tails)

    @property
    def body(self) -> Words:
        """The words without summaries, which give the answers away."""
        return _words(*self.sentences)

    @property
    def halves(self) -> tuple[Words, Words]:
        """The words of the first two sentences and of the last two."""
        return _words(*self.sentences[:2]), _words(*self.sentences[2:])

    @property
    def starts(self) -> tuple[int, ...]:
        """The place in `words` where each sentence and summary begins."""
        pieces = self.sentences + self.tails
        return tuple(sum(map(len, pieces[:i])) for i in range(len(pieces)))

    def __str__(self) -> str:
        """Return the text."""
        return " ".join(self.words)


def _words(*pieces: Tokens) -> Words:
    return tuple(token.word for piece in pieces for token in piece)


@dataclass(frozen=True)
class Corpus:
    """Documents in three splits; no four sentences come twice.

    Attributes:
        train: Documents to learn from.
        valid: Documents to choose settings by.
        test: Documents to report.
        words: All words of the world, WORDS, in every corpus the same.
    """

    train: tuple[Document, ...]
    valid: tuple[Document, ...]
    test: tuple[Document, ...]
    words: Vocabulary


def generate_corpus(
    train_size: int = 12_000, test_size: int = 500, seed: int = 0
) -> Corpus:
    """Write a corpus.

    Args:
        train_size: Documents in `train`. A smaller one begins like a larger.
        test_size: Documents in `valid`, and in `test`.
        seed: The same seed gives the same corpus.

    Raises:
        ValueError: A size is smaller than 1.
    """
    if train_size < 1 or test_size < 1:
        raise ValueError(
            "sizes must be at least 1, got"
            f" train_size={train_size} and test_size={test_size}"
        )
    sizes = {"test": test_size, "valid": test_size, "train": train_size}
    written: set[Words] = set()
    splits = {}
    for split, size in sizes.items():
        rng = Random(f"documents {split} {seed}")
        documents: list[Document] = []
        while len(documents) < size:
            document = write_document(rng)
            if document.body not in written:
                written.add(document.body)
                documents.append(document)
        splits[split] = tuple(documents)
    return Corpus(words=Vocabulary(WORDS), **splits)


def write_document(rng: Random) -> Document:
    """Write one document.

    Args:
        rng: Where chance comes from.
    """
    topic, polarity = rng.choice(TOPICS), rng.choice(POLARITIES)
    writer = _Writer(rng, topic, polarity)
    steps = sorted(rng.sample(VERBS[topic], 2), key=VERBS[topic].index)
    sentences = []
    for verb in steps:
        if rng.random() < 0.5:
            sentences += [writer.event(verb), writer.opinion()]
        else:
            sentences += [writer.opinion(), writer.event(verb)]
    truth = {
        "overall": TAILS["overall"][POLARITIES.index(polarity)],
        "about": topic,
    }
    tails = tuple(
        tuple(Token(w, w, "tail") for w in (name, ":", truth[name], "."))
        for name, chance in TAIL_CHANCES.items()
        if rng.random() < chance
    )
    return Document(topic, polarity, tuple(sentences), tails)


class _Writer:
    """Writes the sentences of one document, first to last."""

    def __init__(self, rng: Random, topic: str, polarity: str) -> None:
        self.rng = rng
        self.topic = topic
        self.polarity = polarity
        own = list(NOUNS[topic])
        shared = [noun for noun in TWO_SENSES if topic in TWO_SENSES[noun]]
        first = shared if rng.random() < AMBIGUOUS_OPENING else own
        opening = rng.choice(first)
        rest = [noun for noun in own + shared if noun != opening]
        rng.shuffle(rest)
        self.nouns = iter([opening, *rest])
        self.spare = len(rest) - 5  # subjects and objects need six nouns

    def event(self, verb: Forms) -> Tokens:
        """Tell what happens: "this bank hunts the small leaves ."."""
        subject, number = self.subject()
        word = verb[NUMBERS.index(number)]
        does = Token(word, verb[1], "verb", number, self.topic)
        return (*subject, does, *self.noun_phrase(self.number()), STOP)

    def opinion(self) -> Tokens:
        """Say how something is: "the river is lovely and not bad ."."""
        subject, number = self.subject()
        lemma = self.rng.choice(list(LINKING))
        word = LINKING[lemma][NUMBERS.index(number)]
        tokens = [*subject, Token(word, lemma, "verb", number)]
        tokens += self.judgement(besides="")
        if self.rng.random() < SECOND_OPINION:
            tokens.append(AND)
            tokens += self.judgement(besides=tokens[-2].word)
        return (*tokens, STOP)

    def judgement(self, besides: str) -> Tokens:
        """Write "lovely", or "not bad", but not the word `besides`."""
        negated = self.rng.random() < NEGATED
        place = POLARITIES.index(self.polarity) ^ negated
        choices = [w for w in ADJECTIVES[POLARITIES[place]] if w != besides]
        word = self.rng.choice(choices)
        adjective = Token(word, word, "adjective")
        return (NOT, adjective) if negated else (adjective,)

    def subject(self) -> tuple[Tokens, str]:
        """Write a subject: "the river near those foxes", and its number."""
        number = self.number()
        tokens = self.noun_phrase(number)
        for chance in (MODIFIER, SECOND_MODIFIER):
            if not self.spare or self.rng.random() >= chance:
                break
            self.spare -= 1
            word = self.rng.choice(PREPOSITIONS)
            tokens += (Token(word, word, "preposition"),)
            tokens += self.noun_phrase(self.number())
        return tokens, number

    def noun_phrase(self, number: str) -> Tokens:
        """Write "the leaves" or "the small leaves", with a new noun."""
        rng, form = self.rng, NUMBERS.index(number)
        lemma = "the"
        if rng.random() >= PLAIN_DETERMINER:
            lemma = rng.choice(["this", "that"])
        word = DETERMINERS[lemma][form]
        tokens = [Token(word, lemma, "determiner", number)]
        if rng.random() < NEUTRAL_ADJECTIVE:
            word = rng.choice(ADJECTIVES["neutral"])
            tokens.append(Token(word, word, "adjective"))
        noun = next(self.nouns)
        sense = f"{noun[0]} ({self.topic})" if noun in TWO_SENSES else ""
        tokens.append(
            Token(noun[form], noun[0], "noun", number, self.topic, sense)
        )
        return tuple(tokens)

    def number(self) -> str:
        """Draw singular or plural."""
        return NUMBERS[self.rng.random() < PLURAL]
