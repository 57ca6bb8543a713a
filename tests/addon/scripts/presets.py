# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, poses by the clipboard, files of emotion keys and who rules where, by the operators that
the panel's buttons call."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()
ops = bpy.ops.affekt


def shown(head: bpy.types.Object) -> dict[str, float]:
    """Every channel's value, rounded as an animator sees it."""
    channels = harness.load("shared.emotion").CHANNELS
    return {name: round(getattr(head.affekt_emotion, name), 4) for name in channels}


def keyed(head: bpy.types.Object) -> list[str]:
    """The channels that have keys, without the rest of their path."""
    curves = harness.load("addon.compat").active_curves(head)
    return sorted(curve.data_path.removeprefix("affekt_emotion.") for curve in curves)


def said(call: Callable[[], object]) -> str:
    """The sentence that an operator reports when it refuses."""
    return harness.failure(call).removeprefix("Error: ")


def use_presets() -> dict:
    """Applied, half as strong, keyed by option and by Auto Keying; the controls of a shot stay."""
    head.affekt_emotion.influence = 0.5
    head.affekt_emotion.upper = 0.2
    ops.apply_preset(name="Bittersweet")
    told = {"bittersweet": shown(head), "keys_at_first": keyed(head)}
    ops.apply_preset(name="Rage", strength=2.0)
    told["rage_twice"] = shown(head)
    ops.apply_preset(name="Happy", strength=0.5)
    told["half_happy"] = shown(head)
    scene.frame_set(12)
    ops.apply_preset(name="Sad", key=True)
    told["keyed"] = keyed(head)
    told["action"] = head.animation_data.action.name
    scene.tool_settings.use_keyframe_insert_auto = True
    scene.frame_set(30)
    ops.apply_preset(name="Fear")
    scene.tool_settings.use_keyframe_insert_auto = False
    curves = harness.load("addon.compat").active_curves(head)
    curve = harness.load("addon.compat").find_curve(curves, "affekt_emotion.fear")
    told["fear_keys"] = [tuple(point.co) for point in curve.keyframe_points]
    told["unknown"] = said(lambda: ops.apply_preset(name="Hangry"))
    return told


def keep_own() -> dict:
    """Saved, chosen, replaced, refused; a damaged file is kept; deleted."""
    store, presets = harness.load("addon.presets.store"), bpy.context.window_manager.affekt_presets
    path = store.file_of_presets()
    head.animation_data_clear()
    ops.apply_preset(name="Happy", strength=0.5)
    ops.save_preset(name=" Schön müde ")
    told = {"chosen": presets.chosen, "file": json.loads(path.read_text("utf-8"))}
    told["again"] = said(lambda: ops.save_preset(name="schön MÜDE"))
    told["as_ours"] = said(lambda: ops.save_preset(name="grief"))
    told["nameless"] = said(lambda: ops.save_preset(name=" "))
    head.affekt_emotion.sad = 0.25
    ops.save_preset(name="Schön müde", overwrite=True)
    ops.neutral()
    ops.apply_preset()  # the chosen one
    told["applied"] = shown(head)
    presets.chosen = "Awe"
    told["delete_ours"] = said(ops.delete_preset)
    path.write_bytes(path.read_bytes()[:-9])  # a power cut, or an editor
    told["damaged"] = str(store.own_presets().problem)
    told["without"] = said(lambda: ops.apply_preset(name="Schön müde"))
    ops.save_preset(name="New")
    aside = sorted(file.name for file in path.parent.glob("affekt_presets.damaged*"))
    told["aside"], told["after"] = aside, [one.name for one in store.own_presets().presets]
    ops.delete_preset(name="New")
    told["left"], told["shown_then"] = list(store.own_presets().presets), presets.chosen
    (harness.folder() / "file").write_text("no folder")
    store.file_of_presets = lambda: harness.folder() / "file" / "affekt_presets.json"
    told["in_the_way"] = said(lambda: ops.save_preset(name="New"))
    store.file_of_presets = lambda: path
    return told


def draw_pictures() -> dict:
    """Whether every preset that ships has its own picture, and what the bars of another are."""
    pictures = harness.load("addon.presets.pictures")
    built_in = harness.load("shared.presets").BUILT_IN
    for preset in built_in:
        pictures.icon_of(preset)  # without a window all icons are number 0
    loaded = [pictures._collection[key].image_size[:] for key in pictures._collection]
    pose = dict.fromkeys(harness.load("shared.presets").POSE, 0.0) | {"sad": 1.5, "fear": 0.75}
    bars = pictures.draw_bars(pose)
    return {
        "pictures": len(loaded),
        "presets": len(built_in),
        "sizes": sorted(set(map(tuple, loaded))),
        "bars": [int((bars[:, 2 + 10 * k + 4, 3] > 0).sum()) for k in range(6)],
    }


