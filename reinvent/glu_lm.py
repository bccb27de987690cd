"""A language model without recurrence: convolutions that a gate guards.

Dauphin, Fan, Auli, Grangier (2016), "Language Modeling with Gated
Convolutional Networks", https://arxiv.org/abs/1612.08083v3. Equation numbers
and sections are of this version.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from reinvent.seq2seq import (  # §5: the LSTMs that it is measured against
    Decoder,
    Seq2SeqConfig,
    State,
)
from reinvent.toolbox.language import LanguageBatch, language_loss
from reinvent.toolbox.vocabulary import check_ids


def glu(x: Tensor) -> Tensor:
    """The gated linear unit: A * sigmoid(B) for an input [A B].

    Equation 1 with A = X*W + b and B = X*V + c from one convolution. The
    same as `torch.nn.functional.glu`, written out.

    Args:
        x: A beside B, shape (..., 2D).

    Returns:
        Shape (..., D).

    Raises:
        ValueError: If the last size is odd.
    """
    value, gate = _halves(x)
    return value * torch.sigmoid(gate)


def gtu(x: Tensor) -> Tensor:
    """tanh(A) * sigmoid(B), the unit of LSTMs (section 3); else as `glu`."""
    value, gate = _halves(x)
    return torch.tanh(value) * torch.sigmoid(gate)


def bilinear(x: Tensor) -> Tensor:
    """A * B, a gate without sigmoid (section 5.3); else as `glu`."""
    value, gate = _halves(x)
    return value * gate


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """A and B of [A B]."""
    if x.shape[-1] % 2:
        raise ValueError(
            f"the last size is {x.shape[-1]}, expected an even number: A"
            " beside B"
        )
    return x.chunk(2, dim=-1)


GATED = {"glu": glu, "gtu": gtu, "bilinear": bilinear}
"""Units of two convolutions: A = X*W + b and B = X*V + c."""

UNITS = {
    **GATED,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "linear": nn.Identity(),
}
"""All units of sections 3, 5.2 and 5.3."""


@dataclass(frozen=True, kw_only=True)
class GLULMConfig:
    """Sizes and switches of `GatedConvLM`; the defaults are GCNN-8, table 1.

    Attributes:
        vocab_size: Words, with padding as id 0; some 200,000 in WikiText-103.
        embedding_size: Numbers in a word vector.
        hidden_size: Numbers that a layer gives out for a word; a gated unit
            has twice as many for [A B]. Table 1 has 900, section 5 has 800.
        num_layers: Layers, each a convolution and a unit.
        kernel_size: k, words that a convolution sees at once.
        unit: "glu", "gtu", "bilinear", "relu", "tanh" or "linear".
        residual: Whether a layer adds its input to its output.
        weight_norm: Whether length and direction of the convolutions'
            weights are learned apart (section 4.3).
        dropout: Share of each layer's input that is blanked in training.
        cutoffs: Where the adaptive softmax cuts the words, sorted by how
            frequent they are, into clusters; () is one full softmax.
    """

    vocab_size: int = 200_000
    embedding_size: int = 280
    hidden_size: int = 900
    num_layers: int = 8
    kernel_size: int = 4
    unit: str = "glu"
    residual: bool = True
    weight_norm: bool = True
    dropout: float = 0.0
    cutoffs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Stops at settings that make no model."""
        if list(self.cutoffs) != sorted(
            set(self.cutoffs) & set(range(1, self.vocab_size))
        ):
            raise ValueError(
                f"cutoffs are {self.cutoffs}, expected growing numbers from 1"
                f" to {self.vocab_size - 1}"
            )
        if self.unit not in UNITS:
            raise ValueError(
                f"unit is {self.unit!r}, expected one of {', '.join(UNITS)}"
            )
        for name in ("num_layers", "kernel_size"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, expected at least 1"
                )
        if self.embedding_size < 4 ** len(self.cutoffs):
            raise ValueError(
                f"embedding_size is {self.embedding_size}, expected at least"
                f" {4 ** len(self.cutoffs)}: each of {len(self.cutoffs)}"
                " clusters divides it by 4"
            )

    @property
    def receptive_field(self) -> int:
        """How many words a prediction depends on."""
        return self.num_layers * (self.kernel_size - 1) + 1


TINY = GLULMConfig(embedding_size=128, hidden_size=96, dropout=0.1)


