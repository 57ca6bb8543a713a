# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars as objects of the scene, with a real sidecar: in every manner, over a take and a bake of
all emotions, as Blender evaluates them; and what animators do to them."""

import hashlib
import time

import bpy
import harness
import numpy as np
from layout import drawn

from sidecar import start_sidecar

asked = harness.options()
KINDS = {"position": "vector", "scale": "vector", "rotation": "value"}
EMOTIONS = ("happy", "sad", "angry", "fear", "disgust", "surprise")


def evaluated(cloud: bpy.types.Object) -> dict[str, np.ndarray]:
    """Place, scale and rotation of every Gaussian, as Blender draws them."""
    return values_of(cloud.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)


def values_of(data: bpy.types.PointCloud) -> dict[str, np.ndarray]:
    told = {}
    for name, field in KINDS.items():
        flat = np.empty(len(data.points) * (4 if name == "rotation" else 3), np.float32)
        data.attributes[name].data.foreach_get(field, flat)
        told[name] = flat.reshape(len(data.points), -1)
    return told


def given(cloud: bpy.types.Object, name: str) -> bpy.types.PropertyGroup:
    """The input of the cloud's modifier."""
    modifier = cloud.modifiers[0]
    for item in modifier.node_group.interface.items_tree:
        if item.item_type == "SOCKET" and item.in_out == "INPUT" and item.name == name:
            return getattr(modifier.properties.inputs, item.identifier)
    raise KeyError(name)


def choose(cloud: bpy.types.Object, follow: str) -> None:
    given(cloud, "Follow").value = follow.title()
    cloud.update_tag()


def own_motion(head: bpy.types.Object, path: str) -> None:
    """Keeps what the take in use says, at its own frames."""
    takes = harness.load("addon.motion.takes")
    motion = takes.read_take(head, takes.active_take(head), bpy.context.scene)
    data = harness.load("shared.take_files").encode_motion(motion)
    with open(path, "wb") as file:
        file.write(data)


def key_all_emotions(frames: list[int], appearance: float = 1.0) -> None:
    """One emotion after another, each at its own frame."""
    head = harness.load("addon.head.find").need_head(bpy.context)
    for frame, emotion in zip(frames, EMOTIONS, strict=True):
        bpy.context.scene.frame_set(frame + 1)
        bpy.ops.affekt.neutral()
        setattr(head.affekt_emotion, emotion, 1.0)
        head.affekt_emotion.appearance = appearance
        bpy.ops.affekt.key_emotions()


def play(case: dict) -> dict:
    """Imports an avatar and takes, bakes where that is asked for, and keeps what is drawn."""
    began = time.monotonic()
    bpy.ops.affekt.import_avatar(
        filepath=case["avatar"], flame=case["flame"], version=case["version"]
    )
    told = {"import_s": time.monotonic() - began}
    cloud = bpy.context.object
    head = harness.load("addon.head.find").need_head(bpy.context)
    told |= {"cloud": cloud.name, "head": head.name, "points": len(cloud.data.points)}
    told |= {"follow": given(cloud, "Follow").value, "hidden": [head.hide_get(), head.hide_render]}
    for number, (take, motion) in enumerate(zip(case["takes"], case["motions"], strict=True)):
        bpy.ops.affekt.import_take(filepath=take, first_frame=1)
        if case["bake_frames"]:
            if number == 0:
                key_all_emotions(case["bake_frames"])
            bpy.ops.affekt.bake()
        own_motion(head, motion)
        keep_drawn(cloud, case, case["outs"][number])
    told["warnings"] = [warning.message for warning in cloud.modifiers[0].node_warnings]
    choose(cloud, told["follow"])
    return told


def keep_drawn(cloud: bpy.types.Object, case: dict, path: str) -> None:
    """The Gaussians at the wanted frames, in each manner, as one npz."""
    kept = {}
    for follow in case["follows"]:
        choose(cloud, follow)
        for frame in case["frames"]:
            bpy.context.scene.frame_set(frame * case["fps"] // 30 + 1)
            for name, values in evaluated(cloud).items():
                kept[f"{follow}.{frame}.{name}"] = values
    np.savez(path, **kept)


def drawn_bits(cloud: bpy.types.Object, frames: list[int]) -> list[dict[str, str]]:
    """Hashes of what is drawn of the cloud, frame by frame."""
    told = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        values = evaluated(cloud)
        told.append({k: hashlib.sha256(v.tobytes()).hexdigest() for k, v in values.items()})
    return told


def moved(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(one[name] - other[name]).max()) for name in KINDS)


