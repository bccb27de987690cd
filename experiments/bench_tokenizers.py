"""Tokenizers: learning pieces and writing ids, by this book and by libraries.

The libraries are `tokenizers`, which is written in Rust, and for the bytes
`tiktoken`, which learns nothing.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import tiktoken
from bench_rounds import OURS, Contest
from tokenizers import Tokenizer, models, normalizers, trainers
from tokenizers import pre_tokenizers as cutters

from reinvent import wordpiece
from reinvent.bpe import BPE, END, UNKNOWN
from reinvent.byte_bpe import BYTES, END_OF_TEXT, WORDS, ByteBPE
from reinvent.toolbox.checkpoints import cache_folder
from reinvent.wordpiece import WordPieces

Ours = BPE | WordPieces
Encoder = Callable[[list[str]], list[list[int]]]
ALPHABET = 500
"""Characters that are kept, where the smallest pieces are characters."""


class Text(NamedTuple):
    """Some lines, and what they are."""

    name: str
    lines: list[str]

    @property
    def label(self) -> str:
        """Its size, as the table shows it."""
        return f"{sum(len(line.encode()) for line in self.lines) / 1e6:.1f} MB"


def real_text(folder: Path | None = None) -> Text:
    """WikiText-2 where it is, else the reference manual of Python.

    Args:
        folder: Where `wikitext-2/train.raw` is; else it is looked for in
            `REINVENT_DATA` and in the cache.
    """
    chosen = folder or os.environ.get("REINVENT_DATA")
    for place in filter(None, (chosen, cache_folder())):
        path = Path(place).expanduser() / "wikitext-2" / "train.raw"
        if path.exists():
            lines = path.read_text(encoding="utf-8").split("\n")
            return Text("WikiText-2", lines)
    return Text("Python's manual", "\n".join(topics.values()).split("\n"))


def start_of(text: Text) -> Text:
    """Its first fifth."""
    return Text(text.name, text.lines[: len(text.lines) // 5])


class Kind(NamedTuple):
    """A kind of pieces, by us and by the library.

    Attributes:
        name: As the table names it.
        learn: Ours, from lines and the number of merges.
        empty: A tokenizer of the library that has learned nothing.
        trainer: How it learns, with a size and no bar.
        copy: A tokenizer of the library with our pieces.
    """

    name: str
    learn: Callable[[list[str], int], Ours]
    empty: Callable[[], Tokenizer]
    trainer: Callable[..., trainers.Trainer]
    copy: Callable[[Ours], Tokenizer]


def as_for_bert(model: models.Model) -> Tokenizer:
    """A tokenizer of the library that cuts words as for BERT."""
    library = Tokenizer(model)
    library.normalizer = normalizers.BertNormalizer(lowercase=True)
    library.pre_tokenizer = cutters.BertPreTokenizer()
    return library


def as_for_gpt2(model: models.Model) -> Tokenizer:
    """A tokenizer of the library that cuts words as for GPT-2."""
    library = Tokenizer(model)
    library.pre_tokenizer = cutters.ByteLevel(add_prefix_space=False)
    return library


def letters_of(ours: BPE | None = None) -> models.Model:
    """The model of the library for BPE of letters."""
    pieces = {"vocab": ours.ids, "merges": [*ours.merges]} if ours else {}
    marks = {"end_of_word_suffix": END, "unk_token": UNKNOWN}
    return models.BPE(**pieces, **marks)


def bytes_of(ours: ByteBPE | None = None) -> models.Model:
    """The model of the library for BPE of bytes."""
    pieces = {"vocab": ours.ids, "merges": [*ours.merges]} if ours else {}
    return models.BPE(**pieces)


def wordpieces_of(ours: WordPieces | None = None) -> models.Model:
    """The model of the library for wordpieces."""
    vocab = {"vocab": ours.ids} if ours else {}
    return models.WordPiece(**vocab, unk_token=wordpiece.BERT.unknown)


KINDS = (
    Kind(
        "BPE",
        BPE.train,
        lambda: as_for_bert(letters_of()),
        partial(
            trainers.BpeTrainer,
            end_of_word_suffix=END,
            special_tokens=[UNKNOWN],
            limit_alphabet=ALPHABET,
        ),
        lambda ours: as_for_bert(letters_of(ours)),
    ),
    Kind(
        "byte-level BPE",
        ByteBPE.train,
        lambda: as_for_gpt2(bytes_of()),
        partial(
            trainers.BpeTrainer,
            initial_alphabet=cutters.ByteLevel.alphabet(),
            special_tokens=[END_OF_TEXT],
        ),
        lambda ours: as_for_gpt2(bytes_of(ours)),
    ),
    Kind(
        "wordpieces",
        partial(WordPieces.train, form=wordpiece.BERT),
        lambda: as_for_bert(wordpieces_of()),
        partial(
            trainers.WordPieceTrainer,
            special_tokens=[*wordpiece.BERT.specials],
            limit_alphabet=ALPHABET,
        ),
        lambda ours: as_for_bert(wordpieces_of(ours)),
    ),
)


def learning(kind: Kind, text: Text, count: int) -> Contest:
    """Pieces from a text; the library learns as many as we have."""
    lines = text.lines
    size = len(kind.learn(lines, count))
    options = {"vocab_size": size, "min_frequency": 2, "show_progress": False}

    def theirs() -> Tokenizer:
        library = kind.empty()
        library.train_from_iterator(lines, kind.trainer(**options))
        return library

    works = {OURS: lambda: kind.learn(lines, count), "tokenizers": theirs}
    what = f"{kind.name}: learning {size:,} pieces, {text.label}"
    aim = {} if kind.name == "wordpieces" else {"tokenizers": 0.8}
    return Contest(what, works, aim, note=text.name)


def of_tiktoken(ours: ByteBPE) -> tiktoken.Encoding:
    """OpenAI's tokenizer with our pieces."""
    return tiktoken.Encoding(
        "ours",
        pat_str=WORDS.pattern,
        mergeable_ranks={
            bytes(BYTES[ord(c)] for c in piece): i
            for piece, i in ours.ids.items()
            if piece not in ours.specials
        },
        special_tokens={piece: ours.ids[piece] for piece in ours.specials},
    )


