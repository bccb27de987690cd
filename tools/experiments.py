"""Run the chapters for seeds 0 to 4 and store what they record.

    make experiments                   all chapters, an hour or two
    make experiments NAME=02_bahdanau  one

Each run is a fresh kernel with its own REINVENT_SEED; the notebook itself is
not saved. A run that is done stays done: after an interruption the command
goes on with the next one, until a chapter or the package changes.

    book/results/CHAPTER.csv    chapter, seed, settings, name, value
    book/results/CHAPTER.json   command, versions, seconds of each run
"""

import csv
import hashlib
import io
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError

from chapters import ROOT, chosen, execute, replace, show

SEEDS = range(5)
RUNS = ROOT / "_build" / "experiments"
RESULTS = ROOT / "book" / "results"
PACKAGES = ("reinvent-bert", "torch", "numpy")


def sources(path: Path) -> str:
    """Return a word that changes when the chapter or the package does."""
    notebook = nbformat.read(path, as_version=4)
    digest = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            digest.update(cell.source.encode() + b"\0")
    for file in sorted((ROOT / "reinvent").rglob("*.py")):
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def run(path: Path, seed: int) -> dict:
    """Execute a chapter with a seed, or return the run that is done.

    Returns:
        "settings", "values" (name to number) and "seconds".

    Raises:
        CellExecutionError: A cell failed, a claim for example.
    """
    stored = RUNS / f"{path.stem}-{seed}.json"
    state = sources(path)
    if stored.exists():
        done = json.loads(stored.read_text(encoding="utf-8"))
        if done["sources"] == state:
            return done
    RUNS.mkdir(parents=True, exist_ok=True)
    records = stored.with_suffix(".jsonl")
    records.write_text("", encoding="utf-8")
    os.environ["REINVENT_SEED"] = str(seed)
    os.environ["REINVENT_RECORDS"] = str(records)
    os.environ["REINVENT_CACHE"] = str(RUNS / f"cache-{seed}")
    start = time.perf_counter()
    execute(path, lambda words: show(f"seed {seed}, {words}"))
    show("")
    done = {"sources": state, "settings": "", "values": {}}
    for line in records.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "settings" in record:
            done["settings"] = record["settings"]
        else:
            done["values"][record["name"]] = record["value"]
    done["seconds"] = round(time.perf_counter() - start, 1)
    replace(stored, json.dumps(done, indent=1))
    records.unlink()
    return done


def store(chapter: str, runs: dict[int, dict]) -> None:
    """Write the table of a chapter, and beside it how it came about.

    Raises:
        ValueError: The runs are of different code, or recorded different
            names or settings.
    """
    first = runs[min(runs)]
    for seed, one in runs.items():
        if one["sources"] != first["sources"]:
            raise ValueError(
                f"seed {seed} ran with other code: the chapter or the package"
                " changed meanwhile; run it again"
            )
        if one["settings"] != first["settings"]:
            raise ValueError(f"seed {seed} ran with other settings")
        if one["values"].keys() != first["values"].keys():
            other = one["values"].keys() ^ first["values"].keys()
            raise ValueError(f"not every seed recorded {sorted(other)}")
    RESULTS.mkdir(exist_ok=True)
    table = RESULTS / f"{chapter}.csv"
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["chapter", "seed", "settings", "name", "value"])
    for seed, one in runs.items():
        for name, value in one["values"].items():
            rows.writerow([chapter, seed, one["settings"], name, value])
    replace(table, file.getvalue())
    told = {
        "command": f"make experiments NAME={chapter}",
        "settings": first["settings"],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "cores": os.cpu_count(),
        "seconds": {str(seed): one["seconds"] for seed, one in runs.items()},
    }
    text = json.dumps(told, indent=2) + "\n"
    replace(table.with_suffix(".json"), text)


def main() -> None:
    """Run what is missing, store the chapters that are complete."""
    failed = []
    for path in chosen(sys.argv[1:]):
        runs = {}
        for seed in SEEDS:
            try:
                runs[seed] = run(path, seed)
            except CellExecutionError as error:
                show("")
                print(f"{path.stem}, seed {seed}: a cell failed:\n{error}")
                failed.append(f"{path.stem} with seed {seed}")
                continue
            count = len(runs[seed]["values"])
            seconds = runs[seed]["seconds"]
            print(f"{path.stem}, seed {seed}: {count} values, {seconds} s")
        if len(runs) == len(SEEDS) and runs[0]["values"]:
            try:
                store(path.stem, runs)
            except ValueError as error:
                print(f"{path.stem}: not stored: {error}")
                failed.append(path.stem)
    if failed:
        sys.exit(f"failed: {'; '.join(failed)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; the runs that are done stay done")
