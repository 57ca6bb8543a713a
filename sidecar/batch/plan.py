# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row needs: tasks in stages, of which each waits for the one before. Its commands are those
of the terminal, so a row's files are those that they write:

    OUT/motion.npz  report.json  take.npz  vertices.pc2
        character.glb                                        affekt bake
    OUT/arkit.json  livelink.csv  vhap.npz  lam.json         affekt convert
    OUT/png/  exr/  with preview.mp4                         affekt render
    OUT/ply/  compressed/  spz/  avatar.usdc                 affekt avatar sequence
    OUT/blender/                                             Blender itself
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...shared.batch_sheet import SheetRow, emotions_of_words, names_a_file
from ...shared.errors import InputError
from ...shared.motion import FLAME_SPACES
from ...shared.pictures import frame_name
from ..avatar.endings import ENDINGS
from ..files import write_whole
from .described import keys_of_words
from .task import OUT, OWN, Task, Value

SPAN = 64
"""Frames that one task draws: some seconds of work, of which a worker that dies loses at most the
frame under way."""
_CONVERTED = {
    "arkit": "arkit.json",
    "livelink": "livelink.csv",
    "vhap": "vhap.npz",
    "lam": "lam.json",
}
_FOLDERS = ("ply", "compressed", "spz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the plan needs to know of a row's take. frames: that the row makes."""

    frames: int
    fps: float
    space: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for all rows. folder: the batch's. device: where pictures are drawn. cache: the
    folder of baked chunks as a task has it, "" for the user's own. blender: Blender's program."""

    folder: Path
    device: str = "auto"
    cache: str = ""
    blender: str = "blender"


def first_task(row: SheetRow, settings: Settings) -> Task:
    """The task that tells a row's `Facts`, and whether its files can be read."""
    options: dict[str, Value] = {"motion": row.take, "bakes": _bakes(row), **_reading(row)}
    for name in ("avatar", "head", "adapter", "frames"):
        if getattr(row, name):
            options[name] = getattr(row, name)
    options |= _emotions(row, settings) | _character(row)
    return Task(row=row.number, kind="facts", options=options)


def plan_row(row: SheetRow, facts: Facts, settings: Settings) -> tuple[tuple[Task, ...], ...]:
    """The row's tasks behind the first one, stage by stage."""
    bakes = _bakes(row)
    bake = [_bake(row, facts, settings)] if bakes else []
    made = [*_convert(row, facts, bakes), *_draw(row, facts, settings, bakes)]
    made += _sequences(row, facts, settings, bakes)
    last = [*_video(row, facts, settings, bakes), *_blender(row, facts, settings)]
    stages = (bake, made, last, [_look(row, facts, bakes)])
    return tuple(tuple(stage) for stage in stages if stage)


def _bakes(row: SheetRow) -> bool:
    return bool(row.emotions or row.frames or {"bake", "cache", "glb"} & set(row.outputs))


def _bake(row: SheetRow, facts: Facts, settings: Settings) -> Task:
    has_vertices = "cache" in row.outputs
    emotions = _emotions(row, settings) or _kept_words({"influence": 0.0}, settings)
    options: dict[str, Value] = {"motion": row.take, **emotions, **_reading(row)}
    options |= {"out": _out(row), "vertices": has_vertices, **_character(row)}
    for name in ("head", "frames", "adapter"):
        if getattr(row, name):
            options[name] = getattr(row, name)
    if settings.cache:
        options["cache_dir"] = settings.cache
    names = ["motion.npz", "report.json"]
    names += ["vertices.pc2"] * has_vertices + ["take.npz"] * (facts.space != "open")
    names += ["character.glb"] * ("glb" in row.outputs)
    return _task(row, "bake", options, names, facts.frames)


def _convert(row: SheetRow, facts: Facts, bakes: bool) -> Iterator[Task]:
    for form in (name for name in row.outputs if name in _CONVERTED):
        wanted = "arkit" if form in ("arkit", "livelink") else "flame2023"
        options = {"source": _motion(row, bakes, is_own=facts.space == wanted), "to": form}
        options |= {"out": _out(row, _CONVERTED[form]), **({} if bakes else _reading(row))}
        yield _task(row, "convert", options, [_CONVERTED[form]], facts.frames)


def _draw(row: SheetRow, facts: Facts, settings: Settings, bakes: bool) -> Iterator[Task]:
    for form in _formats(row):
        for span in _spans(facts.frames):
            options = _rendering(row, facts, settings, bakes, form)
            options |= {"frames": _range(span), "preview": False}
            kinds = ("frame", "depth") if options.get("depth") else ("frame",)
            names = [f"{form}/{frame_name(i, kind=k, suffix=form)}" for i in span for k in kinds]
            yield _task(row, "render", options, names, len(span))


def _video(row: SheetRow, facts: Facts, settings: Settings, bakes: bool) -> Iterator[Task]:
    if "mp4" in row.outputs:
        form = _formats(row)[0]
        options = _rendering(row, facts, settings, bakes, form)
        options |= {"preview": True, **({"sound": row.sound} if row.sound else {})}
        yield _task(row, "render", options, [f"{form}/preview.mp4"], 0)


def _sequences(row: SheetRow, facts: Facts, settings: Settings, bakes: bool) -> Iterator[Task]:
    forms = [name for name in row.outputs if name in _FOLDERS]
    forms += ["ply"] if "blender" in row.outputs and "ply" not in forms else []
    for form in forms:
        ending = next(ending for name, ending in ENDINGS.items() if name == form)
        for span in _spans(facts.frames):
            options = _performance(row, facts, bakes) | _emotions(row, settings)
            options |= {"out": _out(row, form), "format": form, "frames": _range(span)}
            names = [f"{form}/{frame_name(i, suffix=ending)}" for i in span]
            yield _task(row, "sequence", options, names, len(span))
    if "usd" in row.outputs:
        options = _performance(row, facts, bakes) | _emotions(row, settings)
        options |= {"out": _out(row, "avatar.usdc")}
        yield _task(row, "sequence", options, ["avatar.usdc"], facts.frames)


def _blender(row: SheetRow, facts: Facts, settings: Settings) -> Iterator[Task]:
    if "blender" not in row.outputs:
        return
    width, height = row.size or (512, 512)
    for span in _spans(facts.frames):
        options: dict[str, Value] = {
            "splats": _out(row, "ply"),
            "avatar": row.avatar,
            "out": _out(row, "blender"),
            "blender": settings.blender,
            "frames": _range(span),
            "width": width,
            "height": height,
        }
        options |= {n: getattr(row, n) for n in ("head", "camera", "scene") if getattr(row, n)}
        names = [f"blender/{frame_name(i)}" for i in span]
        yield _task(row, "blender", options, names, len(span))


def _look(row: SheetRow, facts: Facts, bakes: bool) -> Task:
    """A picture of three moments for the report: of the drawn frames, else of the motion."""
    options: dict[str, Value] = {"motion": _motion(row, bakes), **({} if bakes else _reading(row))}
    drawn = [*_formats(row), *(["blender"] if "blender" in row.outputs else [])]
    if drawn:
        moments = [frame * facts.frames // 4 for frame in (1, 2, 3)]
        suffix = "exr" if drawn[0] == "exr" else "png"
        options["pictures"] = [
            _out(row, f"{drawn[0]}/{frame_name(i, suffix=suffix)}") for i in moments
        ]
    place = f"{OWN}/looks/{hashlib.sha256(os.fsencode(row.out)).hexdigest()[:24]}.jpg"
    options["out"] = f"{OUT}{place}"
    return Task(row=row.number, kind="look", options=options, files=(place,))


def _rendering(
    row: SheetRow, facts: Facts, settings: Settings, bakes: bool, form: str
) -> dict[str, Value]:
    options = _performance(row, facts, bakes) | {"out": _out(row, form), "format": form}
    options |= {"device": settings.device, **_emotions(row, settings)}
    if form == "png":
        options["depth"] = "png" in row.outputs
    elif row.passes:
        options["passes"] = list(row.passes)
    if row.size:
        options |= {"width": row.size[0], "height": row.size[1]}
    return options | ({"camera": row.camera} if row.camera else {})


def _performance(row: SheetRow, facts: Facts, bakes: bool) -> dict[str, Value]:
    """What moves an avatar: a take on FLAME moves an avatar on a head of its own as it is."""
    is_own = facts.space in FLAME_SPACES and bool(row.head)
    options: dict[str, Value] = {"avatar": row.avatar, "motion": _motion(row, bakes, is_own=is_own)}
    options |= {name: getattr(row, name) for name in ("head", "adapter") if getattr(row, name)}
    return options | ({} if bakes else _reading(row))


def _motion(row: SheetRow, bakes: bool, *, is_own: bool = False) -> str:
    """The motion that is shown. is_own: in the take's own space."""
    return _out(row, "take.npz" if is_own else "motion.npz") if bakes else row.take


def _formats(row: SheetRow) -> list[str]:
    """The pictures that are drawn; a video needs some."""
    forms = [name for name in row.outputs if name in ("png", "exr")]
    return forms or (["png"] if "mp4" in row.outputs else [])


def _reading(row: SheetRow) -> dict[str, Value]:
    return {"fps": float(row.fps)} if row.fps else {}


def _emotions(row: SheetRow, settings: Settings) -> dict[str, Value]:
    if not row.emotions:
        return {}
    if names_a_file(row.emotions):
        return {"emotions": row.emotions}
    try:
        return _kept_words(emotions_of_words(row.emotions), settings)
    except InputError:
        described = keys_of_words(row.emotions)
        if described is None:
            raise
        return _kept_keys(described, settings)


def _kept_words(values: Mapping[str, float], settings: Settings) -> dict[str, Value]:
    """A file of keys that hold these values, named by its content."""
    data = json.dumps({"keys": [{"frame": 0, **values}]}, sort_keys=True).encode()
    return _kept_keys(data, settings)


def _kept_keys(data: bytes, settings: Settings) -> dict[str, Value]:
    """A file of keys, named by its content."""
    place = f"{OWN}/emotions/{hashlib.sha256(data).hexdigest()[:24]}.json"
    path = settings.folder / place
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    return {"emotions": f"{OUT}{place}"}


def _character(row: SheetRow) -> dict[str, Value]:
    return {"character": row.character} if "glb" in row.outputs else {}


def _spans(frames: int) -> list[range]:
    return [range(start, min(start + SPAN, frames)) for start in range(0, frames, SPAN)]


def _range(span: range) -> str:
    return f"{span.start}-{span.stop - 1}"


def _out(row: SheetRow, name: str = "") -> str:
    return f"{OUT}{row.out}/{name}".rstrip("/")


def _task(
    row: SheetRow, kind: str, options: Mapping[str, Value], names: list[str], frames: int
) -> Task:
    files = tuple(f"{row.out}/{name}" for name in names)
    return Task(row=row.number, kind=kind, options=options, files=files, frames=frames)
