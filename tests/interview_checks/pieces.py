"""How texts are cut into pieces."""

import math

from reinvent import bpe
from reinvent.bert import BERTConfig
from reinvent.byte_bpe import split_words


def four_words() -> list[str]:
    counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    words = {tuple(bpe.letters(word)): n for word, n in counts.items()}
    merges = bpe.learn(words, 3)
    assert merges == [("e", "s"), ("es", "t</w>"), ("l", "o")]
    apart = {(*word, bpe.END): n for word, n in counts.items()}
    assert bpe.learn(apart, 3)[2] == ("est", "</w>")
    both = counts["newest"] + counts["widest"]
    return [
        f"*e s* comes {both} times",
        "*es t*",
        f"*l o* comes {counts['low'] + counts['lower']} times",
    ]


def best_cut() -> list[str]:
    shares = {"un": 0.1, "u": 0.05, "n": 0.05, "do": 0.08, "und": 0.02}
    shares |= {"o": 0.04, "d": 0.04}
    word = "undo"
    best = [0.0] + [-math.inf] * len(word)
    back = [0] * (len(word) + 1)
    for end in range(1, len(word) + 1):
        for start in range(end):
            share = shares.get(word[start:end], 0)
            score = best[start] + math.log(share) if share else -math.inf
            if score > best[end]:
                best[end], back[end] = score, start
    assert word[: back[4]] == "un" and word[back[4] :] == "do"
    product = shares["un"] * shares["do"]
    other = shares["und"] * shares["o"]
    assert product > other and math.isclose(math.exp(best[-1]), product)
    return [
        f"{shares['un']} \\cdot {shares['do']} = {product:.3f}",
        f"{shares['und']} \\cdot {shares['o']} = {other:.4f}",
    ]


def table_of_words() -> list[str]:
    config = BERTConfig()
    table = config.vocab_size * config.hidden_size
    layers = config.num_layers * 12 * config.hidden_size**2
    share = table / (table + layers)
    assert 1 / 5 < share < 1 / 4
    return [f"{table / 1e6:.1f} million", "between a fifth and a quarter"]


def spaces_of_a_prompt() -> list[str]:
    assert split_words("The sky is blue") == ["The", " sky", " is", " blue"]
    assert split_words("The sky is ")[-1] == " "
    return ["` blue`", "a piece of its own"]
