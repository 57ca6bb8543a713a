# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a head each vertex or Gaussian shows: the labels of the mask pass.

The open head has labels; other heads get them by alignment with it (`alignment`). A Gaussian
takes the label of what is seen where it is (`visible_regions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import UInt8Array
from ...shared.connection import default_cache_folder
from ...shared.errors import InputError
from ...shared.head import REGIONS, HeadModel
from ..files import kept_arrays
from ..head.read import OPEN, read_head
from .alignment import align
from .avatar import Avatar, content_key
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

_VERSION = 3
"""Goes up whenever the same avatar gets other labels."""

Labels = Callable[[Avatar | HeadModel], UInt8Array]
"""Finds the labels of a subject: `find_labels`, or `kept_labels`, which keeps them on the disk."""


def kept_labels(subject: Avatar | HeadModel) -> UInt8Array:
    """`find_labels`, computed once for each avatar on this machine and then read from the cache
    folder. Raises InputError `avatar.regions` as `find_labels` does."""
    if isinstance(subject, HeadModel):
        return find_labels(subject)
    kept = default_cache_folder() / "regions" / f"{content_key(subject, _VERSION)}.kept"

    def fit(arrays: Mapping[str, NDArray]) -> bool:
        label = arrays.get("label")
        if label is None or label.dtype != np.uint8 or label.shape != (len(subject),):
            return False
        return bool(label.max(initial=0) < len(PASS_REGIONS))

    return kept_arrays(kept, fit, lambda: {"label": find_labels(subject)})["label"]


def find_labels(subject: Avatar | HeadModel) -> UInt8Array:
    """Index into `PASS_REGIONS` for each of a head's V vertices or an avatar's N Gaussians; takes
    seconds for an avatar on a mesh without labels. Keeps no labels. Raises InputError
    `avatar.regions` if the avatar has no surface, or if no face is found on it."""
    if isinstance(subject, HeadModel):
        return _TABLE[subject.region]
    surface = subject.surface
    if surface is None:
        raise InputError(
            "avatar.regions",
            f"The avatar '{subject.name}' has no face whose parts could be told apart.",
            "Render it without the pass 'mask'.",
        )
    # The vertex that each Gaussian is bound to, or one of its face's.
    on_vertices = subject.binding == "vertex"
    home = subject.anchors if on_vertices else subject.faces[subject.anchors, 0]
    if isinstance(surface, HeadModel) and (surface.region == REGIONS.index("lip")).any():
        return _TABLE[surface.region][home]
    found = align(surface, read_head(OPEN))
    return labels_as_seen(subject, _TABLE[found.label], found, home)
