"""The pages on the package list what the package holds."""

from pathlib import Path

from sphinx.application import Sphinx

from reinvent import PAPERS

ROOT = Path(__file__).resolve().parents[2] / "reinvent"


def papers() -> list[str]:
    """Return the package and its papers, in the order of the book."""
    written = [name for name in PAPERS if (ROOT / f"{name}.py").exists()]
    return ["reinvent", *(f"reinvent.{name}" for name in written)]


def toolbox() -> list[str]:
    """Return the modules of the toolbox, by the alphabet."""
    files = sorted((ROOT / "toolbox").glob("[a-z]*.py"))
    return [f"reinvent.toolbox.{path.stem}" for path in files]


def sections(modules: list[str]) -> str:
    """Return one section for each module, in Markdown."""
    return "\n".join(
        f"## `{name}`\n\n"
        "```{eval-rst}\n"
        f".. automodule:: {name}\n"
        "   :members:\n"
        "```\n"
        for name in modules
    )


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the sections where a page says `% modules: papers` or `toolbox`."""
    for mark, modules in [("papers", papers), ("toolbox", toolbox)]:
        if f"% modules: {mark}" in source[0]:
            listed = sections(modules())
            source[0] = source[0].replace(f"% modules: {mark}", listed)


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the pages when Sphinx reads them."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
