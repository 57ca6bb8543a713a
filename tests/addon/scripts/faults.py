# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong on an animator's way: a sentence each time, nothing half made."""

import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()


def census() -> dict[str, int]:
    """What there is in the file; errors must not change it."""
    kinds = ("objects", "meshes", "armatures", "actions", "images", "shape_keys")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}


def steps_until_cancelled(head: bpy.types.Object, client: FakeClient) -> dict:
    """A bake that stalls in the sidecar, stepped as a timer would, then cancelled as by Esc."""
    tasks = harness.load("addon.link.tasks")
    baking = harness.load("addon.bake.baking")
    steps = baking.bake_steps(head, bpy.context.scene)
    task = tasks.start_task(tasks.Task("Bake", steps))
    deadline = time.monotonic() + 10
    while task.progress.fraction == 0 and time.monotonic() < deadline:
        task.step()
    told = {"fraction": task.progress.fraction, "text": task.progress.text}
    told["busy"] = harness.failure(bpy.ops.affekt.bake)
    told["goes_on"] = tasks.running_task() is task
    tasks.end_task()
    while not client.cancelled and time.monotonic() < deadline:
        time.sleep(0.01)
    return {**told, "cancelled": client.cancelled, "idle": tasks.running_task() is None}


def cancelled_while_it_starts(head: bpy.types.Object, client: FakeClient) -> list[str]:
    """Esc while the job is about to start, and the connection is lost in that moment."""
    tasks, session = harness.load("addon.link.tasks"), harness.load("addon.link.session").session
    baking = harness.load("addon.bake.baking")
    has_begun, may_start, start = threading.Event(), threading.Event(), client.start_bake

    def start_slowly(*values: object, **options: object) -> str:
        has_begun.set()
        may_start.wait(10)
        return start(*values, **options)

    client.start_bake = start_slowly
    task = tasks.start_task(tasks.Task("Bake", baking.bake_steps(head, bpy.context.scene)))
    deadline = time.monotonic() + 10
    while not has_begun.is_set() and time.monotonic() < deadline:
        task.step()
        time.sleep(0.01)
    client.is_open = False
    session.step()
    tasks.end_task()
    may_start.set()
    while not client.cancelled and time.monotonic() < deadline:
        time.sleep(0.01)
    return client.cancelled


def write_connection_of_another_version() -> None:
    """As a sidecar of the far future would leave it."""
    path = Path(os.environ["AFFEKT_RUNTIME_DIR"], "sidecar.json")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = ("server_public_key", "client_public_key", "client_secret_key")
    values = {"endpoint": "tcp://127.0.0.1:1", "pid": 1, "protocol": [99, 0], "affekt": "99.0"}
    path.write_text(json.dumps({**values, **dict.fromkeys(keys, "a" * 40)}))
    path.chmod(0o600)


