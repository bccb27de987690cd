"""The command that learns opinions on films: methods, table, downloads."""

import csv
import hashlib
import math
import sys
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from real_data import real_data
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))

import sst2  # noqa: E402
import sst2_methods as methods  # noqa: E402

from reinvent.bert import BERTConfig  # noqa: E402
from reinvent.toolbox.downloads import SOURCES, Source  # noqa: E402
from reinvent.toolbox.results import stored_results  # noqa: E402
from reinvent.toolbox.reviews import Review, read_reviews  # noqa: E402

GOOD = ("a fine film", "fine and warm", "warm , witty and fine", "so warm")
BAD = ("a dull film", "dull and long", "long , silly and dull", "so long")
PIECES = "[PAD] [UNK] [CLS] [SEP] [MASK] a film and , so fine warm dull long"
TRAIN = [Review(text, 1) for text in GOOD] + [Review(text, 0) for text in BAD]
TINY = BERTConfig(
    vocab_size=14,
    hidden_size=22,
    num_layers=3,
    num_heads=2,
    feed_forward_size=88,
    max_positions=7,
)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and does not talk about it."""

    def log_message(self, *_):
        pass


def write_reviews(folder):
    """An archive as that of GLUE, with twelve times the same reviews."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "SST-2.zip", "w") as archive:
        for part, times in (("train", 12), ("dev", 1)):
            lines = [f"{text}\t{label}" for text, label in TRAIN * times]
            text = "\n".join(["sentence\tlabel", *lines, ""])
            archive.writestr(f"SST-2/{part}.tsv", text)


def write_weights(folder):
    """A random BERT with the files of a published one."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=14,
        hidden_size=22,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=88,
        max_position_embeddings=7,
        initializer_range=0.2,
    )
    save_file(BertModel(config).state_dict(), folder / "model.safetensors")
    lines = "".join(f"{piece}\n" for piece in PIECES.split())
    (folder / "vocab.txt").write_text(lines, encoding="utf-8")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with small data, and an experiment that fits them."""
    write_reviews(tmp_path / "data" / "sst-2")
    write_weights(tmp_path / "data" / "all-minilm-l6-v2")
    monkeypatch.setattr(sst2, "MOST", 61)
    monkeypatch.setattr(sst2, "HELD_OUT", 31)
    monkeypatch.setattr(sst2, "MiniLM", partial(methods.MiniLM, config=TINY))
    monkeypatch.setenv("REINVENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def command(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["sst2.py", *map(str, words)])
    sst2.main()


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SHORT = (
    *("--labels", "17", "61", "--seeds", "0"),
    *("--learning-rate", "0.01", "--frozen-c", "1000"),
)


def test_every_method_learns_and_gets_its_rows(data, monkeypatch, tmp_path):
    path = tmp_path / "table.csv"
    command(monkeypatch, *SHORT, "--output", path)
    rows = table(path)
    assert len(rows) == 3 * 2
    for row in rows:
        assert all(row.values()), row
        assert float(row["value"]) > 0.8, row["name"]
        assert row["sentences"] == "8"
        assert row["command"].endswith(row["settings"])


def test_what_stands_in_the_table_is_not_done_again(
    data, monkeypatch, tmp_path
):
    path = tmp_path / "table.csv"
    words = (*SHORT, "--methods", "bag of words", "--output", path)
    command(monkeypatch, *words)
    before = path.read_bytes()
    learned, measure = [], sst2.measure

    def counting(*given):
        learned.append(given)
        return measure(*given)

    monkeypatch.setattr(sst2, "measure", counting)
    command(monkeypatch, *words)
    assert path.read_bytes() == before
    assert not learned
    command(monkeypatch, *words, "--seeds", "1")
    command(monkeypatch, *words, "--bag-c", "2", "--labels", "17")
    rows = table(path)
    assert len(learned) == 3
    assert [(row["seed"], row["settings"]) for row in rows] == [
        ("0", "--bag-c 10"),
        ("1", "--bag-c 10"),
        ("1", "--bag-c 10"),
        ("0", "--bag-c 2"),
    ]


def test_settings_are_chosen_without_the_development_set(
    data, monkeypatch, capsys
):
    (data / "sst-2" / "dev.tsv").write_text("sentence\tlabel\nworse\t1\n")
    words = ("--methods", "frozen", "--labels", "17", "--seeds", "3")
    command(monkeypatch, "--choose", *words)
    assert "of 31 right" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command(monkeypatch, "--choose", "--output", data / "x.csv")
    assert "not allowed with" in capsys.readouterr().err


def test_data_and_weights_are_fetched_once(
    data, monkeypatch, tmp_path, capsys
):
    monkeypatch.delenv("REINVENT_DATA")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("sst-2", "all-minilm-l6-v2"):
        hashes = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (data / name).iterdir()
        }
        assert {*hashes} == {*SOURCES[name].hashes}
        source = Source("http://127.0.0.1:1", hashes)
        monkeypatch.setitem(SOURCES, name, source)
    words = ("--methods", "frozen", "--labels", "17", "--seeds", "0")
    handler = partial(Quiet, directory=data)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("REINVENT_MIRROR", address)
        command(monkeypatch, *words)
        server.shutdown()
        thread.join()
    first = capsys.readouterr().out
    command(monkeypatch, *words)
    assert capsys.readouterr().out.split(",")[:3] == first.split(",")[:3]


