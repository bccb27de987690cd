"""The words of the English-French grammar, as tables.

A noun or a verb has one English and one French entry and nothing else: each
English sentence of `reinvent.toolbox.grammar` has one translation.
"""

from __future__ import annotations

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun: (singular, plural) of each language, gender, kind."""

    english: tuple[str, str]
    french: tuple[str, str]
    gender: str
    kind: str


class Adjective(NamedTuple):
    """An adjective: French (m, f, m plural, f plural, m before a vowel).

    `front` says that it stands before the French noun; `kinds` are the
    kinds of nouns that it suits; `pairs` says that another, front adjective
    may stand beside it.
    """

    english: str
    french: tuple[str, str, str, str, str]
    front: bool
    kinds: frozenset[str]
    pairs: bool


class Verb(NamedTuple):
    """A verb: (he, they) of each language, and what it asks for.

    `particle` is the preposition of the English verb ("look for"), "" for
    most. `objects` are the kinds of nouns it takes as its object; `subjects`
    the kinds that can do it.
    """

    english: tuple[str, str]
    french: tuple[str, str]
    particle: str
    subjects: frozenset[str]
    objects: frozenset[str]


def _noun(line: str) -> Noun:
    one, many, un, des, gender, kind = line.split()
    return Noun((one, many), (un, des), gender, kind)


NOUNS = tuple(
    map(
        _noun,
        """
        man men homme hommes m person
        woman women femme femmes f person
        child children enfant enfants m person
        king kings roi rois m person
        queen queens reine reines f person
        princess princesses princesse princesses f person
        actress actresses actrice actrices f person
        dog dogs chien chiens m animal
        cat cats chat chats m animal
        bird birds oiseau oiseaux m animal
        horse horses cheval chevaux m animal
        book books livre livres m thing
        apple apples pomme pommes f thing
        tree trees arbre arbres m thing
        car cars voiture voitures f thing
        house houses maison maisons f place
        garden gardens jardin jardins m place
        school schools école écoles f place
        church churches église églises f place
        hotel hotels hôtel hôtels m place
        """.strip().splitlines(),
    )
)


def _adjective(line: str) -> Adjective:
    english, forms, place, kinds, *pairs = line.split()
    m, f, ms, fs, *vowel = forms.split(",")
    return Adjective(
        english,
        (m, f, ms, fs, vowel[0] if vowel else m),
        place == "front",
        frozenset(kinds.split(",")),
        bool(pairs),
    )


# "a big man" is left out: "un grand homme" is a great man.
ADJECTIVES = tuple(
    map(
        _adjective,
        """
        big grand,grande,grands,grandes front animal,thing,place
        small petit,petite,petits,petites front person,animal,thing,place
        young jeune,jeune,jeunes,jeunes front person,animal
        old vieux,vieille,vieux,vieilles,vieil front person,animal,thing,place
        beautiful beau,belle,beaux,belles,bel front person,animal,thing,place
        red rouge,rouge,rouges,rouges back thing,place pairs
        green vert,verte,verts,vertes back thing,place pairs
        black noir,noire,noirs,noires back animal,thing,place pairs
        white blanc,blanche,blancs,blanches back animal,thing,place pairs
        french français,française,français,françaises back person,place pairs
        happy heureux,heureuse,heureux,heureuses back person,animal
        sad triste,triste,tristes,tristes back person,animal
        rich riche,riche,riches,riches back person
        famous célèbre,célèbre,célèbres,célèbres back person,thing,place
        """.strip().splitlines(),
    )
)


def _verb(line: str) -> Verb:
    he, they, il, ils, particle, subjects, objects = line.split()
    return Verb(
        (he, they),
        (il, ils),
        "" if particle == "-" else particle,
        frozenset(subjects.split(",")),
        frozenset(objects.split(",")),
    )


# Objects: "-" none, "that" a clause; after "to" in both languages, "goal"
# a place and "hearer" a person.
VERBS = tuple(
    map(
        _verb,
        """
        sees see voit voient - person,animal person,animal,thing,place
        loves love aime aiment - person person,animal,thing,place
        finds find trouve trouvent - person,animal person,animal,thing,place
        watches watch regarde regardent - person,animal person,animal,place
        looks look cherche cherchent for person,animal person,animal,thing
        hears hear entend entendent - person,animal person,animal
        follows follow suit suivent - person,animal person,animal
        helps help aide aident - person person,animal
        listens listen écoute écoutent to person,animal person,animal
        sleeps sleep dort dorment - person,animal -
        sings sing chante chantent - person -
        laughs laugh rit rient - person -
        goes go va vont - person,animal goal
        speaks speak parle parlent - person hearer
        says say dit disent - person that
        thinks think pense pensent - person that
        believes believe croit croient - person that
        knows know sait savent - person that
        """.strip().splitlines(),
    )
)

# English determiner: French (m, f, plural).
SINGULAR = {
    "the": ("le", "la"),
    "a": ("un", "une"),
    "this": ("ce", "cette"),
    "my": ("mon", "ma"),
    "his": ("son", "sa"),
    "her": ("son", "sa"),
}
PLURAL = {
    "the": "les",
    "some": "des",
    "these": "ces",
    "my": "mes",
    "his": "ses",
    "her": "ses",
}

# Subject: French, gender, plural or not. "they" is "ils", as it is of
# a mixed or an unknown group.
SUBJECTS = {
    "he": ("il", "m", False),
    "she": ("elle", "f", False),
    "they": ("ils", "m", True),
}
# Object: French before the verb; as a direct object and after "speak to".
OBJECTS = {
    "him": ("le", "lui"),
    "her": ("la", "lui"),
    "them": ("les", "leur"),
}
PLACES = {
    "in": ("dans",),
    "near": ("près", "de"),
    "behind": ("derrière",),
    "with": ("avec",),
}
JOINTS = {"and": ("et",), "but": ("mais",), "because": ("parce", "que")}
OPENINGS = {"when": ("quand",), "if": ("si",)}

VOWELS = tuple("aeiouéêèâîôh")  # every h of this lexicon is silent
BEFORE_VOWEL = {
    "le": "l'",
    "la": "l'",
    "de": "d'",
    "ne": "n'",
    "que": "qu'",
    "ce": "cet",
    "ma": "mon",
    "sa": "son",
}
# What stands behind "to" after a verb with such an object.
TO = {"hearer": "person", "goal": "place"}

CONTRACTED = {
    ("de", "le"): "du",
    ("de", "les"): "des",
    ("à", "le"): "au",
    ("à", "les"): "aux",
}

ENGLISH = tuple(
    sorted(
        {word for noun in NOUNS for word in noun.english}
        | {adjective.english for adjective in ADJECTIVES}
        | {word for verb in VERBS for word in (*verb.english, verb.particle)}
        - {""}
        | {*SINGULAR, *PLURAL, *SUBJECTS, *OBJECTS, *PLACES, *JOINTS}
        | {*OPENINGS, "an", "is", "are", "do", "does", "not"}
        | {"of", "who", "that", ",", ".", "?"}
    )
)
FRENCH = tuple(
    sorted(
        {word for noun in NOUNS for word in noun.french}
        | {word for adjective in ADJECTIVES for word in adjective.french}
        | {word for verb in VERBS for word in verb.french}
        | {word for words in SINGULAR.values() for word in words}
        | {*PLURAL.values(), *BEFORE_VOWEL.values(), *CONTRACTED.values()}
        | {word for word, _, _ in SUBJECTS.values()}
        | {word for words in OBJECTS.values() for word in words}
        | {word for words in PLACES.values() for word in words}
        | {word for words in JOINTS.values() for word in words}
        | {"quand", "si", "s'", "à", "qui", "ne", "pas", "est", "sont"}
        | {"est-ce", ",", ".", "?"}
    )
)
