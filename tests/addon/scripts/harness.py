# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts that run inside Blender share."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import bpy
import numpy as np

MODULE = "bl_ext.user_default.affekt"


def options() -> dict:
    """What the test asked for."""
    return json.loads(sys.argv[1])


def answer(**values: object) -> None:
    """What the test will assert on."""
    Path(sys.argv[2]).write_text(json.dumps(values, default=_plain))


def folder() -> Path:
    """The test's temporary folder."""
    return Path(sys.argv[3])


def extension_files() -> dict[str, list[int]]:
    """Size and time of each file of the installed extension; Python's own caches aside. It may lie
    where nobody may write."""
    root = Path(load("addon").__file__).parents[1]
    stats = {
        path.relative_to(root).as_posix(): path.stat()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in sorted(stats.items())}


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def load(name: str):
    """A module of the installed extension, such as `addon.head.build`."""
    return importlib.import_module(f"{MODULE}.{name}")


@contextmanager
def enabled() -> Iterator[None]:
    """The extension is enabled, and disabled at the end whatever happens: a class that is still
    registered when the interpreter ends crashes Blender 4.2 and hangs 4.5."""
    bpy.ops.preferences.addon_enable(module=MODULE)
    try:
        yield
    finally:
        bpy.ops.preferences.addon_disable(module=MODULE)


def read_head(path: str) -> object:
    """A `HeadModel` that the test saved as npz."""
    model = load("shared.head").HeadModel
    with np.load(path) as file:
        values = {entry.name: file[entry.name] for entry in fields(model)}
    for name in ("name", "space"):
        values[name] = str(values[name])
    values["expression_names"] = tuple(map(str, values["expression_names"]))
    return model(**values)


def read_motion(path: str) -> object:
    """A `Motion` that the test saved as npz."""
    noun = load("shared.motion").Motion
    with np.load(path) as file:
        values = {entry.name: file[entry.name] for entry in fields(noun) if entry.name in file}
    return noun(**{**values, "fps": float(values["fps"]), "space": str(values["space"])})


def add_head(path: str, *, wrinkles: bool = False) -> bpy.types.Object:
    build = load("addon.head.build").build_head
    return build(read_head(path), "open", bpy.context, wrinkles=wrinkles)


def avatar_settings() -> bpy.types.PropertyGroup:
    """Those of the scene's first head."""
    find = load("addon.head.find")
    return find.heads_among(bpy.context.scene.objects)[0].affekt_avatar


def evaluated_vertices(head: bpy.types.Object, frame: int) -> np.ndarray:
    """(V, 3) in the head's own (Blender's) axes, metres, as drawn at that frame."""
    bpy.context.scene.frame_set(frame)
    mesh = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def failure(call: Callable[[], object]) -> str:
    """The error's code or, from an operator, what it reported."""
    try:
        call()
    except RuntimeError as error:
        return str(error).strip()
    except Exception as error:
        return error.code
    return ""


def last_of(steps: Iterator[object]) -> object:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
