# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a head each vertex or Gaussian is: the labels behind the masks.

The open head has labels; other heads get them by alignment (`alignment`), once, kept in the cache
folder. A Gaussian takes the label of what is seen where it is, since networks such as LAM's
also use spare Gaussians of the eyeballs and the mouth's inside to paint the skin near by.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy import ndimage

from ...shared.connection import default_cache_folder, make_private_folder
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.head import REGIONS, HeadModel
from ...shared.motion import ARKIT_NAMES, Motion, make_motion
from ..files import write_whole
from ..head.files import OPEN, read_head
from . import hair
from .alignment import Alignment, align
from .avatar import ArkitRig, Avatar
from .drive import Actor, rest_gaussians
from .sight import AROUND_DEG, FRONT_DEG, look_around, whole_head

PASS_REGIONS = ("skin", "lips", "eyes", "teeth", "mouth", "hair")
"""The masks, in the order of their channels."""
_OF_HEAD = {
    "skin": "skin", "brow": "hair", "lip": "lips", "mouth": "mouth", "teeth": "teeth",
    "tongue": "mouth", "sclera": "eyes", "iris": "eyes", "pupil": "eyes", "lash": "hair",
}  # fmt: skip
_TABLE = np.array([PASS_REGIONS.index(_OF_HEAD[name]) for name in REGIONS], np.uint8)
_WEIGHT = np.where(np.array(PASS_REGIONS) == "eyes", 1.8, 1.0).astype(np.float32)
"""Of a region's share in a pixel: lids' Gaussians reach over the whites of the eyes."""
_FROM_BEHIND = 0.1
"""Weight of what is seen from behind: networks that know a portrait leave the back open, and the
face's inside shows through it."""
_UNSEEN = 1e-3
"""Pixels: who has less than that in all views keeps the anchor's label."""
_JAW_OPEN, _JAW_RAD = 0.7, 0.25
_MOUTHFUL = 2.0
"""Widths of the lips that a look into the mouth shows."""

Labels = NDArray[np.uint8]
_VERSION = 1
"""Goes up whenever the same avatar gets other labels."""
_MOST_KNOWN = 8
_known: dict[str, Labels] = {}
_lock = threading.Lock()


def head_regions(head: HeadModel) -> Labels:
    """(V,) index into `PASS_REGIONS` of each vertex, from the head's own labels."""
    return _TABLE[head.region]


def avatar_regions(avatar: Avatar) -> Labels:
    """(N,) index into `PASS_REGIONS` of each Gaussian; computed once for each avatar on this
    machine, and the alignment once for all avatars on one surface. Raises InputError
    `avatar.regions`."""
    key = fingerprint(_VERSION, avatar)
    with _lock:
        if key not in _known:
            while len(_known) >= _MOST_KNOWN:
                del _known[next(iter(_known))]
            _known[key] = _stored_label(avatar, key)
        return _known[key]


def _stored_label(avatar: Avatar, key: str) -> Labels:
    """From the cache folder where it is there, else made and kept there."""
    kept = _cache_folder() / f"{key}.safetensors"
    with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
        label = load(kept.read_bytes())["label"]
        fits = label.dtype == np.uint8 and label.shape == (len(avatar),)
        if fits and label.max(initial=0) < len(PASS_REGIONS):
            return label
    label = _label(avatar)
    _store(kept, {"label": label})
    return label


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
    count = len(PASS_REGIONS)
    votes = np.eye(count, dtype=np.float32)[label]
    offsets = avatar.means - avatar.vertices[_home(avatar)]
    places = homes + offsets * np.float32(open_from_metres)
    carried = np.concatenate([votes, homes, places], 1)
    views = look_around(rest_gaussians(avatar), carried, AROUND_DEG, whole_head(avatar))
    seen = np.concatenate([view.carried for view in views])
    shown = (seen[:, :count] * _WEIGHT).argmax(1).astype(np.uint8)
    placed = hair.Placed(
        places=seen[:, count + 3 :], homes=seen[:, count : count + 3],
        colours=np.concatenate([view.colours for view in views]),
        skin=shown == PASS_REGIONS.index("skin"),
    )  # fmt: skip
    shown[hair.find_hair(placed, read_head(OPEN))] = PASS_REGIONS.index("hair")
    ends = np.cumsum([len(view.row) for view in views])[:-1]
    poll = np.zeros((len(label), count))
    for yaw, view, part in zip(AROUND_DEG, views, np.split(shown, ends), strict=True):
        weight = _FROM_BEHIND if abs(yaw - 180) < 90 else 1.0
        poll += weight * view.shares(part, count)
    poll[:, PASS_REGIONS.index("mouth")] += _in_open_mouth(avatar, votes)
    return np.where(poll.max(1) < _UNSEEN, label, poll.argmax(1)).astype(np.uint8)


def _in_open_mouth(avatar: Avatar, votes: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) how much each Gaussian has of what is seen between the lips of an open mouth. votes:
    (N, 6) their anchors' labels."""
    posed = Actor(avatar, _open_mouth(avatar)).pose(0).gaussians
    total = np.zeros(len(votes))
    lips = posed.means[votes[:, PASS_REGIONS.index("lips")] > 0]
    if not len(lips):
        return total
    size = _MOUTHFUL * float(np.ptp(lips[:, 0]))
    # In pixels of the views of the whole head.
    scale = (size / whole_head(avatar)[1]) ** 2
    for view in look_around(posed, votes, FRONT_DEG, (np.median(lips, 0), size)):
        label = view.carried.argmax(1).astype(np.uint8)
        lips = view.picture(label == PASS_REGIONS.index("lips"))
        around = ndimage.binary_closing(lips, iterations=2)
        within = np.asarray(ndimage.binary_fill_holes(around), bool) & ~lips
        outside = np.where(within[view.row, view.column], 0, 1).astype(np.uint8)
        total += scale * view.shares(outside, 1)[:, 0]
    return total


def _open_mouth(avatar: Avatar) -> Motion:
    """One frame in the space that the avatar's surface speaks."""
    surface = avatar.surface
    if isinstance(surface, HeadModel):
        jaw = np.array([[_JAW_RAD, 0, 0]], np.float32)
        nothing = np.zeros((1, 100), np.float32)
        return make_motion(expression=nothing, fps=25.0, space=surface.space, jaw=jaw)
    weights = np.zeros((1, 100), np.float32)
    weights[0, ARKIT_NAMES.index("jawOpen")] = _JAW_OPEN
    return make_motion(expression=weights, fps=25.0, space="arkit")


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
    kept = _cache_folder() / f"{fingerprint(_VERSION, surface, open_head)}.safetensors"
    with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
        return _decode(load(kept.read_bytes()), count)
    found = align(surface, open_head)
    arrays = {
        "label": found.label, "place": found.place,
        "open_from_metres": np.array([found.open_from_metres]),
    }  # fmt: skip
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
