"""Made-up words in the translation task: a vocabulary that never ends.

"he sees a green house" becomes "Kelumo sees a tirerian house", and its
translation "Kelumo voit une maison tirerienne". A name is copied. An
adjective keeps its root, changes its ending, agrees with its noun, and stands
on its other side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from reinvent.toolbox.translation import Pair

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"

NAMES = {("he", "il"): ("o", "o"), ("she", "elle"): ("a", "a")}
"""English and French word: the endings of the names that replace them."""

ADJECTIVES = {
    (english, french): ("ian", ending)
    for english, forms in {
        "green": ("vert", "verte", "verts", "vertes"),
        "black": ("noir", "noire", "noirs", "noires"),
        "white": ("blanc", "blanche", "blancs", "blanches"),
    }.items()
    for french, ending in zip(
        forms, ("ien", "ienne", "iens", "iennes"), strict=True
    )
}
"""English and French word: the endings of the adjectives for them."""

KINDS = {"names": NAMES, "adjectives": ADJECTIVES}

UNCUT = {"qu'": "que", "s'": "si"}
"""Every name begins with a consonant: nothing is cut before it."""


def coin_roots(count: int, seed: int = 0) -> list[str]:
    """Make up roots of one or two syllables and a consonant, each once.

    Args:
        count: At most 10,000; there are 69,580.
        seed: The same seed gives the same roots.

    Raises:
        ValueError: `count` is out of its range.
    """
    if not 1 <= count <= 10_000:
        raise ValueError(f"count is {count}, expected 1 to 10000")
    rng = Random(f"roots {seed}")
    roots: dict[str, None] = {}
    while len(roots) < count:
        syllables = (
            rng.choice(CONSONANTS) + rng.choice(VOWELS)
            for _ in range(rng.choice((1, 2)))
        )
        roots["".join(syllables) + rng.choice(CONSONANTS)] = None
    return list(roots)


def coin(pair: Pair, root: Callable[[], str], kinds: Sequence[str]) -> Pair:
    """Put made-up words for "he" and "she", for "green", "black", "white".

    Args:
        pair: A sentence and its translation.
        root: Called for the root of each made-up word.
        kinds: What to replace: "names", "adjectives" or both.

    Returns:
        A pair with the same lengths and links; an equal one if there is
        nothing to replace.

    Raises:
        ValueError: A kind is unknown.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"kinds {sorted(unknown)}, expected {list(KINDS)}")
    source, target = list(pair.source), list(pair.target)
    for i, j in sorted(pair.sure):
        for kind in kinds:
            endings = KINDS[kind].get((pair.source[i], pair.target[j]))
            if endings is None:
                continue
            stem = root()
            if kind == "names":
                stem = stem.capitalize()
                if j:
                    target[j - 1] = UNCUT.get(target[j - 1], target[j - 1])
            source[i], target[j] = (stem + ending for ending in endings)
    return replace(pair, source=tuple(source), target=tuple(target))


def coin_words(
    pairs: Sequence[Pair],
    roots: Sequence[str],
    kinds: Sequence[str] = tuple(KINDS),
    *,
    share: float = 1.0,
    seed: int = 0,
) -> list[Pair]:
    """Make up words in some of the pairs.

    Args:
        pairs: Sentences with their translations.
        roots: Each made-up word gets one of them.
        kinds: As for `coin`.
        share: How many of the pairs may change; the others stay.
        seed: Gives the roots.

    Raises:
        ValueError: There is no root, `share` is not from 0 to 1, or a kind
            is unknown.
    """
    if not roots or not 0 <= share <= 1:
        raise ValueError(
            f"{len(roots)} roots and share {share}, expected at least 1 root"
            " and a share from 0 to 1"
        )
    rng = Random(f"coined {seed}")
    return [
        coin(pair, lambda: rng.choice(roots), kinds)
        if rng.random() < share
        else pair
        for pair in pairs
    ]
