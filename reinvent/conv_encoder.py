"""A translator that reads all words of the source at once, by convolution.

Gehring, Auli, Grangier, Dauphin (2016), "A Convolutional Encoder Model for
Neural Machine Translation", https://arxiv.org/abs/1611.02344v1. Sections and
tables are of this version; its equations have no numbers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from reinvent.bahdanau import masked_softmax  # §2: soft attention
from reinvent.seq2seq import check_pairs, lengths_of  # §2: encoder, decoder
from reinvent.toolbox.vocabulary import check_ids


@dataclass(frozen=True, kw_only=True)
class ConvEncoderConfig:
    """Settings of `ConvEncoderTranslator`.

    The defaults are those of the deepest model for English-German in table
    2, with the sizes of sections 4.1 to 4.3.

    Attributes:
        source_vocab_size: Words of the source.
        target_vocab_size: Words of the target.
        embedding_size: Numbers in a word vector, a key and a value.
        hidden_size: Units of an LSTM, in the decoder and in the recurrent
            encoder.
        key_size: Width of CNN-a. If it is not the embedding size, a linear
            map leads into the stack and another one out of it.
        encoder: "convolutional", "pooling" or "recurrent".
        positions: Whether a source word knows its place in the sentence.
        max_positions: Longest source in tokens, if it does; the default is
            that of the authors' code.
        key_layers: Convolutions of CNN-a, which makes the keys.
        value_layers: Convolutions of CNN-c, which makes the values.
        kernel_size: Words that a convolution sees.
        pooling_size: Words whose mean is a key of the pooling encoder.
        dropout: Share of the word vectors and of the decoder's output that
            is blanked in training.
        word_range: The vectors of words start between this number and its
            negative.
        place_range: The same for the vectors of places.
        scaled: Whether the scores are divided by the square root of the
            embedding size. In the paper they are not.
    """

    source_vocab_size: int = 200_000
    target_vocab_size: int = 80_000
    embedding_size: int = 256
    hidden_size: int = 512
    key_size: int = 512
    encoder: str = "convolutional"
    positions: bool = True
    max_positions: int = 1024
    key_layers: int = 15
    value_layers: int = 5
    kernel_size: int = 3
    pooling_size: int = 5
    dropout: float = 0.1
    word_range: float = 0.05
    place_range: float = 0.05
    scaled: bool = False


TINY = ConvEncoderConfig(
    embedding_size=64,
    hidden_size=64,
    key_size=64,
    max_positions=64,
    key_layers=4,
    value_layers=2,
    dropout=0.0,
    word_range=1.0,
    place_range=0.1,
    scaled=True,
)


class State(NamedTuple):
    """What the decoder needs for the next word, batch first.

    Attributes:
        hidden: h_i, the output of the LSTM at the past step, shape (B, D).
        cell: The cell of the LSTM, shape (B, D).
        keys: z_j, which are compared with the query, shape (B, S, E).
        values: What is averaged, shape (B, S, E).
        mask: True at the words of the source, shape (B, S).
    """

    hidden: Tensor
    cell: Tensor
    keys: Tensor
    values: Tensor
    mask: Tensor


class PositionedEmbedding(nn.Module):
    """e_j = w_j + l_j: the word and its place, both learned (section 3.1)."""

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        max_positions: int,
        positions: bool = True,
    ) -> None:
        """Makes the vectors of the words and, if asked for, of the places."""
        super().__init__()
        self.words = nn.Embedding(vocab_size, embedding_size)  # w
        self.places = None
        if positions:
            self.places = nn.Embedding(max_positions, embedding_size)  # l

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        """The vectors of a part of each sentence.

        Args:
            tokens: Ids, shape (B, S).
            start: Place of the first of them in its sentence.

        Returns:
            e_j, shape (B, S, E).

        Raises:
            ValueError: If an id has no word or a place has no vector.
        """
        check_ids(tokens, self.words.num_embeddings)
        x = self.words(tokens)  # (B, S, E)
        if self.places is None:
            return x
        end = start + tokens.shape[1]
        if start < 0 or end > self.places.num_embeddings:
            raise ValueError(
                f"tokens at places {start} to {end - 1}, expected 0 to "
                f"{self.places.num_embeddings - 1}: there are "
                f"{self.places.num_embeddings} position embeddings"
            )
        return x + self.places.weight[start:end]


def receptive_field(num_layers: int, kernel_size: int) -> int:
    """How many words a position sees through a stack of convolutions.

    Every layer adds the words that its kernel sees beyond its middle.

    Args:
        num_layers: Convolutions on top of each other, 0 or more.
        kernel_size: Words that one of them sees, odd.

    Returns:
        Words, the position itself included.

    Raises:
        ValueError: If there are fewer than 0 layers or the kernel is even.
    """
    if num_layers < 0:
        raise ValueError(f"{num_layers} layers, expected at least 0")
    check_odd(kernel_size)
    return 1 + num_layers * (kernel_size - 1)


def check_odd(kernel_size: int) -> None:
    """Stops at a window that has no middle.

    Raises:
        ValueError: If it is even or smaller than 1.
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(
            f"the kernel sees {kernel_size} words, expected an odd number "
            "of at least 1"
        )


