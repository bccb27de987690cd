"""Measure what the translators of the book cost, one beside the other.

    python experiments/speed.py --output book/results/translators_speed.csv

Models of the chapters' sizes train and translate the same batch in turn,
round after round, so that all of them meet the machine in the same moods.
The shortest time of each is compared with RNNsearch. How many products have to
wait for one another in a training step is counted, for sentences of 12 and of
24 words. Quality is measured by the chapters themselves: `make experiments`.
"""

import argparse
import csv
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from reinvent import (
    bahdanau,
    conv_encoder,
    convs2s,
    gnmt,
    luong,
    seq2seq,
    transformer,
)
from reinvent.toolbox.counting import steps_in_a_row
from reinvent.toolbox.decoding import greedy
from reinvent.toolbox.losses import translation_loss
from reinvent.toolbox.translation import (
    Batch,
    TranslationBatches,
    TranslationTask,
    translation_task,
)

TRANSLATORS = {
    "00_before_attention": (seq2seq.EncoderDecoder, seq2seq.TINY, 1600),
    "02_bahdanau": (bahdanau.RNNsearch, bahdanau.TINY, 1000),
    "03_luong": (luong.LuongTranslator, luong.TINY, 2400),
    "05_gnmt": (gnmt.GNMT, gnmt.TINY, 800),
    "06_conv_encoder": (
        conv_encoder.ConvEncoderTranslator,
        conv_encoder.TINY,
        1400,
    ),
    "08_convs2s": (convs2s.ConvS2S, convs2s.TINY, 1000),
    "09_transformer": (transformer.Transformer, transformer.TINY, 1700),
}
"""Chapter to its translator, the sizes it trains there, and its steps."""

COLUMNS = (
    "chapter",
    "model",
    "parameters",
    "steps",
    "training step, ms",
    "training step, ratio",
    "translating, ms",
    "translating, ratio",
    "in a row, 12 words",
    "in a row, 24 words",
)
UNIT = "02_bahdanau"


def build(chapter: str, task: TranslationTask) -> nn.Module:
    """A new translator of a chapter."""
    model, config, _ = TRANSLATORS[chapter]
    return model(
        replace(
            config,
            source_vocab_size=len(task.source_words),
            target_vocab_size=len(task.target_words),
        )
    )


def fastest(
    works: dict[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """The shortest time of each, in seconds; every round does each once."""
    best = dict.fromkeys(works, math.inf)
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def train_step(model: nn.Module, batch: Batch) -> Callable[[], object]:
    """The loss of a batch and its gradient."""
    return lambda: translation_loss(model, batch).backward()


def translating(
    model: nn.Module, batch: Batch, length: int
) -> Callable[[], object]:
    """Greedy decoding of a batch; an untrained model rarely ends early."""
    return lambda: greedy(
        model, batch.source, bos_id=1, eos_id=2, max_length=length
    )


def in_a_row(model: nn.Module, batch: Batch) -> int:
    """The longest chain of products in the loss of a batch."""
    as_it_was = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # its LSTM hides the chain inside
    try:
        return steps_in_a_row(translation_loss(model, batch))
    finally:
        torch.backends.mkldnn.enabled = as_it_was


def rows(rounds: int) -> list[dict]:
    """One row of the table for each translator."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    task = translation_task()
    batches = {}
    for length, part in ((12, task.train), (24, task.long)):
        pairs = [pair for pair in part if len(pair.source) == length][:64]
        batches[length] = TranslationBatches(pairs, task, len(pairs), 0)(0)
    batch = batches[12]
    models = {chapter: build(chapter, task) for chapter in TRANSLATORS}
    trained = fastest(
        {name: train_step(its, batch) for name, its in models.items()}, rounds
    )
    written = fastest(
        {name: translating(its, batch, 14) for name, its in models.items()},
        rounds,
    )
    return [
        {
            "chapter": name,
            "model": type(model).__name__,
            "parameters": sum(p.numel() for p in model.parameters()),
            "steps": TRANSLATORS[name][2],
            "training step, ms": f"{1000 * trained[name]:.1f}",
            "training step, ratio": f"{trained[name] / trained[UNIT]:.2f}",
            "translating, ms": f"{1000 * written[name]:.1f}",
            "translating, ratio": f"{written[name] / written[UNIT]:.2f}",
            "in a row, 12 words": in_a_row(model, batches[12]),
            "in a row, 24 words": in_a_row(model, batches[24]),
        }
        for name, model in models.items()
    ]


def main() -> None:
    """Reads the command line, measures, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}, expected at least 1")
    table = rows(options.rounds)
    for row in table:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    if options.output:
        half = options.output.with_suffix(".new")
        with open(half, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
        os.replace(half, options.output)


if __name__ == "__main__":
    main()
