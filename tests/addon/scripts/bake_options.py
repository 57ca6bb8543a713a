# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a bake: where it goes, which frames, how many keys, strips."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient

asked = harness.options()
FRAMES = 60


def key_frames(take: object) -> np.ndarray:
    """Curve frames of the keys of the first shape key that moves."""
    return places_of(curve(take, model.expression_names[1]))


def places_of(curve: bpy.types.FCurve) -> np.ndarray:
    flat = np.empty(len(curve.keyframe_points) * 2, np.float32)
    curve.keyframe_points.foreach_get("co", flat)
    return flat[::2]


def curve(take: object, name: str) -> bpy.types.FCurve:
    path = f'key_blocks["{name}"].value'
    return compat.find_curve(compat.curves_of(take.keys_action, "KEY"), path)


def all_keys() -> dict[str, str]:
    """A fingerprint of the keys of every take and bake."""
    return {take.name: takes.fingerprint_of(take) for take in head.affekt_takes.items}


def said_by(**options: object) -> str:
    steps = baking.bake_steps(head, scene, choices.BakeOptions(**options))
    return tasks.Task("Bake", steps).run()


def bake(**options: object) -> object:
    """The bake in use after another bake."""
    bpy.ops.affekt.bake(**options)
    return head.affekt_takes.items[head.affekt_takes.active]


def targets() -> dict:
    """Bakes again and again: into which Action, and what stays as it was."""
    told, before = {}, all_keys()
    first = bake()
    action, told["first"] = first.keys_action.name, len(bpy.data.actions)
    head.affekt_emotion.happy = 0.5
    again = bake()
    told["again"] = [again.name, again.keys_action.name == action, len(bpy.data.actions)]
    told["happy"] = curve(again, model.expression_names[0]).keyframe_points[0].co[1]
    told["take_kept"] = all_keys()["take"] == before["take"]
    told["new"] = bake(target="NEW").name
    bpy.ops.affekt.use_take(name="take")
    told["last"] = bake().name
    bpy.ops.affekt.use_take(name="take baked")
    told["used"] = bake().name
    edited = head.affekt_takes.items["take baked"]
    curve(edited, model.expression_names[1]).keyframe_points[3].co[1] = 0.9
    kept, asks = all_keys(), harness.load("addon.bake.operators").say_edited
    panel = head.affekt_bake
    told["asks"] = asks(panel, bpy.context)
    panel.target = "NEW"
    told["asks_not"] = asks(panel, bpy.context)
    scene.frame_end = 50
    told["edited_said"] = said_by()
    scene.frame_end = 250
    told["edited_kept"] = all_keys()["take baked"] == kept["take baked"]
    told["edited_new"] = head.affekt_takes.active
    bpy.ops.affekt.use_take(name="take baked")
    told["overwritten"] = bake(overwrite=True).name
    told["as_baked"] = curve(edited, model.expression_names[1]).keyframe_points[3].co[1]
    told["others_kept"] = {
        name: keys == kept[name] for name, keys in all_keys().items() if name in kept
    }
    scene.render.fps = 24
    bpy.ops.affekt.fit_takes()
    told["fitted"] = [bake().name, len(head.affekt_takes.items)]
    scene.render.fps = 30
    bpy.ops.affekt.fit_takes()
    head.affekt_takes.items["take baked"].baked_keys = ""  # as an older file has it
    bpy.ops.affekt.use_take(name="take baked")
    told["older"] = bake().name
    return told


def ranges() -> dict:
    """Key frames of bakes of each range, and which rows the sidecar was asked for."""
    scene.frame_start, scene.frame_end = 21, 30
    told = {"scene": span(frame_range="SCENE"), "none": refused(frame_range="PREVIEW")}
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 51, 80
    told["preview"] = span(frame_range="PREVIEW")
    told["own"] = span(frame_range="OWN", first=-9, last=5)
    told["far"] = span(frame_range="OWN", first=1001, last=1010)
    told["backwards"] = refused(frame_range="OWN", first=5, last=4)
    return told


