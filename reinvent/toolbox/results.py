"""What a chapter measured, and what five seeds measured before it.

`make experiments` runs every chapter for seeds 0 to 4 and stores what the
chapters record. A live run is one seed: it is compared with the stored ones.
"""

import csv
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

FOLDERS = (
    Path(__file__).parent / "results",
    Path(__file__).parents[2] / "book" / "results",
)
"""Where stored results lie: in an installed package, and in a clone."""


def seed() -> int:
    """The seed of this run, from `REINVENT_SEED`, 0 if it is not set.

    Raises:
        ValueError: If the variable is not a whole number of at least 0.
    """
    given = os.environ.get("REINVENT_SEED", "0")
    if not given.isdecimal():
        raise ValueError(
            f"REINVENT_SEED is {given!r}, expected a whole number such as 0"
        )
    return int(given)


def fingerprint(settings: dict) -> str:
    """A short name for settings; it changes when one of them does."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Interval:
    """One quantity over the stored seeds.

    Attributes:
        low: The smallest value.
        mean: The mean.
        high: The largest value.
        seeds: How many runs there were.
    """

    low: float
    mean: float
    high: float
    seeds: int

    @property
    def span(self) -> tuple[float, float, float]:
        """Low, mean and high, as `plots.interval_dots` takes them."""
        return self.low, self.mean, self.high


class Results:
    """The numbers of one chapter: those of this run and those stored."""

    def __init__(self, chapter: str, settings: dict) -> None:
        """Opens the results of a chapter.

        Args:
            chapter: Stem of the notebook, such as `02_bahdanau`.
            settings: All that the numbers depend on, except the seed.
        """
        self.chapter = chapter
        self.settings = fingerprint(settings)
        self.live: dict[str, float] = {}
        self._write({"settings": self.settings})

    @property
    def experimenting(self) -> bool:
        """Whether `make experiments` runs this chapter now.

        Then the chapter also makes the runs that it has no minute for
        otherwise.
        """
        return "REINVENT_RECORDS" in os.environ

    def _write(self, line: dict) -> None:
        """Appends to the file of `make experiments`, if it is running."""
        if path := os.environ.get("REINVENT_RECORDS"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def record(self, name: str, value: float) -> float:
        """Keeps a number of this run under a name.

        Args:
            name: What was measured, with its unit if it has one.
            value: The number.

        Returns:
            The same number.

        Raises:
            ValueError: If the name was used before.
        """
        if name in self.live:
            raise ValueError(f"{name!r} was recorded before in this run")
        self.live[name] = float(value)
        self._write({"name": name, "value": float(value)})
        return value

    def stored(self) -> dict[str, Interval]:
        """The intervals over seeds that `make experiments` stored.

        Returns:
            One interval for each recorded name; empty if this chapter was
            never run by `make experiments`, is being run by it now, or was
            run with other settings, which is said.
        """
        if self.experimenting:
            return {}
        settings, intervals = stored_results(self.chapter)
        if settings not in (None, self.settings):
            print(
                "The stored results are of other settings, so they are not "
                "shown. `make experiments` makes new ones."
            )
            return {}
        return intervals


def stored_results(chapter: str) -> tuple[str | None, dict[str, Interval]]:
    """What `make experiments` stored of a chapter.

    Args:
        chapter: Stem of the notebook.

    Returns:
        The fingerprint of the settings and one interval for each name; None
        and nothing if the chapter was never run.
    """
    path = stored_file(chapter)
    if path is None:
        return None, {}
    values: dict[str, list[float]] = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            settings = row["settings"]
            values.setdefault(row["name"], []).append(float(row["value"]))
    return settings, {
        name: Interval(min(v), mean(v), max(v), len(v))
        for name, v in values.items()
    }


def stored_file(chapter: str) -> Path | None:
    """The stored table of a chapter, or None if there is none."""
    for folder in FOLDERS:
        if (path := folder / f"{chapter}.csv").exists():
            return path
    return None
