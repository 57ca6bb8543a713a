# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that every room of the tests shares."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real takes and avatars that the project may not ship; skips where it is absent."""
    folder = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "lam_motion").is_dir():
        pytest.skip("no real takes here: set AFFEKT_TEST_DATA to a folder that has lam_motion/")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of commands and sidecars that no test gives another: never the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFEKT_CACHE_DIR", str(folder))
        yield folder
