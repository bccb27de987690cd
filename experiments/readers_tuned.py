"""Readers that a task trains further: GPT, GPT-2, BERT and RoBERTa."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

import torch
from readers_base import Inputs, Reader, at
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from reinvent import bert, gpt, gpt2, roberta
from reinvent.toolbox.document_tasks import TASKS, Example, NounProbe
from reinvent.toolbox.documents import Document, Words
from reinvent.toolbox.inputs import IGNORED
from reinvent.toolbox.language import LanguageBatch, language_batch
from reinvent.toolbox.vocabulary import pad


class GPT(Reader):
    """The model of chapter 11, asked and trained further as there."""

    def build(self) -> gpt.GPT:
        """As in `Reader`."""
        return gpt.GPT(replace(gpt.TINY, vocab_size=len(self.words)))

    def form(self, inputs: list[Words]) -> LanguageBatch:
        """As in `Reader`."""
        return language_batch(inputs, self.words)

    def hidden(self, texts: Sequence[Words], places: Sequence[int]) -> Tensor:
        """The top layer, (N, D), at places that count <s> as 0."""
        with torch.no_grad():
            hidden = self.model.hidden(self.words.batch(texts, bos=True))
        return at(hidden, places)

    def vectors(self, probes: Sequence[NounProbe]) -> Tensor:
        """As in `Reader`."""
        texts = [probe.words for probe in probes]
        return self.hidden(texts, [probe.place + 1 for probe in probes])

    def guesses(self, probes: Sequence[NounProbe]) -> Tensor:
        """From the left; as in `Reader`."""
        texts = [probe.words for probe in probes]
        hidden = self.hidden(texts, [probe.place for probe in probes])
        return self.model.to_logits(hidden).detach()

    def answers(self, asked: Sequence[Example]) -> Tensor:
        """As in `Reader`."""
        texts = [example.words for example in asked]
        hidden = self.hidden(texts, [len(text) for text in texts])
        return self.model.to_logits(hidden).detach()

    def new_task(self, task: str) -> gpt.GPTClassifier:
        """As in `Reader`."""
        grown = gpt.with_new_words(self.model, 2)
        extract = len(self.words) + 1
        return gpt.GPTClassifier(grown, len(TASKS[task]), extract)

    def task_batch(self, examples: Sequence[Example]) -> gpt.TaskBatch:
        """The noun that is asked for is a second text; as in `Reader`."""
        marks = gpt.Marks(
            start=self.words.bos_id,
            delimiter=len(self.words),
            extract=len(self.words) + 1,
        )
        rows = []
        for example in examples:
            texts = [example.words, example.second]
            if example.place is not None:
                texts[1] = (example.words[example.place],)
            ids = [self.words.encode(text) for text in texts if text]
            rows.append([marks.around(*ids)])
        return gpt.task_batch(rows, [example.label for example in examples])


class GPT2(GPT):
    """The model of chapter 13; a task trains it further like GPT."""

    def build(self) -> gpt2.GPT2:
        """As in `Reader`."""
        return gpt2.GPT2(replace(gpt2.TINY, vocab_size=len(self.words)))


class MaskedReader(Reader):
    """A reader of texts with gaps."""

    model: bert.PretrainingBERT
    marks_of = bert.Marks

    @property
    def marks(self) -> bert.Marks:
        """The ids of the tokens that are no words."""
        words = self.words
        return self.marks_of(
            pad=words.pad_id,
            cls=words.bos_id,
            sep=words.eos_id,
            mask=len(words),
        )

    def sentences(self, documents: Sequence[Document]) -> list:
        """Documents as lists of sentences of ids, summaries included."""
        return [
            [
                self.words.encode([token.word for token in sentence])
                for sentence in (*document.sentences, *document.tails)
            ]
            for document in documents
        ]

    def tokens(
        self, texts: Sequence[Words], places: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Single texts (N, T), and True where each place is."""
        tokens, _ = self.marks.batch([[self.words.encode(t)] for t in texts])
        asked = torch.zeros_like(tokens, dtype=torch.bool)
        asked[torch.arange(len(tokens)), torch.tensor(places) + 1] = True
        return tokens, asked

    def vectors(self, probes: Sequence[NounProbe]) -> Tensor:
        """As in `Reader`."""
        places = [probe.place for probe in probes]
        tokens, asked = self.tokens([its.words for its in probes], places)
        with torch.no_grad():
            return self.model.bert(tokens)[asked]

    def fill(self, texts: Sequence[Words], places: Sequence[int]) -> Tensor:
        """Scores (N, V) of the words at places, which are hidden."""
        tokens, asked = self.tokens(texts, places)
        with torch.no_grad():
            return self.model(
                tokens.masked_fill(asked, self.marks.mask), asked
            )

    def guesses(self, probes: Sequence[NounProbe]) -> Tensor:
        """As in `Reader`."""
        places = [probe.place for probe in probes]
        return self.fill([probe.words for probe in probes], places)

    def answers(self, asked: Sequence[Example]) -> Tensor:
        """A gap and the "." behind it; as in `Reader`."""
        texts = [(*example.words, ".", ".") for example in asked]
        return self.fill(texts, [len(text) - 2 for text in texts])

    def new_task(self, task: str) -> bert.TaskBERT:
        """As in `Reader`."""
        body = copy.deepcopy(self.model.bert)
        at_noun = task.endswith("sense")
        kind = bert.BERTTagger if at_noun else bert.BERTClassifier
        return kind(body, len(TASKS[task]))

    def task_batch(self, examples: Sequence[Example]) -> bert.TaskBatch:
        """As in `Reader`."""
        texts = [
            [
                self.words.encode(text)
                for text in (its.words, its.second)
                if text
            ]
            for its in examples
        ]
        tokens, segments = self.marks.batch(texts)
        labels = torch.tensor([example.label for example in examples])
        if examples[0].place is not None:
            told = torch.full_like(tokens, IGNORED)
            for i, example in enumerate(examples):
                told[i, example.place + 1] = example.label
            labels = told
        return bert.TaskBatch(tokens, labels, segments)

    def task_logits(self, model: nn.Module, batch: bert.TaskBatch) -> Tensor:
        """As in `Reader`."""
        logits = model(batch.tokens, batch.segments)
        return logits[batch.labels != IGNORED]


