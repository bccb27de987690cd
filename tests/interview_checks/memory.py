"""What training keeps in memory, and what half precision loses."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from reinvent.bert import LARGE, BERTConfig


def bytes_of_a_weight() -> list[str]:
    model = nn.Linear(3, 3)
    steps = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 3)).sum().backward()
    steps.step()
    kept = sum(
        value.numel()
        for state in steps.state.values()
        for value in state.values()
        if value.dim()
    )
    count = sum(weight.numel() for weight in model.parameters())
    assert kept == 2 * count
    each = 4 + 4 + 2 * 4
    layer = 12 * LARGE.hidden_size**2 * LARGE.num_layers
    large = layer + LARGE.vocab_size * LARGE.hidden_size
    assert 330e6 < large < 340e6
    return [f"{each} bytes", f"{each * 340e6 / 1e9:.1f} GB"]


def scores_of_a_batch() -> list[str]:
    config = BERTConfig()
    layer = 32 * config.num_heads * 512**2
    table = f"{layer / 1e6:.0f} million"
    return [
        r"$32 \cdot 12 \cdot 512^2$",
        table,
        f"{layer * 4 * config.num_layers / 1e9:.1f} GB",
    ]


def in_blocks(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, size: int
) -> torch.Tensor:
    """Return softmax(q K^T) V, of which only a block is ever there."""
    top = torch.tensor(float("-inf"))
    total, mean = torch.zeros(()), torch.zeros(value.shape[-1])
    for k, v in zip(key.split(size), value.split(size), strict=True):
        scores = k @ query
        new = torch.maximum(top, scores.max())
        old, shares = (top - new).exp(), (scores - new).exp()
        total = total * old + shares.sum()
        mean = mean * old + shares @ v
        top = new
    return mean / total


def online_softmax() -> list[str]:
    query, key, value = torch.randn(5), torch.randn(11, 5), torch.randn(11, 3)
    whole = F.softmax(key @ query, dim=0) @ value
    for size in (1, 4, 11):
        torch.testing.assert_close(in_blocks(query, key, value, size), whole)
    return ["total = total * old + shares.sum()", "mean = mean * old"]


def half_precision() -> list[str]:
    smallest = 2.0**-24
    assert torch.tensor(smallest).half() > 0
    assert torch.tensor(smallest / 4).half() == 0
    assert torch.tensor(1.0).half() + torch.tensor(2.0**-12).half() == 1
    assert (torch.tensor(smallest / 4) * 1024).half() > 0
    return ["$2^{-24}$", r"$1 + 2^{-12}$ is 1"]


def two_halves() -> list[str]:
    half, brain, full = (
        torch.finfo(kind)
        for kind in (torch.float16, torch.bfloat16, torch.float32)
    )
    assert half.max == 65_504 and brain.max > full.max / 2
    assert half.eps == 2**-10 and brain.eps == 2**-7
    assert torch.tensor(1e-30).bfloat16() > 0
    return ["65,504", "$2^{-10}$", "$2^{-7}$"]


def computed_again() -> list[str]:
    layers = nn.ModuleList(
        nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(3)
    )

    def slopes(again: bool) -> list[torch.Tensor]:
        x = torch.linspace(-1, 1, 10).reshape(2, 5)
        for layer in layers:
            if again:
                x = checkpoint(layer, x, use_reentrant=False)
            else:
                x = layer(x)
        return list(torch.autograd.grad(x.sum(), [*layers.parameters()]))

    torch.testing.assert_close(slopes(False), slopes(True))
    return ["The gradients are the same"]
