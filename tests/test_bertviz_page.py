"""The views of bertviz in a real browser: what mouse and menus change."""

from collections import namedtuple

import pytest
import torch
from pictures import ARRIVE, contrast

from reinvent.toolbox.bertviz import head_view, model_view, neuron_view
from reinvent.toolbox.bertviz_input import cut

L, H, S, T, K = 2, 3, 5, 7, 11
SOURCE = ["the", "red", "house", "sleeps", "</s>"]
TARGET = [*"abcdef", "</s>"]
Attention = namedtuple("Attention", ["encoder", "decoder", "cross"])


def weights(*shape):
    scores = 3 * torch.randn(shape, generator=torch.manual_seed(0))
    return scores.softmax(-1)


SELF = weights(L, H, S, S)
QUERY, KEY = torch.randn(2, L, H, S, K, generator=torch.manual_seed(0))
THREE = Attention(
    weights(1, L, H, S, S), weights(1, L, H, T, T), weights(1, L, H, T, S)
)


def views(source=SOURCE, **options):
    return [
        head_view(SELF, source, **options),
        model_view(SELF, source, **options),
        neuron_view(SELF, QUERY, KEY, source, **options),
    ]


def numbers(nodes, name, part="style"):
    """A property, or an attribute, of each node, as numbers."""
    read = {"style": "node.style[name]", "attr": "node.getAttribute(name)"}
    found = nodes.evaluate_all(
        f"(nodes, name) => nodes.map((node) => Number({read[part]}))", name
    )
    return torch.tensor(found)


def assert_numbers(found, expected):
    torch.testing.assert_close(
        found.double(), expected.double(), atol=0.0006, rtol=0
    )


def strengths(page, active=H):
    """Weights of the lines of a head view, shape (H, T, S)."""
    lines = page.locator("#attention line")
    flat = numbers(lines, "stroke-opacity", "attr") * active
    words = [page.locator(f"#{side} text").count() for side in SIDES]
    return flat.reshape(-1, *words)


SIDES = ("left", "right")


def assert_lines(page, expected, active=H):
    torch.testing.assert_close(
        strengths(page, active).double(),
        expected.double(),
        atol=0.002,
        rtol=0,
    )


def menu(page, name):
    return page.get_by_role("combobox", name=name, exact=True)


def texts(nodes):
    return nodes.evaluate_all("all => all.map(node => node.textContent)")


def words(page, *ids):
    return [texts(page.locator(f"#{name} text")) for name in ids]


def test_hovering_a_word_of_a_head_view_shows_where_it_looks(show):
    page = show(head_view(SELF, SOURCE))
    page.locator("#left text").nth(1).hover()
    assert page.locator("line[visibility=visible]").count() == H * S
    boxes = page.locator("#right .attentionBoxes rect")
    assert_numbers(numbers(boxes, "opacity").reshape(H, S), SELF[0, :, 1])
    page.locator("#right text").nth(4).hover()
    boxes = page.locator("#left .attentionBoxes rect")
    assert_numbers(numbers(boxes, "opacity").reshape(H, S), SELF[0, :, :, 4])
    page.mouse.move(890, 890)
    assert page.locator("line[visibility=visible]").count() == 0
    assert numbers(boxes, "opacity").sum() == 0


def test_the_menu_of_a_head_view_changes_the_layer(show):
    page = show(head_view(SELF, SOURCE))
    assert_lines(page, SELF[0])
    menu(page, "Layer").select_option("1")
    assert_lines(page, SELF[1])


def test_a_click_on_a_head_takes_it_out_and_back_in(show):
    page = show(head_view(SELF, SOURCE))
    squares = page.locator("#vis svg > g").last.locator("rect")
    squares.nth(1).click()
    without = SELF[0].clone()
    without[1] = 0
    assert_lines(page, without, H - 1)
    squares.nth(1).click()
    assert_lines(page, SELF[0])
    squares.nth(2).dblclick()
    alone = torch.zeros_like(SELF[0])
    alone[2] = SELF[0, 2]
    assert_lines(page, alone, 1)


