"""Whiteboard tasks on the output: two losses, and which word to write.

Each function judges an answer of the reader and says what is wrong with it.
The tasks themselves are told in the book's notebook `whiteboard`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from reinvent.toolbox.checks import Verdict
from reinvent.toolbox.sampling import nucleus
from reinvent.toolbox.whiteboard import Task, normal, same

B, W, T, N, V, D = 2, 3, 5, 7, 11, 13


def check_negative_sampling(answer: Callable) -> Verdict:
    """Judges the loss of skip-gram with negative sampling.

    Args:
        answer: Takes vectors of the centre words `(B, D)`, of their context
            words `(B, D)` and of drawn words `(B, N, D)`; gives the mean
            over the pairs, in nats, a scalar.

    Returns:
        A verdict that names the mistake.
    """
    sizes = (B, D), (B, D), (B, N, D)
    task = Task(
        results=("the loss",),
        right=_sampled_with(_binary),
        cases=[tuple(normal(seed, *sizes)) for seed in (21, 22)],
        mistakes=[
            (words, _sampled_with(loss)) for words, loss in WRONG_SAMPLED
        ],
    )
    return task.judge(answer)


def _binary(true: Tensor, drawn: Tensor) -> Tensor:
    scores = torch.cat([true, -drawn], dim=1)  # (B, 1 + N)
    return -F.logsigmoid(scores).sum(dim=1)  # (B,)


def _multinomial(true: Tensor, drawn: Tensor) -> Tensor:
    scores = torch.cat([true, drawn], dim=1)  # (B, 1 + N)
    return -scores.log_softmax(dim=1)[:, 0]  # (B,)


def _drawn_averaged(true: Tensor, drawn: Tensor) -> Tensor:
    return -F.logsigmoid(true[:, 0]) - F.logsigmoid(-drawn).mean(dim=1)


def _without_log(true: Tensor, drawn: Tensor) -> Tensor:
    scores = torch.cat([true, -drawn], dim=1)  # (B, 1 + N)
    return -scores.sigmoid().sum(dim=1)  # (B,)


def _sampled_with(loss: Callable) -> Callable:
    def sampled(centre: Tensor, context: Tensor, drawn: Tensor) -> Tensor:
        true = (centre * context).sum(dim=1, keepdim=True)  # (B, 1)
        scores = (drawn @ centre.unsqueeze(2)).squeeze(2)  # (B, N)
        return loss(true, scores).mean()

    return sampled


WRONG_SAMPLED = [
    (
        "the drawn words are pulled closer, like the true one: their scores"
        " enter the sigmoid with a minus",
        lambda true, drawn: _binary(true, -drawn),
    ),
    (
        "the mean over the drawn words is taken: the paper sums them, so"
        " each weighs as much as the true word",
        _drawn_averaged,
    ),
    (
        "the mean over all 1 + N scores is taken, as"
        " binary_cross_entropy_with_logits does: sum over the drawn words,"
        " then take the mean over the pairs",
        lambda true, drawn: _binary(true, drawn) / (1 + N),
    ),
    (
        "the pairs are summed: the task asks for their mean",
        lambda true, drawn: _binary(true, drawn) * B,
    ),
    (
        "that is a softmax over the true word and the drawn ones: negative"
        " sampling asks 1 + N questions of yes or no",
        _multinomial,
    ),
    (
        "the logarithm is missing: the loss is - log sigmoid",
        _without_log,
    ),
    (
        "the sign is wrong: the paper writes what is to be made large; a"
        " loss is its negative",
        lambda true, drawn: -_binary(true, drawn),
    ),
    (
        "the drawn words are missing: without them all vectors could become"
        " alike at no cost",
        lambda true, drawn: -F.logsigmoid(true[:, 0]),
    ),
]


def check_cross_entropy(answer: Callable) -> Verdict:
    """Judges the loss of a translator: padding left out, labels smoothed.

    Args:
        answer: Takes logits `(B, T, V)`, the right ids `(B, T)`, padded with
            0, and the smoothing; gives the mean over the words that are not
            padding, in nats, a scalar. Each word gets smoothing / V of the
            probability, the right one the rest as well.

    Returns:
        A verdict that names the mistake.
    """
    (logits,) = normal(23, (B, T, V))
    targets = torch.tensor([[4, 7, 2, 0, 0], [5, 9, 8, 3, 2]])
    task = Task(
        results=("the loss",),
        right=_cross_entropy,
        cases=[
            (logits, targets, 0.0),
            (logits.flip(0), targets, 0.2),
            # exp(200) is more than a float32 can hold.
            (logits + 200, targets, 0.1),
        ],
        mistakes=[
            (words, _smoothed_with(**changes))
            for words, changes in WRONG_SMOOTHED
        ],
        sign=_sign_of_cross_entropy,
    )
    return task.judge(answer)


def _cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float
) -> Tensor:
    return F.cross_entropy(
        logits.flatten(0, 1),
        targets.flatten(),
        ignore_index=0,
        label_smoothing=smoothing,
    )


def _evenly(smoothing: float) -> tuple[float, float]:
    """What the right word gets, and what each other word gets."""
    return 1 - smoothing + smoothing / V, smoothing / V


def _over_words(losses: Tensor, words: Tensor) -> Tensor:
    return losses[words].mean()


def _over_sentences(losses: Tensor, words: Tensor) -> Tensor:
    return ((losses * words).sum(dim=1) / words.sum(dim=1)).mean()


def _smoothed_with(
    shares: Callable = _evenly, mean: Callable = _over_words
) -> Callable:
    def loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        right, other = shares(smoothing)
        wanted = torch.full_like(logits, other)  # (B, T, V)
        wanted.scatter_(2, targets.unsqueeze(2), right)
        losses = -(wanted * logits.log_softmax(dim=2)).sum(dim=2)  # (B, T)
        return mean(losses, targets != 0)

    return loss


WRONG_SMOOTHED = [
    (
        "padding is counted as words that should have been written",
        {"mean": lambda losses, words: losses.mean()},
    ),
    (
        "padding loses nothing but is counted in the mean: divide by the"
        " number of words, not by B T",
        {"mean": lambda losses, words: (losses * words).mean()},
    ),
    (
        "the mean of each sentence is taken first, so a word of a short"
        " sentence weighs more: divide once, by all words",
        {"mean": _over_sentences},
    ),
    (
        "the words are summed: the task asks for their mean",
        {"mean": lambda losses, words: losses[words].sum()},
    ),
    (
        "the smoothing is not used",
        {"shares": lambda smoothing: (1.0, 0.0)},
    ),
    (
        "the smoothing is shared among the other V - 1 words: here, as in"
        " PyTorch, all V words get smoothing / V, the right one too",
        {"shares": lambda smoothing: (1 - smoothing, smoothing / (V - 1))},
    ),
    (
        "the probabilities of the words do not sum to 1: the right word"
        " gets 1 - smoothing and smoothing / V on top",
        {"shares": lambda smoothing: (1 - smoothing, smoothing / V)},
    ),
    (
        "what is taken from the right word goes to no other: each word gets"
        " smoothing / V",
        {"shares": lambda smoothing: (1 - smoothing, 0.0)},
    ),
]


def _sign_of_cross_entropy(given: Tensor, right: Tensor, *case: object) -> str:
    if not given.isfinite():
        return (
            f"the loss is {given.item()}: exp of a large score is more than a"
            " float32 can hold; subtract the largest score first, as"
            " log_softmax does"
        )
    return ""


def check_beam_step(answer: Callable) -> Verdict:
    """Judges one step of beam search.

    Args:
        answer: Takes the log-probabilities of W sentences `(W,)` and of each
            next word after each of them `(W, V)`; gives, for the W best
            continuations, the best first: the sentence that each extends,
            the word, and its log-probability, all `(W,)`.

    Returns:
        A verdict that names the mistake.
    """
    task = Task(
        results=("the sentences", "the words", "the log-probabilities"),
        right=_beam_with(),
        cases=[
            (
                torch.tensor(past),
                (2 * normal(seed, (W, V))[0]).log_softmax(dim=1),
            )
            for seed, past in [(24, [-0.5, -1.0, -4.0]), (26, [-1.0] * 3)]
        ],
        mistakes=[
            (words, _beam_with(**changes)) for words, changes in WRONG_BEAMS
        ],
        sign=_sign_of_beam,
    )
    return task.judge(answer)


def _sum(past: Tensor, following: Tensor) -> Tensor:
    return past.unsqueeze(1) + following  # (width, V)


def _row_and_column(place: Tensor) -> tuple[Tensor, Tensor]:
    return place // V, place % V


def _beam_with(
    join: Callable = _sum, places: Callable = _row_and_column
) -> Callable:
    def step(past: Tensor, following: Tensor) -> tuple[Tensor, ...]:
        best, place = join(past, following).flatten().topk(W)  # 2 x (width,)
        return (*places(place), best)

    return step


WRONG_BEAMS = [
    (
        "the log-probability of the sentence so far is forgotten: add it to"
        " that of the word",
        {"join": lambda past, following: following},
    ),
    (
        "log-probabilities are multiplied: the product of probabilities is"
        " the sum of their logarithms",
        {"join": lambda past, following: past.unsqueeze(1) * following},
    ),
    (
        "a probability is added to a logarithm: stay with logarithms",
        {"join": lambda past, following: _sum(past, following.exp())},
    ),
    (
        "the sentence and the word are swapped: the place in the flat list"
        " divided by V is the row, a sentence; the rest is the column",
        {"places": lambda place: (place % V, place // V)},
    ),
    (
        "the place in the flat list is divided by W: a row has V words, so"
        " divide by V",
        {"places": lambda place: (place // W, place % W)},
    ),
]


def _sign_of_beam(given: tuple, right: tuple, *case: Tensor) -> str:
    if all(
        same(one.sort().values, other.sort().values)
        for one, other in zip(given, right, strict=True)
    ):
        return "these are the best ones, but not in order: the best first"
    if len(given[0].unique()) == W:
        return (
            "each sentence is extended once, by its best word: that is"
            " greedy, W times; compare all W V continuations, of which one"
            " sentence may have several among the best"
        )
    return ""


def check_nucleus(answer: Callable) -> Verdict:
    """Judges top-p sampling up to the draw.

    Args:
        answer: Takes logits `(V,)` and p; gives the probabilities to draw
            from, `(V,)`: 0 but for the fewest words that have p together.

    Returns:
        A verdict that names the mistake.
    """
    shares = torch.tensor([0.05, 0.4, 0.1, 0.25, 0.2])
    task = Task(
        results=("the probabilities",),
        right=lambda logits, p: nucleus(logits, p).softmax(dim=-1),
        cases=[
            (shares.log() + 1, 0.7),
            (shares.log(), 0.3),
            (shares.flip(0).log(), 0.9),
        ],
        sign=_sign_of_nucleus,
    )
    return task.judge(answer)


def _sign_of_nucleus(
    given: Tensor, right: Tensor, logits: Tensor, p: float
) -> str:
    kept, wanted = given > 0, right > 0
    if not given.isfinite().all() or not kept.any():
        return (
            f"no word is left for p = {p}: the word that crosses p stays, be"
            " it the first"
        )
    if kept.all() and not wanted.all():
        return (
            "every word can still be drawn: outside of the nucleus the"
            " scores become -inf, or the probabilities 0"
        )
    if same(given.sort().values, right.sort().values):
        return (
            "these are the right numbers in another order: put each back at"
            " the id of its word"
        )
    return _wrong_words_kept(given, kept, wanted, p)


def _wrong_words_kept(
    given: Tensor, kept: Tensor, wanted: Tensor, p: float
) -> str:
    if torch.equal(kept, wanted):
        return (
            "the right words are kept, but their probabilities sum to"
            f" {given.sum():.4g}: divide by the sum"
        )
    if (kept & ~wanted).any():
        return (
            f"{int(kept.sum())} words are kept where {int(wanted.sum())} have"
            f" {p} together: take the fewest"
        )
    return (
        f"{int(kept.sum())} words are kept, and together they have less than"
        f" {p}: the word that crosses p stays"
    )
