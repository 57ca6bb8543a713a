# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head's rig does by itself: other tools' ARKit data on it, takes of ours, a gaze that is
aimed."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence
from mathutils import Euler, Vector

asked = harness.options()
FRAMES = 10
PLAYED = ("expression", "jaw", "neck", "eyes", "rotation", "translation")


def fresh() -> bpy.types.Object:
    for item in [item for item in scene.objects if item.type in ("MESH", "ARMATURE")]:
        bpy.data.objects.remove(item)
    scene.render.fps, scene.frame_start = 30, 1
    return harness.add_head(asked["head"])


def keyed_by_another_tool(head: bpy.types.Object) -> bpy.types.Action:
    """An Action of the shape keys alone, in which jawOpen goes from 0 to 1 in frames 1 to 11."""
    action = bpy.data.actions.new("from a phone")
    keys = head.data.shape_keys
    compat.assign_action(keys, None, "KEY")
    (keys.animation_data or keys.animation_data_create()).action = action
    block = keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0.0), (11, 1.0)):
        block.value = value
        block.keyframe_insert("value", frame=frame)
    for curve in compat.active_curves(keys):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    return action


def jaw_turn(head: bpy.types.Object, frame: int) -> float:
    """Radians about x that the jaw is turned by as Blender draws it."""
    return turn_of(head, "jaw", frame)[0]


def gaze(head: bpy.types.Object, frame: int) -> list[float]:
    """Where the left eye looks in its own axes at rest."""
    return [*(Euler(turn_of(head, "eye_left", frame)).to_matrix() @ Vector((0, -1, 0)))]


def turn_of(head: bpy.types.Object, name: str, frame: int) -> list[float]:
    """Euler angles of a bone as Blender draws it."""
    scene.frame_set(frame)
    rig = find.rig_of(head).evaluated_get(bpy.context.evaluated_depsgraph_get())
    bone = rig.pose.bones[name]
    local = rig.convert_space(
        pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL"
    )
    return [*local.to_euler()]


def from_another_tool() -> dict:
    """The mesh at frame 7, where jawOpen is .6 and no bone was touched."""
    head = fresh()
    keyed_by_another_tool(head)
    np.save(asked["out"], axes.to_flame(harness.evaluated_vertices(head, 7)))
    keys, rig = head.data.shape_keys, find.rig_of(head)
    curves = [*keys.animation_data.drivers, *rig.animation_data.drivers]
    return {
        "turn": jaw_turn(head, 7),
        "slow": [c.data_path for c in curves if not c.driver.is_simple_expression],
        "invalid": [c.data_path for c in curves if not c.driver.is_valid],
    }


def by_take() -> dict:
    """A take that turns the jaw and has jawOpen, its bake, both deleted, and data of another tool
    after them."""
    head = fresh()
    bpy.ops.affekt.import_take(filepath=asked["take"])
    told = {"take": jaw_turn(head, 3), "weight": head.data.shape_keys.key_blocks["jawOpen"].value}
    told["said"] = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    told["bake"] = jaw_turn(head, 3)
    told["sent"] = np.array_equal(client.sent_motion.jaw, performed.jaw)
    for take in list(head.affekt_takes.items):
        for action in {take.rig_action, take.keys_action} - {None}:
            bpy.data.actions.remove(action)
    takes.drop_dead_takes(head)
    told["after"] = turn_by_another_tool(head)
    bpy.ops.affekt.import_take(filepath=asked["take"])
    bpy.ops.affekt.delete_take()
    told["after_delete"] = turn_by_another_tool(head)
    return told


def turn_by_another_tool(head: bpy.types.Object) -> float:
    """The jaw's turn by another tool's jawOpen, where no take moves the bones any more."""
    for bone in find.rig_of(head).pose.bones:
        bone.matrix_basis.identity()
    keyed_by_another_tool(head)
    return jaw_turn(head, 11)


def in_place_of_a_take() -> dict:
    """Data of another tool assigned over a take, bones included: what plays is what bakes."""
    head = fresh()
    bpy.ops.affekt.import_take(filepath=asked["take"])
    compat.assign_action(find.rig_of(head), None, "OBJECT")
    rig = find.rig_of(head)
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    controls.jaw_link_of(rig).influence = 1
    rig.animation_data.action = bpy.data.actions.new("still")
    rig.pose.bones["neck"].keyframe_insert("rotation_quaternion", frame=1)
    keyed_by_another_tool(head)
    said = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    sent = client.sent_motion
    return {"said": said, "jaw": sent.jaw[:, 0], "weight": sent.expression[:, open_column]}


def aimed() -> dict:
    """The eyes look at the bone, which was moved aside and up; the take's own gaze with it off."""
    head = fresh()
    bpy.ops.affekt.import_take(filepath=asked["take"])
    rig = find.rig_of(head)
    told = {"off": gaze(head, 3)}
    bone = controls.aim_bone_of(rig)
    bone.location = (0.2, 0, 0.1)
    told["still_off"] = gaze(head, 3)
    told["lids_off"] = lids(head, 3)
    bone["aim"] = 1.0
    rig.update_tag()
    told["on"] = gaze(head, 3)
    told["lids"] = lids(head, 3)
    np.save(asked["aimed"], axes.to_flame(harness.evaluated_vertices(head, 3)))
    bones = rig.data.bones
    told["places"] = {name: [*bones[name].head_local] for name in ("eye_left", "eye_aim")}
    told["said"] = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    sent = client.sent_motion
    told["sent"] = sent.eyes[2, :3]
    told["sent_whole"] = {name: getattr(sent, name)[2:3] for name in PLAYED}
    told["baked"] = gaze(head, 3)
    bone["aim"] = 0.0
    rig.update_tag()
    told["kept"] = gaze(head, 3)  # the bake has the aimed gaze in its own keys
    bpy.ops.affekt.use_take(name="take")
    told["plain"] = tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    return told


