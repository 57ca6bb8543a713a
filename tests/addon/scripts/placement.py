# SPDX-License-Identifier: GPL-3.0-or-later
"""A take whose scene has changed its rate since, was moved by hand, or stretches time."""

import bpy
import harness
import numpy as np
from fake_client import FakeClient, silence

asked = harness.options()
FRAMES = 90


def imported() -> object:
    """The take that was imported first; a bake moves it to another place in memory."""
    return head.affekt_takes.items[0]


def places_of(take: object) -> np.ndarray:
    """Curve frames (K,) of the counting curve's keys."""
    points = counting_curve(take).keyframe_points
    flat = np.empty(len(points) * 2, np.float32)
    points.foreach_get("co", flat)
    return flat[::2]


def counting_curve(take: object) -> object:
    compat = harness.load("addon.compat")
    path = f'key_blocks["{counting}"].value'
    return compat.find_curve(compat.curves_of(take.keys_action, "KEY"), path)


def bake() -> dict:
    """Bakes; how far the bake's counting is from the take's, its keys' frames, what was said."""
    tasks, baking = harness.load("addon.link.tasks"), harness.load("addon.bake.baking")
    new = harness.load("addon.bake.options").BakeOptions(target="NEW")
    said = tasks.Task("Bake", baking.bake_steps(head, scene, new)).run()
    baked = head.affekt_takes.items[-1]
    read = harness.load("addon.motion.takes").read_take(head, baked, scene)
    gap = np.abs(read.expression[:, 1] - performed.expression[:, 1]).max()
    return {"gap": gap, "places": places_of(baked), "said": said}


def all_curves(take: object) -> list[object]:
    compat = harness.load("addon.compat")
    return [
        *compat.curves_of(take.keys_action, "KEY"),
        *compat.curves_of(take.rig_action, "OBJECT"),
    ]


def emotion_places() -> list[float]:
    curve = harness.load("addon.compat").find_curve(
        harness.load("addon.compat").active_curves(head), "affekt_emotion.happy"
    )
    return [point.co[0] for point in curve.keyframe_points]


def shown_at(frame: int) -> float:
    """What the counting shape key shows at a frame of the timeline."""
    scene.frame_set(frame)
    return head.data.shape_keys.key_blocks[counting].value


def fit() -> None:
    bpy.ops.affekt.fit_takes()


def refit() -> dict:
    """Two takes on a second head, whose bones move too: one right for the scene's new rate, and the
    one in use, which is not, with emotions between its frames."""
    fit_takes = harness.load("addon.motion.retiming").fit_takes
    scene.render.fps_base = 1.0
    scene.render.frame_map_old = scene.render.frame_map_new = 100
    other = harness.add_head(asked["head"])
    moves = silence(21, fps=30.0)
    moves.translation[:, 0] = np.arange(21) / 50
    moves.translation[:, 1] = np.arange(21) / 70
    session.attach(FakeClient(model, moves))
    told = {"said": [], "places": [], "emotions": [], "ends": []}

    def look(said: str) -> None:
        told["said"].append(said)
        told["places"].append([places_of(one)[[0, 20]] for one in other.affekt_takes.items])
        points = emotion_curve().keyframe_points
        told["emotions"].append([point.co[0] for point in points])
        told["ends"].append(scene.frame_end)

    def emotion_curve() -> object:
        compat = harness.load("addon.compat")
        return compat.find_curve(compat.active_curves(other), "affekt_emotion.happy")

    for fps, first in ((30, 5), (24, 11)):
        scene.render.fps = fps
        bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=first)
    for frame, value in ((11, 0.0), (15.4, 0.5), (27, 1.0)):
        other.affekt_emotion.happy = value
        other.keyframe_insert("affekt_emotion.happy", frame=frame)
    point = emotion_curve().keyframe_points[1]
    point.handle_left_type = point.handle_right_type = "FREE"
    point.handle_left, point.handle_right = (13.4, 0.3), (17.0, 0.8)
    scene.render.fps = 30
    look(fit_takes(other, scene, with_emotions=True))
    point = emotion_curve().keyframe_points[1]
    told["handles"] = [*point.handle_left, *point.handle_right]
    compat, used = harness.load("addon.compat"), other.affekt_takes.items[1]
    bones = compat.curves_of(used.rig_action, "OBJECT")
    root = compat.find_curve(bones, 'pose.bones["root"].location', 0)
    told["root"] = [[*root.keyframe_points[row].co] for row in (0, 3, 20)]
    told["placed"] = [used.first_frame, used.placed_fps]
    scene.render.fps = 24
    told["speed"] = placement.describe_speed(used, scene)
    look(fit_takes(other, scene, with_emotions=False))
    look(fit_takes(other, scene, with_emotions=True))
    scene.render.fps_base = 1.001
    told["speed_of_film"] = placement.describe_speed(used, scene)
    scene.render.fps, scene.render.fps_base = 30, 1.0
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)  # in use, and right
    look(fit_takes(other, scene, with_emotions=True))
    keys.move_keys(root, lambda frames: frames + 4)  # one curve of three
    place = placement.place_of(other.affekt_takes.items[1], scene)
    told["mostly"] = [place.first, place.fps]
    scene.render.frame_map_new = 200
    told["stretched"] = fit_takes(other, scene, with_emotions=False)
    told["places_stretched"] = places_of(other.affekt_takes.items[0])[[0, 20]]
    scene.render.frame_map_new, scene.render.fps = 100, 24
    moves.expression[:], moves.translation[:] = 0, 0
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=3)
    scene.render.fps = 30
    place = placement.place_of(other.affekt_takes.items[-1], scene)
    told["still"] = [place.first, place.fps]
    scene.render.fps_base = 1.001  # 29.97003
    session.attach(FakeClient(model, silence(21, fps=29.97)))
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    told["film_end"] = scene.frame_end
    for curve in all_curves(other.affekt_takes.items[-1]):
        keys.move_keys(curve, lambda frames: frames + 0.25)
    told["nudged"] = placement.place_of(other.affekt_takes.items[-1], scene).first
    return told


