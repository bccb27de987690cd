"""What distillation, pruning, rounding and factors do and save."""

import inspect

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.bert import BERT, BERTConfig
from reinvent.toolbox.counting import operations


def bert(layers: int = 12) -> BERT:
    """Return BERT base, or less of it, without memory for its numbers."""
    with torch.device("meta"):
        return BERT(BERTConfig(num_layers=layers))


def numbers(module: nn.Module) -> int:
    """Count the numbers of a module."""
    return sum(p.numel() for p in module.parameters())


def distillation_loss(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    T: float = 2.0,
    soft: float = 0.5,
) -> Tensor:
    shares = (teacher / T).softmax(dim=-1)
    told = (student / T).log_softmax(dim=-1)
    far = F.kl_div(told, shares, reduction="batchmean")
    hard = F.cross_entropy(student, labels)
    return soft * T**2 * far + (1 - soft) * hard


def loss_of_a_student() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 5, generator=generator)
    student.requires_grad_()
    labels = torch.arange(4)
    slopes = [
        torch.autograd.grad(
            distillation_loss(student, teacher, labels, T, 1.0), student
        )[0].norm()
        for T in (20, 40)
    ]
    torch.testing.assert_close(*slopes, rtol=0.05, atol=0)
    assert distillation_loss(teacher, teacher, labels, soft=1.0).abs() < 1e-6
    return ["$T^2$", inspect.getsource(distillation_loss)]


def high_temperature() -> list[str]:
    T, N = 1_000.0, 5
    generator = torch.Generator().manual_seed(0)
    both = torch.randn(2, N, generator=generator, dtype=torch.float64)
    student, teacher = both - both.mean(dim=1, keepdim=True)
    student.requires_grad_()
    loss = F.cross_entropy(student / T, (teacher / T).softmax(dim=0))
    (slope,) = torch.autograd.grad(loss, student)
    expected = (student - teacher).detach() / (N * T**2)
    torch.testing.assert_close(slope, expected, rtol=0.01, atol=0)
    return ["$(z_i - v_i) / (N T^2)$", r"$\frac{1}{T} (q_i - p_i)$"]


def size_of_distilbert() -> list[str]:
    half = bert(layers=6)
    left = numbers(half) - numbers(half.pooler) - numbers(half.segments)
    share = 1 - left / numbers(bert())
    saved = numbers(bert()) - numbers(half)
    return [
        f"{left / 1e6:.0f} million numbers",
        f"{share:.0%} fewer",
        f"{saved / 1e6:.1f} million",
    ]


def zeros_in_a_product() -> list[str]:
    full = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    thin = full * (full > full.quantile(0.9))
    assert (thin == 0).float().mean() > 0.89
    assert operations(torch.mm, full, full) == operations(torch.mm, full, thin)
    return ["the same number of products"]


def half_of_the_heads() -> list[str]:
    config = BERTConfig()
    size = config.hidden_size // config.num_heads
    head = 4 * config.hidden_size * size
    heads = config.num_layers * config.num_heads
    half = heads // 2 * head
    return [
        f"{head:,} numbers",
        f"{heads // 2} of the {heads} heads are {half / 1e6:.1f} million",
        f"{half / numbers(bert()):.0%} of the model",
    ]


def sizes_and_movements() -> list[str]:
    weight, slope = torch.tensor([0.9, 0.2]), torch.tensor([0.3, -0.5])
    moved = weight - 0.01 * slope
    assert ((moved.abs() > weight) == torch.tensor([False, True])).all()
    large, small = (-weight * slope).tolist()
    return [f"scores {large:.2f}", f"scores {small:.2f}"]


def bytes_of_eight_bits() -> list[str]:
    model = bert()
    linear = sum(
        module.weight.numel()
        for module in model.modules()
        if isinstance(module, nn.Linear)
    )
    full = 4 * numbers(model)
    left = full - 3 * linear
    table = 4 * model.embedding.words.weight.numel()
    return [
        f"{full / 1e6:.0f} MB in float32",
        f"int8 would be {numbers(model) / 1e6:.0f} MB",
        f"{left / 1e6:.0f} MB",
        f"{linear / 1e6:.1f} million of the",
        f"alone are {table / 1e6:.0f} MB",
    ]


def through_the_rounding() -> list[str]:
    x = torch.tensor([0.2, 1.7], requires_grad=True)
    (nothing,) = torch.autograd.grad(x.round().sum(), x)
    passed = x + (x.round() - x).detach()
    torch.testing.assert_close(passed, x.round())
    (slope,) = torch.autograd.grad(passed.sum(), x)
    assert (nothing == 0).all() and (slope == 1).all()
    return ["`x + (x.round() - x).detach()`"]


def rank_that_saves() -> list[str]:
    matrix = torch.randn(12, 8, generator=torch.Generator().manual_seed(0))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    near = left[:, :3] * values[:3] @ right[:3]
    error = (matrix - near).square().sum()
    torch.testing.assert_close(error, values[3:].square().sum())
    D, wide = 768, 3072
    most, square = D * wide / (D + wide), D * D / (2 * D)
    return [
        f"$r < {most:.1f}$",
        f"$r < {square:.0f}$",
        f"half of that rank, {most / 2:.0f},",
    ]
