"""Linear layers and LSTMs that ONNX Runtime computes, with or without int8.

Only `reinvent.toolbox.int8` imports this: it needs onnx and onnxruntime.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)


def in_onnx(module: nn.Module, quantized: bool) -> nn.Module:
    """Puts graphs in the place of the linear layers and the LSTMs.

    Args:
        module: Changed in place, if it is not such a layer itself.
        quantized: Whether the graphs compute with 8-bit integers.

    Returns:
        The module, or the graph that stands for it.
    """
    if isinstance(module, nn.Linear):
        return LinearGraph(module, quantized)
    if isinstance(module, nn.LSTM):
        return LSTMGraph(module, quantized)
    for name, part in module.named_children():
        setattr(module, name, in_onnx(part, quantized))
    return module


class Graph(nn.Module):
    """A layer as a graph of ONNX.

    Attributes:
        graph: What ONNX would write to a file, shape (bytes,). It is saved
            and loaded with the state of the model.
    """

    def __init__(
        self,
        nodes: Sequence[NodeProto],
        weights: dict[str, Tensor],
        quantized: bool,
    ) -> None:
        """Builds the graph.

        Args:
            nodes: The operations. What none of them makes is an input, what
                none of them takes is an output.
            weights: The constants, by name.
            quantized: Whether to compute with 8-bit integers.
        """
        super().__init__()
        model = _model(nodes, weights)
        if quantized:
            model = _quantized(model)
        content = bytearray(model.SerializeToString())
        self.register_buffer(
            "graph", torch.frombuffer(content, dtype=torch.uint8)
        )
        self.session = None
        self.register_load_state_dict_post_hook(Graph.close)

    def close(self, *_: object) -> None:
        """Ends the session. The next call begins one with the graph."""
        self.session = None

    def __getstate__(self) -> dict:
        """What is copied: all but the session."""
        return self.__dict__ | {"session": None}

    def run(self, **inputs: Tensor) -> list[Tensor]:
        """Computes the outputs, in one thread: the graphs are small."""
        if self.session is None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(
                self.graph.numpy().tobytes(),
                options,
                providers=["CPUExecutionProvider"],
            )
        arrays = {name: x.contiguous().numpy() for name, x in inputs.items()}
        return [torch.from_numpy(y) for y in self.session.run(None, arrays)]

    def weights(self) -> dict[str, Tensor]:
        """The constants of the graph by name: integers, scales, biases."""
        graph = onnx.load_from_string(self.graph.numpy().tobytes()).graph
        return {
            constant.name: torch.tensor(numpy_helper.to_array(constant))
            for constant in graph.initializer
        }


class LinearGraph(Graph):
    """An `nn.Linear`; it takes and gives the same."""

    def __init__(self, layer: nn.Linear, quantized: bool) -> None:
        """Takes over the weights."""
        bias = layer.bias
        if bias is None:
            bias = layer.weight.new_zeros(layer.out_features)
        nodes = [
            helper.make_node("MatMul", ["x", "weight"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["y"]),
        ]
        weights = {"weight": layer.weight.T, "bias": bias}
        super().__init__(nodes, weights, quantized)
        self.in_features = layer.in_features
        self.out_features = layer.out_features

    def forward(self, inputs: Tensor) -> Tensor:
        """From shape (..., in_features) to (..., out_features)."""
        return self.run(x=inputs)[0]


class LSTMGraph(Graph):
    """An `nn.LSTM` of one layer; it takes batches and gives the same."""

    def __init__(self, lstm: nn.LSTM, quantized: bool) -> None:
        """Takes over the weights.

        Raises:
            ValueError: The LSTM has several layers, or projections.
        """
        if lstm.num_layers != 1 or lstm.proj_size:
            raise ValueError(
                f"an LSTM has {lstm.num_layers} layers and proj_size "
                f"{lstm.proj_size}, expected 1 and 0"
            )
        lstm_node = helper.make_node(
            "LSTM",
            ["x", "w", "r", "bias", "lengths", "hidden", "cell"],
            ["outputs", "last_hidden", "last_cell"],
            hidden_size=lstm.hidden_size,
            direction="bidirectional" if lstm.bidirectional else "forward",
        )
        nodes = [
            lstm_node,  # its outputs are (T, directions, B, D)
            helper.make_node(
                "Transpose", ["outputs"], ["turned"], perm=[0, 2, 1, 3]
            ),
            helper.make_node("Reshape", ["turned", "shape"], ["y"]),
        ]
        super().__init__(nodes, _lstm_weights(lstm), quantized)
        self.batch_first = lstm.batch_first
        self.state_size = 1 + lstm.bidirectional, lstm.hidden_size

    def forward(
        self,
        inputs: Tensor | PackedSequence,
        state: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Reads a batch of sentences.

        Args:
            inputs: Packed sentences, or a tensor of shape (B, T, E), which
                is (T, B, E) if not `batch_first`.
            state: h and c before the first word, each of shape (directions,
                B, D); 0 if there is none.

        Returns:
            The outputs, in the form of the inputs, and h and c after the
            last word.
        """
        packed = isinstance(inputs, PackedSequence)
        if packed:
            x, lengths = pad_packed_sequence(inputs)  # (T, B, E)
        else:
            x = inputs.transpose(0, 1) if self.batch_first else inputs
            lengths = torch.full((x.shape[1],), len(x))
        if state is None:
            directions, size = self.state_size
            state = (x.new_zeros(directions, x.shape[1], size),) * 2
        hidden, cell, y = self.run(
            x=x, lengths=lengths.int(), hidden=state[0], cell=state[1]
        )
        if packed:
            y = pack_padded_sequence(y, lengths, enforce_sorted=False)
        elif self.batch_first:
            y = y.transpose(0, 1)
        return y, (hidden, cell)


def _lstm_weights(lstm: nn.LSTM) -> dict[str, Tensor]:
    """As ONNX wants them: directions stacked, gates in the order i o f c."""
    kinds = []
    for weights in zip(*lstm.all_weights, strict=True):  # W, U, two biases
        parts = [weight.chunk(4) for weight in weights]  # i f c o
        kinds.append(
            torch.stack([torch.cat([i, o, f, c]) for i, f, c, o in parts])
        )
    w, r, *biases = kinds
    zeros = [w.new_zeros(w.shape[:2])] * 2
    return {
        "w": w,
        "r": r,
        "bias": torch.cat(biases or zeros, dim=1),
        "shape": torch.tensor([0, 0, -1]),
    }


def _model(
    nodes: Sequence[NodeProto], weights: dict[str, Tensor]
) -> onnx.ModelProto:
    made = [name for node in nodes for name in node.output]
    taken = [name for node in nodes for name in node.input]
    inputs = [name for name in taken if name not in {*made, *weights}]
    kinds = {"lengths": TensorProto.INT32}
    graph = helper.make_graph(
        nodes,
        "layer",
        [
            helper.make_tensor_value_info(
                name, kinds.get(name, TensorProto.FLOAT), None
            )
            for name in inputs
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in made
            if name not in taken
        ],
        [
            numpy_helper.from_array(weight.contiguous().numpy(), name)
            for name, weight in weights.items()
        ],
    )
    versions = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=versions, ir_version=9)


def _quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """With integers in the place of matrices."""
    # Without this note the library asks for a step that does nothing here.
    note = {"onnx.quant.pre_process": "onnxruntime.quant"}
    helper.set_model_props(model, note)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.onnx"
        quantize_dynamic(
            model, path, per_channel=True, weight_type=QuantType.QInt8
        )
        return onnx.load(path)
