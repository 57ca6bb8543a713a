# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user names to what `render_frames` takes: the subject, and a motion in its space."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion, make_motion
from ..avatar.avatar import Avatar
from ..avatar.open_avatar import OPEN_GAUSSIANS, open_avatar
from ..avatar.read import is_own_file, read_avatar
from ..head.read import OPEN, read_head
from ..motion.adapter import LinearAdapter, from_open, open_to_arkit, to_open


def read_subject(name: str, head: str | None = None) -> Avatar | HeadModel:
    """`open` is the embedded head, drawn as a lit mesh; `open-gaussians` the same head as a
    Gaussian avatar; a FLAME file or a head file is another head; anything else an avatar. head:
    the head that an avatar sits on, where its file asks for one. Raises InputError `file.*`,
    `head.*`, `avatar.*`."""
    if name == OPEN_GAUSSIANS:
        return open_avatar(read_head(OPEN))
    path = Path(name)
    if name == OPEN or (path.suffix == ".safetensors" and not is_own_file(path)):
        return _read_head(path, name)
    return read_avatar(path, None if head is None else read_head(head))


def _read_head(path: Path, name: str) -> HeadModel:
    try:
        return read_head(name)
    except InputError as error:
        if error.code == "file.missing":
            message = f"There is no avatar and no head file at {path}."
            raise InputError(error.code, message, "Check the path.") from error
        if error.code != "file.wrong_kind":
            raise
        raise InputError(
            error.code,
            f"{path.name} is neither an avatar file of Affekt's nor a head file, or it is damaged.",
            "Make it again with `affekt avatar convert`, or choose another file.",
        ) from error


def motion_for(
    subject: Avatar | HeadModel, motion: Motion, adapter: LinearAdapter | None
) -> Motion:
    """The motion in the space that the subject speaks: ARKit's for an avatar on an ARKit rig, the
    head's own for a head and for an avatar on one; for an avatar without a surface as it is.
    Poses of neck and head come along. adapter: for the one FLAME space among the two. Raises
    InputError `space.no_adapter`."""
    surface = subject.surface if isinstance(subject, Avatar) else subject
    if surface is None:
        return motion
    if isinstance(surface, HeadModel):
        return _on_head(surface.space, motion, adapter)
    if motion.space == "arkit":
        return motion
    head = read_head(OPEN)
    weights = open_to_arkit(to_open(motion, head, adapter), head)  # (T, 52)
    expression = np.zeros_like(motion.expression)
    expression[:, : weights.shape[1]] = weights
    return make_motion(
        expression=expression,
        fps=motion.fps,
        space="arkit",
        neck=motion.neck,
        rotation=motion.rotation,
        translation=motion.translation,
        shape=motion.shape,
    )


def _on_head(space: str, motion: Motion, adapter: LinearAdapter | None) -> Motion:
    if motion.space == space:
        return motion
    if space != OPEN and motion.space not in (OPEN, "arkit"):
        raise InputError(
            "space.no_adapter",
            f"The take is in the space '{motion.space}' and the avatar in '{space}'; an adapter "
            "goes between one of them and the open head.",
            f"Bring the take to the open head first (`affekt bake` with the adapter for "
            f"'{motion.space}'), then render that with the one for '{space}'.",
        )
    head = read_head(OPEN)
    if space == OPEN:
        return to_open(motion, head, adapter)
    if adapter is None or adapter.space != space:
        have = f"; the adapter given is for '{adapter.space}'" if adapter else ""
        raise InputError(
            "space.no_adapter",
            f"The take is in the space '{motion.space}' and the avatar in '{space}'{have}.",
            f"Give an adapter for '{space}' (`affekt adapter build` makes it from your FLAME).",
        )
    return from_open(to_open(motion, head, None), head, adapter)