def test_what_is_wrong_is_said_without_a_trace(data, monkeypatch, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    for words, message in (
        (("--labels", "62"), "--labels 62, expected 2 to 61"),
        (("--labels", "1"), "--labels 1, expected 2 to 61"),
        (("--output", tmp_path / "no" / "x.csv"), "there is no folder"),
        (("--output", other), r"other.csv has the columns \['a', 'b'\]"),
        (("--data", tmp_path), "there is no train.tsv and no SST-2.zip"),
    ):
        with pytest.raises(SystemExit, match=message):
            command(monkeypatch, *SHORT, *words)
    monkeypatch.setattr(sst2, "run", stopped)
    with pytest.raises(SystemExit, match="goes on where it was"):
        command(monkeypatch, *SHORT)


def stopped(_):
    raise KeyboardInterrupt


def test_tf_idf_is_what_its_formula_says():
    texts = ["a b a", "B c .", "c c"]
    weigh = methods.TfIdf(texts)
    assert [*weigh.places] == [".", "a", "b", "c"]
    holds = {".": 1, "a": 1, "b": 2, "c": 2}
    for text in (*texts, "b d b"):
        words = text.lower().split()
        row = torch.tensor(
            [
                words.count(word) * (math.log(4 / (1 + holds[word])) + 1)
                for word in weigh.places
            ]
        )
        torch.testing.assert_close(weigh([text])[0], row / row.norm())
    assert not weigh(["d e"]).any()


def test_the_regression_ends_where_the_loss_is_flat():
    torch.manual_seed(0)
    x, y = torch.randn(53, 7), torch.randint(2, (53,))
    weight, bias = methods.logistic_regression(x, y, strength=3.0)
    gap = (x @ weight + bias).sigmoid() - y
    slopes = torch.cat([3 * gap @ x + weight, gap.sum()[None]])
    torch.testing.assert_close(slopes, torch.zeros(8), rtol=0, atol=1e-4)


def test_an_epoch_reads_each_review_once_in_batches_of_equal_length():
    few = [Review("x" * (1 + i % 41), i % 2) for i in range(73)]
    epochs = methods.Epochs(few, list, seed=0)
    assert epochs.per_epoch == 3
    first = [epochs(step) for step in range(3)]
    assert sorted(sum(first, [])) == sorted(few)
    assert sorted(map(len, first)) == [24, 24, 25]
    assert first == [epochs(step) for step in range(3)]
    assert first != [epochs(step) for step in range(3, 6)]
    means = sorted(
        sum(len(its.text) for its in batch) / len(batch) for batch in first
    )
    assert means[2] > 2 * means[0]


def test_vectors_and_opinions_do_not_depend_on_the_batch(data):
    minilm = methods.MiniLM(data / "all-minilm-l6-v2", TINY)
    texts = [*GOOD, *BAD, GOOD[0], "a " * 20]
    together = minilm.vectors(texts)
    for text, vector in zip(texts, together, strict=True):
        minilm.known.clear()
        torch.testing.assert_close(minilm.vectors([text])[0], vector)
    opinions = methods.fine_tuned(minilm, TRAIN, 0.01, seed=0)
    assert opinions(texts).tolist() == [
        opinions([text]).item() for text in texts
    ]


def test_real_sentence_vectors_tell_opinions():
    folder = real_data("all-minilm-l6-v2/model.safetensors").parent
    dev = read_reviews(real_data("sst-2"), "dev")
    minilm = methods.MiniLM(folder)
    opinions = methods.on_features(minilm.vectors, dev[:100], 3)
    tests = dev[100:200]
    truth = torch.tensor([its.label for its in tests])
    right = (opinions([its.text for its in tests]) == truth).float().mean()
    assert right > 0.65


def test_the_stored_table_holds_all_methods_over_five_seeds():
    _, stored = stored_results("sst2")
    assert set(stored) == {
        f"{method}, {count} labels"
        for method in sst2.METHODS
        for count in (100, 300, 1000, 3000)
    }
    assert {its.seeds for its in stored.values()} == {5}
