"""Picture every built page: light, dark, on a phone, and as it prints.

`make screenshots` writes screenshots/PAGE-SHAPE.png.
"""

import sys
from pathlib import Path

from browser import find_chromium, open_browser, serve

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


def pages() -> list[str]:
    """Return the built pages that a reader opens, as paths in the site."""
    return sorted(
        path.relative_to(SITE).as_posix()
        for folder in ("book", "chapters")
        for path in (SITE / folder).glob("*.html")
    ) + ["search.html"]


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
                file = name.replace("/", "-").replace(".html", f"-{shape}.png")
                page.screenshot(path=TARGET / file, full_page=True)
                page.close()
            context.close()
            print(f"{shape}: {len(pages())} pages in {TARGET.name}/")


if __name__ == "__main__":
    main()
