"""Vectors for words, learned from the words around them.

Mikolov, Chen, Corrado, Dean (2013), "Efficient Estimation of Word
Representations in Vector Space", https://arxiv.org/abs/1301.3781v3: CBOW,
skip-gram, hierarchical softmax.
Mikolov, Sutskever, Chen, Corrado, Dean (2013), "Distributed Representations
of Words and Phrases and their Compositionality",
https://arxiv.org/abs/1310.4546v1: negative sampling, subsampling. Equation
numbers below are of this second paper.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class Word2VecConfig:
    """Sizes of `SkipGram` and `CBOW`.

    The defaults are those of table 6 in 1301.3781 (1000 dimensions).
    """

    vocab_size: int = 1_000_000
    embedding_size: int = 1000


TINY = Word2VecConfig(vocab_size=200, embedding_size=32)


def discard_probability(counts: Tensor, threshold: float = 1e-5) -> Tensor:
    """How often to drop a frequent word from the text, equation 5.

    Args:
        counts: How often each word occurs, shape (V,), all above 0.
        threshold: t of the paper, a relative frequency.

    Returns:
        1 - sqrt(t / f(w)) for each word, at least 0, shape (V,).
    """
    frequency = counts / counts.sum()
    return (1 - (threshold / frequency).sqrt()).clamp(min=0)


def noise_distribution(counts: Tensor) -> Tensor:
    """The distribution of negative samples, section 2.2: U(w)^(3/4) / Z.

    Args:
        counts: How often each word occurs, shape (V,).

    Returns:
        Probabilities, shape (V,).
    """
    return counts**0.75 / (counts**0.75).sum()


def context_pairs(
    sentences: Sequence[Sequence[int]], window: int
) -> tuple[Tensor, Tensor]:
    """All (centre, context) pairs that are at most `window` words apart.

    Differs: 1301.3781 draws the window of each word from 1..C, so that near
    words count more; here every word inside the window counts once.

    Args:
        sentences: Word ids, one sequence per sentence.
        window: Largest distance in words.

    Returns:
        Centre ids and context ids, both of shape (pairs,).

    Raises:
        ValueError: If the window is smaller than 1 or no sentence has two
            words.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    pairs = [
        (word, sentence[j])
        for sentence in sentences
        for i, word in enumerate(sentence)
        for j in range(max(0, i - window), min(len(sentence), i + window + 1))
        if i != j
    ]
    if not pairs:
        raise ValueError(
            f"no pairs: the longest of {len(sentences)} sentences has "
            f"{max(map(len, sentences), default=0)} words, expected 2"
        )
    centre, context = torch.tensor(pairs).unbind(dim=1)
    return centre, context


def negative_sampling_loss(
    centre: Tensor, context: Tensor, noise: Tensor
) -> Tensor:
    """Equation 4, negated: tell the true context word from noise words.

    Args:
        centre: v_wI, vectors of the words that predict, shape (B, E).
        context: v'_wO, output vectors of the true words, shape (B, E).
        noise: v'_wi, output vectors of the noise words, shape (B, N, E).

    Returns:
        Mean loss per pair in nats, a scalar.
    """
    true_scores = (centre * context).sum(dim=-1)  # (B,)
    noise_scores = (noise @ centre.unsqueeze(-1)).squeeze(-1)  # (B, N)
    true_loss = F.logsigmoid(true_scores)  # (B,)
    noise_loss = F.logsigmoid(-noise_scores).sum(dim=-1)  # (B,)
    return -(true_loss + noise_loss).mean()


class SkipGram(nn.Module):
    """A word predicts each word near it (1301.3781, section 3.2).

    Differs: nothing keeps the noise from being the true word by chance.
    """

    def __init__(self, config: Word2VecConfig) -> None:
        """Makes two tables of vectors, one to ask and one to be asked."""
        super().__init__()
        self.input_vectors = nn.Embedding(
            config.vocab_size, config.embedding_size
        )  # v
        self.output_vectors = nn.Embedding(
            config.vocab_size, config.embedding_size
        )  # v'
        nn.init.normal_(self.input_vectors.weight, std=0.1)
        nn.init.zeros_(self.output_vectors.weight)

    def forward(
        self, centre: Tensor, context: Tensor, noise: Tensor
    ) -> Tensor:
        """Loss of a batch of pairs.

        Args:
            centre: Word ids, shape (B,).
            context: Ids of the true context words, shape (B,).
            noise: Ids drawn from `noise_distribution`, shape (B, N).

        Returns:
            `negative_sampling_loss`, a scalar.
        """
        return negative_sampling_loss(
            self.input_vectors(centre),
            self.output_vectors(context),
            self.output_vectors(noise),
        )


