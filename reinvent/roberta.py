"""BERT was not trained enough: the same model, another recipe.

Liu, Ott, Goyal, Du, Joshi, Chen, Levy, Lewis, Zettlemoyer, Stoyanov (2019),
"RoBERTa: A Robustly Optimized BERT Pretraining Approach",
https://arxiv.org/abs/1907.11692v1. What it leaves open follows the authors'
program, https://github.com/facebookresearch/fairseq, and the published
files.

What changes in the recipe of the base model (sections 2 and 3, table 9):

======================  ===================  =====================
..                      BERT                 RoBERTa
======================  ===================  =====================
masks                   drawn once, 10 each  drawn at each reading
inputs                  pairs of segments    full sentences
next sentence           asked                not asked
texts                   16 GB                160 GB
pieces                  30,000 wordpieces    50,000 of bytes
batch                   256 inputs           8,000 inputs
steps                   1,000,000            500,000
highest learning rate   0.0001               0.0006
steps of the warm-up    10,000               24,000
beta 2 of Adam          0.999                0.98
epsilon of Adam         0.000001             0.000001
======================  ===================  =====================

Large batches are the `accumulate` of `reinvent.toolbox.fit.fit`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from reinvent import bert
from reinvent.bert import (  # §2: the model and its tasks, replicated
    BERT,
    PretrainingBatch,
    PretrainingBERT,
    mask_tokens,
)
from reinvent.byte_bpe import ByteBPE  # §4.4: pieces of bytes, like GPT-2
from reinvent.toolbox.inputs import shorten
from reinvent.toolbox.published_names import translated


@dataclass(frozen=True, kw_only=True)
class RoBERTaConfig(bert.BERTConfig):
    """Sizes and switches of `RoBERTa`; the defaults are the base model.

    Attributes:
        vocab_size: Pieces of bytes, as published.
        max_positions: Vectors for places: the longest input has
            `pad_id` + 1 tokens less, 512.
        num_segments: One vector that is added to every token.
        eps: As in the published files.
        pad_id: Piece that pads inputs. The first token stands at place
            `pad_id` + 1, as in the authors' program.
    """

    vocab_size: int = 50_265
    max_positions: int = 514
    num_segments: int = 1
    eps: float = 1e-5
    pad_id: int = 1


LARGE = RoBERTaConfig(
    hidden_size=1024, num_layers=24, num_heads=16, feed_forward_size=4096
)
TINY = RoBERTaConfig(
    hidden_size=64,
    num_layers=2,
    num_heads=4,
    feed_forward_size=256,
    max_positions=65,
    norm="pre",
    word_std=0.15,
    weight_std=0.07,
    pad_id=0,
)


@dataclass(frozen=True, kw_only=True)
class Marks(bert.Marks):
    """The ids of the pieces that are no text; defaults: as published.

    Attributes:
        pad: <pad>.
        cls: <s>, stands in front.
        sep: </s>, stands behind each text, and once more between two.
        mask: <mask>.
    """

    pad: int = 1
    cls: int = 0
    sep: int = 2
    mask: int = 50_264

    @classmethod
    def of(cls, pieces: ByteBPE) -> "Marks":
        """Those of a vocabulary that has all four.

        Raises:
            ValueError: If it lacks one.
        """
        names = {"pad": "<pad>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
        lacking = [name for name in names.values() if name not in pieces.ids]
        if lacking:
            raise ValueError(
                f"{pieces} without {', '.join(lacking)}, expected all of"
                f" {', '.join(names.values())}"
            )
        return cls(**{mark: pieces.ids[n] for mark, n in names.items()})

    def around(self, *texts: Sequence[int]) -> tuple[list[int], list[int]]:
        """One input: <s> A </s>, or <s> A </s></s> B </s>.

        Returns:
            The ids, and for each id the number of its text, 0 or 1.

        Raises:
            ValueError: If a text is empty.
        """
        row, segments = super().around(*texts)
        if len(texts) > 1:
            second = segments.index(1)
            row.insert(second, self.sep)
            segments.insert(second, 0)
        return row, segments


class RoBERTa(BERT):
    """BERT whose places count from `pad_id` + 1, without segments.

    Published files still hold one vector for a segment. Whatever segments
    are given, every token gets it.
    """

    config: RoBERTaConfig

    def embed(self, tokens: Tensor, segments: Tensor | None = None) -> Tensor:
        """Word, place and the one segment; as in `BERT.embed`."""
        first = self.config.pad_id + 1
        x = self.embedding(tokens, first) + self.segments.weight  # (B, T, D)
        return self.dropout(self.norm(x))

    def is_word(self, tokens: Tensor) -> Tensor:
        """True (B, T) at all that is not padding."""
        return tokens != self.config.pad_id


class PretrainingRoBERTa(PretrainingBERT):
    """RoBERTa with its one task, hidden words; the head is that of BERT.

    So nothing trains the pooler; a task does. To ask for the next sentence
    all the same, as section 4.2 does, put a `RoBERTa` into `PretrainingBERT`.
    """

    def __init__(self, roberta: RoBERTa) -> None:
        """Puts the head for words on a model."""
        super().__init__(roberta)
        del self.to_next

    def loss(self, batch: PretrainingBatch) -> Tensor:
        """The mean over the chosen words; as in `PretrainingBERT.loss`.

        Raises:
            ValueError: Also if the batch asks for the next sentence.
        """
        if batch.random_next is not None:
            raise ValueError(
                "random_next is given, expected None: RoBERTa is not asked"
                " for the next sentence, PretrainingBERT is"
            )
        return super().loss(batch)


def static_masks(
    rows: Sequence[Sequence[int]],
    marks: bert.Marks,
    vocab_size: int,
    copies: int = 10,
    *,
    rate: float = 0.15,
    generator: torch.Generator | None = None,
) -> list[PretrainingBatch]:
    """Masks that are drawn once, before the training (section 4.1).

    So BERT was trained: each text was there ten times, with other words
    hidden, and 40 epochs read every mask four times. Dynamic masking draws
    at every reading: it is `mask_tokens` on each batch.

    Args:
        rows: Ids of texts, marks included.
        marks: They are never chosen.
        vocab_size: As in `mask_tokens`.
        copies: How often each text is there.
        rate: Share of the words that are chosen.
        generator: Where chance comes from.

    Returns:
        A batch of one for each text, then for each text again, and so on;
        `static_batch` puts some of them together.

    Raises:
        ValueError: If there is no copy, or as in `mask_tokens`.
    """
    if copies < 1:
        raise ValueError(f"copies is {copies}, expected at least 1")
    how = {"rate": rate, "generator": generator}
    return [
        mask_tokens(torch.tensor([row]), marks, vocab_size, **how)
        for _ in range(copies)
        for row in rows
    ]


def static_batch(
    texts: Sequence[PretrainingBatch], pad_id: int = 1
) -> PretrainingBatch:
    """One batch of texts that have their masks, filled up with `pad_id`."""
    tokens = [text.tokens[0] for text in texts]
    chosen = [text.chosen[0] for text in texts]
    return PretrainingBatch(
        pad_sequence(tokens, batch_first=True, padding_value=pad_id),
        pad_sequence(chosen, batch_first=True),
        torch.cat([text.answers for text in texts]),
    )


Document = Sequence[Sequence[int]]
"""Sentences of ids. Section 4.2 makes inputs of documents in four ways; the
first, SEGMENT-PAIR, is `reinvent.bert.next_sentence_pairs`."""


def sentence_pairs(
    documents: Sequence[Document], longest: int, rng: Random
) -> Iterator[bert.SentencePair]:
    """SENTENCE-PAIR of section 4.2: two sentences, half of them neighbours.

    A sentence that lost its place to a random one begins the next pair. So
    every sentence is read; only what is too long for an input is cut.

    Args:
        documents: What to read.
        longest: Tokens in an input, with all four marks of a pair.
        rng: Where chance comes from.

    Raises:
        ValueError: If there are less than two documents, one is empty, or
            there is no room.
    """
    if len(documents) < 2 or longest < 6 or not all(map(len, documents)):
        raise ValueError(
            f"{len(documents)} documents for inputs of {longest} tokens,"
            " expected at least 2 with a sentence each, and 6 tokens"
        )
    for number, document in enumerate(documents):
        place = 0
        while place < len(document):
            pair = document[place : place + 2]
            random_next = len(pair) == 1 or rng.random() < 0.5
            if random_next:
                step = rng.randrange(1, len(documents))
                other = documents[(number + step) % len(documents)]
                pair = pair[0], rng.choice(other)
            texts = shorten(*pair, longest - 4, rng)
            yield bert.SentencePair(*texts, random_next)
            place += 1 if random_next else 2


def full_sentences(
    documents: Sequence[Document], longest: int, separator: int
) -> Iterator[list[int]]:
    """FULL-SENTENCES of section 4.2: as many whole sentences as fit.

    An input goes on with the next document, behind one more separator. So
    most inputs have almost the same length.

    Differs: a sentence that no input can hold is cut into parts.

    Args:
        documents: What to read, in this order.
        longest: Tokens in an input, with <s> and </s> around them.
        separator: </s>.

    Yields:
        The tokens between <s> and </s>.

    Raises:
        ValueError: If there is no room.
    """
    room = longest - 2
    if room < 1:
        raise ValueError(f"longest is {longest}, expected at least 3 tokens")
    row: list[int] = []
    for document in documents:
        between = [separator] if row else []
        for sentence in document:
            for start in range(0, len(sentence), room):
                part = sentence[start : start + room]
                if len(row) + len(between) + len(part) > room:
                    yield row
                    row, between = [], []
                row += [*between, *part]
                between = []
    if row:
        yield row


def doc_sentences(
    documents: Sequence[Document], longest: int
) -> Iterator[list[int]]:
    """DOC-SENTENCES of section 4.2: the same, each document by itself.

    The last input of a document may be short; `batches_of_tokens` then
    takes more of them. All else as in `full_sentences`.
    """
    for document in documents:
        # One document needs no separator.
        yield from full_sentences([document], longest, separator=-1)


def batches_of_tokens(lengths: Sequence[int], tokens: int) -> Iterator[range]:
    """Batches of similar size in tokens: the shorter the inputs, the more.

    Args:
        lengths: Tokens of each input.
        tokens: At most so many in a batch; a longer input is one alone.

    Yields:
        Places in `lengths`, each once.
    """
    start = held = 0
    for place, length in enumerate(lengths):
        if place > start and held + length > tokens:
            yield range(start, place)
            start, held = place, 0
        held += length
    if lengths:
        yield range(start, len(lengths))


NAMES = {
    "lm_head": "cls.predictions",
    "lm_head.dense": "cls.predictions.transform.dense",
    "lm_head.layer_norm": "cls.predictions.transform.LayerNorm",
    "lm_head.decoder": "cls.predictions.decoder",
    "classifier.dense": "pooler.dense",
    "classifier.out_proj": "classifier",
}
"""Parts in files of RoBERTa that have another name in files of BERT."""


def load_published(
    model: RoBERTa | PretrainingBERT | bert.TaskBERT,
    state: Mapping[str, Tensor],
) -> list[str]:
    """Puts published weights into a model of the same sizes.

    A published classifier has two layers on <s>. They are the pooler and the
    last layer of `reinvent.bert.BERTClassifier`, which in training blanks
    nothing in front of the first.

    Args:
        model: Its weights are written over.
        state: Weights by the names of `transformers`, with or without
            "roberta." in front.

    Returns:
        As `reinvent.bert.load_published`.

    Raises:
        ValueError: As there. The model then stays as it was.
    """
    # Backwards, so that a classifier comes after a pooler that nothing uses.
    found = {
        translated(name.removeprefix("roberta."), NAMES): state[name]
        for name in sorted(state, reverse=True)
        if not name.endswith("embeddings.token_type_ids")
    }
    return bert.load_published(model, found)
