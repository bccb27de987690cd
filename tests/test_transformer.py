"""The Transformer: its equations, masks and cache, and PyTorch's own."""

import math
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reinvent.toolbox import checks
from reinvent.toolbox.beam import BeamSearch
from reinvent.toolbox.schedules import schedule_factor
from reinvent.transformer import (
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    MultiHeadAttention,
    Residual,
    Transformer,
    TransformerConfig,
    attend,
    causal_mask,
    learning_rate,
    padding_mask,
    position_code,
)

B, N, T, S, H, K, V = 13, 3, 5, 7, 2, 11, 17
D, F_SIZE = H * K, 23
CONFIG = TransformerConfig(
    source_vocab_size=19,
    target_vocab_size=V,
    hidden_size=D,
    num_layers=N,
    num_heads=H,
    feed_forward_size=F_SIZE,
    dropout=0.0,
    tied="none",
)
NORMS = pytest.mark.parametrize("norm", ["post", "pre", "none"])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return Transformer(CONFIG)


@pytest.fixture
def source():
    source = torch.randint(1, 19, (B, S))
    source[1, 4:] = 0
    return source


@pytest.fixture
def target():
    return torch.randint(1, V, (B, T))


def some_masks() -> list[Tensor | None]:
    """No mask, padding, the future, and both together."""
    tokens = torch.ones(B, S)
    tokens[1, 4:] = 0
    padding = padding_mask(tokens)
    causal = causal_mask(T, past=S - T)
    return [None, padding, causal, padding & causal]


def random_heads() -> tuple[Tensor, Tensor, Tensor]:
    """Random queries, keys and values."""
    return tuple(torch.randn(B, H, size, K) for size in (T, S, S))


# Equation 1 and the masks


def test_attention_is_equation_1():
    query, key, value = random_heads()
    context, weights = attend(query, key, value)
    for b, h, t in product(range(B), range(H), range(T)):
        shares = [(query[b, h, t] @ k / math.sqrt(K)).exp() for k in key[b, h]]
        shares = torch.stack(shares) / sum(shares)
        torch.testing.assert_close(weights[b, h, t], shares)
        mean = sum(a * v for a, v in zip(shares, value[b, h], strict=True))
        torch.testing.assert_close(context[b, h, t], mean)


def test_without_the_scaling_scores_are_plain_products():
    query, key, value = random_heads()
    plain, _ = attend(query, key, value, scaled=False)
    scaled, _ = attend(query * math.sqrt(K), key, value)
    torch.testing.assert_close(plain, scaled)


def test_what_is_masked_gets_exactly_nothing():
    for mask in some_masks():
        _, weights = attend(*random_heads(), mask)
        assert checks.is_distribution(weights, mask)


def test_a_padding_mask_is_true_at_words():
    tokens = torch.tensor([[3, 4, 0], [5, 0, 0]])
    mask = padding_mask(tokens)
    assert mask.shape == (2, 1, 1, 3)
    assert mask.flatten(1).tolist() == [
        [True, True, False],
        [True, False, False],
    ]


def test_a_causal_mask_is_true_up_to_the_position_that_asks():
    mask = causal_mask(T, past=N)
    assert mask.shape == (T, N + T)
    for t in range(T):
        for s in range(N + T):
            assert mask[t, s] == (s <= N + t)


def test_dropped_weights_keep_their_sum_on_average():
    query, key, _ = random_heads()
    value = torch.ones(B, H, S, 1)
    context, weights = attend(query, key, value, dropout=0.5)
    assert checks.is_distribution(weights)
    assert context.std() > 0.1
    assert context.mean().item() == pytest.approx(1, abs=0.2)


# Several heads


@pytest.mark.parametrize("scaled", [False, True])
def test_the_fused_kernel_agrees_with_equation_1(scaled):
    attention = MultiHeadAttention(D, H, scaled=scaled)
    query, memory = torch.randn(B, T, D), torch.randn(B, S, D)
    kept = attention.remember(memory)
    for mask in some_masks():
        fused, nothing = attention(query, kept, mask)
        openly, weights = attention(query, kept, mask, with_weights=True)
        torch.testing.assert_close(fused, openly)
        assert nothing is None
        assert weights.shape == (B, H, T, S)


