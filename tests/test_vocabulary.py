import pytest
import torch

from reinvent.toolbox.vocabulary import (
    BOS,
    EOS,
    PAD,
    Vocabulary,
    check_ids,
)

WORDS = Vocabulary(["the", "king", "sleeps", "sings", "."])


def test_specials_come_first_then_the_words_in_their_order():
    assert WORDS.words == (
        PAD,
        BOS,
        EOS,
        "the",
        "king",
        "sleeps",
        "sings",
        ".",
    )
    assert (WORDS.pad_id, WORDS.bos_id, WORDS.eos_id) == (0, 1, 2)
    assert len(WORDS) == 8
    assert "king" in WORDS
    assert "queen" not in WORDS


def test_decode_undoes_encode():
    sentence = ["the", "king", "sings", "."]
    assert WORDS.encode(sentence) == [3, 4, 6, 7]
    assert WORDS.decode(WORDS.encode(sentence)) == sentence


def test_decode_stops_at_the_end_mark_and_drops_the_other_marks():
    ids = torch.tensor([1, 3, 0, 4, 2, 5, 6])
    assert WORDS.decode(ids) == ["the", "king"]


def test_words_of_sentences_are_sorted_by_count_then_by_alphabet():
    one = Vocabulary.from_sentences([["b", "a", "c"], ["c", "d"]])
    two = Vocabulary.from_sentences([["d", "c"], ["c", "a", "b"]])
    assert one.words[3:] == ("c", "a", "b", "d") == two.words[3:]


def test_batch_pads_on_the_right_and_adds_marks():
    batch = WORDS.batch([["the", "king"], ["."]], bos=True, eos=True)
    expected = torch.tensor([[1, 3, 4, 2], [1, 7, 2, 0]])
    torch.testing.assert_close(batch, expected)
    assert WORDS.batch([["the", "king"], ["."]]).shape == (2, 2)


def test_an_unknown_word_is_named_with_its_neighbours():
    with pytest.raises(ValueError, match=r"'sleep'.*sleeps"):
        WORDS.encode(["the", "king", "sleep"])
    with pytest.raises(ValueError, match=r"unknown word 'xyz'$"):
        WORDS.encode(["xyz"])


def test_an_empty_sentence_or_batch_is_refused():
    with pytest.raises(ValueError, match="empty sentence"):
        WORDS.encode([])
    with pytest.raises(ValueError, match="empty batch"):
        WORDS.batch([])


def test_a_plain_string_is_refused():
    with pytest.raises(ValueError, match="'king'"):
        WORDS.encode("king")


@pytest.mark.parametrize("wrong", [-1, 8])
def test_an_id_out_of_range_is_refused_with_both_numbers(wrong):
    with pytest.raises(ValueError, match=rf"id {wrong} .* 8 words"):
        WORDS.decode([3, wrong])


@pytest.mark.parametrize("wrong", [-1, 8])
def test_ids_without_a_word_are_refused_with_both_numbers(wrong):
    check_ids(torch.tensor([[0, 7]]), 8)
    with pytest.raises(ValueError, match=rf"id {wrong} .* 8 words"):
        check_ids(torch.tensor([[3, wrong]]), 8)
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        check_ids(torch.zeros(0, 3, dtype=torch.long), 8)


@pytest.mark.parametrize("words", [["a", "a"], [PAD], [""]])
def test_a_word_given_twice_or_empty_is_refused(words):
    with pytest.raises(ValueError, match="twice|empty"):
        Vocabulary(words)
