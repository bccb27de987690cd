"""ELMo, GPT, BERT, GPT-2 and RoBERTa in numbers and small models."""

import itertools
import math

import torch
from torch import nn

from reinvent import bert, elmo, gpt, gpt2, roberta
from reinvent.bpe import letters
from reinvent.gpt2 import generate


def size(part: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(weight.numel() for weight in part.parameters())


def share_of_feed_forward() -> list[str]:
    config = bert.BERTConfig()
    D = config.hidden_size
    assert config.feed_forward_size == 4 * D
    assert 2 * D * 4 * D / (4 * D * D + 2 * D * 4 * D) == 2 / 3
    n = 2 * D
    assert 4 * D * D + 2 * n * D == 8 * D * D
    return ["two thirds", "$8 D^2$", "$4 D^2$", "$n < 2D$"]


def size_of_elmo() -> list[str]:
    config = elmo.BiLMConfig()
    with torch.device("meta"):
        model = elmo.BiLM(config)
    H, C = config.hidden_size, config.cell_size
    lstm = 4 * C * 2 * H + C * H
    whole = size(model)
    assert abs(4 * lstm / whole - 0.8) < 0.05
    return [
        f"{lstm / 1e6:.1f} million",
        f"{whole / 1e6:.0f} million",
        "four fifths",
    ]


def product_of_readers() -> list[str]:
    forward = {"a": 0.9, "b": 0.1}
    after = {"a": {"a": 0.9, "b": 0.1}, "b": {"a": 0.5, "b": 0.5}}
    texts = list(itertools.product("ab", repeat=2))
    one = {t: forward[t[0]] * after[t[0]][t[1]] for t in texts}
    assert math.isclose(sum(one.values()), 1)
    total = sum(share**2 for share in one.values())
    assert total < 1
    return [f"sum to {total:.2f}"]


def spelled_or_cut() -> list[str]:
    ids = elmo.spell_word("becuase")
    assert len(ids) == 50 and len(set(ids)) > 7
    assert elmo.spell_word("because") != ids
    assert letters("because")[-1] == "e</w>"
    return ["50 ids"]


def parameters_of_gpt() -> list[str]:
    config = gpt.GPTConfig()
    with torch.device("meta"):
        model = gpt.GPT(config)
    table = config.vocab_size * config.hidden_size
    places = config.max_positions * config.hidden_size
    layer = size(model.layers[0])
    assert size(model) == table + places + config.num_layers * layer
    return [
        f"{table / 1e6:.1f} million",
        f"{config.num_layers * layer / 1e6:.1f} million",
        f"{size(model) / 1e6:.1f} million",
    ]


def tied_tables() -> list[str]:
    config = gpt.GPTConfig(
        vocab_size=11,
        hidden_size=8,
        num_layers=1,
        num_heads=2,
        feed_forward_size=13,
        max_positions=7,
    )
    model = gpt.GPT(config).eval()
    tokens = torch.tensor([[1, 2, 3]])
    model(tokens).logsumexp(-1).sum().backward()
    rows = model.embedding.words.weight.grad.abs().sum(dim=1) > 0
    assert rows.all()
    saved = 40_478 * 768
    return [f"{saved / 1e6:.0f} million", "every row at every step"]


def two_gelus() -> list[str]:
    x = torch.linspace(-8, 8, 10_001, dtype=torch.float64)
    exact = x * (1 + torch.erf(x / math.sqrt(2))) / 2
    torch.testing.assert_close(nn.functional.gelu(x), exact)
    far = (gpt.gelu(x) - exact).abs().max().item()
    assert 1e-4 < far < 5e-4
    low = exact.min().item()
    return ["less than 0.0005", f"{low:.2f} near {x[exact.argmin()]:.2f}"]


def read_at_the_end() -> list[str]:
    config = gpt.GPTConfig(
        vocab_size=11,
        hidden_size=8,
        num_layers=2,
        num_heads=2,
        feed_forward_size=13,
        max_positions=7,
    )
    torch.manual_seed(0)
    model = gpt.GPT(config).eval()
    alone = torch.tensor([[1, 2, 3]])
    padded = torch.tensor([[1, 2, 3, 0, 0]])
    a, b = model.hidden(alone), model.hidden(padded)
    torch.testing.assert_close(b[:, 2], a[:, 2])
    assert (b[:, -1] - a[:, -1]).abs().max() > 1e-3
    return ["in front of it", "`hidden[:, -1]`"]


def spans() -> list[str]:
    start = torch.tensor([[0.0, 1.0, 5.0, 4.5]])
    end = torch.tensor([[0.0, 6.0, 1.0, 3.0]])
    assert start.argmax() == 2 and end.argmax() == 1
    inside = torch.ones(1, 4, dtype=torch.bool)
    place, _ = bert.best_spans(start, end, inside, 30)
    assert place.tolist() == [[2, 3]]
    every = max(
        (start[0, i] + end[0, j], i, j) for i in range(4) for j in range(i, 4)
    )
    assert every[1:] == (2, 3)
    return ["ends before it starts", r"i \le j"]


def short_inputs() -> list[str]:
    D = bert.BERTConfig().hidden_size

    def work(n: int) -> float:
        return 12 * D * D + 2 * n * D  # products for one token

    long, short = work(512), work(128)
    share = 2 * 512 * D / long
    mean = 0.9 * 128 + 0.1 * 512
    return [
        f"{share:.0%} of the work",
        f"{512 * long / (128 * short):.1f} times",
        f"{mean:.0f} tokens",
    ]


def first_pieces() -> list[str]:
    labels, pieces = ["B-PER", "O"], [["Jim"], ["Hen", "##son"]]
    shifted = [
        label if i == 0 else "ignored"
        for label, cut in zip(labels, pieces, strict=True)
        for i, _ in enumerate(cut)
    ]
    assert shifted == ["B-PER", "O", "ignored"]
    scores = torch.randn(3, 5)
    asked = torch.tensor([1, 0, bert.IGNORED])
    loss = nn.functional.cross_entropy(scores, asked)
    expected = nn.functional.cross_entropy(scores[:2], asked[:2])
    torch.testing.assert_close(loss, expected)
    return [f"{bert.IGNORED}"]


def sums_of_layers() -> list[str]:
    N, D = 24, 20_000
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(N, D, generator=generator)
    assert abs(parts.sum(dim=0).var() / N - 1) < 0.05
    scaled = (parts / math.sqrt(N)).sum(dim=0)
    assert abs(scaled.var() - 1) < 0.05
    small = gpt2.GPT2Config()
    return [r"$1 / \sqrt{N}$", f"$N = {2 * small.num_layers}$"]


def words_and_pieces() -> list[str]:
    pieces, words, per_piece = 130, 100, 20.0
    nats = pieces * math.log(per_piece)
    per_word = math.exp(nats / words)
    bits = nats / math.log(2) / 500
    return [
        rf"20^{{1.3}} = {per_word:.0f}",
        f"{bits:.2f} bits",
    ]


def padded_prompts() -> list[str]:
    config = gpt2.GPT2Config(
        vocab_size=11,
        hidden_size=8,
        num_layers=2,
        num_heads=2,
        feed_forward_size=13,
        max_positions=9,
        word_std=1.0,
        weight_std=0.5,
    )
    torch.manual_seed(0)
    model = gpt2.GPT2(config).eval()
    alone = torch.tensor([[1, 2, 3]])
    right = torch.tensor([[1, 2, 3, 0, 0]])
    left = torch.tensor([[0, 0, 1, 2, 3]])
    logits = model.step(alone)[0]
    for wrong in (right, left):
        assert (model.step(wrong)[0] - logits).abs().max() > 1e-2
    torch.testing.assert_close(model(right)[:, 2], logits)
    assert generate(model, alone, 2).shape == (1, 5)
    return ["the score behind padding", "moves every place"]


def warm_and_cold() -> list[str]:
    scores = torch.tensor([2.0, 1.0, 0.0])
    told = [
        ", ".join(f"{share:.2f}" for share in (scores / t).softmax(0).tolist())
        for t in (0.5, 1.0, 2.0)
    ]
    return [one.replace("0.", ".") for one in told]


def tokens_read() -> list[str]:
    ours = 256 * 1_000_000 * (0.9 * 128 + 0.1 * 512)
    full = 256 * 1_000_000 * 512
    theirs = 8_000 * 500_000 * 512
    return [
        f"{ours / 1e9:.0f} billion",
        f"{theirs / 1e12:.0f} trillion",
        f"{theirs / ours:.0f} times",
        f"{theirs / full:.0f} times the inputs",
    ]


def five_models() -> list[str]:
    first, second = gpt.GPTConfig(), gpt2.config_of(48, 1600, 25)
    third, fourth = bert.BERTConfig(), roberta.RoBERTaConfig()
    assert elmo.BiLMConfig().num_layers == 2
    return [
        f"{first.vocab_size:,}",
        f"{third.vocab_size:,}",
        f"{second.vocab_size:,}",
        f"{fourth.vocab_size:,}",
    ]
