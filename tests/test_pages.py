"""Every page of the book, looked at in a browser that reaches no other host.

The limits are those of the book's design: a page and all that it loads weigh
at most 1.5 MB, and it is ready within a second.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import lxml.html
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 1_500_000
MOST_SECONDS = 1.0
SHAPES = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
    },
}


def pages_of_the_toc() -> list[str]:
    """Return the pages that _toc.yml names, and the search."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"]]
    for part in toc["parts"]:
        files += [chapter["file"] for chapter in part["chapters"]]
    return [f"{file}.html" for file in files] + ["search.html"]


PAGES = pages_of_the_toc()


@dataclass
class Visit:
    """What happened while one page was open in one shape."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    loaded: dict[str, int] = field(default_factory=dict)
    wide: list[str] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)
    seconds: float = 0.0


# Elements that reach beyond the right edge, unless something that they are
# in scrolls or hides them.
WIDE = """() => {
    const edge = document.documentElement.clientWidth + 1;
    const kept = (one) => {
        for (let at = one.parentElement; at; at = at.parentElement) {
            const style = getComputedStyle(at);
            if (["auto", "scroll", "hidden", "clip"].includes(style.overflowX)
                && at !== document.body && at !== document.documentElement) {
                return at.getBoundingClientRect().right <= edge;
            }
            if (style.position === "fixed") return true;
        }
        return false;
    };
    if (document.documentElement.scrollWidth <= edge) return [];
    return [...document.querySelectorAll("main *")]
        .filter((one) => one.getBoundingClientRect().right > edge)
        .filter((one) => !kept(one))
        .map((one) => one.outerHTML.slice(0, 120))
        .concat(["the page is " + document.documentElement.scrollWidth
                 + " pixels wide"]);
}"""
# Images and drawings that a screen reader has no words for.
NAMELESS = """() => [
    ...[...document.querySelectorAll("main img")]
        .filter((one) => !(one.getAttribute("alt") || "").trim()),
    ...[...document.querySelectorAll("main svg")].filter((one) =>
        !one.closest("[aria-label], [aria-hidden=true], button, summary")
        && !one.querySelector("title")),
    ...[...document.querySelectorAll("main button, main input, main select")]
        .filter((one) => !(one.innerText || "").trim() && !one.title
            && !one.getAttribute("aria-label") && !one.labels?.length
            && !one.dataset.bsOriginalTitle && !one.dataset.tooltip
            && one.type !== "hidden"),
].map((one) => one.outerHTML.slice(0, 160))"""
READY = """() => {
    const [page] = performance.getEntriesByType("navigation");
    return page.loadEventEnd / 1000;
}"""


@pytest.fixture(scope="session")
def visit(browser, address: str) -> Callable[[str, str], Visit]:
    """Return a function that opens a page once and tells what happened."""

    @cache
    def visit(name: str, shape: str) -> Visit:
        seen = Visit()
        context = browser.new_context(**SHAPES[shape])
        context.route("**/*", lambda route: keep_home(route, address, seen))
        page = context.new_page()
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda line: complain(line, seen))
        page.on("response", lambda answer: weigh(answer, seen))
        page.goto(address + name, wait_until="load")
        page.wait_for_timeout(100)
        seen.seconds = page.evaluate(READY)
        seen.wide = page.evaluate(WIDE)
        seen.nameless = page.evaluate(NAMELESS)
        context.close()
        return seen

    return visit


def keep_home(route, address: str, seen: Visit) -> None:
    """Let a request through if it stays on this machine."""
    if route.request.url.startswith((address, "data:", "blob:")):
        route.continue_()
    else:
        seen.foreign.append(route.request.url)
        route.abort()


def complain(line, seen: Visit) -> None:
    """Remember what the console shows as an error or a warning."""
    if line.type in ("error", "warning"):
        seen.errors.append(f"{line.type}: {line.text}")


def weigh(answer, seen: Visit) -> None:
    """Remember how many bytes an answer brought."""
    if answer.status >= 400:
        seen.errors.append(f"{answer.status}: {answer.url}")
    elif not answer.url.startswith("data:"):
        seen.loaded[answer.url] = len(answer.body())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_a_word_on_the_console(name, shape, visit) -> None:
    assert visit(name, shape).errors == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PAGES)
def test_page_asks_no_other_host(name, shape, visit) -> None:
    assert visit(name, shape).foreign == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PAGES)
def test_page_does_not_scroll_sideways(name, shape, visit) -> None:
    assert visit(name, shape).wide == []


@pytest.mark.parametrize("name", PAGES)
def test_pictures_and_controls_have_names(name, visit) -> None:
    assert visit(name, "desktop").nameless == []


def test_pages_weigh_little(visit, record_property) -> None:
    weights = {
        name: sum(visit(name, "desktop").loaded.values()) for name in PAGES
    }
    largest = max(weights, key=weights.get)
    told = f"{largest}, {weights[largest] / 1e6:.2f} MB with all it loads"
    record_property("largest page", told)
    heavy = {name: w for name, w in weights.items() if w > MOST_BYTES}
    assert heavy == {}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_ready_within_a_second(name, browser, address) -> None:
    # The machine may be busy with other tests: the best of some loads.
    page = browser.new_page()
    times = []
    for _ in range(6):
        page.goto(address + name, wait_until="load")
        page.wait_for_function(
            "performance.getEntriesByType('navigation')[0].loadEventEnd > 0"
        )
        times.append(page.evaluate(READY))
        if times[-1] <= MOST_SECONDS:
            break
        time.sleep(1)
    page.close()
    assert min(times) <= MOST_SECONDS


def built_pages(site: Path) -> dict[str, lxml.html.HtmlElement]:
    """Return every page that was built, parsed, by its path in the site."""
    return {
        path.relative_to(site).as_posix(): lxml.html.fromstring(
            path.read_bytes()
        )
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }


def test_no_link_leads_nowhere(site: Path) -> None:
    pages = built_pages(site)
    anchors = {
        name: {*page.xpath("//@id"), *page.xpath("//a/@name")}
        for name, page in pages.items()
    }
    broken = []
    for name, page in pages.items():
        for link in page.xpath("//*/@href | //*/@src"):
            target, anchor = urldefrag(urljoin(f"http://here/{name}", link))
            if urlparse(target).netloc != "here":
                continue
            path = unquote(urlparse(target).path.lstrip("/")) or "index.html"
            if not (site / path).is_file():
                broken.append(f"{name}: {link}: no such file")
            elif unquote(anchor) not in {"", *anchors.get(path, {anchor})}:
                broken.append(f"{name}: {link}: no such anchor")
    assert broken == []


def test_no_page_names_a_script_of_another_host(site: Path) -> None:
    named = [
        f"{name}: {link}"
        for name, page in built_pages(site).items()
        for link in page.xpath(
            "//script/@src | //img/@src | //iframe/@src"
            " | //link[@rel='stylesheet' or @rel='preload']/@href"
        )
        if urlparse(link).netloc
    ]
    assert named == []


def test_every_page_has_a_card(site: Path) -> None:
    base = config()["html"]["baseurl"]
    for name in PAGES[:-1]:
        page = lxml.html.fromstring((site / name).read_bytes())
        card = dict(
            zip(
                page.xpath("//meta[@property]/@property"),
                page.xpath("//meta[@property]/@content"),
                strict=True,
            )
        )
        assert card["og:title"] and card["og:description"]
        assert card["og:url"] == base + name
        assert (site / card["og:image"].removeprefix(base)).is_file()


def test_notebooks_open_on_colab_and_download(site: Path) -> None:
    address = config()["repository"]["url"].removeprefix("https://github.com")
    for name in PAGES:
        notebook = name.replace(".html", ".ipynb")
        if not (ROOT / notebook).is_file():
            continue
        page = lxml.html.fromstring((site / name).read_bytes())
        links = page.xpath("//a/@href")
        colab = "https://colab.research.google.com/github"
        assert f"{colab}{address}/blob/main/{notebook}" in links
        source = f"../_sources/{notebook}"
        assert source in links
        copy = (site / name).parent / source
        json.loads(copy.read_text(encoding="utf-8"))


def config() -> dict:
    """Return the configuration of the book."""
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


def test_chapters_follow_each_other(site: Path) -> None:
    names = PAGES[:-1]
    for name, following in zip(names, names[1:], strict=False):
        page = lxml.html.fromstring((site / name).read_bytes())
        (link,) = page.xpath("//a[contains(@class, 'right-next')]/@href")
        assert urljoin(name, link) == following


@pytest.mark.parametrize("name", [n for n in PAGES if "chapters/" in n])
def test_every_explorer_answers_a_click(name, browser, address) -> None:
    page = browser.new_page()
    page.goto(address + name)
    explorers = page.locator(".rb-explorer")
    assert explorers.count() >= 1
    for i in range(explorers.count()):
        explorer = explorers.nth(i)
        for button in explorer.get_by_role("button", name="Next").all():
            before = explorer.inner_text()
            button.click()
            assert explorer.inner_text() != before, f"explorer {i}"
    page.close()


@pytest.mark.parametrize("name", [n for n in PAGES if "chapters/" in n])
def test_every_slider_answers_a_key(name, browser, address) -> None:
    page = browser.new_page()
    page.goto(address + name)
    playgrounds = page.locator(".rb-playground")
    assert (
        playgrounds.locator("input[type=range]").count()
        == page.locator("main input[type=range]").count()
    ), "a slider stands alone"
    for i in range(playgrounds.count()):
        playground = playgrounds.nth(i)
        before = playground.inner_text()
        playground.locator("input[type=range]").first.press("Home")
        assert playground.inner_text() != before, f"playground {i}"
    page.close()


def test_search_works_without_a_network(browser, address: str) -> None:
    page = browser.new_page()
    page.route("**/*", lambda route: keep_home(route, address, Visit()))
    page.goto(f"{address}search.html?q=mask")
    page.wait_for_selector("#search-results li a")
    targets = page.eval_on_selector_all(
        "#search-results li a", "links => links.map((link) => link.href)"
    )
    page.close()
    assert any("book/notation.html" in target for target in targets)


def test_keyboard_reaches_the_text_first_and_shows_where_it_is(
    browser, address: str
) -> None:
    page = browser.new_page()
    page.goto(address + PAGES[0])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == (
        "Skip to main content"
    )
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        )
        assert outline >= 2, page.evaluate("document.activeElement.outerHTML")
    page.close()


def test_the_button_for_the_night_makes_it_dark(browser, address: str) -> None:
    page = browser.new_page(**SHAPES["desktop"])
    page.goto(address + PAGES[0])
    seen = set()
    for _ in range(3):
        page.click("button.theme-switch-button >> visible=true")
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
    page.close()
    assert seen == {"light", "dark"}


# The contrast of each text with the ground it stands on, as WCAG defines it.
FAINT = r"""() => {
    const numbers = (color) => {
        const found = color.match(/[\d.]+/g).map(Number);
        return color.startsWith("color(srgb")
            ? [...found.slice(0, 3).map((one) => one * 255), found[3] ?? 1]
            : [...found.slice(0, 3), found[3] ?? 1];
    };
    const over = (front, back) => [0, 1, 2].map((channel) =>
        front[channel] * front[3] + back[channel] * (1 - front[3]));
    const light = (color) => color.slice(0, 3).map((one) => one / 255)
        .map((one) => one <= 0.04045 ? one / 12.92
            : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, channel) =>
            sum + one * [0.2126, 0.7152, 0.0722][channel], 0);
    const ground = (one) => {
        const layers = [];
        for (let at = one; at; at = at.parentElement) {
            const before = getComputedStyle(at, "::before");
            if (at.matches(".admonition-title")) {
                const color = numbers(before.backgroundColor);
                const weight = parseFloat(before.opacity);
                layers.push([...color.slice(0, 3), color[3] * weight]);
            }
            layers.push(numbers(getComputedStyle(at).backgroundColor));
        }
        return layers.reverse().reduce(
            (back, front) => over(front, back), [255, 255, 255]);
    };
    const found = {};
    const walk = document.createTreeWalker(
        document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const one = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || one.closest(
            "script, style, noscript, svg, [hidden], annotation")) continue;
        const style = getComputedStyle(one);
        const box = one.getBoundingClientRect();
        if (!box.width || !box.height || style.visibility !== "visible"
            || style.opacity === "0" || !one.checkVisibility()) continue;
        const back = ground(one);
        const front = over(numbers(style.color), back);
        const [dim, bright] = [light(front), light(back)].sort(
            (a, b) => a - b);
        const ratio = (bright + 0.05) / (dim + 0.05);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.6 && style.fontWeight >= 700);
        if (ratio < (large ? 3 : 4.5)) {
            const kind = `${one.tagName} ${one.className} ${style.color}`;
            found[kind] = `${ratio.toFixed(2)} ${kind}: `
                + walk.currentNode.data.trim().slice(0, 40);
        }
    }
    return Object.values(found);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_text_stands_out_from_its_ground(
    name, scheme, browser, address
) -> None:
    page = browser.new_page(color_scheme=scheme, **SHAPES["desktop"])
    page.goto(address + name, wait_until="load")
    faint = page.evaluate(FAINT)
    page.close()
    assert faint == []


