# SPDX-License-Identifier: GPL-3.0-or-later
"""*Add to Batch*: this head, this take and these settings as a row of a sheet, which `affekt batch`
makes later, here or on a farm. The row's files (take, emotions, camera) lie in a new folder beside
the sheet, in SHEET_files, so that nothing of another row is ever replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import bpy
import numpy as np

from ...shared.avatar_files import whole_of
from ...shared.batch_sheet import DRAWN, append_row, out_key, read_csv
from ...shared.errors import InputError, not_writable
from ...shared.pictures import PASSES
from ...shared.replacement import try_writing
from ...shared.take_files import encode_motion
from ...shared.wording import say_count
from ..avatar.rendering import chosen_files, name_drawn
from ..bake.options import BakeOptions
from ..bake.reading import Performance, read_steps
from ..browsing import chosen_path
from ..camera import read_cameras
from ..compat import sound_strips
from ..emotion.exchange import encode_emotions
from ..head.find import hold, is_flame
from ..link.tasks import Progress, Steps
from ..motion.placement import stretch
from ..motion.takes import hold_take, source_take
from .camera_file import encode_cameras

LABEL = "Add to Batch"
_ENDING = ".csv"
_LONGEST = 80
"""Letters of a row's name before its number: some disks take 255 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOptions:
    """sheet: where the row goes. outputs: of `shared.batch_sheet`. character: the file of its own,
    or "". bake: which frames of the take."""

    sheet: Path
    outputs: tuple[str, ...]
    character: str
    bake: BakeOptions


def chosen_sheet(text: str) -> Path:
    """The sheet's path. Raises InputError `file.place` for one beside a file that is not saved, or
    of another kind."""
    if text.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "file.place",
            "The sheet should lie beside the blend file, which is not saved yet.",
            "Save the blend file, or choose another place for the sheet.",
        )
    path = chosen_path(text) if text else Path()
    if not path.name or path.is_dir():
        raise InputError(
            "file.place", "No file was named for the sheet.", "Give it a name in a folder."
        )
    if path.suffix.lower() in ("", _ENDING):
        return path.with_suffix(path.suffix or _ENDING)
    raise InputError(
        "file.place",
        f"A row is added to a table in CSV, and {path.name} ends otherwise.",
        f"Choose a file that ends in {_ENDING}.",
    )


def add_row_steps(head: bpy.types.Object, context: bpy.types.Context, options: RowOptions) -> Steps:
    """Appends the row, and writes its files beside the sheet. No sidecar is needed.

    Raises InputError `file.*`, `batch.*`, `option.avatar`, `camera.*`, `bake.*`, `motion.*`.
    """
    held, source = hold(head, context.scene), hold_take(source_take(head))
    taken = _check_sheet(options.sheet)
    if not options.outputs:
        raise InputError("batch.cell", "No output is chosen.", "Choose some in the panel's Batch.")
    cells = _settings(head, options)
    yield Progress(fraction=0.0, text="Reading the curves")
    read = yield from read_steps(held, source, options.bake)
    head, scene = held.get()
    name = _name(head, source.find(head).name)
    with _new_folder(options.sheet, name, taken) as folder:
        cells |= {"out": folder.name, **_write_files(folder, read, head, scene, options)}
        if "mp4" in options.outputs and (sound := _sound_at(scene, read)):
            cells["sound"] = sound
        row = append_row(options.sheet, _beside(cells, options.sheet.parent))
    frames = say_count(len(read.frames.baked), "frame")
    return f"Added row {row.number} to {options.sheet}: {row.out}, {frames}."


def _check_sheet(path: Path) -> set[str]:
    """The folders of the rows that the sheet has, before anything is read. Raises InputError
    `file.*`, `batch.*`."""
    if not path.parent.is_dir():
        raise InputError(
            "file.place",
            f"There is no folder {path.parent}.",
            "Make it, or choose another place for the sheet.",
        )
    try:
        try_writing(path.parent)
    except OSError as error:
        raise not_writable(path, error) from error
    return {out_key(row.get("out", "")) for row in read_csv(path)} if path.exists() else set()


