# SPDX-License-Identifier: GPL-3.0-or-later
"""Live on the open head and on a character, stepped as its timer would, beside bakes; and whatever
may happen to the file, the frame and the sidecar meanwhile."""

import os
import signal
import time
from collections.abc import Callable

import bpy
import harness
import numpy as np
from live_head import (
    bakes,
    feel,
    fingerprints,
    gap,
    handlers,
    head,
    here,
    meant,
    settle,
    shown,
    state,
    ticks_s,
    use,
)
from made_character import activate, bind, make_armature, make_mesh

from sidecar import start_sidecar

asked = harness.options()
FRAME, OTHER, LAST = asked["frames"]
EMOTION, LITTLE = {"angry": 0.9, "happy": 0.0}, {"angry": 0.0, "happy": 0.4}
BONES = {"neck_01": [(0, 0, 0), (0, 2, 10)], "jaw": [(0, 2, 10), (0, 2, 25)]}


def shows_the_bake() -> dict:
    """What Live shows is what a bake of the same emotion shows: at a frame, between two, at
    others, under other sliders."""
    places = [(FRAME, 0.0), (FRAME, 0.35), (OTHER, 0.0)]
    feel(EMOTION)
    strong = bakes(places)
    feel(LITTLE)
    weak = bakes(places)
    here().frame_set(*places[0][:1], subframe=0)
    plain, keys = state(), fingerprints()
    bpy.ops.affekt.live(action="ON")
    told: dict = {"state": settle(), "moved": gap(state(), plain)}
    gaps = []
    for emotion, baked in ((LITTLE, weak), (EMOTION, strong)):
        feel(emotion)
        for (frame, part), (values, vertices) in zip(places, baked, strict=True):
            here().frame_set(frame, subframe=part)
            told["state"] = settle()
            gaps.append((gap(state(), values), gap(shown(), vertices)))
    here().frame_set(FRAME)
    told["script"] = gap(state(), plain)  # a script that goes to a frame sees the take
    settle()
    told["gaps"], told["kept"] = np.array(gaps).max(0), keys == fingerprints()
    return told


def keyed() -> dict:
    """Keyed emotions: scrubbing shows each frame's; a slider that is moved and not keyed shows at
    its frame; a key moves what lies around it alone."""
    for frame, value in ((FRAME, 0.9), (OTHER, 0.2)):
        head().affekt_emotion.angry = value
        head().keyframe_insert("affekt_emotion.angry", frame=frame)
    running.stop(head())
    (near, far) = bakes([(FRAME, 0.0), (OTHER, 0.0)])
    bpy.ops.affekt.live(action="ON")
    told = {}
    for name, frame, baked in (("near", FRAME, near), ("far", OTHER, far)):
        here().frame_set(frame)
        told["state"] = settle()
        told[name] = gap(shown(), baked[1])
    before = shown()
    head().affekt_emotion.angry = 0.7
    told["shifted"] = settle()
    live = running.live_of(head())
    tracks = live.moment().track, live._known.emotions.track
    told["lies"] = float((tracks[0].weights - tracks[1].weights)[:, 2].max())
    told["one_track"] = live.moment().track is tracks[0]
    told["shift"] = gap(shown(), before)
    here().frame_set(FRAME)
    settle()
    here().frame_set(OTHER)
    settle()
    told["forgotten"] = gap(shown(), before)
    here().frame_set(LAST)
    settle()
    before, numbers = shown(), running.live_of(head())._known.numbers
    told["share"] = [float(numbers.known.mean())]
    head().affekt_emotion.angry = 0.6
    head().keyframe_insert("affekt_emotion.angry", frame=LAST)
    bpy.context.view_layer.update()
    running.step()
    told["share"].append(float(numbers.known.mean()))
    told["again"] = settle()
    told["rekeyed"] = gap(shown(), before)
    head().animation_data.action = None
    feel(EMOTION)
    return told


