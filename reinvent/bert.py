"""A text is read from both sides at once, by telling words that are hidden.

Devlin, Chang, Lee, Toutanova (2018), "BERT: Pre-training of Deep
Bidirectional Transformers for Language Understanding",
https://arxiv.org/abs/1810.04805v2. What it leaves open follows the authors'
program, https://github.com/google-research/bert.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.conv_encoder import (  # figure 2: words and places, learned
    PositionedEmbedding,
)
from reinvent.gpt import draw_weights  # A.4: "as close to GPT as possible"
from reinvent.toolbox.foreign_weights import load_weights
from reinvent.toolbox.inputs import (
    IGNORED,
    check_labels,
    shorten,
    whole_sentences,
)
from reinvent.toolbox.published_names import BODY, HEADS, translated
from reinvent.toolbox.vocabulary import pad
from reinvent.transformer import (  # §3: "almost identical to the original"
    EncoderLayer,
    FeedForward,
    MultiHeadAttention,
)


@dataclass(frozen=True, kw_only=True)
class BERTConfig:
    """Sizes and switches of `BERT`; the defaults are BERT base, section 3.

    Attributes:
        vocab_size: Wordpieces, with padding as id 0.
        hidden_size: H, numbers in every vector between the layers.
        num_layers: L, layers on top of each other.
        num_heads: A, heads of each attention.
        feed_forward_size: Units inside the position-wise network, 4H.
        max_positions: Longest input in tokens.
        num_segments: Texts that can stand in one input.
        dropout: Share that is blanked of the embeddings, of the weights of
            attention, and of what each sub-layer gives.
        norm: "post" as in BERT, where the embeddings have one, too; "pre"
            as in GPT-2; or "none".
        eps: What the norms add to the variance; from the authors' program.
        word_std: Standard deviation of the word vectors at the start.
        position_std: The same of the vectors of places and segments.
        weight_std: The same of all other matrices; `TINY` as in `gpt`.
    """

    vocab_size: int = 30_522
    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    feed_forward_size: int = 3072
    max_positions: int = 512
    num_segments: int = 2
    dropout: float = 0.1
    norm: str = "post"
    eps: float = 1e-12
    word_std: float = 0.02
    position_std: float = 0.02
    weight_std: float = 0.02


LARGE = BERTConfig(
    hidden_size=1024, num_layers=24, num_heads=16, feed_forward_size=4096
)
TINY = BERTConfig(
    hidden_size=64,
    num_layers=2,
    num_heads=4,
    feed_forward_size=256,
    max_positions=64,
    norm="pre",
    word_std=0.15,
    weight_std=0.07,
)


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The ids of the tokens that are no words; defaults: as published.

    Attributes:
        pad: [PAD], fills up shorter inputs.
        cls: [CLS], stands in front; its vector stands for the whole input.
        sep: [SEP], stands behind each text.
        mask: [MASK], stands where a word is hidden.

    Raises:
        ValueError: If two of them are the same.
    """

    pad: int = 0
    cls: int = 101
    sep: int = 102
    mask: int = 103

    def __post_init__(self) -> None:
        """Checks the ids."""
        if len(set(self.ids)) < 4:
            raise ValueError(
                f"pad, cls, sep, mask are {self.ids}, expected four different"
                " ids"
            )

    @property
    def ids(self) -> tuple[int, int, int, int]:
        """All four."""
        return self.pad, self.cls, self.sep, self.mask

    def around(self, *texts: Sequence[int]) -> tuple[list[int], list[int]]:
        """One input: [CLS] A [SEP], or [CLS] A [SEP] B [SEP] (figure 2).

        Returns:
            The ids, and for each id the number of its text, 0 or 1.

        Raises:
            ValueError: If a text is empty.
        """
        row, segments = [self.cls], [0]
        for i, text in enumerate(texts):
            if not len(text):
                raise ValueError(f"text {i} is empty, expected a token")
            row += [*text, self.sep]
            segments += [i] * (len(text) + 1)
        return row, segments

    def batch(
        self, inputs: Sequence[Sequence[Sequence[int]]]
    ) -> tuple[Tensor, Tensor]:
        """Tokens and segments, both (B, T), filled up at the end.

        Args:
            inputs: For each input its one or two texts.

        Raises:
            ValueError: If there is no input, or a text is empty.
        """
        if not inputs:
            raise ValueError("0 inputs, expected at least 1")
        rows = [self.around(*texts) for texts in inputs]
        tokens, segments = zip(*rows, strict=True)
        return pad(tokens, self.pad), pad(segments)


