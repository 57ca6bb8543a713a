# SPDX-License-Identifier: GPL-3.0-or-later
"""The input of a rendering: a subject, a motion in its space, and a request in its axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.head import JOINTS, HeadModel
from ...shared.motion import FLAME_SPACES, Motion, make_motion
from ...shared.pictures import PictureRequest
from ..avatar.alignment import find_eyeballs, fit_sphere, mesh_pieces
from ..avatar.avatar import ArkitRig, Avatar
from ..avatar.open_avatar import OPEN_GAUSSIANS, open_avatar
from ..avatar.read import is_affekt_avatar_file, read_avatar
from ..files import stamp_of
from ..head.read import OPEN, read_head
from ..memory import remembered
from ..motion.adapter import LinearAdapter, from_open, open_to_arkit, to_open
from ..raster.device import Device
from .portrait import default_camera

Subject = Avatar | HeadModel
_EYES = [JOINTS.index("eye_left"), JOINTS.index("eye_right")]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """A request that can be rendered. motion: in the subject's space (`motion_for`). request: in
    the subject's axes, with one camera or one for each frame of the motion. device: where
    Gaussians are composited."""

    subject: Subject
    motion: Motion
    request: PictureRequest
    device: Device


def make_shot(
    subject: Subject, motion: Motion, request: PictureRequest, device: Device = "cpu"
) -> Shot:
    """A shot, with the portrait's camera if the request has none. Raises InputError
    `option.camera` or `emotion.shape` for a request that does not fit the motion's length."""
    request.check_take(len(motion))
    if not request.cameras:
        request = replace(request, cameras=(default_camera(subject, *request.size),))
    return Shot(subject=subject, motion=motion, request=request, device=device)


def read_subject(name: str, head: str | None = None, *, plain_shapes: bool = False) -> Subject:
    """Reads the avatar or head that a user names; remembered until its files change. `open` is the
    embedded head as a lit mesh, `open-gaussians` the same as a Gaussian avatar; FLAME and head
    files are heads, all other files avatars. head: the head that an avatar sits on, where its file
    asks for one. plain_shapes: as in `read_avatar`. Raises InputError `file.*`, `head.*`,
    `avatar.*`."""
    return _read_subject(name, head, plain_shapes, stamp_of(name), stamp_of(head))


@remembered
def _read_subject(
    name: str, head: str | None, plain_shapes: bool, *_stamps: tuple[tuple[int, int], ...]
) -> Subject:
    if name == OPEN_GAUSSIANS:
        return open_avatar(read_head(OPEN))
    path = Path(name)
    if name == OPEN or (path.suffix == ".safetensors" and not is_affekt_avatar_file(path)):
        return _read_head(path, name)
    below = None if head is None else read_head(head)
    return read_avatar(path, below, plain_shapes=plain_shapes)


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


def needs_adapter(subject: Subject, motion: Motion) -> bool:
    """Whether `motion_for` needs an adapter for this motion."""
    surface = subject.surface if isinstance(subject, Avatar) else subject
    if surface is None:
        return False
    space = surface.space if isinstance(surface, HeadModel) else "arkit"
    return motion.space != space and bool({motion.space, space} & set(FLAME_SPACES))


def motion_for(subject: Subject, motion: Motion, adapter: LinearAdapter | None) -> Motion:
    """Converts the motion to the subject's space: ARKit's for an avatar on an ARKit rig, the head's
    own for a head and an avatar on one. An avatar without a surface takes any motion. adapter:
    for the FLAME space, if one of the two is in one. Raises
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


def head_from_avatar(avatar: Avatar, head: HeadModel) -> Float64Array:
    """(4, 4) translation that moves the middle between the avatar's eyes to the head's: an avatar's
    origin may be elsewhere (LAM's is between the feet). The identity for an avatar on that very
    head, and for one whose eyes are not found, which is then placed by hand."""
    out = np.eye(4)
    eyes = _between_eyes(avatar)
    is_on_head = isinstance(avatar.surface, HeadModel) and avatar.surface.name == head.name
    if eyes is not None and not is_on_head:
        out[:3, 3] = _middle(head, head.template) - eyes
    return out


def of_subject(camera: Camera, moved: Float64Array) -> Camera:
    """Converts a camera from the head's axes to an avatar's. moved: (4, 4) from the avatar to the
    head."""
    return replace(camera, camera_from_world=camera.camera_from_world @ moved)


def on_head(request: PictureRequest, subject: Subject, head: HeadModel) -> PictureRequest:
    """Converts the request's cameras and world from the head's axes to the avatar's."""
    if not isinstance(subject, Avatar):
        return request
    moved = head_from_avatar(subject, head)
    return replace(
        request,
        cameras=tuple(of_subject(camera, moved) for camera in request.cameras),
        world_from_head=request.world_from_head @ moved,
    )


def _between_eyes(avatar: Avatar) -> Float64Array | None:
    """(3,) middle between the eyes of the avatar at rest, metres."""
    if isinstance(avatar.surface, HeadModel):
        return _middle(avatar.surface, avatar.vertices)
    if not isinstance(avatar.surface, ArkitRig):
        return None
    vertices = avatar.surface.vertices.astype(np.float64)
    pieces = mesh_pieces(avatar.surface.faces, len(vertices))
    eyes = find_eyeballs(vertices, pieces)
    if eyes is None:
        return None
    return np.mean([fit_sphere(vertices[pieces == eye])[0] for eye in eyes], 0)


def _middle(head: HeadModel, vertices: Float32Array) -> Float64Array:
    return (head.joint_regressor[_EYES].astype(np.float64) @ vertices).mean(0)
