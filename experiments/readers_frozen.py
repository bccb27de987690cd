"""Readers whose vectors a task uses as they are: word2vec and ELMo."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from readers_base import Inputs, Reader, at
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent import elmo, word2vec
from reinvent.toolbox.document_tasks import TASKS, Example, NounProbe
from reinvent.toolbox.documents import Document, Words

PAIRED = ("order", "next")
"""Tasks with two texts."""


class FeatureBatch(NamedTuple):
    """Examples of a task as vectors that stay as they are.

    Attributes:
        features: Of each layer, shape (N, layers, 1, D).
        labels: Shape (N,).
    """

    features: Tensor
    labels: Tensor


class FeatureModel(nn.Module):
    """A mix of layers, as ELMo's, and a linear layer."""

    def __init__(self, layers: int, size: int, num_labels: int) -> None:
        """Makes both."""
        super().__init__()
        self.mix = elmo.ScalarMix(layers)
        self.to_labels = nn.Linear(size, num_labels)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, labels) from features (N, layers, 1, D)."""
        return self.to_labels(self.mix(features)[:, 0])

    def loss(self, batch: FeatureBatch) -> Tensor:
        """Nats per label."""
        return F.cross_entropy(self(batch.features), batch.labels)


class FeatureReader(Reader):
    """A reader whose vectors are used as they are.

    A task is given the vector of the noun that is asked for, or the mean
    over a text; of two texts, both means.
    """

    task_learning_rate = 3e-2

    @abstractmethod
    def layers(self, texts: Sequence[Words]) -> Tensor:
        """All vectors, (N, layers, T, D), 0 at padding."""

    def vectors(self, probes: Sequence[NounProbe]) -> Tensor:
        """Those of the top layer; as in `Reader`."""
        layers = self.layers([probe.words for probe in probes])
        return at(layers[:, -1], [probe.place for probe in probes])

    def means(self, texts: Sequence[Words]) -> Tensor:
        """The means over texts, (N, layers, D)."""
        lengths = torch.tensor([len(text) for text in texts])
        return self.layers(texts).sum(dim=2) / lengths[:, None, None]

    def task_batch(self, examples: Sequence[Example]) -> FeatureBatch:
        """As in `Reader`."""
        texts = [example.words for example in examples]
        if examples[0].place is not None:
            places = [example.place for example in examples]
            features = at(self.layers(texts).transpose(1, 2), places)
        else:
            features = self.means(texts)
            if examples[0].second:
                second = self.means([example.second for example in examples])
                features = torch.cat([features, second], dim=-1)
        labels = torch.tensor([example.label for example in examples])
        return FeatureBatch(features[:, :, None], labels)

    def new_task(self, task: str) -> FeatureModel:
        """As in `Reader`."""
        _, layers, _, size = self.layers([("the",)]).shape
        texts = 2 if task in PAIRED else 1
        return FeatureModel(layers, texts * size, len(TASKS[task]))


class SkipGram(FeatureReader):
    """word2vec with negative sampling, as in chapter 10."""

    learning_rate = 1e-2
    window, noise_words = 4, 5

    def build(self) -> nn.Module:
        """As in `Reader`."""
        config = replace(word2vec.TINY, vocab_size=len(self.words))
        return word2vec.SkipGram(config)

    def inputs(self, documents: Sequence[Document]) -> Inputs:
        """The documents as ids; also counts the words, for the noise."""
        found = [
            (len(its.words), self.words.encode(its.words)) for its in documents
        ]
        ids = torch.tensor([i for _, row in found for i in row])
        counts = torch.bincount(ids, minlength=len(self.words)).float()
        self.noise = word2vec.noise_distribution(counts)
        return found

    def form(self, inputs: list[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """All pairs of the documents, and noise for each."""
        centre, context = word2vec.context_pairs(inputs, self.window)
        count = len(centre) * self.noise_words
        noise = torch.multinomial(self.noise, count, replacement=True)
        return centre, context, noise.view(-1, self.noise_words)

    def loss(self, model: nn.Module, batch: tuple) -> Tensor:
        """As in `Reader`."""
        return model(*batch)

    def layers(self, texts: Sequence[Words]) -> Tensor:
        """One layer: the vectors of the words."""
        ids = self.words.batch(texts)  # (N, T)
        with torch.no_grad():
            vectors = self.model.input_vectors(ids) * (ids != 0)[:, :, None]
        return vectors[:, None]


class ELMo(FeatureReader):
    """The biLM of chapter 10.

    Its half that reads from the right guesses a noun, its half that reads
    from the left goes on with a text.
    """

    def build(self) -> nn.Module:
        """As in `Reader`."""
        config = replace(elmo.TINY, vocab_size=len(self.words), dropout=0.0)
        return elmo.BiLanguageModel(config)

    def form(self, inputs: list[Words]) -> Tensor:
        """Ids with <s> and </s>, (B, T)."""
        return self.words.batch(inputs, bos=True, eos=True)

    def layers(self, texts: Sequence[Words]) -> Tensor:
        """As in `FeatureReader`."""
        return self.model.bilm.represent(self.form(list(texts)))

    def guesses(self, probes: Sequence[NounProbe]) -> Tensor:
        """As in `Reader`."""
        with torch.no_grad():
            _, scores = self.model(self.form([its.words for its in probes]))
        return at(scores, [probe.place + 1 for probe in probes])

    def answers(self, asked: Sequence[Example]) -> Tensor:
        """As in `Reader`."""
        with torch.no_grad():
            scores, _ = self.model(self.form([its.words for its in asked]))
        return at(scores, [len(example.words) for example in asked])
