# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a head each vertex or Gaussian shows: the labels of the mask pass.

The open head has labels; other heads get them by alignment (`alignment`), once, kept in the cache
folder. A Gaussian takes the label of what is seen where it is, since networks such as LAM's
also use spare Gaussians of the eyeballs and the mouth's inside to paint the skin near by.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ...shared.arrays import Int32Array, UInt8Array
from ...shared.connection import default_cache_folder, make_private_folder
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.head import REGIONS, HeadModel
from ..files import write_whole
from ..head.read import OPEN, read_head
from .alignment import Alignment, align
from .avatar import ArkitRig, Avatar
from .visible_regions import PASS_REGIONS, labels_as_seen

_OF_HEAD = {
    "skin": "skin",
    "brow": "hair",
    "lip": "lips",
    "mouth": "mouth",
    "teeth": "teeth",
    "tongue": "mouth",
    "sclera": "eyes",
    "iris": "eyes",
    "pupil": "eyes",
    "lash": "hair",
}
_TABLE = np.array([PASS_REGIONS.index(_OF_HEAD[name]) for name in REGIONS], np.uint8)

_VERSION = 2
"""Goes up whenever the same avatar gets other labels."""

Align = Callable[[ArkitRig | HeadModel, HeadModel], Alignment]
Labels = Callable[[Avatar | HeadModel], UInt8Array]
"""Finds the labels of a subject: `find_labels`, or `kept_labels`, which keeps them on the disk."""


def kept_labels(subject: Avatar | HeadModel) -> UInt8Array:
    """`find_labels`, computed once for each avatar on this machine and then read from the cache
    folder. Raises InputError `avatar.regions` as `find_labels` does."""
    if isinstance(subject, HeadModel):
        return find_labels(subject)
    kept = _cache_folder() / f"{fingerprint(_VERSION, subject)}.safetensors"
    with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
        label = load(kept.read_bytes())["label"]
        fits = label.dtype == np.uint8 and label.shape == (len(subject),)
        if fits and label.max(initial=0) < len(PASS_REGIONS):
            return label
    label = find_labels(subject, _kept_alignment)
    _store(kept, {"label": label})
    return label


def find_labels(subject: Avatar | HeadModel, align: Align = align) -> UInt8Array:
    """Index into `PASS_REGIONS` for each of a head's V vertices or an avatar's N Gaussians; takes
    seconds for an avatar on a mesh without labels, which `align` brings to the open head. Writes
    no file. Raises InputError `avatar.regions` if the avatar has no surface, or if no face is
    found on it."""
    if isinstance(subject, HeadModel):
        return _TABLE[subject.region]
    surface = subject.surface
    if surface is None:
        raise InputError(
            "avatar.regions",
            f"The avatar '{subject.name}' has no face whose parts could be told apart.",
            "Render it without the pass 'mask'.",
        )
    if isinstance(surface, HeadModel) and _has_lips(surface):
        return _TABLE[surface.region][_home(subject)]
    found = align(surface, read_head(OPEN))
    return labels_as_seen(subject, _TABLE[found.label], found, _home(subject))


def _home(avatar: Avatar) -> Int32Array:
    """(N,) the vertex that each Gaussian is nearest bound to."""
    if avatar.binding == "vertex":
        return avatar.anchors
    return avatar.faces[avatar.anchors, 0]


def _has_lips(head: HeadModel) -> bool:
    return bool((head.region == REGIONS.index("lip")).any())


def _kept_alignment(surface: ArkitRig | HeadModel, open_head: HeadModel) -> Alignment:
    """`align`, kept in the cache folder for all avatars on the same surface."""
    count = len(surface.vertices if isinstance(surface, ArkitRig) else surface.template)
    kept = _cache_folder() / f"{fingerprint(_VERSION, surface, open_head)}.safetensors"
    with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
        return _decode(load(kept.read_bytes()), count)
    found = align(surface, open_head)
    arrays = {
        "label": found.label,
        "place": found.place,
        "open_from_metres": np.array([found.open_from_metres]),
    }
    _store(kept, arrays)
    return found


def _cache_folder() -> Path:
    return default_cache_folder() / "regions"


def _store(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    # A cache that cannot be written costs seconds the next time, nothing else.
    with contextlib.suppress(OSError, InputError):
        make_private_folder(path.parent)
        write_whole(path, save(arrays))


def _decode(arrays: dict[str, NDArray], count: int) -> Alignment:
    label, place, scale = arrays["label"], arrays["place"], arrays["open_from_metres"]
    fits = label.dtype == np.uint8 and place.dtype == np.float32 and scale.shape == (1,)
    if not fits or label.shape != (count,) or place.shape != (count, 3):
        raise ValueError("not an alignment of this surface")
    if label.max() >= len(REGIONS) or not np.isfinite(place).all() or not 0 < scale[0] < 100:
        raise ValueError("a damaged alignment")
    return Alignment(label=label, place=place, open_from_metres=float(scale[0]))
