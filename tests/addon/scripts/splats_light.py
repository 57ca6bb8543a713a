# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians in the scene's light: what the group makes of exposure, colour and a shadow, and what
lamps give a white card, by Cycles."""

import json
import math

import bpy
import harness
import numpy as np
from mathutils import Vector
from splats import evaluated, given

asked = harness.options()
PLACE = Vector((0.3, -0.2, 1.1))
LAMPS = {
    "POINT": {"energy": 30.0, "color": (1.0, 0.6, 0.3)},
    "AREA": {"energy": 9.0, "color": (0.4, 0.7, 1.0), "size": 0.1},
    "SPOT": {"energy": 50.0, "spot_size": math.radians(40), "spot_blend": 0.0},
    "SUN": {"energy": 2.5, "color": (1.0, 0.9, 0.5), "angle": 0.0},
}
WARM = {"energy": 12.0, "exposure": 0.5, "use_temperature": True, "temperature": 3200.0}


def small_cloud() -> bpy.types.Object:
    """Gaussians with harmonics on the corners of a triangle, whose middle is at `PLACE`."""
    message = harness.load("shared.avatar_messages").AvatarRead
    binding, cloud = harness.load("addon.splats.binding"), harness.load("addon.splats.cloud")
    rng = np.random.default_rng(0)
    places = np.array([[-0.2, 0, 0], [0.2, 0, 0], [0, 0.1, 0.3]])
    turns = np.tile(np.array([1, 0, 0, 0], np.float32), (3, 1))
    avatar = message(
        name="three",
        surface="head",
        binding="vertex",
        follow="still",
        is_solid=False,
        anchors=np.arange(3, dtype=np.int32),
        supports=np.tile(np.arange(3, dtype=np.int32), (3, 1)),
        offsets=np.zeros((3, 3), np.float32),
        quaternions=turns,
        scales=np.full((3, 3), 0.01, np.float32),
        opacities=np.full(3, 0.9, np.float32),
        colours=rng.uniform(0.3, 0.8, (3, 3)).astype(np.float32),
        harmonics=rng.normal(0, 0.1, (3, 3, 3)).astype(np.float32),
    )
    rest = binding.RestMesh(vertices=places, faces=np.array([[0, 1, 2]], np.int32))
    mesh = bpy.data.meshes.new("three")
    mesh.from_pydata([(x, -z, y) for x, y, z in places], [], [(0, 1, 2)])
    head = bpy.data.objects.new("three", mesh)
    bpy.context.collection.objects.link(head)
    head.location = PLACE
    made = cloud.add_cloud(avatar, rest, "three splats", bpy.context)
    cloud.bind_cloud(made, avatar, rest, head, ("none",))
    return made


def drawn(cloud: bpy.types.Object) -> dict[str, list]:
    """Colour coefficients (3, 4) and harmonics (3, 3, 3) of the Gaussians."""
    cloud.update_tag()
    bpy.context.view_layer.update()
    attributes = cloud.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.attributes
    base = [list(getattr(v, "color", None) or v.vector) for v in attributes["radiance:base"].data]
    names = [f"radiance:sh_{number}" for number in range(3)]
    return {"base": base, "sh": [[list(v.vector) for v in attributes[n].data] for n in names]}


def add_lamp(kind: str, place: Vector, **values: object) -> bpy.types.Object:
    """A lamp that looks at `PLACE`."""
    data = bpy.data.lights.new(kind, kind)
    for name, value in values.items():
        setattr(data, name, value)
    lamp = bpy.data.objects.new(kind, data)
    bpy.context.collection.objects.link(lamp)
    lamp.location = place
    lamp.rotation_mode = "QUATERNION"
    lamp.rotation_quaternion = (PLACE - place).to_track_quat("-Z", "Y")
    bpy.context.view_layer.update()
    return lamp


def card_colour(lamp: bpy.types.Object, path: str) -> list[float]:
    """What Cycles makes of a white card at `PLACE` that faces the lamp."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_plane_add(size=0.01, location=PLACE)
    card = bpy.context.object
    way = (lamp.matrix_world.translation - PLACE).normalized()
    card.rotation_mode, card.rotation_quaternion = "QUATERNION", way.to_track_quat("Z", "Y")
    white = bpy.data.materials.new("white")
    tree = white.node_tree
    shader = tree.nodes.new("ShaderNodeBsdfDiffuse")
    shader.inputs["Color"].default_value = (1, 1, 1, 1)
    output = next(node for node in tree.nodes if node.bl_idname == "ShaderNodeOutputMaterial")
    tree.links.new(shader.outputs[0], output.inputs["Surface"])
    card.data.materials.append(white)
    camera = bpy.data.objects.new("card", bpy.data.cameras.new("card"))
    scene.collection.objects.link(camera)
    camera.data.type, camera.data.ortho_scale = "ORTHO", 0.005
    camera.location = PLACE + 0.1 * way + Vector((0.02, 0.01, 0))
    toward = PLACE - camera.location
    camera.rotation_mode, camera.rotation_quaternion = "QUATERNION", toward.to_track_quat("-Z", "Y")
    scene.camera, scene.render.engine, scene.cycles.samples = camera, "CYCLES", 64
    scene.cycles.device, scene.cycles.use_denoising = "CPU", False
    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(path)
    pixels = np.array(image.pixels[:]).reshape(-1, 4)[:, :3].mean(0)
    for item in (card, camera):
        bpy.data.objects.remove(item)
    return pixels.tolist()


