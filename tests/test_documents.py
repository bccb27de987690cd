"""The world of text: what holds in every document, and how often."""

import re
from collections import Counter, defaultdict
from itertools import product
from random import Random

import pytest

from reinvent.toolbox.documents import (
    ADJECTIVES,
    DETERMINERS,
    LINKING,
    NOUNS,
    NUMBERS,
    POLARITIES,
    PREPOSITIONS,
    TAILS,
    TOPICS,
    TWO_SENSES,
    VERBS,
    WORDS,
    generate_corpus,
    write_document,
)
from reinvent.toolbox.vocabulary import SPECIALS

CORPUS = generate_corpus(train_size=4001, test_size=101, seed=3)
DOCUMENTS = CORPUS.train


def nouns(document):
    return [t for t in document.tokens if t.part == "noun"]


def share(hits):
    hits = list(hits)
    return sum(hits) / len(hits)


def near(value, expected):
    return abs(value - expected) < 0.03


def test_the_same_seed_gives_the_same_corpus():
    again = generate_corpus(train_size=53, test_size=101, seed=3)
    other = generate_corpus(train_size=53, test_size=101, seed=4)
    assert again.train == CORPUS.train[:53]
    assert (again.valid, again.test) == (CORPUS.valid, CORPUS.test)
    for split in ("train", "valid", "test"):
        assert not set(getattr(other, split)) & set(getattr(CORPUS, split))


def test_no_text_comes_twice():
    bodies = [d.body for d in CORPUS.train + CORPUS.valid + CORPUS.test]
    assert len(bodies) == len(set(bodies)) == 4001 + 2 * 101


def test_the_vocabulary_holds_every_word_and_no_other():
    used = {w for d in DOCUMENTS for w in d.words}
    assert used == set(WORDS)
    assert CORPUS.words.words == (*SPECIALS, *WORDS)
    assert len(WORDS) == 172


def test_no_word_has_two_readings_but_the_nouns_of_two_senses():
    tables = [
        *NOUNS.values(),
        *VERBS.values(),
        TWO_SENSES,
        LINKING.values(),
        [(w,) for words in ADJECTIVES.values() for w in words],
        [(w,) for w in (*PREPOSITIONS, *TAILS, *TOPICS, "yes", "no")],
        [(w,) for w in {w for f in DETERMINERS.values() for w in f}],
    ]
    words = [w for table in tables for forms in table for w in forms]
    assert [w for w, count in Counter(words).items() if count > 1] == []


def test_plurals_are_spelled_as_in_english():
    for one, many in [f for fs in NOUNS.values() for f in fs] + [*TWO_SENSES]:
        if one in ("leaf", "thief", "knife"):
            assert many == re.sub("fe?$", "ves", one)
        elif one.endswith("y") and one[-2] not in "aeiou":
            assert many == one[:-1] + "ies"
        elif one.endswith(("s", "x", "ch", "sh")):
            assert many == one + "es"
        else:
            assert many == one + "s"
    for does, do in (f for forms in VERBS.values() for f in forms):
        ending = "es" if do.endswith(("ch", "sh", "s", "x")) else "s"
        assert does == do + ending


def test_two_sense_nouns_join_each_topic_to_both_neighbours_in_a_ring():
    ring = [*TOPICS, TOPICS[0]]
    assert list(TWO_SENSES.values()) == [
        (ring[i], ring[i + 1]) for i in range(6)
    ]


def test_no_noun_comes_twice_in_a_document():
    for document in DOCUMENTS:
        lemmas = [noun.lemma for noun in nouns(document)]
        assert len(lemmas) == len(set(lemmas))
        assert 6 <= len(lemmas) <= 8


def test_every_noun_and_plot_verb_is_of_the_topic_of_its_document():
    for document in DOCUMENTS:
        own = {one for one, _ in NOUNS[document.topic]}
        shared = {f[0] for f, ts in TWO_SENSES.items() if document.topic in ts}
        for token in document.tokens:
            is_topical = token.part == "noun" or (
                token.part == "verb" and token.lemma not in LINKING
            )
            assert token.topic == (document.topic if is_topical else "")
            if token.part != "noun":
                assert token.sense == ""
            elif token.lemma in shared:
                assert token.sense == f"{token.lemma} ({document.topic})"
            else:
                assert token.lemma in own
                assert token.sense == ""


