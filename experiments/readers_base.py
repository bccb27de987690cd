"""What the readers of Part III have in common: reading, and learning tasks.

A reader reads documents without labels. Then it gives vectors of nouns and
scores of words, and learns tasks from few labels. Where a model cannot be
asked, the answer is None.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reinvent.toolbox.document_tasks import Example, NounProbe
from reinvent.toolbox.documents import Corpus, Document
from reinvent.toolbox.fit import fit
from reinvent.toolbox.inputs import IGNORED
from reinvent.toolbox.pretraining import Draws

Inputs = list[tuple[int, object]]
"""What a reader draws its batches from, each with its number of words."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the numbers depend on, besides the seed.

    Attributes:
        documents: To read, again and again; labels are given to some.
        test_size: Documents to be measured on.
        steps: Batches of documents that are read.
        batch_size: Documents in each.
        warmup: Steps in which the learning rate rises.
        mask_rate: Share of the words that are hidden.
        copies: How often each document gets masks, if they are static. Each
            is then read about four times, as in BERT's training (RoBERTa's
            paper, section 4.1), where it was ten copies in 40 epochs.
        task_steps: Batches from which a task is learned.
        task_batch_size: Labels in each.
        task_warmup: As `warmup`.
        labels: How many a task has, in turn.
        draws: How often that many are drawn; the mean counts.
    """

    documents: int = 12_000
    test_size: int = 500
    steps: int = 1500
    batch_size: int = 32
    warmup: int = 100
    mask_rate: float = 0.3
    copies: int = 1
    task_steps: int = 80
    task_batch_size: int = 16
    task_warmup: int = 8
    labels: tuple[int, ...] = (12, 48)
    draws: int = 2


class Reader(ABC):
    """A model, what it reads, and what it is asked.

    Args:
        corpus: The world.
        settings: How to train.
        seed: Gives the weights, the batches and the masks.
    """

    learning_rate = 3e-3
    task_learning_rate = 1e-3

    def __init__(self, corpus: Corpus, settings: Settings, seed: int) -> None:
        """Makes a model that has read nothing."""
        self.words = corpus.words
        self.settings = settings
        self.seed = seed
        torch.manual_seed(seed)
        self.model = self.build()

    @abstractmethod
    def build(self) -> nn.Module:
        """A new model."""

    def inputs(self, documents: Sequence[Document]) -> Inputs:
        """What is read of some documents: here their words."""
        return [(len(its.words), its.words) for its in documents]

    @abstractmethod
    def form(self, inputs: list) -> object:
        """A batch of inputs, for `loss`."""

    def loss(self, model: nn.Module, batch: object) -> Tensor:
        """What pretraining makes small."""
        return model.loss(batch)

    def pretrain(self, documents: Sequence[Document], times: int = 1) -> int:
        """Reads as many words as `steps` batches of documents have.

        Args:
            documents: What to read.
            times: So many times as many words.

        Returns:
            The number of words that were read.
        """
        settings, read = self.settings, 0
        inputs = self.inputs(documents)

        def form(drawn: Inputs) -> object:
            nonlocal read
            read += sum(length for length, _ in drawn)
            return self.form([given for _, given in drawn])

        words = mean(len(document.words) for document in documents)
        longer = mean(length for length, _ in inputs) / words
        fit(
            self.model,
            self.loss,
            Draws(inputs, form, settings.batch_size, self.seed),
            steps=round(times * settings.steps / longer),
            learning_rate=self.learning_rate,
            schedule="linear",
            warmup=settings.warmup,
            progress=False,
        )
        self.model.eval()
        return read

    @abstractmethod
    def vectors(self, probes: Sequence[NounProbe]) -> Tensor:
        """Vectors (N, D) of nouns that stand in their documents."""

    def guesses(self, probes: Sequence[NounProbe]) -> Tensor | None:
        """Scores (N, V) of the words that may stand where a noun stood."""
        return None

    def answers(self, asked: Sequence[Example]) -> Tensor | None:
        """Scores (N, V) of the words that may come behind each text."""
        return None

    @abstractmethod
    def new_task(self, task: str) -> nn.Module:
        """A model for a task: what was learned, and a new layer."""

    @abstractmethod
    def task_batch(self, examples: Sequence[Example]) -> NamedTuple:
        """A batch for the loss of `new_task`; it has `labels`."""

    def task_logits(self, model: nn.Module, batch: NamedTuple) -> Tensor:
        """Scores (N, classes) of a batch of N examples."""
        return model(batch[0])

    def learn(
        self, task: str, few: Sequence[Example], tests: Sequence[Example]
    ) -> float:
        """Learns a task from few labels; the share of tests it gets right."""
        settings = self.settings
        torch.manual_seed(self.seed)
        model = self.new_task(task)
        form, size = self.task_batch, settings.task_batch_size
        fit(
            model,
            lambda its, batch: its.loss(batch),
            Draws(few, form, size, self.seed),
            steps=settings.task_steps,
            learning_rate=self.task_learning_rate,
            schedule="linear",
            warmup=settings.task_warmup,
            progress=False,
        )
        model.eval()
        batch = self.task_batch(tests)
        with torch.no_grad():
            guesses = self.task_logits(model, batch).argmax(dim=-1)
        labels = batch.labels[batch.labels != IGNORED]
        return (guesses == labels).double().mean().item()


def at(rows: Tensor, places: Sequence[int]) -> Tensor:
    """Takes one place of each row: (N, T, ...) becomes (N, ...)."""
    return rows[torch.arange(len(rows)), torch.tensor(places)]
