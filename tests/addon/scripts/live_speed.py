# SPDX-License-Identifier: GPL-3.0-or-later
"""What Live costs on the open head against a real sidecar: seconds from a slider to what is drawn,
of each tick, until the whole range is known, and of a frame that plays."""

import time
from collections.abc import Callable

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()
LOOP_S = 0.005
"""Blender's main loop sleeps so long while nothing happens."""
DRAGS, RANGES, FRAMES = 200, 7, 120


def timed(run: Callable[[], object], to: list[float]) -> None:
    began = time.perf_counter()
    run()
    to.append(time.perf_counter() - began)


def is_live() -> bool:
    return running.live_of(head).state.name == "LIVE"


def wait() -> None:
    """As Blender's main loop: a tick, what it has changed is evaluated, a nap."""
    session.step()
    timed(running.step, ticks_s)
    layer.update()
    time.sleep(LOOP_S)


def settle() -> float:
    """Seconds until all is live."""
    began = time.perf_counter()
    while not is_live():
        wait()
    return time.perf_counter() - began


def drag(turn: int) -> float:
    """Seconds from a slider's move to a mesh that shows it, at a moment of the main loop that
    differs from drag to drag."""
    shown, began = values(), time.perf_counter()
    head.affekt_emotion.happy = 0.2 + 0.7 * (turn * 0.618 % 1)
    layer.update()
    time.sleep(LOOP_S * (turn * 0.382 % 1))
    while True:
        timed(running.step, ticks_s)
        if (values() != shown).any():
            layer.update()
            return time.perf_counter() - began
        time.sleep(LOOP_S)


def values() -> np.ndarray:
    keys = head.data.shape_keys.key_blocks
    found = np.empty(len(keys), np.float32)
    keys.foreach_get("value", found)
    return found


def range_ahead() -> float:
    """Seconds from the last move of a slider until every frame is known."""
    global turn
    turn += 1
    head.affekt_emotion.sad = 0.2 + 0.05 * turn
    began = time.perf_counter()
    layer.update()
    wait()
    settle()
    return time.perf_counter() - began


def play(frame: int) -> None:
    """A frame as Blender plays it, and what Live adds: its own work, and one more evaluation."""
    timed(lambda: scene.frame_set(frame), plain_s)
    timed(lambda: running.live_of(head).show_frame(session.need_line()), show_s)
    timed(layer.update, again_s)


def per_cent(seconds: list[float], *shares: float) -> list[float]:
    return [1e3 * float(np.percentile(seconds, share)) for share in shares]


turn = 0
ticks_s: list[float] = []
plain_s: list[float] = []
show_s: list[float] = []
again_s: list[float] = []
with harness.enabled():
    running = harness.load("addon.live.running")
    session = harness.load("addon.link.session").session
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    scene, layer = bpy.context.scene, bpy.context.view_layer
    scene.render.fps = 30
    start_sidecar(asked["python"])
    while session.step() and session.warming is not None:
        time.sleep(0.05)
    bpy.ops.affekt.add_head()
    head = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    frames = head.affekt_takes.items[0].frames
    bpy.ops.affekt.live(action="ON")
    first_s = settle()
    for frame in range(1, FRAMES):
        play(frame)
    ticks_s.clear()
    settle()
    idle_s: list[float] = []
    for _ in range(FRAMES):
        timed(running.step, idle_s)
    drags_s = [drag(number) for number in range(DRAGS)]
    ranges_s = [range_ahead() for _ in range(RANGES)]
    harness.answer(
        blender=bpy.app.version_string,
        frames=frames,
        first_s=first_s,
        drag_ms=per_cent(drags_s, 50, 95),
        tick_ms=per_cent(ticks_s, 50, 95, 99),
        idle_ms=per_cent(idle_s, 50, 95),
        range_s=[float(np.median(ranges_s)), max(ranges_s)],
        play_ms=[*per_cent(plain_s, 50), *per_cent(show_s, 50), *per_cent(again_s, 50)],
    )
    bpy.ops.affekt.stop_sidecar()
