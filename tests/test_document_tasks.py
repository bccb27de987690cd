"""Tasks and probes of the world of text."""

from collections import Counter

import pytest

from reinvent.toolbox.document_tasks import (
    TASKS,
    agreement_probes,
    cloze_probes,
    examples,
    few_labels,
    noun_words,
    prompts,
    sense_probes,
)
from reinvent.toolbox.documents import (
    LINKING,
    NOUNS,
    POLARITIES,
    TAILS,
    TOPICS,
    TWO_SENSES,
    VERBS,
    generate_corpus,
)

DOCUMENTS = generate_corpus(train_size=2003, test_size=1, seed=5).train
BY_BODY = {d.body: d for d in DOCUMENTS}
ONE, MANY = [
    {f[i] for fs in (*NOUNS.values(), TWO_SENSES) for f in fs} for i in (0, 1)
]

each_task = pytest.mark.parametrize("task", TASKS)
each_pair_task = pytest.mark.parametrize("task", ["order", "next"])


@each_task
def test_labels_are_places_among_the_names_of_the_task(task):
    labels = Counter(e.label for e in examples(DOCUMENTS, task))
    assert sorted(labels) == list(range(len(TASKS[task])))
    mean = labels.total() / len(labels)
    assert all(0.8 < n / mean < 1.2 for n in labels.values())


@pytest.mark.parametrize("task", ["sentiment", "topic"])
def test_every_document_gives_its_polarity_and_its_topic(task):
    made = examples(DOCUMENTS, task)
    for document, example in zip(DOCUMENTS, made, strict=True):
        truth = document.topic if task == "topic" else document.polarity
        assert example == (document.body, TASKS[task].index(truth), None, ())


def test_an_early_sense_is_asked_of_the_first_noun():
    for example in examples(DOCUMENTS, "early sense"):
        document = BY_BODY[example.words]
        token = document.tokens[example.place]
        assert not any(t.topic for t in document.tokens[: example.place])
        assert TOPICS[example.label] == token.topic == document.topic
        assert token.sense


def test_a_late_sense_is_asked_in_the_second_half():
    for example in examples(DOCUMENTS, "late sense"):
        document = BY_BODY[example.words]
        assert example.place >= len(document.halves[0])
        assert document.tokens[example.place].sense
        assert TOPICS[example.label] == document.topic


def test_about_half_of_the_documents_have_an_early_and_most_a_late_sense():
    count = len(DOCUMENTS)
    assert 0.47 < len(sense_probes(DOCUMENTS, "early")) / count < 0.53
    assert 0.6 < len(sense_probes(DOCUMENTS, "late")) / count < 0.75


@each_pair_task
def test_half_of_the_pairs_are_true(task):
    made = examples(DOCUMENTS, task)
    assert len(made) == len(DOCUMENTS)
    assert sum(e.label for e in made) == len(DOCUMENTS) // 2


def test_order_swaps_the_halves_of_a_document():
    made = examples(DOCUMENTS, "order")
    for document, example in zip(DOCUMENTS, made, strict=True):
        halves = example.words, example.second
        assert halves == document.halves[:: 1 if example.label else -1]


def step(words):
    """How far the plot is in a text: the place of its verb."""
    (found,) = [
        i
        for verbs in VERBS.values()
        for i, forms in enumerate(verbs)
        if {*forms} & {*words}
    ]
    return found


def test_the_plot_decides_the_order_and_one_half_alone_does_not():
    one, both = [], []
    for example in examples(DOCUMENTS, "order"):
        first, second = step(example.words), step(example.second)
        both.append((first < second) == example.label)
        one.append((first < 2 - first) == example.label)
    assert all(both)
    assert 0.6 < sum(one) / len(one) < 0.9


def test_next_takes_the_second_half_of_the_same_or_another_document():
    by_second = {d.halves[1]: d for d in DOCUMENTS}
    made = examples(DOCUMENTS, "next")
    for document, example in zip(DOCUMENTS, made, strict=True):
        assert example.words == document.halves[0]
        assert (by_second[example.second] is document) == example.label


@each_pair_task
def test_the_seed_draws_the_pairs(task):
    assert examples(DOCUMENTS, task, 1) == examples(DOCUMENTS, task, 1)
    assert examples(DOCUMENTS, task, 1) != examples(DOCUMENTS, task, 2)


@each_task
def test_few_labels_are_balanced_and_taken_from_the_examples(task):
    classes = len(TASKS[task])
    sample = few_labels(DOCUMENTS, task, 2 * classes + 1, seed=3)
    labels = Counter(e.label for e in sample)
    assert sorted(labels.values()) == [2] * (classes - 1) + [3]
    assert set(sample) <= set(examples(DOCUMENTS, task, 3))
    assert len(set(sample)) == len(sample)


@each_task
def test_a_larger_sample_begins_like_a_smaller_one(task):
    large = few_labels(DOCUMENTS, task, 24, seed=1)
    assert few_labels(DOCUMENTS, task, 13, seed=1) == large[:13]
    assert few_labels(DOCUMENTS, task, 13, seed=2) != large[:13]


