"""What the tests share: the built book, and a browser to look at it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from browser import (  # noqa: E402
    HOW_TO_INSTALL,
    find_chromium,
    open_browser,
    serve,
)


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker for tests to leave out while developing."""
    config.addinivalue_line(
        "markers", 'slow: takes a minute; leave out with -m "not slow"'
    )
    torch.set_num_threads(1)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter,
) -> None:
    """Show what tests measured, also those that ran in another process."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in report.user_properties:
                    terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder with the pages, built now, with warnings as errors."""
    shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)
    program = Path(sys.executable).with_name("jupyter-book")
    options = ["-W", "-n", "--keep-going", "-q"]
    build = subprocess.run(
        [program, "build", "--all", *options, str(ROOT)],
        capture_output=True,
        text=True,
    )
    if build.returncode:
        pytest.fail(f"the book does not build:\n{build.stderr[-6000:]}")
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """The address under which this machine, and no other, sees the pages."""
    with serve(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium; without one the tests fail and say so."""
    if not find_chromium():
        pytest.fail(HOW_TO_INSTALL)
    with open_browser() as browser:
        yield browser


@pytest.fixture
def book_style() -> Iterator[None]:
    """Figures in the style of the book, all closed afterwards."""
    from matplotlib import pyplot as plt

    from reinvent.toolbox import plots

    with plt.rc_context():
        plt.switch_backend("svg")
        plots.use_style()
        yield
    plt.close("all")


@pytest.fixture
def show(browser, tmp_path: Path) -> Iterator[Callable]:
    """Open pictures in a page; fail on any error or request it makes."""
    from reinvent.toolbox.inline import share

    contexts, trouble = [], []

    def start(*pictures, shared=False, **options):
        body = "".join(picture.html() for picture in pictures)
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(
            "<!doctype html><html lang=en><meta charset=utf-8>"
            "<meta name=viewport content='width=device-width'>"
            f"<title>Test</title><body>{share(body) if shared else body}",
            encoding="utf-8",
        )
        options = {"viewport": {"width": 900, "height": 900}} | options
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append("a dialog"))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_function(
                "n => document.querySelectorAll('.rb-live').length == n",
                arg=len(pictures),
            )
        assert asked == [path.as_uri()]
        return page

    yield start
    for context in contexts:
        context.close()
    assert trouble == []
