# SPDX-License-Identifier: GPL-3.0-or-later
"""From an extension alone to a bake: a real environment, then head, take, emotion and bake."""

import os
import subprocess
import time
from pathlib import Path

import bpy
import harness

os.environ.pop("PYTHONPATH", None)  # the sidecar must come from what was installed
asked, seconds = harness.options(), {}
os.environ["AFFEKT_DATA_DIR"] = asked["data"]


def timed(name: str, call: object) -> None:
    began = time.monotonic()
    call()
    seconds[name] = round(time.monotonic() - began, 2)


with harness.enabled():
    ops = bpy.ops.affekt
    settings = bpy.context.preferences.addons[harness.MODULE].preferences
    settings.setup_python, settings.setup_device = asked["python"], "CPU"
    bpy.context.preferences.system.use_online_access = True
    timed("set up", ops.set_up_sidecar)
    command = harness.load("addon.preferences").sidecar_command(settings)
    where = subprocess.run(
        [command[0], "-c", "import affekt; print(affekt.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    timed("start", lambda: ops.start_sidecar(wait=True))
    timed("head", ops.add_head)
    take = Path(where.stdout.strip()).parent / "sidecar" / "assets" / "demo" / "take.npz"
    timed("import", lambda: ops.import_take(filepath=str(take)))
    head = bpy.context.object
    head.affekt_emotion.happy = 1.0
    ops.key_emotions()
    timed("bake", ops.bake)
    status = harness.load("addon.link.session").session.need_line().client.status()
    actions = [action.name for action in bpy.data.actions]
    ops.stop_sidecar()
harness.answer(
    command=command,
    affekt=where.stdout.strip(),
    seconds=seconds,
    actions=actions,
    compiled=[status.compiled, status.pieces],
)