with harness.enabled():
    scene, session = bpy.context.scene, harness.load("addon.link.session").session
    placement, keys = harness.load("addon.motion.placement"), harness.load("addon.motion.keys")
    scene.render.fps = 24
    head = harness.add_head(asked["head"])
    model = harness.read_head(asked["head"])
    counting, performed = model.expression_names[1], silence(FRAMES, fps=30.0)
    session.attach(FakeClient(model, performed))
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    take = imported()
    told = {"placed": take.placed_fps, "places": places_of(take), "end": scene.frame_end}
    for frame, value in ((1, 0.0), (25, 1.0)):
        head.affekt_emotion.happy = value
        head.keyframe_insert("affekt_emotion.happy", frame=frame)

    scene.render.fps = 30
    told["changed"] = bake()
    imported().placed_fps = 0.0  # as a file of an older version has it
    told["older"] = bake()
    fit()
    told["fitted"] = {
        "places": places_of(imported()),
        "emotions": emotion_places(),
        "end": scene.frame_end,
        "speed": placement.describe_speed(imported(), scene),
        "rates": [one.placed_fps for one in head.affekt_takes.items],
    }
    told["after_fit"] = bake()
    told["other_ends"] = []
    for fps, end in ((25, 200), (30, 40)):  # the take then ends at frame 76, and at 90 again
        scene.render.fps, scene.frame_end = fps, end
        fit()
        told["other_ends"].append(scene.frame_end)

    for curve in all_curves(imported()):
        keys.move_keys(curve, lambda frames: frames + 10)
    told["moved"] = bake()

    scene.render.fps, scene.render.fps_base = 24, 1.001
    performed = silence(FRAMES, fps=59.94)
    session.attach(FakeClient(model, performed))
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 200
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=5)
    stretched = head.affekt_takes.items[-1]
    told["stretched"] = {
        "range": [scene.frame_start, scene.frame_end],
        "last_place": places_of(stretched)[-1],
        "shown": [shown_at(frame) for frame in (5, 17)],
        "speed": placement.describe_speed(stretched, scene),
        **bake(),
    }

    chosen, client = harness.avatar_settings(), FakeClient(model, performed)
    session.attach(client)
    chosen.subject, chosen.format, chosen.camera, chosen.size = "MESH", "PNG", "PORTRAIT", 16
    chosen.folder = str(harness.folder() / "frames")
    scene.frame_start, scene.frame_end = 3, 17
    bpy.ops.affekt.render_avatar()
    told["rendered"] = client.sent_motion.expression[:, 1]
    told["rendered_fps"] = client.sent_motion.fps
    scene.frame_start, scene.frame_end = 39, 60  # the take ends between frames 40 and 41
    bpy.ops.affekt.render_avatar()
    told["rendered_end"] = client.sent_motion.expression[:, 1]

    path = str(harness.folder() / "linked.blend")
    bpy.data.libraries.write(path, {imported().keys_action}, fake_user=True)
    with bpy.data.libraries.load(path, link=True) as (there, here):
        here.actions = there.actions[:1]
    imported().keys_action, scene.render.frame_map_new = here.actions[0], 100
    fit_takes = harness.load("addon.motion.retiming").fit_takes
    before = [places_of(one).tolist() for one in head.affekt_takes.items]
    told["linked"] = harness.failure(lambda: fit_takes(head, scene, with_emotions=True))
    told["linked_moved"] = before != [places_of(one).tolist() for one in head.affekt_takes.items]
    scene.render.fps_base = 1.0
    stretched = head.affekt_takes.items[-2]
    stretched.placed_fps = 0.0
    place = placement.place_of(stretched, scene)
    told["told_by_keys"] = [place.first, place.fps]
    told["refit"] = refit()
    harness.answer(**told)
