"""Attention and memories, derived and counted by hand."""

import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from reinvent.bahdanau import AdditiveAttention
from reinvent.luong import ConcatScore, GeneralScore
from reinvent.memn2n import ages, position_encoding
from reinvent.memory_networks import (
    MemoryNetwork,
    MemoryNetworkConfig,
    answer_loss,
)


def slope_of_a_mean() -> list[str]:
    S, D = 5, 3
    scores, values = torch.randn(S), torch.randn(S, D)
    slopes = jacobian(lambda e: e.softmax(dim=0) @ values, scores)  # (D, S)
    weights = scores.softmax(dim=0)
    told = weights.unsqueeze(1) * (values - weights @ values)
    torch.testing.assert_close(slopes.T, told)
    return [r"\alpha_j\,(h_j - c)"]


def additive_size() -> list[str]:
    attention = AdditiveAttention(1000, 2000, 1000)
    weights = [p.numel() for p in attention.parameters() if p.dim() > 1]
    assert sorted(weights) == [1_000, 1_000_000, 2_000_000]
    return ["1,000,000", "2,000,000", "3,001,000"]


def pairs_in_memory() -> list[str]:
    T, S, A = 3, 5, 7
    query, memory = torch.randn(1, T, A), torch.randn(1, S, A)
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda it: it):
        ConcatScore(A)(query, memory)
    assert max(kept) == T * S * A
    assert 64 * 50 * 50 * 1000 == 160_000_000
    told = [r"$T \cdot S \cdot A$", r"$T \cdot S$", "$A = 1000$"]
    return [*told, "160 million numbers against 160,000"]


def wrong_axis() -> list[str]:
    T, S = 4, 6
    scores = torch.randn(1, T, S)
    wrong = scores.softmax(dim=1)
    assert (wrong.sum(dim=2) - 1).abs().max() > 0.01
    torch.testing.assert_close(wrong.sum(dim=1), torch.ones(1, S))
    changed = scores.clone()
    changed[:, -1] += 1
    assert (changed.softmax(dim=1) - wrong)[:, 0].abs().max() > 1e-3
    right = scores.softmax(dim=2)
    torch.testing.assert_close(changed.softmax(dim=2)[:, 0], right[:, 0])
    return ["rows do not sum to 1", "depends on later target words"]


def two_projections() -> list[str]:
    D, K = 7, 3
    to_query, to_key = torch.randn(2, K, D)
    score = GeneralScore(D)
    score.to_key.weight.data = to_query.T @ to_key
    query, memory = torch.randn(1, 4, D), torch.randn(1, 5, D)
    told = (query @ to_query.T) @ (memory @ to_key.T).transpose(1, 2)
    torch.testing.assert_close(score(query, memory), told)
    assert torch.linalg.matrix_rank(score.to_key.weight) == K
    assert 512 * 512 == 262_144 and 2 * 64 * 512 == 65_536
    return ["$W_a = W_Q^\\top W_K$", "rank at most $K$", "262,144", "65,536"]


def order_in_a_sum() -> list[str]:
    table = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    told = []
    for place in range(3):
        words = torch.full((1, 3), 2)
        words[0, place] = 1
        told.append(position_encoding(words, table)[0])
    expected = torch.tensor([[1 / 2, 1 / 3], [1 / 2, 2 / 3], [1 / 2, 1]])
    torch.testing.assert_close(torch.stack(told), expected)
    return ["1/2, 1/2, 1/2", "1/3, 2/3, 1"]


def same_age() -> list[str]:
    short = torch.tensor([[True] * 3 + [False] * 2])
    long = torch.ones(1, 5, dtype=torch.bool)
    assert ages(short)[0, :3].tolist() == [2, 1, 0]
    assert ages(long)[0].tolist() == [4, 3, 2, 1, 0]
    return ["age 0"]


def margin_by_hand() -> list[str]:
    scores = torch.tensor([[0.5, 0.45, 0.2]])
    loss = answer_loss(scores, torch.tensor([0]), margin=0.1)
    torch.testing.assert_close(loss, torch.tensor(0.05))
    wide = answer_loss(scores, torch.tensor([0]), margin=0.4)
    torch.testing.assert_close(wide, torch.tensor(0.35 + 0.1))
    return ["0.5", "0.45", "0.2", "0.05", "0.4", "0.35 + 0.1"]


def score_size() -> list[str]:
    n, W = 100, 40
    config = MemoryNetworkConfig(vocab_size=W, embedding_size=n)
    model = MemoryNetwork(config)
    sizes = {p.numel() for p in model.parameters()}
    assert n * 3 * W in sizes and n * 3 * W == 12_000
    assert (3 * W) ** 2 == 14_400
    return ["12,000", "14,400"]
