"""A language model learns from all texts, then from the few with labels.

Radford, Narasimhan, Salimans, Sutskever (2018), "Improving Language
Understanding by Generative Pre-Training", a preprint of OpenAI,
https://openai.com/blog/language-unsupervised/. What it leaves open follows
the authors' program, https://github.com/openai/finetune-transformer-lm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.conv_encoder import (  # eq. 2: U W_e + W_p, both learned
    PositionedEmbedding,
)
from reinvent.toolbox.foreign_weights import load_weights
from reinvent.toolbox.language import LanguageBatch
from reinvent.toolbox.vocabulary import check_ids, pad
from reinvent.transformer import (  # §3.1, §4.1: a decoder without a source
    EncoderLayer,
    FeedForward,
    KeysAndValues,
    MultiHeadAttention,
    causal_mask,
)

PUBLISHED = {
    "tokens_embed": ("embedding.words",),
    "positions_embed": ("embedding.places",),
    "attn.c_attn": (
        "attention.to_query",
        "attention.to_key",
        "attention.to_value",
    ),
    "attn.c_proj": ("attention.to_output",),
    "ln_1": ("around_attention.norm",),
    "mlp.c_fc": ("feed_forward.widen",),
    "mlp.c_proj": ("feed_forward.narrow",),
    "ln_2": ("around_feed_forward.norm",),
}
"""Names in the published file, and the parts of `GPT` that stand there."""


@dataclass(frozen=True, kw_only=True)
class GPTConfig:
    """Sizes and switches of `GPT`; the defaults are those of section 4.1.

    Attributes:
        vocab_size: Pieces, with padding as id 0; 40,000 merges make 40,478.
        hidden_size: Numbers in every vector between the layers.
        num_layers: Layers on top of each other.
        num_heads: Heads of each attention.
        feed_forward_size: Units inside the position-wise network.
        max_positions: Longest text in tokens.
        dropout: Share that is blanked of the embeddings, of the weights of
            attention, and of what each sub-layer gives.
        norm: "post" as in GPT, "pre" as in GPT-2, or "none".
        word_std: Standard deviation of the word vectors at the start.
        position_std: The same of the position vectors.
        weight_std: The same of all other matrices. In `TINY` it is 0.02
            times sqrt(768 / 64), so that sums start as large as in GPT.
    """

    vocab_size: int = 40_478
    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    feed_forward_size: int = 3072
    max_positions: int = 512
    dropout: float = 0.1
    norm: str = "post"
    word_std: float = 0.02
    position_std: float = 0.02
    weight_std: float = 0.02


TINY = GPTConfig(
    hidden_size=64,
    num_layers=2,
    num_heads=4,
    feed_forward_size=256,
    max_positions=64,
    norm="pre",
    word_std=0.15,
    weight_std=0.07,
)


def gelu(x: Tensor) -> Tensor:
    """The tanh form of x Phi(x), as in the authors' program.

    0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), where Phi is the share
    of a normal distribution that is below x.

    Args:
        x: Any shape.
    """
    return F.gelu(x, approximate="tanh")


class GPT(nn.Module):
    """Predicts every word from all words before it (sections 3.1, 4.1).

    Differs: padding is id 0, which is "<unk>" in GPT's files: no loss counts
    unknown words. Dropout on the embeddings blanks the sum of word and
    position; the authors' program blanks the one matrix that holds both, in
    the output, too, and gives scores to positions as if they were words.
    With norm="pre" there is a last norm.
    """

    def __init__(self, config: GPTConfig) -> None:
        """Makes the layers; weights start by chance, biases as 0.

        Raises:
            ValueError: If the heads cannot share out the hidden size, or
                the norm has no such place.
        """
        super().__init__()
        self.config = config
        size, dropout = config.hidden_size, config.dropout
        self.embedding = PositionedEmbedding(
            config.vocab_size, size, config.max_positions
        )
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(
                size,
                MultiHeadAttention(size, config.num_heads, dropout, bias=True),
                FeedForward(size, config.feed_forward_size, gelu),
                dropout,
                config.norm,
            )
            for _ in range(config.num_layers)
        )
        last = nn.LayerNorm if config.norm == "pre" else nn.Identity
        self.norm = last(size)
        self.layers.apply(partial(draw_weights, std=config.weight_std))
        nn.init.normal_(self.embedding.words.weight, std=config.word_std)
        nn.init.normal_(self.embedding.places.weight, std=config.position_std)

    def read(
        self,
        tokens: Tensor,
        past: Sequence[KeysAndValues] | None = None,
        with_weights: bool = False,
    ) -> tuple[Tensor, list[KeysAndValues], list[Tensor | None]]:
        """Equation 2 without its softmax, for all words or the next ones.

        Padding at the end of a row changes nothing before it.

        Args:
            tokens: Ids, shape (B, T).
            past: What this returned for the words before these. It holds
                no padding: then all rows had the same length.
            with_weights: Whether to give the weights of attention.

        Returns:
            h_n, shape (B, T, D); keys and values of all words so far, for
            each layer; the weights of each layer, shape (B, H, T, S), or
            None.

        Raises:
            ValueError: If the shape is another, an id has no word or a
                place no vector.
        """
        if tokens.dim() != 2:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, expected (B, T)"
            )
        start = 0 if past is None else past[0][0].shape[2]
        x = self.dropout(self.embedding(tokens, start))  # (B, T, D)
        mask = causal_mask(x.shape[1], start, x.device)
        kept, looked = [], []
        for i, layer in enumerate(self.layers):
            before = None if past is None else past[i]
            x, now, weights = layer(x, mask, before, with_weights)
            kept.append(now)
            looked.append(weights)
        return self.norm(x), kept, looked

    def to_logits(self, hidden: Tensor) -> Tensor:
        """h_n W_e^T of equation 2: the output has no matrix of its own.

        Args:
            hidden: h_n, shape (..., D).

        Returns:
            Scores for the next word, shape (..., V).
        """
        return hidden @ self.embedding.words.weight.T  # (..., V)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores for the word after each word.

        Args:
            tokens: Ids, padded at the end with 0, shape (B, T).

        Returns:
            Logits, shape (B, T, V).

        Raises:
            ValueError: As in `read`.
        """
        return self.to_logits(self.hidden(tokens))

    def hidden(self, tokens: Tensor) -> Tensor:
        """h_n, what a task reads, (B, T, D); all else as in `forward`."""
        return self.read(tokens)[0]

    def step(
        self, tokens: Tensor, past: Sequence[KeysAndValues] | None = None
    ) -> tuple[Tensor, list[KeysAndValues]]:
        """Scores for the next word of each text, to write it.

        Args:
            tokens: Ids of a beginning, or of what comes after the `past`;
                every row is full. Shape (B, T).
            past: From the step before.

        Returns:
            Logits, shape (B, V), and the past of the next step.

        Raises:
            ValueError: As in `read`.
        """
        hidden, past, _ = self.read(tokens, past)
        return self.to_logits(hidden[:, -1]), past

    def attention(self, tokens: Tensor) -> Tensor:
        """Where every head of every layer looks; for pictures, in eval mode.

        Returns:
            Weights, shape (B, layers, H, T, T); all else as in `forward`.
        """
        _, _, looked = self.read(tokens, with_weights=True)
        return torch.stack(looked, dim=1)  # (B, layers, H, T, T)

    def loss(self, batch: LanguageBatch) -> Tensor:
        """L_1 of equation 1 as a mean, to be made small.

        Args:
            batch: Texts, padded with 0.

        Returns:
            Nats per token that is not padding, a scalar.

        Raises:
            ValueError: As in `read`, or if an id to tell has no word.
        """
        check_ids(batch.tokens_out, self.config.vocab_size)
        hidden = self.hidden(batch.tokens_in)
        return self.loss_after(hidden, batch.tokens_out)

    def loss_after(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """The loss, when h_n (B, T, D) was followed by tokens (B, T)."""
        words = tokens != 0  # (B, T)
        return F.cross_entropy(self.to_logits(hidden[words]), tokens[words])


def draw_weights(part: nn.Module, std: float) -> None:
    """Lets the weights of a linear map start as N(0, std), biases as 0."""
    if isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, std=std)
        if part.bias is not None:
            nn.init.zeros_(part.bias)