@contextmanager
def full_disk() -> Iterator[None]:
    """Nothing that is written comes to lie on the disk."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sync, os.fsync = os.fsync, refuse
    try:
        yield
    finally:
        os.fsync = sync


def on_full_disk(said: dict[str, str]) -> list[list[str]]:
    """Everything that Blender itself writes; the files and the presets that are there then."""
    folder = harness.folder() / "full"
    folder.mkdir()
    store = harness.load("addon.presets.store")
    with full_disk():
        said["disk_full_take"] = fail(
            lambda: ops.export_take(filepath=str(folder / "take.npz"), format="NPZ")
        )
        said["disk_full_emotions"] = fail(
            lambda: ops.export_emotions(filepath=str(folder / "emotions.json"))
        )
        said["disk_full_preset"] = fail(lambda: ops.save_preset(name="On a full disk"))
        said["disk_full_pictures"] = fail(ops.render_avatar)
    kept = [preset.name for preset in store.own_presets().presets if "full" in preset.name]
    return [[path.name for path in folder.iterdir()], kept]


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    model, said, ops = harness.read_head(asked["head"]), {}, bpy.ops.affekt
    fail = harness.failure
    start, missing = census(), asked["take"] + ".missing"
    said["no_sidecar_head"] = fail(ops.add_head)
    said["connect_to_none"] = fail(ops.connect_sidecar)
    write_connection_of_another_version()
    said["another_version"] = fail(ops.connect_sidecar)
    settings = bpy.context.preferences.addons[harness.MODULE].preferences
    settings.python = missing
    said["wrong_python"] = fail(ops.start_sidecar)
    settings.python, settings.command = "", "no-such-program-as-this"
    said["no_command"] = fail(ops.start_sidecar)
    nothing_made = census() == start

    session.attach(FakeClient(model, silence(10)))
    said["import_without_head"] = fail(lambda: ops.import_take(filepath=asked["take"]))
    ops.add_head()
    head, with_head = bpy.context.object, census()
    said["bake_without_take"] = fail(ops.bake)
    said["file_missing"] = fail(lambda: ops.import_take(filepath=missing))
    said["adapter_missing"] = fail(lambda: ops.import_take(filepath=asked["take"], adapter=missing))
    said["use_unknown_take"] = fail(lambda: ops.use_take(name="nothing"))
    session.attach(FakeClient(model, silence(10), fault="space"))
    said["no_adapter"] = fail(lambda: ops.import_take(filepath=asked["take"]))
    nothing_made &= census() == with_head

    client = FakeClient(model, silence(10))
    session.attach(client)
    ops.import_take(filepath=asked["take"])
    chosen = harness.avatar_settings()
    chosen.subject, chosen.camera, chosen.format = "FILE", "PORTRAIT", "PNG"
    said["no_avatar"] = fail(ops.render_avatar)
    chosen.file = asked["take"]
    said["unsaved_file"] = fail(ops.render_avatar)
    chosen.folder = str(harness.folder() / "frames")
    camera, scene.camera, chosen.camera = scene.camera, None, "SCENE"
    said["no_camera"] = fail(ops.render_avatar)
    scene.camera, chosen.camera = camera, "PORTRAIT"
    scene.frame_start, scene.frame_end = 500, 600
    said["outside_the_take"] = fail(ops.render_avatar)
    scene.frame_start, scene.frame_end = 1, 8
    before, with_room = census(), chosen.folder
    chosen.folder = str(harness.folder() / "full")
    left_on_full_disk = on_full_disk(said)
    chosen.folder = with_room
    session.attach(FakeClient(model, silence(10), fault="job"))
    said["bake_breaks_off"] = fail(ops.bake)
    said["render_breaks_off"] = fail(ops.render_avatar)
    stalling = FakeClient(model, silence(10), fault="stall")
    session.attach(stalling)
    cancel = steps_until_cancelled(head, stalling)
    starting = FakeClient(model, silence(10))
    session.attach(starting)
    cancel["at_start"] = cancelled_while_it_starts(head, starting)
    session.attach(stalling)
    nothing_made &= census() == before

    bone = harness.load("addon.head.find").rig_of(head).pose.bones["jaw"]
    bone.rotation_mode = "XYZ"
    said["euler_bone"] = fail(ops.bake)
    bone.rotation_mode = "QUATERNION"
    head.shape_key_remove(head.data.shape_keys.key_blocks[3])
    said["shape_key_deleted"] = fail(ops.bake)
    bpy.data.actions.remove(head.affekt_takes.items[0].keys_action)
    said["action_deleted"] = fail(ops.bake)
    said["use_deleted"] = fail(lambda: ops.use_take(name="take"))
    session.attach(FakeClient(model, silence(10), fault="gone"))
    state = session.step().name
    harness.answer(
        said=said,
        nothing_made=nothing_made,
        cancel=cancel,
        gone=[state, str(session.error)],
        on_full_disk=left_on_full_disk,
        pictures=sorted(p.name for p in harness.folder().glob("frames/*")),
        left_over=[p.name for p in harness.folder().glob(".affekt_*")],
    )
