"""Word vectors, vocabularies, and the letters that texts are made of."""

import math
import sys
import unicodedata

import torch

from reinvent.byte_bpe import ByteBPE, printable_bytes
from reinvent.word2vec import HierarchicalSoftmax, noise_distribution


def tree_of_choices() -> list[str]:
    V = 64
    counts = torch.ones(V)
    tree = HierarchicalSoftmax([1] * V, embedding_size=5)
    vector = torch.randn(1, 5)
    shares = [tree.log_probability(vector, word).exp() for word in range(V)]
    torch.testing.assert_close(sum(shares), torch.ones(1))
    assert {len(code) for code in tree.codes} == {round(math.log2(V))}
    counts[0] = 16  # 16 times as often, 8 times as often drawn
    noise = noise_distribution(counts)
    torch.testing.assert_close(noise[0] / noise[1], torch.tensor(16**0.75))
    return ["about log₂ V", "to the power 3/4", "sum to 1"]


def letters_of_unicode() -> list[str]:
    named = sum(
        unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
        for code in range(sys.maxunicode + 1)
    )
    assert named > 100_000
    assert len(printable_bytes()) == 256
    for letter in "é中😀":
        assert 2 <= len(letter.encode()) <= 4
    return ["256 letters", "more than 100,000 letters", "two to four pieces"]


def text_and_back() -> list[str]:
    learned = ByteBPE.train(["dog. dog! dog?"], merges=5)
    for text in ("dog. dog! dog?", "  two  spaces\n", "naïve 中文 😀"):
        assert learned.decode(learned.encode(text)) == text
    return ["Texts come back exactly"]
