"""Attention that asks after the step, with simpler scores and in a window.

Luong, Pham, Manning (2015), "Effective Approaches to Attention-based Neural
Machine Translation", https://arxiv.org/abs/1508.04025v5. Equation numbers are
of this version; the three scores of section 3.1 have none.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from reinvent.bahdanau import masked_softmax  # §3.1: the attention it varies
from reinvent.seq2seq import (  # §2: the stacked LSTMs of Sutskever et al.
    check_pairs,
    lengths_of,
    reverse,
)
from reinvent.toolbox.vocabulary import check_ids


@dataclass(frozen=True, kw_only=True)
class LuongConfig:
    """Sizes and switches of `LuongTranslator`; defaults are of section 4.1.

    Attributes:
        source_vocab_size: Words of the source.
        target_vocab_size: Words of the target.
        embedding_size: Numbers in a word vector.
        hidden_size: D, numbers in a state of either side.
        num_layers: LSTM layers of either side.
        score: "dot", "general", "concat" or "location" (section 3.1).
        window: "global" looks at every word; "local-m" at those around the
            same position, "local-p" at those around a predicted one
            (section 3.2).
        half_width: D of section 3.2: a window has 2D + 1 positions.
        input_feeding: Hand the attentional vector to the next step
            (section 3.3).
        max_source_length: Longest source, in tokens with `</s>`; only the
            location score needs it.
    """

    source_vocab_size: int = 50_000
    target_vocab_size: int = 50_000
    embedding_size: int = 1000
    hidden_size: int = 1000
    num_layers: int = 4
    score: str = "general"
    window: str = "local-p"
    half_width: int = 10
    input_feeding: bool = True
    max_source_length: int = 51


TINY = LuongConfig(
    embedding_size=64,
    hidden_size=64,
    num_layers=1,
    window="global",
    half_width=8,
    input_feeding=False,
    max_source_length=31,
)


WINDOWS = ("global", "local-m", "local-p")


class State(NamedTuple):
    """What the decoder needs for the next word, batch first.

    Attributes:
        hidden: h of every layer, shape (B, layers, D).
        cell: c of every layer, shape (B, layers, D).
        attentional: h~ of the last step, 0 before the first, shape (B, D).
        position: How many words are written, shape (B,).
        memory: The encoder's top states, shape (B, S, D).
        mask: True at the words of the source, shape (B, S).
    """

    hidden: Tensor
    cell: Tensor
    attentional: Tensor
    position: Tensor
    memory: Tensor
    mask: Tensor


class DotScore(nn.Module):
    """score(h_t, h_s) = h_t . h_s; nothing to learn."""

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Scores every source position for every query.

        Args:
            query: h_t, shape (B, T, D).
            memory: h_s, shape (B, S, D).

        Returns:
            Scores, shape (B, T, S).
        """
        return query @ memory.transpose(1, 2)  # (B, T, S)


class GeneralScore(nn.Module):
    """score(h_t, h_s) = h_t . W_a h_s."""

    def __init__(self, size: int) -> None:
        """Makes W_a."""
        super().__init__()
        self.to_key = nn.Linear(size, size, bias=False)  # W_a

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Scores, shape (B, T, S), of the same inputs as `DotScore`."""
        key = self.to_key(memory)  # (B, S, D)
        return query @ key.transpose(1, 2)  # (B, T, S)


class ConcatScore(nn.Module):
    """score(h_t, h_s) = v_a . tanh(W_a [h_t; h_s]).

    W_a is kept as its two halves, one for each side: then the half that
    meets the source runs once per source word, not once per pair.
    """

    def __init__(self, size: int) -> None:
        """Makes the halves of W_a, and v_a."""
        super().__init__()
        self.to_query = nn.Linear(size, size, bias=False)  # W_a, left half
        self.to_key = nn.Linear(size, size, bias=False)  # W_a, right half
        self.to_score = nn.Linear(size, 1, bias=False)  # v_a

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Scores, shape (B, T, S), of the same inputs as `DotScore`."""
        asked = self.to_query(query).unsqueeze(2)  # (B, T, 1, D)
        key = self.to_key(memory).unsqueeze(1)  # (B, 1, S, D)
        agreement = torch.tanh(asked + key)  # (B, T, S, D)
        return self.to_score(agreement).squeeze(-1)  # (B, T, S)


