# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the sidecar for a take as it is, for a bake of it, and for an avatar's file."""

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()
FRAMES = len(asked["exrs"])


def shown_happy() -> list[float]:
    values = []
    for frame in range(1, FRAMES + 1):
        scene.frame_set(frame)
        values.append(head.affekt_emotion.happy)
    return values


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = 30
    head, model = harness.add_head(asked["head"]), harness.read_head(asked["head"])
    client = FakeClient(model, silence(FRAMES), exrs=asked["exrs"])
    harness.load("addon.link.session").session.attach(client)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    chosen = harness.avatar_settings()
    chosen.folder, chosen.format = str(harness.folder() / "frames"), "EXR"
    for frame, happy in ((1, 0.0), (FRAMES, 1.0)):
        head.affekt_emotion.happy = happy
        head.keyframe_insert("affekt_emotion.happy", frame=frame)
    head.affekt_emotion.sad = 0.25
    bpy.ops.affekt.render_avatar()
    bpy.ops.affekt.bake()
    bpy.ops.affekt.render_avatar()
    chosen.subject, chosen.file, chosen.adapter = "FILE", asked["avatar"], asked["adapter"]
    bpy.ops.affekt.render_avatar()
    chosen.adapter = ""  # so it is another picture
    bpy.ops.affekt.render_avatar()
    harness.answer(renders=client.renders, happy=shown_happy())
