# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the add-on's panels into a layout that writes down what it is asked for."""

import zipfile
from pathlib import Path
from types import SimpleNamespace

import bpy
import harness
import numpy as np
from layout import drawn
from made_character import bind, make_armature


def draw_character() -> dict[str, list[list[str]] | None]:
    """The panels of a character that has one key and a rig with a head."""
    mesh = bpy.data.meshes.new("His")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 0, 1)], [], [(0, 1, 2)])
    item = bpy.data.objects.new("His", mesh)
    bpy.context.scene.collection.objects.link(item)
    for name in ("Basis", "browDown_L"):
        item.shape_key_add(name=name)
    bind(item, make_armature({"neck": [(0, 0, 0), (0, 0, 0.1)]}))
    bpy.context.view_layer.objects.active = item
    bpy.ops.affekt.use_character()
    item.affekt_character.notes = ""  # sentences are broken to a region's width: none is here
    return drawn(["head", "character", "character_shapes", "character_bones", "take", "emotion"])


def draw_takes(head: bpy.types.Object) -> list[list[str]] | None:
    """The panel of a head with two takes, the second in use, and its menu."""
    bpy.context.view_layer.objects.active = head
    motion = harness.load("shared.motion").make_motion
    still = motion(expression=np.zeros((4, 100), np.float32), fps=24.0, space="open")
    place = harness.load("addon.motion.placement").Placement(first=1, fps=24.0)
    for name in ("one", "two"):
        harness.load("addon.motion.takes").add_take(head, still, name=name, place=place)
    return drawn(["take"])["take"]


def draw_own_preset() -> list[list[str]] | None:
    """The panel that shows a preset of the animator's own."""
    bpy.ops.affekt.save_preset(name="Own Mood")
    told = drawn(["presets"])["presets"]
    bpy.ops.affekt.delete_preset(name="Own Mood")
    return told


def uncover_heads(head: bpy.types.Object) -> list[object]:
    """A head inside a new scene's cube, inside one that was scaled, and outside of any."""
    uncover = harness.load("addon.head.around").uncover
    told = []
    for scale, place in ((1, 0), (1.5, 0), (1, 9)):
        bpy.ops.mesh.primitive_cube_add(size=2, location=(place, 0, 0))
        cube = bpy.context.object
        cube.name, cube.scale = "Cube", (scale, scale, scale)
        told.append([uncover(head, bpy.context), cube.hide_get(), cube.hide_render])
        bpy.data.objects.remove(cube)
    return told


def step_heads_aside(head: bpy.types.Object) -> list[list[object]]:
    """What is said of two more heads at the first one's place, and their own afterwards, metres;
    then of one that was put where no head is."""
    step_aside, told = harness.load("addon.head.around").step_aside, []
    added = []
    for place in ((0, 0, 0), (0, 0, 0), (0, 3, 0)):
        other = harness.add_head(harness.options()["head"])
        rig = harness.load("addon.head.find").rig_of(other)
        rig.location = place
        said = step_aside(other, bpy.context)
        told.append([said, rig.location.x / head.dimensions.x, *rig.location[1:]])
        added += [other, rig]
    for item in added:
        bpy.data.objects.remove(item)
    bpy.context.view_layer.objects.active = head
    return told


def draw_beside_another(head: bpy.types.Object) -> list[list[str]] | None:
    """The panel of the only head while a mesh is active that is none of its parts."""
    bpy.ops.mesh.primitive_cube_add()
    told = drawn(["head"])["head"]
    bpy.data.objects.remove(bpy.context.object)
    bpy.context.view_layer.objects.active = head
    return told


def report_in_window(sentence: str) -> list[str]:
    """The sentence as it is reported in a Blender that has a window, and in one without."""
    guard, reported = harness.load("addon.guard"), []
    own = guard.bpy
    guard.bpy = SimpleNamespace(app=SimpleNamespace(background=False))
    guard.report_error(lambda kind, text: reported.append(text), sentence)
    guard.bpy = own
    guard.report_error(lambda kind, text: reported.append(text), sentence)
    return reported