def test_heads_side_by_side_are_heads_one_by_one():
    attention = MultiHeadAttention(D, H)
    query, memory = torch.randn(B, T, D), torch.randn(B, S, D)
    found = []
    for h in range(H):
        rows = slice(h * K, (h + 1) * K)
        q, k, v = (
            x @ linear.weight[rows].T  # Q W_i^Q, K W_i^K, V W_i^V
            for x, linear in (
                (query, attention.to_query),
                (memory, attention.to_key),
                (memory, attention.to_value),
            )
        )
        found.append(attend(q, k, v)[0])
    expected = torch.cat(found, dim=-1) @ attention.to_output.weight.T
    context, _ = attention(query, attention.remember(memory))
    torch.testing.assert_close(context, expected)


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention):
    """Gives PyTorch's layer our weights."""
    parts = ours.to_query, ours.to_key, ours.to_value
    theirs.in_proj_weight.data = torch.cat([p.weight for p in parts])
    theirs.out_proj.weight.data = ours.to_output.weight.data
    if ours.to_query.bias is not None:
        theirs.in_proj_bias.data = torch.cat([p.bias for p in parts])
        theirs.out_proj.bias.data = ours.to_output.bias.data


@pytest.mark.parametrize("bias", [False, True])
def test_it_agrees_with_the_layer_of_pytorch(bias):
    ours = MultiHeadAttention(D, H, bias=bias).double()
    theirs = nn.MultiheadAttention(D, H, bias=bias, batch_first=True).double()
    copy_attention(ours, theirs)
    query = torch.randn(B, T, D).double()
    memory = torch.randn(B, S, D).double()
    padding, causal = some_masks()[1:3]
    found = ours(query, ours.remember(memory), padding & causal, True)
    expected = theirs(
        query,
        memory,
        memory,
        key_padding_mask=~padding[:, 0, 0],
        attn_mask=~causal,
        average_attn_weights=False,
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_a_bias_of_the_keys_changes_nothing():
    attention = MultiHeadAttention(D, H, bias=True)
    query, memory = torch.randn(B, T, D), torch.randn(B, S, D)
    before, _ = attention(query, attention.remember(memory))
    attention.to_key.bias.data += torch.randn(D)
    after, _ = attention(query, attention.remember(memory))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)


@pytest.mark.parametrize("with_weights", [False, True])
def test_weights_are_dropped_in_training_only(with_weights):
    attention = MultiHeadAttention(D, H, dropout=0.5)
    kept = attention.remember(torch.randn(B, S, D))
    query = torch.randn(B, T, D)

    def context():
        return attention(query, kept, None, with_weights)[0]

    assert not torch.allclose(context(), context())
    attention.eval()
    torch.testing.assert_close(context(), context())


# Positions and the schedule


