# SPDX-License-Identifier: GPL-3.0-or-later
"""An animator's own character against a real sidecar: take, calibration, emotion, bake."""

import time

import bpy
import harness
import numpy as np
from made_character import activate, bind, make_armature, make_mesh

from sidecar import start_sidecar

asked = harness.options()
NAMES = asked["names"]
BONES = {"neck_01": [(0, 0, 0), (0, 2, 10)], "head": [(0, 2, 10), (0, 2, 25)]}


def own_name(name: str) -> str:
    return f"Blend.{name[0].upper()}{name[1:]}"


def world_vertices(mesh: bpy.types.Object, frame: int) -> np.ndarray:
    """(V, 3) as drawn, with shape keys alone, in the mesh's own axes."""
    mesh.modifiers[0].show_viewport = False
    return harness.evaluated_vertices(mesh, frame)


def weights_of(take: object) -> np.ndarray:
    """(T, 52) of the take itself."""
    takes = harness.load("addon.motion.takes")
    return takes.read_take(face, take, bpy.context.scene).expression[:, :52]


with harness.enabled():
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    scene = bpy.context.scene
    scene.render.fps = 30
    face = make_mesh(
        "Face", asked["file"], {own_name(n): n for n in NAMES}, parts=[0, 2], scale=asked["scale"]
    )
    teeth = make_mesh(
        "Teeth", asked["file"], {"Blend.JawOpen": "jawOpen"}, parts=[1], scale=asked["scale"]
    )
    rig = make_armature(BONES)
    for mesh in (face, teeth):
        bind(mesh, rig)
    rig.rotation_euler.z = 0.7  # a character that does not look along the scene's axes
    seconds = {"start": start_sidecar(asked["python"])}
    activate(face)
    bpy.ops.affekt.use_character()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    take = face.affekt_takes.items[0]
    plain = weights_of(take)
    driven = face.data.shape_keys.key_blocks[own_name("browInnerUp")]
    face.affekt_emotion.sad = 1.0
    bpy.ops.affekt.bake()
    scene.frame_set(asked["frame"])
    before = np.array([face.data.shape_keys.key_blocks[own_name(n)].value for n in NAMES])
    first = world_vertices(face, asked["frame"])
    for _ in range(2):  # the second one is warm
        began = time.monotonic()
        bpy.ops.affekt.calibrate()
        seconds["calibrate"] = time.monotonic() - began
    second = world_vertices(face, asked["frame"])
    baked = face.affekt_takes.items[1]
    face.affekt_emotion.influence = 0.0
    bpy.ops.affekt.use_take(name=take.name)
    bpy.ops.affekt.bake(target="NEW")
    still = face.affekt_takes.items[2]
    harness.answer(
        seconds=seconds,
        notes=face.affekt_character.notes,
        plain=plain,
        baked=weights_of(baked)[asked["frame"] - 1],
        before=before,
        untouched=float(np.abs(weights_of(still) - weights_of(take)).max()),
        vertices=[first, second],
        names=[one.name for one in face.affekt_takes.items],
    )
    bpy.ops.affekt.stop_sidecar()
