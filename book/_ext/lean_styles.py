"""The style sheets of the theme keep the rules that some page can use.

Bootstrap alone brings two thousand rules, of which a book needs a tenth. A
rule goes when each of its selectors asks for a class that no page has and no
script names.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import tinycss2
from sphinx.application import Sphinx
from tinycss2.ast import AtRule, Node, QualifiedRule

SHEETS = (
    "styles/bootstrap.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "sphinx-design.min.css",
    "mystnb.*.css",
)


def names(folder: Path) -> set[str]:
    """Return every class of the pages and every word of the scripts."""
    found: set[str] = set()
    for page in folder.rglob("*.html"):
        text = page.read_text("utf-8")
        for value in re.findall(r'class="([^"]*)"', text):
            found.update(value.split())
        for script in re.findall(r"<script[^>]*>(.+?)</script>", text, re.S):
            found.update(re.findall(r"[\w-]+", script))
    for path in (folder / "_static").rglob("*.js"):
        if "vendor" not in path.parts:
            found.update(re.findall(r"[\w-]+", path.read_text("utf-8")))
    return found


def selectors(prelude: list[Node]) -> list[list[Node]]:
    """Split the head of a rule at its commas."""
    parts: list[list[Node]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def classes(selector: list[Node]) -> set[str]:
    """Return the classes that a selector needs, those in `:not()` left out."""
    return {
        after.value
        for dot, after in zip(selector, selector[1:], strict=False)
        if dot.type == "literal" and dot.value == "." and after.type == "ident"
    }


def lean(rules: Iterable[Node], used: set[str]) -> list[Node]:
    """Return the rules that can apply, each with the selectors that can."""
    kept = []
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            matching = [
                tinycss2.serialize(selector)
                for selector in selectors(rule.prelude)
                if classes(selector) <= used
            ]
            if not matching:
                continue
            head = tinycss2.parse_component_value_list(",".join(matching))
            rule.prelude = head
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in (
            "media",
            "supports",
        ):
            inside = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            rule.content = lean(inside, used)
            if not rule.content:
                continue
        kept.append(rule)
    return kept


def write(app: Sphinx, error: Exception | None) -> None:
    """Rewrite the style sheets of a book that was built."""
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    used = names(folder)
    for pattern in SHEETS:
        for sheet in (folder / "_static").glob(pattern):
            rules = tinycss2.parse_stylesheet(
                sheet.read_text("utf-8"),
                skip_comments=True,
                skip_whitespace=True,
            )
            text = tinycss2.serialize(lean(rules, used))
            sheet.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite the style sheets when all is built."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
