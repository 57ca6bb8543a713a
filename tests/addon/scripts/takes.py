# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes and bakes as Actions: times, edits, two heads, switching, what is left alone."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()


def keys_of(take: object, part: str, path: str) -> np.ndarray:
    """(K, 2) of the curve's keys."""
    compat = harness.load("addon.compat")
    action = take.keys_action if part == "KEY" else take.rig_action
    points = compat.find_curve(compat.curves_of(action, part), path).keyframe_points
    flat = np.empty(len(points) * 2, np.float32)
    points.foreach_get("co", flat)
    return flat.reshape(-1, 2)


def expression_path(name: str) -> str:
    return f'key_blocks["{name}"].value'


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    takes, compat = harness.load("addon.motion.takes"), harness.load("addon.compat")
    find = harness.load("addon.head.find")
    scene.render.fps = 24
    first = harness.add_head(asked["head"])
    second = harness.add_head(asked["head"])
    model = harness.read_head(asked["head"])
    counting, still = model.expression_names[1], model.expression_names[2]
    client = FakeClient(model, silence(31, fps=30.0))
    session.attach(client)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=5)
    bpy.ops.affekt.import_take(
        filepath=asked["take"], first_frame=5, fps=59.94, angles="DEGREES", axes="OPENCV"
    )
    too_slow = harness.failure(lambda: bpy.ops.affekt.import_take(filepath=asked["take"], fps=2.0))
    take = second.affekt_takes.items[0]
    counted = keys_of(take, "KEY", expression_path(counting))
    told = {
        "names": [t.name for t in second.affekt_takes.items],
        "notes": take.notes,
        "readings": [[one.fps, one.angles, one.axes] for one in client.readings],
        "too_slow": too_slow,
        "other_head": len(first.affekt_takes.items),
        "fps": scene.render.fps,
        "range": [scene.frame_start, scene.frame_end],
        "times": counted[[0, 5, 30], 0],
        "constant_keys": len(keys_of(take, "KEY", expression_path(still))),
        "fake_user": take.keys_action.use_fake_user,
        "one_action": take.keys_action == take.rig_action,
    }
    # An animator's edit of the take's Action is what gets baked.
    compat.find_curve(
        compat.curves_of(take.keys_action, "KEY"), expression_path(still)
    ).keyframe_points[0].co[1] = 0.5
    second.affekt_emotion.happy = 0.75
    # What has no curve any more keeps the value that it has.
    bones, rig = compat.curves_of(take.rig_action, "OBJECT"), find.rig_of(second)
    curveless = ('pose.bones["root"].location', 'pose.bones["jaw"].rotation_quaternion')
    for path, index in ((curveless[0], 1), *((curveless[1], index) for index in range(4))):
        bones.remove(compat.find_curve(bones, path, index))
    shapes = compat.curves_of(take.keys_action, "KEY")
    shapes.remove(compat.find_curve(shapes, expression_path(model.expression_names[4])))
    bpy.ops.affekt.use_take(name="take")
    second.data.shape_keys.key_blocks[model.expression_names[4]].value = 0.3
    rig.pose.bones["root"].location[1] = -0.25
    rig.pose.bones["jaw"].rotation_quaternion = (0.8, 0.6, 0, 0)
    bpy.ops.affekt.bake()
    bpy.ops.affekt.bake(target="NEW")  # from the take again, not from the bake in use
    baked = second.affekt_takes.items[3]
    told |= {
        "baked_names": [t.name for t in second.affekt_takes.items],
        "baked_source": baked.source,
        "baked_happy": keys_of(baked, "KEY", expression_path(model.expression_names[0]))[0, 1],
        "baked_edit": keys_of(baked, "KEY", expression_path(still))[0, 1],
        "baked_times": keys_of(baked, "KEY", expression_path(counting))[[0, 30], 0],
        "baked_shape": keys_of(baked, "KEY", expression_path(model.expression_names[4]))[0, 1],
        "sent_place": client.sent_motion.translation[[0, 30]],
        "sent_jaw": client.sent_motion.jaw[30],
        "take_happy": len(keys_of(take, "KEY", expression_path(model.expression_names[0]))),
    }
    scene.frame_set(13)
    blocks = second.data.shape_keys.key_blocks
    told["shown_baked"] = blocks[model.expression_names[0]].value
    bpy.ops.affekt.use_take(name="take")
    scene.frame_set(13)
    told["shown_take"] = [blocks[model.expression_names[0]].value, blocks[counting].value]
    bpy.context.view_layer.objects.active = find.rig_of(second)
    told["found_by_rig"] = harness.load("addon.head.find").find_head(bpy.context).name
    second.name, find.rig_of(second).name = "Renamed", "Renamed rig"
    bpy.ops.affekt.bake(target="NEW")
    told["after_renaming"] = second.affekt_takes.items[4].name
    actions = len(bpy.data.actions)
    takes.write_curves = lambda *_: next(iter(()))  # which raises
    place = harness.load("addon.motion.placement").Placement(first=1, fps=24)
    try:
        takes.add_take(second, client.take, name="torn", place=place)
    except StopIteration:
        told["torn"] = [len(bpy.data.actions) - actions, len(second.affekt_takes.items)]
    harness.answer(**told, second=second.name)
