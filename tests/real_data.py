"""Where tests find data that is not part of the project."""

import os
from pathlib import Path

import pytest

from reinvent.toolbox.checkpoints import cache_folder


def real_data(name: str) -> Path:
    """Return the path of a file of official data, or skip the test.

    With REINVENT_REQUIRE_DATA set, as in CI, the test fails instead.

    Args:
        name: Path inside the data folder, such as
            "babi/en/qa1_single-supporting-fact_train.txt".
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folders = [os.environ.get("REINVENT_DATA"), beside, cache_folder()]
    for folder in filter(None, folders):
        path = Path(folder) / name
        if path.exists():
            return path
    words = (
        f"official data not here: no {name} in REINVENT_DATA,"
        " in ../shared/data or in the cache"
    )
    if os.environ.get("REINVENT_REQUIRE_DATA"):
        pytest.fail(words)
    pytest.skip(words)
