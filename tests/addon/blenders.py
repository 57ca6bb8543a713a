# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blenders on this machine, and running scripts inside them.

`AFFEKT_BPY_PYTHONS` names Python executables that have `bpy`, separated like PATH; by default
the .venv-bpy* environments in the repository.
"""

import json
import os
import subprocess
from pathlib import Path

from affekt.sidecar.commands.extension import Build

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
CHECK_BPY = ROOT / "tests" / "setup" / "check-bpy"
LACKS_LIBRARIES = 3


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
    """By the command that users have. Raises InputError `option.wheels` without the wheels."""
    wheels = os.environ.get("AFFEKT_WHEELS")
    Build(out=out, wheels_from=Path(wheels) if wheels else None).run()


def run_script(
    python: str, user: Path, script: str, options: dict, folder: Path, *, timeout_s: float = 280
) -> dict:
    """The answer of one of scripts/, run in Blender with that user folder and temporary folder."""
    command, environment, answer = command_in_blender(python, user, script, options, folder)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    output = f"{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    assert done.returncode == 0, output
    assert "Traceback" not in output, output
    return json.loads(answer.read_text())


def command_in_blender(
    python: str, user: Path, script: str, options: dict, folder: Path
) -> tuple[list[str], dict[str, str], Path]:
    """The command line, its environment, and where the answer will be."""
    answer = folder / f"{script}.answer.json"
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
