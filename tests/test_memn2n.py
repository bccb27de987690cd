"""End-to-end memory networks: equations as loops, switches, bad stories."""

import pytest
import torch
from torch.nn import functional as F

from reinvent import memn2n
from reinvent.memn2n import (
    ADJACENT,
    LAYER_WISE,
    LanguageModelConfig,
    MemN2N,
    MemN2NConfig,
    MemN2NLanguageModel,
    ages,
    half_relu,
    look_up,
    position_encoding,
)
from reinvent.toolbox import checks
from reinvent.toolbox.story_batches import StoryBatch

B, M, L, D, V = 2, 7, 3, 5, 11
TYINGS = pytest.mark.parametrize("tying", [ADJACENT, LAYER_WISE])


def config(**changes):
    sizes = {"vocab_size": V, "embedding_size": D, "memory_size": M}
    return MemN2NConfig(**{**sizes, **changes})


def language_config(**changes):
    sizes = {"vocab_size": V, "embedding_size": 2 * D, "memory_size": M}
    return LanguageModelConfig(**{**sizes, "hops": 2, **changes})


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def story():
    memories = torch.randint(1, V, (B, M, L))
    memories[1, 4:] = 0
    memories[0, 2, 1:] = 0
    question = torch.randint(1, V, (B, L))
    question[1, 2] = 0
    return StoryBatch(
        memories=memories,
        question=question,
        answer=torch.tensor([4, 9]),
        facts=torch.full((B, 1), -1),
    )


def encoded(words, table):
    """Position encoding as in section 4.1: one number after the other."""
    ids = [int(word) for word in words if word != 0]
    vector = torch.zeros(D)
    for j, word in enumerate(ids, start=1):
        for k in range(1, D + 1):
            share = j / len(ids)
            weight = (1 - share) - (k / D) * (1 - 2 * share)
            vector[k - 1] += weight * table[word, k - 1]
    return vector


def softmax_with_empty(scores):
    """Shares of M slots; those without a statement have the score 0."""
    filled = torch.stack(scores)
    empty = torch.zeros(M - len(scores))
    return torch.cat([filled, empty]).softmax(0)[: len(scores)]


def test_position_encoding_as_a_loop(story):
    table = torch.randn(V, D)
    vectors = position_encoding(story.memories, table)
    for b in range(B):
        for m in range(M):
            expected = encoded(story.memories[b, m], table)
            torch.testing.assert_close(vectors[b, m], expected)
    assert not vectors[1, 4:].any()


def test_the_order_of_words_counts_with_position_encoding_only(story):
    words = torch.tensor([[3, 4, 5]])
    for position_encoding_on in (True, False):
        model = MemN2N(config(position_encoding=position_encoding_on))
        there = model.encode(words, model.words[0])
        back = model.encode(words.flip(1), model.words[0])
        assert there.allclose(back) == (not position_encoding_on)
    torch.testing.assert_close(
        there, model.words[0](words).sum(dim=1), atol=1e-6, rtol=1e-5
    )


def test_look_up_as_a_loop():
    query = torch.randn(B, D)
    keys, values = torch.randn(B, M, D), torch.randn(B, M, D)
    mask = torch.ones(B, M, dtype=torch.bool)
    mask[1, 3:] = False
    context, weights = look_up(query, keys, values, mask)
    assert checks.is_distribution(weights, mask)
    linear, raw = look_up(query, keys, values, mask, linear=True)
    empty = torch.tensor([0, 2])
    _, fewer = look_up(query, keys, values, mask, empty=empty)
    torch.testing.assert_close(fewer[0], weights[0])
    assert not raw[~mask].any()
    for b in range(B):
        count = int(mask[b].sum())
        scores = [(query[b] @ keys[b, i]).exp() for i in range(count)]
        o, straight = torch.zeros(D), torch.zeros(D)
        for i in range(count):
            p = scores[i] / sum(scores)
            torch.testing.assert_close(weights[b, i], p)
            p_beside_empty = scores[i] / (sum(scores) + empty[b])
            torch.testing.assert_close(fewer[b, i], p_beside_empty)
            o += p * values[b, i]
            straight += scores[i].log() * values[b, i]
        torch.testing.assert_close(context[b], o)
        torch.testing.assert_close(linear[b], straight)


