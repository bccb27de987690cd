"""Formulas become MathML while the book is built.

MathJax, the parser that Jupyter, Colab and GitHub use, runs here and not in
the reader's browser: a page carries no script and no delay for its formulas,
and one that MathJax cannot read fails the build instead of the reader.
"""

import importlib.util
import json
import re
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)
PACKAGES = ["base", "ams", "newcommand", "boldsymbol"]
SCRIPTS = [
    "startup.js",
    "core.js",
    "adaptors/liteDOM.js",
    "input/tex-base.js",
    "input/tex/extensions/ams.js",
    "input/tex/extensions/newcommand.js",
    "input/tex/extensions/boldsymbol.js",
]
CONVERTER = """
const {TeX} = MathJax._.input.tex_ts;
const {liteAdaptor} = MathJax._.adaptors.liteAdaptor;
const {SerializedMmlVisitor} = MathJax._.core.MmlTree.SerializedMmlVisitor;
const {STATE} = MathJax._.core.MathItem;
MathJax._.handlers.html_ts.RegisterHTMLHandler(liteAdaptor());
const tex = new TeX({
    packages: PACKAGES, formatError: (_, error) => { throw error; }});
const page = MathJax._.mathjax.mathjax.document("", {InputJax: tex});
const visitor = new SerializedMmlVisitor();
function toMathML(source, display) {
    tex.reset();
    try {
        const tree = page.convert(source, {display, end: STATE.CONVERT});
        return ["", visitor.visitTree(tree)];
    } catch (error) {
        return [error.message, ""];
    }
}
"""
# Where the letters of an alphabet begin in Unicode: capitals, small letters,
# digits. Browsers read the letters; they no longer read `mathvariant`.
ALPHABETS = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "bold-italic": (0x1D468, 0x1D482, None),
    "double-struck": (0x1D538, 0x1D552, 0x1D7D8),
    "script": (0x1D49C, 0x1D4B6, None),
    "-tex-calligraphic": (0x1D49C, 0x1D4B6, None),
    "monospace": (0x1D670, 0x1D68A, 0x1D7F6),
}
GREEK = {"bold": (0x1D6A8, 0x1D6C2), "bold-italic": (0x1D71C, 0x1D736)}
# The sign between a function and its argument, which no one sees. TeX leaves
# a thin space there: log x, not logx.
APPLY = "\u2061"
# The letters that Unicode had before it had the alphabets.
EXCEPTIONS = dict(
    zip(
        "𝔺𝔿𝕅𝕇𝕈𝕉𝕑𝒝𝒠𝒡𝒣𝒤𝒧𝒨𝒭𝒺𝒼𝓄",
        "ℂℍℕℙℚℝℤℬℰℱℋℐℒℳℛℯℊℴ",
        strict=True,
    )
)


def letters(text: str, alphabet: str) -> str:
    """Write `text` in one of Unicode's mathematical alphabets."""
    capital, small, digit = ALPHABETS[alphabet]
    greek_capital, greek_small = GREEK.get(alphabet, (None, None))
    result = ""
    for letter in text:
        for first, last, start in [
            ("A", "Z", capital),
            ("a", "z", small),
            ("0", "9", digit),
            ("Α", "Ω", greek_capital),
            ("α", "ω", greek_small),
        ]:
            if start is not None and first <= letter <= last:
                letter = chr(start + ord(letter) - ord(first))
                break
        result += EXCEPTIONS.get(letter, letter)
    return result


