"""What a view of bertviz writes into a page, without a browser."""

import base64
import hashlib
import json
import re
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from reinvent.toolbox import bertviz
from reinvent.toolbox.bertviz import (
    head_view,
    model_view,
    neuron_view,
    queries_and_keys,
)
from reinvent.toolbox.bertviz_input import cut, take_apart
from reinvent.toolbox.inline import share, visible

L, H, S, T, K = 2, 3, 5, 7, 11
VENDORED = Path(bertviz.__file__).with_name("vendored")
SOURCE = ["the", "red", "house", "sleeps", "</s>"]
TARGET = [*"abcdef", "</s>"]
# From the list of files in the wheel bertviz-1.4.1-py3-none-any.whl.
SIGNED = """
__init__.py Zj8lDqEFEpjmfe0nsW8l4zlOzSH5r3HF1c40LHElTPU
head_view.js MohURK8oDBdF0FUtp52NutbOUrWmtL0e9ThMxKkX18A
head_view.py 0TT1gkxFwWIxuMndOgcAvUJwIVOl5aNtwgfdc-nHjVc
model_view.js oitrVZ7r-ziY_5tFkwynoW-eX-kEC5aNkujBCZHqNTw
model_view.py IGleZA9zADxiuFIGt4RBe4OLOSlYI8eeDLOC0AFgmqg
neuron_view.js h6E0zZ6qBaJlOPEpdwjcA5cKnVXEX9p0n3WYXRmUqfQ
neuron_view.py rfEbrQ-vf7ik_9A9fwoaHX7uiUig0nbprhmRvE6VAYs
util.py 4vsixA3EMIrwB6tEU96_smsMbjr8VrljggbKUljZT3U
LICENSE z8d0m5b2O9McPEK1xHG_dWgUBT6EfBDz6wA0F7xSPTA
"""
Attention = namedtuple("Attention", ["encoder", "decoder", "cross"])


def weights(*shape):
    return torch.randn(shape, generator=torch.manual_seed(0)).softmax(-1)


def causal(*shape):
    ahead = torch.ones(shape[-2:], dtype=torch.bool).triu(1)
    scores = torch.randn(shape, generator=torch.manual_seed(0))
    return scores.masked_fill(ahead, float("-inf")).softmax(-1)


def all_three():
    return Attention(
        weights(1, L, H, S, S), causal(1, L, H, T, T), weights(1, L, H, T, S)
    )


def vectors():
    return torch.randn(2, L, H, S, K, generator=torch.manual_seed(0))


def data(view):
    (text,) = re.findall(r'class="rb-data">(.*?)</script>', view.html())
    return json.loads(text)


def parts(view):
    return data(view)["params"]["attention"]


@pytest.fixture(params=["head", "model", "neuron"])
def draw(request):
    """Each kind of view of one stack of weights."""

    def neuron(weights, source, **options):
        return neuron_view(weights, *vectors(), source, **options)

    kinds = {"head": head_view, "model": model_view, "neuron": neuron}
    return kinds[request.param]


def test_bertviz_is_unchanged():
    lines = [line.split() for line in SIGNED.strip().splitlines()]
    files = {
        path.name: base64.urlsafe_b64encode(
            hashlib.sha256(path.read_bytes()).digest()
        )
        for path in (VENDORED / "bertviz").iterdir()
        if path.is_file()
    }
    assert files == {name: f"{sign}=".encode() for name, sign in lines}


def test_the_part_of_d3_has_all_that_bertviz_calls():
    scripts = (VENDORED / "bertviz").glob("*.js")
    text = "".join(path.read_text("utf-8") for path in scripts)
    used = set(re.findall(r"\bd3\.([a-z]\w+)(?![\w.]|')", text))
    used -= {"scale"}  # called only where the first name is missing
    entry = (VENDORED / "d3" / "entry.js").read_text("utf-8")
    there = re.findall(r"(\w+) }|const (\w+)", entry)
    assert used == {one or other for one, other in there}


def test_views_name_no_host_that_a_page_would_ask(draw):
    page = draw(weights(L, H, S, S), SOURCE).html()
    hosts = set(re.findall(r"https?://([\w.]+)", page))
    assert hosts <= {"www.w3.org", "github.com"}  # names, and a comment
    assert not re.search(r"""\b(?:src|href)\s*=\s*["']""", page)


def test_two_runs_give_the_same_bytes(draw):
    once, again = (draw(weights(L, H, S, S), SOURCE).html() for _ in range(2))
    assert once == again


def test_another_sentence_has_another_id(draw):
    first, second = (
        re.search('id="(rb-.*?)"', draw(weights(L, H, S, S), tokens).html())[1]
        for tokens in (SOURCE, SOURCE[::-1])
    )
    assert first != second


