"""Show the source of what a chapter has just explained, and tables.

A chapter copies no code: `show(thing)` reads the source that Python itself
runs, so the page can never tell something else than the package does.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence


def show(thing: object, *more: object, docstring: bool = False) -> None:
    """Display the live source of classes, functions or methods.

    In a notebook the source appears as a highlighted code block under its
    dotted name; in plain Python it is printed.

    Args:
        thing: A class, a function or a method.
        *more: Further ones, displayed below in the same output.
        docstring: True keeps docstrings whole. By default only their first
            line stays: the page around them tells the rest.

    Raises:
        TypeError: If something is not a class, function or method.
        ValueError: If its source cannot be found.
    """
    named = [(_name(t), source(t, docstring)) for t in (thing, *more)]
    _display(
        "\n\n".join(f"# {name}\n{code}" for name, code in named),
        "\n\n".join(_block(name, code) for name, code in named),
    )


def table(
    columns: Sequence[str], rows: Mapping[str, Sequence[object]]
) -> None:
    """Display what was measured as a table that a phone can scroll.

    In a notebook it is a Markdown table; in plain Python it is printed.

    Args:
        columns: A name for each column of cells.
        rows: Name of each row to its cells, shown as `str` shows them.

    Raises:
        ValueError: If a row has not one cell for each column.
    """
    for name, cells in rows.items():
        if len(cells) != len(columns):
            raise ValueError(
                f"row {name!r} has {len(cells)} cells, expected one for each "
                f"of the {len(columns)} columns"
            )
    lines = [["", *columns]]
    lines += [[name, *map(str, cells)] for name, cells in rows.items()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    plain = "\n".join(
        " ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(
                zip(line, widths, strict=True)
            )
        ).rstrip()
        for line in lines
    )
    head, *body = [f"| {' | '.join(map(_verbatim, line))} |" for line in lines]
    ruler = f"| --- |{' ---: |' * len(columns)}"
    _display(plain, "\n".join([head, ruler, *body]))


def _display(plain: str, markdown: str) -> None:
    """Publish both forms in a notebook, else print the plain one."""
    shell = notebook()
    if shell is None:
        print(plain)
        return
    shell.display_pub.publish({"text/plain": plain, "text/markdown": markdown})


def source(thing: object, docstring: bool = False) -> str:
    """Return the source of one class, function or method, from column 0.

    Args:
        thing: A class, a function or a method.
        docstring: True keeps docstrings whole, False their first line.

    Raises:
        TypeError: If it is not a class, function or method.
        ValueError: If its source cannot be found.
    """
    if inspect.ismethod(thing):
        thing = thing.__func__
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        kind = type(thing).__name__
        raise TypeError(
            f"show takes a class, a function or a method, got an object of"
            f" type {kind}: show({kind}) displays its class"
        )
    try:
        code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    except (OSError, TypeError) as error:
        raise ValueError(
            f"{_name(thing)} has no Python source to show: it is built in,"
            " written in C, or its file is gone"
        ) from error
    return code if docstring else _first_lines(code)


def _name(thing: object) -> str:
    """The dotted name under which a reader can import the thing."""
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", type(thing).__name__)
    return name if module in (None, "__main__") else f"{module}.{name}"


def _first_lines(code: str) -> str:
    """Cut every docstring in the code down to its first line."""
    lines = code.split("\n")
    owners = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [
        node.body[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, owners) and ast.get_docstring(node)
    ]
    # From the bottom up, so that the numbers above stay right.
    for string in sorted(found, key=lambda node: -node.lineno):
        first, last = string.lineno - 1, string.end_lineno - 1
        if first < last:
            lines[first : last + 1] = [lines[first].rstrip() + '"""']
    return "\n".join(lines)


def _block(name: str, code: str) -> str:
    """A fenced Markdown block whose fence is longer than any inside."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"`{name}`\n\n{fence}python\n{code}\n{fence}"


def _verbatim(text: str) -> str:
    """The text with every sign that Markdown would read as its own."""
    return re.sub(r"[^\w\s.,:;%+\-–()/'\"]|_", _entity, text)


def _entity(sign: re.Match) -> str:
    """A sign as HTML names it, by its number."""
    return f"&#{ord(sign[0])};"


def notebook() -> object | None:
    """The IPython shell of a notebook; None in Python and at a prompt."""
    if "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return shell if hasattr(shell, "kernel") else None