def test_the_last_statement_is_0_memories_old():
    present = torch.tensor([[True] * 4, [True, True, False, False]])
    assert ages(present)[0].tolist() == [3, 2, 1, 0]
    assert ages(present)[1, :2].tolist() == [1, 0]


def test_empty_memories_push_the_older_ones_back():
    present = torch.ones(100, M, dtype=torch.bool)
    aged = ages(present, noise=0.5)
    assert (aged[:, :-1] > aged[:, 1:]).all()
    shift = aged - ages(present)
    assert (shift[:, :-1] >= shift[:, 1:]).all()
    assert shift.min() == 0 and set(shift[:, -1].tolist()) == {0, 1}
    assert abs(shift[:, 0].float().mean() / M - 0.5) < 0.1
    assert ages(present, noise=1.0)[0, 0] == 2 * M - 1


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_adjacent_equations_as_loops(story, hops):
    model = MemN2N(config(hops=hops)).eval()
    reply = model(story.memories, story.question)
    assert reply.weights.shape == (B, hops, M)
    tables = [table.weight for table in model.words]
    times = [table.weight for table in model.times]
    assert len(tables) == len(times) == hops + 1
    for b in range(B):
        told = [s for s in story.memories[b] if s.any()]
        u = encoded(story.question[b], tables[0])
        for hop in range(hops):
            memory = [
                [
                    encoded(s, tables[hop + i])
                    + times[hop + i][len(told) - 1 - place]
                    for place, s in enumerate(told)
                ]
                for i in (0, 1)
            ]
            p = softmax_with_empty([u @ m for m in memory[0]])
            torch.testing.assert_close(reply.weights[b, hop, : len(told)], p)
            u = u + sum(p[i] * c for i, c in enumerate(memory[1]))
        torch.testing.assert_close(reply.logits[b], tables[hops] @ u)


def test_layer_wise_equations_as_loops(story):
    model = MemN2N(config(tying=LAYER_WISE)).eval()
    reply = model(story.memories, story.question)
    assert len(model.words) == len(model.times) == 2
    for b in range(B):
        told = [s for s in story.memories[b] if s.any()]
        u = encoded(story.question[b], model.question.weight)
        m, c = (
            [
                encoded(s, words.weight) + times.weight[len(told) - 1 - place]
                for place, s in enumerate(told)
            ]
            for words, times in zip(model.words, model.times, strict=True)
        )
        for _ in range(3):
            p = softmax_with_empty([u @ key for key in m])
            o = sum(p[i] * c[i] for i in range(len(told)))
            u = model.to_next.weight @ u + o
        expected = model.to_logits.weight @ u
        torch.testing.assert_close(reply.logits[b], expected)


@TYINGS
def test_the_module_is_a_softmax_attention_of_pytorch(story, tying):
    model = MemN2N(config(tying=tying, hops=1)).eval()
    present = (story.memories != 0).any(dim=2)
    keys, values = model.write(story.memories, present)
    table = model.words[0] if tying == ADJACENT else model.question
    query = model.encode(story.question, table)
    context, _ = look_up(query, keys, values, present)
    expected = F.scaled_dot_product_attention(
        query.unsqueeze(1),
        keys,
        values,
        attn_mask=present.unsqueeze(1),
        scale=1.0,
    )
    torch.testing.assert_close(context, expected.squeeze(1))


@TYINGS
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("changes", [{}, {"position_encoding": False}])
def test_padding_is_invisible_and_gets_no_weight(
    story, tying, linear, changes
):
    model = MemN2N(config(tying=tying, **changes)).eval()
    model.linear = linear
    reply = model(story.memories, story.question)
    longer = model(
        F.pad(story.memories, (0, 2, 0, 4)), F.pad(story.question, (0, 2))
    )
    assert not reply.weights[1, :, 4:].any()
    assert not longer.weights[:, :, M:].any()
    torch.testing.assert_close(longer.logits, reply.logits)


