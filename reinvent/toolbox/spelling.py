"""Words spelled in pieces, with the counts that a merge of two needs.

Counting everything again after each merge would read the whole text
thousands of times. Here a merge touches the words that hold the pair.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

Pair = tuple[str, str]


class Spelling:
    """The words of a text and how they are spelled at this moment.

    Args:
        words: How often each word comes, spelled in its first pieces.

    Attributes:
        pieces: How often each piece comes.
        pairs: How often two pieces stand side by side in a word; "aaa" has
            two pairs of "a".
        total: Pieces in the text.
        words: The spelling of each word.
    """

    def __init__(self, words: Mapping[tuple[str, ...], int]) -> None:
        """Count everything, once."""
        self.words: list[Sequence[str]] = list(words)
        self.often = list(words.values())
        self.pieces: Counter[str] = Counter()
        self.pairs: Counter[Pair] = Counter()
        self.total = 0
        self._places: defaultdict[Pair, set[int]] = defaultdict(set)
        self._around: defaultdict[str, set[Pair]] = defaultdict(set)
        for place in range(len(self.words)):
            self._add(place)

    def merge(self, pair: Pair, piece: str) -> set[Pair]:
        """Write one piece wherever the pair stands, from the left.

        Args:
            pair: The two pieces.
            piece: What is written for them; it may be a piece already.

        Returns:
            The pairs that now hold one of the three: all whose own count,
            or that of one of their pieces, has changed.
        """
        for place in list(self._places[pair]):
            self._remove(place)
            self.words[place] = merged(self.words[place], pair, piece)
            self._add(place)
        return set().union(*(self._around[part] for part in (*pair, piece)))

    def _add(self, place: int) -> None:
        """Count a word in."""
        word, often = self.words[place], self.often[place]
        self.total += often * len(word)
        for piece in word:
            self.pieces[piece] += often
        for pair in pairwise(word):
            self.pairs[pair] += often
            self._places[pair].add(place)
            for piece in pair:
                self._around[piece].add(pair)

    def _remove(self, place: int) -> None:
        """Count a word out."""
        word, often = self.words[place], self.often[place]
        self.total -= often * len(word)
        for piece in word:
            self.pieces[piece] -= often
        for pair in pairwise(word):
            self.pairs[pair] -= often
            self._places[pair].discard(place)
            if not self.pairs[pair]:
                for piece in pair:
                    self._around[piece].discard(pair)


def merged(word: Sequence[str], pair: Pair, piece: str) -> list[str]:
    """Write one piece for a pair, wherever it stands in a word."""
    spelled: list[str] = []
    for part in word:
        if spelled and (spelled[-1], part) == pair:
            spelled[-1] = piece
        else:
            spelled.append(part)
    return spelled
