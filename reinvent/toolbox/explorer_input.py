"""What an explorer is given: checked and packed for the page."""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from reinvent.toolbox.inline import visible

Links = Iterable[tuple[int, int]] | tuple[Iterable, Iterable]
TOLERANCE = 0.01  # how far the sum of a row may be from 1
LARGE = 60_000  # bytes of weights from which on they are compressed
LIMIT = 800_000  # characters of weights; beyond, they are rounded harder


def percent(weight: float) -> str:
    """Return .923 as "92%", and what is above 0 never as "0%"."""
    return "<1%" if 0 < weight < 0.005 else f"{weight:.0%}"


def models(weights: object) -> list[tuple[str, object]]:
    """Names and weights; one model has no name."""
    if isinstance(weights, Mapping):
        return [(str(name), array) for name, array in weights.items()]
    return [("", weights)]


def pick(tokens: object, name: str) -> object:
    """The tokens of one model."""
    if not isinstance(tokens, Mapping):
        return tokens
    if name not in tokens:
        raise ValueError(f"tokens for {list(tokens)}, none for {name!r}")
    return tokens[name]


def words(own: bool, labels: Mapping[str, object] | None) -> dict:
    """What to call things; `own`: the tokens look at themselves."""
    known = {
        "source": "where it looks" if own else "source",
        "target": "who looks" if own else "target",
        "layer": "layer",
        "head": "head",
        "layers": None,
        "heads": None,
    }
    for name, value in (labels or {}).items():
        if name not in known:
            raise ValueError(f"no label {name!r}; there are {list(known)}")
        known[name] = value if isinstance(value, str) else list(value)
    fixed = {"verbs": ["looks at", "is looked at by"], "decode": not own}
    return known | fixed


def check_names(words: dict, shape: Sequence[int]) -> None:
    """Compare the names of layers and heads with their numbers."""
    for kind, count in zip(("layers", "heads"), shape, strict=False):
        names = words[kind]
        if names is not None and len(names) != count:
            raise ValueError(f"{len(names)} names for {count} {kind}")


def text(words: object) -> str:
    """A statement as one string."""
    return words if isinstance(words, str) else " ".join(words)


def tokens(tokens: Iterable[str], name: str) -> list[str]:
    """Tokens as they can be shown."""
    if isinstance(tokens, str):
        raise ValueError(f"{name} is a string; split it: {tokens!r}")
    tokens = [visible(str(token)) for token in tokens]
    if not tokens:
        raise ValueError(f"{name} has no tokens")
    return tokens


def numbers(weights: object) -> np.ndarray:
    """Tensors, arrays or nested lists of them as one array."""
    if hasattr(weights, "detach"):
        return weights.detach().cpu().double().numpy()
    if isinstance(weights, list | tuple):
        parts = [numbers(part) for part in weights]
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise ValueError(f"weights have different shapes: {shapes}")
        return np.stack(parts) if parts else np.zeros(0)
    return np.asarray(weights, dtype=float)


def weights(
    given: object, targets: int, sources: int, normalized: bool
) -> np.ndarray:
    """Check the weights; return them as (layers, heads, T, S)."""
    array = numbers(given)
    if not 2 <= array.ndim <= 4:
        raise ValueError(f"weights have {array.ndim} dimensions, not 2 to 4")
    sizes = {"target": targets, "source": sources}
    for (name, count), size in zip(
        sizes.items(), array.shape[-2:], strict=True
    ):
        if count != size:
            raise ValueError(
                f"weights of shape {array.shape} are for {size} {name} "
                f"tokens, but there are {count}"
            )
    if not array.size:
        raise ValueError(f"weights of shape {array.shape} are empty")
    _check_values(array, normalized)
    array = array[:, None] if array.ndim == 3 else array
    return array[None, None] if array.ndim == 2 else array


def _check_values(array: np.ndarray, normalized: bool) -> None:
    """Weights are numbers from 0; each row of them sums to 1."""
    for wrong, what in (
        (~np.isfinite(array), "not a number to draw"),
        (array < 0, "negative"),
    ):
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0].tolist())
            raise ValueError(f"weights{list(at)} is {what}: {array[at]:.4g}")
    sums = array.sum(-1)
    wrong = np.argwhere(abs(sums - 1) > TOLERANCE)
    if normalized and len(wrong):
        at = tuple(wrong[0].tolist())
        raise ValueError(
            f"the row weights{list(at)} sums to {sums[at]:.4g}, not 1; "
            "if that is meant, say normalized=False"
        )


def columns(
    given: object, noun: str, rows: int, normalized: bool | None
) -> tuple[list[str], np.ndarray]:
    """Hops or tasks: the name of each and its numbers, (columns, rows).

    With `normalized` None any finite number may stand in the array.
    """
    names, parts = [], []
    for name, part in models(given):
        array = np.atleast_2d(numbers(part))
        if normalized is not None:
            array = weights(array, len(array), rows, normalized)[0, 0]
        count = [f"{noun} {column + 1}" for column in range(len(array))]
        alone = [name] if name and len(array) == 1 else None
        names += alone or [f"{name} {number}".strip() for number in count]
        parts.append(array)
    return tokens(names, noun), np.concatenate(parts)


def gold_links(
    gold: Links | None, source: Sequence[str], target: Sequence[str]
) -> dict[str, list[list[int]]]:
    """Sort out sure and possible links."""
    sure, possible = gold or (), ()
    if isinstance(gold, tuple) and len(gold) == 2:
        inside = [member for part in gold for member in part]
        if all(isinstance(member, Sequence) for member in inside):
            sure, possible = gold
    sure = sorted(links(sure, source, target))
    possible = sorted(links(possible, source, target))
    possible = [link for link in possible if link not in sure]
    return {"gold": sure, "possible": possible}


def links(
    given: Iterable[tuple[int, int]],
    source: Sequence[str],
    target: Sequence[str],
) -> list[list[int]]:
    """Check links, pairs (source position, target position) from 0."""
    checked = []
    for link in given:
        link = [int(at) for at in link]
        if len(link) != 2:
            raise ValueError(f"a gold link has 2 positions, not {len(link)}")
        sides = zip(("source", "target"), link, (source, target), strict=True)
        for name, at, side in sides:
            if not 0 <= at < len(side):
                raise ValueError(
                    f"gold link {tuple(link)}: {name} position {at}, "
                    f"but there are {len(side)} {name} tokens"
                )
        checked.append(link)
    return checked


def packed(array: np.ndarray) -> dict[str, object]:
    """Weights as bytes in base64, compressed where that pays."""
    scale = max(1.0, float(array.max()))
    for levels in (255, 127, 63, 31, 15):
        steps = np.rint(array / scale * levels).astype(np.uint8).tobytes()
        large = len(steps) >= LARGE
        steps = zlib.compress(steps, 6) if large else steps
        text = base64.b64encode(steps).decode()
        if len(text) <= LIMIT:
            break
    return {
        "shape": list(array.shape),
        "weights": text,
        "deflated": large,
        "levels": levels,
        "scale": round(scale, 4),
    }
