# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes head files, each one safetensors with the arrays of a `HeadModel`.

Arrays have the names of `HeadModel`'s fields, bases and UVs half precision; `expression_names`,
`name`, `space`, `recipe` and `licence` are metadata. Pose correctives that are all zero are left
out, and `pose_columns` lists the others.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...shared.errors import InputError
from ...shared.head import ARRAY_FIELDS, HeadModel
from ..files import write_whole
from ..memory import remembered
from .flame.read import kind_of, read_flame

OPEN = "open"
"""Name of the head that ships with Affekt."""
HALF = ("shape_basis", "expression_basis", "pose_basis", "uv")
MAX_HEAD_BYTES = 512 * 1024 * 1024  # FLAME with all its components is 50 MB in single precision


@remembered
def read_head(name: str, space: str | None = None) -> HeadModel:
    """Reads the embedded head for "open", else the head file or FLAME file at that path; cached.
    space: a FLAME file's version, where its content does not tell.

    Raises InputError `file.missing`, `file.wrong_kind`, `file.unsafe`, `head.shape`,
    `head.version`.
    """
    if name == OPEN:
        with resources.as_file(resources.files(f"{__package__}").joinpath("../assets")) as folder:
            return _read(Path(folder) / "open_head.safetensors")
    path = Path(name)
    return read_flame(path, space=space) if _is_flame(path) else _read(path)


def _is_flame(path: Path) -> bool:
    """Whether the content is FLAME's: a pickle, a numpy file, or a safetensors with its keys."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            kind = kind_of(file.read(16))
    except OSError:
        return False
    if kind != "safetensors":
        return kind is not None
    try:
        with safe_open(path, framework="numpy") as file:
            return "v_template" in file.keys()  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError):
        return False


def _read(path: Path) -> HeadModel:
    if path.is_dir():
        raise InputError(
            "file.folder", f"{path} is a folder, not a head file.", "Give the path of a head file."
        )
    if not path.is_file():
        raise InputError(
            "file.missing",
            f"There is no head file at {path}.",
            "Give the path of a head file, or 'open' for the embedded head.",
        )
    if path.stat().st_size > MAX_HEAD_BYTES:
        raise InputError(
            "file.too_large", f"{path.name} is larger than any head.", "Choose a head file."
        )
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, ValueError, OSError) as error:
        raise InputError(
            "file.wrong_kind",
            f"{path.name} is not a head file, or it is damaged.",
            "Give a safetensors head file made by Affekt, or 'open'.",
        ) from error
    return _from_arrays(path.name, arrays, metadata)


def _from_arrays(label: str, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> HeadModel:
    missing = [f for f in (*ARRAY_FIELDS, "pose_columns") if f not in arrays]
    missing += [f for f in ("name", "space", "expression_names") if f not in metadata]
    if missing:
        raise InputError(
            "file.wrong_kind",
            f"{label} is not a head file: it has no {', '.join(missing[:3])}.",
            "Give a safetensors head file made by Affekt, or 'open'.",
        )
    columns = arrays.pop("pose_columns")
    compact = arrays["pose_basis"]
    if compact.ndim != 3 or compact.shape[2] != len(columns) or (columns >= 36).any():
        raise InputError(
            "head.shape", f"{label} has pose correctives of a wrong shape.", "Make the file again."
        )
    pose = np.zeros((*compact.shape[:2], 36), np.float32)
    pose[:, :, columns] = compact
    arrays = {key: values for key, values in arrays.items() if key in ARRAY_FIELDS}
    arrays["pose_basis"] = pose
    for key in HALF:
        arrays[key] = arrays[key].astype(np.float32)
    return HeadModel(
        name=metadata["name"],
        space=metadata["space"],
        expression_names=tuple(json.loads(metadata["expression_names"])),
        **arrays,
    )


def write_head(head: HeadModel, path: Path, *, recipe: str, licence: str) -> None:
    """Writes a head file atomically.

    Raises InputError `file.not_writable`.
    """
    columns = np.flatnonzero(np.abs(head.pose_basis).max((0, 1)) > 0).astype(np.int32)
    arrays = {name: getattr(head, name) for name in ARRAY_FIELDS}
    arrays["pose_basis"] = head.pose_basis[..., columns]
    arrays = {k: v.astype(np.float16) if k in HALF else v for k, v in arrays.items()}
    arrays["pose_columns"] = columns
    metadata = {
        "name": head.name,
        "space": head.space,
        "recipe": recipe,
        "licence": licence,
        "expression_names": json.dumps(head.expression_names),
    }
    write_whole(path, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}, metadata))
