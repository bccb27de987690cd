from random import Random

import pytest
import torch

from reinvent.toolbox.agreement import (
    Phrase,
    Word,
    conjugate,
    decline,
    elide,
    finish,
    lead,
)
from reinvent.toolbox.grammar import Writer
from reinvent.toolbox.lexicon import (
    ADJECTIVES,
    ENGLISH,
    FRENCH,
    NOUNS,
    VERBS,
    VOWELS,
)
from reinvent.toolbox.translation import (
    LENGTH_BUCKETS,
    LONG,
    SHARES,
    TranslationBatches,
    translation_task,
)

TASK = translation_task(train_size=997, test_size=101, seed=3)
SPLITS = {
    name: getattr(TASK, name)
    for name in ("train", "valid", "test", "held_out", "long")
}
ALL = [pair for pairs in SPLITS.values() for pair in pairs]
NOUN = {noun.english[0]: noun for noun in NOUNS}
ADJECTIVE = {adjective.english: adjective for adjective in ADJECTIVES}
VERB = {verb.english[1]: verb for verb in VERBS}


def texts(words):
    return " ".join(word.text for word in words)


def french_noun(determiner, noun, before=None, after=None, **flags):
    flags = {"plural": False, "negated": False} | flags
    phrase = decline(
        determiner,
        NOUN[noun],
        ADJECTIVE.get(before),
        ADJECTIVE.get(after),
        **flags,
    )
    return " ".join(finish(phrase.english, phrase.french, set()).target)


def test_the_same_seed_gives_the_same_task():
    again = translation_task(train_size=97, test_size=11, seed=5)
    other = translation_task(train_size=97, test_size=11, seed=7)
    task = translation_task(train_size=97, test_size=11, seed=5)
    assert task.train == again.train
    assert task.long == again.long
    assert task.train != other.train


def test_splits_have_the_sizes_asked_for():
    sizes = {name: len(pairs) for name, pairs in SPLITS.items()}
    assert sizes.pop("train") == 997
    assert set(sizes.values()) == {101}


def test_no_sentence_occurs_twice_inside_or_across_splits():
    assert len({pair.source for pair in ALL}) == len(ALL)


def test_lengths_fill_the_buckets_as_promised():
    shortest, longest = LENGTH_BUCKETS[0][0], LENGTH_BUCKETS[-1][1]
    for name in ("train", "valid", "test", "held_out"):
        lengths = [len(pair.source) for pair in SPLITS[name]]
        assert shortest <= min(lengths) <= max(lengths) <= longest
    for (low, high), share in zip(LENGTH_BUCKETS, SHARES, strict=True):
        lengths = [len(pair.source) for pair in TASK.train]
        part = sum(low <= length <= high for length in lengths) / 997
        assert part == pytest.approx(share, abs=0.03)


def test_long_sentences_are_longer_than_all_others():
    lengths = [len(pair.source) for pair in TASK.long]
    assert LONG[0] <= min(lengths) <= max(lengths) <= LONG[1]


def test_links_stay_inside_the_sentences():
    for pair in ALL:
        for i, j in pair.possible:
            assert 0 <= i < len(pair.source)
            assert 0 <= j < len(pair.target)


def test_sure_links_are_possible_links():
    assert all(pair.sure <= pair.possible for pair in ALL)


def test_every_word_of_both_sides_has_a_link():
    for pair in ALL:
        assert {i for i, _ in pair.possible} == set(range(len(pair.source)))
        assert {j for _, j in pair.possible} == set(range(len(pair.target)))


def test_every_word_of_the_grammar_occurs():
    rng = Random(0)
    pairs = [Writer(rng, 0.8).sentence() for _ in range(3_001)]
    assert {word for pair in pairs for word in pair.source} == set(ENGLISH)
    assert {word for pair in pairs for word in pair.target} == set(FRENCH)
    assert set(TASK.source_words.words[3:]) == set(ENGLISH)
    assert set(TASK.target_words.words[3:]) == set(FRENCH)


def test_an_english_sentence_has_one_translation():
    rng = Random(1)
    french = {}
    for _ in range(4_001):
        pair = Writer(rng, 0.1).sentence()
        assert french.setdefault(pair.source, pair.target) == pair.target
    assert len(french) < 4_001


def neighbours(pairs):
    """Find attributive pairs of adjective and noun, plurals included."""
    singular = {n.english[k]: n.english[0] for n in NOUNS for k in (0, 1)}
    found = set()
    for pair in pairs:
        words = pair.source
        for i, word in enumerate(words):
            if word not in singular:
                continue
            for before in words[max(0, i - 2) : i]:
                if before in ADJECTIVE:
                    found.add((before, singular[word]))
    return found


def test_each_held_out_sentence_has_a_pair_never_seen_in_the_others():
    known = neighbours(TASK.train + TASK.valid + TASK.test + TASK.long)
    new = neighbours(TASK.held_out) - known
    attributive = [p for p in TASK.held_out if neighbours([p]) & new]
    assert len(attributive) > 0.6 * len(TASK.held_out)


def test_held_out_words_are_known_from_training():
    words = {word for pair in TASK.train for word in pair.source}
    assert {w for pair in TASK.held_out for w in pair.source} <= words


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("the", "king", None, None), "le roi"),
        (("the", "man", None, None), "l' homme"),
        (("the", "church", "old", None), "la vieille église"),
        (("a", "tree", "beautiful", "green"), "un bel arbre vert"),
        (("this", "man", None, "happy"), "cet homme heureux"),
        (("this", "man", "young", None), "ce jeune homme"),
        (("my", "church", None, "white"), "mon église blanche"),
        (("her", "church", "small", None), "sa petite église"),
    ],
)
def test_french_noun_phrases_agree_and_elide(arguments, expected):
    assert french_noun(*arguments) == expected


