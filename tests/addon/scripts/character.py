# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters with ARKit shapes: looking, takes, edits, bakes, what is missing."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient
from made_character import activate, bind, make_armature, make_mesh

asked = harness.options()
NAMES = asked["names"]
BONES = {"Neck": [(0, 0, 0), (0, 0.02, 0.1)], "Head": [(0, 0, 0.1), (0, 0, 0.3)]}


def spelt(name: str) -> str:
    """`mouthSmileLeft` as `BS_Mouth_Smile_L`."""
    words = "".join(f"_{c}" if c.isupper() else c for c in name)
    words = "_".join(word.capitalize() for word in words.split("_"))
    return f"BS_{words.removesuffix('_Left')}_L" if words.endswith("_Left") else f"BS_{words}"


def take_of(frames: int) -> object:
    """jawOpen rises to 1, mouthSmileLeft is .5, cheekPuff .25; the head nods."""
    motion = harness.load("shared.motion")
    expression = np.zeros((frames, 100), np.float32)
    expression[:, NAMES.index("jawOpen")] = np.linspace(0, 1, frames)
    expression[:, NAMES.index("mouthSmileLeft")] = 0.5
    expression[:, NAMES.index("cheekPuff")] = 0.25
    turns = np.zeros((frames, 3), np.float32)
    turns[:, 0] = np.linspace(0, 0.4, frames)
    return motion.make_motion(expression=expression, fps=24.0, space="arkit", rotation=turns)


def value_at(mesh: bpy.types.Object, key: str, frame: int) -> float:
    bpy.context.scene.frame_set(frame)
    return mesh.data.shape_keys.key_blocks[key].value


def notes(head: bpy.types.Object) -> list[str]:
    return head.affekt_character.notes.splitlines()


def use(item: bpy.types.Object) -> str:
    activate(item)
    return harness.failure(lambda: bpy.ops.affekt.use_character())


def lone(name: str, keys: dict[str, str]) -> bpy.types.Object:
    """A character of one small mesh."""
    return make_mesh(name, asked["file"], keys, parts=[1])


def clear() -> None:
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)


def whole_path(told: dict) -> None:
    """A character of two meshes on a rig: look, take, emotion, edit, bake, back to the take."""
    scene = bpy.context.scene
    scene.render.fps = 24
    keys = {spelt(name): name for name in NAMES if name != "cheekPuff"}
    face = make_mesh("Face", asked["file"], keys, parts=[0], scale=100)
    teeth = make_mesh("Teeth", asked["file"], {"BS_Jaw_Open": "jawOpen"}, parts=[1], scale=100)
    rig = make_armature(BONES)
    rig.pose.bones["Head"].rotation_mode = "XYZ"
    walk = bpy.data.actions.new("Walk")
    rig.animation_data_create().action = walk
    for frame in (1, 21):
        rig.keyframe_insert("location", frame=frame)
    for mesh in (face, teeth):
        bind(mesh, rig)
    told["use"] = use(teeth)
    told["notes"] = notes(face)
    told["bones"] = [face.affekt_character.neck, face.affekt_character.head]
    told["axes"] = list(face.affekt_character.axes)
    client = FakeClient(harness.read_head(asked["head"]), take_of(25))
    harness.load("addon.link.session").session.attach(client)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    told["space"] = client.spaces
    take = face.affekt_takes.items[0]
    told["take_notes"] = take.notes
    told["one_action"] = take.keys_action == take.parts[0].action == take.rig_action
    told["jaw"] = [value_at(mesh, "BS_Jaw_Open", 13) for mesh in (face, teeth)]
    bpy.context.view_layer.update()
    told["nod"] = list(rig.pose.bones["Head"].matrix_basis.to_quaternion())
    told["strips"] = [
        [track.name, track.strips[0].frame_start, track.strips[0].frame_end]
        for track in rig.animation_data.nla_tracks
    ]
    compat = harness.load("addon.compat")
    path = 'key_blocks["BS_Mouth_Smile_L"].value'
    curve = compat.find_curve(compat.curves_of(take.keys_action, "KEY"), path)
    curve.keyframe_points[0].co[1] = 0.75  # the animator's
    face.affekt_emotion.happy = 0.5
    activate(teeth)
    bpy.ops.affekt.bake()
    sent = client.sent_motion
    told["sent"] = [sent.space, *sent.expression[12, [NAMES.index(n) for n in asked["looked_at"]]]]
    told["turn"] = sent.rotation[24]
    told["baked"] = [take.name for take in face.affekt_takes.items]
    told["baked_smile"] = value_at(face, "BS_Mouth_Smile_L", 13)
    told["baked_jaw"] = [value_at(mesh, "BS_Jaw_Open", 13) for mesh in (face, teeth)]
    told["baked_brow"] = value_at(face, "BS_Brow_Down_L", 13)
    bpy.ops.affekt.use_take(name="take")
    told["take_brow"] = value_at(face, "BS_Brow_Down_L", 13)
    calibrate(told, face, take)
    bake_options(told, face, teeth)
    refused_bakes(told, face)
    duplicate(told, face, teeth)


