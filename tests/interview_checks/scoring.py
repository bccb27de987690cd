"""Scores of tasks, and how far chance moves them."""

import math
import re
import string
from collections import Counter

import torch


def matthews(tp: int, fp: int, fn: int, tn: int) -> float:
    """Return the correlation of two classes; 0 if one is never told."""
    under = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / under if under else 0.0


def correlation_of_classes() -> list[str]:
    assert matthews(70, 30, 0, 0) == 0
    one = matthews(65, 20, 5, 10)
    f1 = 2 * 70 / (2 * 70 + 30)
    assert (65 + 10) / 100 == 0.75
    return [
        "accuracy .70",
        f"F1 {f1:.2f}".replace("0.", "."),
        "accuracy is .75",
        f"correlation {one:.2f}".replace("0.", "."),
    ]


def words(text: str) -> Counter[str]:
    """Count the words that SQuAD compares."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return Counter(re.sub(r"\b(a|an|the)\b", " ", text).split())


def overlap() -> list[str]:
    told, gold = words("the Denver Broncos team"), words("Denver Broncos.")
    common = (told & gold).total()
    precision, recall = common / told.total(), common / gold.total()
    f1 = 2 * precision * recall / (precision + recall)
    assert told != gold and (precision, recall) == (2 / 3, 1)
    assert words("The Broncos!") == words("broncos")
    return [f"F1 is {f1:.1f}", "precision 2/3 and recall 1"]


def best_of_five() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(200_000, 20, generator=generator)
    five = draws[:, :5].max(dim=1).values.mean().item()
    twenty = draws.max(dim=1).values.mean().item()
    return [f"{five:.1f} deviations", f"{twenty:.1f} with twenty"]


def small_test_set() -> list[str]:
    n, share = 277, 0.66
    error = math.sqrt(share * (1 - share) / n)
    return [f"{100 * error:.1f} points", f"{1.96 * 100 * error:.1f} points"]
