import unicodedata

import pytest
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from unicode_strings import fair_characters, generated_strings

from reinvent.toolbox.pretokenize import apart, bare, clean, pretokenize

WORDS = ["the", "Straße", "naïve", "don't", "U.S.", "Ωμέγα", "Ünïcödé", "x²"]


def reference(texts, lowercase=True):
    """The words that the library finds."""
    normalizer = BertNormalizer(lowercase=lowercase)
    split = BertPreTokenizer().pre_tokenize_str
    return [
        [word for word, _ in split(normalizer.normalize_str(text))]
        for text in texts
    ]


def test_case_and_accents_go_and_punctuation_stands_alone():
    assert pretokenize("Don't stop, Zoë!") == [
        *("don", "'", "t", "stop", ",", "zoe", "!")
    ]


def test_a_cased_vocabulary_keeps_case_and_accents():
    words = pretokenize("Don't stop, Zoë!", lowercase=False)
    assert words == ["Don", "'", "t", "stop", ",", "Zoë", "!"]


def test_each_chinese_character_is_a_word_and_kana_are_not():
    assert pretokenize("a中国bカナ") == ["a", "中", "国", "bカナ"]


def test_control_characters_vanish_and_any_space_parts_words():
    assert pretokenize("a\x00b\u200bc\ufffdd\x0be\ue000f") == ["abcdef"]
    assert pretokenize("a\tb\nc\rd\u00a0e\u3000f\u2028g") == list("abcdefg")
    assert pretokenize("a\ud800b") == ["ab"]


def test_a_blank_text_has_no_words():
    assert pretokenize("") == pretokenize(" \t\n\u200b") == []


def test_a_sigma_is_lowered_wherever_it_stands():
    assert pretokenize("ΟΔΟΣ") == ["οδοσ"]
    assert pretokenize("οδος") == ["οδος"]


@pytest.mark.parametrize(
    ("rule", "letter", "written"),
    [
        (clean, "x", "x"),
        (clean, "\n", " "),
        (clean, "\x7f", ""),
        (clean, "中", " 中 "),
        (bare, "\u0301", ""),
        (bare, "e", "e"),
        (apart, "$", " $ "),
        (apart, "€", "€"),
        (apart, "…", " … "),
        (apart, " ", " "),
        (apart, "7", "7"),
    ],
)
def test_each_rule_for_one_character(rule, letter, written):
    assert rule(letter) == written


@pytest.mark.parametrize("lowercase", [True, False])
def test_the_words_are_those_of_the_library(lowercase):
    texts = generated_strings(3_000, WORDS)
    ours = [pretokenize(text, lowercase=lowercase) for text in texts]
    assert ours == reference(texts, lowercase)


def test_each_kind_of_character_is_treated_as_in_the_library():
    fair = fair_characters()
    assert len(fair) == 29
    letters = [c for characters in fair.values() for c in characters[:1_000]]
    texts = [f"a{letter}b" for letter in letters]
    assert [pretokenize(text) for text in texts] == reference(texts)


def test_a_character_that_came_after_unicode_8_may_differ():
    young = "a\u0a76b"  # a punctuation mark since Unicode 11
    if unicodedata.category(young[1]) == "Po":
        assert pretokenize(young) == ["a", "\u0a76", "b"]
    assert reference([young]) == [[young]]
