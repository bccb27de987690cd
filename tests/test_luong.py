"""Luong's attention: scores and windows as loops, feeding, bad inputs."""

from dataclasses import replace

import pytest
import torch

from reinvent import bahdanau
from reinvent.luong import (
    ConcatScore,
    DotScore,
    GeneralScore,
    LocationScore,
    LuongAttention,
    LuongConfig,
    LuongTranslator,
    PredictedCenter,
    gaussian,
)

B, T, S, D, E, V = 2, 5, 7, 11, 13, 17
SOURCE_WORDS = 19
CONFIG = LuongConfig(
    source_vocab_size=SOURCE_WORDS,
    target_vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    num_layers=3,
    half_width=2,
    max_source_length=23,
)
SCORES = ("dot", "general", "concat", "location")
WINDOWS = ("global", "local-m", "local-p")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def source():
    source = torch.randint(1, SOURCE_WORDS, (B, S))
    source[1, 3:] = 0
    return source


@pytest.fixture
def target():
    return torch.randint(1, V, (B, T))


def make(**switches) -> LuongTranslator:
    return LuongTranslator(replace(CONFIG, **switches))


def loop(score, query, memory):
    """The scores of one sentence, word by word."""
    return torch.stack(
        [torch.stack([score(h_t, h_s) for h_s in memory]) for h_t in query]
    )


def test_the_scores_of_section_3_1_as_loops():
    query, memory = torch.randn(B, T, D), torch.randn(B, S, D)
    general, concat = GeneralScore(D), ConcatScore(D)
    w_a = general.to_key.weight
    both = torch.cat([concat.to_query.weight, concat.to_key.weight], dim=1)
    v_a = concat.to_score.weight[0]
    for module, score in (
        (DotScore(), torch.dot),
        (general, lambda h_t, h_s: h_t @ w_a @ h_s),
        (
            concat,
            lambda h_t, h_s: v_a @ torch.tanh(both @ torch.cat([h_t, h_s])),
        ),
    ):
        for b in range(B):
            torch.testing.assert_close(
                module(query, memory)[b], loop(score, query[b], memory[b])
            )


def test_concat_is_the_additive_score_without_a_bias():
    concat, additive = ConcatScore(D), bahdanau.AdditiveAttention(D, D, D)
    additive.load_state_dict(
        {**concat.state_dict(), "to_query.bias": torch.zeros(D)}
    )
    query, memory = torch.randn(B, 1, D), torch.randn(B, S, D)
    torch.testing.assert_close(
        concat(query, memory)[:, 0],
        additive.scores(query[:, 0], additive.to_key(memory)),
    )


def test_the_location_score_does_not_read_the_source():
    score = LocationScore(D, 23)
    query = torch.randn(B, T, D)
    one, other = score(query, torch.randn(B, S, D)), torch.zeros(B, S, D)
    torch.testing.assert_close(one, score(query, other), rtol=0, atol=0)
    torch.testing.assert_close(
        one[0, 0], (score.to_scores.weight @ query[0, 0])[:S]
    )


def test_the_predicted_center_is_equation_9():
    center = PredictedCenter(D)
    query = torch.randn(B, T, D)
    found = center(query, torch.tensor([S, 3]))
    for b, length in enumerate([S, 3]):
        for t in range(T):
            hidden = torch.tanh(center.to_hidden.weight @ query[b, t])
            share = 1 / (1 + torch.exp(-center.to_share.weight[0] @ hidden))
            torch.testing.assert_close(found[b, t], length * share)


def test_the_gaussian_is_1_in_the_middle_and_known_one_sigma_away():
    factor = gaussian(torch.tensor([0.0, 1.0, -1.0, 2.0]), half_width=2)
    expected = torch.tensor([0.0, -0.5, -0.5, -2.0]).exp()
    torch.testing.assert_close(factor, expected)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("window", WINDOWS)
