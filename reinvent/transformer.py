"""A translator of attention alone: no recurrence, no convolution.

Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin (2017),
"Attention Is All You Need", https://arxiv.org/abs/1706.03762v7. Equation
numbers, sections and tables are of this version. Where the norm stands is a
switch: Xiong et al. (2020), "On Layer Normalization in the Transformer
Architecture", https://arxiv.org/abs/2002.04745.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.conv_encoder import (  # §3.5: learned positions, as in [9]
    PositionedEmbedding,
)
from reinvent.seq2seq import (  # §3: encoder and decoder, as in [35]
    check_pairs,
    lengths_of,
)

KeysAndValues = tuple[Tensor, Tensor]  # both of shape (B, H, S, K)


def check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    """Stops at a switch that does not exist.

    Raises:
        ValueError: If `given` is none of `known`.
    """
    if given not in known:
        raise ValueError(f"{name} is {given!r}, expected one of {known}")


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes and switches of `Transformer`; defaults: base model, table 3.

    Attributes:
        source_vocab_size: Words of the source; about 37,000 byte pairs,
            shared with the target (section 5.1).
        target_vocab_size: Words of the target.
        hidden_size: d_model, numbers in every vector between the layers.
        num_layers: N, layers of the encoder, and as many of the decoder.
        num_heads: h; each head has d_k = d_v = hidden_size / num_heads.
        feed_forward_size: d_ff, units inside the position-wise network.
        dropout: P_drop, share that is blanked of what each sub-layer
            gives, and of the embeddings with their positions.
        norm: "post" as in the paper, "pre" (Xiong et al.) or "none".
        positions: "sinusoid", "learned" or "none".
        max_positions: Longest sentence in tokens if positions are learned;
            the paper does not say.
        scaled: Whether scores are divided by sqrt(d_k).
        tied: Which matrices are one: "all" three as in section 3.4, or the
            two of the "target", or "none".

    Raises:
        ValueError: If a switch has no such position, or all matrices shall
            be one and there are two vocabularies.
    """

    source_vocab_size: int = 37_000
    target_vocab_size: int = 37_000
    hidden_size: int = 512
    num_layers: int = 6
    num_heads: int = 8
    feed_forward_size: int = 2048
    dropout: float = 0.1
    norm: str = "post"
    positions: str = "sinusoid"
    max_positions: int = 256
    scaled: bool = True
    tied: str = "all"

    def __post_init__(self) -> None:
        """Checks what the layers cannot."""
        kinds = ("sinusoid", "learned", "none")
        check_choice("positions", self.positions, kinds)
        check_choice("tied", self.tied, ("all", "target", "none"))
        sizes = self.source_vocab_size, self.target_vocab_size
        if self.tied == "all" and sizes[0] != sizes[1]:
            raise ValueError(
                f"the vocabularies have {sizes[0]} and {sizes[1]} words, "
                "expected a shared one for tied='all'; with two of them "
                "take 'target' or 'none'"
            )


TINY = TransformerConfig(
    hidden_size=64,
    num_layers=2,
    num_heads=4,
    feed_forward_size=128,
    dropout=0.0,
    norm="pre",
    tied="none",
)


class State(NamedTuple):
    """What the decoder needs for the next word, batch first.

    Attributes:
        key: Of the words so far, in all layers: (B, layers, H, T, K).
        value: The same of their values.
        memory_key: Of the source, once per sentence: (B, layers, H, S, K).
        memory_value: The same of its values.
        mask: True at the words of the source, shape (B, 1, 1, S).
    """

    key: Tensor
    value: Tensor
    memory_key: Tensor
    memory_value: Tensor
    mask: Tensor


