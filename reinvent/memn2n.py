"""Memory networks that learn where to look from the answers alone.

Sukhbaatar, Szlam, Weston, Fergus (2015), "End-To-End Memory Networks",
https://arxiv.org/abs/1503.08895v5. Equation numbers and sections are of this
version.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.bahdanau import (
    masked_softmax,  # abstract: it extends RNNsearch to several hops
)
from reinvent.memory_networks import (
    bag_of_words,  # §2.2, §4.1: its memories, read by a softmax
)
from reinvent.toolbox.story_batches import StoryBatch
from reinvent.toolbox.vocabulary import check_ids

ADJACENT, LAYER_WISE = "adjacent", "layer-wise"
"""The two ways of section 2.2 to share embeddings between hops."""


def check_hops(hops: int) -> None:
    """Stops at a model that never reads its memory."""
    if hops < 1:
        raise ValueError(f"hops is {hops}, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class MemN2NConfig:
    """Sizes and switches of `MemN2N`; the defaults are those of section 4.2.

    Attributes:
        vocab_size: V, with padding as id 0; the paper's 20 tasks have 177.
        embedding_size: d; 20 for one task, the paper takes 50 for all.
        hops: K, how often the memory is read.
        memory_size: Most statements of a story, empty ones included.
        tying: "adjacent" or "layer-wise".
        position_encoding: Weigh words by their place (4.1), or count them.
        position_scale: What l_kj is multiplied by: 1 is the paper, 2 is the
            authors' program.
        temporal_encoding: Add a vector for the age of a statement (4.1).
        noise: Empty memories per statement in training (4.1).
        empty_slots: Let the softmax see the slots that a story leaves empty,
            as null symbols of embedding 0 (4.2), or hide them.
    """

    vocab_size: int = 177
    embedding_size: int = 20
    hops: int = 3
    memory_size: int = 50
    tying: str = ADJACENT
    position_encoding: bool = True
    position_scale: float = 1.0
    temporal_encoding: bool = True
    noise: float = 0.1
    empty_slots: bool = True

    def __post_init__(self) -> None:
        """Stops at settings that make no model."""
        check_hops(self.hops)
        if self.tying not in (ADJACENT, LAYER_WISE):
            raise ValueError(
                f"tying is {self.tying!r}, expected {ADJACENT!r} or "
                f"{LAYER_WISE!r}"
            )
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise is {self.noise}, expected 0 to 1")


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """Sizes of `MemN2NLanguageModel`; the defaults are of table 2 (PTB).

    Attributes:
        vocab_size: V, with padding as id 0.
        embedding_size: d, which must be even.
        hops: K.
        memory_size: How many words back the model sees.
    """

    vocab_size: int = 10_000
    embedding_size: int = 150
    hops: int = 6
    memory_size: int = 150

    def __post_init__(self) -> None:
        """Stops at settings that make no model."""
        check_hops(self.hops)
        if self.embedding_size % 2:
            raise ValueError(
                f"embedding_size is {self.embedding_size}, expected an even "
                "number: half of the units have a ReLU"
            )


TINY = MemN2NConfig(embedding_size=32, hops=2, memory_size=20)
TINY_LANGUAGE_MODEL = LanguageModelConfig(
    embedding_size=64, hops=2, memory_size=25
)


class Reply(NamedTuple):
    """What the network looked at and said.

    Attributes:
        weights: p of every hop, shape (B, hops, M). What is missing to 1
            lies on empty slots. Scores, while the softmax is off.
        logits: A score for every word as the answer, shape (B, V).
    """

    weights: Tensor
    logits: Tensor


def position_encoding(words: Tensor, table: Tensor) -> Tensor:
    """Section 4.1: sum of l_j A x_j, l_kj = (1 - j/J) - (k/d)(1 - 2j/J).

    l is a line in k, so two bags of words give the sum fast: in the first,
    word j counts 1 - j/J, in the second 1 - 2j/J.

    Args:
        words: Ids, padded at the end with 0, shape (..., L).
        table: A, one row per word, shape (V, D).

    Returns:
        Sentence vectors, 0 where there is no word, shape (..., D).
    """
    present = words != 0
    count = present.sum(dim=-1, keepdim=True).clamp(min=1)  # (..., 1)
    place = torch.arange(1, words.shape[-1] + 1, device=words.device) / count
    counts = torch.stack([1 - place, 1 - 2 * place], dim=-2)  # (..., 2, L)
    counts = counts * present.unsqueeze(-2)
    bags = counts.new_zeros(*counts.shape[:-1], len(table))  # (..., 2, V)
    bags.scatter_add_(-1, words.unsqueeze(-2).expand_as(counts), counts)
    one, other = (bags @ table).unbind(dim=-2)
    size = table.shape[1]
    k = torch.arange(1, size + 1, device=words.device)
    return one - k / size * other  # (..., D)


def ages(present: Tensor, noise: float = 0.0) -> Tensor:
    """How many memories came after each one: 0 is the last (section 4.1).

    Args:
        present: True where there is a memory, shape (B, M).
        noise: How likely an empty memory follows each of them.

    Returns:
        Ages in memories, shape (B, M); only those of memories have meaning.
    """
    slots = present.long()
    if noise > 0:
        empty = torch.rand(present.shape, device=present.device) < noise
        slots = slots + (empty & present)
    return slots.flip(1).cumsum(dim=1).flip(1) - 1


def look_up(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    *,
    empty: Tensor | None = None,
    linear: bool = False,
) -> tuple[Tensor, Tensor]:
    """Equations 1 and 2: p = softmax(u m_i), o = sum of p_i c_i.

    Args:
        query: u, shape (B, D).
        keys: m_i, shape (B, M, D).
        values: c_i, shape (B, M, D).
        mask: True where there is a memory, shape (B, M).
        empty: How many more slots hold m = c = 0, shape (B,). They take
            part in the softmax and add nothing to o.
        linear: Leave out the softmax, for linear start (section 4.2).

    Returns:
        o, shape (B, D), and p, exactly 0 where the mask is False, shape
        (B, M).
    """
    scores = (keys @ query.unsqueeze(-1)).squeeze(-1)  # (B, M)
    if linear:
        weights = scores * mask
    elif empty is None:
        weights = masked_softmax(scores, mask)
    else:
        nothing = empty.log().unsqueeze(1)  # (B, 1), e^0 for each slot
        scores = torch.cat([scores, nothing], dim=1)  # (B, M + 1)
        mask = F.pad(mask, (0, 1), value=True)  # (B, M + 1)
        weights = masked_softmax(scores, mask)[:, :-1]  # (B, M)
    context = (weights.unsqueeze(1) @ values).squeeze(1)  # (B, D)
    return context, weights


class MemN2N(nn.Module):
    """Answers questions about stories (sections 2 and 4).

    With `model.linear = True` the memories are read without softmax: the
    first part of a training with linear start (section 4.2).

    Differs:
        Random noise: after each statement an empty memory comes with a
        chance of 10 %, and makes the older ones one older.
        The authors' program weighs words by about 2 l_kj, counts j and k
        from the middle, and takes the longest sentence as J.
    """

    def __init__(self, config: MemN2NConfig) -> None:
        """Makes the embeddings; all start from N(0, 0.1^2)."""
        super().__init__()
        self.config = config
        self.linear = False
        vocab_size, size = config.vocab_size, config.embedding_size
        adjacent = config.tying == ADJACENT
        tables = config.hops + 1 if adjacent else 2
        self.words = nn.ModuleList(
            nn.Embedding(vocab_size, size) for _ in range(tables)
        )  # A and C
        if config.temporal_encoding:
            self.times = nn.ModuleList(
                nn.Embedding(config.memory_size, size) for _ in range(tables)
            )  # T_A and T_C
        if not adjacent:
            self.question = nn.Embedding(vocab_size, size)  # B
            self.to_next = nn.Linear(size, size, bias=False)  # H
            self.to_logits = nn.Linear(size, vocab_size, bias=False)  # W
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1)

    def encode(self, words: Tensor, table: nn.Embedding) -> Tensor:
        """One vector per sentence: sum of l_j A x_j, or of A x_j alone.

        Args:
            words: Ids, padded at the end with 0, shape (..., L).
            table: A, B or C.

        Returns:
            Sentence vectors, shape (..., D).
        """
        if not self.config.position_encoding:
            return bag_of_words(words, self.config.vocab_size) @ table.weight
        scale = self.config.position_scale
        return scale * position_encoding(words, table.weight)  # (..., D)

    def write(self, memories: Tensor, present: Tensor) -> list[Tensor]:
        """m_i and c_i: words under each A and C, plus T_A and T_C.

        Args:
            memories: Ids, oldest statement first, shape (B, M, L).
            present: True where there is a statement, shape (B, M).

        Returns:
            Adjacent: K + 1 memories, each the output of one hop and the
            input of the next. Layer-wise: m and c. Each of shape (B, M, D).
        """
        stored = [self.encode(memories, table) for table in self.words]
        if not self.config.temporal_encoding:
            return stored
        noise = self.config.noise if self.training else 0.0
        when = ages(present, noise).clamp(0, self.config.memory_size - 1)
        return [
            words + times(when)
            for words, times in zip(stored, self.times, strict=True)
        ]

    def next_query(self, query: Tensor, context: Tensor) -> Tensor:
        """Equation 4: u + o, or H u + o with layer-wise tying (2.2).

        Args:
            query: u^k, shape (B, D).
            context: o^k, shape (B, D).

        Returns:
            u^{k+1}, shape (B, D).
        """
        if self.config.tying == ADJACENT:
            return query + context
        return self.to_next(query) + context

    def forward(self, memories: Tensor, question: Tensor) -> Reply:
        """Reads the story K times and answers, equation 3.

        Args:
            memories: Word ids, padded with 0, shape (B, M, L).
            question: Word ids, padded with 0, shape (B, L).

        Returns:
            The weights of each hop and the logits of the answer.

        Raises:
            ValueError: If the two batches differ, a story has no statement
                or more than `memory_size`, a question has no word, or an id
                is no word.
        """
        self.check(memories, question)
        present = (memories != 0).any(dim=2)  # (B, M)
        empty = None
        if self.config.empty_slots:
            empty = self.config.memory_size - present.sum(dim=1)  # (B,)
        adjacent = self.config.tying == ADJACENT
        stored = self.write(memories, present)
        query = self.encode(
            question, self.words[0] if adjacent else self.question
        )  # (B, D)
        all_weights = []
        for hop in range(self.config.hops):
            keys, values = stored[hop : hop + 2] if adjacent else stored
            context, weights = look_up(
                query, keys, values, present, empty=empty, linear=self.linear
            )
            query = self.next_query(query, context)
            all_weights.append(weights)
        to_logits = self.words[-1] if adjacent else self.to_logits
        logits = query @ to_logits.weight.T  # (B, V)
        return Reply(torch.stack(all_weights, dim=1), logits)

    def loss(self, story: StoryBatch) -> Tensor:
        """Cross entropy of the answer; `story.facts` is not used.

        Args:
            story: A batch of stories.

        Returns:
            The mean loss of a story in nats, a scalar.

        Raises:
            ValueError: As `forward`, or if an answer is no word.
        """
        check_ids(story.answer, self.config.vocab_size)
        reply = self(story.memories, story.question)
        return F.cross_entropy(reply.logits, story.answer)

    def check(self, memories: Tensor, question: Tensor) -> None:
        """Stops at stories that the model cannot hold."""
        check_ids(memories, self.config.vocab_size)
        check_ids(question, self.config.vocab_size)
        if len(memories) != len(question):
            raise ValueError(
                f"{len(memories)} stories and {len(question)} questions "
                "given, expected as many questions as stories"
            )
        counts = (memories != 0).any(dim=2).sum(dim=1)
        most, size = int(counts.max()), self.config.memory_size
        if most > size:
            raise ValueError(
                f"statement {most} of story {int(counts.argmax())}, but the "
                f"memory holds {size}"
            )
        words = (question != 0).sum(dim=1)
        for kind, parts, number in (
            ("story", "statements", counts),
            ("question", "words", words),
        ):
            if not number.all():
                raise ValueError(
                    f"{kind} {int(number.argmin())} has 0 {parts}, expected "
                    "at least 1"
                )


class MemN2NLanguageModel(nn.Module):
    """Predicts the next word from a memory of the last words (section 5).

    Every memory is one word, nothing is asked (q is 0.1 everywhere), tying
    is layer-wise, and half of the units have a ReLU after each hop.
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        """Makes the embeddings; all start from N(0, 0.05^2)."""
        super().__init__()
        self.config = config
        vocab_size, size = config.vocab_size, config.embedding_size
        self.to_key = nn.Embedding(vocab_size, size)  # A
        self.to_value = nn.Embedding(vocab_size, size)  # C
        self.key_times = nn.Embedding(config.memory_size, size)  # T_A
        self.value_times = nn.Embedding(config.memory_size, size)  # T_C
        self.to_next = nn.Linear(size, size, bias=False)  # H
        self.to_logits = nn.Linear(size, vocab_size, bias=False)  # W
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.05)

    def forward(self, words: Tensor) -> Reply:
        """Reads the last words K times and scores the next one.

        Args:
            words: Ids, oldest first; 0 where there is no word, at least one
                word in a row, shape (B, M).

        Returns:
            The weights of each hop over the words and the logits of the
            next word.

        Raises:
            ValueError: If there are more words than memories, a row has no
                word, or an id is no word.
        """
        check_ids(words, self.config.vocab_size)
        if words.shape[1] > self.config.memory_size:
            raise ValueError(
                f"{words.shape[1]} words given, but the memory holds "
                f"{self.config.memory_size}"
            )
        present = words != 0
        when = ages(present).clamp(min=0)
        keys = self.to_key(words) + self.key_times(when)  # (B, M, D)
        values = self.to_value(words) + self.value_times(when)  # (B, M, D)
        query = torch.full_like(keys[:, 0], 0.1)  # (B, D)
        all_weights = []
        for _ in range(self.config.hops):
            context, weights = look_up(query, keys, values, present)
            query = half_relu(self.to_next(query) + context)
            all_weights.append(weights)
        return Reply(torch.stack(all_weights, dim=1), self.to_logits(query))

    def loss(self, words: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of the next word.

        Args:
            words: Ids of the words before it, shape (B, M).
            target: Ids of the next words, shape (B,).

        Returns:
            The mean loss of a word in nats, a scalar.

        Raises:
            ValueError: As `forward`, or if a target is no word.
        """
        check_ids(target, self.config.vocab_size)
        return F.cross_entropy(self(words).logits, target)


def half_relu(units: Tensor) -> Tensor:
    """ReLU on the second half of the units, none on the first (section 5).

    Args:
        units: Shape (B, D), with D even.

    Returns:
        The same shape.
    """
    plain, bent = units.chunk(2, dim=-1)
    return torch.cat([plain, F.relu(bent)], dim=-1)  # (B, D)
