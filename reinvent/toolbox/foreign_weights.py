"""Weights that other programs wrote, in the form of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor


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
