"""Memory networks: equations as loops, the paper's loop, bad stories."""

import pytest
import torch
from torch.nn import functional as F

from reinvent.memory_networks import (
    ASKED,
    FOUND,
    SCORED,
    MemoryNetwork,
    MemoryNetworkConfig,
    answer_loss,
    bag_of_words,
    features,
    keep_the_winner,
    ranking_loss,
    time_features,
)
from reinvent.toolbox import checks
from reinvent.toolbox.story_batches import StoryBatch

B, M, L, D, V = 2, 5, 3, 7, 11


def config(**changes):
    sizes = {"vocab_size": V, "embedding_size": D}
    return MemoryNetworkConfig(**{**sizes, **changes})


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def story():
    memories = torch.randint(1, V, (B, M, L))
    memories[1, 3:] = 0
    return StoryBatch(
        memories=memories,
        question=torch.randint(1, V, (B, L)),
        answer=torch.tensor([4, 9]),
        facts=torch.tensor([[0, 3], [2, 1]]),
    )


def test_a_bag_counts_words_and_not_padding():
    bag = bag_of_words(torch.tensor([3, 1, 3, 0]), 5)
    assert bag.tolist() == [0, 1, 0, 2, 0]


@pytest.mark.parametrize("wrong", [-1, 7])
def test_a_word_outside_the_vocabulary_is_named(wrong):
    with pytest.raises(ValueError, match=rf"id {wrong} .* ids 0 to 4"):
        bag_of_words(torch.tensor([1, wrong]), 5)


def test_a_bag_of_nothing_is_named():
    with pytest.raises(ValueError, match=r"shape is \(2, 0\)"):
        bag_of_words(torch.zeros(2, 0, dtype=torch.long), 5)


def test_each_role_has_its_own_copy_of_the_vocabulary():
    bag = torch.tensor([0.0, 1.0, 2.0])
    rows = [features(bag, role).tolist() for role in (SCORED, ASKED, FOUND)]
    assert rows == [
        [0, 1, 2, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 2, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1, 2],
    ]


def test_equation_10_as_a_loop(story):
    model = MemoryNetwork(config())
    memory = model.write(story.memories)
    question = bag_of_words(story.question, V)
    asking = torch.stack(
        [features(question, ASKED), features(memory[:, 1], FOUND)], dim=1
    )
    when = torch.tensor([[M, 1]] * B)
    scores = model.pair_scores(asking, when, memory)
    matrix = torch.cat([model.look_up.weight, model.time.weight], dim=1)
    for b in range(B):
        for y in range(M):
            for other in range(M):
                total = 0.0
                for x, x_time in zip(asking[b], when[b].tolist(), strict=True):
                    phi_x = torch.cat([x, torch.zeros(3)])
                    difference = features(memory[b, y], SCORED) - features(
                        memory[b, other], SCORED
                    )
                    third = 1 if y < other else -1
                    older = torch.tensor([x_time < y, x_time < other, third])
                    phi = torch.cat([difference, older.float()])
                    total += (matrix @ phi_x) @ (matrix @ phi)
                torch.testing.assert_close(scores[b, y, other], total)


def test_without_time_the_winner_is_the_arg_max_of_equation_5(story):
    model = MemoryNetwork(config(use_time=False))
    memory = model.write(story.memories)
    question = bag_of_words(story.question, V)
    query = model.look_up(features(question, ASKED))
    key = model.look_up(features(memory, SCORED))
    score = (key @ query.unsqueeze(-1)).squeeze(-1)
    score = score.masked_fill(memory.sum(dim=2) == 0, -torch.inf)
    found = model(story.memories, story.question).found
    assert found[:, 0].tolist() == score.argmax(dim=1).tolist()


def test_the_loop_keeps_the_winner_of_each_pair():
    prefers = torch.tensor([[[0.0, 1.0, -1.0], [-1.0, 0.0, 9.0], [1, -9, 0]]])
    present = torch.ones(1, 3, dtype=torch.bool)
    assert keep_the_winner(prefers, present).tolist() == [2]
    present[0, 2] = False
    assert keep_the_winner(prefers, present).tolist() == [0]


