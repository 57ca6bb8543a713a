# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain arithmetic and plain files in modules that only Blender can load, by small examples."""

import os
from types import SimpleNamespace

import bpy
import harness
import numpy as np


def quaternions(*angles: float, axis: int = 0) -> np.ndarray:
    """Turns by these angles about x, y or z."""
    out = np.zeros((len(angles), 4))
    out[:, 0], out[:, 1 + axis] = np.cos(np.array(angles) / 2), np.sin(np.array(angles) / 2)
    return out


def worst() -> list[float]:
    """Three frames of a shape, the root and a bone; the middle one's keys are left out of the
    shape's and the root's curves, then of the bone's too."""
    simplify = harness.load("addon.bake.simplify")
    root = harness.load("addon.motion.curves").ROOT_PATH
    reach = simplify._Reach(
        paths=("shape",), shapes=np.array([[1.0, 0, 0, 0, 2, 0]]), arms={"bone": 0.5}
    )
    moving = {
        "shape": np.array([[0.0], [1.0], [0.2]]),
        root: np.array([[0.0, 0, 0], [0, 0, 0.3], [0, 0, 0]]),
        "bone": quaternions(0, 0.2, 0),
    }
    ends, every = np.array([0, 2]), np.arange(3)
    told = []
    for bone in (every, ends):
        rows = {"shape": ends, root: ends, "bone": bone}
        told.append(harness.last_of(simplify._worst(reach, moving, rows)))
    told.append(harness.last_of(simplify._worst(reach, moving, dict.fromkeys(moving, every))))
    return told


def tracks() -> dict[str, object]:
    """A channel each that overshoots its range on both sides."""
    emotion = harness.load("shared.emotion")
    track_of = harness.load("addon.emotion.sample").track_of
    values = {
        name: np.array([-0.5, 0.25 + 0.01 * k, 9], np.float32)
        for k, name in enumerate(emotion.EVERY_CHANNEL)
    }
    track = track_of(values, 23.976)
    return {
        "weights": track.weights,
        "controls": {name: getattr(track, name) for name in emotion.CONTROLS},
        "fps": track.fps,
    }


def playback() -> dict[str, object]:
    """What needs Blender to play the emotions; strips that play; the frame that is put back."""
    sample = harness.load("addon.emotion.sample")
    strips_of = harness.load("addon.motion.playback").playing_strips
    told: dict[str, object] = {}
    plain = bpy.data.objects.new("plain", None)
    told["nothing"] = sample.needs_playback(plain)
    plain.driver_add("location", 0)
    told["another driver"] = sample.needs_playback(plain)
    plain.driver_add("affekt_emotion.happy")
    told["driver"] = sample.needs_playback(plain)
    layered = bpy.data.objects.new("layered", None)
    layered.location.x = 1
    layered.keyframe_insert("location", frame=1)
    data = layered.animation_data
    one, two = data.nla_tracks.new(), data.nla_tracks.new()
    told["empty track"] = sample.needs_playback(layered)
    first = one.strips.new("first", 1, data.action)
    second = two.strips.new("second", 1, data.action)
    told["strip"] = sample.needs_playback(layered)
    told["both"] = [strip.name for strip in strips_of(layered)]
    second.mute = True
    told["one muted"] = [strip.name for strip in strips_of(layered)]
    second.mute, two.is_solo = False, True
    told["solo"] = [strip.name for strip in strips_of(layered)]
    two.is_solo = False
    one.mute = True
    told["track muted"] = [strip.name for strip in strips_of(layered)]
    two.mute = True
    told["all muted"] = sample.needs_playback(layered)
    one.mute, data.use_nla = False, False
    told["nla off"] = [sample.needs_playback(layered), len(list(strips_of(layered)))]
    told["no data"] = len(list(strips_of(bpy.data.objects.new("bare", None))))
    assert first.name == "first"
    scene = bpy.context.scene
    scene.frame_set(7, subframe=0.25)
    try:
        with sample.frame_restored(scene):
            scene.frame_set(3, subframe=0.5)
            raise ValueError
    except ValueError:
        told["frame"] = [scene.frame_current, scene.frame_subframe]
    return told


def files_of_emotions() -> dict[str, object]:
    """Which values need a key, where frames lie, and what a file can say of curves."""
    exchange = harness.load("addon.emotion.exchange")
    placement = harness.load("addon.motion.placement")
    rows, levels = exchange._needed(np.array([0, 1, 2, 3, 2.5, 2, 2.0000000001]))
    clock = exchange._Clock(place=placement.Placement(first=5.0, fps=60.0), fps=30.0, frames=9)
    told = {
        "needed": [rows, levels],
        "times": clock.times(np.array([0, 1.5]), 24.0),
        "rows": clock.rows(np.array([5.0, 8.0])),
        "all": exchange._all_times(clock),
        "left out": [exchange._say_left_out(()), exchange._say_left_out(("joy", "pain"))],
    }
    holder = bpy.data.objects.new("holder", None)
    said = []
    for number, change in enumerate(CHANGES):
        holder.location.x = number
        holder.keyframe_insert("location", index=0, frame=1)
        holder.location.x = number + 1
        holder.keyframe_insert("location", index=0, frame=9)
        curve = compat.find_curve(compat.active_curves(holder), "location", 0)
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
        change(curve)
        said.append(exchange.plain_interpolation(curve))
        holder.animation_data_clear()
    return {**told, "plain": said}


