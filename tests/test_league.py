"""The league table says what the stored runs say."""

import re
import sys
from pathlib import Path

import pytest

from reinvent import PAPERS
from reinvent.toolbox.results import stored_results

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "experiments")]

import league  # noqa: E402
import multi30k_translators  # noqa: E402
import readers  # noqa: E402
import speed  # noqa: E402


def cells(table: str) -> dict[str, list[str]]:
    """The cells of a Markdown table, by the chapter its row links to."""
    found = {}
    for line in table.splitlines():
        chapter = re.search(r"chapters/(\w+)\.ipynb", line)
        if chapter:
            parts = [cell.strip() for cell in line.strip("|").split("|")]
            found[chapter[1]] = parts[1:]
    return found


@pytest.mark.parametrize("part", [league.quality, league.by_length])
def test_every_translator_has_a_row_of_stored_values(part):
    rows = cells(part())
    assert list(rows) == list(speed.TRANSLATORS)
    for chapter, row in rows.items():
        filled = [cell for cell in row if cell != "–"]
        assert len(filled) >= 2, chapter


def test_a_cell_is_the_interval_over_the_seeds():
    its = stored_results("02_bahdanau")[1]["exact match"]
    row = cells(league.quality())["02_bahdanau"]
    assert row[0] == f"{its.low:.3f}–{its.high:.3f}"


def test_the_stored_costs_are_those_of_the_models():
    task = speed.translation_task(train_size=1, test_size=1)
    rows = cells(league.cost())
    for chapter in speed.TRANSLATORS:
        model = speed.build(chapter, task)
        count = sum(p.numel() for p in model.parameters())
        steps = speed.TRANSLATORS[chapter][2]
        assert rows[chapter][:2] == [f"{count:,}", str(steps)]
    assert rows[speed.UNIT][2:4] == ["1.00", "1.00"]


def test_the_table_of_real_sentences_says_what_was_stored():
    stored = league.stored_rows("multi30k")
    rows = league.real().splitlines()[2:]
    for line, row in zip(rows, stored, strict=True):
        parts = [cell.strip() for cell in line.strip("|").split("|")]
        assert (
            f"chapters/{PAPERS[row['translator']].chapter}.ipynb" in parts[0]
        )
        assert parts[4:6] == [row["BLEU greedy"], row["BLEU beam"]]
        assert parts[3] == str(round(float(row["seconds"]) / 60))
        assert "experiments/multi30k.py" in row["command"]
        assert "version" in row["signature"]


def libraries() -> dict[tuple[str, str, str], float]:
    """The stored ratios against the libraries."""
    return {
        (row["what"], row["against"], row["threads"]): float(row["ratio"])
        for row in league.stored_rows("bench")
        if row["ratio"]
    }


def test_the_table_of_the_libraries_says_what_was_stored():
    table = league.libraries()
    for row in league.stored_rows("bench"):
        start = f"| {row['what']} | {row['against']} |"
        (line,) = (its for its in table.splitlines() if its.startswith(start))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        cell = cells[1 + int(row["threads"])]
        if not row["ratio"]:
            assert cell == "not installed"
            continue
        numbers = [float(n) for n in re.findall(r"\d+\.\d+", cell)]
        stored = [float(row[name]) for name in ("ratio", "low", "high")]
        assert numbers == pytest.approx(stored, abs=0.0051)
    for told in ("torch 2.", "transformers 5.", "tokenizers 0."):
        assert told in table
    assert f"on {row['cores']} cores" in table


def test_the_page_tells_where_the_libraries_win():
    ratios = libraries()

    def of(what, against="transformers"):
        found = [
            ratio
            for (name, library, threads), ratio in ratios.items()
            if name.startswith(what) and (library, threads) == (against, "1")
        ]
        assert found, what
        return found

    assert min(of("BERT: training step")) > 2
    for family in ("BERT", "GPT-2"):
        for library in ("transformers", "nn.TransformerEncoder"):
            assert 0.8 < min(of(f"{family}: forward pass", library)) < 1.25
    assert of("GPT-2, loss in parts: tr") > of("GPT-2: training step")
    assert min(of("GPT-2, loss in parts: memory")) > 1.5
    assert min(of("BERT: memory") + of("GPT-2: memory")) > 1
    short, long = of("byte-level BPE: learning", "tokenizers")
    assert short < long < 1
    assert max(of("wordpieces: learning", "tokenizers")) < 1
    many, few = of("GPT-2 writes 128", "no cache")
    assert 2 < many < few


