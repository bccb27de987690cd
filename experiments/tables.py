"""The tables that experiments keep: csv files, read and written whole."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path


def read_table(path: Path | None, columns: Sequence[str]) -> list[dict]:
    """The rows that an earlier command kept; none if there is no file.

    Raises:
        ValueError: If the file is another table.
    """
    if path is None or not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if tuple(table.fieldnames or ()) != tuple(columns):
            raise ValueError(
                f"{path} has the columns {table.fieldnames}, expected "
                f"{list(columns)}"
            )
        return list(table)


def write_table(path: Path, columns: Sequence[str], rows: list[dict]) -> None:
    """Writes a csv file, whole or not at all."""
    half = path.with_suffix(".new")
    with open(half, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    os.replace(half, path)
