"""One network reads a sentence into a vector, another one writes it out.

Sutskever, Vinyals, Le (2014), "Sequence to Sequence Learning with Neural
Networks", https://arxiv.org/abs/1409.3215v3: the encoder-decoder.
Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder
for Statistical Machine Translation", https://arxiv.org/abs/1406.1078v3: the
gated unit that is called GRU today.
Hochreiter, Schmidhuber (1997), "Long Short-Term Memory", Neural Computation
9(8): the cell that keeps its gradient.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from reinvent.toolbox.vocabulary import check_ids


class RNNCell(nn.Module):
    """h_t = tanh(W x_t + U h_{t-1} + b)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Makes W with its bias, and U."""
        super().__init__()
        self.from_input = nn.Linear(input_size, hidden_size)  # W
        self.from_hidden = nn.Linear(hidden_size, hidden_size)  # U

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """One step in time.

        Args:
            inputs: x_t, shape (B, E).
            hidden: h_{t-1}, shape (B, D).

        Returns:
            h_t, shape (B, D).
        """
        return torch.tanh(
            self.from_input(inputs) + self.from_hidden(hidden)
        )  # (B, D)


class LSTMCell(nn.Module):
    """A cell that is added to, and three gates that guard it.

    Differs: the paper of 1997 has no forget gate, its cell keeps all of its
    past (section 4). Here it has one, as in `nn.LSTM`.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Makes the weights of the three gates and of the candidate."""
        super().__init__()
        self.from_input = nn.Linear(input_size, 4 * hidden_size)
        self.from_hidden = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """One step in time.

        Args:
            inputs: x_t, shape (B, E).
            state: h_{t-1} and the cell c_{t-1}, both of shape (B, D).

        Returns:
            h_t and c_t, both of shape (B, D).
        """
        hidden, cell = state
        gates = self.from_input(inputs) + self.from_hidden(hidden)  # (B, 4D)
        write, keep, candidate, read = gates.chunk(4, dim=-1)
        kept = torch.sigmoid(keep) * cell  # (B, D)
        written = torch.sigmoid(write) * torch.tanh(candidate)  # (B, D)
        cell = kept + written
        hidden = torch.sigmoid(read) * torch.tanh(cell)
        return hidden, cell


class GRUCell(nn.Module):
    """Two gates and no separate cell (Cho et al. 2014, equations 5 to 8).

    Differs: as in `nn.GRU`, the reset gate multiplies after U; in equation
    8 of the paper it multiplies before.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        """Makes the weights of the two gates and of the candidate."""
        super().__init__()
        self.from_input = nn.Linear(input_size, 3 * hidden_size)
        self.from_hidden = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """One step in time.

        Args:
            inputs: x_t, shape (B, E).
            hidden: h_{t-1}, shape (B, D).

        Returns:
            h_t, shape (B, D).
        """
        reset_x, keep_x, new_x = self.from_input(inputs).chunk(3, dim=-1)
        reset_h, keep_h, new_h = self.from_hidden(hidden).chunk(3, dim=-1)
        reset = torch.sigmoid(reset_x + reset_h)  # r
        keep = torch.sigmoid(keep_x + keep_h)  # z
        candidate = torch.tanh(new_x + reset * new_h)
        return keep * hidden + (1 - keep) * candidate  # (B, D)


@dataclass(frozen=True, kw_only=True)
class Seq2SeqConfig:
    """Sizes of `EncoderDecoder`; the defaults are those of section 3.4."""

    source_vocab_size: int = 160_000
    target_vocab_size: int = 80_000
    embedding_size: int = 1000
    hidden_size: int = 1000
    num_layers: int = 4
    reverse_source: bool = True


TINY = Seq2SeqConfig(embedding_size=64, hidden_size=128, num_layers=1)


class State(NamedTuple):
    """What the decoder carries from word to word, batch first.

    Attributes:
        hidden: h of every layer, shape (B, layers, D).
        cell: c of every layer, shape (B, layers, D).
    """

    hidden: Tensor
    cell: Tensor


def lengths_of(tokens: Tensor) -> Tensor:
    """How many tokens of each row are not padding.

    Args:
        tokens: Ids, padded at the end with 0, shape (B, S).

    Returns:
        Lengths in tokens, shape (B,).

    Raises:
        ValueError: If a row holds nothing but padding, or padding stands
            before a word.
    """
    words = tokens != 0  # (B, S)
    if (words[:, 1:] & ~words[:, :-1]).any():
        raise ValueError("padding stands before a word, expected at the end")
    lengths = words.sum(dim=1)  # (B,)
    if (lengths == 0).any():
        row = int((lengths == 0).nonzero()[0])
        raise ValueError(
            f"sentence {row} is empty: expected at least 1 token, got 0"
        )
    return lengths


