"""`make book` and `make test` say in plain words what is missing."""

import ast
import errno
import importlib.util
import stat
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
Space = namedtuple("Space", "total used free")


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, looking at an empty repository of its own."""
    path = ROOT / "tools" / "setup.py"
    spec = importlib.util.spec_from_file_location("setup_tool", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    environment = tmp_path / ".venv"
    (environment / "bin").mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "VENV", str(environment))
    monkeypatch.setattr(module, "LOG", str(environment / "install.log"))
    monkeypatch.setattr(module, "STAMP", str(environment / "installed"))
    python = environment / "bin" / "python"
    monkeypatch.setattr(module, "PYTHON", str(python))
    monkeypatch.setattr(sys, "argv", ["setup.py"])
    return module


def pip_that_says(setup: ModuleType, words: str, status: int) -> None:
    """Put a Python in the environment whose pip ends with these words."""
    python = Path(setup.PYTHON)
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then exec {sys.executable} "$@"; fi\n'
        f"cat <<'END'\n{words}\nEND\nexit {status}\n"
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)


def said(setup: ModuleType) -> str:
    """Run the tool and return the words it ends with."""
    with pytest.raises(SystemExit) as stop:
        setup.main()
    return str(stop.value)


def test_an_old_python_is_named_with_what_is_needed(setup, monkeypatch):
    monkeypatch.setattr(setup, "OLDEST", (3, 98))
    monkeypatch.setattr(setup, "NEWEST", (3, 99))
    found = "Python {}.{}".format(*sys.version_info[:2])
    assert "Python 3.98 to 3.99 is needed" in said(setup)
    assert found in said(setup)


def test_a_full_disk_is_told_before_anything_is_installed(setup, monkeypatch):
    space = Space(100e9, 99e9, 1e9)
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: space)
    assert "needs about\n3 GB" in said(setup)
    assert "1.0 GB for" in said(setup)
    assert not Path(setup.LOG).exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken\n"
            "ERROR: Could not find a version (from versions: none)",
            "did not reach its package index",
        ),
        ("ERROR: something else", "ERROR: something else"),
    ],
)
def test_what_stopped_pip_is_told(setup, words: str, told: str) -> None:
    pip_that_says(setup, words, status=1)
    assert told in said(setup)
    assert not Path(setup.STAMP).exists()


def test_a_disk_that_fills_up_is_told(setup, monkeypatch) -> None:
    def install(python: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(setup, "install", install)
    assert "The disk is full" in said(setup)


def test_a_missing_browser_is_told_before_anything_is_installed(
    setup, monkeypatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["setup.py", "--tests"])
    monkeypatch.setenv("REINVENT_CHROMIUM", "/no/such/program")
    assert "apt install chromium" in said(setup)


def test_a_python_without_venv_is_told(setup, monkeypatch) -> None:
    broken = Path(setup.ROOT) / "python"
    broken.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then exec {sys.executable} "$@"; fi\n'
        "echo ensurepip is not available; exit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(setup, "find_python", lambda: str(broken))
    assert "-venv" in said(setup)
    assert not Path(setup.VENV).exists()


def test_a_second_run_installs_nothing(setup, capsys) -> None:
    pip_that_says(setup, "Successfully installed", status=0)
    setup.main()
    assert "Installed in" in capsys.readouterr().out
    setup.main()
    assert capsys.readouterr().out == ""


def test_a_change_of_the_pins_installs_again(setup, capsys) -> None:
    pip_that_says(setup, "Successfully installed", status=0)
    setup.main()
    (Path(setup.ROOT) / "requirements.txt").write_text("torch==9\n")
    capsys.readouterr()
    setup.main()
    assert "Installed in" in capsys.readouterr().out


def test_old_python_can_read_what_tells_that_it_is_old() -> None:
    for name in ("setup.py", "browser.py"):
        text = (ROOT / "tools" / name).read_text(encoding="utf-8")
        assert ast.parse(text, feature_version=(3, 6)).body
