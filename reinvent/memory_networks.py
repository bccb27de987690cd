"""A network that writes sentences down and looks the right ones up.

Weston, Chopra, Bordes (2014), "Memory Networks",
https://arxiv.org/abs/1410.3916v11. Equation numbers are of this version.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.toolbox.story_batches import StoryBatch, check_facts
from reinvent.toolbox.vocabulary import check_ids

SCORED, ASKED, FOUND = range(3)
"""The three copies of the vocabulary in a feature vector: D = 3|W| holds one
for the memory that is scored and two for what asks, which comes from the
question or from a memory that was found before (below equation 5)."""


@dataclass(frozen=True, kw_only=True)
class MemoryNetworkConfig:
    """Sizes and switches; the defaults are those of section 5.2.

    Attributes:
        vocab_size: |W|, with padding as id 0.
        embedding_size: n, the rows of U.
        hops: k, how many memories are looked up.
        margin: gamma of the ranking loss.
        use_time: Compare memories by the features of section 3.4.
    """

    vocab_size: int
    embedding_size: int = 100
    hops: int = 2
    margin: float = 0.1
    use_time: bool = True


class Reply(NamedTuple):
    """What the network found and said.

    Attributes:
        found: The memory chosen at each hop, shape (B, k).
        scores: A score for every word as the answer, shape (B, V).
    """

    found: Tensor
    scores: Tensor


def bag_of_words(words: Tensor, vocab_size: int) -> Tensor:
    """Counts each word; the order is lost.

    Args:
        words: Ids, padded with 0, shape (..., L).
        vocab_size: V.

    Returns:
        Counts without padding, shape (..., V).

    Raises:
        ValueError: If there is no id, or one is not in 0 to V - 1.
    """
    check_ids(words, vocab_size)
    counts = torch.zeros(*words.shape[:-1], vocab_size, device=words.device)
    counts.scatter_add_(-1, words, torch.ones_like(words, dtype=counts.dtype))
    counts[..., 0] = 0
    return counts


def features(bag: Tensor, role: int) -> Tensor:
    """Phi: puts a bag of words into the copy that belongs to its role.

    Args:
        bag: Counts, shape (..., V).
        role: SCORED, ASKED or FOUND.

    Returns:
        The three copies side by side, two of them zero, shape (..., 3V).
    """
    vocab_size = bag.shape[-1]
    return F.pad(bag, (role * vocab_size, (FOUND - role) * vocab_size))


def time_features(asking: Tensor, times: Tensor) -> Tensor:
    """Phi_t of equation 10: who is older than whom.

    Args:
        asking: When each thing that asks was written, shape (B, Q).
        times: When each memory was written, shape (B, M).

    Returns:
        For x, y, y' the three features x older than y and x older than y',
        which are 0 or 1, and y older than y', which is -1 or 1, shape
        (B, Q, M, M, 3).
    """
    x = asking[:, :, None, None]
    y = times[:, None, :, None]
    other = times[:, None, None, :]
    third = torch.where(y < other, 1.0, -1.0)
    older = torch.broadcast_tensors(x < y, x < other, third)
    older = [feature.float() for feature in older]
    return torch.stack(older, dim=-1)  # (B, Q, M, M, 3)


def keep_the_winner(scores: Tensor, present: Tensor) -> Tensor:
    """Algorithm 1: walks over the memories and keeps the better of two.

    Args:
        scores: s(x, y, y') > 0 where y beats y', shape (B, M, M).
        present: True where there is a memory, at least once in a row,
            shape (B, M).

    Returns:
        The index of the last winner, shape (B,).
    """
    rows = torch.arange(len(scores), device=scores.device)
    winner = present.int().argmax(dim=1)  # (B,)
    for memory in range(1, scores.shape[1]):
        beats = scores[rows, memory, winner] > 0
        beats &= present[:, memory]
        winner = torch.where(beats, memory, winner)
    return winner


def ranking_loss(
    scores: Tensor, right: Tensor, present: Tensor, margin: float
) -> Tensor:
    """Equations 6 and 7, in the pair form of section 3.4.

    The right memory wins against each wrong one by a margin, and each wrong
    one loses against it. (The paper's 6 and 7 compare single scores.)

    Args:
        scores: s(x, y, y'), shape (B, M, M).
        right: Index of the supporting memory, shape (B,).
        present: True where there is a memory, shape (B, M).
        margin: gamma.

    Returns:
        The sum over wrong memories, mean over the batch, a scalar.
    """
    rows = torch.arange(len(scores), device=scores.device)
    wins = F.relu(margin - scores[rows, right, :])  # (B, M)
    losses = F.relu(margin + scores[rows, :, right])  # (B, M)
    wrong = present.clone()
    wrong[rows, right] = False
    return ((wins + losses) * wrong).sum(dim=1).mean()


def answer_loss(scores: Tensor, answer: Tensor, margin: float) -> Tensor:
    """Equation 8: the right word beats every other word by a margin.

    Args:
        scores: s_R for each word, shape (B, V).
        answer: Id of the right word, shape (B,).
        margin: gamma.

    Returns:
        The sum over wrong words, mean over the batch, a scalar.
    """
    right = scores.gather(1, answer.unsqueeze(1))  # (B, 1)
    gaps = F.relu(margin - right + scores)  # (B, V)
    wrong = torch.ones_like(gaps).scatter(1, answer.unsqueeze(1), 0.0)
    return (gaps * wrong).sum(dim=1).mean()


class MemoryNetwork(nn.Module):
    """I, G, O and R of section 3.1, with write times of section 3.4.

    Differs:
        A memory is stored as its bag of words, not as text (footnote 2).
        The third time feature is -1 or 1, not 0 or 1. With 0 a newer memory
        never scores above 0 against an older one that is otherwise equal,
        and algorithm 1 asks for more than 0.
        Section 3.4 has one x. In the second hop the score is the sum over
        the question and the memory found; the question is the newest.
        The loss takes all wrong memories; the paper draws some of them.
        With `use_time=False` the loss counts every pair twice.
    """

    def __init__(self, config: MemoryNetworkConfig) -> None:
        """Makes U_O and U_R; three more columns of U_O are for time."""
        super().__init__()
        self.config = config
        size, columns = config.embedding_size, 3 * config.vocab_size
        self.look_up = nn.Linear(columns, size, bias=False)  # U_O
        self.respond = nn.Linear(columns, size, bias=False)  # U_R
        if config.use_time:
            self.time = nn.Linear(3, size, bias=False)  # more of U_O

    def write(self, story: Tensor) -> Tensor:
        """I and G, equation 1: every statement goes to the next free slot.

        Args:
            story: Word ids, oldest statement first, shape (B, M, L).

        Returns:
            The memory: one bag of words per slot, shape (B, M, V).
        """
        return bag_of_words(story, self.config.vocab_size)  # (B, M, V)

    def pair_scores(
        self, asking: Tensor, when: Tensor, memory: Tensor
    ) -> Tensor:
        """Equation 10: how much memory y is to be preferred to memory y'.

        Without time it is s_O(x, y) - s_O(x, y') of equation 5.

        Args:
            asking: Features of all that asks, shape (B, Q, 3V).
            when: When each of them was written, shape (B, Q).
            memory: Bags of words, shape (B, M, V).

        Returns:
            s(x, y, y'), shape (B, M, M).
        """
        query = self.look_up(asking)  # (B, Q, D)
        key = self.look_up(features(memory, SCORED))  # (B, M, D)
        score = (query @ key.transpose(1, 2)).sum(dim=1)  # (B, M)
        pairs = score.unsqueeze(2) - score.unsqueeze(1)  # (B, M, M)
        if not self.config.use_time:
            return pairs
        times = torch.arange(memory.shape[1], device=memory.device)
        times = times.expand(len(memory), -1)  # (B, M)
        by_time = query @ self.time.weight  # (B, Q, 3)
        order = time_features(when, times)
        return pairs + torch.einsum("bqf,bqyzf->byz", by_time, order)

    def look(
        self, memory: Tensor, question: Tensor, facts: Tensor | None = None
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """O, equations 2 and 3: one memory per hop, each asks the next.

        Args:
            memory: Bags of words, shape (B, M, V).
            question: A bag of words, shape (B, V).
            facts: What to follow in place of the network's own choice, as
                in training, shape (B, k).

        Returns:
            The pair scores of each hop, each of shape (B, M, M); the
            memories chosen, shape (B, k); and the features of the question
            and of all memories that were followed, shape (B, k + 1, 3V).
        """
        rows = torch.arange(len(memory), device=memory.device)
        present = memory.sum(dim=2) > 0  # (B, M)
        asking = features(question, ASKED).unsqueeze(1)  # (B, 1, 3V)
        when = torch.full_like(rows, memory.shape[1]).unsqueeze(1)  # (B, 1)
        all_scores, found = [], []
        for hop in range(self.config.hops):
            scores = self.pair_scores(asking, when, memory)
            winner = keep_the_winner(scores, present)
            follow = winner if facts is None else facts[:, hop]
            chosen = features(memory[rows, follow], FOUND).unsqueeze(1)
            asking = torch.cat([asking, chosen], dim=1)
            when = torch.cat([when, follow.unsqueeze(1)], dim=1)
            all_scores.append(scores)
            found.append(winner)
        return all_scores, torch.stack(found, dim=1), asking

    def answer_scores(self, asking: Tensor) -> Tensor:
        """R, equation 4: s_R of each word as the answer.

        Args:
            asking: Features of the question and of what was found, shape
                (B, k + 1, 3V).

        Returns:
            Scores, shape (B, V).
        """
        vocab_size = self.config.vocab_size
        query = self.respond(asking).sum(dim=1)  # (B, D)
        key = self.respond.weight[:, :vocab_size]  # (D, V)
        return query @ key  # (B, V)

    def forward(self, memories: Tensor, question: Tensor) -> Reply:
        """Reads a story, looks up k memories, answers.

        Args:
            memories: Word ids, padded with 0, shape (B, M, L).
            question: Word ids, padded with 0, shape (B, L).

        Returns:
            What was found and the scores of the answers.

        Raises:
            ValueError: If the two batches differ, a story has no statement,
                a question no word, or an id no word.
        """
        memory = self.checked_memory(memories, question)
        bag = bag_of_words(question, self.config.vocab_size)
        _, found, asking = self.look(memory, bag)
        return Reply(found, self.answer_scores(asking))

    def loss(self, story: StoryBatch) -> Tensor:
        """Equations 6 to 8: every hop and the answer, with labelled facts.

        Args:
            story: A batch with the supporting facts.

        Returns:
            The mean loss of a story, a scalar.

        Raises:
            ValueError: As `forward`, or if a story has not one fact for each
                hop.
        """
        margin = self.config.margin
        memory = self.checked_memory(story.memories, story.question)
        check_facts(story, self.config.hops)
        bag = bag_of_words(story.question, self.config.vocab_size)
        all_scores, _, asking = self.look(memory, bag, story.facts)
        present = memory.sum(dim=2) > 0  # (B, M)
        total = answer_loss(self.answer_scores(asking), story.answer, margin)
        for hop, scores in enumerate(all_scores):
            right = story.facts[:, hop]
            total = total + ranking_loss(scores, right, present, margin)
        return total

    def checked_memory(self, memories: Tensor, question: Tensor) -> Tensor:
        """Writes the memory, of stories and questions that are whole."""
        if len(memories) != len(question):
            raise ValueError(
                f"{len(memories)} stories and {len(question)} questions "
                "given, expected as many questions as stories"
            )
        for kind, parts, ids in (
            ("story", "statements", memories.flatten(1)),
            ("question", "words", question),
        ):
            empty = (ids == 0).all(dim=1).nonzero()
            if len(empty):
                raise ValueError(
                    f"{kind} {int(empty[0])} has 0 {parts}, "
                    "expected at least 1"
                )
        return self.write(memories)