def draw_own(path: Path) -> dict:
    """A face for the one preset that has none, by the sidecar; what it was asked for."""
    drawing, pictures = (
        harness.load("addon.presets.drawing"),
        harness.load("addon.presets.pictures"),
    )
    client = FakeClient(harness.read_head(asked["head"]), silence(31))
    harness.load("addon.link.session").session.attach(client)
    head.affekt_emotion.happy = 0.5
    ops.save_preset(name="Mine")
    told = {"lacking": [preset.name for preset in drawing.lacking()]}
    mine = drawing.lacking()[0]
    bars = pictures.icon_of(mine), len(pictures._collection)
    ops.draw_presets()
    pictures.icon_of(mine)
    told |= {
        "then": drawing.lacking(),
        "is_png": pictures.own_picture(mine).read_bytes()[:4] == b"\x89PNG",
        "beside": pictures.own_picture(mine).parent == path.with_suffix(""),
        "new_icon": len(pictures._collection) - bars[1],
        "track": client.sent_track.weights[15].tolist(),
        "frames": [client.sent_frames.start, client.sent_frames.stop],
        "asked": [client.renders[0]["subject"], client.renders[0]["cameras"]],
    }
    ops.delete_preset(name="Mine")
    return told


def listed() -> list[str]:
    """The folders of asset libraries called Affekt."""
    libraries = bpy.context.preferences.filepaths.asset_libraries
    return [library.path for library in libraries if library.name == "Affekt"]


def read_assets(path: Path) -> dict[str, dict]:
    """What the library's file has, by the names of its assets."""
    with bpy.data.libraries.load(str(path), assets_only=True) as (there, here):
        names = list(there.actions)
        here.actions = list(names)  # Blender puts Actions in this list
    found, compat = {}, harness.load("addon.compat")
    for name, action in zip(names, here.actions, strict=True):
        curves = {c.data_path: c.evaluate(7) for c in compat.curves_of(action, "OBJECT")}
        found[name] = {
            "mark": action.asset_data["affekt_preset"],
            "tags": [tag.name for tag in action.asset_data.tags],
            "picture": list(action.preview.image_size),
            "curves": {path: round(value, 4) for path, value in curves.items() if value},
        }
    bpy.data.batch_remove(here.actions)
    return found


def use_assets() -> dict:
    """The library of presets: written, listed once, following what is saved, applied by a click."""
    shelf, library = harness.load("addon.presets.shelf"), harness.load("addon.presets.library")
    before = {action.name for action in bpy.data.actions}, len(bpy.data.objects)
    head.affekt_emotion.happy = 0.5
    ops.publish_presets()
    told = {"first": listed()}
    ops.save_preset(name="Mine")
    ops.publish_presets()
    after = {action.name for action in bpy.data.actions}, len(bpy.data.objects)
    told |= {"again": listed(), "left_over": before == after}
    told["assets"] = read_assets(library.library_file())
    ops.delete_preset(name="Mine")
    told["followed"] = "Mine" not in read_assets(library.library_file())
    told["none"] = said(ops.apply_preset_asset)

    def click(asset: SimpleNamespace | None, *, key: bool, identifier: str = "") -> None:
        context = SimpleNamespace(asset=asset, object=head, scene=scene)
        operator = SimpleNamespace(
            key=key,
            relative_asset_identifier=identifier,
            bl_label="",
            report=lambda *words: said_by.append(words),
        )
        shelf.AFFEKT_OT_apply_preset_asset.execute(operator, context)

    said_by = []
    marked = SimpleNamespace(id_type="ACTION", metadata={"affekt_preset": "Bittersweet"})
    click(marked, key=True)
    told["clicked"], told["keyed"] = shown(head), keyed(head)
    # As the shelf tells it; the Action's name was taken when the library was written.
    for identifier in ("presets.blend/Action/Rage", "x\\presets.blend/Action/Awe.001"):
        click(None, key=False, identifier=identifier)
        told.setdefault("in_shelf", []).append(shown(head))
    click(None, key=False, identifier="other.blend/Action/Rage")
    told["elsewhere"] = said_by[-1][1]
    click(SimpleNamespace(id_type="ACTION", metadata={}), key=True)
    told["other"] = said_by[-1][1]
    marked.metadata["affekt_preset"] = "Mine"
    click(marked, key=False)
    told["gone"] = said_by[-1][1]
    polls = [
        SimpleNamespace(id_type=kind, metadata={"affekt_preset": ""}) for kind in ("ACTION", "MESH")
    ]
    told["polls"] = [shelf.AFFEKT_AST_presets.asset_poll(one) for one in polls]
    told["shown"] = shelf.AFFEKT_AST_presets.poll(bpy.context)
    (harness.folder() / "no folder").write_text("")
    library.library_file = lambda: harness.folder() / "no folder" / "presets.blend"
    told["in_the_way"] = said(ops.publish_presets)
    return told


