"""Norms of batches, layers and weights, and sums that grow."""

import math

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from reinvent.convs2s import add

NEAR = {"atol": 1e-5, "rtol": 0}


def who_is_averaged() -> list[str]:
    B, D = 64, 32
    x = 3 + 2 * torch.randn(B, D)
    batch = nn.BatchNorm1d(D)(x)
    layer = nn.LayerNorm(D)(x)
    torch.testing.assert_close(batch.mean(dim=0), torch.zeros(D), **NEAR)
    torch.testing.assert_close(layer.mean(dim=1), torch.zeros(B), **NEAR)
    one = nn.LayerNorm(D)
    torch.testing.assert_close(one(x)[:1], one(x[:1]))
    assert not list(one.buffers())
    assert "running_mean" in dict(nn.BatchNorm1d(D).named_buffers())
    return ["over the batch, for each feature", "over the features"]


def neighbours_matter() -> list[str]:
    D = 7
    norm = nn.BatchNorm1d(D)
    x, others = torch.randn(1, D), torch.randn(2, 5, D)
    first, second = (norm(torch.cat([x, rest]))[0] for rest in others)
    assert (first - second).abs().max() > 0.01
    norm.eval()
    told = [norm(torch.cat([x, rest]))[0] for rest in others]
    torch.testing.assert_close(*told)
    real, padding = 2 + torch.randn(50, D), torch.zeros(50, D)
    mixed = torch.cat([real, padding]).mean(dim=0)
    torch.testing.assert_close(mixed, real.mean(dim=0) / 2)
    return ["`model.eval()`", "half of its size"]


def length_and_direction() -> list[str]:
    layer = weight_norm(nn.Linear(5, 3))
    loss = layer(torch.randn(7, 5)).square().sum()
    length, direction = layer.parametrizations.weight.parameters()
    (slope,) = torch.autograd.grad(loss, direction)
    across = (slope * direction).sum(dim=1)
    torch.testing.assert_close(across, torch.zeros(3), atol=1e-4, rtol=0)
    norms = layer.weight.norm(dim=1, keepdim=True)
    torch.testing.assert_close(norms, length.abs())
    longer = (direction - 0.1 * slope).norm(dim=1)
    assert (longer >= direction.norm(dim=1)).all()
    return [r"\nabla_v L \cdot v = 0", "only grow"]


def sums_of_fifteen() -> list[str]:
    layers, size = 15, 50_000
    generator = torch.Generator().manual_seed(0)
    plain, *parts = torch.randn(layers + 1, size, generator=generator)
    start = plain.clone().requires_grad_()
    scaled = start
    for part in parts:
        plain = plain + part * plain.std()
        scaled = add(scaled, part, scaled=True)
    (slope,) = torch.autograd.grad(scaled[0], start)
    assert abs(plain.var().log2() - layers) < 0.1
    assert abs(scaled.detach().var() - 1) < 0.05
    assert math.isclose(slope[0] ** 2, 2**-layers, rel_tol=1e-4)
    assert 2**layers == 32_768
    return ["$2^{15}$", "32,768", "$2^{-15}$"]