def edited() -> dict:
    """The take's own keys are moved while it is live: the new take with its emotion is shown, and
    the new take is what stays."""
    compat = harness.load("addon.compat")
    here().frame_set(FRAME)
    settle()
    before, action = shown(), head().affekt_takes.items[0].keys_action
    curves = compat.curves_of(action, "KEY")
    for point in compat.find_curve(curves, 'key_blocks["mouthSmileLeft"].value').keyframe_points:
        point.co.y += 0.5
    action.update_tag()
    told = {"state": settle()}
    live = shown()
    running.stop(head())
    kept = state()
    here().frame_set(FRAME)
    told["moved"], told["stays"] = gap(live, before), gap(kept, state())
    told["gap"] = gap(live, bakes([(FRAME, 0.0)])[0][1])
    bpy.ops.affekt.live(action="ON")
    return told


def elsewhere() -> dict:
    """What a save, a render and an exporter find, and what is left of the preview afterwards."""
    here().frame_set(FRAME)
    plain, told, seen = state(), {"state": settle()}, {}
    live = state()

    def note_saved(*_: object) -> None:
        seen["saved"] = gap(state(), plain)

    def note_rendered(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        if depsgraph.mode == "RENDER":
            seen["rendered"] = gap(state(depsgraph), plain)

    def note_stepped(*_: object) -> None:
        running.step()
        seen["stepped"] = gap(state(), plain)

    lists = bpy.app.handlers
    lists.save_pre.append(note_saved)
    bpy.ops.wm.save_as_mainfile(filepath=str(harness.folder() / "live.blend"))
    lists.save_pre.remove(note_saved)
    told["after_save"] = [settle(), gap(state(), live)]
    lists.frame_change_post.append(note_rendered)
    lists.render_pre.append(note_stepped)
    render()
    lists.frame_change_post.remove(note_rendered)
    lists.render_pre.remove(note_stepped)
    told["after_render"] = [settle(), gap(state(), live)]
    return {**told, **seen}


def render() -> None:
    """One small picture."""
    if here().camera is None:
        here().camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        here().collection.objects.link(here().camera)
    here().render.engine, here().cycles.samples = "CYCLES", 1
    here().render.resolution_x = here().render.resolution_y = 8
    bpy.ops.render.render()


def undone() -> dict:
    """An undo gives back the face of the sliders that it gives back; a rename matters to nobody."""
    bpy.ops.ed.undo_push(message="before")
    told = {"state": settle()}
    before, plain = shown(), running.live_of(head())._animated.copy()
    feel(LITTLE)
    bpy.ops.ed.undo_push(message="slider")
    settle()
    told["moved"] = gap(shown(), before)
    bpy.ops.ed.undo()
    told["undone"] = settle()
    told["back"] = [gap(shown(), before), gap(running.live_of(head())._animated, plain)]
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects.new("later", None)
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    told["another"] = [settle(), gap(shown(), before)]
    head().name, head().data.name = "Anna", "Anna mesh"
    feel(LITTLE)
    told["renamed"] = settle()
    told["renamed_moved"] = gap(shown(), before)
    return told


def scrubbed() -> dict:
    """A frame that the animator scrubs to is told as if the Actions were edited: what is known
    stays. An edit that comes with it is found all the same."""
    told: dict = {"state": settle()}
    feel({"fear": 0.3})
    told["asked"] = len(running.live_of(head())._moments)  # before Blender evaluates anything
    feel({"fear": 0.0})
    settle()
    numbers = here_known().numbers
    here().frame_current = OTHER
    told["scrubbed"] = settle()
    wait_for(lambda: running.step() or running.live_of(head())._doubted_at == np.inf)
    told["kept"] = here_known().numbers is numbers
    told["known"] = float(numbers.known.mean())
    compat, action = harness.load("addon.compat"), head().affekt_takes.items[0].keys_action
    curve = compat.find_curve(compat.curves_of(action, "KEY"), 'key_blocks["jawForward"].value')
    for point in curve.keyframe_points:
        point.co.y += 0.25
    action.update_tag()
    here().frame_current = FRAME
    bpy.context.view_layer.update()
    running.live_of(head())._outdated_emotions = True  # an edit of these, too, hides it not
    wait_for(lambda: running.step() or getattr(here_known(), "numbers", None) is not numbers)
    told["edited"] = settle()
    return told


def here_known() -> object:
    """What is known of the head's take."""
    return running.live_of(head())._known


def left_over() -> dict:
    """Neither an undo to a step of when the head was live, after Live was switched off, nor a copy
    of the live head shows the preview, nor keeps the range of a slider that it made wider."""
    key = head().data.shape_keys.key_blocks["mouthSmileLeft"]
    own, key.slider_max = key.slider_max, key.value + 1e-3
    here().frame_set(FRAME)
    plain, ends = state(), slider()
    feel({"angry": 0.0, "happy": 1.0})
    bpy.ops.affekt.live(action="ON")
    told: dict = {"state": settle()}
    told["moved"], told["wider"] = gap(state(), plain), slider()[1] - ends[1]
    told["copy"] = copied(plain)
    settle()
    bpy.ops.ed.undo_push(message="live")
    running.stop(head())
    told["stopped"] = [gap(state(), plain), gap(slider(), ends)]
    feel(LITTLE)
    bpy.ops.ed.undo_push(message="slider, after Live")
    bpy.ops.ed.undo()
    bpy.context.view_layer.update()
    told["undone"] = [gap(state(), plain), gap(slider(), ends)]
    smile().slider_min, smile().slider_max = (float(end) for end in ends)
    bpy.ops.affekt.live(action="ON")
    settle()
    smile().slider_max = 0.95  # the animator's, while Live has it wider or not
    feel(EMOTION)
    settle()
    running.stop(head())
    told["edited"] = gap(slider(), np.float32([ends[0], 0.95]))
    smile().slider_max = own
    bpy.ops.affekt.live(action="ON")
    return told


def smile() -> bpy.types.ShapeKey:
    return head().data.shape_keys.key_blocks["mouthSmileLeft"]


def slider() -> np.ndarray:
    return np.array([smile().slider_min, smile().slider_max], np.float32)


def copied(plain: np.ndarray) -> float:
    """How far a copy is from the take."""
    bpy.ops.object.select_all(action="DESELECT")
    activate(head())
    head().select_set(True)
    bpy.ops.object.duplicate()
    copy = bpy.context.object
    assert copy != head()
    for _ in range(2):
        bpy.context.view_layer.update()
        running.step()
    keys = copy.data.shape_keys.key_blocks
    values = [key.value for key in keys if not key.name.startswith("pose ")]
    bpy.data.objects.remove(copy)
    activate(head())
    return gap(np.array(values), plain[: len(values)])


def shared() -> dict:
    """Two heads on one mesh: one of them is live."""
    told: dict = {"state": settle()}
    first, live = head(), state()
    bpy.ops.object.select_all(action="DESELECT")
    activate(first)
    first.select_set(True)
    bpy.ops.object.duplicate(linked=True)
    told["refused"] = harness.failure(lambda: bpy.ops.affekt.live(action="ON"))
    bpy.data.objects.remove(bpy.context.object)
    bpy.ops.affekt.add_head()
    second = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    bpy.ops.affekt.live(action="ON")
    use(second)
    told["two"] = settle()
    second.data, own = first.data, second.data
    told["later"] = settle("WAITING")
    use(first)
    told["first"] = [settle(), gap(state(), live)]
    use(second)
    second.data = own
    told["again"] = settle()
    running.stop(second)
    bpy.data.objects.remove(second)
    use(first)
    settle()
    return told


def changed() -> dict:
    """A character's strength, bone and key are changed while it is live: shown as a bake would."""
    here().frame_set(FRAME)
    feel(EMOTION)
    told: dict = {"state": settle()}
    character, before = head().affekt_character, state()
    line = next(one for one in character.lines if one.name == "browDownLeft")

    def compare(name: str) -> None:
        told["state"] = settle()
        told[name] = [gap(state(), before)]
        live = shown()
        running.stop(head())
        told[name].append(gap(live, bakes([(FRAME, 0.0)])[0][1]))
        bpy.ops.affekt.live(action="ON")
        settle()

    line.strength = 0.25
    compare("strength")
    before, line.key = state(), ""
    compare("key")
    running.stop(head())
    character.jaw = "jaw"
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    here().frame_set(FRAME)
    plain = state()[-4:]
    bpy.ops.affekt.live(action="ON")
    told["bones"] = [settle(), gap(state()[-4:], plain)]
    character.jaw = ""
    told["boneless"] = [settle(), gap(state()[-4:], plain)]
    character.jaw = "jaw"
    head().affekt_character.armature.data.bones["jaw"].name = "chin"  # which is followed, or said
    told["renamed"] = settle()
    head().affekt_character.armature.data.bones["chin"].name = "jaw"
    return told


def paused() -> dict:
    """Outside Object Mode, and while a task runs, the take is shown."""
    tasks, told = harness.load("addon.link.tasks"), {}
    feel(EMOTION)
    told["state"] = settle()
    live, rig = state(), find.armature_of(head())
    here().frame_set(FRAME)
    plain = state()
    settle()
    activate(rig)
    bpy.ops.object.mode_set(mode="POSE")
    told["posing"] = [settle("WAITING"), gap(state(), plain)]
    told["is_red"] = running.live_of(head()).has_failed
    bpy.ops.object.mode_set(mode="OBJECT")
    activate(head())
    told["back"] = [settle(), gap(state(), live)]
    tasks.start_task(tasks.Task("Bake", (step for step in ())))
    told["task"] = [settle("WAITING"), gap(state(), plain)]
    tasks.end_task()
    return told


def another_rate() -> dict:
    """A scene of 120 fps plays a take of 30 in between its frames."""
    running.stop(head())
    here().render.fps = 120
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    bpy.ops.affekt.bake(target="NEW")
    here().frame_set(4 * FRAME + 3)
    baked = shown()
    bpy.ops.affekt.live(action="ON")
    told = {"state": settle(), "gap": gap(shown(), baked)}  # over a bake, as over its take
    running.stop(head())
    here().render.fps = 30
    bpy.ops.affekt.use_take(name=head().affekt_takes.items[0].name)
    return told


def killed() -> dict:
    """A sidecar that dies: what is known stays, what is not is the take; then all comes back."""
    here().frame_set(FRAME)
    plain = state()
    bpy.ops.affekt.live(action="ON")
    told = {"state": settle()}
    live, frame = state(), here().frame_current
    os.kill(session._line._process._process.pid, signal.SIGKILL)
    wait_for(lambda: session.step().name == "RESTARTING")
    running.step()
    told["known"] = gap(state(), live)
    feel(LITTLE)
    told["unknown"] = [settle("WAITING"), gap(state(), plain)]
    told["again"] = settle()
    feel(EMOTION)
    told["as_before"] = [settle(), gap(state(), live), frame - here().frame_current]
    return told


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + asked["deadline_s"]
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lost() -> dict:
    """The take's Actions are unlinked, then deleted, and the head with them."""
    told, name = {}, head().affekt_takes.items[0].name
    for owner in (head().data.shape_keys, find.rig_of(head())):
        owner.animation_data.action = None
    told["unlinked"] = settle("WAITING")
    told["is_red"] = running.live_of(head()).has_failed
    bpy.ops.affekt.use_take(name=name)
    told["linked"] = settle()
    bpy.data.actions.remove(head().affekt_takes.items[0].keys_action)
    for take in list(head().affekt_takes.items):
        if take.keys_action is not None:
            bpy.data.actions.remove(take.keys_action)
    bpy.context.view_layer.update()
    told["take"] = settle("WAITING")
    bpy.data.objects.remove(head())
    running.step()
    told["left"] = handlers() == idle
    return told


def add_character() -> None:
    """Two meshes with keys of another tool's names, and bones."""
    names = {f"Blend.{n}": n for n in asked["names"]}
    face = make_mesh("Face", asked["file"], names, parts=[0, 2], scale=100.0)
    teeth = make_mesh("Teeth", asked["file"], {"Blend.JawOpen": "jawOpen"}, parts=[1], scale=100.0)
    rig = make_armature(BONES)
    for mesh in (face, teeth):
        bind(mesh, rig)
    rig.pose.bones["jaw"].rotation_mode = "QUATERNION"
    activate(face)
    bpy.ops.affekt.use_character()
    bpy.ops.affekt.calibrate()
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)


