"""Word vectors that know their sentence: the layers of two language models.

Peters, Neumann, Iyyer, Gardner, Clark, Lee, Zettlemoyer (2018), "Deep
contextualized word representations", https://arxiv.org/abs/1802.05365v2.
Equation numbers, sections and tables are of this version. What it does not
print (clipping, filters, how a word is spelled) is from the authors' program,
https://github.com/allenai/bilm-tf.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from reinvent.seq2seq import (  # §3.1: LSTMs read, one of them reversed
    lengths_of,
    reverse,
)
from reinvent.toolbox.foreign_weights import lstm_of_tensorflow, read_hdf5
from reinvent.toolbox.guards import evaluating
from reinvent.toolbox.vocabulary import BOS, EOS, PAD, check_ids

NUM_CHARACTERS = 262
"""0 for no word, 1 to 256 for the bytes, then the five marks."""

BEGIN_SENTENCE, END_SENTENCE, BEGIN_WORD, END_WORD, NO_CHARACTER = range(
    257, 262
)

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


def _check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    """Stops at a switch that does not exist."""
    if given not in known:
        raise ValueError(f"{name} is {given!r}, expected one of {known}")


@dataclass(frozen=True, kw_only=True)
class BiLMConfig:
    """Sizes and switches of `BiLM`; the defaults are those of section 3.4.

    Attributes:
        vocab_size: Words of the softmax, and of the vectors if `inputs` is
            "words"; padding is id 0.
        inputs: "characters" as in the paper, or "words", which has a vector
            for each word instead: faster, but it knows no other words.
        hidden_size: Numbers that stand for a word in each direction.
        cell_size: Units of each LSTM; a matrix projects them to the hidden
            size. If both are the same, there is no projection.
        num_layers: L, layers of each direction.
        residual: Whether a layer adds its input to its output, from the
            second on.
        cell_clip: Largest size of a number in a cell; `math.inf`: any.
        projection_clip: The same of a projected number.
        dropout: Share of each layer's input, and of what the softmax reads,
            that is blanked in training.
        max_characters: Characters of a word, its two marks included.
        character_size: Numbers in the vector of a character.
        filters: (width in characters, number) of each convolution.
        activation: "relu" or "tanh", after the convolutions.
        num_highways: Highway layers above them.

    Raises:
        ValueError: If a setting makes no model.
    """

    vocab_size: int = 793_471
    inputs: str = "characters"
    hidden_size: int = 512
    cell_size: int = 4096
    num_layers: int = 2
    residual: bool = True
    cell_clip: float = 3.0
    projection_clip: float = 3.0
    dropout: float = 0.1
    max_characters: int = 50
    character_size: int = 16
    filters: tuple[tuple[int, int], ...] = (
        (1, 32),
        (2, 32),
        (3, 64),
        (4, 128),
        (5, 256),
        (6, 512),
        (7, 1024),
    )
    activation: str = "relu"
    num_highways: int = 2

    def __post_init__(self) -> None:
        """Stops at settings that make no model."""
        _check_choice("inputs", self.inputs, ("characters", "words"))
        _check_choice("activation", self.activation, tuple(ACTIVATIONS))
        if self.num_layers < 1 or self.cell_size < self.hidden_size:
            raise ValueError(
                f"num_layers is {self.num_layers}, cell_size "
                f"{self.cell_size} and hidden_size {self.hidden_size}, "
                "expected at least 1 layer and a cell not below the hidden "
                "size"
            )
        widest = max((width for width, _ in self.filters), default=math.inf)
        if self.max_characters < max(widest, 3):
            raise ValueError(
                f"max_characters is {self.max_characters} and filters are "
                f"{self.filters}, expected a filter, none of them wider than "
                "a word, and room for a byte and two marks"
            )


TINY = BiLMConfig(
    vocab_size=200,
    inputs="words",
    hidden_size=64,
    cell_size=64,
    cell_clip=math.inf,
    projection_clip=math.inf,
    max_characters=16,
    filters=((1, 8), (2, 16), (3, 32), (4, 64)),
)


def spell_word(word: str, max_characters: int = 50) -> list[int]:
    """A word as numbers: its bytes in UTF-8, plus 1, between two marks.

    Args:
        word: Any string. `<s>` and `</s>`, the ends of a sentence, are one
            mark each; `<pad>`, which is no word, is all 0.
        max_characters: Length of the result; longer words are cut.

    Returns:
        Numbers from 0 to 261, filled up with the mark for no character.

    Raises:
        ValueError: If the word is empty or there is no room for a byte.
    """
    if not word or max_characters < 3:
        raise ValueError(
            f"the word is {word!r} and max_characters {max_characters}, "
            "expected at least 1 character and room for it and two marks"
        )
    if word == PAD:
        return [0] * max_characters
    data = word.encode("utf-8", "ignore")[: max_characters - 2]
    ends = {BOS: [BEGIN_SENTENCE], EOS: [END_SENTENCE]}
    body = ends.get(word, [byte + 1 for byte in data])
    spelled = [BEGIN_WORD, *body, END_WORD]
    return spelled + [NO_CHARACTER] * (max_characters - len(spelled))


def spell_sentences(
    sentences: Sequence[Sequence[str]], max_characters: int = 50
) -> Tensor:
    """A batch of spelled sentences, with `<s>` and `</s>` at their ends.

    Args:
        sentences: B sentences, each a list of words.
        max_characters: As in `spell_word`.

    Returns:
        Characters, padded at the end with 0, shape (B, T, chars).

    Raises:
        ValueError: If there is no sentence, or a word is empty.
    """
    longest = max(map(len, sentences), default=0)
    if not longest:
        raise ValueError(
            f"{len(sentences)} sentences, the longest of {longest} words, "
            "expected at least 1 of each"
        )
    padded = [
        [BOS, *words, EOS, *[PAD] * (longest - len(words))]
        for words in sentences
    ]
    return torch.tensor(
        [
            [spell_word(word, max_characters) for word in words]
            for words in padded
        ]
    )


class Highway(nn.Module):
    """y = g * relu(W x + b) + (1 - g) * x with g = sigmoid(W_g x + b_g).

    Srivastava, Greff, Schmidhuber (2015), "Highway Networks",
    https://arxiv.org/abs/1505.00387. b_g starts at -2, so that at first
    most of x goes through as it is.
    """

    def __init__(self, size: int) -> None:
        """Makes W and W_g."""
        super().__init__()
        self.change = nn.Linear(size, size)  # W, b
        self.gate = nn.Linear(size, size)  # W_g, b_g
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:
        """y, shape (..., size) as x."""
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.change(x)) + (1 - gate) * x


class CharacterCNN(nn.Module):
    """The vector of a word from its characters alone (section 3.4).

    Kim, Jernite, Sontag, Rush (2015), "Character-Aware Neural Language
    Models", https://arxiv.org/abs/1508.06615. A filter of width w looks at w
    characters at once and keeps the strongest answer of all places; highway
    layers and a projection follow.
    """

    def __init__(self, config: BiLMConfig) -> None:
        """Makes the vectors, the filters and the layers above them."""
        super().__init__()
        self.max_characters = config.max_characters
        size, count = config.character_size, sum(n for _, n in config.filters)
        self.embedding = nn.Embedding(NUM_CHARACTERS, size, padding_idx=0)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, number, width) for width, number in config.filters
        )
        self.activation = ACTIVATIONS[config.activation]
        self.highways = nn.Sequential(
            *(Highway(count) for _ in range(config.num_highways))
        )
        self.to_token = nn.Linear(count, config.hidden_size)

    def read(self, spelled: Tensor) -> Tensor:
        """Vectors (words, D) of spelled words (words, chars)."""
        x = self.embedding(spelled).transpose(1, 2)  # (words, E, chars)
        found = [
            self.activation(convolution(x)).amax(dim=2)
            for convolution in self.convolutions
        ]
        return self.to_token(self.highways(torch.cat(found, dim=1)))

    def forward(self, characters: Tensor) -> Tensor:
        """Each word that occurs is read once, however often it occurs.

        Args:
            characters: As from `spell_sentences`, shape (B, T, chars).

        Returns:
            x_k of every word, shape (B, T, D).

        Raises:
            ValueError: If the shape is another or a number no character.
        """
        if characters.dim() != 3 or characters.shape[2] != self.max_characters:
            raise ValueError(
                f"characters have shape {tuple(characters.shape)}, expected "
                f"(B, T, {self.max_characters})"
            )
        check_ids(characters, NUM_CHARACTERS)
        different, places = characters.flatten(0, 1).unique(
            dim=0, return_inverse=True
        )
        tokens = self.read(different)[places]
        return tokens.unflatten(0, characters.shape[:2])  # (B, T, D)


class WordVectors(nn.Embedding):
    """In place of the characters: a vector (B, T, D) for each id (B, T)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Stops at other shapes and at ids without a word."""
        if tokens.dim() != 2:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, expected (B, T)"
            )
        check_ids(tokens, self.num_embeddings)
        return super().forward(tokens)


class ProjectedLSTM(nn.Module):
    """An LSTM whose units are projected to fewer numbers, and clipped.

    `nn.LSTM` with `proj_size` computes the same without clipping, no faster
    on a CPU than these steps. Where nothing is projected or clipped it is
    faster, and taken.
    """

    def __init__(
        self,
        input_size: int,
        cell_size: int,
        hidden_size: int,
        cell_clip: float = math.inf,
        projection_clip: float = math.inf,
    ) -> None:
        """Makes the weights; the forget gate starts open, with a bias of 1."""
        super().__init__()
        self.cell_clip = cell_clip
        self.projection_clip = projection_clip
        self.projected = hidden_size < cell_size
        self.lstm = nn.LSTM(
            input_size,
            cell_size,
            batch_first=True,
            proj_size=hidden_size if self.projected else 0,
        )
        nn.init.zeros_(self.lstm.bias_hh_l0)
        nn.init.zeros_(self.lstm.bias_ih_l0)
        nn.init.ones_(self.lstm.bias_ih_l0[cell_size : 2 * cell_size])

    def step(
        self, gates: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One word: the cell is clipped, then projected, then clipped.

        Args:
            gates: The share of the input in all gates, shape (B, 4cells).
            hidden: h_{t-1}, shape (B, D).
            cell: c_{t-1}, shape (B, cells).

        Returns:
            h_t and c_t.
        """
        gates = gates + F.linear(hidden, self.lstm.weight_hh_l0)  # (B, 4cells)
        write, keep, new, read = gates.chunk(4, dim=1)  # 4 x (B, cells)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * new.tanh()
        cell = cell.clamp(-self.cell_clip, self.cell_clip)
        hidden = torch.sigmoid(read) * cell.tanh()  # (B, cells)
        if self.projected:
            hidden = F.linear(hidden, self.lstm.weight_hr_l0)  # (B, D)
            hidden = hidden.clamp(-self.projection_clip, self.projection_clip)
        return hidden, cell

    def forward(
        self,
        x: Tensor,
        lengths: Tensor,
        state: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """All words, from the first on.

        Args:
            x: Padded at the end, shape (B, T, D).
            lengths: In words, shape (B,).
            state: h (B, D) and c (B, cells) before the first word; 0 if
                there is none.

        Returns:
            h of all words, shape (B, T, D), and, if a state was given, that
            after the last word of each sentence.
        """
        plain = not self.projected and self.cell_clip == math.inf
        if state is None and plain:
            return self.lstm(x)[0], None
        hidden, cell = state or (
            x.new_zeros(len(x), self.lstm.weight_hh_l0.shape[1]),
            x.new_zeros(len(x), self.lstm.hidden_size),
        )
        bias = self.lstm.bias_ih_l0 + self.lstm.bias_hh_l0
        steps = []
        for gates in F.linear(x, self.lstm.weight_ih_l0, bias).unbind(dim=1):
            hidden, cell = self.step(gates, hidden, cell)
            steps.append((hidden, cell))
        hidden, cell = (
            torch.stack(part, dim=1) for part in zip(*steps, strict=True)
        )
        last = torch.arange(len(x), device=x.device), lengths - 1
        after = None if state is None else (hidden[last], cell[last])
        return hidden, after


class State(NamedTuple):
    """What both directions carry from one batch to the next, batch first.

    The layers of the forward direction come first.

    Attributes:
        hidden: h of each LSTM, shape (B, 2layers, D).
        cell: c of each LSTM, shape (B, 2layers, cells).
    """

    hidden: Tensor
    cell: Tensor


class BiLM(nn.Module):
    """Two stacks of LSTMs over the same vectors, one from each end.

    Neither direction ever sees the other: a layer of the forward one knows
    the words up to this one, a layer of the backward one those from here on.

    Differs: all but the biases of gates starts as in PyTorch.
    """

    def __init__(self, config: BiLMConfig) -> None:
        """Makes the token layer, which is shared, and both stacks."""
        super().__init__()
        self.config = config
        size = config.hidden_size
        if config.inputs == "words":
            self.token = WordVectors(config.vocab_size, size, padding_idx=0)
        else:
            self.token = CharacterCNN(config)
        self.dropout = nn.Dropout(config.dropout)
        self.lstms = nn.ModuleList(
            ProjectedLSTM(
                size,
                config.cell_size,
                size,
                config.cell_clip,
                config.projection_clip,
            )
            for _ in range(2 * config.num_layers)
        )

    def start(self, batch_size: int) -> State:
        """The state of zeros, to be carried from batch to batch."""
        config, zeros = self.config, self.lstms[0].lstm.weight_hh_l0.new_zeros
        count = 2 * config.num_layers
        return State(
            zeros(batch_size, count, config.hidden_size),
            zeros(batch_size, count, config.cell_size),
        )

    def one_way(
        self, x: Tensor, lengths: Tensor, first: int, state: State | None
    ) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
        """One stack, from the first word on.

        Args:
            x: x_k, shape (B, T, D).
            lengths: In words, shape (B,).
            first: Number of its lowest LSTM.
            state: Before the first word.

        Returns:
            h_k of each layer, shape (B, T, D), and its state, if any.
        """
        layers, after = [], []
        for i in range(first, first + self.config.num_layers):
            x = self.dropout(x)
            before = None
            if state is not None:
                before = state.hidden[:, i], state.cell[:, i]
            hidden, last = self.lstms[i](x, lengths, before)
            x = hidden + x if self.config.residual and i > first else hidden
            layers.append(x)
            after.append(last)
        return layers, after

    def forward(
        self, inputs: Tensor, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """All layers of all words, with the ends of the sentences.

        Args:
            inputs: Characters (B, T, chars) or ids (B, T), each sentence
                with `<s>` and `</s>`, padded at the end with 0.
            state: From `start` or an earlier call, if sentence is to follow
                on sentence as in the authors' program.

        Returns:
            Layers, shape (B, layers + 1, T, 2D): [x; x], then [forward;
            backward] from below; 0 at padding. The next state, if a state
            was given.

        Raises:
            ValueError: If a shape or an id is wrong, a sentence is empty, or
                padding stands before a word.
        """
        x = self.token(inputs)  # (B, T, D)
        real = is_token(inputs)  # (B, T)
        lengths = lengths_of(real)
        forward, ended = self.one_way(x, lengths, 0, state)
        backward, began = self.one_way(
            reverse(x, lengths), lengths, self.config.num_layers, state
        )
        backward = [reverse(layer, lengths) for layer in backward]
        pairs = zip([x, *forward], [x, *backward], strict=True)
        layers = torch.stack(
            [torch.cat(pair, dim=2) for pair in pairs], dim=1
        )  # (B, layers + 1, T, 2D)
        if state is not None:
            parts = zip(*ended, *began, strict=True)
            state = State(*(torch.stack(part, dim=1) for part in parts))
        return layers * real[:, None, :, None], state

    def represent(self, inputs: Tensor) -> Tensor:
        """The recorded layers of all words, for a task (section 3.3).

        In eval mode and without gradients: the biLM is frozen.

        Args:
            inputs: As in `forward`.

        Returns:
            Shape (B, layers + 1, T - 2, 2D).

        Raises:
            ValueError: As `forward`; or if a sentence is only its ends.
        """
        with evaluating(self):
            layers, _ = self(inputs)
        return words_only(layers, inputs)


def is_token(inputs: Tensor) -> Tensor:
    """True (B, T) where ids (B, T) or characters (B, T, chars) are no 0."""
    return inputs.any(dim=2) if inputs.dim() == 3 else inputs != 0


def words_only(layers: Tensor, inputs: Tensor) -> Tensor:
    """Takes the ends of the sentences off.

    Args:
        layers: From `BiLM.forward`, shape (B, layers + 1, T, 2D).
        inputs: What it read.

    Returns:
        Shape (B, layers + 1, T - 2, 2D), 0 at padding.

    Raises:
        ValueError: If a sentence has no word.
    """
    real = is_token(inputs)  # (B, T)
    shortest = int(real.sum(dim=1).min())
    if shortest < 3:
        raise ValueError(
            f"a sentence of {shortest} tokens, expected at least 3: <s>, a "
            "word and </s>"
        )
    inside = real[:, 2:]  # (B, T - 2)
    return layers[:, :, 1:-1] * inside[:, None, :, None]


class BiLanguageModel(nn.Module):
    """Trains a `BiLM`: its top layers tell the next and the previous word.

    Differs: a full softmax; the authors' program draws 8192 wrong words for
    each batch. Sentences start from a state of 0 and not where the last one
    ended.
    """

    def __init__(self, config: BiLMConfig) -> None:
        """Makes the biLM and one softmax for both directions."""
        super().__init__()
        self.config = config
        self.bilm = BiLM(config)
        self.dropout = nn.Dropout(config.dropout)
        self.to_logits = nn.Linear(
            config.hidden_size, config.vocab_size
        )  # Theta_s

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Scores from the words before, and from the words after.

        The word at place k, from 1 to T - 2, has the scores
        `forward[:, k - 1]` and `backward[:, k]`.

        Args:
            inputs: As in `BiLM.forward`.

        Returns:
            Two logits of shape (B, T - 1, V): for the word after each token
            but the last, and for the word before each token but the first.

        Raises:
            ValueError: As `BiLM.forward`.
        """
        layers, _ = self.bilm(inputs)
        top = self.dropout(layers[:, -1])  # (B, T, 2D)
        forward, backward = top.chunk(2, dim=2)  # 2 x (B, T, D)
        return self.to_logits(forward[:, :-1]), self.to_logits(backward[:, 1:])

    def losses(
        self, inputs: Tensor, tokens: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """How badly each direction tells the words (section 3.1).

        Args:
            inputs: As in `BiLM.forward`.
            tokens: Their ids, shape (B, T); those of words need not be given.

        Returns:
            Two scalars, nats per token: of the forward direction, which
            tells the words and `</s>`, and of the backward one, which tells
            the words and `<s>`.

        Raises:
            ValueError: If ids are missing or none; else as `BiLM.forward`.
        """
        tokens = inputs if tokens is None else tokens
        if tokens.shape != inputs.shape[:2]:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, expected "
                f"{tuple(inputs.shape[:2])}, an id for each input"
            )
        check_ids(tokens, self.to_logits.out_features)
        after = tokens[:, 1:]  # (B, T - 1)
        before = tokens[:, :-1] * (after != 0)  # (B, T - 1)
        forward, backward = (
            F.cross_entropy(
                logits.flatten(0, 1), told.flatten(), ignore_index=0
            )
            for logits, told in zip(self(inputs), (after, before), strict=True)
        )
        return forward, backward

    def loss(self, inputs: Tensor, tokens: Tensor | None = None) -> Tensor:
        """The sum of both `losses`, nats per token, a scalar."""
        forward, backward = self.losses(inputs, tokens)
        return forward + backward


class ScalarMix(nn.Module):
    """Equation 1: ELMo_k = gamma * sum_j s_j h_{k,j}, learned by a task.

    Differs: the norm, which section 3.2 leaves open, is over the numbers of
    one word; in the authors' program it is over all words of a batch, so
    that a sentence changes with its neighbours.
    """

    def __init__(self, num_layers: int, layer_norm: bool = False) -> None:
        """Makes w, from which s = softmax(w), and gamma.

        Args:
            num_layers: L + 1.
            layer_norm: Whether each layer is normalized, without a gain.
        """
        super().__init__()
        self.layer_norm = layer_norm
        self.scores = nn.Parameter(torch.zeros(num_layers))  # w
        self.gamma = nn.Parameter(torch.ones(()))

    def weights(self) -> Tensor:
        """s, shape (layers + 1,)."""
        return self.scores.softmax(dim=0)

    def penalty(self) -> Tensor:
        """The sum of squares of w; lambda times it keeps s near a mean."""
        return self.scores.square().sum()

    def forward(self, layers: Tensor) -> Tensor:
        """ELMo_k of every word.

        Args:
            layers: h_{k,j}, shape (B, layers + 1, T, 2D).

        Returns:
            Shape (B, T, 2D).

        Raises:
            ValueError: If the layers are more or fewer.
        """
        if layers.dim() != 4 or layers.shape[1] != len(self.scores):
            raise ValueError(
                f"layers have shape {tuple(layers.shape)}, expected "
                f"(B, {len(self.scores)}, T, 2D)"
            )
        if self.layer_norm:
            layers = F.layer_norm(layers, layers.shape[3:])
        mixed = (self.weights()[:, None, None] * layers).sum(dim=1)
        return self.gamma * mixed  # (B, T, 2D)


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """Sizes and switches of `TaskModel`; only the ELMo part is the paper's.

    Attributes:
        vocab_size: Words that the task has vectors for; padding is id 0.
        num_labels: What it tells apart.
        embedding_size: Numbers in its own word vectors.
        hidden_size: Units of its LSTM in each direction; 0: it has none.
        elmo_size: 2D, numbers in a layer of the biLM.
        elmo_layers: L + 1, layers of the biLM.
        places: Where ELMo is put: "input", "output", "both", or "none"
            (table 3).
        layer_norm: As in `ScalarMix`.
        pooled: Whether the sentence gets a label, from the mean of its
            words, or each word one.
        dropout: Share of what the LSTM and the labels read that is blanked
            in training.
    """

    vocab_size: int
    num_labels: int
    embedding_size: int = 100
    hidden_size: int = 100
    elmo_size: int = 1024
    elmo_layers: int = 3
    places: str = "input"
    layer_norm: bool = False
    pooled: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Stops at a switch that does not exist."""
        known = ("input", "output", "both", "none")
        _check_choice("places", self.places, known)


class TaskModel(nn.Module):
    """A task's own network, given [x_k; ELMo_k] in place of x_k (§3.3).

    It reads recorded layers, so that the biLM stays as it is and runs once.
    Another mix, with its own weights, can be put beside what its LSTM gives.
    """

    def __init__(self, config: TaskConfig) -> None:
        """Makes the word vectors, the mixes, the LSTM and the labels."""
        super().__init__()
        self.pooled = config.pooled
        self.embedding = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=0
        )
        self.mixes = nn.ModuleDict(
            {
                place: ScalarMix(config.elmo_layers, config.layer_norm)
                for place in ("input", "output")
                if config.places in (place, "both")
            }
        )
        size = config.embedding_size
        size += config.elmo_size * ("input" in self.mixes)
        self.lstm = None
        if config.hidden_size:
            self.lstm = nn.LSTM(
                size, config.hidden_size, batch_first=True, bidirectional=True
            )
            size = 2 * config.hidden_size
        size += config.elmo_size * ("output" in self.mixes)
        self.dropout = nn.Dropout(config.dropout)
        self.to_labels = nn.Linear(size, config.num_labels)

    def enrich(self, x: Tensor, place: str, layers: Tensor | None) -> Tensor:
        """[x_k; ELMo_k] if ELMo has that place, else x_k."""
        if place not in self.mixes:
            return x
        return torch.cat([x, self.mixes[place](layers)], dim=2)

    def read(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The LSTM, from (B, T, E) to (B, T, 2D)."""
        packed = pack_padded_sequence(
            x, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        hidden, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return hidden

    def forward(self, tokens: Tensor, layers: Tensor | None = None) -> Tensor:
        """Scores of the labels.

        Args:
            tokens: Ids without the ends of the sentences, padded at the end
                with 0, shape (B, T).
            layers: From `BiLM.represent`, shape (B, layers + 1, T, 2D); not
                needed if ELMo has no place.

        Returns:
            Logits of shape (B, T, labels), or (B, labels) if pooled.

        Raises:
            ValueError: If the layers are missing or of other words, a
                sentence is empty, or an id has no word.
        """
        given = None if layers is None else tuple(layers.shape)
        size = tuple(tokens.shape)
        if self.mixes and (given is None or given[::2] != size):
            raise ValueError(
                f"tokens have shape {size} and layers {given}, expected (B, "
                "T) and (B, layers + 1, T, 2D) of the same words"
            )
        lengths = lengths_of(tokens)
        check_ids(tokens, self.embedding.num_embeddings)
        x = self.enrich(self.embedding(tokens), "input", layers)
        if self.lstm is not None:
            x = self.read(self.dropout(x), lengths)
        x = self.dropout(self.enrich(x, "output", layers))
        if self.pooled:
            total = (x * is_token(tokens).unsqueeze(2)).sum(dim=1)
            x = total / lengths.unsqueeze(1)
        return self.to_labels(x)


# The weights that the authors published


def published_config(options: dict) -> BiLMConfig:
    """The config that the authors' `options.json` stands for.

    Args:
        options: The content of the file.

    Raises:
        ValueError: If something is missing, or the characters are others.
    """
    try:
        lstm, cnn = options["lstm"], options["char_cnn"]
        if cnn["n_characters"] != NUM_CHARACTERS:
            raise ValueError(
                f"the options have {cnn['n_characters']} characters, "
                f"expected {NUM_CHARACTERS}"
            )
        return BiLMConfig(
            hidden_size=lstm["projection_dim"],
            cell_size=lstm["dim"],
            num_layers=lstm["n_layers"],
            residual=lstm["use_skip_connections"],
            cell_clip=lstm["cell_clip"] or math.inf,
            projection_clip=lstm["proj_clip"] or math.inf,
            max_characters=cnn["max_characters_per_token"],
            character_size=cnn["embedding"]["dim"],
            filters=tuple((width, count) for width, count in cnn["filters"]),
            activation=cnn["activation"],
            num_highways=cnn["n_highway"],
        )
    except KeyError as error:
        raise ValueError(f"the options have no {error}, expected it") from None


def published_state(
    read: Callable[[str], Tensor], config: BiLMConfig
) -> dict[str, Tensor]:
    """The state of a `BiLM` from published weights.

    Args:
        read: Gives a tensor by its published name.
        config: From `published_config`.
    """
    linear = {"to_token": ("CNN_proj/W_proj", "CNN_proj/b_proj")}
    for i in range(config.num_highways):
        for ours, theirs in (("gate", "carry"), ("change", "transform")):
            names = [f"CNN_high_{i}/{kind}_{theirs}" for kind in "Wb"]
            linear[f"highways.{i}.{ours}"] = names
    # Row 0, for no word, is not in the file.
    state = {"embedding.weight": F.pad(read("char_embed"), (0, 0, 1, 0))}
    for name, (weight, bias) in linear.items():
        state |= {f"{name}.weight": read(weight).T, f"{name}.bias": read(bias)}
    for i in range(len(config.filters)):
        kernel = read(f"CNN/W_cnn_{i}")[0].permute(2, 1, 0)
        state[f"convolutions.{i}.weight"] = kernel
        state[f"convolutions.{i}.bias"] = read(f"CNN/b_cnn_{i}")
    state = {f"token.{name}": tensor for name, tensor in state.items()}
    for i in range(2 * config.num_layers):
        way, layer = divmod(i, config.num_layers)
        cell = f"RNN_{way}/RNN/MultiRNNCell/Cell{layer}/LSTMCell/"
        lstm = lstm_of_tensorflow(read(cell + "W_0"), read(cell + "B"))
        if config.hidden_size < config.cell_size:
            lstm["weight_hr_l0"] = read(cell + "W_P_0").T
        state |= {f"lstms.{i}.lstm.{name}": lstm[name] for name in lstm}
    return state


def load_published(options: str | Path, weights: str | Path) -> BiLM:
    """The biLM that the authors published; it has no softmax.

    Args:
        options: Their `options.json`.
        weights: Their weights, an HDF5 file. It is read as data, no code
            in it is run.

    Returns:
        The biLM, in eval mode.

    Raises:
        ImportError: The library h5py is not installed.
        OSError: A file is missing, or is no HDF5.
        ValueError: Something is missing in a file, or the two do not fit.
    """
    text = Path(options).read_text(encoding="utf-8")
    bilm = BiLM(published_config(json.loads(text)))
    arrays = read_hdf5(weights)

    def read(name: str) -> Tensor:
        if name not in arrays:
            raise ValueError(f"{weights} has no {name}, expected it")
        return arrays[name]

    state = published_state(read, bilm.config)
    try:
        bilm.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{weights} and {options}: {error}") from None
    return bilm.eval()