@pytest.mark.parametrize("name", PAGES)
def test_what_is_folded_unfolds_by_keyboard(
    name, browser, address: str
) -> None:
    page = browser.new_page(**SHAPES["desktop"])
    page.goto(address + name, wait_until="load")
    for box in page.query_selector_all(".admonition.dropdown"):
        body = box.query_selector(":scope > :not(.admonition-title)")
        assert not body.is_visible()
        box.query_selector(":scope > .admonition-title button").focus()
        page.keyboard.press("Enter")
        assert body.is_visible(), body.inner_text()[:80]
    for box in page.query_selector_all("section > details, .cell > details"):
        assert not box.evaluate("box => box.open")
        box.query_selector("summary").focus()
        page.keyboard.press("Enter")
        assert box.evaluate("box => box.open")
    page.close()


def test_paper_is_white_and_shows_what_is_folded(browser, address) -> None:
    page = browser.new_page(color_scheme="dark", **SHAPES["desktop"])
    page.goto(address + PAGES[1], wait_until="load")
    theme = "document.documentElement.dataset.theme"
    count = "document.querySelectorAll('section > details[open]').length"
    assert page.evaluate(theme) == "dark"
    folded = page.query_selector_all("section > details:not([open])")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(theme) == "light"
    assert page.evaluate(count) == len(folded)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(theme) == "dark"
    assert page.evaluate(count) == 0
    page.close()