class ConvBlock(nn.Module):
    """tanh(conv(x) + x): the sum goes through tanh too (section 3.2)."""

    def __init__(self, size: int, kernel_size: int) -> None:
        """Makes a convolution that keeps the length."""
        super().__init__()
        check_odd(kernel_size)
        self.conv = nn.Conv1d(
            size, size, kernel_size, padding=kernel_size // 2
        )

    def forward(self, x: Tensor) -> Tensor:
        """Mixes each position with its neighbours.

        Args:
            x: Shape (B, S, E); 0 where a sentence has no word.

        Returns:
            The same shape.
        """
        mixed = self.conv(x.transpose(1, 2)).transpose(1, 2)  # (B, S, E)
        return torch.tanh(mixed + x)


class ConvStack(nn.Module):
    """Blocks on top of each other, which see more words layer by layer."""

    def __init__(self, num_layers: int, size: int, kernel_size: int) -> None:
        """Makes the blocks."""
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(size, kernel_size) for _ in range(num_layers)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """All blocks, each of them blind to padding.

        A convolution puts numbers where there is no word, and the next one
        would bring them back into the sentence. So they are wiped out
        before each.

        Args:
            x: Shape (B, S, E).
            mask: True at the words, shape (B, S).

        Returns:
            Shape (B, S, E); at padding it means nothing.
        """
        padding = ~mask.unsqueeze(-1)  # (B, S, 1)
        for block in self.blocks:
            x = block(x.masked_fill(padding, 0.0))  # (B, S, E)
        return x


def source_embedding(config: ConvEncoderConfig) -> PositionedEmbedding:
    """e_j as every encoder begins with them."""
    return PositionedEmbedding(
        config.source_vocab_size,
        config.embedding_size,
        config.max_positions,
        config.positions,
    )


