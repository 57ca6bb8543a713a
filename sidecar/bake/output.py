# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake as files: motion.npz, vertices.pc2, take.npz for takes of another space, report.json.

All are written in a temporary folder inside the target and renamed at the end, the report last; a
failure leaves nothing.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from importlib import metadata
from pathlib import Path

import numpy as np

from ...shared.head import ARRAY_FIELDS, HeadModel
from ...shared.replacement import replace_file
from ..files import not_writable, write_whole
from ..modulation.modulator import Modulator
from ..motion.affekt_npz import encode_motion
from .bake import BakeResult
from .pc2 import write_pc2

MOTION, TAKE, VERTICES, REPORT = "motion.npz", "take.npz", "vertices.pc2", "report.json"
_PACKAGES = ("affekt", "numpy", "torch", "scipy")


def write_bake(
    result: BakeResult,
    folder: Path,
    *,
    settings: Mapping[str, object],
    inputs: Mapping[str, bytes | str],
) -> dict[str, object]:
    """Writes the bake and returns its report. Uses up `result.vertices`.

    settings go into the report as they are; inputs are named contents whose SHA-256 go into it
    (a text counts as a hash already taken).
    Raises InputError `file.not_writable`; JobError `job.cancelled` from the vertices.
    """
    with _new_files(folder) as part:
        write_whole(part / MOTION, encode_motion(result.motion))
        if result.take_motion.space != result.motion.space:
            write_whole(part / TAKE, encode_motion(result.take_motion))
        started = time.perf_counter()
        with (part / VERTICES).open("xb") as file:
            write_pc2(
                file,
                result.vertices,
                points=result.vertex_count,
                samples=len(result.frames),
                start=result.frames.start,
            )
        result.seconds["vertices and writing"] = time.perf_counter() - started
        report = _report(result, part, settings, inputs)
        text = json.dumps(report, indent=1, allow_nan=False) + "\n"
        write_whole(part / REPORT, text.encode())
    return report


@contextmanager
def _new_files(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move into `folder` if all goes well."""
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    part = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".affekt-", suffix=".partial", dir=folder))
        yield part
        _move(part, folder)
    except OSError as error:
        raise not_writable(folder, error) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
        for path in made:  # goes only as far as they are empty
            with suppress(OSError):
                path.rmdir()


def _move(part: Path, folder: Path) -> None:
    stale = folder / TAKE  # of an earlier bake here, of another take
    if (folder / REPORT).is_file() and not (part / TAKE).exists():
        stale.unlink(missing_ok=True)
    for name in (TAKE, MOTION, VERTICES, REPORT):
        if (part / name).exists():
            replace_file(part / name, folder / name)


def _report(
    result: BakeResult,
    part: Path,
    settings: Mapping[str, object],
    inputs: Mapping[str, bytes | str],
) -> dict[str, object]:
    files = [name for name in (MOTION, TAKE, VERTICES) if (part / name).exists()]
    frames = result.frames
    return {
        "format": "affekt bake 1",
        "frames": {"first": frames.start, "last": frames.stop - 1, "count": len(frames)},
        "fps": result.motion.fps,
        "vertices": result.vertex_count,
        "take_space": result.take_motion.space,
        "settings": dict(settings),
        "seconds": {name: round(value, 4) for name, value in result.seconds.items()},
        "versions": _versions(),
        "sha256": {
            "inputs": {n: v if isinstance(v, str) else sha256(v) for n, v in inputs.items()},
            "outputs": {name: _file_sha256(part / name) for name in files},
        },
    }


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def head_sha256(head: HeadModel) -> str:
    """Of the head's arrays, whichever file they came from."""
    digest = hashlib.sha256()
    for name in ARRAY_FIELDS:
        digest.update(np.ascontiguousarray(getattr(head, name)).data)
    return digest.hexdigest()


def modulator_sha256(modulator: Modulator) -> str:
    """Of the modulator's weights and scalings."""
    digest = hashlib.sha256()
    for tensor in modulator.network.state_dict().values():
        digest.update(tensor.contiguous().numpy().data)
    for scaling in (getattr(modulator, field.name) for field in fields(modulator)):
        if isinstance(scaling, np.ndarray):
            digest.update(np.ascontiguousarray(scaling).data)
    return digest.hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions
