"""Measure the readers of Part III, one beside the other.

    python experiments/readers.py --output book/results/readers.csv --jobs 2

word2vec, ELMo, GPT, BERT, GPT-2 and RoBERTa read the same 12,000 documents of
the generated world and the same number of words, 48,000 documents; RoBERTa
also reads four times as many. All are asked the same questions and learn the
same tasks from the same few labels, on the same 500 test documents.

Each pair of a model and a seed is measured by itself, on one thread, and kept
in the cache: a command that was stopped goes on where it was. The table has a
row for each value, and is written when all that the command names is there.
Beside it stands how it came about; its seconds are those of the processor.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import mean

import torch
from readers_base import Reader, Settings
from readers_frozen import ELMo, SkipGram
from readers_tuned import BERT, GPT, GPT2, RoBERTa
from tables import write_table
from torch import Tensor

from reinvent.toolbox import document_tasks
from reinvent.toolbox.checkpoints import cache_path
from reinvent.toolbox.documents import TAILS, Corpus, generate_corpus
from reinvent.toolbox.probing import noun_guess, same_sense

READERS: dict[str, tuple[type[Reader], int]] = {
    "word2vec": (SkipGram, 1),
    "ELMo": (ELMo, 1),
    "GPT": (GPT, 1),
    "BERT": (BERT, 1),
    "GPT-2": (GPT2, 1),
    "RoBERTa": (RoBERTa, 1),
    "RoBERTa, read 4 times as much": (RoBERTa, 4),
}
"""Names to readers, and how many times the words of the others they read."""

QUICK = Settings(
    documents=60,
    test_size=30,
    steps=2,
    batch_size=5,
    warmup=1,
    copies=2,
    task_steps=2,
    task_batch_size=5,
    task_warmup=1,
    labels=(2, 6),
)
"""To see that everything runs."""

TASKS = ("sentiment", "early sense", "order")
SEEDS = range(5)
COLUMNS = ("model", "seed", "measure", "value")
PACKAGES = ("reinvent-bert", "torch", "numpy")

Values = dict[str, float]


def about_nouns(reader: Reader, corpus: Corpus) -> Values:
    """Senses of nouns that are there, and nouns that are hidden."""
    found = {}
    for where in ("early", "late"):
        uses = document_tasks.sense_probes(corpus.test, where)
        share = same_sense(reader.vectors(uses), uses)
        found[f"same sense, {where}"] = share
    for which in ("first", "last"):
        probes = document_tasks.cloze_probes(corpus.test, which)
        scores = reader.guesses(probes)
        if scores is not None:
            guess = noun_guess(scores, probes, corpus.words)
            found[f"perplexity, {which} noun"] = guess.perplexity
            found[f"topic, {which} noun"] = guess.topic
    return found


def asked_in_words(reader: Reader, corpus: Corpus) -> Values:
    """Shares of summaries that are told right, without a label."""
    found = {}
    for tail, words in TAILS.items():
        asked = document_tasks.prompts(corpus.test, tail)
        scores = reader.answers(asked)
        if scores is not None:
            told = scores[:, corpus.words.encode(words)].argmax(dim=-1)
            share = right([example.label for example in asked], told)
            found[f"asked in words, {tail}"] = share
    return found


def right(labels: list[int], told: Tensor) -> float:
    """Share of the labels that are told."""
    return (told == torch.tensor(labels)).double().mean().item()


def with_labels(reader: Reader, corpus: Corpus) -> Values:
    """Shares of right answers after learning a task from few labels."""
    found = {}
    for task in TASKS:
        tests = document_tasks.examples(corpus.test, task)
        for count in reader.settings.labels:
            shares = []
            for draw in range(reader.settings.draws):
                number = reader.settings.draws * reader.seed + draw
                few = document_tasks.few_labels(
                    corpus.train, task, count, number
                )
                shares.append(reader.learn(task, few, tests))
            found[f"{task}, {count} labels"] = mean(shares)
    return found


def measure(name: str, seed: int, settings: Settings) -> dict:
    """Trains a reader and asks it everything.

    Args:
        name: One of READERS.
        seed: Of its weights, batches, masks and labels.
        settings: How.

    Returns:
        "values" by their names, and "seconds" of the processor.
    """
    began = time.process_time()
    corpus = generate_corpus(settings.documents, settings.test_size)
    kind, times = READERS[name]
    reader = kind(corpus, settings, seed)
    count = sum(weight.numel() for weight in reader.model.parameters())
    values = {
        "parameters": count,
        "words read": reader.pretrain(corpus.train, times),
    }
    for part in (about_nouns, asked_in_words, with_labels):
        values |= part(reader, corpus)
    seconds = time.process_time() - began
    return {"values": values, "seconds": round(seconds, 1)}


def cache_file(name: str, seed: int, settings: Settings) -> Path:
    """Where a finished measurement is kept; other code has another file."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("readers*.py")):
        digest.update(file.read_bytes())
    code = digest.hexdigest()
    how = {"reader": name, "seed": seed, "code": code, **asdict(settings)}
    return cache_path("readers", **how).with_suffix(".json")


def measured(name: str, seed: int, settings: Settings) -> dict:
    """What `measure` gives, from the cache if it is there."""
    kept = cache_file(name, seed, settings)
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    found = measure(name, seed, settings)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, found)
    return found


def write_json(path: Path, content: dict) -> None:
    """Writes a file, whole or not at all."""
    half = path.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(half, path)


Run = tuple[str, int]
"""The name of a reader, and a seed."""


def all_measured(
    runs: list[Run], settings: Settings, jobs: int
) -> dict[Run, dict]:
    """What all runs give; those that are done are told at once."""
    work = partial(told, settings=settings)
    if jobs == 1:
        return {run: work(run) for run in runs}
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return dict(zip(runs, pool.map(work, runs), strict=True))


def told(run: Run, settings: Settings) -> dict:
    """`measured`, and a line that says so."""
    name, seed = run
    found = measured(name, seed, settings)
    print(f"{name}, seed {seed}: {found['seconds']} s", flush=True)
    return found


def store(path: Path, found: dict[Run, dict], settings: Settings) -> None:
    """Writes the table, and beside it how it came about."""
    story = {
        "command": shlex.join(["python", *sys.argv]),
        "settings": asdict(settings),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "cores": os.cpu_count(),
        "seconds": {
            f"{name}, seed {seed}": its["seconds"]
            for (name, seed), its in found.items()
        },
    }
    rows = [
        dict(zip(COLUMNS, (name, seed, what, value), strict=True))
        for (name, seed), its in found.items()
        for what, value in its["values"].items()
    ]
    write_json(path.with_suffix(".json"), story)
    write_table(path, COLUMNS, rows)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", choices=READERS, default=list(READERS))
    add("--seeds", nargs="+", type=int, default=list(SEEDS))
    add("--jobs", type=int, default=1, help="processes of one thread each")
    add("--quick", action="store_true", help="only to see that all runs")
    add("--output", type=Path, help="table to write")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}, expected at least 1")
    if options.output and not options.output.parent.is_dir():
        parser.error(f"there is no folder {options.output.parent}")
    return options


def main() -> None:
    """Measures what the command line says, and writes the table."""
    options = parse()
    settings = QUICK if options.quick else Settings()
    runs = [(name, seed) for seed in options.seeds for name in options.models]
    try:
        found = all_measured(runs, settings, options.jobs)
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on where it was")
    if options.output:
        in_order = {
            (name, seed): found[name, seed]
            for name in options.models
            for seed in options.seeds
        }
        store(options.output, in_order, settings)


if __name__ == "__main__":
    main()
