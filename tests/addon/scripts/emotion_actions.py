# SPDX-License-Identifier: GPL-3.0-or-later
"""Where emotion keys go: by the button, by Blender's own keying, in files of before."""

import time
from types import SimpleNamespace

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()
HAPPY = "affekt_emotion.happy"


def emotion_actions() -> list[str]:
    """Names of the Actions that hold emotion curves of any owner."""
    return sorted(
        action.name
        for action in bpy.data.actions
        if any(curve.data_path.startswith("affekt_emotion.") for curve in all_curves(action))
    )


def all_curves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    if not compat.LAYERED_ACTIONS:
        return list(action.fcurves)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def happy_keys() -> list[float]:
    """Frames and values of the head's happy curve, one after the other."""
    curve = compat.find_curve(compat.active_curves(head), HAPPY)
    return [] if curve is None else [number for p in curve.keyframe_points for number in p.co]


def happy_at(*frames: int) -> list[float]:
    told = []
    for frame in frames:
        scene.frame_set(frame)
        told.append(head.affekt_emotion.happy)
    return told


def key_by_hand(frame: int, value: float) -> None:
    """As I over the slider does it."""
    head.affekt_emotion.happy = value
    head.keyframe_insert(HAPPY, frame=frame)


def put_into_take(take: object) -> None:
    """What Blender made of an older add-on's keys: they lie in the Action of the take. In 4.2 it
    never did so by itself, but an animator may choose the Action of the bones by hand."""
    data = head.animation_data
    data.action = take.rig_action
    if compat.LAYERED_ACTIONS:
        data.action_slot = take.rig_action.slots.new(id_type="OBJECT", name="Affekt Head")


def by_buttons() -> dict:
    """A take, keys, a bake, more keys; then the bake's Action is deleted."""
    told = {"at_first": [head.animation_data.action.name, head.animation_data.action.users]}
    session.attach(FakeClient(harness.read_head(asked["head"]), silence(10)))
    bpy.ops.affekt.import_take(filepath=asked["take"])
    bpy.ops.affekt.bake()
    head.affekt_emotion.happy = 0.5
    scene.frame_set(7)
    bpy.ops.affekt.key_emotions()
    told["keyed"] = emotion_actions()
    bpy.data.actions.remove(head.affekt_takes.items[1].keys_action)
    bpy.context.view_layer.update()
    told["left"], told["after"] = happy_keys(), emotion_actions()
    told["takes"] = [take.name for take in head.affekt_takes.items]
    told["in_use"] = head.affekt_takes.active
    told["said"] = harness.failure(bpy.ops.affekt.bake)
    bpy.ops.affekt.use_take(name="take")
    return told


def by_blender() -> dict:
    """The animator takes the emotions' Action away and keys a slider, then once more by button."""
    take = head.affekt_takes.items[0]
    head.animation_data.action = None
    key_by_hand(3, 0.25)
    bpy.context.view_layer.update()
    told = {"in_take": take.keys_action.name in emotion_actions(), "keys": happy_keys()}
    told["slots"] = len(take.keys_action.slots) if compat.LAYERED_ACTIONS else 2
    head.animation_data.action = None
    bpy.ops.affekt.key_emotions()
    told["in_take_by_button"] = take.keys_action.name in emotion_actions()
    return told


def from_before() -> dict:
    """A file in which the keys and a strip's keys lie in the take's Action, loaded twice."""
    global head, scene
    upkeep, said = harness.load("addon.head.upkeep"), []
    upkeep.unwatch()
    take = head.affekt_takes.items[0]
    put_into_take(take)
    key_by_hand(2, 0.2)
    key_by_hand(8, 0.9)
    curve = compat.find_curve(compat.active_curves(head), HAPPY)
    curve.keyframe_points[0].interpolation = "CONSTANT"
    data = head.animation_data
    strip = data.nla_tracks.new().strips.new("pushed", 101, data.action)
    if compat.LAYERED_ACTIONS:
        strip.action_slot = data.action_slot
    shown = happy_at(2, 5, 8, 101, 104, 107)
    span = [strip.frame_start, strip.frame_end, strip.scale]
    path, told = str(harness.folder() / "before.blend"), {"before": emotion_actions()}
    bpy.ops.wm.save_as_mainfile(filepath=path)
    upkeep.watch()
    upkeep.say = said.append
    for _ in range(2):
        bpy.ops.wm.open_mainfile(filepath=path)
        scene, head = bpy.context.scene, bpy.data.objects["Affekt Head"]
        bpy.ops.wm.save_as_mainfile(filepath=path)
    strip = head.animation_data.nla_tracks[0].strips[0]
    take = head.affekt_takes.items[0]
    told |= {"said": said, "after": emotion_actions(), "take": take.rig_action.name}
    told["strip"] = [strip.action.name, strip.frame_start, strip.frame_end, strip.scale]
    told["span"], told["keys"] = span, happy_keys()
    told["shown"], told["shown_after"] = shown, happy_at(2, 5, 8, 101, 104, 107)
    told["keys_move"] = head.data.shape_keys.animation_data.action == take.keys_action
    return told


def costs_ms() -> dict:
    """What the handler takes after an update, with twenty heads of three takes: where no Action
    changed, and where one did."""
    upkeep = harness.load("addon.head.upkeep")
    for _ in range(19):
        other = harness.add_head(asked["head"])
        for number in range(3):
            take = other.affekt_takes.items.add()
            take.name = str(number)
            take.rig_action = take.keys_action = head.affekt_takes.items[0].keys_action
    graph, took = SimpleNamespace(updates=[]), {}
    upkeep._after_update(scene, graph)
    for name, call in (
        ("still", lambda: upkeep._after_update(scene, graph)),
        ("keyed", lambda: upkeep.keep_up(scene)),
    ):
        began = time.perf_counter()
        for _ in range(50):
            call()
        took[name] = (time.perf_counter() - began) * 1000 / 50
    return took


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    compat = harness.load("addon.compat")
    head = harness.add_head(asked["head"])
    told = {"buttons": by_buttons(), "blender": by_blender(), "before": from_before()}
    harness.answer(**told, costs_ms=costs_ms())
