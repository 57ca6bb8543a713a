# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks while the sidecar comes and goes, with clients of cardboard and a clock of our own."""

import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()
DEADLINE_S = 20


class Process:
    """Ready at once."""

    def __init__(self) -> None:
        self.state = harness.load("shared.process").SidecarState.READY
        self.log_path = harness.folder() / "sidecar.log"
        self.connection, self.error = object(), None

    def poll(self) -> object:
        return self.state

    def stop(self) -> None:
        pass

    ask_to_end = kill = stop


class BreaksOff(FakeClient):
    """Is lost in the middle of its first upload."""

    def upload(self, data: bytes, kind: str, name: str) -> object:
        self.uploads.append((kind, name))
        self.is_open = False
        error = harness.load("shared.errors").LinkError
        raise error("link.unreachable", "The sidecar has gone.", "Start it.")


def begin(*clients: FakeClient) -> object:
    """A session whose sidecar is started as often as there are clients, and then no more."""
    waiting = list(clients)
    errors, supervision = harness.load("shared.errors"), harness.load("shared.supervisor")

    def connect(connection: object, *, book: object) -> FakeClient:
        if not waiting:
            raise errors.LinkError("link.timeout", "No answer.", "Wait.")
        waiting[0].jobs = book
        return waiting.pop(0)

    line = supervision.Supervisor(
        ["affekt"],
        harness.folder(),
        now=lambda: clock.time,
        spawn=lambda command, folder: Process(),
        connect=connect,
    )
    session._begin(line)
    until(lambda: session.step().name == "CONNECTED")
    return line


def until(condition: object) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, session.describe()
        time.sleep(0.002)


def run(steps: object, *, fast: bool) -> dict:
    """A task's end and what was shown on the way. fast: the clock runs 100 times as fast."""
    tasks = harness.load("addon.link.tasks")
    task, texts, said = tasks.start_task(tasks.Task("Task", steps)), [], ""
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not task.step():
            assert time.monotonic() < deadline, texts
            if task.progress.text not in texts[-1:]:
                texts.append(task.progress.text)
            clock.time += 0.2 if fast else 0.0
            time.sleep(0.002)
        said = task.result
    except harness.load("shared.errors").AffektError as error:
        said = error.code
    finally:
        tasks.end_task()
    return {"texts": texts, "said": said}


def import_steps() -> object:
    importing = harness.load("addon.motion.importing")
    options = importing.ImportOptions(
        take=Path(asked["take"]),
        adapter=None,
        first_frame=1,
        sets_range=False,
        with_sound=False,
        with_identity=False,
        reading=harness.load("shared.motion").ReadOptions(),
    )
    return importing.import_steps(head, bpy.context.scene, options)


def open_log() -> list[str]:
    (harness.folder() / "sidecar.log").write_text("first line\nlast line\n")
    (harness.folder() / "sidecar.log.1").write_text("why it crashed\n")
    assert bpy.ops.affekt.open_log() == {"FINISHED"}
    return [line.body for line in bpy.data.texts["Affekt sidecar.log"].lines]


with harness.enabled():
    session, clock = harness.load("addon.link.session").session, SimpleNamespace(time=0.0)
    head, model = harness.add_head(asked["head"]), harness.read_head(asked["head"])
    clients = [kind(model, silence(10)) for kind in (BreaksOff, BreaksOff, FakeClient)]
    begin(*clients)
    told = {"again": run(import_steps(), fast=True), "log": open_log()}
    told["uploads"] = [client.uploads for client in clients]
    actions = len(bpy.data.actions)
    begin(BreaksOff(model, silence(10)))
    told["never"] = run(import_steps(), fast=True)
    told["state"] = [session.state.name, session.error.code]
    told["poll"] = harness.failure(bpy.ops.affekt.bake)
    begin(FakeClient(model, silence(10)))
    session.stop()
    told["no_log"] = harness.failure(bpy.ops.affekt.open_log)
    harness.answer(**told, new_actions=len(bpy.data.actions) - actions)
