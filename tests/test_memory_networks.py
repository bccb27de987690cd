"""Memory networks: equations as loops, the paper's loop, bad stories."""

import pytest
import torch

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


def test_a_word_outside_the_vocabulary_is_named():
    with pytest.raises(ValueError, match="id 7 given, expected below 5"):
        bag_of_words(torch.tensor([1, 7]), 5)


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
                    older = [x_time < y, x_time < other, y < other]
                    phi = torch.cat([difference, torch.tensor(older).float()])
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


def test_time_features_say_who_is_older():
    older = time_features(torch.tensor([[1]]), torch.tensor([[0, 1, 2]]))
    assert older.shape == (1, 1, 3, 3, 3)
    assert older[0, 0, 0, 2].tolist() == [0, 1, 1]
    assert older[0, 0, 2, 0].tolist() == [1, 0, 0]


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
    with pytest.raises(ValueError, match="1 facts given, expected 2"):
        model.loss(story._replace(facts=story.facts[:, :1]))
