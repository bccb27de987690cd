"""What weights, gradients and probes do and do not show."""

import torch
from torch.nn import functional as F

from reinvent.bert import BERTConfig


def invisible_change() -> list[str]:
    d, n = 4, 7
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(n, d, generator=generator, dtype=torch.float64)
    weights = torch.randn(n, generator=generator).double().softmax(dim=0)
    both = torch.cat([values, torch.ones(n, 1)], dim=1)
    change = torch.linalg.svd(both.T).Vh[-1]
    step = 0.5 * (weights / change.abs()).min()
    other = weights + step * change
    assert (other > 0).all() and (other - weights).abs().max() > 0.01
    torch.testing.assert_close(other.sum(), weights.sum())
    torch.testing.assert_close(other @ values, weights @ values)
    few = both[: d + 1]
    assert torch.linalg.matrix_rank(few) == d + 1
    config = BERTConfig()
    size = config.hidden_size // config.num_heads
    return ["more than $d + 1$ words", f"$d = {size}$"]


def weight_times_length() -> list[str]:
    parts = [weight * length for weight, length in ((0.9, 0.1), (0.1, 5))]
    config = BERTConfig()
    assert config.num_layers * config.num_heads == 144
    return [f"adds {parts[0]:.2f}", f"adds {parts[1]}"]


def path_through_a_neighbour() -> list[str]:
    below = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    above = torch.tensor([0.0, 1.0])
    words = torch.tensor([[1.0], [3.0]])
    changed = words + torch.tensor([[2.0], [0.0]])
    moved = above @ below @ changed - above @ below @ words
    torch.testing.assert_close(moved, torch.tensor([1.0]))
    return ["by half of its change"]


def flat_place() -> list[str]:
    def f(x: torch.Tensor) -> torch.Tensor:
        return 1 - F.relu(1 - x)

    at = torch.tensor(2.0, requires_grad=True)
    (slope,) = torch.autograd.grad(f(at), at)
    assert slope == 0 and f(at) == 1 and f(torch.tensor(0.0)) == 0
    steps = 1_000
    way = ((torch.arange(steps) + 0.5) / steps * 2).requires_grad_()
    (slopes,) = torch.autograd.grad(f(way).sum(), way)
    torch.testing.assert_close(2 * slopes.mean(), torch.tensor(1.0))
    return ["the gradient at 2 is 0", r"$\frac{1}{2} \cdot 2 = 1$"]


def labels_by_heart() -> list[str]:
    words, D, uses = 50, 64, 20
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(words, D, generator=generator)
    labels = torch.randint(5, (words,), generator=generator)
    which = torch.arange(words).repeat(uses)

    def vectors() -> torch.Tensor:
        noise = torch.randn(len(which), D, generator=generator)
        return table[which] + 0.1 * noise

    targets = F.one_hot(labels[which], 5).float()
    probe = torch.linalg.lstsq(vectors(), targets).solution
    right = (vectors() @ probe).argmax(dim=1) == labels[which]
    return [
        f"vectors with {D} numbers",
        f"labels of {words} words with {right.float().mean():.0%}",
    ]
