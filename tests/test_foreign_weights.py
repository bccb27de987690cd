"""Weights of other programs mean the same here."""

import sys

import h5py
import pytest
import torch
from torch.testing import assert_close

from reinvent.toolbox.foreign_weights import lstm_of_tensorflow, read_hdf5

D, CELLS = 3, 5


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
