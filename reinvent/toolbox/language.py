"""The language modelling task: sentences to tell word by word.

A language model of this book is a module that maps ids `(B, T)`, each row
beginning with `<s>`, to logits `(B, T, V)`: at each place for the word after
it. One that has probabilities in place of logits gives their logarithms, as
softmax leaves these as they are. Its own `loss`, where it has one, may be
cheaper than all these logits; `language_loss` and `perplexity` need none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.toolbox.guards import evaluating
from reinvent.toolbox.pretokenize import pretokenize
from reinvent.toolbox.vocabulary import Vocabulary

UNK = "<unk>"
"""Stands for every word that is not in the vocabulary."""

Sentence = tuple[str, ...]


@dataclass(frozen=True)
class LanguageTask:
    """The splits of a text and its words.

    No sentence is given to two splits. Words that are not in the vocabulary
    are "<unk>" in all of them, so that two sentences may become the same.

    Attributes:
        train: Sentences to learn from.
        valid: Sentences to choose settings by.
        test: Sentences to report.
        words: "<unk>", then the words of `train`, the most frequent first.
    """

    train: tuple[Sentence, ...]
    valid: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    words: Vocabulary


def language_task(
    sentences: Iterable[str | Sequence[str]],
    *,
    min_count: int = 2,
    test_size: int = 500,
    seed: int = 0,
) -> LanguageTask:
    """Make a task of sentences, each used once.

    Args:
        sentences: Strings, which `pretokenize` cuts into words in small
            letters, or lists of words, which stay as they are.
        min_count: How often a word must occur in `train` to be known.
        test_size: Sentences in `valid`, and in `test`.
        seed: Gives the splits.

    Raises:
        ValueError: A size is smaller than 1, a sentence has no word, or
            nothing is left to train on.
    """
    if min_count < 1 or test_size < 1:
        raise ValueError(
            f"min_count is {min_count} and test_size is {test_size},"
            " expected at least 1"
        )
    different = _different(sentences)
    if len(different) <= 2 * test_size:
        raise ValueError(
            f"{len(different)} different sentences given, expected more than"
            f" {2 * test_size}, which go to valid and test"
        )
    Random(f"language {seed}").shuffle(different)
    words = _frequent_words(different[2 * test_size :], min_count)
    known = [replace_unknown(sentence, words) for sentence in different]
    return LanguageTask(
        train=tuple(known[2 * test_size :]),
        valid=tuple(known[:test_size]),
        test=tuple(known[test_size : 2 * test_size]),
        words=words,
    )


def replace_unknown(sentence: Sequence[str], words: Vocabulary) -> Sentence:
    """Put "<unk>" in the place of words that the vocabulary has not.

    Args:
        sentence: Words.
        words: A vocabulary with "<unk>".
    """
    return tuple(word if word in words else UNK for word in sentence)


class LanguageBatch(NamedTuple):
    """Sentences as ids, padded with 0 on the right.

    Attributes:
        tokens_in: Each row begins with `<s>`, shape (B, T).
        tokens_out: The word after each, and `</s>` at the end, shape (B, T).
    """

    tokens_in: Tensor
    tokens_out: Tensor


def language_batch(
    sentences: Sequence[Sequence[str]], words: Vocabulary
) -> LanguageBatch:
    """Make one batch of all the sentences.

    Args:
        sentences: B sentences, each a list of words.
        words: Gives every word its id.

    Raises:
        ValueError: There is no sentence, or one is empty or has an unknown
            word.
    """
    return LanguageBatch(
        words.batch(sentences, bos=True), words.batch(sentences, eos=True)
    )


def like_lengths(
    lengths: Sequence[int], batch_size: int, rng: Random, pool: int = 20
) -> list[list[int]]:
    """Share out an epoch so that a batch holds sentences of like length.

    Args:
        lengths: Of every sentence, in words.
        batch_size: Sentences in a batch; the last ones may have fewer.
        rng: Gives the order.
        pool: Batches among which sentences are sorted by length.

    Returns:
        Places in `lengths`, each once, for every batch.
    """
    order = rng.sample(range(len(lengths)), len(lengths))
    batches = []
    for start in range(0, len(order), batch_size * pool):
        part = sorted(
            order[start : start + batch_size * pool], key=lengths.__getitem__
        )
        batches += [
            part[i : i + batch_size] for i in range(0, len(part), batch_size)
        ]
    rng.shuffle(batches)
    return batches


class SentenceBatches:
    """Batches of sentences; the same seed and step give the same batch.

    Every sentence comes once per epoch. Sentences of like length share a
    batch, so that little of it is padding.

    Args:
        sentences: What to draw from, as words.
        words: Gives every word its id.
        batch_size: Sentences in a batch; the last of an epoch may have fewer.
        seed: Gives the order.

    Raises:
        ValueError: There is no sentence, or batch_size is smaller than 1.
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        words: Vocabulary,
        batch_size: int,
        seed: int,
    ) -> None:
        """See the class."""
        if not sentences or batch_size < 1:
            raise ValueError(
                "expected at least 1 sentence and a batch size of at least 1,"
                f" got {len(sentences)} sentences and batch_size={batch_size}"
            )
        self.sentences = sentences
        self.words = words
        self.batch_size = batch_size
        self.seed = seed
        self.per_epoch = -(-len(sentences) // batch_size)
        self._epoch = -1
        self._order: list[list[int]] = []

    def __call__(self, step: int) -> LanguageBatch:
        """Make the batch of a step, counted from 0.

        Raises:
            ValueError: The step is negative, or a sentence is empty or has
                an unknown word.
        """
        if step < 0:
            raise ValueError(f"steps count from 0, got {step}")
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            rng = Random(f"batches {self.seed} {epoch}")
            lengths = [len(sentence) for sentence in self.sentences]
            self._order = like_lengths(lengths, self.batch_size, rng)
            self._epoch = epoch
        chosen = [self.sentences[i] for i in self._order[place]]
        return language_batch(chosen, self.words)


def language_loss(model: nn.Module, batch: LanguageBatch) -> Tensor:
    """Mean negative log-likelihood of the words, each told the true past.

    Args:
        model: A language model (see the module's docstring).
        batch: Sentences, padded with 0.

    Returns:
        Nats per token that is not padding, `</s>` included, a scalar.
    """
    logits = model(batch.tokens_in)
    return F.cross_entropy(
        logits.flatten(0, 1), batch.tokens_out.flatten(), ignore_index=0
    )


def perplexity(
    model: nn.Module,
    sentences: Sequence[Sequence[str]],
    words: Vocabulary,
    *,
    batch_size: int = 100,
) -> float:
    """Among how many equally likely words the model seems to choose.

    Args:
        model: A language model; it runs in eval mode and gets its own mode
            back.
        sentences: Those to tell, as words.
        words: Gives every word its id.
        batch_size: Sentences read together.

    Returns:
        e to the power of the mean loss in nats per token, `</s>` included.

    Raises:
        ValueError: There is no sentence, one is empty or has an unknown
            word, or batch_size is smaller than 1.
    """
    if not sentences or batch_size < 1:
        raise ValueError(
            "expected at least 1 sentence and a batch size of at least 1,"
            f" got {len(sentences)} sentences and batch_size={batch_size}"
        )
    device = next(model.parameters()).device
    ordered = sorted(sentences, key=len)
    total = tokens = 0.0
    with evaluating(model):
        for start in range(0, len(ordered), batch_size):
            batch = language_batch(ordered[start : start + batch_size], words)
            batch = LanguageBatch(*(part.to(device) for part in batch))
            count = int((batch.tokens_out != 0).sum())
            total += language_loss(model, batch).item() * count
            tokens += count
    return math.exp(total / tokens)


def unigram_perplexity(task: LanguageTask) -> float:
    """Perplexity on `test` of how often each word occurs in `train`.

    What a model reaches that knows the words and not their order. Each word
    counts once more than it was seen, so that none is impossible.
    """
    words = task.words
    counts = torch.ones(len(words))
    counts[[words.pad_id, words.bos_id]] = 0  # never told
    seen, told = (
        torch.tensor(
            [i for told in split for i in (*words.encode(told), words.eos_id)]
        )
        for split in (task.train, task.test)
    )
    counts += torch.bincount(seen, minlength=len(words))
    shares = (counts / counts.sum())[told]
    return math.exp(-shares.log().mean())


def _different(sentences: Iterable[str | Sequence[str]]) -> list[Sentence]:
    """The sentences as words, each once."""
    different: dict[Sentence, None] = {}
    for number, sentence in enumerate(sentences):
        words = (
            pretokenize(sentence) if isinstance(sentence, str) else sentence
        )
        if not words:
            raise ValueError(
                f"sentence {number} has 0 words, expected at least 1"
            )
        different[tuple(words)] = None
    return list(different)


def _frequent_words(
    sentences: Sequence[Sentence], min_count: int
) -> Vocabulary:
    """Words that occur often enough, the most frequent first."""
    counts = Counter(word for words in sentences for word in words)
    known = [word for word in counts if counts[word] >= min_count]
    known.sort(key=lambda word: (-counts[word], word))
    return Vocabulary([UNK, *(word for word in known if word != UNK)])
