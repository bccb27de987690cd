"""Train end-to-end memory networks on the bAbI files, as for table 1.

    python experiments/babi_end_to_end.py --data tasks_1-20_v1-2/en

Settings have the names of the paper (Sukhbaatar and others, 2015): BoW or PE
(position encoding), LS (linear start), RN (random noise), LW (layer-wise
tying); a network for each task, or with "joint" one for all.

The recipe is that of the authors' program: SGD on the summed cost of 32
stories, the gradient of each matrix cut to a norm of 40, words weighed by
twice the paper's l_kj. Restarts are trained side by side; the one with the
lowest training error is tested, as in the paper. With `--output FILE` each
finished task is kept, and the same command goes on where it stopped.
book/results/babi_memn2n.csv was made by it. Seconds are of processor time; of
a network trained on 20 tasks each row has a twentieth.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from babi_files import read_task
from tables import read_table, write_table
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from reinvent.memn2n import ADJACENT, LAYER_WISE, MemN2N, MemN2NConfig
from reinvent.toolbox.progress import Progress
from reinvent.toolbox.story_batches import (
    StoryBatch,
    StoryBatches,
    encode_stories,
    story_words,
)

SETTINGS = ("PE", "PE LS", "PE LS RN", "PE LS RN joint")
SWITCHES = ("LS", "RN", "LW", "joint")
TASKS = range(1, 21)
COLUMNS = (
    *("setting", "hops", "task", "seed", "restarts", "kept"),
    *("train", "valid", "error", "paper", "steps", "seconds"),
)
PAPER = {
    ("PE", 3): 20.3,
    ("PE LS", 3): 16.3,
    ("PE LS RN", 3): 13.9,
    ("PE LS joint", 1): 25.8,
    ("PE LS joint", 2): 15.6,
    ("PE LS joint", 3): 13.3,
    ("PE LS RN joint", 3): 12.4,
    ("PE LS LW joint", 3): 15.2,
}
"""Table 1: mean error in per cent, by setting and hops."""
MEMORY_SIZE, BATCH_SIZE, LARGEST_NORM = 50, 32, 40.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Sizes of a training, those of the authors' program.

    Attributes:
        embedding_size: d.
        linear_epochs: Epochs without softmax, with linear start.
        epochs: Epochs with it.
        halve: Epochs after which the rate is halved.
    """

    embedding_size: int
    linear_epochs: int
    epochs: int
    halve: int