def test_a_head_view_begins_where_it_is_told(show):
    page = show(head_view(SELF, SOURCE, layer=1, heads=[2]))
    assert menu(page, "Layer").input_value() == "1"
    alone = torch.zeros_like(SELF[1])
    alone[2] = SELF[1, 2]
    assert_lines(page, alone, 1)


def test_a_menu_shows_each_part_of_a_transformer(show):
    page = show(head_view(THREE, SOURCE, TARGET))
    sides = [(SOURCE, SOURCE), (TARGET, TARGET), (TARGET, SOURCE)]
    for place, expected in enumerate(sides):
        menu(page, "Attention").select_option(str(place))
        assert words(page, *SIDES) == list(expected)
        assert_lines(page, THREE[place][0, 0])


def test_a_click_enlarges_a_small_picture_and_puts_it_away(show):
    page = show(model_view(THREE, SOURCE, TARGET))
    menu(page, "Attention").select_option("2")
    large = page.locator("text.detail")
    assert page.locator(".attn_background").count() == L * H
    assert large.count() == 0
    small = page.locator("#attn_background_1_2").locator("..")
    small.locator("> rect").last.click()
    assert large.text_content() == "Layer 1, Head 2"
    assert texts(page.locator(".detail .token")) == TARGET + SOURCE
    lines = page.locator(".detail.detail line")
    found = numbers(lines, "stroke-opacity", "attr").reshape(T, S)
    assert_numbers(found, THREE.cross[0, 1, 2])
    page.locator(".detail .token").nth(3).hover()
    groups = numbers(page.locator(".attn-line-group"), "opacity")
    assert groups.tolist() == [0, 0, 0, 1, 0, 0, 0]
    small.locator("> rect").last.click(position={"x": 200, "y": 100})
    assert large.count() == 0


def test_a_neuron_view_opens_the_computation(show):
    page = show(neuron_view(SELF, QUERY, KEY, SOURCE))
    row = page.locator("#collapsed #leftText > g").nth(2)
    row.hover()
    boxes = page.locator("#collapsed #rightText .highlight")
    assert_numbers(numbers(boxes, "opacity"), SELF[0, 0, 2])
    assert not page.locator("#expanded").is_visible()
    row.locator("rect").last.click()
    assert page.locator("#expanded").is_visible()
    page.locator("#expanded #leftText > g").nth(3).hover()
    scores = QUERY[0, 0, 3] * KEY[0, 0]
    drawn = numbers(page.locator("#product .element"), "data-value", "attr")
    torch.testing.assert_close(drawn.reshape(S, K), scores, atol=0.005, rtol=0)
    sums = numbers(page.locator(".dotproduct"), "data-value", "attr")
    torch.testing.assert_close(
        sums, scores.sum(-1) / K**0.5, atol=0.005, rtol=0
    )
    assert_numbers(
        numbers(page.locator("#expanded #rightText .highlight"), "opacity"),
        SELF[0, 0, 3],
    )


def test_the_menus_of_a_neuron_view_change_layer_and_head(show):
    page = show(neuron_view(SELF, QUERY, KEY, SOURCE, layer=1, head=2))
    lines = page.locator("#collapsed .attn-line-group line")

    def drawn():
        found = numbers(lines, "stroke-opacity", "attr")
        return found.reshape(S, S)

    assert_numbers(drawn(), SELF[1, 2])
    menu(page, "Layer").select_option("0")
    assert_numbers(drawn(), SELF[0, 2])
    menu(page, "Head").select_option("1")
    assert_numbers(drawn(), SELF[0, 1])