def test_weights_are_shares_and_empty_slots_take_theirs(story):
    present = (story.memories != 0).any(dim=2).unsqueeze(1)
    model = MemN2N(config(empty_slots=False)).eval()
    hidden = model(story.memories, story.question).weights
    assert checks.is_distribution(hidden, present)
    seen = MemN2N(config()).eval()
    seen.load_state_dict(model.state_dict())
    weights = seen(story.memories, story.question).weights
    torch.testing.assert_close(weights[0], hidden[0])  # no slot is empty
    assert (weights[1, 0, :4] < hidden[1, 0, :4]).all()
    assert not weights[~present.expand_as(weights)].any()


def test_a_larger_memory_has_more_empty_slots(story):
    shares = [
        MemN2N(config(hops=1, memory_size=size, temporal_encoding=False))
        for size in (M, 100 * M)
    ]
    shares[1].load_state_dict(shares[0].state_dict())
    small, large = (
        model.eval()(story.memories, story.question).weights.sum()
        for model in shares
    )
    assert large < small / 10


def test_the_scale_of_position_encoding_multiplies_a_sentence():
    words = torch.tensor([[3, 4, 5]])
    paper, program = MemN2N(config()), MemN2N(config(position_scale=2.0))
    program.load_state_dict(paper.state_dict())
    torch.testing.assert_close(
        program.encode(words, program.words[0]),
        2 * paper.encode(words, paper.words[0]),
    )


def test_linear_start_removes_the_softmax_and_can_be_switched(story):
    model = MemN2N(config(hops=1, empty_slots=False)).eval()
    shares = model(story.memories, story.question).weights
    model.linear = True
    scores = model(story.memories, story.question).weights
    present = (story.memories != 0).any(dim=2).unsqueeze(1)
    torch.testing.assert_close(
        scores.masked_fill(~present, -torch.inf).softmax(dim=-1), shares
    )
    model.linear = False
    again = model(story.memories, story.question).weights
    torch.testing.assert_close(again, shares)


@pytest.mark.parametrize("temporal", [True, False])
def test_the_order_of_statements_counts_with_temporal_encoding_only(
    story, temporal
):
    model = MemN2N(config(temporal_encoding=temporal)).eval()
    before = model(story.memories[:1], story.question[:1]).logits
    after = model(story.memories[:1].flip(1), story.question[:1]).logits
    assert before.allclose(after, atol=1e-6) == (not temporal)


def test_noise_is_there_in_training_only(story):
    model = MemN2N(config(noise=0.5, memory_size=2 * M))
    noisy = {
        model(story.memories, story.question).logits.sum().item()
        for _ in range(10)
    }
    assert len(noisy) > 1
    model.eval()
    first = model(story.memories, story.question).logits
    second = model(story.memories, story.question).logits
    assert first.equal(second)
    quiet = MemN2N(config(noise=0.0))
    quiet.load_state_dict(MemN2N(config(noise=0.5)).state_dict())
    first = quiet(story.memories, story.question).logits
    assert first.equal(quiet.eval()(story.memories, story.question).logits)


def test_noise_stays_inside_the_table(story):
    model = MemN2N(config(noise=1.0))
    assert model.loss(story).isfinite()


@TYINGS
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"hops": 1},
        {"position_encoding": False},
        {"temporal_encoding": False},
    ],
)
def test_every_parameter_learns(story, tying, changes):
    model = MemN2N(config(tying=tying, **changes))
    for linear in (False, True):
        model.linear = linear
        assert checks.every_parameter_learns(model, lambda: model.loss(story))


@TYINGS
def test_the_loss_starts_near_uniform_and_one_batch_is_learned(story, tying):
    model = MemN2N(config(tying=tying))
    loss = model.loss(story)
    assert checks.starts_near_uniform(loss, V)
    assert checks.can_overfit(model, lambda: model.loss(story), below=1e-2)


def test_in_a_batch_as_alone(story):
    model = MemN2N(config()).eval()
    together = model(story.memories, story.question).logits
    for b in range(B):
        alone = model(story.memories[b : b + 1], story.question[b : b + 1])
        torch.testing.assert_close(alone.logits[0], together[b])


def test_the_labelled_facts_are_not_used(story):
    model = MemN2N(config()).eval()
    other = story._replace(facts=torch.zeros(B, 2, dtype=torch.long))
    assert model.loss(story).equal(model.loss(other))