class Attention(NamedTuple):
    """Where every head of every layer looked.

    Attributes:
        encoder: Source at source, shape (B, layers, H, S, S).
        decoder: Target at target, shape (B, layers, H, T, T).
        cross: Target at source, shape (B, layers, H, T, S).
    """

    encoder: Tensor
    decoder: Tensor
    cross: Tensor


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    scaled: bool = True,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Equation 1: softmax(Q K^T / sqrt(d_k)) V.

    Args:
        query: Q, shape (B, H, T, K).
        key: K, shape (B, H, S, K).
        value: V, shape (B, H, S, K).
        mask: True where attention may look, of a shape that broadcasts to
            (B, H, T, S). Every row needs a place to look at.
        scaled: Whether to divide by sqrt(d_k).
        dropout: Share of the weights that is blanked; 0 in the paper.

    Returns:
        The context, shape (B, H, T, K), and the weights before dropout,
        shape (B, H, T, S).
    """
    scores = query @ key.transpose(-2, -1)  # (B, H, T, S)
    if scaled:
        scores = scores / math.sqrt(query.shape[-1])  # sqrt(d_k)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(dim=-1)
    context = F.dropout(weights, dropout) @ value  # (B, H, T, K)
    return context, weights


def padding_mask(tokens: Tensor) -> Tensor:
    """True where there is a word, for every query.

    Args:
        tokens: Ids, padded with 0, shape (B, S).

    Returns:
        A mask of shape (B, 1, 1, S).
    """
    return (tokens != 0)[:, None, None]  # (B, 1, 1, S)


def causal_mask(
    size: int, past: int = 0, device: torch.device | None = None
) -> Tensor:
    """True where a position is not later than the one that asks.

    Args:
        size: T, how many positions ask.
        past: How many positions come before the first of them.
        device: Where the mask shall be.

    Returns:
        A mask of shape (T, S), where S is past + T.
    """
    every = torch.ones(size, past + size, dtype=torch.bool, device=device)
    return every.tril(past)  # (T, S)


def position_code(positions: Tensor, hidden_size: int) -> Tensor:
    """PE of section 3.5: the sine and the cosine of D / 2 waves.

    PE(pos, 2i) = sin(pos / 10000^(2i / d_model)), and PE(pos, 2i + 1) is
    the cosine of the same.

    Args:
        positions: pos, from 0, shape (T,).
        hidden_size: d_model.

    Returns:
        The codes, shape (T, D).

    Raises:
        ValueError: If the hidden size is odd.
    """
    if hidden_size % 2:
        raise ValueError(
            f"hidden_size is {hidden_size}, expected an even number: each "
            "wave has a sine and a cosine"
        )
    even = torch.arange(0, hidden_size, 2, device=positions.device)  # 2i
    lengths = 10_000 ** (even / hidden_size)  # (waves,)
    angles = positions.unsqueeze(1) / lengths  # (T, waves)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1)  # (T, waves, 2)
    return waves.flatten(1)  # (T, D)


def learning_rate(
    step: int, *, hidden_size: int = 512, warmup: int = 4000
) -> float:
    """Equation 3: up in a line, then down as 1 / sqrt(step).

    Args:
        step: Counted from 1, in optimizer steps.
        hidden_size: d_model.
        warmup: Steps up to the highest rate.
    """
    return hidden_size**-0.5 * min(step**-0.5, step * warmup**-1.5)


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in K of the D numbers (§3.2.2).

    One matrix holds W_i^Q of all heads, one W_i^K, one W_i^V.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        dropout: float = 0.0,
        *,
        scaled: bool = True,
        bias: bool = False,
    ) -> None:
        """Makes the projections; in the paper they have no biases.

        Raises:
            ValueError: If the heads cannot share out the hidden size.
        """
        super().__init__()
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"num_heads is {num_heads}, expected a divisor of "
                f"hidden_size, which is {hidden_size}"
            )
        self.num_heads = num_heads
        self.dropout = dropout
        self.scaled = scaled
        self.to_query = nn.Linear(hidden_size, hidden_size, bias)  # W^Q
        self.to_key = nn.Linear(hidden_size, hidden_size, bias)  # W^K
        self.to_value = nn.Linear(hidden_size, hidden_size, bias)  # W^V
        self.to_output = nn.Linear(hidden_size, hidden_size, bias)  # W^O

    def split(self, x: Tensor) -> Tensor:
        """Shares out the numbers of x, shape (B, T, D), to the heads."""
        heads = x.unflatten(-1, (self.num_heads, -1))  # (B, T, H, K)
        return heads.transpose(1, 2)  # (B, H, T, K)

    def remember(self, memory: Tensor) -> KeysAndValues:
        """K and V of what will be looked at, shape (B, S, D); to be kept."""
        key = self.split(self.to_key(memory))  # (B, H, S, K)
        return key, self.split(self.to_value(memory))

    def forward(
        self,
        query: Tensor,
        memory: KeysAndValues,
        mask: Tensor | None = None,
        with_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Concat(head_1, ..., head_h) W^O.

        Args:
            query: What asks, shape (B, T, D).
            memory: What is asked, from `remember`.
            mask: As in `attend`.
            with_weights: Whether to go through equation 1 step by step, in
                `attend`. PyTorch's fused kernel gives the same context and
                keeps no weights.

        Returns:
            The context, shape (B, T, D), and the weights, shape
            (B, H, T, S), or None.
        """
        query = self.split(self.to_query(query))  # (B, H, T, K)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if with_weights:
            heads, weights = attend(
                query, *memory, mask, scaled=self.scaled, dropout=dropout
            )
        else:
            scale = None if self.scaled else 1.0
            heads = F.scaled_dot_product_attention(
                query, *memory, mask, dropout, scale=scale
            )  # (B, H, T, K)
        context = heads.transpose(1, 2).flatten(2)  # (B, T, D)
        return self.to_output(context), weights


