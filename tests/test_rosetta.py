"""The pages on letters and names tell of code that is there."""

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from torch import nn
from torch.nn import functional

from reinvent import PAPERS

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[A-Za-z_]\w+(?:\.[A-Za-z_]\w*)*", re.ASCII)
TORCH = {"nn": nn, "F": functional}


@cache
def known() -> frozenset[str]:
    """Every name that the package gives to something."""
    found = set()
    for path in (ROOT / "reinvent").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for field in ("id", "arg", "attr", "name"):
                found.add(getattr(node, field, None))
    return frozenset(found - {None})


def holder(name: str) -> object:
    """A paper's module, or the class of a paper, or a part of PyTorch."""
    if name in TORCH:
        return TORCH[name]
    if name in PAPERS:
        return import_module(f"reinvent.{name}")
    modules = [import_module(f"reinvent.{paper}") for paper in PAPERS]
    found = [vars(one)[name] for one in modules if name in vars(one)]
    return next((one for one in found if isinstance(one, type)), None)


def has(thing: object, name: str) -> bool:
    """Whether it has the name, or its objects do."""
    if not isinstance(thing, type):
        return hasattr(thing, name)
    made = f"self.{name} = " in inspect.getsource(thing)
    return made or hasattr(thing, name) or name in thing.__annotations__


@pytest.mark.parametrize("page", ["notation", "rosetta"])
def test_every_name_on_the_page_exists(page: str) -> None:
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    names = [one for one in re.findall("`(.+?)`", text) if NAME.fullmatch(one)]
    assert len(names) > 10
    for name in names:
        first, *rest = name.split(".")
        if not rest:
            assert name in known() or name in PAPERS, name
            continue
        thing = holder(first)
        for part in rest:
            assert has(thing, part), name
            thing = getattr(thing, part, None)


def test_every_table_of_the_papers_letters_is_narrow() -> None:
    text = (ROOT / "book" / "rosetta.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    columns = {len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows}
    assert columns == {2, 3}
