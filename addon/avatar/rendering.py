# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering an avatar with what the head's Action says, frame by frame of the scene."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ...shared.supervisor import Supervisor
from ..camera import read_cameras
from ..emotion.sample import read_track
from ..head.find import named_head
from ..link import requests
from ..link.requests import FileBytes, Look
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.curves import scene_fps
from ..motion.importing import read_file
from ..motion.takes import active_take, read_take_at, take_times
from .compositor import Sequence, show_sequence
from .frames import Performance, Plan, begin_frames, finish_frames, frame_keys, leave_frames

_ADAPTER_BYTES = limits.ARTEFACT_BYTES["adapter"]
GAUSSIANS_OF_HEAD = "{}-gaussians"
"""The sidecar's name of a head's own Gaussians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """avatar: the file, or None for the head itself. adapter: between the open head and the
    avatar's space, or None where they are one. as_gaussians: whether the head is then drawn
    as its Gaussians. from_scene: by the scene's camera. look: how. folder: where the pictures go.
    head_mesh: what becomes of the mesh. reuse: whether pictures that are there may stay. first,
    last: scene frames."""

    avatar: Path | None
    adapter: Path | None
    as_gaussians: bool
    from_scene: bool
    look: Look
    folder: Path
    head_mesh: str
    reuse: bool
    first: int
    last: int


def render_options(scene: bpy.types.Scene) -> RenderOptions:
    """What the panel says. Raises InputError `option.avatar`, `option.folder`, `option.camera`."""
    chosen = scene.affekt_avatar
    if chosen.subject == "FILE" and not chosen.file:
        raise InputError(
            "option.avatar", "No avatar is chosen.", "Choose one in the panel's Avatar section."
        )
    if chosen.camera == "SCENE" and scene.camera is None:
        raise InputError(
            "option.camera", "The scene has no camera.", "Add one, or render the portrait."
        )
    if chosen.folder.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "option.folder",
            "The pictures should go beside the blend file, which is not saved yet.",
            "Save the blend file, or choose another folder.",
        )
    from_file = chosen.subject == "FILE"
    return RenderOptions(
        avatar=Path(bpy.path.abspath(chosen.file)) if from_file else None,
        adapter=Path(bpy.path.abspath(chosen.adapter)) if from_file and chosen.adapter else None,
        as_gaussians=chosen.subject == "GAUSSIANS",
        from_scene=chosen.camera == "SCENE",
        look=_look(chosen),
        folder=Path(bpy.path.abspath(chosen.folder)),
        head_mesh=chosen.head_mesh,
        reuse=chosen.reuse,
        first=scene.frame_start,
        last=scene.frame_end,
    )


def _look(chosen: bpy.types.PropertyGroup) -> Look:
    is_exr = chosen.format == "EXR"
    return Look(
        size=chosen.size,
        is_exr=is_exr,
        is_half=chosen.depth == "HALF",
        passes=tuple(sorted(chosen.passes)) if is_exr else (),
        antialiased=chosen.antialiased,
        follow=None if chosen.follow == "AUTO" else chosen.follow.lower(),
    )


def render_steps(head_name: str, scene_name: str, options: RenderOptions) -> Steps:
    """Renders the scene's frames that the take in use covers, one picture a frame, and brings
    them into the compositor. The folder gets them only once all are there; until then they wait
    inside it for the next try."""
    line = session.need_line()
    head, scene = named_head(head_name), bpy.data.scenes[scene_name]
    subject, fingerprint = _subject(head, options)
    adapter = None if options.adapter is None else read_file(options.adapter, _ADAPTER_BYTES)
    yield Progress(fraction=0.0, text="Reading the curves")
    frames = _covered_frames(head, scene, options)
    shown = _read_performance(head, scene, frames, options)
    hashed = None if adapter is None else hashlib.sha256(adapter.data).hexdigest()
    settings = repr((line.version, fingerprint, hashed, options.look))
    plan = Plan(
        folder=options.folder,
        suffix=options.look.suffix,
        first=int(frames[0]),
        keys=frame_keys(settings, shown),
    )
    rendered = yield from _render_missing(line, (subject, adapter), shown, plan, options)
    files = finish_frames(plan)
    return _show(head_name, bpy.data.scenes[scene_name], files, plan, options, rendered)


def _subject(head: bpy.types.Object, options: RenderOptions) -> tuple[FileBytes | str, str]:
    """What to draw, and what tells it from others."""
    if options.avatar is not None:
        file = read_file(options.avatar, limits.MAX_AVATAR_BYTES)
        return file, hashlib.sha256(file.data).hexdigest()
    name = head.affekt_head.model
    name = GAUSSIANS_OF_HEAD.format(name) if options.as_gaussians else name
    return name, name


def _covered_frames(
    head: bpy.types.Object, scene: bpy.types.Scene, options: RenderOptions
) -> np.ndarray:
    times = take_times(active_take(head), scene)
    frames = np.arange(options.first, options.last + 1)
    frames = frames[(frames >= np.floor(times[0])) & (frames <= np.ceil(times[-1]))]
    if not len(frames):
        raise InputError(
            "frames.out_of_range",
            f"The scene's frames {options.first} to {options.last} are outside the take, which "
            f"has frames {times[0]:g} to {times[-1]:g}.",
            "Change the scene's frame range.",
        )
    return frames


def _read_performance(
    head: bpy.types.Object, scene: bpy.types.Scene, frames: np.ndarray, options: RenderOptions
) -> Performance:
    times, fps, take = frames.astype(np.float64), scene_fps(scene), active_take(head)
    weights = read_track(head, times, fps, scene).weights
    return Performance(
        motion=read_take_at(head, take, times, fps),
        weights=weights if take.kind == "BAKE" else None,
        views=list(read_cameras(bpy.context, head, frames.tolist()))
        if options.from_scene
        else None,
    )


def _render_missing(
    line: Supervisor,
    cast: tuple[FileBytes | str, FileBytes | None],
    shown: Performance,
    plan: Plan,
    options: RenderOptions,
) -> requests.Waiting[int]:
    """Renders what is not there yet; how many frames that were."""
    runs = begin_frames(plan, reuse=options.reuse)
    try:
        for run in runs:
            shot = requests.Shot(
                subject=cast[0],
                adapter=cast[1],
                look=options.look,
                views=shown.views,
                weights=shown.weights,
                frames=run,
                folder=plan.work,
            )
            yield from requests.render(line, shown.motion, shot)
    except BaseException:  # Esc closes the generator
        leave_frames(plan)
        raise
    return sum(map(len, runs))


def _show(
    head_name: str,
    scene: bpy.types.Scene,
    files: tuple[Path, ...],
    plan: Plan,
    options: RenderOptions,
    rendered: int,
) -> str:
    """The last step, and the only one that changes the scene; what to report of it."""
    has_occlusion = options.from_scene and options.look.is_exr
    show_sequence(scene, Sequence(files=files, first=plan.first, has_occlusion=has_occlusion))
    said = [f"Rendered {rendered} frames into {options.folder}; the compositor shows them."]
    if rendered < len(files):
        said.append(f"{len(files) - rendered} were there already.")
    if options.from_scene:
        said.append(_hide_mesh(named_head(head_name), options.head_mesh))
    view = scene.view_settings.view_transform
    if view not in ("Standard", "Raw"):
        said.append(f"The view transform {view} changes their colours; Standard does not.")
    return " ".join(filter(None, said))


def _hide_mesh(head: bpy.types.Object, choice: str) -> str:
    """Takes the head's own mesh out of the scene's rendering; says how to get it back."""
    if choice == "SHADOW" and head.visible_camera:
        head.visible_camera = False
        return (
            f"{head.name} is hidden from the camera and still casts its shadow "
            "(Object > Visibility > Ray Visibility > Camera)."
        )
    if choice == "HIDDEN" and not head.hide_render:
        head.hide_render = True
        return f"{head.name} is no longer rendered (the camera icon in the Outliner)."
    return ""