def span(**options: object) -> dict:
    baked = bake(target="NEW", **options)
    frames = client.sent_frames
    return {
        "keys": places_of(curve(baked, model.expression_names[3]))[[0, -1]],
        "place": [baked.first_frame, baked.frames],
        "sent": len(client.sent_motion),
        "asked": None if frames is None else [frames.start, frames.stop],
    }


def refused(**options: object) -> str:
    return harness.failure(lambda: bpy.ops.affekt.bake(target="NEW", **options))


def mesh_of() -> np.ndarray:
    """(T, V, 3) as the head moves at each frame of the take."""
    return np.stack([harness.evaluated_vertices(head, 1 + row) for row in range(FRAMES)])


def fewer_keys() -> dict:
    """How far the mesh of simplified bakes is from the whole one, in mm, and what was said."""
    bake(target="NEW")
    whole, told = mesh_of(), []
    for allowed in (0.02, 0.2, 2.0):
        said = said_by(target="NEW", simplify_mm=allowed)
        used = head.affekt_takes.items[head.affekt_takes.active]
        off = float(np.linalg.norm(mesh_of() - whole, axis=2).max() * 1000)
        keys = sum(len(c.keyframe_points) for c in compat.curves_of(used.keys_action, "KEY"))
        place = placement.grid_of(used, scene)
        told.append([allowed, off, keys, said, place.place.first, len(place.rows)])
    stepped = bake(target="NEW", step=7)
    place = placement.grid_of(stepped, scene)
    return {
        "simplified": told,
        "stepped": key_frames(stepped),
        "stepped_place": [place.place.first, len(place.rows), place.fps],
    }


def strips() -> dict:
    """A bake as a strip, baked again: the strip stays where it was put."""
    bpy.ops.affekt.use_take(name="take")
    for item in [item for item in head.affekt_takes.items if item.kind == "BAKE"]:
        head.affekt_takes.items.remove(head.affekt_takes.items.find(item.name))
    used = bake(target="NEW", as_strip=True)
    data = head.data.shape_keys.animation_data
    told = {"laid": laid(data, used), "shown": shown(11), "active": str(data.action)}
    for owner in takes.owners_of(head, head.affekt_takes.items[0]).values():
        owner.animation_data.nla_tracks[-1].strips[0].frame_start_ui = 101
    again = bake(as_strip=True)
    told |= {"again": laid(data, again), "moved_shown": shown(111)}
    told["tracks"] = len(data.nla_tracks)
    told["said"] = said_by(as_strip=True)
    return told


def laid(data: bpy.types.AnimData, used: object) -> list:
    strip = data.nla_tracks[-1].strips[0]
    ends = [strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end]
    return [strip.name, strip.action == used.keys_action, *ends]


def shown(frame: int) -> float:
    scene.frame_set(frame)
    return head.data.shape_keys.key_blocks[model.expression_names[1]].value


def arms() -> list[float]:
    """Of the joints of another head, each of whose vertices turns with one joint alone."""
    other = harness.add_head(asked["rigid_head"])
    flat = np.empty(3 * len(other.data.vertices))
    other.data.vertices.foreach_get("co", flat)
    return harness.load("addon.bake.simplify")._arms(other, flat.reshape(-1, 3))


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    tasks, baking = harness.load("addon.link.tasks"), harness.load("addon.bake.baking")
    choices, takes = harness.load("addon.bake.options"), harness.load("addon.motion.takes")
    compat, placement = harness.load("addon.compat"), harness.load("addon.motion.placement")
    scene.render.fps = 30
    head, model = harness.add_head(asked["head"]), harness.read_head(asked["head"])
    performed = harness.read_motion(asked["motion"])
    client = FakeClient(model, performed)
    session.attach(client)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    told = {"targets": targets(), "ranges": ranges(), "keys": fewer_keys(), "strips": strips()}
    told["tenth"] = float(performed.expression[10, 1])
    place = {"no_folder": "/nowhere/here.pc2", "no_cache": str(harness.folder() / "mesh.abc")}
    told |= {name: refused(cache=path) for name, path in place.items()}
    bake(cache=str(harness.folder() / "mesh.pc2"))
    told["cached"] = (harness.folder() / "mesh.pc2").read_text()
    told["arms"] = arms()
    harness.answer(**told)
