"""What the bAbI experiments share: finding the files, keeping the table."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from reinvent.toolbox.stories import Question, read_babi


def task_file(folder: Path, task: int, part: str) -> Path:
    """The file of a task.

    Raises:
        FileNotFoundError: If the folder does not hold exactly one.
    """
    found = list(folder.glob(f"qa{task}_*_{part}.txt"))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{len(found)} files qa{task}_*_{part}.txt in {folder}, expected 1"
        )
    return found[0]


def read_task(
    folder: Path, task: int
) -> tuple[list[Question], list[Question]]:
    """The questions of a task, to train on and to test with."""
    train, test = (
        read_babi(task_file(folder, task, part)) for part in ("train", "test")
    )
    return train, test


def write_table(path: Path, columns: Sequence[str], rows: list[dict]) -> None:
    """Writes a csv file, whole or not at all."""
    half = path.with_suffix(".new")
    with open(half, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    os.replace(half, path)
