"""Counts and masks of the models that came after BERT."""

import inspect
import math

import torch
from torch import Tensor

from reinvent.bert import BERT, BERTConfig
from reinvent.transformer import causal_mask


def reach_of_segments() -> list[str]:
    layers, length = 3, 4
    at = torch.arange(10 * length)
    segment = at // length
    old_or_own = segment[:, None] - segment[None, :] <= 1
    look = ((at[None, :] <= at[:, None]) & old_or_own).double()
    reached = torch.linalg.matrix_power(look, layers)[-1].nonzero()
    before = len(at) - 1 - reached.min().item()
    assert before == layers * length + length - 1
    return [
        f"{layers} layers and segments of {length} words",
        f"up to {before} words before it",
    ]


def orders_of_four() -> list[str]:
    return [f"4 words have {math.factorial(4)} orders"]


def masks_of_an_order(order: Tensor) -> tuple[Tensor, Tensor]:
    rank = order.argsort()
    content = rank[None, :] <= rank[:, None]
    query = rank[None, :] < rank[:, None]
    return content, query


def masks_of_orders() -> list[str]:
    content, _ = masks_of_an_order(torch.arange(4))
    torch.testing.assert_close(content, causal_mask(4))
    content, query = masks_of_an_order(torch.tensor([2, 0, 3, 1]))
    assert not query[2].any() and content[2].tolist() == [False] * 2 + [
        True,
        False,
    ]
    assert query[3].tolist() == [True, False, True, False]
    before = torch.linalg.matrix_power(content.double(), 5)
    assert (query.double() @ before).diagonal().sum() == 0
    return [inspect.getsource(masks_of_an_order)]


def albert(E: int, H: int) -> int:
    """Count ALBERT's numbers: one layer, and a table of width E."""
    V, places, segments = 30_000, 512, 2
    table = (V + places + segments + 2) * E + E * H + H
    layer = 12 * H**2 + 13 * H
    return table + layer + H**2 + H


def size_of_albert() -> list[str]:
    V, E, H = 30_000, 128, 768
    with torch.device("meta"):
        bert = sum(p.numel() for p in BERT(BERTConfig()).parameters())
    return [
        f"$V H$ is {V * H / 1e6:.1f} million",
        f"$E = {E}$ is {(V * E + E * H) / 1e6:.1f} million",
        f"{albert(E, H) / 1e6:.1f} million numbers instead of "
        f"{bert / 1e6:.0f} million",
    ]


def work_of_albert() -> list[str]:
    shared, large = 12 * 12 * 4096**2, 24 * 12 * 1024**2
    assert round(albert(128, 4096) / 1e6) == 223
    return [
        f"{shared / large:.0f} times the products",
        f"{shared / 1e9:.1f} billion",
        f"{large / 1e9:.1f} billion",
    ]


def places_that_learn() -> list[str]:
    return [f"{1 / 0.15:.1f} times as many"]


def three_pieces() -> list[str]:
    return [f"{0.15**3:.2%} of the time", f"{0.85**2:.0%} of the time"]


def lengths_of_spans() -> list[str]:
    p, longest = 0.2, 10
    shares = [p * (1 - p) ** (k - 1) for k in range(1, longest + 1)]
    sums = sum(k * share for k, share in enumerate(shares, start=1))
    total = sum(shares)
    return [
        f"mean length is {sums / total:.1f}",
        f"it would be {sums + longest * (1 - total):.1f}",
        f"without a limit {1 / p:.0f}",
    ]


def spoiled_by_t5() -> list[str]:
    tokens = 512
    gone = round(0.15 * tokens)
    spans = round(gone / 3)
    return [
        f"{gone} tokens in {spans} spans",
        f"{tokens - gone + spans} tokens, the target {gone + spans}",
    ]


def terms_of_a_score() -> list[str]:
    d = 64
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(4, 20_000, d, generator=generator)
    query, key, far_key, far_query = parts
    score = (query * key + query * far_key + key * far_query).sum(dim=-1)
    assert abs(score.var() / (3 * d) - 1) < 0.05
    word, place, other, there = parts[:, :1].double()
    whole = (word + place) @ (other + there).T
    four = word @ other.T + word @ there.T + place @ other.T
    torch.testing.assert_close(whole, four + place @ there.T)
    return [r"$\sqrt{3d}$", "four terms", "sum to $3d$"]
