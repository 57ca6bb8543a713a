# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporting the take or bake in use: what its curves say goes into a file of another tool's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...shared import limits
from ...shared.arrays import Float64Array
from ...shared.errors import InputError, not_writable
from ...shared.motion import FLAME_SPACES, Motion, ReadOptions
from ...shared.replacement import replacing
from ...shared.take_files import WRITERS, TakeFile, encode_motion, encode_take
from ...shared.wording import say_count
from ..character.find import is_character
from ..flame.source import ready_head
from ..head.find import Held, hold
from ..link import requests
from ..link.requests import FileBytes, HeadName, Waiting
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.placement import frame_times, grid_of, is_same_rate
from ..motion.playback import why_played
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import active_take, hold_take, read_take_at

_FRACTION = 1e-6
"""Of a frame: rounding."""
_WORDS = {
    "jaw": "the jaw's turn",
    "neck": "the neck's turn",
    "eyes": "the eyes' turn",
    "translation": "the head's place",
    "shape": "the identity",
    "eyelids": "the eyelids",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """form: of `WRITERS`. fps: of the file; None for the take's own."""

    path: Path
    form: str
    fps: float | None = None


def export_steps(head: bpy.types.Object, scene: bpy.types.Scene, options: ExportOptions) -> Steps:
    """Writes the take or bake in use, with its edits. The sidecar is asked only where a take has to
    become ARKit's weights.

    Raises InputError `motion.*`, `export.*`, `file.*`.
    """
    _check_place(options.path)
    return _export(hold(head, scene), options)


def _export(held: Held, options: ExportOptions) -> Steps:
    yield Progress(fraction=0.0, text="Reading the curves")
    head, scene = held.get()
    take = active_take(head)
    kept, label = hold_take(take), take.name
    times, fps = _frames(take, scene, options.fps)
    motion = read_take_at(head, take, times, fps)
    if not WRITERS[options.form].holds(motion.space):
        motion = yield from _as_arkit(head, motion, options)
    file = encode_take(motion, options.form)
    _write(options.path, file)
    head, _ = held.get()
    frames = say_count(len(motion), "frame")
    said = [f"Exported {label} to {options.path.name}: {frames} at {fps:g} fps."]
    if file.left_out:
        lost = ", ".join(_WORDS.get(name, name) for name in file.left_out)
        said.append(f"This format has no place for {lost}.")
    if not is_character(head) and (why := why_played(head, kept.find(head))):
        said.append(f"It holds the take's own curves, without {why}: bake to have that in it.")
    return " ".join(said)


def _frames(
    take: AFFEKT_PG_take, scene: bpy.types.Scene, fps: float | None
) -> tuple[Float64Array, float]:
    """Curve frames (T,) of the file's frames, and their rate: the take's, or as many in a second as
    are wanted, from its first frame on. Raises InputError `motion.too_long`."""
    grid = grid_of(take, scene)
    if fps is None or is_same_rate(fps, grid.fps):
        return grid.times, grid.fps
    count = int((len(grid.rows) - 1) * fps / grid.fps + _FRACTION) + 1
    if count > limits.MAX_FRAMES:
        raise InputError(
            "motion.too_long",
            f"At {fps:g} fps the take has {say_count(count, 'frame')}; at most "
            f"{limits.MAX_FRAMES:,} can be written.",
            "Choose a lower rate.",
        )
    rows = grid.rows.start + np.arange(count, dtype=np.float64) * (grid.fps / fps)
    return frame_times(rows, grid.fps, grid.place), fps


def _as_arkit(head: bpy.types.Object, motion: Motion, options: ExportOptions) -> Waiting[Motion]:
    """The take as ARKit's weights, by the sidecar. Raises InputError `export.needs_flame` for a
    format that holds anything else."""
    if "arkit" not in WRITERS[options.form].spaces:
        raise _needs_flame(head, motion, options.form)
    line = session.need_line()
    named = yield from ready_head(line, head)
    source = FileBytes(name="take.npz", data=encode_motion(motion))
    own = named if motion.space in FLAME_SPACES else HeadName(name="open")
    read = yield from requests.read_take(line, source, None, ReadOptions(), own, "arkit")
    return read.motion


def _needs_flame(head: bpy.types.Object, motion: Motion, form: str) -> InputError:
    has = (
        "FLAME 2020, whose expressions are others"
        if motion.space in FLAME_SPACES
        else "none of FLAME's expressions"
    )
    return InputError(
        "export.needs_flame",
        f"The format {form.upper()} holds FLAME 2023's expressions, and the takes of "
        f"'{head.name}' have {has}.",
        "Add a head from your FLAME 2023 file (Add > Mesh > FLAME Head), import the take onto "
        "that, and export from there; or choose ARKit JSON or Live Link.",
    )


def _check_place(path: Path) -> None:
    """Raises InputError `file.place` before anything is read."""
    if not path.name or path.is_dir():
        raise InputError(
            "file.place", "No file was named to export to.", "Give it a name in a folder."
        )
    if not path.parent.is_dir():
        raise InputError(
            "file.place",
            f"There is no folder {path.parent}.",
            "Make it, or choose another place for the file.",
        )


def _write(path: Path, file: TakeFile) -> None:
    try:
        with replacing(path) as partial:
            partial.write_bytes(file.data)
    except OSError as error:
        raise not_writable(path, error) from error
