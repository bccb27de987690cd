"""Stories become tensors, and bad ones are named."""

import pytest
import torch

from reinvent.toolbox.stories import Question
from reinvent.toolbox.story_batches import (
    StoryBatches,
    check_facts,
    encode_stories,
    story_words,
)


def asked(*statements, facts=(0,)):
    return Question(
        statements=tuple(tuple(text.split()) for text in statements),
        question=("where", "is", "mary"),
        answer="hall",
        facts=facts,
    )


@pytest.fixture
def questions():
    return [
        asked("mary went to the hall"),
        asked("john left", "mary went to the hall", facts=(1,)),
        asked("a", "b", "mary left the hall", facts=(2, 0)),
    ]


def test_every_word_and_answer_has_an_id(questions):
    words = story_words(questions[:1], questions[1:])
    assert {"mary", "where", "hall", "john"} <= set(words.words)


def test_rows_are_padded_and_the_story_is_kept_in_order(questions):
    words = story_words(questions)
    stories = encode_stories(questions, words)
    assert stories.memories.shape == (3, 3, 5)
    assert stories.facts.tolist() == [[0, -1], [1, -1], [2, 0]]
    assert not stories.memories[0, 1:].any()
    told = words.decode(stories.memories[1, 1].tolist())
    assert told == ["mary", "went", "to", "the", "hall"]
    assert words.words[stories.answer[2]] == "hall"


def test_every_question_comes_once_per_epoch(questions):
    stories = encode_stories(questions, story_words(questions))
    batches = StoryBatches(stories, batch_size=1, seed=0)
    firsts = sorted(int(batches(step).facts[0, 0]) for step in range(3))
    assert firsts == [0, 1, 2]
    torch.testing.assert_close(batches(5).memories, batches(5).memories)


def test_every_epoch_and_every_seed_has_its_own_order(questions):
    stories = encode_stories(questions, story_words(questions))

    def order(seed, epoch):
        batches = StoryBatches(stories, batch_size=1, seed=seed)
        steps = range(3 * epoch, 3 * epoch + 3)
        return tuple(int(batches(step).facts[0, 0]) for step in steps)

    assert len({order(0, epoch) for epoch in range(11)}) > 1
    assert len({order(seed, 0) for seed in range(11)}) > 1


def test_what_does_not_fill_a_batch_is_left_out(questions):
    stories = encode_stories(questions, story_words(questions))
    batches = StoryBatches(stories, batch_size=2, seed=0)
    sizes = {len(batches(step).answer) for step in range(5)}
    assert sizes == {2}


def test_facts_that_are_padding_are_too_few(questions):
    stories = encode_stories(questions, story_words(questions))
    check_facts(stories, hops=1)
    with pytest.raises(ValueError, match="story 0 has 1 fact, expected 2"):
        check_facts(stories, hops=2)


def test_a_fact_that_is_no_statement_is_named(questions):
    stories = encode_stories(questions, story_words(questions))
    stories.facts[1, 0] = 2
    message = r"story 1 has fact 2, .*\[0, 1\]"
    with pytest.raises(ValueError, match=message):
        check_facts(stories, hops=1)


def test_bad_stories_are_named(questions):
    words = story_words(questions)
    with pytest.raises(ValueError, match="0 questions"):
        encode_stories([], words)
    with pytest.raises(ValueError, match="story 1 has 0 statements"):
        encode_stories([questions[0], asked()], words)
    with pytest.raises(ValueError, match="zebra"):
        encode_stories([asked("the zebra left")], words)
    with pytest.raises(ValueError, match="batch_size is 4, expected 1 to 3"):
        StoryBatches(encode_stories(questions, words), 4, seed=0)
