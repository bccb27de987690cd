"""The directive `family-tree` draws the papers and their imports."""

import io
from html import escape

import matplotlib
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from reinvent import PAPERS
from reinvent.toolbox import lineage
from reinvent.toolbox.style import use_style


def drawing() -> str:
    """Return the tree as an SVG element, the same bytes on every run."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "family tree"}):
        use_style()
        axes = lineage.family_tree()
        axes.figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    return svg[svg.index("<svg") :]


def in_words() -> str:
    """Return one sentence for readers who do not see the drawing."""
    parts = [
        f"{name} imports {', '.join(citation.module for citation in cited)}"
        for name, cited in lineage.imports().items()
        if cited
    ]
    return f"The papers on a line of time. {'; '.join(parts)}."


def table() -> str:
    """Return what is imported, and where the paper says so, as a table."""
    rows = []
    for name, cited in lineage.imports().items():
        taken = "<br>".join(
            f"<code>{escape(one.module)}</code>: "
            + ", ".join(f"<code>{escape(what)}</code>" for what in one.names)
            for one in cited
        )
        where = "<br>".join(escape(one.comment) for one in cited)
        rows.append(
            f"<tr><td><code>{escape(name)}</code></td>"
            f"<td>{escape(PAPERS[name].title)}</td>"
            f"<td>{taken or 'nothing in this book'}</td><td>{where}</td></tr>"
        )
    return (
        "<div class='pst-scrollable-table-container'><table class='table'>"
        "<thead><tr><th>Module</th><th>Paper</th><th>Takes</th>"
        f"<th>Where</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        "</div>"
    )


class FamilyTree(Directive):
    """The drawing, and a table that says the same in words."""

    def run(self) -> list[nodes.Node]:
        """Return both, as HTML."""
        html = (
            '<figure class="family-tree negative-at-night" role="img"'
            f' aria-label="{escape(in_words())}">{drawing()}</figure>'
            f"{table()}"
        )
        return [nodes.raw(text=html, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("family-tree", FamilyTree)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
