"""What every notebook promises, and what a chapter does beyond that.

The notebooks in `book/` belong to no paper: the contract of a chapter, its
exercises and its stored seeds are not asked of them.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from address import current, stamp

from chapters import normalise, notebooks
from reinvent import PAPERS
from reinvent.toolbox.results import stored_results

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = notebooks("chapters")
MOST_BYTES = 1_000_000
PICTURES = ("image/png", "image/svg+xml", "image/jpeg")
INSTALL = """\
# On Colab this installs the book's package. Elsewhere it is there already.
import importlib.util
import os

if importlib.util.find_spec("reinvent") is None:
    book = "git+https://github.com/{repository}"
    book = os.environ.get("REINVENT_INSTALL", book)
    %pip install --quiet "{{book}}"
"""

each_notebook = pytest.mark.parametrize(
    "path", notebooks(), ids=lambda path: path.stem
)
each_chapter = pytest.mark.parametrize(
    "path", CHAPTERS, ids=lambda path: path.stem
)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    """Return the cells of one kind, "code" or "markdown"."""
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def outputs(path: Path) -> list[nbformat.NotebookNode]:
    """Return all that the code cells show."""
    return [output for cell in cells(path, "code") for output in cell.outputs]


def parsed(cell: nbformat.NotebookNode) -> ast.Module:
    """Return the syntax of a code cell, its magic commands left out."""
    lines = cell.source.splitlines()
    python = [
        re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines if line
    ]
    return ast.parse("\n".join(python))


def test_the_chapters_are_those_of_the_papers() -> None:
    told = {paper.chapter for paper in PAPERS.values()}
    assert {path.stem for path in CHAPTERS} == told


def test_every_notebook_is_a_page() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = {
        f"{page['file']}.ipynb"
        for part in toc["parts"]
        for page in part["chapters"]
    }
    there = {path.relative_to(ROOT).as_posix() for path in notebooks()}
    assert there <= listed


@each_notebook
def test_every_cell_was_executed(path: Path) -> None:
    counts = [cell.execution_count for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_cell_failed_or_wrote_to_stderr(path: Path) -> None:
    for output in outputs(path):
        assert output.output_type != "error", output
        assert output.get("name") != "stderr", output.text


@each_notebook
def test_the_file_is_small(path: Path) -> None:
    assert path.stat().st_size <= MOST_BYTES


@each_notebook
def test_the_file_is_as_make_chapters_saves_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    normalise(notebook)
    text = nbformat.writes(notebook, version=4) + "\n"
    assert path.read_text(encoding="utf-8") == text


@each_notebook
def test_every_picture_has_words(path: Path) -> None:
    for cell in cells(path, "code"):
        pictures = [
            kind
            for output in cell.outputs
            for kind in output.get("data", {})
            if kind in PICTURES
        ]
        image = cell.metadata.get("mystnb", {}).get("image", {})
        if pictures:
            assert image.get("alt", "").strip(), cell.source


@each_notebook
def test_the_first_code_installs_the_package_on_colab(path: Path) -> None:
    first = cells(path, "code")[0].source
    assert first.strip() == INSTALL.format(repository=current()).strip()


@each_notebook
def test_the_address_is_that_of_the_configuration(path: Path) -> None:
    source = "\n".join(
        cell.source
        for kind in ("code", "markdown")
        for cell in cells(path, kind)
    )
    colab = "https://colab.research.google.com/github"
    link = f"{colab}/{current()}/blob/main/{path.relative_to(ROOT).as_posix()}"
    assert link in source
    assert re.findall(rf"{colab}/([\w.-]+/[\w.-]+)/", source) == [current()]


@each_chapter
def test_the_chapter_defines_nothing_that_a_paper_module_defines(path) -> None:
    modules = [ROOT / "reinvent" / f"{name}.py" for name in PAPERS]
    theirs = {
        name: module.stem
        for module in modules
        for name in defined(ast.parse(module.read_text(encoding="utf-8")))
    }
    copies = {
        f"{name} of {theirs[name]}"
        for cell in cells(path, "code")
        for name in defined(parsed(cell))
        if name in theirs
    }
    assert copies == set()


def defined(tree: ast.Module) -> set[str]:
    """Return the functions and classes that a module or cell defines."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


@each_notebook
def test_the_notebook_claims_something(path: Path) -> None:
    claims = [
        node
        for cell in cells(path, "code")
        for node in ast.walk(parsed(cell))
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and called(node) == "claim")
    ]
    assert len(claims) >= 5


@each_chapter
def test_the_chapter_has_every_part_of_the_contract(path: Path) -> None:
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    for part in (
        r"^\*\*The idea in one sentence\.\*\*",
        r"\*\*Think first\.\*\*",
        r"^## The papers? and us$",
        r"^## What is still broken$",
        r"^## Exercises$",
        r"^## Interview corner$",
        r"^## Further reading$",
    ):
        assert re.search(part, text, flags=re.MULTILINE), part
    code = "\n".join(cell.source for cell in cells(path, "code"))
    for part in ("show(", "Explorer", "drawings."):
        assert part in code, part
    questions = text.split("## Interview corner")[1].count("<summary>")
    assert 5 <= questions <= 10


@each_chapter
def test_an_untouched_exercise_is_not_right(path: Path) -> None:
    stubs = [
        cell
        for cell in cells(path, "code")
        if "raise NotImplementedError" in cell.source
    ]
    assert 3 <= len(stubs) <= 5
    for cell in stubs:
        shown = "".join(
            output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
        )
        assert shown.startswith("not yet: "), cell.source


@each_chapter
def test_every_solution_is_folded_and_judged(path: Path) -> None:
    solutions = [
        cell
        for cell in cells(path, "code")
        if cell.source.startswith("# Solution")
    ]
    assert len(solutions) >= 3
    for cell in solutions:
        assert "hide-cell" in cell.metadata.tags
        assert "assert " in cell.source


@each_chapter
def test_five_seeds_are_stored(path: Path) -> None:
    _, stored = stored_results(path.stem)
    assert stored, f"run: make experiments NAME={path.stem}"
    assert {interval.seeds for interval in stored.values()} == {5}


def called(node: ast.Call) -> str:
    """Return the name of the function that is called."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


@each_notebook
def test_no_line_of_code_is_cut_by_the_page(path: Path) -> None:
    for cell in cells(path, "code"):
        for line in cell.source.splitlines():
            assert len(line) <= 79, line


def test_an_address_is_replaced_everywhere_and_nothing_else_is() -> None:
    text = (
        "url: https://github.com/a/b\nhttps://a.github.io/b/\n"
        'github/a/b/blob git+https://github.com/a/b" https://github.com/a/bc'
    )
    assert stamp(text, "a/b", "me/mine") == (
        "url: https://github.com/me/mine\nhttps://me.github.io/mine/\n"
        'github/me/mine/blob git+https://github.com/me/mine"'
        " https://github.com/a/bc"
    )
