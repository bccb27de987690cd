"""Inputs of one or two texts, cut so that they fit; labels for pieces."""

from collections.abc import Iterator, Sequence
from random import Random

from torch import Tensor

IGNORED = -100
"""The label of a place that no loss counts."""


def whole_sentences(
    document: Sequence[Sequence[int]], room: int
) -> Iterator[Sequence[Sequence[int]]]:
    """Share out the sentences of a document.

    Args:
        document: Sentences of ids.
        room: Tokens that fit. A share ends with the sentence that fills it,
            so it may be longer.

    Yields:
        Sentences that stand side by side; each sentence comes once.
    """
    begin = length = 0
    for end, sentence in enumerate(document, start=1):
        length += len(sentence)
        if length >= room or end == len(document):
            yield document[begin:end]
            begin, length = end, 0


def shorten(
    first: Sequence[int], second: Sequence[int], room: int, rng: Random
) -> tuple[list[int], list[int]]:
    """Take tokens from the longer text until both fit.

    Args:
        first: Ids.
        second: Ids; of two equally long texts, this gets shorter.
        room: Tokens that fit, at least 2.
        rng: Draws for each token whether the text loses its first or last.
    """
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        longer = first if len(first) > len(second) else second
        longer.pop(rng.choice([0, -1]))
    return first, second


def first_pieces(
    words: Sequence[Sequence[int]], labels: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Give the label of a word to its first piece.

    Args:
        words: The pieces of each word.
        labels: One for each word.

    Returns:
        The ids of all pieces, and a label for each: `IGNORED` for those
        that go on with a word.

    Raises:
        ValueError: There is not one label for each word, or a word has no
            piece.
    """
    if len(words) != len(labels) or not all(map(len, words)):
        raise ValueError(
            f"{len(labels)} labels for words of {[len(w) for w in words]}"
            " pieces, expected a label and at least one piece for each word"
        )
    row: list[int] = []
    told: list[int] = []
    for word, label in zip(words, labels, strict=True):
        row += word
        told += [label] + [IGNORED] * (len(word) - 1)
    return row, told


def check_labels(labels: Tensor, count: int, name: str = "label") -> None:
    """Stop at a label that is not one of 0 to `count` - 1.

    Args:
        labels: Any shape.
        count: How many there are.
        name: What to call them.

    Raises:
        ValueError: There is one, or no label at all.
    """
    if not labels.numel():
        raise ValueError(f"0 {name}s, expected at least 1")
    for label in map(int, labels.aminmax()):
        if not 0 <= label < count:
            raise ValueError(f"{name} {label}, expected 0 to {count - 1}")
