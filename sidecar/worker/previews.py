# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews: one frame of a take with emotions, as numbers, vertices and a picture.

Numbers and vertices have the bits of a bake, and an avatar's picture those of a rendering. The
head's picture is a draft: coarser edges, harder shadows of the key lamp, and each vertex is lit by
the share of the sky that it sees at rest. What is slow and the same for every frame is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float32Array, Float64Array, UInt8Array
from ...shared.camera import Camera
from ...shared.conversions import preview_rows
from ...shared.emotion import CONTROLS, EmotionTrack, constant_track
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion, cut_motion, frames_outside, make_motion, numbers_of
from ...shared.pictures import PictureRequest
from ..avatar.avatar import ArkitRig, Avatar
from ..avatar.open_avatar import OPEN_GAUSSIANS
from ..bake.take import Prepared, map_back
from ..denormals import flushed_denormals
from ..head.read import OPEN
from ..memory import remembered
from ..modulation.modulator import modulate_part
from ..raster.colour import straight_srgb
from ..raster.mesh import vertex_normals
from ..render.gaussian_passes import GaussianPainter
from ..render.portrait import default_camera
from ..render.shade import DrawOptions, draw_head, share_of_sky
from ..render.shot import head_from_avatar, motion_for, of_subject
from . import inputs
from .inputs import SubjectSource
from .services import PreviewOutput, PreviewTask

DRAFT_SAMPLES = 2
DRAFT_KEY_RAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """An avatar and its painter, kept from frame to frame. moved: (4, 4) maps the avatar's axes to
    the open head's."""

    avatar: Avatar
    painter: GaussianPainter
    moved: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shown:
    """Frames with emotions: `after` in space "open", `own` in the space of the take's file."""

    after: Motion
    own: Motion


def preview(task: PreviewTask) -> PreviewOutput:
    """Makes the preview. Raises InputError `frames.out_of_range`, `emotion.shape`, `head.unknown`,
    `space.no_adapter`, `file.*`, `motion.*`, `avatar.*`, `option.*`."""
    take = inputs.prepared(task.take)
    shown = _show(take, task)
    vertices = pixels = None
    is_open = task.take.head.path is None
    is_mesh = task.picture is not None and task.avatar is None and task.head == OPEN
    if task.wants_vertices or is_mesh:
        seen = cut_motion(shown.after if is_open else shown.own, 0, 1)
        (block,) = inputs.mover_of(take).blocks(seen, 0, 1)
        vertices = block[0]
    if task.picture is not None:
        if vertices is not None and is_mesh:
            pixels = _draw(vertices, take.head, task.picture)
        else:
            pixels = _paint(_stage(task), take, shown, task)
    return PreviewOutput(
        expression=shown.after.expression[:1],
        jaw=shown.after.jaw[:1],
        vertices=vertices if task.wants_vertices else None,
        pixels=pixels,
        numbers=numbers_of(shown.own) if task.frames else None,
    )


@remembered
def stage_of(source: SubjectSource) -> Stage:
    """The avatar with its painter. Raises as `inputs.subject`, and InputError `head.unknown` if
    the source is a mesh."""
    avatar = inputs.subject(source)
    if not isinstance(avatar, Avatar):
        raise InputError(
            "head.unknown", f"The sidecar has no head called '{source.head}'.", "Use 'open'."
        )
    rest = make_motion(
        expression=np.zeros((1, 100), np.float32), fps=30, space=_space_of(avatar) or OPEN
    )
    head = inputs.read_head(OPEN)
    return Stage(
        avatar=avatar,
        painter=GaussianPainter(avatar, rest, PictureRequest(), "auto"),
        moved=head_from_avatar(avatar, head),
    )