def _settings(head: bpy.types.Object, options: RowOptions) -> dict[str, str]:
    """The cells that the panel says: outputs, avatar, its head and adapter, size, passes."""
    chosen = head.affekt_avatar
    cells = {"outputs": ", ".join(options.outputs)}
    if is_flame(head):
        cells["head"] = str(_present(chosen_path(head.affekt_head.flame_file)))
    if "glb" in options.outputs and options.character:
        cells["character"] = str(_present(chosen_path(options.character)))
    if not set(DRAWN) & set(options.outputs):
        return cells
    avatar, adapter = chosen_files(head)
    if avatar is not None:
        cells["avatar"] = str(_present(whole_of(avatar) or avatar))
    else:
        cells["avatar"] = _drawn(head)
    if adapter is not None:
        cells["adapter"] = str(_present(adapter))
    if chosen.camera != "SCENE":
        cells["size"] = str(chosen.size)
    if "exr" in options.outputs:
        wanted = {"combined", "depth", *chosen.passes}
        cells["passes"] = ", ".join(name for name in PASSES if name in wanted)
    return cells


def _present(path: Path) -> Path:
    """The path. Raises InputError `file.missing` if nothing is there."""
    if not path.exists():
        raise InputError("file.missing", f"There is no file at {path}.", "Correct its path.")
    return path.absolute()


def _drawn(head: bpy.types.Object) -> str:
    """What a sheet calls the head itself. Raises InputError `option.avatar`."""
    if is_flame(head):
        raise InputError(
            "option.avatar",
            "A batch cannot draw a FLAME head itself.",
            "Choose an avatar's file in the panel's Avatar section, or outputs without pictures.",
        )
    return name_drawn(head, as_gaussians=head.affekt_avatar.subject == "GAUSSIANS")


def _name(head: bpy.types.Object, take: str) -> str:
    """The row's name: no number yet, and nothing that hides a folder."""
    return bpy.path.clean_name(f"{head.name}_{take}")[:_LONGEST].strip("._ ") or "row"


@contextmanager
def _new_folder(sheet: Path, name: str, taken: set[str]) -> Iterator[Path]:
    """A new folder for the row's files, in SHEET_files beside the sheet; it goes again if anything
    fails. taken: folders of other rows. Raises InputError `file.not_writable`."""
    home = sheet.with_name(f"{sheet.stem}_files")
    try:
        folder = _make_new(home, name, taken)
    except OSError as error:
        raise not_writable(home, error) from error
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            home.rmdir()  # of other rows it holds folders
        raise


def _make_new(home: Path, name: str, taken: set[str]) -> Path:
    """NAME, or the first of NAME_2 and so on that no row has and that is not there."""
    home.mkdir(exist_ok=True)
    for number in count(1):
        folder = home / (name if number == 1 else f"{name}_{number}")
        if out_key(folder.name) in taken:
            continue
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError  # numbers do not end


def _write_files(
    folder: Path,
    read: Performance,
    head: bpy.types.Object,
    scene: bpy.types.Scene,
    options: RowOptions,
) -> dict[str, str]:
    """Writes the row's files; its cells about them. Raises InputError `camera.*`,
    `file.not_writable`."""
    baked, files = read.frames.baked, dict[str, bytes]()
    files["take.npz"] = encode_motion(read.motion)
    files["emotions.json"] = encode_emotions(head, read.frames.read, read.track)
    cells = {"take": str(folder / "take.npz"), "emotions": str(folder / "emotions.json")}
    if read.frames.is_part:
        cells["frames"] = f"{baked.start}-{baked.stop - 1}"
    if set(DRAWN) & set(options.outputs) and head.affekt_avatar.camera == "SCENE":
        times = read.frames.read.times[baked.start : baked.stop] / stretch(scene)
        views = read_cameras(bpy.context, head, np.round(times, 6).tolist())
        files["camera.json"] = encode_cameras([view.camera for view in views])
        cells["camera"] = str(folder / "camera.json")
    try:
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise not_writable(folder, error) from error
    return cells


def _sound_at(scene: bpy.types.Scene, read: Performance) -> str:
    """The file of the sound that begins where the take does, or ""."""
    if scene.sequence_editor is None:
        return ""
    first = float(read.frames.read.times[read.frames.baked.start]) / stretch(scene)
    for strip in sound_strips(scene):
        is_here = strip.type == "SOUND" and not strip.mute and abs(strip.frame_start - first) < 1
        if is_here and strip.sound is not None and strip.sound.packed_file is None:
            path = chosen_path(strip.sound.filepath)
            return str(path) if path.is_file() else ""
    return ""


def _beside(cells: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The cells, with paths below the sheet's folder as a sheet has them: so both can move."""
    whole = f"{folder}{os.sep}"
    return {
        name: Path(text[len(whole) :]).as_posix() if text.startswith(whole) else text
        for name, text in cells.items()
    }
