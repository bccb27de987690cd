"""Recorded numbers meet those that were stored, or say why they do not."""

import json

import pytest

from reinvent.toolbox import results
from reinvent.toolbox.results import Interval, Results


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDERS", (tmp_path,))
    monkeypatch.delenv("REINVENT_RECORDS", raising=False)
    return tmp_path


def store(folder, settings):
    rows = [f"{settings},{seed},bleu,{70 + seed}" for seed in range(3)]
    text = "\n".join(["settings,seed,name,value", *rows])
    (folder / "02_x.csv").write_text(text + "\n")


def test_stored_seeds_become_an_interval(folder):
    chapter = Results("02_x", {"steps": 5})
    store(folder, chapter.settings)
    assert chapter.stored() == {"bleu": Interval(70.0, 71.0, 72.0, 3)}


def test_a_chapter_that_was_never_stored_has_no_intervals(folder):
    assert Results("02_x", {}).stored() == {}


def test_stored_results_of_other_settings_are_not_shown(folder, capsys):
    store(folder, "000000000000")
    assert Results("02_x", {"steps": 5}).stored() == {}
    assert "make experiments" in capsys.readouterr().out


def test_the_fingerprint_changes_with_any_setting():
    assert results.fingerprint({"a": 1, "b": 2}) == results.fingerprint(
        {"b": 2, "a": 1}
    )
    assert results.fingerprint({"a": 1}) != results.fingerprint({"a": 2})


def test_experiments_get_every_number_as_a_line(folder, monkeypatch):
    path = folder / "records.jsonl"
    monkeypatch.setenv("REINVENT_RECORDS", str(path))
    chapter = Results("02_x", {"steps": 5})
    assert chapter.record("bleu", 70.5) == 70.5
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"settings": chapter.settings},
        {"name": "bleu", "value": 70.5},
    ]


def test_a_name_is_recorded_once(folder):
    chapter = Results("02_x", {})
    chapter.record("bleu", 1.0)
    with pytest.raises(ValueError, match="'bleu'"):
        chapter.record("bleu", 2.0)


def test_the_seed_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv("REINVENT_SEED", raising=False)
    assert results.seed() == 0
    monkeypatch.setenv("REINVENT_SEED", "3")
    assert results.seed() == 3
    monkeypatch.setenv("REINVENT_SEED", "three")
    with pytest.raises(ValueError, match="'three'"):
        results.seed()
