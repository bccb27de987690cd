"""A translator that looks back at the source before every word it writes.

Bahdanau, Cho, Bengio (2014), "Neural Machine Translation by Jointly Learning
to Align and Translate", https://arxiv.org/abs/1409.0473v7. Equation numbers
and appendices are of this version.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from reinvent.seq2seq import (  # §2.1: the encoder-decoder before this one
    check_pairs,
    lengths_of,
)
from reinvent.toolbox.vocabulary import check_ids


@dataclass(frozen=True, kw_only=True)
class RNNsearchConfig:
    """Sizes of `RNNsearch`; the defaults are those of appendix A.2.3.

    Attributes:
        source_vocab_size: Words of the source.
        target_vocab_size: Words of the target.
        embedding_size: m, numbers in a word vector.
        hidden_size: n, numbers in a state; an annotation has twice as many.
        alignment_size: n', width of the alignment network.
        maxout_size: l, units of the output layer.
    """

    source_vocab_size: int = 30_000
    target_vocab_size: int = 30_000
    embedding_size: int = 620
    hidden_size: int = 1000
    alignment_size: int = 1000
    maxout_size: int = 500


TINY = RNNsearchConfig(
    embedding_size=64, hidden_size=64, alignment_size=64, maxout_size=64
)


class State(NamedTuple):
    """What the decoder needs for the next word, batch first.

    Attributes:
        hidden: s_{i-1}, shape (B, D).
        memory: The annotations h_j, shape (B, S, 2D).
        keys: U_a h_j, computed once per sentence, shape (B, S, A).
        mask: True at the words of the source, shape (B, S).
    """

    hidden: Tensor
    memory: Tensor
    keys: Tensor
    mask: Tensor


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Equation 6 over the positions that exist.

    Args:
        scores: e_ij, shape (B, S).
        mask: True where attention may look, shape (B, S).

    Returns:
        alpha_ij: rows that sum to 1, exactly 0 where the mask is False,
        shape (B, S).

    Raises:
        ValueError: If the mask is not bool, the shapes differ, or a row of
            the mask hides every position.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"the mask is {mask.dtype}, expected torch.bool")
    if scores.shape != mask.shape:
        raise ValueError(
            f"scores have shape {tuple(scores.shape)}, "
            f"the mask has {tuple(mask.shape)}, expected the same"
        )
    if not mask.any(dim=-1).all():
        row = int((~mask.any(dim=-1)).nonzero()[0])
        raise ValueError(
            f"the mask of row {row} hides all {mask.shape[-1]} positions, "
            "expected at least 1 to look at"
        )
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)


class AdditiveAttention(nn.Module):
    """A small network scores each annotation against the state (A.1.2).

    e_j = v_a^T tanh(W_a s + U_a h_j), weights = softmax(e), and the context
    is the mean of the annotations under these weights.
    """

    def __init__(
        self, query_size: int, memory_size: int, alignment_size: int
    ) -> None:
        """Makes W_a, U_a and v_a."""
        super().__init__()
        self.to_query = nn.Linear(query_size, alignment_size)  # W_a
        self.to_key = nn.Linear(memory_size, alignment_size, bias=False)  # U_a
        self.to_score = nn.Linear(alignment_size, 1, bias=False)  # v_a

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """e_ij = v_a^T tanh(W_a s_{i-1} + U_a h_j), appendix A.1.2.

        Args:
            query: s_{i-1}, shape (B, D).
            keys: U_a h_j, from `to_key`, shape (B, S, A).

        Returns:
            One number per source position, shape (B, S).
        """
        asked = self.to_query(query).unsqueeze(1)  # (B, 1, A)
        agreement = torch.tanh(asked + keys)  # (B, S, A)
        return self.to_score(agreement).squeeze(-1)  # (B, S)

    def forward(
        self, query: Tensor, memory: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Equations 5 and 6: where to look, and what is seen there.

        Args:
            query: s_{i-1}, shape (B, D).
            memory: The annotations h_j, shape (B, S, 2D).
            keys: U_a h_j, shape (B, S, A).
            mask: True where attention may look, shape (B, S).

        Returns:
            The context c_i, shape (B, 2D), and the weights alpha_ij, shape
            (B, S).
        """
        weights = masked_softmax(self.scores(query, keys), mask)  # (B, S)
        context = (weights.unsqueeze(1) @ memory).squeeze(1)  # (B, 2D)
        return context, weights


