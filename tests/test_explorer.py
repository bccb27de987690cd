"""What the explorer writes into a page, without a browser."""

import base64
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from reinvent.toolbox.explorer import Explorer
from reinvent.toolbox.inline import assets, share, visible

SOURCE = ["the", "red", "house", "sleeps", "</s>"]
TARGET = ["la", "maison", "rouge"]
ODD = [
    "<script>alert(1)</script>",
    "</script>",
    "<!--",
    '"quoted"',
    "it's",
    "a&amp;b",
    "שלום",
    "\u202eabc",
    "👩‍🔬",
    "\x00\x1b\n",
    " the",
    "",
    "\ud800",
]


def softmax(*shape, seed=0):
    scores = 3 * np.random.default_rng(seed).normal(size=shape)
    weights = np.exp(scores)
    return weights / weights.sum(-1, keepdims=True)


class Text(HTMLParser):
    """The tags of a page, and the text outside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.cells, self.quiet = [], "", [], False
        self.feed(page)
        self.cells = [cell.strip() for cell in self.cells]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.quiet = tag in ("script", "style")
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        self.quiet = False

    def handle_data(self, data):
        if not self.quiet:
            self.text += data
            if self.cells:
                self.cells[-1] += data


def data_of(explorer):
    found = re.search(r'class="rb-data">(.*?)</script>', explorer.html(), re.S)
    return json.loads(found[1])


def weights_of(panel):
    packed = base64.b64decode(panel["weights"])
    packed = zlib.decompress(packed) if panel["deflated"] else packed
    steps = np.frombuffer(packed, np.uint8).reshape(panel["shape"])
    return steps * panel["scale"] / panel["levels"]


def test_two_runs_give_the_same_bytes():
    def run():
        gold = {(s, t) for s in range(5) for t in range(3)}
        return Explorer(softmax(2, 3, 5), SOURCE, TARGET, gold=gold).html()

    assert run() == run()


def test_the_id_depends_on_the_content():
    def name(seed):
        page = Explorer(softmax(3, 5, seed=seed), SOURCE, TARGET).html()
        return re.search(r'id="(rb-\w+)"', page)[1]

    assert name(0) == name(0) != name(1)


def test_tensors_arrays_and_lists_are_the_same():
    array = softmax(2, 7, 3, 5)
    tensor = torch.tensor(array, requires_grad=True)
    forms = [array, tensor, array.tolist(), list(tensor)]
    assert len({Explorer(f, SOURCE, TARGET).html() for f in forms}) == 1


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5), (2, 7, 3, 5)])
def test_weights_survive_rounding(shape):
    array = softmax(*shape)
    panel = data_of(Explorer(array, SOURCE, TARGET))["panels"][0]
    back = weights_of(panel).reshape(shape)
    np.testing.assert_allclose(back, array, atol=0.5 / 255 + 1e-9)


def test_without_a_target_the_tokens_look_at_themselves():
    panel = data_of(Explorer(softmax(5, 5), SOURCE))["panels"][0]
    assert panel["target"] == panel["source"] == SOURCE


def test_the_table_shows_every_token_and_weight():
    weights = softmax(3, 5)
    text = Text(Explorer(weights, SOURCE, TARGET, gold=[(2, 1)]).html())
    assert set(SOURCE + TARGET) <= set(text.cells)
    assert f"{weights[0, 0]:.2f}".removeprefix("0") in text.cells
    assert text.text.count("◆") == 2  # once in the caption


def test_a_large_table_names_the_strongest_links_of_each_token():
    tokens = [f"t{i}" for i in range(31)]
    weights = np.zeros((2, 11, 31, 31))
    weights[..., 17] = 0.75
    weights[..., 3] = 0.25
    text = Text(Explorer(weights, tokens).html())
    assert text.text.count("t17 75%, t3 25%") == 2 * 31
    assert "averaged over 11 heads" in text.text


def test_memories_show_hops_facts_question_and_answer():
    story = [["mary", "took", "it"], ["mary", "left"], ["john", "sat"]]
    hard = torch.tensor([[0, 1, 0], [1, 0, 0]])
    scores = [[-1.5, 2.25, 0], [7, 0, 0]]
    text = Text(
        Explorer.memories(
            hard, story, "who ?", ["mary"], gold=[1, 0], scores=scores
        ).html()
    ).text
    for part in ("mary took it ◆ fact 2", "mary left ◆ fact 1", "hop 2"):
        assert part in text
    for part in ("100% 2.25", "0% -1.50", "who ?", "Answer mary"):
        assert part in text


def test_memories_of_several_models_stand_beside_each_other():
    models = {"one": [[0.5, 0.5]], "two": softmax(3, 2)}
    panel = data_of(Explorer.memories(models, ["a", "b"]))["panels"][0]
    assert panel["target"] == ["one", "two hop 1", "two hop 2", "two hop 3"]


def test_a_mix_has_one_row_per_layer():
    text = Text(Explorer.mix([0.2, 0.7, 0.1], ["words", "low", "high"]).html())
    assert text.cells[-6:] == ["words", "20%", "low", "70%", "high", "10%"]


def test_models_to_compare_may_have_other_shapes_and_tokens():
    weights = {"small": softmax(3, 5), "deep": softmax(2, 7, 2, 5)}
    target = {"small": TARGET, "deep": ["la", "maison"]}
    panels = data_of(Explorer.compare(weights, SOURCE, target))["panels"]
    assert [panel["name"] for panel in panels] == ["small", "deep"]
    assert [panel["shape"] for panel in panels] == [[1, 1, 3, 5], [2, 7, 2, 5]]


def test_gold_links_come_as_links_or_as_sure_and_possible():
    def gold(links):
        explorer = Explorer(softmax(3, 5), SOURCE, TARGET, gold=links)
        panel = data_of(explorer)["panels"][0]
        return panel["gold"], panel["possible"]

    sure = frozenset({(1, 2), (0, 0)})
    assert gold(sure) == ([[0, 0], [1, 2]], [])
    assert gold(((1, 2), (0, 0))) == ([[0, 0], [1, 2]], [])
    assert gold((sure, sure | {(4, 1)})) == ([[0, 0], [1, 2]], [[4, 1]])
    assert gold((frozenset(), frozenset())) == ([], [])


def test_tokens_are_text_and_never_markup():
    plain = Text(Explorer(softmax(13, 13), ["a"] * 13, title="a").html())
    odd = Text(Explorer(softmax(13, 13), ODD, title=ODD[0]).html())
    assert odd.tags == plain.tags
    for token in ODD:
        assert visible(token) in odd.text


def test_pages_can_always_be_written_as_utf8_without_control_characters():
    page = Explorer(softmax(13, 13), ODD).html().encode().decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\ud800\u202e]", page)


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("word", "word"),
        ("two words", "two words"),
        ("  the", "␣␣the"),
        (" ", "␣"),
        ("", "∅"),
        ("\n", "‹\\n›"),
        ("a\x00b", "a‹U+0000›b"),
        ("\u200b", "‹U+200B›"),
        ("\u200d", "‹U+200D›"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\u0301", "◌\u0301"),
        ("\ud800", "‹U+D800›"),
    ],
)
def test_invisible_characters_become_visible(token, shown):
    assert visible(token) == shown


def test_script_and_style_are_small_and_ask_for_nothing():
    style, script = assets("explorer")
    assert len(script.encode()) <= 30_000
    assert len(style.encode()) <= 15_000
    assert "</" not in script and "</" not in style
    assert not re.search(r"fetch\(|import\(|XMLHttp|@import|url\(", script)
    assert not re.search(r"@import|url\(", style)
    hosts = set(re.findall(r"https?://[\w.]+", style + script))
    assert hosts == {"http://www.w3.org"}  # the name of SVG, not an address


def test_the_largest_transformer_of_the_book_fits_into_a_page():
    tokens = [f"token{i}" for i in range(128)]
    page = Explorer(softmax(12, 12, 128, 128), tokens).html()
    print(f"12 x 12 x 128 x 128 weights: {len(page.encode()):,} bytes")
    assert len(page.encode()) <= 1_100_000


def test_a_shared_page_carries_script_and_style_once():
    explorers = [Explorer(softmax(3, 5), SOURCE, TARGET).html()] * 2
    explorers.append(Explorer.mix([0.5, 0.5], ["a", "b"]).html())
    page = share("<p>one</p>" + "<p>two</p>".join(explorers))
    assert page.count('<script class="rb-script">') == 1
    assert page.count('<style class="rb-style">') == 1
    assert page.count('class="rb-data"') == 3
    assert share(page) == page


def test_a_notebook_gets_text_and_html():
    explorer = Explorer(softmax(2, 3, 5), SOURCE, TARGET, title="Look")
    bundle = explorer._repr_mimebundle_(include=None, exclude=None)
    assert (
        bundle["text/plain"]
        == repr(explorer)
        == "Explorer: Look (2 x 1 x 3 x 5)"
    )
    assert bundle["text/html"] == explorer.html()


def test_rows_that_need_not_sum_to_one_are_scaled():
    panel = data_of(
        Explorer([[0.5, 2.5]], ["a", "b"], ["c"], normalized=False)
    )["panels"][0]
    assert panel["scale"] == 2.5
    np.testing.assert_allclose(weights_of(panel)[0, 0], [[0.5, 2.5]])


BAD = {
    "for 5 source tokens, but there are 4": (
        (softmax(3, 5), SOURCE[:4], TARGET),
        {},
    ),
    "for 3 target tokens, but there are 2": (
        (softmax(3, 5), SOURCE, TARGET[:2]),
        {},
    ),
    "1 dimensions": ((softmax(5), SOURCE, TARGET), {}),
    "different shapes": (([softmax(3, 5), softmax(3, 2)], SOURCE, TARGET), {}),
    "negative: -0.5": (([[1.5, -0.5]], ["a", "b"], ["c"]), {}),
    "not a number to draw: nan": (([[1, np.nan]], ["a", "b"], ["c"]), {}),
    r"weights\[0\] sums to 0.9,": (([[0.4, 0.5]], ["a", "b"], ["c"]), {}),
    "source is a string": ((softmax(3, 5), "the red", TARGET), {}),
    "source has no tokens": ((softmax(3, 5), [], TARGET), {}),
    "source position 5, but there are 5": (
        (softmax(3, 5), SOURCE, TARGET),
        {"gold": [(5, 1)]},
    ),
    "target position -1, but there are 3": (
        (softmax(3, 5), SOURCE, TARGET),
        {"gold": [(1, -1)]},
    ),
    "2 positions, not 3": (
        (softmax(3, 5), SOURCE, TARGET),
        {"gold": [(1, 1, 1)]},
    ),
    "no label 'hed'": (
        (softmax(3, 5), SOURCE, TARGET),
        {"labels": {"hed": "x"}},
    ),
    "1 names for 2 layers": (
        (softmax(2, 3, 5), SOURCE, TARGET),
        {"labels": {"layers": ["low"]}},
    ),
    "none for 'b'": (({"b": softmax(3, 5)}, {"a": SOURCE}, TARGET), {}),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    arguments, options = BAD[message]
    with pytest.raises(ValueError, match=message):
        Explorer(*arguments, **options)


def test_bad_memories_are_named():
    story = ["a", "b", "c"]
    with pytest.raises(ValueError, match="source position 3, but there are 3"):
        Explorer.memories(softmax(2, 3), story, gold=[3])
    with pytest.raises(ValueError, match=r"\(1, 3\), weights have shape"):
        Explorer.memories(softmax(2, 3), story, scores=[1, 2, 3])
    with pytest.raises(ValueError, match="for 3 source tokens.* there are 2"):
        Explorer.memories(softmax(2, 3), story[:2])
    with pytest.raises(ValueError, match="2 models, got 1"):
        Explorer.compare({"a": softmax(3, 5)}, SOURCE, TARGET)
