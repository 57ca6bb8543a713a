# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Blenders, each with the built extension installed in a user folder of its own.

`AFFEKT_BPY_PYTHONS` names Python executables that have `bpy`, separated like PATH; by default
the .venv-bpy* environments in the repository. `AFFEKT_WHEELS` names a folder with the wheels of
pyzmq and msgpack; without it pip downloads them once.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.commands.extension import Build

from ..conftest import MakeOnce

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
CHECK_BPY = ROOT / "tests" / "setup" / "check-bpy"
LACKS_LIBRARIES = 3


def _pythons() -> list[Path]:
    """Of each environment, also of one that `make test` left empty for want of a Python."""
    if named := os.environ.get("AFFEKT_BPY_PYTHONS"):
        return [Path(path) for path in named.split(os.pathsep) if path]
    return [folder / "bin" / "python" for folder in sorted(ROOT.glob(".venv-bpy*"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "blender_python" in metafunc.fixturenames:
        pythons = _pythons() or [Path("none/bin/python")]
        names = [python.parents[1].name.removeprefix(".venv-") for python in pythons]
        metafunc.parametrize("blender_python", pythons, ids=names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def blender_python(request: pytest.FixtureRequest) -> str:
    """A Python that can import bpy; skips with what is missing on this machine."""
    python = str(request.param)
    if not Path(python).exists():
        pytest.skip(f"no Blender at {python}: run `make test`")
    asked = subprocess.run([CHECK_BPY, python], capture_output=True, text=True, check=False)
    if asked.returncode == LACKS_LIBRARIES:
        pytest.skip(asked.stdout.strip())
    assert asked.returncode == 0, asked.stderr
    return python


@pytest.fixture(scope="session")
def extension_zip(make_once: MakeOnce) -> Path:
    """The extension, built by the command that users have."""
    return next(make_once("extension", _build_extension).glob("*.zip"))


def _build_extension(out: Path) -> None:
    wheels = os.environ.get("AFFEKT_WHEELS")
    try:
        Build(out=out, wheels_from=Path(wheels) if wheels else None).run()
    except InputError as error:
        if error.code == "option.wheels" and not wheels:
            pytest.skip(
                f"the wheels cannot be downloaded here, and AFFEKT_WHEELS is unset: {error}"
            )
        raise


RunScript = Callable[..., dict]


@pytest.fixture(scope="session")
def blender_user_folder(
    blender_python: str, extension_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """BLENDER_USER_RESOURCES with the extension installed from its zip, offline."""
    folder = tmp_path_factory.mktemp("blender_user")
    run_script(blender_python, folder, "install.py", {"zip": str(extension_zip)}, folder)
    return folder


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
        command, environment, answer = _command(
            blender_python, blender_user_folder, script, options, tmp_path
        )
        with (tmp_path / f"{script}.output").open("wb") as output:
            started.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output))
        return started[-1], answer

    yield start
    for process in started:
        process.kill()
        process.wait()


def run_script(python: str, user: Path, script: str, options: dict, folder: Path) -> dict:
    """The answer of one of scripts/, run in Blender with that user folder and temporary folder."""
    command, environment, answer = _command(python, user, script, options, folder)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    output = f"{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    assert done.returncode == 0, output
    assert "Traceback" not in output, output
    return json.loads(answer.read_text())


def _command(
    python: str, user: Path, script: str, options: dict, folder: Path
) -> tuple[list[str], dict[str, str], Path]:
    """The command line, its environment, and where the answer will be."""
    answer = folder / f"{script}.answer.json"
    environment = {
        **os.environ,
        "BLENDER_USER_RESOURCES": str(user),
        "AFFEKT_RUNTIME_DIR": str(folder / "runtime"),
        "AFFEKT_CACHE_DIR": str(folder / "cache"),
        # What is tested may lie on the path rather than be installed: the sidecar must see it too.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder),
    }
    arguments = [json.dumps(options, default=str), str(answer), str(folder)]
    return [python, str(SCRIPTS / script), *arguments], environment, answer
