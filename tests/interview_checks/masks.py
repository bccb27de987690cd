"""What happens at places that are hidden, and at those that should be."""

import torch
from torch import nn
from torch.nn import functional as F

from reinvent import gpt
from reinvent.toolbox.checks import no_look_ahead


def hidden_scores() -> list[str]:
    scores = torch.tensor([1.0, 2.0, 3.0])
    hidden = torch.tensor([False, False, True])
    shares = scores.softmax(dim=0).masked_fill(hidden, 0.0)
    assert shares.sum() < 0.9
    nothing = torch.ones(3, dtype=torch.bool)
    row = scores.masked_fill(nothing, float("-inf")).softmax(dim=0)
    assert row.isnan().all()
    row = scores.masked_fill(nothing, -1e9).softmax(dim=0)
    torch.testing.assert_close(row, torch.full((3,), 1 / 3))
    return ["do not sum to 1", "gives NaN", "$-10^9$", "a silent average"]


def two_readings() -> list[str]:
    hidden_scores()
    D, T = 4, 3
    x = torch.randn(1, T, D)
    mask = torch.ones(T, T, dtype=torch.bool).tril()
    seen = F.scaled_dot_product_attention(x, x, x, attn_mask=mask)
    torch.testing.assert_close(seen[0, 0], x[0, 0])
    layer = nn.MultiheadAttention(D, 1, batch_first=True)
    _, weights = layer(x, x, x, attn_mask=~mask)
    assert (weights[0][~mask] == 0).all()
    return ["reads true as *may look*", "as *may not*", "gives NaN"]


def padding_in_a_stack() -> list[str]:
    D = 5
    first, second = (nn.Conv1d(D, D, 3, padding=1) for _ in range(2))
    alone = torch.randn(1, D, 4)
    padded = F.pad(alone, (0, 3))
    one = first(padded)[..., :4]
    torch.testing.assert_close(one, first(alone))
    two = second(first(padded))[..., :4]
    changed = (two - second(first(alone))).abs().amax(dim=1)[0] > 1e-6
    assert changed.tolist() == [False, False, False, True]
    return ["From the second layer on", "the last words of a sentence"]


def no_later_word() -> list[str]:
    config = gpt.GPTConfig(
        vocab_size=11,
        hidden_size=8,
        num_layers=2,
        num_heads=2,
        feed_forward_size=13,
        max_positions=7,
    )
    tokens = torch.randint(1, config.vocab_size, (2, 5))
    model = gpt.GPT(config).eval()
    assert no_look_ahead(model, tokens, config.vocab_size)
    return ["a function of tokens 1 to $i$ only, in every layer"]
