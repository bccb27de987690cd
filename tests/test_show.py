"""The source a page shows is the source that runs."""

import functools

import pytest
import torch

from reinvent import Paper
from reinvent.toolbox import show as show_module
from reinvent.toolbox.show import show, source, table


def undecorated(number: int) -> int:
    """Return the number.

    Args:
        number: Any; `like` this.
    """
    return number


class Outer:
    """A class.

    With more words.
    """

    size = 3

    def method(self) -> int:
        """Return the size.

        In inches.
        """

        def inner() -> int:
            """Three.

            Always.
            """
            return 3

        return inner()

    @classmethod
    def build(cls) -> "Outer":
        """Short."""
        return cls()


class Shell:
    """Records what a notebook would display."""

    kernel = True

    def __init__(self) -> None:
        self.display_pub = self
        self.bundles = []

    def publish(self, bundle: dict) -> None:
        self.bundles.append(bundle)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(show_module, "notebook", lambda: shell)
    return shell


def test_plain_python_prints_the_name_and_the_source(capsys):
    show(undecorated)
    out = capsys.readouterr().out
    assert out == (
        f"# {__name__}.undecorated\n"
        "def undecorated(number: int) -> int:\n"
        '    """Return the number."""\n'
        "    return number\n"
    )


def test_a_notebook_gets_a_python_block_under_the_dotted_name(shell):
    show(Outer.method)
    (bundle,) = shell.bundles
    assert sorted(bundle) == ["text/markdown", "text/plain"]
    lines = bundle["text/markdown"].split("\n")
    assert lines[0] == f"`{__name__}.Outer.method`"
    assert lines[2:4] == ["```python", "def method(self) -> int:"]
    assert lines[-1] == "```"


def test_several_things_share_one_output(shell):
    show(undecorated, Paper)
    (bundle,) = shell.bundles
    assert bundle["text/markdown"].count("```python") == 2
    assert "`reinvent.Paper`" in bundle["text/markdown"]


def test_two_displays_of_a_thing_are_equal(shell):
    show(Outer)
    show(Outer)
    assert shell.bundles[0] == shell.bundles[1]


def test_docstrings_keep_their_first_line_at_every_depth():
    code = source(Outer)
    for first, rest in [
        ('"""A class."""', "With more"),
        ('"""Return the size."""', "In inches"),
        ('"""Three."""', "Always"),
        ('"""Short."""', "\x00"),
    ]:
        assert first in code
        assert rest not in code
    compile(code, "shown", "exec")


def test_docstrings_stay_whole_on_request():
    assert "In inches" in source(Outer, docstring=True)


def test_code_outside_docstrings_is_unchanged():
    kept = [line for line in source(Outer).split("\n") if '"""' not in line]
    whole = source(Outer, docstring=True).split("\n")
    assert len(kept) > 8
    assert all(line in whole for line in kept)


def test_bound_methods_and_class_methods_show_their_function():
    assert source(Outer().method) == source(Outer.method)
    assert "@classmethod" in source(Outer.build)


def test_decorated_functions_show_what_was_written():
    @functools.wraps(undecorated)
    def wrapper(*args: int) -> int:
        return undecorated(*args)

    assert "return number" in source(wrapper)


def test_a_fence_inside_the_code_does_not_end_the_block(shell):
    def fenced() -> str:
        return "```"

    show(fenced)
    markdown = shell.bundles[0]["text/markdown"]
    assert "````python" in markdown
    assert markdown.endswith("\n````")


def test_an_object_is_refused_with_the_name_of_its_class():
    with pytest.raises(TypeError, match=r"type Linear: show\(Linear\)"):
        show(torch.nn.Linear(2, 3))


@pytest.mark.parametrize("thing", [len, int, torch.matmul])
def test_things_written_in_c_are_refused(thing):
    with pytest.raises(ValueError, match="no Python source"):
        show(thing)


def test_nothing_is_displayed_when_one_of_several_has_no_source(capsys):
    with pytest.raises(ValueError, match="len"):
        show(undecorated, len)
    assert capsys.readouterr().out == ""


def test_a_printed_table_has_its_cells_in_columns(capsys):
    table(["loss", "words"], {"plain": ["1.25", 3], "gated": [0.5, 12]})
    assert capsys.readouterr().out == (
        "      loss words\nplain 1.25     3\ngated  0.5    12\n"
    )


def test_a_table_in_a_notebook_is_markdown_with_plain_text_beside(shell):
    table(["loss"], {"plain": [1.25]})
    (bundle,) = shell.bundles
    assert bundle["text/plain"] == "      loss\nplain 1.25"
    assert bundle["text/markdown"].split("\n") == [
        "|  | loss |",
        "| --- | ---: |",
        "| plain | 1.25 |",
    ]


def test_signs_in_a_table_are_shown_and_not_read(shell):
    table(["a|b"], {"<unk> *x* _y_": ["$1$"]})
    markdown = shell.bundles[0]["text/markdown"]
    assert markdown.count("|") == 9
    assert not set("<>*_$") & set(markdown)
    assert "&#60;unk&#62;" in markdown


def test_a_row_with_a_cell_too_few_is_named():
    with pytest.raises(ValueError, match="'plain' has 1 cells.* 2 columns"):
        table(["loss", "words"], {"plain": [1.25]})
