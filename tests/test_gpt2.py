"""GPT-2: what it changes in GPT, its cache, and transformers' own."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from shaken import shaken
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel, GPT2Model

from reinvent.gpt import GPT, GPTConfig, gelu, with_new_words
from reinvent.gpt2 import (
    GPT2,
    SIZES,
    TINY,
    GPT2Config,
    generate,
    load_published,
)
from reinvent.toolbox import checks
from reinvent.toolbox.language import LanguageBatch
from reinvent.toolbox.sampling import at_temperature, nucleus, top_k
from reinvent.transformer import causal_mask

B, T, H, K, V, N, P = 5, 7, 2, 11, 23, 3, 17
D = H * K
CONFIG = GPT2Config(
    vocab_size=V,
    hidden_size=D,
    num_layers=N,
    num_heads=H,
    feed_forward_size=4 * D,
    max_positions=P,
    dropout=0.0,
)
GPT_CONFIG = GPTConfig(
    vocab_size=V,
    hidden_size=D,
    num_layers=N,
    num_heads=H,
    feed_forward_size=4 * D,
    max_positions=P,
)
NEAR = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return shaken(GPT2(CONFIG))


@pytest.fixture
def tokens():
    return torch.randint(0, V, (B, T))


def batch_of(tokens: Tensor) -> LanguageBatch:
    return LanguageBatch(tokens[:, :-1], tokens[:, 1:])


def parameters(config: GPTConfig) -> int:
    """Counted without making them."""
    kind = GPT2 if isinstance(config, GPT2Config) else GPT
    with torch.device("meta"):
        return sum(p.numel() for p in kind(config).parameters())


# What it changes in GPT


def test_norms_stand_in_front_and_at_the_end(tokens):
    model = shaken(GPT2(CONFIG)).double()
    words = model.embedding.words.weight
    places = model.embedding.places.weight
    for b in range(B):
        x = torch.stack(
            [words[i] + places[t] for t, i in enumerate(tokens[b])]
        )
        for layer in model.layers:
            x = block(layer, x)
        torch.testing.assert_close(model(tokens)[b], model.norm(x) @ words.T)


def block(layer: nn.Module, x: Tensor) -> Tensor:
    """Norm, attention, add; norm, network, add; place after place."""
    attention, network = layer.attention, layer.feed_forward
    read = layer.around_attention.norm(x)
    changes = []
    for t in range(len(x)):
        query = attention.to_query(read[t])
        heads = []
        for h in range(H):
            part = slice(h * K, (h + 1) * K)
            keys = attention.to_key(read[: t + 1])[:, part]
            values = attention.to_value(read[: t + 1])[:, part]
            weights = (keys @ query[part] / math.sqrt(K)).softmax(0)
            heads.append(weights @ values)
        changes.append(attention.to_output(torch.cat(heads)))
    n = x + torch.stack(changes)
    read = layer.around_feed_forward.norm(n)
    return n + network.narrow(gelu(network.widen(read)))


@pytest.mark.parametrize(("layers", "scaled"), [(2, True), (7, True), (7, 0)])
def test_what_adds_to_the_residual_stream_starts_smaller(layers, scaled):
    config = replace(
        TINY, vocab_size=499, num_layers=layers, scaled=bool(scaled)
    )
    model = GPT2(replace(config, max_positions=499))
    small = 0.07 / math.sqrt(2 * layers) if scaled else 0.07
    for layer in model.layers:
        attention, network = layer.attention, layer.feed_forward
        for last in attention.to_output, network.narrow:
            assert last.weight.std().item() == pytest.approx(small, rel=0.1)
        for other in attention.to_query, attention.to_key, network.widen:
            assert other.weight.std().item() == pytest.approx(0.07, rel=0.1)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            assert not part.bias.any()
    words, places = model.embedding.words, model.embedding.places
    assert words.weight.std().item() == pytest.approx(0.15, rel=0.05)
    assert places.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_scaled_weights_keep_the_residual_stream_as_it_was():
    # Every sub-layer adds as much variance: without the factor, N as much.
    def growth(layers, scaled):
        config = replace(TINY, vocab_size=V, num_layers=layers, scaled=scaled)
        model, seen = GPT2(replace(config, dropout=0.0)), []
        model.norm.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].var())
        )
        tokens = torch.randint(0, V, (B, T))
        model(tokens)
        return (seen[0] / model.embedding(tokens).var() - 1).item()

    scaled = [growth(layers, True) for layers in (2, 16)]
    plain = [growth(layers, False) for layers in (2, 16)]
    assert 0.5 < scaled[1] / scaled[0] < 2
    assert plain[1] / plain[0] > 4


@pytest.mark.parametrize("pad_id", [-1, 0, 3])
def test_no_loss_counts_padding(tokens, pad_id):
    model = GPT2(replace(CONFIG, pad_id=pad_id))
    told = tokens[:, 1:].flatten()
    losses = F.cross_entropy(
        model(tokens[:, :-1]).flatten(0, 1), told, reduction="none"
    )
    assert {0, 3} <= set(told.tolist())
    torch.testing.assert_close(
        model.loss(batch_of(tokens)), losses[told != pad_id].mean()
    )


# Sizes


def test_the_sizes_are_those_of_the_published_models():
    counts = {name: parameters(config) for name, config in SIZES.items()}
    assert counts == {
        "124M": 124_439_808,
        "355M": 354_823_168,
        "774M": 774_030_080,
        "1558M": 1_557_611_200,
    }
    for name, count in counts.items():
        assert round(count / 1e6) == int(name.removesuffix("M"))
    with torch.device("meta"):
        theirs = GPT2Model(TheirConfig())
    assert sum(p.numel() for p in theirs.parameters()) == counts["124M"]
    assert SIZES["124M"] == GPT2Config()


def test_table_2_counted_with_the_vocabulary_of_gpt():
    # All four numbers that the authors took back come out like this.
    table = (117, 345, 762, 1542)
    for size, config in zip(table, SIZES.values(), strict=True):
        old = replace(config, vocab_size=GPTConfig().vocab_size)
        assert round(parameters(old) / 1e6) == size


# Parity with transformers


def reference(kind: type = GPT2LMHeadModel) -> nn.Module:
    """Their model, small, with random weights everywhere."""
    config = TheirConfig(
        vocab_size=V,
        n_positions=P,
        n_embd=D,
        n_layer=N,
        n_head=H,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
    )
    return shaken(kind(config)).eval()


@pytest.mark.parametrize("kind", [GPT2Model, GPT2LMHeadModel])
def test_published_names_load_and_give_the_same(kind, tokens):
    theirs, ours = reference(kind), GPT2(CONFIG)
    load_published(ours, theirs.state_dict())
    out = theirs(tokens, output_attentions=True, output_hidden_states=True)
    torch.testing.assert_close(
        ours.hidden(tokens), out.hidden_states[-1], **NEAR
    )
    torch.testing.assert_close(
        ours.attention(tokens), torch.stack(out.attentions, dim=1), **NEAR
    )
    if kind is GPT2LMHeadModel:
        torch.testing.assert_close(ours(tokens), out.logits, **NEAR)


def test_the_loss_and_its_gradients_are_theirs(tokens):
    theirs, ours = reference(), GPT2(CONFIG)
    load_published(ours, theirs.state_dict())
    loss = ours.loss(batch_of(tokens))
    their_loss = theirs(tokens, labels=tokens).loss
    torch.testing.assert_close(loss, their_loss, **NEAR)
    loss.backward()
    their_loss.backward()
    gradients = GPT2(CONFIG)
    load_published(
        gradients,
        {
            name: parameter.grad
            for name, parameter in theirs.named_parameters()
        },
    )
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad, gradients.get_parameter(name).detach(), **NEAR
        )


def test_what_is_generated_is_what_theirs_generates(tokens):
    theirs, ours = reference(), GPT2(CONFIG)
    load_published(ours, theirs.state_dict())
    written = theirs.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=P - T,
        do_sample=False,
        pad_token_id=0,
    )
    assert torch.equal(generate(ours, tokens, P - T), written)


def test_masks_in_an_old_file_are_left_out():
    state = reference().state_dict()
    state["transformer.h.0.attn.bias"] = torch.ones(1, 1, T, T)
    state["transformer.h.0.attn.masked_bias"] = torch.tensor(-1e4)
    model = GPT2(CONFIG)
    load_published(model, state)
    assert torch.equal(model.embedding.words.weight, state["lm_head.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ln_f.weight": None}, "1 missing .*'norm.weight'"),
        ({"h.1.attn.c_attn.bias": None}, "3 missing .*to_query.bias"),
        ({"h.7.ln_1.weight": (D,)}, "1 unknown .*layers.7"),
        ({"tokens_embed.weight": (V, D)}, "1 unknown .*tokens_embed"),
        ({"wpe.weight": (T, D)}, rf"\({T}, {D}\), expected \({P}"),
        ({"lm_head.weight": (V, D)}, "lm_head.weight is another one"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message):
    state = {
        name.removeprefix("transformer."): weight
        for name, weight in reference().state_dict().items()
    }
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = torch.zeros(shape)
    model = GPT2(CONFIG)
    before = model.embedding.words.weight.clone()
    with pytest.raises(ValueError, match=message):
        load_published(model, state)
    torch.testing.assert_close(model.embedding.words.weight, before)


# The language model


def test_no_word_sees_a_later_one(model, tokens):
    assert checks.no_look_ahead(model, tokens, V)


def test_neighbours_change_nothing(model, tokens):
    assert checks.batched_equals_one_by_one(model, tokens)


def test_attention_is_a_distribution_over_the_past(model, tokens):
    weights = model.attention(tokens)
    assert weights.shape == (B, N, H, T, T)
    assert checks.is_distribution(weights, causal_mask(T))


def test_every_parameter_learns(tokens):
    model = GPT2(replace(CONFIG, max_positions=T - 1))

    def loss():
        return model.loss(batch_of(tokens))

    assert checks.every_parameter_learns(model, loss)
    assert checks.starts_near_uniform(loss(), V)


def test_a_batch_can_be_learned_by_heart(tokens):
    model = GPT2(CONFIG)
    tokens[:, 0] = torch.arange(B)  # the first word tells which text
    assert checks.can_overfit(model, lambda: model.loss(batch_of(tokens)))


def test_new_words_make_a_model_of_the_same_kind(model):
    grown = with_new_words(model, N)
    assert type(grown) is GPT2
    assert grown.config == replace(CONFIG, vocab_size=V + N)


# Generation


def test_the_cache_changes_nothing(model, tokens):
    words = generate(model, tokens, P - T)
    assert torch.equal(generate(model, tokens, P - T, cached=False), words)
    logits, past = model.step(tokens)
    for t in range(T, P):
        torch.testing.assert_close(logits, model(words[:, :t])[:, -1], **NEAR)
        logits, past = model.step(words[:, t : t + 1], past)


def test_the_cache_reads_every_word_once(model, tokens):
    read = {}
    for cached in (True, False):
        read[cached] = []
        hook = model.embedding.register_forward_pre_hook(
            lambda _, inputs, seen=read[cached]: seen.append(
                inputs[0].shape[1]
            )
        )
        generate(model, tokens, 5, cached=cached)
        hook.remove()
    assert read[True] == [T, 1, 1, 1, 1]
    assert read[False] == [T, T + 1, T + 2, T + 3, T + 4]


def test_each_word_is_the_best_after_those_before(model, tokens):
    words = generate(model, tokens, P - T)
    assert torch.equal(words[:, :T], tokens)
    assert words.shape == (B, P)
    best = model(words[:, :-1]).argmax(-1)
    assert torch.equal(words[:, T:], best[:, T - 1 :])


@pytest.mark.parametrize(
    "rule",
    [
        partial(at_temperature, temperature=0.7),
        partial(top_k, k=3),
        partial(nucleus, p=0.7),
        lambda logits: top_k(at_temperature(logits, 2.0), 3),
    ],
)
def test_every_word_is_one_that_the_rule_allows(model, tokens, rule):
    def drawn(seed, cached=True):
        chance = torch.Generator().manual_seed(seed)
        return generate(model, tokens, P - T, rule, chance, cached=cached)

    words = drawn(1)
    allowed = rule(model(words[:, :-1])).isfinite()  # (B, P - 1, V)
    found = allowed.gather(-1, words[:, 1:, None])[:, T - 1 :]
    assert found.all()
    assert torch.equal(drawn(1), words)
    assert torch.equal(drawn(1, cached=False), words)
    assert not torch.equal(drawn(2), words)


def test_one_word_to_choose_from_is_the_best_word(model, tokens):
    words = generate(model, tokens, P - T)
    one = partial(top_k, k=1)
    assert torch.equal(generate(model, tokens, P - T, one), words)


def test_words_are_drawn_as_often_as_the_model_says(model):
    many, first = 9973, torch.randint(0, V, (1, T))
    words = generate(model, first.expand(many, -1), 1, lambda logits: logits)
    shares = model(first)[0, -1].softmax(-1)
    found = torch.bincount(words[:, -1], minlength=V)
    chi_square = ((found - many * shares) ** 2 / (many * shares)).sum()
    assert chi_square < 48.3  # 22 degrees of freedom, 1 in 1,000


def test_behind_its_end_a_text_holds_nothing_else(model, tokens):
    def rule(logits):
        return logits

    chance = torch.Generator().manual_seed(0)
    free = generate(model, tokens, P - T, rule, chance)
    end = int(free[0, T + 2])
    chance.manual_seed(0)
    words = generate(model, tokens, P - T, rule, chance, end=end)
    for b in range(B):
        written = free[b, T:].tolist()
        if end in written:
            stop = written.index(end)
            written[stop:] = [end] * (len(written) - stop)
        assert words[b, T:].tolist() == written[: words.shape[1] - T]


def test_when_all_texts_have_ended_nothing_more_is_written(model, tokens):
    def only_3(logits):
        never = torch.ones_like(logits, dtype=torch.bool)
        never[:, 3] = False
        return logits.masked_fill(never, -math.inf)

    words = generate(model, tokens, P - T, only_3, end=3)
    assert words.shape == (B, T + 1)
    assert generate(model, tokens, P - T, only_3).shape == (B, P)


def test_generating_leaves_the_model_and_its_beginning_alone(tokens):
    model = shaken(GPT2(replace(CONFIG, dropout=0.5)))
    before = tokens.clone()
    words = generate(model, tokens, P - T)
    assert torch.equal(generate(model, tokens, P - T), words)
    assert torch.equal(tokens, before)
    assert model.training
    assert torch.equal(generate(model, tokens, 0), tokens)


def test_gpt_writes_too(tokens):
    gpt = shaken(GPT(GPT_CONFIG))
    words = generate(gpt, tokens, P - T)
    assert torch.equal(generate(gpt, tokens, P - T, cached=False), words)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (-1, f"{T} tokens and -1 more, expected at least 0"),
        (P - T + 1, f"{T} tokens and {P - T + 1} more, .* most {P} together"),
    ],
)
def test_a_text_that_is_too_long_is_refused(model, tokens, count, message):
    with pytest.raises(ValueError, match=message):
        generate(model, tokens, count)


def test_what_is_no_beginning_is_refused(model, tokens):
    with pytest.raises(ValueError, match=r"\(7,\), expected \(B, T\)"):
        generate(model, tokens[0], 1)
    with pytest.raises(ValueError, match="word id 23 is out of range"):
        generate(model, tokens + V, 1)
    with pytest.raises(ValueError, match="num_heads is 5, expected a divisor"):
        GPT2(replace(CONFIG, num_heads=5))
    with pytest.raises(ValueError, match="norm is 'last', expected one of"):
        GPT2(replace(CONFIG, norm="last"))
