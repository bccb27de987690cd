"""Right and wrong answers to the tasks on attention, as people write them."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reinvent.toolbox import whiteboard_attention
from reinvent.toolbox.whiteboard_attention import (
    check_additive,
    check_attention,
    check_mask,
    check_multi_head,
)

INF = float("inf")


# Scaled dot-product attention


def attention_by_loop(query, key, value):
    weights = torch.zeros(len(query), query.shape[1], key.shape[1])
    for b in range(len(query)):
        for t in range(query.shape[1]):
            for s in range(key.shape[1]):
                score = query[b, t].dot(key[b, s]) / math.sqrt(len(key[b, s]))
                weights[b, t, s] = torch.exp(score)
            weights[b, t] /= weights[b, t].sum()
    return weights @ value, weights


def attention_by_einsum(query, key, value):
    query = query / query.size(-1) ** 0.5
    energy = torch.einsum("btk,bsk->bts", query, key)
    energy = energy - energy.max(dim=-1, keepdim=True).values
    weights = energy.exp() / energy.exp().sum(dim=-1, keepdim=True)
    return [torch.einsum("bts,bsd->btd", weights, value), weights]


def attention_of_pytorch(query, key, value):
    size = len(query), key.shape[1], key.shape[1]
    one_each = torch.eye(key.shape[1]).expand(size)
    return (
        F.scaled_dot_product_attention(query, key, value),
        F.scaled_dot_product_attention(query, key, one_each),
    )


def no_scale(query, key, value):
    weights = torch.softmax(torch.bmm(query, key.mT), dim=2)
    return torch.bmm(weights, value), weights


def scaled_by_the_size(query, key, value):
    weights = (query @ key.mT / key.shape[-1]).softmax(-1)
    return weights @ value, weights


def multiplied(query, key, value):
    weights = (query @ key.mT * math.sqrt(key.shape[-1])).softmax(-1)
    return weights @ value, weights


def scaled_by_the_number_of_keys(query, key, value):
    weights = (query @ key.mT / math.sqrt(key.shape[1])).softmax(-1)
    return weights @ value, weights


def key_by_view(query, key, value):
    scores = query @ key.view(len(key), key.shape[2], -1)
    weights = (scores / math.sqrt(key.shape[-1])).softmax(-1)
    return weights @ value, weights


def softmax_over_queries(query, key, value):
    weights = (query @ key.mT / math.sqrt(key.shape[-1])).softmax(dim=1)
    return weights @ value, weights


def two_mistakes(query, key, value):
    weights = (query @ key.mT).softmax(dim=1)
    return weights @ value, weights


def exp_is_not_softmax(query, key, value):
    weights = (query @ key.mT / math.sqrt(key.shape[-1])).exp()
    return weights @ value, weights


def sum_of_rows(query, key, value):
    _, weights = attention_of_pytorch(query, key, value)
    return weights @ value / key.shape[1], weights


def only_the_context(query, key, value):
    return attention_of_pytorch(query, key, value)[0]


# Masks


def mask_by_loop(tokens):
    size = tokens.shape[1]
    mask = torch.zeros(len(tokens), size, size, dtype=torch.bool)
    for b in range(len(tokens)):
        for t in range(size):
            for s in range(t + 1):
                mask[b, t, s] = tokens[b, s] != 0
    return mask


def mask_by_places(tokens):
    places = torch.arange(tokens.shape[1])
    return (places[None, :] <= places[:, None]) & (tokens > 0)[:, None, :]


def mask_as_numbers(tokens):
    square = torch.ones(tokens.shape[1], tokens.shape[1])
    return torch.tril(square) * (tokens != 0).float()[:, None]


def mask_as_whole_numbers(tokens):
    return mask_as_numbers(tokens).int()


def lower(tokens):
    return torch.ones(tokens.shape[1], tokens.shape[1]).tril().bool()


def true_is_hidden(tokens):
    future = torch.ones(tokens.shape[1], tokens.shape[1]).triu(1).bool()
    return future | (tokens == 0)[:, None]


def upper_triangle(tokens):
    return lower(tokens).T & (tokens != 0)[:, None]


def without_itself(tokens):
    return lower(tokens).tril(-1) & (tokens != 0)[:, None]


def joined_by_or(tokens):
    return lower(tokens) | (tokens != 0)[:, None]


def padded_rows(tokens):
    return lower(tokens) & (tokens != 0)[:, :, None]


def padded_rows_and_columns(tokens):
    real = (tokens != 0).long()
    return lower(tokens) & (real[:, :, None] * real[:, None]).bool()


def only_causal(tokens):
    return lower(tokens).repeat(len(tokens), 1, 1)


def only_padding(tokens):
    return (tokens != 0)[:, None].repeat(1, tokens.shape[1], 1)


def one_row_for_all(tokens):
    return (tokens != 0)[:, None]


# Several heads


def heads_by_loop(x, W_Q, W_K, W_V, W_O, num_heads):
    size = x.shape[-1] // num_heads
    contexts = []
    for h in range(num_heads):
        part = slice(h * size, (h + 1) * size)
        query, key, value = (x @ W[:, part] for W in (W_Q, W_K, W_V))
        scores = query @ key.mT / size**0.5
        contexts.append(scores.softmax(-1) @ value)
    return torch.cat(contexts, dim=-1) @ W_O


def heads_by_view(x, W_Q, W_K, W_V, W_O, num_heads):
    B, T, D = x.size()
    query, key, value = (
        (x @ W).view(B, T, num_heads, D // num_heads).transpose(1, 2)
        for W in (W_Q, W_K, W_V)
    )
    context = F.scaled_dot_product_attention(query, key, value)
    return context.transpose(1, 2).contiguous().view(B, T, D) @ W_O


def heads_of_pytorch(x, W_Q, W_K, W_V, W_O, num_heads):
    layer = nn.MultiheadAttention(
        x.shape[-1], num_heads, bias=False, batch_first=True
    )
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.cat([W_Q, W_K, W_V], dim=1).T)
        layer.out_proj.weight.copy_(W_O.T)
    return layer(x, x, x)[0]


def multi_head(cut, join, scale=None, axis=-1, W_last=True, turn=False):
    """An answer that goes wrong where it is told to."""

    def answer(x, W_Q, W_K, W_V, W_O, num_heads):
        if turn:
            W_Q, W_K, W_V, W_O = W_Q.T, W_K.T, W_V.T, W_O.T
        query, key, value = (cut(x @ W, num_heads) for W in (W_Q, W_K, W_V))
        root = math.sqrt(key.shape[-1]) if scale is None else scale(x)
        context = (query @ key.mT / root).softmax(axis) @ value
        joined = join(context, x.shape)
        return joined @ W_O if W_last else joined

    return answer


def cut_well(x, n):
    return x.view(x.shape[0], x.shape[1], n, -1).permute(0, 2, 1, 3)


def cut_by_view(x, n):
    return x.view(x.shape[0], n, x.shape[1], -1)


def cut_last_axis_wrong(x, n):
    return x.view(x.shape[0], x.shape[1], -1, n).permute(0, 3, 1, 2)


def join_well(x, shape):
    return x.permute(0, 2, 1, 3).reshape(shape)


def join_by_view(x, shape):
    return x.reshape(shape)


# Additive attention


def additive_by_loop(query, memory, W, U, v, mask):
    contexts, rows = [], []
    for b in range(len(query)):
        scores = [
            float(v @ torch.tanh(W.T @ query[b] + U.T @ word))
            if mask[b, s]
            else -INF
            for s, word in enumerate(memory[b])
        ]
        total = sum(math.exp(score) for score in scores)
        row = torch.tensor([math.exp(score) / total for score in scores])
        rows.append(row)
        contexts.append(row @ memory[b])
    return torch.stack(contexts), torch.stack(rows)


def additive_with_a_large_number(query, memory, W, U, v, mask):
    hidden = torch.tanh((query @ W)[:, None] + torch.matmul(memory, U))
    scores = torch.where(mask, hidden.matmul(v), torch.tensor(-1e9))
    weights = F.softmax(scores, dim=1)
    return torch.einsum("bs,bse->be", weights, memory), weights


def additive_renormalised(query, memory, W, U, v, mask):
    shares = (torch.tanh((query @ W)[:, None] + memory @ U) @ v).exp() * mask
    weights = shares / shares.sum(-1, keepdim=True)
    return (weights[..., None] * memory).sum(1), weights


def additive(bend=torch.tanh, scored=None, shared=None, axis=1):
    """An answer that goes wrong where it is told to."""

    def answer(query, memory, W, U, v, mask):
        scores = bend((query @ W)[:, None] + memory @ U) @ v
        hide = scored or (lambda x, m: x.masked_fill(m == 0, -INF))
        weights = F.softmax(hide(scores, mask), dim=axis)
        if shared:
            weights = shared(weights, mask)
        return (weights[:, None] @ memory)[:, 0], weights

    return answer


RIGHT = [
    (check_attention, attention_by_loop),
    (check_attention, attention_by_einsum),
    (check_attention, attention_of_pytorch),
    (check_mask, mask_by_loop),
    (check_mask, mask_by_places),
    (check_multi_head, heads_by_loop),
    (check_multi_head, heads_by_view),
    (check_multi_head, heads_of_pytorch),
    (check_additive, additive_by_loop),
    (check_additive, additive_with_a_large_number),
    (check_additive, additive_renormalised),
]
WRONG = [
    (check_attention, no_scale, "not divided by the root of K"),
    (check_attention, scaled_by_the_size, "divided by K, not by its root"),
    (check_attention, multiplied, "multiplied by the root of K"),
    (
        check_attention,
        scaled_by_the_number_of_keys,
        "divided by the root of the number of keys",
    ),
    (check_attention, key_by_view, "reshaped to (B, K, S)"),
    (check_attention, softmax_over_queries, "over the queries, axis 1"),
    (check_attention, two_mistakes, "over the queries, axis 1"),
    (check_attention, exp_is_not_softmax, "row [0, 0] sums to"),
    (check_attention, sum_of_rows, "context is not their mean"),
    (check_attention, only_the_context, "expected 2 results"),
    (check_mask, true_is_hidden, "true and false are swapped"),
    (check_mask, upper_triangle, "the causal part is inverted"),
    (check_mask, without_itself, "the diagonal is missing"),
    (check_mask, joined_by_or, "joined by or"),
    (check_mask, padded_rows, "hides rows, not columns"),
    (check_mask, padded_rows_and_columns, "hides rows as well"),
    (check_mask, only_causal, "padding can still be looked at"),
    (check_mask, only_padding, "the future can still be looked at"),
    (check_mask, mask_as_numbers, "holds float32, expected bool"),
    (check_mask, mask_as_whole_numbers, "holds int32, expected bool"),
    (check_mask, one_row_for_all, "shape (2, 1, 5), expected (2, 5, 5)"),
    (
        check_multi_head,
        multi_head(cut_by_view, join_by_view),
        "heads are cut and joined by view alone",
    ),
    (
        check_multi_head,
        multi_head(cut_by_view, join_well),
        "heads are cut by view alone",
    ),
    (
        check_multi_head,
        multi_head(cut_well, join_by_view),
        "joined without the transpose back",
    ),
    (
        check_multi_head,
        multi_head(cut_last_axis_wrong, join_well),
        "every H-th column",
    ),
    (
        check_multi_head,
        multi_head(
            cut_last_axis_wrong,
            lambda x, shape: x.permute(0, 2, 3, 1).reshape(shape),
        ),
        "every H-th column",
    ),
    (
        check_multi_head,
        multi_head(cut_well, join_well, lambda x: x.shape[-1] ** 0.5),
        "divided by the root of D",
    ),
    (
        check_multi_head,
        multi_head(cut_well, join_well, lambda x: 1),
        "not divided by the root of K",
    ),
    (
        check_multi_head,
        multi_head(cut_well, join_well, axis=2),
        "the softmax runs over the queries",
    ),
    (
        check_multi_head,
        multi_head(cut_well, join_well, W_last=False),
        "W_O is not applied",
    ),
    (
        check_multi_head,
        multi_head(cut_well, join_well, turn=True),
        "the matrices are transposed",
    ),
    (check_additive, additive(bend=lambda x: x), "the tanh is missing"),
    (
        check_additive,
        additive(scored=lambda x, mask: x),
        "the mask is not used",
    ),
    (
        check_additive,
        additive(scored=lambda x, mask: x * mask),
        "the scores of padding become 0",
    ),
    (
        check_additive,
        additive(lambda x: x.tanh(), lambda x, m: x, lambda w, m: w * m),
        "used after the softmax",
    ),
    (
        check_additive,
        additive(scored=lambda x, mask: x.masked_fill(mask, -1e9)),
        "the mask is inverted",
    ),
    (check_additive, additive(axis=0), "over the sentences of the batch"),
    (
        check_additive,
        additive(torch.relu, lambda x, mask: x),
        "at a masked position, expected exactly 0",
    ),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_any_right_answer_passes(check, answer):
    verdict = check(answer)
    assert verdict, verdict


@pytest.mark.parametrize(("check", "answer", "words"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(check, answer, words):
    verdict = check(answer)
    assert not verdict and words in verdict.message, verdict


def test_each_known_mistake_is_made_here():
    known = [
        words
        for name, mistakes in vars(whiteboard_attention).items()
        if name.startswith("WRONG_")
        for words, _ in mistakes
    ]
    assert known
    for words in known:
        assert any(part in words for _, _, part in WRONG), words
