"""A translator of many layers, and how to make them train.

Wu, Schuster, Chen, Le, Norouzi et al. (2016), "Google's Neural Machine
Translation System: Bridging the Gap between Human and Machine Translation",
https://arxiv.org/abs/1609.08144v2. Equation numbers and sections are of this
version. Its wordpieces are in `reinvent.wordpiece`; its beam search serves
all translators and is in `reinvent.toolbox.beam`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from reinvent.bahdanau import AdditiveAttention  # §3: "similar to [2]"
from reinvent.seq2seq import (  # §3: the sequence-to-sequence framework
    check_pairs,
    lengths_of,
)
from reinvent.toolbox.vocabulary import check_ids


@dataclass(frozen=True, kw_only=True)
class GNMTConfig:
    """Sizes of `GNMT`; the defaults are those of sections 8 and 8.3.

    Attributes:
        source_vocab_size: Wordpieces of the source.
        target_vocab_size: Wordpieces of the target.
        embedding_size: Numbers in a word vector; the paper does not say.
        hidden_size: Units of each LSTM layer.
        alignment_size: Width of the attention network.
        encoder_layers: Layers that read; the bottom one reads both ways.
        decoder_layers: Layers that write, at least 2: the bottom one never
            sees the source.
        residual: Whether layers add to their input, from the third on.
        dropout: Share of each layer's input that is blanked in training.
    """

    source_vocab_size: int = 32_000
    target_vocab_size: int = 32_000
    embedding_size: int = 1024
    hidden_size: int = 1024
    alignment_size: int = 1024
    encoder_layers: int = 8
    decoder_layers: int = 8
    residual: bool = True
    dropout: float = 0.2


TINY = GNMTConfig(
    embedding_size=64,
    hidden_size=64,
    alignment_size=64,
    encoder_layers=3,
    decoder_layers=3,
    dropout=0.0,
)


class State(NamedTuple):
    """What the decoder needs for the next word, batch first.

    Attributes:
        hidden: m of every decoder layer, shape (B, layers, D). That of the
            bottom layer is its output at the past step, which asks.
        cell: c of every decoder layer, shape (B, layers, D).
        memory: Outputs of the top encoder layer, shape (B, S, D).
        keys: The memory as the attention network sees it, computed once
            per sentence, shape (B, S, A).
        mask: True at the words of the source, shape (B, S).
    """

    hidden: Tensor
    cell: Tensor
    memory: Tensor
    keys: Tensor
    mask: Tensor


class Layer(nn.Module):
    """One LSTM of a stack: equation 5, or equation 6 if it is residual.

    Differs: as in `nn.LSTM`, the output is o * tanh(c), and there are
    biases; equation 11 prints o * c and none.
    """

    def __init__(
        self, input_size: int, hidden_size: int, residual: bool, dropout: float
    ) -> None:
        """Makes the LSTM; `input_size` counts the context too."""
        super().__init__()
        self.residual = residual
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        state: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x^i = m^i + x^{i-1} if residual, else x^i = m^i.

        Args:
            x: x^{i-1}, outputs of the layer below, shape (B, T, D).
            context: a, which the LSTM reads beside x, shape (B, T, D).
            state: m and c before the first step, each of shape (1, B, D);
                0 if there is none.

        Returns:
            x^i of all steps, shape (B, T, D), and m and c after the last.
        """
        inputs = x if context is None else torch.cat([x, context], dim=-1)
        m, state = self.lstm(self.dropout(inputs), state)  # (B, T, D)
        return m + x if self.residual else m, state


def stack(
    input_size: int, context_size: int, layers: int, config: GNMTConfig
) -> nn.ModuleList:
    """The layers above a bottom layer, from below.

    "Residual connections start from the layer third from the bottom"
    (figure 1), so the first of these has none.

    Args:
        input_size: Numbers in an output of the bottom layer.
        context_size: Numbers in the context that each layer reads, or 0.
        layers: How many.
        config: Gives the sizes and whether to add.
    """
    size = config.hidden_size
    return nn.ModuleList(
        Layer(
            (size if number else input_size) + context_size,
            size,
            config.residual and number > 0,
            config.dropout,
        )
        for number in range(layers)
    )


