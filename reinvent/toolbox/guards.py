"""What surrounds a training step: modes, devices, Ctrl-C, random numbers."""

import dataclasses
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; afterwards each part as it was."""
    with modes_kept(model), torch.no_grad():
        model.eval()
        yield


def to_device(batch: object, device: torch.device) -> object:
    """Move the tensors of a batch; everything else stays as it is.

    Args:
        batch: A tensor, or tensors in (named) tuples, lists, dicts or
            dataclasses.
        device: Where they shall be.
    """
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(part, device) for key, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [to_device(part, device) for part in batch]
        named = hasattr(batch, "_fields")
        return type(batch)(*parts) if named else type(batch)(parts)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        fields = [f.name for f in dataclasses.fields(batch) if f.init]
        parts = {n: to_device(getattr(batch, n), device) for n in fields}
        return dataclasses.replace(batch, **parts)
    return batch


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Give every part its train or eval mode back."""
    modes = {part: part.training for part in model.modules()}
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Let Ctrl-C wait until the weights are whole again."""
    previous = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if previous is None or not main:
        yield  # Python hands Ctrl-C to the main thread only.
        return
    caught = []
    signal.signal(signal.SIGINT, lambda *received: caught.append(received))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if caught:
        signal.raise_signal(signal.SIGINT)


def rng_state(device: torch.device) -> dict[str, Tensor]:
    """Where torch's random numbers stand, for dropout."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state
