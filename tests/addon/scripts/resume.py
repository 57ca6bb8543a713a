# SPDX-License-Identifier: GPL-3.0-or-later
"""Renderings that break off, are cancelled, and go on; what the folder holds in between."""

from pathlib import Path

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()
FRAMES = 8


def pictures() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("avatar_*"))}


def render(fault: str = "", *, version: str = "0.0.fake") -> dict:
    """What the sidecar of that version was asked for, and what was reported."""
    client = FakeClient(model, silence(FRAMES), fault)
    client.welcome.affekt = version
    session.attach(client)
    rendering, tasks = harness.load("addon.avatar.rendering"), harness.load("addon.link.tasks")
    steps = rendering.render_steps(head, scene, rendering.read_settings(head, scene))
    task = tasks.start_task(tasks.Task("Render Avatar", steps))
    said = ""
    try:
        if fault == "stall":
            while not client.renders:
                task.step()
        else:
            said = task.run()
    except Exception as error:
        said = error.code
    finally:
        tasks.end_task()
    frames = [[run["frames"].start, run["frames"].stop] for run in client.renders]
    subjects = sorted({run["subject"] for run in client.renders})
    skin = [run["appearance"] for run in client.renders]
    return {
        "frames": frames,
        "said": said,
        "pictures": list(pictures()),
        "subjects": subjects,
        "appearance": [None if rows is None else rows.tolist() for rows in skin],
    }


with harness.enabled():
    scene = bpy.context.scene
    session = harness.load("addon.link.session").session
    scene.render.fps = 30
    head, model = harness.add_head(asked["head"]), harness.read_head(asked["head"])
    session.attach(FakeClient(model, silence(FRAMES)))
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    folder = Path(harness.folder() / "frames")
    chosen = harness.avatar_settings()
    chosen.subject, chosen.format, chosen.folder = "MESH", "PNG", str(folder)
    scene.render.resolution_x = scene.render.resolution_y = 16
    told = {"full": render("full"), "goes_on": render(), "again": render()}
    before = pictures()
    camera = scene.camera
    camera.keyframe_insert("location", frame=6)
    camera.location.x += 1
    camera.keyframe_insert("location", frame=8)
    told["cancelled"] = render("stall")
    told["nothing_lost"] = before == pictures()
    told["moved"] = render()
    told["sees_head"] = head.visible_camera
    told["back_at"] = scene.frame_current
    chosen.reuse = False
    told["all"] = render()
    chosen.reuse = True
    told["newer"] = render(version="0.1.fake")
    chosen.subject = "GAUSSIANS"
    told["gaussians"] = render(version="0.1.fake")
    chosen.head_mesh = "HIDDEN"
    told["same"] = render(version="0.1.fake")
    told["renders_head"] = not head.hide_render
    for frame, value in ((5, 1.0), (7, 2.0), (8, 0.0)):
        head.affekt_emotion.appearance = value
        head.keyframe_insert("affekt_emotion.appearance", frame=frame)
    told["wrinkled"] = render(version="0.1.fake")
    harness.answer(**told, hidden=sorted(p.name for p in folder.glob(".*")))
