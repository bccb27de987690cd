"""Int8 inference: the same layers, rounded, smaller, nearly as good."""

import copy
import io
import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close

from reinvent import gnmt
from reinvent.toolbox.decoding import greedy
from reinvent.toolbox.int8 import quantize, size_in_bytes
from reinvent.toolbox.onnx_layers import LinearGraph, LSTMGraph

B, T, E, D, V = 5, 7, 11, 13, 17
LENGTHS = torch.tensor([3, 7, 1, 7, 2])


@pytest.fixture(autouse=True)
def no_gradients():
    torch.manual_seed(0)
    with torch.no_grad():
        yield


def translator() -> nn.Module:
    sizes = {"embedding_size": E, "hidden_size": D, "alignment_size": E}
    sizes |= {"source_vocab_size": V, "target_vocab_size": V}
    sizes |= {"encoder_layers": 2, "decoder_layers": 2}
    return gnmt.GNMT(replace(gnmt.TINY, **sizes)).eval()


def states(directions: int) -> tuple[Tensor, Tensor]:
    return torch.randn(directions, B, D), torch.randn(directions, B, D)


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_graph_without_rounding_is_the_linear_layer(bias):
    layer = nn.Linear(E, D, bias=bias)
    x = torch.randn(B, T, E).transpose(0, 1)
    assert_close(quantize(layer, bits=32)(x), layer(x))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
def test_an_lstm_graph_without_rounding_is_the_lstm(
    directions, bias, batch_first
):
    lstm = nn.LSTM(
        E, D, 1, bias, batch_first=batch_first, bidirectional=directions == 2
    )
    graph = quantize(lstm, bits=32)
    x = torch.randn((B, T, E) if batch_first else (T, B, E))
    for start in (None, states(directions)):
        assert_close(graph(x, start), lstm(x, start))


def test_packed_sentences_are_read_to_their_own_ends():
    lstm = nn.LSTM(E, D, batch_first=True, bidirectional=True)
    packed = pack_padded_sequence(
        torch.randn(B, T, E), LENGTHS, batch_first=True, enforce_sorted=False
    )
    outputs, ends = quantize(lstm, bits=32)(packed, start := states(2))
    expected, expected_ends = lstm(packed, start)
    assert_close(outputs.data, expected.data)
    assert torch.equal(outputs.sorted_indices, expected.sorted_indices)
    assert_close(ends, expected_ends)


def test_integers_and_scales_are_those_of_equation_12_of_gnmt():
    layer = nn.Linear(E, D)
    kept = quantize(layer).weights()
    for row in range(D):
        largest = max(abs(float(w)) for w in layer.weight[row])
        assert_close(kept["weight_scale"][row].item(), largest / 127)
        for column in range(E):
            share = layer.weight[row, column].item() / largest
            integer = kept["weight_quantized"][column, row].item()
            assert integer == round(share * 127)


def test_an_lstm_has_a_scale_for_each_row_of_each_gate():
    lstm = nn.LSTM(E, D, bidirectional=True)
    kept = quantize(lstm).weights()
    # PyTorch keeps the gates as i f c o, ONNX as i o f c.
    order = torch.arange(4 * D).view(4, D)[[0, 3, 1, 2]].flatten()
    for way, (w, u, *_) in enumerate(lstm.all_weights):
        for name, weight in (("w", w[order]), ("r", u[order])):
            scale = weight.abs().amax(dim=1) / 127
            integers = (weight / scale.unsqueeze(1)).round()
            assert_close(kept[f"{name}_scale"][way], scale)
            assert torch.equal(
                kept[f"{name}_quantized"][way].T, integers.to(torch.int8)
            )


def test_a_layer_multiplies_and_sums_integers():
    layer = nn.Linear(E, D)
    quantized = quantize(layer)
    kept = quantized.weights()
    x = torch.randn(B, E)
    step = ((x.max() - x.min()) / 255).item()
    zero = round(-x.min().item() / step)
    inputs = (x / step).round() + zero  # 0 to 255
    assert inputs.min() == 0 and inputs.max() == 255
    for row in range(B):
        for unit in range(D):
            total = sum(
                (int(inputs[row, k]) - zero)
                * int(kept["weight_quantized"][k, unit])
                for k in range(E)
            )
            expected = total * step * kept["weight_scale"][unit].item()
            expected += layer.bias[unit].item()
            assert_close(quantized(x)[row, unit].item(), expected)


