"""Beam search: keep several translations open, and choose at the end.

The score that compares finished translations is equation 14 of Wu et al.
(2016), "Google's Neural Machine Translation System",
https://arxiv.org/abs/1609.08144v2, section 7.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reinvent.toolbox.decoding import PAD_ID, check_request, writable
from reinvent.toolbox.guards import evaluating


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation that beam search has found.

    Attributes:
        tokens: The ids written, without `<s>` and `</s>`.
        weights: `(T, S)` as in `Decoded`; None when the translator gives
            no weights.
        log_probability: `log P(Y|X)` in nats, with `</s>` if it ended.
        score: Equation 14.
        ended: Whether it ends with `</s>`. If not, it was cut at the
            greatest length.
    """

    tokens: list[int]
    weights: Tensor | None
    log_probability: float
    score: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Beams:
    """What beam search found; it can be used as a `Decoded`.

    Attributes:
        hypotheses: For each sentence the best ones, the best first.
    """

    hypotheses: list[list[Hypothesis]]

    @property
    def tokens(self) -> list[list[int]]:
        """For each sentence the ids of its best translation."""
        return [found[0].tokens for found in self.hypotheses]

    @property
    def weights(self) -> list[Tensor] | None:
        """For each sentence the weights of its best translation."""
        weights = [found[0].weights for found in self.hypotheses]
        return None if weights[0] is None else weights


def length_penalty(length: int, alpha: float) -> float:
    """The lp of equation 14, `((5 + |Y|) / (5 + 1))^alpha`.

    Args:
        length: `|Y|` in tokens, `</s>` included.
        alpha: 0 is no penalty; the larger, the longer the winners.
    """
    return ((5 + length) / (5 + 1)) ** alpha


