"""GNMT: its residual stacks, its attention from below, its bad inputs."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from reinvent.gnmt import GNMT, DeepEncoder, GNMTConfig, Layer
from reinvent.toolbox import checks

B, T, S, A, D, E, V = 2, 3, 5, 7, 11, 13, 17
CONFIG = GNMTConfig(
    source_vocab_size=19,
    target_vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    alignment_size=A,
    encoder_layers=3,
    decoder_layers=4,
    dropout=0.0,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return GNMT(CONFIG)


@pytest.fixture
def source():
    source = torch.randint(1, 19, (B, S))
    source[1, 3:] = 0
    return source


@pytest.fixture
def target():
    return torch.randint(1, V, (B, T))


def test_the_defaults_are_those_of_the_paper():
    config = GNMTConfig()
    assert (config.encoder_layers, config.decoder_layers) == (8, 8)
    assert config.hidden_size == config.alignment_size == 1024
    assert config.dropout == 0.2
    assert config.residual


def test_matrices_start_from_the_bounds_of_glorot_and_bengio(model):
    for half in (model.encoder, model.decoder):
        assert half.embedding.weight.std().item() == pytest.approx(1, rel=0.2)
    gates = model.decoder.upper[0].lstm.weight_ih_l0.chunk(4)
    for matrix in (*gates, model.decoder.to_logits.weight):
        bound = math.sqrt(6 / sum(matrix.shape))
        assert 0.9 * bound < matrix.abs().max() <= bound


@pytest.mark.parametrize("residual", [False, True])
def test_a_layer_is_equation_5_or_6(residual):
    layer = Layer(D, D, residual, dropout=0.0)
    x = torch.randn(B, T, D)
    lstm = nn.LSTMCell(D, D)
    for name, parameter in layer.lstm.named_parameters():
        getattr(lstm, name.removesuffix("_l0")).data.copy_(parameter)
    outputs, _ = layer(x)
    m = c = torch.zeros(B, D)
    for t in range(T):
        m, c = lstm(x[:, t], (m, c))
        expected = m + x[:, t] if residual else m
        torch.testing.assert_close(outputs[:, t], expected)


def test_a_layer_adds_its_input_but_not_its_context():
    layer = Layer(D + E, D, True, dropout=0.0)
    x, context = torch.randn(B, T, D), torch.randn(B, T, E)
    outputs, _ = layer(x, context)
    m, _ = layer.lstm(torch.cat([x, context], dim=-1))
    torch.testing.assert_close(outputs, m + x)


def test_residuals_start_at_the_third_layer_from_the_bottom(model):
    for half in (model.encoder, model.decoder):
        adds = [layer.residual for layer in half.upper]
        assert adds == [False] + [True] * (len(adds) - 1)
    plain = GNMT(replace(CONFIG, residual=False))
    for half in (plain.encoder, plain.decoder):
        assert not any(layer.residual for layer in half.upper)


def test_plain_and_residual_stacks_have_the_same_parameters(model):
    plain = GNMT(replace(CONFIG, residual=False))
    shapes = [
        {name: p.shape for name, p in its.named_parameters()}
        for its in (model, plain)
    ]
    assert shapes[0] == shapes[1]


def test_residuals_bring_the_gradient_to_the_bottom_of_a_deep_stack():
    norms = {}
    source, target = torch.ones(B, S).long(), torch.ones(B, T).long()
    for residual in (False, True):
        torch.manual_seed(0)
        model = GNMT(
            replace(
                CONFIG,
                residual=residual,
                encoder_layers=11,
                decoder_layers=11,
            )
        )
        model(source, target).log_softmax(-1)[..., 0].sum().backward()
        norms[residual] = model.decoder.embedding.weight.grad.norm()
    assert norms[True] > 100 * norms[False]


def test_only_the_bottom_layer_of_the_encoder_reads_both_ways(model, source):
    changed = source.clone()
    changed[0, -1] = source[0, -1] % 18 + 1
    one_layer = DeepEncoder(replace(CONFIG, encoder_layers=1))
    assert one_layer(source).shape == (B, S, 2 * D)
    moved = (one_layer(source) - one_layer(changed))[0, 0]
    forward, backward = moved.chunk(2)
    assert not forward.any() and backward.any()
    # Without its backward half nothing can see what comes later.
    model.encoder.upper[0].lstm.weight_ih_l0.data[:, D:] = 0
    memory, other = model.encoder(source), model.encoder(changed)
    torch.testing.assert_close(memory[0, :-1], other[0, :-1])
    assert not torch.allclose(memory[0, -1], other[0, -1])


def test_the_encoder_as_equations(model, source):
    encoder = model.encoder
    for row in source:
        row = row[row != 0]
        x, _ = encoder.bottom(encoder.embedding(row)[None])
        x, _ = encoder.upper[0].lstm(x)
        x = encoder.upper[1].lstm(x)[0] + x
        torch.testing.assert_close(
            encoder(row[None]),
            x,
        )


def test_a_step_of_the_decoder_as_equations(model, source, target):
    decoder, state = model.decoder, model.encode(source)
    _, state, _ = model.step(target[:, 0], state)
    logits, after, weights = model.step(target[:, 1], state)
    for b in range(B):
        memory = state.memory[b, : int(state.mask[b].sum())]
        y = state.hidden[b, 0]  # the bottom layer, one step ago
        attention = decoder.attention
        s = [
            attention.to_score(
                torch.tanh(attention.to_query(y) + attention.to_key(x_t))
            )
            for x_t in memory
        ]
        p = torch.cat(s).exp() / torch.cat(s).exp().sum()
        torch.testing.assert_close(weights[b, : len(p)], p)
        a = sum(p_t * x_t for p_t, x_t in zip(p, memory, strict=True))
        x = decoder.embedding(target[b, 1])
        for i, layer in enumerate([decoder.bottom, *decoder.upper]):
            before = state.hidden[b, i], state.cell[b, i]
            inputs = x if i == 0 else torch.cat([x, a])
            m, _ = layer.lstm(inputs[None], [part[None] for part in before])
            torch.testing.assert_close(after.hidden[b, i], m[0])
            x = m[0] + x if i >= 2 else m[0]
        torch.testing.assert_close(logits[b], decoder.to_logits(x))
    for name in ("memory", "keys", "mask"):
        assert getattr(after, name) is getattr(state, name)


def test_all_steps_at_once_equal_one_step_after_the_other(
    model, source, target
):
    state = start = model.encode(source)
    logits, last, weights = model.decoder(target, start)
    for t in range(T):
        its, state, looked = model.step(target[:, t], state)
        torch.testing.assert_close(logits[:, t], its)
        torch.testing.assert_close(weights[:, t], looked)
    for name, part in state._asdict().items():
        torch.testing.assert_close(getattr(last, name), part)


def test_the_bottom_layer_never_sees_the_source(model, source, target):
    other = source.flip(0).roll(1, dims=1)
    other[0] = source[0].flip(0)
    other[1] = torch.tensor([1, 2, 3, 4, 5])
    hidden = []
    for its in (source, other):
        state = model.encode(its)
        for tokens in target.unbind(dim=1):
            _, state, _ = model.step(tokens, state)
        hidden.append(state.hidden)
    torch.testing.assert_close(hidden[0][:, 0], hidden[1][:, 0])
    assert not torch.allclose(hidden[0][:, 1], hidden[1][:, 1])


def test_the_weights_of_a_step_do_not_depend_on_the_previous_word(
    model, source
):
    state = model.encode(source)
    one, other = torch.tensor([3, 4]), torch.tensor([5, 6])
    logits, _, weights = model.step(one, state)
    other_logits, _, other_weights = model.step(other, state)
    torch.testing.assert_close(weights, other_weights, rtol=0, atol=0)
    assert not torch.allclose(logits, other_logits)


def test_dropout_acts_in_training_only(source, target):
    model = GNMT(replace(CONFIG, dropout=0.5))
    assert not torch.allclose(model(source, target), model(source, target))
    model.eval()
    torch.testing.assert_close(model(source, target), model(source, target))


def test_the_smallest_stack_learns_everywhere(source, target):
    model = GNMT(replace(CONFIG, encoder_layers=1, decoder_layers=2))

    def loss():
        logits = model(source, target).flatten(0, 1)
        return nn.functional.cross_entropy(logits, target.flatten())

    assert checks.every_parameter_learns(model, loss)


@pytest.mark.parametrize(("encoder", "decoder"), [(0, 2), (1, 1)])
def test_too_few_layers_are_named(encoder, decoder):
    config = replace(CONFIG, encoder_layers=encoder, decoder_layers=decoder)
    with pytest.raises(ValueError, match=rf"{encoder} encoder and {decoder} "):
        GNMT(config)
