"""Decoding: from a translator's probabilities to a sentence.

A translator of this book is a module with two methods:

* `encode(source) -> state`: reads `(B, S)` word ids, padded with 0, each
  sentence ending with `</s>`. The state is a NamedTuple of tensors, batch
  first.
* `step(tokens, state) -> (logits, state, weights)`: takes the previous
  words `(B,)` and gives scores of the next words `(B, V)`, the new state,
  and where it looked, `(B, S)`, or None when it cannot look.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reinvent.toolbox.guards import evaluating
from reinvent.toolbox.translation import TranslationTask

PAD_ID = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a translator wrote.

    Attributes:
        tokens: For each sentence the ids written, without `<s>` and `</s>`.
        weights: For each sentence `(T, S)`: one row for each id in
            `tokens` (none for `</s>`), one column for each source token
            with its `</s>`, without padding; on the CPU. None when the
            translator gives no weights.
    """

    tokens: list[list[int]]
    weights: list[Tensor] | None


def greedy(
    model: nn.Module,
    source: Tensor,
    *,
    bos_id: int,
    eos_id: int,
    max_length: int,
) -> Decoded:
    """Take the most probable word at every step.

    A sentence ends at its first `</s>`; the batch, when all have ended or
    after `max_length` words. `<s>` and padding are never chosen.

    Args:
        model: A translator (see the module's docstring); it runs in eval
            mode and gets its own mode back.
        source: `(B, S)` word ids, padded with 0 on the right.
        bos_id: Id of `<s>`.
        eos_id: Id of `</s>`.
        max_length: Longest translation, in tokens.

    Raises:
        ValueError: The batch or a sentence is empty, or `max_length < 1`.
    """
    check_request(source, eos_id, max_length)
    source = source.to(next(model.parameters()).device)
    tokens = source.new_full((len(source),), bos_id)
    ended = torch.zeros_like(tokens, dtype=torch.bool)
    columns, rows = [], []
    with evaluating(model):
        state = model.encode(source)
        for _ in range(max_length):
            logits, state, weights = model.step(tokens, state)
            tokens = writable(logits, bos_id).argmax(-1)
            columns.append(tokens)
            rows.append(weights)
            ended |= tokens == eos_id
            if ended.all():
                break
    written = torch.stack(columns, dim=1).cpu()  # (B, T)
    tokens = [_until(ids, eos_id) for ids in written.tolist()]
    if rows[0] is None:
        return Decoded(tokens, None)
    weights = torch.stack(rows, dim=1).cpu()  # (B, T, S)
    widths = (source != PAD_ID).sum(dim=1).tolist()
    return Decoded(
        tokens,
        [
            weights[i, : len(ids), :width].clone()
            for i, (ids, width) in enumerate(zip(tokens, widths, strict=True))
        ],
    )


def translate(
    model: nn.Module,
    sentences: Sequence[Sequence[str]],
    task: TranslationTask,
    *,
    batch_size: int = 250,
    max_length: int = 60,
    search: Callable[..., Decoded] = greedy,
) -> list[list[str]]:
    """Translate sentences, in batches of similar length.

    Args:
        model: A translator.
        sentences: Source sentences as words.
        task: Holds the words of both languages.
        batch_size: Sentences decoded together.
        max_length: Longest translation, in tokens.
        search: What to call for each batch: `greedy`, or for example
            `reinvent.toolbox.beam.BeamSearch(width=4)`.

    Returns:
        The translations as words, in the order of `sentences`.

    Raises:
        ValueError: An unknown word, an empty sentence, or a size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    translations: list[list[str]] = [[] for _ in sentences]
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        decoded = search(
            model,
            task.source_words.batch([sentences[i] for i in chosen], eos=True),
            bos_id=task.target_words.bos_id,
            eos_id=task.target_words.eos_id,
            max_length=max_length,
        )
        for i, ids in zip(chosen, decoded.tokens, strict=True):
            translations[i] = task.target_words.decode(ids)
    return translations


def check_request(source: Tensor, eos_id: int, max_length: int) -> None:
    """Stop when there is nothing to decode.

    Args:
        source: `(B, S)` word ids.
        eos_id: Id of `</s>`, which is not a word.
        max_length: Longest translation, in tokens.

    Raises:
        ValueError: The batch or a sentence is empty, or `max_length < 1`.
    """
    if source.dim() != 2 or not len(source):
        raise ValueError(
            "source has the shape"
            f" {tuple(source.shape)}; expected (B, S) with B at least 1"
        )
    words = ((source != PAD_ID) & (source != eos_id)).sum(dim=1)
    if not words.all():
        row = int((words == 0).nonzero()[0])
        raise ValueError(
            f"sentence {row} of the batch has 0 words; expected at least 1"
        )
    if max_length < 1:
        raise ValueError(f"max_length is {max_length}; expected at least 1")


def writable(scores: Tensor, bos_id: int) -> Tensor:
    """Give -inf to what nobody writes: padding and `<s>`.

    Args:
        scores: Logits or log-probabilities of the next words, `(..., V)`.
        bos_id: Id of `<s>`.
    """
    never = scores.new_zeros(scores.shape[-1], dtype=torch.bool)
    never[[PAD_ID, bos_id]] = True
    return scores.masked_fill(never, float("-inf"))


def _until(ids: list[int], eos_id: int) -> list[int]:
    return ids[: ids.index(eos_id)] if eos_id in ids else ids
