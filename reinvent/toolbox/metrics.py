"""Metrics: how good is a translation, and did the model look right?"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reinvent.toolbox.guards import evaluating
from reinvent.toolbox.translation import Pair, TranslationTask

Bucket = tuple[int, int]


def exact_match(
    hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> float:
    """Share of the sentences that are right to the last word, 0 to 1.

    Raises:
        ValueError: No sentences, or not as many hypotheses as references.
    """
    _check_sizes("hypotheses", hypotheses, "references", references)
    right = [
        tuple(hypothesis) == tuple(reference)
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    return sum(right) / len(right)


def bleu(
    hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> float:
    """BLEU of the whole corpus, 0 to 100, computed by sacrebleu.

    The words are taken as they are (`tokenize="none"`); an n-gram length
    without a match is smoothed as sacrebleu does by default ("exp").

    Raises:
        ValueError: No sentences, or not as many hypotheses as references.
    """
    # Imported here: most chapters never need it.
    import sacrebleu

    _check_sizes("hypotheses", hypotheses, "references", references)
    return sacrebleu.corpus_bleu(
        [" ".join(words) for words in hypotheses],
        [[" ".join(words) for words in references]],
        tokenize="none",
        force=True,
    ).score


def alignment_error_rate(
    weights: Sequence[Tensor], pairs: Sequence[Pair]
) -> float:
    """How often the place of the largest weight is not a gold link.

    For each target word the source token with the largest weight is its
    one predicted link. With A the predicted links of all sentences
    together, S the sure and P the possible gold links (P contains S)::

        AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

    Och and Ney (2003), "A Systematic Comparison of Various Statistical
    Alignment Models", Computational Linguistics 29(1). 0 is perfect.

    A word whose largest weight lies on the source's `</s>` has pointed at
    no word: that counts as a wrong link, because every target word has to
    choose. The row of the target's `</s>`, where there is one, is ignored.

    Args:
        weights: For each pair `(T, S)`: the rows are the target words,
            perhaps one more for `</s>`; the columns the source words,
            perhaps one more for `</s>`. Rows belong to the gold target
            (see `aligned_weights`), not to what the model would write.
        pairs: The pairs with their gold links.

    Raises:
        ValueError: Sizes that do not fit each other.
    """
    _check_sizes("weights", weights, "pairs", pairs)
    in_sure = in_possible = predicted = sure = 0
    for number, (matrix, pair) in enumerate(zip(weights, pairs, strict=True)):
        _check_matrix(number, matrix, pair)
        best = matrix[: len(pair.target)].argmax(dim=1).tolist()
        links = {(s, t) for t, s in enumerate(best)}
        in_sure += len(links & pair.sure)
        in_possible += len(links & (pair.sure | pair.possible))
        predicted += len(links)
        sure += len(pair.sure)
    return 1 - (in_sure + in_possible) / (predicted + sure)


def aligned_weights(
    model: nn.Module,
    pairs: Sequence[Pair],
    task: TranslationTask,
    *,
    batch_size: int = 250,
) -> list[Tensor]:
    """Where a translator looks while it is made to write the gold target.

    Only so do the rows belong to the words that the gold links speak of.

    Args:
        model: A translator (see `reinvent.toolbox.decoding`).
        pairs: Sentences with their gold translations.
        task: Holds the words of both languages.
        batch_size: Pairs read together.

    Returns:
        For each pair `(T, S)`: T target words without `</s>`, S source
        words with `</s>`; on the CPU.

    Raises:
        ValueError: The translator gives no weights, an unknown word, or a
            size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    order = sorted(range(len(pairs)), key=lambda i: len(pairs[i].target))
    aligned: dict[int, Tensor] = {}
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        weights = _forced_weights(model, [pairs[i] for i in chosen], task)
        for i, matrix in zip(chosen, weights, strict=True):
            size = len(pairs[i].target), len(pairs[i].source) + 1
            aligned[i] = matrix[: size[0], : size[1]].clone()
    return [aligned[i] for i in range(len(pairs))]


def indices_by_length(
    pairs: Sequence[Pair], buckets: Sequence[Bucket]
) -> dict[Bucket, list[int]]:
    """The positions of the pairs in each bucket of source lengths.

    Args:
        pairs: Sentence pairs.
        buckets: Shortest and longest source length, both inclusive, in
            tokens. Pairs outside all buckets are left out.
    """
    return {
        (low, high): [
            i
            for i, pair in enumerate(pairs)
            if low <= len(pair.source) <= high
        ]
        for low, high in buckets
    }


def by_length(
    pairs: Sequence[Pair],
    values: Sequence[float],
    buckets: Sequence[Bucket],
) -> dict[Bucket, float]:
    """The mean of one value for each pair, by the length of the source.

    Fits what is measured sentence by sentence, as exact match; BLEU and
    the alignment error rate belong to a whole set: take the sets from
    `indices_by_length`, which gives the number of pairs as well.

    Returns:
        For each bucket the mean of its values; nan for an empty bucket.

    Raises:
        ValueError: No pairs, or not as many values as pairs.
    """
    _check_sizes("values", values, "pairs", pairs)
    return {
        bucket: sum(values[i] for i in chosen) / len(chosen)
        if chosen
        else math.nan
        for bucket, chosen in indices_by_length(pairs, buckets).items()
    }


def _forced_weights(
    model: nn.Module, pairs: Sequence[Pair], task: TranslationTask
) -> Tensor:
    device = next(model.parameters()).device
    source = task.source_words.batch([p.source for p in pairs], eos=True)
    target = task.target_words.batch([p.target for p in pairs], bos=True)
    rows = []
    with evaluating(model):
        state = model.encode(source.to(device))
        # The word that a step is given stands one before that it writes.
        for tokens in target.to(device)[:, :-1].unbind(dim=1):
            _, state, weights = model.step(tokens, state)
            if weights is None:
                raise ValueError(
                    f"{type(model).__name__} gives no weights (None);"
                    " expected (B, S) from its step"
                )
            rows.append(weights)
    return torch.stack(rows, dim=1).cpu()  # (B, T, S)


def _check_sizes(
    name: str, things: Sequence, other_name: str, others: Sequence
) -> None:
    if len(things) != len(others) or not len(things):
        raise ValueError(
            f"{len(things)} {name} and {len(others)} {other_name};"
            " expected as many of both, at least 1"
        )


def _check_matrix(number: int, matrix: Tensor, pair: Pair) -> None:
    length = len(pair.target), len(pair.source)
    fits = matrix.dim() == 2 and all(
        size in (words, words + 1)
        for size, words in zip(matrix.shape, length, strict=True)
    )
    if not fits:
        raise ValueError(
            f"the weights of pair {number} have the shape"
            f" {tuple(matrix.shape)}; expected {length}, each with"
            " or without one more for </s>"
        )
