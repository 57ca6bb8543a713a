# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators that scripts and farms call, one after another, without a window."""

from collections.abc import Callable

import bpy
import harness
from made_character import activate, make_mesh

asked = harness.options()
ops = bpy.ops.affekt


def make_character() -> set[str]:
    activate(make_mesh("Face", asked["face"], {name: name for name in asked["names"]}))
    return ops.use_character()


CALLS: tuple[tuple[str, Callable[[], set[str]], Callable[[], set[str]]], ...] = (
    (
        "start_sidecar",
        lambda: ops.start_sidecar(wait=True, timeout=0.0),
        lambda: ops.start_sidecar(wait=True, timeout=120.0),
    ),
    (
        "add_flame_head",
        lambda: ops.add_flame_head(filepath=asked["no_file"]),
        lambda: ops.add_flame_head(filepath=asked["flame"], version="FLAME2023"),
    ),
    ("use_character", ops.use_character, make_character),
    ("calibrate", lambda: ops.calibrate(), ops.calibrate),
    (
        "import_take",
        lambda: ops.import_take(filepath=asked["no_file"]),
        lambda: ops.import_take(filepath=asked["take"], first_frame=3, sets_range=True),
    ),
    (
        "bake",
        lambda: ops.bake(frame_range="OWN", first=9, last=2),
        lambda: ops.bake(frame_range="OWN", first=3, last=8, target="NEW", as_strip=False),
    ),
    ("add_head", ops.add_head, ops.add_head),
)
"""Name, a call that must be refused, and one that must do. Those of a task are refused once the
sidecar is gone, too."""


def said(call: Callable[[], set[str]]) -> object:
    try:
        return sorted(call())
    except RuntimeError as error:
        return str(error).strip()


with harness.enabled():
    bpy.context.scene.render.fps = 30  # the take's
    files = harness.extension_files()
    bpy.context.preferences.addons[harness.MODULE].preferences.python = asked["python"]
    without = {name: said(done) for name, _, done in CALLS if name not in asked["local"]}
    refused, done = {}, {}
    for name, bad, good in CALLS:
        if name == "calibrate":
            refused[name] = without[name]
        elif name == "use_character":
            bpy.context.view_layer.objects.active = bpy.data.objects["Light"]
            refused[name] = said(bad)
        elif name == "add_head":
            bpy.ops.object.mode_set(mode="EDIT")
            refused[name] = said(bad)
            bpy.ops.object.mode_set(mode="OBJECT")
        else:
            refused[name] = said(bad)
        done[name] = said(good)
    ops.save_preset(name="Mine", overwrite=True)
    is_untouched = harness.extension_files() == files and len(files) > 100
    ops.delete_preset(name="Mine")  # other scripts have the same user folder
    face = bpy.data.objects["Face"]
    takes = [[take.name, take.kind, take.frames] for take in face.affekt_takes.items]
    heads = sorted(o.name for o in bpy.data.objects if o.type == "MESH" and o.affekt_head.is_head)

harness.answer(
    without=without, refused=refused, done=done, takes=takes, heads=heads, is_untouched=is_untouched
)
