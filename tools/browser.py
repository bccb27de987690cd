"""The browser that looks at the built pages, and the server it asks."""

import contextlib
import functools
import http.server
import os
import shutil
import threading

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
ON_A_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
HOW_TO_INSTALL = """The tests look at the pages in Chromium, and there is none.

    Debian:          sudo apt install chromium
    Ubuntu:          sudo snap install chromium
    Fedora:          sudo dnf install chromium
    macOS:           brew install --cask chromium

One that is not on the PATH is named by REINVENT_CHROMIUM=/path/to/chromium.
"""
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find_chromium():
    """Return the path of Chromium or Chrome, or None."""
    named = os.environ.get("REINVENT_CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES + ON_A_MAC:
        path = shutil.which(name)
        if path:
            return path
    return None


@contextlib.contextmanager
def open_browser():
    """Start a headless Chromium; give it back as Playwright's `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=FLAGS
        )
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A handler that does not print a line for each request."""

    def log_message(self, *arguments):
        """Say nothing."""


@contextlib.contextmanager
def serve(folder):
    """Serve a folder on a free port of this machine; give back its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
