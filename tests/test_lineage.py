"""Imports between papers point back in time, and are read as citations."""

import pytest
from matplotlib import pyplot as plt

import reinvent
from reinvent.toolbox.lineage import (
    Citation,
    family_tree,
    imports,
    violations,
)

PAPERS = {"old": None, "middle": None, "young": None}


@pytest.fixture
def package(tmp_path):
    def write(**files: str):
        (tmp_path / "toolbox").mkdir()
        for name in (*PAPERS, "__init__"):
            (tmp_path / f"{name}.py").write_text("import torch\n")
        for name, text in files.items():
            path = name.replace("__", "/", 1)
            (tmp_path / f"{path}.py").write_text(text)
        return tmp_path

    return write


def test_no_import_of_the_package_points_to_the_future():
    assert violations() == []


def test_every_paper_has_a_module():
    assert list(imports()) == list(reinvent.PAPERS)


def test_an_import_is_a_citation_with_its_comment(package):
    path = package(
        young=(
            "from reinvent.old import (\n"
            "    Cell,  # §2\n"
            "    gate,  # eq. 5\n"
            ")\n"
            "import reinvent.middle  # all of it\n"
        )
    )
    assert imports(path, PAPERS)["young"] == [
        Citation("old", ("Cell", "gate"), "§2 eq. 5", 1),
        Citation("middle", (), "all of it", 5),
    ]


def test_a_package_that_keeps_the_rule_has_no_violations(package):
    path = package(
        middle="from reinvent.old import x\nimport reinvent\n",
        young="from reinvent import old, middle\nfrom .old import y\n",
        toolbox__fit="from reinvent import PAPERS\nfrom .show import show\n",
        toolbox__old="from reinvent.toolbox.old import x\nimport old\n",
    )
    assert violations(path, PAPERS) == []


@pytest.mark.parametrize(
    "line",
    [
        "import reinvent.young",
        "import reinvent.young as y",
        "from reinvent.young import x",
        "from reinvent.young.part import x",
        "from reinvent import young",
        "from .young import x",
        "from . import young",
        "def f():\n    from reinvent.young import x",
        "if True:\n    import torch, reinvent.young",
    ],
)
def test_an_import_from_the_future_is_found(package, line):
    path = package(middle=f"import torch\n{line}\n")
    (found,) = violations(path, PAPERS)
    assert "middle.py" in found
    assert "imports young, which comes later" in found


def test_a_paper_that_imports_itself_is_found(package):
    path = package(old="from reinvent.old import x\n")
    assert len(violations(path, PAPERS)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "import reinvent.old",
        "from reinvent.old import x",
        "from reinvent import old",
        "from ..old import x",
        "from .. import old",
        "def f():\n    from reinvent.old import x",
    ],
)
def test_a_toolbox_that_imports_a_paper_is_found(package, line):
    path = package(toolbox__fit=f"import torch\n{line}\n")
    (found,) = violations(path, PAPERS)
    assert "toolbox/fit.py" in found
    assert "imports the paper old" in found


def test_a_file_that_is_no_paper_is_found(package):
    (found,) = violations(package(helpers="import torch\n"), PAPERS)
    assert "helpers.py is no paper" in found


def test_a_relative_import_inside_the_toolbox_is_no_citation(package):
    path = package(toolbox__fit="from .old import x\n")
    assert violations(path, PAPERS) == []


@pytest.fixture
def dated():
    """Three papers, one of which is known by its year alone."""
    dates = {"old": "2013-01-16", "middle": "2014", "young": "2015-07-02"}
    return {
        name: reinvent.Paper(
            title=name, authors="", date=date, link="", chapter=""
        )
        for name, date in dates.items()
    }


def test_the_tree_has_a_row_for_each_paper_and_a_line_for_each_import(
    package, dated
):
    path = package(
        middle="from reinvent.old import x\n",
        young="from reinvent.old import x\nimport reinvent.middle\n",
    )
    with plt.rc_context():
        ax = family_tree(package=path, papers=dated)
    plt.close("all")
    assert [text.get_text() for text in ax.texts] == list(dated)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    places = [line.get_xydata()[0].tolist() for line in dots]
    assert places[0] == pytest.approx([2013 + 15 / 365.25, 0])
    assert places[1] == pytest.approx([2014.5, 1])
    elbows = [line.get_xydata() for line in ax.lines[:3]]
    ends = [(e[0].tolist(), e[-1].tolist()) for e in elbows]
    assert ends == [
        (places[0], places[1]),
        (places[0], places[2]),
        (places[1], places[2]),
    ]


def test_a_paper_known_by_its_year_has_a_bar_of_that_year(package, dated):
    with plt.rc_context():
        ax = family_tree(package=package(), papers=dated)
    plt.close("all")
    bars = [line for line in ax.lines if line.get_linewidth() == 8]
    assert [bar.get_xdata().tolist() for bar in bars] == [[2014, 2015]]


def test_the_tree_of_the_book_can_be_drawn():
    with plt.rc_context():
        ax = family_tree()
        ax.figure.draw_without_rendering()
    plt.close("all")
    assert ax.figure.get_figwidth() <= 6.4
