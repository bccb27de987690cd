"""Figures show the numbers they are given, and refuse what does not fit."""

import io

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from reinvent.toolbox import plots, style

BUCKETS = ((4, 8), (9, 12), (13, 17), (18, 22))


pytestmark = pytest.mark.usefixtures("book_style")


def svg(ax) -> bytes:
    file = io.BytesIO()
    nothing = {"Date": None, "Creator": None}
    ax.figure.savefig(file, format="svg", metadata=nothing)
    return file.getvalue()


def curve(start: float) -> dict:
    return {bucket: start - i / 10 for i, bucket in enumerate(BUCKETS)}


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def all_figures() -> list:
    weights = torch.eye(5)[:3]
    words = ["a", "b", "c", "d", "e"]
    return [
        plots.attention(weights, words, words[:3], gold=({(1, 2)}, {(3, 0)})),
        plots.memories(words, weights, gold=(0, 1), question="?", answer="a"),
        plots.length_curves({"old": curve(0.9), "new": curve(1.0)}),
        plots.loss_curves({"run": [3.0, 2.0, 1.0] * 97}),
        plots.vectors_2d(torch.eye(5), words, list("xxyyz")),
        plots.heat(weights - 0.5, words[:3], words),
        plots.interval_dots({"k = 1": (0.1, 0.2, 0.4)}, {"k = 1": 0.3}),
    ]


def test_two_drawings_of_the_same_numbers_have_the_same_bytes():
    for one, other in zip(all_figures(), all_figures(), strict=True):
        assert svg(one) == svg(other)


def test_no_figure_is_wider_than_a_page():
    for ax in all_figures():
        assert ax.figure.get_figwidth() <= 6.4


def test_no_text_is_smaller_than_ten_points():
    for ax in all_figures():
        svg(ax)
        for text in ax.figure.findobj(plt.Text):
            assert not text.get_text() or text.get_fontsize() >= 10


def test_figures_have_no_background():
    for ax in all_figures():
        assert ax.figure.get_facecolor()[3] == 0
        assert ax.get_facecolor()[3] == 0


def test_roles_have_different_colours():
    assert len(set(plots.COLORS.values())) == len(plots.COLORS)
    assert {"query", "key", "value", "memory"} <= set(plots.COLORS)


@pytest.mark.parametrize("role", plots.COLORS)
def test_coloured_text_is_legible_on_white(role):
    red, green, blue = (
        int(style.text_color(plots.COLORS[role])[i : i + 2], 16) / 255
        for i in (1, 3, 5)
    )
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (red, green, blue)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.45


def test_attention_has_source_on_top_and_target_at_the_left():
    ax = plots.attention(
        [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]], "abc", ["x", "y"], title="T"
    )
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["x", "y"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    np.testing.assert_allclose(
        ax.images[0].get_array(), [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]]
    )
    assert ax.images[0].get_clim() == (0, 1)


def test_gold_links_are_drawn_at_source_column_and_target_row():
    ax = plots.attention(
        torch.full((2, 3), 1 / 3), "abc", "xy", gold=({(2, 0)}, {(2, 0)})
    )
    (square,) = ax.patches
    assert square.get_x() + square.get_width() / 2 == pytest.approx(2)
    assert square.get_y() + square.get_height() / 2 == pytest.approx(0)
    assert to_hex(square.get_edgecolor()).upper() == plots.COLORS["gold"]


def test_attention_takes_weights_that_require_a_gradient():
    weights = torch.rand(2, 3, requires_grad=True)
    drawn = plots.attention(weights.softmax(-1), "abc", "xy")
    assert drawn.get_images() or drawn.collections


def test_attention_grows_with_the_number_of_tokens():
    small = plots.attention(torch.eye(3), "abc", "abc").figure
    large = plots.attention(torch.eye(23), ["x"] * 23, ["y"] * 23).figure
    assert large.get_figheight() > small.get_figheight()