class FeedForward(nn.Module):
    """Equation 2: the same small network at every position."""

    def __init__(
        self,
        hidden_size: int,
        feed_forward_size: int,
        activation: Callable[[Tensor], Tensor] = F.relu,
    ) -> None:
        """Makes the two linear maps."""
        super().__init__()
        self.activation = activation
        self.widen = nn.Linear(hidden_size, feed_forward_size)  # W_1, b_1
        self.narrow = nn.Linear(feed_forward_size, hidden_size)  # W_2, b_2

    def forward(self, x: Tensor) -> Tensor:
        """max(0, x W_1 + b_1) W_2 + b_2, shape (B, T, D) as x."""
        return self.narrow(self.activation(self.widen(x)))


class Residual(nn.Module):
    """What stands around every sub-layer (sections 3.1 and 5.4).

    * "post": LayerNorm(x + Dropout(Sublayer(x))), the paper.
    * "pre": x + Dropout(Sublayer(LayerNorm(x))), Xiong et al.
    * "none": x + Dropout(Sublayer(x)).
    """

    def __init__(
        self, hidden_size: int, dropout: float, norm: str, eps: float
    ) -> None:
        """Makes the norm.

        Raises:
            ValueError: If `norm` is none of the three.
        """
        super().__init__()
        check_choice("norm", norm, ("post", "pre", "none"))
        self.place = norm
        self.norm = None if norm == "none" else nn.LayerNorm(hidden_size, eps)
        self.dropout = nn.Dropout(dropout)

    def before(self, x: Tensor) -> Tensor:
        """What the sub-layer reads, shape (B, T, D) as x."""
        return self.norm(x) if self.place == "pre" else x

    def after(self, x: Tensor, change: Tensor) -> Tensor:
        """What goes on: x and what the sub-layer gave, both (B, T, D)."""
        x = x + self.dropout(change)
        return self.norm(x) if self.place == "post" else x


class EncoderLayer(nn.Module):
    """Two sub-layers: look at one another, then think alone (section 3.1).

    With a causal mask it is the layer of a language model.
    """

    def __init__(
        self,
        hidden_size: int,
        attention: MultiHeadAttention,
        feed_forward: FeedForward,
        dropout: float = 0.0,
        norm: str = "post",
        eps: float = 1e-5,
    ) -> None:
        """Puts the sub-layers together; eps is that of the norms."""
        super().__init__()
        self.attention = attention
        self.feed_forward = feed_forward
        self.around_attention = Residual(hidden_size, dropout, norm, eps)
        self.around_feed_forward = Residual(hidden_size, dropout, norm, eps)

    def look(
        self,
        x: Tensor,
        mask: Tensor | None,
        past: KeysAndValues | None,
        with_weights: bool,
    ) -> tuple[Tensor, KeysAndValues, Tensor | None]:
        """The first sub-layer; all as in `forward`."""
        read = self.around_attention.before(x)
        kept = self.attention.remember(read)
        if past is not None:
            key, value = zip(past, kept, strict=True)
            kept = torch.cat(key, dim=2), torch.cat(value, dim=2)
        change, weights = self.attention(read, kept, mask, with_weights)
        return self.around_attention.after(x, change), kept, weights

    def think(self, x: Tensor) -> Tensor:
        """The last sub-layer, shape (B, T, D) as x."""
        change = self.feed_forward(self.around_feed_forward.before(x))
        return self.around_feed_forward.after(x, change)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        past: KeysAndValues | None = None,
        with_weights: bool = False,
    ) -> tuple[Tensor, KeysAndValues, Tensor | None]:
        """One layer, for all words or for those after the `past`.

        Args:
            x: Shape (B, T, D).
            mask: As in `attend`, with S the past and the present.
            past: Keys and values of the words before, as returned here.
            with_weights: Whether to give the weights.

        Returns:
            The next x; keys and values of all words so far; the weights,
            shape (B, H, T, S), or None.
        """
        x, kept, weights = self.look(x, mask, past, with_weights)
        return self.think(x), kept, weights


