"""Picture every built page: light, dark, on a phone, and as it prints.

`make screenshots` writes screenshots/PAGE-SHAPE.png. Chromium leaves the end
of a very tall picture blank, so a long page comes in numbered parts,
screenshots/PAGE-SHAPE-1.png and so on.
"""

import sys
from pathlib import Path

from browser import find_chromium, open_browser, serve
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
TARGET = ROOT / "screenshots"
SHAPES = {
    "light": {"viewport": {"width": 1280, "height": 900}},
    "dark": {
        "viewport": {"width": 1280, "height": 900},
        "color_scheme": "dark",
    },
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
    "print": {"viewport": {"width": 794, "height": 1123}},
}
TALLEST = 8000  # pixels of the page in one picture


def pages() -> list[str]:
    """Return the built pages that a reader opens, as paths in the site."""
    return sorted(
        path.relative_to(SITE).as_posix()
        for folder in ("book", "chapters")
        for path in (SITE / folder).glob("*.html")
    ) + ["search.html"]


def take(page: Page, stem: str) -> None:
    """Write the pictures of one page."""
    width, height = page.evaluate(
        "() => [innerWidth, document.documentElement.scrollHeight]"
    )
    tops = range(0, height, TALLEST)
    for part, top in enumerate(tops, start=1):
        number = f"-{part}" if len(tops) > 1 else ""
        page.screenshot(
            path=TARGET / f"{stem}{number}.png",
            full_page=True,
            clip={
                "x": 0,
                "y": top,
                "width": width,
                "height": min(TALLEST, height - top),
            },
        )


def main() -> None:
    """Write one picture for each page and shape."""
    if not find_chromium():
        sys.exit("The pictures are taken by Chromium, and there is none.")
    TARGET.mkdir(exist_ok=True)
    with serve(SITE) as address, open_browser() as browser:
        for shape, settings in SHAPES.items():
            context = browser.new_context(**settings)
            for name in pages():
                page = context.new_page()
                page.goto(address + name)
                if shape == "print":
                    page.emulate_media(media="print")
                stem = name.replace("/", "-").removesuffix(".html")
                take(page, f"{stem}-{shape}")
                page.close()
            context.close()
            print(f"{shape}: {len(pages())} pages in {TARGET.name}/")


if __name__ == "__main__":
    main()
