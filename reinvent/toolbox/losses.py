"""The losses that several chapters train with."""

from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.toolbox.translation import Batch


def translation_loss(
    model: nn.Module, batch: Batch, *, label_smoothing: float = 0.0
) -> Tensor:
    """Mean negative log-likelihood of the target words, teacher forced.

    Args:
        model: Called with source (B, S) and target (B, T), gives logits
            (B, T, V) for the word after each target word.
        batch: Sentences, padded with 0.
        label_smoothing: Share of each word's probability that is given to
            all words alike (Szegedy et al., 2015, section 7).

    Returns:
        Nats per target word that is not padding, a scalar.
    """
    logits = model(batch.source, batch.target_in)
    return F.cross_entropy(
        logits.flatten(0, 1),
        batch.target_out.flatten(),
        ignore_index=0,
        label_smoothing=label_smoothing,
    )
