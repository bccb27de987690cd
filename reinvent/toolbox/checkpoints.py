"""Checkpoints: files that are whole or not there, and where they lie."""

import dataclasses
import hashlib
import io
import json
import os
import pickle
import sys
import tempfile
from pathlib import Path

import torch

FORMAT = "reinvent checkpoint 1"


class BrokenCheckpointError(ValueError):
    """A file that cannot be read as a checkpoint of `fit`."""


class CheckpointMismatchError(ValueError):
    """A checkpoint of another model, or of a run with other settings."""


def save_checkpoint(path: Path, content: dict, fingerprint: dict) -> None:
    """Write a checkpoint: afterwards it is whole, or the old one is there.

    The bytes go to a temporary file in the same folder, which then takes
    the place of `path` in one step.

    Args:
        path: Where to write; missing folders are made.
        content: Tensors, numbers, strings, and lists and dicts of them.
        fingerprint: What a later run must have in common with this one.

    Raises:
        OSError: The disk is full or the folder cannot be written to. No
            half file stays behind.
    """
    buffer = io.BytesIO()
    torch.save(
        {"format": FORMAT, "fingerprint": fingerprint, **content}, buffer
    )
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}."
        )
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            why = f"{error.strerror}; the checkpoint was not saved"
            raise OSError(error.errno, why, str(path)) from error
        raise


def check_folder(path: Path) -> None:
    """Stop before a long training whose checkpoint could not be saved.

    Args:
        path: Where it is to be written; missing folders are made.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        why = (
            f"{error.strerror}; no checkpoint can be saved here. Another"
            " folder for cached models is named by REINVENT_CACHE"
        )
        raise OSError(error.errno, why, str(path)) from error


def load_checkpoint(path: Path, fingerprint: dict) -> dict | None:
    """Read a checkpoint of the same model and settings.

    Args:
        path: A file that `save_checkpoint` wrote.
        fingerprint: Of the run that wants to go on.

    Returns:
        The content, tensors on the CPU; None when there is no such file.

    Raises:
        BrokenCheckpointError: The file is no checkpoint, or damaged.
        CheckpointMismatchError: The fingerprint is another one.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    broken = (
        f"{path} is broken or no checkpoint of fit ({len(data)} bytes);"
        " expected a file that fit wrote. Delete it to train again"
    )
    try:
        content = torch.load(
            io.BytesIO(data), map_location="cpu", weights_only=True
        )
    except (
        RuntimeError,
        EOFError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise BrokenCheckpointError(broken) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BrokenCheckpointError(broken)
    differences = _differences(content["fingerprint"], fingerprint)
    if differences:
        shown = "\n".join(differences[:5])
        more = len(differences) - 5
        raise CheckpointMismatchError(
            f"{path} belongs to another model or to other settings"
            f" ({len(differences)} differ):\n{shown}"
            + (f"\n  and {more} more" if more > 0 else "")
        )
    return content


def cache_folder() -> Path:
    """Where trained models are kept between chapters.

    The folder named by the environment variable REINVENT_CACHE, else
    `reinvent` in the system's folder for caches.
    """
    if chosen := os.environ.get("REINVENT_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(
            os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
        )
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "reinvent"


def cache_path(name: str, **settings: object) -> Path:
    """The cache file of a model that was trained with these settings.

    The file's name also depends on the source text of `reinvent` and on
    the version of torch, so a model of older code is never found.

    Args:
        name: Letters, digits, `_`, `-` and `.`; begins the file's name.
        settings: All that decides what the model learns: config, data,
            seed, steps. Numbers, strings, None, lists, dicts, dataclasses.

    Returns:
        A path like `bahdanau-0c5d1a2b3e4f5a6b.pt`; the file need not exist.

    Raises:
        ValueError: A name or a setting that cannot be written down.
    """
    if not name or not all(c.isalnum() or c in "_-." for c in name):
        raise ValueError(
            f"the name is {name!r}; expected letters, digits, _, - and ."
        )
    text = json.dumps(
        [settings, torch.__version__, _source_digest()],
        sort_keys=True,
        default=_to_json,
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return cache_folder() / f"{name}-{digest}.pt"


def _differences(stored: dict, wanted: dict) -> list[str]:
    """One line for each key that is not the same on both sides."""
    return [
        f"  {key}: the file has {_shown(stored, key)},"
        f" expected {_shown(wanted, key)}"
        for key in {**wanted, **stored}
        if _shown(stored, key) != _shown(wanted, key)
    ]


def _shown(settings: dict, key: str) -> str:
    return repr(settings[key]) if key in settings else "nothing"


def _source_digest() -> str:
    """One hash over every line of code in the package."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _to_json(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: dataclasses.asdict(value)}
    raise ValueError(
        f"a setting is {value!r} of type {type(value).__name__}; expected"
        " numbers, strings, None, lists, dicts or dataclasses"
    )