class CBOW(SkipGram):
    """The mean of the words around predicts the word (1301.3781, 3.1)."""

    def forward(
        self, context: Tensor, centre: Tensor, noise: Tensor
    ) -> Tensor:
        """Loss of a batch of windows.

        Args:
            context: Ids of the words around, shape (B, C).
            centre: Ids of the true words in the middle, shape (B,).
            noise: Ids drawn from `noise_distribution`, shape (B, N).

        Returns:
            `negative_sampling_loss`, a scalar.
        """
        mean = self.input_vectors(context).mean(dim=1)  # (B, E)
        return negative_sampling_loss(
            mean, self.output_vectors(centre), self.output_vectors(noise)
        )


def huffman_codes(counts: Sequence[int]) -> list[str]:
    """A short string of 0 and 1 for each word; frequent words get short ones.

    Args:
        counts: How often each word occurs, one number per word.

    Returns:
        The code of each word. No code is the beginning of another one.

    Raises:
        ValueError: If there are fewer than two words.
    """
    if len(counts) < 2:
        raise ValueError(f"a tree needs 2 words, got {len(counts)}")
    codes = [""] * len(counts)
    heap = [(count, [word]) for word, count in enumerate(counts)]
    heapq.heapify(heap)
    while len(heap) > 1:
        left_count, left = heapq.heappop(heap)
        right_count, right = heapq.heappop(heap)
        for bit, branch in (("0", left), ("1", right)):
            for word in branch:
                codes[word] = bit + codes[word]
        heapq.heappush(heap, (left_count + right_count, left + right))
    return codes


class HierarchicalSoftmax(nn.Module):
    """A softmax over V words as a walk of about log2 V binary choices.

    Each inner node of the Huffman tree holds a vector; the probability of a
    word is the product of the choices on the way to its leaf (1310.4546,
    section 2.1).
    """

    def __init__(self, counts: Sequence[int], embedding_size: int) -> None:
        """Builds the tree from the counts of the words."""
        super().__init__()
        self.codes = huffman_codes(counts)
        prefixes = {code[:i] for code in self.codes for i in range(len(code))}
        self.node = {prefix: i for i, prefix in enumerate(sorted(prefixes))}
        self.node_vectors = nn.Embedding(len(self.node), embedding_size)

    def log_probability(self, vectors: Tensor, word: int) -> Tensor:
        """Log-probability of one word.

        Args:
            vectors: Vectors that predict, shape (B, E).
            word: Id of the word.

        Returns:
            Natural logarithms, shape (B,).
        """
        code = self.codes[word]
        nodes = [self.node[code[:i]] for i in range(len(code))]
        nodes = torch.tensor(nodes, device=vectors.device)
        signs = [1.0 if bit == "0" else -1.0 for bit in code]
        signs = torch.tensor(signs, device=vectors.device)
        scores = vectors @ self.node_vectors(nodes).T
        return F.logsigmoid(signs * scores).sum(dim=-1)  # (B,)


def nearest(vectors: Tensor, word: int, count: int) -> list[tuple[int, float]]:
    """The words whose vectors point in the most similar direction.

    Args:
        vectors: One vector per word, shape (V, E).
        word: Id of the word that asks.
        count: How many neighbours, at most V - 1.

    Returns:
        (id, cosine) of the nearest words, best first, without the word.

    Raises:
        ValueError: If there is no such word, or there are fewer than
            `count` others.
    """
    if not 0 <= word < len(vectors):
        raise ValueError(
            f"word must be from 0 to {len(vectors) - 1}, got {word}"
        )
    if not 1 <= count < len(vectors):
        raise ValueError(
            f"count must be from 1 to {len(vectors) - 1}, got {count}"
        )
    unit = F.normalize(vectors, dim=-1)
    cosines = unit @ unit[word]  # (V,)
    cosines[word] = -torch.inf
    best = cosines.topk(count)
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))