def browse_twice(path: str) -> list[str]:
    """Which file the browser opens at: of one operator before and after it was given `path`, then
    of another."""
    browsing, opened = harness.load("addon.browsing"), []
    manager = SimpleNamespace(fileselect_add=lambda asked: opened.append(asked.filepath))
    context = SimpleNamespace(window_manager=manager)
    for name, given in (("affekt.one", path), ("affekt.one", ""), ("affekt.two", "")):
        asked = SimpleNamespace(bl_idname=name, filepath="")
        browsing.browse_files(asked, context)
        if given:
            asked.filepath = given
            browsing.remember_file(asked)
    return opened


def unpack_demo(wheel: str) -> dict[str, object]:
    """What comes out of a wheel, and what is said of one without the take."""
    demo, plan = harness.load("addon.motion.demo"), harness.load("addon.setup.plan")
    shipped = plan.Wheel(path=Path(wheel), sha256="", version="1", torch="")
    path = demo.unpack_demo(shipped, harness.folder())
    with zipfile.ZipFile(harness.folder() / "empty.whl", "w"):
        pass
    shipped = plan.Wheel(path=harness.folder() / "empty.whl", sha256="", version="1", torch="")
    try:
        demo.unpack_demo(shipped, harness.folder())
    except harness.load("shared.errors").InputError as error:
        code = error.code
    files = {item.name: item.read_text() for item in path.parent.iterdir()}
    return {"name": path.name, "files": files, "without": code}


ALWAYS = ["sidecar", "head", "character", "take", "emotion", "bake", "avatar"]
WITH_A_HEAD = ["presets", "emotion_strengths", "bake_options", "avatar_output"]

with harness.enabled():
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    told = {"empty": drawn(ALWAYS)}
    head = harness.add_head(harness.options()["head"])
    head.name = "Her"
    rig = harness.load("addon.head.find").rig_of(head)
    rig.name = "Rig"
    for active in (head, rig):
        bpy.context.view_layer.objects.active = active
        told[active.name] = drawn(ALWAYS + WITH_A_HEAD)
    harness.avatar_settings().subject = "FILE"
    harness.avatar_settings().camera = "PORTRAIT"
    harness.avatar_settings().format = "PNG"
    told["chosen"] = drawn(["avatar", "avatar_output"])
    # Paths that begin where the blend file lies, as Blender's file browser writes them.
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "shot.blend"))
    chosen = harness.avatar_settings()
    head.affekt_bake.frame_range, head.affekt_bake.simplify_mm = "OWN", 0.1
    told["bake_chosen"] = drawn(["bake_options"])["bake_options"]
    chosen.file, chosen.adapter, chosen.folder = "//her.zip", "//in/flame.npz", "//out"
    settings = harness.load("addon.avatar.rendering").read_settings(head, bpy.context.scene)
    told["paths"] = [
        path.relative_to(harness.folder()).as_posix()
        for path in (settings.avatar, settings.adapter, settings.folder)
    ]
    tasks = harness.load("addon.link.tasks")
    steps = iter([tasks.Progress(fraction=0.25, text="Emotion 1/4")])
    tasks.start_task(tasks.Task("Bake", (step for step in steps))).step()
    told["baking"] = drawn(["head", "bake"])
    tasks.end_task()
    told["takes"] = draw_takes(head)
    told["own_preset"] = draw_own_preset()
    told["uncovered"] = uncover_heads(head)
    told["aside"] = step_heads_aside(head)
    told["beside"] = draw_beside_another(head)
    told["reported"] = report_in_window("word " * 60)
    told["opened"] = browse_twice("//take.csv")
    told["demo"] = unpack_demo(harness.options()["wheel"])
    told["His"] = draw_character()
    harness.answer(**told)