class BERT(MaskedReader):
    """As published: static masks, pairs, and the next-sentence question."""

    def build(self) -> bert.PretrainingBERT:
        """As in `Reader`."""
        config = replace(bert.TINY, vocab_size=len(self.words) + 1)
        return bert.PretrainingBERT(bert.BERT(config))

    def inputs(self, documents: Sequence[Document]) -> Inputs:
        """All copies, each with its own pairs and masks, which stay."""
        sentences = self.sentences(documents)
        longest, rng = self.model.config.max_positions, Random(self.seed)
        generator = torch.Generator().manual_seed(self.seed)
        return [
            masked
            for _ in range(self.settings.copies)
            for masked in self.masked(
                list(bert.next_sentence_pairs(sentences, longest, rng)),
                generator,
            )
        ]

    def masked(
        self, pairs: Sequence[bert.SentencePair], generator: torch.Generator
    ) -> Inputs:
        """Batches of one, with masks and the answer to the question."""
        rows, segments = zip(
            *(self.marks.around(pair.first, pair.second) for pair in pairs),
            strict=True,
        )
        batches = roberta.static_masks(
            rows,
            self.marks,
            self.model.config.vocab_size,
            copies=1,
            rate=self.settings.mask_rate,
            generator=generator,
        )
        return [
            (
                len(pair.first) + len(pair.second),
                batch._replace(
                    segments=torch.tensor([whose]),
                    random_next=torch.tensor([int(pair.random_next)]),
                ),
            )
            for pair, whose, batch in zip(
                pairs, segments, batches, strict=True
            )
        ]

    def form(self, inputs: list[bert.PretrainingBatch]) -> NamedTuple:
        """As in `Reader`."""
        segments = [its.segments[0] for its in inputs]
        return roberta.static_batch(inputs, self.marks.pad)._replace(
            segments=pad_sequence(segments, batch_first=True),
            random_next=torch.cat([its.random_next for its in inputs]),
        )


class RoBERTa(MaskedReader):
    """New masks at each reading, whole documents, no second question."""

    marks_of = roberta.Marks

    def build(self) -> roberta.PretrainingRoBERTa:
        """As in `Reader`."""
        config = replace(roberta.TINY, vocab_size=len(self.words) + 1)
        return roberta.PretrainingRoBERTa(roberta.RoBERTa(config))

    def inputs(self, documents: Sequence[Document]) -> Inputs:
        """DOC-SENTENCES."""
        config = self.model.config
        longest = config.max_positions - config.pad_id - 1
        rows = roberta.doc_sentences(self.sentences(documents), longest)
        return [(len(row), self.marks.around(row)[0]) for row in rows]

    def form(self, inputs: list[list[int]]) -> Tensor:
        """Ids, (B, T)."""
        return pad(inputs, self.marks.pad)

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        """As in `Reader`."""
        size, rate = model.config.vocab_size, self.settings.mask_rate
        return model.loss(bert.mask_tokens(batch, self.marks, size, rate=rate))