class DecoderLayer(EncoderLayer):
    """A third sub-layer between the two looks at the source (section 3.1)."""

    def __init__(
        self,
        hidden_size: int,
        attention: MultiHeadAttention,
        cross_attention: MultiHeadAttention,
        feed_forward: FeedForward,
        dropout: float = 0.0,
        norm: str = "post",
        eps: float = 1e-5,
    ) -> None:
        """Puts the sub-layers together; eps is that of the norms."""
        super().__init__(
            hidden_size, attention, feed_forward, dropout, norm, eps
        )
        self.cross_attention = cross_attention
        self.around_cross = Residual(hidden_size, dropout, norm, eps)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        past: KeysAndValues | None,
        memory: KeysAndValues,
        memory_mask: Tensor,
        with_weights: bool = False,
    ) -> tuple[Tensor, KeysAndValues, tuple[Tensor | None, Tensor | None]]:
        """One layer, for all words or for those after the `past`.

        Args:
            x: Shape (B, T, D).
            mask: From `causal_mask`.
            past: As in `EncoderLayer`.
            memory: The source, from `cross_attention.remember`.
            memory_mask: Its `padding_mask`.
            with_weights: Whether to give the weights.

        Returns:
            The next x; keys and values of all words so far; the weights at
            the words so far and at the source, or None twice.
        """
        x, kept, weights = self.look(x, mask, past, with_weights)
        read = self.around_cross.before(x)
        change, cross = self.cross_attention(
            read, memory, memory_mask, with_weights
        )
        x = self.around_cross.after(x, change)
        return self.think(x), kept, (weights, cross)


def make_layers(
    kind: type[EncoderLayer], attentions: int, config: TransformerConfig
) -> nn.ModuleList:
    """A stack of layers, from below.

    Args:
        kind: `EncoderLayer`, which has 1 attention, or `DecoderLayer`.
        attentions: How many attentions such a layer has.
        config: Gives the sizes and the switches.
    """
    size, heads = config.hidden_size, config.num_heads
    return nn.ModuleList(
        kind(
            size,
            *(
                MultiHeadAttention(size, heads, scaled=config.scaled)
                for _ in range(attentions)
            ),
            FeedForward(size, config.feed_forward_size),
            config.dropout,
            config.norm,
        )
        for _ in range(config.num_layers)
    )


