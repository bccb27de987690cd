"""Words spelled in pieces, with the counts that a merge of two needs.

Counting everything again after each merge would read the whole text
thousands of times. Here a merge visits the words that hold the pair, and
counts only what stands beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from operator import mul

Pair = tuple[str, str]


class Spelling:
    """The words of a text and how they are spelled at this moment.

    Args:
        words: How often each word comes, spelled in its first pieces.

    Attributes:
        words: The spelling of each word.
        often: How often each word comes.
        pairs: How often two pieces stand side by side in a word; "aaa" has
            two pairs of "a".
        total: Pieces in the text.
    """

    def __init__(self, words: Mapping[tuple[str, ...], int]) -> None:
        """Count all pairs, once."""
        self.words = [list(word) for word in words]
        self.often = list(words.values())
        self.pairs: Counter[Pair] = Counter()
        self.total = sum(map(mul, map(len, self.words), self.often))
        # Words that held the pair when it was counted; some no longer do.
        self._places: defaultdict[Pair, list[int]] = defaultdict(list)
        for place, word in enumerate(self.words):
            for pair in pairwise(word):
                self._count(pair, place)

    def merge(self, pair: Pair, piece: str) -> set[Pair]:
        """Write one piece wherever the pair stands, from the left.

        Args:
            pair: The two pieces.
            piece: What is written for them; it may be a piece already.

        Returns:
            Pairs with the new piece: no other count has grown.
        """
        first, second = pair
        grown: set[Pair] = set()
        for place in self._places.pop(pair, ()):
            word, often, i = self.words[place], self.often[place], 1
            while i < len(word):
                if word[i] == second and word[i - 1] == first:
                    word[i - 1 : i + 1] = [piece]
                    self.total -= often
                    self.pairs[pair] -= often
                    if i > 1:
                        self.pairs[word[i - 2], first] -= often
                        grown.add(self._count((word[i - 2], piece), place))
                    if i < len(word):
                        self.pairs[second, word[i]] -= often
                        grown.add(self._count((piece, word[i]), place))
                i += 1
        return grown

    def _count(self, pair: Pair, place: int) -> Pair:
        """Count a pair in, and remember its word."""
        self.pairs[pair] += self.often[place]
        self._places[pair].append(place)
        return pair


class CountedSpelling(Spelling):
    """The same, for scores that ask how often each piece comes.

    Args:
        words: As above.

    Attributes:
        pieces: How often each piece comes.
    """

    def __init__(self, words: Mapping[tuple[str, ...], int]) -> None:
        """Count everything, once."""
        super().__init__(words)
        self.pieces: Counter[str] = Counter()
        for word, often in words.items():
            for piece in word:
                self.pieces[piece] += often
        self._around: defaultdict[str, set[Pair]] = defaultdict(set)
        self._remember(self.pairs)

    def merge(self, pair: Pair, piece: str) -> set[Pair]:
        """Write one piece wherever the pair stands, from the left.

        Args:
            pair: The two pieces.
            piece: What is written for them; it may be a piece already.

        Returns:
            The pairs that now hold one of the three: all whose own count,
            or that of one of their pieces, has changed.
        """
        before, changed = self.total, (*pair, piece)
        self._remember(super().merge(pair, piece))
        written = before - self.total
        for part, times in zip(changed, (-1, -1, 1), strict=True):
            self.pieces[part] += times * written
        near = set().union(*(self._around[part] for part in changed))
        return {one for one in near if self.pairs[one]}

    def _remember(self, pairs: Iterable[Pair]) -> None:
        """Note the pairs of each piece; some may come no more."""
        for pair in pairs:
            for piece in pair:
                self._around[piece].add(pair)


def merged(word: Sequence[str], pair: Pair, piece: str) -> list[str]:
    """Write one piece for a pair, wherever it stands in a word."""
    spelled: list[str] = []
    for part in word:
        if spelled and (spelled[-1], part) == pair:
            spelled[-1] = piece
        else:
            spelled.append(part)
    return spelled


def check_text(text: str) -> None:
    """Stop at what is not one text.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a text, got {type(text).__name__}")


def look_up(ids: Iterable[int], pieces: Sequence[str]) -> list[str]:
    """The pieces of some ids.

    Args:
        ids: Numbers or a tensor of shape (T,).
        pieces: A piece's place is its id.

    Raises:
        ValueError: An id is negative or not smaller than `len(pieces)`.
    """
    found = []
    for i in map(int, ids):
        if not 0 <= i < len(pieces):
            raise ValueError(
                f"id {i} is out of range: there are {len(pieces)} pieces,"
                f" ids 0 to {len(pieces) - 1}"
            )
        found.append(pieces[i])
    return found