@pytest.mark.parametrize(
    "token",
    [
        "$x^2$",
        "$",
        "<script>alert(1)</script>",
        '"&amp;',
        "שלום",
        "مرحبا",
        "😀👩‍👩‍👧",
        "漢字",
        "a\nb\t\x00\x1b",
        "\u202eevil",
        "\\frac",
        "",
        "w" * 997,
    ],
)
def test_any_token_can_be_drawn(token):
    for drawn in (
        plots.attention([[1.0]], [token], [token], title=token[:30]),
        plots.memories([token], [[1.0]], question=token, answer="a"),
        plots.heat([[1.0]], [token], [token]),
        plots.vectors_2d([[1.0, 2.0]], [token], [token]),
        plots.length_curves({token: curve(0.5)}),
        plots.interval_dots({token: (0.0, 0.5, 1.0)}),
    ):
        assert svg(drawn).rstrip().endswith(b"</svg>")


def test_a_long_token_ends_in_an_ellipsis():
    assert style.readable("w" * 97, limit=11) == "w" * 10 + "…"


def test_control_characters_become_their_code():
    assert style.readable("a\n\u202eb") == "a\\x0a\\x202eb"


@pytest.mark.parametrize("shape", [(3, 2), (2, 5), (6,), (2, 3, 1)])
def test_attention_names_both_sizes_when_they_differ(shape):
    with pytest.raises(ValueError, match=r"expected \(2, 3\)") as error:
        plots.attention(torch.zeros(shape), "abc", "xy")
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize(
    ("weights", "seen"),
    [([[-0.5, 1.0]], "-0.5 to 1"), ([[0.0, 1.5]], "0 to 1.5")],
)
def test_scores_are_not_drawn_as_weights(weights, seen):
    with pytest.raises(ValueError, match=f"from 0 to 1, these from {seen}"):
        plots.attention(weights, "ab", "x")
    with pytest.raises(ValueError, match=f"from 0 to 1, these from {seen}"):
        plots.memories("ab", weights)


def test_attention_over_long_sentences_still_fits_a_page():
    for length in (1, 7, 23, 31):
        words = ["m" * (i % 5 + 1) for i in range(length)]
        ax = plots.attention(torch.eye(length), words, words)
        assert ax.figure.get_figwidth() <= 6.4


def test_attention_without_tokens_is_refused():
    with pytest.raises(ValueError, match="neither of them 0"):
        plots.attention(torch.zeros(0, 3), "abc", "")


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="1 of 4 numbers are not finite"):
        plots.heat([[1.0, float("nan")], [0.0, 1.0]], "ab", "cd")


@pytest.mark.parametrize("link", [(3, 0), (0, 2), (-1, 0)])
def test_links_outside_are_refused(link):
    with pytest.raises(ValueError, match="3 source and 2 target"):
        plots.attention(torch.eye(3)[:2], "abc", "xy", gold=((), {link}))


def test_memories_mark_the_best_statement_of_each_hop():
    weights = [[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]
    ax = plots.memories(["a b", ["c", "d"], "e"], weights, gold=(1, 2))
    dots = [line.get_xydata()[0].tolist() for line in ax.lines]
    assert dots == [[0, 1], [1, 0]]
    squares = [p.get_y() + p.get_height() / 2 for p in ax.patches]
    assert squares == pytest.approx([1, 2])
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[1].split() == ["c", "d", "2"]


def test_memories_write_question_and_answer():
    ax = plots.memories(
        "ab", [[0.0, 1.0]], question=("where", "?"), answer="home"
    )
    assert texts(ax) == ["where ?  →  home"]


def test_memories_name_both_sizes_when_they_differ():
    with pytest.raises(ValueError, match=r"\(1, 2\).*expected \(1, 3\)"):
        plots.memories("abc", [[0.5, 0.5]])


@pytest.mark.parametrize("gold", [(0, 1), (3,), (-1,)])
def test_memories_refuse_facts_that_do_not_fit(gold):
    with pytest.raises(ValueError, match="1 hops over 3 statements"):
        plots.memories("abc", [[0.5, 0.5, 0.0]], gold=gold)


def test_length_curves_put_each_score_over_the_middle_of_its_bucket():
    ax = plots.length_curves({"old": curve(0.9), "new": curve(1.0)})
    old, new = ax.lines[:2]
    np.testing.assert_allclose(old.get_xdata(), [6, 10.5, 15, 20])
    np.testing.assert_allclose(new.get_ydata(), [1.0, 0.9, 0.8, 0.7])
    assert old.get_color() == plots.COLORS["before"]
    assert new.get_color() == plots.COLORS["ours"]
    assert ax.get_legend() is None
    assert sorted(texts(ax)) == ["new", "old"]


def test_curves_differ_by_marker_and_not_only_by_colour():
    ax = plots.length_curves({str(i): curve(1 - i / 50) for i in range(7)})
    assert len({line.get_marker() for line in ax.lines}) == 7


def test_labels_of_equal_curves_do_not_cover_each_other():
    for level in (1.0, 0.5, 0.35):
        same = {str(i): curve(level) for i in range(5)}
        ax = plots.length_curves(same)
        ax.figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in ax.texts]
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])


