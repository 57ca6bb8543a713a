# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes of takes that an animator moved, trimmed, put into strips, drove and constrained, beside
what Blender shows of them frame by frame."""

from collections.abc import Callable

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()
FRAMES = 90


def fresh() -> bpy.types.Object:
    """A new head with the take on it, which counts in one shape key and walks along x."""
    for item in [item for item in scene.objects if item.type in ("MESH", "ARMATURE")]:
        bpy.data.objects.remove(item)
    scene.render.fps, scene.frame_start = 30, 1
    head = harness.add_head(asked["head"])
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    return head


def curves_of(head: bpy.types.Object, take: object) -> list[bpy.types.FCurve]:
    parts = (("KEY", take.keys_action), ("OBJECT", take.rig_action))
    return [curve for part, action in parts for curve in compat.curves_of(action, part)]


def keys_of(take: object) -> dict[str, np.ndarray]:
    """(K, 2) of every curve."""
    found = {}
    for part, action in (("KEY", take.keys_action), ("OBJECT", take.rig_action)):
        for curve in compat.curves_of(action, part):
            flat = np.empty(len(curve.keyframe_points) * 2, np.float32)
            curve.keyframe_points.foreach_get("co", flat)
            found[f"{curve.data_path}[{curve.array_index}]"] = flat.reshape(-1, 2)
    return found


def shown(head: bpy.types.Object, frames: np.ndarray) -> dict[str, np.ndarray]:
    """What Blender shows at frames of the timeline: two shape keys, the root's x, the jaw."""
    told = {"count": [], "other": [], "x": [], "jaw": []}
    rig = rig_of(head)
    for frame in frames:
        scene.frame_set(int(frame // 1), subframe=float(frame % 1))
        blocks = head.data.shape_keys.key_blocks
        told["count"].append(blocks[counting].value)
        told["other"].append(blocks[other].value)
        told["x"].append(rig.pose.bones["root"].location[0])
        jaw = rig.pose.bones["jaw"]
        local = rig.convert_space(
            pose_bone=jaw, matrix=jaw.matrix, from_space="POSE", to_space="LOCAL"
        )
        turned = local.to_quaternion()  # about x alone; its to_exponential_map is off by 1e-3
        told["jaw"].append(2 * np.arctan2(turned.x, turned.w))
    return {name: np.array(values) for name, values in told.items()}


def bake(head: bpy.types.Object, frames: np.ndarray) -> dict:
    """Bakes without emotion. How far what was sent, and what the bake then shows, are from what
    was shown before at `frames`; and what was said."""
    before = shown(head, frames)
    scene.frame_set(17, subframe=0.25)
    said = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    place = scene.frame_current + scene.frame_subframe
    sent, after = client.sent_motion, shown(head, frames)
    columns = {
        "count": sent.expression[:, 1],
        "other": sent.expression[:, 2],
        "x": sent.translation[:, 0],
        "jaw": sent.jaw[:, 0],
    }
    sizes = {name: len(values) for name, values in columns.items()}
    gaps = {
        name: float(np.abs(values - before[name]).max()) if sizes[name] == len(frames) else -1.0
        for name, values in columns.items()
    }
    return {
        "frames": sizes["count"],
        "fps": sent.fps,
        "gap": max(gaps.values()) if min(gaps.values()) >= 0 else None,
        "plays": max(float(np.abs(after[n] - before[n]).max()) for n in before),
        "moves": float(np.ptp(before["count"])),
        "said": said,
        "place": place,
        "ends": [float(places[0]), float(places[-1])]
        if len(places := counted(head.affekt_takes.items[-1]))
        else [],
    }


def counted(take: object) -> np.ndarray:
    """Curve frames of the counting curve's keys."""
    return keys_of(take)[f'key_blocks["{counting}"].value[0]'][:, 0]


def owners_of(head: bpy.types.Object) -> dict[str, bpy.types.ID]:
    """What a take of the head moves."""
    return takes.owners_of(head, head.affekt_takes.items[0])


def push_down(head: bpy.types.Object, start: int) -> list[bpy.types.NlaStrip]:
    """The take as strips, as Push Down Action makes them."""
    strips = []
    for part, owner in owners_of(head).items():
        data = owner.animation_data
        strip = data.nla_tracks.new().strips.new("take", start, data.action)
        if compat.LAYERED_ACTIONS:
            strip.action_slot = next(
                slot for slot in data.action.slots if slot.target_id_type == part
            )
        strip.action_frame_start, strip.action_frame_end = 1, FRAMES
        data.action = None
        strips.append(strip)
    return strips


def untouched() -> dict:
    """Keys of a bake without emotion, bit for bit those of the take; at another rate of the
    scene, so that they lie between its frames."""
    head = fresh()
    scene.render.fps = 24
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=5)
    said = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    take, baked = (keys_of(head.affekt_takes.items[row]) for row in (1, 2))
    return {
        "same": take.keys() == baked.keys()
        and all(np.array_equal(take[name], baked[name]) for name in take),
        "sent": np.array_equal(client.sent_motion.expression, performed.expression),
        "fps": client.sent_motion.fps,
        "said": said,
    }


def moved_after_edits() -> dict:
    """Every third key deleted, as an animator thins a curve, and all moved by 40 frames."""
    head = fresh()
    for curve in curves_of(head, head.affekt_takes.items[0]):
        points = curve.keyframe_points
        if len(points) > 1:
            for row in range(len(points) - 2, 0, -3):
                points.remove(points[row])
        keys.move_keys(curve, lambda frames: frames + 40)
    return bake(head, 41 + np.arange(FRAMES))


def trimmed() -> dict:
    """The first 30 frames' keys deleted, the rest moved to the start and stretched to double
    length."""
    head = fresh()
    for curve in curves_of(head, head.affekt_takes.items[0]):
        points = curve.keyframe_points
        while len(points) > 1 and points[0].co[0] < 31:
            points.remove(points[0])
        keys.move_keys(curve, lambda frames: np.maximum(1 + 2 * (frames - 31), 1))
    return bake(head, 1 + 2 * np.arange(60))


def apart() -> dict:
    """The shape keys' keys moved by 40 frames, those of the bones not."""
    head = fresh()
    for curve in compat.curves_of(head.affekt_takes.items[0].keys_action, "KEY"):
        keys.move_keys(curve, lambda frames: frames + 40)
    return bake(head, 1 + np.arange(FRAMES + 40))


def gap() -> dict:
    """The second half moved by 20 frames: a pause in the middle."""
    head = fresh()
    for curve in curves_of(head, head.affekt_takes.items[0]):
        keys.move_keys(curve, lambda frames: np.where(frames > 45, frames + 20, frames))
    return bake(head, 1 + np.arange(FRAMES + 20))


def in_strips() -> dict:
    """A strip at 51 of double length, baked twice: the second bake lies over the strips."""
    head = fresh()
    for strip in push_down(head, 51):
        strip.scale = 2.0
    frames = 51 + np.arange(2 * FRAMES - 1)
    first = bake(head, frames)
    sent = client.sent_motion.expression
    second = bake(head, frames)
    same = np.array_equal(sent, client.sent_motion.expression)
    return {"first": first, "second": second, "same": same, "takes": len(head.affekt_takes.items)}


def trimmed_strip() -> dict:
    """A strip of the take's frames 11 to 40, laid at 201, at its own speed."""
    head = fresh()
    for strip in push_down(head, 1):
        strip.action_frame_start, strip.action_frame_end = 11, 40
        strip.frame_start_ui = 201
    return bake(head, 201 + np.arange(30))


def driven() -> dict:
    head = fresh()
    driver = head.data.shape_keys.key_blocks[other].driver_add("value").driver
    driver.type, driver.expression = "SCRIPTED", "frame * 0.005"
    return bake(head, 1 + np.arange(FRAMES))


def constrained() -> dict:
    """The jaw copies an object that turns."""
    head = fresh()
    lever = bpy.data.objects.new("lever", None)
    scene.collection.objects.link(lever)
    for frame, angle in ((1, 0.0), (90, 0.5)):
        lever.rotation_euler = (angle, 0, 0)
        lever.keyframe_insert("rotation_euler", frame=frame)
    constraint = rig_of(head).pose.bones["jaw"].constraints.new("COPY_ROTATION")
    constraint.target = lever
    constraint.owner_space = "LOCAL"
    told = bake(head, 1 + np.arange(FRAMES))
    told["opened"] = float(np.ptp(client.sent_motion.jaw[:, 0]))
    bpy.data.objects.remove(lever)
    return told


def copied() -> dict:
    """A copy of the take's Action was assigned and edited; the take's own is as it was."""
    head = fresh()
    for part, owner in owners_of(head).items():
        copy = owner.animation_data.action.copy()
        for curve in compat.curves_of(copy, part):
            for point in curve.keyframe_points:
                point.co[1] *= 0.5
            curve.update()
        compat.assign_action(owner, copy, part)
    first = bake(head, 1 + np.arange(FRAMES))
    return {"first": first, "second": bake(head, 1 + np.arange(FRAMES))}


def layered() -> dict:
    """The take as strips, and over them an Action that moves another shape key."""
    head = fresh()
    push_down(head, 11)
    layer = compat.new_take_actions("layer")["KEY"]
    curve = compat.new_curve(layer, "KEY", f'key_blocks["{other}"].value', 0, "Expression")
    keys.write_keys(curve, np.array([11.0, 100.0]), np.array([0.1, 0.7]))
    compat.assign_action(head.data.shape_keys, layer, "KEY")
    first = bake(head, 11 + np.arange(FRAMES))
    second = bake(head, 11 + np.arange(FRAMES))
    return {"first": first, "second": second, "layer": layer.users}


def other_take() -> list[str]:
    """A second take's Action assigned by hand, not by the panel: the bake is of that one."""
    head = fresh()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=101)
    bpy.ops.affekt.use_take(name="take")
    for part, owner in owners_of(head).items():
        take = head.affekt_takes.items[1]
        compat.assign_action(owner, take.keys_action if part == "KEY" else take.rig_action, part)
    tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    return [item.source for item in head.affekt_takes.items]


