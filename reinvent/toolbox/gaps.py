"""What a masked language model expects in the gaps of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Guess(NamedTuple):
    """A piece that may stand in a gap.

    Attributes:
        piece: Such as "bank" or "##ing".
        share: How probable the model finds it, from 0 to 1.
    """

    piece: str
    share: float


@torch.no_grad()
def fill_gaps(
    model: nn.Module,
    tokens: Tensor,
    mask_id: int,
    pieces: Sequence[str],
    best: int = 5,
) -> list[list[Guess]]:
    """Ask for the words that are hidden, each gap by itself.

    Args:
        model: `model(tokens, chosen)` gives scores of all pieces for the
            chosen places, (chosen, V); in eval mode, without dropout.
        tokens: Ids, filled up at the end, shape (B, T).
        mask_id: What stands in a gap.
        pieces: The vocabulary, V pieces.
        best: How many guesses to give.

    Returns:
        For each gap, in the order of the text, its guesses, the best first.

    Raises:
        ValueError: There is no gap, `best` is not from 1 to V, or the model
            has scores for another number of pieces.
    """
    gaps = tokens == mask_id
    if not gaps.any() or not 1 <= best <= len(pieces):
        raise ValueError(
            f"{int(gaps.sum())} gaps and best {best}, expected at least 1 gap"
            f" and 1 to {len(pieces)} guesses"
        )
    shares = model(tokens, gaps).softmax(dim=-1)  # (gaps, V)
    if shares.shape[1] != len(pieces):
        raise ValueError(
            f"scores of {shares.shape[1]} pieces, expected {len(pieces)}"
        )
    found = shares.topk(best)
    return [
        [Guess(pieces[i], share) for i, share in zip(*row, strict=True)]
        for row in zip(
            found.indices.tolist(), found.values.tolist(), strict=True
        )
    ]
