# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing a take: the sidecar reads the file, we write the Action."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ...shared import limits
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, Motion, ReadOptions, TakeRead, TakeSpace
from ...shared.wording import say_count
from .. import compat
from ..character.find import is_character
from ..flame.source import ready_head
from ..head.find import Held, expression_names, hold, is_flame, need_movable
from ..head.identity import wear_identity
from ..link import requests
from ..link.requests import FileBytes, HeadName, Waiting
from ..link.session import session
from ..link.tasks import Steps
from ..preferences import remember_adapter, remembered_adapter
from ..splats.cloud import clouds_of
from .files import name_of, numbered_files, pack, read_file, read_source
from .placement import Placement, curve_fps, describe_end, is_same_rate, last_frame, stretch
from .properties import AFFEKT_PG_take
from .takes import add_take, space_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the file browser asks. take: a file or folder. adapter: a file, or None for takes in
    the open space or ARKit's. sets_range: whether the scene's frame range becomes the take's.
    with_identity: whether a head on FLAME takes over the take's identity. reading: what is said by
    hand of the file."""

    take: Path
    adapter: Path | None
    first_frame: int
    sets_range: bool
    with_sound: bool
    with_identity: bool
    reading: ReadOptions


def import_steps(head: bpy.types.Object, scene: bpy.types.Scene, options: ImportOptions) -> Steps:
    """Reads the take through the sidecar and puts it on the head as a new, used Action."""
    need_movable(head)
    return _import(hold(head, scene), options, space_of(head))


def _import(held: Held, options: ImportOptions, space: TakeSpace) -> Steps:
    line = session.need_line()
    named = yield from ready_head(line, held.get()[0])
    options, read = yield from _read_by_any_adapter(options, named, space)
    motion, model = read.motion, None
    keeps_shape = bool(clouds_of(held.get()[0]))  # splats are one person's
    if named.space is not None and options.with_identity and motion.shape.any() and not keeps_shape:
        model = yield from requests.fetch_flame_again(line, named)
    head, scene = held.get()
    place = Placement(first=options.first_frame * stretch(scene), fps=curve_fps(scene))
    name = name_of(options.take)
    if model is not None:
        wear_identity(head, model, motion.shape, bpy.context)
    take = add_take(head, motion, name=name, place=place)
    notes = [*read.notes, *_left_out(head, motion)]
    take.notes = "\n".join(notes)
    said = _describe(take, motion, scene, options)
    if motion.shape.any():
        said.append(_say_identity(worn=model is not None))
    return " ".join([*said, *notes])


def _say_identity(*, worn: bool) -> str:
    if worn:
        return "The head took the take's identity."
    return "The take's own identity was left out: the head keeps its shape."


def _left_out(head: bpy.types.Object, motion: Motion) -> list[str]:
    """Sentences on what the take has and the head has not."""
    # A character's own notes say which of ARKit's shapes it lacks.
    known = len(ARKIT_NAMES) if is_character(head) else len(expression_names(head))
    notes: list[str] = []
    if motion.expression[:, known:].any():
        notes.append(
            f"The take's expressions from {known + 1} on were left out: the head has {known}."
        )
    if is_flame(head) and motion.eyelids is not None and motion.eyelids.any():
        notes.append("The take's eyelids were left out: FLAME has no shapes for them.")
    return notes


def _read_by_any_adapter(
    options: ImportOptions, head: HeadName, space: TakeSpace
) -> Waiting[tuple[ImportOptions, TakeRead]]:
    """Reads the take. One that needs an adapter and was given none is read by the adapter that the
    last such take had."""
    if options.adapter is not None:
        adapter = read_file(options.adapter, limits.MAX_MOTION_BYTES)
        read = yield from _read(options, adapter, head, space)
        remember_adapter(options.adapter)
        return read
    try:
        return (yield from _read(options, None, head, space))
    except InputError as error:
        kept = remembered_adapter()
        if error.code != "space.no_adapter" or kept is None:
            raise
    adapter = read_file(kept, limits.MAX_MOTION_BYTES)
    options, read = yield from _read(options, adapter, head, space)
    note = f"Read by the adapter {kept.name}, as the take before."
    return options, replace(read, notes=(note, *read.notes))


def _read(
    options: ImportOptions, adapter: FileBytes | None, head: HeadName, space: TakeSpace
) -> Waiting[tuple[ImportOptions, TakeRead]]:
    """Reads the take through the sidecar. Of a file that holds one frame, all are read that are
    numbered like it; the folder is then the take that was chosen."""
    line, chosen, reading = session.need_line(), options.take, options.reading
    source = read_source(chosen)
    read = yield from requests.read_take(line, source, adapter, reading, head, space)
    if len(read.motion) > 1 or chosen.is_dir() or len(files := numbered_files(chosen)) == 1:
        return options, read
    packed = pack(chosen.parent, files)
    read = yield from requests.read_take(line, packed, adapter, reading, head, space)
    note = f"{chosen.name} is one frame of {len(files)}: all were imported."
    read = replace(read, notes=(note, *read.notes))
    return replace(options, take=chosen.parent), read


def _describe(
    take: AFFEKT_PG_take, motion: Motion, scene: bpy.types.Scene, options: ImportOptions
) -> list[str]:
    """Applies the options to the scene, and returns sentences on what the import did."""
    said = [f"Imported {take.name}: {say_count(take.frames, 'frame')} at {take.fps:g} fps."]
    if not is_same_rate(take.fps, curve_fps(scene)):
        said.append(f"The scene runs at {curve_fps(scene):.5g} fps: its keys were placed by time.")
    if options.sets_range:
        scene.frame_start, scene.frame_end = options.first_frame, last_frame(take, scene)
    elif late := describe_end(take, scene):
        said.append(late)
    if options.with_sound and (sound := find_sound(options.take)) is not None:
        said.append(_add_sound(sound, scene, options.first_frame))
    return said


def _add_sound(sound: Path, scene: bpy.types.Scene, first_frame: int) -> str:
    """Puts the sound into the sequencer and says so, or why not: the take is there either way."""
    strips = compat.sound_strips(scene)
    if any(_plays(strip, sound, first_frame) for strip in strips):
        return f"Its sound {sound.name} lies in the sequencer already."
    channel = 1 + max((strip.channel for strip in strips), default=0)
    try:
        strip = strips.new_sound(
            name=sound.stem, filepath=str(sound), channel=channel, frame_start=first_frame
        )
    except RuntimeError as error:
        return f"Its sound {sound.name} was left out: {str(error).removeprefix('Error: ').strip()}."
    if strip.sound.channels == "INVALID":  # of a damaged file Blender makes a strip without a word
        empty = strip.sound
        strips.remove(strip)
        bpy.data.sounds.remove(empty)
        return f"Its sound {sound.name} was left out: Blender cannot play it."
    return f"Its sound {sound.name} lies in the sequencer."


def _plays(strip: bpy.types.Strip, sound: Path, first_frame: int) -> bool:
    """Whether a strip of the sequencer is this sound from this frame on."""
    if strip.type != "SOUND" or strip.sound is None:
        return False
    return strip.frame_start == first_frame and (
        Path(bpy.path.abspath(strip.sound.filepath)) == sound
    )


def find_sound(take: Path) -> Path | None:
    """The sound that lies beside a take, or in its folder: of the same name, or the only one."""
    is_folder = take.is_dir()
    same = take.with_name(f"{take.name if is_folder else take.stem}.wav")
    if same.is_file():
        return same
    sounds = sorted((take if is_folder else take.parent).glob("*.wav"))
    return sounds[0] if len(sounds) == 1 else None
