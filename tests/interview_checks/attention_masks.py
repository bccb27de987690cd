"""Masks of attention and how they are joined."""

import torch
from torch.nn import functional as F

from reinvent.transformer import (
    Transformer,
    TransformerConfig,
    attend,
    causal_mask,
)


def prefix() -> list[str]:
    T, n = 5, 2
    at = torch.arange(T)
    mask = (at[None, :] <= at[:, None]) | (at[None, :] < n)
    assert mask[:n, :n].all() and not mask[:n, n:].any()
    torch.testing.assert_close(mask[n:], causal_mask(T)[n:])
    return ["(at[None, :] <= at[:, None]) | (at[None, :] < n)"]


def packed_texts() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(5, 4, generator=generator).split((3, 2))
    both = torch.cat([first, second])[None, None]
    owner = torch.tensor([0, 0, 0, 1, 1])
    mask = owner[:, None] == owner[None, :]
    apart, _ = attend(both, both, both, mask)
    alone, _ = attend(*[second[None, None]] * 3)
    torch.testing.assert_close(apart[:, :, 3:], alone)
    mixed, _ = attend(both, both, both)
    assert (mixed[:, :, 3:] - alone).abs().max() > 1e-4
    return ["`owner[:, None] == owner[None, :]`"]


def added_in_half() -> list[str]:
    assert torch.tensor(-1e9).half() == float("-inf")
    most = torch.finfo(torch.float16).max
    lowest = torch.tensor(-most).half()
    both = lowest + lowest
    assert both == float("-inf")
    row = torch.stack([both, both]).softmax(dim=0)
    assert row.isnan().all()
    return ["$-10^9$", f"{most:,.0f}", "overflows to minus infinity"]


def corner_of_the_triangle() -> list[str]:
    past, D = 4, 3
    query = torch.randn(1, 1, 1, D)
    keys = torch.randn(1, 1, past + 1, D)
    seen = F.scaled_dot_product_attention(query, keys, keys, is_causal=True)
    torch.testing.assert_close(seen, keys[:, :, :1])
    free = F.scaled_dot_product_attention(query, keys, keys)
    right, _ = attend(query, keys, keys, causal_mask(1, past))
    torch.testing.assert_close(free, right)
    return ["sees the first word only", "no mask at all"]


def three_attentions() -> list[str]:
    T, S = 3, 5
    model = Transformer(
        TransformerConfig(
            source_vocab_size=11,
            target_vocab_size=11,
            hidden_size=8,
            num_layers=1,
            num_heads=2,
            feed_forward_size=13,
        )
    ).eval()
    source = torch.randint(3, 11, (1, S))
    looked = model.attention(source, torch.randint(3, 11, (1, T)))
    sizes = [tuple(part.shape[-2:]) for part in looked]
    assert sizes == [(S, S), (T, T), (T, S)]
    return [r"$S \times S$", r"$T \times T$", r"$T \times S$"]
