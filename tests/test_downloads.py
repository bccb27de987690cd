"""Downloads: whole and right, or not there, with words that help."""

import errno
import hashlib
import io
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from real_data import real_data

from reinvent.toolbox import downloads
from reinvent.toolbox.downloads import DownloadError, Source, fetch, locate

BOOK = downloads.SOURCES
FILES = {"a.txt": b"one\n" * 211, "b b.gz": bytes(range(256)) * 31}


@pytest.fixture
def server():
    """Serves the files here; it can also cut, spoil or refuse them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.removeprefix("/x/").replace("%20", " ")
            here.asked.append(name)
            if name not in FILES:
                self.send_error(404)
                return
            content = FILES[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            mood = here.moods.pop(0) if here.moods else "good"
            if mood == "cut":
                content = content[: len(content) // 2]
            if mood == "spoiled":
                content = content[::-1]
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as here:
        here.asked, here.moods = [], []
        here.address = f"http://127.0.0.1:{here.server_port}"
        thread = threading.Thread(target=here.serve_forever, args=(0.01,))
        thread.start()
        yield here
        here.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, server):
    """An empty cache, data at the server, and no waiting."""
    hashes = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in FILES.items()
    }
    source = Source(f"{server.address}/x", hashes)
    monkeypatch.setattr(downloads, "SOURCES", {"x": source})
    monkeypatch.setenv("REINVENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REINVENT_DATA", raising=False)
    monkeypatch.delenv("REINVENT_MIRROR", raising=False)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    return tmp_path / "cache" / "x"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_fetched_is_what_was_served_and_is_fetched_once(cache, server):
    assert fetch("x") == cache
    assert contents(cache) == FILES
    server.shutdown()
    assert fetch("x") == cache
    assert server.asked == [*FILES]


def test_a_file_that_changed_on_the_disk_is_fetched_again(cache, server):
    fetch("x")
    (cache / "a.txt").write_bytes(b"two")
    fetch("x")
    assert contents(cache) == FILES
    assert server.asked == [*FILES, "a.txt"]


@pytest.mark.parametrize("mood", ["cut", "spoiled"])
def test_a_download_that_failed_is_tried_again(cache, server, mood):
    server.moods = [mood, mood]
    fetch("x")
    assert contents(cache) == FILES
    assert server.asked == ["a.txt"] * 3 + ["b b.gz"]


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("cut", "connection broke off .*IncompleteRead"),
        ("spoiled", "SHA256 hash .* does not match"),
    ],
)
def test_what_is_not_whole_is_not_kept(cache, server, mood, words):
    server.moods = ["good", mood, mood]
    with pytest.raises(DownloadError, match=words) as caught:
        fetch("x", tries=2)
    assert f"{server.address}/x/b%20b.gz could not be" in str(caught.value)
    assert "--data" in str(caught.value)
    assert [*contents(cache)] == ["a.txt"]
    fetch("x")
    assert contents(cache) == FILES


def test_a_file_that_the_server_does_not_have_is_named(cache, server):
    wrong = f"{server.address}/y"
    with pytest.raises(DownloadError, match="/y/a.txt .*answer was 404"):
        fetch("x", address=wrong, tries=1)
    assert contents(cache) == {}


def test_a_missing_network_is_named(cache):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with pytest.raises(DownloadError, match="nobody answered") as caught:
        fetch("x", address=address, tries=1)
    assert f"{address}/a.txt could not be downloaded" in str(caught.value)
    assert "--data" in str(caught.value)
    assert contents(cache) == {}


def test_a_full_disk_leaves_no_half_file(cache, monkeypatch):
    class Full(io.FileIO):
        def write(self, chunk):
            super().write(chunk[:7])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pooch.downloaders.open", Full, raising=False)
    with pytest.raises(DownloadError, match="a.txt: No space left") as caught:
        fetch("x")
    assert "REINVENT_CACHE" in str(caught.value)
    assert "--data" in str(caught.value)
    assert contents(cache) == {}


def test_a_folder_that_cannot_be_made_is_named(cache):
    cache.parent.write_text("not a folder")
    with pytest.raises(DownloadError, match="REINVENT_CACHE can name"):
        fetch("x")


def test_a_mirror_has_a_folder_for_all_data(cache, server, monkeypatch):
    nowhere = Source("http://127.0.0.1:1", downloads.SOURCES["x"].hashes)
    monkeypatch.setattr(downloads, "SOURCES", {"x": nowhere})
    monkeypatch.setenv("REINVENT_MIRROR", server.address + "/")
    fetch("x")
    assert contents(cache) == FILES


def test_an_address_that_is_given_comes_before_the_mirror(server, monkeypatch):
    monkeypatch.setenv("REINVENT_MIRROR", "http://127.0.0.1:1")
    fetch("x", address=f"{server.address}/x/")
    assert server.asked == [*FILES]


def test_data_on_this_disk_come_first(cache, server, tmp_path, monkeypatch):
    monkeypatch.setenv("REINVENT_DATA", str(tmp_path / "data"))
    assert locate("x") == cache
    (tmp_path / "data" / "x").mkdir(parents=True)
    assert locate("x") == tmp_path / "data" / "x"


def test_data_that_are_not_known_are_named():
    with pytest.raises(ValueError, match=r"no data 'y', expected .*\['x'\]"):
        fetch("y")
    with pytest.raises(ValueError, match="tries is 0, expected at least 1"):
        fetch("x", tries=0)


@pytest.mark.parametrize("name", ["multi30k"])
def test_the_hashes_are_those_of_the_official_files(name):
    for file, digest in BOOK[name].hashes.items():
        content = real_data(f"{name}/{file}").read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, file
