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
    bpy.ops.affekt.use_take(name="take")
    bpy.ops.affekt.bake()
    bpy.ops.affekt.bake()  # from the take again, not from the bake in use
    baked = second.affekt_takes.items[3]
    told |= {
        "baked_names": [t.name for t in second.affekt_takes.items],
        "baked_source": baked.source,
        "baked_happy": keys_of(baked, "KEY", expression_path(model.expression_names[0]))[0, 1],
        "baked_edit": keys_of(baked, "KEY", expression_path(still))[0, 1],
        "baked_times": keys_of(baked, "KEY", expression_path(counting))[[0, 30], 0],
        "take_happy": len(keys_of(take, "KEY", expression_path(model.expression_names[0]))),
    }
    scene.frame_set(13)
    blocks = second.data.shape_keys.key_blocks
    told["shown_baked"] = blocks[model.expression_names[0]].value
    bpy.ops.affekt.use_take(name="take")
    scene.frame_set(13)
    told["shown_take"] = [blocks[model.expression_names[0]].value, blocks[counting].value]
    bpy.context.view_layer.objects.active = takes.rig_of(second)
    told["found_by_rig"] = harness.load("addon.head.find").find_head(bpy.context).name
    second.name, takes.rig_of(second).name = "Renamed", "Renamed rig"
    bpy.ops.affekt.bake()
    told["after_renaming"] = second.affekt_takes.items[4].name
    harness.answer(**told, second=second.name)
