"""What every page of the book needs and its theme does not give."""

import logging
import re
import warnings
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from reinvent.toolbox.inline import share

# In plain text `|W|` is a size and `h_` a name; in reStructuredText the one
# is a substitution, the other a link. Docstrings are plain text with `code`.
MARKS = re.compile(r"`[^`]+`|(\||\b\w*_\b(?!\w)|\*+)")
WRAPPER = re.compile(r'<span class="pre">([^<]*)</span>')


def keep_plain(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: Any,
    lines: list[str],
) -> None:
    """Take the marks of reStructuredText in a docstring for what they say."""
    literal = False
    for number, line in enumerate(lines):
        indented = line.startswith(" ") or not line
        if literal and not indented:
            literal = False
        if not literal:
            lines[number] = MARKS.sub(escape, line)
        literal = literal or line.endswith("::")


def escape(mark: re.Match) -> str:
    """Return the mark with a backslash, code as it is."""
    text = mark[0]
    if mark[1] is None:
        return text
    return text.replace("|", r"\|").replace("*", r"\*").replace("_", r"\_")


def skip_aliases(
    app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what Python says of a tuple's fields: their class says it."""
    text = getattr(thing, "__doc__", None) or ""
    return True if text.startswith("Alias for field number") else None


def name_factories(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write `...` for a default that is made anew each time."""
    return signature and signature.replace("<factory>", "..."), returns


def lighten(
    app: Sphinx, pagename: str, template: str, context: dict, doctree: Any
) -> None:
    """Take out of a page what it holds many times.

    The scripts and styles of the pictures stay once; the wrappers that Sphinx
    puts around each word of code go: a quarter of a page on the package.
    """
    if body := context.get("body"):
        context["body"] = share(WRAPPER.sub(r"\1", body))


def use_address(app: Sphinx, config: Config) -> None:
    """Give the cards of the pages the address that _config.yml names."""
    config.ogp_site_url = config.html_baseurl


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the handlers."""
    app.connect("html-page-context", lighten)
    app.connect("config-inited", use_address)
    # Jupyter Book sets it for an extension that this book does not load.
    app.add_config_value("comments_config", {}, "env")
    app.connect("autodoc-process-docstring", keep_plain, priority=400)
    app.connect("autodoc-process-signature", name_factories)
    app.connect("autodoc-skip-member", skip_aliases)
    # The cards for social networks are drawn by Matplotlib in a font without
    # some weights and signs; others take their place.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