def with_new_words(model: GPT, count: int) -> GPT:
    """The same model with more words, which know nothing yet.

    A task needs vectors for its delimiter and its extract token (section
    3.2) that no pretraining has seen.

    Args:
        model: It stays as it is.
        count: How many; their ids follow on those that are there.

    Raises:
        ValueError: If the count is negative.
    """
    if count < 0:
        raise ValueError(f"{count} new words, expected at least 0")
    size = model.config.vocab_size
    new = type(model)(replace(model.config, vocab_size=size + count))
    weights = model.state_dict()
    known = weights["embedding.words.weight"]
    new = new.to(known).train(model.training)  # its device and type
    words = new.embedding.words.weight.detach()
    words = torch.cat([known, words[size:]])
    new.load_state_dict({**weights, "embedding.words.weight": words})
    return new


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The tokens around the texts of a task (section 3.3, figure 1).

    Each method gives the inputs of one example, as lists of ids.

    Attributes:
        start: Stands in front.
        delimiter: Stands between two texts.
        extract: Stands at the end; the task reads its vector.

    Raises:
        ValueError: If two of them are the same, or one is padding.
    """

    start: int
    delimiter: int
    extract: int

    def __post_init__(self) -> None:
        """Checks the ids."""
        marks = self.start, self.delimiter, self.extract
        if len({0, *marks}) < 4:
            raise ValueError(
                f"start, delimiter, extract are {marks}, expected three"
                " different ids and none of them 0"
            )

    def around(self, *texts: Sequence[int]) -> list[int]:
        """One input.

        Raises:
            ValueError: If a text is empty or holds the extract token.
        """
        row = [self.start]
        for i, text in enumerate(texts):
            if not len(text) or self.extract in text:
                raise ValueError(
                    f"text {i} is {list(text)}, expected at least one token"
                    f" and none of them {self.extract}, which ends an input"
                )
            row += [self.delimiter] * (i > 0) + list(text)
        return [*row, self.extract]

    def classification(self, text: Sequence[int]) -> list[list[int]]:
        """One text, one input."""
        return [self.around(text)]

    def entailment(
        self, premise: Sequence[int], hypothesis: Sequence[int]
    ) -> list[list[int]]:
        """Does the second text follow from the first? One input."""
        return [self.around(premise, hypothesis)]

    def similarity(
        self, one: Sequence[int], other: Sequence[int]
    ) -> list[list[int]]:
        """Two texts without an order: an input for each order."""
        return [self.around(one, other), self.around(other, one)]

    def multiple_choice(
        self, context: Sequence[int], answers: Iterable[Sequence[int]]
    ) -> list[list[int]]:
        """An input for each answer, behind its text and question."""
        return [self.around(context, answer) for answer in answers]


class TaskBatch(NamedTuple):
    """Examples of a task.

    Attributes:
        tokens: Ids, padded at the end with 0, shape (B, inputs, T).
        labels: The class of each example, or the place of the right
            answer, shape (B,).
    """

    tokens: Tensor
    labels: Tensor


def task_batch(
    examples: Sequence[Sequence[Sequence[int]]], labels: Sequence[int]
) -> TaskBatch:
    """Makes one batch of what `Marks` gave.

    Raises:
        ValueError: If there is no example, not one label for each, or the
            examples differ in their number of inputs.
    """
    if not examples or len(examples) != len(labels):
        raise ValueError(
            f"{len(examples)} examples with {len(labels)} labels, expected"
            " at least one and as many labels"
        )
    inputs = {len(example) for example in examples}
    if len(inputs) > 1 or 0 in inputs:
        raise ValueError(
            f"examples with {sorted(inputs)} inputs, expected the same number"
        )
    rows = pad([row for example in examples for row in example])
    tokens = rows.unflatten(0, (len(examples), -1))  # (B, inputs, T)
    return TaskBatch(tokens, torch.tensor(labels))


class GPTClassifier(nn.Module):
    """GPT with the layer of equation 3, for one input or for both orders.

    Differs: scores such as those of STS-B, which are no classes, are left
    out. W_y has no bias, as in equation 3; the authors' program adds one.
    """

    def __init__(
        self,
        gpt: GPT,
        num_classes: int,
        extract: int,
        dropout: float = 0.1,
    ) -> None:
        """Puts a new layer on a model that may have learned already.

        Args:
            gpt: The model; it is trained further.
            num_classes: Labels of the task.
            extract: Id of the token whose vector is read.
            dropout: Share of that vector that is blanked.

        Raises:
            ValueError: If the model has no word with this id.
        """
        super().__init__()
        check_ids(torch.tensor([extract]), gpt.config.vocab_size)
        self.gpt = gpt
        self.extract = extract
        self.dropout = nn.Dropout(dropout)
        self.to_classes = nn.Linear(  # W_y
            gpt.config.hidden_size, num_classes, bias=False
        )
        draw_weights(self.to_classes, gpt.config.weight_std)

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Reads every input up to its extract token.

        Args:
            tokens: From `TaskBatch`, shape (B, inputs, T).

        Returns:
            h_n at all places, shape (rows, T, D), and at the extract
            tokens, shape (B, inputs, D).

        Raises:
            ValueError: If the shape is another, an input has not one extract
                token, or an id has no word.
        """
        if tokens.dim() != 3:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, expected"
                " (B, inputs, T)"
            )
        rows = tokens.flatten(0, 1)  # (rows, T)
        found = rows == self.extract  # (rows, T)
        wrong = (found.sum(dim=1) != 1).nonzero().flatten().tolist()
        if wrong:
            raise ValueError(
                f"input {wrong[0]} has {int(found[wrong[0]].sum())} extract"
                f" tokens, id {self.extract}; expected one"
            )
        hidden = self.gpt.hidden(rows)  # (rows, T, D)
        return hidden, hidden[found].unflatten(0, tokens.shape[:2])

    def classify(self, read: Tensor) -> Tensor:
        """Equation 3 without its softmax; vectors of both orders are added.

        Args:
            read: h_n at the extract tokens, shape (B, inputs, D).

        Returns:
            Logits, shape (B, classes).
        """
        added = self.dropout(read.sum(dim=1))  # (B, D)
        return self.to_classes(added)  # (B, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of the labels, (B, classes); as in `read` and `classify`."""
        return self.classify(self.read(tokens)[1])

    def loss(self, batch: TaskBatch, auxiliary: float = 0.5) -> Tensor:
        """Equation 5: L_3 = L_2 + lambda L_1, both as means.

        Args:
            batch: Examples; their texts are read as in pretraining, too.
            auxiliary: lambda; 0 for equation 4 alone.

        Returns:
            Nats per example plus lambda times nats per token, a scalar.

        Raises:
            ValueError: If an input has not one extract token, or there is
                no such word or label.
        """
        hidden, read = self.read(batch.tokens)
        logits = self.classify(read)
        for label in map(int, batch.labels.aminmax()):
            if not 0 <= label < logits.shape[1]:
                raise ValueError(
                    f"label {label}, expected 0 to {logits.shape[1] - 1}"
                )
        loss = F.cross_entropy(logits, batch.labels)
        if auxiliary:
            rows = batch.tokens.flatten(0, 1)  # (rows, T)
            told = self.gpt.loss_after(hidden[:, :-1], rows[:, 1:])
            loss = loss + auxiliary * told
        return loss