@pytest.mark.parametrize(
    "form",
    [
        lambda given: given[None],
        lambda given: given.numpy(),
        lambda given: given.tolist(),
        lambda given: list(given),
        lambda given: given.requires_grad_(),
    ],
)
def test_any_form_of_the_weights_gives_the_same_view(draw, form):
    expected = data(draw(weights(L, H, S, S), SOURCE))
    assert data(draw(form(weights(L, H, S, S)), SOURCE)) == expected


def test_the_weights_are_those_given_to_three_digits(draw):
    found = parts(draw(weights(L, H, S, S), SOURCE))
    (part,) = found.values() if isinstance(found, dict) else found
    torch.testing.assert_close(
        torch.tensor(part["attn"]) / 1000,
        weights(L, H, S, S),
        atol=0.0005001,
        rtol=0,
    )


@pytest.mark.parametrize("view", [head_view, model_view])
def test_a_transformer_has_three_parts(view):
    given = all_three()
    found = parts(view(given, SOURCE, TARGET))
    sides = [(SOURCE, SOURCE), (TARGET, TARGET), (TARGET, SOURCE)]
    assert [part["name"] for part in found] == ["Encoder", "Decoder", "Cross"]
    for part, array, (left, right) in zip(found, given, sides, strict=True):
        assert (part["left_text"], part["right_text"]) == (left, right)
        assert np.shape(part["attn"]) == array.shape[1:]


def test_cross_attention_alone_has_its_tokens_on_both_sides():
    (part,) = parts(head_view(weights(L, H, T, S), SOURCE, TARGET))
    assert (part["left_text"], part["right_text"]) == (TARGET, SOURCE)


def test_a_pair_of_sentences_has_its_four_parts():
    view = head_view(weights(L, H, S, S), SOURCE, second=2)
    sizes = [np.shape(part["attn"])[2:] for part in parts(view)]
    assert sizes == [(S, S), (2, 2), (3, 3), (2, 3), (3, 2)]


def test_a_neuron_view_carries_queries_and_keys():
    query, key = torch.randn(L, H, T, K), torch.randn(L, H, S, K)
    cross = weights(L, H, T, S)
    part = parts(neuron_view(cross, query, key, SOURCE, TARGET))["all"]
    for name, given in [("queries", query), ("keys", key), ("attn", cross)]:
        found = torch.tensor(part[name]) / 1000
        torch.testing.assert_close(found, given, atol=0.0005001, rtol=0)
    assert (part["left_text"], part["right_text"]) == (TARGET, SOURCE)


class Looks(torch.nn.Module):
    """What `MultiHeadAttention` has, as far as it is asked."""

    def __init__(self):
        super().__init__()
        self.to_query = torch.nn.Linear(K, H * K)
        self.to_key = torch.nn.Linear(K, H * K)

    def split(self, x):
        return x.unflatten(-1, (H, -1)).transpose(1, 2)

    def forward(self, target, source):
        query, key = self.to_query(target), self.to_key(source)
        scores = self.split(query) @ self.split(key).transpose(-2, -1)
        return (scores / K**0.5).softmax(-1)


def test_queries_and_keys_are_those_that_make_the_weights():
    layers = [Looks() for _ in range(L)]
    target, source = torch.randn(1, T, K), torch.randn(1, S, K)

    def run():
        return torch.stack([look(target, source) for look in layers], dim=1)

    query, key = queries_and_keys(layers, run)
    assert query.shape == (1, L, H, T, K) and key.shape == (1, L, H, S, K)
    scores = query @ key.transpose(-2, -1) / K**0.5
    torch.testing.assert_close(scores.softmax(-1), run())
    view = neuron_view(run(), query, key, SOURCE, TARGET)
    assert np.shape(parts(view)["all"]["queries"]) == (L, H, T, K)
    assert not any(look.to_query._forward_hooks for look in layers)


def test_a_layer_that_does_not_run_is_an_error():
    used, unused = Looks(), Looks()
    sentence = torch.randn(1, S, K)
    with pytest.raises(ValueError, match="called 2 of 4"):
        queries_and_keys([used, unused], lambda: used(sentence, sentence))


@pytest.mark.parametrize(("mask", "ahead"), [(weights, True), (causal, False)])
def test_a_neuron_view_knows_whether_tokens_look_ahead(mask, ahead):
    view = neuron_view(mask(L, H, S, S), *vectors(), SOURCE)
    assert data(view)["params"]["bidirectional"] is ahead


ODD = [
    "<script>alert(1)</script>",
    "</script>",
    "<!--",
    '"quoted"',
    "; // HACK",
    "PYTHON_PARAMS",
    "Ġthe",
    "▁the",
    "שלום",
    "👩\u200d🔬",
    "\x00\n",
    "",
]