def lids(head: bpy.types.Object, frame: int) -> dict[str, float]:
    """What the aim adds to each shape that follows a gaze."""
    scene.frame_set(frame)
    keys = head.data.shape_keys
    blocks = keys.evaluated_get(bpy.context.evaluated_depsgraph_get()).key_blocks
    return {name: blocks[place].value for name, place in lid_blocks(keys).items()}


def keyed_aim() -> str:
    """An aim that is 0 now and keyed to 1 later is played."""
    head = fresh()
    bpy.ops.affekt.import_take(filepath=asked["take"])
    rig = find.rig_of(head)
    for frame, value in ((9, 1.0), (1, 0.0)):
        controls.aim_bone_of(rig)["aim"] = value
        rig.keyframe_insert(controls.AIM_PATH, frame=frame)
    return tasks.Task("Bake", baking.bake_steps(head, scene)).run()


def duplicated() -> dict:
    """The mesh alone, which gets an armature of its own with its first take, and mesh and armature:
    each jaw follows its own head."""
    first = fresh()
    heads = [first, duplicate(first), duplicate(first, find.rig_of(first))]
    bpy.context.view_layer.objects.active = heads[1]
    own_rig(heads[1])
    for value, head in zip((0.2, 0.5, 0.9), heads, strict=True):
        head.data.shape_keys.key_blocks["jawOpen"].value = value
        controls.aim_bone_of(find.rig_of(head))["aim"] = value
        find.rig_of(head).update_tag()
    turns = [jaw_turn(head, 1) for head in heads]
    eyes = [find.rig_of(head).pose.bones["eye_left"].constraints[0] for head in heads]
    keys = [head.data.shape_keys for head in heads]
    own = [
        target.id in (own_keys, find.rig_of(head))
        for own_keys, head in zip(keys, heads, strict=True)
        for curve in own_keys.animation_data.drivers
        for variable in curve.driver.variables
        for target in variable.targets
    ]
    return {
        "own": own,
        "jaws": turns,
        "aims": [constraint.influence for constraint in eyes],
        "targets": [c.target == find.rig_of(h) for c, h in zip(eyes, heads, strict=True)],
    }


def shaped() -> dict:
    """A head from the button, older and thinner: its mesh, its joints, its sliders, and a take on
    it."""
    for item in [item for item in scene.objects if item.type in ("MESH", "ARMATURE")]:
        bpy.data.objects.remove(item)
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    bpy.ops.affekt.shape_head(age=0.5, weight=-0.4)
    rig = find.rig_of(head)
    told = {
        "vertices": axes.to_flame(harness.evaluated_vertices(head, 1)),
        "joints": axes.to_flame(np.array([bone.head_local for bone in rig.data.bones])),
        "values": identity.values_of(head),
        "names": identity.open_sliders().names,
    }
    bpy.ops.affekt.import_take(filepath=asked["take"])
    tasks.Task("Bake", baking.bake_steps(head, scene)).run()
    told["sent"] = client.sent_motion.shape
    bpy.ops.affekt.shape_head()
    told["back"] = head.data.vertices[7].co[:]
    bpy.context.view_layer.objects.active = fresh()
    told["without"] = harness.failure(lambda: bpy.ops.affekt.shape_head(age=1))
    return told


def duplicate(*items: bpy.types.Object) -> bpy.types.Object:
    bpy.ops.object.select_all(action="DESELECT")
    for item in items:
        item.select_set(True)
    bpy.context.view_layer.objects.active = items[0]
    bpy.ops.object.duplicate()
    return find.heads_among(bpy.context.selected_objects)[0]


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    tasks, baking = harness.load("addon.link.tasks"), harness.load("addon.bake.baking")
    compat, axes = harness.load("addon.compat"), harness.load("addon.axes")
    find, takes = harness.load("addon.head.find"), harness.load("addon.motion.takes")
    identity = harness.load("addon.head.identity")
    lid_blocks = harness.load("addon.head.lids").lid_blocks
    controls, own_rig = harness.load("addon.head.controls"), harness.load("addon.head.rig").own_rig
    model = harness.read_head(asked["head"])
    open_column = model.expression_names.index("jawOpen")
    performed = silence(FRAMES)
    performed.jaw[:, 0] = np.linspace(0.05, 0.2, FRAMES)
    performed.expression[:, open_column] = 0.75
    performed.expression[:, model.expression_names.index("eyeLookDownLeft")] = 0.3
    client = FakeClient(model, performed)
    session.attach(client)
    harness.answer(
        other=from_another_tool(),
        take=by_take(),
        replaced=in_place_of_a_take(),
        aimed=aimed(),
        keyed=keyed_aim(),
        duplicated=duplicated(),
        shaped=shaped(),
        performed=performed.jaw[:, 0],
    )
