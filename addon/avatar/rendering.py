# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering an avatar with what the head's Action says, frame by frame of the scene."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ..head.find import named_head
from ..link import requests
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.curves import scene_fps
from ..motion.importing import read_file
from ..motion.takes import active_take, read_take_at, take_times
from .compositor import show_sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """avatar: the file. folder: where the pictures go. size: pixels an edge. first, last: scene
    frames."""

    avatar: Path
    folder: Path
    size: int
    first: int
    last: int


def render_options(scene: bpy.types.Scene) -> RenderOptions:
    """What the panel says. Raises InputError `option.avatar`, `option.folder`."""
    chosen = scene.affekt_avatar
    if not chosen.file:
        raise InputError(
            "option.avatar", "No avatar is chosen.", "Choose one in the panel's Avatar section."
        )
    if chosen.folder.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "option.folder",
            "The pictures should go beside the blend file, which is not saved yet.",
            "Save the blend file, or choose another folder.",
        )
    return RenderOptions(
        avatar=Path(bpy.path.abspath(chosen.file)), folder=Path(bpy.path.abspath(chosen.folder)),
        size=chosen.size, first=scene.frame_start, last=scene.frame_end,
    )  # fmt: skip


def render_steps(head_name: str, scene_name: str, options: RenderOptions) -> Steps:
    """Renders the scene's frames that the take in use covers, one picture a frame, and brings
    them into the compositor. The folder gets them only once all are there."""
    client = session.need_client()
    avatar = read_file(options.avatar, limits.MAX_AVATAR_BYTES)
    head, scene = named_head(head_name), bpy.data.scenes[scene_name]
    yield Progress(fraction=0.0, text="Reading the curves")
    frames = _covered_frames(head, scene, options)
    motion = read_take_at(head, active_take(head), frames.astype(np.float64), scene_fps(scene))
    first = int(frames[0])
    options.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=options.folder.parent, prefix=".affekt_", ignore_cleanup_errors=True
    ) as partial:
        picture = requests.Picture(size=options.size, folder=Path(partial))
        pictures = yield from requests.render(client, motion, avatar, picture)
        files = _move_pictures(pictures, options.folder, first)
    scene = bpy.data.scenes[scene_name]
    show_sequence(scene, files, first)
    said = f"Rendered {len(files)} frames into {options.folder}; the compositor shows them."
    view = scene.view_settings.view_transform
    if view not in ("Standard", "Raw"):
        said += f" The view transform {view} changes their colours; Standard does not."
    return said


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


def _move_pictures(pictures: tuple[Path, ...], folder: Path, first: int) -> list[Path]:
    """Puts the pictures, numbered by scene frame from `first`, in the place of an earlier
    rendering's; other files in the folder stay."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("avatar_*.png"):
        old.unlink()
    moved = [folder / f"avatar_{first + number:06d}.png" for number in range(len(pictures))]
    for picture, path in zip(pictures, moved, strict=True):
        os.replace(picture, path)
    return moved
