"""Measure BERT, GPT-2 and the tokenizers of the book against libraries.

    python experiments/bench.py --output book/results/bench.csv

`make bench` does that, in about eight minutes; it needs a quiet machine. All
contestants do the same work in turn, round after round, in one process: with
one thread, and models with two as well. `bench_models.py`, `bench_writing.py`
and `bench_tokenizers.py` say what they do, `bench_rounds.py` what is made of
the times, and `bench_memory.py` measures memory.

WikiText-2 is read where it is: `wikitext-2/train.raw` in `--data`, in the
folder that REINVENT_DATA names or in the cache; else the manual of Python. d2l
takes part where it is installed: `pip install --no-deps d2l==1.0.3`, and
pandas, scipy and the torchvision that fits the torch.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from platform import python_version

import bench_memory
import bench_models
import bench_tokenizers
import bench_writing
import torch
from bench_rounds import OURS, Contest, rows, timed

COLUMNS = (
    "what",
    "against",
    "threads",
    "ratio",
    "low",
    "high",
    "aim",
    "rounds",
    "ours",
    "theirs",
    "unit",
    "note",
    "cores",
    "versions",
)
LIBRARIES = ("torch", "transformers", "tokenizers", "tiktoken")


def models(
    size: bench_models.Size, seconds: float, least: int
) -> Iterator[dict]:
    """The rows of the models, with one thread and with two."""
    torch.manual_seed(0)
    for contest in chain(
        bench_models.contests(size), bench_writing.contests(size)
    ):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times = timed(contest.works, seconds, least)
            yield from rows(contest, times, threads, "s")
    torch.set_num_threads(1)


def tokenizers(
    text: bench_tokenizers.Text, count: int, seconds: float, least: int
) -> Iterator[dict]:
    """The rows of the tokenizers, which have one thread."""
    for contest in bench_tokenizers.contests(text, count):
        times = timed(contest.works, seconds, least)
        yield from rows(contest, times, 1, "s")


def memory(rounds: int) -> Iterator[dict]:
    """The rows of the memory, each number from a process of its own."""
    names = (OURS, "transformers")
    for family in bench_memory.FAMILIES:
        needs = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                needs[name].append(bench_memory.measured(family, name))
        what = f"{family}: memory of a training step"
        contest = Contest(what, {}, aim={"transformers": 1.0})
        yield from rows(contest, needs, 1, "MB")


def versions() -> str:
    """What took part."""
    found = [f"{name} {version(name)}" for name in LIBRARIES]
    return ", ".join([f"Python {python_version()}", *found])


def write(path: Path, table: list[dict]) -> None:
    """Puts the table in its place when it is whole."""
    half = path.with_suffix(".new")
    with open(half, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    os.replace(half, path)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds",
        type=float,
        default=8.0,
        help="for each contest and number of threads; at least three rounds",
    )
    parser.add_argument("--data", type=Path, help="holds wikitext-2/train.raw")
    parser.add_argument("--output", type=Path, help="the table")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny sizes and no memory, to see that it runs",
    )
    options = parser.parse_args()
    if options.seconds < 0:
        parser.error(f"--seconds is {options.seconds}, expected at least 0")
    if options.output and not options.output.parent.is_dir():
        parser.error(f"there is no folder {options.output.parent}")
    return options


def measured(options: argparse.Namespace) -> Iterator[dict]:
    """All rows, one after the other."""
    text = bench_tokenizers.real_text(options.data)
    if options.quick:
        text = text._replace(lines=text.lines[:1000])
        yield from tokenizers(text, 400, seconds=0.0, least=2)
        yield from models(bench_models.QUICK, seconds=0.0, least=2)
        return
    yield from memory(2)
    yield from tokenizers(text, 8_000, options.seconds, least=3)
    yield from models(bench_models.FULL, options.seconds, least=3)


def main() -> None:
    """Measures, prints each row, and writes the table."""
    options = parse()
    # Both count before the library works for the first time.
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    of_all = {"cores": os.cpu_count(), "versions": versions()}
    table = []
    for row in measured(options):
        table.append(row | of_all)
        told = row.get("ratio") or row["note"]
        print(f"{row['what']}, {row['against']}: {told}", flush=True)
    if options.output:
        write(options.output, table)


if __name__ == "__main__":
    main()