def test_the_largest_balanced_sample_can_be_had():
    documents = DOCUMENTS[:31]
    with pytest.raises(ValueError, match="1 to ([0-9]+)") as error:
        few_labels(documents, "topic", 32)
    most = int(str(error.value).split(" to ")[1].split(":")[0])
    rarest = min(Counter(d.topic for d in documents).values())
    assert 6 * rarest <= most < 6 * rarest + 6
    assert len(few_labels(documents, "topic", most)) == most
    with pytest.raises(ValueError, match=f"count is {most + 1}, "):
        few_labels(documents, "topic", most + 1)


@pytest.mark.parametrize(
    "tail, classes", [("overall", POLARITIES), ("about", TOPICS)]
)
def test_a_prompt_waits_for_the_answer(tail, classes):
    for document, prompt in zip(
        DOCUMENTS, prompts(DOCUMENTS, tail), strict=True
    ):
        assert prompt.words == (*document.body, tail, ":")
        truth = {"overall": document.polarity, "about": document.topic}
        assert classes[prompt.label] == truth[tail]
        answer = TAILS[tail][prompt.label]
        for told in document.tails:
            if told[0].word == tail:
                assert told[2].word == answer


@pytest.mark.parametrize("which", ["first", "last"])
def test_cloze_hides_the_first_or_the_last_noun(which):
    probes = cloze_probes(DOCUMENTS, which)
    for document, probe in zip(DOCUMENTS, probes, strict=True):
        assert probe.words == document.body
        token = document.tokens[probe.place]
        assert probe[2:] == token[1:2] + token[3:]
        rest = (
            probe.words[: probe.place]
            if which == "first"
            else probe.words[probe.place + 1 :]
        )
        assert (ONE | MANY).isdisjoint(rest)
        assert probe.words.count(probe.words[probe.place]) == 1


def test_agreement_knows_subject_and_both_forms():
    forms = {f for fs in (*VERBS.values(), LINKING.values()) for f in fs}
    for probe in agreement_probes(DOCUMENTS):
        assert probe.words[probe.place] == probe.right
        is_plural = probe.words[probe.subject] in MANY
        pair = (probe.right, probe.wrong)
        assert pair[:: -1 if is_plural else 1] in forms


def test_agreement_counts_words_and_attractors_between():
    probes = agreement_probes(DOCUMENTS)
    assert len(probes) == 4 * len(DOCUMENTS)
    for probe in probes:
        between = probe.words[probe.subject + 1 : probe.place]
        assert probe.distance == len(between)
        assert "." not in between
        is_plural = probe.words[probe.subject] in MANY
        others = ONE if is_plural else MANY
        assert probe.attractors == sum(word in others for word in between)
    distances = Counter(probe.distance for probe in probes)
    assert set(distances) == {0, 3, 4, 6, 7, 8}
    assert 0.25 < 1 - distances[0] / len(probes) < 0.31


def test_agreement_can_be_asked_across_a_distance_only():
    every = agreement_probes(DOCUMENTS)
    for shortest in (0, 1, 6, 8):
        probes = agreement_probes(DOCUMENTS, shortest)
        assert probes == [p for p in every if p.distance >= shortest]
        assert probes


def test_the_noun_next_to_the_verb_misleads_in_about_half_of_the_cases():
    probes = agreement_probes(DOCUMENTS, 3)
    misled = 0
    for probe in probes:
        near = [w for w in probe.words[: probe.place] if w in ONE | MANY][-1]
        misled += (near in MANY) != (probe.words[probe.subject] in MANY)
    assert 0.42 < misled / len(probes) < 0.54


def test_noun_words_lists_nouns_of_a_topic_or_number():
    assert set(noun_words()) == ONE | MANY
    assert set(noun_words(number="plural")) == MANY
    shared = {word for forms in TWO_SENSES for word in forms}
    topics = [set(noun_words(topic)) for topic in TOPICS]
    assert set.union(*topics) == (ONE | MANY) - shared
    assert all(len(topic) == 12 for topic in topics)
    assert noun_words("music", "singular")[0] == "violin"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: examples(DOCUMENTS, "sense"), "task is 'sense'"),
        (lambda: examples([], "topic"), "0 documents .* at least 1"),
        (lambda: examples(DOCUMENTS[:1], "next"), "1 doc.* at least 2"),
        (lambda: few_labels(DOCUMENTS, "topic", 0), "count is 0"),
        (lambda: few_labels(DOCUMENTS, "nex", 1), "task is 'nex'"),
        (lambda: prompts(DOCUMENTS, "sport"), "tail is 'sport'"),
        (lambda: cloze_probes(DOCUMENTS, "second"), "noun is 'second'"),
        (lambda: sense_probes(DOCUMENTS, "first"), "where is 'first'"),
        (lambda: agreement_probes(DOCUMENTS, -1), "shortest is -1"),
        (lambda: agreement_probes(DOCUMENTS, 9), "shortest is 9"),
        (lambda: noun_words("sports"), "topic is 'sports'"),
        (lambda: noun_words(number="one"), "number is 'one'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(call, message):
    with pytest.raises(ValueError, match=message):
        call()
