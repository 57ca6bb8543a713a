# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion and something to move with it in, pictures out, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.camera import Camera
from ...shared.errors import JobError
from ...shared.head import HeadModel
from ...shared.motion import Motion, frames_outside
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor
from ..avatar.gaussians import seen_colours
from ..raster.gaussians import rasterise_gaussians
from ..raster.mesh import rasterise_mesh
from .framing import frame_points
from .shade import DrawOptions, draw_head

DEFAULT_SIZE = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedFrame:
    """index: the take's frame. rgba: (H, W, 4) float32, sRGB-encoded colour premultiplied by
    alpha. depth: (H, W) float32 metres along the view axis, divided by alpha, inf where nothing
    is."""

    index: int
    rgba: NDArray[np.float32]
    depth: NDArray[np.float32]


def render_frames(
    subject: Avatar | HeadModel,
    motion: Motion,
    camera: Camera | None = None,
    size: int = DEFAULT_SIZE,
    frames: range | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Iterator[RenderedFrame]:
    """Renders the frames of the take one after the other, as they are asked for.

    subject: an avatar, or a head drawn as a lit mesh. motion: in ARKit's space for an avatar
    (`source.motion_for` converts), in the head's own for a head. camera: `default_camera` of a
    `size` by `size` picture if none. frames: all if none. on_progress(done, total) is called
    after each frame. Raises InputError `frames.out_of_range`, `space.no_adapter`, `option.size`;
    JobError `job.cancelled` between frames.
    """
    chosen = range(len(motion)) if frames is None else frames
    _check_frames(chosen, len(motion))
    view = camera or default_camera(subject, size, size)
    if isinstance(subject, Avatar):
        paint = _avatar_painter(subject, motion, view)
    else:
        paint = _head_painter(subject, motion, view)
    for done, index in enumerate(chosen, 1):
        if is_cancelled is not None and is_cancelled():
            raise JobError("job.cancelled", "The rendering was cancelled.", "Start it again.")
        yield paint(index)
        if on_progress is not None:
            on_progress(done, len(chosen))


def default_camera(subject: Avatar | HeadModel, width: int, height: int) -> Camera:
    """Frames the subject, at rest, like a portrait of head and shoulders."""
    if isinstance(subject, HeadModel):
        return frame_points(subject.template, width, height)
    places = subject.means
    # Hair stands well above the mesh; a few stray wisps far out do not count. The sides and
    # the lower edge are the mesh's, since a portrait's shoulders run out of the picture.
    solid = places[subject.opacities > 0.3]
    if subject.surface is None:
        return frame_points(solid if len(solid) else places, width, height)
    vertices = subject.vertices
    top = np.quantile(solid[:, 1], 0.998) if len(solid) else vertices[:, 1].max()
    low, high = vertices.min(0), vertices.max(0)
    high[1] = max(high[1], top)
    low[1] += 0.12 * (high[1] - low[1])
    return frame_points(np.stack([low, high]), width, height)


def _check_frames(frames: range, total: int) -> None:
    if len(frames) == 0 or min(frames) < 0 or max(frames) >= total:
        raise frames_outside(frames, total)


def _avatar_painter(
    avatar: Avatar, motion: Motion, camera: Camera
) -> Callable[[int], RenderedFrame]:
    actor = Actor(avatar, motion)

    def paint(index: int) -> RenderedFrame:
        gaussians = actor.pose(index).gaussians
        image = rasterise_gaussians(
            gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities,
            seen_colours(gaussians, camera), camera,
        )  # fmt: skip
        rgba = np.dstack([image.colour, image.alpha]).astype(np.float32)
        return RenderedFrame(index=index, rgba=rgba, depth=image.depth)

    return paint


def _head_painter(
    head: HeadModel, motion: Motion, camera: Camera
) -> Callable[[int], RenderedFrame]:
    from ..head.forward import CHUNK_FRAMES, layer_of  # torch, which avatars do without

    layer = layer_of(head)
    block: dict[int, NDArray[np.float32]] = {}

    def paint(index: int) -> RenderedFrame:
        first = index - index % CHUNK_FRAMES
        if first not in block:
            block.clear()
            stop = min(first + CHUNK_FRAMES, len(motion))
            block[first] = layer.vertices(motion, first, stop)
        vertices = block[first][index - first]
        straight = draw_head(vertices, head, camera, DrawOptions(background=None))
        rgba = straight.astype(np.float32) / np.float32(255)
        rgba[..., :3] *= rgba[..., 3:]
        depth = rasterise_mesh(vertices, head.faces, camera).depth
        return RenderedFrame(index=index, rgba=rgba, depth=depth)

    return paint
