"""Words from their neighbours: the game, its optimum, its shortcuts."""

import math

import torch

from reinvent.word2vec import (
    discard_probability,
    huffman_codes,
    negative_sampling_loss,
)


def push_and_pull() -> list[str]:
    N, E = 3, 5
    centre = torch.randn(1, E, requires_grad=True)
    context, noise = torch.randn(1, E), torch.randn(1, N, E)
    loss = negative_sampling_loss(centre, context, noise)
    (slope,) = torch.autograd.grad(loss, centre)
    true_score = torch.sigmoid((centre * context).sum())
    told = (true_score - 1) * context
    for i in range(N):
        told = told + torch.sigmoid((centre * noise[:, i]).sum()) * noise[:, i]
    torch.testing.assert_close(slope, told)
    return [
        r"(\sigma(s_O) - 1)\, v'_O + \sum_{i=1}^{N} \sigma(s_i)\, v'_i",
        "$N + 1$ output vectors",
    ]


def short_codes() -> list[str]:
    def choices(counts: list[int]) -> float:
        codes = huffman_codes(counts)
        told = sum(
            count * len(code)
            for count, code in zip(counts, codes, strict=True)
        )
        return told / sum(counts)

    assert [len(code) for code in huffman_codes([8, 4, 2, 1, 1])] == [
        1,
        2,
        3,
        4,
        4,
    ]
    assert choices([8, 4, 2, 1, 1]) == 1.875
    assert round(math.log2(5), 2) == 2.32
    V = 1024
    zipf = [round(1e6 / rank) for rank in range(1, V + 1)]
    assert round(choices(zipf), 1) == 7.5
    assert choices([1] * V) == 10
    return ["8, 4, 2, 1, 1", "1, 2, 3, 4, 4", "1.875", "1,024", "10", "7.5"]


def kept_words() -> list[str]:
    shares = torch.tensor([0.05, 1e-3, 1e-5], dtype=torch.float64)
    counts = torch.cat([shares, 1 - shares.sum(0, keepdim=True)])
    kept = 1 - discard_probability(counts)[:3]
    assert [round(100 * one, 1) for one in kept.tolist()] == [1.4, 10, 100]
    return ["5 %", "1.4 %", "0.1 %", "10 %", "0.001 %"]


def one_table() -> list[str]:
    vectors = torch.randn(100, 7)
    own = torch.sigmoid((vectors * vectors).sum(dim=1))
    assert (own >= 0.5).all()
    return ["never below one half"]


def best_score() -> list[str]:
    k, pairs, noise_share, words = 5, 30.0, 0.02, 400.0
    score = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    for _ in range(60):  # Newton's steps
        told = pairs * torch.nn.functional.logsigmoid(score)
        told = told + (
            k * words * noise_share * torch.nn.functional.logsigmoid(-score)
        )
        (slope,) = torch.autograd.grad(told, score, create_graph=True)
        (bend,) = torch.autograd.grad(slope, score)
        score = (score - slope / bend).detach().requires_grad_()
    information = math.log(pairs / (words * noise_share))
    assert abs(score.item() - (information - math.log(k))) < 1e-6
    return [r"\mathrm{PMI}(w, c) - \log k"]


def pair_weights() -> list[str]:
    def weight(count: float) -> float:
        return min((count / 100) ** 0.75, 1.0)

    assert round(weight(1), 2) == 0.03 and round(weight(10), 2) == 0.18
    assert weight(100) == weight(100_000) == 1
    return ["weighs 0.03", "0.18", "from 100 on"]


def parts_of_where() -> list[str]:
    word = "<where>"
    parts = [word[i : i + 3] for i in range(len(word) - 2)]
    assert parts == ["<wh", "whe", "her", "ere", "re>"]
    assert "her" in parts and "<her>" not in parts
    count = sum(len(word) - n + 1 for n in range(3, 7))
    assert count == 5 + 4 + 3 + 2 == 14
    return ["`<wh`, `whe`, `her`, `ere`, `re>`", "14"]
