# SPDX-License-Identifier: GPL-3.0-or-later
"""The head that is meant while it is live: its state, its steps, its bakes."""

import time

import bpy
import harness
import numpy as np
from made_character import activate

STEP_S, LONGEST_STEP_S = 0.002, 0.05
"""Between two looks: longer and longer, since a sidecar that starts takes seconds, and looking its
share of the processor."""
meant: list[int] = []
"""The session id of the head that is meant."""
ticks_s: list[float] = []
"""How long each step of Live has taken."""


def here() -> bpy.types.Scene:
    """The scene, which an undo makes anew."""
    return bpy.context.scene


def head() -> bpy.types.Object:
    """The head that is meant, found anew: after an undo it is another object."""
    return next(one for one in bpy.data.objects if one.session_uid == meant[0])


def state(depsgraph: bpy.types.Depsgraph | None = None) -> np.ndarray:
    """Values of the shape keys that a take moves, and the turn of the jaw, as they are now."""
    mesh = head() if depsgraph is None else head().evaluated_get(depsgraph)
    keys = mesh.data.shape_keys.key_blocks
    values = [key.value for key in keys if not key.name.startswith("pose ")]  # which are driven
    rig = harness.load("addon.head.find").armature_of(head()) or head().affekt_character.armature
    rig = rig if depsgraph is None else rig.evaluated_get(depsgraph)
    return np.concatenate([values, rig.pose.bones["jaw"].rotation_quaternion])


def shown() -> np.ndarray:
    """(V, 3) as drawn; what is driven by the bones is in it."""
    bpy.context.view_layer.update()
    mesh = head().evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def gap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def settle(wanted: str = "LIVE") -> str:
    """Steps Live until it is in that state; the state in which it ends."""
    running = harness.load("addon.live.running")
    session = harness.load("addon.link.session").session
    deadline, step_s = time.monotonic() + harness.options()["deadline_s"], STEP_S
    while time.monotonic() < deadline:
        session.step()
        bpy.context.view_layer.update()
        began = time.perf_counter()
        running.step()
        ticks_s.append(time.perf_counter() - began)
        live = running.live_of(head())
        if live is None or live.state.name == wanted:
            break
        time.sleep(step_s)
        step_s = min(1.1 * step_s, LONGEST_STEP_S)
    live = running.live_of(head())
    return "OFF" if live is None else f"{live.state.name} {live.why}".strip()


def feel(emotion: dict[str, float]) -> None:
    """Moves sliders."""
    for name, value in emotion.items():
        setattr(head().affekt_emotion, name, value)


def bakes(frames: list[tuple[int, float]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """State and vertices that a new bake has there; the take is in use again afterwards."""
    told = []
    bpy.ops.affekt.bake(target="NEW")
    for frame, part in frames:
        here().frame_set(frame, subframe=part)
        told.append((state(), shown()))
    bpy.ops.affekt.use_take(name=head().affekt_takes.items[0].name)
    return told


def fingerprints() -> list[str]:
    takes = harness.load("addon.motion.takes")
    return [takes.fingerprint_of(take) for take in head().affekt_takes.items]


def handlers() -> dict[str, int]:
    lists = bpy.app.handlers
    return {n: len(v) for n in dir(lists) if isinstance(v := getattr(lists, n), list)}


def use(item: bpy.types.Object) -> None:
    """From now on that head is meant."""
    meant[:] = [item.session_uid]
    activate(item)