def stack(parts: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    """Puts together what each layer gave, a tuple of tensors (B, ...).

    Returns:
        For each place of the tuples a tensor, shape (B, layers, ...).
    """
    return [torch.stack(part, dim=1) for part in zip(*parts, strict=True)]


class Transformer(nn.Module):
    """The translator of the paper.

    Differs: the initial weights and the 1e-5 in the norms are not in the
    paper. Vectors start as N(0, 1 / d_model), which sqrt(d_model) brings to
    1, all else as in PyTorch. Checkpoints are not averaged (section 6.1).
    """

    def __init__(self, config: TransformerConfig) -> None:
        """Makes both stacks, the embeddings and the output.

        Raises:
            ValueError: If the heads cannot share out the hidden size, or
                the norm has no such place.
        """
        super().__init__()
        size = config.hidden_size
        self.sinusoid = config.positions == "sinusoid"
        places = config.max_positions, config.positions == "learned"
        self.source = PositionedEmbedding(
            config.source_vocab_size, size, *places
        )
        self.target = PositionedEmbedding(
            config.target_vocab_size, size, *places
        )
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = make_layers(EncoderLayer, 1, config)
        self.decoder = make_layers(DecoderLayer, 2, config)
        # What pre-norm layers add to is normalized here only.
        last = nn.LayerNorm if config.norm == "pre" else nn.Identity
        self.encoder_norm, self.decoder_norm = last(size), last(size)
        self.to_logits = nn.Linear(size, config.target_vocab_size, bias=False)
        for part in self.modules():
            if isinstance(part, nn.Embedding):
                nn.init.normal_(part.weight, std=size**-0.5)
        if config.tied == "all":
            self.source.words.weight = self.target.words.weight
        if config.tied != "none":
            self.to_logits.weight = self.target.words.weight

    def embed(
        self, words: PositionedEmbedding, tokens: Tensor, start: int = 0
    ) -> Tensor:
        """sqrt(d_model) times the word, plus the place (§3.4, §3.5).

        The vector of a learned place is multiplied, too.

        Args:
            words: The vectors of the source or of the target.
            tokens: Ids, shape (B, T).
            start: Place of the first of them in its sentence.
        """
        x = words(tokens, start)  # (B, T, D)
        x = x * math.sqrt(x.shape[-1])
        if self.sinusoid:
            end = start + tokens.shape[1]
            places = torch.arange(start, end, device=x.device)  # (T,)
            x = x + position_code(places, x.shape[-1])
        return self.dropout(x)

    def read(
        self, source: Tensor, with_weights: bool = False
    ) -> tuple[Tensor, list[Tensor | None]]:
        """The encoder: all layers see the whole source.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).
            with_weights: Whether to give the weights.

        Returns:
            The memory, shape (B, S, D), and for each layer its weights,
            shape (B, H, S, S), or None.

        Raises:
            ValueError: If a sentence is empty or an id has no word.
        """
        lengths_of(source)  # stops at an empty sentence
        x = self.embed(self.source, source)  # (B, S, D)
        mask, looked = padding_mask(source), []
        for layer in self.encoder:
            x, _, weights = layer(x, mask, None, with_weights)
            looked.append(weights)
        return self.encoder_norm(x), looked

    def write(
        self, target: Tensor, state: State, with_weights: bool = False
    ) -> tuple[Tensor, State, list[tuple[Tensor | None, Tensor | None]]]:
        """The decoder: layers see the words so far and the source.

        Args:
            target: Ids of the next words, shape (B, T).
            state: From `encode` or from an earlier call.
            with_weights: Whether to give the weights.

        Returns:
            Logits of shape (B, T, V), the state after the last word, and
            for each layer the weights of `DecoderLayer`.

        Raises:
            ValueError: If an id has no word.
        """
        past = state.key.shape[3]
        x = self.embed(self.target, target, past)  # (B, T, D)
        mask = causal_mask(x.shape[1], past, x.device)
        kept, looked = [], []
        for i, layer in enumerate(self.decoder):
            key, value, *memory = (part[:, i] for part in state[:4])
            x, now, weights = layer(
                x, mask, (key, value), memory, state.mask, with_weights
            )
            kept.append(now)
            looked.append(weights)
        key, value = stack(kept)
        logits = self.to_logits(self.decoder_norm(x))  # (B, T, V)
        return logits, state._replace(key=key, value=value), looked

    def encode(self, source: Tensor) -> State:
        """Reads the source into keys and values, once for all words.

        Args:
            source: Ids, padded at the end with 0, shape (B, S).

        Returns:
            The state before the first word.

        Raises:
            ValueError: If a sentence is empty or an id has no word.
        """
        memory, _ = self.read(source)
        key, value = stack(
            layer.cross_attention.remember(memory) for layer in self.decoder
        )
        nothing = key[:, :, :, :0]  # (B, layers, H, 0, K)
        return State(nothing, nothing, key, value, padding_mask(source))

    def step(
        self, tokens: Tensor, state: State
    ) -> tuple[Tensor, State, Tensor]:
        """Scores for the next word of each sentence.

        Args:
            tokens: The last word of each sentence, shape (B,).
            state: The state before that word.

        Returns:
            Logits of shape (B, V), the next state, and the weights over the
            source, shape (B, S): the mean of all heads of all layers.

        Raises:
            ValueError: If an id has no word.
        """
        logits, state, looked = self.write(tokens.unsqueeze(1), state, True)
        cross = stack(looked)[1]  # (B, layers, H, 1, S)
        return logits.squeeze(1), state, cross.mean(dim=(1, 2)).squeeze(1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing: all words at once, each from those before it.

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
        logits, _, _ = self.write(target, self.encode(source))
        return logits

    def attention(self, source: Tensor, target: Tensor) -> Attention:
        """Where every head of every layer looks; for pictures, in eval mode.

        All else is as in `forward`.
        """
        check_pairs(source, target)
        _, looked = self.read(source, True)
        _, _, twice = self.write(target, self.encode(source), True)
        return Attention(torch.stack(looked, dim=1), *stack(twice))
