"""Bytes instead of letters: no text is unknown, and none loses anything.

Radford, Wu, Child, Luan, Amodei, Sutskever (2019), "Language Models are
Unsupervised Multitask Learners", a report of OpenAI, section 2.2,
https://openai.com/blog/better-language-models/. The paper says in words what
no merge may join; the regular expression that does it, and the table of the
bytes, are those of the authors' program, https://github.com/openai/gpt-2.

Differs: how the authors learned their merges is not published; here it is
done as in `reinvent.bpe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import regex

from reinvent.bpe import (  # §2.2: byte-pair encoding, now of bytes
    BPE,
    count_words,
    learn,
    merge,
)
from reinvent.toolbox.spelling import check_text

END_OF_TEXT = "<|endoftext|>"
"""The one piece that spells nothing: it stands between two documents."""

WORDS = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d"
    r"| ?\p{L}+"
    r"| ?\p{N}+"
    r"| ?[^\s\p{L}\p{N}]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
"""Finds the words of a text; `split_words` says which."""


def split_words(text: str) -> list[str]:
    r"""Cut a text into words; every character is in exactly one.

    No merge crosses their borders. Otherwise the vocabulary would fill up
    with "dog.", "dog!" and "dog?". The first part of `WORDS` that fits cuts
    the next word::

        's|'t|'re|...       the end of "it's" or "don't", in small letters
         ?\p{L}+            letters of any script, with a space before them
         ?\p{N}+            digits and other numbers, likewise
         ?[^\s\p{L}\p{N}]+  all else that can be seen, likewise
        \s+(?!\S)           whitespace without its last character, which may
                            belong to the next word; all of it at the end
        \s+                 what is left, as a line break before a word
    """
    return WORDS.findall(text)


def printable_bytes() -> tuple[str, ...]:
    """A character that can be printed for every byte; its place is the byte.

    The 188 bytes that are visible in Latin-1 stand for themselves, the
    others for the characters from U+0100 on, in order: a space is "Ġ".
    Files of merges hold no space and no line break inside a piece this way.
    """
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return tuple(
        chr(byte if byte in visible else next(others)) for byte in range(256)
    )


CHARACTERS = printable_bytes()
BYTES = {ord(character): byte for byte, character in enumerate(CHARACTERS)}


def to_characters(text: str) -> str:
    """Write a text as its bytes in UTF-8, one character for each.

    Raises:
        ValueError: It holds a lone surrogate, which is half a character.
    """
    try:
        return text.encode().decode("latin-1").translate(CHARACTERS)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{text[error.start]!r} is half a character (a surrogate without"
            " its other half), expected a text that UTF-8 can write"
        ) from None


def to_text(characters: str) -> str:
    """Read what `to_characters` wrote.

    Bytes that are no UTF-8, such as half a letter, become U+FFFD.
    """
    data = characters.translate(BYTES).encode("latin-1")
    return data.decode(errors="replace")


@dataclass(frozen=True, repr=False)
class ByteBPE(BPE):
    """BPE of bytes; a piece's place is its id.

    Every text can be encoded and comes back exactly. Every list of ids can
    be decoded, even where it stops in the middle of a letter.

    Args:
        pieces: Each once, spelled in `CHARACTERS`: all of these, what the
            merges write, and the specials.
        merges: Pairs of pieces, in the order in which they were learned.
        split: Cuts a text into words, and loses nothing.

    Attributes:
        needed: All bytes.

    Raises:
        ValueError: As in `BPE`, or a piece holds another character.
    """

    split: Callable[[str], list[str]] = split_words
    needed: ClassVar[tuple[str, ...]] = CHARACTERS

    def __post_init__(self) -> None:
        """Checks pieces and merges."""
        super().__post_init__()
        for piece in self.pieces:
            if not piece or not BYTES.keys() >= set(map(ord, piece)):
                raise ValueError(
                    f"the piece {piece!r} is not spelled in the {len(BYTES)}"
                    " characters for bytes"
                )

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        merges: int,
        *,
        split: Callable[[str], list[str]] = split_words,
        specials: tuple[str, ...] = (END_OF_TEXT,),
        least: int = 2,
    ) -> ByteBPE:
        """Learn merges from texts.

        The ids are those of the bytes, the visible ones first, then of the
        merges, then of the specials, as in what was published.

        Args:
            texts: Any number of texts; their order does not matter.
            merges: How many, at most.
            split: As above.
            specials: Pieces that no text writes.
            least: As in `learn`.

        Raises:
            ValueError: The texts are one string, or merges are less than 0.
        """
        words = {
            tuple(to_characters(word)): often
            for word, often in count_words(texts, split).items()
        }
        pairs = learn(words, merges, least=least, specials=specials)
        pieces = *sorted(CHARACTERS), *map("".join, pairs), *specials
        return cls(pieces, tuple(pairs), split)

    @cached_property
    def specials(self) -> tuple[str, ...]:
        """The pieces that are neither a byte nor written by a merge."""
        written = {*CHARACTERS, *map("".join, self.merges)}
        return tuple(piece for piece in self.pieces if piece not in written)

    def encode(self, text: str, *, specials: bool = False) -> list[int]:
        """Turn a text into ids; all as in `tokens`."""
        return [
            self.ids[piece] for piece in self.tokens(text, specials=specials)
        ]

    def tokens(self, text: str, *, specials: bool = False) -> list[str]:
        """Spell a text in pieces.

        Args:
            text: Any text; an empty one has no pieces.
            specials: Whether `<|endoftext|>` in the text is that special.
                Otherwise it is spelled like everything else.

        Raises:
            ValueError: It is not one text, or holds a lone surrogate.
        """
        check_text(text)
        if not specials or not self.specials:
            return super().tokens(text)
        longest_first = sorted(self.specials, key=len, reverse=True)
        names = "|".join(map(regex.escape, longest_first))
        pieces = []
        for i, part in enumerate(regex.split(f"({names})", text)):
            pieces += [part] if i % 2 else super().tokens(part)
        return pieces

    def spell(self, word: str) -> list[str]:
        """Merge the bytes of a word.

        Args:
            word: As `split` gives it.

        Raises:
            ValueError: It holds a lone surrogate.
        """
        return merge(to_characters(word), self.ranks)

    def join(self, tokens: Iterable[str]) -> str:
        """Write pieces as a text; `to_text` says what half a letter gives."""
        return to_text("".join(tokens))
