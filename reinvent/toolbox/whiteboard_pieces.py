"""Whiteboard tasks on words in pieces: merge them, find them, hide them.

Each function judges an answer of the reader and says what is wrong with it.
The tasks themselves are told in the book's notebook `whiteboard`.
"""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from itertools import pairwise

import torch
from torch import Tensor

from reinvent.toolbox.checks import Verdict
from reinvent.toolbox.inputs import IGNORED
from reinvent.toolbox.spelling import Pair, Spelling, merged
from reinvent.toolbox.whiteboard import Task, difference, name_of, run

Words = dict[tuple[str, ...], int]


def check_merge(answer: Callable) -> Verdict:
    """Judges one step of learning byte-pair encoding.

    Args:
        answer: Takes words, each a tuple of pieces with its count; gives the
            most frequent pair of neighbours and the words in which it is
            merged, from the left.

    Returns:
        A verdict that names the mistake.
    """
    task = Task(
        results=("the pair", "the words"),
        right=_merge_with(),
        cases=[(words,) for words in WORDS_TO_MERGE],
        mistakes=[
            (words, _merge_with(**changes)) for words, changes in WRONG_MERGES
        ],
        sign=_sign_of_merge,
    )
    return task.judge(answer)


WORDS_TO_MERGE: list[Words] = [
    # A pair in many rare words, and one in a frequent word.
    {
        ("t", "h", "e"): 2,
        ("t", "h", "a", "n"): 1,
        ("t", "h", "i", "s"): 2,
        ("o", "f"): 9,
    },
    # Twice in a word.
    {("b", "a", "n", "a", "n", "a"): 3, ("a", "n", "t"): 1},
    # With itself, so that places overlap.
    {("a", "a", "a"): 4, ("b", "a", "a"): 1},
    # "ra b" ends and begins like the pair, but holds other pieces.
    {("a", "b"): 5, ("c", "a", "b"): 1, ("ra", "b", "c"): 1, ("a", "bc"): 1},
]


def _most_frequent(words: Words) -> Pair:
    return Spelling(words).pairs.most_common(1)[0][0]


def _most_words(words: Words) -> Pair:
    pairs = Counter(pair for word in words for pair in pairwise(word))
    return pairs.most_common(1)[0][0]


