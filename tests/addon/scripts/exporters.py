# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own exporters on a baked head and a baked character, and what comes back."""

import os
import sys
from pathlib import Path

import bpy
import harness
import numpy as np
from made_character import activate, make_mesh

asked = harness.options()
FRAMES = asked["frames"]


def write(form: str, path: str) -> None:
    """The selected objects by Blender's exporter, with what docs/export.md says."""
    if form == "fbx":
        bpy.ops.export_scene.fbx(
            filepath=path,
            use_selection=True,
            add_leaf_bones=False,
            bake_anim_simplify_factor=0.0,
            bake_anim_use_all_actions=False,
            bake_anim_use_nla_strips=False,
        )
    elif form == "glb":
        bpy.ops.export_scene.gltf(filepath=path, use_selection=True, export_animation_mode="SCENE")
    elif form == "usdc":
        bpy.ops.wm.usd_export(
            filepath=path,
            selected_objects_only=True,
            export_animation=True,
            evaluation_mode="RENDER",
        )
    else:
        bpy.ops.wm.alembic_export(filepath=path, selected=True, start=FRAMES[0], end=FRAMES[-1])


def read(form: str, path: str) -> None:
    if form == "fbx":
        # Blender writes frame 1 at one frame's time, and reads time 0 as frame 1.
        bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)
    elif form == "glb":
        bpy.ops.import_scene.gltf(filepath=path)
    elif form == "usdc":
        bpy.ops.wm.usd_import(filepath=path)
    else:
        bpy.ops.wm.alembic_import(filepath=path, as_background_job=False)


def world(item: bpy.types.Object, frame: int) -> np.ndarray:
    """(V, 3) as drawn, in the world."""
    local = harness.evaluated_vertices(item, frame)
    matrix = np.array(item.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world)
    return local @ matrix[:3, :3].T + matrix[:3, 3]


def biggest(items: list[bpy.types.Object]) -> bpy.types.Object:
    return max((i for i in items if i.type == "MESH"), key=lambda i: len(i.data.vertices))


def off_mm(wanted: np.ndarray, got: np.ndarray) -> float:
    """The farthest that a wanted vertex is from the nearest one that came back: formats split and
    reorder vertices."""
    from mathutils.kdtree import KDTree

    tree = KDTree(len(got))
    for index, place in enumerate(got):
        tree.insert(place, index)
    tree.balance()
    return 1000 * max(tree.find(place)[2] for place in wanted[::7])


def round_trip(form: str, name: str, parts: list[bpy.types.Object]) -> dict:
    path = str(harness.folder() / f"{name}.{form}")
    for item in bpy.data.objects:
        item.select_set(item in parts)
    face = biggest(parts)
    wanted = [world(face, frame) for frame in FRAMES]
    bpy.context.scene.frame_set(FRAMES[0])
    write(form, path)
    before = set(bpy.data.objects)
    read(form, path)
    came = [item for item in bpy.data.objects if item not in before]
    mesh = biggest(came)
    keys = mesh.data.shape_keys
    animated = 0
    if keys is not None and keys.animation_data is not None and keys.animation_data.action:
        compat = harness.load("addon.compat")
        animated = len(compat.curves_of(keys.animation_data.action, "KEY"))
    told = {
        "off_mm": [off_mm(w, world(mesh, f)) for w, f in zip(wanted, FRAMES, strict=True)],
        "moved_mm": 1000 * float(np.abs(wanted[0] - wanted[-1]).max()),
        "keys": 0 if keys is None else len(keys.key_blocks) - 1,
        "animated": animated,
        "bytes": Path(path).stat().st_size,
    }
    for item in came:
        bpy.data.objects.remove(item)
    return told


def add_take(head: bpy.types.Object, path: str) -> None:
    """A bake, as the sidecar's answer becomes one."""
    takes, placement = harness.load("addon.motion.takes"), harness.load("addon.motion.placement")
    place = placement.Placement(first=1.0, fps=30.0)
    takes.add_take(head, harness.read_motion(path), name="take", place=place)


with harness.enabled():
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = 30, FRAMES[0], FRAMES[-1]
    head = harness.add_head(asked["head"], wrinkles=True)
    add_take(head, asked["take"])
    face = make_mesh("Face", asked["face"], {name: name for name in asked["names"]})
    face.location.x = 1.0
    activate(face)
    bpy.ops.affekt.use_character()
    add_take(face, asked["arkit"])
    rig = harness.load("addon.head.find").rig_of(head)
    told = {}
    for form in asked["forms"]:
        told[form] = {
            "head": round_trip(form, "head", [head, rig]),
            "character": round_trip(form, "face", [face]),
        }
    harness.answer(**told)

if bpy.app.version < (4, 3, 0):
    # Blender 4.2 as a module crashes when it ends after such an export of glTF, without us as well.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
