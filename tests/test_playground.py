"""What the playground writes into a page, and its twin in a kernel."""

import json
import math
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from reinvent.toolbox.explorer import Explorer
from reinvent.toolbox.inline import assets, share, visible
from reinvent.toolbox.playground import Playground

SCORES = [1.7, -1.4, 1.34]
TEMPERATURES = [0.1, 0.5, 1, 2, 5]
WORDS = ["word 0", "word 1", "word 2"]
ODD = ["<script>alert(1)</script>", "</script>", '"', "<!--", "\u202eabc", ""]


def weights(temperature):
    return torch.softmax(torch.tensor(SCORES) / temperature, 0)


def waves(frequency, shift):
    at = np.arange(64)
    return {"sine": np.sin(frequency * at + shift), "flat": 0 * at}


def bars(**options):
    options = {"start": {"temperature": 1}, "labels": WORDS} | options
    return Playground(weights, {"temperature": TEMPERATURES}, **options)


def lines(**options):
    sliders = {"frequency": [0.1, 0.2, 0.4], "shift": [0, 1]}
    return Playground(waves, sliders, kind="lines", **options)


def fixed(numbers, **options):
    """Bars or lines that no slider changes."""
    options = {"sliders": {"x": [1, 2]}} | options
    return Playground(lambda **settings: numbers, **options)


def data_of(playground):
    found = re.search(
        r'class="rb-data">(.*?)</script>', playground.html(), re.S
    )
    return json.loads(found[1])


