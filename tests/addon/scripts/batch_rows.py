# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a batch from Blender: a sheet of an open head with a moving camera, what a bake and a
rendering here make of the same, and what is refused."""

from pathlib import Path

import bpy
import harness
from mathutils import Vector

from sidecar import start_sidecar

asked = harness.options()
HOME = harness.folder() / "shots ü"
SIZE = 96
FIRST = 11


def add(**options: object) -> str:
    """Adds a row; what was refused, or nothing."""
    return harness.failure(lambda: bpy.ops.affekt.add_to_batch(**options))


def add_camera() -> None:
    """A camera before the face that comes nearer and changes its lens."""
    data = bpy.data.cameras.new("Eye")
    eye = bpy.data.objects.new("Eye", data)
    scene.collection.objects.link(eye)
    scene.camera = eye
    middle = sum((head.matrix_world @ Vector(c) for c in head.bound_box), Vector()) / 8
    for frame, away, lens in ((FIRST, 1.2, 50.0), (FIRST + 20, 0.9, 60.0)):
        eye.location = middle + Vector((0.1, -away, 0.02))
        eye.rotation_euler = (middle - eye.location).to_track_quat("-Z", "Y").to_euler()
        data.lens = lens
        for owner, path in ((eye, "location"), (eye, "rotation_euler"), (data, "lens")):
            owner.keyframe_insert(path, frame=frame)


def key_emotions() -> None:
    for frame, happy, sad in ((FIRST, 1.0, 0.0), (FIRST + 30, 0.0, 0.8)):
        scene.frame_set(frame)
        head.affekt_emotion.happy, head.affekt_emotion.sad = happy, sad
        bpy.ops.affekt.key_emotions()


def refuse() -> dict[str, str]:
    (HOME / "strange.csv").write_text("colour,price\nred,3\n")
    told = {
        "no folder": add(sheet="//nowhere/night.csv"),
        "toml": add(sheet="//night.toml"),
        "folder": add(sheet=str(HOME)),
        "nameless": add(sheet=""),
        "strange": add(sheet="//strange.csv"),
        "no output": add(sheet="//refused.csv", outputs=set()),
        "no glb": add(sheet="//refused.csv", outputs={"GLB"}),
        "no such glb": add(sheet="//refused.csv", outputs={"GLB"}, character="//none.glb"),
    }
    chosen = head.affekt_avatar
    chosen.subject = "FILE"
    told["no avatar"] = add(sheet="//refused.csv")
    chosen.file = "//gone.zip"
    told["avatar gone"] = add(sheet="//refused.csv")
    chosen.subject, eye = "GAUSSIANS", scene.camera
    scene.camera = None
    told["no camera"] = add(sheet="//refused.csv")
    scene.camera = eye
    head.affekt_bake.frame_range = "PREVIEW"
    told["no preview range"] = add(sheet="//refused.csv")
    head.affekt_bake.frame_range = "TAKE"
    return told


def write_rows() -> None:
    scene.frame_set(3, subframe=0.25)
    assert not add(outputs={"BAKE", "PNG", "ARKIT"})
    head.affekt_avatar.camera, head.affekt_avatar.size = "PORTRAIT", 64
    head.affekt_avatar.passes = {"normal"}
    bake = head.affekt_bake
    bake.frame_range, bake.first, bake.last = "OWN", FIRST + 4, FIRST + 9
    assert not add(outputs={"EXR"})
    bake.frame_range = "TAKE"
    head.affekt_emotion.driver_add("sad").driver.expression = "0.25"
    assert not add(outputs={"BAKE"})
    head.affekt_emotion.driver_remove("sad")


def make_here() -> None:
    """The same by a bake and a rendering in this Blender."""
    bpy.ops.affekt.bake()
    bpy.ops.affekt.export_take(filepath=str(HOME / "baked.npz"), format="NPZ")
    chosen = head.affekt_avatar
    chosen.camera, chosen.format, chosen.folder = "SCENE", "PNG", "//here/"
    scene.frame_start, scene.frame_end = FIRST, FIRST + 20
    scene.frame_step = 20
    bpy.ops.affekt.render_avatar()


with harness.enabled():
    HOME.mkdir()
    scene = bpy.context.scene
    nobody = harness.failure(lambda: bpy.ops.affekt.add_to_batch())
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    without_take = harness.failure(lambda: bpy.ops.affekt.add_to_batch())
    scene.render.fps = 30
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=FIRST)
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    add_camera()
    key_emotions()
    unsaved = add()
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "shot.blend"))
    refused = refuse() | {"unsaved": unsaved, "nobody": nobody, "no take": without_take}
    left = sorted(path.name for path in HOME.iterdir())
    write_rows()
    at = [scene.frame_current, scene.frame_subframe]
    make_here()
    harness.answer(
        refused=refused,
        left=left,
        at=at,
        outputs=[name for name, _, _ in harness.load("addon.batch.properties").OUTPUTS],
        pictures=sorted(str(path) for path in Path(HOME / "here").glob("*.png")),
    )
