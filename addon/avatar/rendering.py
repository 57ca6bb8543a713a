# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders an avatar with the head's motion, one picture for each frame of the scene."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from ...shared import limits
from ...shared.avatar_files import pack_folder, stands_still, whole_of
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.motion import Motion
from ...shared.pictures import PASSES, PictureRequest
from ...shared.recipes import PictureRecipes
from ...shared.wording import say_count
from ..camera import read_cameras
from ..character.find import is_character, meshes_of
from ..emotion.sample import read_track
from ..flame.source import ready_head
from ..head.find import Held, hold, is_flame
from ..link import requests
from ..link.requests import FileBytes, HeadName
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.files import read_file
from ..motion.placement import scene_fps, stretch, take_times
from ..motion.takes import active_take, read_take_at
from .compositor import Sequence, show_sequence
from .frames import Plan, begin_frames, finish_frames, leave_frames

_ADAPTER_BYTES = limits.ARTEFACT_BYTES["adapter"]
GAUSSIANS_OF_HEAD = "{}-gaussians"
"""The name in the sidecar of a head as Gaussians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarSettings:
    """What the panel says. avatar: the file, or None for the head itself. adapter: between the
    open head and the avatar's space, or None where they are one. as_gaussians: whether the head is
    drawn as its Gaussians. from_scene: whether the scene's camera is used. pictures: without
    frames, cameras and emotions. folder: where the pictures go. head_mesh: what becomes of the
    mesh. reuse: whether pictures that are there may stay. first, last: scene frames."""

    avatar: Path | None
    adapter: Path | None
    as_gaussians: bool
    from_scene: bool
    pictures: PictureRequest
    folder: Path
    head_mesh: str
    reuse: bool
    first: int
    last: int


def read_settings(scene: bpy.types.Scene) -> AvatarSettings:
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
    return AvatarSettings(
        avatar=Path(bpy.path.abspath(chosen.file)) if from_file else None,
        adapter=Path(bpy.path.abspath(chosen.adapter)) if from_file and chosen.adapter else None,
        as_gaussians=chosen.subject == "GAUSSIANS",
        from_scene=chosen.camera == "SCENE",
        pictures=_pictures(chosen),
        folder=Path(bpy.path.abspath(chosen.folder)),
        head_mesh=chosen.head_mesh,
        reuse=chosen.reuse,
        first=scene.frame_start,
        last=scene.frame_end,
    )


def _pictures(chosen: bpy.types.PropertyGroup) -> PictureRequest:
    """The request that the panel makes; an EXR always has colour and depth."""
    is_exr = chosen.format == "EXR"
    wanted = {"combined", "depth", *chosen.passes} if is_exr else {"combined"}
    size = 512 if chosen.camera == "SCENE" else chosen.size  # the scene says its own later
    return PictureRequest(
        width=size,
        height=size,
        passes=tuple(name for name in PASSES if name in wanted),
        format="exr" if is_exr else "png",
        half=chosen.depth == "HALF",
        antialiased=chosen.antialiased,
        follow=None if chosen.follow == "AUTO" else chosen.follow.lower(),
    )


def render_steps(head: bpy.types.Object, scene: bpy.types.Scene, settings: AvatarSettings) -> Steps:
    """Renders the scene's frames that the take in use covers, one picture a frame, and brings
    them into the compositor. The folder gets them only once all are there; until then they wait
    inside it for the next try."""
    return _render(hold(head, scene), settings)


def _render(held: Held, settings: AvatarSettings) -> Steps:
    line = session.need_line()
    head, scene = held.get()
    subject = _subject(head, settings)
    adapter = None if settings.adapter is None else read_file(settings.adapter, _ADAPTER_BYTES)
    named = yield from ready_head(line, head)
    yield Progress(fraction=0.0, text="Reading the curves")
    head, scene = held.get()
    frames = _covered_frames(head, scene, settings)
    motion, pictures = _read_performance(head, scene, frames, settings)
    recipes = PictureRecipes(_fingerprint(line.version, subject, adapter, named), motion, pictures)
    plan = Plan(
        folder=settings.folder,
        suffix=pictures.suffix,
        first=int(frames[0]),
        recipes=tuple(map(recipes.of_frame, range(len(motion)))),
    )
    runs = begin_frames(plan, reuse=settings.reuse)
    try:
        for run in runs:
            some = replace(pictures, frames=run)
            yield from requests.render(line, subject, adapter, motion, some, plan.work, named)
    except BaseException:  # Esc closes the generator
        leave_frames(plan)
        raise
    files, rendered = finish_frames(plan), sum(map(len, runs))
    head, scene = held.get()
    said = _show(head, scene, files, plan, settings, rendered)
    if isinstance(subject, FileBytes) and stands_still(subject.data):
        said += f" {subject.name} stands still: it has no face that a take could move."
    return said


def _subject(head: bpy.types.Object, settings: AvatarSettings) -> FileBytes | str:
    if settings.avatar is not None:
        return read_avatar(settings.avatar)
    if is_character(head):
        raise InputError(
            "option.avatar",
            f"'{head.name}' is a character of your own, which Blender itself renders.",
            "Choose an avatar's file to be moved by its take, or render with F12.",
        )
    name = head.affekt_head.model
    if settings.as_gaussians and is_flame(head):
        raise InputError(
            "option.avatar",
            "A FLAME head cannot be drawn as Gaussians: only the open head has any.",
            "Choose the head itself, or an avatar's file.",
        )
    return GAUSSIANS_OF_HEAD.format(name) if settings.as_gaussians else name


def read_avatar(path: Path) -> FileBytes:
    """The avatar's file; of one that lies in several, such as LAM's bundle unzipped, the zip of
    all. path: the file, one of several, or their folder. Raises InputError `file.*`."""
    folder = path if os.path.isdir(path) else whole_of(path)  # False where one may not look
    if folder is None:
        return read_file(path, limits.MAX_AVATAR_BYTES)
    return FileBytes(name=folder.resolve().name, data=pack_folder(folder))


def _fingerprint(
    version: str, subject: FileBytes | str, adapter: FileBytes | None, head: HeadName
) -> str:
    """A fingerprint of what is drawn, and of the sidecar's version, which may draw otherwise."""
    given = (subject, adapter) if head.space is None else (subject, adapter, head.name)
    names = [hashlib.sha256(f.data).hexdigest() if isinstance(f, FileBytes) else f for f in given]
    return fingerprint(version, names)