def test_paper_carries_the_text_and_nothing_to_click(
    browser, address: str
) -> None:
    page = browser.new_page(viewport={"width": 794, "height": 1123})
    page.goto(address + PAGES[1])
    page.emulate_media(media="print")
    assert page.is_visible("#jb-print-docs-body h1")
    for part in (".bd-sidebar-primary", ".header-article", "footer.prev-next"):
        for element in page.query_selector_all(part):
            assert not element.is_visible(), part
    page.close()


@pytest.fixture(scope="module")
def formulas():
    """The converter of formulas that the build of the pages uses."""
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    from formulas import Formulas

    return Formulas()


def test_formulas_are_drawn_by_the_browser_alone(formulas) -> None:
    tree = lxml.html.fromstring(formulas.mathml(r"\mathbf{W}_2 x", False))
    letters = tree.xpath("//mi/text()")
    assert letters == ["𝐖", "x"]
    assert tree.xpath("//annotation/text()") == [r"\mathbf{W}_2 x"]
    aligned = r"\begin{aligned} a &= b \\ c &= d \end{aligned}"
    table = lxml.html.fromstring(formulas.mathml(aligned, True))
    assert table.xpath("//mtd/@class") == ["right", "left"] * 2


@pytest.mark.parametrize("source", [r"\frac{a", r"\nosuchthing", "x_1_2"])
def test_a_wrong_formula_does_not_pass(source, formulas) -> None:
    with pytest.raises(ValueError):
        formulas.mathml(source, True)


