"""Whiteboard tasks on attention: scaled, masked, with heads, additive.

Each function judges an answer of the reader and says what is wrong with it.
Vectors are rows, so a matrix stands on the right: `x @ W`. The tasks
themselves are told in the book's notebook `whiteboard`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reinvent.toolbox.checks import Verdict, is_distribution
from reinvent.toolbox.whiteboard import Task, name_of, normal, same

B, H, K, T, S, D, E, A = 2, 3, 5, 7, 11, 13, 17, 19

OVER_QUERIES = (
    "your rows do not sum to 1 but the columns do: the softmax runs over the"
    " queries, axis 1; it belongs over the keys, the last axis"
)
NOT_SCALED = (
    "the scores are not divided by the root of K: large scores make the"
    " softmax take one key, and the others get hardly any gradient"
)
BY_TURNS = (
    "a head takes every H-th column: D is cut into (H, K), in this order, or"
    " the trained weights of others do not fit"
)


def check_attention(answer: Callable) -> Verdict:
    """Judges scaled dot-product attention.

    Args:
        answer: Takes query `(B, T, K)`, key `(B, S, K)` and value
            `(B, S, D)`; gives the context `(B, T, D)` and the weights
            `(B, T, S)`.

    Returns:
        A verdict that names the mistake.
    """
    sizes = (B, T, K), (B, S, K), (B, S, D)
    task = Task(
        results=("the context", "weights"),
        right=_attention,
        cases=[tuple(normal(seed, *sizes)) for seed in (1, 2)],
        mistakes=WRONG_ATTENTION,
        sign=_sign_of_attention,
    )
    return task.judge(answer)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, divisor: float = K**0.5
) -> tuple[Tensor, Tensor]:
    scores = query @ key.transpose(1, 2) / divisor  # (B, T, S)
    weights = scores.softmax(dim=-1)
    return weights @ value, weights


WRONG_ATTENTION = [
    (NOT_SCALED, lambda q, k, v: _attention(q, k, v, 1.0)),
    (
        "the scores are divided by K, not by its root: their variance is K,"
        " so their standard deviation is the root",
        lambda q, k, v: _attention(q, k, v, K),
    ),
    (
        "the scores are multiplied by the root of K: divide by it",
        lambda q, k, v: _attention(q, k, v, K**-0.5),
    ),
    (
        "the scores are divided by the root of the number of keys: it is the"
        " size of a key, K, that makes them large",
        lambda q, k, v: _attention(q, k, v, S**0.5),
    ),
    (
        "the keys are reshaped to (B, K, S), which mixes the numbers of"
        " different keys: swap the axes with transpose(1, 2)",
        lambda q, k, v: _attention(q, k.reshape(B, K, S).transpose(1, 2), v),
    ),
]


def _sign_of_attention(given: tuple, right: tuple, *case: Tensor) -> str:
    context, weights = given
    if _sums_to_one(weights, axis=1):
        return OVER_QUERIES
    if not (verdict := is_distribution(weights)):
        return verdict.message
    if same(weights, right[1]):
        return (
            "the weights are right, but the context is not their mean of the"
            " values: weights @ value"
        )
    return ""


def _sums_to_one(weights: Tensor, axis: int) -> bool:
    sums = weights.sum(dim=axis)
    return same(sums, torch.ones_like(sums))


def check_mask(answer: Callable) -> Verdict:
    """Judges the mask of a decoder: neither the future nor padding.

    Args:
        answer: Takes ids `(B, T)`, in which 0 is padding, but not at the
            first place; gives booleans `(B, T, T)`, true where a position (a
            row) may look.

    Returns:
        A verdict that names the mistake.
    """
    tokens = torch.tensor([[5, 3, 0, 0, 7], [4, 4, 6, 2, 0]])
    task = Task(
        results=("the mask",),
        right=lambda tokens: _causal(tokens) & _words(tokens),
        cases=[(tokens,), (tokens[:, :4],)],
        mistakes=WRONG_MASKS,
    )
    verdict = task.judge(answer)
    if verdict and (kind := answer(tokens.clone()).dtype) != torch.bool:
        return Verdict(
            False,
            f"{name_of(answer)}: the mask holds"
            f" {str(kind).removeprefix('torch.')}, expected bool:"
            " masked_fill takes no other mask, and ~mask would turn a whole"
            " number 1 into -2",
        )
    return verdict


def _causal(tokens: Tensor) -> Tensor:
    size = tokens.shape[1]
    return torch.ones(1, size, size, dtype=torch.bool).tril()  # (1, T, T)


def _words(tokens: Tensor) -> Tensor:
    return (tokens != 0).unsqueeze(1)  # (B, 1, T)


def _square(tokens: Tensor) -> tuple[int, int, int]:
    return (*tokens.shape, tokens.shape[1])


WRONG_MASKS = [
    (
        "true and false are swapped: here true says that a position may look",
        lambda tokens: ~(_causal(tokens) & _words(tokens)),
    ),
    (
        "the causal part is inverted: each position sees itself and what"
        " comes after it; a lower triangle (tril) is wanted",
        lambda tokens: _causal(tokens).mT & _words(tokens),
    ),
    (
        "the diagonal is missing: a position may look at itself, or the"
        " first one has nothing to look at",
        lambda tokens: _causal(tokens).tril(-1) & _words(tokens),
    ),
    (
        "the masks are joined by or: a position may look where both allow"
        " it, so join them by and (&)",
        lambda tokens: _causal(tokens) | _words(tokens),
    ),
    (
        "padding hides rows, not columns: it is the keys, the last axis,"
        " that must not be looked at; and a row without any key makes the"
        " softmax nan",
        lambda tokens: _causal(tokens) & _words(tokens).mT,
    ),
    (
        "padding hides rows as well: a row that may look nowhere makes the"
        " softmax nan; hide the columns only",
        lambda tokens: _causal(tokens) & _words(tokens) & _words(tokens).mT,
    ),
    (
        "padding can still be looked at",
        lambda tokens: _causal(tokens).expand(_square(tokens)),
    ),
    (
        "the future can still be looked at",
        lambda tokens: _words(tokens).expand(_square(tokens)),
    ),
]


def check_multi_head(answer: Callable) -> Verdict:
    """Judges self-attention with several heads, without a mask.

    Args:
        answer: Takes x `(B, T, D)`, four matrices `(D, D)` for queries,
            keys, values and the output, and the number of heads; gives
            `(B, T, D)`. Head h has the columns from h K on.

    Returns:
        A verdict that names the mistake.
    """
    size = H * K
    sizes = ((B, T, size), *[(size, size)] * 4)
    task = Task(
        results=("the result",),
        right=_multi_head_with(),
        cases=[
            (*(x / size**0.25 for x in normal(seed, *sizes)), H)
            for seed in (3, 4)
        ],
        mistakes=[
            (words, _multi_head_with(**changes))
            for words, changes in WRONG_HEADS
        ],
    )
    return task.judge(answer)


def _split(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, H, T, K)


def _split_by_view(x: Tensor, heads: int) -> Tensor:
    return x.reshape(len(x), heads, x.shape[1], -1)  # (B, H, T, K)


def _split_by_turns(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (-1, heads)).movedim(-1, 1)  # (B, H, T, K)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)  # (B, T, D)


def _merge_by_view(x: Tensor) -> Tensor:
    return x.reshape(len(x), x.shape[2], -1)  # (B, T, D)


def _merge_by_turns(x: Tensor) -> Tensor:
    return x.movedim(1, -1).flatten(2)  # (B, T, D)


def _multi_head_with(
    split: Callable = _split,
    merge: Callable = _merge,
    divisor: float = K**0.5,
    axis: int = -1,
    output: bool = True,
    flip: bool = False,
) -> Callable:
    def multi_head(x: Tensor, *given: Tensor | int) -> Tensor:
        *matrices, heads = given
        W_Q, W_K, W_V, W_O = (W.T if flip else W for W in matrices)
        query, key, value = (split(x @ W, heads) for W in (W_Q, W_K, W_V))
        scores = query @ key.transpose(2, 3) / divisor  # (B, H, T, T)
        context = merge(scores.softmax(dim=axis) @ value)  # (B, T, D)
        return context @ W_O if output else context

    return multi_head


WRONG_HEADS = [
    (
        "heads are cut and joined by view alone: x.view(B, H, T, K) gives a"
        " head other positions, not other columns; first view (B, T, H, K),"
        " then transpose, and the same on the way back",
        {"split": _split_by_view, "merge": _merge_by_view},
    ),
    (
        "heads are cut by view alone: x.view(B, H, T, K) gives a head other"
        " positions, not other columns; first view (B, T, H, K), then"
        " transpose(1, 2)",
        {"split": _split_by_view},
    ),
    (
        "heads are joined without the transpose back: (B, H, T, K) must"
        " become (B, T, H, K) before H and K are made one axis",
        {"merge": _merge_by_view},
    ),
    (BY_TURNS, {"split": _split_by_turns}),
    (BY_TURNS, {"split": _split_by_turns, "merge": _merge_by_turns}),
    (
        "the scores are divided by the root of D: a head's queries and keys"
        " have K = D / H numbers, so it is the root of K",
        {"divisor": (H * K) ** 0.5},
    ),
    (NOT_SCALED, {"divisor": 1.0}),
    ("the softmax runs over the queries, not over the keys", {"axis": -2}),
    (
        "W_O is not applied: without it the heads never meet",
        {"output": False},
    ),
    (
        "the matrices are transposed: here they are used as x @ W",
        {"flip": True},
    ),
]


def check_additive(answer: Callable) -> Verdict:
    """Judges additive attention over sentences with padding.

    Args:
        answer: Takes query `(B, D)`, memory `(B, S, E)`, W `(D, A)`, U
            `(E, A)`, v `(A,)` and the mask `(B, S)`, true for words; gives
            the context `(B, E)` and the weights `(B, S)`.

    Returns:
        A verdict that names the mistake.
    """
    sizes = (B, D), (B, S, E), (D, A), (E, A), (A,)
    mask = torch.arange(S) < torch.tensor([[S], [4]])
    task = Task(
        results=("the context", "weights"),
        right=_additive_with(),
        cases=[(*normal(seed, *sizes), mask) for seed in (5, 6)],
        mistakes=[
            (words, _additive_with(**changes))
            for words, changes in WRONG_ADDITIVE
        ],
        sign=_sign_of_additive,
    )
    return task.judge(answer)


def _hide(scores: Tensor, mask: Tensor) -> Tensor:
    return scores.masked_fill(~mask, -math.inf)


def _untouched(numbers: Tensor, mask: Tensor) -> Tensor:
    return numbers


def _additive_with(
    bend: Callable = torch.tanh,
    before: Callable = _hide,
    after: Callable = _untouched,
) -> Callable:
    def additive(
        query: Tensor,
        memory: Tensor,
        W: Tensor,
        U: Tensor,
        v: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        asked = (query @ W).unsqueeze(1)  # (B, 1, A)
        scores = bend(asked + memory @ U) @ v  # (B, S)
        weights = after(before(scores, mask).softmax(dim=-1), mask)  # (B, S)
        return (weights.unsqueeze(1) @ memory).squeeze(1), weights

    return additive


WRONG_ADDITIVE = [
    (
        "the tanh is missing: without it the query adds the same number to"
        " all scores of a sentence, and the softmax takes it away again",
        {"bend": lambda x: x},
    ),
    (
        "padding gets a part of the weights: the mask is not used",
        {"before": _untouched},
    ),
    (
        "the scores of padding become 0, which is a score like any other,"
        " since exp(0) is 1; they must become -inf",
        {"before": lambda scores, mask: scores * mask},
    ),
    (
        "the mask is used after the softmax: the rows do not sum to 1 any"
        " more, because padding has taken its part; make the scores -inf"
        " before the softmax",
        {
            "before": _untouched,
            "after": lambda weights, mask: weights * mask,
        },
    ),
]


def _sign_of_additive(given: tuple, right: tuple, *case: Tensor) -> str:
    weights, mask = given[1], case[-1]
    if _sums_to_one(weights, axis=0):
        return (
            "each column of the weights sums to 1: the softmax runs over the"
            " sentences of the batch, axis 0; it belongs over the words, the"
            " last axis"
        )
    if not weights[1][mask[1]].any():
        return "the mask is inverted: only padding is looked at"
    verdict = is_distribution(weights, mask)
    return "" if verdict else verdict.message