def _covered_frames(
    head: bpy.types.Object, scene: bpy.types.Scene, settings: AvatarSettings
) -> np.ndarray:
    times = take_times(active_take(head), scene) / stretch(scene)
    frames = np.arange(settings.first, settings.last + 1)
    frames = frames[(frames >= np.floor(times[0])) & (frames <= np.ceil(times[-1]))]
    if not len(frames):
        raise InputError(
            "frames.out_of_range",
            f"The scene's frames {settings.first} to {settings.last} are outside the take, which "
            f"has frames {times[0]:g} to {times[-1]:g}.",
            "Change the scene's frame range.",
        )
    return frames


def _read_performance(
    head: bpy.types.Object, scene: bpy.types.Scene, frames: np.ndarray, settings: AvatarSettings
) -> tuple[Motion, PictureRequest]:
    """The motion at the scene's frames, and the panel's request with the scene's cameras; an
    avatar's skin has the curve of the slider Appearance, and an EXR also notes the emotions that
    were baked."""
    times, fps, take = frames * stretch(scene), scene_fps(scene), active_take(head)
    pictures = settings.pictures
    has_skin = settings.avatar is not None or settings.as_gaussians
    notes_emotions = take.kind == "BAKE" and pictures.format == "exr"
    if has_skin or notes_emotions:
        track = read_track(head, times, fps, scene)
        pictures = replace(
            pictures,
            appearance=track.appearance if has_skin else None,
            weights=track.weights if notes_emotions else None,
        )
    motion = read_take_at(head, take, times, fps)
    if settings.from_scene:
        views = list(read_cameras(bpy.context, head, frames.tolist()))
        pictures = replace(
            pictures,
            cameras=tuple(view.camera for view in views),
            world_from_head=np.stack([view.world_from_head for view in views]),
        )
    return motion, pictures


def _show(
    head: bpy.types.Object,
    scene: bpy.types.Scene,
    files: tuple[Path, ...],
    plan: Plan,
    settings: AvatarSettings,
    rendered: int,
) -> str:
    """Shows the files in the scene, which no earlier step changes; returns the report."""
    has_occlusion = settings.from_scene and settings.pictures.format == "exr"
    show_sequence(scene, Sequence(files=files, first=plan.first, has_occlusion=has_occlusion))
    said = [
        f"Rendered {say_count(rendered, 'frame')} into {settings.folder}; the compositor shows "
        "them."
    ]
    if rendered < len(files):
        said.append(f"{len(files) - rendered} were there already.")
    if settings.from_scene:
        said.append(_hide_mesh(head, settings.head_mesh))
    view = scene.view_settings.view_transform
    if view not in ("Standard", "Raw"):
        said.append(f"The view transform {view} changes their colours; Standard does not.")
    return " ".join(filter(None, said))


def _hide_mesh(head: bpy.types.Object, choice: str) -> str:
    """Takes the head's own meshes out of the scene's rendering; says how to get them back."""
    meshes = meshes_of(head)
    what = head.name if len(meshes) == 1 else f"{head.name} with its other meshes"
    if choice == "SHADOW" and any(mesh.visible_camera for mesh in meshes):
        for mesh in meshes:
            mesh.visible_camera = False
        return (
            f"{what} is hidden from the camera and still casts its shadow "
            "(Object > Visibility > Ray Visibility > Camera)."
        )
    if choice == "HIDDEN" and not all(mesh.hide_render for mesh in meshes):
        for mesh in meshes:
            mesh.hide_render = True
        return f"{what} is no longer rendered (the camera icon in the Outliner)."
    return ""
