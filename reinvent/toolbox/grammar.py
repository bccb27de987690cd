"""A synchronous grammar: one rule writes English and French together.

Each rule returns the English words and the French words of a phrase. A
French word carries the English words that it comes from, so the alignment is
known, whatever is swapped, merged or split later. The grammar is built so
that an English sentence has one translation: a relative clause belongs to
the noun just before it, and only bare noun phrases are joined by "and".
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from reinvent.toolbox.agreement import (
    Phrase,
    Sentence,
    Word,
    agree,
    conjugate,
    decline,
    finish,
    lead,
    negate,
)
from reinvent.toolbox.lexicon import (
    ADJECTIVES,
    JOINTS,
    NOUNS,
    OBJECTS,
    OPENINGS,
    PLACES,
    PLURAL,
    SINGULAR,
    SUBJECTS,
    TO,
    VERBS,
    Adjective,
    Noun,
    Verb,
)

LIVING = frozenset({"person", "animal"})
LIFELESS = frozenset({"thing", "place"})
# Determiners to draw from: definite ones; with "a"; with "some".
DEFINITE = ("the", "the", "the", "this", "these", "my", "his", "her")
ONE = (*DEFINITE, "a", "a")
ANY = (*ONE, "some", "some")


class Writer:
    """Writes one sentence and its translation.

    Args:
        rng: Where chance comes from.
        richness: Between 0 and 1; scales the chance of optional parts, and
            so the length.
    """

    def __init__(self, rng: Random, richness: float) -> None:
        """See the class."""
        self.rng = rng
        self.richness = richness
        self.depth = 0
        self.used: set[Noun | Adjective] = set()
        self.pairings: set[tuple[str, str]] = set()

    def maybe(self, chance: float) -> bool:
        """Throw a coin for an optional part, rarer the deeper it stands."""
        chance *= self.richness / 2**self.depth
        return self.rng.random() < chance

    def sentence(self) -> Sentence:
        """Write it: a statement, two joined statements or a question."""
        end = "."
        if self.rng.random() < 0.15:
            phrase, end = self.question(), "?"
        else:
            phrase = self.clause()
            if self.maybe(0.6):
                phrase = self.join(phrase, self.clause())
        phrase.append(lead(end, (end,), Phrase([], [])))
        return finish(phrase.english, phrase.french, self.pairings)

    def join(self, first: Phrase, second: Phrase) -> Phrase:
        """Join two clauses: "when he sings , she laughs"."""
        if self.rng.random() < 0.6:
            joint = self.rng.choice(list(JOINTS))
            first.append(lead(joint, JOINTS[joint], second))
            return first
        opening = self.rng.choice(list(OPENINGS))
        phrase = lead(opening, OPENINGS[opening], first)
        phrase.append(lead(",", (",",), second))
        return phrase

    def question(self) -> Phrase:
        """Ask "does he sing": the auxiliary moves, French has est-ce que."""
        # "is the dog in the garden near the tree" has two readings, hence
        # two translations, unless the subject is plain.
        place = self.rng.random() < 0.15
        subject = self.subject(plain=place)
        if place:
            predicate = self.is_somewhere(subject, negated=False)
        else:
            predicate = self.predicate(subject, asked=True)
        asking = tuple(predicate.front)
        return Phrase(
            [*asking, *subject.english, *predicate.english],
            [
                Word("est-ce", (), asking),
                Word("que", (), asking),
                *subject.french,
                *predicate.french,
            ],
        )

    def clause(self) -> Phrase:
        """State something: subject and predicate."""
        negated = self.rng.random() < 0.2
        # "a dog does not sing" would leave open whether no dog does.
        subject = self.subject(DEFINITE if negated else ONE)
        predicate = self.predicate(subject, negated=negated)
        return Phrase(
            [*subject.english, *predicate.front, *predicate.english],
            [*subject.french, *predicate.french],
        )

    def subject(
        self, determiners: tuple[str, ...] = ONE, plain: bool = False
    ) -> Phrase:
        """Say who: a pronoun, a noun phrase or two joined by "and"."""
        if self.rng.random() < 0.25:
            word = self.rng.choice(list(SUBJECTS))
            french, gender, plural = SUBJECTS[word]
            a = Word(word)
            return Phrase([a], [Word(french, (a,))], [], gender, plural)
        kinds = LIVING if self.rng.random() < 0.9 else LIFELESS
        if self.maybe(0.15):
            return self.both(kinds, determiners)
        return self.noun_phrase(kinds, determiners, plain=plain)

    def both(
        self, kinds: Iterable[str], determiners: tuple[str, ...]
    ) -> Phrase:
        """Join two bare noun phrases: masculine if one of them is."""
        one = self.noun_phrase(kinds, determiners, plain=True)
        two = self.noun_phrase(kinds, determiners, plain=True)
        gender = "f" if one.gender == two.gender == "f" else "m"
        one.append(lead("and", ("et",), two))
        return Phrase(
            one.english, one.french, [], gender, True, one.nouns + two.nouns
        )

    def noun_phrase(
        self,
        kinds: Iterable[str],
        determiners: tuple[str, ...],
        plain: bool = False,
        negated: bool = False,
    ) -> Phrase:
        """Write determiner, adjectives, noun and what follows it.

        Args:
            kinds: The noun is of one of these.
            determiners: English ones to draw from.
            plain: Without preposition or relative clause.
            negated: A direct object under "not": French "un" is "de".
        """
        noun = self.fresh([noun for noun in NOUNS if noun.kind in kinds])
        plural = self.rng.random() < 0.35
        allowed = PLURAL if plural else SINGULAR
        word = self.rng.choice([d for d in determiners if d in allowed])
        before, after = self.adjectives(noun)
        phrase = decline(word, noun, before, after, plural, negated)
        # "pas de roi qui ..." would ask for a subjunctive.
        if not plain and not (negated and word == "a"):
            self.modify(phrase, owned=word in ("the", "a"))
        return phrase

    def fresh(self, choices: list) -> Noun | Adjective:
        """Draw a noun or adjective, one not yet used if there is one."""
        choice = self.rng.choice(
            [word for word in choices if word not in self.used] or choices
        )
        self.used.add(choice)
        return choice

    def adjectives(self, noun: Noun) -> tuple[Adjective | None, ...]:
        """Choose the adjective before and the one after the French noun."""
        if self.rng.random() > 0.2 + 0.3 * self.richness:
            return None, None
        fitting = [a for a in ADJECTIVES if noun.kind in a.kinds]
        first, second = self.fresh(fitting), None
        if first.front and self.maybe(0.3):
            pairs = [a for a in fitting if a.pairs]
            second = self.fresh(pairs) if pairs else None
        for adjective in filter(None, (first, second)):
            self.pairings.add((adjective.english, noun.english[0]))
        return (first, second) if first.front else (None, first)

    def modify(self, phrase: Phrase, owned: bool) -> None:
        """Add "of the king", "near the tree" or a relative clause."""
        if not self.maybe(0.7):
            return
        noun = phrase.nouns[0]
        self.depth += 1
        draw = self.rng.random()
        if draw < 0.25 and owned and noun.kind != "person":
            owner = self.noun_phrase({"person"}, ONE)
            phrase.append(lead("of", ("de",), owner))
        elif draw < 0.4:
            phrase.append(self.place(noun.kind in LIVING))
        elif draw < 0.8:
            phrase.append(self.who_does(phrase))
        else:
            phrase.append(self.whom_one_does(noun))
        self.depth -= 1

    def place(self, living: bool) -> Phrase:
        """Say where, or with whom where the speech is of the living."""
        word = self.rng.choice(list(PLACES)[: 4 if living else 3])
        kinds = {"in": {"place"}, "with": LIVING}.get(
            word, {"thing", "place", "person"}
        )
        # "près de" and "des" would melt into one more "de".
        determiners = ONE if word == "near" else ANY
        return lead(word, PLACES[word], self.noun_phrase(kinds, determiners))

    def who_does(self, subject: Phrase) -> Phrase:
        """Write a relative clause about its subject: "who sings"."""
        negated = self.rng.random() < 0.15
        predicate = self.predicate(subject, negated=negated)
        person = subject.nouns[0].kind == "person"
        return lead("who" if person else "that", ("qui",), predicate)

    def whom_one_does(self, noun: Noun) -> Phrase:
        """Write a relative clause about its object: "that he sees"."""
        subject = self.subject(DEFINITE, plain=True)
        while not subject.kinds() <= LIVING:
            subject = self.subject(DEFINITE, plain=True)
        verbs = self.verbs(subject)
        verb = self.rng.choice([v for v in verbs if noun.kind in v.objects])
        does = conjugate(verb, subject.plural, self.rng.random() < 0.15)
        subject.english += does.front
        subject.append(does)
        return lead("that", ("que",), subject)

    def verbs(self, subject: Phrase) -> list[Verb]:
        """Return the verbs for which the subject is fit."""
        return [verb for verb in VERBS if subject.kinds() <= verb.subjects]

    def predicate(
        self, subject: Phrase, negated: bool = False, asked: bool = False
    ) -> Phrase:
        """Say what the subject does or is."""
        living = subject.kinds() <= LIVING
        if not living or self.rng.random() < 0.2:
            if asked or self.rng.random() < 0.75:
                return self.is_something(subject, negated)
            return self.is_somewhere(subject, negated)
        verbs = self.verbs(subject)
        clausal = [verb for verb in verbs if verb.objects == {"that"}]
        if clausal and self.maybe(0.4):
            # "ne pense pas que" would ask for a subjunctive.
            if negated or asked:
                clausal = [v for v in clausal if v.english[1] == "know"]
            verb = self.rng.choice(clausal)
            phrase = conjugate(verb, subject.plural, negated, asked)
            self.depth += 1
            phrase.append(lead("that", ("que",), self.clause()))
            self.depth -= 1
            return phrase
        others = [verb for verb in verbs if verb not in clausal]
        # The two verbs with "to" come more often: "au" needs examples.
        others += [verb for verb in others if not verb.objects.isdisjoint(TO)]
        verb = self.rng.choice(others)
        phrase = self.does(verb, subject.plural, negated, asked)
        if verb.objects.isdisjoint(TO) and self.maybe(0.3):
            phrase.append(self.place(living=True))
        return phrase

    def does(
        self, verb: Verb, plural: bool, negated: bool, asked: bool
    ) -> Phrase:
        """Write a verb with its object, if it takes one."""
        (kind, *_) = verb.objects
        if kind not in ("-", "goal") and self.rng.random() < 0.25:
            pronoun = self.rng.choice(list(OBJECTS))
            return conjugate(verb, plural, negated, asked, pronoun)
        phrase = conjugate(verb, plural, negated, asked)
        if kind in TO:
            phrase.append(
                lead("to", ("à",), self.noun_phrase({TO[kind]}, ONE))
            )
        elif kind != "-" and not negated and self.maybe(0.15):
            phrase.append(self.both(verb.objects, ANY))
        elif kind != "-":
            determiners = ONE if negated else ANY
            phrase.append(
                self.noun_phrase(verb.objects, determiners, negated=negated)
            )
        return phrase

    def is_something(self, subject: Phrase, negated: bool) -> Phrase:
        """Write "is red": the adjective agrees with the subject."""
        kinds = subject.kinds()
        adjective = self.fresh([a for a in ADJECTIVES if kinds <= a.kinds])
        for noun in subject.nouns:
            self.pairings.add((adjective.english, noun.english[0]))
        form = agree(adjective, subject.gender, subject.plural)
        rest = lead(adjective.english, (form,), Phrase([], []))
        return self.be(subject, negated, rest)

    def is_somewhere(self, subject: Phrase, negated: bool) -> Phrase:
        """Write "is in the garden"."""
        place = self.place(subject.kinds() <= LIVING)
        return self.be(subject, negated, place)

    def be(self, subject: Phrase, negated: bool, rest: Phrase) -> Phrase:
        """Write "is" or "are", which stands in front, and the rest."""
        b = Word("are" if subject.plural else "is")
        phrase = Phrase([], [Word("sont" if subject.plural else "est", (b,))])
        if negated:
            phrase = negate(phrase)
        phrase.front = [b]
        phrase.append(rest)
        return phrase
