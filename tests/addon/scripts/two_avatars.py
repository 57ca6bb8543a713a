# SPDX-License-Identifier: GPL-3.0-or-later
"""Two heads, each with an avatar of prepared EXRs, before a set; and what an animator does then."""

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence
from rendering import animation, composite
from set import build_set

asked = harness.options()
FRAMES = 3


def render(head: bpy.types.Object, exrs: list[str]) -> FakeClient:
    model = harness.read_head(asked["head"])
    client = FakeClient(model, silence(FRAMES), exrs=tuple(exrs))
    session.attach(client)
    bpy.context.view_layer.objects.active = head
    if not head.affekt_takes.items:
        bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    bpy.ops.affekt.render_avatar()
    return client


def pictures() -> np.ndarray:
    return np.stack([composite(scene, 1 + i, harness.folder()) for i in range(FRAMES)])


def render_on_a_farm() -> None:
    """The file as it is now, in a Blender that has no Affekt."""
    script, place = Path(__file__).with_name("two_avatars_alone.py"), harness.folder() / "farm"
    place.mkdir()
    told = {"blend": bpy.data.filepath, "frames": FRAMES, "out": str(place / "animation.npy")}
    subprocess.run(
        [sys.executable, str(script), json.dumps(told), str(place / "answer.json"), str(place)],
        env={**os.environ, "BLENDER_USER_RESOURCES": str(place / "nobody")},
        check=True,
        timeout=120,
    )


def owners() -> list[list[str]]:
    """The role and the head of each of our nodes."""
    tree = compat.compositor_tree(bpy.context.scene)
    marked = (node for node in tree.nodes if node.get("affekt_avatar"))
    return sorted([node["affekt_avatar"], node["affekt_head"].name] for node in marked)


def bytes_of(head: bpy.types.Object) -> dict[str, bytes]:
    folder = rendering.folder_of(head)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("avatar_*"))}


with harness.enabled():
    scene = bpy.context.scene
    session, compat = harness.load("addon.link.session").session, harness.load("addon.compat")
    rendering = harness.load("addon.avatar.rendering")
    build_set(asked["size"])
    scene.render.fps = 30
    ada, bea = harness.add_head(asked["head"]), harness.add_head(asked["head"])
    ada.name, bea.name = "Ada", "Bea"
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "shot.blend"))
    near, far = asked["near"], asked["far"]

    render(ada, near)
    files_of_one = bytes_of(ada)
    render(bea, far)
    np.save(harness.folder() / "both.npy", pictures())
    bpy.ops.wm.save_mainfile()
    np.save(harness.folder() / "animation.npy", animation(scene, FRAMES, harness.folder()))
    render_on_a_farm()
    told = {
        "owners": owners(),
        "first_stays": bytes_of(ada) == files_of_one,
        "folders": [rendering.folder_of(head).name for head in (ada, bea)],
        "hidden": [rendering.is_mesh_hidden(head) for head in (ada, bea)],
        "explained": [head.affekt_avatar.is_explained for head in (ada, bea)],
    }
    bea.affekt_avatar.folder = "//affekt_render/Ada/"
    told["same_folder"] = harness.failure(lambda: render(bea, far))
    bea.affekt_avatar.property_unset("folder")

    bpy.context.view_layer.objects.active = ada
    bpy.ops.affekt.show_head_mesh()
    told["shown"] = [rendering.is_mesh_hidden(head) for head in (ada, bea)]
    told["shown_stays"] = ada.affekt_avatar.head_mesh

    scene.frame_set(2)
    ada.affekt_avatar.frame_range, ada.affekt_avatar.reuse = "CURRENT", False
    ada.affekt_avatar.codec = "RLE"
    client = render(ada, [far[0]] * FRAMES)
    told["one_frame"] = [name for name, data in bytes_of(ada).items() if data != files_of_one[name]]
    told["codecs"] = [client.renders[0]["codec"], bea.affekt_avatar.codec]
    told["sent"] = len(client.sent_motion.jaw)
    scene.frame_set(9)
    told["beyond"] = harness.failure(lambda: render(ada, near))

    # What files of before hold: settings with the scene, and nodes without a head.
    scene.affekt_avatar.size, scene.affekt_avatar.passes = 77, {"uv"}
    bea.affekt_avatar.size = 33
    tree = compat.compositor_tree(scene)
    for node in tree.nodes:
        if node.get("affekt_head") == ada:
            del node["affekt_head"]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(harness.folder() / "shot.blend"))
    scene = bpy.context.scene
    harness.load("addon.head.upkeep").bring_up_to_date()
    ada, bea = bpy.data.objects["Ada"], bpy.data.objects["Bea"]
    told["handed_down"] = [
        [h.affekt_avatar.size, sorted(h.affekt_avatar.passes)] for h in (ada, bea)
    ]
    told["scene_is_empty"] = not scene.affekt_avatar.is_property_set("size")
    ada.name, ada.affekt_avatar.frame_range = "Eva", "SCENE"
    ada.affekt_avatar.passes = bea.affekt_avatar.passes = {"mask"}
    scene.frame_step = 2
    render(ada, near)
    told["stepped"] = list(bytes_of(ada))
    told["after_load"] = owners()
    bpy.data.objects.remove(ada)
    render(bea, far)
    told["after_removal"] = [
        [node["affekt_avatar"], node["affekt_head"] and node["affekt_head"].name]
        for node in compat.compositor_tree(scene).nodes
        if node.get("affekt_avatar") == "Affekt Avatar"
    ]
    harness.answer(**told)
