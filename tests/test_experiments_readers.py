"""The readers of Part III: what they read, what they are asked, the table."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))

import readers  # noqa: E402
from readers import QUICK, READERS  # noqa: E402

from reinvent.toolbox import document_tasks  # noqa: E402
from reinvent.toolbox.documents import generate_corpus  # noqa: E402

CORPUS = generate_corpus(QUICK.documents, QUICK.test_size)
ONCE = [name for name, (_, times) in READERS.items() if times == 1]
ASKED = [name for name in ONCE if name != "word2vec"]
TRAINED_FURTHER = [name for name in ASKED if name != "ELMo"]


def untrained(name, **changed):
    """A reader that has read nothing, in eval mode."""
    kind, _ = READERS[name]
    reader = kind(CORPUS, replace(QUICK, **changed), seed=0)
    reader.model.eval()
    return reader


def command(monkeypatch, folder, *words):
    """Runs the command line on few documents, with a cache of its own."""
    monkeypatch.setenv("REINVENT_CACHE", str(folder / "cache"))
    arguments = ["readers.py", "--quick", *map(str, words)]
    monkeypatch.setattr(sys, "argv", arguments)
    readers.main()


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_reader_is_asked_what_it_can_be_asked(tmp_path, monkeypatch):
    table = tmp_path / "readers.csv"
    command(monkeypatch, tmp_path, "--seeds", 0, "--output", table)
    found = {name: {} for name in READERS}
    for row in read(table):
        found[row["model"]][row["measure"]] = float(row["value"])
    everything = found["GPT"].keys()
    for name in READERS:
        assert name == "word2vec" or found[name].keys() == everything, name
    cannot = everything - found["word2vec"].keys()
    told = {"perplexity", "topic", "asked in words"}
    assert {name.split(",")[0] for name in cannot} == told
    for its in found.values():
        for measure, value in its.items():
            share = not measure.startswith(("para", "words", "perplexity"))
            assert 0 <= value <= (1 if share else 1e6), measure


def test_beside_the_table_stands_how_it_came_about(tmp_path, monkeypatch):
    table = tmp_path / "its.csv"
    words = ["--models", "word2vec", "--seeds", 3, 1, "--output", table]
    command(monkeypatch, tmp_path, *words)
    rows = read(table)
    assert (rows[0]["seed"], rows[-1]["seed"]) == ("3", "1")
    told = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["command"].endswith(f"--seeds 3 1 --output {table}")
    assert told["settings"]["documents"] == QUICK.documents
    assert told["seconds"].keys() == {"word2vec, seed 3", "word2vec, seed 1"}
    assert told["versions"]["torch"] == torch.__version__


def test_a_command_that_was_stopped_goes_on(tmp_path, monkeypatch):
    table = tmp_path / "readers.csv"
    words = ["--models", "word2vec", "--output", table, "--seeds"]
    measure, done = readers.measure, []

    def stopped_at_seed_2(name, seed, settings):
        if seed == 2 and len(done) < 3:
            done.append("stopped")
            raise KeyboardInterrupt
        done.append(seed)
        return measure(name, seed, settings)

    monkeypatch.setattr(readers, "measure", stopped_at_seed_2)
    with pytest.raises(SystemExit, match="goes on where it was"):
        command(monkeypatch, tmp_path, *words, 0, 1, 2)
    assert not table.exists()
    command(monkeypatch, tmp_path, *words, 0, 1, 2)
    assert done == [0, 1, "stopped", 2]
    assert {row["seed"] for row in read(table)} == {"0", "1", "2"}


@pytest.mark.slow
def test_processes_give_what_one_gives(tmp_path, monkeypatch):
    tables = {jobs: tmp_path / f"{jobs}.csv" for jobs in (1, 2)}
    for jobs, table in tables.items():
        folder = tmp_path / str(jobs)
        words = ["--models", "word2vec", "GPT", "--seeds", 0]
        words += ["--jobs", jobs, "--output", table]
        command(monkeypatch, folder, *words)
    for one, other in zip(*map(read, tables.values()), strict=True):
        value = float(one.pop("value"))
        assert float(other.pop("value")) == pytest.approx(value, rel=1e-3)
        assert one == other


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--jobs", 0], "--jobs is 0, expected at least 1"),
        (["--output", "nowhere/readers.csv"], "there is no folder nowhere"),
    ],
)
def test_a_wrong_command_says_so(
    tmp_path, monkeypatch, capsys, words, message
):
    with pytest.raises(SystemExit):
        command(monkeypatch, tmp_path, *words)
    assert message in capsys.readouterr().err


def test_all_read_as_many_words(monkeypatch):
    """The steps are not made: only their batches are."""

    def fit(model, loss, batches, *, steps, **_):
        for step in range(steps):
            batches(step)

    monkeypatch.setattr("readers_base.fit", fit)
    words = {
        name: untrained(name, steps=100).pretrain(CORPUS.train, times)
        for name, (_, times) in READERS.items()
    }
    for name, (_, times) in READERS.items():
        assert words[name] == pytest.approx(times * words["GPT"], rel=0.02)


@pytest.mark.parametrize("name", ASKED)
def test_a_guess_does_not_see_the_noun(name):
    reader = untrained(name)
    probes = document_tasks.cloze_probes(CORPUS.test, "first")
    changed = []
    for probe in probes:
        words = list(probe.words)
        words[probe.place] = "river"
        changed.append(probe._replace(words=tuple(words)))
    scores = reader.guesses(probes)
    torch.testing.assert_close(reader.guesses(changed), scores)


@pytest.mark.parametrize("name", ONCE)
def test_what_is_asked_together_is_answered_as_one_by_one(name):
    reader = untrained(name)
    probes = document_tasks.sense_probes(CORPUS.test, "late")[:5]
    asked = document_tasks.prompts(CORPUS.test[:5], "about")
    for question, items in (
        (reader.vectors, probes),
        (reader.guesses, probes),
        (reader.answers, asked),
    ):
        together = question(items)
        alone = [question([item]) for item in items]
        if together is None:
            assert alone == [None] * len(items)
        else:
            torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("name", ["GPT", "GPT-2"])
def test_an_answer_is_the_next_word(name):
    reader = untrained(name)
    asked = document_tasks.prompts(CORPUS.test[:3], "overall")
    for example, scores in zip(asked, reader.answers(asked), strict=True):
        ids = CORPUS.words.batch([example.words], bos=True)
        with torch.no_grad():
            expected, _ = reader.model.step(ids)
        torch.testing.assert_close(scores[None], expected)


@pytest.mark.parametrize("name", ["BERT", "RoBERTa"])
def test_an_answer_fills_the_gap_before_the_full_stop(name):
    reader = untrained(name)
    words, marks = CORPUS.words, reader.marks
    asked = document_tasks.prompts(CORPUS.test[:3], "about")
    for example, scores in zip(asked, reader.answers(asked), strict=True):
        gap = [marks.mask, *words.encode(["."])]
        row, _ = marks.around(words.encode(example.words) + gap)
        tokens = torch.tensor([row])
        with torch.no_grad():
            expected = reader.model(tokens, tokens == marks.mask)
        torch.testing.assert_close(scores[None], expected)


def test_masks_of_bert_stay_and_its_copies_differ():
    one, other = (untrained("BERT").inputs(CORPUS.train) for _ in range(2))
    assert len(one) == QUICK.copies * len(CORPUS.train)
    for (_, its), (_, again) in zip(one, other, strict=True):
        assert its.tokens.equal(again.tokens)
    first, second = one[: len(one) // 2], one[len(one) // 2 :]
    same = [
        a.tokens.equal(b.tokens)
        for (_, a), (_, b) in zip(first, second, strict=True)
    ]
    assert sum(same) < len(same) / 10
    random_next = [int(its.random_next) for _, its in one]
    assert 0.3 < sum(random_next) / len(random_next) < 0.7


def test_masks_of_roberta_are_drawn_at_each_reading():
    reader = untrained("RoBERTa")
    batch = reader.form([its for _, its in reader.inputs(CORPUS.train)[:7]])
    losses = {reader.loss(reader.model, batch).item() for _ in range(3)}
    assert len(losses) == 3


@pytest.mark.parametrize("name", ONCE)
def test_a_task_is_learned_and_the_reader_stays_as_it_was(name):
    reader = untrained(name, task_steps=5)
    before = {k: v.clone() for k, v in reader.model.state_dict().items()}
    for task in readers.TASKS:
        few = document_tasks.few_labels(CORPUS.train, task, 6)
        tests = document_tasks.examples(CORPUS.test, task)
        model = reader.new_task(task)
        batch = reader.task_batch(tests)
        count = len(document_tasks.TASKS[task])
        model.eval()
        logits = reader.task_logits(model, batch)
        assert logits.shape == (len(tests), count)
        assert 0 <= reader.learn(task, few, tests) <= 1
    for key, value in reader.model.state_dict().items():
        assert value.equal(before[key]), key


@pytest.mark.parametrize("name", TRAINED_FURTHER)
def test_a_task_trains_the_whole_network(name):
    reader = untrained(name)
    few = document_tasks.few_labels(CORPUS.train, "sentiment", 6)
    model = reader.new_task("sentiment")
    model.loss(reader.task_batch(few)).backward()
    without = {key for key, p in model.named_parameters() if p.grad is None}
    assert without == set()
