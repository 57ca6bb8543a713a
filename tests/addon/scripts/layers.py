# SPDX-License-Identifier: GPL-3.0-or-later
"""A multilayer EXR of ours in the compositor: the Image node's sockets, and one pixel of each."""

import bpy
import harness
from rendering import composite, set_up_render


def read() -> None:
    path = harness.options()["picture"]
    scene = bpy.context.scene
    set_up_render(scene, harness.options()["size"])
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    compat = harness.load("addon.compat")
    tree, image = compat.compositor_tree(scene), bpy.data.images.load(path)
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    output = compat.compositor_output(tree)
    # 4.2 fills in a multilayer image's sockets when the tree is next evaluated.
    bpy.context.view_layer.update()
    sockets = [socket.name for socket in node.outputs if socket.enabled]
    row, column = harness.options()["pixel"]
    values = {}
    for index, name in enumerate(sockets):
        tree.links.new(node.outputs[name], output.inputs[0])
        values[name] = composite(scene, 1 + index, harness.folder())[row, column].tolist()
    harness.answer(type=image.type, sockets=sockets, values=values)


with harness.enabled():
    read()