class CausalConvolution(nn.Conv1d):
    """X*W + b, where the output for a word sees it and k - 1 before it.

    k - 1 zeros stand in front of the sequence (section 2).
    """

    def __init__(
        self, input_size: int, output_size: int, kernel_size: int
    ) -> None:
        """Makes W, shape (output, input, k), and b."""
        super().__init__(input_size, output_size, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Every position at once.

        Args:
            x: Shape (B, T, input).

        Returns:
            Shape (B, T, output).
        """
        columns = x.transpose(1, 2)  # (B, input, T)
        padded = F.pad(columns, (self.kernel_size[0] - 1, 0))
        return super().forward(padded).transpose(1, 2)  # (B, T, output)


class GatedBlock(nn.Module):
    """Equation 1 in a residual block: x + h(x), h = (X*W + b) * s(X*V + c).

    The sum goes on as it is, so that a gradient finds a way past all units;
    section 2 calls the block "pre-activation". Where the sizes differ, a
    matrix brings the input to the size of the output.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        kernel_size: int,
        *,
        unit: str = "glu",
        residual: bool = True,
        normed: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Makes W beside V, and the matrix if it is needed."""
        super().__init__()
        self.unit = UNITS[unit]
        self.residual = residual
        self.dropout = nn.Dropout(dropout)
        outputs = hidden_size * (2 if unit in GATED else 1)
        self.convolution = CausalConvolution(input_size, outputs, kernel_size)
        nn.init.kaiming_normal_(self.convolution.weight)
        nn.init.zeros_(self.convolution.bias)
        if normed:
            weight_norm(self.convolution)
        self.to_sum = nn.Identity()
        if residual and input_size != hidden_size:
            self.to_sum = nn.Linear(input_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """One layer for every position at once.

        Args:
            x: Word vectors, or the output of the layer below, shape
                (B, T, input).

        Returns:
            Shape (B, T, D).
        """
        hidden = self.unit(self.convolution(self.dropout(x)))  # (B, T, D)
        return self.to_sum(x) + hidden if self.residual else hidden


class GatedConvLM(nn.Module):
    """Predicts every word from a window of words before it (section 2).

    Differs: a block has one convolution, as in GCNN-8; GCNN-13 has two in
    a block and GCNN-14 bottlenecks. A matrix brings the last layer to the
    size of a word vector, so that every width has the same softmax. Word
    vectors start from N(0, 0.1^2) and the softmax from N(0, 0.02^2), so that
    no word is preferred; both are left out of the weight normalization. The
    paper trains with Nesterov momentum (section 4.3), the chapter with Adam
    and with dropout, as its text is short.
    """

    def __init__(self, config: GLULMConfig) -> None:
        """Makes the word vectors, the layers and the softmax."""
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.embedding = nn.Embedding(config.vocab_size, config.embedding_size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        inputs = [config.embedding_size] + [size] * (config.num_layers - 1)
        self.layers = nn.Sequential(
            *(
                GatedBlock(
                    input_size,
                    size,
                    config.kernel_size,
                    unit=config.unit,
                    residual=config.residual,
                    normed=config.weight_norm,
                    dropout=config.dropout,
                )
                for input_size in inputs
            )
        )
        self.dropout = nn.Dropout(config.dropout)
        self.to_softmax = nn.Linear(size, config.embedding_size)
        if config.cutoffs:
            self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
                config.embedding_size,
                config.vocab_size,
                list(config.cutoffs),
                head_bias=True,
            )
        else:
            self.to_logits = nn.Linear(
                config.embedding_size, config.vocab_size
            )
            nn.init.normal_(self.to_logits.weight, std=0.02)

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the softmax reads, (B, T, E), for tokens (B, T)."""
        if tokens.dim() != 2:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, expected (B, T)"
            )
        check_ids(tokens, self.config.vocab_size)
        embedded = self.embedding(tokens)  # (B, T, E)
        x = self.layers(embedded)  # (B, T, D)
        return self.to_softmax(self.dropout(x))  # (B, T, E)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores for the word after each word.

        Args:
            tokens: Ids that begin with the start symbol, shape (B, T).

        Returns:
            Logits, shape (B, T, V). From an adaptive softmax: logarithms of
            probabilities.

        Raises:
            ValueError: If the shape is another or an id has no word.
        """
        hidden = self.hidden(tokens)
        if not self.config.cutoffs:
            return self.to_logits(hidden)
        flat = self.softmax.log_prob(hidden.flatten(0, 1))  # (B*T, V)
        return flat.unflatten(0, tokens.shape)

    def loss(self, batch: LanguageBatch) -> Tensor:
        """The loss in training; an adaptive softmax skips most of the words.

        Args:
            batch: Sentences, padded with 0.

        Returns:
            Nats per token that is not padding, a scalar.

        Raises:
            ValueError: If a shape is another or an id has no word.
        """
        check_ids(batch.tokens_out, self.config.vocab_size)
        if not self.config.cutoffs:
            return language_loss(self, batch)
        told = batch.tokens_out != 0  # (B, T)
        hidden = self.hidden(batch.tokens_in)[told]
        return self.softmax(hidden, batch.tokens_out[told]).loss


def with_unit(config: GLULMConfig, unit: str) -> GLULMConfig:
    """The same model with another unit and as many parameters.

    A gated unit takes two convolutions, so that a plain one gets wider.

    Args:
        config: Sizes.
        unit: One of `UNITS`.

    Returns:
        The config with that unit and the width that comes nearest.
    """
    other = replace(config, unit=unit)
    if (unit in GATED) == (config.unit in GATED):
        return other

    def size(config: GLULMConfig) -> int:
        with torch.device("meta"):  # shapes without numbers
            return sum(p.numel() for p in GatedConvLM(config).parameters())

    wanted = size(config)
    widths = [
        replace(other, hidden_size=width)
        for width in range(1, 3 * config.hidden_size)
    ]
    enough = bisect_left(widths, wanted, key=size)
    nearest = widths[max(enough - 1, 0) : enough + 1]
    return min(nearest, key=lambda wide: abs(size(wide) - wanted))


class LSTMLM(nn.Module):
    """The model to beat: word vectors, LSTM layers, a softmax (section 5).

    It is the decoder of the encoder-decoder, from a state of zeros.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
    ) -> None:
        """Makes the decoder."""
        super().__init__()
        self.decoder = Decoder(
            Seq2SeqConfig(
                target_vocab_size=vocab_size,
                embedding_size=embedding_size,
                hidden_size=hidden_size,
                num_layers=num_layers,
            )
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, V) for the word after each of the tokens (B, T)."""
        lstm = self.decoder.lstm
        zeros = lstm.weight_hh_l0.new_zeros(
            len(tokens), lstm.num_layers, lstm.hidden_size
        )  # (B, layers, D)
        logits, _ = self.decoder(tokens, State(zeros, zeros))
        return logits

    def loss(self, batch: LanguageBatch) -> Tensor:
        """Nats per token that is not padding, a scalar."""
        return language_loss(self, batch)
