# SPDX-License-Identifier: GPL-3.0-or-later
"""One head after another, as an animator works: use it, calibrate it, import a take, key each
emotion and bake; what its meshes show then."""

import bpy
import harness
import numpy as np
from made_character import activate, make_mesh

from sidecar import start_sidecar

asked = harness.options()
NEUTRAL = "neutral"


def own_name(shape: str, style: str) -> str:
    """The name that one tool or another gives the key of a shape."""
    side = next((s for s in ("Left", "Right") if shape.endswith(s)), "")
    if style == "prefix":
        return f"BS_{shape.removesuffix(side)}{'_' + side[0] if side else ''}"
    if style == "snake":
        letters = (f"_{c.lower()}" if c.isupper() else c for c in shape.removesuffix(side))
        return "".join(letters) + (f".{side[0]}" if side else "")
    return shape


def shapes_of(file: str, part: int) -> list[str]:
    """The shapes that move vertices of that part."""
    with np.load(file) as given:
        moved = given["shapes"][:, given["part"] == part].any((1, 2))
        return given["names"][moved].tolist()


def add_character(subject: dict) -> list[bpy.types.Object]:
    """Its meshes under an empty, as an importer leaves them; the face stands first."""
    empty = bpy.data.objects.new(subject["name"], None)
    bpy.context.scene.collection.objects.link(empty)
    meshes = []
    for part, name in enumerate(subject["meshes"]):
        shapes = shapes_of(subject["file"], part)
        keys = {own_name(shape, subject["style"]): shape for shape in shapes}
        mesh = make_mesh(name, subject["file"], keys, parts=[part], scale=subject["scale"])
        mesh.parent = empty
        meshes.append(mesh)
    activate(meshes[0])
    bpy.ops.affekt.use_character()
    bpy.ops.affekt.calibrate()
    return meshes


def add_head() -> list[bpy.types.Object]:
    bpy.ops.affekt.add_head()
    return [bpy.context.object]


def key_emotion(head: bpy.types.Object, state: str) -> None:
    """Keys the state as an animator does, at the take's first frame."""
    bpy.context.scene.frame_set(1)
    bpy.ops.affekt.neutral()
    if state != NEUTRAL:
        setattr(head.affekt_emotion, state, 1.0)
    bpy.ops.affekt.key_emotions()


def shown(meshes: list[bpy.types.Object], scale: float) -> np.ndarray:
    """(frames, V, 3) metres in the face's axes: the vertices of all meshes."""
    axes = harness.load("addon.axes")
    frames = [
        np.concatenate([harness.evaluated_vertices(mesh, frame) for mesh in meshes])
        for frame in asked["frames"]
    ]
    return axes.to_flame(np.stack(frames)) / scale


def perform(subject: dict) -> dict:
    meshes = add_character(subject) if subject["file"] else add_head()
    head = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    positions = []
    for state in asked["states"]:
        key_emotion(head, state)
        bpy.ops.affekt.bake()
        positions.append(shown(meshes, subject["scale"]))
    np.save(harness.folder() / f"{subject['name']}.npy", np.stack(positions).astype(np.float32))
    told = {
        "notes": head.affekt_character.notes.splitlines(),
        "takes": [take.name for take in head.affekt_takes.items],
        "meshes": [mesh.name for mesh in meshes],
    }
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    return told


with harness.enabled():
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    bpy.context.scene.render.fps = 30
    start_sidecar(asked["python"])
    harness.answer(**{subject["name"]: perform(subject) for subject in asked["subjects"]})
    bpy.ops.affekt.stop_sidecar()