def test_a_form_follows_from_lemma_and_number():
    forms = {f[0]: f for fs in (*NOUNS.values(), TWO_SENSES) for f in fs}
    forms |= {f[1]: f for fs in VERBS.values() for f in fs}
    forms |= LINKING | DETERMINERS
    for document in DOCUMENTS[:997]:
        for token in document.tokens:
            if token.part in ("noun", "verb", "determiner"):
                number = NUMBERS.index(token.number)
                assert token.word == forms[token.lemma][number]
            else:
                assert token.number == ""
                assert token.word == token.lemma


def test_determiners_agree_with_their_noun_and_verbs_with_their_subject():
    for document in DOCUMENTS:
        for sentence in document.sentences:
            parts = [t.part for t in sentence]
            assert parts.count("verb") == 1
            subject = sentence[parts.index("noun")]
            assert sentence[parts.index("verb")].number == subject.number
            for i, token in enumerate(sentence):
                if token.part == "determiner":
                    noun = next(t for t in sentence[i:] if t.part == "noun")
                    assert token.number == noun.number


def test_sentences_are_built_as_told():
    noun_phrase = [["determiner", "noun"], ["determiner", "adjective", "noun"]]
    for document in DOCUMENTS[:997]:
        for sentence in document.sentences:
            parts = [t.part for t in sentence]
            place = parts.index("verb")
            subject, rest = parts[:place], parts[place + 1 :]
            phrases = " ".join(subject).split(" preposition ")
            assert all(p.split() in noun_phrase for p in phrases)
            assert len(phrases) <= 3
            assert rest.pop() == "mark"
            if sentence[place].lemma in LINKING:
                opinions = " ".join(rest).split(" conjunction ")
                assert set(opinions) <= {"adjective", "adverb adjective"}
                assert len(opinions) <= 2
            else:
                assert rest in noun_phrase


def test_each_half_tells_a_step_and_gives_an_opinion():
    layouts = Counter()
    for document in DOCUMENTS:
        verbs = [
            next(t for t in sentence if t.part == "verb")
            for sentence in document.sentences
        ]
        tells = tuple(verb.lemma not in LINKING for verb in verbs)
        assert sum(tells[:2]) == sum(tells[2:]) == 1
        layouts[tells] += 1
    assert len(layouts) == 4
    assert all(near(n / 4001, 1 / 4) for n in layouts.values())


def test_the_plot_goes_forward():
    pairs = Counter()
    for document in DOCUMENTS:
        order = [verb[1] for verb in VERBS[document.topic]]
        told = [t.lemma for t in document.tokens if t.lemma in order]
        pairs[tuple(map(order.index, told))] += 1
    assert set(pairs) == {(0, 1), (0, 2), (1, 2)}
    assert all(near(n / 4001, 1 / 3) for n in pairs.values())


def vote(words, aware):
    """Count polar adjectives, with their opposite behind "not" if aware."""
    total = 0
    for before, word in zip(("", *words), words, strict=False):
        sign = (word in ADJECTIVES["positive"]) - (
            word in ADJECTIVES["negative"]
        )
        total += -sign if aware and before == "not" else sign
    return total


def test_a_vote_that_knows_not_gives_the_polarity():
    for document in DOCUMENTS:
        count = vote(document.body, aware=True)
        assert POLARITIES[count > 0] == document.polarity
        polar = [w for w in document.body if vote([w], False)]
        assert abs(count) == len(polar)
        assert len(polar) >= 2
    naive = share(
        POLARITIES[vote(d.body, aware=False) > 0] == d.polarity
        for d in DOCUMENTS
    )
    assert 0.9 < naive < 0.99


