"""Train memory networks on the official bAbI files and print the accuracy.

    python experiments/babi.py --data tasks_1-20_v1-2/en --tasks 1 2

The files are in tasks_1-20_v1-2.tar.gz of the bAbI project. Facts are used
as labels, as chapter 01 explains. `--output FILE` keeps the table, one row
for each task and seed; book/results/babi_memory_networks.csv was made by it.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from babi_files import read_task
from tables import write_table

from reinvent.memory_networks import MemoryNetwork, MemoryNetworkConfig
from reinvent.toolbox.fit import fit
from reinvent.toolbox.stories import Question
from reinvent.toolbox.story_batches import (
    StoryBatches,
    encode_stories,
    story_words,
)

COLUMNS = ("task", "hops", "seed", "steps", "accuracy", "facts", "seconds")


def hops_needed(questions: list[Question]) -> int:
    """How many facts every question of a task has.

    Raises:
        ValueError: If questions differ: then k cannot be fixed.
    """
    counts = {len(asked.facts) for asked in questions}
    if len(counts) != 1:
        raise ValueError(
            f"questions have {sorted(counts)} facts, expected the same number"
        )
    return counts.pop()


def run(folder: Path, task: int, seed: int, steps: int) -> dict:
    """Trains on a task and tests on it; returns a row of the table."""
    train, test = read_task(folder, task)
    words = story_words(train, test)
    hops = hops_needed(train)
    torch.manual_seed(seed)
    model = MemoryNetwork(
        MemoryNetworkConfig(
            vocab_size=len(words), embedding_size=32, hops=hops
        )
    )
    history = fit(
        model,
        lambda model, batch: model.loss(batch),
        StoryBatches(encode_stories(train, words), 32, seed),
        steps=steps,
        learning_rate=1e-2,
        schedule="linear",
        clip=None,
    )
    asked = encode_stories(test, words)
    with torch.no_grad():
        reply = model(asked.memories, asked.question)
    right = reply.scores.argmax(dim=1) == asked.answer
    facts = (reply.found == asked.facts).all(dim=1)
    return {
        "task": task,
        "hops": hops,
        "seed": seed,
        "steps": steps,
        "accuracy": f"{right.float().mean():.3f}",
        "facts": f"{facts.float().mean():.3f}",
        "seconds": f"{history.seconds:.0f}",
    }


def main() -> None:
    """Reads the command line, runs, writes the table when all is done."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4]
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    for task in options.tasks:
        for seed in options.seeds:
            start = time.perf_counter()
            try:
                row = run(options.data, task, seed, options.steps)
            except (FileNotFoundError, ValueError) as error:
                sys.exit(f"task {task}: {error}")
            rows.append(row)
            print(
                f"task {task}, seed {seed}: accuracy {row['accuracy']}, all "
                f"facts {row['facts']}, {time.perf_counter() - start:.0f} s"
            )
    if options.output:
        write_table(options.output, COLUMNS, rows)
        print(f"written to {options.output}")


if __name__ == "__main__":
    main()
