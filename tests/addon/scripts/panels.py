# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the add-on's panels into a layout that writes down what it is asked for."""

from collections.abc import Callable
from types import SimpleNamespace

import bpy
import harness
from made_character import bind, make_armature


class Layout:
    """Notes sliders, buttons and texts in the order in which they are drawn."""

    def __init__(self, drawn: list[list[str]]) -> None:
        self._drawn = drawn

    def prop(self, owner: bpy.types.bpy_struct, name: str, **_: object) -> None:
        owner.path_resolve(name)  # raises if there is none
        self._drawn.append(["prop", f"{owner.id_data.name}.{name}"])

    def prop_decorator(self, owner: bpy.types.bpy_struct, name: str) -> None:
        self._drawn.append(["dot", f"{owner.id_data.name}.{name}"])

    def operator(self, name: str, text: str | None = None, **_: object) -> SimpleNamespace:
        room, operator = name.split(".")
        getattr(getattr(bpy.ops, room), operator).get_rna_type()  # raises if there is none
        self._drawn.append(["button", name if text is None else f"{name} {text}".rstrip()])
        return SimpleNamespace()

    def label(self, text: str, **_: object) -> None:
        self._drawn.append(["text", text])

    def progress(self, factor: float, text: str) -> None:
        self._drawn.append(["progress", f"{factor:g} {text}"])

    def prop_search(
        self, owner: bpy.types.bpy_struct, name: str, data: object, items: str, **_: object
    ) -> None:
        assert name in owner.bl_rna.properties, name
        getattr(data, items)  # raises if there is none
        self._drawn.append(["search", f"{owner.name or name}: {getattr(owner, name)}"])

    def template_list(self, kind: str, _: str, owner: object, items: str, *__: object) -> None:
        for item in getattr(owner, items)[:2]:
            getattr(bpy.types, kind).draw_item(None, bpy.context, self, owner, item, 0, owner, "")

    def __getattr__(self, name: str) -> Callable[..., "Layout"]:
        if name not in ("row", "column", "box", "split"):
            raise AttributeError(name)
        return lambda **_: Layout(self._drawn)


def drawn(names: list[str]) -> dict[str, list[list[str]] | None]:
    """What each panel draws in the present context; None if it does not show."""
    told = {}
    for name in names:
        panel = getattr(bpy.types, f"AFFEKT_PT_{name}")
        shows = not hasattr(panel, "poll") or panel.poll(bpy.context)
        told[name] = [] if shows else None
        if shows:
            panel.draw(SimpleNamespace(layout=Layout(told[name])), bpy.context)
    return told


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


ALWAYS = ["sidecar", "head", "character", "take", "emotion", "bake", "avatar"]
WITH_A_HEAD = ["emotion_strengths", "bake_options", "avatar_output"]

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
    bpy.context.scene.affekt_avatar.subject = "FILE"
    bpy.context.scene.affekt_avatar.camera = "PORTRAIT"
    bpy.context.scene.affekt_avatar.format = "PNG"
    told["chosen"] = drawn(["avatar", "avatar_output"])
    # Paths that begin where the blend file lies, as Blender's file browser writes them.
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "shot.blend"))
    chosen = bpy.context.scene.affekt_avatar
    head.affekt_bake.frame_range, head.affekt_bake.simplify_mm = "OWN", 0.1
    told["bake_chosen"] = drawn(["bake_options"])["bake_options"]
    chosen.file, chosen.adapter, chosen.folder = "//her.zip", "//in/flame.npz", "//out"
    settings = harness.load("addon.avatar.rendering").read_settings(bpy.context.scene)
    told["paths"] = [
        path.relative_to(harness.folder()).as_posix()
        for path in (settings.avatar, settings.adapter, settings.folder)
    ]
    tasks = harness.load("addon.link.tasks")
    steps = iter([tasks.Progress(fraction=0.25, text="Emotion 1/4")])
    tasks.start_task(tasks.Task("Bake", (step for step in steps))).step()
    told["baking"] = drawn(["head", "bake"])
    tasks.end_task()
    told["His"] = draw_character()
    harness.answer(**told)
