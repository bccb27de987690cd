"""The directive `what-changed` compares classes of neighbouring papers.

Its lines are pairs, `seq2seq.Decoder -> elmo.BiLM: What the idea was.`, in
Markdown. What changed is read from the classes.
"""

from collections.abc import Iterable
from html import escape
from importlib import import_module

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from reinvent.toolbox.class_changes import (
    Change,
    Pair,
    changes,
    read_pairs,
)

HOWS = ("new", "changed", "gone", "kept")


def find(name: str) -> type:
    """Return a class of a paper by its name, such as `bert.BERT`."""
    module, _, kind = name.rpartition(".")
    return getattr(import_module(f"reinvent.{module}"), kind)


def summary(found: dict[str, list[Change]]) -> str:
    """Return how much is new, changed and gone, as a few words."""
    said = []
    for how in HOWS[:-1]:
        counts = {
            what: sum(one.how == how for one in every)
            for what, every in found.items()
        }
        told = [
            f"{count} {what if count > 1 else what.removesuffix('s')}"
            for what, count in counts.items()
            if count
        ]
        if told:
            said.append(f"{how.capitalize()}: {', '.join(told)}.")
    return " ".join(said)


def item(one: Change, what: str) -> str:
    """Return one name and what it is or was, as HTML."""
    name = f"<code>{escape(one.name)}</code>"
    before, after = escape(one.before), escape(one.after)
    if one.how == "kept":
        return name
    if one.how == "changed":
        if before == after:
            return f"{name}: written anew"
        return f"{name}: {before or 'no default'} → {after or 'no default'}"
    is_now = before or after
    if what == "methods":
        return f"{name} {is_now}".strip()
    return f"{name}: {is_now}" if is_now else name


def rows(what: str, found: Iterable[Change]) -> str:
    """Return the part of the table on parts, settings or methods."""
    lines = []
    for how in HOWS:
        items = [item(one, what) for one in found if one.how == how]
        if items:
            between = ", " if how == "kept" else "<br>"
            lines.append(
                f"<tr><th scope='row'>{how}</th>"
                f"<td>{between.join(items)}</td></tr>"
            )
    if not lines:
        return ""
    head = f"<th colspan='2' scope='rowgroup'>{what.capitalize()}</th>"
    return f"<tbody><tr>{head}</tr>{''.join(lines)}</tbody>"


def details(pair: Pair) -> str:
    """Return what changed between two classes, folded, as HTML."""
    found = changes(find(pair.old), find(pair.new))
    body = "".join(rows(what, every) for what, every in found.items())
    return (
        f"<details class='what-changed'><summary>{summary(found)}</summary>"
        "<div class='pst-scrollable-table-container'><table class='table'>"
        f"{body}</table></div></details>"
    )


def link(name: str) -> pending_xref:
    """Return a link to the page that documents a class."""
    told = nodes.literal(text=name.rpartition(".")[2])
    target = {"refdomain": "py", "reftype": "class", "refexplicit": True}
    return pending_xref("", told, reftarget=f"reinvent.{name}", **target)


class WhatChanged(Directive):
    """A section for each pair: the idea, then what changed, folded."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the sections; stop at a line that is no pair."""
        try:
            pairs = read_pairs(self.content)
        except ValueError as error:
            raise self.error(str(error)) from None
        return [self.section(pair) for pair in pairs]

    def section(self, pair: Pair) -> nodes.section:
        """Return the section of one pair."""
        section = nodes.section(ids=[nodes.make_id(f"{pair.old} {pair.new}")])
        section += nodes.title(text=f"From {pair.old} to {pair.new}")
        self.state.document.note_implicit_target(section, section)
        idea = StringList([pair.idea], source="what-changed")
        self.state.nested_parse(idea, self.content_offset, section)
        told = nodes.paragraph("", "The code: ")
        told += [
            link(pair.old),
            nodes.Text(", "),
            link(pair.new),
            nodes.Text("."),
        ]
        section += [told, nodes.raw(text=details(pair), format="html")]
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("what-changed", WhatChanged)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
