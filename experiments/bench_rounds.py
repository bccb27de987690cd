"""Contests: all do their work in turn, round after round.

Other programs make a machine faster or slower from one second to the next.
Within a round they meet all contestants alike, so a ratio is taken of each
round, and of the ratios the median.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median, quantiles
from typing import NamedTuple

OURS = "ours"

Works = dict[str, Callable[[], object]]


class Contest(NamedTuple):
    """What is measured, and who does it.

    Attributes:
        what: As the table names it.
        works: What each does in a round, `OURS` among them.
        aim: The ratio to reach, against those that have one.
        missing: Who cannot take part, and why.
        note: What was read.
    """

    what: str
    works: Works
    aim: Mapping[str, float] = {}
    missing: Mapping[str, str] = {}
    note: str = ""


def timed(works: Works, seconds: float, least: int) -> dict[str, list[float]]:
    """The times of each, in seconds; every other round goes backwards.

    A first round is not counted: it finds caches cold.

    Args:
        works: What each does.
        seconds: After these no new round begins.
        least: Rounds to make in any case.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    names, end = [*works], math.inf
    for number in range(10**6):
        if number == 1:
            end = time.perf_counter() + seconds
        if number > least and time.perf_counter() > end:
            break
        for name in names:
            start = time.perf_counter()
            works[name]()
            if number:
                times[name].append(time.perf_counter() - start)
        names.reverse()
    return times


def rows(
    contest: Contest, costs: dict[str, list[float]], threads: int, unit: str
) -> Iterator[dict[str, object]]:
    """A row of the table for each but ourselves.

    A ratio above 1 means that ours cost less. Half of the rounds lie between
    `low` and `high`.

    Args:
        contest: What was measured.
        costs: What each round cost each.
        threads: How many there were.
        unit: Of the costs.
    """
    for name, theirs in costs.items():
        if name == OURS:
            continue
        pairs = zip(theirs, costs[OURS], strict=True)
        ratios = [their / our for their, our in pairs]
        low, middle, high = quantiles(ratios, n=4, method="inclusive")
        yield {
            "what": contest.what,
            "against": name,
            "threads": threads,
            "ratio": f"{middle:.3f}",
            "low": f"{low:.3f}",
            "high": f"{high:.3f}",
            "aim": contest.aim.get(name, ""),
            "rounds": len(ratios),
            "ours": f"{median(costs[OURS]):.4g}",
            "theirs": f"{median(theirs):.4g}",
            "unit": unit,
            "note": contest.note,
        }
    for name, reason in contest.missing.items():
        yield {
            "what": contest.what,
            "against": name,
            "threads": threads,
            "note": reason,
        }
