# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for a face as an animator types them: keys at the playhead beside those that are there,
what the panel lists, words that are refused, undo, live and a bake; against a real sidecar."""

import bpy
import harness
from live_head import bakes, gap, head, here, settle, shown, use

from sidecar import start_sidecar

asked = harness.options()
FRAME = 12


def keys_of(name: str) -> list[list[float]]:
    curves = harness.load("addon.compat").active_curves(head())
    path = f"affekt_emotion.{name}"
    found = [c for c in curves if c.data_path == path]
    return [[round(p.co[0], 3), round(p.co[1], 3)] for c in found for p in c.keyframe_points]


def say(text: str) -> None:
    head().affekt_emotion.words = text
    bpy.ops.affekt.describe()


def at_the_playhead() -> dict:
    """One key a channel, beside one of the animator's own."""
    head().affekt_emotion.AU12_L = 0.2
    head().keyframe_insert("affekt_emotion.AU12_L", frame=3)
    here().frame_set(FRAME)
    say("a smug half smile, left brow raised")
    settings, notes = harness.load("addon.emotion.describing").last_described(head())
    return {
        "AU12_L": keys_of("AU12_L"),
        "AU2_L": keys_of("AU2_L"),
        "AU2_R": keys_of("AU2_R"),
        "happy": keys_of("happy"),
        "listed": [[s.words, s.channel, round(s.weight, 2)] for s in settings],
        "notes": list(notes),
    }


def moves() -> dict:
    """Live shows the words as a bake holds them."""
    baked = bakes([(FRAME, 0.0)])[0]
    here().frame_set(FRAME)
    bpy.ops.affekt.live(action="ON")
    told = {"state": settle(), "live": gap(shown(), baked[1])}
    bpy.ops.affekt.live(action="OFF")
    keys = head().data.shape_keys.key_blocks
    names = [key.name for key in keys if not key.name.startswith("pose ")]
    baked = dict(zip(names, baked[0].tolist(), strict=False))
    told["left"], told["right"] = baked["browOuterUpLeft"], baked["browOuterUpRight"]
    return told


def over_time() -> dict:
    """From what the slider is at, slowly; then away. A second undo step of the same kind."""
    here().frame_set(31)
    head().affekt_emotion.AU1 = 0.25
    bpy.ops.affekt.describe(text="both brows slowly go up, then suddenly neutral")
    return {"AU1": keys_of("AU1"), "AU12_L": keys_of("AU12_L"), "now": head().affekt_emotion.AU1}


def stretched() -> dict:
    """Time that is stretched: what is keyed at a frame of the timeline is seen there."""
    here().render.frame_map_new = 200
    here().frame_set(240)
    bpy.ops.affekt.describe(text="lips pressed together")
    bpy.ops.affekt.neutral()
    here().frame_set(250)
    head().affekt_emotion.AU24 = 0.3
    bpy.ops.affekt.key_emotions()
    told = {"keys": keys_of("AU24")[:1] + keys_of("AU24")[-1:]}
    here().frame_set(240)
    told["there"] = head().affekt_emotion.AU24
    here().render.frame_map_new = 100
    bpy.ops.affekt.clear_unit(number=24)
    return told


def refused() -> dict:
    """Nothing changes where words are refused."""
    before = [keys_of(name) for name in ("AU12_L", "AU1", "happy")], head().affekt_emotion.described
    said = [
        harness.failure(lambda text=text: bpy.ops.affekt.describe(text=text))
        for text in ("a red car", " \n", "smile, corners down", "x " * 5000, "左眉抬起")
    ]
    after = [keys_of(name) for name in ("AU12_L", "AU1", "happy")], head().affekt_emotion.described
    return {"said": said, "same": before == after}


def undone() -> list[list[list[float]]]:
    """Keys before, with, and without the words."""
    here().frame_set(50)
    bpy.ops.ed.undo_push(message="before")
    told = [keys_of("AU43")]
    bpy.ops.affekt.describe(text="eyes closed")
    bpy.ops.ed.undo_push(message="described")
    told.append(keys_of("AU43"))
    bpy.ops.ed.undo()
    told.append(keys_of("AU43"))
    return told


with harness.enabled():
    here().render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_head()
    use(bpy.context.object)
    bpy.ops.affekt.import_take(filepath=asked["take"])
    answer: dict[str, object] = {"playhead": at_the_playhead(), "moves": moves()}
    answer["time"] = over_time()
    answer["refused"] = refused()
    answer["stretched"] = stretched()
    answer["undone"] = undone()
    harness.answer(**answer)
    bpy.ops.affekt.stop_sidecar()
