# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame of a take with the emotions in it, at once: its numbers, its mesh, its picture.

The numbers and vertices are a bake's, bit for bit, and an avatar's picture is a rendering's. The
head's picture is a draft of one: its edges are coarser, the key lamp's shadows are harder, and of
the sky it sees what it does at rest. What takes long and is the same for every frame is made once.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, UInt8Array
from ...shared.camera import Camera
from ...shared.conversions import preview_rows
from ...shared.emotion import CONTROLS, EmotionTrack
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion, frames_outside, make_motion
from ..avatar.avatar import ArkitRig, Avatar
from ..avatar.open_avatar import OPEN_GAUSSIANS
from ..bake.take import Prepared, map_back
from ..denormals import flushed_denormals
from ..head.read import OPEN
from ..modulation.modulator import modulate_part
from ..raster.colour import straight_srgb
from ..raster.normals import vertex_normals
from ..render.frame import RenderOptions
from ..render.framing import default_camera
from ..render.gaussian_passes import GaussianPainter
from ..render.place import head_from_avatar, of_subject
from ..render.shade import DrawOptions, draw_head, share_of_sky
from ..render.source import motion_for
from . import resident
from .resident import Named
from .services import PreviewOutput, PreviewPicture, PreviewTask

DRAFT_SAMPLES = 2
DRAFT_KEY_RAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """An avatar that waits for its next frame. moved: (4, 4) brings it to the open head."""

    avatar: Avatar
    painter: GaussianPainter
    moved: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shown:
    """One frame with the emotions: after in space "open", own in the take's own space."""

    after: Motion
    own: Motion


def preview(task: PreviewTask) -> PreviewOutput:
    """The frame. Raises InputError `frames.out_of_range`, `emotion.shape`, `head.unknown`,
    `space.no_adapter`, `file.*`, `motion.*`, `avatar.*`, `option.*`."""
    take = resident.prepared(task.take)
    shown = _show(take, task)
    vertices = pixels = None
    is_mesh = task.picture is not None and task.picture.avatar is None and task.head == OPEN
    if task.wants_vertices or is_mesh:
        (block,) = resident.mover_of(take).blocks(shown.after, 0, 1)
        vertices = block[0]
    if task.picture is not None:
        if vertices is not None and is_mesh:
            pixels = _draw(vertices, take.head, task.picture)
        else:
            pixels = _paint(_stage(task.picture, task.head), take, shown, task.picture)
    return PreviewOutput(
        expression=shown.after.expression,
        jaw=shown.after.jaw,
        vertices=vertices if task.wants_vertices else None,
        pixels=pixels,
    )


@functools.lru_cache(resident.SUBJECTS)
def stage_of(named: Named) -> Stage:
    """The avatar with all that its frames share. Raises as `resident.subject`."""
    avatar = resident.subject(named)
    if not isinstance(avatar, Avatar):
        raise InputError(
            "head.unknown", f"The sidecar has no head called '{named.head}'.", "Use 'open'."
        )
    rest = make_motion(
        expression=np.zeros((1, 100), np.float32), fps=30, space=_space_of(avatar) or OPEN
    )
    options = RenderOptions(passes=("combined",), device="auto")
    head = resident.read_head(OPEN)
    return Stage(
        avatar=avatar,
        painter=GaussianPainter(avatar, rest, options),
        moved=head_from_avatar(avatar, head),
    )


def whole_track(rows: EmotionTrack, first: int, frame: int, take: Motion) -> EmotionTrack:
    """The rows at their place in a track of the take's length, neutral elsewhere. Raises
    InputError `emotion.shape` unless all that `frame` depends on are there."""
    needed = preview_rows(frame, take.fps, len(take))
    if first > needed.start or first + len(rows) < needed.stop or first + len(rows) > len(take):
        raise InputError(
            "emotion.shape",
            f"A preview of frame {frame} has the emotions of the frames {first} to "
            f"{first + len(rows) - 1}, and needs {needed.start} to {needed.stop - 1}.",
            "Sample the track at the take's frames.",
        )
    arrays = {}
    for name in ("weights", *CONTROLS):
        values = getattr(rows, name)
        arrays[name] = np.zeros((len(take), *values.shape[1:]), np.float32)
        arrays[name][first : first + len(rows)] = values
    return EmotionTrack(fps=rows.fps, **arrays)


def _show(take: Prepared, task: PreviewTask) -> _Shown:
    frame, frames, motion = task.frame, range(task.frame, task.frame + 1), take.motion
    if task.head not in (OPEN, OPEN_GAUSSIANS):
        resident.read_head(task.head)
    if not 0 <= frame < len(motion):
        raise frames_outside(frames, len(motion))
    track = whole_track(task.track, task.first, frame, motion)
    with flushed_denormals():
        after = modulate_part(take.before, track, take.modulator, frames)
    return _Shown(after=after, own=map_back(take, after, frames))


def _stage(picture: PreviewPicture, head: str) -> Stage:
    if picture.avatar is not None:
        head = OPEN  # as a rendering names it, which finds it in memory then
    return stage_of(Named(avatar=picture.avatar, name=picture.avatar_name, head=head))


def _draw(vertices: Float32Array, head: HeadModel, picture: PreviewPicture) -> UInt8Array:
    camera = picture.camera or portrait_of(head, picture.width, picture.height)
    options = DrawOptions(
        background=None, samples=DRAFT_SAMPLES, key_rays=DRAFT_KEY_RAYS, sky=sky_at_rest(head)
    )
    return draw_head(vertices, head, camera, options)


@functools.lru_cache(resident.SUBJECTS)
def sky_at_rest(head: HeadModel) -> Float32Array:
    """(V,) the share of the sky that each vertex of the head sees while its face rests."""
    points = head.template.astype(np.float64)
    faces = np.ascontiguousarray(head.faces, np.int32)
    return share_of_sky(points, faces, vertex_normals(points, faces))


def _paint(stage: Stage, take: Prepared, shown: _Shown, picture: PreviewPicture) -> UInt8Array:
    is_own = _space_of(stage.avatar) in (None, shown.own.space)
    motion = shown.own if is_own else motion_for(stage.avatar, shown.after, take.adapter)
    camera = picture.camera
    if camera is None:
        camera = portrait_of(stage.avatar, picture.width, picture.height)
    else:
        camera = of_subject(camera, stage.moved)
    return straight_srgb(stage.painter.playing(motion).paint_light(0, camera))


@functools.lru_cache(resident.SUBJECTS)
def portrait_of(seen: Avatar | HeadModel, width: int, height: int) -> Camera:
    """The camera that a rendering takes of itself."""
    return default_camera(seen, width, height)


def _space_of(avatar: Avatar) -> str | None:
    """The space that the avatar speaks; None for one that never moves."""
    if isinstance(avatar.surface, ArkitRig):
        return "arkit"
    return None if avatar.surface is None else avatar.surface.space
