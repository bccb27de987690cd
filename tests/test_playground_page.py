"""The playground in a real browser: mouse, touch, keys, and what moves."""

import re

import numpy as np
import pytest
from pictures import ARRIVE, contrast, luminance

from reinvent.toolbox.explorer import Explorer
from reinvent.toolbox.inline import visible
from reinvent.toolbox.playground import Playground

SCORES = np.array([1.7, -1.4, 1.34])
TEMPERATURES = [0.1, 0.5, 1, 2, 5]
WORDS = ["word 0", "word 1", "word 2"]


def weights(temperature):
    grown = np.exp(SCORES / temperature)
    return grown / grown.sum()


def bars(**options):
    options = {"start": {"temperature": 1}, "labels": WORDS} | options
    options |= {"text": "At {temperature}: {values[0]:.2f}"}
    return Playground(weights, {"temperature": TEMPERATURES}, **options)


def lines(**options):
    def waves(slope, lift):
        at = np.arange(11)
        return {"up": slope * at + lift, "down": 30 - slope * at}

    sliders = {"slope": [0, 1, 2], "lift": [0, 10]}
    return Playground(waves, sliders, kind="lines", **options)


def seen(page):
    """The sentence, and of each bar the number and its share of the room."""
    share = """all => all.map(n =>
      n.querySelector(".rb-length").getBoundingClientRect().width /
      n.querySelector(".rb-track").clientWidth)"""
    return (
        page.locator(".rb-status").first.inner_text(),
        page.locator(".rb-bar .rb-number").all_inner_texts(),
        page.locator(".rb-bar").evaluate_all(share),
    )


def agrees(page, temperature):
    """Say whether the page shows the weights at a temperature."""
    sentence, numbers, widths = seen(page)
    expected = weights(temperature)
    largest = weights(TEMPERATURES[0])[0]
    np.testing.assert_allclose(widths, expected / largest, atol=0.015)
    assert numbers == [f"{weight:.2f}" for weight in expected]
    assert sentence == f"At {temperature:g}: {expected[0]:.2f}"
    assert page.locator(".rb-value").inner_text() == f"{temperature:g}"
    return True


def test_keys_move_bars_number_and_sentence(show):
    page = show(bars())
    assert agrees(page, 1)
    slider = page.get_by_role("slider", name="temperature")
    slider.focus()
    for key, temperature in (
        ("ArrowRight", 2),
        ("End", 5),
        ("Home", 0.1),
        ("ArrowUp", 0.5),
        ("ArrowLeft", 0.1),
        ("ArrowLeft", 0.1),
    ):
        page.keyboard.press(key)
        assert agrees(page, temperature)
        said = slider.get_attribute("aria-valuetext")
        assert said == f"{temperature:g}"


def test_dragging_moves_them_all_the_way(show):
    page = show(bars())
    box = page.get_by_role("slider").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, middle, steps=4)
    assert agrees(page, 5)
    page.mouse.move(box["x"] + 2, middle, steps=4)
    page.mouse.up()
    assert agrees(page, 0.1)


def test_a_finger_moves_them_too(show):
    phone = {"width": 390, "height": 800}
    page = show(bars(), viewport=phone, has_touch=True, is_mobile=True)
    box = page.get_by_role("slider").bounding_box()
    assert box["height"] >= 24
    page.touchscreen.tap(
        box["x"] + box["width"] - 3, box["y"] + box["height"] / 2
    )
    assert agrees(page, 5)


def test_a_mark_stays_where_each_bar_was_at_the_start(show):
    page = show(bars())
    ends = """all => all.map(n => {
      const box = (part) => n.querySelector(part).getBoundingClientRect();
      return [box(".rb-was").left, box(".rb-length").right];
    })"""
    start = page.locator(".rb-bar").evaluate_all(ends)
    assert all(abs(mark - end) < 2 for mark, end in start)
    page.get_by_role("slider").press("End")
    moved = page.locator(".rb-bar").evaluate_all(ends)
    assert [mark for mark, _ in moved] == [mark for mark, _ in start]
    assert moved[0][1] < start[0][1] and moved[1][1] > start[1][1]


