# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing a take: the sidecar reads the file, we write the Action."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import Motion, ReadOptions
from .. import compat
from ..head.find import named_head
from ..link import requests
from ..link.requests import FileBytes
from ..link.session import session
from ..link.tasks import Steps
from .curves import scene_fps
from .properties import AFFEKT_PG_take
from .takes import add_take, take_times


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the file browser asks. adapter: a file, or None for takes in the open space or ARKit's.
    sets_range: whether the scene's frame range becomes the take's."""

    take: Path
    adapter: Path | None
    first_frame: int
    sets_range: bool
    with_sound: bool


def import_steps(head_name: str, scene_name: str, options: ImportOptions) -> Steps:
    """Reads the take through the sidecar and puts it on the head as a new, used Action."""
    line = session.need_line()
    take_file = read_file(options.take, limits.MAX_MOTION_BYTES)
    adapter_file = None
    if options.adapter is not None:
        adapter_file = read_file(options.adapter, limits.MAX_MOTION_BYTES)
    read = yield from requests.read_take(line, take_file, adapter_file, ReadOptions())
    motion = read.motion
    head, scene = named_head(head_name), bpy.data.scenes[scene_name]
    take = add_take(
        head, motion, name=options.take.stem, first_frame=options.first_frame, scene=scene
    )
    return " ".join([*_describe(take, motion, scene, options), *read.notes])


def _describe(
    take: AFFEKT_PG_take, motion: Motion, scene: bpy.types.Scene, options: ImportOptions
) -> list[str]:
    """Applies the options to the scene, and returns sentences on what the import did."""
    last = math.ceil(take_times(take, scene)[-1])
    said = [f"Imported {take.name}: {take.frames} frames at {take.fps:g} fps."]
    if not math.isclose(take.fps, scene_fps(scene), rel_tol=1e-3):
        said.append(f"The scene runs at {scene_fps(scene):g} fps: its keys were placed by time.")
    if options.sets_range:
        scene.frame_start, scene.frame_end = options.first_frame, last
    elif last > scene.frame_end:
        said.append(f"It ends at frame {last}, after the scene does.")
    if motion.shape.any():
        said.append("The take's own identity was left out: the head keeps its shape.")
    if options.with_sound and (sound := find_sound(options.take)) is not None:
        said.append(_add_sound(sound, scene, options.first_frame))
    return said


def _add_sound(sound: Path, scene: bpy.types.Scene, first_frame: int) -> str:
    """Puts the sound into the sequencer and says so, or why not: the take is there either way."""
    try:
        compat.sound_strips(scene).new_sound(
            name=sound.stem, filepath=str(sound), channel=1, frame_start=first_frame
        )
    except RuntimeError as error:
        return f"Its sound {sound.name} was left out: {str(error).removeprefix('Error: ').strip()}."
    return f"Its sound {sound.name} lies in the sequencer."


def find_sound(take: Path) -> Path | None:
    """The sound that lies beside a take: of the same name, or the folder's only one."""
    same = take.with_suffix(".wav")
    if same.is_file():
        return same
    sounds = sorted(take.parent.glob("*.wav"))
    return sounds[0] if len(sounds) == 1 else None


def read_file(path: Path, largest: int) -> FileBytes:
    """The file's bytes and name. Raises InputError `file.*`."""
    if not path.is_file():
        raise InputError("file.missing", f"There is no file at {path}.", "Choose another file.")
    if path.stat().st_size > largest:
        raise InputError(
            "file.too_large",
            f"{path.name} is too large for what it should be.",
            "Choose another file.",
        )
    try:
        return FileBytes(name=path.name, data=path.read_bytes())
    except OSError as error:
        raise InputError(
            "file.unreadable",
            f"{path.name} cannot be read: {error.strerror}.",
            "Check who may read it.",
        ) from error
