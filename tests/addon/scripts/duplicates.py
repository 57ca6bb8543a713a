# SPDX-License-Identifier: GPL-3.0-or-later
"""Several heads: duplicates of the mesh alone, of mesh and armature, linked ones; then a head that
is appended, linked and overridden."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()


def duplicate(*items: bpy.types.Object, linked: bool = False) -> bpy.types.Object:
    """Shift-D, or Alt-D; the new head."""
    bpy.ops.object.select_all(action="DESELECT")
    for item in items:
        item.select_set(True)
    bpy.context.view_layer.objects.active = items[0]
    bpy.ops.object.duplicate(linked=linked)
    return find.heads_among(bpy.context.selected_objects)[0]


def use(item: bpy.types.Object) -> bpy.types.Object:
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active = item
    item.select_set(True)
    return item


def turn_jaw(take: object) -> None:
    """The take's jaw stays turned by one radian about x."""
    for index, value in ((0, 0.8775826), (1, 0.4794255)):
        path = 'pose.bones["jaw"].rotation_quaternion'
        curve = compat.find_curve(compat.curves_of(take.rig_action, "OBJECT"), path, index)
        for point in curve.keyframe_points:
            point.co[1] = value
        curve.update()


def jaws(*heads: bpy.types.Object) -> list[float]:
    bpy.context.scene.frame_set(3)
    return [find.rig_of(head).pose.bones["jaw"].rotation_quaternion[1] for head in heads]


def corrective(head: bpy.types.Object) -> bpy.types.Object:
    """The armature that the head's driven shape keys look at."""
    curve = head.data.shape_keys.animation_data.drivers[0]
    return curve.driver.variables[0].targets[0].id


def key(item: bpy.types.Object, value: float) -> None:
    use(item).affekt_emotion.happy = value
    bpy.context.scene.frame_set(1)
    item.affekt_emotion.happy = value
    bpy.ops.affekt.key_emotions()


def happy(*heads: bpy.types.Object) -> list[float]:
    bpy.context.scene.frame_set(2)
    return [head.affekt_emotion.happy for head in heads]


def by_duplicating() -> dict:
    """The mesh alone, then both, then the mesh linked; each gets another jaw and emotion."""
    first = harness.add_head(asked["head"])
    bpy.ops.affekt.import_take(filepath=asked["take"])
    mesh_only = duplicate(first)
    both = duplicate(first, find.rig_of(first))
    twin = duplicate(first, linked=True)
    heads = (first, mesh_only, both)
    for value, head in zip((0.1, 0.2, 0.3), heads, strict=True):
        key(head, value)
    told = {"happy": happy(*heads)}
    use(mesh_only)
    bpy.ops.affekt.import_take(filepath=asked["take"])
    turn_jaw(mesh_only.affekt_takes.items[-1])
    told["jaws"] = jaws(first, mesh_only, both, twin)
    told["rigs"] = len({find.rig_of(head).name for head in (*heads, twin)})
    told["own_drivers"] = [corrective(head) == find.rig_of(head) for head in heads]
    told["parents"] = [head.parent == find.rig_of(head) for head in heads]
    for head in heads:
        use(head)
        bpy.ops.affekt.bake()
    told["takes"] = [[take.name for take in head.affekt_takes.items] for head in heads]
    told["none_meant"] = find_none()
    return told


def find_none() -> str:
    """What Bake says while several heads are there and none is selected."""
    bpy.context.view_layer.objects.active = None
    return harness.failure(bpy.ops.affekt.bake)


def new_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True)


def bring(library: str, *, link: bool) -> bpy.types.Object:
    """The collection of the library, appended or linked, and its head."""
    with bpy.data.libraries.load(library, link=link) as (_, wanted):
        wanted.collections = ["Character"]
    collection = wanted.collections[0]
    bpy.context.scene.collection.children.link(collection)
    return use(find.heads_among(collection.objects)[0])