def test_weights_stay_inside_the_window(source, score, window):
    config = replace(CONFIG, score=score, window=window)
    attention = LuongAttention(config)
    state = make(score=score, window=window).encode(source)
    query = torch.randn(B, T, D)
    context, weights = attention(query, state)
    for b, length in enumerate([S, 3]):
        for t in range(T):
            middle = {"global": 0.0, "local-m": float(min(t, length - 1))}
            if window == "local-p":
                share = attention.center(query, state.mask.sum(dim=1))[b, t]
                middle[window] = min(share.item(), length - 1)
            width = S if window == "global" else CONFIG.half_width
            chosen = [
                s for s in range(length) if abs(s - middle[window]) <= width
            ]
            scores = attention.score(query, state.memory)[b, t, chosen]
            share = scores.exp() / scores.exp().sum()
            if window == "local-p":
                away = torch.tensor([s - middle[window] for s in chosen])
                share = share * torch.exp(-(away**2) / (2 * 1.0**2))
            expected = torch.zeros(S)
            expected[chosen] = share
            torch.testing.assert_close(weights[b, t], expected)
            outside = [s for s in range(S) if s not in chosen]
            assert not weights[b, t, outside].any()
            mixed = sum(weights[b, t, s] * state.memory[b, s] for s in chosen)
            torch.testing.assert_close(context[b, t], mixed)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("input_feeding", [True, False])
def test_steps_equal_teacher_forcing(source, target, window, input_feeding):
    model = make(window=window, input_feeding=input_feeding)
    state, rows = model.encode(source), []
    for tokens in target.unbind(dim=1):
        logits, state, _ = model.step(tokens, state)
        rows.append(logits)
    torch.testing.assert_close(torch.stack(rows, dim=1), model(source, target))
    assert state.position.tolist() == [T, T]


def test_the_query_has_read_the_previous_word(source):
    model = make(window="global")
    state = model.encode(source)
    one = model.step(torch.tensor([3, 4]), state)[2]
    other = model.step(torch.tensor([5, 6]), state)[2]
    assert not torch.equal(one, other)


def test_input_feeding_hands_on_the_attentional_vector(source):
    word = torch.randn(B, 1, E)
    for feeding in (True, False):
        model = make(input_feeding=feeding, window="global")
        state = model.encode(source)
        changed = state._replace(attentional=torch.ones(B, D))
        same = torch.allclose(
            model.decoder.advance(word, state)[0],
            model.decoder.advance(word, changed)[0],
        )
        assert same is not feeding
        assert model.decoder.lstm.input_size == E + D * feeding


def test_the_attentional_vector_is_equation_5():
    decoder = make().decoder
    query, context = torch.randn(B, T, D), torch.randn(B, T, D)
    w_c = decoder.to_attentional.weight
    expected = torch.tanh(w_c @ torch.cat([context[1, 2], query[1, 2]]))
    torch.testing.assert_close(
        decoder.attentional(query, context)[1, 2], expected
    )


def test_the_encoder_reads_the_reversed_source(source):
    encoder = make().encoder
    memory, hidden, cell = encoder(source)
    for b, length in enumerate([S, 3]):
        flipped = encoder.embedding(source[b, :length].flip(0))
        states, last = encoder.lstm(flipped.unsqueeze(0))
        torch.testing.assert_close(memory[b, :length], states[0].flip(0))
        assert not memory[b, length:].any()
        for mine, right in zip((hidden, cell), last, strict=True):
            torch.testing.assert_close(mine[b], right[:, 0])


@pytest.mark.parametrize(
    ("switch", "value"),
    [("score", "cosine"), ("window", "local"), ("half_width", 0)],
)
def test_an_unknown_switch_is_named(switch, value):
    with pytest.raises(ValueError, match=f"{switch} is {value!r}, expected"):
        make(**{switch: value})


def test_a_source_longer_than_the_location_score_is_named():
    model = make(score="location")
    source = torch.ones(1, 29, dtype=torch.long)
    with pytest.raises(ValueError, match="29 tokens.* 23 positions"):
        model(source, torch.ones(1, T, dtype=torch.long))
