"""The language modelling task: splits, unknown words, batches, perplexity."""

import math
from random import Random

import pytest
import torch
from torch import nn

from reinvent.toolbox.fit import fit
from reinvent.toolbox.language import (
    UNK,
    SentenceBatches,
    language_batch,
    language_loss,
    language_task,
    like_lengths,
    perplexity,
    replace_unknown,
    unigram_perplexity,
)
from reinvent.toolbox.vocabulary import Vocabulary

NOUNS = ("cat", "dog", "king", "queen", "apple", "bird", "house", "tree")
SENTENCES = [
    f"The {a} sees the {b}" + (", not the dog." if a < b else ".")
    for a in NOUNS
    for b in NOUNS
]
TASK = language_task(SENTENCES, min_count=3, test_size=7, seed=5)


class Bigram(nn.Module):
    """One row of logits for each last word."""

    def __init__(self, vocab_size):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)

    def forward(self, tokens):
        return self.table(tokens)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Bigram(len(TASK.words))


def test_the_same_seed_gives_the_same_task():
    again = language_task(SENTENCES, min_count=3, test_size=7, seed=5)
    other = language_task(SENTENCES, min_count=3, test_size=7, seed=6)
    for split in ("train", "valid", "test"):
        assert getattr(again, split) == getattr(TASK, split)
        assert getattr(other, split) != getattr(TASK, split)
    assert again.words.words == TASK.words.words


def test_every_sentence_is_in_one_split():
    task = language_task(SENTENCES * 2, min_count=1, test_size=7)
    assert len(task.valid) == len(task.test) == 7
    together = task.train + task.valid + task.test
    assert len(together) == len(set(together)) == len(SENTENCES)


def test_sentences_may_be_strings_or_words():
    words = [["A", f"B{i}", "."] for i in range(3)]
    task = language_task(words, min_count=1, test_size=1)
    assert task.train[0][0] == "A"
    task = language_task(
        [" ".join(w) for w in words], min_count=1, test_size=1
    )
    assert task.train[0][0] == "a"


def test_rare_words_of_the_training_are_unknown_everywhere():
    words = [["a", f"b{i // 5}", f"c{i}"] for i in range(31)]
    task = language_task(words, min_count=3, test_size=5)
    counts = {}
    for number, sentence in enumerate(words):
        first, second, third = replace_unknown(sentence, task.words)
        assert (first, third) == ("a", UNK)
        assert second in (f"b{number // 5}", UNK)
    for sentence in task.train:
        counts[sentence[1]] = counts.get(sentence[1], 0) + 1
    assert counts.pop(UNK) > 0
    assert min(counts.values()) >= 3
    assert set(task.words.words[3:]) == {UNK, "a", *counts}
    assert {s[2] for s in task.valid + task.test} == {UNK}


