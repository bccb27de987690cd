"""The probes find what was put there, and chance where nothing was."""

import pytest
import torch

from reinvent.toolbox.document_tasks import (
    cloze_probes,
    noun_words,
    sense_probes,
)
from reinvent.toolbox.documents import NUMBERS, TOPICS, generate_corpus
from reinvent.toolbox.probing import noun_guess, same_sense

CORPUS = generate_corpus(train_size=1, test_size=300)
WORDS = CORPUS.words
V = len(WORDS)


def test_vectors_of_the_sense_tell_it():
    probes = sense_probes(CORPUS.test, "early")
    senses = sorted({probe.sense for probe in probes})
    ids = torch.tensor([senses.index(probe.sense) for probe in probes])
    assert same_sense(torch.eye(len(senses))[ids], probes) == 1


def test_equal_vectors_tell_nothing():
    probes = sense_probes(CORPUS.test, "early")
    assert 0.35 < same_sense(torch.ones(len(probes), 3), probes) < 0.65


def test_only_uses_of_the_same_noun_are_compared():
    probes = sense_probes(CORPUS.test, "early")
    lemmas = sorted({probe.lemma for probe in probes})
    vectors = torch.zeros(len(probes), len(lemmas) + 2)
    for row, probe in zip(vectors, probes, strict=True):
        row[lemmas.index(probe.lemma)] = 1
        row[-1] = 0.1 * (probe.topic == probe.sense)
        row[-2] = 0.1 * TOPICS.index(probe.topic)
    assert same_sense(vectors, probes) == 1


@pytest.mark.parametrize("name", ["topic", "number"])
def test_the_right_nouns_are_the_right_class(name):
    probes = cloze_probes(CORPUS.test)
    logits = torch.zeros(len(probes), V)
    for row, probe in zip(logits, probes, strict=True):
        right = noun_words(**{name: getattr(probe, name)})
        row[WORDS.encode(right)] = 5.0
    assert getattr(noun_guess(logits, probes, WORDS), name) == 1


def test_a_model_that_knows_nothing_chooses_among_all_words():
    probes = cloze_probes(CORPUS.test, "last")
    guess = noun_guess(torch.zeros(len(probes), V), probes, WORDS)
    assert guess.perplexity == pytest.approx(V)
    topics = [probe.topic == TOPICS[0] for probe in probes]
    assert guess.topic == pytest.approx(sum(topics) / len(topics))
    singular = [probe.number == NUMBERS[0] for probe in probes]
    assert guess.number == pytest.approx(sum(singular) / len(singular))


def test_each_probe_needs_a_row():
    probes = cloze_probes(CORPUS.test)
    with pytest.raises(ValueError, match="1 rows for 300 probes"):
        same_sense(torch.ones(1, 3), probes)
    with pytest.raises(ValueError, match="0 rows for 0 probes"):
        noun_guess(torch.ones(0, V), [], WORDS)