def felt() -> dict:
    """A driver moves an emotion; the take itself is plain."""
    head = fresh()
    driver = head.driver_add("affekt_emotion.happy").driver
    driver.type, driver.expression = "SCRIPTED", "frame * 0.01"
    said = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    return {"happy": client.sent_track.weights[:, 0], "said": said}


def cancelled() -> dict:
    """Esc while Blender plays the strips beneath a bake: all is as before."""
    head = fresh()
    push_down(head, 1)
    tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    owner, playback._SLICE_S = head.data.shape_keys, 0.0
    scene.frame_set(23)
    task = tasks.Task("Bake", baking.bake_steps(head, scene))
    slices = []
    for _ in range(4):
        task.step()
        shown_now = [scene.frame_current, head.show_only_shape_key]
        slices.append([task.progress.text, owner.animation_data.action.name, *shown_now])
    task.cancel()
    playback._SLICE_S = 0.1
    return {"slices": slices, "takes": len(head.affekt_takes.items)}


def refused(change: Callable[[bpy.types.Object], None]) -> str:
    head = fresh()
    push_down(head, 1)
    change(head)
    return harness.failure(tasks.Task("Bake", baking.bake_steps(head, scene)).run)


def hide(head: bpy.types.Object) -> None:
    head.hide_viewport = True


