"""Execute the notebooks and save them with what they show.

    make chapters                   all: the chapters, then those in book/
    make chapters NAME=02_bahdanau  one

The saved file depends on the sources alone: no time stamps, no versions, no
metadata that a reader cannot see. A chapter that fails, or that writes to
stderr, is not saved.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "_build" / "cache"
MOST_BYTES = 1_000_000
KEPT = {"tags", "mystnb", "jupyter"}
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def notebooks(folder: str | None = None) -> list[Path]:
    """Return the notebooks of "chapters" or "book", or of both in turn."""
    folders = ("chapters", "book") if folder is None else (folder,)
    return [
        path
        for name in folders
        for path in sorted(ROOT.glob(f"{name}/*.ipynb"))
    ]


def chosen(names: list[str]) -> list[Path]:
    """Return the notebooks with these names, or all of them.

    Raises:
        SystemExit: There is none with one of the names.
    """
    there = {path.stem: path for path in notebooks()}
    for name in names:
        if name not in there:
            sys.exit(f"no notebook {name}; there are {', '.join(there)}")
    return [there[name] for name in names or there]


def execute(path: Path, say: Callable[[str], None]) -> nbformat.NotebookNode:
    """Run a notebook in a fresh kernel and return it with its outputs.

    Args:
        path: The notebook; the kernel starts in its folder.
        say: Called with a few words before each cell.

    Raises:
        CellExecutionError: A cell raised; the message shows where.
    """
    notebook = nbformat.read(path, as_version=4)
    count = len(notebook.cells)

    def start(cell: nbformat.NotebookNode, cell_index: int) -> None:
        say(f"{path.stem}: cell {cell_index + 1} of {count}")

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=start,
        extra_arguments=["--log-level=ERROR"],
    )
    client.execute(env={**os.environ, "PYTHONHASHSEED": "0"})
    return notebook


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Take away all that differs between two runs, or that nobody sees."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    for cell in notebook.cells:
        for key in set(cell.metadata) - KEPT:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs = merged(cell.outputs)


def merged(outputs: list) -> list:
    """Join what was printed in pieces: where it breaks is chance."""
    result = []
    for output in outputs:
        last = result[-1] if result else None
        if (
            last is not None
            and output.output_type == "stream"
            and last.output_type == "stream"
            and last.name == output.name
        ):
            last.text += output.text
        else:
            result.append(output)
    return result


def stderr(notebook: nbformat.NotebookNode) -> str:
    """Return what the notebook wrote to stderr, '' if nothing."""
    return "".join(
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    )


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook with what it shows."""
    replace(path, nbformat.writes(notebook, version=4) + "\n")


def replace(path: Path, text: str) -> None:
    """Write a file in one step: half of it is never there."""
    half = path.with_name(f"{path.name}.new")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def show(words: str) -> None:
    """Show words in a line that the next ones replace."""
    if sys.stdout.isatty():
        print(f"\r\033[K{words}", end="", flush=True)


def main() -> None:
    """Execute and save the notebooks that the command line names."""
    failed = []
    # What is saved is the run of seed 0, whatever the shell has set.
    os.environ.pop("REINVENT_SEED", None)
    os.environ.pop("REINVENT_RECORDS", None)
    # No model of an earlier run: what a chapter says it trains, it trains.
    for model in CACHE.glob("*.pt"):
        model.unlink()
    os.environ["REINVENT_CACHE"] = str(CACHE)
    for path in chosen(sys.argv[1:]):
        start = time.perf_counter()
        try:
            notebook = execute(path, show)
        except CellExecutionError as error:
            show("")
            print(f"{path.stem}: not saved, a cell failed:\n{error}")
            failed.append(path.stem)
            continue
        show("")
        if words := stderr(notebook):
            print(f"{path.stem}: not saved, it wrote to stderr:\n{words}")
            failed.append(path.stem)
            continue
        normalise(notebook)
        save(notebook, path)
        size = path.stat().st_size
        seconds = time.perf_counter() - start
        print(f"{path.stem}: {seconds:.0f} s, {size / 1000:.0f} kB")
        if size > MOST_BYTES:
            print(f"{path.stem}: larger than {MOST_BYTES / 1000:.0f} kB")
            failed.append(path.stem)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; the notebooks that are done are saved")
