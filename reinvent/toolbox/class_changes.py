"""What changed in a class from one paper to the next.

A class is looked at in three ways: the parts that its objects are made of,
its settings, and its methods. Objects are built with the defaults, which are
the paper's, on PyTorch's device "meta": they have shapes and no numbers, so
the largest model takes no memory.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any, NamedTuple, get_type_hints

import torch
from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

LISTS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)
METHODS = (property, cached_property, classmethod, staticmethod)
PAIR = re.compile(r"([\w.]+) -> ([\w.]+): (\S.*)")


class Change(NamedTuple):
    """One name in two classes.

    Attributes:
        how: "new", "changed", "gone" or "kept".
        name: Of a part, such as "decoder.attention", a setting or a method.
        before: What it was: a class, a default or parameters; "" if it was
            not there.
        after: What it is now; "" if it is not there.
    """

    how: str
    name: str
    before: str
    after: str


class Pair(NamedTuple):
    """Two neighbours, as names to import, and what the idea was."""

    old: str
    new: str
    idea: str


def read_pairs(lines: Iterable[str]) -> list[Pair]:
    """Read `old.Class -> new.Class: The idea.`, one after the other.

    Args:
        lines: An idea may go on in the next lines, which are indented.

    Raises:
        ValueError: If a line is no pair.
    """
    joined: list[str] = []
    for line in filter(str.strip, lines):
        if line[0].isspace() and joined:
            joined[-1] += f" {line.strip()}"
        else:
            joined.append(line.strip())
    pairs = []
    for line in joined:
        found = PAIR.fullmatch(line)
        if not found:
            raise ValueError(
                f"{line!r}, expected 'module.Class -> module.Class: What the"
                " idea was.'"
            )
        pairs.append(Pair(*found.groups()))
    return pairs


def changes(old: type, new: type) -> dict[str, list[Change]]:
    """Compare two classes: what came, what changed, what went, what stayed.

    Args:
        old: A class. A module of PyTorch must need nothing to be built
            but numbers, configurations and such modules.
        new: Another one, which may inherit from the first.

    Returns:
        The changes of "parts", "settings" and "methods", in the order of
        the new class, and then what is gone. What stands inside a part that
        is new or gone is left out.
    """
    anew = rewritten(old, new)
    return {
        "parts": without_insides(compare(parts_of(old), parts_of(new))),
        "settings": compare(settings(old), settings(new)),
        "methods": compare(methods(old), methods(new), anew),
    }


def compare(
    before: Mapping[str, str],
    after: Mapping[str, str],
    anew: frozenset[str] = frozenset(),
) -> list[Change]:
    """Compare two outlines, name by name.

    Args:
        before: Each name and what it is.
        after: The same of the other class.
        anew: Names that changed although they look the same.
    """
    found = []
    for name, what in after.items():
        if name not in before:
            found.append(Change("new", name, "", what))
        else:
            same = before[name] == what and name not in anew
            how = "kept" if same else "changed"
            found.append(Change(how, name, before[name], what))
    gone = (name for name in before if name not in after)
    return [*found, *(Change("gone", name, before[name], "") for name in gone)]


def without_insides(found: list[Change]) -> list[Change]:
    """Leave out what stands inside a part that is new or gone."""
    whole = {one.name for one in found if one.how in ("new", "gone")}
    return [one for one in found if one.name.rpartition(".")[0] not in whole]


def parts_of(kind: type) -> dict[str, str]:
    """The parts of a class of modules; none of any other class."""
    return parts(build(kind)) if is_module(kind) else {}


def is_module(kind: object) -> bool:
    """Whether objects of this kind are modules of PyTorch."""
    return isinstance(kind, type) and issubclass(kind, nn.Module)


def parts(model: nn.Module, depth: int = 2) -> dict[str, str]:
    """The modules inside a module, by name.

    Args:
        model: Any module.
        depth: 1 for its own parts, 2 for theirs as well, and so on.

    Returns:
        Names such as "encoder.embedding", and the class of each. A list is
        "n × EncoderLayer", and its first member stands for all. Empty
        lists and `nn.Identity`, which does nothing, are left out.
    """
    found = {}
    for name, part in model.named_children():
        listed = isinstance(part, LISTS)
        inside = list(part.children()) if listed else [part]
        if name == "parametrizations" or isinstance(part, nn.Identity):
            inside = []
        if inside:
            kinds = [type_before_parametrizations(one) for one in inside]
            what = " or ".join(dict.fromkeys(one.__name__ for one in kinds))
            found[name] = f"n × {what}" if listed else what
        if inside and depth > 1:
            for its, what in parts(inside[0], depth - 1).items():
                found[f"{name}.{its}"] = what
    return found


def build(kind: type) -> Any:
    """Make an object with the defaults, and 1 for each number without one.

    Args:
        kind: A module or a configuration. It may need others of them.

    Returns:
        A module has its weights on the device "meta".

    Raises:
        ValueError: If it needs something else.
    """
    if kind in (int, float, bool):
        return kind(1)
    if not (is_dataclass(kind) or is_module(kind)):
        raise ValueError(
            f"{kind} is needed to build a module, expected a number, a"
            " configuration or a module"
        )
    with torch.device("meta"):
        return kind(
            **{name: build(what) for name, what in needs(kind).items()}
        )


def needs(kind: type) -> dict[str, type]:
    """The parameters without a default and their types.

    What a class says of its attributes counts more than its `__init__`,
    which may be that of a parent.
    """
    types = {} if is_dataclass(kind) else get_type_hints(kind.__init__)
    types |= get_type_hints(kind)
    return {
        name: types[name]
        for name, one in parameters(kind.__init__).items()
        if one.default is one.empty
    }


def settings(kind: type) -> dict[str, str]:
    """What can be chosen when an object is made.

    Args:
        kind: Any class.

    Returns:
        Each field of its configuration and each other parameter but
        modules, with its default; "" if it has none.
    """
    found, needed = {}, needs(kind)
    for name, one in parameters(kind.__init__).items():
        if name not in needed:
            found[name] = said(one.default)
        elif is_dataclass(needed[name]):
            found |= settings(needed[name])
        elif not is_module(needed[name]):
            found[name] = ""
    return found


def said(value: object) -> str:
    """A default in a few characters."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = getattr(value, "__name__", repr(value))
    return text if len(text) <= 30 else "..."


