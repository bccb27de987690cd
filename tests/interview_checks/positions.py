"""How a Transformer knows where a word is."""

import pytest
import torch
from torch.nn import functional as F

from reinvent import bert, gpt
from reinvent.transformer import attend, causal_mask


def relative_keys() -> list[str]:
    T, K, k = 7, 5, 2
    query, key = torch.randn(2, 3 * T, K)
    places = torch.randn(2 * k + 1, K)
    at = torch.arange(T)
    apart = (at - at[:, None]).clamp(-k, k) + k  # (T, T), 0 to 2k
    scores = query[:T] @ key[:T].T
    scores += torch.einsum("ik,ijk->ij", query[:T], places[apart])
    for i in range(T):
        for j in range(T):
            place = places[max(-k, min(k, j - i)) + k]
            torch.testing.assert_close(
                scores[i, j], query[i] @ (key[j] + place)
            )
    assert apart[0, -1] == apart[0, k] and len(places) == 2 * k + 1
    return ["$2k + 1$ vectors", r"q_i \cdot (k_j + a_{j-i})"]


def turned(vectors: torch.Tensor, at: int) -> torch.Tensor:
    """Turn each pair of numbers by its own angle times the place."""
    half = vectors.shape[-1] // 2
    angles = at * 10_000 ** (-torch.arange(half) / half)
    pairs = torch.view_as_complex(vectors.double().unflatten(-1, (half, 2)))
    pairs = pairs * torch.polar(torch.ones(half).double(), angles.double())
    return torch.view_as_real(pairs).flatten(-2)


def rotations() -> list[str]:
    query, key = torch.randn(2, 8)
    products = [
        turned(query, 3 + shift) @ turned(key, 1 + shift)
        for shift in (0, 1, 50)
    ]
    torch.testing.assert_close(products[0], products[1])
    torch.testing.assert_close(products[0], products[2])
    lengths = turned(query, 9).norm()
    torch.testing.assert_close(lengths, query.double().norm())
    return ["$R_m^\\top R_n = R_{n-m}$", "keeps the length"]


def order_without_places() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    words = torch.randn(5, 4, generator=generator).double() / 2
    other = words[[2, 0, 1, 3, 4]]

    def last(x: torch.Tensor, mask: torch.Tensor | None, layers: int):
        for _ in range(layers):
            x = x + attend(*[x[None, None]] * 3, mask)[0][0, 0]
        return x[-1]

    triangle = causal_mask(5)
    for mask, layers in ((None, 1), (None, 3), (triangle, 1)):
        torch.testing.assert_close(
            last(words, mask, layers), last(other, mask, layers)
        )
    change = last(words, triangle, 2) - last(other, triangle, 2)
    assert change.abs().max() > 1e-3
    return [
        "one layer with the triangle still cannot",
        "from the second layer on",
    ]


def no_vector_for_a_place() -> list[str]:
    config = gpt.GPTConfig(
        vocab_size=11,
        hidden_size=8,
        num_layers=1,
        num_heads=2,
        feed_forward_size=13,
        max_positions=7,
    )
    with pytest.raises(ValueError, match="7 position embeddings"):
        gpt.GPT(config)(torch.ones(1, 8, dtype=torch.long))
    longest = bert.BERTConfig().max_positions
    return [f"{longest} vectors", "an error"]


def linear_biases() -> list[str]:
    heads = 8
    slopes = [2 ** (-8 * head / heads) for head in range(1, heads + 1)]
    assert slopes[0] == 1 / 2 and slopes[-1] == 1 / 256
    scores = torch.zeros(5) + slopes[0] * torch.arange(-4, 1)
    shares = F.softmax(scores, dim=0)
    assert (shares.diff() > 0).all()
    return ["$-m (i - j)$"]