def coverage_penalty(weights: Tensor, beta: float) -> float:
    """The cp of equation 14, `beta * sum_i log(min(sum_j p_ij, 1))`.

    It is 0 if each source word got 1 or more in all, else below 0. A word
    that got exactly 0 counts as the smallest normal number, because log 0
    would make all translations with such a word alike.

    Args:
        weights: p, a row for each token written, a column for each source
            word, `(T, S)`.
        beta: 0 is no penalty; the larger, the more must be covered.
    """
    smallest = torch.finfo(weights.dtype).tiny
    covered = weights.sum(dim=0).clamp(smallest, 1.0)  # (S,)
    return beta * covered.log().sum().item()


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """Search for the translation with the best score; called as `greedy`.

    At every step each open translation is tried with every next token. A
    candidate that ends with `</s>` is finished if it is among the W best.
    The W best of the others stay open. A sentence is done as soon as no
    open translation can still reach a better score than a finished one. At
    `max_length` the open ones are cut; they come after all finished ones.

    With width 1 and no penalties this is greedy decoding.

    Differs: the paper also drops tokens, and finished translations, that
    are more than 3.0 below the best. Here only the width limits the search.
    The paper leaves open whether `|Y|` and the coverage count `</s>`: here the
    `</s>` written counts in both, the `</s>` of the source is no word to be
    covered.

    Attributes:
        width: W, how many translations of a sentence stay open. The paper
            keeps 8 to 12, and finds 4 or 2 hardly worse.
        alpha: Strength of the length normalisation; 0.2 in the paper.
        beta: Strength of the coverage penalty; 0.2 in the paper. Needs a
            translator that gives weights.
        best: How many translations of each sentence to give.

    Raises:
        ValueError: A setting that makes no sense.
    """

    width: int = 4
    alpha: float = 0.0
    beta: float = 0.0
    best: int = 1

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.width < 1:
            raise ValueError(f"width is {self.width}; expected at least 1")
        if not 1 <= self.best <= self.width:
            raise ValueError(
                f"best is {self.best}; expected 1 to {self.width}, the width"
            )
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if not value >= 0:
                raise ValueError(f"{name} is {value}; expected at least 0")

    def score(
        self, log_probability: float, length: int, weights: Tensor | None
    ) -> float:
        """Equation 14, `s(Y, X) = log P(Y|X) / lp(Y) + cp(X; Y)`.

        Args:
            log_probability: `log P(Y|X)` in nats.
            length: `|Y|` in tokens, `</s>` included.
            weights: As for `coverage_penalty`; not used if beta is 0.
        """
        score = log_probability / length_penalty(length, self.alpha)
        if self.beta:
            score += coverage_penalty(weights, self.beta)
        return score

    def __call__(
        self,
        model: nn.Module,
        source: Tensor,
        *,
        bos_id: int,
        eos_id: int,
        max_length: int,
    ) -> Beams:
        """Translate a batch.

        Args:
            model: A translator (see `reinvent.toolbox.decoding`); it runs
                in eval mode and gets its own mode back.
            source: `(B, S)` word ids, padded with 0 on the right.
            bos_id: Id of `<s>`.
            eos_id: Id of `</s>`.
            max_length: Longest translation, in tokens.

        Raises:
            ValueError: The batch or a sentence is empty, `max_length < 1`,
                or beta is above 0 and the translator gives no weights.
        """
        check_request(source, eos_id, max_length)
        source = source.to(next(model.parameters()).device)
        found = [_Found(self, row, eos_id, max_length) for row in source.cpu()]
        with evaluating(model):
            beam = _first(source, self.width, bos_id)
            state = _rows(model.encode(source), beam.parent)
            for _ in range(max_length):
                words = beam.tokens[:, :, -1].flatten()  # (B*width,)
                logits, state, weights = model.step(words, state)
                self._check_weights(model, weights)
                following = writable(logits.log_softmax(dim=-1), bos_id)
                tried = _extend(beam, following, weights)
                ends = tried.tokens[:, :, -1] == eos_id  # (B, 2width)
                finished = ends[:, : self.width]  # (B, width)
                _collect(found, tried, finished, ended=True)
                # Stable: the best that do not end come first.
                order = ends.int().argsort(dim=1, stable=True)
                beam = _take(tried, order[:, : self.width])
                likeliest = beam.log_probability[:, 0].tolist()
                closed = list(map(_Found.closes, found, likeliest))
                if all(closed):
                    break
                state = _rows(state, beam.parent)
            _collect(found, beam, torch.ones_like(finished), ended=False)
        return Beams([sentence.best for sentence in found])

    def _check_weights(self, model: nn.Module, weights: Tensor | None) -> None:
        if self.beta and weights is None:
            raise ValueError(
                f"beta is {self.beta} but {type(model).__name__} gives no"
                " weights (None); expected (B, S) from its step"
            )


class _Beam(NamedTuple):
    """N translations of each sentence, the most probable first.

    Attributes:
        log_probability: -inf where there is no translation, `(B, N)`.
        parent: Place of the translation that each extends, `(B, N)`.
        tokens: All that is written, from `<s>` on, `(B, N, T + 1)`.
        weights: `(B, N, T, S)`, or None.
    """

    log_probability: Tensor
    parent: Tensor
    tokens: Tensor
    weights: Tensor | None