def calibrate(told: dict, face: bpy.types.Object, take: object) -> None:
    """The map changes what the keys get, not what the take says; edits stay."""
    bpy.ops.affekt.use_take(name="take")
    bpy.ops.affekt.calibrate()
    gain = harness.load("shared.character_mapping").decode_calibration
    kept = gain(face.affekt_character.calibration)
    told["gain"] = kept.map[NAMES.index("jawOpen"), NAMES.index("jawOpen")]
    told["calibrated"] = [value_at(face, "BS_Jaw_Open", 25), value_at(face, "BS_Mouth_Smile_L", 13)]
    takes = harness.load("addon.motion.takes")
    read = takes.read_take(face, take, bpy.context.scene)
    told["read"] = read.expression[24, NAMES.index("jawOpen")]
    face.affekt_character.uses_calibration = False
    told["off"] = [value_at(face, "BS_Jaw_Open", 25), value_at(face, "BS_Mouth_Smile_L", 13)]
    line = next(x for x in face.affekt_character.lines if x.name == "jawOpen")
    line.strength = 0.5
    applying = harness.load("addon.character.applying")
    told["old"] = len(applying.old_takes(face))
    bpy.ops.affekt.apply_strengths()
    told["weaker"] = [value_at(face, "BS_Jaw_Open", 25), len(applying.old_takes(face))]


def bake_options(told: dict, face: bpy.types.Object, teeth: bpy.types.Object) -> None:
    """The bake of before is baked again, with its new strengths; a part of the take as a strip."""
    takes = face.affekt_takes
    before = takes.items[1].keys_action
    bpy.ops.affekt.bake()
    told["again"] = [len(takes.items), takes.items[1].keys_action == before, takes.active]
    told["again_jaw"] = [value_at(mesh, "BS_Jaw_Open", 25) for mesh in (face, teeth)]
    told["again_brow"] = value_at(face, "BS_Brow_Down_L", 13)
    bpy.ops.affekt.bake(target="NEW", frame_range="OWN", first=5, last=10, as_strip=True)
    part = takes.items[2]
    told["part"] = [part.frames, part.first_frame]
    told["strips_of"] = [
        [track.strips[0].name for track in mesh.data.shape_keys.animation_data.nla_tracks]
        for mesh in (face, teeth)
    ]
    told["part_jaw"] = [value_at(mesh, "BS_Jaw_Open", 7) for mesh in (face, teeth)]
    told["take_again"] = len(takes.items)
    for mesh in (face, teeth):
        for track in list(mesh.data.shape_keys.animation_data.nla_tracks):
            mesh.data.shape_keys.animation_data.nla_tracks.remove(track)
    told["moved"] = bake_moved(face)
    bpy.ops.affekt.use_take(name="take")


def bake_moved(face: bpy.types.Object) -> list[float]:
    """Where a bake of the take lies whose keys were moved by 40 frames, and its open jaw there."""
    move(face, 40)
    bpy.ops.affekt.use_take(name="take")
    bpy.ops.affekt.bake(target="NEW")
    bake = face.affekt_takes.items[-1]
    told = [bake.first_frame, bake.frames, value_at(face, "BS_Jaw_Open", 53)]
    move(face, -40)
    return told


def move(face: bpy.types.Object, frames: float) -> None:
    """Moves every key of the take, as an animator does in the Dope Sheet."""
    compat, take = harness.load("addon.compat"), face.affekt_takes.items[0]
    for part, action in harness.load("addon.motion.parts").actions_of(take).items():
        for curve in compat.curves_of(action, part):
            harness.load("addon.motion.keys").move_keys(curve, lambda places: places + frames)


def refused_bakes(told: dict, face: bpy.types.Object) -> None:
    """What a character's bake cannot have, and what it would read wrongly, is said."""
    rendering = harness.load("addon.avatar.rendering")
    avatar = face.affekt_avatar
    avatar.camera, avatar.folder = "PORTRAIT", str(harness.folder())
    settings = rendering.read_settings(face, bpy.context.scene)
    steps = rendering.render_steps(face, bpy.context.scene, settings)
    told["drawn"] = harness.failure(lambda: next(steps))
    told["hidden"] = rendering._hide_mesh(face, "HIDDEN")
    told["shown"] = [m.name for m in bpy.data.objects if m.type == "MESH" and not m.hide_render]
    compat, bake = harness.load("addon.compat"), bpy.ops.affekt.bake
    path = str(harness.folder() / "mesh.pc2")
    told["unknown"] = [
        harness.failure(lambda: bake(simplify_mm=0.1)),
        harness.failure(lambda: bake(step=2)),
        harness.failure(lambda: bake(cache=path)),
    ]
    data, take = face.data.shape_keys.animation_data, face.affekt_takes.items[0]
    copy = take.keys_action.copy()
    compat.assign_action(face.data.shape_keys, copy, "KEY")
    told["copied"] = harness.failure(lambda: bake())
    compat.assign_action(face.data.shape_keys, None, "KEY")
    compat.new_strip(data.nla_tracks.new(), "take", take.keys_action, "KEY", 31.0)
    told["in_strips"] = harness.failure(lambda: bake())
    data.nla_tracks.remove(data.nla_tracks[0])
    bpy.ops.affekt.use_take(name="take")
    told["left"] = len(face.affekt_takes.items)
    tasks, baking = harness.load("addon.link.tasks"), harness.load("addon.bake.baking")
    face.data.shape_keys.key_blocks["BS_Mouth_Smile_L"].driver_add("value")
    told["driven"] = tasks.Task("Bake", baking.bake_steps(face, bpy.context.scene)).run()


