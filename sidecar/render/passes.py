# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion, something to move with it and cameras in; pictures and passes out, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...shared import limits
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion, frames_outside
from ...shared.pictures import PASSES
from ..avatar.avatar import Avatar
from ..avatar.regions import Labels, find_labels
from ..raster.gaussians import picture_bytes
from .frame import Frame, RenderOptions
from .gaussian_passes import GaussianPainter, has_uv

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
Subject = Avatar | HeadModel
Cameras = Camera | Sequence[Camera] | Mapping[int, Camera]


def render_frames(
    subject: Subject,
    motion: Motion,
    cameras: Cameras,
    options: RenderOptions | None = None,
    labels: Labels = find_labels,
) -> Iterator[Frame]:
    """Renders frames of the take one after the other, as they are asked for.

    subject: an avatar, or a head drawn as a lit mesh. motion: in the space that the subject
    speaks (`source.motion_for` converts). cameras: one for all, or one for each frame that is
    rendered, in order, or by the take's frame; motion vectors also look at the cameras of the
    frames before and after where a mapping has them. labels: finds what the masks show, once,
    before the first frame. Raises, before the first frame,
    InputError `frames.out_of_range`, `option.camera`, `option.pass`, `space.no_adapter`.
    """
    options = options or RenderOptions()
    frames = chosen_frames(motion, options)
    by_frame = cameras_by_frame(cameras, frames)
    _check_memory(by_frame, options)
    painter = _painter(subject, motion, options, labels)
    return (painter.paint(index, by_frame) for index in frames)


def chosen_frames(motion: Motion, options: RenderOptions) -> Sequence[int]:
    """The take's frames that are asked for. Raises InputError `frames.out_of_range`."""
    frames = range(len(motion)) if options.frames is None else options.frames
    if len(frames) == 0 or min(frames) < 0 or max(frames) >= len(motion):
        raise frames_outside(
            range(min(frames, default=0), max(frames, default=-1) + 1), len(motion)
        )
    return frames


def cameras_by_frame(cameras: Cameras, frames: Sequence[int]) -> Mapping[int, Camera]:
    """The camera of each of the take's frames. Raises InputError `option.camera`."""
    if isinstance(cameras, Camera):
        return dict.fromkeys(frames, cameras)
    if isinstance(cameras, Mapping):
        missing = next((frame for frame in frames if frame not in cameras), None)
    elif len(cameras) == len(frames):
        return dict(zip(frames, cameras, strict=True))
    else:
        raise _no_camera(frames[min(len(cameras), len(frames) - 1)])
    if missing is not None:
        raise _no_camera(missing)
    return cameras


def _no_camera(missing: int) -> InputError:
    return InputError(
        "option.camera",
        f"There is no camera for frame {missing}, or there are more cameras than frames.",
        "Give one camera, or one for each frame.",
    )


def frame_bytes(camera: Camera, passes: Sequence[str]) -> int:
    """What one frame takes in memory while it is made."""
    return picture_bytes(camera, sum(_CHANNELS[name] for name in {"combined", "depth", *passes}))


def available_passes(subject: Subject) -> tuple[str, ...]:
    """The passes that the subject can have: an avatar has masks if it has a surface, UVs if that
    is a head's."""
    if isinstance(subject, HeadModel) or has_uv(subject):
        return PASSES
    lacking = ("uv",) if subject.surface is not None else ("uv", "mask")
    return tuple(name for name in PASSES if name not in lacking)


def _check_memory(cameras: Mapping[int, Camera], options: RenderOptions) -> None:
    largest = max(cameras.values(), key=lambda camera: camera.width * camera.height)
    if frame_bytes(largest, options.passes) > limits.MAX_FRAME_BYTES:
        raise InputError(
            "option.size",
            f"A picture of {largest.width} x {largest.height} pixels with all of these passes "
            "does not fit in memory.",
            "Choose a smaller picture or fewer passes.",
        )


def _painter(subject: Subject, motion: Motion, options: RenderOptions, labels: Labels):
    label = labels(subject) if "mask" in options.passes else None
    if isinstance(subject, Avatar):
        return GaussianPainter(subject, motion, options, label)
    from .mesh_passes import MeshPainter  # torch, which avatars do without

    return MeshPainter(subject, motion, options, label)
