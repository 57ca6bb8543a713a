# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, chosen as the eighth set was, since that one found too much."""

from __future__ import annotations

from .fault import Fault

NINTH = (
    # --- shared ------------------------------------------------------------------------------
    Fault(
        what="a shape whose largest weight is 1 is never reached",
        file="shared/calibration.py",
        old="    knee = np.maximum(0.75 * most, np.minimum(most, 1))\n",
        new="    knee = 0.75 * most\n",
        tests=("tests/shared/test_calibration.py", "tests/sidecar/avatar/test_calibration.py"),
    ),
    Fault(
        what="of landmarks for each view those from the side count",
        file="sidecar/head/flame/landmarks.py",
        old="    return place[0], weight[0]\n",
        new="    return place[-1], weight[-1]\n",
        tests=("tests/sidecar/head/flame/test_read.py",),
    ),
    Fault(
        what="lips that the take presses together are brought closer than shut",
        file="shared/calibration.py",
        old="np.maximum(parted - np.maximum(wanted, 0), 0)",
        new="np.maximum(parted - wanted, 0)",
        tests=("tests/shared/test_calibration.py", "tests/sidecar/avatar/test_calibration.py"),
    ),
    # --- readers of takes and the adapter ----------------------------------------------------
    Fault(
        what="a first code of which rows are missing is counted from its beginning",
        file="sidecar/motion/timecodes.py",
        old="    within[: rows[0]] += often - rows[0]\n",
        new="",
        tests=("tests/sidecar/motion/test_timecodes.py", "tests/sidecar/motion/test_livelink.py"),
    ),
    Fault(
        what="an expression that is missing is added at the end, so all come a frame early",
        file="sidecar/motion/lam.py",
        old="np.concatenate([expression[:1], expression])",
        new="np.concatenate([expression, expression[-1:]])",
        tests=("tests/sidecar/motion/test_read.py", "tests/sidecar/motion/test_trackers.py"),
    ),
    Fault(
        what="joints turn about the head's origin where weights are weighed by what they move",
        file="sidecar/motion/arkit_from_open.py",
        old="        arms = template - joints[joint]\n",
        new="        arms = template\n",
        tests=("tests/sidecar/motion/test_adapter.py", "tests/sidecar/head/test_open_head.py"),
    ),
    Fault(
        what="the left eyeball is the one on the right",
        file="sidecar/avatar/alignment.py",
        old="if 0.03 < a[1][0] - b[1][0] < 0.12",
        new="if 0.03 < b[1][0] - a[1][0] < 0.12",
        tests=(
            "tests/sidecar/avatar/test_regions.py",
            "tests/sidecar/avatar/test_visible_regions.py",
        ),
    ),
    Fault(
        what="any common step of the numbers is every Nth frame, however many are missing",
        file="sidecar/motion/numbering.py",
        old="    even = step > 1 and np.count_nonzero(steps == step)"
        " >= max(_LEAST_STEPS, len(steps) / 2)\n",
        new="    even = step > 1\n",
        tests=("tests/sidecar/motion/test_numbering.py", "tests/sidecar/motion/test_folder.py"),
    ),
    Fault(
        what="a head's matrix with a scale is refused",
        file="sidecar/motion/head_matrix.py",
        old="check_rotation(turns / np.maximum(size, 1e-9),",
        new="check_rotation(turns,",
        tests=("tests/sidecar/motion/test_arkit_json.py", "tests/sidecar/motion/test_layouts.py"),
    ),
    Fault(
        what="a row without a number is a face if the file says so",
        file="sidecar/motion/gaps.py",
        old="        faces = faces & take.seen\n",
        new="        faces = take.seen\n",
        tests=("tests/sidecar/motion/test_gaps.py", "tests/sidecar/motion/test_tables.py"),
    ),
    Fault(
        what="a turn vector of more than half a circle is taken for degrees",
        file="sidecar/motion/units.py",
        old='    if key == "rotation" and largest <= 2 * np.pi:\n',
        new='    if key == "rotation" and largest <= np.pi:\n',
        tests=("tests/sidecar/motion/test_units.py",),
    ),
    Fault(
        what="features that fit best mirrored give a mirror, not a turn",
        file="sidecar/adapter/registration.py",
        old="np.array([1, 1, np.sign(np.linalg.det(u @ vt))])",
        new="np.ones(3)",
        tests=("tests/sidecar/adapter",),
    ),
    Fault(
        what="the jaw's part of a shape is added, not taken away",
        file="sidecar/adapter/solve.py",
        old="alone = fits[:EXPRESSION].T - jaw",
        new="alone = fits[:EXPRESSION].T + jaw",
        tests=("tests/sidecar/adapter",),
    ),
    # --- bakes and the cache -----------------------------------------------------------------
    Fault(
        what="a part's point cache begins at frame 0",
        file="sidecar/bake/bake.py",
        old="pc2_header(self.vertex_count, len(frames), frames.start)",
        new="pc2_header(self.vertex_count, len(frames), 0)",
        tests=("tests/sidecar/bake",),
    ),
    Fault(
        what="the least and the greatest byte of harmonics fall short of their bounds",
        file="sidecar/avatar/compressed_ply.py",
        old="    shares[0], shares[255] = 0, 1\n",
        new="",
        tests=(
            "tests/sidecar/avatar/test_compressed_ply.py",
            "tests/sidecar/avatar/test_export.py",
        ),
    ),
    # --- avatars -----------------------------------------------------------------------------
    Fault(
        what="an orthographic camera sees each Gaussian from where it stands",
        file="sidecar/avatar/splats.py",
        old="camera_axis(camera) if camera.orthographic else np.zeros(3)",
        new="np.zeros(3)",
        tests=("tests/sidecar/avatar/test_splats.py",),
    ),
    Fault(
        what="the largest number of 16 bits falls short of the bound",
        file="sidecar/avatar/sog.py",
        old="((low + 256 * high) / 65535)",
        new="((low + 256 * high) / 65536)",
        tests=("tests/sidecar/avatar/test_sog.py", "tests/sidecar/avatar/test_sources.py"),
    ),
    Fault(
        what="Gaussians are as large as on the mean person's faces",
        file="sidecar/avatar/gaussian_avatars.py",
        old="    rest = rest + flame.shape_basis[..., : len(shape)] @ shape\n",
        new="",
        tests=("tests/sidecar/avatar/test_sources.py",),
    ),
    Fault(
        what="a face's frame is as large as its first edge, however flat it is",
        file="sidecar/avatar/kernels.py",
        old="np.float32(0.5) * (edge + height) if whole",
        new="edge if whole",
        tests=("tests/sidecar/avatar/test_drive.py",),
    ),
    Fault(
        what="the furthest position does not fit into an SPZ's 24 bits",
        file="sidecar/avatar/export.py",
        old="_SPZ_BITS - np.ceil(np.log2",
        new="_SPZ_BITS - np.floor(np.log2",
        tests=("tests/sidecar/avatar/test_export.py",),
    ),
    # --- pictures ----------------------------------------------------------------------------
    Fault(
        what="the lower lid shades the ball as the upper one should",
        file="sidecar/raster/occlusion.py",
        old="    above = lids @ up > (balls @ up).mean()\n",
        new="    above = lids @ up < (balls @ up).mean()\n",
        tests=("tests/sidecar/render/test_shade.py",),
    ),
    Fault(
        what="a frame is there if one of its two files is",
        file="sidecar/render/sequence.py",
        old="return all(entry is not None and entry.recipe == recipe for entry in found)",
        new="return any(entry is not None and entry.recipe == recipe for entry in found)",
        tests=("tests/sidecar/render/test_sequence.py",),
    ),
    Fault(
        what="the camera of a portrait keeps its distance from the middle, not from the front",
        file="sidecar/render/portrait.py",
        old=" + 0.5 * front\n",
        new="\n",
        tests=("tests/sidecar/render/test_portrait.py",),
    ),
    # --- the server --------------------------------------------------------------------------
    Fault(
        what="whoever attaches to a job is not told how far it is",
        file="sidecar/server/job_events.py",
        old="        self._is_progress_told = self._progress is None\n",
        new="",
        tests=("tests/sidecar/server/test_job_events.py",),
    ),
    Fault(
        what="a new worker that is large before its first order is killed",
        file="sidecar/server/watch.py",
        old="self._is_ready, self._has_worked = False, False",
        new="self._is_ready, self._has_worked = False, True",
        tests=("tests/sidecar/server/test_watch.py",),
    ),
    Fault(
        what="each client may fill the disk's queue by itself",
        file="sidecar/server/disk_queue.py",
        old="sum(held for tasks in self._tasks.values() for _, held in tasks)",
        new="sum(held for _, held in waiting)",
        tests=("tests/sidecar/server/test_disk_queue.py",),
    ),
    Fault(
        what="while the list of users is damaged those of before are let in",
        file="sidecar/server/key_files.py",
        old="            return {}\n        return {z85",
        new="            return self._users\n        return {z85",
        tests=("tests/sidecar/server/test_key_files.py",),
    ),
    # --- the add-on --------------------------------------------------------------------------
    Fault(
        what="a camera on the head is brought to an avatar the wrong way",
        file="sidecar/render/shot.py",
        old="camera_from_world=camera.camera_from_world @ moved)",
        new="camera_from_world=camera.camera_from_world @ np.linalg.inv(moved))",
        tests=("tests/sidecar/render/test_shot.py",),
    ),
    Fault(
        what="a camera's scale is taken along the world's axes",
        file="addon/camera.py",
        old="np.linalg.norm(unit[:3, :3], axis=0)",
        new="np.linalg.norm(unit[:3, :3], axis=1)",
        tests=("tests/addon/test_camera.py",),
    ),
    Fault(
        what="pictures that were taken over are not in the ledger",
        file="addon/avatar/frames.py",
        old="            new.note(places[recipe])\n",
        new="",
        tests=("tests/addon/test_frames.py",),
    ),
)