def test_bad_stories_are_named(story):
    model = MemN2N(config(memory_size=5))
    with pytest.raises(ValueError, match="statement 7 of story 0, but .* 5"):
        model(story.memories, story.question)
    model = MemN2N(config())
    with pytest.raises(ValueError, match="2 stories and 1 questions"):
        model(story.memories, story.question[:1])
    for empty, message in [
        ({"memories": story.memories * 0}, "story 0 has 0 statements"),
        ({"question": story.question * 0}, "question 0 has 0 words"),
        ({"memories": story.memories + V}, r"ids 0 to 10"),
        ({"question": story.question - V}, r"ids 0 to 10"),
        ({"answer": story.answer + V}, r"ids 0 to 10"),
        ({"memories": story.memories[:, :0]}, "expected at least one id"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.loss(story._replace(**empty))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hops": 0}, "hops is 0, expected at least 1"),
        ({"tying": "none"}, "tying is 'none', expected 'adjacent' or"),
        ({"noise": 1.5}, "noise is 1.5, expected 0 to 1"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_bad_settings_of_the_language_model_are_named():
    with pytest.raises(ValueError, match="hops is 0"):
        language_config(hops=0)
    with pytest.raises(ValueError, match="embedding_size is 7, .* even"):
        language_config(embedding_size=7)


def test_the_language_model_as_loops():
    model = MemN2NLanguageModel(language_config())
    words = torch.randint(1, V, (B, M))
    words[1, :2] = 0
    reply = model(words)
    for b in range(B):
        read = [int(word) for word in words[b] if word != 0]
        u = torch.full((2 * D,), 0.1)
        for hop in range(2):
            m, c = (
                [
                    table.weight[word] + times.weight[len(read) - 1 - place]
                    for place, word in enumerate(read)
                ]
                for table, times in (
                    (model.to_key, model.key_times),
                    (model.to_value, model.value_times),
                )
            )
            p = torch.stack([u @ key for key in m]).softmax(0)
            torch.testing.assert_close(reply.weights[b, hop, -len(read) :], p)
            o = sum(p[i] * c[i] for i in range(len(read)))
            u = model.to_next.weight @ u + o
            u = torch.cat([u[:D], u[D:].clamp(min=0)])
        expected = model.to_logits.weight @ u
        torch.testing.assert_close(reply.logits[b], expected)


def test_half_of_the_units_have_a_relu():
    units = torch.tensor([[-1.0, 2.0, -3.0, 4.0]])
    assert half_relu(units).tolist() == [[-1, 2, 0, 4]]


def test_the_language_model_learns_one_batch_with_all_its_parameters():
    model = MemN2NLanguageModel(language_config())
    words, target = torch.randint(1, V, (B, M)), torch.tensor([3, 8])

    def loss():
        return model.loss(words, target)

    assert checks.starts_near_uniform(loss(), V)
    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss)


def test_places_before_the_text_get_no_weight():
    model = MemN2NLanguageModel(language_config(memory_size=M + 2))
    words = torch.randint(1, V, (B, M))
    reply, padded = model(words), model(F.pad(words, (2, 0)))
    assert not padded.weights[:, :, :2].any()
    torch.testing.assert_close(padded.logits, reply.logits)


def test_bad_words_of_the_language_model_are_named():
    model = MemN2NLanguageModel(language_config())
    good = torch.ones(B, M, dtype=torch.long)
    for words, target, message in [
        (torch.ones(B, M + 1), good[:, 0], "8 words given, but .* holds 7"),
        (good + V, good[:, 0], "ids 0 to 10"),
        (good, good[:, 0] * V, "ids 0 to 10"),
        (good * 0, good[:, 0], "hides all 7 positions"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.loss(words.long(), target)


def test_the_defaults_are_those_of_the_paper():
    paper = MemN2NConfig()
    assert (paper.embedding_size, paper.hops, paper.memory_size) == (20, 3, 50)
    for tiny in (memn2n.TINY, memn2n.TINY_LANGUAGE_MODEL):
        assert tiny.hops == 2
