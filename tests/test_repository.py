"""The repository as a whole: its layout, its pins, the examples in its text.

Which paper may import which is held by test_lineage.py.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import tomllib
import yaml
from pybtex.database import parse_file

from reinvent import PAPERS

ROOT = Path(__file__).resolve().parents[1]
MADE = {
    ".git",
    ".venv",
    ".pytest_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    "_build",
    "__pycache__",
    "dist",
    "screenshots",
}
TEXT = {".py", ".md", ".ipynb", ".yml", ".toml", ".txt", ".cff", ".bib"}
TEXT |= {".yaml", ".css", ".js", ".html", ".svg", ".csv", ".json", ""}

each_paper = pytest.mark.parametrize("name", PAPERS)


def files() -> Iterator[Path]:
    """Yield the files that belong to the repository and hold text."""
    for path in sorted(ROOT.rglob("*")):
        made = MADE & set(path.relative_to(ROOT).parts)
        if path.is_file() and path.suffix in TEXT and not made:
            yield path


@each_paper
def test_a_paper_has_a_module_a_chapter_and_a_test(name: str) -> None:
    assert (ROOT / "reinvent" / f"{name}.py").is_file()
    assert (ROOT / "chapters" / f"{PAPERS[name].chapter}.ipynb").is_file()
    assert (ROOT / "tests" / f"test_{name}.py").is_file()


@each_paper
def test_a_paper_has_a_date_and_a_link_with_its_version(name: str) -> None:
    paper = PAPERS[name]
    if len(paper.date) == 4:
        assert 1997 <= int(paper.date) <= 2019
    else:
        assert date.fromisoformat(paper.date).year <= 2019
    if "arxiv.org" in paper.link:
        assert re.search(r"/abs/\d{4}\.\d{4,5}v\d+$", paper.link)


@each_paper
def test_a_paper_stands_in_the_bibliography(name: str) -> None:
    paper = PAPERS[name]
    entries = parse_file(ROOT / "book" / "references.bib").entries.values()
    versions = {
        entry.fields["eprint"]: entry
        for entry in entries
        if "eprint" in entry.fields
    }
    titles = {plain(entry.fields["title"]) for entry in entries}
    assert plain(paper.title) in titles
    if "arxiv.org" in paper.link:
        entry = versions[paper.link.split("/abs/")[1]]
        assert plain(entry.fields["title"]) == plain(paper.title)
        last_names = [person.last_names for person in entry.persons["author"]]
        for last_name in last_names[:3]:
            assert " ".join(last_name) in paper.authors


def plain(title: str) -> str:
    """Return a title without the marks of BibTeX and the breaks of lines."""
    return " ".join(re.sub(r"[{}]", "", title).split()).lower()


def test_the_bibliography_has_the_whole_reading_list() -> None:
    entries = parse_file(ROOT / "book" / "references.bib").entries.values()
    parts = [entry.fields["keywords"] for entry in entries]
    assert parts.count("prelude") == 5
    assert sum(parts.count(part) for part in ("one", "two", "three")) == 14


@each_paper
def test_a_paper_module_needs_only_python_torch_and_the_book(name) -> None:
    text = (ROOT / "reinvent" / f"{name}.py").read_text(encoding="utf-8")
    allowed = {*sys.stdlib_module_names, "torch", "regex", "reinvent"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            taken = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not any(alias.name == "*" for alias in node.names)
            taken = [node.module or "reinvent"]
        else:
            continue
        for module in taken:
            assert module.split(".")[0] in allowed


@each_paper
def test_sizes_in_a_test_are_distinct_primes(name: str) -> None:
    # With equal sizes a wrong transposition passes.
    text = (ROOT / "tests" / f"test_{name}.py").read_text(encoding="utf-8")
    sizes = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            sizes |= letters(node)
    module = (ROOT / "reinvent" / f"{name}.py").read_text(encoding="utf-8")
    assert sizes or "torch" not in module, "no sizes such as B, T = 2, 3"
    for letter, size in sizes.items():
        divisors = [n for n in range(1, size + 1) if size % n == 0]
        assert divisors == [1, size], f"{letter} = {size} is not a prime"
    assert len(set(sizes.values())) == len(sizes), sizes


def letters(node: ast.Assign) -> dict[str, int]:
    """Return the sizes that one assignment names by a capital letter.

    Products, such as D = H * K, are none.
    """
    (target,) = node.targets
    names = getattr(target, "elts", [target])
    values = getattr(node.value, "elts", [node.value])
    return {
        name.id: ast.literal_eval(value)
        for name, value in zip(names, values, strict=False)
        if isinstance(name, ast.Name)
        and re.fullmatch("[A-Z]", name.id)
        and not isinstance(value, ast.BinOp)
    }


def test_the_table_of_contents_has_every_chapter_in_order() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [
        chapter["file"].removeprefix("chapters/")
        for part in toc["parts"]
        for chapter in part["chapters"]
        if chapter["file"].startswith("chapters/")
    ]
    told = list(dict.fromkeys(paper.chapter for paper in PAPERS.values()))
    assert listed == told == sorted(told)


LEFT_OVER = "|".join(
    [
        r"(?<![\w.~])/(?:home|Users|root|work|tmp)/\w",
        r"\b[A-Z]:\\\\",
        *(rf"\b{a}{b}\b" for a, b in [("TO", "DO"), ("FIX", "ME")]),
        *(rf"\b{a}{b}\b" for a, b in [("XX", "X"), ("lorem ", "ipsum")]),
    ]
)


def test_nothing_is_left_over() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {mark}"
        for path in files()
        if path != Path(__file__).resolve()
        for mark in re.findall(LEFT_OVER, path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_environment_is_pinned_and_covers_the_package() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line[:1] not in ("#", "")]
    assert lines[0] == "-e ."
    assert "torch==2.13.0" in lines
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines[1:])
    pinned = {re.sub("[-_.]+", "-", line.split("==")[0]) for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for needed in project["project"]["dependencies"]:
        name, bound = re.fullmatch(r"([\w-]+)(.*)", needed).groups()
        assert name in pinned
        assert bound.startswith(">=") and "," not in bound


@pytest.mark.parametrize("name", ["README.md", "book/preface.md"])
def test_the_examples_in_the_text_run(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.S)
    assert examples
    for example in examples:
        subprocess.run(
            [sys.executable, "-c", example], check=True, cwd=tmp_path
        )


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "book/preface.md"]
)
def test_the_commands_in_the_text_exist(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^)make ([a-z]+)", text, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
