# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports of takes and bakes: Affekt's head, a FLAME head, a character; with and without a
sidecar."""

import bpy
import harness
from made_character import activate, make_mesh

from sidecar import start_sidecar

asked = harness.options()
FOLDER = harness.folder() / "out"


def export(name: str, form: str, fps: float = 0.0) -> str:
    """Exports; what was refused, or nothing."""
    return harness.failure(
        lambda: bpy.ops.affekt.export_take(filepath=str(FOLDER / name), format=form, fps=fps)
    )


def own_curves(head: bpy.types.Object, to: str) -> None:
    """What the curves of the take in use say, by reading them."""
    takes, files = harness.load("addon.motion.takes"), harness.load("shared.take_files")
    take = takes.active_take(head)
    motion = takes.read_take(head, take, bpy.context.scene)
    (FOLDER / to).write_bytes(files.encode_motion(motion))


def from_own_head() -> dict[str, str]:
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=11)
    # An animator's edit counts: the whole head turns aside half way.
    compat = harness.load("addon.compat")
    curves = compat.curves_of(head.affekt_takes.items[0].keys_action, "KEY")
    path = 'key_blocks["mouthSmileLeft"].value'
    for point in compat.find_curve(curves, path).keyframe_points:
        point.co.y = 0.5
    own_curves(head, "open_curves.npz")
    told = {form: export(f"open_{form.lower()}", form) for form in ("NPZ", "ARKIT", "LIVELINK")}
    told["fast"] = export("open_fast.csv", "LIVELINK", 59.94)
    told["flame"] = export("open.json", "LAM")
    told["nowhere"] = export("no/such/folder/take.csv", "LIVELINK")
    told["nameless"] = harness.failure(lambda: bpy.ops.affekt.export_take(filepath=""))
    head.affekt_emotion.happy = 1.0
    bpy.ops.affekt.bake()
    own_curves(head, "baked_curves.npz")
    told["baked"] = export("baked.npz", "NPZ")
    return told


def from_flame_head() -> dict[str, str]:
    bpy.ops.affekt.add_flame_head(filepath=asked["flame"], version="FLAME2023")
    bpy.ops.affekt.import_take(filepath=asked["flame_take"], first_frame=1)
    own_curves(bpy.context.object, "flame_curves.npz")
    return {form: export(f"flame_{form.lower()}", form) for form in ("LAM", "VHAP", "ARKIT")}


def from_character() -> dict[str, str]:
    """Whose takes are ARKit's weights: no sidecar is needed."""
    face = make_mesh("Face", asked["face"], {name: name for name in asked["names"]})
    activate(face)
    bpy.ops.affekt.use_character()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    own_curves(face, "face_curves.npz")
    bpy.ops.affekt.stop_sidecar()
    told = {form: export(f"face_{form.lower()}", form) for form in ("ARKIT", "LIVELINK", "NPZ")}
    told["slow"] = export("face_slow.csv", "LIVELINK", 12.0)
    told["flame"] = export("face.npz", "VHAP")
    return told


with harness.enabled():
    FOLDER.mkdir()
    bpy.context.scene.render.fps = 24
    start_sidecar(asked["python"])
    answers = {"open": from_own_head(), "flame": from_flame_head(), "face": from_character()}
    harness.answer(**answers, files=sorted(path.name for path in FOLDER.iterdir()))