def check_pairs(source: Tensor, target: Tensor) -> None:
    """Stops when a batch has not one target for each source.

    Args:
        source: Ids, shape (B, S).
        target: Ids, shape (B, T).

    Raises:
        ValueError: If the batch sizes differ, or either has no B or length.
    """
    if source.dim() != 2 or target.dim() != 2 or len(source) != len(target):
        raise ValueError(
            f"source has shape {tuple(source.shape)} and target "
            f"{tuple(target.shape)}, expected (B, S) and (B, T) with one B"
        )


def reverse(sequence: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Turns each sentence around and leaves its padding at the end.

    Section 3.3: the first words of source and target come closer together.

    Args:
        sequence: Ids or vectors, padded at the end, shape (B, S, ...).
        lengths: In tokens, shape (B,); of ids they need not be given.

    Returns:
        The same in reverse order, shape (B, S, ...).
    """
    length = sequence.shape[1]
    if lengths is None:
        lengths = lengths_of(sequence)
    positions = torch.arange(length, device=sequence.device)  # (S,)
    places = (lengths.unsqueeze(1) - 1 - positions) % length  # (B, S)
    rows = torch.arange(len(sequence), device=sequence.device)
    return sequence[rows.unsqueeze(1), places]


class Encoder(nn.Module):
    """Reads a sentence and keeps the state after its last word."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        """Makes the word vectors and a stack of LSTM layers."""
        super().__init__()
        self.reverse_source = config.reverse_source
        self.embedding = nn.Embedding(
            config.source_vocab_size, config.embedding_size
        )
        self.lstm = nn.LSTM(
            config.embedding_size,
            config.hidden_size,
            config.num_layers,
            batch_first=True,
        )

    def forward(self, source: Tensor) -> State:
        """Reads a batch; padding is never read.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The state after the last word.
        """
        lengths = lengths_of(source)
        check_ids(source, self.embedding.num_embeddings)
        if self.reverse_source:
            source = reverse(source)
        packed = pack_padded_sequence(
            self.embedding(source),
            lengths.cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        _, (hidden, cell) = self.lstm(packed)
        return State(hidden.transpose(0, 1), cell.transpose(0, 1))


class Decoder(nn.Module):
    """Writes a sentence word by word, from a state and nothing else."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        """Makes the word vectors, the LSTM layers and the output layer."""
        super().__init__()
        self.embedding = nn.Embedding(
            config.target_vocab_size, config.embedding_size
        )
        self.lstm = nn.LSTM(
            config.embedding_size,
            config.hidden_size,
            config.num_layers,
            batch_first=True,
        )
        self.to_logits = nn.Linear(
            config.hidden_size, config.target_vocab_size
        )

    def forward(self, target: Tensor, state: State) -> tuple[Tensor, State]:
        """Scores for the word after each word of `target`.

        Args:
            target: Ids of the words so far, shape (B, T).
            state: From the encoder or from an earlier call.

        Returns:
            Logits of shape (B, T, V), and the state after the last word.
        """
        check_ids(target, self.embedding.num_embeddings)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)
        outputs, (hidden, cell) = self.lstm(
            self.embedding(target), (hidden, cell)
        )
        logits = self.to_logits(outputs)  # (B, T, V)
        return logits, State(hidden.transpose(0, 1), cell.transpose(0, 1))


class EncoderDecoder(nn.Module):
    """Sutskever's translator: one state is all that crosses over.

    Differs: Sutskever et al. use 4 layers, initialise with U[-0.08, 0.08]
    and train by SGD (sections 3.4, 3.5); the chapter trains one layer, with
    PyTorch's initialisation, by Adam.
    """

    def __init__(self, config: Seq2SeqConfig) -> None:
        """Makes the two halves."""
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, source: Tensor) -> State:
        """Reads the source into a state.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Raises:
            ValueError: If a sentence is empty or an id has no word.
        """
        return self.encoder(source)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State, None]:
        """Scores for the next word of each sentence.

        Args:
            tokens: The last word of each sentence, shape (B,).
            state: The state before that word.

        Returns:
            Logits of shape (B, V), the state after the word, and None: this
            model has no attention weights to show.

        Raises:
            ValueError: If an id has no word.
        """
        logits, state = self.decoder(tokens.unsqueeze(1), state)
        return logits.squeeze(1), state, None

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
        logits, _ = self.decoder(target, self.encode(source))
        return logits
