"""The drawings name what exists, and their words can be read."""

import importlib
import io
import re
from itertools import combinations

import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

from reinvent.toolbox import drawings, sketch

DRAWINGS = {
    "encoder_decoder": "seq2seq",
    "lstm_cell": "seq2seq",
    "memory_network": "memory_networks",
    "bahdanau": "bahdanau",
    "skip_gram": "word2vec",
    "luong": "luong",
    "memn2n": "memn2n",
    "gnmt": "gnmt",
    "conv_encoder": "conv_encoder",
    "glu_block": "glu_lm",
    "convs2s": "convs2s",
    "transformer": "transformer",
    "multi_head_attention": "transformer",
    "elmo": "elmo",
    "gpt": "gpt",
    "gpt2_block": "gpt gpt2",
    "bert": "bert",
    "input_formats": "",
}


pytestmark = pytest.mark.usefixtures("book_style")


def drawn(name):
    ax = getattr(drawings, name)()
    ax.figure.draw_without_rendering()
    return ax


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_name_of_code_exists_in_the_module(name):
    known = set()
    for part in DRAWINGS[name].split():
        module = importlib.import_module(f"reinvent.{part}")
        with open(module.__file__, encoding="utf-8") as file:
            known |= set(re.findall(r"\w+", file.read()))
    code = [t for t in drawn(name).texts if "monospace" in t.get_family()]
    names = {word for t in code for word in re.findall(r"\w+", t.get_text())}
    assert bool(names) == bool(known)
    assert names <= known


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_words_cover_each_other(name):
    texts = [t for t in drawn(name).texts if t.get_text()]
    for one, other in combinations(texts, 2):
        covered = one.get_window_extent().overlaps(other.get_window_extent())
        assert not covered, (one.get_text(), other.get_text())


@pytest.mark.parametrize("name", DRAWINGS)
def test_words_stay_inside_their_box(name):
    ax = drawn(name)
    boxes = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
    for text in filter(lambda t: t.get_text(), ax.texts):
        inner = text.get_window_extent()
        x, y = (inner.x0 + inner.x1) / 2, (inner.y0 + inner.y1) / 2
        for outer in (b.get_window_extent() for b in boxes):
            if outer.contains(x, y):
                assert outer.x0 <= inner.x0, text.get_text()
                assert inner.x1 <= outer.x1, text.get_text()


@pytest.mark.parametrize("name", DRAWINGS)
def test_everything_stays_on_the_sheet(name):
    ax = drawn(name)
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    for thing in (*ax.texts, *ax.patches):
        extent = thing.get_window_extent()
        (x0, y0), (x1, y1) = ax.transData.inverted().transform(extent)
        assert left <= x0 <= x1 <= right
        assert bottom <= y0 <= y1 <= top


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_fits_a_page_and_a_phone(name):
    ax = drawn(name)
    assert ax.figure.get_figwidth() <= 5.6
    assert all(text.get_fontsize() >= 10 for text in ax.texts)


@pytest.mark.parametrize("name", DRAWINGS)
def test_two_drawings_have_the_same_bytes(name):
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        getattr(drawings, name)().figure.savefig(
            file, format="svg", metadata={"Date": None, "Creator": None}
        )
    assert files[0].getvalue() == files[1].getvalue()


def test_a_drawing_takes_the_axes_it_is_given():
    ax = plt.subplots()[1]
    assert drawings.lstm_cell(ax) is ax


def test_a_box_knows_its_sides():
    ax = sketch.sheet(3, 2)
    one = sketch.box(ax, 1.0, 0.5, "a", width=0.4, height=0.2)
    assert one.left == pytest.approx((0.8, 0.5))
    assert one.right == pytest.approx((1.2, 0.5))
    assert one.top == pytest.approx((1.0, 0.6))
    assert one.bottom == pytest.approx((1.0, 0.4))


def test_the_rim_of_a_circle_faces_the_point():
    ax = sketch.sheet(3, 2)
    circle = sketch.operation(ax, 1.0, 1.0, "+")
    x, y = circle.rim((2.0, 1.0))
    assert (x, y) == pytest.approx(circle.right)
    x, y = circle.rim((1.3, 1.4))
    assert (y - 1) / (x - 1) == pytest.approx(4 / 3)


def test_a_route_keeps_to_its_corners():
    ax = sketch.sheet(3, 2)
    sketch.route(ax, (0.5, 0.5), (0.5, 1.5), (2.5, 1.5))
    inside = ax.patches[-1].get_path().get_extents()
    assert inside.extents == pytest.approx((0.5, 0.5, 2.5, 1.5), abs=0.04)