def write_library(name: str, *, is_used: bool) -> str:
    """A file with a head in a collection; one that is used has a take and an emotion of .5."""
    new_file()
    head = harness.add_head(asked["head"])
    if is_used:
        bpy.ops.affekt.import_take(filepath=asked["take"])
        key(head, 0.5)
    collection = bpy.data.collections.new("Character")
    bpy.context.scene.collection.children.link(collection)
    for item in (head, find.rig_of(head)):
        collection.objects.link(item)
        bpy.context.scene.collection.objects.unlink(item)
    path = str(harness.folder() / f"{name}.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    return path


def by_appending() -> dict:
    new_file()
    head = bring(library, link=False)
    key(head, 0.6)
    bpy.ops.affekt.bake()
    return {"takes": [take.name for take in head.affekt_takes.items], "happy": happy(head)}


def by_linking() -> dict:
    """What each button says of a head that is linked."""
    new_file()
    head = bring(library, link=True)
    buttons = {
        "import": lambda: bpy.ops.affekt.import_take(filepath=asked["take"]),
        "bake": bpy.ops.affekt.bake,
        "key": bpy.ops.affekt.key_emotions,
        "neutral": bpy.ops.affekt.neutral,
        "use": lambda: bpy.ops.affekt.use_take(name="take"),
    }
    said = {name: harness.failure(press) for name, press in buttons.items()}
    return {"said": said, "happy": happy(head)}


def by_overriding() -> dict:
    """An override's take, bake and keys, before and after the shot is saved and loaded."""
    head = override(library)
    key(head, 0.8)
    bpy.ops.affekt.import_take(filepath=asked["take"])
    bpy.ops.affekt.bake()
    curves = compat.active_curves(head)
    for name, value in (("upper", 0.25), ("sad", 0.75)):  # without a key
        curves.remove(compat.find_curve(curves, f"affekt_emotion.{name}"))
        setattr(head.affekt_emotion, name, value)
    told = {"before": describe(head)}
    told["after"] = describe(reload())
    return told


def by_overriding_unused() -> list[list[object]]:
    """What a shot sets on an override of a head that the library never used, before and after the
    shot is saved and loaded."""
    head = override(write_library("unused", is_used=False))
    head.affekt_emotion.angry, head.affekt_avatar.size = 0.5, 99
    bpy.ops.affekt.import_take(filepath=asked["take"])

    def now(head: bpy.types.Object) -> list[object]:
        return [head.affekt_emotion.angry, head.affekt_avatar.size, head.affekt_takes.active]

    return [now(head), now(reload())]


def override(library: str) -> bpy.types.Object:
    """In a new file, an override of the library's head."""
    new_file()
    collection = bring(library, link=True).users_collection[0]
    own = collection.override_hierarchy_create(
        bpy.context.scene, bpy.context.view_layer, do_fully_editable=True
    )
    return use(find.heads_among(own.objects)[0])


def reload() -> bpy.types.Object:
    """Saves the shot and loads it; its override."""
    path = str(harness.folder() / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    return next(head for head in heads() if head.override_library)


def heads() -> list[bpy.types.Object]:
    return find.heads_among(bpy.data.objects)


def describe(head: bpy.types.Object) -> dict:
    owners = (head, find.rig_of(head), head.data.shape_keys)
    actions = [owner.animation_data.action for owner in owners]
    return {
        "takes": [take.name for take in head.affekt_takes.items],
        "used": head.affekt_takes.active,
        "shown": [*happy(head), head.affekt_emotion.upper, head.affekt_emotion.sad],
        "actions": [action.name for action in actions],
        "local": [action.library is None for action in actions],
        "slots": [compat.slot_of(owner.animation_data) is not None for owner in owners],
        "curves": [len(list(compat.active_curves(owner))) > 0 for owner in owners],
    }


with harness.enabled():
    find, compat = harness.load("addon.head.find"), harness.load("addon.compat")
    session = harness.load("addon.link.session").session
    moves = silence(10)
    moves.jaw[:, 0] = np.arange(1, 11) / 100
    session.attach(FakeClient(harness.read_head(asked["head"]), moves))
    told = {"duplicated": by_duplicating()}
    library = write_library("library", is_used=True)
    told |= {"appended": by_appending(), "linked": by_linking(), "overridden": by_overriding()}
    told["overridden_unused"] = by_overriding_unused()
    harness.answer(**told, layered=compat.LAYERED_ACTIONS)
