"""Multi30k: its files, and what a translator needs of them."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path

from reinvent.toolbox.checkpoints import check_folder
from reinvent.toolbox.translation import Pair, TranslationTask
from reinvent.toolbox.vocabulary import SPECIALS, Vocabulary
from reinvent.wordpiece import GNMT, WordPieces

LANGUAGES = ("de", "en", "fr")
PARTS = ("train", "val", "test_2016_flickr")

Texts = list[tuple[str, str]]


def read_lines(path: Path) -> list[str]:
    """The sentences of a file, one on each line.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is damaged, or a line is blank.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path.name} in {path.parent}, expected the raw "
            "files of Multi30k's task 1"
        )
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise ValueError(
                f"{path}, line {number} is blank, expected a sentence"
            )
    return lines


def read_pairs(folder: Path, part: str, source: str, target: str) -> Texts:
    """The sentences of a part, each with its translation.

    Args:
        folder: Holds files such as `train.de.gz`.
        part: One of `PARTS`.
        source: Language to translate from.
        target: Language to translate to.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If one is damaged, or they have not as many lines.
    """
    sides = [
        read_lines(folder / f"{part}.{language}.gz")
        for language in (source, target)
    ]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(
            f"{part} has {len(sides[0])} lines in {source} and "
            f"{len(sides[1])} in {target}, expected as many of both"
        )
    return list(zip(*sides, strict=True))


def digest_of(*parts: object) -> str:
    """A short name for settings and texts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def learn_pieces(texts: Texts, size: int, folder: Path) -> WordPieces:
    """Wordpieces of both languages together, learned once and kept.

    Args:
        texts: Sentences with their translations, in either order.
        size: Pieces to have, specials included.
        folder: Where they are kept, one on each line of a file.

    Raises:
        ValueError: If the size is too small, or a kept file is damaged.
        OSError: If the folder cannot be written to.
    """
    lines = sorted(line for pair in texts for line in pair)
    path = folder / f"pieces-{size}-{digest_of(lines)}.txt"
    if path.exists():
        return WordPieces.from_file(path, GNMT)
    check_folder(path)
    print(f"learning {size} wordpieces from {len(lines)} lines", flush=True)
    pieces = WordPieces.train(lines, size)
    half = path.with_suffix(".new")
    half.write_text("\n".join(pieces.pieces), encoding="utf-8", newline="\n")
    os.replace(half, path)
    return pieces


def spelled(texts: Texts, pieces: WordPieces) -> tuple[Pair, ...]:
    """Pairs of pieces; nobody knows which of them belong together."""
    unknown = frozenset()
    return tuple(
        Pair(
            tuple(pieces.tokens(source)),
            tuple(pieces.tokens(target)),
            unknown,
            unknown,
        )
        for source, target in texts
    )


def real_task(parts: dict[str, Texts], pieces: WordPieces) -> TranslationTask:
    """The task with these sentences; ids of words are ids of pieces.

    Args:
        parts: For each of `PARTS` its sentences.
        pieces: Spell both languages.
    """
    # The first three pieces are the specials that every vocabulary has.
    words = Vocabulary(pieces.pieces[len(SPECIALS) :])
    train, valid, test = (spelled(parts[part], pieces) for part in PARTS)
    return TranslationTask(
        train=train,
        valid=valid,
        test=test,
        held_out=(),
        long=(),
        source_words=words,
        target_words=words,
    )
