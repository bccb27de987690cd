"""Texts are cut so that they fit, and pieces get the labels of words."""

from random import Random

import pytest
import torch

from reinvent.toolbox.inputs import (
    IGNORED,
    check_labels,
    first_pieces,
    shorten,
    whole_sentences,
)


def test_sentences_are_shared_out_whole_and_each_once():
    rng = Random(0)
    for room in (1, 7, 23, 997):
        document = [[i] * rng.randrange(1, 11) for i in range(31)]
        shares = list(whole_sentences(document, room))
        assert [s for share in shares for s in share] == document
        for share in shares[:-1]:
            assert sum(map(len, share)) >= room > sum(map(len, share[:-1]))
    assert list(whole_sentences([], 7)) == []


def test_the_longer_text_loses_tokens_at_both_ends():
    begins = set()
    for seed in range(31):
        first, second = range(17), range(100, 103)
        one, two = shorten(first, second, 11, Random(seed))
        assert two == [100, 101, 102]
        assert one == list(range(one[0], one[0] + 8))
        begins.add(one[0])
    assert len(begins) > 4
    one, two = shorten(range(17), range(19), 11, Random(0))
    assert (len(one), len(two)) == (6, 5)
    assert shorten([1], [2], 2, Random(0)) == ([1], [2])


def test_what_is_given_stays_as_it_was():
    first, second = [1, 2, 3], [4, 5]
    shorten(first, second, 2, Random(0))
    assert (first, second) == ([1, 2, 3], [4, 5])


def test_the_first_piece_of_a_word_has_its_label():
    row, labels = first_pieces([[7], [8, 9, 10], [11]], [2, 3, 5])
    assert row == [7, 8, 9, 10, 11]
    assert labels == [2, 3, IGNORED, IGNORED, 5]


@pytest.mark.parametrize(
    ("words", "labels"), [([[7], [8]], [1]), ([[7], []], [1, 2])]
)
def test_words_without_a_label_or_a_piece_are_named(words, labels):
    sizes = [len(word) for word in words]
    with pytest.raises(ValueError, match=f"{len(labels)} labels") as caught:
        first_pieces(words, labels)
    assert str(sizes) in str(caught.value)


def test_labels_out_of_range_are_named():
    check_labels(torch.tensor([[0, 2], [1, 0]]), 3)
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=f"^label {wrong}, .* 0 to 2$"):
            check_labels(torch.tensor([0, wrong]), 3)
    with pytest.raises(ValueError, match="^place 7, expected 0 to 4$"):
        check_labels(torch.tensor([7]), 5, "place")
    with pytest.raises(ValueError, match="^0 labels, expected at least 1$"):
        check_labels(torch.tensor([]), 3)
