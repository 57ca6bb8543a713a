# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes and renders while the sidecar is left alone, killed and stopped; ticks are timed
meanwhile."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()
TICK_S = 0.004


class Running:
    """A task, stepped as the timers would, only more often."""

    def __init__(self, steps: object) -> None:
        tasks = harness.load("addon.link.tasks")
        self.task = tasks.start_task(tasks.Task("Task", steps))
        self.took_s: list[float] = []
        self.texts: list[str] = []

    def run(self, meanwhile: Callable[["Running"], None]) -> None:
        """To its end; `meanwhile` is called after each tick in which it waits."""
        self.task.step()
        self.task.step()  # reads the curves
        deadline = time.monotonic() + asked["deadline_s"]
        while not self.tick():
            assert time.monotonic() < deadline, self.task.progress
            meanwhile(self)
            time.sleep(TICK_S)
        harness.load("addon.link.tasks").end_task()

    def tick(self) -> bool:
        """What timers and the panel call."""
        began = time.perf_counter()
        session.step()
        session.describe()
        bpy.types.AFFEKT_OT_bake.poll(bpy.context)
        is_done = self.task.step()
        if not is_done:  # the last step writes the Action
            self.took_s.append(time.perf_counter() - began)
            if self.task.progress.text not in self.texts[-1:]:
                self.texts.append(self.task.progress.text)
        return is_done


class Killer:
    """Kills the sidecar once, in the middle."""

    def __init__(self) -> None:
        self.shown_s = None
        self.killed_at = None

    def __call__(self, running: Running) -> None:
        if self.killed_at is None and running.task.progress.fraction > 0:
            os.kill(sidecar_pid(), signal.SIGKILL)
            self.killed_at = time.monotonic()
        if self.killed_at and self.shown_s is None and session.state.name == "RESTARTING":
            self.shown_s = time.monotonic() - self.killed_at


class Stopper:
    """Stops it for five seconds, in the middle."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.stopped_at = self.shown_s = None
        self.pid = 0

    def __call__(self, running: Running) -> None:
        now = time.monotonic()
        if self.stopped_at is None and running.task.progress.fraction > 0:
            self.pid, self.stopped_at = sidecar_pid(), now
            os.kill(self.pid, signal.SIGSTOP)
        if self.stopped_at is None:
            return
        if session.state.name not in self.states[-1:]:
            self.states.append(session.state.name)
        if self.shown_s is None and session.state.name == "SILENT":
            self.shown_s = now - self.stopped_at
        if self.pid and now - self.stopped_at > 5:
            os.kill(self.pid, signal.SIGCONT)
            self.pid = 0


def sidecar_pid() -> int:
    return session._line._process.pid


def curves(take: object) -> np.ndarray:
    """Every key of the take's Action."""
    compat, found = harness.load("addon.compat"), []
    for part, action in (("OBJECT", take.rig_action), ("KEY", take.keys_action)):
        for curve in compat.curves_of(action, part):
            flat = np.empty(len(curve.keyframe_points) * 2, np.float32)
            curve.keyframe_points.foreach_get("co", flat)
            found.append(flat)
    return np.concatenate(found)


def run_with(name: str, steps: Callable[[], object], meanwhile: Callable) -> dict:
    """Works with a sidecar that has done nothing yet."""
    os.environ["AFFEKT_CACHE_DIR"] = str(harness.folder() / f"cache {name}")
    start_sidecar(asked["python"])
    running = Running(steps())
    running.run(meanwhile)
    bpy.ops.affekt.stop_sidecar()
    noted = vars(meanwhile) if isinstance(meanwhile, Killer | Stopper) else {}
    return {"took_s": running.took_s, "texts": running.texts, **noted}


def bake(name: str, meanwhile: Callable) -> dict:
    baking = harness.load("addon.bake.baking")
    new = harness.load("addon.bake.options").BakeOptions(target="NEW")
    told = run_with(name, lambda: baking.bake_steps(head, scene, new), meanwhile)
    curves_of[name] = curves(head.affekt_takes.items[-1])
    return told


def render(name: str, meanwhile: Callable) -> dict:
    """Pictures of the head's mesh for the first frames."""
    rendering, chosen = harness.load("addon.avatar.rendering"), harness.avatar_settings()
    chosen.subject, chosen.camera, chosen.format = "MESH", "PORTRAIT", "PNG"
    chosen.size, chosen.reuse = 64, False
    chosen.folder = str(harness.folder() / name)
    scene.frame_start, scene.frame_end = 1, asked["pictures"]
    options = rendering.read_settings(head, scene)
    told = run_with(name, lambda: rendering.render_steps(head, scene, options), meanwhile)
    pictures_of[name] = [path.read_bytes() for path in sorted(Path(chosen.folder).glob("avatar*"))]
    return told


with harness.enabled():
    scene = bpy.context.scene
    scene.render.fps = 30
    session = harness.load("addon.link.session").session
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    own, curves_of, pictures_of = curves(head.affekt_takes.items[0]), {}, {}
    head.affekt_emotion.happy = 0.7
    told = {
        "quiet": bake("quiet", lambda _: None),
        "killed": bake("killed", Killer()),
        "stopped": bake("stopped", Stopper()),
        "rendered": render("rendered", lambda _: None),
        "rendered_killed": render("rendered_killed", Killer()),
    }
    quiet = curves_of["quiet"]
    harness.answer(
        told=told,
        timer_s=harness.load("addon.link.operators").TICK_S,
        same={name: bool(np.array_equal(quiet, found)) for name, found in curves_of.items()},
        same_pictures=pictures_of["rendered"] == pictures_of["rendered_killed"],
        pictures=len(pictures_of["rendered"]),
        differs=not np.array_equal(quiet, own),
        untouched=bool(np.array_equal(own, curves(head.affekt_takes.items[0]))),
        takes=[take.name for take in head.affekt_takes.items],
    )
