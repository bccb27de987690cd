"""Gaps are filled as by transformers, and from files as they are published."""

import hashlib
import json
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
import transformers
from safetensors.torch import save_file

from reinvent import bert, wordpiece
from reinvent.bert import (
    BERT,
    BERTConfig,
    Marks,
    PretrainingBERT,
    load_published,
)
from reinvent.toolbox.downloads import (
    SOURCES,
    DownloadError,
    Source,
    locate,
)
from reinvent.toolbox.foreign_weights import read_safetensors
from reinvent.toolbox.gaps import fill_gaps
from reinvent.toolbox.show import table
from reinvent.wordpiece import WordPieces

PIECES = (
    *("[PAD]", *(f"[unused{i}]" for i in range(99))),
    *("[UNK]", "[CLS]", "[SEP]", "[MASK]"),  # from 100 on, as published
    *("the", "bank", "raised", "its", "rates", "again", ".", "river", "##s"),
    *("fish", "##ed", "she", "sat", "on", "of", "and"),
)
D, H, LAYERS, P = 22, 2, 3, 17
CONFIG = BERTConfig(
    vocab_size=len(PIECES),
    hidden_size=D,
    num_layers=LAYERS,
    num_heads=H,
    feed_forward_size=4 * D,
    max_positions=P,
)
TEXTS = (
    "The [MASK] raised its rates again.",
    "she sat on the bank of the [MASK] and fished.",
)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and does not talk about it."""

    def log_message(self, *_):
        pass


@pytest.fixture
def theirs():
    """A small random model, with weights that are not near 0."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=D,
        num_hidden_layers=LAYERS,
        num_attention_heads=H,
        intermediate_size=4 * D,
        max_position_embeddings=P,
        initializer_range=0.5,
    )
    return transformers.BertForPreTraining(config).eval()


@pytest.fixture
def folder(theirs, tmp_path, monkeypatch):
    """The model, published as BERT base is, and fetched from this machine.

    The file of BERT base calls the vectors of its norms gamma and beta, and
    does not hold the matrix of the words a second time.
    """
    served = tmp_path / "bert-base-uncased"
    served.mkdir()
    state = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): weight
        for name, weight in theirs.state_dict().items()
        if not name.startswith("cls.predictions.decoder")
    }
    save_file(state, served / "model.safetensors")
    lines = "".join(f"{piece}\n" for piece in PIECES)
    (served / "vocab.txt").write_text(lines, encoding="utf-8")
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in served.iterdir()
    }
    source = Source("http://127.0.0.1:1", hashes)
    monkeypatch.setitem(SOURCES, "bert-base-uncased", source)
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REINVENT_DATA", raising=False)
    handler = partial(Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("REINVENT_MIRROR", address)
        yield locate("bert-base-uncased")
        server.shutdown()
        thread.join()


def filled_by_transformers(theirs, folder, text):
    """The five best pieces and their probabilities, by its pipeline."""
    masked = transformers.BertForMaskedLM(theirs.config).eval()
    masked.load_state_dict(theirs.state_dict(), strict=False)
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    pipeline = transformers.pipeline(
        "fill-mask", model=masked, tokenizer=tokenizer, device="cpu"
    )
    return [
        (tokenizer.convert_ids_to_tokens(its["token"]), its["score"])
        for its in pipeline(text, top_k=5)
    ]


def test_gaps_are_filled_as_by_transformers(theirs, folder):
    pieces = WordPieces.from_file(folder / "vocab.txt")
    ours = PretrainingBERT(BERT(CONFIG)).eval()
    state = read_safetensors(folder / "model.safetensors")
    assert "bert.embeddings.LayerNorm.gamma" in state
    assert load_published(ours, state) == []
    marks = Marks()
    tokens, _ = marks.batch([[pieces.encode(text)] for text in TEXTS])
    found = fill_gaps(ours, tokens, marks.mask, pieces.pieces)
    for text, guesses in zip(TEXTS, found, strict=True):
        expected = filled_by_transformers(theirs, folder, text)
        assert [g.piece for g in guesses] == [piece for piece, _ in expected]
        torch.testing.assert_close(
            torch.tensor([g.share for g in guesses]),
            torch.tensor([share for _, share in expected]),
        )


def run_the_cell_of_the_chapter(monkeypatch):
    """Runs the cell that fills gaps, with a small BERT base."""
    path = Path(__file__).resolve().parents[1] / "chapters" / "12_bert.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    (source,) = [its for its in sources if its.startswith("want_base =")]
    monkeypatch.setattr(bert, "BERTConfig", lambda: CONFIG)
    space = {"os": os, "bert": bert, "wordpiece": wordpiece, "table": table}
    space |= {"locate": locate, "DownloadError": DownloadError}
    space |= {"read_safetensors": read_safetensors, "fill_gaps": fill_gaps}
    exec(source, space)
    return space


def test_the_chapter_fills_gaps_if_it_is_asked(
    theirs, folder, monkeypatch, capsys
):
    monkeypatch.setenv("REINVENT_BERT_BASE", "1")
    space = run_the_cell_of_the_chapter(monkeypatch)
    shown = capsys.readouterr().out
    for text in space["GAPS"]:
        for piece, share in filled_by_transformers(theirs, folder, text):
            assert f"{piece} {share:.2f}" in shown


def test_the_chapter_loads_nothing_unless_it_is_asked(monkeypatch, capsys):
    monkeypatch.delenv("REINVENT_BERT_BASE", raising=False)
    monkeypatch.setitem(
        SOURCES, "bert-base-uncased", None
    )  # an error, if used
    run_the_cell_of_the_chapter(monkeypatch)
    assert "want_base = True loads 440 MB" in capsys.readouterr().out


def test_without_a_connection_the_chapter_says_so(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("REINVENT_BERT_BASE", "1")
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path))
    monkeypatch.delenv("REINVENT_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REINVENT_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    run_the_cell_of_the_chapter(monkeypatch)
    shown = capsys.readouterr().out
    assert "BERT base is not here: http://127.0.0.1:1/bert-base" in shown
    assert "nobody answered" in shown


class Fixed(torch.nn.Module):
    """Expects "a" at the first place, "b" at the second, "c" at the third."""

    def forward(self, tokens, chosen):
        scores = torch.eye(3).expand(len(tokens), 3, 3) * 7
        return scores[chosen]


def test_each_gap_has_its_guesses_the_best_first():
    tokens = torch.tensor([[5, 7, 7], [7, 5, 5]])
    found = fill_gaps(Fixed(), tokens, 5, ["a", "b", "c"], best=2)
    assert [guesses[0].piece for guesses in found] == ["a", "b", "c"]
    for best, second in found:
        assert best.share > 0.99 > 0.01 > second.share > 0


def test_what_cannot_be_asked_is_named():
    tokens = torch.tensor([[5, 7, 7]])
    with pytest.raises(ValueError, match="0 gaps and best 5, expected at"):
        fill_gaps(Fixed(), tokens, 4, list("abcde"))
    with pytest.raises(ValueError, match="best 4, expected .* 1 to 3 guesses"):
        fill_gaps(Fixed(), tokens, 5, list("abc"), best=4)
    with pytest.raises(ValueError, match="scores of 3 pieces, expected 4"):
        fill_gaps(Fixed(), tokens, 5, list("abcd"), best=2)
