"""Beam search: what it finds, what it misses, and how it goes wrong."""

import torch

from reinvent.toolbox.beam import length_penalty


def better_sentence() -> list[str]:
    first = {"le": 0.6, "la": 0.4}
    then = {"le": [0.4, 0.35, 0.25], "la": [0.9, 0.1]}
    sentences = {
        (word, number): first[word] * share
        for word in first
        for number, share in enumerate(then[word])
    }
    greedy = first["le"] * max(then["le"])
    assert round(greedy, 2) == 0.24
    assert max(sentences, key=sentences.get) == ("la", 0)
    assert round(max(sentences.values()), 2) == 0.36
    return ["0.6", "0.4", "0.24", "0.9", "0.36"]


def same_beams() -> list[str]:
    W, V = 3, 7
    following = torch.randn(1, V).log_softmax(dim=1).expand(W, V)

    def chosen(scores: list[float]) -> list[int]:
        told = torch.tensor(scores).unsqueeze(1) + following
        return (told.flatten().topk(W).indices % V).tolist()

    assert len(set(chosen([0.0] * W))) == 1
    best = following[0].topk(W).indices.tolist()
    assert chosen([0.0, *[-torch.inf] * (W - 1)]) == best
    return ["the same best word $W$ times", r"$-\infty$"]


def short_against_long() -> list[str]:
    scores = {
        alpha: [
            round(told / length_penalty(length, alpha), 2)
            for told, length in ((-4.0, 5), (-5.5, 9))
        ]
        for alpha in (0.0, 0.6, 1.0)
    }
    assert scores[0.0] == [-4.0, -5.5]
    assert scores[0.6] == [-2.94, -3.31]
    assert scores[1.0] == [-2.4, -2.36]
    return ["−4 and −5.5", "−2.94 and −3.31", "−2.4 and −2.36"]


def one_large_weight() -> list[str]:
    row = torch.tensor([0.1, -0.15, 0.05, 0.12])
    for largest, step in ((0.5, 0.004), (50.0, 0.4)):
        whole = torch.cat([row, torch.tensor([largest])])
        scale = whole.abs().max() / 127
        assert torch.isclose(scale, torch.tensor(step), rtol=0.02)
        rounded = (row / scale).round() * scale
        if largest == 50:
            assert (rounded == 0).all()
        assert (rounded - row).abs().max() <= scale / 2
    return ["0.5", "0.004", "50", "0.4", "all become 0"]
