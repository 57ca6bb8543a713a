# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes renamed, duplicated, trimmed, looped, deleted; rates by hand; emotions for each take; an
adapter that is remembered."""

from collections.abc import Callable

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()
ops = bpy.ops.affekt


def said(call: Callable[[], object]) -> str:
    return harness.failure(call).removeprefix("Error: ")


def names() -> list[str]:
    return [take.name for take in head.affekt_takes.items]


def counting(name: str) -> list[list[float]]:
    """(K, 2) keys of the expression that counts the take's frames."""
    compat, take = harness.load("addon.compat"), head.affekt_takes.items[name]
    path = f'key_blocks["{model.expression_names[1]}"].value'
    points = compat.find_curve(compat.curves_of(take.keys_action, "KEY"), path).keyframe_points
    return [[round(point.co[0], 4), round(point.co[1], 4)] for point in points]


def bezier_curve(name: str) -> list[float]:
    """What a curve of the take with three smooth keys says at frames 8, 12, 16 and 20."""
    compat, take = harness.load("addon.compat"), head.affekt_takes.items[name]
    curve = compat.find_curve(compat.curves_of(take.keys_action, "KEY"), SMOOTH)
    return [round(curve.evaluate(frame), 3) for frame in (8, 12, 16, 20)]


def bend(name: str) -> None:
    """An animator's own keys: at 1, 13 and 31, smooth."""
    compat, take = harness.load("addon.compat"), head.affekt_takes.items[name]
    curve = compat.find_curve(compat.curves_of(take.keys_action, "KEY"), SMOOTH)
    harness.load("addon.motion.keys").set_keys(
        curve, np.array([1.0, 13.0, 31.0]), np.array([0.0, 1.0, 0.25]), "bezier"
    )


def edit() -> dict:
    """A take and its bake."""
    ops.import_take(filepath=asked["take"], first_frame=1)
    ops.bake()
    ops.rename_take(name="take", new_name=" Line 7 ")
    told = {"renamed": names(), "source": head.affekt_takes.items[1].source}
    told["action"] = head.affekt_takes.items[0].keys_action.name.split()[:2]
    told["taken"] = said(lambda: ops.rename_take(name="Line 7", new_name="take baked"))
    told["nameless"] = said(lambda: ops.rename_take(name="Line 7", new_name=" "))
    ops.bake()  # still knows its take
    told["baked_again"] = names()
    bend("Line 7")
    before = bezier_curve("Line 7")
    ops.duplicate_take(name="Line 7")
    told["duplicated"], told["in_use"] = names(), head.affekt_takes.active
    ops.trim_take(first=11, last=17)
    told["trimmed"], told["whole"] = counting("Line 7 copy"), len(counting("Line 7"))
    told["smooth"] = [before, bezier_curve("Line 7 copy"), bezier_curve("Line 7")]
    motion = harness.load("addon.motion.takes").read_take(
        head, head.affekt_takes.items["Line 7 copy"], scene
    )
    told["read"] = [len(motion), round(float(motion.expression[0, 1]), 4)]
    told["outside"] = said(lambda: ops.trim_take(first=100, last=120))
    ops.loop_take()
    told["loop"] = [scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end]
    ops.loop_take()
    told["no_loop"] = scene.use_preview_range
    return told


def delete() -> dict:
    """The copy that is in use, then a bake whose Action an NLA strip plays, then a take."""
    actions = len(bpy.data.actions)
    ops.delete_take()
    told = {"left": names(), "in_use": head.affekt_takes.active}
    told["gone"] = actions - len(bpy.data.actions)
    bake = head.affekt_takes.items["take baked"]
    strip = head.data.shape_keys.animation_data.nla_tracks.new().strips.new(
        "kept", 1, bake.keys_action
    )
    ops.delete_take(name="take baked")
    told["stays"] = strip.action is not None and strip.action.use_fake_user
    told["then"] = names()
    told["unknown"] = said(lambda: ops.delete_take(name="gone"))
    ops.delete_take()
    told["none"], told["no_use"] = names(), head.affekt_takes.active
    told["plays"] = head.data.shape_keys.animation_data.action is None
    return told


