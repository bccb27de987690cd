"""Count what a network does, without a clock.

Times depend on the machine. How many multiplications there are, and how many
of them must wait for one another, does not.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

PRODUCTS = ("Mm", "Addmm", "Bmm", "Baddbmm", "Mv", "Dot", "Convolution")
"""How the steps of a gradient that belong to products are named."""

FUSED_ATTENTION = "ScaledDotProduct"
"""One step of the gradient, and two products: with keys and with values."""


def operations(function: Callable[..., object], *inputs: Tensor) -> int:
    """Count the multiplications of matrix products and convolutions.

    Args:
        function: What is called once. The layers of PyTorch that run as a
            whole, such as `nn.LSTM`, are not seen; cells are.
        *inputs: What it is called with.

    Returns:
        Multiplications; each comes with one addition.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        function(*inputs)
    return counter.get_total_flops() // 2


def steps_in_a_row(output: Tensor) -> int:
    """Count the products of which each needs the one before it.

    Follows the gradient of the output back to its inputs and takes the path
    with the most matrix products and convolutions on it. With any number of
    processors there is no way to do these at the same time. An LSTM on a
    CPU hides its path while `torch.backends.mkldnn.enabled`.

    Args:
        output: Made with gradients.

    Returns:
        Products on the longest path.

    Raises:
        ValueError: If the output has no gradient to follow.
    """
    if output.grad_fn is None:
        raise ValueError(
            "the output has no gradient to follow, expected one that was "
            "made with requires_grad and outside of torch.no_grad"
        )
    longest: dict[object, int] = {}
    waiting = [output.grad_fn]
    # A node is done when all that it leads to are: no recursion, since a
    # recurrent network is thousands of nodes deep.
    while waiting:
        node = waiting[-1]
        before = [its for its, _ in node.next_functions if its is not None]
        missing = [its for its in before if its not in longest]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        name = node.name()
        counts = 2 if name.startswith(FUSED_ATTENTION) else 0
        counts += name.startswith(PRODUCTS)
        longest[node] = counts + max(map(longest.get, before), default=0)
    return longest[output.grad_fn]
