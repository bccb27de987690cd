"""Shortcuts, attacks, calibration and bias, by hand."""

import math

import torch
from torch.nn import functional as F


def one_word_alone() -> list[str]:
    with_word, sure = 0.2, 0.8
    other_classes = (1 - 1 / 3 - with_word * (1 - sure)) / 2
    assert other_classes > 1 / 3 - with_word * sure
    right = with_word * sure + other_classes
    return [r"$0.2 \cdot 0.8$", f"the word alone gives {right:.0%}"]


def best_swap() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(20, 4, generator=generator)
    layer = torch.randn(4, 2, generator=generator)
    label = torch.tensor([0])

    def loss(vectors: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(
            vectors.mean(dim=0, keepdim=True) @ layer, label
        )

    text = torch.tensor([3, 7, 11])
    vectors = table[text].requires_grad_()
    (slope,) = torch.autograd.grad(loss(vectors), vectors)
    told = ((table[:, None] - table[text]) * slope).sum(dim=-1)
    tried = torch.empty(20, 3)
    for word in range(20):
        for place in range(3):
            other = table[text].clone()
            other[place] = table[word]
            tried[word, place] = loss(other)
    assert told.argmax() == tried.argmax()
    return [r"$(e_{w'} - e_w) \cdot \nabla_e L$"]


def too_sure() -> list[str]:
    bins = ((0.95, 4, 3), (0.8, 3, 2), (0.6, 3, 2))
    count = sum(n for _, n, _ in bins)
    mean = sum(sure * n for sure, n, _ in bins) / count
    accuracy = sum(right for *_, right in bins) / count
    gaps = [abs(sure - right / n) for sure, n, right in bins]
    error = sum(g * n for g, (_, n, _) in zip(gaps, bins, strict=True)) / count
    parts = " + ".join(
        rf"{n / count} \cdot {gap:.2f}"
        for gap, (_, n, _) in zip(gaps, bins, strict=True)
    )
    assert error > mean - accuracy
    return [
        f"Mean confidence {mean:.2f}, accuracy {accuracy:.2f}",
        f"calibration error is {error:.2f}",
        f"${parts}$",
    ]


def one_temperature() -> list[str]:
    logits = torch.tensor([3.0, 1.0, 0.0])
    cold, warm = logits.softmax(dim=0), (logits / 2).softmax(dim=0)
    assert (cold.argsort() == warm.argsort()).all()
    shares = [f"{s.max():.2f}".replace("0.", ".") for s in (cold, warm)]
    return [f"from {shares[0]} to {shares[1]}"]


def more_than_before() -> list[str]:
    she, he = math.log(0.6 / 0.25), math.log(0.2 / 0.5)
    return [
        rf"$\ln (0.6 / 0.25) = {she:.2f}$",
        rf"$\ln (0.2 / 0.5) = {he:.2f}$",
        f"the difference is {she - he:.2f}",
    ]
