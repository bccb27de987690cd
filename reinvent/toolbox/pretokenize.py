"""Text to words, as BERT's published vocabularies expect it.

BERT came with this code, and no paper describes it: control characters go,
each Chinese character is a word, letters lose case and accents, each
punctuation mark is a word. The rules are those of the `tokenizers` library,
which `transformers` uses. Google's program, and `transformers` before it used
the library, differ in little: they write the sigma at the end of a Greek word
as a final sigma, count 256 more characters as Chinese, and treat unassigned
or private characters in their own ways.

The category of a character is what Python's `unicodedata` says. The library
has the tables of Unicode 8; younger accents and punctuation marks differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Categories that are taken out: control, format, private, surrogate."""

CHINESE = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B920, 0x2CEAF),  # 0x2B820 in Google's program
    (0x2F800, 0x2FA1F),
)
"""Code points that stand alone, both ends included."""


def pretokenize(text: str, *, lowercase: bool = True) -> list[str]:
    """Cut a text into words and punctuation marks.

    Args:
        text: Any text.
        lowercase: Take case and accents away; False for a cased vocabulary.

    Returns:
        Words without whitespace in them; none for a blank text.
    """
    text = text.translate(_CLEAN)
    if lowercase:
        text = unicodedata.normalize("NFD", text).translate(_BARE)
        # Letter by letter: Python alone would write a final sigma.
        text = text.replace("Σ", "σ").lower()
    return text.translate(_APART).split()


def clean(letter: str) -> str:
    """Turn whitespace into a space and control characters into nothing.

    Args:
        letter: One character.

    Returns:
        The character, with a space on both sides if it is Chinese; a space;
        or nothing.
    """
    if letter in "\t\n\r":
        return " "
    if unicodedata.category(letter) in HIDDEN or letter in "\0\ufffd":
        return ""
    if letter.isspace():
        return " "
    if any(low <= ord(letter) <= high for low, high in CHINESE):
        return f" {letter} "
    return letter


def bare(letter: str) -> str:
    """Take away an accent, once NFD has split it from its letter."""
    return "" if unicodedata.category(letter) == "Mn" else letter


def apart(letter: str) -> str:
    """Put spaces around a punctuation mark; ASCII symbols count as such."""
    symbol = letter.isascii() and letter.isprintable() and letter != " "
    symbol = symbol and not letter.isalnum()
    if symbol or unicodedata.category(letter).startswith("P"):
        return f" {letter} "
    return letter


class _Table(dict):
    """A rule for letters as a table that `str.translate` fills."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        super().__init__()
        self.rule = rule

    def __missing__(self, code: int) -> str:
        self[code] = self.rule(chr(code))
        return self[code]


_CLEAN, _BARE, _APART = _Table(clean), _Table(bare), _Table(apart)
