"""Learning rates: their schedules in steps, and the usual optimizer."""

import math
from collections.abc import Callable

from torch import nn
from torch.optim import Adam, Optimizer

Schedule = str | Callable[[int], float]


def schedule_factor(
    schedule: Schedule, step: int, steps: int, warmup: int = 0
) -> float:
    """The factor of the learning rate in one step, counted from 0.

    Args:
        schedule: "constant", "linear", "cosine" or a function of the step.
        step: The step, from 0.
        steps: All steps; "linear" and "cosine" would reach 0 there.
        warmup: Steps in which the factor grows: 1/warmup, 2/warmup ... 1.

    Raises:
        ValueError: An unknown name.
    """
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if callable(schedule):
        return rise * schedule(step)
    if schedule not in ("constant", "linear", "cosine"):
        raise ValueError(
            f"the schedule is {schedule!r}; expected 'constant', 'linear',"
            " 'cosine' or a function of the step"
        )
    if step < warmup or schedule == "constant":
        return rise
    left = (steps - step) / (steps - warmup)
    return left if schedule == "linear" else (1 - math.cos(math.pi * left)) / 2


def adam(parameters: list[nn.Parameter], learning_rate: float) -> Optimizer:
    """Adam, in one kernel where the device and the version of torch can."""
    try:
        return Adam(parameters, lr=learning_rate, fused=True)
    except RuntimeError:
        return Adam(parameters, lr=learning_rate)
