# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a shot frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ...shared import limits
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.pictures import PASSES, PictureRequest
from ..avatar.avatar import Avatar
from ..avatar.regions import Labels, find_labels
from ..raster.gaussians import picture_bytes
from .frame import Frame
from .gaussian_passes import GaussianPainter, has_uv
from .shot import Shot, Subject

_CHANNELS = {
    "combined": 4,
    "depth": 1,
    "normal": 3,
    "position": 3,
    "mask": 6,
    "index": 1,
    "uv": 2,
    "vector": 4,
}


class Painter(Protocol):
    """Draws frames of one take on one subject."""

    def paint(self, index: int) -> Frame: ...


def render_frames(
    shot: Shot, frames: Iterable[int] | None = None, labels: Labels = find_labels
) -> Iterator[Frame]:
    """Renders `frames` of the take, or the request's, each when the caller asks for the next.

    labels: finds the subject's labels for masks. Raises, before the first frame, InputError
    `frames.out_of_range`, `option.pass`, `option.size`, `option.device`, `space.no_adapter`,
    `avatar.regions`.
    """
    chosen = shot.request.chosen_frames(len(shot.motion)) if frames is None else frames
    _check_memory(shot.request)
    painter = _painter(shot, labels)
    return (painter.paint(index) for index in chosen)


def frame_bytes(camera: Camera, passes: Sequence[str]) -> int:
    """Bytes of memory that one frame takes while it is made."""
    return picture_bytes(camera, sum(_CHANNELS[name] for name in {"combined", "depth", *passes}))


def available_passes(subject: Subject) -> tuple[str, ...]:
    """The passes that the subject can have: an avatar has masks if it has a surface, UVs if that
    is a head's."""
    if isinstance(subject, HeadModel) or has_uv(subject):
        return PASSES
    lacking = ("uv",) if subject.surface is not None else ("uv", "mask")
    return tuple(name for name in PASSES if name not in lacking)


def _check_memory(request: PictureRequest) -> None:
    camera = request.camera_at(0)
    if frame_bytes(camera, request.passes) > limits.MAX_FRAME_BYTES:
        raise InputError(
            "option.size",
            f"A picture of {camera.width} x {camera.height} pixels with all of these passes "
            "does not fit in memory.",
            "Choose a smaller picture or fewer passes.",
        )


def _painter(shot: Shot, labels: Labels) -> Painter:
    subject, request = shot.subject, shot.request
    label = labels(subject) if "mask" in request.passes else None
    if isinstance(subject, Avatar):
        return GaussianPainter(subject, shot.motion, request, shot.device, label)
    from .mesh_passes import MeshPainter  # torch, which avatars do without

    return MeshPainter(subject, shot.motion, request, shot.device, label)
