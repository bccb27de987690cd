"""Weights that other programs wrote, in the form of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn


def read_hdf5(path: str | Path) -> dict[str, Tensor]:
    """Read all arrays of an HDF5 file; no code in it is run.

    Args:
        path: The file.

    Returns:
        Full name, such as "CNN/b_cnn_0", to tensor.

    Raises:
        ImportError: The library h5py is not installed.
        OSError: The file is missing, or is no HDF5.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{path} needs the library h5py: pip install h5py"
        ) from error
    arrays: dict[str, Tensor] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = torch.from_numpy(item[()])

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return arrays


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file; no code in it is run.

    Args:
        path: The file.

    Returns:
        Published name to tensor.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: The file is no safetensors.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error


def lstm_of_tensorflow(kernel: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Turn an LSTM of TensorFlow 1 into one of PyTorch.

    Theirs has one matrix for input and state, the gates in the order write,
    new, keep, read, and adds 1 to keep when it runs.

    Args:
        kernel: Shape (inputs + hidden, 4cells), both of the same size.
        bias: Shape (4cells,).

    Returns:
        Weights by the names of `nn.LSTM`.
    """
    order = [0, 2, 1, 3]
    bias = bias.unflatten(0, (4, -1))[order]
    bias[1] += 1
    matrix = kernel.T.unflatten(0, (4, -1))[order]
    of_input, of_state = matrix.flatten(0, 1).chunk(2, dim=1)
    return {
        "weight_ih_l0": of_input,
        "weight_hh_l0": of_state,
        "bias_ih_l0": bias.flatten(),
        "bias_hh_l0": torch.zeros_like(bias).flatten(),
    }


def check_weights(
    given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> None:
    """Stops at weights that are not those of a model.

    Raises:
        ValueError: If one is missing, unknown or of another shape.
    """
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    if missing or unknown:
        raise ValueError(
            f"the weights do not fit: {len(missing)} missing {missing[:3]},"
            f" {len(unknown)} unknown {unknown[:3]}"
        )
    for name, weight in given.items():
        if weight.shape != wanted[name].shape:
            raise ValueError(
                f"{name} is given with shape {tuple(weight.shape)}, expected"
                f" {tuple(wanted[name].shape)}"
            )


def load_weights(
    model: nn.Module,
    given: Mapping[str, Tensor],
    *,
    tied: Mapping[str, str] | None = None,
    optional: tuple[str, ...] = (),
) -> list[str]:
    """Put weights that have the names of a model into it.

    Args:
        model: Its weights are written over, if all is right.
        given: The weights.
        tied: Weights that a file may hold twice: the name of the second
            copy, which the model has not, to that of the first.
        optional: How names begin that `given` may lack.

    Returns:
        Names of weights that were lacking; they stay as they were.

    Raises:
        ValueError: Another weight is missing, one is unknown or of another
            shape, or two copies differ. The model stays as it was.
    """
    tied = tied or {}
    found = {name: w for name, w in given.items() if name not in tied}
    state = model.state_dict()
    lacking = [
        name
        for name in state
        if name not in found and name.startswith(optional)
    ]
    check_weights(found, {n: w for n, w in state.items() if n not in lacking})
    for second, first in tied.items():
        if second in given and not torch.equal(given[second], found[first]):
            raise ValueError(
                f"{second} is another one than {first}, expected the same"
            )
    model.load_state_dict({**state, **found})
    return lacking
