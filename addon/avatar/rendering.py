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
from ...shared.arrays import IndexArray
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
from ..head.find import Held, heads_among, hold, is_flame
from ..link import requests
from ..link.requests import FileBytes, HeadName
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.files import read_file
from ..motion.placement import scene_fps, stretch, take_times
from ..motion.takes import active_take, read_take_at
from .compositor import Sequence, find_nodes, show_sequence
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
    mesh. reuse: whether pictures that are there may stay. frames: of the scene. is_part: whether
    pictures of the scene's other frames stay."""

    avatar: Path | None
    adapter: Path | None
    as_gaussians: bool
    from_scene: bool
    pictures: PictureRequest
    folder: Path
    head_mesh: str
    reuse: bool
    frames: range
    is_part: bool


def read_settings(head: bpy.types.Object, scene: bpy.types.Scene) -> AvatarSettings:
    """What the panel says. Raises InputError `option.avatar`, `option.folder`, `option.camera`."""
    chosen = head.affekt_avatar
    avatar, adapter = chosen_files(head)
    if chosen.camera == "SCENE" and scene.camera is None:
        raise InputError(
            "option.camera", "The scene has no camera.", "Add one, or render the portrait."
        )
    is_part = chosen.frame_range == "CURRENT"
    whole = range(scene.frame_start, scene.frame_end + 1, scene.frame_step)
    return AvatarSettings(
        avatar=avatar,
        adapter=adapter,
        as_gaussians=chosen.subject == "GAUSSIANS",
        from_scene=chosen.camera == "SCENE",
        pictures=_pictures(chosen),
        folder=_own_folder(head),
        head_mesh=chosen.head_mesh,
        reuse=chosen.reuse,
        frames=range(scene.frame_current, scene.frame_current + 1) if is_part else whole,
        is_part=is_part,
    )


def chosen_files(head: bpy.types.Object) -> tuple[Path | None, Path | None]:
    """The avatar's file that the panel says, and its adapter's; None for what it does not say.
    Raises InputError `option.avatar` where the file is missing."""
    chosen = head.affekt_avatar
    if chosen.subject != "FILE":
        return None, None
    if not chosen.file:
        raise InputError(
            "option.avatar", "No avatar is chosen.", "Choose one in the panel's Avatar section."
        )
    adapter = Path(bpy.path.abspath(chosen.adapter)) if chosen.adapter else None
    return Path(bpy.path.abspath(chosen.file)), adapter


def _own_folder(head: bpy.types.Object) -> Path:
    """The folder of the head's pictures. Raises InputError `option.folder` for one beside a file
    that is not saved, and for one of another head, whose pictures would be replaced."""
    folder = folder_of(head)
    if folder is None:
        raise InputError(
            "option.folder",
            "The pictures should go beside the blend file, which is not saved yet.",
            "Save the blend file, or choose another folder.",
        )
    for other in heads_among(bpy.data.objects):
        if other != head and _shows(other, folder):
            raise InputError(
                "option.folder",
                f"{folder} has the pictures of {other.name}, which would be replaced.",
                "Choose another folder, such as //affekt_render/{head}/.",
            )
    return folder


def folder_of(head: bpy.types.Object) -> Path | None:
    """The folder that the head's settings name; None if the file it lies beside is not saved."""
    chosen = head.affekt_avatar.folder
    if chosen.startswith("//") and not bpy.data.filepath:
        return None
    name = bpy.path.clean_name(head.name)
    return Path(os.path.normpath(bpy.path.abspath(chosen.replace("{head}", name))))


def _shows(head: bpy.types.Object, folder: Path) -> bool:
    """Whether a compositor shows pictures of the head that lie in the folder."""
    nodes = (node for scene in bpy.data.scenes for node in find_nodes(scene, head))
    images = filter(None, (getattr(node, "image", None) for node in nodes))
    places = (os.path.normpath(bpy.path.abspath(image.filepath)) for image in images)
    return any(Path(place).parent == folder for place in places)


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
        codec=chosen.codec.lower(),
        antialiased=chosen.antialiased,
        follow=None if chosen.follow == "AUTO" else chosen.follow.lower(),
    )


def render_steps(head: bpy.types.Object, scene: bpy.types.Scene, settings: AvatarSettings) -> Steps:
    """Renders the wanted frames that the take in use covers, one picture a frame, and brings
    them into the compositor. The folder gets them only once all are there; until then they wait
    inside it for the next try."""
    return _render(hold(head, scene), settings)