class DeepEncoder(nn.Module):
    """Reads both ways at the bottom, then forwards only (section 3.2)."""

    def __init__(self, config: GNMTConfig) -> None:
        """Makes the word vectors, the bottom layer and those above it."""
        super().__init__()
        size = config.hidden_size
        self.embedding = nn.Embedding(
            config.source_vocab_size, config.embedding_size
        )
        self.dropout = nn.Dropout(config.dropout)
        self.bottom = nn.LSTM(
            config.embedding_size, size, batch_first=True, bidirectional=True
        )
        self.upper = stack(2 * size, 0, config.encoder_layers - 1, config)
        self.memory_size = size if len(self.upper) else 2 * size

    def forward(self, source: Tensor) -> Tensor:
        """One vector for each word, from the top layer.

        Only the backward half of the bottom layer has to be kept from
        padding: for all that read forwards it comes after the words.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The memory, shape (B, S, D); 2D if there is a single layer.
        """
        lengths = lengths_of(source)
        check_ids(source, self.embedding.num_embeddings)
        packed = pack_padded_sequence(
            self.dropout(self.embedding(source)),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        x, _ = pad_packed_sequence(
            self.bottom(packed)[0],
            batch_first=True,
            total_length=source.shape[1],
        )  # (B, S, 2D)
        for layer in self.upper:
            x, _ = layer(x)  # (B, S, D)
        return x


class DeepDecoder(nn.Module):
    """The bottom layer asks, the others are told (section 3, figure 1).

    The bottom layer depends on the words alone. So a whole sentence can go
    through it first, then ask for all its contexts, then go on layer by
    layer: no layer waits for the one above it.

    Differs: the states start at 0; the paper does not say.
    """

    def __init__(self, config: GNMTConfig, memory_size: int) -> None:
        """Makes word vectors, bottom layer, attention, layers, output."""
        super().__init__()
        size = config.hidden_size
        self.embedding = nn.Embedding(
            config.target_vocab_size, config.embedding_size
        )
        self.bottom = Layer(config.embedding_size, size, False, config.dropout)
        self.attention = AdditiveAttention(
            size, memory_size, config.alignment_size
        )
        self.upper = stack(
            size, memory_size, config.decoder_layers - 1, config
        )
        self.to_logits = nn.Linear(size, config.target_vocab_size)

    def start(self, memory: Tensor, mask: Tensor) -> State:
        """The state before the first word.

        Args:
            memory: From the encoder, shape (B, S, D).
            mask: True at the words of the source, shape (B, S).
        """
        size = 1 + len(self.upper), self.to_logits.in_features
        nothing = memory.new_zeros(len(memory), *size)  # (B, layers, D)
        keys = self.attention.to_key(memory)  # (B, S, A)
        return State(nothing, nothing, memory, keys, mask)

    def attend(self, bottom: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Equation 4: y_{i-1}, the bottom output of the past step, asks.

        Args:
            bottom: Outputs of the bottom layer, shape (B, T, D).
            state: Holds the output before these.

        Returns:
            The contexts a_i, shape (B, T, D), and the weights p, shape
            (B, T, S).
        """
        past = torch.cat(
            [state.hidden[:, :1], bottom[:, :-1]], dim=1
        )  # (B, T, D)
        looked = [
            self.attention(query, state.memory, state.keys, state.mask)
            for query in past.unbind(dim=1)
        ]
        contexts, weights = zip(*looked, strict=True)
        return torch.stack(contexts, dim=1), torch.stack(weights, dim=1)

    def forward(
        self, target: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor]:
        """Scores for the word after each word of `target`.

        Args:
            target: Ids of the words so far, shape (B, T).
            state: From `start` or from an earlier call.

        Returns:
            Logits of shape (B, T, V), the state after the last word, and
            the weights over the source, shape (B, T, S).
        """
        check_ids(target, self.embedding.num_embeddings)
        hidden, cell = (
            part.transpose(0, 1).contiguous().split(1)
            for part in (state.hidden, state.cell)
        )
        x, (m, c) = self.bottom(
            self.embedding(target), state=(hidden[0], cell[0])
        )
        after = [(m, c)]
        context, weights = self.attend(x, state)
        for i, layer in enumerate(self.upper, start=1):
            x, (m, c) = layer(x, context, (hidden[i], cell[i]))  # (B, T, D)
            after.append((m, c))
        hidden, cell = (
            torch.cat(part).transpose(0, 1)
            for part in zip(*after, strict=True)
        )
        state = state._replace(hidden=hidden, cell=cell)
        return self.to_logits(x), state, weights


def initialize(model: nn.Module) -> None:
    """Weights with which a signal keeps its size through many layers.

    Glorot and Bengio (2010), "Understanding the difficulty of training deep
    feedforward neural networks", gate by gate. With PyTorch's own, which
    are smaller, a small model learns to look much later. Word vectors are
    left at N(0, 1).

    Args:
        model: All its matrices but the word vectors are filled in place.
    """
    for name, weight in model.named_parameters():
        if weight.dim() == 2 and "embedding" not in name:
            # An LSTM has the matrices of its four gates in one.
            gates = 4 if "_l0" in name else 1
            for gate in weight.detach().chunk(gates):
                nn.init.xavier_uniform_(gate)


class GNMT(nn.Module):
    """Google's translator: deep stacks, joined by attention.

    Differs: cells, sums and logits are not clipped (equations 10 and 13,
    for int8), and there is no reinforcement learning (section 5). All
    weights start as in `initialize`; section 8.3 has U[-0.04, 0.04].
    """

    def __init__(self, config: GNMTConfig) -> None:
        """Makes the two halves.

        Raises:
            ValueError: If there are too few layers.
        """
        super().__init__()
        if config.encoder_layers < 1 or config.decoder_layers < 2:
            raise ValueError(
                f"{config.encoder_layers} encoder and "
                f"{config.decoder_layers} decoder layers, "
                "expected at least 1 and 2"
            )
        self.encoder = DeepEncoder(config)
        self.decoder = DeepDecoder(config, self.encoder.memory_size)
        initialize(self)

    def encode(self, source: Tensor) -> State:
        """Reads the source into one vector per word.

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
        logits, state, weights = self.decoder(tokens.unsqueeze(1), state)
        return logits.squeeze(1), state, weights.squeeze(1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing: every word is predicted from the true ones.

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
        logits, _, _ = self.decoder(target, self.encode(source))
        return logits
