"""Checkpoints on disk, and the names of cached models."""

import errno
import os
from dataclasses import dataclass

import pytest
import torch

from reinvent.toolbox import checkpoints
from reinvent.toolbox.checkpoints import (
    BrokenCheckpointError,
    CheckpointMismatchError,
    cache_folder,
    cache_path,
    load_checkpoint,
    save_checkpoint,
)

FINGERPRINT = {"model": "LSTM", "steps": 11}


def test_what_was_saved_is_loaded(tmp_path):
    file = tmp_path / "new" / "folder" / "model.pt"
    weight = torch.randn(3, 5)
    save_checkpoint(file, {"model": {"weight": weight}}, FINGERPRINT)
    content = load_checkpoint(file, FINGERPRINT)
    assert torch.equal(content["model"]["weight"], weight)
    assert [f.name for f in file.parent.iterdir()] == ["model.pt"]


def test_no_file_is_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path / "none.pt", FINGERPRINT) is None


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_half_one(
    tmp_path, monkeypatch, where
):
    file = tmp_path / "model.pt"
    save_checkpoint(file, {"step": 2}, FINGERPRINT)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints.os, where, full)
    with pytest.raises(OSError, match="not saved.*model.pt") as caught:
        save_checkpoint(file, {"step": 3}, FINGERPRINT)
    assert caught.value.errno == errno.ENOSPC
    assert load_checkpoint(file, FINGERPRINT)["step"] == 2
    assert list(tmp_path.iterdir()) == [file]


def test_an_interrupted_save_leaves_no_half_file(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path / "model.pt", {}, FINGERPRINT)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="not saved.*file/model.pt"):
        save_checkpoint(tmp_path / "file" / "model.pt", {}, FINGERPRINT)


def write_zeros(file):
    file.write_bytes(bytes(1000))


def write_nothing(file):
    file.write_bytes(b"")


def write_text(file):
    file.write_text("<html>404 not found</html>")


def write_half(file):
    save_checkpoint(file, {"w": torch.ones(1000)}, FINGERPRINT)
    file.write_bytes(file.read_bytes()[:2000])


def write_other_tensors(file):
    torch.save({"w": torch.ones(3)}, file)


def write_code(file):
    torch.save({"format": checkpoints.FORMAT, "run": print}, file)


@pytest.mark.parametrize(
    "write",
    [
        write_zeros,
        write_nothing,
        write_text,
        write_half,
        write_other_tensors,
        write_code,
    ],
)
def test_a_broken_file_is_named_with_what_to_do(tmp_path, write):
    file = tmp_path / "model.pt"
    write(file)
    with pytest.raises(BrokenCheckpointError) as caught:
        load_checkpoint(file, FINGERPRINT)
    message = str(caught.value)
    assert str(file) in message and "Delete it" in message
    assert f"{file.stat().st_size} bytes" in message


def test_every_difference_is_named_with_both_sides(tmp_path):
    file = tmp_path / "model.pt"
    save_checkpoint(file, {}, {**FINGERPRINT, "old": 1})
    with pytest.raises(CheckpointMismatchError) as caught:
        load_checkpoint(file, {"model": "GRU", "steps": 11, "new": 2})
    lines = str(caught.value).splitlines()
    assert "3 differ" in lines[0]
    assert lines[1:] == [
        "  model: the file has 'LSTM', expected 'GRU'",
        "  new: the file has nothing, expected 2",
        "  old: the file has 1, expected nothing",
    ]


def test_many_differences_are_counted(tmp_path):
    file = tmp_path / "model.pt"
    save_checkpoint(file, {}, {str(i): 0 for i in range(11)})
    with pytest.raises(CheckpointMismatchError, match="11 differ") as caught:
        load_checkpoint(file, {str(i): 1 for i in range(11)})
    assert str(caught.value).endswith("and 6 more")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path))
    return tmp_path


@dataclass(frozen=True)
class Config:
    hidden_size: int = 7


def test_the_same_settings_have_the_same_path(cache):
    path = cache_path("lstm", seed=2, config=Config())
    assert path == cache_path("lstm", config=Config(), seed=2)
    assert path.parent == cache and path.name.startswith("lstm-")


def test_anything_else_has_another_path(cache, monkeypatch):
    paths = {
        cache_path("lstm", seed=2, config=Config()),
        cache_path("gru", seed=2, config=Config()),
        cache_path("lstm", seed=3, config=Config()),
        cache_path("lstm", seed=2, config=Config(11)),
        cache_path("lstm", seed=2),
    }
    monkeypatch.setattr(torch, "__version__", "3.0.0")
    paths.add(cache_path("lstm", seed=2))
    assert len(paths) == 6


def test_other_source_text_has_another_path(cache, tmp_path, monkeypatch):
    module = tmp_path / "package" / "toolbox" / "checkpoints.py"
    module.parent.mkdir(parents=True)
    module.write_text("one = 1\n")
    monkeypatch.setattr(checkpoints, "__file__", str(module))
    before = cache_path("lstm")
    module.write_text("one = 2\n")
    assert cache_path("lstm") != before


def test_a_setting_that_cannot_be_written_down_is_named(cache):
    with pytest.raises(ValueError, match="of type Tensor; expected numbers"):
        cache_path("lstm", weight=torch.ones(2))
    with pytest.raises(ValueError, match="name is 'a/b'"):
        cache_path("a/b")


def test_without_a_choice_the_cache_lies_in_the_users_folder(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("REINVENT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(checkpoints.sys, "platform", "linux")
    assert cache_folder() == tmp_path / "reinvent"
