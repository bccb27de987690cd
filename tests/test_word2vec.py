"""word2vec: its equations as loops, its tree, its bad inputs."""

import math

import pytest
import torch

from reinvent.toolbox import checks
from reinvent.word2vec import (
    CBOW,
    HierarchicalSoftmax,
    SkipGram,
    Word2VecConfig,
    context_pairs,
    discard_probability,
    huffman_codes,
    nearest,
    negative_sampling_loss,
    noise_distribution,
)

B, N, C, E, V = 2, 3, 5, 7, 11
CONFIG = Word2VecConfig(vocab_size=V, embedding_size=E)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_equation_4_as_a_loop():
    centre, context = torch.randn(B, E), torch.randn(B, E)
    noise = torch.randn(B, N, E)
    total = 0.0
    for b in range(B):
        total += math.log(torch.sigmoid(context[b] @ centre[b]))
        for n in range(N):
            total += math.log(torch.sigmoid(-noise[b, n] @ centre[b]))
    loss = negative_sampling_loss(centre, context, noise)
    torch.testing.assert_close(loss.item(), -total / B)


def test_equation_5_as_a_loop():
    counts = torch.tensor([1.0, 9.0, 990.0])
    expected = [max(0.0, 1 - (0.01 / (c / 1000)) ** 0.5) for c in (1, 9, 990)]
    torch.testing.assert_close(
        discard_probability(counts, 0.01), torch.tensor(expected)
    )


def test_noise_is_a_distribution_that_lifts_rare_words():
    counts = torch.tensor([1.0, 16.0])
    noise = noise_distribution(counts)
    assert checks.is_distribution(noise)
    torch.testing.assert_close(noise[1] / noise[0], torch.tensor(8.0))


def test_pairs_are_all_neighbours_inside_the_window():
    centre, context = context_pairs([[4, 5, 6, 7], [8]], window=2)
    pairs = list(zip(centre.tolist(), context.tolist(), strict=True))
    assert pairs == [
        (4, 5), (4, 6), (5, 4), (5, 6), (5, 7),
        (6, 4), (6, 5), (6, 7), (7, 5), (7, 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sentences", "window", "words"),
    [([[1, 2]], 0, "got 0"), ([[1], [2]], 2, "has 1 words")],
)
def test_no_pairs_is_an_error(sentences, window, words):
    with pytest.raises(ValueError, match=words):
        context_pairs(sentences, window)


@pytest.mark.parametrize("model", [SkipGram(CONFIG), CBOW(CONFIG)])
def test_models_start_at_ln_2_per_choice_and_overfit(model):
    centre = torch.tensor([1, 2])
    context = torch.tensor([9, 10])
    noise = torch.tensor([[3, 4, 5], [6, 7, 8]])
    first = (centre, context)
    if isinstance(model, CBOW):
        first = (torch.tensor([[9] * C, [10] * C]), centre)

    def loss():
        return model(*first, noise)

    torch.testing.assert_close(loss().item(), (N + 1) * math.log(2))
    assert checks.can_overfit(model, loss)
    assert checks.every_parameter_learns(model, loss)


def tables(model):
    """Both tables with chance in them: the second one starts as zeros."""
    torch.nn.init.normal_(model.output_vectors.weight)
    return model.input_vectors.weight, model.output_vectors.weight


def test_skip_gram_asks_with_the_centre_for_its_context():
    model = SkipGram(CONFIG)
    ask, told = tables(model)
    centre, context = torch.tensor([1, 2]), torch.tensor([9, 10])
    noise = torch.tensor([[3, 4, 5], [6, 7, 8]])
    torch.testing.assert_close(
        model(centre, context, noise),
        negative_sampling_loss(ask[centre], told[context], told[noise]),
    )


def test_cbow_asks_with_the_mean_of_the_context_for_its_centre():
    model = CBOW(CONFIG)
    ask, told = tables(model)
    context, centre = torch.randint(V, (B, C)), torch.tensor([1, 2])
    noise = torch.tensor([[3, 4, 5], [6, 7, 8]])
    mean = torch.stack([sum(ask[word] for word in row) / C for row in context])
    torch.testing.assert_close(
        model(context, centre, noise),
        negative_sampling_loss(mean, told[centre], told[noise]),
    )


def test_no_huffman_code_begins_another_and_frequent_words_are_short():
    counts = [1, 1, 2, 4, 8, 16]
    codes = huffman_codes(counts)
    for i, code in enumerate(codes):
        for j, other in enumerate(codes):
            assert i == j or not other.startswith(code)
    assert [len(code) for code in codes] == [5, 5, 4, 3, 2, 1]


def test_a_tree_needs_two_words():
    with pytest.raises(ValueError, match="got 1"):
        huffman_codes([3])


def test_the_tree_gives_probabilities_that_sum_to_one():
    tree = HierarchicalSoftmax([5, 3, 2, 1, 1], E)
    vectors = torch.randn(B, E)
    total = sum(tree.log_probability(vectors, w).exp() for w in range(5))
    torch.testing.assert_close(total, torch.ones(B))


def test_nearest_is_the_largest_cosine_without_the_word():
    vectors = torch.tensor([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-1.0, 0.0]])
    found = nearest(vectors, 0, 2)
    assert [word for word, _ in found] == [1, 2]
    with pytest.raises(ValueError, match="from 1 to 3, got 4"):
        nearest(vectors, 0, 4)
    with pytest.raises(ValueError, match="from 0 to 3, got -1"):
        nearest(vectors, -1, 1)
