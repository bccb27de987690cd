"""Convolutions, gates, sums: sizes, work and variance."""

import math

import torch
from torch import nn

from reinvent.conv_encoder import receptive_field
from reinvent.glu_lm import glu


def words_in_sight() -> list[str]:
    assert receptive_field(5, 3) == 11
    for layers, kernel in ((1, 3), (4, 5)):
        assert receptive_field(layers, kernel) == layers * (kernel - 1) + 1
    return ["five layers of width 3 see 11 words", r"$1 + \sum (k - 1)$"]


def window_of_a_stack() -> list[str]:
    words_in_sight()
    return ["$L(k-1)+1$ words"]


def work_per_word() -> list[str]:
    D = 8
    weights = nn.LSTMCell(D, D).parameters()
    recurrent = sum(p.numel() for p in weights if p.dim() > 1)
    convolution = nn.Conv1d(D, D, 3).weight.numel()
    assert recurrent == 8 * D * D
    assert 6 * convolution == 18 * D * D
    return ["$8 D^2$", "$16 D^2$", "$18 D^2$"]


def slopes_of_gates() -> list[str]:
    at = torch.linspace(-5, 5, 101, dtype=torch.float64)
    gate = torch.sigmoid(at)
    assert (1 - at.tanh() ** 2).max() == 1
    assert (gate * (1 - gate)).max() == 0.25
    return ["the first is at most 1", "the second is at most ¼"]


def equal_choices() -> list[str]:
    V = 50
    nats = nn.functional.cross_entropy(torch.zeros(1, V), torch.tensor([3]))
    assert round(math.exp(nats)) == V
    return ["number of equally likely words"]


def sums_and_means() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    m = 8
    parts = torch.randn(m, 40_000, generator=generator)
    assert abs((parts[0] + parts[1]).var() - 2) < 0.05
    mean = parts.mean(dim=0)
    assert abs(mean.var() - 1 / m) < 0.01
    assert abs((m * math.sqrt(1 / m) * mean).var() - 1) < 0.05
    return ["twice the variance", r"\sqrt{1/2}", r"$m \sqrt{1/m}$"]


def gated_variance() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    small = 0.1 * torch.randn(40_000, 2, generator=generator)
    assert abs(glu(small).var() / small.var() - 1 / 4) < 0.02
    kept = (torch.rand(40_000, generator=generator) < 0.8) / 0.8
    inputs = torch.randn(40_000, generator=generator)
    assert abs((kept * inputs).var() - 1 / 0.8) < 0.05
    return ["a quarter of the variance", "four times the variance", "$1/p$"]
