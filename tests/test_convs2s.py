"""ConvS2S: its blocks and hops as loops, its windows, its variances."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from reinvent.conv_encoder import receptive_field
from reinvent.convs2s import (
    ConvS2S,
    ConvS2SConfig,
    GatedBlock,
    MultiStepAttention,
    add,
    attend,
    initialize,
    scale_gradient,
)
from reinvent.glu_lm import glu
from reinvent.toolbox import checks
from reinvent.toolbox.beam import BeamSearch
from reinvent.toolbox.decoding import greedy

B, T, S, E, D, V = 2, 5, 7, 11, 13, 17
CONFIG = ConvS2SConfig(
    source_vocab_size=19,
    target_vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    encoder_layers=2,
    decoder_layers=3,
    max_positions=23,
    weight_norm=False,
    dropout=0.0,
)
VARIANTS = {
    "as is": {},
    "kernel 1": {"kernel_size": 1},
    "kernel 5": {"kernel_size": 5},
    "one hop": {"attention_layers": (2,)},
    "no positions": {"source_positions": False, "target_positions": False},
    "not scaled": {"scaled": False, "share_gradient": False},
    "PyTorch's weights": {"initialized": False},
    "weight norm": {"weight_norm": True},
    "values are keys": {"value_embeddings": False},
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return ConvS2S(CONFIG)


@pytest.fixture(params=VARIANTS)
def variant(request):
    return ConvS2S(replace(CONFIG, **VARIANTS[request.param]))


@pytest.fixture
def source():
    source = torch.randint(1, 19, (B, S))
    source[1, 4:] = 0
    return source


@pytest.fixture
def target():
    return torch.randint(1, V, (B, T))


def test_the_defaults_are_those_of_english_romanian():
    config = ConvS2SConfig()
    assert (config.encoder_layers, config.decoder_layers) == (20, 20)
    assert config.embedding_size == config.hidden_size == 512
    assert config.kernel_size == 3
    assert config.attention_layers is None
    assert config.scaled and config.initialized and config.weight_norm


@pytest.mark.parametrize("scaled", [False, True])
def test_equation_1_as_a_loop(scaled):
    attention = MultiStepAttention(D, E, scaled)
    hidden, embedded = torch.randn(B, T, D), torch.randn(B, T, E)
    d = attention.query(hidden, embedded)
    w, b = attention.to_query.weight, attention.to_query.bias
    for row in range(B):
        for i in range(T):
            expected = w @ hidden[row, i] + b + embedded[row, i]
            factor = math.sqrt(0.5) if scaled else 1.0
            torch.testing.assert_close(d[row, i], factor * expected)


@pytest.mark.parametrize("scaled", [False, True])
def test_equation_2_as_a_loop(scaled):
    query = torch.randn(B, T, E)
    keys, values = torch.randn(B, S, E), torch.randn(B, S, E)
    mask = torch.ones(B, S, dtype=torch.bool)
    mask[1, 4:] = False
    context, weights = attend(query, keys, values, mask, scaled)
    for row, m in enumerate((S, 4)):
        for i in range(T):
            scores = [query[row, i] @ keys[row, j] for j in range(m)]
            a = torch.stack(scores).exp() / torch.stack(scores).exp().sum()
            torch.testing.assert_close(weights[row, i, :m], a)
            c = sum(a[j] * values[row, j] for j in range(m))
            factor = m * math.sqrt(1 / m) if scaled else 1.0
            torch.testing.assert_close(context[row, i], factor * c)
    assert not weights[1, :, 4:].any()


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_block_as_a_loop_over_windows(kernel, scaled):
    block = GatedBlock(D, kernel, scaled, dropout=0.0)
    x, seen = torch.randn(B, T, D), torch.randn(B, T + kernel - 1, D)
    outputs = block(x, seen)
    weight, bias = block.convolution.weight, block.convolution.bias
    for row in range(B):
        for i in range(T):
            window = seen[row, i : i + kernel]
            y = bias + sum(weight[:, :, j] @ window[j] for j in range(kernel))
            h = y[:D] * torch.sigmoid(y[D:]) + x[row, i]
            factor = math.sqrt(0.5) if scaled else 1.0
            torch.testing.assert_close(outputs[row, i], factor * h)


def test_the_encoder_as_equations(model, source):
    encoder = model.encoder
    keys, embedded = encoder(source)
    for row, ids in enumerate(source):
        ids = ids[ids != 0]
        e = encoder.embedding(ids[None])
        torch.testing.assert_close(embedded[row, : len(ids)], e[0])
        x = encoder.from_embedding(e)
        for block in encoder.blocks:
            y = F.conv1d(
                x.transpose(1, 2),
                block.convolution.weight,
                block.convolution.bias,
                padding=1,
            )
            x = math.sqrt(0.5) * (F.glu(y, dim=1).transpose(1, 2) + x)
        z = encoder.to_embedding(x)
        torch.testing.assert_close(keys[row, : len(ids)], z[0])


def test_the_decoder_as_equations(model, source, target):
    decoder, state = model.decoder, model.encode(source)
    logits = model(source, target)
    g = decoder.embedding(target)
    x = decoder.from_embedding(g)
    half = math.sqrt(0.5)
    for block, attention in zip(
        decoder.blocks, decoder.attentions, strict=True
    ):
        y = F.conv1d(
            F.pad(x, (0, 0, 2, 0)).transpose(1, 2),
            block.convolution.weight,
            block.convolution.bias,
        )
        h = half * (F.glu(y, dim=1).transpose(1, 2) + x)
        d = half * (attention.to_query(h) + g)
        a = (d @ state.keys.transpose(1, 2)).masked_fill(
            ~state.mask[:, None], -math.inf
        )
        c = a.softmax(-1) @ state.values
        c = c * state.mask.sum(-1)[:, None, None].sqrt()
        x = half * (h + attention.to_hidden(c))
    expected = decoder.to_logits(decoder.to_embedding(x))
    torch.testing.assert_close(logits, expected)


def test_values_are_keys_with_their_words(model, source):
    keys, embedded = model.encoder(source)
    state = model.encode(source)
    torch.testing.assert_close(state.keys, keys)
    torch.testing.assert_close(state.values, add(keys, embedded, True))
    plain = replace(CONFIG, value_embeddings=False)
    state = ConvS2S(plain).encode(source)
    torch.testing.assert_close(state.values, state.keys)


def test_steps_equal_the_pass_over_all_words(variant, source, target):
    state = variant.encode(source)
    weights = variant.attention(source, target)
    for t, tokens in enumerate(target.unbind(dim=1)):
        logits, state, looked = variant.step(tokens, state)
        expected = variant(source, target[:, : t + 1])
        torch.testing.assert_close(logits, expected[:, -1])
        torch.testing.assert_close(looked, weights[:, :, t].mean(dim=1))
    torch.testing.assert_close(variant(source, target), expected)
    assert state.written.tolist() == [T] * B


@pytest.mark.parametrize("first", range(1, T))
def test_a_sentence_can_be_read_in_parts(variant, source, target, first):
    state = variant.encode(source)
    parts = []
    for part in (target[:, :first], target[:, first:]):
        logits, state, _ = variant.decoder(part, state)
        parts.append(logits)
    torch.testing.assert_close(
        torch.cat(parts, dim=1), variant(source, target)
    )


def test_rows_of_a_state_can_be_chosen_and_doubled(model, source, target):
    state = model.encode(source)
    for tokens in target[:, :3].unbind(dim=1):
        _, state, _ = model.step(tokens, state)
    rows = torch.tensor([1, 0, 1])
    state = type(state)(*(part.index_select(0, rows) for part in state))
    logits, _, _ = model.step(target[rows, 3], state)
    expected = model(source[rows], target[rows, :4])[:, -1]
    torch.testing.assert_close(logits, expected)


def test_beam_search_of_width_1_is_greedy(model, source):
    settings = {"bos_id": 1, "eos_id": 2, "max_length": T}
    one = BeamSearch(width=1)(model, source, **settings)
    other = greedy(model, source, **settings)
    assert one.tokens == other.tokens
    wide = BeamSearch(width=3, best=3)(model, source, **settings)
    for row, found in enumerate(wide.hypotheses):
        for its in found:
            written = [*its.tokens, 2] if its.ended else its.tokens
            words = torch.tensor([[1, *written]])
            rows = model(source[row : row + 1], words[:, :-1])
            rows = rows[0].log_softmax(-1)
            total = rows.gather(1, words[0, 1:, None]).sum()
            assert its.log_probability == pytest.approx(total.item(), 1e-4)


@pytest.mark.parametrize(("layers", "kernel"), [(1, 3), (2, 3), (3, 1)])
def test_a_target_word_is_seen_by_so_many_later_ones(layers, kernel, source):
    model = ConvS2S(replace(CONFIG, decoder_layers=layers, kernel_size=kernel))
    length = 7
    target = torch.randint(1, V, (B, length))
    changed = target.clone()
    changed[:, 0] = target[:, 0] % (V - 1) + 1
    moved = model(source, changed) - model(source, target)
    reached = moved.abs().amax(dim=(0, 2)) > 1e-7
    field = receptive_field(layers, kernel)
    assert reached.tolist() == [t < field for t in range(length)]


@pytest.mark.parametrize(("layers", "kernel"), [(1, 3), (2, 3), (3, 1)])
def test_a_source_word_is_seen_on_both_sides(layers, kernel):
    model = ConvS2S(replace(CONFIG, encoder_layers=layers, kernel_size=kernel))
    source, middle = torch.randint(1, 19, (1, S)), S // 2
    changed = source.clone()
    changed[0, middle] = source[0, middle] % 18 + 1
    moved = model.encode(changed).keys - model.encode(source).keys
    reached = moved.abs().amax(dim=(0, 2)) > 1e-7
    reach = receptive_field(layers, kernel) // 2
    assert reached.tolist() == [abs(j - middle) <= reach for j in range(S)]


def test_a_word_sees_only_the_words_before_it(variant, source, target):
    assert checks.no_look_ahead(lambda t: variant(source, t), target, V)


def test_padding_and_neighbours_have_no_effect(variant, source, target):
    same = target[:1].expand(B, T)

    def logits(tokens):
        return variant(tokens, same[: len(tokens)])

    assert checks.padding_has_no_effect(logits, source)
    assert checks.batched_equals_one_by_one(logits, source)


def test_it_learns_everywhere_and_overfits(variant, source, target):
    def loss():
        logits = variant(source, target)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())

    assert checks.starts_near_uniform(loss(), V)
    assert checks.every_parameter_learns(variant, loss)
    assert checks.can_overfit(variant, loss)


def test_each_layer_shows_where_it_looks(model, source, target):
    weights = model.attention(source, target)
    assert weights.shape == (B, 3, T, S)
    mask = (source != 0)[:, None, None].expand_as(weights)
    assert checks.is_distribution(weights, mask)
    one = ConvS2S(replace(CONFIG, attention_layers=(2,)))
    assert one.attention(source, target).shape == (B, 1, T, S)


def test_what_a_layer_saw_decides_where_the_next_one_looks(
    model, source, target
):
    state = model.encode(source)
    other = state._replace(values=state.values.flip(1))
    _, _, weights = model.decoder(target, state)
    _, _, after = model.decoder(target, other)
    torch.testing.assert_close(weights[:, 0], after[:, 0], rtol=0, atol=0)
    for layer in (1, 2):
        assert not torch.allclose(weights[:, layer], after[:, layer])


def test_a_gate_leaves_a_quarter_of_a_small_variance():
    for size, low, high in ((0.1, 0.24, 0.26), (1.0, 0.27, 0.32)):
        x = size * torch.randn(100_000, 2)
        assert low < (glu(x).var() / x.var()).item() < high


def stack_variance(layers: int, scaled: bool, ours: bool) -> float:
    """How the variance of small inputs changes through a stack of blocks."""
    blocks = nn.ModuleList(
        GatedBlock(67, 3, scaled, dropout=0.0) for _ in range(layers)
    )
    if ours:
        initialize(blocks, dropout=0.0)
    x = first = 0.1 * torch.randn(1, 100, 67)
    with torch.no_grad():
        for block in blocks:
            x = block(x, F.pad(x, (0, 0, 1, 1)))
    return (x.var() / first.var()).item()


@pytest.mark.parametrize("seed", range(3))
def test_the_variance_stays_with_scaling_and_start_of_the_paper(seed):
    torch.manual_seed(seed)
    assert 0.6 < stack_variance(12, scaled=True, ours=True) < 1.7
    assert stack_variance(12, scaled=False, ours=True) > 1000
    assert stack_variance(12, scaled=True, ours=False) < 0.05


def test_equal_weights_keep_the_variance_of_the_values():
    query, values = torch.zeros(101, 1, 7), torch.randn(101, 31, 7)
    mask = torch.ones(101, 31, dtype=torch.bool)
    for scaled, expected in ((True, 1.0), (False, 1 / 31)):
        context, _ = attend(query, values, values, mask, scaled)
        assert context.var().item() == pytest.approx(expected, rel=0.3)


def test_weights_start_as_in_section_3_5():
    config = replace(CONFIG, embedding_size=67, hidden_size=61, dropout=0.3)
    model = ConvS2S(config)
    for half in (model.encoder, model.decoder):
        blocks = [(its.convolution, 4 * 0.7 / (3 * 61)) for its in half.blocks]
        maps = [
            (half.from_embedding, 0.7 / 67),
            (half.to_embedding, 1 / 61),
        ]
        for layer, variance in (*blocks, *maps):
            std = layer.weight.std().item()
            assert std == pytest.approx(math.sqrt(variance), rel=0.1)
            assert not layer.bias.any()
        for table in (half.embedding.words, half.embedding.places):
            assert table.weight.std().item() == pytest.approx(0.1, rel=0.1)
    std = model.decoder.to_logits.weight.std().item()
    assert std == pytest.approx(math.sqrt(0.7 / 67), rel=0.1)
    attention = model.decoder.attentions[0]
    for layer, size in ((attention.to_query, 61), (attention.to_hidden, 67)):
        std = layer.weight.std().item()
        assert std == pytest.approx(math.sqrt(1 / size), rel=0.1)


def test_weight_norm_changes_no_output_at_the_start(source, target):
    outputs = []
    for weight_norm in (False, True):
        torch.manual_seed(0)
        model = ConvS2S(replace(CONFIG, weight_norm=weight_norm))
        outputs.append(model(source, target))
    torch.testing.assert_close(*outputs)
    split = 0
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d)):
            split += 1
            weight = layer.parametrizations.weight
            lengths = weight.original1.flatten(1).norm(dim=1)
            torch.testing.assert_close(weight.original0.flatten(), lengths)
    assert split == 2 + 2 + 3 + 3 * 2 + 3
    assert not parametrize.is_parametrized(model.encoder.embedding.words)


def test_scaled_gradients_change_no_value():
    x = torch.randn(B, T, requires_grad=True)
    y = scale_gradient(x, 0.25)
    torch.testing.assert_close(y, x, rtol=0, atol=0)
    (3 * y).sum().backward()
    torch.testing.assert_close(x.grad, torch.full_like(x, 0.75))


def test_the_encoder_gets_the_mean_gradient_of_the_layers_that_look(
    source, target
):
    grads, logits = [], []
    for share in (False, True):
        torch.manual_seed(0)
        model = ConvS2S(replace(CONFIG, share_gradient=share))
        logits.append(model(source, target))
        logits[-1].log_softmax(-1)[..., 0].sum().backward()
        grads.append({n: p.grad for n, p in model.named_parameters()})
    torch.testing.assert_close(*logits, rtol=0, atol=0)
    for name in grads[0]:
        factor = 1 / 3 if name.startswith("encoder") else 1
        if not name.startswith("encoder.embedding"):
            torch.testing.assert_close(grads[1][name], factor * grads[0][name])
    words = [its["encoder.embedding.words.weight"] for its in grads]
    assert not torch.allclose(words[1], words[0] / 3)


def test_without_positions_no_word_has_a_place(source, target):
    config = replace(
        CONFIG, source_positions=False, target_positions=False, kernel_size=1
    )
    model = ConvS2S(config)
    order = torch.tensor([3, 1, 0, 2, 4, 5, 6])
    mixed = model(source[:, order], target)
    torch.testing.assert_close(mixed, model(source, target))
    placed = ConvS2S(replace(config, source_positions=True))
    mixed = placed(source[:, order], target)
    assert not torch.allclose(mixed, placed(source, target))


def test_dropout_acts_in_training_only(source, target):
    model = ConvS2S(replace(CONFIG, dropout=0.5))
    assert not torch.allclose(model(source, target), model(source, target))
    model.eval()
    torch.testing.assert_close(model(source, target), model(source, target))


@pytest.mark.parametrize("kernel", [0, 2, 4])
def test_a_kernel_without_a_middle_is_named(kernel):
    with pytest.raises(ValueError, match=f"sees {kernel} words, expected an"):
        ConvS2S(replace(CONFIG, kernel_size=kernel))


@pytest.mark.parametrize(("encoder", "decoder"), [(0, 1), (1, 0)])
def test_too_few_layers_are_named(encoder, decoder):
    config = replace(CONFIG, encoder_layers=encoder, decoder_layers=decoder)
    with pytest.raises(ValueError, match=f"{encoder} encoder and {decoder} "):
        ConvS2S(config)


@pytest.mark.parametrize("layers", [(), (0,), (1, 4), (2, 2), (3, 1)])
def test_layers_that_cannot_look_are_named(layers):
    with pytest.raises(ValueError, match=r"layers \(.*one of 1 to 3"):
        ConvS2S(replace(CONFIG, attention_layers=layers))


def test_sentences_beyond_the_positions_are_named(source, target):
    model = ConvS2S(replace(CONFIG, max_positions=S))
    with pytest.raises(ValueError, match="7 position embeddings"):
        model.encode(torch.ones(B, S + 1, dtype=torch.long))
    with pytest.raises(ValueError, match="7 position embeddings"):
        model(source, torch.ones(B, S + 1, dtype=torch.long))
    state = model.encode(source)
    for _ in range(S):
        _, state, _ = model.step(target[:, 0], state)
    with pytest.raises(ValueError, match="places 7 to 7, expected 0 to 6"):
        model.step(target[:, 0], state)


def test_an_empty_sentence_is_named(model):
    with pytest.raises(ValueError, match="sentence 0 is empty"):
        model.encode(torch.zeros(1, S, dtype=torch.long))


def test_batches_of_different_sizes_are_named(model, source):
    for call in (model, model.attention):
        with pytest.raises(ValueError, match=r"\(2, 7\).*\(1, 5\)"):
            call(source, torch.ones(1, T, dtype=torch.long))


@pytest.mark.parametrize("wrong", [-1, 19])
def test_ids_without_a_word_are_named(model, source, target, wrong):
    bad_source, bad_target = source.clone(), target.clone()
    bad_source[0, 1] = bad_target[0, 1] = wrong
    state = model.encode(source)
    for call in (
        lambda: model.encode(bad_source),
        lambda: model(source, bad_target),
        lambda: model.step(bad_target[:, 1], state),
    ):
        with pytest.raises(ValueError, match=rf"id {wrong} .* \d+ words"):
            call()
