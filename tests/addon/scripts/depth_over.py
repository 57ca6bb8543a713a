# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar of prepared EXRs comes between the bar and the wall of a set, frame by frame."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence
from rendering import composite
from set import build_set

asked = harness.options()
FRAMES = len(asked["exrs"])


def pictures(scene: bpy.types.Scene) -> np.ndarray:
    return np.stack([composite(scene, 1 + i, harness.folder()) for i in range(FRAMES)])


def links(tree: bpy.types.NodeTree) -> list[str]:
    return sorted(
        f"{link.from_node.name}.{link.from_socket.name} > {link.to_node.name}.{link.to_socket.name}"
        for link in tree.links
    )


def marked(tree: bpy.types.NodeTree, role: str) -> bpy.types.Node:
    return next(node for node in tree.nodes if node.get("affekt_avatar") == role)


with harness.enabled():
    scene = bpy.context.scene
    session, compat = harness.load("addon.link.session").session, harness.load("addon.compat")
    scene.render.fps = 30
    head = harness.add_head(asked["head"])
    build_set(asked["size"])
    client = FakeClient(harness.read_head(asked["head"]), silence(FRAMES), exrs=asked["exrs"])
    session.attach(client)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    head.hide_render = True
    np.save(harness.folder() / "set.npy", composite(scene, 1, harness.folder()))
    head.hide_render = False
    chosen = harness.avatar_settings()
    chosen.folder = str(harness.folder() / "frames")
    chosen.passes = {"mask", "normal", "vector"}
    bpy.ops.affekt.render_avatar()
    tree = compat.compositor_tree(scene)
    node, over = marked(tree, "Affekt Avatar"), marked(tree, "Affekt Depth Over")
    np.save(harness.folder() / "over.npy", pictures(scene))
    picture = compat.compositor_output(tree).inputs[0]
    shown = picture.links[0].from_socket
    tree.links.new(over.outputs["Depth"], picture)
    np.save(harness.folder() / "depth.npy", composite(scene, 1, harness.folder()))
    tree.links.new(shown, picture)
    told = {
        "sockets": [s.name for s in node.outputs if s.enabled],
        "links": links(tree),
        "camera_sees_head": head.visible_camera,
        "head_renders": not head.hide_render,
        "colour_space": node.image.colorspace_settings.name,
        "alpha_mode": node.image.alpha_mode,
        "asked": client.renders,
    }

    # What an animator may do: another place, a node of theirs between, a value of theirs.
    node.location = (-1234, 55)
    bright = tree.nodes.new("CompositorNodeExposure")
    mask = next(s for s in node.outputs if s.name == "mask_skin")
    tree.links.new(mask, bright.inputs["Image"])
    over.inputs["Occlusion"].default_value = 0.25
    before = links(tree)
    chosen.reuse = False
    bpy.ops.affekt.render_avatar()
    told["kept"] = [
        list(node.location),
        over.inputs["Occlusion"].default_value,
        links(tree) == before,
        [n.name for n in tree.nodes if n.bl_idname == "CompositorNodeImage"],
        [i.name for i in bpy.data.images if i.source == "SEQUENCE"],
    ]
    # To PNG and back: occlusion follows, and so do the links.
    client.exrs, chosen.format = (), "PNG"
    bpy.ops.affekt.render_avatar()
    told["png"] = [over.inputs["Occlusion"].default_value, over.inputs["Avatar"].is_linked]
    client.exrs, chosen.format = asked["exrs"], "EXR"
    bpy.ops.affekt.render_avatar()
    told["exr_again"] = [
        over.inputs["Occlusion"].default_value,
        over.inputs["Avatar"].is_linked,
        over.inputs["Avatar Depth"].is_linked,
    ]
    marked(tree, "Affekt Motion Blur").mute = False
    chosen.reuse = False
    bpy.ops.affekt.render_avatar()
    for link in list(over.inputs["Set"].links):
        tree.links.remove(link)
    over.inputs["Occlusion"].default_value = 0
    np.save(harness.folder() / "blurred.npy", pictures(scene))
    harness.answer(**told)