def interpolation(*kinds: str, handle: str = "AUTO_CLAMPED") -> object:
    def change(curve: bpy.types.FCurve) -> None:
        for point, kind in zip(curve.keyframe_points, kinds, strict=True):
            point.interpolation = kind
            point.handle_left_type = point.handle_right_type = handle

    return change


CHANGES = (
    lambda curve: None,
    interpolation("CONSTANT", "CONSTANT"),
    interpolation("BEZIER", "BEZIER"),
    interpolation("BEZIER", "BEZIER", handle="FREE"),
    interpolation("LINEAR", "BEZIER"),
    interpolation("BOUNCE", "BOUNCE"),
    lambda curve: setattr(curve, "extrapolation", "LINEAR"),
    lambda curve: curve.modifiers.new("NOISE"),
)


def line(name: str, *points: tuple[float, float]) -> bpy.types.FCurve:
    """A curve of straight lines."""
    curve = compat.new_curve(action, "OBJECT", name, 0, "group")
    if points:
        times, values = np.array(points).T
        keys.set_keys(curve, times, values, "linear")
    return curve


def said_by(curve: bpy.types.FCurve) -> list[list[float]]:
    return [list(point.co) for point in curve.keyframe_points]


def writing() -> dict[str, object]:
    """Keys that are written, cut, moved, added to and compared."""
    still, moving = line("still"), line("moving")
    keys.write_keys(still, np.array([3.0, 4, 5]), np.array([0.5, 0.5 + 1e-9, 0.5]))
    keys.write_keys(moving, np.array([3.0, 4, 6]), np.array([0.5, 0.75, 0.5]))
    told = {"still": said_by(still), "moving": said_by(moving)}
    told["kinds"] = sorted({point.interpolation for point in moving.keyframe_points})
    keys.set_keys(moving, np.array([1.0, 2]), np.array([7.0, 9]), "constant")
    told["set"] = said_by(moving)
    told["set kinds"] = sorted(
        {(p.interpolation, p.handle_left_type, p.handle_right_type) for p in moving.keyframe_points}
    )
    told["places"] = keys.key_places(moving)
    ramp = ((0, 0), (10, 10), (20, 20), (30, 30))
    for name, first, last in (("cut", 5, 20), ("inside", -1, 30), ("beside", 12, 18)):
        curve = line(name, *ramp)
        keys.cut_keys(curve, first, last)
        told[name] = said_by(curve)
    alone = line("alone", (40, 8))
    keys.cut_keys(alone, 5, 20)
    told["alone"] = said_by(alone)
    moved = line("moved", (0, 4), (10, 6))
    handles = [p.handle_right[0] - p.co[0] for p in moved.keyframe_points]
    keys.move_keys(moved, lambda frames: 2 * frames + 1)
    told["moved"] = said_by(moved)
    told["handles"] = [
        (p.handle_right[0] - p.co[0]) / before
        for p, before in zip(moved.keyframe_points, handles, strict=True)
    ]
    added = line("added", (0, 0), (10, 10))
    told["added"] = keys.add_to_keys(added, np.array([0.0, 5, 10]), np.array([1.0, 1, 2]))
    told["added keys"] = said_by(added)
    again = keys.fresh_curve(action, "OBJECT", "added", 0, "group")
    told["fresh"] = [len(again.keyframe_points), again == added]
    new = keys.fresh_curve(action, "OBJECT", "added", 1, "other")
    told["new"] = [new.data_path, new.array_index, new.group.name]
    return told


def fingerprints() -> list[bool]:
    """Whether a curve counts as another after each of these changes; the first is none."""
    told, before = [], keys.encode_keys(line("same", (0, 1), (9, 2)))
    for number, change in enumerate(
        (
            lambda curve: None,
            lambda curve: curve.keyframe_points[1].co.__setitem__(1, 2.5),
            lambda curve: curve.keyframe_points[1].co.__setitem__(0, 9.5),
            lambda curve: setattr(curve.keyframe_points[0], "interpolation", "BEZIER"),
            lambda curve: setattr(curve, "mute", True),
            lambda curve: setattr(curve, "extrapolation", "LINEAR"),
            lambda curve: curve.modifiers.new("NOISE"),
            lambda curve: curve.keyframe_points.insert(12, 2),
        )
    ):
        curve = line(f"changed {number}", (0, 1), (9, 2))
        change(curve)
        told.append(keys.encode_keys(curve) != before)
    return told