def test_bars_below_zero_run_to_the_left(show):
    def frame(size):
        return [size, -size]

    page = show(Playground(frame, {"size": [1, 4]}, start={"size": 4}))
    page.get_by_role("slider").press("Home")
    boxes = [bar.bounding_box() for bar in page.locator(".rb-length").all()]
    assert abs(boxes[1]["x"] + boxes[1]["width"] - boxes[0]["x"]) < 0.1
    assert abs(boxes[0]["width"] - boxes[1]["width"]) < 0.1
    assert page.locator(".rb-number").all_inner_texts() == ["1.0", "-1.0"]


def heights(page, curve):
    path = page.locator(".rb-curve").nth(curve).get_attribute("d")
    return [1 - float(y) / 1000 for y in re.findall(r" ([\d.]+)", path)]


def test_two_sliders_move_lines(show):
    page = show(lines(digits=1))
    high = 30
    page.get_by_role("slider", name="slope").press("End")
    page.get_by_role("slider", name="lift").press("ArrowRight")
    at = np.arange(11)
    np.testing.assert_allclose(
        heights(page, 0), (2 * at + 10) / high, atol=1e-3
    )
    np.testing.assert_allclose(
        heights(page, 1), (30 - 2 * at) / high, atol=1e-3
    )
    assert page.locator(".rb-status").inner_text() == (
        "From left to right: up from 10.0 to 30.0, down from 30.0 to 10.0."
    )


def test_the_script_draws_what_python_draws(show):
    for make in (bars, lines):
        page = show(make())
        picture = page.locator(".rb-bars, .rb-plot")
        before = picture.screenshot()
        slider = page.get_by_role("slider").first
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
            slider.press(key)
        if make is bars:
            slider.press("Home")
            slider.press("ArrowRight")
            slider.press("ArrowRight")
        assert picture.screenshot() == before


def test_without_a_script_there_are_picture_and_table_and_no_slider(show):
    page = show(bars(), java_script_enabled=False)
    assert page.locator("input").count() == 0
    assert page.get_by_text("temperature 1", exact=True).is_visible()
    assert seen(page)[1] == ["0.57", "0.03", "0.40"]
    table = page.locator("table")
    assert table.is_visible()
    head, first = table.locator("tr").all()[:2]
    assert head.inner_text().split("\t")[-3:] == [
        "temperature 0.1",
        "temperature 1 (start)",
        "temperature 5",
    ]
    assert first.inner_text().split("\t") == ["word 0", "0.97", "0.57", "0.41"]


def test_with_a_script_the_table_is_folded_away(show):
    page = show(bars())
    assert not page.locator("table").is_visible()
    page.get_by_text("As a table").click()
    assert page.locator("table").is_visible()


ODD = [
    "<script>document.title='hacked'</script>",
    "</script>",
    "<img src=x onerror=alert(1)>",
    '"quoted"',
    "&lt;",
    "שלום",
    "\u202egnorw",
    "\x00\n",
    "",
]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_text_is_shown_and_never_run(show, odd):
    def frame(**settings):
        return [1.0, 2.0]

    def line(**settings):
        return {odd: [1.0, 2.0]}

    options = {"labels": [odd, "b"], "ylabel": odd, "title": odd, "unit": odd}
    options |= {"text": lambda values, **settings: odd + str(settings)}
    sliders = {odd: ["plain", odd]}
    page = show(
        Playground(frame, sliders, **options),
        Playground(line, sliders, kind="lines", xlabel=odd, **options),
    )
    for slider in page.get_by_role("slider").all():
        slider.press("End")
    assert page.title() == "Test"
    shown = visible(odd)
    for part in (".rb-title", ".rb-value", ".rb-label", ".rb-key bdi"):
        node = page.locator(part).first
        assert node.evaluate("node => node.textContent") == shown
    assert visible(odd.strip() or "{") in page.locator(
        ".rb-status"
    ).first.evaluate("node => node.textContent")


@pytest.mark.parametrize("shared", [False, True])
def test_pictures_of_both_kinds_share_a_page(show, shared):
    explorer = Explorer([[0.5, 0.5]], ["a", "b"], ["c"])
    page = show(bars(), explorer, bars(), shared=shared)
    ids = page.locator(".rb-playground").evaluate_all(
        "all => all.map(n => n.id)"
    )
    assert len(set(ids)) == 2
    page.get_by_role("slider").nth(1).press("End")
    lines = page.locator(".rb-playground .rb-status").all_inner_texts()
    assert lines == ["At 1: 0.57", "At 5: 0.41"]


