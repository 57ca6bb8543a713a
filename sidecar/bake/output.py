# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake as files: motion.npz, vertices.pc2 where they are wanted, take.npz for takes of another
space, character.glb for a character, report.json.

All are written in a temporary folder inside the target and renamed at the end, the report last; a
failure leaves nothing.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import fields
from importlib import metadata
from pathlib import Path

import numpy as np

from ...shared.head import ARRAY_FIELDS, HeadModel
from ...shared.replacement import partial_path, replace_file
from ...shared.take_files import encode_motion
from ..files import not_writable
from ..modulation.modulator import Modulator
from .bake import BakedChunk, BakeJob, BakeResult

MOTION, TAKE, VERTICES, REPORT = "motion.npz", "take.npz", "vertices.pc2", "report.json"
CHARACTER = "character.glb"
NAMES = (TAKE, MOTION, VERTICES, CHARACTER, REPORT)
_PACKAGES = ("affekt", "numpy", "torch", "scipy")


def write_bake(
    bake: BakeJob,
    folder: Path,
    *,
    settings: Mapping[str, object],
    inputs: Mapping[str, bytes | str],
    on_chunk: Callable[[BakedChunk], None] | None = None,
    animate: Callable[[BakeResult], bytes] | None = None,
) -> dict[str, object]:
    """Iterates the bake, writes its files and returns its report.

    settings go into the report as they are; inputs are named contents whose SHA-256 go into it
    (a text counts as a hash already taken). on_chunk is called after each chunk.
    animate makes character.glb of the result; without it there is none.
    Raises InputError `file.not_writable`, and what the bake raises.
    """
    with _new_files(folder) as part:
        began, before = time.perf_counter(), sum(bake.seconds.values())
        with (part / VERTICES).open("xb") if bake.with_vertices else nullcontext() as file:
            if file is not None:
                file.write(bake.pc2_header)
            for chunk in bake:
                if file is not None and chunk.vertices is not None:
                    file.write(chunk.vertices.data)
                if on_chunk is not None:
                    on_chunk(chunk)
        result = bake.finish()
        first = result.frames.start
        hashes = {MOTION: _write(part / MOTION, encode_motion(result.motion, first))}
        if result.take_motion.space != result.motion.space:
            hashes[TAKE] = _write(part / TAKE, encode_motion(result.take_motion, first))
        if result.vertices is not None:
            hashes[VERTICES] = result.vertices.sha256
        if animate is not None:
            hashes[CHARACTER] = _write(part / CHARACTER, animate(result))
        rest = time.perf_counter() - began - (sum(bake.seconds.values()) - before)
        seconds = bake.seconds | {"vertices and writing": rest}
        report = _report(bake, result, settings, inputs, hashes, seconds)
        _write(part / REPORT, (json.dumps(report, indent=1, allow_nan=False) + "\n").encode())
    return report


@contextmanager
def _new_files(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder; its files move into `folder` if nothing is raised."""
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    part = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = partial_path(folder)
        part.mkdir()
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
    is_ours = (folder / REPORT).is_file()
    # Of an earlier bake here, of another take or with more files.
    for name in (TAKE, VERTICES, CHARACTER):
        if is_ours and not (part / name).exists():
            (folder / name).unlink(missing_ok=True)
    for name in NAMES:
        if (part / name).exists():
            replace_file(part / name, folder / name)


def _report(
    bake: BakeJob,
    result: BakeResult,
    settings: Mapping[str, object],
    inputs: Mapping[str, bytes | str],
    outputs: Mapping[str, str],
    seconds: Mapping[str, float],
) -> dict[str, object]:
    frames = result.frames
    return {
        "format": "affekt bake 1",
        "frames": {"first": frames.start, "last": frames.stop - 1, "count": len(frames)},
        "fps": result.motion.fps,
        "vertices": bake.vertex_count,
        "take_space": result.take_motion.space,
        "settings": dict(settings),
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "versions": _versions(),
        "sha256": {
            "inputs": {n: v if isinstance(v, str) else sha256(v) for n, v in inputs.items()},
            "outputs": dict(outputs),
        },
    }


def _write(path: Path, data: bytes) -> str:
    """Writes the file and returns its SHA-256."""
    path.write_bytes(data)
    return sha256(data)


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def head_sha256(head: HeadModel) -> str:
    """SHA-256 of the head's arrays, the same for every file that holds them."""
    digest = hashlib.sha256()
    for name in ARRAY_FIELDS:
        digest.update(np.ascontiguousarray(getattr(head, name)).data)
    return digest.hexdigest()


def modulator_sha256(modulator: Modulator) -> str:
    """SHA-256 of the modulator's weights and scalings."""
    digest = hashlib.sha256()
    for tensor in modulator.network.state_dict().values():
        digest.update(tensor.contiguous().numpy().data)
    for scaling in (getattr(modulator, field.name) for field in fields(modulator)):
        if isinstance(scaling, np.ndarray):
            digest.update(np.ascontiguousarray(scaling).data)
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions
