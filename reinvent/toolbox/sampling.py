"""From scores to the next word: how much may be left to chance.

Each rule takes scores and gives scores, so that rules can be joined:
`top_k(at_temperature(logits, 0.7), 40)`. A word that must not be written
scores -inf. `draw` then draws one word by its probability.

Differs: Fan, Lewis, Dauphin (2018), https://arxiv.org/abs/1805.04833, brought
the k best, and Holtzman et al. (2019), https://arxiv.org/abs/1904.09751, the
nucleus. Neither says what happens to ties: here the smaller id stays.
"""

import math

import torch
from torch import Tensor


def at_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divide scores: below 1 the probable words gain, above 1 they lose.

    Args:
        logits: Scores, shape (..., V).
        temperature: Towards 0 only the best words are left, towards
            infinity all are equally probable.

    Returns:
        Scores of which the best is 0, of the same shape.

    Raises:
        ValueError: The temperature is not above 0, or infinite.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature is {temperature}, expected more than 0; for the"
            " best word take top_k(logits, 1)"
        )
    best = logits.max(dim=-1, keepdim=True).values  # (..., 1)
    return (logits - best) / temperature  # (..., V)


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k words with the best scores.

    Args:
        logits: Scores, shape (..., V).
        k: How many.

    Returns:
        Scores, -inf for all other words, of the same shape.

    Raises:
        ValueError: k is not from 1 to V.
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError(
            f"k is {k}, expected 1 to {logits.shape[-1]}, the number of words"
        )
    least = logits.topk(k).values[..., -1:]  # (..., 1)
    better, equal = logits > least, logits == least  # (..., V); (..., V)
    room = k - better.sum(dim=-1, keepdim=True)  # (..., 1)
    kept = better | (equal & (equal.cumsum(-1) <= room))  # (..., V)
    return logits.masked_fill(~kept, -math.inf)  # (..., V)


def nucleus(logits: Tensor, p: float) -> Tensor:
    """Keep the fewest words that have the probability p together.

    A word stays if the better ones do not have p without it. How many stay
    depends on how sure the model is: one, or hundreds.

    Args:
        logits: Scores, shape (..., V).
        p: A probability.

    Returns:
        Scores, -inf for all other words, of the same shape.

    Raises:
        ValueError: p is not above 0 and at most 1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"p is {p}, expected more than 0 and at most 1")
    shares = logits.double().softmax(-1)  # (..., V)
    shares, order = shares.sort(dim=-1, descending=True, stable=True)
    better = shares.cumsum(-1) - shares  # (..., V)
    rest = torch.zeros_like(order, dtype=torch.bool)  # (..., V)
    rest = rest.scatter(-1, order, better >= p)  # (..., V)
    return logits.masked_fill(rest, -math.inf)  # (..., V)


def draw(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw a word by its probability.

    Args:
        logits: Scores, shape (B, V).
        generator: Where chance comes from; torch's own if None.

    Returns:
        Ids, shape (B,).
    """
    shares = logits.softmax(-1)  # (B, V)
    return torch.multinomial(shares, 1, generator=generator).squeeze(-1)