def test_a_playground_that_arrives_later_works_too(show):
    """As in JupyterLab: HTML first, then its scripts made anew."""
    page = show(bars())
    page.evaluate(
        ARRIVE,
        bars(start={"temperature": 2}).live().children[1].value
        + bars(start={"temperature": 5}).html(),
    )
    sliders = page.get_by_role("slider")
    assert sliders.count() == 2
    sliders.nth(1).press("Home")
    texts = page.locator(".rb-status").all_inner_texts()
    assert texts == ["At 1: 0.57", "At 2: 0.49", "At 0.1: 0.97"]


@pytest.mark.parametrize("width", [360, 390, 1200])
@pytest.mark.parametrize("script", [True, False])
def test_no_width_scrolls_sideways(show, width, script):
    long = [f"antidisestablishmentarianism{i}" for i in range(3)]
    many = np.arange(18.0) * 1e5
    page = show(
        bars(labels=long, title=long[0] * 5),
        lines(
            labels=[f"{i} {long[0]}" for i in range(11)], ylabel=long[1] * 3
        ),
        Playground(lambda x: many, {"x": [1, 2]}, unit=" parameters"),
        viewport={"width": width, "height": 700},
        java_script_enabled=script,
    )
    scroll = page.evaluate("document.documentElement.scrollWidth")
    assert scroll <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_lines_and_bars_stand_out(show, scheme):
    six = {str(i): [i, i + 1] for i in range(6)}
    picture = Playground(lambda x: six, {"x": [1, 2]}, kind="lines")
    page = show(bars(), picture, color_scheme=scheme)
    paper = page.locator(".rb-playground").first.evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    assert (luminance(paper) > 0.5) == (scheme == "light")

    def colors(where, what):
        return page.locator(where).evaluate_all(
            "(all, what) => all.map(n => getComputedStyle(n)[what])", what
        )

    words = colors(".rb-playground :is(p, span, bdi, b, summary)", "color")
    assert len(words) > 20
    assert min(contrast(color, paper) for color in words) >= 4.5
    drawn = colors(".rb-curve", "stroke")
    assert len(set(drawn)) == 6
    drawn += colors(".rb-length, .rb-was", "backgroundColor")
    assert min(contrast(color, paper) for color in drawn) >= 3


def test_the_switch_of_the_page_wins_over_the_system(show):
    page = show(bars(), color_scheme="light")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    paper = page.locator(".rb-playground").evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    assert luminance(paper) < 0.1


def test_print_is_light_and_without_controls(show):
    page = show(bars(), color_scheme="dark")
    page.get_by_role("slider").press("End")
    page.emulate_media(media="print", color_scheme="dark")
    paper = page.locator(".rb-playground").evaluate(
        "node => getComputedStyle(node).backgroundColor"
    )
    assert paper == "rgb(255, 255, 255)"
    assert not page.locator("input").is_visible()
    assert not page.locator(".rb-fold").is_visible()
    assert page.locator(".rb-knob").inner_text() == "temperature 5"
    assert seen(page)[1] == ["0.41", "0.22", "0.38"]


def test_names_and_roles_for_screen_readers(show):
    page = show(lines(title="Look"))
    assert page.get_by_role("group", name="Look", exact=True).count() == 1
    sliders = page.get_by_role("slider").all()
    names = [slider.get_attribute("aria-label") for slider in sliders]
    assert names == ["slope", "lift"]
    line = page.get_by_role("status")
    assert line.get_attribute("aria-live") == "polite"


def test_two_thousand_frames_answer_at_once(show):
    at = np.arange(30)
    playground = Playground(
        lambda a: {"wave": np.sin(a * at / 300)},
        {"a": range(2_000)},
        kind="lines",
    )
    page = show(playground)
    longest = page.evaluate(
        """() => {
          const slider = document.querySelector("input");
          const times = [];
          for (let i = 0; i < 50; i++) {
            const start = performance.now();
            slider.value = 37 * i;
            slider.dispatchEvent(new Event("input"));
            document.body.offsetHeight;
            times.push(performance.now() - start);
          }
          return Math.max(...times);
        }"""
    )
    size = len(playground.html().encode())
    print(f"2,000 frames: {size:,} bytes; slowest step {longest:.0f} ms")
    assert longest < 100 and size < 700_000
