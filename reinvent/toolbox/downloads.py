"""Downloads: data that the book may not carry, checked by its hashes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from reinvent.toolbox.checkpoints import cache_folder


class DownloadError(OSError):
    """A download that failed; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Where files lie, and what they must be.

    Attributes:
        address: The folder that holds them, without a slash at its end.
        hashes: Each file's sha256, by its name.
    """

    address: str
    hashes: Mapping[str, str]


SOURCES = {
    "multi30k": Source(
        "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1"
        "/raw",
        {
            "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15"
            "005fc42a07a6e55ca6c52b6ababb8cc8",
            "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf"
            "5c4413c5befc793cc629934359d532d9",
            "test_2016_flickr.fr.gz": "6d326e188d259fb1d04ac19eae3af956"
            "559b3a0b93d7635e56c90987c40c8b90",
            "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f"
            "80fae06ffc5d28b6ace5faa883de28a6",
            "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a"
            "882c3a8a961923c25a898c90f8bbd56f",
            "train.fr.gz": "622e75069e9f4c577425c4f277116ce6"
            "6e63a2401c0a2312d90073cb12379a3c",
            "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3"
            "ad3f51657ad873405082ff6863a5e75a",
            "val.en.gz": "14f7d25ddd868909a9213e361768460e"
            "dcacdd6ab9d1e77b92560dc10c10dc28",
            "val.fr.gz": "ca3106f1a72390591d25f6c45cb4cd39"
            "dec4cd3f123e099748a3ce5256c160e9",
        },
    ),
    "sst-2": Source(
        "https://dl.fbaipublicfiles.com/glue/data",
        {
            "SST-2.zip": "d67e16fb55739c1b32cdce9877596db1"
            "c127dc322d93c082281f64057c16deaa",
        },
    ),
    "all-minilm-l6-v2": Source(
        "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"
        "/resolve/main",
        {
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6c"
            "c0ca6895895114379cacb4fab128d9db",
            "vocab.txt": "07eced375cec144d27c900241f3e3394"
            "78dec958f92fddbc551f295c992038a3",
        },
    ),
    "bert-base-uncased": Source(
        "https://huggingface.co/google-bert/bert-base-uncased/resolve/main",
        {
            "model.safetensors": "68d45e234eb4a928074dfd868cead021"
            "9ab85354cc53d20e772753c6bb9169d3",
            "vocab.txt": "07eced375cec144d27c900241f3e3394"
            "78dec958f92fddbc551f295c992038a3",
        },
    ),
}
"""What can be fetched. Multi30k, task 1, raw: descriptions of 31,014 pictures
in English, German and French (Elliott et al., 2016 and 2017), with the 2016
test set; for research and teaching. SST-2: opinions on films, in sentences of
reviews (Socher et al., 2013), as GLUE packs them (7 MB); no licence is stated.
Weights of the BERT family with their wordpieces: all-MiniLM-L6-v2 (91 MB) and
BERT base, uncased (440 MB), both Apache-2.0."""


def locate(name: str) -> Path:
    """The folder with some data: on this disk if possible, else fetched.

    `REINVENT_DATA` names a folder of data; if it has a folder `name`, that
    is taken as it is. Otherwise the data are in the cache, or get there.

    Raises:
        DownloadError: As `fetch`.
        ValueError: There are no data of this name.
    """
    if chosen := os.environ.get("REINVENT_DATA"):
        folder = Path(chosen).expanduser() / name
        if folder.is_dir():
            return folder
    return fetch(name)


def fetch(name: str, *, address: str | None = None, tries: int = 3) -> Path:
    """Download data into the cache; what is there and whole stays.

    A file gets its name only when its hash is right. So none is ever half
    there, and a later call goes on with what is missing.

    Args:
        name: One of `SOURCES`.
        address: Of a folder with these files, in place of the one in
            `SOURCES`. `REINVENT_MIRROR` can name such a place for all data,
            with a folder `name` for each.
        tries: How often to try each file, after a pause of some seconds.

    Returns:
        The folder that holds the files.

    Raises:
        DownloadError: No network, a connection that was cut, a file with
            another hash, or no room on the disk.
        ValueError: There are no data of this name, or `tries` is below 1.
    """
    if name not in SOURCES:
        raise ValueError(f"no data {name!r}, expected one of {[*SOURCES]}")
    if tries < 1:
        raise ValueError(f"tries is {tries}, expected at least 1")
    if mirror := os.environ.get("REINVENT_MIRROR"):
        address = address or f"{mirror.rstrip('/')}/{name}"
    address = (address or SOURCES[name].address).rstrip("/")
    folder = cache_folder() / name
    for file, digest in SOURCES[name].hashes.items():
        _fetch_file(f"{address}/{quote(file)}", folder / file, digest, tries)
    return folder


def _fetch_file(address: str, path: Path, digest: str, tries: int) -> None:
    """Download one file, unless it is there.

    Raises:
        DownloadError: See `fetch`.
    """
    # Imported here: a reader who downloads nothing does not wait for them.
    import pooch
    from requests import RequestException

    try:
        pooch.create(
            path=path.parent,
            base_url="",
            registry={path.name: f"sha256:{digest}"},
            urls={path.name: address},
            retry_if_failed=tries - 1,
        ).fetch(path.name, progressbar=sys.stderr.isatty())
    except (RequestException, ValueError) as error:
        raise DownloadError(
            f"{address} could not be downloaded: {_why(error)}. The same "
            "command tries again; REINVENT_MIRROR can name another place to "
            "load from, --data a folder with the files"
        ) from error
    except OSError as error:
        raise DownloadError(
            f"{address} could not be written to {path}: {error.strerror}. "
            "REINVENT_CACHE can name another folder to write to, --data a "
            "folder with the files"
        ) from error


def _why(error: Exception) -> str:
    """Say in a few words what went wrong on the way."""
    from requests import ConnectionError, HTTPError, Timeout
    from requests.exceptions import ChunkedEncodingError

    if isinstance(error, HTTPError):
        return f"the answer was {error.response.status_code}"
    if isinstance(error, (ConnectionError, Timeout)):
        return "nobody answered, perhaps there is no network"
    if isinstance(error, ChunkedEncodingError):
        return f"the connection broke off ({error})"
    return str(error).rstrip(".")
