"""The command that trains on Multi30k: files, going on, BLEU, the table."""

import csv
import gzip
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from real_data import real_data
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))

import multi30k  # noqa: E402
import multi30k_files as files  # noqa: E402
from multi30k_translators import TRANSLATORS, Recipe  # noqa: E402

from reinvent.gnmt import GNMT, GNMTConfig  # noqa: E402

LINES = {"train": 23, "val": 5, "test_2016_flickr": 7}
WORDS = {
    "de": "Ein Hund Mann rennt, schläft. Straße",
    "en": "A dog man runs, sleeps. street",
    "fr": "Un chien homme court, dort. l'été",
}
TINY = Recipe(
    GNMT,
    GNMTConfig(
        embedding_size=11,
        hidden_size=7,
        alignment_size=5,
        encoder_layers=2,
        decoder_layers=2,
    ),
)
SHORT = ("--steps", "6", "--batch-size", "3", "--pieces", "59")


def write(path, lines):
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Small files, and a tiny translator with dropout."""
    monkeypatch.setitem(TRANSLATORS, "gnmt", TINY)
    monkeypatch.setattr(multi30k, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(multi30k, "MAX_LENGTH", 5)
    for language, text in WORDS.items():
        words = text.split()
        for part, count in LINES.items():
            lines = [
                " ".join(words[(i * k) % 6] for k in range(1, 3 + i % 5))
                for i in range(count)
            ]
            write(tmp_path / f"{part}.{language}.gz", lines)
    return tmp_path


def start(monkeypatch, folder, *words, runs="runs"):
    """Runs the command line."""
    arguments = ["--data", folder, "--checkpoints", folder / runs]
    arguments += ["--translator", "gnmt", "--device", "cpu", *SHORT, *words]
    monkeypatch.setattr(sys, "argv", ["multi30k.py", *map(str, arguments)])
    multi30k.main()


def command(monkeypatch, folder, *words, runs="runs"):
    """Runs it with a table, and returns the table."""
    table = folder / "table.csv"
    start(monkeypatch, folder, "--output", table, *words, runs=runs)
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def setting(**changed):
    settings = {
        "translator": "gnmt",
        "source": "de",
        "target": "en",
        "pieces": 59,
        "batch_size": 3,
        "steps": 6,
        "seed": 0,
        "beam": 0,
        "alpha": 0.6,
    }
    return multi30k.Setting(**settings | changed)


def weights(folder):
    (path,) = folder.glob("*.best.pt")
    return torch.load(path, weights_only=True)["model"]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_trains_and_gets_its_row(
    folder, monkeypatch, name, capsys
):
    words = ["--translator", name, "--steps", "2", "--beam", "3"]
    (row,) = command(monkeypatch, folder, *words)
    assert (row["translator"], row["from"], row["to"]) == (name, "de", "en")
    assert row["best step"] == row["steps"] == "2"
    for column in multi30k.COLUMNS:
        assert row[column] or column == "tutorials", column
    for column in ("BLEU greedy", "BLEU beam", "BLEU greedy, lower case"):
        assert 0 <= float(row[column]) <= 100
    assert "case:mixed|eff:no|tok:13a" in row["signature"]
    assert "sacrebleu 2." in row["versions"]
    assert f"signature {row['signature']}" in capsys.readouterr().out


@pytest.mark.parametrize("source", files.LANGUAGES)
@pytest.mark.parametrize("target", files.LANGUAGES)
def test_the_pairs_of_every_direction_are_read(folder, source, target):
    if source == target:
        with pytest.raises(ValueError, match="expected two languages"):
            setting(source=source, target=target)
        return
    for part, count in LINES.items():
        texts = files.read_pairs(folder, part, source, target)
        assert len(texts) == count
        for pair in texts:
            for text, language in zip(pair, (source, target), strict=True):
                assert set(text.split()) <= set(WORDS[language].split())


def stopped_after(monkeypatch, steps, error):
    """Lets the training end with an error after these; counts its steps."""
    loss, made = multi30k.translation_loss, []

    def breaking(model, batch, **options):
        if model.training:
            made.append(0)
            if len(made) > steps:
                raise error
        return loss(model, batch, **options)

    monkeypatch.setattr(multi30k, "translation_loss", breaking)
    return made


class Killed(BaseException):
    """Nothing is saved on the way out, as after a kill."""


@pytest.mark.parametrize("steps", range(1, 6))
def test_a_killed_training_ends_as_if_it_had_not_been(
    folder, monkeypatch, steps
):
    # Validation after steps 4, 8 and 11; checkpoints after every second.
    longer = ("--steps", "11", "--batch-size", "6")
    (whole,) = command(monkeypatch, folder, *longer, runs="whole")
    with monkeypatch.context() as patch:
        stopped_after(patch, 2 * steps - 1, Killed)
        with pytest.raises(Killed):
            command(patch, folder, *longer)
    made = stopped_after(monkeypatch, 11, Killed)
    (again,) = command(monkeypatch, folder, *longer)
    assert len(made) == 11 - 2 * (steps - 1)
    for column in set(multi30k.COLUMNS) - {"seconds"}:
        assert again[column] == whole[column], column
    kept, expected = weights(folder / "runs"), weights(folder / "whole")
    for name, weight in expected.items():
        assert kept[name].equal(weight), name


def test_ctrl_c_says_how_to_go_on_and_saves(folder, monkeypatch):
    with monkeypatch.context() as patch:
        stopped_after(patch, 1, KeyboardInterrupt)
        with pytest.raises(SystemExit, match="goes on where it was"):
            start(patch, folder)
    assert not (folder / "table.csv").exists()
    stopped_after(monkeypatch, 5, Killed)  # five of six steps are left
    start(monkeypatch, folder)


def test_a_finished_training_is_only_tested_again(folder, monkeypatch):
    (greedy,) = command(monkeypatch, folder)
    stopped_after(monkeypatch, 0, Killed)
    rows = command(monkeypatch, folder, "--beam", "2", "--alpha", "0.5")
    assert [row["beam"] for row in rows] == ["", "2, alpha 0.5"]
    assert greedy["BLEU beam"] == ""
    assert rows[0] == greedy
    assert rows[1]["BLEU greedy"] == greedy["BLEU greedy"]
    assert rows[1]["seconds"] == greedy["seconds"]


def test_other_texts_settings_or_code_are_another_training(
    folder, monkeypatch, tmp_path
):
    texts = [("a", "b")]
    name = setting().file_name(texts)
    assert setting(beam=5, alpha=1.0).file_name(texts) == name
    code = tmp_path / "changed.py"
    code.write_text("changed")
    others = [
        setting(seed=1).file_name(texts),
        setting(steps=7).file_name(texts),
        setting(source="en", target="de").file_name(texts),
        setting().file_name([("a", "c")]),
    ]
    with monkeypatch.context() as patch:
        patch.setattr("inspect.getfile", lambda model: code)
        others.append(setting().file_name(texts))
    faster = replace(TINY, learning_rate=0.1)
    monkeypatch.setitem(TRANSLATORS, "gnmt", faster)
    others.append(setting().file_name(texts))
    assert len({name, *others}) == 7


def test_the_weights_with_the_lowest_validation_loss_are_kept(
    tmp_path, monkeypatch
):
    losses = iter([0.5, 0.25, 0.75])
    monkeypatch.setattr(
        multi30k, "validation_loss", lambda model, batches: next(losses)
    )
    model = nn.Linear(2, 3)
    best = multi30k.Best(tmp_path / "x.best.pt", [])
    for value in (1.0, 2.0, 3.0):
        nn.init.constant_(model.bias, value)
        best(model)
    multi30k.Best(best.path, []).load(model)
    assert model.bias.tolist() == [2.0] * 3
    assert multi30k.Best(best.path, []).loss == 0.25
    best.path.unlink()
    with pytest.raises(FileNotFoundError, match="x.best.pt is gone; delete"):
        best.load(model)


def test_the_weights_that_are_tested_are_the_best_not_the_last(
    folder, monkeypatch
):
    seen, losses = [], iter([0.5, 0.25, 0.75])

    def loss(model, batches):
        seen.append(model.decoder.to_logits.weight.clone())
        return next(losses)

    def score(model, *_):
        seen.append(model.decoder.to_logits.weight.clone())
        return {"signature": ""}

    monkeypatch.setattr(multi30k, "validation_loss", loss)
    monkeypatch.setattr(multi30k, "score", score)
    # An epoch has 8 batches of 3.
    (row,) = command(monkeypatch, folder, "--steps", "19")
    assert (row["best step"], row["validation loss"]) == ("16", "0.250")
    first, best, last, tested = seen
    assert tested.equal(best)
    assert not tested.equal(first) and not tested.equal(last)


def test_weights_of_a_training_that_was_deleted_are_not_tested(
    folder, monkeypatch
):
    start(monkeypatch, folder)
    (kept,) = (folder / "runs").glob("*.best.pt")
    right = weights(folder / "runs")
    nothing = {"format": multi30k.load_checkpoint(kept, {})["format"]}
    torch.save({**nothing, "fingerprint": {}, "loss": -1.0}, kept)
    kept.with_name(kept.name.replace(".best", "")).unlink()
    start(monkeypatch, folder)
    assert weights(folder / "runs")["decoder.to_logits.weight"].equal(
        right["decoder.to_logits.weight"]
    )


def test_the_validation_loss_is_the_mean_over_all_pieces(folder):
    texts = {
        part: files.read_pairs(folder, part, "de", "en")
        for part in files.PARTS
    }
    pieces = files.learn_pieces(texts["train"], 59, folder)
    task = files.real_task(texts, pieces)
    model = setting().model(len(pieces)).eval()

    def batches(size):
        made = multi30k.TranslationBatches(task.valid, task, size, 0)
        return [made(step) for step in range(made.per_epoch)]

    one_by_one = multi30k.validation_loss(model, batches(1))
    together = multi30k.validation_loss(model, batches(5))
    assert one_by_one == pytest.approx(together, rel=1e-5)


def test_sentences_come_back_from_their_pieces(folder):
    texts = files.read_pairs(folder, "train", "fr", "de")
    pieces = files.learn_pieces(texts, 71, folder)
    for pair in texts:
        for text in pair:
            assert pieces.join(pieces.tokens(text)) == text
            assert pieces.decode(pieces.encode(text)) == text


def test_pieces_are_learned_once_for_both_directions(folder, monkeypatch):
    texts = files.read_pairs(folder, "train", "de", "en")
    pieces = files.learn_pieces(texts, 59, folder / "new")
    assert len(pieces) == 59
    monkeypatch.setattr(files.WordPieces, "train", None)
    back = files.read_pairs(folder, "train", "en", "de")
    assert files.learn_pieces(back, 59, folder / "new") == pieces
    assert len(list((folder / "new").iterdir())) == 1


def test_an_id_of_the_task_is_the_id_of_the_piece(folder):
    texts = {
        part: files.read_pairs(folder, part, "de", "en")
        for part in files.PARTS
    }
    pieces = files.learn_pieces(texts["train"], 59, folder)
    task = files.real_task(texts, pieces)
    assert len(task.source_words) == len(pieces)
    lines = texts["test_2016_flickr"]
    for pair, (source, target) in zip(task.test, lines, strict=True):
        assert task.source_words.encode(pair.source) == pieces.encode(source)
        assert task.target_words.encode(pair.target) == pieces.encode(target)


def test_right_translations_have_bleu_100(folder, monkeypatch):
    texts = {
        part: files.read_pairs(folder, part, "de", "en")
        for part in files.PARTS
    }
    pieces = files.learn_pieces(texts["train"], 59, folder)
    task = files.real_task(texts, pieces)

    def right(model, sources, task, **options):
        assert sources == [pair.source for pair in task.test]
        return [list(pair.target) for pair in task.test]

    monkeypatch.setattr(multi30k, "translate", right)
    test_set = texts["test_2016_flickr"]
    row = multi30k.score(None, setting(beam=2), task, test_set, pieces)
    assert row["BLEU greedy"] == row["BLEU beam"] == "100.0"
    small = [(source, target.lower()) for source, target in test_set]
    row = multi30k.score(None, setting(), task, small, pieces)
    assert float(row["BLEU greedy"]) < 100
    assert row["BLEU greedy, lower case"] == "100.0"


def test_a_row_is_replaced_by_its_own_settings_alone(folder, monkeypatch):
    first = command(monkeypatch, folder)
    words = [("--seed", "1"), ("--from", "fr"), ("--steps", "7"), ()]
    for more in words:
        rows = command(monkeypatch, folder, *more)
    assert [row["seed"] for row in rows] == ["0", "1", "0", "0"]
    assert [row["from"] for row in rows] == ["de", "de", "fr", "de"]
    assert [row["steps"] for row in rows] == ["6", "6", "6", "7"]
    assert rows[0] == first[0]
    table = folder / "table.csv"
    multi30k.keep(table, {**rows[1], "BLEU greedy": "99.9"})
    kept = multi30k.read_table(table, multi30k.COLUMNS)
    assert kept == [rows[0], {**rows[1], "BLEU greedy": "99.9"}, *rows[2:]]
    assert not list(folder.glob("*.new"))


def test_the_command_of_a_row_gives_its_settings(monkeypatch, tmp_path):
    chosen = setting(beam=5, source="fr", seed=3, alpha=0.25)
    words = shlex.split(chosen.command())
    assert words[:2] == ["python", "experiments/multi30k.py"]
    monkeypatch.setattr(sys, "argv", words[1:])
    given = vars(multi30k.parse())
    for name, value in vars(chosen).items():
        assert given[name] == value, name


def test_the_tutorials_stand_beside_their_own_direction():
    assert setting(translator="bahdanau").row()["tutorials"] == 28.3
    assert setting(translator="convs2s").row()["tutorials"] == 34.1
    assert setting(translator="bahdanau", source="fr").row()["tutorials"] == ""


def test_data_that_are_not_named_are_located(folder, monkeypatch):
    monkeypatch.setattr(multi30k, "locate", lambda name: folder / name)
    words = ["--translator", "gnmt", "--checkpoints", str(folder / "runs")]
    monkeypatch.setattr(sys, "argv", ["multi30k.py", *words])
    with pytest.raises(SystemExit, match="no train.de.gz in .*/multi30k,"):
        multi30k.main()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--translator", "babel"], "no translator 'babel', expected one of"),
        (["--from", "en"], "from en to en: expected two languages"),
        (["--steps", "0"], "steps is 0, expected at least 1"),
        (["--batch-size", "-1"], "batch_size is -1, expected at least 1"),
        (["--beam", "-2"], "width is -2; expected at least 1"),
        (["--pieces", "9"], "size 9 is too small, expected at least"),
        (["--output", "no/where.csv"], "there is no folder no"),
    ],
)
def test_what_cannot_be_done_is_said(folder, monkeypatch, words, message):
    with pytest.raises(SystemExit, match=message):
        start(monkeypatch, folder, *words)


def test_a_gpu_that_is_not_there_is_said(folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--device cuda, but no GPU"):
        start(monkeypatch, folder, "--device", "cuda")


def test_another_table_stops_before_the_training(folder, monkeypatch):
    (folder / "table.csv").write_text("task,seed\n1,0\n", encoding="utf-8")
    stopped_after(monkeypatch, 0, Killed)
    with pytest.raises(SystemExit, match="table.csv has the columns"):
        command(monkeypatch, folder)


def test_a_file_that_is_missing_is_named(folder, monkeypatch):
    (folder / "val.en.gz").unlink()
    with pytest.raises(SystemExit, match="there is no val.en.gz in"):
        start(monkeypatch, folder)


def test_different_line_counts_are_named(folder, monkeypatch):
    write(folder / "val.en.gz", ["A dog."] * 3)
    message = "val has 5 lines in de and 3 in en, expected as many of both"
    with pytest.raises(SystemExit, match=message):
        start(monkeypatch, folder)


def test_damaged_files_are_named(folder):
    path = folder / "val.en.gz"
    whole = path.read_bytes()
    for content in (whole[:-9], b"A dog.\n", gzip.compress(b"\xff")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="val.en.gz is damaged: "):
            files.read_lines(path)
    write(path, ["A dog.", "", "A man."])
    with pytest.raises(ValueError, match="val.en.gz, line 2 is blank"):
        files.read_lines(path)


def test_the_official_files_are_read_in_every_language():
    counts = {"train": 29_000, "val": 1_014, "test_2016_flickr": 1_000}
    for part, count in counts.items():
        for language in files.LANGUAGES:
            path = real_data(f"multi30k/{part}.{language}.gz")
            assert len(files.read_lines(path)) == count
    first = files.read_pairs(path.parent, "test_2016_flickr", "de", "en")[0]
    assert first == (
        "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
        "A man in an orange hat starring at something.",
    )