def rates() -> dict:
    """A take of 30 frames a second in a scene of 24 that ends with it; emotions keyed on it."""
    ops.import_take(filepath=asked["take"], first_frame=1)
    head.affekt_emotion.happy = 1.0
    for frame in (1, 13):
        scene.frame_set(frame)
        ops.key_emotions()
    told = {"placed": counting("take")[-1], "end": scene.frame_end}
    ops.use_take_rate()
    told["scene"] = [scene.render.fps, scene.render.fps_base]
    told["at_take"], told["end_at_take"] = counting("take")[-1], scene.frame_end
    told["emotion"] = emotion_frames()
    ops.set_take_rate(fps=60.0)
    told["at_60"], told["end_at_60"] = counting("take")[-1], scene.frame_end
    told["emotion_at_60"] = emotion_frames()
    told["take_fps"] = head.affekt_takes.items["take"].fps
    told["speed"] = harness.load("addon.motion.placement").describe_speed(
        head.affekt_takes.items["take"], scene
    )
    rate = harness.load("addon.motion.retiming").blender_rate
    told["rates"] = [rate(fps) for fps in (24.0, 23.976024, 29.97003, 12.5)]
    return told


def emotion_frames() -> list[float]:
    compat = harness.load("addon.compat")
    curve = compat.find_curve(compat.active_curves(head), "affekt_emotion.happy")
    return [round(point.co[0], 4) for point in curve.keyframe_points]


def own_emotions() -> dict:
    """Two takes: the second begins with the first's emotions; then each keeps its own, keys and
    sliders; a bake has its take's."""
    emotion = head.affekt_emotion
    head.animation_data_clear()
    ops.neutral()
    head.affekt_takes.own_emotions = True
    emotion.happy, emotion.sad = 0.75, 0.0
    head.keyframe_insert("affekt_emotion.happy", frame=1)
    ops.import_take(filepath=asked["take"], first_frame=1)
    scene.frame_set(1)
    told = {"copied": look()}
    emotion.happy = 0.25
    head.keyframe_insert("affekt_emotion.happy", frame=1)
    emotion.sad = 0.5
    ops.use_take(name="take")
    scene.frame_set(1)
    told["first"] = look()
    ops.bake()
    told["baked"] = look()
    ops.use_take(name="take 2")
    scene.frame_set(1)
    told["second"] = look()
    head.affekt_takes.own_emotions = False
    ops.use_take(name="take")
    told["shared"] = look()
    return told


def look() -> list[float]:
    return [round(head.affekt_emotion.happy, 4), round(head.affekt_emotion.sad, 4)]


class Needing(FakeClient):
    """Reads no take without an adapter."""

    def read_take(self, motion: object, adapter: object = None, *rest: object, **more: object):
        self.fault = "" if adapter is not None else "space"
        self.adapters.append(getattr(adapter, "name", None))
        return super().read_take(motion, adapter, *rest, **more)


def remember() -> dict:
    """The first import names no adapter, the second one does, the third relies on it."""
    client = Needing(model, silence(4))
    client.adapters = []
    session.attach(client)
    told = {"refused": said(lambda: ops.import_take(filepath=asked["take"]))}
    ops.import_take(filepath=asked["take"], adapter=asked["adapter"])
    ops.import_take(filepath=asked["take"])
    told["adapters"], told["notes"] = list(client.adapters), head.affekt_takes.items[-1].notes
    preferences = harness.load("addon.preferences")
    told["kept"] = preferences.preferences(bpy.context).adapter
    preferences.preferences(bpy.context).adapter = "/no/such/adapter.npz"
    told["gone"] = said(lambda: ops.import_take(filepath=asked["take"]))
    return told


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    scene.render.fps = 30
    head, model = harness.add_head(asked["head"]), harness.read_head(asked["head"])
    SMOOTH = f'key_blocks["{model.expression_names[2]}"].value'
    session.attach(FakeClient(model, silence(31, fps=30.0)))
    told = {"edit": edit(), "delete": delete()}
    scene.render.fps = 24
    told["rates"] = rates()
    told["emotions"] = own_emotions()
    told["adapter"] = remember()
    harness.answer(**told)
