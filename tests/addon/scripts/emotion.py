# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads emotion tracks from curves, drivers and NLA strips, beside what Blender shows. And what
the panels offer before anybody has touched them."""

import bpy
import harness
import numpy as np

asked = harness.options()


def shown(scene: bpy.types.Scene, head: bpy.types.Object, times: np.ndarray) -> dict:
    """Every channel as Blender has it at those scene frames, the slow way."""
    names = harness.load("shared.emotion").CHANNELS
    values = {name: [] for name in names}
    for time in times:
        scene.frame_set(int(time // 1), subframe=float(time % 1))
        for name in names:
            values[name].append(getattr(head.affekt_emotion, name))
    return values


def worst(scene: bpy.types.Scene, head: bpy.types.Object, times: np.ndarray) -> float:
    emotion = harness.load("shared.emotion")
    track = harness.load("addon.emotion.sample").read_track(head, times, 30.0, scene)
    values = shown(scene, head, times)
    columns = [track.weights[:, i] for i in range(6)]
    columns += [getattr(track, name) for name in emotion.CONTROLS]
    rows = zip(columns, values.values(), strict=True)
    return float(max(np.abs(read - np.array(seen)).max() for read, seen in rows))


def key(head: bpy.types.Object, name: str, frame: int, value: float) -> None:
    setattr(head.affekt_emotion, name, value)
    head.keyframe_insert(f"affekt_emotion.{name}", frame=frame)


def offered(properties: object) -> dict[str, list]:
    """Of each property its default, and its range or its choices."""
    told = {}
    for entry in properties:
        if entry.identifier in ("rna_type", "name", "filepath", "filter_glob"):
            continue
        if entry.type == "ENUM":
            default = sorted(entry.default_flag) if entry.is_enum_flag else entry.default
            told[entry.identifier] = [default, [item.identifier for item in entry.enum_items]]
        elif entry.type in ("INT", "FLOAT"):
            ends = [entry.hard_min, entry.soft_max, entry.hard_max]
            told[entry.identifier] = [round(float(end), 3) for end in (entry.default, *ends)]
        else:
            told[entry.identifier] = [entry.default]
    return told


def let_go(head: bpy.types.Object, scene: bpy.types.Scene) -> dict[str, list]:
    """`keep_closed` of a track while a linear curve takes it from 1 at frame 1 to 0 at frame 5;
    and of a head that never heard of it: a file of before has its other channels alone."""
    read = harness.load("addon.emotion.sample").read_track
    key(head, "keep_closed", 1, 1.0)
    key(head, "keep_closed", 5, 0.0)
    curves = harness.load("addon.compat").active_curves(head)
    curve = harness.load("addon.compat").find_curve(curves, "affekt_emotion.keep_closed")
    for point in curve.keyframe_points:
        point.interpolation = "LINEAR"
    told = read(head, 1 + np.arange(6.0), 30.0, scene).keep_closed.tolist()
    head.keyframe_delete("affekt_emotion.keep_closed", frame=1)
    head.keyframe_delete("affekt_emotion.keep_closed", frame=5)
    head.affekt_emotion.property_unset("keep_closed")
    before = read(head, np.array([1.0, 5.0]), 30.0, scene).keep_closed.tolist()
    return {"let_go": told, "from_before": before}


def key_and_reset(head: bpy.types.Object) -> dict:
    """What Key All writes at frame 23, and what Neutral leaves of every channel."""
    emotion, compat = head.affekt_emotion, harness.load("addon.compat")
    head.animation_data_clear()
    names = harness.load("shared.emotion").CHANNELS
    for number, name in enumerate(names):
        setattr(emotion, name, number / 20)
    bpy.context.scene.frame_set(23)
    bpy.ops.affekt.key_emotions()
    keys = {c.data_path: [*c.keyframe_points[0].co] for c in compat.active_curves(head)}
    return {"keys": keys, **reset(head, names)}


def reset(head: bpy.types.Object, names: tuple[str, ...]) -> dict:
    """Neutral is one move, told when all of it is there; a slider afterwards is another."""
    properties, told = harness.load("addon.emotion.properties"), []

    def note(item: bpy.types.Object) -> None:
        told.append([item == head, sum(getattr(item.affekt_emotion, name) for name in names[:6])])

    properties.moved.append(note)
    bpy.ops.affekt.neutral()
    left = [getattr(head.affekt_emotion, name) for name in names]
    head.affekt_emotion.sad = 0.5
    properties.moved.remove(note)
    return {"left": left, "told": told}


with harness.enabled():
    scene, compat = bpy.context.scene, harness.load("addon.compat")
    head = harness.add_head(asked["head"])
    times = 1 + np.arange(40) * 0.8
    errors = {"without_keys": worst(scene, head, times)}
    for frame, happy, upper in ((1, 0.0, 1.0), (9, 1.4, 2.0), (14, 1.5, 0.0), (30, 0.0, 0.3)):
        key(head, "happy", frame, happy)
        key(head, "upper", frame, upper)
    key(head, "sad", 5, 0.7)
    kept = let_go(head, scene)
    curve = compat.find_curve(compat.active_curves(head), "affekt_emotion.happy")
    for point in curve.keyframe_points:  # so that the curve overshoots its range
        point.handle_left_type = point.handle_right_type = "FREE"
        point.handle_right = (point.co[0] + 3, point.co[1] + 1)
    curve.update()
    errors["overshooting_curves"] = worst(scene, head, times)
    # Blender does not let a muted curve move its property, which stays as it was set by hand.
    curve.mute = True
    head.affekt_emotion.happy = 0.25
    errors["with_a_muted_curve"] = worst(scene, head, times)
    sample = harness.load("addon.emotion.sample")
    muted = sample.read_track(head, times, 30.0, scene).weights[:, 0]
    curve.mute = False
    scene.frame_set(17)
    harness.load("addon.emotion.sample").read_track(head, times, 30.0, scene)
    frame_after_curves = scene.frame_current
    driver = head.driver_add("affekt_emotion.fear").driver
    driver.type, driver.expression = "SCRIPTED", "frame * 0.01"
    errors["with_a_driver"] = worst(scene, head, times)
    scene.frame_set(17, subframe=0.25)
    harness.load("addon.emotion.sample").read_track(head, times, 30.0, scene)
    frame_after_driver = scene.frame_current + scene.frame_subframe
    # The curves' frames 2, 3 and 7 are the timeline's 5, 7.5 and 17.5.
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 250
    fear = harness.load("shared.emotion").EMOTIONS.index("fear")
    driven = sample.read_track(head, np.array([2.0, 3.0, 7.0]), 30.0, scene).weights[:, fear]
    scene.render.frame_map_new = 100
    head.driver_remove("affekt_emotion.fear")
    action = head.animation_data.action
    strip = head.animation_data.nla_tracks.new().strips.new("emotion", 10, action)
    head.animation_data.action = None
    if compat.LAYERED_ACTIONS:
        strip.action_slot = action.slots[0]
    errors["with_a_strip"] = worst(scene, head, times)
    harness.load("addon.emotion.operators").key_channels(head, 3)
    keyed = sorted(c.data_path for c in compat.active_curves(head))
    channels, ops = harness.load("shared.emotion").CHANNELS, bpy.ops.affekt
    harness.answer(
        by_hand=key_and_reset(head),
        labels=[head.affekt_emotion.bl_rna.properties[n].name for n in channels],
        **kept,
        avatar=offered(harness.avatar_settings().bl_rna.properties),
        emotion=offered(head.affekt_emotion.bl_rna.properties),
        take_file=offered(ops.import_take.get_rna_type().properties),
        fit=offered(ops.fit_takes.get_rna_type().properties),
        errors=errors,
        driven=driven.tolist(),
        muted=[float(muted.min()), float(muted.max())],
        frames=[frame_after_curves, frame_after_driver],
        keyed=keyed,
    )