class LocationScore(nn.Module):
    """Equation 8: the scores are W_a h_t; the source words have no say."""

    def __init__(self, size: int, max_length: int) -> None:
        """Makes W_a with one row for each position."""
        super().__init__()
        self.to_scores = nn.Linear(size, max_length, bias=False)  # W_a

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Scores, shape (B, T, S); of the memory only the length matters.

        Raises:
            ValueError: If the source is longer than W_a.
        """
        length, most = memory.shape[1], self.to_scores.out_features
        if length > most:
            raise ValueError(
                f"the source has {length} tokens, but the location score has "
                f"{most} positions: expected max_source_length >= {length}"
            )
        return self.to_scores(query)[:, :, :length]  # (B, T, S)


def distances(center: Tensor, length: int) -> Tensor:
    """How far each source position is from the middle: s - p_t.

    Args:
        center: p_t, positions from 0, shape (B, T).
        length: S.

    Returns:
        Distances in tokens, shape (B, T, S).
    """
    positions = torch.arange(length, device=center.device)  # (S,)
    return positions - center.unsqueeze(-1)  # (B, T, S)


def gaussian(away: Tensor, half_width: int) -> Tensor:
    """The factor of equation 10: exp(-(s - p_t)^2 / (2 sigma^2)).

    Args:
        away: s - p_t in tokens, any shape.
        half_width: D; sigma is D/2.

    Returns:
        1 in the middle, falling to both sides, the same shape.
    """
    sigma = half_width / 2
    return torch.exp(-(away**2) / (2 * sigma**2))


class PredictedCenter(nn.Module):
    """Equation 9: p_t = S sigmoid(v_p . tanh(W_p h_t))."""

    def __init__(self, size: int) -> None:
        """Makes W_p and v_p."""
        super().__init__()
        self.to_hidden = nn.Linear(size, size, bias=False)  # W_p
        self.to_share = nn.Linear(size, 1, bias=False)  # v_p

    def forward(self, query: Tensor, lengths: Tensor) -> Tensor:
        """Where to look, as a real number.

        Args:
            query: h_t, shape (B, T, D).
            lengths: S of each sentence, in tokens, shape (B,).

        Returns:
            p_t between 0 and S, shape (B, T).
        """
        hidden = torch.tanh(self.to_hidden(query))
        share = torch.sigmoid(self.to_share(hidden)).squeeze(-1)  # (B, T)
        return lengths.unsqueeze(1) * share  # (B, T)


class LuongAttention(nn.Module):
    """Global or local attention with one of the four scores.

    Differs: where the middle of a window lies outside the sentence, the last
    word takes its place, so that a window is never empty; the paper does not
    say what happens then.
    """

    def __init__(self, config: LuongConfig) -> None:
        """Makes the score, and for local-p what predicts the middle.

        Raises:
            ValueError: If the score, the window or its width is unknown.
        """
        super().__init__()
        size = config.hidden_size
        scores = {
            "dot": DotScore,
            "general": lambda: GeneralScore(size),
            "concat": lambda: ConcatScore(size),
            "location": lambda: LocationScore(size, config.max_source_length),
        }
        _check_choice("score", config.score, tuple(scores))
        _check_choice("window", config.window, WINDOWS)
        if config.half_width < 1:
            raise ValueError(
                f"half_width is {config.half_width}, expected at least 1"
            )
        self.window = config.window
        self.half_width = config.half_width
        self.score = scores[config.score]()
        if config.window == "local-p":
            self.center = PredictedCenter(size)

    def middle(self, query: Tensor, position: Tensor, mask: Tensor) -> Tensor:
        """p_t, the middle of the window (section 3.2).

        Args:
            query: h_t, shape (B, T, D).
            position: t, from 0, shape (B, T).
            mask: True at the words of the source, shape (B, S).

        Returns:
            Positions in the source, shape (B, T).
        """
        lengths = mask.sum(dim=1)  # (B,)
        if self.window == "local-p":
            position = self.center(query, lengths)  # (B, T)
        return position.minimum(lengths.unsqueeze(1) - 1)

    def weights(self, query: Tensor, state: State) -> Tensor:
        """Equations 7 and 10: a_t.

        Args:
            query: h_t, shape (B, T, D).
            state: Holds the source, and the position of the first query.

        Returns:
            Rows that sum to 1, with local-p to less; exactly 0 at padding
            and outside the window; shape (B, T, S).
        """
        scores = self.score(query, state.memory)  # (B, T, S)
        mask = state.mask.unsqueeze(1).expand_as(scores)  # (B, T, S)
        if self.window == "global":
            return masked_softmax(scores, mask)
        steps = torch.arange(query.shape[1], device=query.device)  # (T,)
        position = state.position.unsqueeze(1) + steps  # (B, T)
        center = self.middle(query, position, state.mask)
        away = distances(center, scores.shape[2])  # (B, T, S)
        inside = mask & (away.abs() <= self.half_width)
        weights = masked_softmax(scores, inside)
        if self.window == "local-p":
            weights = weights * gaussian(away, self.half_width)
        return weights

    def forward(self, query: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Where to look, and what is seen there.

        Args:
            query: h_t, shape (B, T, D).
            state: Holds the source, and the position of the first query.

        Returns:
            The context c_t, shape (B, T, D), and the weights a_t, shape
            (B, T, S).
        """
        weights = self.weights(query, state)  # (B, T, S)
        return weights @ state.memory, weights


