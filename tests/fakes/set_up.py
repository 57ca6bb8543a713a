# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that only pretends to: it makes environments of itself, and its pip, compiler and doctor
say what a test has written. Not for Windows, which runs no scripts as programs."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

_PROGRAM = """\
import json, os, shutil, sys, time
PLAY = json.loads({play!r})
words = [word for word in sys.argv[1:] if word != "-I"]
with open({log!r}, "a") as file:
    kept = {{name: os.environ.get(name) for name in PLAY["variables"]}}
    file.write(json.dumps({{"words": words, "folder": os.getcwd(), **kept}}) + "\\n")
def part():
    if words[0] == "-c":
        return "question"
    if words[1] == "venv":
        return "venv"
    if words[1] == "pip":
        if words[2] != "install":
            return words[2]
        kinds = {{"./": "sidecar", "to": "torch", "mv": "faces"}}
        return kinds.get(words[-1][:2], "portrait")
    return words[2]
name = part()
if name == "venv":
    bin = os.path.join(words[2], "bin")
    os.makedirs(bin)
    shutil.copy(sys.argv[0], os.path.join(bin, "python"))
lines, code = PLAY["parts"].get(name, [[], 0])
for line in lines:
    print(line, flush=True)
parent = os.getppid()
while code == "hang":
    time.sleep(0.05)
    if os.getppid() != parent:  # as a sidecar ends with the Blender that started it
        sys.exit(0)
sys.exit(code)
"""
ANSWER = {
    "version": [3, 12, 4],
    "bits": 64,
    "machine": "x86_64",
    "system": "linux",
    "lacks": [],
    "is_threaded": False,
}
Lines = tuple[list[str], int | str]
"""What a part prints, and its exit code; "hang" ends with its parent alone."""


def fake_python(
    folder: Path, *, name: str = "python3", variables: tuple[str, ...] = (), **parts: Lines
) -> Path:
    """A program in the folder. parts: `venv`, `config`, `torch`, `sidecar`, `portrait`, `faces`,
    `compile`, `doctor`, or `--version` (pip's) -> lines and code. `asked` tells what it, and its
    environments, were asked, with these variables."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    answer = json.dumps({**ANSWER, "path": str(path)})
    play = {"parts": {"question": [[answer], 0], **parts}, "variables": variables}
    text = _PROGRAM.format(play=json.dumps(play), log=str(folder / "asked"))
    path.write_text(f"#!{sys.executable} -S\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path


def asked(folder: Path) -> list[dict]:
    """What was asked, in order."""
    file = folder / "asked"
    return (
        [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    )


def small_wheel(extension: Path, *, version: str = "0.1.0") -> Path:
    """A wheel with nothing but what set-up reads, where the extension has it."""
    folder = extension / "sidecar_wheel"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"affekt-{version}-py3-none-any.whl"
    metadata = (
        f"Name: affekt\nVersion: {version}\nRequires-Dist: numpy>=1.26\n"
        'Requires-Dist: torch>=2.11,<2.14; extra == "sidecar"\n'
        'Requires-Dist: torchmetrics; extra == "other"\n'
        'Requires-Dist: ai-edge-litert>=2.1; extra == "portrait"\n'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"affekt-{version}.dist-info/METADATA", metadata)
    return path
