"""Numbers of fine-tuning."""

import math

import torch
from torch.nn import functional as F

from reinvent.bert import BERTConfig


def rates_by_layer() -> list[str]:
    rate, decay, layers = 2e-5, 0.95, 12
    lowest = rate * decay**layers
    return [
        r"$\eta \, \xi^{L - l}$",
        f"{lowest / rate:.2f} of it",
        f"{0.8**layers:.2f}",
    ]


def one_class() -> list[str]:
    two = F.cross_entropy(torch.zeros(1, 2), torch.tensor([0])).item()
    three = F.cross_entropy(torch.zeros(1, 3), torch.tensor([0])).item()
    assert math.isclose(two, math.log(2), abs_tol=1e-6)
    return [f"ln 2 = {two:.2f}", f"ln 3 = {three:.2f}"]


def low_rank() -> list[str]:
    config, rank = BERTConfig(), 8
    size = config.hidden_size
    new = 2 * rank * size * 2 * config.num_layers
    down, up = torch.randn(rank, size), torch.zeros(size, rank)
    assert (up @ down == 0).all()
    share = new / 110e6
    assert share < 1 / 300
    return [
        f"{new:,} numbers",
        f"{share:.2%} of the 110 million",
        "begins as 0",
    ]


def windows() -> list[str]:
    longest, step = 512, 128
    starts = range(0, 1000 - longest + step, step)
    assert starts[-1] + longest >= 1000 > starts[-2] + longest
    return [f"{len(starts)} windows"]