def test_shares_are_those_of_the_tables():
    tokens = [t for d in DOCUMENTS for t in d.tokens]
    found = [t for t in tokens if t.part == "noun"]
    assert near(share(t.number == "plural" for t in found), 0.4)
    assert near(share(bool(nouns(d)[0].sense) for d in DOCUMENTS), 0.5)
    assert near(share(d.polarity == "positive" for d in DOCUMENTS), 0.5)
    for topic in TOPICS:
        assert near(share(d.topic == topic for d in DOCUMENTS), 1 / 6)
    polar = sum(vote([t.word], False) != 0 for t in tokens)
    assert near(sum(t.word == "not" for t in tokens) / polar, 0.1)
    assert 3.5 < polar / 4001 < 3.7


def test_both_senses_of_a_noun_are_equally_frequent_wherever_it_stands():
    for place in (slice(None), slice(1), slice(4, None)):
        senses = Counter(
            t.sense for d in DOCUMENTS for t in nouns(d)[place] if t.sense
        )
        by_lemma = defaultdict(list)
        for sense, count in senses.items():
            by_lemma[sense.split()[0]].append(count)
        assert len(by_lemma) == 6
        for one, other in by_lemma.values():
            assert 0.4 < one / (one + other) < 0.6


def test_nothing_before_the_first_noun_tells_the_topic():
    said_of_all = {*ADJECTIVES["neutral"]}.union(*DETERMINERS.values())
    seen = defaultdict(Counter)
    for document in DOCUMENTS:
        before = []
        for token in document.tokens:
            if token.part == "noun":
                break
            before.append(token.word)
        seen[before[0]][document.topic] += 1
        assert len(before) <= 2
        assert set(before) <= said_of_all
    the = seen["the"]
    for topic in TOPICS:
        assert near(the[topic] / the.total(), 1 / 6)


def test_summaries_tell_the_truth_and_come_as_often_as_told():
    tails = [(d, tail) for d in DOCUMENTS for tail in d.tails]
    for document, tail in tails:
        assert all(t.part == "tail" for t in tail)
        name, colon, answer, stop = (t.word for t in tail)
        truth = {"overall": document.polarity, "about": document.topic}
        classes = {"overall": POLARITIES, "about": TOPICS}[name]
        assert (colon, stop) == (":", ".")
        assert TAILS[name].index(answer) == classes.index(truth[name])
    for name, chance in (("overall", 0.4), ("about", 0.2)):
        count = sum(tail[0].word == name for _, tail in tails)
        assert near(count / 4001, chance)
    assert near(share(len(d.tails) == 2 for d in DOCUMENTS), 0.4 * 0.2)


def test_views_of_a_document_fit_together():
    for document in DOCUMENTS[:997]:
        words, starts = document.words, document.starts
        assert words == tuple(t.word for t in document.tokens)
        assert str(document).split() == list(words)
        assert words[: len(document.body)] == document.body
        assert sum(document.halves, ()) == document.body
        assert document.halves[0] == words[: starts[2]]
        assert len(starts) == 4 + len(document.tails)
        ends = [start - 1 for start in (*starts[1:], len(words))]
        assert [i for i, w in enumerate(words) if w == "."] == ends


def test_documents_have_about_thirty_three_words():
    lengths = [len(d.words) for d in DOCUMENTS]
    assert 32 < sum(lengths) / len(lengths) < 35
    assert min(lengths) >= 22
    assert max(lengths) <= 50


@pytest.mark.parametrize("seed", range(5))
def test_every_seed_gives_every_topic_and_polarity(seed):
    documents = generate_corpus(211, 1, seed).train
    found = {(d.topic, d.polarity) for d in documents}
    assert found == set(product(TOPICS, POLARITIES))


def test_chance_comes_from_the_generator_given():
    assert write_document(Random(7)) == write_document(Random(7))
    assert write_document(Random(7)) != write_document(Random(8))


@pytest.mark.parametrize("sizes", [(0, 5), (5, 0), (-1, 5)])
def test_sizes_out_of_range_are_named(sizes):
    train, test = sizes
    with pytest.raises(
        ValueError, match=rf"train_size={train} and test_size={test}"
    ):
        generate_corpus(train, test)