def test_the_position_code_is_its_formula():
    code = position_code(torch.arange(T), D)
    assert code.shape == (T, D)
    for pos in range(T):
        for i in range(D // 2):
            angle = pos / 10_000 ** (2 * i / D)
            expected = torch.tensor([math.sin(angle), math.cos(angle)])
            torch.testing.assert_close(
                code[pos, 2 * i : 2 * i + 2], expected, atol=1e-5, rtol=0
            )


def test_one_linear_map_shifts_every_position():
    angles = S / 10_000 ** (torch.arange(0, D, 2) / D)
    turns = [
        torch.tensor([[a.cos(), -a.sin()], [a.sin(), a.cos()]]) for a in angles
    ]
    shift = torch.block_diag(*turns)  # the same for all positions
    positions = torch.arange(100)
    torch.testing.assert_close(
        position_code(positions, D) @ shift,
        position_code(positions + S, D),
        atol=1e-4,
        rtol=0,
    )


def test_the_product_of_two_codes_depends_on_their_distance_alone():
    for start in (0, 31):
        code = position_code(torch.arange(start, start + 50), D)
        products = code @ code.T
        for distance in (0, 1, 10):
            diagonal = products.diagonal(distance)
            torch.testing.assert_close(
                diagonal,
                torch.full_like(diagonal, products[0, distance].item()),
                atol=1e-4,
                rtol=0,
            )
            assert distance == 0 or products[0, distance] < D / 2


def test_the_rate_rises_in_a_line_and_falls_with_the_root_of_the_step():
    rates = [learning_rate(step) for step in range(1, 16_001)]
    assert max(rates) == rates[3999] == pytest.approx((512 * 4000) ** -0.5)
    assert rates[999] == pytest.approx(rates[3999] / 4)
    assert rates[15_999] == pytest.approx(rates[3999] / 2)


def test_the_rate_can_be_the_schedule_of_fit():
    def schedule(step):
        return learning_rate(step + 1, hidden_size=D, warmup=T)

    factors = [schedule_factor(schedule, step, 2 * T) for step in range(2 * T)]
    assert factors[0] == pytest.approx(D**-0.5 * T**-1.5)
    assert factors.index(max(factors)) == T - 1


# Sub-layers and layers


def test_the_feed_forward_network_is_equation_2():
    network = FeedForward(D, F_SIZE)
    x = torch.randn(B, T, D)
    out = network(x)
    for b in range(B):
        for t in range(T):
            units = network.widen.weight @ x[b, t] + network.widen.bias
            units = torch.stack([max(unit, 0 * unit) for unit in units])
            torch.testing.assert_close(
                out[b, t],
                network.narrow.weight @ units + network.narrow.bias,
            )


def test_the_activation_is_a_choice():
    network = FeedForward(D, F_SIZE, F.gelu)
    x = torch.randn(B, T, D)
    expected = network.narrow(F.gelu(network.widen(x)))
    torch.testing.assert_close(network(x), expected)


@NORMS
def test_the_norm_stands_where_it_is_told(norm):
    around = Residual(D, 0.0, norm, eps=1e-3)
    sublayer = nn.Linear(D, D)
    x = torch.randn(B, T, D)

    def normed(x):
        return F.layer_norm(x, (D,), eps=1e-3)

    found = around.after(x, sublayer(around.before(x)))
    expected = {
        "post": normed(x + sublayer(x)),
        "pre": x + sublayer(normed(x)),
        "none": x + sublayer(x),
    }
    torch.testing.assert_close(found, expected[norm])


def test_dropout_acts_on_the_change_and_not_on_what_it_is_added_to():
    around = Residual(D, 0.5, "pre", eps=1e-5)
    x, change = torch.zeros(B, T, D), torch.ones(B, T, D)
    assert set(around.after(x, change).unique().tolist()) == {0.0, 2.0}
    assert around.after(change, x).unique().tolist() == [1.0]


def test_a_layer_with_a_causal_mask_can_go_on_from_its_past():
    layer = EncoderLayer(D, MultiHeadAttention(D, H), FeedForward(D, F_SIZE))
    x = torch.randn(B, T, D)
    whole, all_kept, weights = layer(x, causal_mask(T), with_weights=True)
    first, past, _ = layer(x[:, :N], causal_mask(N))
    mask = causal_mask(T - N, past=N)
    rest, kept, looked = layer(x[:, N:], mask, past, with_weights=True)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)
    torch.testing.assert_close(kept, all_kept)
    torch.testing.assert_close(looked, weights[:, :, N:])


# Parity with torch.nn.Transformer


def theirs_like(model: Transformer, norm_first: bool) -> nn.Transformer:
    """PyTorch's Transformer with the weights of ours."""
    sizes = (D, H, F_SIZE, 0.0)
    options = {"batch_first": True, "norm_first": norm_first}
    norms = [nn.LayerNorm(D) if norm_first else None for _ in range(2)]
    theirs = nn.Transformer(
        D,
        H,
        custom_encoder=nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*sizes, **options),
            N,
            norms[0],
            enable_nested_tensor=False,
        ),
        custom_decoder=nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*sizes, **options), N, norms[1]
        ),
        batch_first=True,
    ).double()
    pairs = [
        *zip(model.encoder, theirs.encoder.layers, strict=True),
        *zip(model.decoder, theirs.decoder.layers, strict=True),
    ]
    for ours, layer in pairs:
        arounds = [ours.around_attention, ours.around_feed_forward]
        copy_attention(ours.attention, layer.self_attn)
        if isinstance(ours, DecoderLayer):
            arounds.insert(1, ours.around_cross)
            copy_attention(ours.cross_attention, layer.multihead_attn)
        for number, around in enumerate(arounds, start=1):
            norm = getattr(layer, f"norm{number}")
            norm.load_state_dict(around.norm.state_dict())
        layer.linear1.load_state_dict(ours.feed_forward.widen.state_dict())
        layer.linear2.load_state_dict(ours.feed_forward.narrow.state_dict())
    if norm_first:
        theirs.encoder.norm.load_state_dict(model.encoder_norm.state_dict())
        theirs.decoder.norm.load_state_dict(model.decoder_norm.state_dict())
    return theirs


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_it_agrees_with_the_transformer_of_pytorch(norm, source, target):
    model = Transformer(replace(CONFIG, norm=norm)).double()
    with torch.no_grad():  # the norms start as 1 and 0: any would agree
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    theirs = theirs_like(model, norm_first=norm == "pre")
    target[2, 3:] = 0
    hidden = theirs(
        model.embed(model.source, source),
        model.embed(model.target, target),
        tgt_mask=~causal_mask(T),
        src_key_padding_mask=source == 0,
        tgt_key_padding_mask=target == 0,
        memory_key_padding_mask=source == 0,
    )
    words = target != 0
    torch.testing.assert_close(
        model(source, target)[words],
        model.to_logits(hidden)[words],
        rtol=0,
        atol=1e-6,
    )


