# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user names to what `render_frames` takes: the subject, and a motion in its space."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...shared.head import HeadModel
from ...shared.motion import Motion, make_motion
from ..avatar.avatar import Avatar
from ..avatar.open_avatar import OPEN_GAUSSIANS, open_avatar
from ..avatar.read import is_own_file, read_avatar
from ..head.files import OPEN, read_head
from ..motion.adapter import LinearAdapter, open_to_arkit, to_open


def read_subject(name: str, head: str | None = None) -> Avatar | HeadModel:
    """`open` is the embedded head, drawn as a lit mesh; `open-gaussians` the same head as a
    Gaussian avatar; a FLAME file or a head file is another head; anything else an avatar. head:
    the head that an avatar sits on, where its file asks for one. Raises InputError `file.*`,
    `head.*`, `avatar.*`."""
    if name == OPEN_GAUSSIANS:
        return open_avatar(read_head(OPEN))
    path = Path(name)
    if name == OPEN or (path.suffix == ".safetensors" and not is_own_file(path)):
        return read_head(name)
    return read_avatar(path, None if head is None else read_head(head))


def motion_for(
    subject: Avatar | HeadModel, motion: Motion, adapter: LinearAdapter | None
) -> Motion:
    """The motion in the space that the subject speaks: ARKit's for an avatar on an ARKit rig, the
    head's own for a head and for an avatar on one; for an avatar without a surface as it is.
    Poses of neck and head come along. Raises InputError `space.no_adapter`."""
    surface = subject.surface if isinstance(subject, Avatar) else subject
    if surface is None:
        return motion
    if isinstance(surface, HeadModel):
        return motion if motion.space == surface.space else to_open(motion, surface, adapter)
    if motion.space == "arkit":
        return motion
    head = read_head(OPEN)
    weights = open_to_arkit(to_open(motion, head, adapter), head)  # (T, 52)
    expression = np.zeros_like(motion.expression)
    expression[:, : weights.shape[1]] = weights
    return make_motion(
        expression=expression, fps=motion.fps, space="arkit", neck=motion.neck,
        rotation=motion.rotation, translation=motion.translation, shape=motion.shape,
    )  # fmt: skip
