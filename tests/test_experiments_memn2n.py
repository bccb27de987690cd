"""The command that fills the bAbI table: restarts, rows, going on."""

import csv
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))

import babi_end_to_end as babi  # noqa: E402

from reinvent.memn2n import LAYER_WISE, MemN2N  # noqa: E402
from reinvent.toolbox.stories import (  # noqa: E402
    generate_stories,
    write_babi,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two small tasks, and trainings of two epochs."""
    short = babi.Recipe(embedding_size=5, linear_epochs=1, epochs=1, halve=1)
    monkeypatch.setattr(babi, "ONE_TASK", short)
    monkeypatch.setattr(babi, "ALL_TASKS", short)
    for task in (1, 2):
        for part, seed in (("train", 0), ("test", 1)):
            told = generate_stories(40, facts=task, seed=seed)
            write_babi(told, tmp_path / f"qa{task}_x_{part}.txt")
    return tmp_path


def setting(name="PE LS RN", hops=2, restarts=3):
    return babi.Setting(name=name, hops=hops, seed=0, restarts=restarts)


def command(monkeypatch, folder, *words):
    """Runs the command line and returns the table."""
    table = folder / "table.csv"
    arguments = ["--data", str(folder), "--output", str(table), *words]
    monkeypatch.setattr(sys, "argv", ["babi_end_to_end.py", *arguments])
    babi.main()
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_setting_says_what_its_name_says():
    assert setting("BoW").config(7).position_encoding is False
    plain = setting("PE").config(7)
    assert (plain.noise, plain.position_scale, plain.hops) == (0.0, 2.0, 2)
    assert setting("PE RN").config(7).noise == 0.1
    assert setting("PE LW").config(7).tying == LAYER_WISE
    assert setting("PE").config(7).embedding_size == 20
    assert setting("PE joint").config(7).embedding_size == 50


@pytest.mark.parametrize("name", ["", "LS", "PE SL", "pe"])
def test_a_setting_that_is_none_is_named(name):
    with pytest.raises(ValueError, match=f"setting '{name}': expected BoW or"):
        setting(name)


def test_restarts_side_by_side_are_trainings_one_by_one(folder):
    stories = babi.load(folder, [2], seed=0).learned
    data = babi.take(stories, slice(0, 8))
    config = setting("PE LS", restarts=2).config(50)
    together = babi.Restarts(config, 2, seed=0)
    for number in range(2):
        alone = MemN2N(config)
        alone.load_state_dict(
            {name: w[number] for name, w in together.weights.items()}
        )
        for linear in (True, False):
            alone.linear = together.shape.linear = linear
            logits = alone(data.memories, data.question).logits
            losses, wrong = together.losses(data)
            expected = F.cross_entropy(logits, data.answer, reduction="none")
            torch.testing.assert_close(losses[number], expected)
            right = logits.argmax(dim=1) == data.answer
            assert wrong[number].equal(~right)
    before = {name: w.clone() for name, w in together.weights.items()}
    logits = alone(data.memories, data.question).logits
    F.cross_entropy(logits, data.answer, reduction="sum").backward()
    together.step(data, rate=0.5)
    for name, weight in alone.named_parameters():
        step = before[name][1] - together.weights[name][1]
        torch.testing.assert_close(step, 0.5 * weight.grad)


def test_a_large_gradient_is_cut_for_each_matrix_and_restart(
    folder, monkeypatch
):
    monkeypatch.setattr(babi, "LARGEST_NORM", 1e-3)
    stories = babi.load(folder, [1], seed=0).learned
    networks = babi.Restarts(setting("PE").config(50), 3, seed=0)
    before = {name: w.clone() for name, w in networks.weights.items()}
    networks.step(stories, rate=1.0)
    for name, weight in networks.weights.items():
        moved = (weight - before[name]).flatten(1).norm(dim=1)
        torch.testing.assert_close(moved, torch.full((3,), 1e-3))


def test_a_tenth_is_held_out_and_stories_keep_their_last_statements(folder):
    data = babi.load(folder, [1, 2], seed=0)
    assert len(data.learned.answer) == 72
    assert len(data.valid.answer) == 8
    assert [len(test.answer) for test in data.tests] == [40, 40]
    long = generate_stories(30, facts=1, seed=0, shortest=60, longest=60)
    write_babi(long, folder / "qa1_x_train.txt")
    data = babi.load(folder, [1], seed=0)
    assert data.learned.memories.shape[1] == babi.MEMORY_SIZE


def test_the_table_has_a_row_for_each_task_and_grows(folder, monkeypatch):
    words = ["--restarts", "2", "--hops", "1"]
    tasks = ["--tasks", "1", "2"]
    rows = command(
        monkeypatch, folder, *words, "--settings", "PE", "--tasks", "1"
    )
    assert [(row["setting"], row["task"]) for row in rows] == [("PE", "1")]
    rows = command(
        monkeypatch, folder, *words, *tasks, "--settings", "PE", "BoW joint"
    )
    assert [(row["setting"], row["task"]) for row in rows] == [
        ("PE", "1"),
        ("PE", "2"),
        ("BoW joint", "1"),
        ("BoW joint", "2"),
    ]
    assert {row["restarts"] for row in rows} == {"1", "2"}
    for row in rows:
        assert 0 <= float(row["error"]) <= 100
        assert int(row["kept"]) < int(row["restarts"])
    monkeypatch.setattr(babi, "run", None)  # everything is there already
    again = command(
        monkeypatch, folder, *words, *tasks, "--settings", "PE", "BoW joint"
    )
    assert again == rows


def test_what_is_finished_is_kept_when_the_command_is_stopped(
    folder, monkeypatch
):
    run = babi.run

    def interrupted(data, tasks, setting):
        if 2 in tasks:
            raise KeyboardInterrupt
        return run(data, tasks, setting)

    words = ["--restarts", "1", "--settings", "PE", "--tasks", "1", "2"]
    monkeypatch.setattr(babi, "run", interrupted)
    with pytest.raises(SystemExit, match="goes on where it was"):
        command(monkeypatch, folder, *words)
    assert not list(folder.glob("*.new"))
    monkeypatch.setattr(babi, "run", run)
    rows = command(monkeypatch, folder, *words)
    assert [row["task"] for row in rows] == ["1", "2"]


def test_after_all_tasks_comes_their_mean_beside_that_of_the_paper(
    folder, monkeypatch
):
    def quick(data, tasks, setting):
        (task,) = tasks
        numbers = {"error": f"{task:.1f}", "seconds": 2}
        return [babi.row_of(setting, task) | numbers]

    monkeypatch.setattr(babi, "run", quick)
    rows = command(monkeypatch, folder, "--settings", "PE LS")
    assert [row["task"] for row in rows] == [*map(str, range(1, 21)), "mean"]
    assert (rows[-1]["error"], rows[-1]["paper"]) == ("10.5", "16.3")
    assert rows[-1]["seconds"] == "40"
    assert command(monkeypatch, folder, "--settings", "PE LS") == rows


def test_rows_of_another_seed_and_other_tables_are_refused(
    folder, monkeypatch
):
    words = ["--settings", "PE", "--tasks", "1"]
    command(monkeypatch, folder, "--restarts", "1", *words)
    with pytest.raises(SystemExit, match="PE with restarts 1, expected 2"):
        command(monkeypatch, folder, "--restarts", "2", *words)
    (folder / "table.csv").write_text("task,seed\n1,0\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="has the columns"):
        command(monkeypatch, folder, *words)


def test_a_task_that_is_not_there_is_named(folder, monkeypatch):
    with pytest.raises(SystemExit, match=r"0 files qa3_\*_train.txt"):
        command(monkeypatch, folder, "--settings", "PE", "--tasks", "3")