def _merge_all(word: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    return tuple(merged(word, pair, "".join(pair)))


def _merge_text(word: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    return tuple(" ".join(word).replace(" ".join(pair), "".join(pair)).split())


def _merge_first(word: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    for i, found in enumerate(pairwise(word)):
        if found == pair:
            return (*word[:i], "".join(pair), *word[i + 2 :])
    return word


def _merge_from_right(word: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    turned = merged(word[::-1], pair[::-1], "".join(pair))
    return tuple(turned[::-1])


def _merge_with(
    choose: Callable = _most_frequent, merge: Callable = _merge_all
) -> Callable:
    def step(words: Words) -> tuple[Pair, Words]:
        pair = choose(words)
        return pair, {merge(word, pair): n for word, n in words.items()}

    return step


WRONG_MERGES = [
    (
        "a pair is counted once for each word of the list: it counts as"
        " often as the word comes",
        {"choose": _most_words},
    ),
    (
        "the pair is replaced in the text of the word, so 'a b' is found in"
        " 'ra b' as well: compare whole pieces",
        {"merge": _merge_text},
    ),
    (
        "only the first place in a word is merged: go on behind it",
        {"merge": _merge_first},
    ),
    (
        "places that overlap are merged from the right: the task says from"
        " the left, so a a a becomes aa a",
        {"merge": _merge_from_right},
    ),
]


def _sign_of_merge(given: tuple, right: tuple, words: Words) -> str:
    if given[0] == right[0] and given[1] == words:
        return "the pair is right, but it is not merged in the words"
    return ""


def check_pieces(answer: Callable) -> Verdict:
    """Judges how a word is cut into wordpieces, the longest first.

    Args:
        answer: Takes a word and a set of pieces, in which "##" marks a piece
            that does not begin a word; gives a list of pieces, ["[UNK]"] if
            the word cannot be cut.

    Returns:
        A verdict that names the mistake.
    """
    pieces = {"un", "##aff", "##able", "##a", "##ff", "able", "a", "##b"}
    pieces |= {"u", "##n", "##ble", "play", "##ing", "##i", "ing"}
    words = ("unaffable", "playing", "able", "a", "playful", "xa", "unab")
    task = Task(
        results=("the list of pieces",),
        right=_cut_with(),
        cases=[(word, pieces) for word in words],
        mistakes=[
            (words, _cut_with(**changes)) for words, changes in WRONG_CUTS
        ],
        sign=_sign_of_pieces,
    )
    return task.judge(answer)


def _nothing_else(found: list[str], rest: str) -> list[str]:
    return ["[UNK]"]


def _cut_with(
    longest: bool = True,
    mark: str = "##",
    give_up: Callable = _nothing_else,
    keep_mark: bool = True,
) -> Callable:
    def cut(word: str, pieces: Set[str]) -> list[str]:
        found: list[str] = []
        while word:
            sizes = range(1, len(word) + 1)
            before = mark if found else ""
            fits = [n for n in sizes if before + word[:n] in pieces]
            if not fits:
                return give_up(found, word)
            n = fits[-1] if longest else fits[0]
            found.append((before if keep_mark else "") + word[:n])
            word = word[n:]
        return found

    return cut


WRONG_CUTS = [
    (
        "the shortest piece is taken: try the longest first",
        {"longest": False},
    ),
    (
        "a piece inside the word is looked up without ##: 'able' is only for"
        " the beginning of a word, '##able' for the rest",
        {"mark": ""},
    ),
    (
        "the pieces are right, but ## is lost: nobody could put the words"
        " together again",
        {"keep_mark": False},
    ),
    (
        "a word that cannot be cut to its end keeps its first pieces: the"
        " whole word becomes one [UNK]",
        {"give_up": lambda found, rest: [*found, "[UNK]"]},
    ),
    (
        "the rest that cannot be cut is dropped: the whole word becomes one"
        " [UNK]",
        {"give_up": lambda found, rest: found},
    ),
]


def _sign_of_pieces(
    given: list[str], right: list[str], word: str, pieces: Set[str]
) -> str:
    return f"{word!r} becomes {given}, expected {right}"


PLACES = (500, 1000)
MASK_ID, VOCAB_SIZE = 3, 1000
# About 4.5 and 5 standard deviations of what chance does to so many places.
RATE, RATE_OFF = 0.15, 0.0024
SHARES, SHARE_OFF = (0.8, 0.1, 0.1), 0.008


def check_masking(answer: Callable) -> Verdict:
    """Judges how words are hidden for BERT: 15 %, of them 80, 10 and 10 %.

    Chance is measured, on half a million places, so any way to draw it is
    right.

    Args:
        answer: Takes ids `(B, T)`, which of them are special `(B, T)`, the
            id of the mask and the size of the vocabulary; gives the ids that
            BERT reads and the labels, both `(B, T)`: the label is the id
            where BERT is asked, -100 elsewhere.

    Returns:
        A verdict that names the mistake.
    """
    name = name_of(answer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokens = torch.randint(5, VOCAB_SIZE, PLACES)
        special = torch.zeros(PLACES, dtype=torch.bool)
        special[:, 0] = special[:, 900:] = True
        tokens[special] = 1
        case = tokens, special, MASK_ID, VOCAB_SIZE
        results, problem = run(answer, [case])
    if problem:
        return Verdict(False, problem)
    words = _unlike_two_ids(results[0])
    for look in (_wrong_labels, _wrong_places, _wrong_rate, _wrong_shares):
        words = words or look(tokens, special, *results[0])
    return Verdict(
        not words, f"{name}: {words}" if words else f"{name} is right"
    )


def _unlike_two_ids(given: object) -> str:
    """What is wrong with the types and the shapes alone."""
    blank = torch.zeros(PLACES)
    if isinstance(given, (tuple, list)):
        given = [
            torch.zeros(part.shape) if isinstance(part, Tensor) else part
            for part in given
        ]
    return difference(given, (blank, blank), ("the ids", "the labels"))


def _wrong_labels(
    tokens: Tensor, special: Tensor, inputs: Tensor, labels: Tensor
) -> str:
    """What is wrong with the labels, whatever chance does."""
    asked = labels != IGNORED
    if asked.all():
        return (
            "every place has a label: where BERT is not asked, it must be"
            " -100, which cross_entropy ignores"
        )
    if (labels[asked] == MASK_ID).any():
        return (
            "some labels are [MASK]: they were copied after the words were"
            " hidden; clone the ids first"
        )
    if (labels != tokens)[asked].any():
        return "a label is not the id that stood there"
    changed = (inputs != tokens)[~asked].any()
    if changed and asked.any() and (inputs[asked] == MASK_ID).all():
        return (
            "only [MASK] has labels: BERT is also asked where another word"
            " or the same word stands"
        )
    return "a word is changed where BERT is not asked" if changed else ""


def _wrong_places(
    tokens: Tensor, special: Tensor, inputs: Tensor, labels: Tensor
) -> str:
    """What is wrong with where BERT is asked, whatever chance does."""
    asked = labels != IGNORED
    if asked[special].any():
        return (
            "special places are chosen: [CLS], [SEP] and padding are never"
            " hidden"
        )
    if asked.any() and (asked == asked[0]).all():
        return (
            "the same places are chosen in every sentence: draw for each"
            " place of the batch, (B, T)"
        )
    return ""


def _wrong_rate(
    tokens: Tensor, special: Tensor, inputs: Tensor, labels: Tensor
) -> str:
    """What is wrong with how many words are chosen."""
    rate = (labels != IGNORED)[~special].double().mean().item()
    if abs(rate - RATE) < RATE_OFF:
        return ""
    words = f"{100 * rate:.1f} % of the words are chosen, expected 15 %"
    if abs(rate - OVERLAPPING) < RATE_OFF:
        words += (
            ": three draws of 12, 1.5 and 1.5 % overlap; draw the 15 % once"
            " and divide them"
        )
    return words


def _wrong_shares(
    tokens: Tensor, special: Tensor, inputs: Tensor, labels: Tensor
) -> str:
    """What is wrong with what becomes of the chosen words."""
    asked = labels != IGNORED
    before, after = tokens[asked], inputs[asked]
    masked, kept = after == MASK_ID, after == before
    other = after[~masked & ~kept]
    counts = int(masked.sum()), len(other), int(kept.sum())
    shares = [count / len(after) for count in counts]
    if not _near(shares, SHARES):
        found = ", ".join(f"{100 * share:.1f} %" for share in shares)
        known = [words for some, words in WRONG_SHARES if _near(shares, some)]
        return (
            f"of the chosen words {found} become [MASK], another word, the"
            f" same, expected 80 %, 10 %, 10 %{''.join(known)}"
        )
    if len(other.unique()) == 1:
        return (
            "all words that are replaced become the same word: draw one for"
            " each place"
        )
    return ""


OVERLAPPING = 1 - (1 - 0.12) * (1 - 0.015) ** 2
WRONG_SHARES = [
    ((1.0, 0.0, 0.0), ": every chosen word is hidden"),
    ((0.8, 0.0, 0.2), ": no word is replaced by another"),
    ((0.8, 0.2, 0.0), ": no word stays as it is"),
    (
        (0.8, 0.02, 0.18),
        ": most words that should be replaced are lost: either two draws"
        " overlap and [MASK] is written over them (compare one draw with 0.8"
        " and 0.9), or the second draw of 10 % is made among the 20 % that"
        " are left (there it must be one half)",
    ),
    (
        (0.72, 0.1, 0.18),
        ": the draws of 80 and of 10 % are made apart and overlap; compare"
        " one draw with 0.8 and 0.9",
    ),
]


def _near(shares: Sequence[float], others: Sequence[float]) -> bool:
    return all(
        abs(share - other) < SHARE_OFF
        for share, other in zip(shares, others, strict=True)
    )