def _render(held: Held, settings: AvatarSettings) -> Steps:
    line = session.need_line()
    head, scene = held.get()
    subject = _subject(head, settings)
    adapter = None if settings.adapter is None else read_adapter(settings.adapter)
    named = yield from ready_head(line, head)
    yield Progress(fraction=0.0, text="Reading the curves")
    head, scene = held.get()
    frames, wanted = _covered_frames(head, scene, settings)
    motion, pictures = _read_performance(head, scene, frames, settings)
    recipes = PictureRecipes(_fingerprint(line.version, subject, adapter, named), motion, pictures)
    plan = Plan(
        folder=settings.folder,
        suffix=pictures.suffix,
        first=int(frames[0]),
        recipes={int(index): recipes.of_frame(int(index)) for index in wanted},
        keeps_others=settings.is_part,
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
    return name_drawn(head, as_gaussians=settings.as_gaussians)


def name_drawn(head: bpy.types.Object, *, as_gaussians: bool) -> str:
    """What the sidecar calls the head itself, as it is to be drawn. Raises InputError
    `option.avatar` if it cannot draw it so."""
    if is_character(head):
        raise InputError(
            "option.avatar",
            f"'{head.name}' is a character of your own, which Blender itself renders.",
            "Choose an avatar's file to be moved by its take, or render with F12.",
        )
    name = head.affekt_head.model
    if as_gaussians and is_flame(head):
        raise InputError(
            "option.avatar",
            "A FLAME head cannot be drawn as Gaussians: only the open head has any.",
            "Choose the head itself, or an avatar's file.",
        )
    return GAUSSIANS_OF_HEAD.format(name) if as_gaussians else name


def read_avatar(path: Path) -> FileBytes:
    """The avatar's file; of one that lies in several, such as LAM's bundle unzipped, the zip of
    all. path: the file, one of several, or their folder. Raises InputError `file.*`."""
    folder = path if os.path.isdir(path) else whole_of(path)  # False where one may not look
    if folder is None:
        return read_file(path, limits.MAX_AVATAR_BYTES)
    return FileBytes(name=folder.resolve().name, data=pack_folder(folder))


def read_adapter(path: Path) -> FileBytes:
    """The adapter's file. Raises InputError `file.*`."""
    return read_file(path, _ADAPTER_BYTES)


def _fingerprint(
    version: str, subject: FileBytes | str, adapter: FileBytes | None, head: HeadName
) -> str:
    """A fingerprint of what is drawn, and of the sidecar's version, which may draw otherwise."""
    given = (subject, adapter) if head.space is None else (subject, adapter, head.name)
    names = [hashlib.sha256(f.data).hexdigest() if isinstance(f, FileBytes) else f for f in given]
    return fingerprint(version, names)


def _covered_frames(
    head: bpy.types.Object, scene: bpy.types.Scene, settings: AvatarSettings
) -> tuple[IndexArray, IndexArray]:
    """The scene's frames that are read, one after another, with a neighbour on either side for the
    motion vectors of the first and the last; and the indices among them of those to render."""
    times = take_times(active_take(head), scene) / stretch(scene)
    first, last = int(np.floor(times[0])), int(np.ceil(times[-1]))
    wanted = np.array([frame for frame in settings.frames if first <= frame <= last], np.intp)
    if not len(wanted):
        said = f"frames {settings.frames[0]} to {settings.frames[-1]} are"
        if len(settings.frames) == 1:
            said = f"frame {settings.frames[0]} is"
        raise InputError(
            "frames.out_of_range",
            f"The scene's {said} outside the take, which has frames {times[0]:g} to {times[-1]:g}.",
            "Change the scene's frame range, or go to a frame of the take.",
        )
    reach = 1 if settings.is_part else 0
    begin, end = max(int(wanted[0]) - reach, first), min(int(wanted[-1]) + reach, last)
    return np.arange(begin, end + 1), wanted - begin


def _read_performance(
    head: bpy.types.Object, scene: bpy.types.Scene, frames: np.ndarray, settings: AvatarSettings
) -> tuple[Motion, PictureRequest]:
    """The motion at the scene's frames, and the panel's request with the scene's cameras; an
    avatar's skin has the curve of the slider Appearance and folds as the baked emotions do as far
    as they are shown; an EXR notes them as they are keyed."""
    times, fps, take = frames * stretch(scene), scene_fps(scene), active_take(head)
    pictures = settings.pictures
    has_skin = settings.avatar is not None or settings.as_gaussians
    is_bake = take.kind == "BAKE"
    notes_emotions = is_bake and pictures.format == "exr"
    if has_skin or notes_emotions:
        track = read_track(head, times, fps, scene)
        pictures = replace(
            pictures,
            appearance=track.appearance if has_skin else None,
            weights=track.weights if notes_emotions else None,
            skin_emotions=track.shown_weights() if is_bake and has_skin else None,
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
    show_sequence(scene, Sequence(head=head, files=files, has_occlusion=has_occlusion))
    said = [
        f"Rendered {say_count(rendered, 'frame')} into {settings.folder}; the compositor shows "
        "them."
    ]
    if rendered < len(plan.recipes):
        said.append(f"{len(plan.recipes) - rendered} were there already.")
    if settings.from_scene:
        said.append(_hide_mesh(head, settings.head_mesh))
    said.append(_explain_colours(head, scene))
    return " ".join(filter(None, said))


def _explain_colours(head: bpy.types.Object, scene: bpy.types.Scene) -> str:
    """What the view transform does to the pictures, said once for each head."""
    view = scene.view_settings.view_transform
    if view in ("Standard", "Raw") or head.affekt_avatar.is_explained:
        return ""
    head.affekt_avatar.is_explained = True
    return f"The view transform {view} changes their colours; Standard does not."


def _hide_mesh(head: bpy.types.Object, choice: str) -> str:
    """Takes the head's own meshes out of the scene's rendering; says how to get them back."""
    meshes = meshes_of(head)
    what = head.name if len(meshes) == 1 else f"{head.name} with its other meshes"
    if choice == "SHADOW" and any(mesh.visible_camera for mesh in meshes):
        for mesh in meshes:
            mesh.visible_camera = False
        return (
            f"{what} is hidden from the camera and still casts its shadow "
            "(Show Head Mesh brings it back)."
        )
    if choice == "HIDDEN" and not all(mesh.hide_render for mesh in meshes):
        for mesh in meshes:
            mesh.hide_render = True
        return f"{what} is no longer rendered (Show Head Mesh brings it back)."
    return ""


def is_mesh_hidden(head: bpy.types.Object) -> bool:
    """Whether renderings do not show one of the head's own meshes."""
    return any(mesh.hide_render or not mesh.visible_camera for mesh in meshes_of(head))


def show_mesh(head: bpy.types.Object) -> None:
    """Brings the head's own meshes back into the scene's rendering, and leaves them there when the
    avatar is rendered again."""
    for mesh in meshes_of(head):
        mesh.hide_render, mesh.visible_camera = False, True
    head.affekt_avatar.head_mesh = "KEEP"
