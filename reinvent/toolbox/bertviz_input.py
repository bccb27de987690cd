"""What a view of bertviz is given: checked, named and packed for the page."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from reinvent.toolbox import explorer_input as given

UNIT = 1000  # a number is kept as an integer, in units of 1 / UNIT
ROOM = 6.0  # how wide a token may be, in sizes of its letters
NARROW, WIDE = "ijltfr.,:;'|!()[]/- I", "mwMW@%—…"


def view_arguments(
    attention: object,
    source: Iterable[str],
    target: Iterable[str] | None,
    second: int | None,
) -> tuple[dict[str, object], tuple[int, int]]:
    """Return what bertviz is called with, and how many layers and heads.

    The arguments are those of `bertviz.head_view`.
    """
    source = cut(source, "source")
    target = None if target is None else cut(target, "target")
    if second is not None and (target or not 0 < second < len(source)):
        raise ValueError(
            f"second is {second}, expected the position of a token of the "
            f"source, from 1 to {len(source) - 1}, and no target"
        )
    weights = by_name(attention, source, target)
    sizes = {(len(part), part.shape[2]) for part in weights.values()}
    if len(sizes) > 1:
        raise ValueError(
            f"layers and heads are {sorted(sizes)}, expected the same in all"
        )
    if target is None:
        words = {"tokens": source, "sentence_b_start": second}
    else:
        words = {"encoder_tokens": source, "decoder_tokens": target}
    return weights | words, sizes.pop()


def by_name(
    attention: object, source: list[str], target: list[str] | None
) -> dict[str, Tensor]:
    """Return the weights under the names that bertviz has for them."""
    if not (isinstance(attention, tuple) and hasattr(attention, "cross")):
        name = "attention" if target is None else "cross_attention"
        return {name: checked(attention, target or source, source)}
    if target is None:
        raise ValueError("attention has a part `cross`, but target is None")
    sides = {
        "encoder": (source, source),
        "decoder": (target, target),
        "cross": (target, source),
    }
    return {
        f"{name}_attention": checked(getattr(attention, name), *tokens)
        for name, tokens in sides.items()
    }


def cut(tokens: Iterable[str], name: str) -> list[str]:
    """Return tokens as they can be shown, cut where bertviz has no room."""
    shown = []
    for token in given.tokens(tokens, name):
        if sum(map(width, token)) > ROOM:
            ends = accumulate(map(width, token), initial=width("…"))
            fitting = sum(end <= ROOM for end in ends) - 1
            token = token[:fitting] + "…"
        shown.append(token)
    return shown


def width(letter: str) -> float:
    """Return about how wide a letter is in Helvetica, in sizes of letters."""
    if unicodedata.combining(letter):
        return 0.0
    if letter in WIDE or unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in NARROW:
        return 0.3
    return 0.7 if letter.isupper() else 0.55


def checked(
    attention: object, target: Sequence[str], source: Sequence[str]
) -> Tensor:
    """Return weights as bertviz takes them, shape (layers, 1, H, T, S)."""
    array = one_sentence(attention, "weights")
    array = given.weights(array, len(target), len(source), normalized=True)
    return torch.from_numpy(array)[:, None]


def one_sentence(numbers: object, name: str) -> np.ndarray:
    """Return numbers without the axis of a batch of one."""
    array = given.numbers(numbers)
    if array.ndim == 5 and len(array) != 1:
        raise ValueError(
            f"{name} of shape {array.shape} are those of {len(array)} "
            "sentences, expected one, such as [:1]"
        )
    return array[0] if array.ndim == 5 else array


def check_place(name: str, place: int, count: int) -> None:
    """Stop at a layer or a head that is not there; they count from 0."""
    if not 0 <= place < count:
        raise ValueError(f"{name} is {place}, expected 0 to {count - 1}")


class KnownSentence:
    """The model and the tokenizer that the neuron view asks.

    bertviz would run a model of Hugging Face on a sentence. This one knows
    the answer; its tokens are put on the page afterwards.
    """

    def __init__(self, weights: Tensor, query: object, key: object) -> None:
        """Take the weights, (layers, 1, H, T, S), and compare the shapes.

        Raises:
            ValueError: If queries are not of shape (layers, H, T, K), or keys
                not (layers, H, S, K).
        """
        layers, _, heads, *lengths = weights.shape
        parts = [weights]
        for name, length, vectors in zip(
            ("queries", "keys"), lengths, (query, key), strict=True
        ):
            array = one_sentence(vectors, name)
            if array.shape[:-1] != (layers, heads, length):
                raise ValueError(
                    f"{name} have shape {array.shape}, expected "
                    f"({layers}, {heads}, {length}, K)"
                )
            parts.append(torch.from_numpy(array)[:, None])
        asked, answered = (part.shape[-1] for part in parts[1:])
        if asked != answered:
            raise ValueError(f"queries have K = {asked}, keys K = {answered}")
        names = "attn", "queries", "keys"
        self.layers = [
            dict(zip(names, layer, strict=True))
            for layer in zip(*parts, strict=True)
        ]

    def eval(self) -> None:
        """Has no other mode."""

    def __call__(self, tokens: Tensor) -> tuple[list[dict[str, Tensor]]]:
        """Weights, queries and keys of each layer."""
        return (self.layers,)

    def tokenize(self, sentence: str) -> list[str]:
        """No tokens."""
        return []

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """Their numbers in no vocabulary."""
        return []


def take_apart(page: str) -> tuple[str, dict]:
    """Return the menus and what the JavaScript is given, without chance.

    Args:
        page: HTML that would show a view with the help of other hosts.

    Raises:
        ValueError: If it is not what bertviz 1.4.1 writes.
    """
    name = re.search(r"bertviz-[0-9a-f]{32}", page)
    menus = re.search(r"(?s)</script>\s*(<div.*?</div>\s*</div>)", page)
    start = re.search(r"(?:const |window\.bertviz_)params = ", page)
    if not (name and menus and start):
        raise ValueError("this is not a page of bertviz 1.4.1")
    params, _ = json.JSONDecoder().raw_decode(page, start.end())
    params["root_div_id"] = "bertviz"
    parts = params["attention"]
    for part in parts.values() if isinstance(parts, dict) else parts:
        for numbers in {"attn", "queries", "keys"} & part.keys():
            part[numbers] = integers(part[numbers])
    markup = re.sub(r"\s*\n\s*", " ", menus[1])
    return markup.replace(name[0], "bertviz"), params


def integers(numbers: object) -> object:
    """Return numbers in units of 1 / UNIT, which take fewer letters."""
    if isinstance(numbers, list):
        return [integers(number) for number in numbers]
    return round(numbers * UNIT)
