# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that every room of the tests shares, and how its files are dealt to processes.

`make test` runs five pytest processes. A file stays whole, so that its fixtures are made once, and
so does `tests/faults`, whose files share a sidecar; what runs in Blender is a group for each of the
Blenders. The longest go first.
"""

import gc
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent

# Threads that wait do not spin: the processes share the cores. OpenBLAS's always do, so that it has
# but one. xdist's processes, and all that tests start, have this from here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Some thirty workers start here, most for a single order: none loads what nobody asks for.
os.environ.setdefault("AFFEKT_WARM_UP", "0")

# A busy machine is no fault of an example: only pytest's timeout counts. In CI the examples are
# the same every time.
settings.register_profile(
    "affekt",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("affekt")

LONGEST_FIRST = (
    "tests/addon/test_flame_head",
    "tests/faults/",
    "tests/sidecar/adapter/test_build",
    "tests/sidecar/lab/training/test_processes",
    "tests/addon/test_live",
    "tests/addon/test_export",
    "tests/addon/test_splats",
    "tests/sidecar/server/test_real",
    "tests/addon/test_animator_path",
    "tests/sidecar/lab/training/",
    "tests/sidecar/worker/",
    "tests/addon/",
    "tests/sidecar/",
)
"""Beginnings of names of groups; the others follow as they are found, and so at the end no process
waits for another's long group. Of the first five one makes the extension, for which others wait."""


def group_of(test: str) -> str:
    """The name of the group whose tests run in one process: a file, in one Blender where it runs
    in several, or a folder."""
    path, _, name = test.partition("::")
    if blender := re.search(r"[\[-](bpy[^\]-]*)", name):
        return f"{path} {blender[1]}"
    return "tests/faults/" if path.startswith("tests/faults/") else path


class Groups(LoadScopeScheduling):
    """Deals out whole groups, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Groups:
    config.option.loadscopereorder = False
    return Groups(config, log)


@pytest.hookimpl(trylast=True)  # pytest puts the tests of a Blender next to each other
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        group = group_of(item.nodeid)
        return next((n for n, s in enumerate(LONGEST_FIRST) if group.startswith(s)), 99)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """What the collection made lives to the end: the collector need not look through it again."""
    gc.collect()
    gc.freeze()


MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """make_once(name, make) -> a folder that make(folder) fills, once for all processes."""
    root = _shared_folder(tmp_path_factory)

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        with FileLock(root / f"{name}.lock"):
            if not (root / name).exists():
                folder = tmp_path_factory.mktemp(name)
                make(folder)
                folder.rename(root / name)
        return root / name

    return make_once


def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run that all its processes share."""
    root = tmp_path_factory.getbasetemp()
    return root.parent if "PYTEST_XDIST_WORKER" in os.environ else root


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real takes and avatars that the project may not ship; skips where it is absent."""
    folder = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "lam_motion").is_dir():
        pytest.skip("no real takes here: set AFFEKT_TEST_DATA to a folder that has lam_motion/")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of commands and sidecars that no test gives another: never the user's. All
    processes have the same, since what is found once about a real avatar takes ten seconds."""
    (folder := _shared_folder(tmp_path_factory) / "cache").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFEKT_CACHE_DIR", str(folder))
        yield folder