class _Found:
    """The best finished translations of one sentence.

    Args:
        search: Gives the score.
        row: The source, `(S,)`.
        eos_id: Id of `</s>`.
        max_length: Longest translation, in tokens.
    """

    def __init__(
        self, search: BeamSearch, row: Tensor, eos_id: int, max_length: int
    ) -> None:
        self.search = search
        self.words = (row != PAD_ID) & (row != eos_id)
        self.size = int((row != PAD_ID).sum())
        self.longest = length_penalty(max_length, search.alpha)
        self.best: list[Hypothesis] = []
        self.closed = False

    def add(self, beam: _Beam, b: int, n: int, ended: bool) -> None:
        """Keep translation n of sentence b if it is one of the best."""
        log_probability = beam.log_probability[b, n].item()
        tokens = beam.tokens[b, n, 1:].tolist()
        weights = None
        if beam.weights is not None:
            weights = beam.weights[b, n].cpu()
        score = self.search.score(
            log_probability,
            len(tokens),
            None if weights is None else weights[:, self.words],
        )
        if ended:
            tokens.pop()
        if weights is not None:
            weights = weights[: len(tokens), : self.size].clone()
        self.best.append(
            Hypothesis(tokens, weights, log_probability, score, ended)
        )
        self.best.sort(key=lambda its: (its.ended, its.score), reverse=True)
        del self.best[self.search.best :]

    def closes(self, likeliest: float) -> bool:
        """Whether no open translation can be among the best any more.

        Going on makes none more probable, and coverage adds at most 0. So
        none can beat the likeliest one, were it as long as possible.

        Args:
            likeliest: The largest log-probability of an open one.
        """
        if len(self.best) == self.search.best:
            self.closed |= self.best[-1].score >= likeliest / self.longest
        return self.closed


def _first(source: Tensor, width: int, bos_id: int) -> _Beam:
    """One translation of each sentence, `<s>`, and W - 1 empty places."""
    size = len(source), width
    log_probability = torch.full(size, float("-inf"), device=source.device)
    log_probability[:, 0] = 0.0
    tokens = source.new_full((*size, 1), bos_id)
    return _Beam(log_probability, source.new_zeros(size), tokens, None)


def _extend(beam: _Beam, following: Tensor, weights: Tensor | None) -> _Beam:
    """The 2W best ways to extend the W open translations by one token.

    2W are enough: at most W of them end, one for each open translation, so
    W others are left to go on with.

    Args:
        beam: The open translations.
        following: Log-probabilities of the next tokens, `(B * W, V)`.
        weights: Where the translator looked, `(B * W, S)`, or None.
    """
    following = following.unflatten(0, beam.parent.shape)  # (B, width, V)
    total = beam.log_probability.unsqueeze(2) + following  # (B, width, V)
    places = 2 * beam.parent.shape[1]
    best, place = total.flatten(1).topk(places)  # 2 x (B, 2width)
    if weights is not None:
        weights = weights.unflatten(0, beam.parent.shape)  # (B, width, S)
        weights = weights.unsqueeze(2)  # (B, width, 1, S)
        if beam.weights is not None:
            weights = torch.cat([beam.weights, weights], dim=2)
    parent = place // total.shape[2]
    tried = _take(beam._replace(weights=weights), parent)
    word = (place % total.shape[2]).unsqueeze(2)
    return _Beam(
        best, parent, torch.cat([tried.tokens, word], dim=2), tried.weights
    )


def _take(beam: _Beam, places: Tensor) -> _Beam:
    """The translations at these places, `(B, N)`."""
    sentence = torch.arange(len(places), device=places.device).unsqueeze(1)
    return _Beam(
        *(None if part is None else part[sentence, places] for part in beam)
    )


def _rows(state: tuple[Tensor, ...], parent: Tensor) -> tuple[Tensor, ...]:
    """The translator's state for the translations that go on.

    Args:
        state: A NamedTuple of tensors, for as many translations of each
            sentence as there were.
        parent: Which of them each new one extends, `(B, W)`.
    """
    before = len(state[0]) // len(parent)
    first = torch.arange(len(parent), device=parent.device) * before
    rows = (first.unsqueeze(1) + parent).flatten()  # (B*width,)
    return type(state)(*(part.index_select(0, rows) for part in state))


def _collect(
    found: list[_Found], beam: _Beam, chosen: Tensor, *, ended: bool
) -> None:
    """Hand the chosen translations to their sentences.

    Args:
        found: One for each sentence; those that are closed take no more.
        beam: Translations.
        chosen: Which of them, `(B, up to N)`; empty places are left out.
        ended: Whether they end with `</s>`.
    """
    real = beam.log_probability[:, : chosen.shape[1]].isfinite()
    for b, n in (chosen & real).nonzero().tolist():
        if not found[b].closed:
            found[b].add(beam, b, n, ended)
