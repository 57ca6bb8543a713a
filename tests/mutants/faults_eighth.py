# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty faults, chosen by reading the core's code as a reviewer does and no test."""

from __future__ import annotations

from .fault import Fault

EIGHTH = (
    # --- shared ------------------------------------------------------------------------------
    Fault(
        what="newer progress comes in the place of the older, before what came between",
        file="shared/jobs.py",
        old="            self._events.pop(key, None)\n",
        new="",
        tests=("tests/shared/test_jobs.py", "tests/shared/test_job_book.py"),
    ),
    Fault(
        what="keys that were written are linear, whatever they were",
        file="shared/emotion_keys.py",
        old='"interpolation": keys.interpolation, "keys": listed}',
        new='"interpolation": "linear", "keys": listed}',
        tests=("tests/shared/test_emotion_keys.py", "tests/sidecar/commands/test_keys.py"),
    ),
    Fault(
        what="a camera that moves is sent once if its lens stands still",
        file="shared/conversions.py",
        old="    if all((array == array[:1]).all() for array in arrays):\n",
        new="    if any((array == array[:1]).all() for array in arrays):\n",
        tests=("tests/shared/test_conversions.py",),
    ),
    Fault(
        what="mouthClose shuts also what the openers gave back already",
        file="shared/calibration.py",
        old="        rest = excess - share * by_openers\n",
        new="        rest = excess\n",
        tests=("tests/shared/test_calibration.py", "tests/sidecar/avatar/test_calibration.py"),
    ),
    Fault(
        what="a ledger that was long loses each new line to the next one",
        file="shared/ledger.py",
        old="                self._is_long = False\n            handle",
        new="            handle",
        tests=("tests/shared/test_ledger.py",),
    ),
    Fault(
        what="a text may end in characters that are not allowed",
        file="shared/schema.py",
        old="re.fullmatch(self.pattern, value)",
        new="re.match(self.pattern, value)",
        tests=("tests/shared/test_schema.py", "tests/shared/test_wire.py"),
    ),
    # --- readers of takes and the adapter ----------------------------------------------------
    Fault(
        what="a camera that turns is applied before the head's own turn",
        file="sidecar/motion/imavatar.py",
        old="rotations.compose([of_camera, turn.astype(np.float64)])",
        new="rotations.compose([turn.astype(np.float64), of_camera])",
        tests=("tests/sidecar/motion/test_trackers.py", "tests/sidecar/motion/test_layouts.py"),
    ),
    Fault(
        what="of two faces in as many frames the smaller number is taken, not the first",
        file="sidecar/motion/faces.py",
        old="key=lambda i: (-rows[i], first[i]))",
        new="key=lambda i: -rows[i])",
        tests=("tests/sidecar/motion/test_faces.py",),
    ),
    Fault(
        what="the whole head's turn stays in degrees beside jaw, neck and eyes",
        file="sidecar/motion/units.py",
        old='for k in (*there, "rotation") if k in take.rows}',
        new="for k in there if k in take.rows}",
        tests=("tests/sidecar/motion/test_units.py", "tests/sidecar/motion/test_trackers.py"),
    ),
    Fault(
        what="of two coarse times the shorter one tells the rate",
        file="sidecar/motion/timeline.py",
        old="/ max(first, len(times) - first)\n",
        new="/ min(first, len(times) - first)\n",
        tests=("tests/sidecar/motion/test_timeline_rates.py",),
    ),
    Fault(
        what="emotions beside weights begin later than their take",
        file="sidecar/motion/emotions.py",
        old="    if columns.weights or seconds[0] > _LATEST_START_S:\n",
        new="    if seconds[0] > _LATEST_START_S:\n",
        tests=("tests/sidecar/motion/test_emotions.py",),
    ),
    Fault(
        what="the body's neck does not turn the head",
        file="sidecar/motion/smplx.py",
        old="for k in (0, *_SPINE, _NECK)]",
        new="for k in (0, *_SPINE)]",
        tests=("tests/sidecar/motion/test_trackers.py", "tests/sidecar/motion/test_layouts.py"),
    ),
    Fault(
        what="two frames of a Live Link CSV are said to lose their rate",
        file="shared/take_files.py",
        old="    if len(motion) < writer.rate_from and",
        new="    if len(motion) <= writer.rate_from and",
        tests=("tests/sidecar/motion/test_write.py",),
    ),
    Fault(
        what="a change of the jaw alone does not reach the take",
        file="sidecar/motion/adapter.py",
        old="        | (open_before.jaw != open_after.jaw).any(1)\n",
        new="",
        tests=("tests/sidecar/motion/test_adapter.py",),
    ),
    Fault(
        what="a smaller head moves further, not less",
        file="sidecar/adapter/transfer.py",
        old="    whole = registration.turn.T / registration.scale\n",
        new="    whole = registration.turn.T * registration.scale\n",
        tests=("tests/sidecar/adapter",),
    ),
    # --- heads, bakes and the cache ----------------------------------------------------------
    Fault(
        what="correctives of a converted file are taken in the order in which they lie there",
        file="sidecar/head/flame/model.py",
        old="np.ascontiguousarray(values.T).reshape(vertices, 3, 36)",
        new="values.reshape(vertices, 3, 36)",
        tests=("tests/sidecar/head/flame/test_read.py",),
    ),
    Fault(
        what="keys of another rate are looked for at the take's frames of their numbers",
        file="sidecar/bake/emotion_summary.py",
        old="[place * fps / keys.fps for place",
        new="[place for place",
        tests=("tests/sidecar/bake/test_emotion_summary.py",),
    ),
    Fault(
        what="a part's take in its own space says that it begins at 0",
        file="sidecar/bake/output.py",
        old="encode_motion(result.take_motion, first))",
        new="encode_motion(result.take_motion))",
        tests=("tests/sidecar/bake",),
    ),
    Fault(
        what="leftovers that were removed still count as full disk",
        file="sidecar/cache/cache.py",
        old="sum(entry.size for entry in entries if entry.path not in left)",
        new="sum(entry.size for entry in entries)",
        tests=("tests/sidecar/cache",),
    ),
    Fault(
        what="an upload of another size goes on where the older one stopped",
        file="sidecar/cache/uploads.py",
        old="        if arrival is None or arrival.size != upload.size:\n",
        new="        if arrival is None:\n",
        tests=("tests/sidecar/cache",),
    ),
    # --- avatars -----------------------------------------------------------------------------
    Fault(
        what="axes behind another extension are not found",
        file="sidecar/avatar/spz.py",
        old="        start += 8 + length\n",
        new="        start += length\n",
        tests=("tests/sidecar/avatar/test_spz.py",),
    ),
    Fault(
        what="a section's spare room is taken for the next section",
        file="sidecar/avatar/ksplat.py",
        old="section.table_bytes() + section.room * _row_of",
        new="section.table_bytes() + section.count * _row_of",
        tests=("tests/sidecar/avatar/test_ksplat.py",),
    ),
    Fault(
        what="a joint's bone turns with the joint at its end",
        file="sidecar/avatar/animated_mesh.py",
        old="matrices[joint - 1] @ (pivots",
        new="matrices[joint] @ (pivots",
        tests=("tests/sidecar/avatar/test_drive.py", "tests/sidecar/avatar/test_lam.py"),
    ),
    # --- pictures ----------------------------------------------------------------------------
    Fault(
        what="Gaussians below the picture are stretched as if it were as high as wide",
        file="sidecar/raster/project.py",
        old="min(max(ray_y, least_y), most_y)",
        new="min(max(ray_y, least_x), most_x)",
        tests=("tests/sidecar/raster/test_gaussians.py", "tests/sidecar/raster/test_project.py"),
    ),
    Fault(
        what="a face of which one corner is too near has a hole",
        file="sidecar/raster/mesh.py",
        old="_add(places, b, q, p, index,",
        new="_add(places, b, c, p, index,",
        tests=("tests/sidecar/raster/test_mesh.py",),
    ),
    Fault(
        what="the passes are computed before the core becomes opaque",
        file="sidecar/render/gaussian_passes.py",
        old="for work in (*core, *passes.values())]",
        new="for work in (*passes.values(), *core)]",
        tests=("tests/sidecar/render/test_passes.py", "tests/sidecar/render/test_opaque_core.py"),
    ),
    Fault(
        what="an open take loses its neck on an ARKit avatar",
        file="sidecar/render/shot.py",
        old="        neck=motion.neck,\n",
        new="",
        tests=("tests/sidecar/render/test_shot.py",),
    ),
    # --- the server, and what is resumed -----------------------------------------------------
    Fault(
        what="a job that got further is not forgiven another kill",
        file="sidecar/server/scheduler.py",
        old="            job.deaths = job.kills = 0\n",
        new="            job.deaths = 0\n",
        tests=(
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
        ),
    ),
    Fault(
        what="what a download read first may be evicted before its end",
        file="sidecar/server/transfers.py",
        old="self._downloads.setdefault(name, _Download(now, now)).last = now",
        new="self._downloads[name] = _Download(now, now)",
        tests=("tests/sidecar/server/test_transfers.py",),
    ),
    Fault(
        what="pictures that wait are used though all were asked for anew",
        file="addon/avatar/frames.py",
        old="        if not reuse or ledger.find_whole(path) is None:\n",
        new="        if ledger.find_whole(path) is None:\n",
        tests=("tests/addon/test_frames.py",),
    ),
)
