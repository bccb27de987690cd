"""The translation task: English-French pairs with known alignments.

The sentences come from `reinvent.toolbox.grammar`: adjectives that change
sides, agreement, elision, contraction, "ne ... pas" around the verb, object
pronouns before it, clauses in clauses. No corpus is needed, and the links
between the words are known, so that attention can be measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from torch import Tensor

from reinvent.toolbox.grammar import Writer
from reinvent.toolbox.language import like_lengths
from reinvent.toolbox.lexicon import ADJECTIVES, ENGLISH, FRENCH, NOUNS
from reinvent.toolbox.vocabulary import Vocabulary

LENGTH_BUCKETS = ((4, 8), (9, 12), (13, 17), (18, 22))
"""Lengths of the English sentence in tokens, both ends included."""

LONG = (23, 30)
"""Lengths of the `long` split: longer than everything in training."""

SHARES = (0.25, 0.30, 0.27, 0.18)
"""The share of each bucket in every split but `long`."""

HELD_OUT_PAIRINGS = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence, its translation and the links between their words.

    Attributes:
        source: English words.
        target: French words.
        sure: Links (source position, target position), from 0, that nobody
            would doubt.
        possible: All links, the sure ones included.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class TranslationTask:
    """The splits of the task and its vocabularies.

    No English sentence occurs twice, in a split or across them.

    Attributes:
        train: Pairs to learn from.
        valid: Pairs to choose settings by.
        test: Pairs to report.
        held_out: Each has an adjective beside a noun with which it occurs
            in no other split.
        long: English sentences of 23 to 30 tokens; the others have 4 to 22.
        source_words: All English words of the grammar.
        target_words: All French words of the grammar.
    """

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    test: tuple[Pair, ...]
    held_out: tuple[Pair, ...]
    long: tuple[Pair, ...]
    source_words: Vocabulary
    target_words: Vocabulary


def translation_task(
    train_size: int = 12_000, test_size: int = 1_000, seed: int = 0
) -> TranslationTask:
    """Write the task.

    Args:
        train_size: Pairs in `train`.
        test_size: Pairs in each of the four other splits.
        seed: The same seed gives the same task.

    Raises:
        ValueError: A size is smaller than 1.
    """
    if train_size < 1 or test_size < 1:
        raise ValueError(
            "sizes must be at least 1, got"
            f" train_size={train_size} and test_size={test_size}"
        )
    rng = Random(f"translation {seed}")
    unseen = _pairings_to_hold_out(rng)
    seen, held_out, long = [], [], []
    room = {
        (False, bucket): places
        for bucket, places in _room(train_size + 2 * test_size)
    }
    room |= {(True, bucket): places for bucket, places in _room(test_size)}
    room[False, LONG] = test_size
    written = set()
    # Sentences fall into bins until every bin is full.
    while any(room.values()):
        sentence = Writer(rng, rng.random() ** 0.5).sentence()
        is_new = not unseen.isdisjoint(sentence.pairings)
        bucket = _bucket(len(sentence.source))
        if sentence.source in written or not room.get((is_new, bucket)):
            continue
        written.add(sentence.source)
        room[is_new, bucket] -= 1
        split = held_out if is_new else long if bucket == LONG else seen
        split.append(
            Pair(
                sentence.source,
                sentence.target,
                sentence.sure,
                sentence.possible,
            )
        )
    rng.shuffle(seen)
    rng.shuffle(held_out)
    return TranslationTask(
        train=tuple(seen[:train_size]),
        valid=tuple(seen[train_size:-test_size]),
        test=tuple(seen[-test_size:]),
        held_out=tuple(held_out),
        long=tuple(long),
        source_words=Vocabulary(ENGLISH),
        target_words=Vocabulary(FRENCH),
    )


@dataclass
class Batch:
    """Sentences as ids, padded with 0 on the right.

    Attributes:
        source: English, each row with an end mark, shape (B, S).
        target_in: French behind a begin mark, shape (B, T).
        target_out: French with an end mark, shape (B, T): what the decoder
            shall answer to `target_in`.
    """

    source: Tensor
    target_in: Tensor
    target_out: Tensor


class TranslationBatches:
    """Batches of pairs; the same seed and step give the same batch.

    Every pair comes once per epoch. Sentences of like length share a batch,
    so that little of it is padding.

    Args:
        pairs: What to draw from.
        task: Gives the vocabularies.
        batch_size: Pairs in a batch; the last of an epoch may have fewer.
        seed: Gives the order.

    Raises:
        ValueError: There is no pair, or batch_size is smaller than 1.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        task: TranslationTask,
        batch_size: int,
        seed: int,
    ) -> None:
        """See the class."""
        if not pairs or batch_size < 1:
            raise ValueError(
                "expected at least 1 pair and a batch size of at least 1,"
                f" got {len(pairs)} pairs and batch_size={batch_size}"
            )
        self.pairs = pairs
        self.task = task
        self.batch_size = batch_size
        self.seed = seed
        self.per_epoch = -(-len(pairs) // batch_size)
        self._epoch = -1
        self._order: list[list[int]] = []

    def __call__(self, step: int) -> Batch:
        """Make the batch of a step, counted from 0.

        Raises:
            ValueError: The step is negative.
        """
        if step < 0:
            raise ValueError(f"steps count from 0, got {step}")
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._order, self._epoch = self._plan(epoch), epoch
        pairs = [self.pairs[i] for i in self._order[place]]
        source, target = self.task.source_words, self.task.target_words
        french = [pair.target for pair in pairs]
        return Batch(
            source.batch([pair.source for pair in pairs], eos=True),
            target.batch(french, bos=True),
            target.batch(french, eos=True),
        )

    def _plan(self, epoch: int) -> list[list[int]]:
        """Return the pairs of each batch of an epoch."""
        rng = Random(f"batches {self.seed} {epoch}")
        lengths = [len(pair.source) for pair in self.pairs]
        return like_lengths(lengths, self.batch_size, rng)


def _bucket(length: int) -> tuple[int, int] | None:
    """Find the bucket of a sentence, `LONG` among them."""
    for low, high in (*LENGTH_BUCKETS, LONG):
        if low <= length <= high:
            return low, high
    return None


def _room(size: int) -> list[tuple[tuple[int, int], int]]:
    """Share out places among the buckets."""
    room = [int(size * share) for share in SHARES]
    room[1] += size - sum(room)
    return list(zip(LENGTH_BUCKETS, room, strict=True))


def _pairings_to_hold_out(rng: Random) -> frozenset[tuple[str, str]]:
    """Draw pairs of adjective and noun; no noun comes twice."""
    nouns = rng.sample(NOUNS, HELD_OUT_PAIRINGS)
    pairings = set()
    for noun in nouns:
        fitting = [a for a in ADJECTIVES if noun.kind in a.kinds]
        adjective = rng.choice(fitting)
        pairings.add((adjective.english, noun.english[0]))
    return frozenset(pairings)
