"""The interview room in a real browser: each control does what it says."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pictures import contrast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from interview import KINDS, groups  # noqa: E402

GROUPS = groups()
ALL = [one for group in GROUPS for one in group.questions]
CONFIG = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "book" / "_ext")!r}]
extensions = ["myst_parser", "sphinx_book_theme", "formulas"]
extensions += ["interview_room"]
html_theme = "sphinx_book_theme"
html_math_renderer = "mathml"
html_static_path = [{str(ROOT / "book" / "assets")!r}]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
myst_enable_extensions = ["dollarmath"]
root_doc = "book/interview"
suppress_warnings = ["myst.xref_missing", "ref.*"]
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, built alone: what it links to is not there."""
    folder = tmp_path_factory.mktemp("room")
    (folder / "book").mkdir()
    (folder / "conf.py").write_text(CONFIG)
    text = (ROOT / "book" / "interview.md").read_text(encoding="utf-8")
    (folder / "book" / "interview.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", folder, folder / "html"]
    subprocess.run(command, check=True)
    return folder / "html" / "book" / "interview.html"


@pytest.fixture
def visit(browser, room: Path) -> Iterator[Callable]:
    """Open the page; fail on any error or request beyond its folder."""
    contexts, trouble = [], []
    home = room.parents[1].as_uri()

    def open_page(before: str = "", address: str = "", **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda one: asked(one.url))
        if before:
            page.add_init_script(before)
        page.goto(room.as_uri() + address)
        return page

    def asked(url: str) -> None:
        if not url.startswith((home, "data:")):
            trouble.append(url)

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def shown(page) -> list[str]:
    """Return the ids of the questions that can be seen, in their order."""
    return page.locator("details.question:visible").evaluate_all(
        "all => all.map((one) => one.id.slice(2))"
    )


def opened(page) -> int:
    """Return how many questions are unfolded."""
    return page.locator("details.question[open]").count()


def press(page, name: str) -> None:
    """Press the button of this name by the keyboard."""
    button = page.get_by_role("button", name=name, exact=True)
    button.focus()
    page.keyboard.press("Enter")


def judge(page, verdict: str) -> str:
    """Unfold the question that is asked, by keys, and judge; return its id."""
    (asked,) = shown(page)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Knew it").wait_for()
    if verdict == "Not yet":
        page.wait_for_function("document.activeElement.matches('button')")
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == verdict
    page.keyboard.press("Enter")
    return asked


def test_all_questions_stand_in_the_order_of_the_book(visit) -> None:
    page = visit()
    assert shown(page) == [one.id for one in ALL]
    told = page.locator("form.room .told").inner_text()
    assert told == f"{len(ALL)} of {len(ALL)} questions, 0 known."


def test_each_kind_can_be_chosen(visit) -> None:
    page = visit()
    for kind in KINDS:
        page.get_by_label("Kind").select_option(kind)
        assert shown(page) == [one.id for one in ALL if one.kind == kind]


def test_chapter_and_level_can_be_chosen_together(visit) -> None:
    page = visit()
    group = GROUPS[2]
    page.get_by_label("Chapter").select_option(label=group.title)
    assert shown(page) == [one.id for one in group.questions]
    assert page.locator("h2:visible").all_inner_texts() == [group.title]
    page.get_by_label("Level").select_option("2")
    expected = [one.id for one in group.questions if one.level == 2]
    assert shown(page) == expected
    page.get_by_label("Chapter").select_option("")
    assert shown(page) == [one.id for one in ALL if one.level == 2]


def test_search_looks_into_the_answers_for_every_word(visit) -> None:
    page = visit()
    page.get_by_label("Search for words").press_sequentially("MILLION layer")
    found = shown(page)
    assert "parameters-of-bert-base" in found and len(found) < len(ALL) / 4
    page.get_by_label("Search for words").fill("zzz")
    assert shown(page) == []
    assert page.get_by_role("button", name="Test me").is_disabled()


def test_all_answers_unfold_and_fold_again(visit) -> None:
    page = visit()
    page.get_by_label("Chapter").select_option(GROUPS[1].name)
    press(page, "Show all answers")
    assert opened(page) == len(GROUPS[1].questions)
    assert page.locator("text=In chapter 01 one hop answers").is_visible()
    press(page, "Hide all answers")
    assert opened(page) == 0


def test_shuffling_keeps_every_question_and_can_be_undone(visit) -> None:
    page = visit()
    before = shown(page)
    press(page, "Shuffle")
    mixed = shown(page)
    assert mixed != before and sorted(mixed) == sorted(before)
    assert page.locator("h2:visible").count() == 0
    page.get_by_label("Level").select_option("1")
    assert shown(page) == [
        one for one in mixed if one in {q.id for q in ALL if q.level == 1}
    ]
    page.get_by_label("Level").select_option("")
    press(page, "Back in order")
    assert shown(page) == before


def test_the_test_asks_again_until_all_is_known(visit) -> None:
    page = visit()
    page.get_by_label("Level").select_option("1")
    page.get_by_label("Chapter").select_option(GROUPS[0].name)
    asked = shown(page)
    press(page, "Test me")
    assert not page.locator("form.room").is_visible()
    order = [judge(page, "Not yet")]
    order += [judge(page, "Knew it") for _ in asked]
    assert order == [*asked, asked[0]]
    assert page.locator("form.room").is_visible()
    told = page.locator("form.room .told").inner_text()
    assert told.endswith(f"{len(asked)} known.")
    page.get_by_label("My progress").select_option("open")
    assert shown(page) == []
    page.get_by_label("My progress").select_option("known")
    assert shown(page) == asked


