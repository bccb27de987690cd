"""Gated convolutions: equations 1 to 3, no future, equal sizes, softmaxes."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reinvent.glu_lm import (
    GATED,
    LSTMLM,
    TINY,
    UNITS,
    CausalConvolution,
    GatedBlock,
    GatedConvLM,
    GLULMConfig,
    bilinear,
    glu,
    gtu,
    with_unit,
)
from reinvent.toolbox import checks
from reinvent.toolbox.language import (
    LanguageBatch,
    language_loss,
    perplexity,
)
from reinvent.toolbox.vocabulary import Vocabulary

B, K, E, D, T, V = 2, 3, 5, 7, 11, 29
CONFIG = GLULMConfig(
    vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    num_layers=3,
    kernel_size=K,
)
EVERY_UNIT = pytest.mark.parametrize("unit", UNITS)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def tokens():
    tokens = torch.randint(4, V, (B, T))
    tokens[:, 0] = 1
    return tokens


@pytest.fixture
def batch(tokens):
    tokens_out = F.pad(tokens[:, 1:], (0, 1), value=2)
    tokens_out[1, 5] = 2
    tokens_out[1, 6:] = tokens[1, 6:] = 0
    return LanguageBatch(tokens, tokens_out)


def parameters(config):
    return sum(p.numel() for p in GatedConvLM(config).parameters())


def test_the_defaults_are_those_of_gcnn_8():
    config = GLULMConfig()
    assert (config.kernel_size, config.hidden_size) == (4, 900)
    assert (config.num_layers, config.embedding_size) == (8, 280)
    assert config.unit == "glu"
    assert config.residual and config.weight_norm


def test_glu_is_that_of_pytorch():
    x = torch.randn(B, T, 2 * D)
    torch.testing.assert_close(glu(x), F.glu(x))


def test_equation_1_as_loops():
    """h(X) = (X*W + b) * sigmoid(X*V + c)."""
    block = GatedBlock(E, D, K, residual=False)
    nn.init.normal_(block.convolution.bias)
    x = torch.randn(B, T, E)
    hidden = block(x)
    # PyTorch keeps W and V as (output, input, k).
    W, V_ = block.convolution.weight.chunk(2)
    b, c = block.convolution.bias.chunk(2)
    for s in range(B):
        for t in range(T):
            value, gate = b.clone(), c.clone()
            for j in range(K):
                seen = t - (K - 1) + j
                if seen >= 0:
                    value = value + W[:, :, j] @ x[s, seen]
                    gate = gate + V_[:, :, j] @ x[s, seen]
            expected = value * (1 / (1 + torch.exp(-gate)))
            torch.testing.assert_close(hidden[s, t], expected)


def test_the_units_of_one_number():
    a, b = torch.tensor(0.7), torch.tensor(-1.3)
    x = torch.stack([a, b])
    s = 1 / (1 + torch.exp(-b))
    torch.testing.assert_close(glu(x), (a * s)[None])
    torch.testing.assert_close(gtu(x), (torch.tanh(a) * s)[None])
    torch.testing.assert_close(bilinear(x), (a * b)[None])
    torch.testing.assert_close(UNITS["linear"](x), x)


def test_equation_2_is_the_gradient_of_the_gtu():
    x = torch.randn(D, dtype=torch.double, requires_grad=True)
    gtu(torch.cat([x, x])).sum().backward()
    s, t = torch.sigmoid(x), torch.tanh(x)
    expected = (1 - t**2) * s + s * (1 - s) * t
    torch.testing.assert_close(x.grad, expected)


def test_equation_3_is_the_gradient_of_the_glu():
    x = torch.randn(D, dtype=torch.double, requires_grad=True)
    glu(torch.cat([x, x])).sum().backward()
    s = torch.sigmoid(x)
    expected = s + x * s * (1 - s)
    torch.testing.assert_close(x.grad, expected)


def test_a_large_value_stops_the_gradient_of_the_gtu_alone():
    value = torch.tensor([5.0], requires_grad=True)
    gate = torch.tensor([5.0])
    grads = [
        torch.autograd.grad(unit(torch.cat([value, gate])), value)[0].item()
        for unit in (glu, gtu)
    ]
    assert grads[0] > 0.99
    assert grads[1] < 0.001


def test_a_causal_convolution_is_a_convolution_with_zeros_in_front():
    convolution = CausalConvolution(E, D, K)
    x = torch.randn(B, T, E)
    plain = nn.Conv1d(E, D, K, padding=K - 1)
    plain.load_state_dict(convolution.state_dict())
    expected = plain(x.transpose(1, 2))[..., :T].transpose(1, 2)
    assert convolution(x).shape == (B, T, D)
    torch.testing.assert_close(convolution(x), expected)


def test_a_causal_convolution_of_one_word_is_a_matrix():
    convolution = CausalConvolution(E, D, 1)
    x = torch.randn(B, T, E)
    expected = x @ convolution.weight[..., 0].T + convolution.bias
    torch.testing.assert_close(convolution(x), expected)


@pytest.mark.parametrize("wide", [False, True])
def test_a_block_adds_its_input(wide):
    size = E if wide else D
    block = GatedBlock(size, D, K)
    x = torch.randn(B, T, size)
    hidden = glu(block.convolution(x))
    before = x @ block.to_sum.weight.T if wide else x
    torch.testing.assert_close(block(x), before + hidden)
    block.residual = False
    torch.testing.assert_close(block(x), hidden)


def test_weight_norm_changes_nothing_at_the_start(tokens):
    logits = []
    for normed in (False, True):
        torch.manual_seed(1)
        model = GatedConvLM(replace(CONFIG, weight_norm=normed))
        logits.append(model(tokens))
    torch.testing.assert_close(*logits)


def test_weight_norm_learns_length_and_direction_apart():
    block = GatedBlock(E, D, K)
    lengths, directions = (
        p for p in block.convolution.parametrizations.weight.parameters()
    )
    assert lengths.shape == (2 * D, 1, 1)
    directions.data *= 3
    expected = block.convolution.weight.clone()
    lengths.data *= 2
    torch.testing.assert_close(block.convolution.weight, 2 * expected)


@EVERY_UNIT
def test_a_word_sees_only_the_words_before_it(unit, tokens):
    model = GatedConvLM(replace(CONFIG, unit=unit))
    assert checks.no_look_ahead(model, tokens, V)


def test_a_word_sees_as_far_as_the_receptive_field():
    for layers, kernel in ((1, 2), (2, 3), (3, 5)):
        config = replace(CONFIG, num_layers=layers, kernel_size=kernel)
        model = GatedConvLM(config)
        field = config.receptive_field
        assert field == layers * (kernel - 1) + 1
        embedded = torch.randn(1, field + 3, E, requires_grad=True)
        model.layers(embedded)[0, -1].sum().backward()
        seen = embedded.grad[0].abs().sum(dim=-1) != 0
        assert seen.tolist() == [False] * 3 + [True] * field


def test_padding_and_neighbours_have_no_effect(batch):
    model = GatedConvLM(CONFIG)
    assert checks.padding_has_no_effect(model, batch.tokens_in)
    assert checks.batched_equals_one_by_one(
        lambda t: model(t)[:, :6], batch.tokens_in
    )


def test_a_block_of_words_more_in_front_shifts_the_output(tokens):
    model = GatedConvLM(CONFIG)
    shifted = torch.cat([tokens, tokens], dim=1)
    later = CONFIG.receptive_field - 1
    torch.testing.assert_close(
        model(tokens)[:, later:], model(shifted)[:, T + later :]
    )


@EVERY_UNIT
def test_it_starts_uniform_learns_everywhere_and_overfits(unit, batch):
    model = GatedConvLM(replace(CONFIG, unit=unit))

    def loss():
        return model.loss(batch)

    assert checks.starts_near_uniform(loss(), V)
    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)


@EVERY_UNIT
def test_a_deep_model_starts_near_uniform(unit, batch):
    model = GatedConvLM(
        replace(CONFIG, unit=unit, num_layers=13, hidden_size=53)
    )
    assert checks.starts_near_uniform(model.loss(batch), V)


def test_the_loss_is_that_of_the_logits(batch):
    model = GatedConvLM(CONFIG)
    torch.testing.assert_close(model.loss(batch), language_loss(model, batch))


def test_dropout_acts_in_training_only(tokens):
    model = GatedConvLM(replace(CONFIG, dropout=0.5))
    assert not torch.allclose(model(tokens), model(tokens))
    model.eval()
    torch.testing.assert_close(model(tokens), model(tokens))


@pytest.mark.parametrize(("layers", "residual"), [(1, True), (5, False)])
@EVERY_UNIT
def test_another_unit_comes_with_as_many_parameters(unit, residual, layers):
    config = replace(
        TINY, vocab_size=997, num_layers=layers, residual=residual
    )
    other = with_unit(config, unit)
    wanted = parameters(config)
    assert abs(parameters(other) - wanted) < 0.02 * wanted
    assert replace(other, unit="glu", hidden_size=TINY.hidden_size) == config
    if unit in GATED:
        assert other.hidden_size == config.hidden_size
    else:
        assert other.hidden_size > config.hidden_size
        back = with_unit(other, "glu")
        assert back.hidden_size == config.hidden_size


def test_the_lstm_is_that_of_pytorch(tokens):
    model = LSTMLM(V, E, D, num_layers=2)
    lstm = nn.LSTM(E, D, num_layers=2, batch_first=True)
    lstm.load_state_dict(model.decoder.lstm.state_dict())
    outputs, _ = lstm(model.decoder.embedding(tokens))
    torch.testing.assert_close(model(tokens), model.decoder.to_logits(outputs))


def test_the_lstm_looks_not_ahead_and_learns(batch):
    model = LSTMLM(V, E, D)

    def loss():
        return model.loss(batch)

    assert checks.no_look_ahead(model, batch.tokens_in, V)
    assert checks.padding_has_no_effect(model, batch.tokens_in)
    assert checks.starts_near_uniform(loss(), V)
    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss, learning_rate=0.03)


@pytest.fixture
def adaptive():
    return GatedConvLM(replace(CONFIG, embedding_size=17, cutoffs=(7, 13)))


def test_the_adaptive_softmax_gives_probabilities(adaptive, tokens):
    logits = adaptive(tokens)
    assert logits.shape == (B, T, V)
    assert checks.is_distribution(logits.exp())
    torch.testing.assert_close(logits.log_softmax(dim=-1), logits)


def test_an_adaptive_softmax_as_sums(adaptive, tokens):
    """p(word) of the head, or p(cluster) p(word | cluster)."""
    hidden = adaptive.hidden(tokens)[0, 0]
    softmax = adaptive.softmax
    head = softmax.head(hidden).softmax(dim=-1)
    first = softmax.tail[0](hidden).softmax(dim=-1)
    second = softmax.tail[1](hidden).softmax(dim=-1)
    assert [len(part) for part in (head, first, second)] == [9, 6, 16]
    expected = [head[:7], head[7] * first, head[8] * second]
    torch.testing.assert_close(
        adaptive(tokens)[0, 0].exp(), torch.cat(expected)
    )


def test_the_adaptive_loss_is_that_of_its_probabilities(adaptive, batch):
    expected = language_loss(adaptive, batch)
    torch.testing.assert_close(adaptive.loss(batch), expected)


def test_the_adaptive_softmax_learns_everywhere_and_overfits(batch):
    model = GatedConvLM(replace(CONFIG, embedding_size=17, cutoffs=(13,)))

    def loss():
        return model.loss(batch)

    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)


def test_the_adaptive_softmax_looks_not_ahead_either(adaptive, tokens):
    assert checks.no_look_ahead(adaptive, tokens, V)


def test_another_unit_under_an_adaptive_softmax_is_as_large():
    config = replace(TINY, vocab_size=997, cutoffs=(101, 401))
    wanted = parameters(config)
    found = parameters(with_unit(config, "relu"))
    assert abs(found - wanted) < 0.02 * wanted


@pytest.mark.parametrize("cutoffs", [(), (5,)])
def test_perplexity_takes_both_softmaxes(cutoffs):
    words = Vocabulary(["<unk>", "a", "b", "c", "d"])
    config = replace(CONFIG, vocab_size=len(words), cutoffs=cutoffs)
    model = GatedConvLM(config)
    value = perplexity(model, [("a", "b"), ("c",)], words)
    assert 0.5 * len(words) < value < 2 * len(words)


@pytest.mark.parametrize("unit", GATED)
def test_an_odd_number_of_features_is_named(unit):
    with pytest.raises(ValueError, match="last size is 7"):
        GATED[unit](torch.randn(B, 7))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"unit": "gelu"}, "unit is 'gelu', expected one of glu, gtu"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"kernel_size": 0}, "kernel_size is 0"),
        ({"cutoffs": (5, 9)}, "embedding_size is 5, expected at least 16"),
        ({"cutoffs": (5, 3)}, r"cutoffs are \(5, 3\)"),
        ({"cutoffs": (0, 3)}, r"cutoffs are \(0, 3\)"),
        ({"cutoffs": (3, 3)}, r"cutoffs are \(3, 3\)"),
        ({"cutoffs": (3, V)}, rf"cutoffs are \(3, {V}\).* to {V - 1}"),
    ],
)
def test_settings_that_make_no_model_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **setting)


@pytest.mark.parametrize("cutoffs", [(), (13,)])
@pytest.mark.parametrize("wrong", [-1, V])
def test_ids_without_a_word_are_named(batch, cutoffs, wrong):
    model = GatedConvLM(replace(CONFIG, cutoffs=cutoffs))
    tokens_in, tokens_out = batch.tokens_in.clone(), batch.tokens_out.clone()
    tokens_in[0, 1] = tokens_out[0, 1] = wrong
    with pytest.raises(ValueError, match=f"id {wrong} .* {V} words"):
        model(tokens_in)
    for bad in (
        LanguageBatch(tokens_in, batch.tokens_out),
        LanguageBatch(batch.tokens_in, tokens_out),
    ):
        with pytest.raises(ValueError, match=f"id {wrong} .* {V} words"):
            model.loss(bad)


def test_a_row_without_a_batch_is_named(tokens):
    with pytest.raises(ValueError, match=r"\(11,\), expected \(B, T\)"):
        GatedConvLM(CONFIG)(tokens[0])
