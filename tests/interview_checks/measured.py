"""What the chapters measured over five seeds, as the answers tell it."""

import csv

from reinvent.toolbox.results import Interval, stored_file, stored_results

SHORTEST, LONGEST = "exact match, 4-8 tokens", "exact match, 18-22 tokens"


def of(chapter: str) -> dict[str, Interval]:
    """Return the stored numbers of a chapter, by their names."""
    return stored_results(chapter)[1]


def reversed_source() -> list[str]:
    its = of("00_before_attention")
    assert its["exact match"].low > its["exact match, forwards"].high
    return ["do not touch"]


def one_vector() -> list[str]:
    its = of("00_before_attention")
    assert round(its[SHORTEST].mean, 1) == 0.9
    assert its[LONGEST].high < 0.025
    assert its["exact match, twice"].low > its["exact match"].high
    assert its["exact match, twice, 18-22"].high < 0.1
    return ["about .9", ".02 or less", "A state of twice the size helps"]


def two_hops() -> list[str]:
    its = of("01_memory_networks")
    guess = 1 / 6  # six places
    assert abs(its["k = 1"].mean - guess) < 0.03
    assert its["k = 2"].low > 0.99
    return ["about as often as a guess", "nearly always"]


def attention_against_one_vector() -> list[str]:
    assert of("00_before_attention")[LONGEST].high < 0.02
    assert of("02_bahdanau")[LONGEST].low > 0.75
    with open(stored_file("translators_speed"), encoding="utf-8") as file:
        sizes = {
            row["model"]: int(row["parameters"])
            for row in csv.DictReader(file)
        }
    assert sizes["RNNsearch"] < sizes["EncoderDecoder"]
    return ["nearly nothing", "more than three in four", "fewer parameters"]


def one_way_encoder() -> list[str]:
    its = of("02_bahdanau")
    lost = its["exact match"].mean - its["exact match, forward only"].mean
    error = its["alignment error, forward only"].mean
    assert error - its["alignment error"].mean > lost
    return ["cost alignment more than exact match"]


def gold_alignment() -> list[str]:
    its = of("02_bahdanau")
    assert its["alignment error"].high < 0.15
    return ["agrees well with gold alignments"]


def three_scores() -> list[str]:
    its = of("03_luong")
    names = ("", ", dot", ", concat")
    means = [its[f"exact match{name}"].mean for name in names]
    assert max(means) - min(means) < 0.02
    return ["all three translate about equally well"]


def wide_beam() -> list[str]:
    its = of("05_gnmt")
    for name in ("BLEU", "length"):
        narrow, wide = (
            its[f"early, {name}, width {width}"].mean for width in (4, 10)
        )
        assert wide < narrow
    return ["width 10 writes shorter sentences than width 4", "lower BLEU"]


def eight_bits() -> list[str]:
    its = of("05_gnmt")
    kept = its["large, MB, ONNX Runtime, 8 bits"].mean
    full = its["large, MB, ONNX Runtime, 32 bits"].mean
    assert abs(kept / full - 1 / 4) < 0.02
    return ["about a quarter"]


def values_without_words() -> list[str]:
    its = of("08_convs2s")
    lost = its["exact match"].mean - its["exact match, values without e"].mean
    assert round(lost, 2) == 0.02
    return ["some two hundredths of exact match"]


def no_places() -> list[str]:
    its = of("08_convs2s")
    lost = its["exact match"].mean - its["exact match, no places at all"].mean
    assert 0.01 < lost < 0.05
    beyond = its["longer, no places at all"].low
    assert beyond > 2 * its["longer, as it is"].high
    return ["a few hundredths of exact match", "far ahead"]


def senses() -> list[str]:
    its = of("10_elmo")
    for at in ("early", "late"):
        assert its[f"same sense, {at}, layer 0"].high < 0.6
        for layer in (1, 2):
            assert its[f"same sense, {at}, layer {layer}"].low > 0.95
    return ["uses of one sense tend to be nearer"]


def second_loss() -> list[str]:
    its = of("11_gpt")
    tasks = ("sentiment, 12 labels", "early sense, 12 labels")
    tasks += ("late sense, 12 labels", "endings, 200 labels")
    for task in tasks:
        with_it = its[f"{task}, GPT"].mean
        assert abs(with_it - its[f"{task}, no second loss"].mean) < 0.06
    return ["by less than 0.06"]


def luck_of_the_draw() -> list[str]:
    its = of("11_gpt")
    for task in ("sentiment", "early sense", "late sense"):
        worst = its[f"{task}, 12 labels, worst of 5 draws"].mean
        assert its[f"{task}, 12 labels, best of 5 draws"].mean > worst + 0.09
    return ["quite another share of right answers"]


def peeking() -> list[str]:
    assert of("12_bert")["peeking: tells the noun that was put there"].low == 1
    return ["tells whatever word is put there"]


def frozen_senses() -> list[str]:
    its = of("12_bert")
    for at in ("early", "late"):
        assert its[f"{at} sense, 12 labels, BERT, frozen"].low > 0.9
    return ["frozen vectors already hold the sense"]