ONE_TASK = Recipe(embedding_size=20, linear_epochs=20, epochs=100, halve=25)
ALL_TASKS = Recipe(embedding_size=50, linear_epochs=30, epochs=60, halve=15)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One column of table 1, and how often it is tried.

    Attributes:
        name: Such as "PE LS RN".
        hops: K.
        seed: Gives the first weights, the order and what is held out.
        restarts: How many networks are trained.
    """

    name: str
    hops: int
    seed: int
    restarts: int

    def __post_init__(self) -> None:
        """Stops at a name that is none."""
        first, *others = self.name.split() or [""]
        if first not in ("BoW", "PE") or not set(others) <= set(SWITCHES):
            raise ValueError(
                f"setting {self.name!r}: expected BoW or PE, then any of "
                f"{', '.join(SWITCHES)}"
            )

    def has(self, switch: str) -> bool:
        """Whether the name has this part."""
        return switch in self.name.split()

    @property
    def recipe(self) -> Recipe:
        """The sizes for one task or for all."""
        return ALL_TASKS if self.has("joint") else ONE_TASK

    def config(self, vocab_size: int) -> MemN2NConfig:
        """The network of this setting."""
        return MemN2NConfig(
            vocab_size=vocab_size,
            embedding_size=self.recipe.embedding_size,
            hops=self.hops,
            memory_size=MEMORY_SIZE,
            tying=LAYER_WISE if self.has("LW") else ADJACENT,
            position_encoding=self.has("PE"),
            position_scale=2.0,
            noise=0.1 if self.has("RN") else 0.0,
        )


class Restarts:
    """Networks that differ in their first weights, trained side by side."""

    def __init__(self, config: MemN2NConfig, count: int, seed: int) -> None:
        """Draws `count` networks."""
        torch.manual_seed(seed)
        self.shape = MemN2N(config)
        self.weights, _ = stack_module_state(
            [MemN2N(config) for _ in range(count)]
        )

    def losses(self, story: StoryBatch) -> tuple[Tensor, Tensor]:
        """Loss and error of each network on each story, shape (R, B)."""

        def answer(weights: dict[str, Tensor]) -> Tensor:
            inputs = (story.memories, story.question)
            return functional_call(self.shape, weights, inputs).logits

        logits = vmap(answer, randomness="different")(self.weights)
        right = story.answer.expand(len(logits), -1)
        loss = F.cross_entropy(
            logits.flatten(0, 1), right.flatten(), reduction="none"
        )
        return loss.view_as(right), logits.argmax(dim=-1) != right

    def step(self, story: StoryBatch, rate: float) -> float:
        """One step of SGD on the summed cost; returns the mean loss."""
        losses, _ = self.losses(story)
        weights = list(self.weights.values())
        gradients = torch.autograd.grad(losses.sum(), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                norm = gradient.flatten(1).norm(dim=1)  # (R,)
                scale = (LARGEST_NORM / norm).clamp(max=1).nan_to_num(nan=1)
                weight -= rate * scale[:, None, None] * gradient
        return losses.mean().item()

    @torch.no_grad()
    def test(self, stories: StoryBatch, size: int = 100) -> Tensor:
        """Share of wrong answers and mean loss of each, shape (2, R)."""
        self.shape.eval()
        parts = [
            torch.stack([wrong.float(), losses])
            for start in range(0, len(stories.answer), size)
            for losses, wrong in [
                self.losses(take(stories, slice(start, start + size)))
            ]
        ]
        self.shape.train()
        return torch.cat(parts, dim=2).mean(dim=2)


@dataclass(frozen=True)
class Data:
    """Stories to learn from, to validate on, and to test each task with."""

    vocab_size: int
    learned: StoryBatch
    valid: StoryBatch
    tests: list[StoryBatch]


def take(stories: StoryBatch, chosen: slice | Tensor) -> StoryBatch:
    """Some stories, without the slots that all of them leave empty."""
    some = StoryBatch(*(part[chosen] for part in stories))
    most = (some.memories != 0).any(dim=2).sum(dim=1).max()
    return some._replace(memories=some.memories[:, :most])


def load(folder: Path, tasks: Sequence[int], seed: int) -> Data:
    """Reads tasks; one question in ten is kept for validation."""
    files = [
        [
            [
                replace(asked, statements=asked.statements[-MEMORY_SIZE:])
                for asked in part
            ]
            for part in read_task(folder, task)
        ]
        for task in tasks
    ]
    words = story_words(*(part for pair in files for part in pair))
    known = encode_stories(
        [asked for train, _ in files for asked in train], words
    )
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(known.answer), generator=draw)
    tenth = len(order) // 10
    return Data(
        len(words),
        take(known, order[tenth:]),
        take(known, order[:tenth]),
        [encode_stories(test, words) for _, test in files],
    )


def train(networks: Restarts, stories: StoryBatch, setting: Setting) -> int:
    """Trains in place and returns the number of steps."""
    recipe = setting.recipe
    batches = StoryBatches(stories, BATCH_SIZE, setting.seed)
    linear = recipe.linear_epochs if setting.has("LS") else 0
    total = (linear + recipe.epochs) * batches.per_epoch
    loss = 0.0
    with Progress(total) as line:
        for step in range(total):
            epoch = step // batches.per_epoch - linear
            networks.shape.linear = epoch < 0
            rate = 0.005 if setting.has("LS") else 0.01
            rate *= 0.5 ** (max(epoch, 0) // recipe.halve)
            loss = networks.step(take(batches(step), slice(None)), rate)
            line.update(step + 1, loss)
        line.finish(time.perf_counter() - line.begin, loss, False)
    return total


def run(folder: Path, tasks: Sequence[int], setting: Setting) -> list[dict]:
    """Trains on these tasks together; returns a row for each of them."""
    began = time.process_time()
    data = load(folder, tasks, setting.seed)
    networks = Restarts(
        setting.config(data.vocab_size), setting.restarts, setting.seed
    )
    steps = train(networks, data.learned, setting)
    error, loss = networks.test(data.learned).tolist()
    kept = min(range(setting.restarts), key=lambda r: (error[r], loss[r]))
    valid, *tests = (
        float(networks.test(stories)[0, kept])
        for stories in (data.valid, *data.tests)
    )
    seconds = (time.process_time() - began) / len(tasks)
    return [
        {
            **row_of(setting, task),
            "kept": kept,
            "train": f"{100 * error[kept]:.1f}",
            "valid": f"{100 * valid:.1f}",
            "error": f"{100 * wrong:.1f}",
            "steps": steps,
            "seconds": f"{seconds:.0f}",
        }
        for task, wrong in zip(tasks, tests, strict=True)
    ]


def row_of(setting: Setting, task: int | str) -> dict:
    """A row of the table, without its numbers."""
    return {
        "setting": setting.name,
        "hops": setting.hops,
        "task": task,
        "seed": setting.seed,
        "restarts": setting.restarts,
    }


def mean_row(rows: list[dict], setting: Setting) -> dict:
    """The last row of a setting: the mean over its 20 tasks."""
    errors = [float(row["error"]) for row in rows]
    return {
        **row_of(setting, "mean"),
        "error": f"{sum(errors) / len(errors):.1f}",
        "paper": PAPER.get((setting.name, setting.hops), ""),
        "seconds": sum(int(row["seconds"]) for row in rows),
    }


def split(rows: list[dict], setting: Setting) -> tuple[list[dict], list[dict]]:
    """The rows of tasks of this setting, and all rows of other settings.

    Raises:
        ValueError: If this setting has rows of another seed, or of another
            number of restarts.
    """
    mine, others = [], []
    for row in rows:
        wanted = {k: str(v) for k, v in row_of(setting, row["task"]).items()}
        if any(row[k] != wanted[k] for k in ("setting", "hops")):
            others.append(row)
            continue
        for name in ("seed", "restarts"):
            if row[name] != wanted[name]:
                raise ValueError(
                    f"the table has {setting.name} with {name} {row[name]}, "
                    f"expected {wanted[name]}; use another file"
                )
        if row["task"] != "mean":
            mine.append(row)
    return mine, others


def complete(
    folder: Path, setting: Setting, tasks: Sequence[int], output: Path | None
) -> None:
    """Makes the rows that are missing and keeps each when it is there."""
    mine, others = split(read_table(output, COLUMNS), setting)
    groups = [tasks] if setting.has("joint") else [[task] for task in tasks]
    for group in groups:
        if {str(row["task"]) for row in mine}.issuperset(map(str, group)):
            continue
        new = run(folder, group, setting)
        for row in new:
            print(f"{setting.name}, task {row['task']}: {row['error']} %")
        mine += new
        if output:
            write_table(output, COLUMNS, others + mine)
    if len(mine) == len(TASKS):
        mean = mean_row(mine, setting)
        print(f"{setting.name}, mean: {mean['error']} %")
        if output:
            write_table(output, COLUMNS, [*others, *mine, mean])


def main() -> None:
    """Reads the command line and trains what is not in the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--settings", nargs="+", default=SETTINGS)
    parser.add_argument("--tasks", type=int, nargs="+", default=[*TASKS])
    parser.add_argument("--hops", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--restarts", type=int, default=5, help="for each task alone"
    )
    parser.add_argument(
        "--joint-restarts", type=int, default=1, help="for all tasks"
    )
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    try:
        for name in given.settings:
            joint = "joint" in name.split()
            restarts = given.joint_restarts if joint else given.restarts
            setting = Setting(
                name=name, hops=given.hops, seed=given.seed, restarts=restarts
            )
            complete(given.data, setting, given.tasks, given.output)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on where it was")


if __name__ == "__main__":
    main()
