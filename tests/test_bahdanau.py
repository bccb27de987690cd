"""RNNsearch: the alignment as a loop, its masks, its bad inputs."""

import pytest
import torch

from reinvent.bahdanau import (
    AdditiveAttention,
    RNNsearch,
    RNNsearchConfig,
    masked_softmax,
)

B, T, S, A, D, E, V = 2, 3, 5, 7, 11, 13, 17
CONFIG = RNNsearchConfig(
    source_vocab_size=19,
    target_vocab_size=V,
    embedding_size=E,
    hidden_size=D,
    alignment_size=A,
    maxout_size=23,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def model():
    return RNNsearch(CONFIG)


@pytest.fixture
def source():
    source = torch.randint(1, 19, (B, S))
    source[1, 3:] = 0
    return source


def test_the_alignment_of_the_appendix_as_a_loop():
    attention = AdditiveAttention(D, 2 * D, A)
    query, memory = torch.randn(B, D), torch.randn(B, S, 2 * D)
    mask = torch.ones(B, S, dtype=torch.bool)
    mask[1, 3:] = False
    context, weights = attention(query, memory, attention.to_key(memory), mask)
    for b in range(B):
        energies = []
        for j in range(S if b == 0 else 3):
            asked = attention.to_query.weight @ query[b]
            asked = asked + attention.to_query.bias
            heard = attention.to_key.weight @ memory[b, j]
            energies.append(
                attention.to_score.weight[0] @ torch.tanh(asked + heard)
            )
        alpha = torch.stack(energies).exp()
        alpha = alpha / alpha.sum()
        torch.testing.assert_close(weights[b, : len(alpha)], alpha)
        expected = sum(a * h for a, h in zip(alpha, memory[b], strict=False))
        torch.testing.assert_close(context[b], expected)


def test_a_mask_that_hides_every_word_is_named():
    mask = torch.tensor([[True, True], [False, False]])
    with pytest.raises(ValueError, match="row 1 hides all 2"):
        masked_softmax(torch.zeros(2, 2), mask)


def test_a_mask_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 2\)"):
        masked_softmax(torch.zeros(2, 3), torch.ones(2, 2).bool())


def test_a_mask_that_is_not_bool_is_named():
    with pytest.raises(ValueError, match="torch.float32, expected torch.bool"):
        masked_softmax(torch.zeros(2, 2), torch.ones(2, 2))


def test_the_decoder_starts_from_the_backward_state_at_the_first_word(
    model, source
):
    memory = model.encoder(source)
    last_word_changed = source.clone()
    last_word_changed[0, -1] = source[0, -1] % 18 + 1
    changed = model.encoder(last_word_changed)
    forward, backward = memory[0, 0].chunk(2)
    torch.testing.assert_close(changed[0, 0].chunk(2)[0], forward)
    assert not torch.allclose(changed[0, 0].chunk(2)[1], backward)
    expected = torch.tanh(model.decoder.to_start(backward))
    torch.testing.assert_close(model.encode(source).hidden[0], expected)


def test_the_weights_of_a_step_do_not_depend_on_the_previous_word(
    model, source
):
    state = model.encode(source)
    one, other = torch.tensor([3, 4]), torch.tensor([5, 6])
    logits, _, weights = model.step(one, state)
    other_logits, _, other_weights = model.step(other, state)
    torch.testing.assert_close(weights, other_weights, rtol=0, atol=0)
    assert not torch.allclose(logits, other_logits)


def test_a_step_of_the_decoder_as_equations(model, source):
    decoder, gru = model.decoder, model.decoder.gru
    state, word = model.encode(source), torch.randn(B, E)
    after, context, weights = decoder.advance(word, state)
    for b in range(B):
        energies = decoder.attention.scores(state.hidden, state.keys)[b]
        alpha = energies[source[b] != 0].softmax(dim=0)
        torch.testing.assert_close(weights[b, : len(alpha)], alpha)
        c = alpha @ state.memory[b, : len(alpha)]
        torch.testing.assert_close(context[b], c)
        s = state.hidden[b]
        x = gru.weight_ih @ torch.cat([word[b], c]) + gru.bias_ih
        h = gru.weight_hh @ s + gru.bias_hh
        r = torch.sigmoid(x[:D] + h[:D])
        keep = torch.sigmoid(x[D : 2 * D] + h[D : 2 * D])
        new = torch.tanh(x[2 * D :] + r * h[2 * D :])
        torch.testing.assert_close(
            after.hidden[b], keep * s + (1 - keep) * new
        )
    for name in ("memory", "keys", "mask"):
        assert getattr(after, name) is getattr(state, name)


def test_the_backward_half_reads_the_reversed_sentence_forward(model, source):
    encoder = model.encoder
    gru = torch.nn.GRU(E, D, batch_first=True)
    for name, _ in gru.named_parameters():
        backward = getattr(encoder.gru, f"{name}_reverse")
        getattr(gru, name).data.copy_(backward)
    half = encoder(source).chunk(2, dim=-1)[1]
    for b, length in enumerate([S, 3]):
        flipped = source[b, :length].flip(0)
        states, _ = gru(encoder.embedding(flipped).unsqueeze(0))
        torch.testing.assert_close(half[b, :length], states[0].flip(0))


def test_annotations_are_0_at_padding_only(model, source):
    memory = model.encoder(source)
    assert memory.shape == (B, S, 2 * D)
    assert torch.equal(memory.any(dim=-1), source != 0)


def test_word_vectors_start_near_a_deviation_of_a_tenth(model):
    for half in (model.encoder, model.decoder):
        deviation = half.embedding.weight.std().item()
        assert deviation == pytest.approx(0.1, rel=0.2)


def test_maxout_keeps_the_larger_of_each_pair(model):
    hidden, embedded = torch.randn(B, D), torch.randn(B, E)
    context = torch.randn(B, 2 * D)
    decoder = model.decoder
    t = decoder.to_maxout(torch.cat([hidden, embedded, context], dim=-1))
    kept = torch.stack(
        [torch.maximum(t[:, 2 * i], t[:, 2 * i + 1]) for i in range(23)],
        dim=-1,
    )
    torch.testing.assert_close(
        decoder.output(hidden, embedded, context), decoder.to_logits(kept)
    )
