"""Models whose weights are none of those that a module starts with."""

import torch
from torch import nn


def shaken(model: nn.Module) -> nn.Module:
    """Moves all weights: norms of 1 and biases of 0 would hide mistakes."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model