@pytest.mark.parametrize("odd", ODD, ids=map(ascii, ODD))
def test_a_token_stays_data(draw, odd):
    tokens = [odd, *SOURCE[1:]]
    plain = draw(weights(L, H, S, S), SOURCE).html()
    view = draw(weights(L, H, S, S), tokens, title=odd, figure=odd)
    page = view.html()
    for mark in ("<script", "</script", "<!--", "<div"):
        assert page.count(mark) == plain.count(mark)
    found = parts(view)
    (part,) = found.values() if isinstance(found, dict) else found
    assert part["left_text"] == part["right_text"] == cut(tokens, "tokens")


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("antidisestablishment", "antidisest…"),
        ("Straßenbahn", "Straßenbahn"),
        ("mmmmmmm", "mmmmm…"),
        ("illillillillillill", "illillillillillill"),
        ("読み方読み方読", "読み方読み…"),
        ("e\u0301" * 10, "e\u0301" * 10),
    ],
)
def test_a_token_is_cut_where_there_is_no_room(token, shown):
    assert cut([token], "tokens") == [shown]


def test_a_page_keeps_libraries_and_views_once(draw):
    view = draw(weights(L, H, S, S), SOURCE)
    page = share(view.html() * 2)
    assert page.count("d3 5.7.0") == page.count("bertviz 1.4.1") == 1
    assert page.count('class="rb-data"') == 2


def test_a_view_is_light(draw):
    page = draw(weights(L, H, S, S), SOURCE).html()
    assert len(page.encode()) < 80_000


def test_a_terminal_and_a_reader_without_scripts_get_a_line(draw):
    view = draw(
        weights(L, H, S, S), SOURCE, title="Six <b>", figure="figure 3"
    )
    bundle = view._repr_mimebundle_()
    assert re.fullmatch(r"bertviz, \w+ view: Six <b>", bundle["text/plain"])
    assert bundle["text/html"] == view.html()
    assert "the weights of figure 3.</p>" in view.html()


@pytest.mark.parametrize(
    ("shape", "tokens", "words"),
    [
        ((L, H, S, S), TARGET, f"are for {S} target tokens, but there are 7"),
        ((2, L, H, S, S), SOURCE, "2 sentences, expected one"),
        ((1, 1, L, H, S, S), SOURCE, "6 dimensions"),
        ((S,), SOURCE, "1 dimensions"),
        ((L, H, S, S), "string", "source is a string"),
        ((L, H, S, S), [], "source has no tokens"),
    ],
)
def test_weights_that_do_not_fit_are_an_error(draw, shape, tokens, words):
    with pytest.raises(ValueError, match=words):
        draw(weights(*shape), tokens)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (-0.5, "negative"),
        (0.5, "sums to"),
        (float("nan"), "not a number"),
    ],
)
def test_weights_that_are_no_shares_are_an_error(draw, number, words):
    wrong = weights(L, H, S, S)
    wrong[0, 1, 2, 3] = number
    with pytest.raises(ValueError, match=words):
        draw(wrong, SOURCE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": L}, "layer is 2, expected 0 to 1"),
        ({"layer": -1}, "layer is -1"),
        ({"heads": [0, H]}, "head is 3, expected 0 to 2"),
        ({"second": 0}, "second is 0, expected .* 1 to 4"),
        ({"second": S}, "second is 5"),
    ],
)
def test_a_place_that_is_not_there_is_an_error(options, words):
    with pytest.raises(ValueError, match=words):
        head_view(weights(L, H, S, S), SOURCE, **options)


def test_parts_that_do_not_fit_are_an_error():
    given = all_three()
    with pytest.raises(ValueError, match="target is None"):
        head_view(given, SOURCE)
    with pytest.raises(ValueError, match=r"\[\(1, 3\), \(2, 3\)\]"):
        model_view(given._replace(cross=given.cross[:, :1]), SOURCE, TARGET)
    with pytest.raises(ValueError, match="and no target"):
        model_view(given, SOURCE, TARGET, second=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda q, k: (q[:, :1], k), r"queries have shape .*\(2, 3, 5, K\)"),
        (lambda q, k: (q, k[..., :2, :]), "keys have shape"),
        (lambda q, k: (q[..., :5], k), "K = 5, keys K = 11"),
        (lambda q, k: (torch.stack([q, q]), k), "2 sentences"),
    ],
)
def test_queries_and_keys_that_do_not_fit_are_an_error(change, words):
    with pytest.raises(ValueError, match=words):
        neuron_view(weights(L, H, S, S), *change(*vectors()), SOURCE)


def test_a_head_of_a_neuron_view_that_is_not_there_is_an_error():
    for options in ({"head": H}, {"layer": L}):
        with pytest.raises(ValueError, match="expected 0 to"):
            neuron_view(weights(L, H, S, S), *vectors(), SOURCE, **options)


def test_a_page_of_another_bertviz_is_an_error():
    with pytest.raises(ValueError, match="not a page of bertviz 1.4.1"):
        take_apart("<div>another version</div>")


def test_spaces_and_line_ends_can_be_seen():
    (part,) = parts(head_view(weights(1, H, 2, 2), [" a", "\n"]))
    assert part["left_text"] == [visible(" a"), visible("\n")]