class Formulas:
    """A JavaScript engine with MathJax in it, started once per build."""

    def __init__(self) -> None:
        """Load MathJax from its Python package."""
        package = importlib.util.find_spec("sphinx-mathjax-offline")
        folder = Path(package.origin).parent / "static" / "mathjax"
        self.engine = MiniRacer()
        self.engine.eval(
            "var self = globalThis;"
            "globalThis.MathJax = {startup: {typeset: false}};"
        )
        for script in SCRIPTS:
            source = (folder / script).read_text(encoding="utf-8")
            self.engine.eval(source + ";0")
        self.engine.eval(CONVERTER.replace("PACKAGES", json.dumps(PACKAGES)))

    def mathml(self, source: str, display: bool) -> str:
        """Turn one formula into MathML that browsers draw alike.

        Args:
            source: LaTeX, without dollars.
            display: On lines of its own, not within a sentence.

        Returns:
            A `<math>` element.

        Raises:
            ValueError: MathJax cannot read `source`; with its own words.
        """
        error, text = self.engine.call("toMathML", source, display)
        if error:
            raise ValueError(error)
        tree = ElementTree.fromstring(text)
        for element in tree.iter():
            draw_alike(element)
        tree.tail = None
        copy = ElementTree.SubElement(
            ElementTree.Element("none"),
            "annotation",
            encoding="application/x-tex",
        )
        copy.text = source.strip()
        semantics = ElementTree.Element("semantics")
        row = ElementTree.SubElement(semantics, "mrow")
        row.extend(list(tree))
        semantics.append(copy)
        for child in list(tree):
            tree.remove(child)
        tree.append(semantics)
        return ElementTree.tostring(tree, encoding="unicode")


def draw_alike(element: ElementTree.Element) -> None:
    """Say in letters and CSS what only some browsers read as attributes."""
    element.tag = element.tag.split("}")[-1]
    if element.tag != "mtext":
        element.text = (element.text or "").strip()
    element.tail = None
    variant = element.get("mathvariant")
    if variant in ALPHABETS:
        del element.attrib["mathvariant"]
        element.text = letters(element.text, variant)
    elif variant and variant != "normal":
        raise ValueError(f"the alphabet {variant} is not drawn by browsers")
    for name in [name for name in element.attrib if name.startswith("data-")]:
        del element.attrib[name]
    if element.tag == "mtable":
        align_columns(element)
    children = list(element)
    for child, following in zip(children, children[1:], strict=False):
        if child.text == APPLY and following.text != "(":
            child.set("rspace", "0.17em")


def align_columns(table: ElementTree.Element) -> None:
    """Move the columns' sides and distances from the table to its cells."""
    sides = table.attrib.pop("columnalign", "center").split()
    distances = table.attrib.pop("columnspacing", "1em").split()
    for name in ("rowspacing", "side", "minlabelspacing"):
        table.attrib.pop(name, None)
    for row in table:
        for column, cell in enumerate(row):
            side = sides[min(column, len(sides) - 1)]
            if side != "center":
                cell.set("class", side)
            left = distances[min(column, len(distances)) - 1] if column else 0
            cell.set("style", f"padding-left:{left};padding-right:0")


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a sentence."""
    self.body.append(converted(self, node, node.astext(), display=False))
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    r"""Write a formula on lines of its own, its number beside it.

    The number is Sphinx's where the formula has a label, and the paper's
    where it has a `\tag`.
    """
    source = node.astext()
    number = ""
    if tag := re.search(r"\\tag\{([^{}]*)\}", source):
        source = source.replace(tag[0], "")
        number = tag[1]
    if node["number"]:
        number = get_node_equation_number(self, node)
    if not node.get("nowrap") and r"\\" in source and "\\begin" not in source:
        source = rf"\begin{{aligned}}{source}\end{{aligned}}"
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(converted(self, node, source, display=True))
    if number:
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def converted(
    self: HTML5Translator, node: nodes.Element, source: str, display: bool
) -> str:
    """Return MathML, or warn and return the source as it was written."""
    try:
        return self.builder.app.formulas.mathml(source, display)
    except ValueError as error:
        LOG.warning("formula %r: %s", source, error, location=node)
        return f"<code>{self.encode(source)}</code>"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name `mathml`."""
    app.formulas = Formulas()
    app.add_html_math_renderer(
        "mathml", (visit_inline, None), (visit_display, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": False}