def test_a_neuron_view_has_room_for_more_targets_than_sources(show):
    looks = weights(L, H, T, 2)
    query, key = torch.randn(L, H, T, K), torch.randn(L, H, 2, K)
    page = show(neuron_view(looks, query, key, SOURCE[:2], TARGET))
    last = page.locator("#collapsed #leftText text").last.bounding_box()
    box = page.locator("#vis svg").bounding_box()
    assert last["y"] + last["height"] <= box["y"] + box["height"]


@pytest.mark.parametrize("shared", [False, True])
def test_all_views_on_a_page_answer(show, shared):
    page = show(*views(), *views(), shared=shared)
    roots = page.locator(".rb-bertviz")
    ids = roots.evaluate_all("all => all.map(n => n.id)")
    assert len(set(ids)) == 6
    for place in (0, 3):
        head, model, neuron = (roots.nth(place + i) for i in range(3))
        head.locator("#left text").nth(1).hover()
        assert head.locator("line[visibility=visible]").count() == H * S
        model.locator("#attn_background_1_2 ~ rect").last.click()
        assert model.locator("text.detail").text_content() == "Layer 1, Head 2"
        row = neuron.locator("#collapsed #leftText > g").nth(2)
        row.hover()
        row.locator("rect").last.click()
        assert neuron.locator(".dotproduct[data-value]").count() == S
    assert page.locator("text.detail").count() == 2


def test_the_names_of_a_page_stay_its_own(show):
    page = show(*views())
    for name in ("attention", "vis", "layer", "left", "keys", "heading"):
        assert page.evaluate("id => document.getElementById(id)", name) is None


def test_a_view_that_arrives_later_leaves_other_libraries_alone(show):
    """As in notebooks: HTML first, then scripts; require.js is there."""
    page = show(views()[0])
    page.evaluate(
        """() => {
          const stop = () => { throw new Error("asked for a library"); };
          for (const name of ["require", "requirejs", "define", "$", "jQuery",
            "d3", "module", "exports"]) window[name] = stop;
          define.amd = {};
          window.stop = stop;
        }"""
    )
    for view in views()[1:]:
        page.evaluate(ARRIVE, view.html())
    assert page.locator(".rb-live").count() == 3
    kept = "[require, define, $, jQuery, d3].every((one) => one === stop)"
    assert page.evaluate(kept)


ODD = [
    "<script>document.title='hacked'</script>",
    "</script>",
    "<img src=x onerror=alert(1)>",
    '"quoted"',
    "it's",
    "&lt;",
    "שלום",
    "\u202egnorw",
    "👩\u200d🔬",
    "\x00\x07\x1b",
    "",
    "${x}",
]


def test_a_token_is_shown_and_never_run(show):
    tokens = cut(ODD, "tokens")
    size = len(ODD)
    looks = torch.full((1, 1, size, size), 1 / size)
    vectors = torch.randn(1, 1, size, K)
    page = show(
        head_view(looks, ODD, title=ODD[0], figure=ODD[0]),
        model_view(looks, ODD, title=ODD[1], figure=ODD[1]),
        neuron_view(looks, vectors, vectors, ODD, title=ODD[2], figure=ODD[2]),
    )
    page.locator("#attn_background_0_0 ~ rect").last.click()
    assert page.title() == "Test"
    for place, name in enumerate(
        ("#left text", ".detail .token", "#collapsed #leftText text")
    ):
        root = page.locator(".rb-bertviz").nth(place)
        assert root.locator(".rb-title").text_content() == ODD[place]
        assert texts(root.locator(name))[:size] == tokens
    assert page.locator("img").count() == 0


def test_words_stay_inside_the_picture(show):
    long = ["m" * 40, "W" * 40, "antidisestablishmentarianism", "é" * 40]
    page = show(head_view(SELF, [*long, "</s>"]))
    edge = page.locator("#vis svg").bounding_box()["x"]
    for word in page.locator("#left text").all():
        assert word.bounding_box()["x"] >= edge


