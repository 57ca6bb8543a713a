# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars as objects of the scene, with a real sidecar: every manner, over a take, as Blender
evaluates them."""

import time

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()
KINDS = {"position": "vector", "scale": "vector", "rotation": "value"}


def evaluated(cloud: bpy.types.Object) -> dict[str, np.ndarray]:
    """Place, scale and rotation of every Gaussian, as Blender draws them."""
    data = cloud.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    told = {}
    for name, field in KINDS.items():
        flat = np.empty(len(data.points) * (4 if name == "rotation" else 3), np.float32)
        data.attributes[name].data.foreach_get(field, flat)
        told[name] = flat.reshape(len(data.points), -1)
    return told


def choose(cloud: bpy.types.Object, follow: str) -> None:
    modifier = cloud.modifiers[0]
    for item in modifier.node_group.interface.items_tree:
        if item.item_type == "SOCKET" and item.name == "Follow":
            getattr(modifier.properties.inputs, item.identifier).value = follow.title()
    cloud.update_tag()


def play(case: dict) -> dict:
    """Imports an avatar and a take, and keeps what is drawn in each manner."""
    began = time.monotonic()
    bpy.ops.affekt.import_avatar(filepath=case["avatar"], flame=case.get("flame", ""))
    told = {"import_s": time.monotonic() - began}
    cloud = bpy.context.object
    head = harness.load("addon.head.find").need_head(bpy.context)
    bpy.ops.affekt.import_take(filepath=case["take"], first_frame=1)
    told |= {"cloud": cloud.name, "head": head.name, "points": len(cloud.data.points)}
    told["follow"] = follow_of(cloud).value
    told["hidden"] = [head.hide_get(), head.hide_render]
    kept = {}
    for follow in case["follows"]:
        choose(cloud, follow)
        for frame in case["frames"]:
            bpy.context.scene.frame_set(frame + 1)
            for name, values in evaluated(cloud).items():
                kept[f"{follow}.{frame}.{name}"] = values
    choose(cloud, told["follow"])
    np.savez(case["out"], **kept)
    return told


def follow_of(cloud: bpy.types.Object) -> object:
    modifier = cloud.modifiers[0]
    item = modifier.node_group.interface.items_tree["Follow"]
    return getattr(modifier.properties.inputs, item.identifier)


if __name__ == "__main__":
    with harness.enabled():
        bpy.context.scene.render.fps = 30
        start_sidecar(asked["python"])
        told = {case["name"]: play(case) for case in asked["cases"]}
        bpy.ops.affekt.stop_sidecar()
        harness.answer(**told)
