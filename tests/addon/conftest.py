# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Blenders, each with the built extension installed in a user folder of its own.

`AFFEKT_WHEELS` names a folder with the wheels of pyzmq and msgpack; without it pip downloads them
once into the environment's `wheels/`.

What costs much and hardly depends on the Blender is marked `one_blender`: in the quick tier only
the last one, which is the newest, does it. What depends on the old or the new ways of Blender's
Python, which the oldest and the newest show, is marked `two_blenders`.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from affekt.shared.errors import InputError

from ..conftest import MakeOnce
from .blenders import ROOT, build_extension, command_in_blender, missing_of, pythons, run_script

__all__ = ["ROOT", "RunScript", "StartScript", "run_script"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "blender_python" in metafunc.fixturenames:
        found = pythons() or [Path("none/bin/python")]
        names = [_name_of(python) for python in found]
        quick = found
        for mark, few in (("one_blender", found[-1:]), ("two_blenders", [found[0], found[-1]])):
            if metafunc.definition.get_closest_marker(mark) is not None:
                quick = few
        marks = {python: pytest.mark.full for python in found if python not in quick}
        values = [
            pytest.param(python, id=name, marks=marks.get(python, ()))
            for python, name in zip(found, names, strict=True)
        ]
        metafunc.parametrize("blender_python", values, indirect=True, scope="session")


@pytest.fixture(scope="session")
def blender_python(request: pytest.FixtureRequest, make_once: MakeOnce) -> str:
    """A Python that can import bpy; skips with what is missing on this machine."""
    python: Path = request.param

    def ask(folder: Path) -> None:
        (folder / "missing").write_text(missing_of(python))

    if missing := (make_once(f"{_name_of(python)} asked", ask) / "missing").read_text():
        pytest.skip(missing)
    return str(python)


def _name_of(python: Path) -> str:
    return python.parents[1].name.removeprefix(".venv-")


@pytest.fixture(scope="session")
def extension_zip(make_once: MakeOnce) -> Path:
    """The extension, built by the command that users have."""
    return next(make_once("extension", _build_extension).glob("*.zip"))


def _build_extension(out: Path) -> None:
    try:
        build_extension(out)
    except InputError as error:
        if error.code == "option.wheels" and not os.environ.get("AFFEKT_WHEELS"):
            pytest.skip(
                f"the wheels cannot be downloaded here, and AFFEKT_WHEELS is unset: {error}"
            )
        raise


RunScript = Callable[..., dict]


@pytest.fixture(scope="session")
def blender_user_folder(
    blender_python: str,
    extension_zip: Path,
    make_once: MakeOnce,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """BLENDER_USER_RESOURCES with the extension installed from its zip, offline: once, of which
    each process has a copy. Its name has what people's names have: a space and an umlaut."""

    def install(folder: Path) -> None:
        (user := folder / "Jürgen Müller").mkdir()
        run_script(blender_python, user, "install.py", {"zip": str(extension_zip)}, folder)

    made = make_once(f"{_name_of(Path(blender_python))} installed", install) / "Jürgen Müller"
    folder = tmp_path_factory.mktemp("user") / made.name
    return shutil.copytree(made, folder, symlinks=True)


@pytest.fixture
def in_blender(blender_python: str, blender_user_folder: Path, tmp_path: Path) -> RunScript:
    """Runs one of scripts/ in Blender with the extension enabled: options in, its answer out."""

    def run(script: str, **options: object) -> dict:
        return run_script(blender_python, blender_user_folder, script, options, tmp_path)

    return run


StartScript = Callable[..., tuple[subprocess.Popen[bytes], Path]]


@pytest.fixture
def start_in_blender(
    blender_python: str, blender_user_folder: Path, tmp_path: Path
) -> Iterator[StartScript]:
    """Starts one of scripts/ as `in_blender` runs it; the process, and where its answer will be.
    It is killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str, **options: object) -> tuple[subprocess.Popen[bytes], Path]:
        command, environment, answer = command_in_blender(
            blender_python, blender_user_folder, script, options, tmp_path
        )
        with (tmp_path / f"{script}.output").open("wb") as output:
            started.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))
        return started[-1], answer

    yield start
    for process in started:
        process.kill()
        process.wait()
