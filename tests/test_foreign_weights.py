"""Weights of other programs mean the same here."""

import sys

import h5py
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from reinvent.toolbox.foreign_weights import (
    load_weights,
    lstm_of_tensorflow,
    read_hdf5,
    read_safetensors,
)

D, CELLS, E = 3, 5, 7


def test_all_arrays_of_a_file_are_read_by_their_names(tmp_path):
    path = tmp_path / "some.hdf5"
    wanted = {"bias": torch.arange(3.0), "cell/W": torch.randn(2, 5)}
    with h5py.File(path, "w") as file:
        for name, tensor in wanted.items():
            file[name] = tensor.numpy()
    found = read_hdf5(path)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert_close(found[name], tensor)


def test_a_file_that_is_missing_or_another_is_named(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        read_hdf5(tmp_path / "nowhere.hdf5")
    other = tmp_path / "other.hdf5"
    other.write_text("no weights", encoding="utf-8")
    with pytest.raises(OSError, match="other|signature"):
        read_hdf5(other)


def test_without_h5py_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        read_hdf5(tmp_path / "some.hdf5")


def test_gates_of_tensorflow_are_put_in_the_order_of_pytorch():
    bias = torch.arange(4.0).repeat_interleave(CELLS)
    kernel = bias + torch.tensor([[0.1]] * D + [[0.2]] * D)
    found = lstm_of_tensorflow(kernel, bias)
    order = torch.tensor([0.0, 2, 1, 3]).repeat_interleave(CELLS)
    ones = torch.ones(1, D)
    assert_close(found["weight_ih_l0"], (order + 0.1)[:, None] * ones)
    assert_close(found["weight_hh_l0"], (order + 0.2)[:, None] * ones)
    opened = torch.tensor([0.0, 1, 0, 0]).repeat_interleave(CELLS)
    assert_close(found["bias_ih_l0"], order + opened)
    assert not found["bias_hh_l0"].any()
    assert bias.equal(torch.arange(4.0).repeat_interleave(CELLS))


def test_all_tensors_of_safetensors_are_read_by_their_names(tmp_path):
    path = tmp_path / "some.safetensors"
    wanted = {"a.bias": torch.arange(3.0), "b": torch.randn(2, 5).half()}
    save_file(wanted, path)
    found = read_safetensors(path)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor)


def test_safetensors_that_are_missing_or_others_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_safetensors(tmp_path / "nowhere.safetensors")
    other = tmp_path / "other.safetensors"
    other.write_text("no weights", encoding="utf-8")
    with pytest.raises(ValueError, match="other.safetensors is no safetens"):
        read_safetensors(other)


def given() -> dict[str, torch.Tensor]:
    return {"weight": torch.randn(E, D), "bias": torch.randn(E)}


def test_weights_are_loaded_and_what_may_lack_stays():
    model, state = nn.Linear(D, E), given()
    assert load_weights(model, state) == []
    assert torch.equal(model.weight, state["weight"])
    assert torch.equal(model.bias, state["bias"])
    lacking = load_weights(
        model, {"weight": 2 * state["weight"]}, optional=("bias",)
    )
    assert lacking == ["bias"]
    assert torch.equal(model.weight, 2 * state["weight"])
    assert torch.equal(model.bias, state["bias"])


def test_a_second_copy_must_be_the_same():
    model, state = nn.Linear(D, E), given()
    tied = {"copy": "weight"}
    state["copy"] = state["weight"].clone()
    load_weights(model, state, tied=tied)
    assert torch.equal(model.weight, state["weight"])
    state["copy"] += 1
    with pytest.raises(ValueError, match="copy is another one than weight"):
        load_weights(model, state, tied=tied)
    with pytest.raises(ValueError, match=r"1 unknown \['copy'\]"):
        load_weights(model, state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, r"1 missing \['bias'\], 0 unknown"),
        ({"other": (E,)}, r"0 missing \[\], 1 unknown \['other'\]"),
        ({"bias": (D,)}, r"bias is given with shape \(3,\), expected \(7,\)"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(change, message):
    model, state = nn.Linear(D, E), given()
    before = model.weight.clone()
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = torch.zeros(shape)
    with pytest.raises(ValueError, match=message):
        load_weights(model, state)
    assert torch.equal(model.weight, before)
