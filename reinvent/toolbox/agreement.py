"""How French agrees, elides and contracts: the lower half of the grammar.

`reinvent.toolbox.grammar` decides what to say; the functions here give the
words their forms and, at the end, turn words into positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest

from reinvent.toolbox.lexicon import (
    BEFORE_VOWEL,
    CONTRACTED,
    OBJECTS,
    PLURAL,
    SINGULAR,
    VOWELS,
    Adjective,
    Noun,
    Verb,
)


@dataclass(eq=False, slots=True)
class Word:
    """A word, and for a French one the English words behind it."""

    text: str
    sure: tuple[Word, ...] = ()
    possible: tuple[Word, ...] = ()


@dataclass(slots=True)
class Phrase:
    """The same phrase in both languages, and what agreement needs.

    `front` holds the English auxiliary, which a question puts first.
    """

    english: list[Word]
    french: list[Word]
    front: list[Word] = field(default_factory=list)
    gender: str = "m"
    plural: bool = False
    nouns: tuple[Noun, ...] = ()

    def append(self, more: Phrase) -> None:
        """Write another phrase behind this one."""
        self.english += more.english
        self.french += more.french

    def kinds(self) -> frozenset[str]:
        """Return the kinds of its nouns; a pronoun stands for a person."""
        return frozenset(n.kind for n in self.nouns) or frozenset({"person"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finished pair of sentences.

    Attributes:
        source: English words.
        target: French words.
        sure: Links (source position, target position), from 0, that nobody
            would doubt.
        possible: All links: the sure ones, and those of a part of a
            translation, as of "not" with both "ne" and "pas".
        pairings: The (adjective, noun) pairs in it, as in "a red car" or
            "the car is red"; English words, the noun in the singular.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]
    pairings: frozenset[tuple[str, str]]


def lead(english: str, french: tuple[str, ...], rest: Phrase) -> Phrase:
    """Write a word in front of a phrase, as "of" before "the king".

    The first French word is its sure translation; more are possible ones.
    """
    a = Word(english)
    first, *more = french
    words = [Word(first, (a,)), *(Word(text, (), (a,)) for text in more)]
    return Phrase(
        [a, *rest.front, *rest.english],
        [*words, *rest.french],
    )


def agree(adjective: Adjective, gender: str, plural: bool) -> str:
    """Return the French form of an adjective."""
    return adjective.french[2 * plural + (gender == "f")]


def decline(
    determiner: str,
    noun: Noun,
    before: Adjective | None,
    after: Adjective | None,
    plural: bool,
    negated: bool,
) -> Phrase:
    """Write determiner, adjectives and noun.

    Args:
        determiner: In English.
        noun: The noun.
        before: The adjective in front of the French noun, if any.
        after: The adjective behind it, if any.
        plural: Speak of many.
        negated: A direct object under "not": French "un" becomes "de".
    """
    many, feminine = int(plural), noun.gender == "f"
    a, n = Word(determiner), Word(noun.english[many])
    one = SINGULAR.get(determiner, ("", ""))[feminine]
    article = PLURAL[determiner] if plural else one
    # "de grands chiens", not "des"; "il ne voit pas de chien", not "un".
    if (determiner == "some" and before) or (negated and determiner == "a"):
        french = [Word("de", (), (a,))]
    else:
        french = [Word(article, (a,))]
    english = [a]
    noun_text = noun.french[many]
    if before:
        b = Word(before.english)
        english.append(b)
        form = agree(before, noun.gender, plural)
        if not plural and not feminine and noun_text.startswith(VOWELS):
            form = before.french[4]  # "un bel arbre", not "beau"
        french.append(Word(form, (b,)))
    french.append(Word(noun_text, (n,)))
    if after:
        c = Word(after.english)
        english.append(c)
        french.append(Word(agree(after, noun.gender, plural), (c,)))
    english.append(n)
    # "a" becomes "an" by what follows it in English.
    if determiner == "a" and english[1].text.startswith(tuple("aeiou")):
        a.text = "an"
    return Phrase(
        english, french, gender=noun.gender, plural=plural, nouns=(noun,)
    )


def conjugate(
    verb: Verb,
    plural: bool,
    negated: bool = False,
    asked: bool = False,
    pronoun: str = "",
) -> Phrase:
    """Write a verb with its negation and its object pronoun.

    Args:
        verb: The verb.
        plural: The subject is plural.
        negated: "does not see", "ne voit pas".
        asked: "does ... see": the auxiliary is put into `front`.
        pronoun: English object, which French puts before the verb.
    """
    helped = negated or asked
    front = [Word("do" if plural else "does")] if helped else []
    v = Word(verb.english[1 if helped else int(plural)])
    particles = [Word(verb.particle)] if verb.particle else []
    english = [v, *particles]
    french = [Word(verb.french[plural], (v,), (*front, *particles))]
    if pronoun:
        spoken_to = verb.objects == {"hearer"}
        to = [Word("to")] if spoken_to else []
        o = Word(pronoun)
        english += [*to, o]
        french.insert(0, Word(OBJECTS[pronoun][spoken_to], (o,), (*to,)))
    phrase = Phrase(english, french, front)
    return negate(phrase) if negated else phrase


def negate(phrase: Phrase) -> Phrase:
    """Put "not" in front and "ne ... pas" around."""
    n = Word("not")
    return Phrase(
        [n, *phrase.english],
        [Word("ne", (), (n,)), *phrase.french, Word("pas", (), (n,))],
        phrase.front,
    )


def contract(words: list[Word]) -> list[Word]:
    """Melt "de le" into "du", and so on; "de l'homme" stays."""
    melted: list[Word] = []
    for word, after in zip_longest(words, words[1:]):
        vowel = after is not None and after.text.startswith(VOWELS)
        key = (melted[-1].text if melted else "", word.text)
        if key in CONTRACTED and not (word.text == "le" and vowel):
            first = melted.pop()
            origins = first.sure + first.possible + word.sure
            melted.append(Word(CONTRACTED[key], (), origins))
        else:
            melted.append(word)
    return melted


def elide(words: list[Word]) -> None:
    """Shorten words before a vowel in place: "le homme" to "l' homme"."""
    for word, after in zip(words, words[1:], strict=False):
        if word.text == "si" and after.text in ("il", "ils"):
            word.text = "s'"
        elif word.text in BEFORE_VOWEL and after.text.startswith(VOWELS):
            word.text = BEFORE_VOWEL[word.text]
            # The article l' has lost its gender: a possible link only.
            if word.text == "l'" and word.sure[0].text == "the":
                word.sure, word.possible = (), word.sure


def finish(
    english: list[Word], french: list[Word], pairings: set[tuple[str, str]]
) -> Sentence:
    """Contract, elide and number the words."""
    french = contract(french)
    elide(french)
    place = {id(word): i for i, word in enumerate(english)}
    sure, possible = set(), set()
    for j, word in enumerate(french):
        sure |= {(place[id(origin)], j) for origin in word.sure}
        possible |= {(place[id(origin)], j) for origin in word.possible}
    return Sentence(
        tuple(word.text for word in english),
        tuple(word.text for word in french),
        frozenset(sure),
        frozenset(sure | possible),
        frozenset(pairings),
    )