class Page(HTMLParser):
    """The tags of a page, and the text outside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.quiet = [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.quiet = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.quiet = False

    def handle_data(self, data):
        self.text += "" if self.quiet else data


def test_two_runs_give_the_same_bytes():
    assert bars().html() == bars().html()
    assert lines().html() == lines().html()
    assert bars().html() != bars(start={"temperature": 2}).html()


def test_each_frame_is_what_the_function_returned():
    data = data_of(bars())
    assert data["sliders"][0]["values"] == ["0.1", "0.5", "1", "2", "5"]
    for temperature, frame in zip(TEMPERATURES, data["frames"], strict=True):
        np.testing.assert_allclose(
            np.array(frame) / 10 ** data["digits"],
            weights(temperature),
            atol=0.5 / 10 ** data["digits"] + 1e-6,
        )


def test_the_last_of_two_sliders_runs_fastest():
    data = data_of(lines())
    assert len(data["frames"]) == 3 * 2
    first = [frame[0] / 10 ** data["digits"] for frame in data["frames"]]
    np.testing.assert_allclose(first, [0, math.sin(1)] * 3, atol=6e-4)


def test_lists_arrays_and_tensors_are_the_same():
    forms = [list, np.array, torch.tensor, tuple]
    pages = {fixed(form([0.25, 0.5])).html() for form in forms}
    assert len(pages) == 1


def test_values_of_sliders_may_be_numpy_numbers_or_words():
    seen = []

    def frame(size, place):
        seen.append((size, place))
        return [1.0]

    sliders = {"size": np.arange(1, 4) / 10, "place": ["before", "after"]}
    playground = Playground(frame, sliders, start={"size": 0.1 + 0.2})
    assert seen[-1] == (0.3, "after")
    assert type(seen[-1][0]) is float
    assert data_of(playground)["sliders"][0]["start"] == 2


def test_without_a_script_the_table_shows_smallest_start_and_largest():
    text = Page(bars(title="Look", ylabel="weight").html()).text
    for part in ("Look", "weight", *WORDS):
        assert part in text
    for temperature in ("0.1", "1 (start)", "5"):
        assert f"temperature {temperature}" in text
    assert "0.97" in text and "0.41" in text  # word 0 at 0.1 and at 5
    assert "temperature 0.5" not in text


def test_a_start_at_an_end_has_no_column_of_its_own():
    page = bars(start=None).html()
    assert page.count("<th scope=col>") == 2


def test_a_table_of_long_lines_is_thinned_out():
    page = lines(xlabel="position").html()
    assert "11 of 64 points" in page
    assert page.count("<th scope=row>") == 11


def test_the_sentence_is_a_format_or_a_function_or_our_own():
    said = bars(text="At {temperature}: {values[0]:.2f}")
    assert data_of(said)["texts"][2] == "At 1: 0.57"
    said = bars(text=lambda values, temperature: f"{max(values):.1f}")
    assert data_of(said)["texts"] == ["1.0", "0.7", "0.6", "0.5", "0.4"]
    said = lines(text=lambda values, frequency, shift: str(values["flat"][0]))
    assert data_of(said)["texts"] == ["0.0"] * 6
    assert data_of(bars())["texts"][2] == (
        "word 0 is the largest with 0.57, word 1 the smallest with 0.03."
    )
    assert data_of(lines())["texts"][0] == (
        "From left to right: sine from 0.000 to 0.017, "
        "flat from 0.000 to 0.000."
    )


def test_the_scale_holds_every_frame_and_is_the_same_in_all():
    low, high = data_of(bars())["limits"]
    assert low == 0 and 0.9 < high < 1
    assert data_of(lines())["limits"] == [-1, 1]
    assert data_of(bars(limits=(0, 2)))["limits"] == [0, 2]
    assert data_of(fixed([-3.0, 2.0]))["limits"] == [-3, 2]
    assert data_of(fixed([0.0]))["limits"] == [0, 1]
    same = fixed({"a": [1e9, 1e9]}, kind="lines")
    assert data_of(same)["limits"][0] < 1e9 < data_of(same)["limits"][1]


@pytest.mark.parametrize("size", [1e-9, 0.003, 1.0, 640.0, 1e12])
def test_numbers_of_any_size_can_be_told_apart(size):
    for kind, numbers in (("bars", [size]), ("lines", {"a": [0, size]})):
        data = data_of(fixed(numbers, kind=kind))
        steps = data["frames"][0][-1]
        assert steps / 10 ** data["digits"] == pytest.approx(size, rel=0.02)


def test_numbers_have_the_digits_and_the_unit_that_were_asked_for():
    text = Page(fixed([12.3456], digits=1, unit=" %").html()).text
    assert "12.3 %" in text and "12.34" not in text


def test_text_is_never_markup():
    def page(words):
        label, *rest = words
        some = fixed(
            [1.0] * 6, labels=words, title=label, text=label, unit=label
        )
        more = fixed(
            {label: [1.0] * 6},
            kind="lines",
            labels=words,
            xlabel=label,
            ylabel=rest[0],
            unit=label,
        )
        odd = fixed([1.0], sliders={label: [*words]})
        return Page(some.html() + more.html() + odd.html())

    plain, odd = page(list("abcdef")), page(ODD)
    assert odd.tags == plain.tags
    for word in ODD:
        assert visible(word) in odd.text


def test_script_and_style_are_small_and_ask_for_nothing():
    style, script = assets("playground")
    print(f"playground: script {len(script):,} bytes, style {len(style):,}")
    assert len(script.encode()) <= 10_000
    assert len(style.encode()) <= 10_000
    assert "</" not in script and "</" not in style
    assert "@" not in script and "rb-explorer" not in style
    assert not re.search(r"fetch\(|import\(|XMLHttp|https?:", script)
    assert not re.search(r"@import|url\(|https?:", style)


def test_a_shared_page_carries_each_script_once():
    explorer = Explorer([[0.5, 0.5]], ["a", "b"], ["c"]).html()
    page = share(explorer + bars().html() + lines().html() + explorer)
    assert page.count('<script class="rb-script">') == 2
    assert page.count('<style class="rb-style">') == 2
    assert page.count('class="rb-data"') == 4


def test_a_notebook_gets_text_and_html():
    playground = bars(title="Look")
    bundle = playground._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/html"] == playground.html()
    assert bundle["text/plain"] == repr(playground)
    assert repr(playground) == "Playground: Look (temperature 0.1 to 5)"


def call(frame, **options):
    return Playground(frame, **({"sliders": {"x": [1, 2]}} | options))


BAD = {
    "1 or 2 sliders, not 0": lambda: call(weights, sliders={}),
    "1 or 2 sliders, not 3": lambda: call(
        weights, sliders=dict.fromkeys("abc", [1, 2])
    ),
    "'x' has 1 values, not 2": lambda: call(weights, sliders={"x": [1]}),
    "must grow, but 1 follows 2": lambda: call(weights, sliders={"x": [2, 1]}),
    "has a value nan": lambda: call(weights, sliders={"x": [1, math.nan]}),
    "has a value twice": lambda: call(weights, sliders={"x": ["a", "a"]}),
    r"has a tuple: \(1, 2\)": lambda: call(
        weights, sliders={"x": [(1, 2), 3]}
    ),
    "cannot be called 'values'": lambda: call(
        weights, sliders={"values": [1, 2]}
    ),
    "cannot start at 3: it has 5 values from 0.1 to 5": lambda: bars(
        start={"temperature": 3}
    ),
    "start names 'heat'": lambda: bars(start={"heat": 1}),
    "60 x 50 values make 3,000 frames; the most is 2,000": lambda: call(
        weights, sliders={"a": range(60), "b": range(50)}
    ),
    "100 frames of 700 numbers make 70,000; the most is 60,000": lambda: fixed(
        {"a": [0] * 700}, kind="lines", sliders={"x": range(100)}
    ),
    'kind is "bars" or "lines", not \'pie\'': lambda: bars(kind="pie"),
    r"frame\(x=2\) gave nan at position 1 of 3": lambda: call(
        lambda x: [0, math.nan if x == 2 else 0, 0]
    ),
    r"frame\(x=1\)\['b'\] gave inf at position 0 of 1": lambda: call(
        lambda x: {"a": [0], "b": [math.inf]}, kind="lines"
    ),
    "gave dict; bars need numbers": lambda: fixed({"a": [1, 2]}),
    "gave list; lines need a dict": lambda: fixed([1, 2], kind="lines"),
    "gave 0 lines": lambda: fixed({}, kind="lines"),
    r"gave shape \(2, 3\), not one row": lambda: fixed(np.zeros((2, 3))),
    r"gave shape \(0,\), not one row": lambda: fixed([]),
    "gave no numbers: could not convert": lambda: fixed(["a"]),
    "gave no numbers: ": lambda: fixed(object()),
    "different lengths: {'a': 2, 'b': 3}": lambda: fixed(
        {"a": [1, 2], "b": [1, 2, 3]}, kind="lines"
    ),
    "2 numbers at {'x': 2}, but 1 at the first": lambda: call(
        lambda x: [0] * x
    ),
    r"lines are \('2',\) at {'x': 2}, but \('1',\)": lambda: call(
        lambda x: {x: [0, 1]}, kind="lines"
    ),
    "2 labels for 3 numbers": lambda: bars(labels=["a", "b"]),
    "labels is a string; split it": lambda: bars(labels="abc"),
    "61 bars; the most is 60": lambda: fixed([0] * 61),
    "7 lines; the most is 6": lambda: fixed(
        {str(i): [0, 1] for i in range(7)}, kind="lines"
    ),
    "a line has 1 point, not 2": lambda: fixed({"a": [0]}, kind="lines"),
    "limits 0 to 0.5, but the bars go from 0 to 0.97": lambda: bars(
        limits=(0, 0.5)
    ),
    "digits is 0 to 12, not 13": lambda: bars(digits=13),
    r"cannot hold 1e\+12 with 6 digits": lambda: fixed([1e12], digits=6),
    "no field 'heat'; there are": lambda: bars(text="{heat}"),
    "'values', 'temperature'.*, 3 numbers": lambda: bars(text="{values[3]}"),
    "text gave int at {'temperature': 0.1}": lambda: bars(
        text=lambda values, temperature: 3
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()


def test_an_error_of_the_function_itself_comes_through():
    with pytest.raises(ZeroDivisionError):
        call(lambda x: [1 / (x - 1)])


def test_a_kernel_shows_what_the_page_shows():
    playground = bars(text="At {temperature}: {values[0]:.2f}")
    knob, page = playground.live().children
    assert knob.description == "temperature" and knob.label == "1"
    drawn = re.search(r'<div class="rb-bars.*?</p>', page.value, re.S)[0]
    assert drawn in playground.html()
    knob.value = 4
    assert "At 5: 0.41" in page.value


def test_a_kernel_asks_the_function_anew():
    scale = {"by": 1}
    playground = call(lambda x: [x * scale["by"]], text="{values[0]:g}")
    knob, page = playground.live().children
    scale["by"] = 50
    knob.value = 1
    assert ">100<" in page.value
    assert "width:100.00%" in page.value  # the scale has grown


def test_a_kernel_shows_the_errors_of_the_function():
    broken = []
    playground = call(lambda x: [0.0] if not broken else [math.nan])
    knob, page = playground.live().children
    broken.append(True)
    knob.value = 1
    assert "ValueError: frame(x=2) gave nan at position 0" in page.value
    broken.clear()
    knob.value = 0
    assert "Error" not in page.value


def test_without_ipywidgets_live_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ModuleNotFoundError, match="pip install ipywidgets"):
        bars().live()
