"""A sentence is the mean of its words, of length 1."""

import pytest
import torch

from reinvent.toolbox.checks import padding_has_no_effect
from reinvent.toolbox.sentence_vectors import sentence_vectors

B, T, D = 3, 7, 5


def test_a_sentence_is_the_mean_of_its_words_and_of_length_1():
    torch.manual_seed(0)
    tokens = torch.ones(B, T, dtype=torch.long)
    tokens[1, 4:] = 0
    hidden = torch.randn(B, T, D)
    vectors = sentence_vectors(hidden, tokens)
    for b, length in enumerate((T, 4, T)):
        mean = sum(hidden[b, t] for t in range(length)) / length
        torch.testing.assert_close(vectors[b], mean / mean.norm())


@pytest.mark.parametrize("pad_id", [0, 1])
def test_padding_changes_nothing(pad_id):
    words = torch.randn(11, D)
    tokens = torch.randint(2, 11, (B, T))
    assert padding_has_no_effect(
        lambda ids: sentence_vectors(words[ids], ids, pad_id),
        tokens,
        pad_id=pad_id,
    )