def duplicate(told: dict, face: bpy.types.Object, teeth: bpy.types.Object) -> None:
    """A copy of a bake knows all that the bake knows, and has Actions of its own."""
    takes, bake = face.affekt_takes, face.affekt_takes.items["take baked"]
    bake.over_rig, bake.over_keys = bpy.data.actions["Walk"], bpy.data.actions.new("Blinks")
    bake.notes = "3 frames were filled in."
    own = {"rna_type", "name", "rig_action", "keys_action", "parts", "emotions"} | {
        "emotion_values",
        "emotion_units",
    }
    fields = {field.identifier for field in bake.bl_rna.properties} - own
    told["unset"] = [field for field in fields if not getattr(bake, field)]
    harness.load("addon.motion.editing").duplicate_take(face, "take baked")
    bake, copy = takes.items["take baked"], takes.items["take baked copy"]
    told["forgotten"] = [x for x in fields if getattr(copy, x) != getattr(bake, x)]
    actions_of = harness.load("addon.motion.parts").actions_of
    actions = [actions_of(take) for take in (bake, copy)]
    told["own_actions"] = [list(actions[0]) == list(actions[1])]
    told["own_actions"] += [set(actions[0].values()).isdisjoint(actions[1].values())]
    told["copy_jaw"] = [value_at(mesh, "BS_Jaw_Open", 13) for mesh in (face, teeth)]
    read = harness.load("addon.motion.takes").read_take
    jaw = NAMES.index("jawOpen")
    told["copy_read"] = [
        read(face, take, bpy.context.scene).expression[18, jaw] for take in (bake, copy)
    ]


def bad_input(told: dict) -> None:
    few = {"jawOpen": "jawOpen", "mouthSmile_L": "mouthSmileLeft", "tongue out": "tongueOut"}
    three = lone("Three", few)
    use(three)
    told["three"] = notes(three)
    clear()
    twice = lone("Twice", {"jawOpen": "jawOpen", "JawOpen": "jawOpen", "cheekPuff": "cheekPuff"})
    use(twice)
    told["twice"] = notes(twice)
    line = next(one for one in twice.affekt_character.lines if one.name == "jawOpen")
    line.key = "JawOpen"
    use(twice)
    line = next(one for one in twice.affekt_character.lines if one.name == "jawOpen")
    told["chosen"] = [line.key, line.is_chosen]
    find = harness.load("addon.character.find")
    line.key = "cheekPuff"
    told["key_twice"] = harness.failure(lambda: find.need_driven_keys(twice))
    line.key = "JawOpen"
    twice.shape_key_remove(twice.data.shape_keys.key_blocks["JawOpen"])
    told["key_gone"] = harness.failure(lambda: find.need_driven_keys(twice))
    clear()
    no_jaw = lone("NoJaw", {"mouthSmile_L": "mouthSmileLeft"})
    bind(no_jaw, make_armature(BONES))
    use(no_jaw)
    told["no_jaw"] = notes(no_jaw)
    no_jaw.affekt_character.jaw = "Kiefer"
    told["bone_gone"] = harness.failure(lambda: find.bones_of(no_jaw))
    told["none"] = use(lone("None", {"Left": "jawOpen"}))
    absolute = lone("Absolute", {"jawOpen": "jawOpen"})
    absolute.data.shape_keys.use_relative = False
    told["absolute"] = use(absolute)
    clear()
    first, part = lone("First", {"jawOpen": "jawOpen"}), lone("Part", {"jawOpen": "jawOpen"})
    rig = make_armature(BONES)
    for mesh in (first, part):
        bind(mesh, rig)
    use(first)
    copy = first.copy()
    copy.data = first.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    told["shared"] = harness.failure(lambda: find.need_driven_keys(copy))
    for line in copy.affekt_character.lines:
        if line.mesh == part:
            line.key = ""
    told["copy"] = [one.mesh.name for one in find.need_driven_keys(copy)]
    own = harness.add_head(asked["head"])
    told["own"] = use(own)


with harness.enabled():
    clear()
    answers: dict = {}
    whole_path(answers)
    clear()
    bad_input(answers)
    harness.answer(**answers)
