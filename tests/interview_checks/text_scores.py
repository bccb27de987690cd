"""BLEU and perplexity, by hand."""

import math

import sacrebleu
import torch
from torch import nn

from reinvent.toolbox.metrics import bleu


def of(hypothesis: str, reference: str) -> float:
    """Return the BLEU of one sentence, its words as they are."""
    return bleu([hypothesis.split()], [reference.split()])


def by_hand() -> list[str]:
    score = of("the cat sat on a mat", "the cat sat on the mat")
    shares = [5 / 6, 3 / 5, 2 / 4, 1 / 3]
    assert math.isclose(score, 100 * math.prod(shares) ** (1 / 4))
    assert round(score, 1) == 53.7
    shorter = of("the cat sat on the", "the cat sat on the mat")
    assert math.isclose(shorter, 100 * math.exp(1 - 6 / 5))
    assert round(shorter, 1) == 81.9
    return ["5/6", "3/5", "2/4", "1/3", "53.7", "$e^{1 - 6/5}$", "81.9"]


def blind_spots() -> list[str]:
    reference = "the film was not good at all , i think"
    wrong = of("the film was good at all , i think", reference)
    right = of("in my view it is a rather bad movie", reference)
    assert round(wrong) == 67 and right == 0
    return ["gets 67", "gets 0"]


def two_tokenisers() -> list[str]:
    said, meant = (
        f"He said: it's well-known{end}."
        for end in (" (in Paris)", ", in Paris")
    )
    spaces, standard = (
        sacrebleu.corpus_bleu([said], [[meant]], tokenize=name).score
        for name in ("none", "13a")
    )
    assert round(spaces, 1) == 30.2 and round(standard, 1) == 46.7
    return ["30.2", "46.7"]


def bits() -> list[str]:
    shares = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8])
    needed = -shares.log2()
    assert needed.tolist() == [1, 2, 3, 3]
    assert needed.mean() == 2.25 and round(2**2.25, 2) == 4.76
    nats = -shares.log().mean().item()
    assert round(nats, 2) == 1.56
    assert math.isclose(math.exp(nats), 2**2.25, rel_tol=1e-6)
    assert math.isclose(shares.prod() ** -(1 / 4), 2 ** (9 / 4), rel_tol=1e-6)
    told = ["2.25 bits", "1.56 nats", "fourth root of $2^9$"]
    return ["1/2, 1/4, 1/8, 1/8", "$2^{2.25} = 4.76$", *told]


def mean_of_means() -> list[str]:
    nats, words = torch.tensor([2.0, 6.0]), torch.tensor([90.0, 10.0])
    right = math.exp((nats * words).sum() / words.sum())
    assert round(right) == 11
    assert round(math.exp(nats.mean())) == 55
    assert round(nats.exp().mean().item()) == 205
    counted = r"$(90 \cdot 2 + 10 \cdot 6) / 100 = 2.4$"
    told = ["$e^{2.4}$, about 11", "about 55", "about 205"]
    return ["90 words", "one of 10 words", counted, *told]


def rare_words_last() -> list[str]:
    D, V, first = 512, 100_000, 10_000
    layer = nn.AdaptiveLogSoftmaxWithLoss(D, V, [first], device="meta")
    head, tail = (
        sum(weight.numel() for weight in part.parameters()) / 1e6
        for part in (layer.head, layer.tail)
    )
    assert layer.tail[0][0].out_features == 128 and V - first == 90_000
    assert [round(cost, 1) for cost in (head, tail)] == [5.1, 11.6]
    assert round(V * D / 1e6, 1) == 51.2
    assert round(head + 0.1 * tail, 1) == 6.3
    assert round(V * D / 1e6 / (head + 0.1 * tail)) == 8
    assert round(V * D / 1e6 / (head + tail)) == 3
    sizes = ["100,000 times 512", "10,000 words", "times 512", "90,000"]
    costs = ["51.2 million", "6.3 million on average, about 8 times fewer"]
    sums = ["5.1 + 11.6 = 16.7 million, about 3 times fewer"]
    parts = ["5.1 million", "11.6 million", "from 512 to 128 numbers"]
    return [*sizes, *costs, *sums, *parts, "words times 128"]
