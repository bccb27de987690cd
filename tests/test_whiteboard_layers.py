"""Right and wrong answers to the tasks on layers, as people write them."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reinvent.toolbox import whiteboard_layers
from reinvent.toolbox.whiteboard_layers import (
    check_glu,
    check_layer_norm,
    check_lstm_step,
    check_positions,
)

# Layer normalisation


def norm_by_loop(x, gain, bias, eps):
    result = torch.zeros_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            word = x[b, t].tolist()
            mean = sum(word) / len(word)
            variance = sum((one - mean) ** 2 for one in word) / len(word)
            for d, one in enumerate(word):
                normed = (one - mean) / math.sqrt(variance + eps)
                result[b, t, d] = gain[d] * normed + bias[d]
    return result


def norm_of_pytorch(x, gain, bias, eps):
    return F.layer_norm(x, x.shape[-1:], gain, bias, eps)


def norm_by_rsqrt(x, gain, bias, eps):
    centred = x.double() - x.double().mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    return centred * scale * gain + bias


def norm_by_std(x, gain, bias, eps):
    mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
    return gain * (x - mean) / (std + eps) + bias


def norm_by_var(x, gain, bias, eps):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True)
    return gain * (x - mean) / torch.sqrt(var + eps) + bias


def norm_with_eps_outside(x, gain, bias, eps):
    mean = x.mean(-1, keepdim=True)
    root = ((x - mean) ** 2).mean(-1, keepdim=True).sqrt()
    return gain * (x - mean) / (root + eps) + bias


def norm_without_gain(x, gain, bias, eps):
    return F.layer_norm(x, x.shape[-1:], eps=eps)


def norm_without_eps(x, gain, bias, eps):
    return norm_by_rsqrt(x, gain, bias, 0.0)


def norm_over(*axes):
    def norm(x, gain, bias, eps):
        mean = x.mean(axes, keepdim=True)
        var = x.var(axes, keepdim=True, correction=0)
        return (x - mean) / (var + eps) ** 0.5 * gain + bias

    return norm


def norm_of_a_batch(x, gain, bias, eps):
    turned = x.transpose(1, 2)
    return F.batch_norm(
        turned, None, None, gain, bias, training=True, eps=eps
    ).transpose(1, 2)


def norm_without_keepdim(x, gain, bias, eps):
    return (x - x.mean(-1)) * gain


# Sinusoidal positions


def positions_by_loop(length, size):
    code = torch.zeros(length, size)
    for t in range(length):
        for d in range(size):
            angle = t / 10_000 ** ((d - d % 2) / size)
            code[t, d] = math.cos(angle) if d % 2 else math.sin(angle)
    return code


def positions_by_exp(length, size):
    place = torch.arange(length).unsqueeze(1)
    wave = torch.exp(torch.arange(0, size, 2) * (-math.log(10_000) / size))
    code = torch.zeros(length, size)
    code[:, 0::2] = torch.sin(place * wave)
    code[:, 1::2] = torch.cos(place * wave)
    return code


def positions(power, shift=0, sine=0):
    def code(length, size):
        place = torch.arange(length)[:, None] + shift
        angle = place / 10_000 ** power(size)
        made = torch.empty(length, size)
        made[:, sine::2], made[:, 1 - sine :: 2] = angle.sin(), angle.cos()
        return made

    return code


def own_waves(length, size):
    column = torch.arange(size)
    angle = torch.arange(length)[:, None] / 10_000 ** (column / size)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


def halves(length, size):
    place = torch.arange(length)[:, None]
    angle = place * 10_000 ** (-torch.arange(size // 2) / (size / 2))
    return torch.hstack([angle.sin(), angle.cos()])


# Gated linear unit


def glu_of_pytorch(x, W, b, V, c):
    return F.glu(x @ torch.cat([W, V], 1) + torch.cat([b, c]), dim=-1)


def glu_by_exp(x, W, b, V, c):
    gate = torch.einsum("btd,df->btf", x, V) + c
    return (F.linear(x, W.T, b)) / (1 + torch.exp(-gate))


def glu_swapped(x, W, b, V, c):
    return torch.sigmoid(x @ W + b) * (x @ V + c)


def tanh_unit(x, W, b, V, c):
    return torch.tanh(x @ W + b) * torch.sigmoid(x @ V + c)


def glu_with_tanh(x, W, b, V, c):
    return (x @ W + b) * torch.tanh(x @ V + c)


def bilinear(x, W, b, V, c):
    return (x @ W + b) * (x @ V + c)


def glu_with_relu(x, W, b, V, c):
    return (x @ W + b) * F.relu(x @ V + c)


def silu(x, W, b, V, c):
    return F.silu(x @ W + b)


def glu_added(x, W, b, V, c):
    return (x @ W + b) + torch.sigmoid(x @ V + c)


def glu_along_positions(x, W, b, V, c):
    return F.glu(torch.cat([x @ W + b, x @ V + c], 1), dim=-1)


# LSTM


def lstm_of_pytorch(x, hidden, cell, W, U, b):
    step = nn.LSTMCell(x.shape[-1], hidden.shape[-1])
    with torch.no_grad():
        step.weight_ih.copy_(W.T)
        step.weight_hh.copy_(U.T)
        step.bias_ih.copy_(b)
        step.bias_hh.zero_()
    return step(x, (hidden, cell))


def lstm_by_slices(x, hidden, cell, W, U, b):
    D = hidden.shape[1]
    all_gates = torch.cat([x, hidden], 1) @ torch.cat([W, U]) + b
    i = torch.sigmoid(all_gates[:, :D])
    f = torch.sigmoid(all_gates[:, D : 2 * D])
    g = torch.tanh(all_gates[:, 2 * D : 3 * D])
    o = torch.sigmoid(all_gates[:, 3 * D :])
    new_cell = f * cell + i * g
    return [o * torch.tanh(new_cell), new_cell]


def lstm(order="ifgo", bend=torch.tanh, last=torch.tanh, old=False):
    """An answer that goes wrong where it is told to."""

    def step(x, hidden, cell, W, U, b):
        chunks = (x @ W + hidden @ U + b).chunk(4, dim=1)
        part = dict(zip(order, chunks, strict=True))
        new = part["f"].sigmoid() * cell + part["i"].sigmoid() * bend(
            part["g"]
        )
        return part["o"].sigmoid() * last(cell if old else new), new

    return step


def lstm_swapped(x, hidden, cell, W, U, b):
    hidden, cell = lstm()(x, hidden, cell, W, U, b)
    return cell, hidden


RIGHT = [
    (check_layer_norm, norm_by_loop),
    (check_layer_norm, norm_of_pytorch),
    (check_layer_norm, norm_by_rsqrt),
    (check_positions, positions_by_loop),
    (check_positions, positions_by_exp),
    (check_glu, glu_of_pytorch),
    (check_glu, glu_by_exp),
    (check_lstm_step, lstm_of_pytorch),
    (check_lstm_step, lstm_by_slices),
]
WRONG = [
    (check_layer_norm, norm_by_std, "the deviation is the unbiased one"),
    (check_layer_norm, norm_by_var, "the variance is the unbiased one"),
    (check_layer_norm, norm_with_eps_outside, "added to the deviation"),
    (check_layer_norm, norm_without_gain, "gain and the bias are not"),
    (check_layer_norm, norm_without_eps, "which is what eps is for"),
    (check_layer_norm, norm_of_a_batch, "which is batch normalisation"),
    (check_layer_norm, norm_over(0), "the mean runs over the batch: "),
    (check_layer_norm, norm_over(1), "the mean runs over the positions,"),
    (check_layer_norm, norm_over(1, 2), "over positions and numbers"),
    (check_layer_norm, norm_without_keepdim, "raised RuntimeError"),
    (check_positions, halves, "all sines stand before all cosines"),
    (
        check_positions,
        positions(lambda D: torch.arange(0, D, 2) / D, sine=1),
        "sine and cosine are swapped",
    ),
    (
        check_positions,
        positions(lambda D: torch.arange(D // 2) / D),
        "the exponent is i / D",
    ),
    (
        check_positions,
        positions(lambda D: 2 * torch.arange(0, D, 2) / D),
        "the 2 of 2i / D counts twice",
    ),
    (
        check_positions,
        positions(lambda D: -torch.arange(0, D, 2) / D),
        "the waves are multiplied",
    ),
    (check_positions, own_waves, "has another wave than its sine"),
    (
        check_positions,
        positions(lambda D: torch.arange(0, D, 2) / D, shift=1),
        "positions begin at 1",
    ),
    (check_glu, glu_swapped, "the halves are swapped"),
    (check_glu, tanh_unit, "the other half is bent, too"),
    (check_glu, glu_with_tanh, "the gate is a tanh"),
    (check_glu, bilinear, "the gate is not bent"),
    (check_glu, glu_with_relu, "the gate is a relu"),
    (check_glu, silu, "that is SiLU"),
    (check_glu, glu_added, "the gate is added"),
    (check_glu, glu_along_positions, "raised RuntimeError"),
    (check_lstm_step, lstm_swapped, "the results are swapped"),
    (check_lstm_step, lstm("ifog"), "input, forget, output, candidate"),
    (check_lstm_step, lstm("figo"), "input gate and the forget gate are"),
    (check_lstm_step, lstm(old=True), "is made from the old cell"),
    (check_lstm_step, lstm(last=lambda cell: cell), "misses a tanh"),
    (check_lstm_step, lstm(bend=torch.sigmoid), "candidate has a sigmoid"),
    (check_lstm_step, lstm(last=torch.sigmoid), "the new cell is right"),
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
        for name, mistakes in vars(whiteboard_layers).items()
        if name.startswith("WRONG_")
        for words, _ in mistakes
    ]
    assert known
    for words in known:
        assert any(part in words for _, _, part in WRONG), words
