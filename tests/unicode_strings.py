"""Strings of every kind of character, on which two programs should agree.

The tables of the `tokenizers` library are those of Unicode 8, Python's are
younger. `FAIR` are the characters on which tables of any age agree: those
that Unicode 3.2 had, in the category they still have; letters, numbers and
symbols that came later, which no rule of a tokenizer asks for; and places
where no character has ever been.
"""

import unicodedata
from functools import cache
from random import Random
from unicodedata import category, decomposition, ucd_3_2_0

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
NEVER_USED = range(0x40000, 0xE0000)
SURROGATES = range(0xD800, 0xE000)
SPACES = "  \t\n\r\v\f\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\u200b"


def is_fair(code: int) -> bool:
    """Say whether tables of any age agree on a code point."""
    if code in NEVER_USED:
        return True
    now, before = category(chr(code)), ucd_3_2_0.category(chr(code))
    if now in ("Cn", "Cs"):
        return False
    if before == "Cn":
        return now[0] in "LNS" and not decomposition(chr(code))
    return now == before


@cache
def fair_characters() -> dict[str, list[str]]:
    """Return the fair characters by their category, such as "Lu"."""
    found: dict[str, list[str]] = {}
    for code in range(0x110000):
        if is_fair(code):
            found.setdefault(category(chr(code)), []).append(chr(code))
    return found


def generated_strings(count: int, pieces: list[str]) -> list[str]:
    """Write strings; the same each time.

    Args:
        count: How many.
        pieces: What to write words from, among other things.
    """
    rng = Random("unicode strings")
    fair = fair_characters()
    everything = [c for characters in fair.values() for c in characters]
    names = list(fair)
    latin = [chr(c) for c in range(0x20, 0x250) if is_fair(c)]
    marks = [c for c in fair["Mn"] if ord(c) < 0x370]
    chinese = [c for c in everything if "\u3000" <= c <= "\ufaff"]
    emoji = [c for c in fair["So"] if c > "\U0001f000"] + ["\u200d", "\ufe0f"]

    def word() -> str:
        return "".join(rng.choices(pieces, k=rng.randint(1, 4)))

    def some(characters: list[str], most: int = 12) -> str:
        return "".join(rng.choices(characters, k=rng.randint(1, most)))

    def accented() -> str:
        letters = some(latin)
        return "".join(c + some(marks, 2) * (c > "a") for c in letters)

    kinds = [
        word,
        lambda: word().title(),
        lambda: some(latin),
        accented,
        lambda: unicodedata.normalize("NFD", some(latin)),
        lambda: some(chinese),
        lambda: some(emoji, 5),
        lambda: some(everything),
        lambda: some(fair[rng.choice(names)], 5),
        lambda: some(fair["Cc"], 3),
        lambda: some(list(SPACES), 3),
        lambda: rng.choice(SPECIALS),
        lambda: "",
    ]
    # 100 characters is the longest word that BERT knows.
    strings = [
        text
        for size in range(90, 111)
        for letter in ("a", "é", "中", "e\u0301")
        for text in (letter * size, f"x {letter * size} x")
    ]
    strings += [word() * rng.randint(100, 1_000) for _ in range(count // 500)]
    while len(strings) < count:
        parts = [rng.choice(kinds)() for _ in range(rng.randint(0, 6))]
        strings.append(rng.choice(("", " ")).join(parts))
    return strings
