import re

import pytest

from reinvent.toolbox.texts import python_docstrings, python_manual


def check_plain(sentences):
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert sentence[0].isupper()
        assert sentence[-1] in ".?!"
        assert sentence == " ".join(sentence.split())
        assert len(sentence.split()) >= 3
        assert re.fullmatch(r"[A-Za-z ,;:()'.?!-]+", sentence)


def test_the_manual_gives_a_thousand_sentences_of_plain_words():
    sentences = python_manual()
    assert len(sentences) > 1_000
    assert sum(len(sentence.split()) for sentence in sentences) > 15_000
    check_plain(sentences)


def test_the_same_sentences_come_each_time():
    assert python_manual() == python_manual()
    assert "Classes are callable." in python_manual()


def test_the_docstrings_give_thousands_of_sentences_of_plain_words():
    sentences = python_docstrings()
    assert len(sentences) > 5_000
    assert sum(len(sentence.split()) for sentence in sentences) > 60_000
    check_plain(sentences)


@pytest.fixture
def library(tmp_path):
    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_docstrings_come_from_modules_classes_and_functions(library):
    folder = library(
        "b.py",
        '"""First of all.  It has code = 1. It ends\n    here."""\n'
        "x = 'Not a docstring at all.'\n"
        "class A:\n"
        '    """A class of things.\n\n    A second paragraph."""\n'
        "    async def f(self):\n"
        '        """First of all."""\n'
        "def g():\n"
        '    r"""Speak of `g` in quotes."""\n'
        "def h(): pass\n",
    )
    assert sorted(python_docstrings(folder)) == [
        "A class of things.",
        "A second paragraph.",
        "First of all.",
        "It ends here.",
        "Speak of g in quotes.",
    ]


def test_files_are_read_in_the_order_of_their_paths(library):
    for name in ("b/z.py", "a.py", "c.py", "b/a.py"):
        word = name[:-3].replace("/", "-")
        folder = library(name, f'"""This is {word}."""')
    assert python_docstrings(folder) == [
        "This is a.",
        "This is b-a.",
        "This is b-z.",
        "This is c.",
    ]


@pytest.mark.parametrize(
    "path", ["site-packages/a.py", "unittest/test/a.py", "lib2to3/a/b.py"]
)
def test_what_is_not_the_library_is_left_out(library, path):
    library("good.py", '"""This one is read."""')
    folder = library(path, '"""This one is not."""')
    assert python_docstrings(folder) == ["This one is read."]


def test_a_library_below_a_folder_named_test_is_read(library):
    folder = library("test/a.py", '"""This one is read."""') / "test"
    assert python_docstrings(folder) == ["This one is read."]


@pytest.mark.parametrize(
    "content",
    [b"print 'old'", b"# -*- coding: no-such -*-", b"'\xff'", b"x = 1\0"],
)
def test_a_file_that_is_not_valid_python_is_skipped(library, content):
    folder = library("good.py", '"""This one is read."""')
    (folder / "bad.py").write_bytes(content)
    assert python_docstrings(folder) == ["This one is read."]


def test_an_old_way_to_write_a_string_gives_no_warning(library):
    folder = library("old.py", '"""This one is read."""\nx = "\\d"\n')
    assert python_docstrings(folder) == ["This one is read."]


def test_a_folder_without_python_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="0 Python files in"):
        python_docstrings(tmp_path)