def paste_units(other: bpy.types.Object) -> list[float]:
    """A whole face brings its units, and those of the other head rest in it."""
    head.affekt_emotion.AU12, other.affekt_emotion.AU4 = 0.4, 0.3
    bpy.context.view_layer.objects.active = head
    ops.copy_pose()
    bpy.context.view_layer.objects.active = other
    ops.paste_pose()
    found = [round(getattr(other.affekt_emotion, name), 4) for name in ("AU12", "AU4", "AU9")]
    head.affekt_emotion.AU12 = other.affekt_emotion.AU12 = 0.0
    return found


def use_clipboard(other: bpy.types.Object) -> dict:
    """From one head to another, and what is no pose."""
    clipboard = harness.load("addon.presets.clipboard")
    for number, name in enumerate(harness.load("shared.emotion").CHANNELS):
        setattr(head.affekt_emotion, name, number / 20)
    ops.copy_pose()
    text = clipboard.paste_text(bpy.context)
    bpy.context.view_layer.objects.active = other
    ops.paste_pose(key=True)
    told = {"text": json.loads(text), "pasted": shown(other), "keyed": keyed(other)}
    told["units"] = paste_units(other)
    clipboard.copy_text('{"keys": [{"frame": 3, "fear": 0.5}]}', bpy.context)
    ops.paste_pose()
    told["one"] = shown(other)
    for name, text in (
        ("none", "a letter to a friend"),
        ("two", '{"keys": [{"frame": 0, "sad": 1}, {"frame": 9, "sad": 0}]}'),
        ("empty", '{"keys": []}'),
    ):
        clipboard.copy_text(text, bpy.context)
        told[name] = said(ops.paste_pose)
    told["after"] = shown(other)
    bpy.context.view_layer.objects.active = head
    return told


def exchanged(path: Path, kind: str = "KEYS") -> dict:
    """The file that the head's emotions become, and the largest difference of all channels when it
    is read by the other tools' reader."""
    head.select_set(True)
    ops.export_emotions(filepath=str(path), kind=kind)
    take = head.affekt_takes.items[0]
    times = harness.load("addon.motion.placement").take_times(take, scene)
    track = harness.load("addon.emotion.sample").read_track(head, times, take.fps, scene)
    decode = harness.load("shared.ace_emotions").decode_emotions
    read = decode(path.read_bytes(), len(times), take.fps)[0]
    names = harness.load("shared.emotion").CONTROLS if kind == "KEYS" else ()
    worst = [np.abs(read.weights - track.weights).max()]
    worst += [np.abs(getattr(read, name) - getattr(track, name)).max() for name in names]
    return {"content": json.loads(path.read_text()), "worst": float(max(worst))}


