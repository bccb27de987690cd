"""Words are spelled from the pairs of letters that stand together most often.

Sennrich, Haddow, Birch (2016), "Neural Machine Translation of Rare Words
with Subword Units", https://arxiv.org/abs/1508.07909v5, took an old way to
pack files, byte-pair encoding (Gage, 1994), to cut words into pieces. GPT
(2018) reads English in 40,000 such merges.

Differs: the end of a word is marked on its last letter, as GPT's files have
it; the paper's program counts the mark as one more letter. Pairs that are
equally frequent go by alphabet; the paper leaves it to Python's dict. Rare
pairs and characters are left out by two settings that the paper lacks. GPT
repaired its texts with ftfy and cut them into words with spaCy; here, as in
`transformers`, they are cut as for BERT.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import ClassVar

from reinvent.toolbox.pretokenize import pretokenize
from reinvent.toolbox.spelling import (
    Pair,
    Spelling,
    check_text,
    look_up,
    merged,
)

END = "</w>"
"""Stands behind the last letter of each word."""

UNKNOWN = "<unk>"
"""The piece for a character that no piece spells."""

SPECIALS = ("<pad>", "<s>", "</s>", UNKNOWN)
"""Pieces that spell no word; training gives them the first ids."""

REMEMBERED = 100_000
"""How many words a tokenizer knows by heart, so as not to merge them anew."""


def whole_words(text: str) -> list[str]:
    """Cut a text at whitespace and nowhere else.

    The mark, should a text hold it, becomes U+FFFD, the sign for a character
    that cannot be shown: no text can fake the end of a word.
    """
    return text.replace(END, "\ufffd").split()


def letters(word: str) -> list[str]:
    """Spell a word in its characters, the last one with the mark."""
    return [*word[:-1], word[-1] + END]


def count_words(
    texts: Iterable[str], split: Callable[[str], list[str]]
) -> Counter[str]:
    """How often each word comes in all the texts.

    Raises:
        ValueError: The texts are one string.
    """
    if isinstance(texts, str):
        raise ValueError(f"expected many texts, got one: {texts[:40]!r}")
    return Counter(word for text in texts for word in split(text))


def learn(
    words: Mapping[tuple[str, ...], int],
    count: int,
    *,
    least: int = 2,
    specials: Iterable[str] = (),
) -> list[Pair]:
    """Merge the most frequent pair of pieces, again and again (section 3.2).

    The paper's algorithm 1 counts all pairs anew for each merge: merges
    times letters. Here a merge recounts the words that hold the pair, and a
    word of L letters has at most L - 1 merges, each in O(L): together
    O(letters times L), however many merges there are, and a queue gives the
    most frequent pair in O(log pairs). Only pairs with the new piece have
    become more frequent, so only they are queued; that a pair has become
    rarer is noticed when it comes to the front.

    Args:
        words: How often each word comes, spelled in its characters.
        count: How many merges; the one setting of the method.
        least: A pair that comes less often is not merged.
        specials: No merge may write one of these.

    Returns:
        The pairs in the order of their merges. No two of them write the
        same piece. Fewer than `count` if no pair is left.

    Raises:
        ValueError: The count is less than 0.
    """
    if count < 0:
        raise ValueError(f"{count} merges, expected at least 0")
    spelling, special = Spelling(words), frozenset(specials)
    queue = [(-often, pair) for pair, often in spelling.pairs.items()]
    heapify(queue)
    merges: list[Pair] = []
    while queue and len(merges) < count:
        stored, pair = heappop(queue)
        often, piece = spelling.pairs[pair], "".join(pair)
        if often < max(least, 1) or piece in special:
            continue
        if often < -stored:
            heappush(queue, (-often, pair))
        elif often == -stored:
            merges.append(pair)
            for grown in spelling.merge(pair, piece):
                heappush(queue, (-spelling.pairs[grown], grown))
    return merges


def merge(pieces: Sequence[str], ranks: Mapping[Pair, int]) -> list[str]:
    """Apply what was learned to one word: the first merge first.

    All places of a pair are merged together, from the left. The `tokenizers`
    library merges one place after the other: the same, as long as no two
    merges write the same piece, and none do that were learned.

    Args:
        pieces: The word in its smallest pieces.
        ranks: When each pair was learned, from 0.

    Returns:
        The word in pieces of which no two can be merged.
    """
    word = list(pieces)
    while len(word) > 1:
        pair = min(pairwise(word), key=lambda pair: ranks.get(pair, inf))
        if pair not in ranks:
            break
        word = merged(word, pair, "".join(pair))
    return word


def read_merges(path: str | Path) -> tuple[Pair, ...]:
    """Read a published list of merges: two pieces on each line.

    A first line that begins with "#version" is left out.

    Raises:
        ValueError: There is no such file, it is not UTF-8, or a line does
            not hold two pieces.
    """
    lines = _read(path).replace("\r\n", "\n").removesuffix("\n").split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    merges = [tuple(line.split(" ")) for line in lines]
    for number, pair in enumerate(merges, start=1):
        if len(pair) != 2 or "" in pair:
            raise ValueError(
                f"{path}: merge {number} is {' '.join(pair)!r}, expected two"
                " pieces with one space between them"
            )
    return tuple(merges)


def read_pieces(path: str | Path) -> tuple[str, ...]:
    """Read a published vocabulary: a JSON object from piece to id.

    Raises:
        ValueError: There is no such file, it is not UTF-8 or no such
            object, or the ids are not 0, 1, 2 and so on.
    """
    try:
        ids = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    if not isinstance(ids, dict) or not ids:
        raise ValueError(f"{path}: expected a JSON object from piece to id")
    expected = set(range(len(ids)))
    wrong = {
        piece: i
        for piece, i in ids.items()
        if type(i) is not int or i not in expected
    }
    if wrong or len(set(ids.values())) < len(ids):
        raise ValueError(
            f"{path}: expected each id from 0 to {len(ids) - 1} once, got"
            f" {wrong or 'one twice'}"
        )
    return tuple(sorted(ids, key=ids.__getitem__))


def _read(path: str | Path) -> str:
    """The text of a file in UTF-8."""
    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise ValueError(f"no vocabulary: {error}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8: {error}") from None


@dataclass(frozen=True)
class BPE:
    """Pieces and the merges that make them; a piece's place is its id.

    Args:
        pieces: Each once.
        merges: Pairs of pieces, in the order in which they were learned.
        split: Cuts a text into words: `pretokenize` as for GPT, which loses
            case, accents and the spaces around punctuation, or
            `whole_words`, which loses nothing but the kind of whitespace.

    Attributes:
        needed: Pieces without which not every text can be spelled.

    Raises:
        ValueError: A piece or a merge comes twice, a merge needs a piece
            that is not there, or one of `needed` is missing.
    """

    pieces: tuple[str, ...]
    merges: tuple[Pair, ...]
    split: Callable[[str], list[str]] = pretokenize
    needed: ClassVar[tuple[str, ...]] = (UNKNOWN,)

    def __post_init__(self) -> None:
        """Checks pieces and merges."""
        for name, given, different in (
            ("piece", self.pieces, self.ids),
            ("merge", self.merges, self.ranks),
        ):
            if len(different) < len(given):
                often = Counter(given)
                twice = [one for one in different if often[one] > 1]
                raise ValueError(f"expected each {name} once, got {twice[:5]}")
        missing = [piece for piece in self.needed if piece not in self.ids]
        if missing:
            raise ValueError(
                f"no {missing[0]} among {len(self)} pieces: expected it, or"
                " some texts cannot be spelled"
            )
        for rank, pair in enumerate(self.merges):
            for piece in (*pair, "".join(pair)):
                if piece not in self.ids:
                    raise ValueError(
                        f"merge {rank} of {pair} needs the piece {piece!r},"
                        f" expected it among the {len(self)} pieces"
                    )

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        merges: int,
        *,
        split: Callable[[str], list[str]] = pretokenize,
        specials: tuple[str, ...] = SPECIALS,
        least: int = 2,
        characters: int = 500,
    ) -> BPE:
        """Learn merges from texts.

        The ids are those of the specials, then of the characters by
        alphabet, inside and at the end of a word, then of the merges.

        Args:
            texts: Any number of texts; their order does not matter.
            merges: How many, at most.
            split: As above.
            specials: Pieces that spell no word, `UNKNOWN` among them.
            least: As in `learn`.
            characters: As many of the most frequent ones are kept. The
                others are unknown, and words with them teach nothing.

        Raises:
            ValueError: The texts are one string or hold no word, or merges
                are less than 0.
        """
        words = count_words(texts, split)
        often: Counter[str] = Counter()
        for word, times in words.items():
            for character in word:
                often[character] += times
        ranked = sorted(often, key=lambda c: (-often[c], c))
        kept = set(ranked[:characters])
        spelled = {
            tuple(letters(word)): times
            for word, times in words.items()
            if kept.issuperset(word)
        }
        if not spelled:
            raise ValueError(f"nothing to learn from {len(words)} words")
        pairs = learn(spelled, merges, least=least, specials=specials)
        alphabet = sorted(kept)
        pieces = [*specials, *alphabet, *(c + END for c in alphabet)]
        pieces += map("".join, pairs)
        return cls(tuple(dict.fromkeys(pieces)), tuple(pairs), split)

    @classmethod
    def from_files(
        cls,
        pieces: str | Path,
        merges: str | Path,
        split: Callable[[str], list[str]] | None = None,
    ) -> BPE:
        """Read what was published: `vocab.json` and `merges.txt`.

        Args:
            pieces: Path of the vocabulary.
            merges: Path of the merges.
            split: As above; without it, as the class does it.

        Raises:
            ValueError: One is not there or damaged, or they do not fit.
        """
        return cls(
            read_pieces(pieces), read_merges(merges), split or cls.split
        )

    def __repr__(self) -> str:
        """Says how many there are: a notebook shows no list of 40,000."""
        return f"<{len(self)} pieces, {len(self.merges)} merges>"

    def __len__(self) -> int:
        """Counts the pieces."""
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids.

        Raises:
            ValueError: It is not one text.
        """
        return [self.ids[piece] for piece in self.tokens(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into a text; every piece is written, specials too.

        `decode(encode(text))` is the words of `split`, one space between
        them, if no character is unknown. With `whole_words` that is the
        text itself, if it has single spaces. An unknown character at the
        end of a word takes the end with it.

        Args:
            ids: Numbers or a tensor of shape (T,).

        Raises:
            ValueError: An id is negative or not smaller than `len(self)`.
        """
        return self.join(look_up(ids, self.pieces))

    def tokens(self, text: str) -> list[str]:
        """Spell a text in pieces; a blank text has none.

        Raises:
            ValueError: It is not one text.
        """
        check_text(text)
        return [
            piece for word in self.split(text) for piece in self._recall(word)
        ]

    def spell(self, word: str) -> list[str]:
        """Merge the letters of a word; what no piece spells is unknown.

        Args:
            word: As `split` gives it.
        """
        known = (c if c in self.ids else UNKNOWN for c in letters(word))
        return merge(list(known), self.ranks)

    def join(self, tokens: Iterable[str]) -> str:
        """Write pieces as a text."""
        return "".join(tokens).replace(END, " ").removesuffix(" ")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each piece."""
        return {piece: i for i, piece in enumerate(self.pieces)}

    @cached_property
    def ranks(self) -> dict[Pair, int]:
        """When each merge was learned, from 0."""
        return {pair: rank for rank, pair in enumerate(self.merges)}

    def _recall(self, word: str) -> list[str]:
        """As `spell`, for a word that may have come before."""
        if word not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[word] = self.spell(word)
        return self._known[word]

    @cached_property
    def _known(self) -> dict[str, list[str]]:
        """The spelling of words that came before."""
        return {}
