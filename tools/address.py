"""Say where the book lives: in _config.yml, and from there in the notebooks.

    make address REPOSITORY=owner/name

The links and install cells for Colab have to carry the address; a test fails
when one of them differs from _config.yml.
"""

import re
import sys
from pathlib import Path

from chapters import notebooks

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "_config.yml"
REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}")


def current() -> str:
    """Return the repository that _config.yml names, as owner/name."""
    text = CONFIG.read_text(encoding="utf-8")
    return re.search(r"url: https://github\.com/(\S+)", text)[1]


def stamp(text: str, old: str, new: str) -> str:
    """Return a file's text with the new repository in place of the old."""
    pages = "https://{}.github.io/{}/"
    text = text.replace(
        pages.format(*old.split("/")), pages.format(*new.split("/"))
    )
    return re.sub(
        rf"(github(?:\.com)?/){re.escape(old)}(?![\w.-]*\w)",
        rf"\g<1>{new}",
        text,
    )


def main() -> None:
    """Stamp the address into _config.yml and every notebook."""
    new = sys.argv[1] if sys.argv[1:] else ""
    if not REPOSITORY.fullmatch(new):
        sys.exit("usage: make address REPOSITORY=owner/name")
    old = current()
    for path in [CONFIG, *notebooks()]:
        before = path.read_text(encoding="utf-8")
        after = stamp(before, old, new)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: {old} -> {new}")


if __name__ == "__main__":
    main()