def speeds() -> dict[str, object]:
    """A take of 24 frames a second whose keys were spaced for 30."""
    placement = harness.load("addon.motion.placement")
    scene = bpy.data.scenes.new("speeds")
    render = scene.render
    render.fps, render.fps_base = 24, 1.0
    take = SimpleNamespace(
        name="walk", first_frame=1.0, placed_fps=30.0, fps=24.0, frames=13, keys_action=None,
        rig_action=None,
    )  # fmt: skip
    told = {
        "slow": placement.describe_speed(take, scene),
        "last": placement.last_frame(take, scene),
        "times": placement.take_times(take, scene)[[0, 1, -1]],
    }
    render.fps = 30
    told["right"] = placement.describe_speed(take, scene)
    render.fps = 40
    told["fast"] = placement.describe_speed(take, scene)
    render.fps, render.frame_map_old, render.frame_map_new = 24, 100, 200
    told["stretched"] = [
        placement.stretch(scene), placement.curve_fps(scene), placement.last_frame(take, scene)
    ]  # fmt: skip
    unknown = SimpleNamespace(**{**vars(take), "placed_fps": 0.0})
    told["unknown"] = placement.place_of(unknown, scene).fps
    render.fps_base = 1.001
    told["base"] = placement.scene_fps(scene)
    place = placement.Placement(first=1.0, fps=48.0)
    told["all"] = placement.all_times(3, 24.0, place)
    told["same"] = [placement.is_same_rate(24, other) for other in (24 / 1.001, 24.001)]
    told["rate"] = harness.load("addon.motion.retiming")._at_rate(place, 23.976).fps
    frames = harness.load("addon.bake.frames").Frames
    grid = placement.Grid(place=place, fps=24.0, rows=range(10))
    told["part"] = [frames(read=grid, baked=some).is_part for some in (range(2, 10), range(10))]
    return told


def bones() -> dict[str, object]:
    """Turns of a character's bones, one after another and on top of an animator's."""
    curves = harness.load("addon.character.curves")
    quarter = np.pi / 2
    about_x, about_y = np.array([[quarter, 0, 0]]), np.array([[0, quarter, 0]])
    nothing = np.zeros((1, 3))
    before = np.array([[0, 0, 0.2], [0, 0, 0.2], [0, 0, 0]])
    now = np.array([[0, 0, 0.3], [0, 0, 0.2], [0, 0, quarter]])
    were = np.concatenate([quaternions(0.5, 0.5, axis=2), quaternions(quarter)])
    turned = quaternions(0, 2, 4, axis=2)
    return {
        "joined": curves.joined_turns(about_x, about_y),
        "one": [curves.joined_turns(about_x, nothing), curves.joined_turns(nothing, about_y)],
        "edited": curves.edited_turns(now, before, were),
        "eulers": curves._eulers(turned, "XYZ"),
        "record": [curves.record_name("eyes"), curves.record_path("eyes")],
    }


def logs() -> dict[str, object]:
    """Which log is the newest, in which order they are shown, and the end of a long one."""
    log_text = harness.load("addon.link.log_text")
    raw_name = harness.load("shared.process").RAW_NAME
    folder = harness.folder() / "logs"
    folder.mkdir()
    log, raw = folder / "sidecar.log", folder / raw_name
    told: dict[str, object] = {"none": log_text.newest_log(log)}
    for path, time in ((log, 2000), (raw, 1000)):
        path.write_text(path.name)
        os.utime(path, (time, time))
    told["newer log"] = log_text.newest_log(log) == log
    os.utime(raw, (3000, 3000))
    told["newer words"] = log_text.newest_log(log) == raw
    raw.write_text("")
    told["empty words"] = log_text.newest_log(log) == log
    raw.write_text("words")
    for name in ("sidecar.log.1", "sidecar.log.2", f"{raw_name}.1", "sidecar.log.99"):
        (folder / name).write_text(name)
    (folder / f"{raw_name}.2").write_text("")
    told["parts"] = [p.name.replace(raw_name, "raw") for p in log_text._parts(log)]
    log.write_bytes(b"a" * 10 + b"b" * (64 * 1024 - 1) + b"\xff")
    end = log_text._read_end(log)
    told["end"] = [len(end), end[0], end[-1] == "\ufffd"]
    told["gone"] = log_text._read_end(folder / "gone.log")
    return told


def long_reign() -> list[float]:
    """Of a scene of 9,000 frames every third is looked at."""
    ruling = harness.load("addon.emotion.ruling")
    scene = bpy.data.scenes.new("long")
    scene.frame_start, scene.frame_end = 1, 9000
    reign = ruling.read_reign(bpy.data.objects.new("calm", None), scene)
    return [reign.step, len(reign.frames), reign.frames[0], reign.frames[-1]]


with harness.enabled():
    compat, keys = harness.load("addon.compat"), harness.load("addon.motion.keys")
    action = compat.new_take_actions("sums")["OBJECT"]
    harness.answer(
        worst=worst(),
        tracks=tracks(),
        playback=playback(),
        files=files_of_emotions(),
        writing=writing(),
        fingerprints=fingerprints(),
        speeds=speeds(),
        bones=bones(),
        logs=logs(),
        long_reign=long_reign(),
    )
