"""What `make experiments` stores is of one code and of one kind."""

import csv
import json

import pytest

import experiments

RUN = {"sources": "a", "settings": "b", "values": {"x": 0.5}, "seconds": 3.0}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RESULTS", tmp_path)
    return tmp_path


def test_a_table_has_a_row_for_each_seed_and_name(folder):
    experiments.store("02_x", {0: RUN, 1: {**RUN, "values": {"x": 0.7}}})
    with open(folder / "02_x.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["value"]) for row in rows] == [
        ("0", "0.5"),
        ("1", "0.7"),
    ]
    told = json.loads((folder / "02_x.json").read_text(encoding="utf-8"))
    assert told["command"] == "make experiments NAME=02_x"
    assert told["seconds"] == {"0": 3.0, "1": 3.0}
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": "c"}, "seed 1 ran with other code"),
        ({"settings": "c"}, "seed 1 ran with other settings"),
        ({"values": {}}, r"not every seed recorded \['x'\]"),
    ],
)
def test_runs_that_do_not_belong_together_are_not_stored(
    folder, change, message
):
    with pytest.raises(ValueError, match=message):
        experiments.store("02_x", {0: RUN, 1: RUN | change})
    assert list(folder.iterdir()) == []