# The translator


def test_the_defaults_are_those_of_the_base_model():
    config = TransformerConfig()
    assert (config.num_layers, config.hidden_size) == (6, 512)
    assert (config.feed_forward_size, config.num_heads) == (2048, 8)
    assert config.dropout == 0.1
    assert (config.norm, config.tied, config.scaled) == ("post", "all", True)
    with torch.device("meta"):
        model = Transformer(config)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == pytest.approx(65e6, rel=0.05)


def test_vectors_are_scaled_and_get_their_place(model, target):
    x = model.embed(model.target, target, start=N)
    for t in range(T):
        code = position_code(torch.tensor([N + t]), D)[0]
        word = model.target.words.weight[target[:, t]]
        torch.testing.assert_close(x[:, t], math.sqrt(D) * word + code)


@pytest.mark.parametrize("positions", ["sinusoid", "learned"])
def test_the_scaled_vectors_start_with_variance_1(positions):
    model = Transformer(replace(CONFIG, positions=positions))
    for table in (model.source, model.target):
        for vectors in (table.words, table.places):
            if vectors is not None:
                std = math.sqrt(D) * vectors.weight.std().item()
                assert std == pytest.approx(1, rel=0.1)


@NORMS
def test_only_pre_norm_stacks_have_a_last_norm(norm):
    model = Transformer(replace(CONFIG, norm=norm))
    for last in (model.encoder_norm, model.decoder_norm):
        assert isinstance(last, nn.LayerNorm) == (norm == "pre")
    norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == {"post": 5 * N, "pre": 5 * N + 2, "none": 0}[norm]


@NORMS
def test_every_way_to_norm_learns_everywhere(norm, source, target):
    model = Transformer(replace(CONFIG, norm=norm))

    def loss():
        logits = model(source, target).flatten(0, 1)
        return F.cross_entropy(logits, target.flatten())

    assert checks.every_parameter_learns(model, loss)


@pytest.mark.parametrize(("tied", "matrices"), [("all", 1), ("target", 2)])
def test_tied_matrices_are_one(tied, matrices, source, target):
    config = replace(CONFIG, source_vocab_size=V, tied=tied)
    model = Transformer(config)
    both = model.source.words.weight, model.target.words.weight
    assert model.to_logits.weight is both[1]
    assert (both[0] is both[1]) == (tied == "all")
    sizes = [tuple(p.shape) for p in model.parameters()]
    assert sizes.count((V, D)) == matrices

    def loss():
        logits = model(source % V, target).flatten(0, 1)
        return F.cross_entropy(logits, target.flatten())

    source[source == V] = 1
    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)


def test_without_positions_the_order_of_the_source_is_unknown(target):
    source = torch.randint(1, 19, (B, S))
    shuffled = source[:, torch.randperm(S)]
    for positions in ("none", "learned", "sinusoid"):
        model = Transformer(replace(CONFIG, positions=positions))
        same = torch.allclose(
            model(source, target), model(shuffled, target), atol=1e-4
        )
        assert same == (positions == "none")


