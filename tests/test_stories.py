import os

import pytest
from real_data import real_data

from reinvent.toolbox.stories import (
    BabiFormatError,
    Question,
    generate_stories,
    read_babi,
    write_babi,
)
from reinvent.toolbox.world import DROPS, OBJECTS, PLACES, TAKES

STORIES = {facts: generate_stories(211, facts, seed=1) for facts in (1, 2, 3)}


def is_a(words, verbs):
    return words[1] in {verb.split()[0] for verb in verbs} and (
        words[-1] not in PLACES
    )


def follow(statements):
    """Play a story: where people are, and the places of each object."""
    at, holder, path = {}, {}, {thing: [] for thing in OBJECTS}
    for words in statements:
        person = words[0]
        if words[-1] in PLACES:
            assert at.get(person) != words[-1]
            at[person] = words[-1]
            for thing, owner in holder.items():
                if owner == person:
                    path[thing].append(words[-1])
            continue
        thing = next(word for word in words if word in OBJECTS)
        if is_a(words, TAKES):
            assert thing not in holder
            if path[thing]:
                assert path[thing][-1] == at[person]
            else:
                path[thing].append(at[person])
            holder[thing] = person
        else:
            assert is_a(words, DROPS)
            assert holder.pop(thing) == person
    return at, path


def test_playing_a_story_gives_the_answer_to_one_fact():
    for question in STORIES[1]:
        at, _ = follow(question.statements)
        assert at[question.question[-1]] == question.answer


def test_playing_a_story_gives_the_answer_to_two_facts():
    for question in STORIES[2]:
        _, path = follow(question.statements)
        assert path[question.question[-1]][-1] == question.answer


def test_playing_a_story_gives_the_answer_to_three_facts():
    for question in STORIES[3]:
        _, path = follow(question.statements)
        places, named = path[question.question[3]], question.question[-1]
        assert places.count(named) == 1
        assert places[places.index(named) - 1] == question.answer


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_facts_are_as_many_as_asked_and_end_at_the_answer(facts):
    for question in STORIES[facts]:
        assert len(question.facts) == facts == len(set(question.facts))
        told = [question.statements[fact] for fact in question.facts]
        assert told[-1][-1] == question.answer
        assert len({words[0] for words in told}) == 1
        if facts == 3:
            assert told[1][-1] == question.question[-1]
        if facts > 1:
            assert question.question[3] in told[0]


def test_nothing_told_later_undoes_the_facts():
    for question in STORIES[2]:
        event, move = question.facts
        person, thing = question.statements[event][0], question.question[-1]
        verbs = TAKES if event < move else DROPS
        assert is_a(question.statements[event], verbs)
        assert not any(thing in w for w in question.statements[event + 1 :])
        until = None if event < move else event
        for words in question.statements[move + 1 : until]:
            assert words[0] != person or words[-1] not in PLACES


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_story_lengths_stay_in_the_range(facts):
    lengths = {len(question.statements) for question in STORIES[facts]}
    assert 4 <= min(lengths) < max(lengths) == 16
    short = generate_stories(7, facts, seed=2, longest=11)
    assert max(len(question.statements) for question in short) <= 11


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_guessing_the_last_or_most_frequent_place_is_chance(facts):
    last = most = 0
    for question in STORIES[facts]:
        places = [w[-1] for w in question.statements if w[-1] in PLACES]
        last += places[-1] == question.answer
        most += max(places[::-1], key=places.count) == question.answer
    # Chance is 1/6; four standard errors of 211 draws are .10.
    assert last / 211 == pytest.approx(1 / 6, abs=0.1)
    assert most / 211 == pytest.approx(1 / 6, abs=0.1)


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_answers_are_spread_over_all_places(facts):
    answers = [question.answer for question in STORIES[facts]]
    assert set(answers) == set(PLACES)
    assert max(map(answers.count, PLACES)) < 0.3 * len(answers)