def flame() -> dict:
    """A head of a FLAME file."""
    bpy.ops.affekt.add_flame_head(filepath=asked["flame"], version="FLAME2023")
    use(bpy.context.object)
    bpy.ops.affekt.import_take(filepath=asked["flame_take"], first_frame=1)
    told = shows_the_bake()
    running.stop(head())
    return told


def splats() -> dict:
    """Gaussians that follow a mesh that is live are where a bake has them; {} before 5.3."""
    if bpy.app.version < (5, 3, 0):
        return {}
    bpy.ops.affekt.add_head()
    use(bpy.context.object)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    bpy.ops.affekt.import_avatar(filepath="open-gaussians")
    cloud = bpy.context.object
    activate(head())
    feel(EMOTION)
    bpy.ops.affekt.bake(target="NEW")
    here().frame_set(FRAME)
    baked = places(cloud)
    bpy.ops.affekt.use_take(name=head().affekt_takes.items[0].name)
    here().frame_set(FRAME)
    plain = places(cloud)
    bpy.ops.affekt.live(action="ON")
    told = {"state": settle(), "gap": gap(places(cloud), baked)}
    told["moved"] = gap(places(cloud), plain)
    running.stop(head())
    return told


def places(cloud: bpy.types.Object) -> np.ndarray:
    """(n, 3) of the Gaussians, as drawn."""
    bpy.context.view_layer.update()
    data = cloud.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    flat = np.empty(len(data.points) * 3, np.float32)
    data.attributes["position"].data.foreach_get("vector", flat)
    return flat.reshape(-1, 3)