class PretrainingBatch(NamedTuple):
    """What is read in pretraining, and what is to be told.

    Attributes:
        tokens: Ids, some of them hidden, padded with 0, shape (B, T).
        chosen: True where the word is to be told, shape (B, T).
        answers: The true words there, in the order of `tokens[chosen]`,
            shape (chosen,).
        segments: Whose text it is, 0 or 1, shape (B, T); None: all 0.
        random_next: 1 where the second text does not follow the first, 0
            where it does, shape (B,); None: nobody asks.
    """

    tokens: Tensor
    chosen: Tensor
    answers: Tensor
    segments: Tensor | None = None
    random_next: Tensor | None = None


def mask_tokens(
    tokens: Tensor,
    marks: Marks,
    vocab_size: int,
    *,
    rate: float = 0.15,
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
    generator: torch.Generator | None = None,
) -> PretrainingBatch:
    """Chooses places and hides most of the words there (section 3.1, A.1).

    One number is drawn for each place. Below `rate` the place is chosen;
    how far below says what happens to its word.

    Differs: each place is chosen by itself, never [MASK] or padding; the
    authors' program chooses a rounded 15% of each input, at least one. Its
    random words may be [CLS] or padding, these may not.

    Args:
        tokens: Ids, filled up at the end, shape (B, T).
        marks: They are never chosen.
        vocab_size: Random words have ids below it.
        rate: Share of the words that are chosen.
        shares: How many of these become [MASK], how many a random word
            (perhaps the same again), and how many stay.
        generator: Where chance comes from.

    Raises:
        ValueError: If the rate is none, or the shares do not make a whole.
    """
    check_shares(rate, shares)
    special = torch.tensor(marks.ids, device=tokens.device)
    words = torch.arange(vocab_size, device=tokens.device)
    words = words[~torch.isin(words, special)]  # (words,)
    chance = {"generator": generator, "device": tokens.device}
    draw = torch.rand(tokens.shape, **chance)  # (B, T)
    other = torch.randint(len(words), tokens.shape, **chance)  # (B, T)
    chosen = (draw < rate) & ~torch.isin(tokens, special)  # (B, T)
    hide, swap = rate * shares[0], rate * (shares[0] + shares[1])
    hidden = tokens.masked_fill(chosen & (draw < hide), marks.mask)
    swapped = chosen & (draw >= hide) & (draw < swap)  # (B, T)
    hidden = hidden.where(~swapped, words[other])  # (B, T)
    return PretrainingBatch(hidden, chosen, tokens[chosen])


