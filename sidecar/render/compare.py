# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet that compares the ways in which Gaussians can follow the surface."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array, UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES, Motion, make_motion, name_weights
from ...shared.pictures import FOLLOWS, Follow
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor
from .drawer import draw_splats
from .sheets import contact_sheet
from .shot import motion_for

_POSES: tuple[tuple[str, dict[str, float], tuple[float, float, float], str], ...] = (
    ("head turned", {}, (0.0, 0.7, 0.0), "face"),
    (
        "eyes closed",
        {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "browDownLeft": 0.6, "browDownRight": 0.6},
        (0.0, 0.0, 0.0),
        "eyes",
    ),
    (
        "mouth open",
        {"jawOpen": 0.8, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7},
        (0.0, 0.0, 0.0),
        "mouth",
    ),
)
"""Each pose's title, ARKit weights, the head's rotation (axis-angle, radians), and where the
camera looks."""
_LIDS = ("eyeBlinkLeft", "eyeBlinkRight")


def draw_follows(avatar: Avatar, size: int) -> UInt8Array:
    """(H, W, 3) sRGB: a column for each way to follow, a row for each pose, pictures of `size`.
    Raises InputError `option.size` if `size` is not possible for a picture, `space.no_adapter` if
    the poses cannot be brought to the avatar's space."""
    motion = _takes(avatar)
    follows: list[Follow] = [
        name for name in FOLLOWS if name != "deform" or avatar.binding == "face"
    ]
    actors = [Actor(avatar, motion, follow) for follow in follows]
    rest = _places_in(Actor(avatar, motion, "still"))
    images, labels = [], []
    for row, (title, _, _, where) in enumerate(_POSES):
        camera = _look(rest, where, size)
        for follow, actor in zip(follows, actors, strict=True):
            images.append(draw_splats(actor.pose(row).gaussians, camera))
            made_for = " (made for)" if follow == avatar.follow else ""
            labels.append(f"{follow}{made_for}, {title}")
    return contact_sheet(images, labels, len(follows))


def _takes(avatar: Avatar) -> Motion:
    """A frame for each pose, then jaw open, lids closed and at rest, which show where mouth, eyes
    and face are."""
    weights = [pose for _, pose, _, _ in _POSES]
    weights += [{"jawOpen": 1.0}, dict.fromkeys(_LIDS, 1.0), {}]
    expression = name_weights(weights)
    neck = np.zeros((len(weights), 3), np.float32)
    neck[: len(_POSES)] = [turn for _, _, turn, _ in _POSES]
    motion = make_motion(expression=expression, fps=30, space="arkit", neck=neck)
    if isinstance(avatar.surface, HeadModel) and avatar.surface.space != "open":
        return make_motion(  # another head's expressions are not known without an adapter
            expression=0 * expression,
            fps=30,
            space=avatar.surface.space,
            neck=neck,
            jaw=expression[:, [ARKIT_NAMES.index("jawOpen")]] * [[0.4, 0, 0]],
        )
    return motion_for(avatar, motion, None)


def _places_in(actor: Actor) -> dict[str, tuple[Float64Array, float]]:
    """Middle (3,) and height in metres of the face, the eyes (what the lids move) and the mouth
    (what the jaw moves)."""
    count = len(_POSES)
    means = [actor.pose(count + k).gaussians.means.astype(np.float64) for k in range(3)]
    low, high = np.quantile(means[2], [0.02, 0.98], axis=0)
    places = {"face": (0.5 * (low + high), 1.15 * float(high[1] - low[1]))}
    for name, moved, share in (("mouth", means[0], 0.36), ("eyes", means[1], 0.2)):
        way = np.linalg.norm(moved - means[2], axis=1)
        part = means[2][way > 0.5 * max(way.max(), 1e-9)]
        if not len(part):
            part = means[2]
        if name == "eyes":  # the left one alone
            part = part[part[:, 0] > np.median(part[:, 0])]
        places[name] = (np.median(part, 0), share * places["face"][1])
    return places


def _look(places: dict[str, tuple[Float64Array, float]], where: str, size: int) -> Camera:
    middle, height = places[where]
    far = 1.2
    return look_at(
        target=middle,
        distance=far,
        width=size,
        height=size,
        fov_y_rad=2 * float(np.arctan(0.5 * height / far)),
    )