def test_the_preface_tells_what_the_runs_say():
    costs = league.translators()
    results = {chapter: stored_results(chapter)[1] for chapter in costs}

    def of(chapter, name="exact match"):
        (its,) = (r for key, r in results.items() if key.startswith(chapter))
        return its[name]

    long, longer = "exact match, 18-22 tokens", "exact match, 23-30 tokens"
    assert of("00", long).high < 0.1 < 0.85 < of("02", long).low
    later = ("03", "05", "06", "08", "09")
    assert max(of(its).mean for its in later) < of("02").mean + 0.03
    assert sum(of(its).high < of("02").low for its in later) >= 2
    told_places = max(of(its, longer).mean for its in ("06", "08", "09"))
    assert told_places < min(
        of(its, longer).mean for its in ("02", "03", "05")
    )

    ratio = {c[:2]: float(r["training step, ratio"]) for c, r in costs.items()}
    assert 0.28 < ratio["03"] < 0.4
    waits = {c[:2]: [r[n] for n in league.IN_A_ROW] for c, r in costs.items()}
    assert [c for c, (a, b) in waits.items() if a == b] == ["08", "09"]

    for search in ("greedy", "beam"):
        bleu = {
            row["translator"]: float(row[f"BLEU {search}"])
            for row in league.stored_rows("multi30k")
        }
        for name in ("convs2s", "transformer"):
            gain = bleu[name] - bleu["bahdanau"]
            told = (
                multi30k_translators.REPORTED[its, "de", "en"]
                for its in (name, "bahdanau")
            )
            assert 0 < gain < next(told) - next(told)


def reader_cells(table: str) -> dict[str, list[str]]:
    """The cells of a table of readers, by the reader's name."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()]
    return {line[0][1:].split("](")[0]: line[1:] for line in lines[2:]}


@pytest.mark.parametrize(
    "part", [league.reading, league.few_labels, league.in_words]
)
def test_every_reader_has_a_row_of_means_and_ranges(part):
    rows = reader_cells(part())
    assert list(rows) == list(readers.READERS)
    for name, row in rows.items():
        assert name == "word2vec" or "–" not in row, name


def test_a_cell_of_a_reader_is_its_mean_and_range():
    its = league.readers()["BERT"]["same sense, early"]
    assert its.seeds == 5
    cell = reader_cells(league.reading())["BERT"][1]
    told = f"{its.mean:.2f} ({its.low:.2f}–{its.high:.2f})"
    assert cell == (told if its.low < its.high else f"{its.mean:.2f}")


def test_the_readers_read_as_many_words():
    measured = league.readers()
    read = {name: its["words read"].mean for name, its in measured.items()}
    for name, (_, times) in readers.READERS.items():
        assert abs(read[name] / read["GPT"] / times - 1) < 0.01


def test_the_page_tells_what_the_readers_say():
    measured = league.readers()
    left, both = ("GPT", "GPT-2"), ("BERT", "RoBERTa")
    longer = "RoBERTa, read 4 times as much"

    def low(what, *names):
        return min(measured[name][what].low for name in names)

    def high(what, *names):
        return max(measured[name][what].high for name in names)

    def means(what, *names):
        return [measured[name][what].mean for name in names]

    early, late = "same sense, early", "same sense, late"
    assert high(early, "word2vec", *left) < 0.62 > high(late, "word2vec")
    assert low(early, "ELMo", *both, longer) > 0.95
    assert low(late, "ELMo", *left, *both, longer) > 0.85

    first, last = "perplexity, first noun", "perplexity, last noun"
    topic, its_last = "topic, first noun", "topic, last noun"
    assert high(topic, *left) < 0.3 > high(its_last, "ELMo")
    assert low(topic, "ELMo", *both, longer) > 0.95
    assert high(first, "ELMo") + 1 < low(first, *both)
    assert high(last, *left) + 1 < low(last, *both)
    for noun in (first, last):
        assert means(noun, longer)[0] + 1 < min(means(noun, *both))

    tuned = (*left, *both, longer)
    sense, opinion = "early sense, 12 labels", "sentiment, 12 labels"
    assert min(means(sense, *tuned)) > means(sense, "ELMo")[0] + 0.15
    assert low(sense, "word2vec") > 0.35
    assert high("early sense, 48 labels", "word2vec") < 0.62
    others = ("word2vec", "ELMo", *both)
    assert min(means(opinion, *left)) > max(means(opinion, *others)) + 0.03
    assert max(means("order, 12 labels", *measured)) < 0.65

    overall, about = "asked in words, overall", "asked in words, about"
    assert low(overall, "ELMo", *left) > 0.85
    assert means(overall, longer)[0] > means(overall, "RoBERTa")[0] + 0.1
    assert low(overall, longer) < 0.6 < 0.9 < high(overall, longer)
    assert max(low(overall, name) for name in both) < 0.7
    assert low(about, "ELMo", *left, "RoBERTa", longer) > 0.95
    assert 0.7 < low(about, "BERT") < 0.9


def test_each_round_does_each_work_once():
    done = []
    works = {name: lambda name=name: done.append(name) for name in "ab"}
    found = speed.fastest(works, rounds=3)
    assert done == ["a", "b"] * 3
    assert found.keys() == works.keys()
    assert all(seconds >= 0 for seconds in found.values())
