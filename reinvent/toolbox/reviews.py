"""SST-2: opinions on films, in sentences that people wrote."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

ARCHIVE = "SST-2.zip"
"""GLUE's file with all parts; `locate("sst-2")` gives its folder."""


class Review(NamedTuple):
    """A sentence of a film review; in the training set often a part of one.

    Attributes:
        text: Lower case, punctuation set apart.
        label: 1 if it speaks well of the film, else 0.
    """

    text: str
    label: int


def read_reviews(folder: Path, part: str) -> list[Review]:
    """Read a part of SST-2 (Socher et al., 2013), as GLUE gives it.

    Args:
        folder: Holds GLUE's archive, or its files such as `dev.tsv`.
        part: "train" (67,349) or "dev" (872, all whole sentences).

    Raises:
        FileNotFoundError: Neither is there.
        ValueError: The archive or a line of the file is damaged.
    """
    path, archive = folder / f"{part}.tsv", folder / ARCHIVE
    if path.is_file():
        return _reviews(path.read_bytes(), path)
    if not archive.is_file():
        raise FileNotFoundError(
            f"there is no {part}.tsv and no {ARCHIVE} in {folder}, expected"
            " the files of SST-2 as GLUE gives them"
        )
    try:
        with zipfile.ZipFile(archive) as files:
            content = files.read(f"SST-2/{part}.tsv")
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{archive} is damaged: {error}") from error
    return _reviews(content, archive / f"{part}.tsv")


def _reviews(content: bytes, path: Path) -> list[Review]:
    """Take the lines of a file apart."""
    text = io.StringIO(content.decode("utf-8"))
    lines = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    if (head := next(lines, None)) != ["sentence", "label"]:
        raise ValueError(
            f"{path} begins with {head}, expected ['sentence', 'label']"
        )
    found = []
    for number, line in enumerate(lines, 2):
        if len(line) != 2 or not line[0].strip() or line[1] not in ("0", "1"):
            raise ValueError(
                f"{path}, line {number} is {line}, expected a sentence and"
                " 0 or 1"
            )
        found.append(Review(line[0], int(line[1])))
    return found


def draw_reviews(
    reviews: Sequence[Review], count: int, others: int = 0, seed: int = 0
) -> tuple[list[Review], list[Review]]:
    """Draw reviews to learn from, and others to choose settings by.

    The same seed draws the same. The first ones are a smaller sample.

    Args:
        reviews: The training set.
        count: How many to learn from.
        others: How many others.
        seed: Gives the draw.

    Raises:
        ValueError: There are not so many.
    """
    if count + others > len(reviews):
        raise ValueError(
            f"{count} and {others} reviews, expected at most {len(reviews)}"
            " together"
        )
    drawn = Random(f"sst-2 {seed}").sample(reviews, count + others)
    return drawn[:count], drawn[count:]
