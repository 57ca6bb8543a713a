# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blenders on this machine, and running scripts inside them.

`AFFEKT_BPY_PYTHONS` names Python executables that have `bpy`, separated like PATH; by default
the .venv-bpy* environments in the repository.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from affekt.sidecar.commands.extension import Build

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
CHECK_BPY = ROOT / "tests" / "setup" / "check-bpy"
LACKS_LIBRARIES = 3
FOUND = ("alignments", "bindings", "calibrations", "portrait", "regions", "wrinkles")
"""Of a cache folder: what is found once about an avatar or a head, by the hash of its content."""


def pythons() -> list[Path]:
    """Of each environment, also of one that `make test` left empty for want of a Python."""
    if named := os.environ.get("AFFEKT_BPY_PYTHONS"):
        return [Path(path) for path in named.split(os.pathsep) if path]
    return [folder / "bin" / "python" for folder in sorted(ROOT.glob(".venv-bpy*"))]


def missing_of(python: Path) -> str:
    """What is missing for Blender there, in a sentence; empty if nothing is."""
    if not python.exists():
        return f"no Blender at {python}: run `make test`"
    asked = subprocess.run([CHECK_BPY, python], capture_output=True, text=True, check=False)
    if asked.returncode == LACKS_LIBRARIES:
        return asked.stdout.strip()
    assert asked.returncode == 0, asked.stderr
    return ""


def build_extension(out: Path) -> None:
    """By the command that users have. Raises InputError `option.wheels` without the wheels, which
    pip asks the network for ten times: so they stay in this environment for the next run."""
    wheels = Path(os.environ.get("AFFEKT_WHEELS") or Path(sys.prefix, "wheels"))
    wheels.mkdir(parents=True, exist_ok=True)
    Build(out=out, wheels_from=wheels).run()


def run_script(
    python: str, user: Path, script: str, options: dict, folder: Path, *, timeout_s: float = 280
) -> dict:
    """The answer of one of scripts/, run in Blender with that user folder and temporary folder."""
    command, environment, answer = command_in_blender(python, user, script, options, folder)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    share_found(folder / "cache", shared_cache())
    output = f"{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    assert done.returncode == 0, output
    assert "Traceback" not in output, output
    return json.loads(answer.read_text())


def command_in_blender(
    python: str, user: Path, script: str, options: dict, folder: Path
) -> tuple[list[str], dict[str, str], Path]:
    """The command line, its environment, and where the answer will be."""
    answer = folder / f"{script}.answer.json"
    share_found(shared_cache(), folder / "cache")
    environment = {
        **os.environ,
        "BLENDER_USER_RESOURCES": str(user),
        "AFFEKT_RUNTIME_DIR": str(folder / "runtime"),
        "AFFEKT_CACHE_DIR": str(folder / "cache"),
        "AFFEKT_DATA_DIR": str(folder / "data"),
        # What is tested may lie on the path rather than be installed: the sidecar must see it too.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")])),
        "PYTHONDONTWRITEBYTECODE": "",
        "TMPDIR": str(folder),
    }
    arguments = [json.dumps(options, default=str), str(answer), str(folder)]
    return [python, str(SCRIPTS / script), *arguments], environment, answer


def shared_cache() -> Path | None:
    """The cache folder that all processes of a test run have; None outside of one."""
    named = os.environ.get("AFFEKT_CACHE_DIR")
    return Path(named) if named else None


def share_found(source: Path | None, target: Path | None) -> None:
    """What has been found out about avatars needs two seconds each: a sidecar with a cache folder
    of its own finds it there, and leaves what it has found. Nothing of bakes is shared, nor what a
    head's adapter needs."""
    if source is None or target is None:
        return
    for path in (path for name in FOUND for path in (source / name).glob("*.kept")):
        with contextlib.suppress(FileExistsError):
            for place in (target, target / path.parent.name):
                place.mkdir(mode=0o700, exist_ok=True)
            os.link(path, target / path.parent.name / path.name)