def whole_track(
    rows: EmotionTrack, first: int, frame: int, take: Motion, frames: int = 1
) -> EmotionTrack:
    """A track of the take's length with the rows from `first` on, the take as it is elsewhere.
    Raises InputError `emotion.shape` unless the rows include all that so many frames from `frame`
    on depend on."""
    needed = preview_rows(frame, take.fps, len(take), frames)
    if first > needed.start or first + len(rows) < needed.stop or first + len(rows) > len(take):
        raise InputError(
            "emotion.shape",
            f"A preview of frame {frame} has the emotions of the frames {first} to "
            f"{first + len(rows) - 1}, and needs {needed.start} to {needed.stop - 1}.",
            "Sample the track at the take's frames.",
        )
    untouched = constant_track(len(take), rows.fps, influence=0)
    arrays = {name: getattr(untouched, name).copy() for name in ("weights", *CONTROLS)}
    for name, values in arrays.items():
        values[first : first + len(rows)] = getattr(rows, name)
    units = None
    if rows.units is not None:
        units = np.zeros((len(take), len(rows.unit_names)), np.float32)
        units[first : first + len(rows)] = rows.units
    return EmotionTrack(fps=rows.fps, unit_names=rows.unit_names, units=units, **arrays)


def _show(take: Prepared, task: PreviewTask) -> _Shown:
    frames, motion = range(task.frame, task.frame + max(task.frames, 1)), take.motion
    if task.take.head.path is None and task.head not in (OPEN, OPEN_GAUSSIANS):
        inputs.read_head(task.head)
    if not 0 <= frames.start < frames.stop <= len(motion):
        raise frames_outside(frames, len(motion))
    track = whole_track(task.track, task.first, task.frame, motion, len(frames))
    with flushed_denormals():
        after = modulate_part(take.before, track, take.modulator, frames)
    return _Shown(after=after, own=map_back(take, after, track, frames))


def _stage(task: PreviewTask) -> Stage:
    # An avatar is named as a rendering names it, so that both share one entry.
    head = task.head if task.avatar is None else OPEN
    flame = None if task.avatar is None else inputs.flame_of(task.take)
    source = SubjectSource(avatar=task.avatar, name=task.avatar_name, head=head, flame=flame)
    return stage_of(source)


def _draw(vertices: Float32Array, head: HeadModel, picture: PictureRequest) -> UInt8Array:
    camera = picture.cameras[0] if picture.cameras else portrait_of(head, *picture.size)
    options = DrawOptions(
        background=None, samples=DRAFT_SAMPLES, key_rays=DRAFT_KEY_RAYS, sky=sky_at_rest(head)
    )
    return draw_head(vertices, head, camera, options)


@remembered
def sky_at_rest(head: HeadModel) -> Float32Array:
    """(V,) the share of the sky, 0 to 1, that each vertex of the head at rest sees."""
    points = head.template.astype(np.float64)
    faces = np.ascontiguousarray(head.faces, np.int32)
    return share_of_sky(points, faces, vertex_normals(points, faces))


def _paint(stage: Stage, take: Prepared, shown: _Shown, task: PreviewTask) -> UInt8Array:
    picture = task.picture
    assert picture is not None
    is_own = _space_of(stage.avatar) in (None, shown.own.space)
    motion = shown.own if is_own else motion_for(stage.avatar, shown.after, take.adapter)
    if picture.cameras:
        camera = of_subject(picture.cameras[0], stage.moved)
    else:
        camera = portrait_of(stage.avatar, *picture.size)
    track, row = task.track, task.frame - task.first
    emotions = track.shown_weights()[: row + 1]  # skin remembers those before
    shown_skin = stage.painter.playing(motion, float(track.appearance[row]), emotions)
    return straight_srgb(shown_skin.paint_light(0, camera))


@remembered
def portrait_of(seen: Avatar | HeadModel, width: int, height: int) -> Camera:
    """The camera of a rendering for which no camera was chosen."""
    return default_camera(seen, width, height)


def _space_of(avatar: Avatar) -> str | None:
    """The space of the numbers that move the avatar; None for an avatar that never moves."""
    if isinstance(avatar.surface, ArkitRig):
        return "arkit"
    return None if avatar.surface is None else avatar.surface.space
