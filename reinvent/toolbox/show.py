"""Show the source of what a chapter has just explained.

A chapter copies no code: `show(thing)` reads the source that Python itself
runs, so the page can never tell something else than the package does.
"""

import ast
import inspect
import re
import sys
import textwrap


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
    plain = "\n\n".join(f"# {name}\n{code}" for name, code in named)
    shell = notebook()
    if shell is None:
        print(plain)
        return
    markdown = "\n\n".join(_block(name, code) for name, code in named)
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


def notebook() -> object | None:
    """The IPython shell of a notebook; None in Python and at a prompt."""
    if "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return shell if hasattr(shell, "kernel") else None
