# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a batch of a FLAME head and of a character, in one sheet."""

import bpy
import harness
from made_character import activate, make_mesh

from sidecar import start_sidecar

asked = harness.options()
SHEET = str(harness.folder() / "heads.csv")


def add(**options: object) -> str:
    """Adds a row; what was refused, or nothing."""
    return harness.failure(lambda: bpy.ops.affekt.add_to_batch(sheet=SHEET, **options))


def flame() -> list[str]:
    bpy.ops.affekt.add_flame_head(filepath=asked["flame"], version="FLAME2023")
    bpy.ops.affekt.import_take(filepath=asked["flame_take"], first_frame=1)
    bpy.context.object.affekt_emotion.happy = 1.0
    said = [add(outputs={"BAKE", "PNG"}), add(outputs={"BAKE", "VHAP"})]
    bpy.ops.affekt.bake()
    path = str(harness.folder() / "flame_baked.npz")
    bpy.ops.affekt.export_take(filepath=path, format="NPZ")
    return said


def character() -> list[str]:
    face = make_mesh("Face", asked["face"], {name: name for name in asked["names"]})
    activate(face)
    bpy.ops.affekt.use_character()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    face.affekt_emotion.sad = 1.0
    return [add(outputs={"BAKE", "MP4"}), add(outputs={"BAKE", "ARKIT"})]


with harness.enabled():
    start_sidecar(asked["python"])
    harness.answer(flame=flame(), character=character())
