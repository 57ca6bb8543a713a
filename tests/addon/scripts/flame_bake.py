# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes on a head of a FLAME file with a real sidecar: FLAME in, FLAME out."""

import time

import bpy
import harness
import numpy as np

from sidecar import start_sidecar

asked = harness.options()


def curves(take: object) -> dict[str, list]:
    """Every key of the take, by path and index."""
    compat, found = harness.load("addon.compat"), {}
    for part, action in (("OBJECT", take.rig_action), ("KEY", take.keys_action)):
        for curve in compat.curves_of(action, part):
            flat = np.empty(len(curve.keyframe_points) * 2, np.float32)
            curve.keyframe_points.foreach_get("co", flat)
            found[f"{curve.data_path}[{curve.array_index}]"] = flat.tolist()
    return found


def texts_of_a_bake(head: bpy.types.Object) -> list[str]:
    """What the progress said while the head was learnt."""
    baking, tasks = (harness.load(f"addon.{name}") for name in ("bake.baking", "link.tasks"))
    said: list[str] = []
    for progress in (steps := baking.bake_steps(head, bpy.context.scene)):
        if progress.text not in said:
            said.append(progress.text)
        time.sleep(tasks.POLL_SECONDS / 5)
    steps.close()
    return said


def baked(head: bpy.types.Object, out: str) -> float:
    """Bakes, keeps the motion, and tells how long it took."""
    began = time.monotonic()
    bpy.ops.affekt.bake()
    seconds = time.monotonic() - began
    takes = harness.load("addon.motion.takes")
    motion = takes.read_take(head, head.affekt_takes.items[-1], bpy.context.scene)
    np.savez(out, expression=motion.expression, jaw=motion.jaw, space=motion.space)
    return seconds


def in_strips(head: bpy.types.Object) -> list[str]:
    """Curves of a bake at influence 0 that say anything but the take, which strips play ten frames
    later."""
    takes, compat = harness.load("addon.motion.takes"), harness.load("addon.compat")
    take = head.affekt_takes.items[0]
    bpy.ops.affekt.use_take(name=take.name)
    for part, owner in takes.owners_of(head, take).items():
        data = owner.animation_data
        compat.new_strip(data.nla_tracks.new(), "take", data.action, part, 11.0)
        data.action = None
    bpy.ops.affekt.bake(target="NEW")
    take, bake = head.affekt_takes.items[0], head.affekt_takes.items[-1]
    wanted, found = curves(take), curves(bake)
    different = [k for k, v in wanted.items() if found[k][1::2] != v[1::2]]
    different += [k for k, v in wanted.items() if found[k][0] != v[0] + 10]
    for owner in takes.owners_of(head, take).values():
        tracks = owner.animation_data.nla_tracks
        tracks.remove(tracks[0])
    bpy.ops.affekt.use_take(name=take.name)
    return different


def part_of(head: bpy.types.Object) -> dict:
    """A part of the take with fewer keys, and its mesh."""
    mesh = harness.folder() / "mesh.pc2"
    bpy.ops.affekt.bake(
        target="NEW", frame_range="OWN", first=11, last=40, simplify_mm=0.2, cache=str(mesh)
    )
    bake = head.affekt_takes.items[-1]
    told = {"part": [bake.frames, bake.first_frame], "mesh_bytes": mesh.stat().st_size}
    told["part_keys"] = [len(values) // 2 for values in curves(bake).values()]
    axes, told["mesh_off_m"] = harness.load("addon.axes"), []
    rows = np.frombuffer(mesh.read_bytes()[32:], "<f4").reshape(bake.frames, -1, 3)
    for row in (0, 13, 29):
        drawn = harness.evaluated_vertices(head, 11 + row)
        off = np.linalg.norm(drawn - axes.to_blender(rows[row]), axis=1)
        told["mesh_off_m"].append(float(off.max()))
    return told


def main() -> None:
    scene = bpy.context.scene
    scene.render.fps = 30
    start_sidecar(asked["python"])
    bpy.ops.affekt.add_flame_head(filepath=asked["flame"], version="FLAME2023")
    head = bpy.context.object
    bpy.ops.affekt.import_take(filepath=asked["take"], first_frame=1)
    head.affekt_emotion.influence = 0
    head.affekt_emotion.happy = 1
    told = {"said": texts_of_a_bake(head)}
    take, still = head.affekt_takes.items
    told["different"] = [k for k, v in curves(take).items() if curves(still)[k] != v]
    told["curves"] = [len(curves(take)), len(curves(still))]
    told["different_in_strips"] = in_strips(head)
    head.affekt_emotion.influence = 1
    told |= part_of(head)
    bpy.ops.affekt.use_take(name=head.affekt_takes.items[0].name)
    told["bake_s"] = baked(head, asked["baked"])
    bpy.ops.affekt.import_take(filepath=asked["arkit"], first_frame=1)
    told["arkit"] = head.affekt_takes.items[-1].frames
    scene.frame_set(3)
    moved = [key.value for key in head.data.shape_keys.key_blocks if key.name[:4] == "expr"]
    told["arkit_moves"] = max(map(abs, moved))
    told["clips"] = untouched_clips(head)
    told |= lost_file(head)
    bpy.ops.affekt.stop_sidecar()
    harness.answer(**told)


def untouched_clips(head: bpy.types.Object) -> list[list]:
    """Trackers' takes baked at influence 0: their frames, and the curves that say anything else."""
    head.affekt_emotion.influence, told = 0, []
    for clip in asked["clips"]:
        bpy.ops.affekt.import_take(filepath=clip, first_frame=1)
        take = curves(head.affekt_takes.items[-1])
        bpy.ops.affekt.bake(target="NEW")
        bake = head.affekt_takes.items[-1]
        found = curves(bake)
        told.append([bake.frames, bake.kind, [k for k, v in take.items() if found[k] != v]])
    head.affekt_emotion.influence = 1
    return told


def lost_file(head: bpy.types.Object) -> dict[str, str]:
    """The sidecar's cache has lost the file: it is sent again, or a sentence says what is gone."""
    kept = next((harness.folder() / "cache").rglob(head.affekt_head.model))
    kept.unlink()
    bpy.ops.affekt.bake()
    told = {"sent_again": str(kept.is_file())}
    kept.unlink()
    head.affekt_head.flame_file = "/nowhere/flame.pkl"
    told["gone"] = harness.failure(lambda: bpy.ops.affekt.bake())
    head.affekt_head.flame_file = asked["take"]
    told["other"] = harness.failure(lambda: bpy.ops.affekt.bake())
    return told


with harness.enabled():
    main()