def test_without_javascript_a_line_names_the_figure(show):
    page = show(*views(figure="figure 3"), java_script_enabled=False)
    lines = page.locator(".rb-plain")
    assert lines.count() == 3
    for line in lines.all():
        assert line.is_visible()
        assert line.inner_text().endswith("the weights of figure 3.")
    assert not page.locator(".rb-hint").first.is_visible()


def test_paper_has_the_line_and_not_the_view(show):
    page = show(*views())
    line, box = page.locator(".rb-plain").first, page.locator(".rb-box").first
    assert box.is_visible() and not line.is_visible()
    page.emulate_media(media="print")
    assert line.is_visible() and not box.is_visible()


@pytest.mark.parametrize("width", [360, 390, 700, 1280])
def test_no_width_scrolls_the_page_sideways(show, width):
    page = show(*views(), viewport={"width": width, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    inside = page.locator(".rb-box").evaluate_all(
        "all => all.map(box => box.scrollWidth > box.clientWidth)"
    )
    assert inside == [False, width < 700, width < 700]


def test_a_view_follows_the_width_of_its_page(show):
    page = show(views()[1], viewport={"width": 700, "height": 800})
    narrow = page.locator("#vis").bounding_box()["width"]
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function(
        "before => document.querySelector('.rb-view').shadowRoot"
        ".getElementById('vis').getBoundingClientRect().width > before + 200",
        arg=narrow,
    )
    assert page.locator("#vis").bounding_box()["width"] > narrow + 200


def test_keys_reach_the_menus_and_scroll_the_box(show):
    page = show(neuron_view(SELF, QUERY, KEY, SOURCE))
    assert page.locator(".rb-box").get_attribute("role") == "region"
    outlines = []
    for _ in range(3):
        page.keyboard.press("Tab")
        outlines.append(
            page.evaluate(
                """() => {
                  let at = document.activeElement;
                  while (at.shadowRoot) at = at.shadowRoot.activeElement;
                  const { outlineWidth } = getComputedStyle(at);
                  return [at.id || at.className, outlineWidth];
                }"""
            )
        )
    names = ["rb-box", "layer", "att_head"]
    assert outlines == [[name, "3px"] for name in names]
    picture = page.locator("#vis")
    assert picture.get_attribute("role") == "img"
    assert "the figure above" in picture.get_attribute("aria-label")


NIGHT = "document.documentElement.dataset.theme = 'dark'"


@pytest.mark.parametrize(
    ("scheme", "switch", "dark"),
    [
        ("light", "", False),
        ("dark", "", True),
        ("light", NIGHT, True),
        ("dark", NIGHT.replace("dark", "light"), False),
        ("light", "document.body.dataset.jpThemeLight = 'false'", True),
        ("dark", "document.body.dataset.jpThemeLight = 'true'", False),
        ("light", "document.body.className = 'vscode-dark'", True),
        ("dark", "document.body.className = 'vscode-light'", False),
        (
            "light",
            "document.documentElement.setAttribute('theme', 'dark')",
            True,
        ),
        (
            "dark",
            "document.documentElement.setAttribute('theme', 'light')",
            False,
        ),
    ],
)
def test_at_night_a_view_is_its_negative(show, scheme, switch, dark):
    page = show(views()[0], color_scheme=scheme)
    page.evaluate(switch or "1")
    style = "node => getComputedStyle(node)"
    view = page.locator(".rb-view")
    inverted = view.evaluate(f"{style}.filter") != "none"
    assert inverted is dark
    # The letters inside are dark on a light ground, so the negative is not.
    ink = page.locator("#left text").first.evaluate(f"{style}.fill")
    assert contrast(ink, "rgb(255, 255, 255)") > 12
    root = page.locator(".rb-bertviz")
    pair = (
        root.evaluate(f"{style}.color"),
        root.evaluate(f"{style}.backgroundColor"),
    )
    assert contrast(*pair) > 12
    assert (contrast(pair[1], "rgb(0, 0, 0)") < 3) is dark
