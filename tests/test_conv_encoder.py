"""The convolutional encoder: what a position sees, padding, its decoder."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from reinvent.conv_encoder import (
    ConvBlock,
    ConvEncoderConfig,
    ConvEncoderTranslator,
    ConvolutionalEncoder,
    ConvStack,
    PoolingEncoder,
    PositionedEmbedding,
    RecurrentEncoder,
    attend,
    receptive_field,
)
from reinvent.toolbox import checks

B, T, S, E, D, V, P, W = 2, 3, 5, 7, 11, 13, 31, 17
CONFIG = ConvEncoderConfig(
    source_vocab_size=19,
    target_vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    key_size=W,
    max_positions=P,
    key_layers=2,
    value_layers=1,
    dropout=0.0,
)
ENCODERS = {
    "convolutional": ConvolutionalEncoder,
    "pooling": PoolingEncoder,
    "recurrent": RecurrentEncoder,
}
each_encoder = pytest.mark.parametrize("encoder", ENCODERS)
each_local_one = pytest.mark.parametrize(
    "encoder", ["convolutional", "pooling"]
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return ConvEncoderTranslator(CONFIG)


@pytest.fixture
def source():
    source = torch.randint(1, 19, (B, S))
    source[1, 3:] = 0
    return source


@pytest.fixture
def target():
    return torch.randint(1, V, (B, T))


def test_the_defaults_are_those_of_the_paper():
    config = ConvEncoderConfig()
    assert (config.key_layers, config.value_layers) == (15, 5)
    assert (config.kernel_size, config.pooling_size) == (3, 5)
    assert config.embedding_size == 256
    assert config.hidden_size == config.key_size == 512
    assert config.encoder == "convolutional"
    assert config.positions
    assert not config.scaled


@each_encoder
def test_vectors_of_words_and_places_start_between_their_bounds(encoder):
    config = replace(CONFIG, encoder=encoder, word_range=0.7, place_range=0.3)
    model = ConvEncoderTranslator(config)
    embedding = model.encoder.embedding
    for layer in (embedding.words, model.decoder.embedding):
        assert 0.6 < layer.weight.abs().max() <= 0.7
    assert 0.25 < embedding.places.weight.abs().max() <= 0.3


# What a position sees.


@pytest.mark.parametrize(
    ("layers", "kernel", "words"),
    [(0, 3, 1), (1, 3, 3), (2, 3, 5), (5, 3, 11), (1, 5, 5), (4, 1, 1)],
)
def test_the_receptive_field_by_hand(layers, kernel, words):
    assert receptive_field(layers, kernel) == words


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_gradient_reaches_exactly_the_receptive_field(layers, kernel):
    stack = ConvStack(layers, E, kernel).double()
    words = receptive_field(layers, kernel)
    length, middle = words + 6, words // 2 + 3
    x = torch.randn(1, length, E, dtype=torch.double, requires_grad=True)
    stack(x, torch.ones(1, length).bool())[0, middle].sum().backward()
    seen = x.grad[0].ne(0).any(dim=-1).nonzero().flatten()
    first = middle - words // 2
    assert seen.tolist() == list(range(first, first + words))


def test_a_pooled_key_sees_its_window_and_a_value_its_word():
    encoder = PoolingEncoder(CONFIG).double()
    source = torch.randint(1, 19, (1, 11))
    for output, seen in zip(encoder(source), (range(3, 8), [5]), strict=True):
        encoder.zero_grad()
        output[0, 5].sum().backward(retain_graph=True)
        moved = encoder.embedding.places.weight.grad.ne(0).any(dim=-1)
        assert moved.nonzero().flatten().tolist() == list(seen)


# Positions.


def test_an_embedding_is_word_plus_place(source):
    embedding = PositionedEmbedding(19, E, P)
    e = embedding(source)
    for b in range(B):
        for j in range(S):
            w = embedding.words.weight[source[b, j]]
            torch.testing.assert_close(e[b, j], w + embedding.places.weight[j])


def test_without_positions_a_word_is_the_same_everywhere(source):
    embedding = PositionedEmbedding(19, E, P, positions=False)
    torch.testing.assert_close(
        embedding(source), embedding.words.weight[source]
    )
    torch.testing.assert_close(embedding(source, start=100), embedding(source))
    assert len(list(embedding.parameters())) == 1


def test_a_sentence_in_parts_has_the_places_of_the_whole(source):
    embedding = PositionedEmbedding(19, E, P)
    parts = [
        embedding(part, start)
        for part, start in zip(source.split(2, dim=1), (0, 2, 4), strict=True)
    ]
    torch.testing.assert_close(torch.cat(parts, dim=1), embedding(source))


@each_local_one
@pytest.mark.parametrize("positions", [False, True])
def test_only_positions_tell_equal_windows_apart(encoder, positions):
    config = replace(CONFIG, positions=positions)
    window = torch.tensor([3, 5, 7, 2, 4])
    source = torch.cat([window, torch.tensor([1]), window, window])[None]
    for output in ENCODERS[encoder](config)(source):
        # The middles of the three windows, each of which is seen whole.
        first, second, third = output[0, [2, 8, 13]]
        assert torch.allclose(first, second, atol=1e-6) != positions
        assert torch.allclose(first, third, atol=1e-6) != positions


@each_encoder
@pytest.mark.parametrize("positions", [False, True])
def test_without_positions_the_order_of_distant_words_is_invisible(
    encoder, positions, target
):
    model = ConvEncoderTranslator(
        replace(CONFIG, encoder=encoder, positions=positions)
    )
    # Two words see a position each, at most 2 away, so 4 keep them apart.
    rest = [1] * 4
    one = torch.tensor([[*rest, 3, *rest, 5, *rest]])
    other = torch.tensor([[*rest, 5, *rest, 3, *rest]])
    same = torch.allclose(
        model(one, target[:1]), model(other, target[:1]), atol=1e-6
    )
    assert same == (encoder != "recurrent" and not positions)


# Padding.


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_stack_leaks_padding_only_without_its_mask(layers):
    stack = ConvStack(layers, E, 3)
    x = torch.randn(1, S, E)
    padded = nn.functional.pad(x, (0, 0, 0, 3))
    mask = torch.arange(S + 3)[None] < S
    alone = stack(x, torch.ones(1, S).bool())
    torch.testing.assert_close(stack(padded, mask)[:, :S], alone)
    # Even zeros in, as here: the first block turns them into its bias.
    unmasked = stack(padded, torch.ones_like(mask))[:, :S]
    assert torch.allclose(unmasked, alone, atol=1e-6) == (layers == 1)


@each_encoder
def test_padding_changes_no_key_and_no_value(encoder, source):
    encoder = ENCODERS[encoder](CONFIG)
    for which in range(2):

        def part(tokens, which=which):
            output = encoder(tokens)[which]
            return output.masked_fill((tokens == 0).unsqueeze(-1), 0.0)

        assert checks.padding_has_no_effect(part, source)
        assert checks.batched_equals_one_by_one(part, source)


# The equations.


def test_a_block_as_loops():
    block = ConvBlock(E, 5)
    x = torch.randn(S, E)
    outputs = block(x[None])[0]
    for j in range(S):
        total = block.conv.bias + x[j]
        for k in range(5):
            if 0 <= j + k - 2 < S:
                total = total + block.conv.weight[:, :, k] @ x[j + k - 2]
        torch.testing.assert_close(outputs[j], torch.tanh(total))


def test_the_pooling_encoder_as_loops(source):
    encoder = PoolingEncoder(CONFIG)
    keys, values = encoder(source)
    for b in range(B):
        row = source[b][source[b] != 0]
        e = encoder.embedding(row[None])[0]
        for j in range(len(row)):
            near = e[max(0, j - 2) : j + 3]
            torch.testing.assert_close(keys[b, j], near.sum(dim=0) / 5)
            torch.testing.assert_close(values[b, j], e[j])


def test_the_convolutional_encoder_as_equations(source):
    encoder = ConvolutionalEncoder(CONFIG)
    row = source[:1]
    keys, values = encoder(row)
    z = encoder.enter(encoder.embedding(row))
    for block in encoder.to_keys.blocks:
        z = block(z)
    torch.testing.assert_close(keys, encoder.leave(z))
    e = encoder.embedding(row)
    torch.testing.assert_close(values, encoder.to_values.blocks[0](e))


def test_a_stack_of_the_embedding_size_needs_no_maps():
    encoder = ConvolutionalEncoder(replace(CONFIG, key_size=E))
    assert not list(encoder.enter.parameters())
    assert not list(encoder.leave.parameters())


def test_the_recurrent_encoder_as_loops(source):
    encoder = RecurrentEncoder(CONFIG)
    keys, values = encoder(source)
    torch.testing.assert_close(keys, values, rtol=0, atol=0)
    for b in range(B):
        row = source[b][source[b] != 0]
        e = encoder.embedding(row[None])[0]
        halves = []
        for suffix, order in (("", 1), ("_reverse", -1)):
            cell = nn.LSTMCell(E, D)
            for name, parameter in cell.named_parameters():
                trained = getattr(encoder.lstm, f"{name}_l0{suffix}")
                parameter.data.copy_(trained)
            state, hidden = None, []
            for word in list(e)[::order]:
                state = cell(word[None], state)
                hidden.append(state[0][0])
            halves.append(torch.stack(hidden[::order]))
        expected = encoder.to_keys(torch.cat(halves, dim=-1))
        torch.testing.assert_close(keys[b, : len(row)], expected)


def test_attention_as_loops(source):
    mask = source != 0
    query = torch.randn(B, E)
    keys, values = torch.randn(B, S, E), torch.randn(B, S, E)
    context, weights = attend(query, keys, values, mask)
    assert checks.is_distribution(weights, mask)
    for b in range(B):
        length = int(mask[b].sum())
        scores = [query[b] @ keys[b, j] for j in range(length)]
        total = sum(score.exp() for score in scores)
        expected = torch.zeros(E)
        for j, score in enumerate(scores):
            torch.testing.assert_close(weights[b, j], score.exp() / total)
            expected += score.exp() / total * values[b, j]
        torch.testing.assert_close(context[b], expected)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_step_of_the_decoder_as_equations(scaled, source, target):
    model = ConvEncoderTranslator(replace(CONFIG, scaled=scaled))
    decoder = model.decoder
    _, state, _ = model.step(target[:, 0], model.encode(source))
    logits, after, weights = model.step(target[:, 1], state)
    g = decoder.embedding(target[:, 1])
    d = state.hidden @ decoder.to_query.weight.T + decoder.to_query.bias + g
    d = d / math.sqrt(E) if scaled else d
    c, a = attend(d, state.keys, state.values, state.mask)
    torch.testing.assert_close(weights, a)
    h, cell = decoder.lstm(
        torch.cat([g, c], dim=-1), (state.hidden, state.cell)
    )
    torch.testing.assert_close(after.hidden, h)
    torch.testing.assert_close(after.cell, cell)
    torch.testing.assert_close(logits, decoder.to_logits(h))
    for name in ("keys", "values", "mask"):
        assert getattr(after, name) is getattr(state, name)


def test_attention_looks_before_the_step_and_knows_the_last_word(
    model, source
):
    state = model.encode(source)
    _, after, weights = model.step(torch.tensor([3, 4]), state)
    _, _, other = model.step(torch.tensor([5, 6]), state)
    assert not torch.allclose(weights, other)
    moved = state._replace(cell=state.cell + 1)
    _, later, same = model.step(torch.tensor([3, 4]), moved)
    torch.testing.assert_close(same, weights)
    assert not torch.allclose(later.hidden, after.hidden)


# Learning.


@each_encoder
@pytest.mark.parametrize("positions", [False, True])
def test_every_parameter_learns(encoder, positions, source, target):
    model = ConvEncoderTranslator(
        replace(CONFIG, encoder=encoder, positions=positions)
    )

    def loss():
        logits = model(source, target).flatten(0, 1)
        return nn.functional.cross_entropy(logits, target.flatten())

    assert checks.every_parameter_learns(model, loss)


@each_encoder
def test_dropout_acts_in_training_only(encoder, source, target):
    config = replace(CONFIG, encoder=encoder, dropout=0.5)
    model = ConvEncoderTranslator(config)
    assert not torch.allclose(model(source, target), model(source, target))
    model.eval()
    torch.testing.assert_close(model(source, target), model(source, target))


# What a user can get wrong.


def test_an_unknown_encoder_is_named():
    with pytest.raises(ValueError, match="'conv', expected one of.*pooling"):
        ConvEncoderTranslator(replace(CONFIG, encoder="conv"))


@pytest.mark.parametrize("size", [-1, 0, 4])
def test_a_window_without_a_middle_is_named(size):
    for make in (
        lambda: receptive_field(1, size),
        lambda: ConvBlock(E, size),
        lambda: PoolingEncoder(replace(CONFIG, pooling_size=size)),
    ):
        with pytest.raises(ValueError, match=rf"{size} words, expected an od"):
            make()


def test_a_negative_depth_is_named():
    with pytest.raises(ValueError, match="-2 layers, expected at least 0"):
        receptive_field(-2, 3)


def test_a_sentence_without_places_is_named():
    embedding = PositionedEmbedding(19, E, S)
    tokens = torch.ones(1, S, dtype=torch.long)
    assert embedding(tokens).shape == (1, S, E)
    with pytest.raises(ValueError, match=f"1 to {S}, expected 0 to {S - 1}"):
        embedding(tokens, start=1)
    with pytest.raises(ValueError, match="-1 to"):
        embedding(tokens, start=-1)


@pytest.mark.parametrize("wrong", [-1, 19])
def test_an_id_without_a_word_is_named(wrong):
    for positions in (False, True):
        embedding = PositionedEmbedding(19, E, P, positions)
        with pytest.raises(ValueError, match=rf"id {wrong} .* 19 words"):
            embedding(torch.tensor([[wrong]]))