def test_no_page_shows_the_source_of_a_formula(site: Path) -> None:
    for name, page in built_pages(site).items():
        for skipped in page.xpath("//annotation | //pre | //code | //script"):
            skipped.text = ""
            for inside in skipped:
                skipped.remove(inside)
        text = page.text_content()
        assert not re.search(r"\\(?:frac|sum|mathbf|tanh|top|cdot)\b", text), (
            name
        )


def test_notation_lists_the_letters_of_the_package() -> None:
    import reinvent

    legend = re.findall(
        r"\b([A-Z])  (\S.*?)(?=\s+[A-Z]  |\n)", reinvent.__doc__
    )
    told = {letter: " ".join(words.split()) for letter, words in legend}
    text = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([A-Z])` \| (.*?) \|$", text, re.M))
    assert told == listed
    assert len(told) >= 14


# A word or a small picture: what answers the mouse in each view of bertviz.
ANSWERS = "#left text, #attn_background_0_0 ~ rect, #collapsed #leftText text"


@pytest.mark.parametrize("name", [n for n in PAGES if "chapters/" in n])
def test_every_view_of_bertviz_answers_a_click(name, browser, address) -> None:
    page = browser.new_page()
    page.goto(address + name)
    views = page.locator(".rb-bertviz")
    for i in range(views.count()):
        picture = views.nth(i).locator("#vis")
        before = picture.inner_html()
        picture.locator(ANSWERS).first.click()
        assert picture.inner_html() != before, f"view {i}"
    page.close()