def use_files(folder: Path) -> dict:
    """Keys in every interpolation in and out again on a take of another rate than the scene's,
    ACE's emotions, curves that no file can say, and what is refused."""
    scene.render.fps = 24
    session = harness.load("addon.link.session").session
    session.attach(FakeClient(harness.read_head(asked["head"]), silence(61, fps=30.0)))
    ops.import_take(filepath=asked["take"], first_frame=5)
    told, before = {}, head.animation_data and head.animation_data.action
    for kind in ("linear", "constant", "bezier"):
        keys = [
            {"frame": 0, "happy": 0.2, "lower": 0.5},
            {"frame": 15, "happy": 1.25},
            {"frame": 40, "happy": 0.0, "fear": 1.0, "lower": 1.5},
        ]
        given = {"fps": 30.0, "interpolation": kind, "keys": keys}
        (folder / f"{kind}.json").write_text(json.dumps(given))
        ops.import_emotions(filepath=str(folder / f"{kind}.json"))
        told[kind] = exchanged(folder / f"{kind}_out.json")
        told[kind]["given"] = given
    compat = harness.load("addon.compat")
    curve = compat.find_curve(compat.active_curves(head), "affekt_emotion.happy")
    told["places"] = [point.co[0] for point in curve.keyframe_points]
    told["fresh"] = [head.animation_data.action.name, head.animation_data.action.use_fake_user]
    told["before_stays"] = before is None or before.users > 0
    curve.keyframe_points[1].interpolation = "BOUNCE"
    told["bounced"] = exchanged(folder / "bounced.json")
    curve.keyframe_points[1].co[1] = 0.75
    curve.keyframe_points[0].interpolation = curve.keyframe_points[1].interpolation = "LINEAR"
    told["ace"] = exchanged(folder / "ace.json", "ACE")
    ops.import_emotions(filepath=str(folder / "ace.json"))
    told["ace_again"] = exchanged(folder / "ace_again.json", "ACE")
    head.affekt_emotion.sad = 1.25
    told["too_strong"] = said(lambda: exchanged(folder / "strong.json", "ACE"))
    action = head.animation_data.action
    for name, text in (("broken", '{"keys": ['), ("unknown", '{"keys": [{"frame": 0, "joy": 1}]}')):
        (folder / f"{name}.json").write_text(text)
        path = str(folder / f"{name}.json")
        told[name] = said(lambda path=path: ops.import_emotions(filepath=path))
    told["missing"] = said(lambda: ops.import_emotions(filepath=str(folder / "absent.json")))
    told["unwritable"] = said(lambda: ops.export_emotions(filepath=str(folder / "no" / "x.json")))
    told["same_action"] = head.animation_data.action == action
    told["left_in_folder"] = sorted(p.name for p in folder.iterdir() if "partial" in p.name)
    return told


def who_rules() -> dict:
    """The spans of three emotions with the take's own between them; the same stamp as long as
    nothing changes; none with a driver."""
    preferences = harness.load("addon.preferences").preferences(bpy.context)
    told = {"off_at_first": not preferences.shows_strip}
    preferences.shows_strip = True  # which asks the timelines to draw themselves
    ruling, strip = harness.load("addon.emotion.ruling"), harness.load("addon.emotion.strip")
    scene.frame_start, scene.frame_end = 1, 40
    head.animation_data_clear()
    ops.neutral()
    for name in ("influence", "geometry", "upper", "lower"):
        setattr(head.affekt_emotion, name, 1.0)
    for frame, channel, value in (
        (1, "happy", 1.0),
        (11, "happy", 0.0),
        (11, "sad", 0.5),
        (21, "sad", 0.0),
        (1, "influence", 1.0),
        (31, "influence", 0.0),
    ):
        setattr(head.affekt_emotion, channel, value)
        head.keyframe_insert(f"affekt_emotion.{channel}", frame=frame)
    compat = harness.load("addon.compat")
    for curve in compat.active_curves(head):
        for point in curve.keyframe_points:
            point.interpolation = "CONSTANT"
    scene.frame_set(1)
    head.affekt_emotion.sad = 0.0
    compat.find_curve(compat.active_curves(head), "affekt_emotion.sad").keyframe_points.insert(1, 0)
    for point in compat.find_curve(
        compat.active_curves(head), "affekt_emotion.sad"
    ).keyframe_points:
        point.interpolation = "CONSTANT"
    reign, stamp = ruling.read_reign(head, scene), ruling.stamp_of(head, scene)
    places, colours = strip.triangles_of(reign)
    told |= {
        "spans": reign.spans(),
        "strengths": [float(reign.strengths[k]) for k in (0, 10, 20, 30)],
        "corners": [places[:6].tolist(), places.shape, colours.shape],
        "alphas": [float(colours[6 * k, 3]) for k in (0, 10, 30)],
        "same": ruling.stamp_of(head, scene) == stamp,
    }
    head.affekt_emotion.disgust = 0.5
    told["changed"] = ruling.stamp_of(head, scene) != stamp
    head.driver_add("affekt_emotion.fear").driver.expression = "0.5"
    told["driven"] = ruling.read_reign(head, scene)
    return told


with harness.enabled():
    scene = bpy.context.scene
    head, other = harness.add_head(asked["head"]), harness.add_head(asked["head"])
    bpy.context.view_layer.objects.active = head
    told = {"use": use_presets(), "pictures": draw_pictures(), "own": keep_own()}
    told["faces"] = draw_own(harness.load("addon.presets.store").file_of_presets())
    told["clipboard"] = use_clipboard(other)
    told["assets"] = use_assets()
    told["files"] = use_files(harness.folder())
    told["rules"] = who_rules()
    harness.answer(**told)