class PoolingEncoder(nn.Module):
    """Keys are means over neighbours, values the words (section 3.1).

    Nothing is learned but the vectors of words and places.
    """

    def __init__(self, config: ConvEncoderConfig) -> None:
        """Makes the vectors of words and places."""
        super().__init__()
        check_odd(config.pooling_size)
        self.size = config.pooling_size  # k
        self.embedding = source_embedding(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """z_j = (1/k) sum_t e_{j+t}, for t from -k//2 to k//2.

        Beyond the ends of a sentence there are zeros, which count.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The keys z_j and the values e_j, both of shape (B, S, E).
        """
        x = self.dropout(self.embedding(source))  # (B, S, E)
        x = x.masked_fill((source == 0).unsqueeze(-1), 0.0)
        keys = F.avg_pool1d(
            x.transpose(1, 2), self.size, stride=1, padding=self.size // 2
        ).transpose(1, 2)  # (B, S, E)
        return keys, x


class ConvolutionalEncoder(nn.Module):
    """One stack says where to look, the other what is there (section 3.2).

    Differs: where text and code of the authors are not the same, the maps in
    and out of a wider stack follow the code (around CNN-a, not CNN-c), and
    the last block the text (it adds its input, too).
    """

    def __init__(self, config: ConvEncoderConfig) -> None:
        """Makes the vectors, CNN-a and CNN-c."""
        super().__init__()
        size, wide = config.embedding_size, config.key_size
        self.embedding = source_embedding(config)
        self.dropout = nn.Dropout(config.dropout)
        self.enter = self.leave = nn.Identity()
        if wide != size:
            self.enter = nn.Linear(size, wide)
            # A bias would add the same number to every score of a sentence.
            self.leave = nn.Linear(wide, size, bias=False)
        self.to_keys = ConvStack(
            config.key_layers, wide, config.kernel_size
        )  # CNN-a
        self.to_values = ConvStack(
            config.value_layers, size, config.kernel_size
        )  # CNN-c

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """z_j = CNN-a(e)_j and CNN-c(e)_j.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The keys and the values, both of shape (B, S, E).
        """
        mask = source != 0
        x = self.dropout(self.embedding(source))  # (B, S, E)
        keys = self.leave(self.to_keys(self.enter(x), mask))  # (B, S, E)
        return keys, self.to_values(x, mask)


class RecurrentEncoder(nn.Module):
    """What the paper compares with: an LSTM for each direction (section 2).

    Differs: one layer for each direction; the paper has up to two, and turns
    around between them.
    """

    def __init__(self, config: ConvEncoderConfig) -> None:
        """Makes the vectors, the two LSTMs and a map to their size."""
        super().__init__()
        self.embedding = source_embedding(config)
        self.dropout = nn.Dropout(config.dropout)
        self.lstm = nn.LSTM(
            config.embedding_size,
            config.hidden_size,
            batch_first=True,
            bidirectional=True,
        )
        self.to_keys = nn.Linear(
            2 * config.hidden_size, config.embedding_size, bias=False
        )

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Keys that are the values, too.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The same vectors twice, shape (B, S, E).
        """
        lengths = lengths_of(source)
        packed = pack_padded_sequence(
            self.dropout(self.embedding(source)),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        x, _ = pad_packed_sequence(
            self.lstm(packed)[0],
            batch_first=True,
            total_length=source.shape[1],
        )  # (B, S, 2D)
        keys = self.to_keys(x)  # (B, S, E)
        return keys, keys


ENCODERS = {
    "convolutional": ConvolutionalEncoder,
    "pooling": PoolingEncoder,
    "recurrent": RecurrentEncoder,
}


def attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """a_ij = exp(d_i^T z_j) / sum_t exp(d_i^T z_t), c_i = sum_j a_ij v_j.

    Args:
        query: d_i, shape (B, E).
        keys: z_j, shape (B, S, E).
        values: v_j, shape (B, S, E).
        mask: True where attention may look, shape (B, S).

    Returns:
        The context c_i, shape (B, E), and the weights a_ij, shape (B, S).
    """
    scores = (keys @ query.unsqueeze(-1)).squeeze(-1)  # (B, S)
    weights = masked_softmax(scores, mask)  # (B, S)
    context = (weights.unsqueeze(1) @ values).squeeze(1)  # (B, E)
    return context, weights


class ConditionalDecoder(nn.Module):
    """An LSTM that looks before each step and reads what it saw (section 2).

    Differs: one layer; for English-French the paper has two as well.
    """

    def __init__(self, config: ConvEncoderConfig) -> None:
        """Makes the word vectors, the query, the LSTM and the output."""
        super().__init__()
        embedding_size, size = config.embedding_size, config.hidden_size
        self.embedding = nn.Embedding(config.target_vocab_size, embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        self.to_query = nn.Linear(size, embedding_size)  # W_d, b_d
        self.lstm = nn.LSTMCell(2 * embedding_size, size)
        self.to_logits = nn.Linear(size, config.target_vocab_size)  # W_o, b_o
        self.scale = embedding_size**-0.5 if config.scaled else 1.0

    def start(self, keys: Tensor, values: Tensor, mask: Tensor) -> State:
        """The state before the first word: all zeros.

        Args:
            keys: From the encoder, shape (B, S, E).
            values: From the encoder, shape (B, S, E).
            mask: True at the words of the source, shape (B, S).
        """
        nothing = keys.new_zeros(len(keys), self.lstm.hidden_size)  # (B, D)
        return State(nothing, nothing, keys, values, mask)

    def embed(self, tokens: Tensor) -> Tensor:
        """g_i, the vectors of target words.

        Args:
            tokens: Ids, shape (...).

        Returns:
            Shape (..., E).

        Raises:
            ValueError: If an id has no word.
        """
        check_ids(tokens, self.embedding.num_embeddings)
        return self.dropout(self.embedding(tokens))

    def advance(self, embedded: Tensor, state: State) -> tuple[State, Tensor]:
        """Looks, then moves on: d_i = W_d h_i + b_d + g_i, c_i, h_{i+1}.

        Args:
            embedded: g_i, the vector of the last word, shape (B, E).
            state: Holds h_i.

        Returns:
            The state with h_{i+1}, and the weights a_ij, shape (B, S).
        """
        query = self.to_query(state.hidden) + embedded  # (B, E)
        context, weights = attend(
            query * self.scale, state.keys, state.values, state.mask
        )
        inputs = torch.cat([embedded, context], dim=-1)  # (B, 2E)
        hidden, cell = self.lstm(inputs, (state.hidden, state.cell))
        return state._replace(hidden=hidden, cell=cell), weights

    def output(self, hidden: Tensor) -> Tensor:
        """W_o h_{i+1} + b_o; the context acts through the LSTM alone.

        Args:
            hidden: h_{i+1}, shape (..., D).

        Returns:
            Logits, shape (..., V).
        """
        return self.to_logits(self.dropout(hidden))  # (..., V)


class ConvEncoderTranslator(nn.Module):
    """An encoder without recurrence, and a decoder that is recurrent.

    Differs: linear maps and LSTMs start as PyTorch does it, like the
    convolutions in the authors' code. In the paper they start between -0.05
    and 0.05, which is about the same for 512 units.
    """

    def __init__(self, config: ConvEncoderConfig) -> None:
        """Makes the two halves.

        Raises:
            ValueError: If there is no such encoder, or a window is even.
        """
        super().__init__()
        if config.encoder not in ENCODERS:
            raise ValueError(
                f"the encoder is {config.encoder!r}, expected one of "
                f"{sorted(ENCODERS)}"
            )
        self.encoder = ENCODERS[config.encoder](config)
        self.decoder = ConditionalDecoder(config)
        limits = {
            self.encoder.embedding.words: config.word_range,
            self.encoder.embedding.places: config.place_range,
            self.decoder.embedding: config.word_range,
        }
        for layer, limit in limits.items():
            if layer is not None:
                nn.init.uniform_(layer.weight, -limit, limit)

    def encode(self, source: Tensor) -> State:
        """Reads the source into a key and a value per word.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The state before the first word.

        Raises:
            ValueError: If a sentence is empty or longer than there are
                positions, or an id has no word.
        """
        lengths_of(source)  # stops at an empty sentence
        keys, values = self.encoder(source)
        return self.decoder.start(keys, values, source != 0)

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
        embedded = self.decoder.embed(tokens)  # (B, E)
        state, weights = self.decoder.advance(embedded, state)
        return self.decoder.output(state.hidden), state, weights

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing; the output layer runs once for all words.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).
            target: Ids that begin with the start symbol, shape (B, T).

        Returns:
            Logits for the word after each target word, shape (B, T, V).

        Raises:
            ValueError: If the batches differ, a source is empty or too
                long, or an id has no word.
        """
        check_pairs(source, target)
        state = self.encode(source)
        embedded = self.decoder.embed(target)  # (B, T, E)
        states = []
        for word in embedded.unbind(dim=1):
            state, _ = self.decoder.advance(word, state)
            states.append(state.hidden)
        return self.decoder.output(torch.stack(states, dim=1))  # (B, T, V)
