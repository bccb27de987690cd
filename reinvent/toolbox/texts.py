"""Real English that needs no download."""

from __future__ import annotations

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from pydoc_data.topics import topics

SENTENCE = re.compile(r"[A-Z][A-Za-z,;:()'-]*( [A-Za-z,;:()'-]+){2,}[.?!]")
"""Three words or more, without code or numbers among them."""

NOT_READ = frozenset(
    {"dist-packages", "idlelib", "lib2to3", "site-packages", "test", "tests"}
)
"""Folders beside the library's modules: tests, programs, other packages."""


def python_manual() -> list[str]:
    """Return sentences of the reference manual that comes with Python.

    Quotation marks are taken out; headings, code and sentences with code in
    them are left out. Each sentence comes once, its words a space apart.

    Returns:
        Some 1,300 sentences of 16 words on average, in the order of the
        manual's topics; the exact number depends on the version of Python.
    """
    return _sentences(topics.values())


def python_docstrings(folder: str | Path | None = None) -> list[str]:
    """Return sentences of the docstrings of Python's standard library.

    They are chosen as those of `python_manual`. Tests and packages that were
    installed later are not read. The library keeps a few files that are not
    valid Python, to test its own tools with; they are skipped.

    Args:
        folder: Where the library is; by default that of this Python.

    Returns:
        Some 9,600 sentences of 12 words on average, in the order of the
        files' paths; the exact number depends on the version of Python.

    Raises:
        FileNotFoundError: If there is no Python file in the folder.
    """
    root = Path(folder or sysconfig.get_path("stdlib"))
    inside = sorted(path.relative_to(root) for path in root.rglob("*.py"))
    if not inside:
        raise FileNotFoundError(
            f"0 Python files in {root}, expected the standard library"
        )
    paths = [root / path for path in inside if NOT_READ.isdisjoint(path.parts)]
    return _sentences(text for path in paths for text in _docstrings(path))


def _docstrings(path: Path) -> Iterator[str]:
    """The docstrings of a file; none if it is not valid Python."""
    try:
        with warnings.catch_warnings():
            # What an old file should write differently is not our concern.
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            yield ast.get_docstring(node, clean=False) or ""


def _sentences(texts: Iterable[str]) -> list[str]:
    """The sentences of plain words in some texts, each once, in order."""
    sentences: dict[str, None] = {}
    for text in texts:
        for paragraph in re.split(r"\n\s*\n", text):
            plain = " ".join(re.sub(r'["“”*`]', "", paragraph).split())
            parts = re.split(r"(?<=[.?!]) (?=[A-Z])", plain)
            sentences |= dict.fromkeys(filter(SENTENCE.fullmatch, parts))
    return list(sentences)
