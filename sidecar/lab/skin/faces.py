# SPDX-License-Identifier: GPL-3.0-or-later
"""The faces of a training of the skin network as files, made beforehand, on other machines too. A
run that reads them computes the very bits that it would without."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from ....shared.errors import InputError
from ....shared.fingerprint import fingerprint, fingerprint_code
from ....shared.head import HeadModel
from ...files import find_arrays, read_bytes, write_kept, write_whole
from .samples import Sample, Samples

MANIFEST = "faces.json"
_MORE_SHOWS = 1.5
"""How much more of the very first face's wrinkles shows at rest: where to look is learnt sooner
from what is plain."""
_CODE = ("lab/skin", "avatar", "head", "raster", "render", "smooth.py")
"""What a face depends on, below the sidecar's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSettings:
    """What faces depend on beside their numbers. plain: as `AppearanceConfig.plain_faces`."""

    seed: int
    plain: int


def make_face(samples: Samples, settings: FaceSettings, number: int) -> Sample:
    """The training's face of that number."""
    shown = 1 + _MORE_SHOWS * max(0.0, 1 - number / max(settings.plain, 1))
    return samples.make("train", settings.seed, number, None, shown)


def face_file(number: int) -> str:
    """The file of a face, relative to the folder of all."""
    return f"{number // 1000:03d}/{number:06d}.kept"


def write_face(folder: Path, samples: Samples, settings: FaceSettings, number: int) -> None:
    """Makes a face and writes it. Raises InputError `file.not_writable`."""
    face = make_face(samples, settings, number)
    path = folder / face_file(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("maps", "heights", "flush", "colour")
    arrays = {name: np.ascontiguousarray(getattr(face, name)) for name in names}
    write_kept(path, save(arrays | {"state": np.array(face.state)}))


def write_manifest(folder: Path, settings: FaceSettings, head: HeadModel, count: int) -> Path:
    """Says what the folder's faces are, once they are all there. Raises InputError
    `file.not_writable`."""
    content = {"faces": count, **_about(settings, head)}
    write_whole(folder / MANIFEST, json.dumps(content, indent=1, sort_keys=True).encode())
    return folder / MANIFEST


class Faces:
    """The faces in a folder."""

    def __init__(self, folder: Path, settings: FaceSettings, head: HeadModel) -> None:
        """Raises InputError `file.missing`, `file.wrong_kind`, and `option.config` for those of
        other settings, of another head or another Affekt."""
        self._folder = folder
        try:
            found = json.loads(read_bytes(folder / MANIFEST, 1 << 20, "list of faces"))
        except ValueError as error:
            raise InputError(
                "file.wrong_kind",
                f"{folder / MANIFEST} is no list of faces.",
                "Make the faces again: affekt data appearance.",
            ) from error
        if not isinstance(found, dict):
            found = {}
        for name, value in _about(settings, head).items():
            if found.get(name) != value:
                raise InputError(
                    "option.config",
                    f"The faces in {folder} were made with another {name} than this run has.",
                    "Make them with the same --config: affekt data appearance.",
                )

    def find(self, number: int) -> Sample | None:
        """The face of that number; None if its file is not there, or damaged."""
        arrays = find_arrays(self._folder / face_file(number))
        if not arrays:
            return None
        try:
            return Sample(**(arrays | {"state": int(arrays["state"])}))  # pyright: ignore[reportArgumentType]
        except (KeyError, TypeError):
            return None


def _about(settings: FaceSettings, head: HeadModel) -> dict[str, object]:
    return {
        "seed": settings.seed,
        "plain_faces": settings.plain,
        "head": fingerprint(head),
        "version": _code(),
    }


@functools.cache
def _code() -> str:
    return fingerprint_code(Path(__file__).parents[2], _CODE)