def test_an_empty_slot_never_wins():
    for _ in range(20):
        present = torch.rand(B, M) < 0.5
        present[0, 0], present[:, 3] = False, True
        winner = keep_the_winner(torch.randn(B, M, M), present)
        assert present[torch.arange(B), winner].all()


def test_time_features_say_who_is_older():
    older = time_features(torch.tensor([[1]]), torch.tensor([[0, 1, 2]]))
    assert older.shape == (1, 1, 3, 3, 3)
    assert older[0, 0, 0, 2].tolist() == [0, 1, 1]
    assert older[0, 0, 2, 0].tolist() == [1, 0, -1]


def test_the_question_is_newer_than_every_memory():
    older = time_features(torch.tensor([[M]]), torch.arange(M).expand(1, M))
    assert not older[..., :2].any()


@pytest.mark.parametrize("use_time", [True, False])
def test_with_time_alone_the_order_of_two_statements_matters(story, use_time):
    model = MemoryNetwork(config(hops=1, use_time=use_time))
    question = story.question[:1]
    if use_time:
        query = model.look_up(features(bag_of_words(question, V), ASKED))[0]
        # The third feature is -1 where y is newer: the newer one wins.
        model.time.weight.data[:, 2] = -100 * query
    memories = torch.tensor([[[3, 4, 5], [3, 4, 6]]])
    winners = [
        told[0, model(told, question).found[0, 0]].tolist()
        for told in (memories, memories.flip(1))
    ]
    if use_time:
        assert winners == [[3, 4, 6], [3, 4, 5]]
    else:
        assert winners[0] == winners[1]


def test_margins_as_loops():
    scores = torch.randn(B, M, M)
    right = torch.tensor([1, 0])
    present = torch.ones(B, M, dtype=torch.bool)
    present[1, 3:] = False
    total = 0.0
    for b in range(B):
        for m in range(M):
            if m != right[b] and present[b, m]:
                total += max(0.0, 0.1 - scores[b, right[b], m])
                total += max(0.0, 0.1 + scores[b, m, right[b]])
    loss = ranking_loss(scores, right, present, 0.1)
    torch.testing.assert_close(loss, torch.as_tensor(total / B))
    words, answer = torch.randn(B, V), torch.tensor([4, 9])
    total = 0.0
    for b in range(B):
        for w in range(V):
            if w != answer[b]:
                total += max(0.0, 0.1 - words[b, answer[b]] + words[b, w])
    loss = answer_loss(words, answer, 0.1)
    torch.testing.assert_close(loss, torch.as_tensor(total / B))


@pytest.mark.parametrize("use_time", [True, False])
def test_more_empty_slots_change_nothing(story, use_time):
    model = MemoryNetwork(config(use_time=use_time))
    longer = torch.nn.functional.pad(story.memories, (0, 2, 0, 4))
    before = model(story.memories, story.question)
    after = model(longer, story.question)
    assert before.found.tolist() == after.found.tolist()
    torch.testing.assert_close(before.scores, after.scores)


def test_equation_4_as_a_loop(story):
    model = MemoryNetwork(config())
    memory = model.write(story.memories)
    question = bag_of_words(story.question, V)
    _, found, asking = model.look(memory, question)
    scores = model.answer_scores(asking)
    matrix = model.respond.weight
    for b in range(B):
        phi_x = features(question[b], ASKED)
        for hop in range(2):
            phi_x = phi_x + features(memory[b, found[b, hop]], FOUND)
        for word in range(V):
            phi_w = features(F.one_hot(torch.tensor(word), V).float(), SCORED)
            expected = (matrix @ phi_x) @ (matrix @ phi_w)
            torch.testing.assert_close(scores[b, word], expected)


def test_the_loss_is_that_of_every_hop_and_of_the_answer(story):
    model = MemoryNetwork(config())
    memory = model.write(story.memories)
    question = bag_of_words(story.question, V)
    scores, _, asking = model.look(memory, question, story.facts)
    present = story.memories[:, :, 0] > 0
    expected = (
        ranking_loss(scores[0], story.facts[:, 0], present, 0.1)
        + ranking_loss(scores[1], story.facts[:, 1], present, 0.1)
        + answer_loss(model.answer_scores(asking), story.answer, 0.1)
    )
    torch.testing.assert_close(model.loss(story), expected)


def test_the_question_is_newest_and_what_was_found_has_its_own_time(story):
    model = MemoryNetwork(config())
    memory = model.write(story.memories)
    question = bag_of_words(story.question, V)
    scores, found, asking = model.look(memory, question)
    newest = torch.full((B, 1), M)
    both = torch.cat([newest, found[:, :1]], dim=1)
    for hop, when in enumerate((newest, both)):
        expected = model.pair_scores(asking[:, : hop + 1], when, memory)
        torch.testing.assert_close(scores[hop], expected)


def test_in_training_hop_2_follows_the_label_and_else_its_own_choice(story):
    model = MemoryNetwork(config())
    memory = model.write(story.memories)
    question = bag_of_words(story.question, V)
    _, found, asking = model.look(memory, question)
    labels = story.facts.clone()
    labels[:, 0] = (found[:, 0] + 1) % 3
    _, _, taught = model.look(memory, question, labels)
    rows = torch.arange(B)
    torch.testing.assert_close(
        asking[:, 1], features(memory[rows, found[:, 0]], FOUND)
    )
    torch.testing.assert_close(
        taught[:, 1], features(memory[rows, labels[:, 0]], FOUND)
    )


@pytest.mark.parametrize(
    "changes", [{"use_time": False}, {"hops": 1}, {"hops": 3}]
)
def test_every_parameter_learns_with_other_switches(story, changes):
    model = MemoryNetwork(config(**changes))
    three = torch.cat([story.facts, story.facts[:, :1]], dim=1)
    story = story._replace(facts=three)
    assert checks.every_parameter_learns(model, lambda: model.loss(story))


def test_every_parameter_learns_and_one_batch_is_learned(story):
    model = MemoryNetwork(config())

    def loss():
        return model.loss(story)

    assert checks.every_parameter_learns(model, loss)
    assert checks.can_overfit(model, loss, below=1e-3)
    reply = model(story.memories, story.question)
    assert reply.found.tolist() == story.facts.tolist()
    assert reply.scores.argmax(dim=1).tolist() == story.answer.tolist()


def test_in_a_batch_as_alone(story):
    model = MemoryNetwork(config())
    together = model(story.memories, story.question).scores
    for b in range(B):
        alone = model(story.memories[b : b + 1], story.question[b : b + 1])
        torch.testing.assert_close(alone.scores[0], together[b])


def test_bad_stories_are_named(story):
    model = MemoryNetwork(config())
    with pytest.raises(ValueError, match="2 stories and 1 questions"):
        model(story.memories, story.question[:1])
    with pytest.raises(ValueError, match="story 1 has 0 statements"):
        model(
            torch.cat(
                [story.memories[:1], torch.zeros_like(story.memories[1:])]
            ),
            story.question,
        )
    empty = story.question * torch.tensor([[1], [0]])
    with pytest.raises(ValueError, match="question 1 has 0 words"):
        model(story.memories, empty)
    with pytest.raises(ValueError, match="question 1 has 0 words"):
        model.loss(story._replace(question=empty))


def test_bad_facts_are_named(story):
    model = MemoryNetwork(config())
    with pytest.raises(ValueError, match="story 0 has 1 fact, expected 2"):
        model.loss(story._replace(facts=story.facts[:, :1]))
    for facts, message in [
        ([[0, 3], [2, -1]], "story 1 has 1 fact, expected 2"),
        ([[0, 3], [-1, -1]], "story 1 has 0 facts, expected 2"),
        ([[0, M], [2, 1]], f"story 0 has fact {M}, expected"),
        ([[0, 3], [2, 4]], r"story 1 has fact 4, .*\[0, 1, 2\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.loss(story._replace(facts=torch.tensor(facts)))