def check_shares(rate: float, shares: tuple[float, float, float]) -> None:
    """Stops at numbers that are no shares.

    Raises:
        ValueError: If the rate is not above 0 and at most 1, or the shares
            are not three that sum to 1.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"rate is {rate}, expected above 0 and at most 1")
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"shares are {shares}, expected three that sum to 1")


class SentencePair(NamedTuple):
    """Two texts; `random_next` is False if the second follows the first."""

    first: list[int]
    second: list[int]
    random_next: bool


def next_sentence_pairs(
    documents: Sequence[Sequence[Sequence[int]]], longest: int, rng: Random
) -> Iterator[SentencePair]:
    """Pairs of texts, half of which belong together (section 3.1, A.2).

    Each piece of a document is cut between two sentences. Its second part
    stays, or something from another document takes its place: always, if
    the piece has one sentence only.

    Differs: the sentences that lost their place are not read again, and no
    input is made shorter than it must be.

    Args:
        documents: Sentences of ids.
        longest: Tokens in an input, [CLS] and two [SEP] included.
        rng: Where chance comes from.

    Raises:
        ValueError: If there are less than two documents, one is empty, or
            there is no room.
    """
    if len(documents) < 2 or longest < 5 or not all(map(len, documents)):
        raise ValueError(
            f"{len(documents)} documents for inputs of {longest} tokens,"
            " expected at least 2 with a sentence each, and 5 tokens"
        )
    for number, document in enumerate(documents):
        for piece in whole_sentences(document, longest - 3):
            cut = rng.randrange(1, len(piece)) if len(piece) > 1 else 1
            random_next, second = rng.random() < 0.5, piece[cut:]
            if random_next or not second:
                random_next = True
                step = rng.randrange(1, len(documents))
                other = documents[(number + step) % len(documents)]
                second = other[rng.randrange(len(other)) :]
            texts = [*chain(*piece[:cut])], [*chain(*second)]
            yield SentencePair(*shorten(*texts, longest - 3, rng), random_next)


def make_layer(config: BERTConfig) -> EncoderLayer:
    """One layer of the encoder; its linear maps have biases.

    Raises:
        ValueError: If the heads cannot share out the hidden size, or the
            norm has no such place.
    """
    size, dropout = config.hidden_size, config.dropout
    return EncoderLayer(
        size,
        MultiHeadAttention(size, config.num_heads, dropout, bias=True),
        FeedForward(size, config.feed_forward_size, F.gelu),
        dropout,
        config.norm,
        config.eps,
    )


class BERT(nn.Module):
    """Vectors for the words of a text; each has seen all words (section 3).

    Differs: weights start as N(0, 0.02); the authors' program draws again
    what is beyond 0.04. GELU is x Phi(x), with which their
    program began; today it has the tanh form. With norm="pre" the norm of
    the embeddings stands behind the layers instead.
    """

    def __init__(self, config: BERTConfig) -> None:
        """Makes the parts; biases start as 0.

        Raises:
            ValueError: As in `make_layer`.
        """
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.embedding = PositionedEmbedding(
            config.vocab_size, size, config.max_positions
        )
        self.segments = nn.Embedding(config.num_segments, size)
        norm = nn.LayerNorm if config.norm == "post" else nn.Identity
        self.norm = norm(size, config.eps)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            make_layer(config) for _ in range(config.num_layers)
        )
        norm = nn.LayerNorm if config.norm == "pre" else nn.Identity
        self.last_norm = norm(size, config.eps)
        self.pooler = nn.Linear(size, size)
        self.apply(partial(draw_weights, std=config.weight_std))
        nn.init.normal_(self.embedding.words.weight, std=config.word_std)
        for part in (self.embedding.places, self.segments):
            nn.init.normal_(part.weight, std=config.position_std)

    def embed(self, tokens: Tensor, segments: Tensor | None) -> Tensor:
        """The sum of three vectors: word, place, segment (figure 2).

        Returns:
            What the first layer reads, (B, T, D); all else as in `read`.
        """
        x = self.embedding(tokens)  # (B, T, D)
        if segments is None:
            segments = torch.zeros_like(tokens)
        if segments.shape != tokens.shape:
            raise ValueError(
                f"segments have shape {tuple(segments.shape)}, expected that"
                f" of the tokens, {tuple(tokens.shape)}"
            )
        check_labels(segments, self.config.num_segments, "segment")
        return self.dropout(self.norm(x + self.segments(segments)))

    def is_word(self, tokens: Tensor) -> Tensor:
        """True (B, T) at all that is not padding."""
        return tokens != 0

    def attention_mask(self, tokens: Tensor) -> Tensor:
        """True (B, 1, 1, S) at words, before and behind; as in `read`."""
        words = self.is_word(tokens)  # (B, T)
        if not words[:, 0].all():
            raise ValueError(
                f"input {words[:, 0].int().argmin()} begins with padding,"
                " expected a token"
            )
        return words[:, None, None]  # (B, 1, 1, T)

    def read(
        self,
        tokens: Tensor,
        segments: Tensor | None = None,
        with_weights: bool = False,
    ) -> tuple[list[Tensor], list[Tensor | None]]:
        """The embeddings and all layers on them.

        Args:
            tokens: Ids, padded at the end with 0, shape (B, T).
            segments: Whose text it is, 0 or 1, shape (B, T); None: all 0.
            with_weights: Whether to give the weights of attention.

        Returns:
            layers + 1 tensors of shape (B, T, D), and the weights of each
            layer, shape (B, H, T, T), or None.

        Raises:
            ValueError: If a shape is another, an input begins with
                padding, or an id has no word, a place or a segment no
                vector.
        """
        if tokens.dim() != 2:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, expected (B, T)"
            )
        x, mask = self.embed(tokens, segments), self.attention_mask(tokens)
        states, looked = [x], []
        for layer in self.layers:
            x, _, weights = layer(x, mask, None, with_weights)
            states.append(x)
            looked.append(weights)
        states[-1] = self.last_norm(x)  # (B, T, D)
        return states, looked

    def forward(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """T_i of figure 1: the top layer, (B, T, D); as in `read`."""
        return self.read(tokens, segments)[0][-1]

    def represent(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """All layers, for a task that trains nothing below it (section 5.3).

        Returns:
            Shape (B, layers + 1, T, D), the embeddings first; as in `read`.
        """
        states, _ = self.read(tokens, segments)
        return torch.stack(states, dim=1)  # (B, layers + 1, T, D)

    def attention(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """Where every head of every layer looks; for pictures, in eval mode.

        Returns:
            Weights, shape (B, layers, H, T, T); all else as in `read`.
        """
        _, looked = self.read(tokens, segments, with_weights=True)
        return torch.stack(looked, dim=1)  # (B, layers, H, T, T)

    def pool(self, hidden: Tensor) -> Tensor:
        """C, one vector for the input: what stands at [CLS], once more.

        The paper takes that vector as it is; the layer with the tanh is in
        the authors' program.

        Args:
            hidden: The top layer, shape (B, T, D).

        Returns:
            Shape (B, D).
        """
        return self.pooler(hidden[:, 0]).tanh()  # (B, D)


class WordHead(nn.Module):
    """Scores of all words for a place: "an output softmax" (section 3.1).

    The layer in front and the bias are from the authors' program.
    """

    def __init__(self, config: BERTConfig) -> None:
        """Makes one more layer and the bias; words have their vectors."""
        super().__init__()
        size = config.hidden_size
        self.transform = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size, config.eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        draw_weights(self.transform, config.weight_std)

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        """The transformed vectors times those of all words.

        Args:
            hidden: The top layer at some places, shape (chosen, D).
            words: The matrix of the embedding, shape (V, D).

        Returns:
            Logits, shape (chosen, V).
        """
        x = self.norm(F.gelu(self.transform(hidden)))
        return F.linear(x, words, self.bias)  # (chosen, V)


class PretrainingBERT(nn.Module):
    """BERT with both of its tasks: hidden words, and the next sentence."""

    def __init__(self, bert: BERT) -> None:
        """Puts the heads of pretraining on a model."""
        super().__init__()
        self.config = bert.config
        self.bert = bert
        self.words = WordHead(bert.config)
        self.to_next = nn.Linear(bert.config.hidden_size, 2)
        draw_weights(self.to_next, bert.config.weight_std)

    def tell(self, hidden: Tensor) -> Tensor:
        """Logits (chosen, V) from the top layer (chosen, D)."""
        return self.words(hidden, self.bert.embedding.words.weight)

    def forward(
        self, tokens: Tensor, chosen: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """Scores of the words that may stand at some places.

        Args:
            tokens: Ids, padded at the end with 0, shape (B, T).
            chosen: True at these places, shape (B, T).
            segments: As in `BERT.read`.

        Returns:
            Logits, shape (chosen, V), in the order of `tokens[chosen]`.

        Raises:
            ValueError: As in `BERT.read`.
        """
        return self.tell(self.bert(tokens, segments)[chosen])

    def follows(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """Logits (B, 2): the second text follows, or not; as in `forward`."""
        return self.to_next(self.bert.pool(self.bert(tokens, segments)))

    def loss(self, batch: PretrainingBatch) -> Tensor:
        """The mean over the chosen words plus the mean over the pairs (A.2).

        The words of the vocabulary get scores at chosen places only.

        Args:
            batch: Without `random_next`, only words are to be told.

        Returns:
            Nats per chosen word plus nats per pair, a scalar.

        Raises:
            ValueError: If there is not an answer for each chosen place, no
                place is chosen, or as in `BERT.read`.
        """
        places = int(batch.chosen.sum())
        if places == 0 or places != len(batch.answers):
            raise ValueError(
                f"{len(batch.answers)} answers for {places} chosen places,"
                " expected one for each, and at least one"
            )
        hidden = self.bert(batch.tokens, batch.segments)  # (B, T, D)
        logits = self.tell(hidden[batch.chosen])  # (chosen, V)
        loss = F.cross_entropy(logits, batch.answers)
        if batch.random_next is not None:
            follows = self.to_next(self.bert.pool(hidden))  # (B, 2)
            loss = loss + F.cross_entropy(follows, batch.random_next)
        return loss


class TaskBatch(NamedTuple):
    """Examples of a task.

    Attributes:
        tokens: Ids, padded at the end with 0, shape (B, T).
        labels: A class for each input, (B,); or for each token, (B, T),
            `IGNORED` where nobody asks; or the first and the last place of
            an answer, (B, 2), both 0 if there is none.
        segments: Whose text it is, 0 or 1, shape (B, T); None: all 0.
    """

    tokens: Tensor
    labels: Tensor
    segments: Tensor | None = None


class TaskBERT(nn.Module):
    """BERT with one new linear layer, which a task trains with it (figure 4).

    Differs: the layer has a bias, as in the authors' program.
    """

    def __init__(self, bert: BERT, outputs: int, dropout: float = 0.1) -> None:
        """Puts a new layer on a model that may have learned already.

        Args:
            bert: The model; it is trained further.
            outputs: Classes of the task.
            dropout: Share that is blanked of what the layer reads.
        """
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(dropout)
        self.to_logits = nn.Linear(bert.config.hidden_size, outputs)
        draw_weights(self.to_logits, bert.config.weight_std)

    def loss(self, batch: TaskBatch) -> Tensor:
        """The mean over all labels that are not `IGNORED`.

        Returns:
            Nats per label, a scalar.

        Raises:
            ValueError: If a label has no class, there is none, or as in
                `BERT.read`.
        """
        asked = batch.labels != IGNORED
        labels = batch.labels[asked]  # (labels,)
        check_labels(labels, self.to_logits.out_features)
        logits = self(batch.tokens, batch.segments)
        return F.cross_entropy(logits[asked], labels)


class BERTClassifier(TaskBERT):
    """A class for a text or for a pair of texts (figure 4, a and b)."""

    def forward(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """C W^T of section 4.1: logits (B, classes); as in `BERT.read`."""
        pooled = self.bert.pool(self.bert(tokens, segments))
        return self.to_logits(self.dropout(pooled))  # (B, classes)


class BERTTagger(TaskBERT):
    """A class for each token (figure 4 d, section 5.3)."""

    def forward(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> Tensor:
        """Logits, shape (B, T, classes); as in `BERT.read`."""
        hidden = self.bert(tokens, segments)
        return self.to_logits(self.dropout(hidden))  # (B, T, classes)


class BERTReader(TaskBERT):
    """Finds the answer to a question in a text (figure 4 c, section 4.2).

    Differs: when it learns, it also scores the places of the question, as
    in the authors' program. What it answers stands in the text.
    """

    def __init__(self, bert: BERT) -> None:
        """Makes S and E, the vectors of the start and of the end."""
        super().__init__(bert, 2, dropout=0.0)

    def forward(
        self, tokens: Tensor, segments: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """S T_i and E T_i of section 4.2; as in `BERT.read`.

        Returns:
            Scores of the places to be the start, and to be the end, both
            (B, T), -inf at padding.
        """
        scores = self.to_logits(self.bert(tokens, segments))  # (B, T, 2)
        words = self.bert.is_word(tokens).unsqueeze(-1)  # (B, T, 1)
        start, end = scores.masked_fill(~words, -torch.inf).unbind(-1)
        return start, end  # (B, T); (B, T)

    def loss(self, batch: TaskBatch) -> Tensor:
        """Minus the log-likelihoods of the start and of the end, summed.

        Returns:
            Nats per answer, a scalar; the authors' program takes half.

        Raises:
            ValueError: If there is no such place, or as in `BERT.read`.
        """
        check_labels(batch.labels, batch.tokens.shape[1], "place")
        start, end = self(batch.tokens, batch.segments)
        return F.cross_entropy(start, batch.labels[:, 0]) + F.cross_entropy(
            end, batch.labels[:, 1]
        )

    def answer(
        self,
        tokens: Tensor,
        segments: Tensor,
        *,
        longest: int = 30,
        threshold: float | None = None,
    ) -> Tensor:
        """The best places i <= j in the second text.

        Args:
            tokens: The question and the text, from `Marks`, shape (B, T).
            segments: From there, too.
            longest: Tokens in an answer.
            threshold: tau of section 4.3: by how much an answer must beat
                none, which is [CLS] to [CLS]; None: there always is one.

        Returns:
            First and last place, shape (B, 2), both 0 for no answer.

        Raises:
            ValueError: If a second text is missing, or as in `BERT.read`.
        """
        start, end = self(tokens, segments)
        inside = (segments == 1) & self.bert.is_word(tokens)  # (B, T)
        spans, best = best_spans(start, end, inside, longest)
        if threshold is not None:
            none = start[:, 0] + end[:, 0]  # (B,)
            spans[best <= none + threshold] = 0
        return spans  # (B, 2)


def best_spans(
    start: Tensor, end: Tensor, inside: Tensor, longest: int
) -> tuple[Tensor, Tensor]:
    """The spans with the highest S T_i + E T_j, where i <= j (section 4.2).

    Args:
        start: S T_i, shape (B, T).
        end: E T_j, shape (B, T).
        inside: True where an answer may stand, shape (B, T).
        longest: Tokens in a span.

    Returns:
        i and j, shape (B, 2), and their scores, shape (B,).

    Raises:
        ValueError: If a row has no place for an answer.
    """
    if not inside.any(dim=1).all():
        row = int((~inside.any(dim=1)).nonzero()[0])
        raise ValueError(f"input {row} has 0 places for an answer")
    both = inside.unsqueeze(2) & inside.unsqueeze(1)  # (B, T, T)
    scores = start.unsqueeze(2) + end.unsqueeze(1)  # (B, T, T)
    possible = both.triu().tril(longest - 1)  # (B, T, T)
    scores = scores.masked_fill(~possible, -torch.inf)
    best, place = scores.flatten(1).max(dim=1)
    size = start.shape[1]
    return torch.stack([place // size, place % size], dim=1), best


def load_published(
    model: BERT | PretrainingBERT | TaskBERT, state: Mapping[str, Tensor]
) -> list[str]:
    """Puts published weights into a model of the same sizes.

    `BERT` takes no notice of the heads in a file; any other model needs its
    own. The pooler and the head for the next sentence may be missing.

    Args:
        model: Its weights are written over.
        state: Weights by the names of `transformers`, with or without
            "bert." in front.

    Returns:
        Names of the weights that the file lacks; they stay as they were.

    Raises:
        ValueError: If another weight is missing, one is unknown or has
            another shape, or the output is not the matrix of the words.
            The model then stays as it was.
    """
    body = "" if isinstance(model, BERT) else "bert."
    found = {}
    for name, weight in state.items():
        if name.startswith(("cls.", "classifier.", "qa_outputs.")):
            if body:
                found[translated(name, HEADS)] = weight
        elif not name.endswith("embeddings.position_ids"):
            found[body + translated(name.removeprefix("bert."), BODY)] = weight
    tied = {
        "words.decoder.weight": "bert.embedding.words.weight",
        "words.decoder.bias": "words.bias",
    }
    optional = (f"{body}pooler.", "to_next.")
    return load_weights(model, found, tied=tied, optional=optional)
