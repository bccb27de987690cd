"""The benchmark: its contests are fair, its table is whole or not there."""

import csv
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))

import bench  # noqa: E402
import bench_memory  # noqa: E402
import bench_models  # noqa: E402
import bench_rounds  # noqa: E402
import bench_tokenizers  # noqa: E402
import bench_writing  # noqa: E402
from bench_models import MODELS, QUICK  # noqa: E402
from bench_rounds import OURS, Contest  # noqa: E402

from reinvent import bert, gpt2  # noqa: E402

LOADS = {"BERT": bert.load_published, "GPT-2": gpt2.load_published}


@pytest.fixture(autouse=True)
def _one_thread():
    yield
    torch.set_num_threads(1)


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Runs the command with a text of some words, and names the table."""

    def start(*words):
        folder = tmp_path / "wikitext-2"
        folder.mkdir(exist_ok=True)
        lines = [f"the dog{i} sees cat{7 * i} .\n" for i in range(97)]
        (folder / "train.raw").write_text("".join(lines), encoding="utf-8")
        table = tmp_path / "table.csv"
        words = ["--data", str(tmp_path), "--output", str(table), *words]
        monkeypatch.setattr(sys, "argv", ["bench.py", *words])
        bench.main()
        return table

    return start


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# The command


def test_the_command_fills_a_table_with_every_contest(start, capsys):
    table = read(start("--quick"))
    assert [*table[0]] == [*bench.COLUMNS]
    for row in table:
        assert "torch 2." in row["versions"] and int(row["cores"]) >= 1
        if not row["ratio"]:
            assert row["against"] == "d2l" and "not installed" in row["note"]
            continue
        low, middle, high = (float(row[n]) for n in ("low", "ratio", "high"))
        assert 0 < low <= middle <= high
        assert int(row["rounds"]) >= 2
        if row["against"] != "tokenizers" and row["against"] != "tiktoken":
            continue
        assert (row["threads"], row["note"]) == ("1", "WikiText-2")
    of_models = {row["what"] for row in table if row["threads"] == "2"}
    assert len(of_models) == 11
    assert {row["what"] for row in table if row["threads"] == "1"} > of_models
    assert f"{table[0]['what']}, tokenizers: " in capsys.readouterr().out


def test_a_run_that_breaks_writes_no_table(start, monkeypatch, tmp_path):
    def breaks(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "models", breaks)
    with pytest.raises(KeyboardInterrupt):
        start("--quick")
    assert not list(tmp_path.glob("table.*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seconds", "-1"], r"--seconds is -1.0, expected at least 0"),
        (["--output", "no/where.csv"], "there is no folder no"),
    ],
)
def test_what_cannot_be_done_is_said(start, capsys, words, message):
    with pytest.raises(SystemExit):
        start(*words)
    assert message in capsys.readouterr().err


# Rounds and ratios


def test_all_work_in_turn_and_every_other_round_goes_backwards():
    done = []
    works = {name: lambda name=name: done.append(name) for name in "abc"}
    times = bench_rounds.timed(works, 0.0, least=3)
    assert "".join(done) == "abccbaabccba"
    assert {name: len(its) for name, its in times.items()} == {
        "a": 3,
        "b": 3,
        "c": 3,
    }


def test_a_contest_goes_on_until_its_time_is_up(monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(bench_rounds.time, "perf_counter", lambda: next(clock))
    times = bench_rounds.timed({OURS: lambda: None}, 20.0, least=2)
    assert times[OURS] == [1.0] * 8  # a round looks three times


def test_a_ratio_is_the_median_over_rounds():
    costs = {OURS: [1.0, 2.0, 4.0], "b": [3.0, 4.0, 4.0]}
    contest = Contest("x", {}, {"b": 1.5}, {"c": "ill"}, "a text")
    row, absent = bench_rounds.rows(contest, costs, 2, "s")
    numbers = [float(row[name]) for name in ("low", "ratio", "high")]
    assert numbers == [1.5, 2.0, 2.5]
    assert (row["ours"], row["theirs"], row["aim"]) == ("2", "4", 1.5)
    assert (row["rounds"], row["unit"], row["note"]) == (3, "s", "a text")
    assert (absent["against"], absent["note"]) == ("c", "ill")


# Models


@pytest.mark.parametrize("family", LOADS)
def test_with_the_same_weights_ours_and_theirs_do_the_same(family):
    ours, theirs = (MODELS[family][n](QUICK) for n in (OURS, "transformers"))
    assert LOADS[family](ours.model, theirs.model.state_dict()) in (None, [])
    for model in (ours.model, theirs.model):
        model.eval()
    torch.testing.assert_close(ours.loss(), theirs.loss())
    torch.testing.assert_close(ours.forward(), theirs.forward())


@pytest.mark.parametrize("family", LOADS)
def test_pytorchs_layers_do_the_same_with_the_same_weights(family):
    ours = MODELS[family][OURS](QUICK)
    other = MODELS[family]["nn.TransformerEncoder"](QUICK)
    other.model.load_state_dict(as_pytorchs(ours.model.state_dict()))
    for model in (ours.model, other.model):
        model.eval()
    torch.testing.assert_close(ours.loss(), other.loss())
    torch.testing.assert_close(ours.forward(), other.forward())


def as_pytorchs(state):
    """Our weights under the names of a model with PyTorch's layers."""
    names = {
        "attention.to_output": "self_attn.out_proj",
        "feed_forward.widen": "linear1",
        "feed_forward.narrow": "linear2",
        "around_attention.norm": "norm1",
        "around_feed_forward.norm": "norm2",
    }
    found, parts = {}, {}
    for name, weight in state.items():
        for our, their in names.items():
            name = name.replace(our, their)
        name = name.replace("layers.0.", "layers.0.encoder.layers.0.")
        body, asks, kind = name.partition("attention.to_")
        if asks:
            _, kind = kind.split(".")
            whole = f"{body}self_attn.in_proj_{kind}"
            parts.setdefault(whole, []).append(weight)
        else:
            found[name] = weight
    return found | {name: torch.cat(its) for name, its in parts.items()}