def test_dropout_acts_in_training_only(source, target):
    model = Transformer(replace(CONFIG, dropout=0.5))
    assert not torch.allclose(model(source, target), model(source, target))
    shares = [m.p for m in model.modules() if isinstance(m, nn.Dropout)]
    assert shares == [0.5] * (5 * N + 1)  # each sub-layer, the embeddings
    assert (model.embed(model.source, source) == 0).any()
    model.eval()
    torch.testing.assert_close(model(source, target), model(source, target))


def test_what_it_says_where_it_looks_is_a_distribution(model, source, target):
    looked = model.attention(source, target)
    assert looked.encoder.shape == (B, N, H, S, S)
    assert looked.decoder.shape == (B, N, H, T, T)
    assert looked.cross.shape == (B, N, H, T, S)
    words = (source != 0)[:, None, None, None]
    assert checks.is_distribution(looked.encoder, words)
    assert checks.is_distribution(looked.decoder, causal_mask(T))
    assert checks.is_distribution(looked.cross, words)


def test_the_weights_of_a_step_are_the_mean_of_all_heads(
    model, source, target
):
    looked = model.attention(source, target).cross.mean(dim=(1, 2))
    state = model.encode(source)
    for t in range(T):
        _, state, weights = model.step(target[:, t], state)
        torch.testing.assert_close(weights, looked[:, t])


def test_words_in_one_go_equal_words_in_parts(model, source, target):
    whole, last, _ = model.write(target, model.encode(source))
    state, parts = model.encode(source), []
    for part in target.split([N, T - N], dim=1):
        logits, state, _ = model.write(part, state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    torch.testing.assert_close(tuple(state), tuple(last))
    assert state.key.shape == (B, N, H, T, K)
    assert state.memory_key.shape == (B, N, H, S, K)


class Written(NamedTuple):
    """The state of a decoder that remembers nothing but words."""

    source: Tensor
    target: Tensor


class Forgetful(nn.Module):
    """The same translator, which computes all anew for every word."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def encode(self, source: Tensor) -> Written:
        return Written(source, source[:, :0])

    def step(self, tokens: Tensor, state: Written):
        target = torch.cat([state.target, tokens[:, None]], dim=1)
        logits = self.model(state.source, target)[:, -1]
        return logits, state._replace(target=target), None


@pytest.mark.parametrize("width", [1, 3])
def test_beam_search_with_the_cache_equals_that_without(width, source):
    model = Transformer(replace(CONFIG, norm="pre")).double()
    source[:, 0] = 3  # a word in every sentence
    search = BeamSearch(width=width, alpha=0.6, best=width)
    found, expected = (
        search(its, source, bos_id=1, eos_id=2, max_length=S)
        for its in (model, Forgetful(model))
    )
    for ours, theirs in zip(
        found.hypotheses, expected.hypotheses, strict=True
    ):
        assert [h.tokens for h in ours] == [h.tokens for h in theirs]
        assert [h.score for h in ours] == pytest.approx(
            [h.score for h in theirs], abs=1e-9
        )


# What a user can get wrong


@pytest.mark.parametrize("num_heads", [0, 3])
def test_heads_that_do_not_share_out_the_size_are_named(num_heads):
    with pytest.raises(ValueError, match=rf"{num_heads}, expected .* {D}"):
        Transformer(replace(CONFIG, num_heads=num_heads))


@pytest.mark.parametrize("switch", ["norm", "positions", "tied"])
def test_a_switch_without_such_a_position_is_named(switch):
    with pytest.raises(ValueError, match=f"{switch} is 'both', expected one"):
        Transformer(replace(CONFIG, **{switch: "both"}))


def test_one_matrix_for_two_vocabularies_is_refused():
    with pytest.raises(ValueError, match=f"19 and {V} words, expected a sha"):
        replace(CONFIG, tied="all")


def test_an_odd_size_has_no_waves():
    with pytest.raises(ValueError, match="hidden_size is 11, expected an eve"):
        position_code(torch.arange(T), 11)


def test_a_sentence_beyond_the_learned_positions_is_named(source, target):
    config = replace(CONFIG, positions="learned", max_positions=S)
    model = Transformer(config)
    state = model.encode(source)
    for tokens in target.repeat(1, 2)[:, :S].unbind(1):
        _, state, _ = model.step(tokens, state)
    with pytest.raises(ValueError, match=f"{S}"):
        model.step(target[:, 0], state)
    with pytest.raises(ValueError, match=f"{S}"):
        model.encode(source.repeat(1, 2)[:1])
