# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a user's FLAME file, a pickle, npz or safetensors, recognised by content.

Pickles and numpy files are read in quarantine, once: their arrays are cached as a safetensors in
the user's cache folder, named by the hash of the file's bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load

from ....shared import limits
from ....shared.connection import default_cache_folder
from ....shared.errors import InputError
from ....shared.head import HeadModel
from ...files import kept_arrays, read_bytes, refuse_lfs_pointer
from ...quarantine.process import Arrays, read_arrays
from .landmarks import landmarks_from
from .model import FLAME_FILE, check_keys, head_from_flame
from .version import space_of

_CACHE_LAYOUT = "1"  # part of the hash; must change when the child's answer does
_PICKLE_STARTS = (b"\x80", b"(", b"}", b"]", b"c", b"i")
"""First bytes of pickles: of protocol 2 and later, and of dictionaries and calls in protocol 0."""


def read_flame(path: Path, landmarks: Path | None = None, space: str | None = None) -> HeadModel:
    """Reads the FLAME file at `path`.

    landmarks: the official embedding. space: the file's FLAME version, if its content does not
    tell.

    Raises InputError `file.*`, `head.shape`, `head.not_finite`, `head.version`, `head.landmarks`.
    """
    arrays = _arrays_in(path, "FLAME file")
    check_keys(arrays, path.name)
    head = head_from_flame(arrays, path.name, space_of(arrays, path.name, space))
    if landmarks is None:
        return head
    embedding = _arrays_in(landmarks, "landmark embedding")
    points = landmarks_from(embedding, landmarks.name, len(head.faces))
    return replace(head, landmark_faces=points["faces"], landmark_weights=points["weights"])


def kind_of(start: bytes) -> str | None:
    """A file's kind, "safetensors", "npz", "npy" or "pickle", by its first 16 bytes, or None."""
    if start[8:9] == b"{" and start[5:8] == b"\0\0\0":  # the header's length, below 2 ** 40
        return "safetensors"
    if start.startswith(b"PK\x03\x04"):
        return "npz"
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    return "pickle" if start.startswith(_PICKLE_STARTS) else None


def _arrays_in(path: Path, what: str) -> Arrays:
    data = read_bytes(path, limits.MAX_FLAME_BYTES, what)
    refuse_lfs_pointer(data, path.name)
    kind = kind_of(data[:16])
    if kind is None:
        raise FLAME_FILE.wrong_kind(
            path.name, "it is neither a pickle nor an npz nor a safetensors"
        )
    if kind == "safetensors":
        return _safetensors(data, path.name)
    return _cached(kind, data, path.name)


def _safetensors(data: bytes, name: str) -> Arrays:
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(
            "file.damaged", f"{name} is damaged: it is cut off or was changed.", "Convert it again."
        ) from error
    return {key: values for key, values in arrays.items() if values.dtype.kind in "fiu"}


def _cached(kind: str, data: bytes, name: str) -> Arrays:
    digest = hashlib.sha256(f"{_CACHE_LAYOUT} {kind} ".encode() + data).hexdigest()
    kept = cache_folder() / f"{digest}.kept"
    return kept_arrays(kept, bool, lambda: read_arrays(kind, data, name, FLAME_FILE))


def cache_folder() -> Path:
    """The folder of cached arrays of FLAME files, in the cache folder (`AFFEKT_CACHE_DIR`)."""
    return default_cache_folder() / "flame"
