"""The report on a translator is that of the single metrics."""

import torch
from torch import nn

from reinvent.toolbox.decoding import greedy
from reinvent.toolbox.scores import score_translator
from reinvent.toolbox.translation import LENGTH_BUCKETS, translation_task


class Oracle(nn.Module):
    """Knows the translations of one task and attends to the diagonal."""

    def __init__(self, pairs, task):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))
        self.size = len(task.target_words)
        self.known = {
            tuple(task.source_words.encode(pair.source)): [
                *task.target_words.encode(pair.target),
                task.target_words.eos_id,
            ]
            for pair in pairs
        }

    def encode(self, source):
        rows = [tuple(int(i) for i in row if i > 2) for row in source]
        return ([self.known[row] for row in rows], source, 0)

    def step(self, tokens, state):
        answers, source, position = state
        logits = torch.zeros(len(answers), self.size)
        for row, answer in enumerate(answers):
            logits[row, answer[min(position, len(answer) - 1)]] = 1.0
        weights = torch.zeros(source.shape)
        weights[:, min(position, source.shape[1] - 1)] = 1.0
        return logits, (answers, source, position + 1), weights


def test_a_perfect_translator_gets_full_marks():
    task = translation_task(train_size=40, test_size=20)
    scores = score_translator(
        Oracle(task.test, task), task.test, task, aligns=True
    )
    assert scores.exact_match == 1.0
    assert scores.bleu > 99.9
    assert set(scores.by_length) == set(LENGTH_BUCKETS)
    assert 0.0 < scores.alignment_error < 1.0
    assert [tuple(words) for words in scores.translations] == [
        pair.target for pair in task.test
    ]


def test_a_wrong_word_costs_its_sentence_and_its_bucket():
    task = translation_task(train_size=40, test_size=20)
    oracle = Oracle(task.test, task)
    first = task.test[0]
    answer = oracle.known[tuple(task.source_words.encode(first.source))]
    answer[0] = next(i for i in range(3, oracle.size) if i != answer[0])
    scores = score_translator(oracle, task.test, task)
    assert scores.exact_match == 0.95
    assert 50 < scores.bleu < 99.9
    for (low, high), share in scores.by_length.items():
        assert (share < 1) == (low <= len(first.source) <= high)


def test_alignment_is_measured_only_on_demand():
    task = translation_task(train_size=40, test_size=20)
    scores = score_translator(Oracle(task.test, task), task.test, task)
    assert scores.alignment_error is None


def test_the_search_that_is_chosen_does_the_translating():
    task = translation_task(train_size=40, test_size=20)

    def first_word_only(*arguments, max_length, **ids):
        return greedy(*arguments, max_length=1, **ids)

    scores = score_translator(
        Oracle(task.test, task), task.test, task, search=first_word_only
    )
    assert [tuple(words) for words in scores.translations] == [
        pair.target[:1] for pair in task.test
    ]
