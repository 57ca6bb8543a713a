# SPDX-License-Identifier: GPL-3.0-or-later
"""Action units as an animator has them: added from the menu, split, keyed, baked, seen live, in a
file, in another take, removed; against a real sidecar."""

import json

import bpy
import harness
import numpy as np
from live_head import bakes, gap, head, here, settle, shown, state, use

from sidecar import start_sidecar

asked = harness.options()
FRAME = 12


def listed() -> list[str]:
    return list(harness.load("addon.emotion.units").units_in_use(head()))


def adds_and_splits() -> dict:
    """What the panel lists after each press."""
    told = {"nothing": listed()}
    bpy.ops.affekt.add_unit(number=12)
    told["added"] = listed()
    bpy.ops.affekt.split_unit(number=12)
    told["split"] = listed()
    bpy.ops.affekt.add_unit(number=30)
    told["only sides"] = listed()
    told["unknown"] = harness.failure(lambda: bpy.ops.affekt.add_unit(number=3))
    bpy.ops.affekt.clear_unit(number=30)
    told["cleared"] = listed()
    return told


def moves() -> dict:
    """A bake with units beside one without; live beside the bake."""
    head().affekt_emotion.influence = 0
    plain = bakes([(FRAME, 0.0)])[0]
    head().affekt_emotion.AU4 = 0.5
    for frame, value in ((1, 0.0), (FRAME, 0.8)):
        head().affekt_emotion.AU12_L = value
        here().frame_set(frame)
        head().affekt_emotion.AU12_L = value
        bpy.ops.affekt.key_emotions()
    baked = bakes([(FRAME, 0.0)])[0]
    here().frame_set(FRAME)
    bpy.ops.affekt.live(action="ON")
    told = {"state": settle(), "live": gap(shown(), baked[1])}
    head().affekt_emotion.AU4 = 0.0
    told["again"], told["slider"] = settle(), gap(shown(), baked[1])
    bpy.ops.affekt.live(action="OFF")
    head().affekt_emotion.AU4 = 0.5
    keys = head().data.shape_keys.key_blocks
    names = [key.name for key in keys if not key.name.startswith("pose ")]
    change = dict(zip(names, (baked[0] - plain[0]).tolist(), strict=False))
    told["change"] = {n: change[n] for n in ("mouthSmileLeft", "mouthSmileRight", "browDownLeft")}
    told["in use"] = listed()
    return told


def files() -> dict:
    """Keys of units go out and come back, into an Action of their own."""
    path = harness.folder() / "emotions.json"
    bpy.ops.affekt.export_emotions(filepath=str(path))
    written = json.loads(path.read_text())["keys"]
    head().affekt_emotion.AU4 = 0.9
    head().affekt_emotion.AU1 = 0.4
    bpy.ops.affekt.import_emotions(filepath=str(path))
    emotion = head().affekt_emotion
    here().frame_set(FRAME)
    return {
        "written": sorted({name for key in written for name in key if name.startswith("AU")}),
        "back": [emotion.AU4, emotion.AU1, emotion.AU12_L],
    }


def each_take_its_own() -> list[float]:
    """AU 4 of the first take, of another with emotions of its own, and of the first again."""
    takes = head().affekt_takes
    first = takes.items[0].name
    bpy.ops.affekt.use_take(name=first)
    bpy.ops.affekt.import_take(filepath=asked["take"])
    second = takes.active
    takes.own_emotions = True
    told = []
    for name in (first, second):
        bpy.ops.affekt.use_take(name=name)
        compat = harness.load("addon.compat")
        for curve in list(compat.active_curves(head())):
            compat.active_curves(head()).remove(curve)
        head().affekt_emotion.AU4 = 0.3 if name == first else 0.7
    for name in (first, second, first):
        bpy.ops.affekt.use_take(name=name)
        told.append(head().affekt_emotion.AU4)
    return told


def neutral_and_clear() -> dict:
    """Neutral leaves the keys; clearing takes them."""
    bpy.ops.affekt.neutral()
    told = {"neutral": [head().affekt_emotion.AU4, head().affekt_emotion.AU12_L]}
    here().frame_set(3)
    head().affekt_emotion.AU12_R = 0.4
    head().keyframe_insert("affekt_emotion.AU12_R", frame=3)
    told["keyed"] = listed()
    bpy.ops.affekt.clear_unit(number=12)
    curves = harness.load("addon.compat").active_curves(head())
    told["curves"] = [c.data_path for c in curves if "AU12" in c.data_path]
    told["left"] = listed()
    head().driver_add("affekt_emotion.AU9")
    told["driven"] = harness.failure(lambda: bpy.ops.affekt.clear_unit(number=9))
    head().driver_remove("affekt_emotion.AU9")
    return told


with harness.enabled():
    here().render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    use(bpy.context.object)
    bpy.ops.affekt.import_take(filepath=asked["take"])
    answer: dict[str, object] = {"listing": adds_and_splits(), "moves": moves(), "files": files()}
    answer["takes"] = each_take_its_own()
    answer["cleared"] = neutral_and_clear()
    assert np.isfinite(state()).all()
    harness.answer(**answer)
    bpy.ops.affekt.stop_sidecar()