def matched(cloud: bpy.types.Object) -> list[float]:
    """The colour that a lamp gives what is white in the avatar."""
    cloud.update_tag()
    bpy.context.view_layer.update()
    exposure, colour = given(cloud, "Exposure").value, given(cloud, "Light Colour").value
    return [2**exposure * part for part in colour[:3]]


def each_lamp(cloud: bpy.types.Object) -> dict[str, object]:
    told: dict[str, object] = {"cards": {}, "simple": True}
    kinds = {**{kind: (kind, values) for kind, values in LAMPS.items()}, "WARM": ("POINT", WARM)}
    for name, (kind, values) in kinds.items():
        lamp = add_lamp(kind, PLACE + Vector((0.7, -1.1, 0.9)), **values)
        cloud.parent.hide_render = cloud.hide_render = True
        bpy.context.view_layer.objects.active = cloud
        bpy.ops.affekt.match_light()
        one = [matched(cloud), card_colour(lamp, str(harness.folder() / f"{name}.exr"))]
        lamp.data.energy *= 2
        told["cards"][name] = [*one, matched(cloud)]
        drivers = cloud.animation_data.drivers
        told["simple"] &= all(d.driver.is_simple_expression and d.driver.is_valid for d in drivers)
        told["count"] = len(drivers)
        bpy.data.objects.remove(lamp)
        told["without"] = given(cloud, "Exposure").value if matched(cloud) else None
    bpy.context.view_layer.objects.active = cloud
    bpy.ops.affekt.release_light()
    told["released"] = [matched(cloud), len(cloud.animation_data.drivers)]
    return told | driven_by_hand(cloud)


def driven_by_hand(cloud: bpy.types.Object) -> dict[str, object]:
    """Values and a driver of the animator's own, which neither button takes away."""
    given(cloud, "Exposure").value = 1.5
    bpy.ops.affekt.release_light()
    told: dict[str, object] = {"own_value": given(cloud, "Exposure").value}
    given(cloud, "Exposure").driver_add("value").driver.expression = "frame * 0.1"
    lamp = add_lamp("POINT", PLACE + Vector((0, -1, 0)), energy=10.0)
    buttons = (bpy.ops.affekt.match_light, bpy.ops.affekt.release_light)
    told["driven"] = [harness.failure(lambda button=button: button()) for button in buttons]
    told["drivers"] = [one.driver.expression for one in cloud.animation_data.drivers]
    bpy.data.objects.remove(lamp)
    given(cloud, "Exposure").driver_remove("value")
    return told


def main() -> None:
    scene = bpy.context.scene
    for item in list(scene.objects):
        bpy.data.objects.remove(item)
    scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0
    cloud = small_cloud()
    bpy.context.view_layer.objects.active = cloud
    told: dict[str, object] = {"rest": drawn(cloud), "place": evaluated(cloud)["position"]}
    bind_as_by_others(cloud)
    told["warnings"] = [one.message for one in cloud.modifiers[0].node_warnings]
    told["dark"] = harness.failure(lambda: bpy.ops.affekt.match_light())
    given(cloud, "Exposure").value = asked["exposure"]
    given(cloud, "Light Colour").value = (*asked["colour"], 1)
    told["lit"] = drawn(cloud)
    given(cloud, "Exposure").value, given(cloud, "Light Colour").value = 0, (1, 1, 1, 1)
    told["back"] = drawn(cloud)
    told |= shadows(cloud)
    told |= each_lamp(cloud)
    told |= bound_without_data(cloud)
    harness.answer(**told)


def bind_as_by_others(cloud: bpy.types.Object) -> None:
    """Bind Again with what another version of Affekt kept of the cloud."""
    plan = harness.load("addon.splats.cloud").PLAN
    others = {"harmonics": 0, "of_tomorrow": [1]}
    cloud.data[plan] = json.dumps({**json.loads(cloud.data[plan]), **others})
    bpy.ops.affekt.bind_splats()
    bpy.context.view_layer.update()


def bound_without_data(cloud: bpy.types.Object) -> dict[str, object]:
    """Bind Again where a version of Affekt that knew no tangents has bound the cloud."""
    before = cloud.modifiers[0].node_group
    cloud.data.attributes.remove(cloud.data.attributes["affekt_support_2"])
    said = harness.failure(lambda: bpy.ops.affekt.bind_splats())
    return {"no_tangent": said, "group_kept": cloud.modifiers[0].node_group == before}


def shadows(cloud: bpy.types.Object) -> dict[str, object]:
    """A board before one corner of three, turned and scaled, from a lamp and from a sun."""
    told = {}
    lamp = add_lamp("POINT", PLACE + Vector((0, -2, 0)), energy=10.0)
    bpy.ops.mesh.primitive_plane_add(size=1)
    board = bpy.context.object
    board.location = PLACE + Vector((-0.2 * 0.75, -0.5, 0.0))
    board.rotation_euler, board.scale = (math.pi / 2, 0, 0.3), (0.1, 0.1, 1)
    given(cloud, "Key Light").value, given(cloud, "Light Size").value = lamp, 0.001
    given(cloud, "Shadow").value, given(cloud, "Shadow Caster").value = 0.6, board
    told["shadow"] = drawn(cloud)
    given(cloud, "Is a Sun").value = True
    told["sun_beside"] = drawn(cloud)
    board.location.x = PLACE.x - 0.2
    told["sun_shadow"] = drawn(cloud)
    board.location.y = lamp.location.y - 0.5
    given(cloud, "Is a Sun").value = False
    told["behind_lamp"] = drawn(cloud)
    given(cloud, "Shadow Caster").value = None
    told["no_caster"] = drawn(cloud)
    bpy.data.objects.remove(lamp)
    bpy.data.objects.remove(board)
    return told


with harness.enabled():
    main()
