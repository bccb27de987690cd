"""A translator of convolutions, which looks back from every layer.

Gehring, Auli, Grangier, Yarats, Dauphin (2017), "Convolutional Sequence to
Sequence Learning", https://arxiv.org/abs/1705.03122v3. Equation numbers and
sections are of this version; "the authors' code" is `fconv_model.lua` of
https://github.com/facebookresearch/fairseq-lua.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from reinvent.bahdanau import masked_softmax  # §3.3: a softmax over the source
from reinvent.conv_encoder import (  # §3.1, §3.2: places and windows
    PositionedEmbedding,
    check_odd,
)
from reinvent.glu_lm import glu  # §3.2: v, the non-linearity
from reinvent.seq2seq import check_pairs, lengths_of  # §2: the framework


@dataclass(frozen=True, kw_only=True)
class ConvS2SConfig:
    """Sizes of `ConvS2S`; the defaults are of the paper's En-Ro model.

    20 + 20 layers of width 3 and 512 (section 5.1), embeddings of 512 and
    weight normalisation (section 4.2), 40,000 byte pairs (section 4.1).

    Attributes:
        source_vocab_size: Words of the source.
        target_vocab_size: Words of the target.
        embedding_size: Numbers in a word vector, a key and a value.
        hidden_size: Channels of each convolution, after its gate.
        kernel_size: k, words that one convolution sees; odd.
        encoder_layers: Blocks that read, at least 1.
        decoder_layers: Blocks that write, at least 1.
        attention_layers: The decoder layers that look at the source,
            from 1 at the bottom; None is all of them.
        max_positions: Longest sentence, in tokens; 1024 in the authors'
            code.
        source_positions: Whether source words carry their position.
        target_positions: Whether target words carry theirs.
        value_embeddings: Whether values are z + e (equation 2), not z.
        scaled: Whether sums keep the variance of their parts (section
            3.4).
        share_gradient: Whether the encoder gets the mean of the attention
            layers' gradients, not their sum (section 3.4).
        initialized: Whether weights start as in section 3.5; if not, as
            PyTorch draws them.
        weight_norm: Whether each row of a weight is a direction and a
            length (section 4.2).
        dropout: Share of word vectors, of inputs of the convolutions and
            of the decoder's output that is blanked in training; section
            4.2 prints no number.
    """

    source_vocab_size: int = 40_000
    target_vocab_size: int = 40_000
    embedding_size: int = 512
    hidden_size: int = 512
    kernel_size: int = 3
    encoder_layers: int = 20
    decoder_layers: int = 20
    attention_layers: tuple[int, ...] | None = None
    max_positions: int = 1024
    source_positions: bool = True
    target_positions: bool = True
    value_embeddings: bool = True
    scaled: bool = True
    share_gradient: bool = True
    initialized: bool = True
    weight_norm: bool = True
    dropout: float = 0.1

    @property
    def looking(self) -> tuple[int, ...]:
        """The decoder layers that look at the source."""
        if self.attention_layers is None:
            return tuple(range(1, self.decoder_layers + 1))
        return self.attention_layers


TINY = ConvS2SConfig(
    embedding_size=64,
    hidden_size=64,
    encoder_layers=3,
    decoder_layers=3,
    max_positions=64,
    weight_norm=False,
)


def check_layers(config: ConvS2SConfig) -> None:
    """Stops at layers that cannot be built.

    Raises:
        ValueError: If a side has none, the kernel has no middle, or a layer
            that shall look is not there.
    """
    check_odd(config.kernel_size)
    if config.encoder_layers < 1 or config.decoder_layers < 1:
        raise ValueError(
            f"{config.encoder_layers} encoder and {config.decoder_layers} "
            "decoder layers, expected at least 1 and 1"
        )
    there = range(1, config.decoder_layers + 1)
    looking = [layer for layer in there if layer in config.looking]
    if not looking or looking != list(config.looking):
        raise ValueError(
            f"attention in the decoder layers {config.looking}, expected at "
            f"least one of 1 to {config.decoder_layers}, in order"
        )


class State(NamedTuple):
    """What the decoder needs for the next word, batch first.

    Attributes:
        windows: The last k - 1 inputs of every decoder block, 0 before the
            first word, shape (B, layers, k - 1, D).
        written: How many words the decoder has read, shape (B,).
        keys: z_j, outputs of the encoder, shape (B, S, E).
        values: z_j + e_j, shape (B, S, E).
        mask: True at the words of the source, shape (B, S).
    """

    windows: Tensor
    written: Tensor
    keys: Tensor
    values: Tensor
    mask: Tensor


def add(x: Tensor, y: Tensor, scaled: bool) -> Tensor:
    """A sum whose variance is that of its parts (section 3.4).

    Args:
        x: Any shape.
        y: The same shape; of the same variance and independent, the sum
            has twice that variance.
        scaled: Whether to halve it again.
    """
    return (x + y) * math.sqrt(0.5) if scaled else x + y


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """The same values, but less gradient flows back (section 3.4).

    Args:
        x: Any shape.
        factor: What the gradient of x is multiplied by.
    """
    return x.detach() + factor * (x - x.detach())


def attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scaled: bool
) -> tuple[Tensor, Tensor]:
    """Equation 2 with its weights: a = softmax(d · z), c = sum a (z + e).

    A mean of m independent vectors has an m-th of their variance, so the
    context is multiplied by m sqrt(1/m) (section 3.4). This assumes equal
    weights.

    Args:
        query: d_i, shape (B, T, E).
        keys: z_j, shape (B, S, E).
        values: z_j + e_j, shape (B, S, E).
        mask: True where attention may look, shape (B, S).
        scaled: Whether to scale up the context.

    Returns:
        The contexts c_i, shape (B, T, E), and the weights a_ij, shape
        (B, T, S).
    """
    scores = query @ keys.transpose(1, 2)  # (B, T, S)
    mask = mask.unsqueeze(1).expand_as(scores)  # (B, T, S)
    weights = masked_softmax(scores, mask)  # (B, T, S)
    context = weights @ values  # (B, T, E)
    if scaled:
        m = mask.sum(dim=-1, keepdim=True)  # (B, T, 1)
        context = context * m * (1 / m).sqrt()  # (B, T, E)
    return context, weights


class MultiStepAttention(nn.Module):
    """The attention of one decoder layer (section 3.3).

    Differs: as in the authors' code, the context passes through a linear
    map, because it has the size of an embedding.
    """

    def __init__(
        self, hidden_size: int, embedding_size: int, scaled: bool
    ) -> None:
        """Makes W_d and the way back to the size of the layer."""
        super().__init__()
        self.scaled = scaled
        self.to_query = nn.Linear(hidden_size, embedding_size)  # W_d, b_d
        self.to_hidden = nn.Linear(embedding_size, hidden_size)

    def query(self, hidden: Tensor, embedded: Tensor) -> Tensor:
        """Equation 1: d_i = W_d h_i + b_d + g_i.

        Differs: scaled, the sum is multiplied by sqrt(1/2), as in the
        authors' code.

        Args:
            hidden: h_i, outputs of the layer, shape (B, T, D).
            embedded: g_i, vectors of the words so far, shape (B, T, E).

        Returns:
            What each position asks, shape (B, T, E).
        """
        asked = self.to_query(hidden)  # (B, T, E)
        return add(asked, embedded, self.scaled)

    def forward(
        self, hidden: Tensor, embedded: Tensor, state: State
    ) -> tuple[Tensor, Tensor]:
        """h_i + c_i for all positions.

        Args:
            hidden: h_i, shape (B, T, D).
            embedded: g_i, shape (B, T, E).
            state: Holds keys, values and mask.

        Returns:
            The new hidden vectors, shape (B, T, D), and the weights, shape
            (B, T, S).
        """
        query = self.query(hidden, embedded)  # (B, T, E)
        context, weights = attend(
            query, state.keys, state.values, state.mask, self.scaled
        )
        context = self.to_hidden(context)  # (B, T, D)
        return add(hidden, context, self.scaled), weights


class GatedBlock(nn.Module):
    """A convolution, its gate, and its input added (section 3.2).

    The same on both sides. What differs is what a position sees: words on
    both sides in the source, the words before it in the target.
    """

    def __init__(
        self, hidden_size: int, kernel_size: int, scaled: bool, dropout: float
    ) -> None:
        """Makes W^l, which feeds both halves of the gate."""
        super().__init__()
        self.scaled = scaled
        self.dropout = nn.Dropout(dropout)
        self.convolution = nn.Conv1d(hidden_size, 2 * hidden_size, kernel_size)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """h_i^l = v(W^l [k of the h^{l-1}] + b^l) + h_i^{l-1}, section 3.2.

        Args:
            x: h^{l-1}, outputs of the block below, shape (B, T, D).
            seen: The same with the k - 1 vectors that the windows reach
                beyond them, shape (B, T + k - 1, D).

        Returns:
            h^l, shape (B, T, D).
        """
        inputs = self.dropout(seen).transpose(1, 2)
        outputs = self.convolution(inputs).transpose(1, 2)  # (B, T, 2D)
        return add(x, glu(outputs), self.scaled)


class Half(nn.Module):
    """What encoder and decoder share: word vectors, blocks, and maps.

    The maps lead from the size of an embedding to that of the blocks and
    back (section 3.2).
    """

    def __init__(
        self,
        vocab_size: int,
        num_layers: int,
        positions: bool,
        config: ConvS2SConfig,
    ) -> None:
        """Makes all but the attention and the output layer."""
        super().__init__()
        embedding_size, size = config.embedding_size, config.hidden_size
        self.embedding = PositionedEmbedding(
            vocab_size, embedding_size, config.max_positions, positions
        )
        self.dropout = nn.Dropout(config.dropout)
        self.from_embedding = nn.Linear(embedding_size, size)
        self.blocks = nn.ModuleList(
            GatedBlock(size, config.kernel_size, config.scaled, config.dropout)
            for _ in range(num_layers)
        )
        self.to_embedding = nn.Linear(size, embedding_size)


class ConvEncoder(Half):
    """Reads all words at once, each with its neighbours."""

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """What each word means here, and what it is.

        Between the blocks padding is set to 0, which a window sees beyond
        the edges too; else it would change the last words.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            z_j, outputs of the last block, and e_j, the embeddings, each of
            shape (B, S, E).
        """
        padding = (source == 0).unsqueeze(-1)  # (B, S, 1)
        embedded = self.dropout(self.embedding(source))  # (B, S, E)
        x = self.from_embedding(embedded)  # (B, S, D)
        for block in self.blocks:
            x = x.masked_fill(padding, 0.0)
            reach = block.convolution.kernel_size[0] // 2
            x = block(x, F.pad(x, (0, 0, reach, reach)))  # (B, S, D)
        return self.to_embedding(x), embedded


class ConvDecoder(Half):
    """Writes; after its blocks it looks at the source (section 3.3).

    Differs: attention follows the residual sum, as the text of section 3.3
    says; in the authors' code it comes before. The paper pads both sides
    with k - 1 zeros and then removes k outputs, which would be one too many;
    here as in the authors' code k - 1 are not computed at all.
    """

    def __init__(self, config: ConvS2SConfig) -> None:
        """Adds an attention to each block that has one, and the output."""
        super().__init__(
            config.target_vocab_size,
            config.decoder_layers,
            config.target_positions,
            config,
        )
        self.attentions = nn.ModuleList(
            MultiStepAttention(
                config.hidden_size, config.embedding_size, config.scaled
            )
            if layer in config.looking
            else None
            for layer in range(1, config.decoder_layers + 1)
        )
        self.to_logits = nn.Linear(
            config.embedding_size, config.target_vocab_size
        )  # W_o, b_o

    def start(self, keys: Tensor, values: Tensor, mask: Tensor) -> State:
        """The state before the first word.

        Args:
            keys: z_j, shape (B, S, E).
            values: z_j + e_j, shape (B, S, E).
            mask: True at the words of the source, shape (B, S).
        """
        convolution = self.blocks[0].convolution
        windows = keys.new_zeros(
            len(keys),
            len(self.blocks),
            convolution.kernel_size[0] - 1,
            convolution.in_channels,
        )  # (B, layers, kernel - 1, D)
        written = mask.new_zeros(len(mask), dtype=torch.long)  # (B,)
        return State(windows, written, keys, values, mask)

    def forward(
        self, target: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor]:
        """Scores for the word after each word of `target`, in one pass.

        Args:
            target: Ids of the next words, shape (B, T).
            state: What came before them; all rows have the same length.

        Returns:
            Logits of shape (B, T, V), the state after the last word, and
            the weights of each attention, shape (B, layers, T, S).
        """
        place = int(state.written[0])
        embedded = self.dropout(self.embedding(target, place))  # (B, T, E)
        x = self.from_embedding(embedded)  # (B, T, D)
        windows, weights = [], []
        for i, (block, attention) in enumerate(
            zip(self.blocks, self.attentions, strict=True)
        ):
            seen = torch.cat([state.windows[:, i], x], dim=1)
            windows.append(seen[:, target.shape[1] :])
            x = block(x, seen)  # (B, T, D)
            if attention is not None:
                x, looked = attention(x, embedded, state)
                weights.append(looked)
        logits = self.to_logits(self.dropout(self.to_embedding(x)))
        state = state._replace(
            windows=torch.stack(windows, dim=1),
            written=state.written + target.shape[1],
        )
        return logits, state, torch.stack(weights, dim=1)


def initialize(model: nn.Module, dropout: float) -> None:
    """Weights with which a signal keeps its variance (section 3.5).

    A gate leaves about a quarter of the variance (appendix A.1), so weights
    before a gate have N(0, sqrt(4p/n)) where others have N(0, sqrt(p/n)); n
    is how many numbers one neuron reads, p the share of them that dropout
    keeps. Word vectors have N(0, 0.1), biases are 0.

    Args:
        model: All its parameters are filled in place.
        dropout: Share of the inputs that is blanked, where any is.
    """
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Embedding):
            nn.init.normal_(layer.weight, std=0.1)
        elif isinstance(layer, (nn.Linear, nn.Conv1d)):
            gated = isinstance(layer, nn.Conv1d)
            drops = gated or name.endswith(("from_embedding", "to_logits"))
            keep = 1 - dropout if drops else 1.0  # p
            inputs = layer.weight[0].numel()  # n
            std = math.sqrt((4 if gated else 1) * keep / inputs)
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)


def normalize(model: nn.Module) -> None:
    """Weight normalisation of all but the lookup tables (section 4.2).

    Salimans and Kingma (2016): each row of a weight becomes a direction and
    a length, which are learned apart. The function stays the same.
    """
    for layer in list(model.modules()):
        if isinstance(layer, (nn.Linear, nn.Conv1d)):
            weight_norm(layer)


class ConvS2S(nn.Module):
    """Convolutions on both sides, joined by an attention in each layer.

    Differs: all blocks of a side have the same size, as in the paper's
    English-Romanian model; its other two grow from 512 to 2048 and more.
    """

    def __init__(self, config: ConvS2SConfig) -> None:
        """Makes the two halves.

        Raises:
            ValueError: If there are too few layers, the kernel is even or a
                layer that shall look is not there.
        """
        super().__init__()
        check_layers(config)
        self.config = config
        self.encoder = ConvEncoder(
            config.source_vocab_size,
            config.encoder_layers,
            config.source_positions,
            config,
        )
        self.decoder = ConvDecoder(config)
        if config.initialized:
            initialize(self, config.dropout)
        if config.weight_norm:
            normalize(self)

    def encode(self, source: Tensor) -> State:
        """Reads the source into a key and a value per word.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The state before the first word.

        Raises:
            ValueError: If a sentence is empty or too long, or an id has no
                word.
        """
        lengths_of(source)
        keys, embedded = self.encoder(source)
        if self.config.share_gradient:
            keys = scale_gradient(keys, 1 / len(self.config.looking))
        values = keys
        if self.config.value_embeddings:
            values = add(keys, embedded, self.config.scaled)  # (B, S, E)
        return self.decoder.start(keys, values, source != 0)

    def step(
        self, tokens: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor]:
        """Scores for the next word of each sentence.

        Args:
            tokens: The last word of each sentence, shape (B,).
            state: The state before that word.

        Returns:
            Logits of shape (B, V), the next state, and the mean of the
            layers' weights, as in the authors' code, shape (B, S).

        Raises:
            ValueError: If an id has no word or the sentence is too long.
        """
        logits, state, weights = self.decoder(tokens.unsqueeze(1), state)
        return logits.squeeze(1), state, weights.mean(dim=1).squeeze(1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing, all words at once: nothing waits for a state.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).
            target: Ids that begin with the start symbol, shape (B, T).

        Returns:
            Logits for the word after each target word, shape (B, T, V).

        Raises:
            ValueError: If the batches differ, a sentence is empty or too
                long, or an id has no word.
        """
        check_pairs(source, target)
        logits, _, _ = self.decoder(target, self.encode(source))
        return logits

    def attention(self, source: Tensor, target: Tensor) -> Tensor:
        """Where each layer looks before it predicts the next word.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).
            target: Ids that begin with the start symbol, shape (B, T).

        Returns:
            a_ij^l of the decoder layers that look, from the bottom, shape
            (B, layers, T, S).

        Raises:
            ValueError: As `forward`.
        """
        check_pairs(source, target)
        _, _, weights = self.decoder(target, self.encode(source))
        return weights
