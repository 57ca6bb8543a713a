# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more by another reader, again chosen from the code alone."""

from __future__ import annotations

from .fault import Fault

FIFTH = (
    Fault(
        what="a message of an older protocol is read as one of ours",
        file="shared/wire.py",
        old="    if header.version[0] != limits.PROTOCOL_VERSION[0] and",
        new="    if header.version[0] > limits.PROTOCOL_VERSION[0] and",
        tests=("tests/shared/test_wire.py",),
    ),
    Fault(
        what="time in which the process was stopped counts as the sidecar's silence",
        file="shared/channel.py",
        old="        listened_s = min(time.monotonic() - before, wait_s + 0.1)\n",
        new="        listened_s = time.monotonic() - before\n",
        tests=("tests/shared/test_channel.py",),
    ),
    Fault(
        what="beside a handle that is held, many alike stretches bend the wrong way",
        file="shared/curves.py",
        old="    d[0] -= a[0] * heights[keys[0] - 1]\n",
        new="    d[0] += a[0] * heights[keys[0] - 1]\n",
        tests=("tests/shared/test_curves.py",),
    ),
    Fault(
        what="a matrix whose last row is half right gets past the check",
        file="shared/camera.py",
        old="(matrix[3] != (0, 0, 0, 1)).any()",
        new="(matrix[3] != (0, 0, 0, 1)).all()",
        tests=("tests/shared/test_camera.py",),
    ),
    Fault(
        what="a picture of another identity counts as the same",
        file="shared/recipes.py",
        old="motion.fps, motion.shape, look)",
        new="motion.fps, look)",
        tests=("tests/shared/test_recipes.py",),
    ),
    Fault(
        what="a line that was cut off spoils the next one",
        file="shared/ledger.py",
        old="f\"\\n{entry.digest} {entry.recipe or '-'} {name}\"",
        new="f\"{entry.digest} {entry.recipe or '-'} {name}\\n\"",
        tests=("tests/shared/test_ledger.py",),
    ),
    Fault(
        what="another machine's partial has 24 minutes",
        file="shared/replacement.py",
        old="_STRANGER_S = 24 * 3600.0\n",
        new="_STRANGER_S = 24 * 60.0\n",
        tests=("tests/shared/test_replacement.py",),
    ),
    Fault(
        what="keys that are not in order change their values",
        file="shared/emotion_keys.py",
        old="np.array(given, np.float64)[order]\n",
        new="np.array(given, np.float64)\n",
        tests=("tests/shared/test_emotion_keys.py",),
    ),
    Fault(
        what="a folder's zip has the times of its files",
        file="shared/avatar_files.py",
        old="bundle.writestr(zipfile.ZipInfo(part.name), part.read_bytes())",
        new="bundle.write(part, part.name)",
        tests=("tests/shared/test_avatar_files.py",),
    ),
    Fault(
        what="a take with jitter begins at its first row, not on the grid",
        file="sidecar/motion/timeline.py",
        old="_resampled(times, rate, found.start)",
        new="_resampled(times, rate, float(times[0]))",
        tests=("tests/sidecar/motion/test_timeline_disorder.py",),
    ),
    Fault(
        what="over a long gap the face goes over at once and is then held",
        file="sidecar/motion/gaps.py",
        old="    start = places[after] - blend\n",
        new="    start = places[before]\n",
        tests=("tests/sidecar/motion/test_gaps.py",),
    ),
    Fault(
        what="places in named axes are turned the other way",
        file="sidecar/motion/units.py",
        old='take.rows["translation"].astype(np.float64) @ ours.T',
        new='take.rows["translation"].astype(np.float64) @ ours',
        tests=("tests/sidecar/motion/test_units.py",),
    ),
    Fault(
        what="codes of exactly a second do not tell their rate",
        file="shared/timecodes.py",
        old="if frames <= base and",
        new="if frames < base and",
        tests=("tests/sidecar/motion/test_timecodes.py", "tests/sidecar/motion/test_write.py"),
    ),
    Fault(
        what="Unreal's frame time has its rate upside down",
        file="sidecar/motion/arkit_json.py",
        old="* divisor / rate if rate > 0",
        new="* rate / divisor if rate > 0",
        tests=("tests/sidecar/motion/test_arkit_json.py", "tests/sidecar/motion/test_llv.py"),
    ),
    Fault(
        what="the identity of a folder is its first file's",
        file="sidecar/motion/records.py",
        old="        shape=_mean(np.stack(shapes)) if shapes else None,\n",
        new="        shape=first.shape,\n",
        tests=("tests/sidecar/motion/test_folder.py", "tests/sidecar/motion/test_trackers.py"),
    ),
    Fault(
        what="a tensor that begins within its storage is read from the begin",
        file="sidecar/quarantine/child.py",
        old="        flat[offset:], extents,",
        new="        flat, extents,",
        tests=("tests/sidecar/quarantine",),
    ),
    Fault(
        what="the upper face begins half a fade too high",
        file="sidecar/head/flame/model.py",
        old="/ _UPPER_FADE + 0.5, 0, 1)",
        new="/ _UPPER_FADE, 0, 1)",
        tests=("tests/sidecar/head/flame",),
    ),
    Fault(
        what="a take at another rate ends before its last frame",
        file="sidecar/modulation/modulator.py",
        old="int(np.ceil((self.frames - 1) * self.ratio)) + 1",
        new="int(np.floor((self.frames - 1) * self.ratio)) + 1",
        tests=("tests/sidecar/modulation/test_modulator.py",),
    ),
    Fault(
        what="weights of an adapter made of matrices may be negative",
        file="sidecar/motion/adapter.py",
        old="    return np.clip(weights, 0, np.float32(LARGEST_WEIGHT))\n",
        new="    return np.minimum(weights, np.float32(LARGEST_WEIGHT))\n",
        tests=("tests/sidecar/motion/test_adapter.py",),
    ),
    Fault(
        what="a small avatar is drawn with the box's left for its top",
        file="sidecar/raster/oversample.py",
        old="centre_y=(camera.centre_y - top) * samples",
        new="centre_y=(camera.centre_y - left) * samples",
        tests=("tests/sidecar/raster/test_oversample.py",),
    ),
    Fault(
        what="the motion of Gaussians that face away counts in full",
        file="sidecar/render/gaussian_passes.py",
        old="carried[:, layout.vector] = vectors * facing.weight[:, None]",
        new="carried[:, layout.vector] = vectors",
        tests=("tests/sidecar/render/test_passes.py",),
    ),
    Fault(
        what="the mesh cache of a part of a take begins at frame 0",
        file="sidecar/bake/bake.py",
        old="float(start), 1.0, samples)",
        new="0.0, 1.0, samples)",
        tests=("tests/sidecar/bake/test_bake.py", "tests/sidecar/bake/test_output.py"),
    ),
    Fault(
        what="an upload that was given up frees more than it took",
        file="sidecar/cache/uploads.py",
        old="self._on_growth(-arrival.received)",
        new="self._on_growth(-arrival.size)",
        tests=("tests/sidecar/cache/test_user.py", "tests/sidecar/cache/test_eviction.py"),
    ),
    Fault(
        what="a job that was attached to ends all the same",
        file="sidecar/server/scheduler.py",
        old="        found.client, found.left_at = client, None\n",
        new="        found.client = client\n",
        tests=(
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
        ),
    ),
    Fault(
        what="a remedy tells the client this machine's paths",
        file="sidecar/worker/work.py",
        old=(
            "    message, remedy = (\n"
            "        _sentence(failures.without_paths(text, folder))"
            " for text in (error.message, error.remedy)\n"
            "    )\n"
        ),
        new=(
            "    message = _sentence(failures.without_paths(error.message, folder))\n"
            "    remedy = _sentence(error.remedy)\n"
        ),
        tests=("tests/sidecar/worker/test_work.py", "tests/sidecar/worker/test_failures.py"),
    ),
    Fault(
        what="the first Gaussian of a partial bucket goes to the one before",
        file="sidecar/avatar/ksplat.py",
        old='np.searchsorted(ends, numbers, side="right")',
        new='np.searchsorted(ends, numbers, side="left")',
        tests=("tests/sidecar/avatar/test_ksplat.py",),
    ),
    Fault(
        what="where time is stretched the take's end is stretched twice",
        file="addon/motion/placement.py",
        old="take_times(take, scene)[-1] / stretch(scene) - _FRACTION",
        new="take_times(take, scene)[-1] * stretch(scene) - _FRACTION",
        tests=("tests/addon/test_placement.py",),
    ),
    Fault(
        what="curves that go on in a line are held",
        file="addon/motion/keys.py",
        old=' if curve.extrapolation == "CONSTANT" else ~inside\n',
        new="\n",
        tests=("tests/addon/test_keys.py",),
    ),
    Fault(
        what="a scene that goes on after the take is cut to it",
        file="addon/motion/retiming.py",
        old="    ended = scene.frame_end == last_frame(used, scene)\n",
        new="    ended = scene.frame_end >= last_frame(used, scene)\n",
        tests=("tests/addon/test_placement.py",),
    ),
    Fault(
        what="where time is stretched driven emotions are read at other frames",
        file="addon/emotion/sample.py",
        old="enumerate(times / stretch(scene))",
        new="enumerate(times)",
        tests=("tests/addon/test_emotion.py", "tests/addon/test_placement.py"),
    ),
)
