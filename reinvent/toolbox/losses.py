"""The losses that several chapters train with, and a cheaper one."""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from reinvent.toolbox.translation import Batch
from reinvent.toolbox.vocabulary import check_ids


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


def loss_in_parts(
    hidden: Tensor, words: Tensor, tokens: Tensor, *, room: int = 2**23
) -> Tensor:
    """`F.cross_entropy(hidden @ words.T, tokens)`, without all scores at once.

    With a large vocabulary the scores are the largest tensor of a language
    model: 1,024 places and 50,257 words make 206 MB, and `F.cross_entropy`
    makes more of that size, for their logarithms and their gradients. But
    the gradient of the scores of a place is known as soon as they are:
    their softmax, minus 1 at the true word. So here it is taken at once, for
    some places at a time, and the scores are forgotten.

    Args:
        hidden: What a model gives at some places, shape (N, D).
        words: The vectors of all words, shape (V, D).
        tokens: The true word of each place, shape (N,).
        room: How many scores there may be at a time.

    Returns:
        Nats per place, a scalar. It can be differentiated once.

    Raises:
        ValueError: There is no place, the shapes do not fit, there is no
            room for the scores of one place, or an id has no word.
    """
    fits = hidden.dim() == 2 and hidden.shape[1:] == words.shape[1:]
    if not fits or tokens.shape != hidden.shape[:1] or not len(tokens):
        raise ValueError(
            f"shapes {tuple(hidden.shape)}, {tuple(words.shape)} and"
            f" {tuple(tokens.shape)}, expected (N, D), (V, D) and (N,), with"
            " N at least 1"
        )
    if room < len(words):
        raise ValueError(
            f"room is {room}, expected at least one score for each of"
            f" {len(words)} words"
        )
    check_ids(tokens, len(words))
    return _InParts.apply(hidden, words, tokens, room // len(words))


class _InParts(torch.autograd.Function):
    """The loss of `loss_in_parts`, with its gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        hidden: Tensor,
        words: Tensor,
        tokens: Tensor,
        size: int,
    ) -> Tensor:
        """Goes through the places, `size` of them at a time."""
        learns = any(ctx.needs_input_grad)
        of_hidden, of_words = torch.empty_like(hidden), torch.zeros_like(words)
        loss = hidden.new_zeros(())
        parts = zip(
            *(whole.split(size) for whole in (hidden, tokens, of_hidden)),
            strict=True,
        )
        for x, true, of_x in parts:
            logs = (x @ words.T).log_softmax(dim=-1)  # (size, V)
            loss += F.nll_loss(logs, true, reduction="sum")
            if learns:
                change = logs.exp_()  # (size, V)
                change[torch.arange(len(x), device=x.device), true] -= 1
                torch.mm(change, words, out=of_x)
                of_words.addmm_(change.T, x)
        if learns:
            ctx.save_for_backward(of_hidden, of_words)
        ctx.places = len(tokens)
        return loss / len(tokens)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, outer: Tensor
    ) -> tuple[Tensor, Tensor, None, None]:
        """The gradients, which are there already."""
        of_hidden, of_words = ctx.saved_tensors
        factor = outer / ctx.places
        return of_hidden * factor, of_words * factor, None, None
