"""Stories as tensors: words, statements and questions to numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from reinvent.toolbox.stories import Question
from reinvent.toolbox.vocabulary import Vocabulary, pad


class StoryBatch(NamedTuple):
    """A batch of stories, each with one question.

    Attributes:
        memories: Word ids of the statements, oldest first, padded with 0,
            shape (B, M, L).
        question: Word ids, padded with 0, shape (B, L).
        answer: The id of the answer, shape (B,).
        facts: Which memories support the answer, in the order in which they
            are needed, padded with -1, shape (B, hops).
    """

    memories: Tensor
    question: Tensor
    answer: Tensor
    facts: Tensor


def story_words(*groups: Sequence[Question]) -> Vocabulary:
    """All words of stories, questions and answers.

    Args:
        *groups: Questions, for example those of training and test.
    """
    return Vocabulary.from_sentences(
        words
        for questions in groups
        for asked in questions
        for words in (*asked.statements, asked.question, (asked.answer,))
    )


def encode_stories(
    questions: Sequence[Question], words: Vocabulary
) -> StoryBatch:
    """Makes one batch of all the questions.

    Args:
        questions: The stories with their questions.
        words: Gives every word its id.

    Raises:
        ValueError: If there is no question, a story has no statement, or a
            word is unknown.
    """
    if not questions:
        raise ValueError("0 questions given, expected at least 1")
    for number, asked in enumerate(questions):
        if not asked.statements:
            raise ValueError(
                f"story {number} has 0 statements, expected at least 1"
            )
    most = max(len(asked.statements) for asked in questions)
    longest = max(
        len(statement) for asked in questions for statement in asked.statements
    )
    memories = torch.zeros(len(questions), most, longest, dtype=torch.long)
    for i, asked in enumerate(questions):
        told = pad([words.encode(s) for s in asked.statements])
        memories[i, : told.shape[0], : told.shape[1]] = told
    return StoryBatch(
        memories=memories,
        question=words.batch([asked.question for asked in questions]),
        answer=torch.tensor([words.encode([q.answer])[0] for q in questions]),
        facts=pad([list(asked.facts) for asked in questions], pad_id=-1),
    )


def check_facts(story: StoryBatch, hops: int) -> None:
    """Stops at a story whose first facts are not statements of it.

    Args:
        story: A batch of stories.
        hops: How many facts each story needs.

    Raises:
        ValueError: If a story has fewer facts, or a fact names no statement.
    """
    told = (story.memories != 0).any(dim=2).tolist()
    facts = story.facts[:, :hops].tolist()
    for number, (named, slots) in enumerate(zip(facts, told, strict=True)):
        count = sum(fact >= 0 for fact in named)
        if count < hops:
            raise ValueError(
                f"story {number} has {count} fact{'s' * (count != 1)}, "
                f"expected {hops}"
            )
        statements = [slot for slot, full in enumerate(slots) if full]
        for fact in set(named).difference(statements):
            raise ValueError(
                f"story {number} has fact {fact}, expected the number of a "
                f"statement: {statements}"
            )


class StoryBatches:
    """Batches of stories; the same seed and step give the same batch.

    No question comes twice in an epoch; those that do not fill the last
    batch, others in each epoch, are left out.

    Args:
        stories: From `encode_stories`.
        batch_size: Stories in a batch.
        seed: Gives the order.

    Raises:
        ValueError: If the batch is smaller than 1 or larger than all
            stories.
    """

    def __init__(
        self, stories: StoryBatch, batch_size: int, seed: int
    ) -> None:
        """See the class."""
        if not 1 <= batch_size <= len(stories.answer):
            raise ValueError(
                f"batch_size is {batch_size}, expected 1 to "
                f"{len(stories.answer)}, the number of stories"
            )
        self.stories = stories
        self.batch_size = batch_size
        self.seed = seed
        self.per_epoch = len(stories.answer) // batch_size

    def __call__(self, step: int) -> StoryBatch:
        """The batch of a step, counted from 0."""
        epoch, place = divmod(step, self.per_epoch)
        generator = torch.Generator().manual_seed(
            self.seed * 1_000_003 + epoch
        )
        order = torch.randperm(len(self.stories.answer), generator=generator)
        chosen = order[place * self.batch_size :][: self.batch_size]
        return StoryBatch(*(part[chosen] for part in self.stories))
