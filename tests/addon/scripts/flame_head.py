# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads of FLAME files with a real sidecar: as the equations say, shaped, driven by takes, refused
in a sentence, baked."""

import time

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()


def drawn(head: bpy.types.Object, frames: list[int], out: str) -> None:
    """Keeps the mesh at those frames of the scene, in FLAME's axes."""
    axes = harness.load("addon.axes")
    vertices = [harness.evaluated_vertices(head, frame) for frame in frames]
    np.save(out, axes.to_flame(np.stack(vertices)))


def refusals(head: bpy.types.Object) -> dict[str, str]:
    told = {}
    for name, path in asked["bad_files"].items():
        told[name] = harness.failure(lambda path=path: bpy.ops.affekt.add_flame_head(filepath=path))
    told["other version"] = harness.failure(
        lambda: bpy.ops.affekt.import_take(filepath=asked["other_take"])
    )
    told["objects"] = len(bpy.data.objects)
    rig = head.modifiers[0].object
    rig.hide_set(True)
    told["hidden"] = harness.failure(lambda: bpy.ops.affekt.set_identity(values=[0.5] * 10))
    rig.hide_set(False)
    return told


def look(head: bpy.types.Object) -> dict[str, object]:
    keys, rig = head.data.shape_keys, head.modifiers[0].object
    drivers = list(keys.animation_data.drivers)
    return {
        "name": head.name,
        "vertices": len(head.data.vertices),
        "faces": len(head.data.polygons),
        "keys": [key.name for key in keys.key_blocks],
        "slow_drivers": [d.data_path for d in drivers if not d.driver.is_simple_expression],
        "bones": [bone.name for bone in rig.data.bones],
        "uv": [tuple(one.vector) for one in head.data.uv_layers[0].uv[:6]],
        "space": head.affekt_head.space,
    }


def exact() -> dict[str, object]:
    """The mesh against the forward pass: of the take with its identity, then with sliders."""
    began = time.monotonic()
    bpy.ops.affekt.add_flame_head(filepath=asked["flame"], version="FLAME2023")
    told = {"add_s": time.monotonic() - began}
    head = bpy.context.object
    told |= look(head)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    frames = list(range(1, asked["frames"] + 1))
    drawn(head, frames, asked["drawn"])
    began = time.monotonic()
    bpy.ops.affekt.set_identity(values=asked["sliders"])
    told["sliders_s"] = time.monotonic() - began
    drawn(head, frames, asked["drawn_sliders"])
    takes = harness.load("addon.motion.takes")
    back = takes.read_take(head, head.affekt_takes.items[0], bpy.context.scene)
    told["back"] = [back.space, back.shape]
    np.save(asked["back"], back.expression)
    for clip, out in asked["clips"]:
        bpy.ops.affekt.import_take(filepath=clip, first_frame=1)
        take = head.affekt_takes.items[-1]
        drawn(head, list(range(1, take.frames + 1, asked["step"])), out)
    told["clips"] = [take.frames for take in head.affekt_takes.items[1:]]
    told["refused"] = refusals(head)
    began = time.monotonic()
    bpy.ops.affekt.add_flame_head(filepath=asked["flame"], version="FLAME2023")
    told["add_again_s"] = time.monotonic() - began
    return told


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = 30
    start_sidecar(asked["python"])
    told = exact()
    bpy.ops.affekt.stop_sidecar()
    harness.answer(**told)