def tweak(head: bpy.types.Object) -> None:
    data = head.data.shape_keys.animation_data
    data.nla_tracks[0].select = data.nla_tracks[0].strips[0].select = True
    data.nla_tracks.active = data.nla_tracks[0]
    data.use_tweak_mode = True


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    tasks, baking = harness.load("addon.link.tasks"), harness.load("addon.bake.baking")
    compat, keys = harness.load("addon.compat"), harness.load("addon.motion.keys")
    playback = harness.load("addon.motion.playback")
    rig_of = harness.load("addon.head.find").rig_of
    takes = harness.load("addon.motion.takes")
    model = harness.read_head(asked["head"])
    counting, other = model.expression_names[1:3]
    performed = silence(FRAMES)
    performed.translation[:, 0] = np.linspace(0, 0.3, FRAMES)
    performed.jaw[:, 0] = 0.2
    client = FakeClient(model, performed)
    session.attach(client)
    told = {
        "untouched": untouched(),
        "moved": moved_after_edits(),
        "trimmed": trimmed(),
        "apart": apart(),
        "gap": gap(),
        "strips": in_strips(),
        "trimmed_strip": trimmed_strip(),
        "driven": driven(),
        "constrained": constrained(),
        "copied": copied(),
        "layered": layered(),
        "other_take": other_take(),
        "felt": felt(),
        "cancelled": cancelled(),
        "hidden": refused(hide),
        "tweaked": refused(tweak),
    }
    harness.answer(**told)
