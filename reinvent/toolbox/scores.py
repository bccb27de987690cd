"""All that the book reports of a translator, measured in one place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from reinvent.toolbox.decoding import Decoded, greedy, translate
from reinvent.toolbox.metrics import (
    aligned_weights,
    alignment_error_rate,
    bleu,
    by_length,
    exact_match,
)
from reinvent.toolbox.translation import LENGTH_BUCKETS, Pair, TranslationTask


@dataclass(frozen=True)
class Scores:
    """How well a translator did on some pairs.

    Attributes:
        exact_match: Share of translations that are right word for word.
        by_length: The same for each bucket of source lengths.
        bleu: 0 to 100.
        alignment_error: Alignment error rate, 0 to 1; None if the model
            shows no weights.
        translations: What it wrote, as words, in the order of the pairs.
    """

    exact_match: float
    by_length: dict[tuple[int, int], float]
    bleu: float
    alignment_error: float | None
    translations: list[list[str]]


def score_translator(
    model: nn.Module,
    pairs: Sequence[Pair],
    task: TranslationTask,
    *,
    aligns: bool = False,
    search: Callable[..., Decoded] = greedy,
) -> Scores:
    """Translates and compares with the references.

    Args:
        model: A translator, as in `reinvent.toolbox.decoding`.
        pairs: Sources with their references.
        task: Holds the words of both languages.
        aligns: Whether to compare its weights with the gold links too.
        search: How to translate, as for `translate`.

    Returns:
        All scores.
    """
    references = [pair.target for pair in pairs]
    sources = [pair.source for pair in pairs]
    written = translate(model, sources, task, search=search)
    right = [
        float(tuple(words) == reference)
        for words, reference in zip(written, references, strict=True)
    ]
    error = None
    if aligns:
        weights = aligned_weights(model, pairs, task)
        error = alignment_error_rate(weights, pairs)
    return Scores(
        exact_match=exact_match(written, references),
        by_length=by_length(pairs, right, LENGTH_BUCKETS),
        bleu=bleu(written, references),
        alignment_error=error,
        translations=written,
    )
