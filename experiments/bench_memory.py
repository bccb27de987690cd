"""The memory that a training step needs, of one model in a process of its own.

    python experiments/bench_memory.py BERT transformers

prints how many megabytes the process has needed at most for the model, its
optimizer and two steps, above what it needs for the same with a tiny model:
that is Python with all the libraries.
"""

import argparse
import re
import resource
import subprocess
import sys
from pathlib import Path

import torch
from bench_models import FULL, MODELS, QUICK, training_step

FAMILIES = ("BERT", "GPT-2", "GPT-2, loss in parts")


def highest() -> float:
    """The most memory that this process has had so far, in MB.

    Linux carries the highest mark of the process that started this one over
    into `ru_maxrss`, but not into what stands in /proc.
    """
    status = Path("/proc/self/status")
    text = status.read_text("utf-8") if status.exists() else ""
    if found := re.search(r"VmHWM:\s+(\d+) kB", text):
        return int(found[1]) * 1024 / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def needed(family: str, name: str) -> float:
    """What this process needs more for the full size than for a tiny one."""
    torch.set_num_threads(1)
    marks = []
    for size in QUICK, FULL:
        step = training_step(MODELS[family][name](size))
        step()
        step()
        marks.append(highest())
    return marks[1] - marks[0]


def measured(family: str, name: str) -> float:
    """The same of a new process, in MB."""
    command = [sys.executable, __file__, family, name]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    """Reads the command line and prints a number."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=MODELS)
    parser.add_argument("name")
    options = parser.parse_args()
    if options.name not in MODELS[options.family]:
        known = [*MODELS[options.family]]
        parser.error(f"no {options.name!r}, expected one of {known}")
    print(f"{needed(options.family, options.name):.1f}")


if __name__ == "__main__":
    main()