def loaded() -> dict:
    """Another file ends Live, and nothing of it is in the one that was saved while it was on."""
    bpy.ops.affekt.live(action="ON")
    told = {"state": settle()}
    path, name = str(harness.folder() / "live.blend"), head().name

    def mark(*_: object) -> None:  # as an autosave, which asks nobody
        head().affekt_head.is_previewed = True

    bpy.app.handlers.save_pre.append(mark)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.app.handlers.save_pre.remove(mark)
    settle()
    bpy.ops.wm.open_mainfile(filepath=path)
    face = next(one for one in find.heads_among(bpy.data.objects) if one.name == name)
    meant[:] = [face.session_uid]
    told["off"] = running.live_of(face) is None and handlers() == idle
    told["marked"] = face.affekt_head.is_previewed
    was = state()
    bpy.context.scene.frame_set(FRAME)
    told["as_animated"] = gap(state(), was)
    return told


def on_open_head() -> dict:
    """Whatever may happen while it is live."""
    told = {"refused": harness.failure(lambda: bpy.ops.affekt.live(action="ON"))}
    bpy.ops.affekt.add_head()
    use(bpy.context.object)
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    for part in (
        shows_the_bake,
        keyed,
        edited,
        elsewhere,
        undone,
        scrubbed,
        left_over,
        shared,
        paused,
        another_rate,
        killed,
        lost,
    ):
        told[part.__name__] = part()
    return told


def on_other_rigs() -> dict:
    """A character, a FLAME head, Gaussians; and another file that is opened."""
    add_character()
    use(bpy.context.object)
    told = {"character": shows_the_bake(), "changed": changed()}
    running.stop(head())
    character = head()
    for part in (flame, splats):
        told[part.__name__] = part()
    use(character)
    told["idle"] = handlers() == idle
    told["loaded"] = loaded()
    return told


with harness.enabled():
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    running, find = harness.load("addon.live.running"), harness.load("addon.head.find")
    session = harness.load("addon.link.session").session
    here().render.fps = 30
    start_sidecar(asked["python"])
    idle = handlers()
    ways = {"open head": on_open_head, "other rigs": on_other_rigs}
    harness.answer(**ways[asked["on"]](), tick_ms=1e3 * float(np.percentile(ticks_s, 95)))
    bpy.ops.affekt.stop_sidecar()
