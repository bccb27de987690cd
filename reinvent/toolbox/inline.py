"""What every picture that lives in a page is made of.

The explorer and the playground write themselves whole into the output of a
cell: a title, a table that is readable without JavaScript, their data, one
style and one script. Nothing is loaded from elsewhere and no kernel is
needed, so the same output lives in JupyterLab, on Colab, on a static page and
in a file.

Every output carries the script, since on Colab each output lives alone; it
registers itself once per page. `share` drops the copies from a built page.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path


def visible(text: str) -> str:
    r"""Replace every character that the eye cannot see by one that it can.

    Spaces at the ends become ␣, line ends and tabs ‹\n› and ‹\t›, other
    invisible characters their numbers, as in ‹U+202E›. No text is ∅.
    """
    if not text:
        return "∅"
    bare = text.strip(" ")
    if not bare:
        return "␣" * len(text)
    before = "␣" * (len(text) - len(text.lstrip(" ")))
    after = "␣" * (len(text) - len(text.rstrip(" ")))
    if unicodedata.category(bare[0])[0] == "M":  # an accent without letter
        bare = "◌" + bare
    inside = range(1, len(bare) - 1)
    marks = [_mark(char, i in inside) for i, char in enumerate(bare)]
    return before + "".join(marks) + after


def _mark(char: str, inside: bool) -> str:
    """Show one character. Joiners inside a word shape it: they stay."""
    code = ord(char)
    if char in "\n\t\r":
        return f"‹{char!r}›".replace("'", "")
    if inside and code in (0x200C, 0x200D):
        return char
    kind = unicodedata.category(char)
    hidden = kind in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") or code == 0xA0
    return f"‹U+{code:04X}›" if hidden else char


def table(
    caption: str,
    columns: Iterable[str],
    rows: Iterable[str],
    body: Iterable[Iterable[str]],
    notes: Iterable[str] | None = None,
) -> str:
    """Return a table with names on both sides, in its own scroll box.

    Args:
        caption: One line above it, or "".
        columns: The names above the columns.
        rows: The names of the rows.
        body: For each row its cells in HTML, with their tags.
        notes: For each row what follows its name, in HTML.
    """
    head = "".join(f"<th scope=col>{_name(name)}</th>" for name in columns)
    rows = list(rows)
    lines = "".join(
        f"<tr><th scope=row>{_name(row)}{note}</th>{''.join(cells)}</tr>\n"
        for row, cells, note in zip(
            rows, body, notes or [""] * len(rows), strict=True
        )
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="rb-scroll"><table class="rb-table">{title}\n'
        f"<thead><tr><td></td>{head}</tr></thead>\n"
        f"<tbody>\n{lines}</tbody></table></div>\n"
    )


def _name(text: str) -> str:
    """A name that a script can turn into a button."""
    return f'<span class="rb-word">{escape(text)}</span>'


def packed(data: object) -> str:
    """Return data as JSON that may stand inside a script element."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    # Inside a script, "<" could begin "</script>" or "<!--".
    return text.replace("<", "\\u003c")


def html(name: str, title: str, body: str, data: str) -> str:
    """Return the part of a page that shows one picture.

    Args:
        name: "explorer" or "playground": whose style and script.
        title: One line above the picture, as plain text.
        body: What is seen without JavaScript, in HTML.
        data: What `packed` returned; the id is made from it, so that two
            runs give the same bytes.
    """
    digest = hashlib.sha256((title + data).encode())
    style, script = assets(name)
    title = escape(title)
    return (
        f'<style class="rb-style">{style}</style>\n'
        f'<div class="rb-{name}" id="rb-{digest.hexdigest()[:12]}"'
        f' role="group" aria-label="{title}"'
        ' data-lm-suppress-shortcuts="true">\n'
        f'<div class="rb-head"><p class="rb-title">{title}</p></div>\n'
        f"{body}"
        '<script type="application/json" class="rb-data">'
        f"{data}</script>\n</div>\n"
        f'<script class="rb-script">{script}</script>\n'
    )


@cache
def assets(name: str) -> tuple[str, str]:
    """Return the style and the script that each such picture carries.

    Comments and indentation stay behind: the page does not need them.
    """
    parts = []
    for kind in ("css", "js"):
        shared = dict(
            re.findall(
                r"/\* @(\w+):.*?\*/\n(.*?)(?=/\* @|\Z)",
                _read(f"inline.{kind}"),
                flags=re.DOTALL,
            )
        )
        text = _read(f"{name}.{kind}")
        for part, lines in shared.items():
            text = text.replace(f"/* @{part} */", lines)
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"^\s+", "", text, flags=re.MULTILINE)
        text = text.replace("@name@", name)
        parts.append(text.replace("@Name@", name.capitalize()))
    version = hashlib.sha256("".join(parts).encode()).hexdigest()[:8]
    return parts[0], parts[1].replace("@VERSION@", version)


def _read(file: str) -> str:
    """Return the text of a file that lies beside this one."""
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


def share(page: str) -> str:
    """Keep each style and each script once in the HTML of a page."""
    for tag in ("style", "script"):
        pattern = rf'<{tag} class="rb-{tag}">.*?</{tag}>\n?'
        for copy in set(re.findall(pattern, page, flags=re.DOTALL)):
            head, first, rest = page.partition(copy)
            page = head + first + rest.replace(copy, "")
    return page
