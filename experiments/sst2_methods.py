"""Three ways to learn an opinion on a film from few labelled sentences."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from reinvent.bert import (
    BERT,
    BERTClassifier,
    BERTConfig,
    Marks,
    TaskBatch,
    load_published,
)
from reinvent.toolbox.fit import fit
from reinvent.toolbox.foreign_weights import read_safetensors
from reinvent.toolbox.pretokenize import pretokenize
from reinvent.toolbox.reviews import Review
from reinvent.toolbox.sentence_vectors import sentence_vectors
from reinvent.wordpiece import WordPieces

MINILM = BERTConfig(
    hidden_size=384, num_layers=6, num_heads=12, feed_forward_size=1536
)
BATCH_SIZE = 32

Opinions = Callable[[Sequence[str]], Tensor]
"""Gives each of B texts a label, 0 or 1, shape (B,)."""


class TfIdf:
    """Counts words; one that stands in many sentences counts less.

    With n sentences, df of which hold a word, its count is multiplied by
    log((1 + n) / (1 + df)) + 1, and each row is brought to length 1. So does
    scikit-learn, if nothing else is asked for.

    Args:
        texts: What the words and their weights are taken from.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """See the class."""
        holds = Counter(w for text in texts for w in set(pretokenize(text)))
        self.places = {word: i for i, word in enumerate(sorted(holds))}
        often = torch.tensor([holds[word] for word in self.places])
        self.idf = ((1 + len(texts)) / (1 + often)).log() + 1  # (words,)

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """One row for each text, (B, words); new words are left out."""
        counts = torch.zeros(len(texts), len(self.places))
        for row, text in zip(counts, texts, strict=True):
            for word in pretokenize(text):
                if word in self.places:
                    row[self.places[word]] += 1
        return F.normalize(counts * self.idf, dim=1)


def logistic_regression(
    features: Tensor, labels: Tensor, strength: float
) -> tuple[Tensor, Tensor]:
    """Finds the least strength * (sum of the losses) + |w|^2 / 2.

    Args:
        features: Shape (N, D).
        labels: 0 or 1, shape (N,).
        strength: How much the labels count; scikit-learn calls it C.

    Returns:
        w, shape (D,), and the bias, shape ().
    """
    x, y = features.double(), labels.double()
    weight = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    bias = torch.zeros((), dtype=x.dtype, requires_grad=True)
    search = torch.optim.LBFGS(
        [weight, bias],
        max_iter=1000,
        tolerance_grad=1e-8,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        search.zero_grad()
        losses = F.binary_cross_entropy_with_logits(
            x @ weight + bias, y, reduction="sum"
        )
        loss = (losses + weight.square().sum() / 2 / strength) / len(y)
        loss.backward()
        return loss

    search.step(closure)
    return weight.detach().float(), bias.detach().float()


def on_features(
    features: Callable[[Sequence[str]], Tensor],
    few: Sequence[Review],
    strength: float,
) -> Opinions:
    """Learns a logistic regression on features of texts.

    Args:
        features: Gives B texts their features, shape (B, D).
        few: To learn from.
        strength: As in `logistic_regression`.
    """
    labels = torch.tensor([review.label for review in few])
    seen = features([review.text for review in few])
    weight, bias = logistic_regression(seen, labels, strength)
    return lambda texts: (features(texts) @ weight + bias > 0).long()


class MiniLM:
    """The published all-MiniLM-L6-v2 with its wordpieces.

    Args:
        folder: Holds `model.safetensors` and `vocab.txt`.
        config: Its sizes.
    """

    def __init__(self, folder: Path, config: BERTConfig = MINILM) -> None:
        """See the class."""
        self.pieces = WordPieces.from_file(folder / "vocab.txt")
        self.marks = Marks(
            **{
                name: self.pieces.ids[f"[{name.upper()}]"]
                for name in ("pad", "cls", "sep", "mask")
            }
        )
        self.weights = read_safetensors(folder / "model.safetensors")
        self.config = config
        self.frozen = self.body().eval()
        self.known: dict[str, Tensor] = {}

    def body(self) -> BERT:
        """A BERT with these weights, to train further."""
        new = BERT(self.config)
        load_published(new, self.weights)
        return new

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Ids, (B, T); of a text no more than there are positions."""
        room = self.config.max_positions - 2
        rows = [self.pieces.encode(text)[:room] for text in texts]
        return self.marks.batch([[row] for row in rows])[0]

    @torch.no_grad()
    def vectors(self, texts: Sequence[str]) -> Tensor:
        """The vectors of sentences, of length 1, (B, D); computed once."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        for part in by_length(new):
            tokens = self.tokens(part)
            its = sentence_vectors(self.frozen(tokens), tokens)
            self.known.update(zip(part, its, strict=True))
        return torch.stack([self.known[text] for text in texts])


def by_length(texts: Sequence[str]) -> list[list[str]]:
    """Batches of texts that are about as long: little padding."""
    ordered = sorted(texts, key=len)
    starts = range(0, len(ordered), BATCH_SIZE)
    return [ordered[start : start + BATCH_SIZE] for start in starts]


class Epochs:
    """Batches of sentences about as long; in each epoch all, cut anew.

    Args:
        few: The sentences.
        form: Makes a batch of a list of them.
        seed: The same one gives the same batches.
    """

    def __init__(
        self,
        few: Sequence[Review],
        form: Callable[[list[Review]], TaskBatch],
        seed: int,
    ) -> None:
        """See the class."""
        self.few, self.form, self.seed = few, form, seed
        self.per_epoch = math.ceil(len(few) / BATCH_SIZE)

    def __call__(self, step: int) -> TaskBatch:
        """The batch of a step."""
        epoch, turn = divmod(step, self.per_epoch)
        rng = Random(f"{self.seed} {epoch}")
        near = {its: len(its.text) * rng.uniform(1, 1.5) for its in self.few}
        ordered = sorted(self.few, key=near.get)
        place = rng.sample(range(self.per_epoch), self.per_epoch)[turn]
        cuts = [len(ordered) * i // self.per_epoch for i in (place, place + 1)]
        return self.form(ordered[slice(*cuts)])


def fine_tuned(
    minilm: MiniLM, few: Sequence[Review], learning_rate: float, seed: int
) -> Opinions:
    """Trains all weights further, with a new layer on the pooler.

    Args:
        minilm: What to begin with.
        few: They are read twice, and 1,600 readings more are shared out.
        learning_rate: Rises for a tenth of the steps, then falls to 0.
        seed: Of the new layer, the dropout and the batches.
    """

    def batch(part: list[Review]) -> TaskBatch:
        labels = torch.tensor([review.label for review in part])
        return TaskBatch(minilm.tokens([s.text for s in part]), labels)

    torch.manual_seed(seed)
    model = BERTClassifier(minilm.body(), 2)
    steps = math.ceil((2 * len(few) + 1600) / BATCH_SIZE)
    fit(
        model,
        lambda its, batch: its.loss(batch),
        Epochs(few, batch, seed),
        steps=steps,
        learning_rate=learning_rate,
        schedule="linear",
        warmup=steps // 10,
    )
    model.eval()
    return partial(told_by, model, minilm)


@torch.no_grad()
def told_by(
    model: BERTClassifier, minilm: MiniLM, texts: Sequence[str]
) -> Tensor:
    """The label that a trained model gives each text, shape (B,)."""
    found = {}
    for part in by_length(texts):
        logits = model(minilm.tokens(part))  # (B, 2)
        found.update(zip(part, logits.argmax(dim=1), strict=True))
    return torch.stack([found[text] for text in texts])