def test_the_same_seed_gives_the_same_stories():
    assert generate_stories(13, 2, seed=3) == generate_stories(13, 2, seed=3)
    assert generate_stories(13, 2, seed=3) != generate_stories(13, 2, seed=5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"facts": 4}, "got 4"),
        ({"count": 0}, "count=0"),
        ({"shortest": 3}, "shortest=3"),
        ({"shortest": 13, "longest": 11}, "longest=11"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate_stories(**{"count": 2} | arguments)


@pytest.mark.parametrize("facts", [1, 2, 3])
def test_reading_gives_what_was_written(facts, tmp_path):
    write_babi(STORIES[facts], tmp_path / "stories.txt")
    assert read_babi(tmp_path / "stories.txt") == STORIES[facts]


LINES = [
    "1 Mary moved to the bathroom.",
    "2 Where is Mary? \tbathroom\t1",
    "3 Mary got the milk there.",
    "4 Mary went back to the garden.",
    "5 Where is the milk?\tgarden\t3 4",
    "1 John took the apple.",
    "2 What is John carrying? \tapple,milk\t1",
]


def test_a_story_goes_on_behind_its_questions(tmp_path):
    path = tmp_path / "qa.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    one, two, three = read_babi(path)
    assert one == Question(
        (("Mary", "moved", "to", "the", "bathroom"),),
        ("Where", "is", "Mary"),
        "bathroom",
        (0,),
    )
    assert two.statements[:1] == one.statements
    assert two.statements[1] == ("Mary", "got", "the", "milk", "there")
    assert two.facts == (1, 2)
    assert (three.answer, len(three.statements)) == ("apple,milk", 1)
    write_babi([one, two, three], path)
    written = path.read_text(encoding="utf-8").splitlines()
    assert written == [line.replace("?\t", "? \t") for line in LINES]


@pytest.mark.parametrize(
    "line, broken, expected",
    [
        (1, "Mary moved to the bathroom.", "a number, a space"),
        (1, "2 Mary moved to the bathroom.", "number 1$"),
        (3, "5 Mary got the milk there.", "number 3 or 1"),
        (3, "3 Mary got the milk there", "a statement with one full stop"),
        (3, "3 Mary got. The milk there.", "a statement with one full stop"),
        (3, "", "a number, a space"),
        (5, "5 Where is the milk? garden 3 4", "question\\?, tab, answer"),
        (5, "5 Where is the milk?\tgarden", "question\\?, tab, answer"),
        (5, "5 Where is the milk?\tgarden\tx", "question\\?, tab, answer"),
        (5, "5 Where is the milk\tgarden\t3", "question\\?, tab, answer"),
        (5, "5 Where is the milk?\tgarden\t3 2", "fact 2 to be the number"),
        (5, "5 Where is the milk?\tgarden\t3 7", "fact 7 to be the number"),
        (6, "1 John took \N{REPLACEMENT CHARACTER}", "one full stop"),
        (7, "2 Mary laughed.", "each story to end with a question"),
        (7, "1 Mary laughed.", "each story to end with a question"),
    ],
)
def test_a_broken_line_is_named(line, broken, expected, tmp_path):
    path = tmp_path / "qa.txt"
    lines = [*LINES[: line - 1], broken, *LINES[line:]]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BabiFormatError, match=expected) as caught:
        read_babi(path)
    message = str(caught.value)
    assert str(path) in message
    assert f"line {line}:" in message
    assert repr(broken) in message
    assert isinstance(caught.value, ValueError)


def test_a_story_without_a_question_is_named_where_the_next_begins(tmp_path):
    path = tmp_path / "qa.txt"
    lines = [*LINES[:4], *LINES[5:]]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BabiFormatError, match="line 5: '1 John.*a question"):
        read_babi(path)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "qa.txt").write_bytes(b"")
    with pytest.raises(BabiFormatError, match="end with a question"):
        read_babi(tmp_path / "qa.txt")


STATEMENTS = (("Mary", "slept"),)


@pytest.mark.parametrize(
    "question, message",
    [
        (Question(STATEMENTS, ("Who",), "Mary", (1,)), r"0 to 0; got \(1,\)"),
        (Question(STATEMENTS, ("Who",), "Mary", ()), r"got \(\)"),
        (Question(STATEMENTS, ("Who?",), "Mary", (0,)), r"'Who\?'"),
        (Question(STATEMENTS, (), "Mary", (0,)), "without words"),
        (Question(STATEMENTS, ("Who",), "a b", (0,)), "'a b'"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(question, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_babi([question], tmp_path / "qa.txt")
    assert not list(tmp_path.iterdir())


def test_no_question_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        write_babi([], tmp_path / "qa.txt")


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "qa.txt"
    path.write_text("old", encoding="utf-8")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_babi(STORIES[1], path)
    assert [p.name for p in tmp_path.iterdir()] == ["qa.txt"]
    assert path.read_text(encoding="utf-8") == "old"


OFFICIAL = ("qa1_single-supporting-fact", "qa2_two-supporting-facts")


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", OFFICIAL)
def test_official_files_survive_to_the_byte(name, split, tmp_path):
    path = real_data(f"babi/en/{name}_{split}.txt")
    write_babi(read_babi(path), tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("task", range(1, 21))
def test_all_official_tasks_can_be_read(task, tmp_path):
    folder = real_data("babi/en")
    (path,) = folder.glob(f"qa{task}_*_train.txt")
    questions = read_babi(path)
    assert len(questions) == 1000
    write_babi(questions, tmp_path / "copy.txt")
    assert read_babi(tmp_path / "copy.txt") == questions


def test_official_facts_lead_to_the_answer():
    path = real_data(f"babi/en/{OFFICIAL[1]}_test.txt")
    for question in read_babi(path):
        handled, moved = (question.statements[f] for f in question.facts)
        assert question.question[-1] in handled
        assert moved[-1] == question.answer


def test_generated_words_are_official_words():
    path = real_data("babi/en/qa3_three-supporting-facts_train.txt")
    official = {w for q in read_babi(path) for s in q.statements for w in s}
    ours = {w for q in STORIES[3] for s in q.statements for w in s}
    assert ours <= official