class GPTChooser(GPTClassifier):
    """GPT for multiple choice: one score for each answer, then a softmax."""

    def __init__(self, gpt: GPT, extract: int, dropout: float = 0.1) -> None:
        """As `GPTClassifier`, with one number for each input."""
        super().__init__(gpt, 1, extract, dropout)

    def classify(self, read: Tensor) -> Tensor:
        """Scores each input, shape (B, inputs, D), alone.

        Returns:
            Logits, shape (B, inputs).
        """
        scores = self.to_classes(self.dropout(read))  # (B, inputs, 1)
        return scores.squeeze(-1)  # (B, inputs)


def load_published(
    model: GPT,
    state: Mapping[str, Tensor],
    parts: Mapping[str, tuple[str, ...]] = PUBLISHED,
) -> None:
    """Puts published weights into a model of the same sizes.

    Args:
        model: Its weights are written over.
        state: Weights by their published names, as `transformers` has them,
            with or without "transformer." in front.
        parts: What stands behind these names, as in `PUBLISHED`.

    Raises:
        ValueError: If a weight is missing, unknown or of another shape, or
            the output is not the matrix of the words. The model then stays
            as it was.
    """
    found: dict[str, Tensor] = {}
    for name, weight in state.items():
        found |= translated(name.removeprefix("transformer."), weight, parts)
    tied = {"lm_head.weight": "embedding.words.weight"}
    load_weights(model, found, tied=tied)


def translated(
    name: str, weight: Tensor, parts: Mapping[str, tuple[str, ...]] = PUBLISHED
) -> dict[str, Tensor]:
    """A published weight under the names of `GPT`.

    Published matrices of `attn` and `mlp` stand (input, output), and query,
    key and value side by side.

    Args:
        name: Such as "h.0.attn.c_attn.weight".
        weight: A vector or a matrix.
        parts: What stands behind these names, as in `PUBLISHED`.

    Returns:
        Its parts by name; under its own name if it is unknown. Nothing for
        "h.0.attn.bias" and "masked_bias", which are no weights but a mask.
    """
    if name.endswith((".attn.bias", ".attn.masked_bias")):
        return {}
    part, _, kind = name.rpartition(".")
    *layer, part = part.split(".", 2)
    if part not in parts:
        return {name: weight}
    if part.startswith(("attn", "mlp")):
        weight = weight.movedim(-1, 0)
    layer = "".join(f"layers.{number}." for number in layer[1:])
    pieces = weight.tensor_split(len(parts[part]))
    return {
        f"{layer}{ours}.{kind}": piece
        for ours, piece in zip(parts[part], pieces, strict=True)
    }