class BidirectionalEncoder(nn.Module):
    """One vector per source word, which has read both sides (section 3.2)."""

    def __init__(self, config: RNNsearchConfig) -> None:
        """Makes the word vectors, a forward GRU and a backward GRU."""
        super().__init__()
        self.embedding = nn.Embedding(
            config.source_vocab_size, config.embedding_size
        )
        self.gru = nn.GRU(
            config.embedding_size,
            config.hidden_size,
            batch_first=True,
            bidirectional=True,
        )

    def forward(self, source: Tensor) -> Tensor:
        """The annotations of a batch of sentences, equation 7.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            h_j: the forward state beside the backward state, 0 at padding,
            shape (B, S, 2D).
        """
        lengths = lengths_of(source)
        check_ids(source, self.embedding.num_embeddings)
        packed = pack_padded_sequence(
            self.embedding(source),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        memory, _ = pad_packed_sequence(
            self.gru(packed)[0],
            batch_first=True,
            total_length=source.shape[1],
        )  # (B, S, 2D)
        return memory


class AttentionDecoder(nn.Module):
    """A GRU that reads the context beside the last word (appendix A.2.2).

    Differs: `nn.GRUCell` applies the reset gate after U, the paper before;
    its candidate has the same inputs. The output layer takes s_i, as
    equation 4 says; appendix A.2.2 prints s_{i-1}.
    """

    def __init__(self, config: RNNsearchConfig) -> None:
        """Makes the word vectors, the attention, the GRU and the output."""
        super().__init__()
        size = config.hidden_size
        self.embedding = nn.Embedding(
            config.target_vocab_size, config.embedding_size
        )
        self.attention = AdditiveAttention(
            size, 2 * size, config.alignment_size
        )
        self.to_start = nn.Linear(size, size)  # W_s
        self.gru = nn.GRUCell(config.embedding_size + 2 * size, size)
        self.to_maxout = nn.Linear(
            3 * size + config.embedding_size, 2 * config.maxout_size
        )  # U_o, V_o, C_o
        self.to_logits = nn.Linear(
            config.maxout_size, config.target_vocab_size
        )  # W_o

    def start(self, memory: Tensor, mask: Tensor) -> State:
        """s_0 = tanh(W_s h_1), with the backward state at the first word.

        Args:
            memory: The annotations, shape (B, S, 2D).
            mask: True at the words of the source, shape (B, S).

        Returns:
            The state before the first word.
        """
        backward = memory[:, 0].chunk(2, dim=-1)[1]  # (B, D)
        hidden = torch.tanh(self.to_start(backward))  # (B, D)
        return State(hidden, memory, self.attention.to_key(memory), mask)

    def advance(
        self, embedded: Tensor, state: State
    ) -> tuple[State, Tensor, Tensor]:
        """Looks, then moves on: c_i from s_{i-1}, then s_i.

        Args:
            embedded: E y_{i-1}, the vector of the last word, shape (B, E).
            state: Holds s_{i-1}.

        Returns:
            The state with s_i, the context c_i, shape (B, 2D), and the
            weights alpha_ij, shape (B, S).
        """
        context, weights = self.attention(
            state.hidden, state.memory, state.keys, state.mask
        )
        inputs = torch.cat([embedded, context], dim=-1)  # (B, E + 2D)
        hidden = self.gru(inputs, state.hidden)  # (B, D)
        return state._replace(hidden=hidden), context, weights

    def output(
        self, hidden: Tensor, embedded: Tensor, context: Tensor
    ) -> Tensor:
        """W_o t_i, where t_i keeps the larger number of every pair.

        Args:
            hidden: s_i, shape (..., D).
            embedded: E y_{i-1}, shape (..., E).
            context: c_i, shape (..., 2D).

        Returns:
            Logits, shape (..., V).
        """
        inputs = torch.cat([hidden, embedded, context], dim=-1)
        units = self.to_maxout(inputs)
        pairs = units.unflatten(-1, (-1, 2))  # (..., maxout, 2)
        return self.to_logits(pairs.amax(dim=-1))  # (..., V)


class RNNsearch(nn.Module):
    """The translator of the paper, which calls itself RNNsearch.

    Differs: word vectors start from N(0, 0.1^2), all else as PyTorch does
    it; appendix B.1 has N(0, 0.01^2), 0.001 for W_a and U_a, 0 for v_a, and
    orthogonal recurrent matrices. Layers have biases, which appendix A does
    not print.
    """

    def __init__(self, config: RNNsearchConfig) -> None:
        """Makes the two halves."""
        super().__init__()
        self.encoder = BidirectionalEncoder(config)
        self.decoder = AttentionDecoder(config)
        for half in (self.encoder, self.decoder):
            nn.init.normal_(half.embedding.weight, std=0.1)

    def encode(self, source: Tensor) -> State:
        """Reads the source into one annotation per word.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The state before the first word.

        Raises:
            ValueError: If a sentence is empty or an id has no word.
        """
        return self.decoder.start(self.encoder(source), source != 0)

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
        embedded = self.decoder.embedding(tokens)  # (B, E)
        state, context, weights = self.decoder.advance(embedded, state)
        logits = self.decoder.output(state.hidden, embedded, context)  # (B, V)
        return logits, state, weights

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing; the output layer runs once for all words.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).
            target: Ids that begin with the start symbol, shape (B, T).

        Returns:
            Logits for the word after each target word, shape (B, T, V).

        Raises:
            ValueError: If the batches differ, a source is empty, or an id
                has no word.
        """
        check_pairs(source, target)
        check_ids(target, self.decoder.embedding.num_embeddings)
        state = self.encode(source)
        embedded = self.decoder.embedding(target)  # (B, T, E)
        states, contexts = [], []
        for word in embedded.unbind(dim=1):
            state, context, _ = self.decoder.advance(word, state)
            states.append(state.hidden)
            contexts.append(context)
        hidden = torch.stack(states, dim=1)  # (B, T, D)
        context = torch.stack(contexts, dim=1)  # (B, T, 2D)
        return self.decoder.output(hidden, embedded, context)  # (B, T, V)