def methods(kind: type) -> dict[str, str]:
    """What an object can be asked for, without what its library gives.

    Args:
        kind: Any class.

    Returns:
        The public methods of the class and of those of its package from
        which it inherits, each with its parameters.
    """
    chosen = [one.name for one in fields(kind)] if is_dataclass(kind) else []
    found = {}
    for base in reversed(home(kind)):
        for name, one in vars(base).items():
            is_method = callable(one) or isinstance(one, METHODS)
            if is_method and name[0] != "_" and name not in chosen:
                found[name] = called(getattr(kind, name))
    return found


def called(method: object) -> str:
    """The parameters of a method, "" of a property."""
    if not callable(method):
        return ""
    return f"({', '.join(parameters(method))})"


def rewritten(old: type, new: type) -> frozenset[str]:
    """Methods that a class inherits and yet writes anew."""
    if not issubclass(new, old):
        return frozenset()
    its = [base for base in home(new) if base not in home(old)]
    names = (name for base in its for name in vars(base))
    return frozenset(name for name in names if name in methods(old))


def home(kind: type) -> list[type]:
    """A class and its parents in the same package, the class first."""
    package = kind.__module__.split(".")[0]
    return [
        base
        for base in kind.__mro__
        if base.__module__.split(".")[0] == package
    ]


def parameters(call: Any) -> dict[str, inspect.Parameter]:
    """The parameters of a call, without the object itself."""
    every = inspect.signature(call).parameters
    return {name: one for name, one in every.items() if name != "self"}