def change_things(cloud: bpy.types.Object) -> dict:
    """What an animator may do to splats, and what is drawn or said then."""
    head, scene, told = cloud.parent, bpy.context.scene, {}
    scene.frame_set(40)
    before, rest = evaluated(cloud), values_of(cloud.data)
    told["moves"] = moved(before, rest)
    told["panel"] = drawn(["head"])["head"]
    more = head.modifiers.new("More", "ARRAY")
    bpy.context.view_layer.update()
    told["other_mesh"] = moved(evaluated(cloud), rest)
    told["other_mesh_said"] = [one.message for one in cloud.modifiers[0].node_warnings]
    head.modifiers.remove(more)
    bpy.context.view_layer.update()
    told["mesh_back"] = moved(evaluated(cloud), before)
    cloud.modifiers[0].node_group.nodes.clear()
    given(cloud, "Exposure").value = 0.5
    bpy.context.view_layer.update()
    bpy.ops.affekt.bind_splats()
    told["light_kept"] = given(cloud, "Exposure").value
    given(cloud, "Exposure").value = 0.0
    bpy.context.view_layer.update()
    told["bound_again"] = moved(evaluated(cloud), before)
    cloud.data.resize(len(cloud.data.points) - 50)
    cloud.data.update_tag()
    bpy.context.view_layer.update()
    told["points_deleted"] = moved(
        evaluated(cloud), {name: values[:-50] for name, values in before.items()}
    )
    told["no_supports"] = bound_to_bare_faces(cloud)
    cloud.parent = None
    told["unbound"] = harness.failure(lambda: bpy.ops.affekt.bind_splats())
    cloud.parent = head
    plan = harness.load("addon.splats.cloud").PLAN
    cloud.data[plan] = cloud.data[plan].replace('"vertices": ', '"vertices": 1')
    told["other_vertices"] = harness.failure(lambda: bpy.ops.affekt.bind_splats())
    return told


def bound_to_bare_faces(cloud: bpy.types.Object) -> dict[str, object]:
    """Bind Again on a head of before its faces told what turns them, with face-bound splats."""
    before, mesh = cloud.modifiers[0].node_group, cloud.parent.data
    mesh.attributes.remove(mesh.attributes["affekt_support_2"])
    attach = harness.load("addon.splats.cloud").attach_group
    code = harness.failure(lambda: attach(cloud))
    said = harness.failure(lambda: bpy.ops.affekt.bind_splats())
    return {"code": code, "said": said, "kept": cloud.modifiers[0].node_group == before}


def refusals() -> dict[str, str]:
    told = {}
    for name, options in asked["refused"].items():
        objects = len(bpy.data.objects)
        told[name] = harness.failure(
            lambda options=options: bpy.ops.affekt.import_avatar(**options)
        )
        assert len(bpy.data.objects) == objects, name
    return told


def left_by_a_failure() -> dict[str, object]:
    """What stays of an import that fails as its last data-block is made, and what is said."""
    adding = harness.load("addon.splats.adding")
    whole, error = adding.bind_cloud, harness.load("shared.errors").InputError
    kinds = ("objects", "meshes", "armatures", "pointclouds", "node_groups", "actions", "materials")

    def bind_and_fail(*given: object) -> None:
        whole(*given)
        raise error("splats.mesh", "It fails.", "Do nothing.")

    def names() -> set[str]:
        return {f"{kind}/{item.name}" for kind in kinds for item in getattr(bpy.data, kind)}

    before, adding.bind_cloud = names(), bind_and_fail
    try:
        said = harness.failure(lambda: bpy.ops.affekt.import_avatar(filepath=asked["fails"]))
    finally:
        adding.bind_cloud = whole
    return {"said": said, "left": sorted(names() - before)}


def main() -> None:
    scene = bpy.context.scene
    scene.render.fps = 30
    start_sidecar(asked["python"])
    told = {"refused": refusals(), "failed": left_by_a_failure(), "cases": {}}
    for case in asked["cases"]:
        scene.render.fps = case["fps"]
        told["cases"][case["name"]] = play(case)
    scene.render.fps = 30
    bpy.ops.affekt.import_avatar(filepath=asked["still"])
    vase = bpy.context.object
    told["still"] = [vase.type, len(vase.modifiers)]
    bpy.ops.affekt.stop_sidecar()
    first = bpy.data.objects[told["cases"][asked["cases"][0]["name"]]["cloud"]]
    bpy.ops.wm.save_as_mainfile(filepath=asked["blend"], copy=True)
    clouds = [*(bpy.data.objects[case["cloud"]] for case in told["cases"].values()), vase]
    told["drawn"] = {item.name: drawn_bits(item, asked["drawn_frames"]) for item in clouds}
    told["render"] = render_small(asked["render"])
    bpy.context.view_layer.objects.active = first
    told["changed"] = change_things(first)
    harness.answer(**told)


def render_small(path: str) -> str:
    """A tiny rendering of the scene by Cycles, as bytes."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Small", bpy.data.cameras.new("Small"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, -0.7, 0.0), (np.pi / 2, 0, 0)
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", 2, False
    scene.render.resolution_x = scene.render.resolution_y = 40
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "BMP"
    scene.frame_set(40)
    scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
    with open(path, "rb") as file:
        return file.read().hex()


if __name__ == "__main__":
    with harness.enabled():
        main()