def test_the_loss_in_parts_is_the_loss():
    ours = MODELS["GPT-2"][OURS](QUICK)
    parts = MODELS["GPT-2, loss in parts"][OURS](QUICK)
    parts.model.load_state_dict(ours.model.state_dict())
    for model in (ours.model, parts.model):
        model.eval()
    torch.testing.assert_close(ours.loss(), parts.loss())


@pytest.mark.parametrize("family", MODELS)
def test_steps_make_the_loss_smaller(family):
    for contestant in bench_models.built(family, QUICK)[0].values():
        step = bench_models.training_step(contestant)
        before = contestant.loss().item()
        for _ in range(97):
            step()
        assert contestant.loss().item() < before - 0.01


@pytest.mark.parametrize("rule", ["greedy", "nucleus"])
def test_both_write_as_many_tokens(rule):
    for texts in (1, 3):
        works = bench_writing.writing(QUICK, texts, rule).works
        shape = texts, QUICK.beginning + QUICK.written
        written = [work() for work in works.values()]
        assert all(tokens.shape == shape for tokens in written)
        if rule == "greedy":
            assert torch.equal(*written)


def test_a_library_that_is_not_there_is_named(monkeypatch):
    def missing(size):
        raise ImportError("No module named 'x'")

    monkeypatch.setitem(MODELS["BERT"], "d2l", missing)
    found, absent = bench_models.built("BERT", QUICK)
    assert absent == {"d2l": "not installed: No module named 'x'"}
    assert {OURS, "transformers"} < found.keys()


# Tokenizers


@pytest.mark.parametrize("kind", bench_tokenizers.KINDS, ids=lambda k: k.name)
def test_all_write_the_same_ids(kind):
    lines = bench_tokenizers.real_text(Path("nowhere")).lines[:997]
    text = bench_tokenizers.Text("", lines)
    works = bench_tokenizers.encoding(kind, text, 300).works
    for _ in range(3):
        first, *others = [work() for work in works.values()]
        assert sum(map(len, first)) > 97
        assert all(ids == first for ids in others)


@pytest.mark.parametrize("kind", bench_tokenizers.KINDS, ids=lambda k: k.name)
def test_all_learn_as_many_pieces(kind):
    lines = bench_tokenizers.real_text(Path("nowhere")).lines[:997]
    text = bench_tokenizers.Text("", lines)
    contest = bench_tokenizers.learning(kind, text, 300)
    ours, theirs = (work() for work in contest.works.values())
    assert len(ours) == pytest.approx(theirs.get_vocab_size(), rel=0.01)
    assert f"learning {len(ours):,} pieces, 0.0 MB" in contest.what


def test_the_text_is_taken_from_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("REINVENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    assert bench_tokenizers.real_text().name == "Python's manual"
    for place in ("cache", "data", "given"):
        path = tmp_path / place / "wikitext-2" / "train.raw"
        path.parent.mkdir(parents=True)
        path.write_text(f"{place}\nand more", encoding="utf-8")
        chosen = tmp_path / "given" if place == "given" else None
        text = bench_tokenizers.real_text(chosen)
        assert text == ("WikiText-2", [place, "and more"])


# Memory


def test_memory_is_measured_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(bench_memory, "FAMILIES", ("BERT",))
    asked = []

    def measured(*of):
        asked.append(of)
        return {OURS: 5.0, "transformers": 10.0}[of[1]]

    monkeypatch.setattr(bench_memory, "measured", measured)
    (row,) = bench.memory(2)
    assert asked == [("BERT", OURS), ("BERT", "transformers")] * 2
    assert (row["ratio"], row["unit"]) == ("2.000", "MB")


@pytest.mark.slow
def test_a_step_needs_at_least_its_weights_and_their_optimizer():
    needed = bench_memory.measured("BERT", OURS)
    weights = 11.27e6 * 4 / 1e6  # MB
    assert 4 * weights < needed < 20 * weights


def test_an_unknown_model_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench_memory.py", "GPT-2", "d2l"])
    with pytest.raises(SystemExit):
        bench_memory.main()
    assert "no 'd2l', expected one of" in capsys.readouterr().err
