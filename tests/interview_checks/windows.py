"""Convolutions: what they see, what they leak, what they cost."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def reach(layers: list[nn.Conv1d], length: int) -> Tensor:
    """Return how much each input counts for the middle output."""
    signal = torch.zeros(1, 1, length, requires_grad=True)
    told = signal
    for layer in layers:
        nn.init.constant_(layer.weight, 1 / layer.kernel_size[0])
        told = layer(told)
    middle = told[0, 0, told.shape[-1] // 2]
    (slope,) = torch.autograd.grad(middle, signal)
    return slope[0, 0]


def doubled_dilations() -> list[str]:
    layers = [nn.Conv1d(1, 1, 2, dilation=2**i) for i in range(10)]
    assert (reach(layers, 1024) > 0).sum() == 1024
    assert 1 + sum(2**i for i in range(10)) == 1024
    assert 1 + 10 * (2 - 1) == 11
    assert 1 + 1023 * (2 - 1) == 1024
    return ["1, 2, 4 to 512", "1,024", "11", "1,023"]


def holes() -> list[str]:
    def seen(dilations: tuple[int, ...]) -> list[int]:
        layers = [nn.Conv1d(1, 1, 3, dilation=d, padding=d) for d in dilations]
        places = reach(layers, 31).nonzero().flatten() - 15
        return places.tolist()

    assert seen((2, 2, 2)) == [-6, -4, -2, 0, 2, 4, 6]
    assert seen((1, 2, 3)) == list(range(-6, 7))
    return ["2, 2, 2", "even distance", "1, 2, 3", "13 words"]


def paths_to_the_middle() -> list[str]:
    for L, spread in ((6, 2), (24, 4)):
        layers = [nn.Conv1d(1, 1, 3, padding=1) for _ in range(L)]
        slope = reach(layers, 2 * L + 1)
        places = torch.arange(2 * L + 1) - L
        assert (slope > 0).all()
        variance = (slope * places**2).sum()
        torch.testing.assert_close(variance, torch.tensor(L * 2 / 3))
        assert round(variance.sqrt().item()) == spread
    return [r"$\sqrt{2L/3}$", "13 words", "49 words", "2 places", "4 places"]


def even_kernel() -> list[str]:
    signal = torch.randn(1, 1, 10)
    assert nn.Conv1d(1, 1, 4, padding=2)(signal).shape[-1] == 11
    assert nn.Conv1d(1, 1, 5, padding=2)(signal).shape[-1] == 10
    padded = F.pad(signal, (1, 2))
    assert nn.Conv1d(1, 1, 4)(padded).shape[-1] == 10
    return ["one longer", "$T + 2p - k + 1$"]


def three_layers() -> list[str]:
    d, k = 512, 3
    millions = {
        n: [round(x / 1e6, 1) for x in (n * n * d, n * d * d, k * n * d * d)]
        for n in (50, 5000)
    }
    assert millions[50] == [1.3, 13.1, 39.3]
    assert millions[5000] == [12_800, 1310.7, 3932.2]
    return ["1.3, 13.1 and 39.3", "12,800, 1,311 and 3,932", "$n = d$"]


def sees_its_answer() -> list[str]:
    layer = nn.Conv1d(1, 1, 3, padding=1)
    signal = torch.randn(1, 1, 9, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(signal)[0, 0, 4], signal)
    assert slope[0, 0].nonzero().flatten().tolist() == [3, 4, 5]
    return ["reads place $t + 1$"]


def gated_feed_forward() -> list[str]:
    D, F_, x = 768, 3072, torch.randn(2, 768)
    plain = [nn.Linear(D, F_, bias=False), nn.Linear(F_, D, bias=False)]
    G = 2 * F_ // 3
    W, V, out = (
        nn.Linear(*size, bias=False) for size in ((D, G), (D, G), (G, D))
    )
    sizes = [
        sum(layer.weight.numel() for layer in layers)
        for layers in (plain, (W, V, out))
    ]
    assert sizes == [4_718_592] * 2 and G == 2048
    told = out(F.silu(W(x)) * V(x))
    gate = W(x)
    torch.testing.assert_close(told, out(gate * gate.sigmoid() * V(x)))
    return ["3,072", "2,048", "4,718,592", "F.silu(self.W(x)) * self.V(x)"]