def test_an_answer_is_hidden_until_it_is_asked_for(visit) -> None:
    page = visit()
    press(page, "Show all answers")
    press(page, "Test me")
    assert opened(page) == 0
    assert page.get_by_role("button").filter(has_text="Knew").count() == 0
    page.locator("details.question:visible summary").click()
    page.get_by_role("button", name="Not yet").click()
    page.keyboard.press("Escape")
    assert len(shown(page)) == len(ALL)
    assert page.evaluate("document.activeElement.name") == "test"


def test_progress_outlives_the_visit_and_can_be_forgotten(visit) -> None:
    page = visit()
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Test me")
    judge(page, "Knew it")
    page.keyboard.press("Escape")
    page.reload()
    told = page.locator("form.room .told")
    assert told.inner_text().endswith(" 1 known.")
    mark = page.locator("details.question .marks").first
    said = "one => getComputedStyle(one, '::after').content"
    assert "known" in mark.evaluate(said)
    press(page, "Forget my progress")
    assert told.inner_text().endswith(" 0 known.")
    page.reload()
    assert told.inner_text().endswith(" 0 known.")


def test_a_no_keeps_the_progress(visit) -> None:
    page = visit()
    page.on("dialog", lambda dialog: dialog.dismiss())
    press(page, "Test me")
    judge(page, "Knew it")
    page.keyboard.press("Escape")
    press(page, "Forget my progress")
    told = page.locator("form.room .told").inner_text()
    assert told.endswith(" 1 known.")


# For the key of this page alone: the theme has keys of its own.
FORBIDDEN = """for (const name of ["getItem", "setItem"]) {
    const real = Storage.prototype[name];
    Storage.prototype[name] = function (key, ...rest) {
        if (key.includes("interview")) throw new DOMException("no");
        return real.call(this, key, ...rest);
    };
}"""


def test_without_storage_the_test_still_works_and_says_so(visit) -> None:
    page = visit(FORBIDDEN)
    told = page.locator("form.room .told")
    press(page, "Test me")
    judge(page, "Knew it")
    page.keyboard.press("Escape")
    assert "1 known" in told.inner_text()
    assert "keeps no progress after you leave" in told.inner_text()


@pytest.mark.parametrize("junk", ["not JSON", "null", "7"])
def test_junk_in_the_storage_does_no_harm(visit, junk: str) -> None:
    name = "re-inventing-bert-interview"
    page = visit(f"localStorage.setItem({name!r}, {junk!r})")
    assert len(shown(page)) == len(ALL)
    press(page, "Test me")
    judge(page, "Knew it")


def test_a_link_to_a_question_opens_it(visit) -> None:
    page = visit(address="#q-sinusoids")
    one = page.locator("#q-sinusoids")
    assert one.get_attribute("open") is not None
    page.wait_for_function(
        """() => {
            const one = document.querySelector("#q-sinusoids");
            const { top } = one.getBoundingClientRect();
            return 0 <= top && top < 400;
        }"""
    )


def test_print_opens_all_that_is_chosen_and_hides_the_controls(visit) -> None:
    page = visit("window.print = () => document.title = 'printed'")
    page.get_by_label("Level").select_option("3")
    press(page, "Print")
    assert page.title() == "printed"
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    unfolded = page.locator("details.question[open]:visible").count()
    assert unfolded == len(shown(page)) > 5
    assert not page.locator("form.room").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened(page) == 0
    page.emulate_media(media="screen")
    assert page.locator("form.room").is_visible()


def test_without_javascript_every_answer_can_be_read(visit) -> None:
    page = visit(java_script_enabled=False)
    assert len(shown(page)) == len(ALL)
    assert not page.locator("form.room").is_visible()
    first = page.locator("details.question").first
    assert not first.locator("p").first.is_visible()
    first.locator("summary").click()
    assert first.locator("p").first.is_visible()
    page.emulate_media(media="print")
    height = "one => one.getBoundingClientRect().height"
    last = page.locator("details.question").last.locator("p").first
    assert last.evaluate(height) > 10


def test_controls_come_before_questions_and_have_labels(visit) -> None:
    page = visit()
    page.get_by_label("Chapter").focus()
    names = []
    for _ in range(10):
        names.append(page.evaluate("document.activeElement.name ?? ''"))
        page.keyboard.press("Tab")
    assert names == [
        *("group", "kind", "level", "progress", "words"),
        *("test", "fold", "mix", "print", "forget"),
    ]
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert opened(page) == 1


def test_a_phone_shows_all_without_scrolling_sideways(visit) -> None:
    size = {"width": 360, "height": 740}
    page = visit(viewport=size, is_mobile=True, has_touch=True)
    press(page, "Show all answers")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sizes = page.locator("form.room :is(button, select, input)").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 36


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_answers_and_buttons_stand_out_from_their_ground(visit, scheme):
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    press(page, "Test me")
    judge(page, "Knew it")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Knew it").wait_for()
    colors = """(nodes) => nodes.map((node) => {
      let back = node;
      const clear = (one) => getComputedStyle(one).backgroundColor;
      while (back.parentElement && /, 0\\)$/.test(clear(back)))
        back = back.parentElement;
      return [getComputedStyle(node).color, clear(back)];
    })"""
    words = page.locator(
        ":is(details.question, .verdict) :is(p, button, span, a):visible"
    )
    pairs = words.evaluate_all(colors)
    page.keyboard.press("Escape")
    pairs += page.locator("form.room :is(button, label):visible").evaluate_all(
        colors
    )
    assert len(pairs) > 15
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def test_the_script_is_small_and_names_no_host() -> None:
    text = (ROOT / "book" / "assets" / "interview.js").read_text("utf-8")
    assert len(text) < 10_000
    assert not re.search(r"https?:|fetch\(|innerHTML", text)
