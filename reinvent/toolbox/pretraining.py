"""One recipe by which the models of Part III learn from plain documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from random import Random
from typing import Any

from torch import Tensor, nn

from reinvent.toolbox.checkpoints import cache_path
from reinvent.toolbox.fit import History, fit


class Draws:
    """Batches drawn by chance; the same seed and step give the same batch.

    Args:
        items: What to draw from, such as the words of documents.
        form: Makes a batch of a list of them.
        batch_size: How many are drawn, none of them twice; all of them if
            they are fewer.
        seed: Gives the draws.

    Raises:
        ValueError: There is nothing to draw from, or batch_size is smaller
            than 1.
    """

    def __init__(
        self,
        items: Sequence[Any],
        form: Callable[[list[Any]], object],
        batch_size: int,
        seed: int,
    ) -> None:
        """See the class."""
        if not len(items) or batch_size < 1:
            raise ValueError(
                "expected at least 1 item and a batch size of at least 1,"
                f" got {len(items)} items and batch_size={batch_size}"
            )
        self.items = items
        self.form = form
        self.size = min(batch_size, len(items))
        self.seed = seed

    def __call__(self, step: int) -> object:
        """Make the batch of a step."""
        rng = Random(f"{self.seed} {step}")
        return self.form(rng.sample(self.items, self.size))


def pretrain(
    model: nn.Module,
    loss: Callable[[nn.Module, object], Tensor],
    texts: Sequence[Sequence[str]],
    form: Callable[[list[Sequence[str]]], object],
    *,
    name: str,
    seed: int,
    steps: int,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    warmup: int = 100,
) -> History:
    """Train a model on texts, or take what an earlier run has learned.

    Adam; the learning rate rises in the warm-up and then falls to 0 in a
    line. The result is kept in the cache under the name and all settings, so
    that another chapter finds it there.

    Args:
        model: Trained in place; it has a `config`, a dataclass.
        loss: As for `fit`.
        texts: What to learn from, each the words of one text.
        form: Makes a batch of a list of texts.
        name: What is trained, such as "gpt".
        seed: Gives the batches; the weights are those of the model.
        steps: Optimizer steps.
        batch_size: Texts in a batch.
        learning_rate: The highest.
        warmup: Steps of the warm-up.

    Returns:
        What happened in the training.

    Raises:
        ValueError: As in `Draws` and `fit`.
    """
    recipe = {
        "steps": steps,
        "learning_rate": learning_rate,
        "warmup": warmup,
    }
    batches = Draws(texts, form, batch_size, seed)
    settings = {"config": asdict(model.config), "batch_size": batch_size}
    settings |= {**recipe, "texts": len(texts), "first": list(texts[0])}
    return fit(
        model,
        loss,
        batches,
        schedule="linear",
        checkpoint=cache_path(name, **settings, seed=seed),
        **recipe,
    )
