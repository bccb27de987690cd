"""Int8 inference: a trained model with 8-bit weights, by ONNX Runtime.

PyTorch's own `torch.ao.quantization` is deprecated. What it names in its
place, torchao, quantizes linear layers but no LSTM, and is slow where no
compiler is. So each linear layer and each LSTM of a model becomes a small
graph, which the library onnxruntime quantizes and runs; what is between the
layers stays PyTorch.

A quantized layer keeps 8-bit integers, and one scale for each row of its
weights: the largest weight of the row becomes 127 or -127. At each call it
rounds its input to 8 bits too, multiplies integers, sums them in 32 bits and
scales the sums.
"""

import copy
import io

import torch
from torch import nn

HOW_TO_INSTALL = "pip install onnx onnxruntime"


def quantize(model: nn.Module, bits: int = 8) -> nn.Module:
    """A copy of a model that computes with 8-bit integers.

    Word vectors, and layers that are neither linear nor an LSTM, stay as
    they are. A layer rounds its input with one scale for the whole batch:
    what it computes for a sentence depends a little on the others.

    Args:
        model: A trained model on the CPU; it is left as it was. It has to
            call its linear layers, not to read their weights.
        bits: 8, or 32 for the same library without any rounding, to tell
            what is due to which.

    Returns:
        The copy, in eval mode. It gives no gradients, and its graphs run in
        one thread each, one after the other.

    Raises:
        ImportError: A library is not installed.
        ValueError: Other bits; a model that is not on the CPU, or has no
            layer to quantize; an LSTM of several layers, or with
            projections.
    """
    if bits not in (8, 32):
        raise ValueError(f"bits is {bits}, expected 8 or 32")
    others = {p.device.type for p in model.parameters()} - {"cpu"}
    if others:
        raise ValueError(f"the model is on {others.pop()}, expected cpu")
    if not any(isinstance(m, nn.Linear | nn.LSTM) for m in model.modules()):
        raise ValueError(
            f"{type(model).__name__} has 0 linear and LSTM layers to "
            "quantize, expected at least 1"
        )
    try:
        from reinvent.toolbox.onnx_layers import in_onnx
    except ImportError as error:
        raise ImportError(
            f"int8 needs the libraries onnx and onnxruntime: {HOW_TO_INSTALL}"
        ) from error
    model = copy.deepcopy(model).eval().requires_grad_(False)
    return in_onnx(model, quantized=bits == 8)


def size_in_bytes(model: nn.Module) -> int:
    """The size of the file in which `torch.save` keeps a model's state."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return len(file.getbuffer())