class StackedEncoder(nn.Module):
    """LSTM layers that read the reversed source (section 4.1)."""

    def __init__(self, config: LuongConfig) -> None:
        """Makes the word vectors and the layers."""
        super().__init__()
        self.embedding = nn.Embedding(
            config.source_vocab_size, config.embedding_size
        )
        self.lstm = nn.LSTM(
            config.embedding_size,
            config.hidden_size,
            config.num_layers,
            batch_first=True,
        )

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reads a batch; padding is never read.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The top states in the order of the source, 0 at padding, shape
            (B, S, D); the last hidden and cell of every layer, both of
            shape (B, layers, D).
        """
        lengths = lengths_of(source)
        check_ids(source, self.embedding.num_embeddings)
        packed = pack_padded_sequence(
            self.embedding(reverse(source)),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        states, (hidden, cell) = self.lstm(packed)
        memory, _ = pad_packed_sequence(
            states, batch_first=True, total_length=source.shape[1]
        )  # (B, S, D)
        memory = reverse(memory, lengths)
        return memory, hidden.transpose(0, 1), cell.transpose(0, 1)


class LuongDecoder(nn.Module):
    """Move on, look, then say: h_t, a_t, c_t, h~_t (section 3.1)."""

    def __init__(self, config: LuongConfig) -> None:
        """Makes the word vectors, the layers, the attention, the output."""
        super().__init__()
        size = config.hidden_size
        fed = size if config.input_feeding else 0
        self.input_feeding = config.input_feeding
        self.embedding = nn.Embedding(
            config.target_vocab_size, config.embedding_size
        )
        self.lstm = nn.LSTM(
            config.embedding_size + fed,
            size,
            config.num_layers,
            batch_first=True,
        )
        self.attention = LuongAttention(config)
        self.to_attentional = nn.Linear(2 * size, size, bias=False)  # W_c
        self.to_logits = nn.Linear(
            size, config.target_vocab_size, bias=False
        )  # W_s

    def advance(
        self, embedded: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor]:
        """Reads T words, and looks at the source after each.

        Args:
            embedded: Vectors of the last words, shape (B, T, E); with input
                feeding T is 1.
            state: The state before the first of them.

        Returns:
            h~_t of equation 5, shape (B, T, D), the state after the last
            word, and the weights a_t, shape (B, T, S).
        """
        if self.input_feeding:
            fed = state.attentional.unsqueeze(1)  # (B, 1, D)
            embedded = torch.cat([embedded, fed], dim=-1)  # (B, 1, E + D)
        before = [part.transpose(0, 1).contiguous() for part in state[:2]]
        query, after = self.lstm(embedded, tuple(before))  # (B, T, D)
        context, weights = self.attention(query, state)
        attentional = self.attentional(query, context)
        hidden, cell = (part.transpose(0, 1) for part in after)
        state = state._replace(
            hidden=hidden,
            cell=cell,
            attentional=attentional[:, -1],
            position=state.position + embedded.shape[1],
        )
        return attentional, state, weights

    def attentional(self, query: Tensor, context: Tensor) -> Tensor:
        """Equation 5: h~_t = tanh(W_c [c_t; h_t]).

        Args:
            query: h_t, shape (B, T, D).
            context: c_t, shape (B, T, D).

        Returns:
            h~_t, shape (B, T, D).
        """
        both = torch.cat([context, query], dim=-1)  # (B, T, 2D)
        return torch.tanh(self.to_attentional(both))  # (B, T, D)


class LuongTranslator(nn.Module):
    """The translator of the paper, every part of it a switch.

    Differs: word vectors start from N(0, 0.1^2), all else as PyTorch does
    it; section 4.1 has U[-0.1, 0.1] for all. No dropout. The concat score
    learns both halves of W_a; footnote 15 tells that theirs had one half
    fixed to the identity.
    """

    def __init__(self, config: LuongConfig) -> None:
        """Makes the two halves."""
        super().__init__()
        self.encoder = StackedEncoder(config)
        self.decoder = LuongDecoder(config)
        for half in (self.encoder, self.decoder):
            nn.init.normal_(half.embedding.weight, std=0.1)

    def encode(self, source: Tensor) -> State:
        """Reads the source into one vector per word.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The state before the first word: the decoder starts where the
            encoder stopped, layer by layer.

        Raises:
            ValueError: If a sentence is empty or an id has no word.
        """
        memory, hidden, cell = self.encoder(source)
        return State(
            hidden=hidden,
            cell=cell,
            attentional=torch.zeros_like(hidden[:, 0]),
            position=torch.zeros_like(source[:, 0]),
            memory=memory,
            mask=source != 0,
        )

    def step(
        self, tokens: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor]:
        """Scores for the next word of each sentence.

        Args:
            tokens: The last word of each sentence, shape (B,).
            state: The state before that word.

        Returns:
            Logits of shape (B, V), the next state, and the weights over the
            source, shape (B, S).

        Raises:
            ValueError: If an id has no word.
        """
        check_ids(tokens, self.decoder.embedding.num_embeddings)
        embedded = self.decoder.embedding(tokens).unsqueeze(1)  # (B, 1, E)
        attentional, state, weights = self.decoder.advance(embedded, state)
        logits = self.decoder.to_logits(attentional.squeeze(1))  # (B, V)
        return logits, state, weights.squeeze(1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing; without input feeding all words in one pass.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).
            target: Ids that begin with the start symbol, shape (B, T).

        Returns:
            Logits for the word after each target word, shape (B, T, V);
            equation 6 before its softmax.

        Raises:
            ValueError: If the batches differ, a source is empty, or an id
                has no word.
        """
        check_pairs(source, target)
        check_ids(target, self.decoder.embedding.num_embeddings)
        state = self.encode(source)
        embedded = self.decoder.embedding(target)  # (B, T, E)
        at_once = 1 if self.decoder.input_feeding else target.shape[1]
        vectors = []
        for words in embedded.split(at_once, dim=1):
            attentional, state, _ = self.decoder.advance(words, state)
            vectors.append(attentional)
        return self.decoder.to_logits(torch.cat(vectors, dim=1))  # (B, T, V)


def _check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{name} is {given!r}, expected one of {known}")