def encoding(kind: Kind, text: Text, count: int) -> Contest:
    """Ids of a text: each round reads a part that the last one did not."""
    ours = kind.learn(start_of(text).lines, count)
    library = kind.copy(ours)
    encoders: dict[str, Encoder] = {
        OURS: lambda lines: [*map(ours.encode, lines)],
        "tokenizers": lambda lines: [
            its.ids for its in library.encode_batch(lines)
        ],
    }
    if isinstance(ours, ByteBPE):
        openai = of_tiktoken(ours)
        encoders["tiktoken"] = lambda lines: [
            *map(openai.encode_ordinary, lines)
        ]
    parts = cut(text.lines, 20)
    works = {name: reader(its, parts) for name, its in encoders.items()}
    return Contest(f"{kind.name}: writing ids", works, note=text.name)


def reader(encode: Encoder, parts: list[list[str]]) -> Callable[[], object]:
    """Encodes the next part whenever it is called."""
    turns = cycle(parts)
    return lambda: encode(next(turns))


def cut(lines: list[str], parts: int) -> list[list[str]]:
    """Lines in so many parts of about the same length."""
    step = max(1, len(lines) // parts)
    return [lines[i : i + step] for i in range(0, len(lines), step)]


def contests(text: Text, count: int) -> Iterator[Contest]:
    """All contests of tokenizers.

    Args:
        text: What is read.
        count: Merges to learn; for wordpieces, pieces to have.
    """
    short = start_of(text)
    for kind in KINDS:
        yield learning(kind, short, count)
        if kind.name != "wordpieces":
            yield learning(kind, text, count)
        yield encoding(kind, text, count)
