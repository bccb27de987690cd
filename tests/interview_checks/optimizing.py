"""Steps of Adam, decay of weights, learning rates and soft labels."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from reinvent.transformer import TransformerConfig, learning_rate


def first_step() -> list[str]:
    moved = []
    for slope in (1e-4, 1.0, 1e4):
        weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        weight.grad = torch.full_like(weight, slope)
        torch.optim.Adam([weight], lr=0.001).step()
        moved.append(-weight.item())
    assert all(math.isclose(one, 0.001, rel_tol=1e-3) for one in moved)
    return ["each weight moves by the learning rate"]


def without_correction() -> list[str]:
    beta1, beta2 = 0.9, 0.999

    def times(t: int) -> float:
        return (1 - beta1**t) / math.sqrt(1 - beta2**t)

    longest = max(range(1, 9999), key=times)
    return [
        f"{times(1):.2f} times",
        f"{times(longest):.1f} times at step {longest}",
        f"{times(1000):.2f} times at step 1,000",
    ]


def decay_of(optimizer: type, slope: float) -> float:
    """Return by how much the decay alone shrinks a weight of 1."""
    ends = []
    for decay in (0.0, 0.1):
        weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
        steps = optimizer([weight], lr=1e-3, weight_decay=decay)
        for step in range(200):
            weight.grad = torch.full_like(weight, slope * (-1) ** step)
            steps.step()
        ends.append(weight.item())
    return ends[0] - ends[1]


def decoupled_decay() -> list[str]:
    coupled, apart = (
        [decay_of(optimizer, slope) for slope in (1.0, 100.0)]
        for optimizer in (torch.optim.Adam, torch.optim.AdamW)
    )
    assert coupled[0] > 20 * coupled[1]
    assert math.isclose(*apart, rel_tol=1e-2)
    return ["weights with large gradients decay least", "all alike"]


def scale_before_a_norm() -> list[str]:
    x = torch.randn(3, 5, dtype=torch.float64)
    weight = torch.randn(5, 5, dtype=torch.float64, requires_grad=True)
    ends, slopes = [], []
    for scale in (1.0, 2.0):
        scaled = (scale * weight.detach()).requires_grad_()
        end = F.layer_norm(x @ scaled.T, (5,), eps=0)
        (slope,) = torch.autograd.grad(end[..., 0].sum(), scaled)
        ends.append(end.detach())
        slopes.append(slope)
    torch.testing.assert_close(*ends)
    torch.testing.assert_close(slopes[0], 2 * slopes[1])
    return ["does not change the output", "halves its gradient"]


def peak_of_2017() -> list[str]:
    config = TransformerConfig()
    peak = max(range(1, 20_000), key=learning_rate)
    high, late = learning_rate(4000), learning_rate(100_000)
    assert peak == 4000 and config.hidden_size == 512
    assert math.isclose(learning_rate(16_000), high / 2)
    return [f"{high:.4f}", f"{late:.5f} at step 100,000"]


def soft_targets() -> list[str]:
    V, share = 37_000, 0.1
    right = 1 - share + share / V
    other = share / V
    least = -right * math.log(right) - (V - 1) * other * math.log(other)
    gap = math.log(right / other)
    logits = torch.zeros(1, V, dtype=torch.float64)
    logits[0, 3] = gap
    loss = F.cross_entropy(
        logits, torch.tensor([3]), label_smoothing=share
    ).item()
    assert math.isclose(loss, least)
    return [f"{gap:.1f}", f"{least:.2f} nats"]


def clipped_before_unscaling() -> list[str]:
    scale, slope = 65_536.0, torch.full((4,), 0.25)
    weight = nn.Parameter(torch.zeros(4))
    weight.grad = scale * slope
    nn.utils.clip_grad_norm_([weight], 1.0)
    late = weight.grad / scale
    weight.grad = scale * slope / scale
    nn.utils.clip_grad_norm_([weight], 1.0)
    assert late.norm() < 2e-5
    torch.testing.assert_close(weight.grad, slope)
    return ["65,536", "`scaler.unscale_(optimizer)`"]