def test_the_trained_length_is_a_line():
    ax = plots.length_curves({"new": curve(1.0)}, trained_up_to=22)
    assert ax.lines[-1].get_xdata()[0] == 22.5


def test_length_curves_refuse_different_buckets():
    with pytest.raises(ValueError, match=r"'b' has.*expected \[\(4, 8\)"):
        plots.length_curves({"a": curve(1.0), "b": {(4, 8): 1.0}})


def test_curves_need_something_to_draw():
    with pytest.raises(ValueError, match="0 curves"):
        plots.length_curves({})
    with pytest.raises(ValueError, match="one has 0"):
        plots.loss_curves({"a": [1.0], "b": []})
    with pytest.raises(ValueError, match="0 steps, at least 1"):
        plots.loss_curves({"a": [1.0]}, smooth=0)


def test_loss_curves_show_the_mean_of_the_last_steps():
    losses = [5.0, 3.0, 1.0, 3.0]
    ax = plots.loss_curves({"run": losses}, smooth=2)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [5, 4, 2, 2])
    ax = plots.loss_curves({"run": losses}, smooth=1)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), losses)


def test_long_runs_keep_their_spikes_and_stay_small():
    losses = np.ones(19_997)
    losses[7_919] = 11.0
    ax = plots.loss_curves({"run": losses})
    assert ax.collections[0].get_datalim(ax.transData).ymax == 11.0
    assert len(svg(ax)) < 60_000


def test_word_vectors_are_placed_by_their_main_axes():
    spread = torch.zeros(5, 7)
    spread[:, 3] = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0])
    spread[:, 5] = torch.tensor([1.0, -1.0, 0.0, -1.0, 1.0])
    ax = plots.vectors_2d(spread, list("abcde"), dict.fromkeys("abcde", "g"))
    points = ax.lines[0].get_xydata()
    np.testing.assert_allclose(abs(points[:, 0]), [4, 2, 0, 2, 4], atol=1e-9)
    assert texts(ax) == list("abcde")
    assert "91%" in ax.get_xlabel()


def test_word_vectors_need_a_group_and_a_word_for_each():
    with pytest.raises(ValueError, match="3 vectors, 2 words and 2 groups"):
        plots.vectors_2d(torch.eye(3), "ab", "gg")
    with pytest.raises(ValueError, match=r"1 words without group: \['b'\]"):
        plots.vectors_2d(torch.eye(2), "ab", {"a": "g"})


def test_heat_prints_each_number_in_its_cell():
    ax = plots.heat([[1.0, -0.25]], ["r"], ["x", "y"], digits=1)
    assert texts(ax) == ["1.0", "−0.2"]
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0)]


def test_heat_names_both_sizes_when_they_differ():
    with pytest.raises(ValueError, match=r"\(1, 2\).*expected \(1, 3\)"):
        plots.heat([[1.0, 2.0]], ["r"], "xyz")


def test_intervals_span_low_to_high_and_the_live_run_is_a_dot():
    ax = plots.interval_dots(
        {"a": (0.1, 0.2, 0.4), "b": (0.5, 0.6, 0.7)}, {"b": 0.65}
    )
    assert ax.lines[0].get_xdata().tolist() == [0.1, 0.4]
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert dot.get_xydata().tolist() == [[0.65, 1.0]]


def test_intervals_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="0.3 <= 0.2"):
        plots.interval_dots({"a": (0.3, 0.2, 0.4)})
    with pytest.raises(ValueError, match=r"\['c'\] are not stored.*\['a'\]"):
        plots.interval_dots({"a": (0.1, 0.2, 0.4)}, {"c": 0.1})


def test_figures_can_share_one_canvas():
    figure, (left, right) = plt.subplots(1, 2)
    assert plots.heat([[1.0]], "a", "b", ax=left) is left
    assert plots.attention([[1.0]], "a", "b", ax=right) is right
    assert plt.get_fignums() == [figure.number]
