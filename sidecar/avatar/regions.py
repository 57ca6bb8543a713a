# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a head each vertex or Gaussian is: the labels behind the masks.

The open head has labels; other heads get them by alignment (`alignment`), once, kept in the cache
folder. A Gaussian takes the label of what is seen where it is, since networks such as LAM's
also use spare Gaussians of the eyeballs and the mouth's inside to paint the skin near by.
"""

from __future__ import annotations

import contextlib
import threading

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ...shared.connection import default_cache_folder, make_private_folder
from ...shared.errors import InputError
from ...shared.head import REGIONS, HeadModel
from ..files import write_whole
from ..fingerprint import fingerprint
from ..head.files import OPEN, read_head
from . import hair
from .alignment import Alignment, align
from .avatar import ArkitRig, Avatar
from .sight import see_around

PASS_REGIONS = ("skin", "lips", "eyes", "teeth", "mouth", "hair")
"""The masks, in the order of their channels."""
_OF_HEAD = {
    "skin": "skin", "brow": "hair", "lip": "lips", "mouth": "mouth", "teeth": "teeth",
    "tongue": "mouth", "sclera": "eyes", "iris": "eyes", "pupil": "eyes", "lash": "hair",
}  # fmt: skip
_TABLE = np.array([PASS_REGIONS.index(_OF_HEAD[name]) for name in REGIONS], np.uint8)
_HIDDEN = 0.6
"""What belongs inside becomes something else only where it is seen as clearly as that: 2 mm
behind what is seen."""
_INSIDE = [PASS_REGIONS.index(name) for name in ("eyes", "teeth", "mouth")]

Labels = NDArray[np.uint8]
_MOST_KNOWN = 8
_known: dict[str, Labels] = {}
_lock = threading.Lock()


def head_regions(head: HeadModel) -> Labels:
    """(V,) index into `PASS_REGIONS` of each vertex, from the head's own labels."""
    return _TABLE[head.region]


def avatar_regions(avatar: Avatar) -> Labels:
    """(N,) index into `PASS_REGIONS` of each Gaussian; computed once for each avatar, and the
    alignment of its surface once on this machine. Raises InputError `avatar.regions`."""
    key = fingerprint(avatar)
    with _lock:
        if key not in _known:
            while len(_known) >= _MOST_KNOWN:
                del _known[next(iter(_known))]
            _known[key] = _label(avatar)
        return _known[key]


def _label(avatar: Avatar) -> Labels:
    surface = avatar.surface
    if surface is None:
        raise InputError(
            "avatar.regions",
            f"The avatar '{avatar.name}' has no face whose parts could be told apart.",
            "Render it without the pass 'mask'.",
        )
    if isinstance(surface, HeadModel) and _has_lips(surface):
        return head_regions(surface)[_home(avatar)]
    open_head = read_head(OPEN)
    found = _alignment(surface, open_head)
    home = _home(avatar)
    return _as_seen(avatar, _TABLE[found.label][home], found.place[home], found.open_from_metres)


def _as_seen(
    avatar: Avatar, label: Labels, homes: NDArray[np.float32], open_from_metres: float
) -> Labels:
    """The labels (N,) of anchors, corrected by what the avatar shows where each Gaussian is.

    homes: (N, 3) the anchors' places on the open head."""
    votes = np.eye(len(PASS_REGIONS), dtype=np.float32)[label]
    offsets = avatar.means - avatar.vertices[_home(avatar)]
    places = homes + offsets * np.float32(open_from_metres)
    seen = see_around(avatar, np.concatenate([votes, homes, places], 1))
    count = len(PASS_REGIONS)
    shown = seen.carried[:, :count].argmax(1).astype(np.uint8)
    placed = hair.Placed(
        places=seen.carried[:, count + 3 :], homes=seen.carried[:, count : count + 3],
        colours=seen.colours, skin=shown == PASS_REGIONS.index("skin"),
    )  # fmt: skip
    shown[hair.find_hair(placed, read_head(OPEN))] = PASS_REGIONS.index("hair")
    poll, strongest = seen.poll(shown, avatar.means, count)
    # What lies behind the surface, such as the mouth's inside, shows only in other poses.
    hidden = strongest < np.where(np.isin(label, _INSIDE), _HIDDEN, 1e-9)
    return np.where(hidden, label, poll.argmax(1)).astype(np.uint8)


def _home(avatar: Avatar) -> NDArray[np.int32]:
    """(N,) the vertex that each Gaussian is nearest bound to."""
    if avatar.binding == "vertex":
        return avatar.anchors
    return avatar.faces[avatar.anchors, 0]


def _has_lips(head: HeadModel) -> bool:
    return bool((head.region == REGIONS.index("lip")).any())


def _alignment(surface: ArkitRig | HeadModel, open_head: HeadModel) -> Alignment:
    """From the cache folder where it is there, else made and kept there."""
    count = len(surface.vertices if isinstance(surface, ArkitRig) else surface.template)
    kept = default_cache_folder() / "regions" / f"{fingerprint(surface, open_head)}.safetensors"
    with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
        return _decode(load(kept.read_bytes()), count)
    found = align(surface, open_head)
    arrays = {
        "label": found.label, "place": found.place,
        "open_from_metres": np.array([found.open_from_metres]),
    }  # fmt: skip
    # A cache that cannot be written costs seconds the next time, nothing else.
    with contextlib.suppress(OSError, InputError):
        make_private_folder(kept.parent)
        write_whole(kept, save(arrays))
    return found


def _decode(arrays: dict[str, NDArray], count: int) -> Alignment:
    label, place, scale = arrays["label"], arrays["place"], arrays["open_from_metres"]
    fits = label.dtype == np.uint8 and place.dtype == np.float32 and scale.shape == (1,)
    if not fits or label.shape != (count,) or place.shape != (count, 3):
        raise ValueError("not an alignment of this surface")
    if label.max() >= len(REGIONS) or not np.isfinite(place).all() or not 0 < scale[0] < 100:
        raise ValueError("a damaged alignment")
    return Alignment(label=label, place=place, open_from_metres=float(scale[0]))