def test_the_most_frequent_words_come_first():
    assert TASK.words.words[:5] == ("<pad>", "<s>", "</s>", UNK, "the")
    counts = [
        sum(sentence.count(word) for sentence in TASK.train)
        for word in TASK.words.words[4:]
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 3


def test_a_text_that_knows_unk_already_keeps_one():
    words = [["a", UNK, f"{i}"] for i in range(5)]
    task = language_task(words, min_count=2, test_size=1)
    assert task.words.words[3:] == (UNK, "a")


def test_batches_shift_the_words_by_one():
    batch = language_batch([("the", "dog"), ("the",)], TASK.words)
    the, dog = TASK.words.encode(["the", "dog"])
    assert batch.tokens_in.tolist() == [[1, the, dog], [1, the, 0]]
    assert batch.tokens_out.tolist() == [[the, dog, 2], [the, 2, 0]]


def test_batches_hold_every_sentence_once_per_epoch():
    batches = SentenceBatches(TASK.train, TASK.words, batch_size=7, seed=2)
    for epoch in range(2):
        rows = [
            tuple(TASK.words.decode(row))
            for step in range(batches.per_epoch)
            for row in batches(epoch * batches.per_epoch + step).tokens_out
        ]
        assert sorted(rows) == sorted(TASK.train)


def test_the_same_seed_and_step_give_the_same_batch():
    one = SentenceBatches(TASK.train, TASK.words, batch_size=7, seed=2)
    two = SentenceBatches(TASK.train, TASK.words, batch_size=7, seed=2)
    other = SentenceBatches(TASK.train, TASK.words, batch_size=7, seed=3)
    two(31)
    torch.testing.assert_close(one(5).tokens_in, two(5).tokens_in)
    torch.testing.assert_close(one(5).tokens_out, two(5).tokens_out)
    assert one(5).tokens_in.tolist() != other(5).tokens_in.tolist()
    assert one(5).tokens_in.tolist() != one(5 + 8).tokens_in.tolist()


def test_like_lengths_share_a_batch():
    rng = Random(0)
    lengths = [rng.randint(1, 50) for _ in range(997)]
    batches = like_lengths(lengths, 31, Random(1))
    assert sorted(sum(batches, [])) == list(range(997))
    chosen = [[lengths[i] for i in batch] for batch in batches]
    spreads = [max(batch) - min(batch) for batch in chosen]
    assert sum(spreads) / len(spreads) < 5
    longest = [max(batch) for batch in chosen]
    assert longest != sorted(longest)


def test_the_loss_is_the_mean_over_words_and_end_marks(model):
    sentences = [("the", "dog"), ("the",)]
    batch = language_batch(sentences, TASK.words)
    told = []
    for sentence in sentences:
        ids = [1, *TASK.words.encode(sentence), 2]
        for last, word in zip(ids, ids[1:], strict=False):
            row = model.table.weight[last]
            told.append(-row.log_softmax(0)[word].item())
    assert len(told) == 5
    loss = language_loss(model, batch)
    assert loss.item() == pytest.approx(sum(told) / 5)
    value = perplexity(model, sentences, TASK.words)
    assert value == pytest.approx(math.exp(sum(told) / 5))


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_perplexity_does_not_depend_on_the_batches(model, batch_size):
    expected = perplexity(model, TASK.valid[::-1], TASK.words)
    value = perplexity(model, TASK.valid, TASK.words, batch_size=batch_size)
    assert value == pytest.approx(expected)


def test_a_model_without_preference_has_the_vocabulary_as_perplexity(model):
    model.table.weight.data.zero_()
    value = perplexity(model, TASK.test, TASK.words)
    assert value == pytest.approx(len(TASK.words), rel=1e-5)


def test_probabilities_may_stand_for_logits(model):
    expected = perplexity(model, TASK.test, TASK.words)
    model.table.weight.data = model.table.weight.log_softmax(dim=-1)
    assert perplexity(model, TASK.test, TASK.words) == pytest.approx(expected)


def test_perplexity_runs_in_eval_mode_and_leaves_the_mode(model):
    dropping = nn.Sequential(model, nn.Dropout(0.5))
    one = perplexity(dropping, TASK.test, TASK.words)
    assert perplexity(dropping, TASK.test, TASK.words) == one
    assert dropping.training


def test_the_unigram_counts_words():
    words = [["a", "a", "b"], ["a"], ["b", "c"]]
    task = language_task(words, min_count=1, test_size=1, seed=1)
    told = [w for s in task.train for w in (*s, "</s>")]
    known = task.words.words[2:]
    expected = [
        math.log((told.count(word) + 1) / (len(told) + len(known)))
        for sentence in task.test
        for word in (*sentence, "</s>")
    ]
    mean = sum(expected) / len(expected)
    assert unigram_perplexity(task) == pytest.approx(math.exp(-mean))


def test_a_model_that_knows_the_last_word_beats_the_unigram(model):
    batches = SentenceBatches(TASK.train, TASK.words, batch_size=8, seed=0)
    fit(
        model,
        language_loss,
        batches,
        steps=101,
        learning_rate=0.1,
        progress=False,
    )
    value = perplexity(model, TASK.test, TASK.words)
    assert value < 0.5 * unigram_perplexity(TASK)


def test_what_makes_no_task_is_named():
    with pytest.raises(ValueError, match="min_count is 0"):
        language_task(SENTENCES, min_count=0)
    with pytest.raises(ValueError, match="test_size is 0"):
        language_task(SENTENCES, test_size=0)
    with pytest.raises(ValueError, match="64 different .* more than 64"):
        language_task(SENTENCES * 3, test_size=32)
    for empty in ("  ", []):
        with pytest.raises(ValueError, match="sentence 2 has 0 words"):
            language_task(["a b", "b a", empty], test_size=1)


def test_what_makes_no_batch_is_named(model):
    with pytest.raises(ValueError, match="batch_size=0"):
        SentenceBatches(TASK.train, TASK.words, 0, seed=0)
    with pytest.raises(ValueError, match="got 0 sentences"):
        SentenceBatches([], TASK.words, 1, seed=0)
    with pytest.raises(ValueError, match="got -1"):
        SentenceBatches(TASK.train, TASK.words, 1, seed=0)(-1)
    with pytest.raises(ValueError, match="got 0 sentences"):
        perplexity(model, [], TASK.words)
    with pytest.raises(ValueError, match="batch_size=0"):
        perplexity(model, TASK.test, TASK.words, batch_size=0)
    with pytest.raises(ValueError, match="unknown word 'zebra'"):
        perplexity(model, [("zebra",)], TASK.words)
    with pytest.raises(ValueError, match="unknown word '<unk>'"):
        language_batch([(UNK,)], Vocabulary(["a"]))
