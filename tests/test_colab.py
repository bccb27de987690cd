"""A chapter as it runs on Colab: no clone, and only what Colab has."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = "00_before_attention"
# Of what Colab has, the part that a chapter may count on.
THERE = ["torch", "numpy", "matplotlib", "ipywidgets", "ipython", "ipykernel"]

pytestmark = pytest.mark.slow


def needed_by(names: list[str]) -> Iterator[metadata.Distribution]:
    """Yield these distributions and all that they need."""
    seen, ahead = set(), list(names)
    while ahead:
        name = canonicalize_name(ahead.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # Only needed on another system.
        yield distribution
        for line in distribution.requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                ahead.append(requirement.name)


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with PyTorch and without the book.

    Its packages are links to those of this environment: the same files,
    none copied, and nothing beside them.
    """
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder, with_pip=True, symlinks=True)
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = folder / "lib" / minor / "site-packages"
    for distribution in needed_by(THERE):
        for file in distribution.files or []:
            top = file.parts[0]
            if top in ("..", "__pycache__") or (packages / top).exists():
                continue
            (packages / top).symlink_to(distribution.locate_file(top))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as pip builds it from the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "-w", folder, ROOT],
        check=True,
    )
    (wheel,) = folder.glob("reinvent_bert-*.whl")
    return wheel


def test_the_environment_has_torch_and_not_the_book(colab: Path) -> None:
    script = (
        "from importlib.util import find_spec\n"
        "import torch, numpy, matplotlib, ipywidgets, IPython\n"
        "assert not find_spec('reinvent') and not find_spec('sphinx')\n"
    )
    run = [colab, "-I", "-c", script]
    subprocess.run(run, check=True, cwd=colab.parent)


def test_a_chapter_runs_without_the_repository(
    colab: Path,
    wheel: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = tmp_path / "kernels" / "colab"
    kernel.mkdir(parents=True)
    start = [str(colab), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": start, "display_name": "Colab", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("REINVENT_INSTALL", str(wheel))
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    path = ROOT / "chapters" / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    where = nbformat.v4.new_code_cell(
        "import reinvent\nprint(reinvent.__file__)"
    )
    notebook.cells.append(where)
    client = NotebookClient(
        notebook,
        timeout=900,
        kernel_name="colab",
        resources={"metadata": {"path": str(empty)}},
    )
    client.execute(env=dict(os.environ))
    assert str(colab.parents[1]) in where.outputs[0].text
    assert list(empty.glob("*.py")) == []
