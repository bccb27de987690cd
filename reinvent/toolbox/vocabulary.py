"""Words to numbers and back."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

PAD, BOS, EOS = "<pad>", "<s>", "</s>"
SPECIALS = (PAD, BOS, EOS)


class Vocabulary:
    """A fixed list of words; a word's place in the list is its id.

    The ids 0, 1 and 2 are padding, begin and end of a sentence.

    Args:
        words: The words in the order of their ids. Specials are added in
            front and must not be among them.

    Raises:
        ValueError: A word is given twice, is empty or is a special.
    """

    def __init__(self, words: Iterable[str]) -> None:
        """See the class."""
        self.words: tuple[str, ...] = (*SPECIALS, *words)
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            counts = Counter(self.words)
            twice = [word for word in self._ids if counts[word] > 1]
            raise ValueError(
                f"each word once, specials excluded; got twice: {twice[:5]}"
            )
        if "" in self._ids:
            raise ValueError("a word must not be the empty string")
        self.pad_id, self.bos_id, self.eos_id = 0, 1, 2

    @classmethod
    def from_sentences(cls, sentences: Iterable[Sequence[str]]) -> Vocabulary:
        """Collect the words of sentences, the most frequent first.

        Args:
            sentences: Lists of words. Equal counts are sorted by alphabet,
                so the order of the sentences does not matter.
        """
        counts = Counter(word for words in sentences for word in words)
        return cls(sorted(counts, key=lambda word: (-counts[word], word)))

    def __len__(self) -> int:
        """Count the words, specials included."""
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        """Say whether the word has an id."""
        return word in self._ids

    def encode(self, words: Sequence[str]) -> list[int]:
        """Turn words into ids.

        Args:
            words: One sentence, already cut into words.

        Returns:
            As many ids as words.

        Raises:
            ValueError: The sentence is empty, is a plain string, or holds
                an unknown word.
        """
        if isinstance(words, str):
            raise ValueError(
                f"expected a list of words, got one string: {words!r}"
            )
        if not words:
            raise ValueError("an empty sentence: expected at least one word")
        try:
            return [self._ids[word] for word in words]
        except KeyError:
            unknown = next(word for word in words if word not in self._ids)
        raise ValueError(self._unknown(unknown))

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Turn ids into words, up to the end of the sentence.

        Args:
            ids: Numbers or a tensor of shape (T,).

        Returns:
            The words before the first end mark, without padding and begin.

        Raises:
            ValueError: An id is negative or not smaller than `len(self)`.
        """
        words = []
        for i in map(int, ids):
            if not 0 <= i < len(self.words):
                raise ValueError(
                    f"id {i} is out of range: this vocabulary holds"
                    f" {len(self.words)} words, ids 0 to"
                    f" {len(self.words) - 1}"
                )
            if i == self.eos_id:
                break
            if i not in (self.pad_id, self.bos_id):
                words.append(self.words[i])
        return words

    def batch(
        self,
        sentences: Sequence[Sequence[str]],
        *,
        bos: bool = False,
        eos: bool = False,
    ) -> Tensor:
        """Turn sentences into one tensor, padded on the right.

        Args:
            sentences: B sentences, each a list of words.
            bos: Put the begin mark in front of each.
            eos: Put the end mark behind each.

        Returns:
            Ids, shape (B, T), where T is the longest length, marks counted.

        Raises:
            ValueError: There is no sentence, or `encode` refuses one.
        """
        if not sentences:
            raise ValueError("an empty batch: expected at least one sentence")
        rows = [
            [self.bos_id] * bos + self.encode(words) + [self.eos_id] * eos
            for words in sentences
        ]
        return pad(rows, self.pad_id)

    def _unknown(self, word: str) -> str:
        near = difflib.get_close_matches(word, self.words[3:], cutoff=0.5)
        hint = f"; nearest known words: {', '.join(near)}" if near else ""
        return f"unknown word {word!r}{hint}"


def check_ids(ids: Tensor, vocab_size: int) -> None:
    """Stop at an id that no word has.

    Args:
        ids: Word ids, any shape.
        vocab_size: How many words there are.

    Raises:
        ValueError: There is no id, or one is negative or not below
            `vocab_size`.
    """
    if not ids.numel():
        raise ValueError(
            f"no word ids: the shape is {tuple(ids.shape)}, expected at least"
            " one id"
        )
    for i in map(int, ids.aminmax()):
        if not 0 <= i < vocab_size:
            raise ValueError(
                f"word id {i} is out of range: the vocabulary holds"
                f" {vocab_size} words, ids 0 to {vocab_size - 1}"
            )


def pad(rows: Sequence[Sequence[int]], pad_id: int = 0) -> Tensor:
    """Put lists of different lengths into one tensor.

    Args:
        rows: B lists of ids.
        pad_id: What fills the right end of shorter rows.

    Returns:
        Ids, shape (B, T), where T is the longest length.
    """
    longest = max(map(len, rows))
    return torch.tensor(
        [[*row, *[pad_id] * (longest - len(row))] for row in rows]
    )
