"""Words are spelled from pieces, so that no word is unknown.

Schuster, Nakajima (2012), "Japanese and Korean Voice Search",
https://doi.org/10.1109/ICASSP.2012.6289079, learned the pieces. Wu et al.
(2016), "Google's Neural Machine Translation System", section 4.1,
https://arxiv.org/abs/1609.08144v2, mark the start of a word and translate
with them. BERT marks the pieces that continue a word instead.

Differs: a new piece raises "the language-model likelihood of the training
data" most; the papers do not say of which language model. Here each piece
has its share of the text, whatever stands before it. Google's program for
learning pieces was not published.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from math import log
from pathlib import Path

from reinvent.toolbox.pretokenize import pretokenize
from reinvent.toolbox.spelling import (
    CountedSpelling,
    Pair,
    check_text,
    look_up,
)

Score = Callable[[int, int, int, int], float]

MARK = "▁"
"""What GNMT writes at the start of a word: U+2581, not an underscore."""


def marked_words(text: str) -> list[str]:
    """Cut a text at whitespace.

    The mark itself, should a text hold it, becomes U+FFFD, the sign for a
    character that cannot be shown: no text can fake the start of a word.
    """
    return text.replace(MARK, "\ufffd").split()


@dataclass(frozen=True, kw_only=True)
class Form:
    """How words and their pieces are written.

    Attributes:
        split: Cuts a text into words.
        start: Stands in front of each word, and is spelled with it.
        inside: Stands in front of each piece but the first of a word.
        specials: Pieces that spell no word. Training gives them the first
            ids; a vocabulary from a file may lack all but `unknown`.
        unknown: The special for what the pieces cannot spell.
        whole: What is unknown is the word; otherwise the character.
        longest: A word of more characters is unknown; None for no limit.
        reads_specials: A special that stands in a text is that special;
            otherwise it is spelled like any text.
    """

    split: Callable[[str], list[str]]
    start: str
    inside: str
    specials: tuple[str, ...]
    unknown: str
    whole: bool
    longest: int | None
    reads_specials: bool

    def characters(self, word: str) -> list[str]:
        """Spell a word in the smallest pieces there are."""
        first, *others = word
        return [*self.start, first, *(self.inside + c for c in others)]

    def join(self, left: str, right: str) -> str:
        """Write two pieces of a word, side by side, as one."""
        return left + right.removeprefix(self.inside)


GNMT = Form(
    split=marked_words,
    start=MARK,
    inside="",
    specials=("<pad>", "<s>", "</s>", "<unk>"),
    unknown="<unk>",
    whole=False,
    longest=None,
    reads_specials=False,
)
"""Section 4.1: marked starts. Words come back from the pieces exactly."""

BERT = Form(
    split=pretokenize,
    start="",
    inside="##",
    specials=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    unknown="[UNK]",
    whole=True,
    longest=100,
    reads_specials=True,
)
"""As BERT was published, uncased. The rules are those of the `tokenizers`
library. Google's own program spells "[MASK]" in a text like any text, and
words of up to 200 characters."""


def gain(pair: int, left: int, right: int, total: int) -> float:
    """By how much one more piece raises the log likelihood of the text.

    At each place of the pair, log p(left right) stands for log p(left) +
    log p(right), where p is a share of all pieces: their counts before.

    Args:
        pair: How often the two pieces stand side by side.
        left: How often the left one comes.
        right: How often the right one comes.
        total: Pieces in the text.

    Returns:
        The gain in nats.
    """
    return pair * log(pair * total / (left * right))


def ratio(pair: int, left: int, right: int, total: int) -> float:
    """The score of many textbooks, which forgets how often a pair comes.

    It ranks by the gain at one place. Two characters that come once in the
    text, side by side, beat everything; `least` of `learn` holds them off.
    The arguments are those of `gain`; `total` is not used.
    """
    return pair / (left * right)


def learn(
    words: Mapping[tuple[str, ...], int],
    size: int,
    *,
    form: Form = GNMT,
    score: Score = gain,
    least: int = 2,
) -> list[str]:
    """Merge the pair with the best score, again and again.

    The queue holds a score for each pair that is never too low. A merge
    changes some counts, and the pairs with them are queued anew. It lowers
    the total and thereby all scores: that is noticed when a pair comes to
    the front, and the pair goes back. So no merge looks at all pairs.

    Args:
        words: How often each word comes, spelled in its characters.
        size: Pieces to have, with specials and characters.
        form: How two pieces are written as one.
        score: `gain` or `ratio`, or another that does not rise while only
            the total falls. Equal scores go by alphabet.
        least: A pair that comes less often is not merged.

    Returns:
        The specials, the characters by alphabet, the merged pieces as they
        were found. Fewer than `size` if no pair has a score above 0.
    """
    spelling = CountedSpelling(words)
    known = spelling.pieces

    def entry(pair: Pair) -> tuple[float, Pair]:
        left, right = pair
        counts = spelling.pairs[pair], known[left], known[right]
        return -score(*counts, spelling.total), pair

    pieces = dict.fromkeys((*form.specials, *sorted(known)))
    queue = [entry(p) for p, often in spelling.pairs.items() if often >= least]
    heapify(queue)
    while len(pieces) < size and queue and queue[0][0] < 0:
        stored, pair = heappop(queue)
        if spelling.pairs[pair] < least:
            continue
        now, _ = entry(pair)
        if now > stored:
            heappush(queue, (now, pair))
        elif now == stored:
            piece = form.join(*pair)
            pieces[piece] = None
            for near in spelling.merge(pair, piece):
                if spelling.pairs[near] >= least:
                    heappush(queue, entry(near))
    return list(pieces)


@dataclass(frozen=True)
class WordPieces:
    """A vocabulary of pieces; a piece's place in it is its id.

    Args:
        pieces: Each once.
        form: How they are written.

    Raises:
        ValueError: There is no piece, one comes twice or is empty, or the
            one for unknown words is missing.
    """

    pieces: tuple[str, ...]
    form: Form = GNMT

    def __post_init__(self) -> None:
        """Checks the pieces."""
        if not self.pieces:
            raise ValueError("no pieces: expected at least one")
        if "" in self.ids:
            raise ValueError(f"piece {self.ids['']} is empty")
        if len(self.ids) < len(self.pieces):
            counts = Counter(self.pieces)
            twice = [piece for piece in self.ids if counts[piece] > 1]
            raise ValueError(f"expected each piece once, got twice: {twice}")
        if self.form.unknown not in self.ids:
            raise ValueError(
                f"no {self.form.unknown} among {len(self)} pieces: expected"
                " one for what cannot be spelled"
            )

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        size: int,
        *,
        form: Form = GNMT,
        score: Score = gain,
        least: int = 2,
        characters: int = 500,
    ) -> WordPieces:
        """Learn pieces from texts.

        Args:
            texts: Any number of texts; their order does not matter.
            size: As in `learn`.
            form: How pieces are written.
            score: As in `learn`.
            least: As in `learn`.
            characters: As many of the most frequent ones are kept, about
                500 in the paper for Western languages. The others are
                unknown, and words with them teach nothing.

        Raises:
            ValueError: The texts are one string or hold no word, or `size`
                has no room for the characters.
        """
        if isinstance(texts, str):
            raise ValueError(f"expected many texts, got one: {texts[:40]!r}")
        words = Counter(word for text in texts for word in form.split(text))
        often = Counter("".join(words.elements()))
        ranked = sorted(often, key=lambda c: (-often[c], c))
        kept = frozenset(ranked[:characters])
        spelled = {
            tuple(form.characters(word)): times
            for word, times in words.items()
            if kept.issuperset(word)
        }
        if not spelled:
            raise ValueError(f"nothing to learn from {len(words)} words")
        needed = len(form.specials) + len(set().union(*spelled))
        if size < needed:
            raise ValueError(
                f"size {size} is too small, expected at least {needed}:"
                " the specials and the characters"
            )
        learned = learn(spelled, size, form=form, score=score, least=least)
        return cls(tuple(learned), form)

    @classmethod
    def from_file(cls, path: str | Path, form: Form = BERT) -> WordPieces:
        """Read a published vocabulary: a piece on each line, from id 0.

        Raises:
            ValueError: There is no such file, it is not UTF-8, or its lines
                are no vocabulary.
        """
        try:
            text = Path(path).read_bytes().decode("utf-8")
            lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
            return cls(tuple(lines) if text else (), form)
        except OSError as error:
            raise ValueError(f"no vocabulary: {error}") from None
        except ValueError as error:
            raise ValueError(f"{path} is no vocabulary: {error}") from None

    def __repr__(self) -> str:
        """Says how many there are: a notebook shows no list of 30,000."""
        return f"<{len(self)} wordpieces>"

    def __len__(self) -> int:
        """Counts the pieces."""
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Turn a text into ids; for BERT, without [CLS] and [SEP].

        Raises:
            ValueError: It is not one text.
        """
        return [self.ids[piece] for piece in self.tokens(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into a text; every piece is written, specials too.

        In GNMT's form, `decode(encode(text))` is the text with one space
        between its words, if no character is unknown. In BERT's form case,
        accents and the spaces around punctuation are lost.

        Args:
            ids: Numbers or a tensor of shape (T,).

        Raises:
            ValueError: An id is negative or not smaller than `len(self)`.
        """
        return self.join(look_up(ids, self.pieces))

    def tokens(self, text: str) -> list[str]:
        """Spell a text in pieces; a blank text has none.

        Raises:
            ValueError: It is not one text.
        """
        check_text(text)
        spelled = []
        for i, part in enumerate(self._special.split(text)):
            if i % 2:
                spelled.append(part)
            else:
                for word in self.form.split(part):
                    spelled += self.spell(word)
        return spelled

    def spell(self, word: str) -> list[str]:
        """Take the longest piece that fits, then the next, to the end.

        Args:
            word: As `form.split` gives it.

        Returns:
            Pieces. What has none, a character or the word, is unknown.
        """
        form, spelled, begin = self.form, [], 0
        if form.longest is not None and len(word) > form.longest:
            return [form.unknown]
        word = form.start + word
        while begin < len(word):
            mark = form.inside if begin else ""
            end = min(len(word), begin + self._longest)
            while end > begin and mark + word[begin:end] not in self._spells:
                end -= 1
            if end > begin:
                spelled.append(mark + word[begin:end])
            elif form.whole:
                return [form.unknown]
            else:
                spelled.append(form.unknown)
            begin = max(end, begin + 1)
        return spelled

    def join(self, tokens: Iterable[str]) -> str:
        """Write pieces as a text."""
        if self.form.start:
            text = "".join(tokens).replace(self.form.start, " ")
            return text.removeprefix(" ")
        return " ".join(tokens).replace(" " + self.form.inside, "")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each piece."""
        return {piece: i for i, piece in enumerate(self.pieces)}

    @cached_property
    def _spells(self) -> frozenset[str]:
        """The pieces that words are made of."""
        return frozenset(self.pieces).difference(self.form.specials)

    @cached_property
    def _longest(self) -> int:
        """The length of the longest of them."""
        return max(map(len, self._spells), default=0)

    @cached_property
    def _special(self) -> re.Pattern[str]:
        """Finds the specials that a text may name."""
        names = self.form.specials if self.form.reads_specials else ()
        known = [re.escape(name) for name in names if name in self.ids]
        return re.compile(f"({'|'.join(known) or '(?!)'})")