def test_the_rounding_error_stays_below_half_a_step_per_product():
    layer, x = nn.Linear(E, D), torch.randn(B, E)
    of_weight = layer.weight.abs().amax(dim=1) / 127 / 2  # (D,)
    of_input = (x.max() - x.min()) / 255  # its zero is rounded too
    bound = x.abs().sum(1, keepdim=True) * of_weight
    bound = bound + of_input * (layer.weight.abs().sum(1) + E * of_weight)
    error = (quantize(layer)(x) - layer(x)).abs()
    assert (error > 0).any() and (error <= bound).all()


def test_layers_are_replaced_and_the_model_is_left_as_it_was():
    model = translator().train()
    before = copy.deepcopy(model.state_dict())
    quantized = quantize(model)
    graphs = [m for m in quantized.modules() if isinstance(m, LSTMGraph)]
    assert len(graphs) == 4
    assert isinstance(quantized.decoder.to_logits, LinearGraph)
    assert not quantized.training and model.training
    assert not any(p.requires_grad for p in quantized.parameters())
    assert all(p.requires_grad for p in model.parameters())
    assert before.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_translator_without_rounding_writes_and_looks_as_before():
    model = translator()
    source = torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0]])
    options = {"bos_id": 1, "eos_id": 2, "max_length": T}
    expected = greedy(model, source, **options)
    decoded = greedy(quantize(model, bits=32), source, **options)
    assert decoded.tokens == expected.tokens
    assert_close(decoded.weights, expected.weights)


def test_an_int8_translator_gives_nearly_the_same_scores():
    model = translator()
    source, target = torch.randint(3, V, (2, B, T))
    scores = model(source, target)
    error = (quantize(model)(source, target) - scores).abs().max()
    assert 0 < error < 0.05 * scores.std()


def test_the_size_is_a_quarter():
    layer = nn.Linear(211, 223)
    whole, quantized = size_in_bytes(layer), size_in_bytes(quantize(layer))
    assert whole > 4 * 211 * 223
    assert 211 * 223 < quantized < 0.29 * whole


def test_what_was_saved_can_be_loaded_safely():
    quantized, other = quantize(nn.Linear(E, D)), quantize(nn.Linear(E, D))
    x = torch.randn(B, E)
    assert not torch.equal(other(x), quantized(x))
    file = io.BytesIO()
    torch.save(quantized.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(x), quantized(x))


def test_a_quantized_model_that_was_used_can_be_copied():
    quantized, x = quantize(nn.Linear(E, D)), torch.randn(B, E)
    expected = quantized(x)
    assert torch.equal(copy.deepcopy(quantized)(x), expected)


def test_other_bits_are_refused():
    with pytest.raises(ValueError, match="bits is 4, expected 8 or 32"):
        quantize(nn.Linear(E, D), bits=4)


def test_a_model_elsewhere_is_refused():
    with pytest.raises(ValueError, match="is on meta, expected cpu"):
        quantize(nn.Linear(E, D, device="meta"))


def test_a_model_without_such_layers_is_refused():
    message = "Embedding has 0 linear and LSTM layers to quantize, expected"
    with pytest.raises(ValueError, match=message):
        quantize(nn.Embedding(V, E))
    with pytest.raises(ValueError, match="LinearGraph has 0"):
        quantize(quantize(nn.Linear(E, D)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 2}, "2 layers and proj_size 0, expected 1 and 0"),
        ({"proj_size": 3}, "1 layers and proj_size 3, expected 1 and 0"),
    ],
)
def test_an_lstm_of_another_kind_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        quantize(nn.LSTM(E, D, **options))


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named_with_the_way_to_get_it(
    missing, monkeypatch
):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "reinvent.toolbox.onnx_layers")
    with pytest.raises(ImportError, match="pip install onnx onnxruntime"):
        quantize(nn.Linear(E, D))
