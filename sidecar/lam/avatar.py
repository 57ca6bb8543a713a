# SPDX-License-Identifier: GPL-3.0-or-later
"""What LAM's network has made, as an avatar: on the person's own head with ARKit's shapes, as LAM's
web bundles have it, so that everything that moves those moves it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...shared.arrays import Float32Array
from ...shared.head import JOINTS
from ...shared.motion import ARKIT_NAMES
from ..adapter.kept import adapter_of
from ..avatar.avatar import ArkitRig, Avatar
from ..avatar.emotion_looks import EmotionLooks
from ..head.read import OPEN, read_head
from .checkpoint import TERMS, Flame
from .run import Made
from .settings import EXPRESSION
from .surface import LamPose, move_points

_LEAST_SCALE_M = 1e-12
"""The network's exponential goes down to 1e-13, whose logarithm other tools do not take."""


def make_rig(flame: Flame, shape: Float32Array) -> ArkitRig:
    """The person's head at rest with ARKit's 52 shapes, which the adapter from the open head knows
    in FLAME's expressions and jaw. Raises InputError `adapter.*`."""
    open_head = read_head(OPEN)
    adapter = adapter_of(flame.head, open_head)
    numbers = torch.from_numpy(np.ascontiguousarray(adapter.space_from_arkit.T))  # (52, 103)
    eyes = torch.from_numpy(np.ascontiguousarray(open_head.arkit_eyes.T))
    count, none = len(ARKIT_NAMES), torch.zeros(len(ARKIT_NAMES), 3)
    own = torch.from_numpy(shape)
    pose = LamPose(
        shape=own.expand(count, -1),
        expression=numbers[:, :EXPRESSION],
        rotation=none,
        neck=none,
        jaw=numbers[:, EXPRESSION:],
        eyes=eyes.float(),
        translation=none,
    )
    rest = flame.surface.rest_points(own[None])
    moved = torch.cat([move_points(flame.surface, rest, _part(pose, k)) for k in range(count)])
    joints = flame.surface.regressor @ (
        flame.surface.template + flame.surface.directions[..., : len(shape)] @ own
    )
    below = flame.surface.skin_weights[:, JOINTS.index("neck") :].sum(1, keepdim=True)
    return ArkitRig(
        vertices=rest[0].numpy(),
        faces=flame.faces,
        arkit_shapes=_quiet((moved - rest).numpy()),
        joint_pivots=joints[None, JOINTS.index("neck")].numpy(),
        joint_weights=below.clamp(0, 1).numpy(),
        joint_shares=np.ones(1, np.float32),
    )


def make_avatar(
    rig: ArkitRig, made: Sequence[Made], name: str, emotions: Sequence[tuple[float, ...]] = ()
) -> Avatar:
    """An avatar of LAM's Gaussians, one a vertex of the rig. made: neutral, and after it those of
    `emotions`, weights as of `EmotionLooks`, or neutral alone."""
    neutral = made[0]
    return Avatar(
        name=name,
        surface=rig,
        binding="vertex",
        anchors=np.arange(len(rig.vertices), dtype=np.int32),
        offsets=neutral["offsets"],
        quaternions=neutral["quaternions"],
        scales=np.maximum(neutral["scales"], _LEAST_SCALE_M),
        opacities=neutral["opacities"][:, 0],
        colours=neutral["colours"],
        follow="stretch",  # as LAM's bundles are read, and for their reasons
        opaque_core=True,
        notes=(TERMS,),
        emotion_looks=_looks(neutral, made[1:], emotions) if emotions else None,
    )


def _looks(
    neutral: Made, made: Sequence[Made], emotions: Sequence[tuple[float, ...]]
) -> EmotionLooks:
    stacked = {name: np.stack([one[name] for one in made]) for name in neutral}
    turns = stacked["quaternions"]
    away = np.sum(turns * neutral["quaternions"], 2, keepdims=True) < 0
    return EmotionLooks(
        weights=np.array(emotions, np.float32),
        colours=stacked["colours"],
        offsets=stacked["offsets"],
        scales=np.maximum(stacked["scales"], _LEAST_SCALE_M),
        opacities=stacked["opacities"],
        quaternions=np.where(away, -turns, turns),
    )


def _part(pose: LamPose, index: int) -> LamPose:
    """One of a pose's frames: all at once would take a gigabyte."""
    rows = slice(index, index + 1)
    return LamPose(
        shape=pose.shape[rows],
        expression=pose.expression[rows],
        rotation=pose.rotation[rows],
        neck=pose.neck[rows],
        jaw=pose.jaw[rows],
        eyes=pose.eyes[rows],
        translation=pose.translation[rows],
    )


def _quiet(shapes: Float32Array) -> Float32Array:
    """The shapes without movements that are rounding: most of a shape's vertices stand still."""
    return np.where(np.abs(shapes).max(2, keepdims=True) > 1e-7, shapes, 0).astype(np.float32)
