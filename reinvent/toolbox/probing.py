"""What a language model of documents knows, without training it further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from reinvent.toolbox.document_tasks import NounProbe, noun_words
from reinvent.toolbox.documents import NUMBERS, TOPICS
from reinvent.toolbox.vocabulary import Vocabulary


def same_sense(vectors: Tensor, probes: Sequence[NounProbe]) -> float:
    """Share of uses whose most similar use has the same sense.

    Only uses of the same noun are compared, by their cosine.

    Args:
        vectors: One for each probe, shape (N, D).
        probes: N uses of nouns with two senses.

    Returns:
        From 0 to 1; ties are broken by chance.

    Raises:
        ValueError: There is not one vector for each probe.
    """
    _check_count(vectors, probes)
    unit = F.normalize(vectors, dim=-1)
    similar = unit @ unit.T
    similar += 1e-6 * torch.rand(
        similar.shape, generator=torch.Generator().manual_seed(0)
    )
    lemmas = sorted({probe.lemma for probe in probes})
    nouns = torch.tensor([lemmas.index(probe.lemma) for probe in probes])
    similar[nouns[:, None] != nouns] = -torch.inf
    similar.fill_diagonal_(-torch.inf)
    nearest = similar.argmax(dim=1).tolist()
    right = [probes[i].sense == probes[j].sense for i, j in enumerate(nearest)]
    return sum(right) / len(right)


class NounGuess(NamedTuple):
    """How well a model guesses nouns that it does not see.

    Attributes:
        perplexity: Of the noun, as if it chose among so many words.
        topic: Share of probes where, of all topics, the nouns of the right
            one get the most.
        number: Share of probes where singular and plural nouns together get
            more in the right number.
    """

    perplexity: float
    topic: float
    number: float


def noun_guess(
    logits: Tensor, probes: Sequence[NounProbe], words: Vocabulary
) -> NounGuess:
    """Judge the scores that a model gives in the place of a noun.

    Args:
        logits: For each probe, shape (N, V).
        probes: N places of nouns.
        words: The vocabulary of V words.

    Raises:
        ValueError: There is not one row of scores for each probe.
    """
    _check_count(logits, probes)
    log_p = logits.log_softmax(dim=-1)
    nouns = words.encode([probe.words[probe.place] for probe in probes])
    told = log_p[torch.arange(len(probes)), torch.tensor(nouns)]

    def right(name: str, classes: Sequence[str]) -> float:
        groups = [words.encode(noun_words(**{name: c})) for c in classes]
        p = torch.stack([log_p[:, g].exp().sum(dim=1) for g in groups], dim=1)
        truth = [classes.index(getattr(probe, name)) for probe in probes]
        return (p.argmax(dim=1) == torch.tensor(truth)).float().mean().item()

    return NounGuess(
        (-told.mean()).exp().item(),
        right("topic", TOPICS),
        right("number", NUMBERS),
    )


def _check_count(rows: Tensor, probes: Sequence[NounProbe]) -> None:
    if len(rows) != len(probes) or not len(probes):
        raise ValueError(
            f"{len(rows)} rows for {len(probes)} probes, expected one for"
            " each and at least one"
        )
