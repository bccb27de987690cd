"""Real English that needs no download."""

from __future__ import annotations

import re
from pydoc_data.topics import topics

SENTENCE = re.compile(r"[A-Z][A-Za-z,;:()'-]*( [A-Za-z,;:()'-]+){2,}[.?!]")
"""Three words or more, without code or numbers among them."""


def python_manual() -> list[str]:
    """Return sentences of the reference manual that comes with Python.

    Quotation marks are taken out; headings, code and sentences with code in
    them are left out. Each sentence comes once, its words a space apart.

    Returns:
        Some 1,300 sentences of 16 words on average, in the order of the
        manual's topics; the exact number depends on the version of Python.
    """
    sentences: dict[str, None] = {}
    for topic in topics.values():
        for paragraph in re.split(r"\n\s*\n", topic):
            plain = " ".join(re.sub(r'["“”*`]', "", paragraph).split())
            parts = re.split(r"(?<=[.?!]) (?=[A-Z])", plain)
            sentences |= dict.fromkeys(filter(SENTENCE.fullmatch, parts))
    return list(sentences)
