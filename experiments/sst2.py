"""Opinions on films from few labels: counted words against a real BERT.

    python experiments/sst2.py --output book/results/sst2.csv

SST-2 has sentences and parts of sentences from film reviews; each is good or
bad. Three methods learn from 100 to 3,000 of them, drawn by the seed, and are
tested on the 872 sentences of the official development set:

- "bag of words": how often each word comes, weighed by TF-IDF, and a logistic
  regression;
- "frozen": the sentence vectors of all-MiniLM-L6-v2 as they are, and the same
  regression;
- "fine-tuned": all weights of all-MiniLM-L6-v2 are trained further, with a
  new layer on the pooler.

SST-2 and the weights are read from the folders `sst-2` and `all-minilm-l6-v2`
in the folder that REINVENT_DATA names, else from the cache, into which they
are downloaded (7 and 91 MB); `--data` names another folder with SST-2.

`--choose` leaves the development set alone and tests on 1,000 other sentences
of the training set; the defaults were chosen on such sentences, with seed 0.
`--output FILE` keeps the shares of right answers in a table, a row for each
training; what stands there is not done again. Chapter 12 shows
book/results/sst2.csv.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from sst2_methods import MiniLM, Opinions, TfIdf, fine_tuned, on_features
from tables import read_table, write_table

from reinvent.toolbox.downloads import locate
from reinvent.toolbox.fit import NotFiniteLossError
from reinvent.toolbox.reviews import Review, draw_reviews, read_reviews

METHODS = ("bag of words", "frozen", "fine-tuned")
MOST = 3000
HELD_OUT = 1000
VERSIONS = f"Python {platform.python_version()}, torch {torch.__version__}"
COLUMNS = (
    *("chapter", "seed", "settings", "name", "value", "sentences"),
    *("seconds", "threads", "versions", "command"),
)
"""The first five as in the tables of the chapters. A value is the share of
right answers. Seconds, of a processor, are those of learning and of the test;
a frozen vector is computed once."""

Learn = Callable[[list[Review], int], Opinions]
"""Learns from sentences, with a seed."""


def methods(given: argparse.Namespace) -> dict[str, tuple[str, Learn]]:
    """Each method that was asked for, behind the option that sets it.

    Raises:
        OSError: If the weights are not here and could not be fetched.
        ValueError: If they are damaged.
    """

    def bag_of_words(few: list[Review], _: int) -> Opinions:
        words = TfIdf([review.text for review in few])
        return on_features(words, few, given.bag_c)

    made = {"bag of words": (f"--bag-c {given.bag_c:g}", bag_of_words)}
    if set(given.methods) - set(made):
        minilm = MiniLM(locate("all-minilm-l6-v2"))
        made["frozen"] = (
            f"--frozen-c {given.frozen_c:g}",
            lambda few, _: on_features(minilm.vectors, few, given.frozen_c),
        )
        made["fine-tuned"] = (
            f"--learning-rate {given.learning_rate:g}",
            lambda few, seed: fine_tuned(
                minilm, few, given.learning_rate, seed
            ),
        )
    return {name: made[name] for name in given.methods}


def measure(
    learn: Learn, few: list[Review], tests: list[Review], seed: int
) -> dict:
    """Learns and tests; returns cells of the table."""
    start = time.process_time()
    opinions = learn(few, seed)([review.text for review in tests])
    truth = torch.tensor([review.label for review in tests])
    share = (opinions == truth).double().mean().item()
    return {
        "value": f"{share:.4f}",
        "sentences": len(tests),
        "seconds": f"{time.process_time() - start:.0f}",
        "threads": torch.get_num_threads(),
        "versions": VERSIONS,
    }


def keep(path: Path, row: dict) -> None:
    """Writes a row into the table, in the place of an older one."""
    rows = [
        old
        for old in read_table(path, COLUMNS)
        if (old["name"], old["seed"]) != (row["name"], row["seed"])
    ]
    write_table(path, COLUMNS, [*rows, row])


def run(given: argparse.Namespace) -> None:
    """Does each experiment that the table does not hold yet.

    Raises:
        OSError: If data are not here and could not be fetched.
        ValueError: If a file is damaged or another one.
    """
    done = [
        (row["name"], row["seed"], row["settings"])
        for row in read_table(given.output, COLUMNS)
    ]
    folder = given.data or locate("sst-2")
    train, dev = (read_reviews(folder, part) for part in ("train", "dev"))
    ways = methods(given)
    for seed in given.seeds:
        few, others = draw_reviews(train, MOST, HELD_OUT, seed)
        for method, (setting, learn) in ways.items():
            for count in given.labels:
                name = f"{method}, {count} labels"
                row = {"chapter": "sst2", "seed": str(seed), "name": name}
                row["settings"] = setting
                if (name, str(seed), setting) in done:
                    continue
                tests = others if given.choose else dev
                row |= measure(learn, few[:count], tests, seed)
                print(
                    f"{name}, {setting}, seed {seed}: {row['value']} of "
                    f"{len(tests)} right, {row['seconds']} s",
                    flush=True,
                )
                row["command"] = (
                    f"python experiments/sst2.py --methods '{method}' "
                    f"--labels {count} --seeds {seed} {setting}"
                )
                if given.output:
                    keep(given.output, row)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--methods", nargs="+", choices=METHODS, default=METHODS)
    numbers = {"nargs": "+", "type": int}
    add("--labels", **numbers, default=(100, 300, 1000, MOST))
    add("--seeds", **numbers, default=range(5))
    add("--bag-c", type=float, default=10, help="of the bag of words")
    add("--frozen-c", type=float, default=3, help="of the frozen vectors")
    add("--learning-rate", type=float, default=1e-4)
    add("--data", type=Path, help="folder with train.tsv and dev.tsv")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--choose", action="store_true", help="no dev set")
    kept.add_argument("--output", type=Path, help="table of the results")
    return parser.parse_args()


def main() -> None:
    """Does what the command line says."""
    given = parse()
    try:
        if wrong := [n for n in given.labels if not 2 <= n <= MOST]:
            raise ValueError(f"--labels {wrong[0]}, expected 2 to {MOST}")
        if given.output and not given.output.parent.is_dir():
            raise FileNotFoundError(
                f"there is no folder {given.output.parent}"
            )
        run(given)
    except (OSError, ValueError, NotFiniteLossError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on where it was")


if __name__ == "__main__":
    main()
