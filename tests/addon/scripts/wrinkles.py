# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrinkles of the open head's mesh: what its drivers say in poses; what the material's node
group makes of given numbers, on a flat face; and the head at rest with and without the group."""

import bpy
import harness
import numpy as np

asked = harness.options()
PIXELS = asked["pixels"]


def pose(head: bpy.types.Object, weights: dict[str, float], jaw_rad: list[float]) -> list[float]:
    """What the drivers say. jaw_rad: the jaw's rotation vector, in Blender's axes."""
    for name, value in weights.items():
        head.data.shape_keys.key_blocks[name].value = value
    jaw, turn = head.parent.pose.bones["jaw"], np.array(jaw_rad)
    half = np.linalg.norm(turn) / 2
    jaw.constraints["Follow jawOpen"].influence = 0.0
    jaw.rotation_quaternion = (np.cos(half), *(turn / 2 * np.sinc(half / np.pi)))
    bpy.context.view_layer.update()
    evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return [value for name in asked["pressed"] for value in evaluated[name]]


def render(name: str) -> np.ndarray:
    """(H, W, 3) linear, row 0 at the bottom."""
    render = bpy.context.scene.render
    render.filepath = str(harness.folder() / f"{name}.exr")
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(render.filepath)
    flat = np.empty(4 * picture.size[0] * picture.size[1], np.float32)
    picture.pixels.foreach_get(flat)
    return flat.reshape(picture.size[1], picture.size[0], 4)[..., :3]


def set_camera(place: tuple[float, float, float], turn: tuple[float, float, float]) -> None:
    scene = bpy.context.scene
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    scene.collection.objects.link(sun)
    sun.rotation_euler, sun.data.energy = (0.9, 0.3, 0.5), 3.0
    data = bpy.data.cameras.new("Camera")
    data.type, data.ortho_scale, data.clip_start = "ORTHO", 0.2, 0.001
    scene.camera = bpy.data.objects.new("Camera", data)
    scene.collection.objects.link(scene.camera)
    scene.camera.location, scene.camera.rotation_euler = place, turn
    scene.render.resolution_x = scene.render.resolution_y = PIXELS
    scene.render.engine, scene.render.image_settings.file_format = "CYCLES", "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.cycles.samples, scene.cycles.seed = asked["samples"], 1
    scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = False, False
    scene.cycles.filter_width = 0.01  # each sample in the pixel's middle


def add_flat_face(numbers: list[float]) -> bpy.types.Object:
    """A square of 0.2 m whose places are the face's own, in a material that shines by the group's
    height, less than nothing turned to more."""
    mesh = bpy.data.meshes.new("Flat")
    corners = [(-0.1, -0.1, 0), (0.1, -0.1, 0), (0.1, 0.1, 0), (-0.1, 0.1, 0)]
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    face = np.array(corners, np.float32)
    face[:, 2] = 1
    mesh.attributes.new("affekt_face", "FLOAT_VECTOR", "POINT").data.foreach_set(
        "vector", face.ravel()
    )
    flat = bpy.data.objects.new("Flat", mesh)
    bpy.context.scene.collection.objects.link(flat)
    for number, name in enumerate(asked["pressed"]):
        flat[name] = numbers[4 * number : 4 * number + 4]
    material = bpy.data.materials.new("Shows")
    harness.load("addon.compat").enable_material_nodes(material)
    tree = material.node_tree
    tree.nodes.clear()
    group = tree.nodes.new("ShaderNodeGroup")
    group.node_tree = bpy.data.node_groups["Affekt Wrinkles"]
    turned, shown = tree.nodes.new("ShaderNodeMath"), tree.nodes.new("ShaderNodeEmission")
    turned.operation, turned.inputs[1].default_value = "MULTIPLY", -1.0
    lifted = tree.nodes.new("ShaderNodeMath")
    lifted.inputs[1].default_value = 1.0  # light is never below nothing
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(group.outputs["Height"], turned.inputs[0])
    tree.links.new(turned.outputs[0], lifted.inputs[0])
    tree.links.new(lifted.outputs[0], shown.inputs["Color"])
    tree.links.new(shown.outputs[0], output.inputs["Surface"])
    mesh.materials.append(material)
    return flat


def without_folds() -> None:
    """Takes the group out of the head's material."""
    tree = bpy.data.materials["Affekt Skin"].node_tree
    for node in list(tree.nodes):
        if (node.type == "GROUP" and "Shade" in node.inputs) or node.label == "Folds":
            tree.nodes.remove(node)
        elif node.type == "VECT_MATH":
            node.inputs[0].default_value = (1, 1, 1)


told = {}
with harness.enabled():
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    head = harness.add_head(asked["head"], wrinkles=True)
    bpy.context.view_layer.update()
    set_camera((0, -1, 0), (np.pi / 2, 0, 0))
    told["rest"] = render("rest")
    told["pressed"] = [pose(head, *one) for one in asked["poses"]]
    told["posed"] = render("posed")
    drivers = [curve.driver for curve in head.animation_data.drivers]
    simple = all(driver.is_simple_expression and driver.is_valid for driver in drivers)
    for weights, _ in asked["poses"]:
        pose(head, dict.fromkeys(weights, 0.0), [0.0, 0.0, 0.0])
    head.affekt_emotion.appearance = 0.0
    without_folds()
    told["plain"] = render("plain")
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    flat = add_flat_face(asked["numbers"])
    set_camera((0, 0, 1), (0, 0, 0))
    flat.affekt_emotion.appearance = asked["appearance"]
    flat.update_tag()
    told["flat"] = render("flat")
told["alone"] = render("alone")  # without Affekt
np.savez(asked["out"], **told)
harness.answer(
    simple=simple,
    pictures=[i.packed_file.size for i in bpy.data.images if i.packed_file is not None],
)