def test_some_loses_its_s_before_an_adjective():
    assert french_noun("some", "dog", plural=True) == "des chiens"
    assert french_noun("some", "dog", "big", plural=True) == "de grands chiens"


def test_a_becomes_de_under_negation():
    assert french_noun("a", "dog", negated=True) == "de chien"
    assert french_noun("a", "bird", negated=True) == "d' oiseau"


@pytest.mark.parametrize(
    "english, noun, plural, expected",
    [
        ("of", "king", False, "du roi"),
        ("of", "king", True, "des rois"),
        ("of", "man", False, "de l' homme"),
        ("of", "queen", False, "de la reine"),
        ("to", "king", False, "au roi"),
        ("to", "man", True, "aux hommes"),
        ("to", "church", False, "à l' église"),
    ],
)
def test_prepositions_contract_with_articles(english, noun, plural, expected):
    rest = decline("the", NOUN[noun], None, None, plural, False)
    french = {"of": "de", "to": "à"}[english]
    phrase = lead(english, (french,), rest)
    pair = finish(phrase.english, phrase.french, set())
    assert " ".join(pair.target) == expected
    if len(pair.target) == 2:
        assert {(0, 0), (1, 0)} <= pair.possible - pair.sure


def test_not_is_linked_to_both_of_its_parts():
    phrase = conjugate(VERB["love"], False, negated=True, pronoun="her")
    english = [*phrase.front, *phrase.english]
    pair = finish(english, phrase.french, set())
    assert pair.source == ("does", "not", "love", "her")
    assert pair.target == ("ne", "l'", "aime", "pas")
    assert {(1, 0), (1, 3)} <= pair.possible
    assert pair.sure == {(2, 2), (3, 1)}


def test_speaking_to_somebody_takes_the_other_pronoun():
    phrase = conjugate(VERB["speak"], True, pronoun="them")
    assert texts(phrase.english) == "speak to them"
    assert texts(phrase.french) == "leur parlent"


def test_si_elides_before_il_and_not_before_elle():
    for pronoun, expected in (("il", "s' il"), ("elle", "si elle")):
        words = [Word("si"), Word(pronoun)]
        elide(words)
        assert texts(words) == expected


def test_no_word_that_elides_stands_before_a_vowel():
    full = {"le", "la", "de", "ne", "que", "ce", "ma", "sa"}
    for pair in ALL:
        for word, after in zip(pair.target, pair.target[1:], strict=False):
            vowel = after.startswith(VOWELS)
            if word in full:
                assert not vowel, pair
            if word.endswith("'") or word in ("cet", "vieil", "bel"):
                assert vowel, pair


def test_no_contraction_is_left_open():
    open_pairs = {("de", "le"), ("de", "les"), ("à", "le"), ("à", "les")}
    for pair in ALL:
        joined = set(zip(pair.target, pair.target[1:], strict=False))
        assert not joined & open_pairs


def test_english_articles_suit_the_next_word():
    for pair in ALL:
        for word, after in zip(pair.source, pair.source[1:], strict=False):
            if word in ("a", "an"):
                assert (word == "an") == after.startswith(tuple("aeiou"))


def test_an_empty_phrase_may_close_a_sentence():
    stop = lead(".", (".",), Phrase([], []))
    assert finish(stop.english, stop.french, set()).sure == {(0, 0)}


def test_batches_hold_every_pair_once_per_epoch():
    batches = TranslationBatches(TASK.test, TASK, batch_size=13, seed=2)
    rows = [
        tuple(TASK.source_words.decode(row))
        for step in range(8)
        for row in batches(step).source
    ]
    assert sorted(rows) == sorted(pair.source for pair in TASK.test)


def test_batches_hold_like_lengths_and_come_in_any_order():
    batches = TranslationBatches(TASK.train, TASK, batch_size=31, seed=2)
    ends = (batches(step).source.ne(0).sum(dim=1) for step in range(33))
    spreads, longest = zip(
        *((int(e.max() - e.min()), int(e.max())) for e in ends), strict=True
    )
    assert sum(spreads) / len(spreads) < 4
    falls = sum(a > b for a, b in zip(longest, longest[1:], strict=False))
    assert falls > 5


def test_the_same_seed_and_step_give_the_same_batch():
    one = TranslationBatches(TASK.test, TASK, batch_size=7, seed=2)
    two = TranslationBatches(TASK.test, TASK, batch_size=7, seed=2)
    two(31)
    torch.testing.assert_close(one(5).source, two(5).source)
    torch.testing.assert_close(one(5).target_out, two(5).target_out)


def test_batches_shift_the_target_by_one():
    batch = TranslationBatches(TASK.test, TASK, batch_size=7, seed=2)(3)
    assert (batch.target_in[:, 0] == TASK.target_words.bos_id).all()
    target = TASK.target_words
    for shown, asked in zip(batch.target_in, batch.target_out, strict=True):
        assert target.decode(shown) == target.decode(asked)
        assert target.eos_id in asked
        assert target.eos_id not in shown
    assert (batch.source == TASK.source_words.eos_id).sum() == 7


def test_sizes_out_of_range_are_refused():
    with pytest.raises(ValueError, match="train_size=0"):
        translation_task(train_size=0, test_size=2)
    with pytest.raises(ValueError, match="batch_size=0"):
        TranslationBatches(TASK.test, TASK, batch_size=0, seed=0)
    with pytest.raises(ValueError, match="got 0 pairs"):
        TranslationBatches((), TASK, batch_size=2, seed=0)
    with pytest.raises(ValueError, match="-1"):
        TranslationBatches(TASK.test, TASK, batch_size=2, seed=0)(-1)
