"""Scores, shares, heads and places."""

import math

import torch
from torch import nn

from reinvent import memn2n
from reinvent.transformer import Transformer, TransformerConfig, position_code


def variance_of_products() -> list[str]:
    D, draws = 64, 40_000
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, draws, D, generator=generator)
    scores = (query * key).sum(dim=-1)
    assert abs(scores.var() / D - 1) < 0.05
    assert abs((scores / math.sqrt(D)).var() - 1) < 0.05
    return ["variance $D$"]


def scaled_scores() -> list[str]:
    variance_of_products()
    scores = torch.tensor([2.0, 0.0, -1.0], requires_grad=True)
    share = scores.softmax(dim=0)[0]
    (slope,) = torch.autograd.grad(share, scores)
    torch.testing.assert_close(slope[0], (share * (1 - share)).detach())
    return ["has variance $d_k$", r"\sqrt{d_k}", "$p(1-p)$"]


def shares_of_many() -> list[str]:
    best = [
        torch.tensor([5.0, *[0.0] * others]).softmax(dim=0)
        for others in (9, 9_999)
    ]
    assert all((shares > 0).all() for shares in best)
    assert best[0][0] > 0.9 and best[1][0] < 0.02
    return ["Every memory gets a positive share", "blurs the context"]


def tied_tables() -> list[str]:
    def tables(tying: str) -> int:
        config = memn2n.MemN2NConfig(hops=3, tying=tying)
        return len(memn2n.MemN2N(config).words)

    assert tables("adjacent") == 3 + 1
    assert tables("layer-wise") == 2
    return ["$K + 1$ tables", "one $A$, one $C$"]


def break_even() -> list[str]:
    D = 64

    def lstm(n: int) -> int:
        cell = nn.LSTMCell(D, D)
        return n * sum(p.numel() for p in cell.parameters() if p.dim() > 1)

    def attention(n: int) -> int:
        return 4 * n * D * D + 2 * n * n * D

    assert lstm(2 * D) == attention(2 * D)
    assert lstm(D) > attention(D)
    return ["$n = 2d$", "the four projections"]


def turned_waves() -> list[str]:
    D, apart = 16, 5
    codes = position_code(torch.arange(40), D).double()
    products = (codes[:-apart] * codes[apart:]).sum(dim=-1)
    torch.testing.assert_close(products, products[:1].expand_as(products))
    first, second = codes[:-apart], codes[apart:]
    turn = torch.linalg.lstsq(first, second).solution
    torch.testing.assert_close(first @ turn, second, atol=1e-5, rtol=0)
    return ["depends on $m$ only", "is one matrix for all places"]


def cache_size() -> list[str]:
    D, layers, T, S = 16, 3, 5, 7
    model = Transformer(
        TransformerConfig(
            source_vocab_size=11,
            target_vocab_size=11,
            hidden_size=D,
            num_layers=layers,
            num_heads=2,
            feed_forward_size=13,
        )
    ).eval()
    state = model.encode(torch.randint(3, 11, (1, S)))
    for _ in range(T):
        _, state, _ = model.step(torch.tensor([3]), state)
    kept = sum(part.numel() for part in state[:-1])
    assert kept == 2 * layers * (T + S) * D
    return [r"$2 \times layers \times (T + S) \times d$"]
