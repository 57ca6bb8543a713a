# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, drawn as the eleventh, with Python's `random` and seed 1212, in the order drawn;
none was left out. The faults were written from the functions' code. That day many tests had been
added to the core and the add-on, and those of eight of these functions had been read for it:
`run_rows`, `playing_actions`, `open_plain_router`, `_waiting`, `receive`, both of `mesh.py` and
`remove_client`.
"""

from __future__ import annotations

from .fault import Fault

TWELFTH = (
    Fault(
        what="a synonym of an emotion that is written in capitals is not understood",
        file="shared/emotion_keys.py",
        old="meant = _MEANT.get(name.lower())",
        new="meant = _MEANT.get(name)",
        tests=(
            "tests/shared/test_emotion_keys.py",
            "tests/sidecar/bake/test_emotion_summary.py",
            "tests/sidecar/motion/test_emotions.py",
        ),
    ),
    Fault(
        what="a bad cell is told of by a line of the first block",
        file="sidecar/motion/tables.py",
        old="zip(self._lines[-len(rows) :], rows, strict=True)",
        new="zip(self._lines[: len(rows)], rows, strict=True)",
        tests=("tests/sidecar/motion/test_tables.py", "tests/sidecar/motion/test_read.py"),
    ),
    Fault(
        what="the joints lie where the first frame's expression puts them",
        file="sidecar/head/forward.py",
        old="self.joint_regressor @ shaped)  # (B, 5, 3, 4)",
        new="self.joint_regressor @ posed[0].T)  # (B, 5, 3, 4)",
        tests=(
            "tests/sidecar/head/test_forward.py",
            "tests/sidecar/head/test_open_head.py",
            "tests/sidecar/bake/test_bake.py",
        ),
    ),
    Fault(
        what="any features in common are enough, though none is of the mouth",
        file="sidecar/adapter/registration.py",
        old='if sum(name.startswith(("mouth", "ibug")) for name in names) < _LEAST_FEATURES:',
        new="if len(names) < _LEAST_FEATURES:",
        tests=(
            "tests/sidecar/adapter/test_registration.py",
            "tests/sidecar/adapter/test_features.py",
            "tests/sidecar/adapter/test_parts.py",
        ),
    ),
    Fault(
        what="an avatar's pictures are drawn on a card, though the CPU was asked for",
        file="sidecar/render/passes.py",
        old="GaussianPainter(subject, shot.motion, request, shot.device, label)",
        new='GaussianPainter(subject, shot.motion, request, "auto", label)',
        tests=(
            "tests/sidecar/render/test_passes.py",
            "tests/sidecar/render/test_gaussian_passes.py",
            "tests/sidecar/render/test_sequence.py",
            "tests/sidecar/render/test_command.py",
        ),
    ),
    Fault(
        what="a thread has one band, and those that draw the rim wait",
        file="sidecar/raster/parallel.py",
        old="-(-rows // (thread_count() * BANDS_A_THREAD))",
        new="-(-rows // thread_count())",
        tests=("tests/sidecar/raster/test_parallel.py",),
    ),
    Fault(
        what="an emotion that opens the lips opens them half as far at the most",
        file="shared/emotion.py",
        old="return np.maximum(2 * keep_closed - 1, 0)",
        new="return np.maximum(keep_closed - 0.5, 0)",
        tests=(
            "tests/shared/test_golden.py",
            "tests/shared/test_motion_nouns.py",
            "tests/sidecar/modulation/test_contact.py",
            "tests/sidecar/modulation/test_modulator.py",
            "tests/sidecar/bake/test_bake.py",
        ),
    ),
    Fault(
        what="a triangle counts as crumpled only where all its edges shrank",
        file="sidecar/avatar/folds.py",
        old="(growth < _SHRUNK).any(1)",
        new="(growth < _SHRUNK).all(1)",
        tests=("tests/sidecar/avatar/test_folds.py", "tests/sidecar/avatar/test_calibration.py"),
    ),
    Fault(
        what="any strip keeps an animator's Action from counting",
        file="addon/motion/playback.py",
        old="in_strip = any(strip.action == actions[part] for strip in playing_strips(owner))",
        new="in_strip = any(strip.action for strip in playing_strips(owner))",
        tests=(
            "tests/addon/test_votes.py",
            "tests/addon/test_playing.py",
            "tests/addon/test_sums.py",
        ),
    ),
    Fault(
        what="files whose endings are capitals are left out of a folder",
        file="addon/motion/files.py",
        old="if file.suffix.lower() in ENDINGS]",
        new="if file.suffix in ENDINGS]",
        tests=("tests/addon/test_files.py", "tests/addon/test_folders.py"),
    ),
    Fault(
        what="a point has the area of one of its triangles alone",
        file="sidecar/adapter/skin.py",
        old="np.add.at(out, faces, area[:, None])",
        new="out[faces] += area[:, None]",
        tests=(
            "tests/sidecar/adapter/test_skin.py",
            "tests/sidecar/adapter/test_registration.py",
            "tests/sidecar/adapter/test_parts.py",
        ),
    ),
    Fault(
        what="which FLAME a head is of is not said again",
        file="addon/link/requests.py",
        old='return {"head": self.name, "head_space": self.space}',
        new='return {"head": self.name}',
        tests=("tests/addon/test_requests.py",),
    ),
    Fault(
        what="a ledger that may not be read stops the work",
        file="shared/ledger.py",
        old="""\
        with contextlib.suppress(OSError):
            self._read()
""",
        new="""\
        with contextlib.suppress(FileNotFoundError):
            self._read()
""",
        tests=(
            "tests/shared/test_ledger.py",
            "tests/shared/test_picture_files.py",
            "tests/sidecar/render/test_sequence.py",
        ),
    ),
    Fault(
        what="a client of which nothing is heard for 5 s counts as gone",
        file="sidecar/server/sockets.py",
        old="zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)",
        new="zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_MS)",
        tests=(
            "tests/sidecar/server/test_sockets.py",
            "tests/sidecar/server/test_client_socket.py",
            "tests/sidecar/server/test_security.py",
            "tests/sidecar/server/test_server.py",
        ),
    ),
    Fault(
        what="jobs that have ended wait for a turn",
        file="sidecar/server/scheduler.py",
        old="[job.client for job in self._runnable()],",
        new="[job.client for job in self._jobs.values()],",
        tests=(
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
            "tests/sidecar/server/test_scheduler_orders.py",
        ),
    ),
    Fault(
        what="slots of the largest size are refused",
        file="shared/pixels.py",
        old="1 <= slot_bytes <= limits.MAX_PIXEL_SLOT_BYTES",
        new="1 <= slot_bytes < limits.MAX_PIXEL_SLOT_BYTES",
        tests=(
            "tests/shared/test_pixels.py",
            "tests/shared/test_previews.py",
            "tests/sidecar/server/test_previews.py",
        ),
    ),
    Fault(
        what="a task whose end fails stays for ever",
        file="addon/link/tasks.py",
        old="""\
        task, _running = _running, None
        task.cancel()
""",
        new="""\
        _running.cancel()
        _running = None
""",
        tests=("tests/addon/test_tasks.py", "tests/addon/test_requests.py"),
    ),
    Fault(
        what="whether x or y moves does not tell two bakes apart",
        file="addon/motion/keys.py",
        old='digest.update(f"{curve.data_path}[{curve.array_index}]".encode())',
        new="digest.update(curve.data_path.encode())",
        tests=(
            "tests/addon/test_votes.py",
            "tests/addon/test_near.py",
            "tests/addon/test_take_editing.py",
            "tests/addon/test_bake_options.py",
        ),
    ),
    Fault(
        what="a held handle is pulled by the wrong neighbours",
        file="shared/curves.py",
        old="system.below * padded[:-2] - system.above * padded[2:]",
        new="system.below * padded[2:] - system.above * padded[:-2]",
        tests=(
            "tests/shared/test_curves.py",
            "tests/shared/test_emotion_keys.py",
            "tests/addon/test_emotion.py",
        ),
    ),
    Fault(
        what="one message more than was asked for is read at once",
        file="sidecar/server/client_socket.py",
        old="while len(received) < most:",
        new="while len(received) <= most:",
        tests=("tests/sidecar/server/test_client_socket.py",),
    ),
    Fault(
        what="a take of ours is read as a format that has some of its names",
        file="sidecar/motion/read.py",
        old="form = None if keys >= _AFFEKT else format_of(keys)",
        new="form = format_of(keys)",
        tests=(
            "tests/sidecar/motion/test_read.py",
            "tests/sidecar/motion/test_field.py",
            "tests/sidecar/motion/test_layouts.py",
            "tests/sidecar/motion/test_own_bakes.py",
            "tests/sidecar/motion/test_write.py",
            "tests/sidecar/motion/test_trackers.py",
        ),
    ),
    Fault(
        what="each so many-th frame is refused if one more step would leave the take",
        file="shared/pictures.py",
        old="min(frames) < 0 or max(frames) >= count:",
        new="min(frames) < 0 or frames.stop > count:",
        tests=(
            "tests/shared/test_pictures.py",
            "tests/sidecar/render/test_frame.py",
            "tests/sidecar/render/test_shot.py",
            "tests/sidecar/render/test_passes.py",
            "tests/sidecar/render/test_sequence.py",
        ),
    ),
    Fault(
        what="a name without end that stands twice is told whole",
        file="shared/emotion_keys.py",
        old="f\"The emotion file names '{twice:.40}' twice in one place.\"",
        new="f\"The emotion file names '{twice}' twice in one place.\"",
        tests=("tests/shared/test_emotion_keys.py",),
    ),
    Fault(
        what="a camera's matrix is read across in one place",
        file="sidecar/raster/mesh.py",
        old="pose[k, 1] * y + pose[k, 2] * z + pose[k, 3]\n",
        new="pose[k, 1] * y + pose[2, k] * z + pose[k, 3]\n",
        tests=(
            "tests/sidecar/raster/test_mesh.py",
            "tests/sidecar/raster/test_mesh_attributes.py",
            "tests/sidecar/render/test_shade.py",
        ),
    ),
    Fault(
        what="eyes that ARKit's weights turn are turned once more",
        file="sidecar/motion/adapter.py",
        old='        eyes=np.zeros_like(motion.eyes),\n        space="arkit",\n',
        new='        space="arkit",\n',
        tests=(
            "tests/sidecar/motion/test_adapter.py",
            "tests/sidecar/motion/test_write.py",
            "tests/sidecar/worker/test_inputs.py",
            "tests/sidecar/motion/test_own_bakes.py",
        ),
    ),
    Fault(
        what="a face at the picture's rim counts as seen from straight ahead",
        file="sidecar/raster/mesh.py",
        old="ray = _rays(a, camera)",
        new="ray = np.broadcast_to(camera_axis(camera), a.shape)",
        tests=(
            "tests/sidecar/raster/test_mesh.py",
            "tests/sidecar/render/test_passes.py",
            "tests/sidecar/render/test_mesh_passes.py",
        ),
    ),
    Fault(
        what="a job whose client leaves once more lives longer",
        file="sidecar/server/scheduler.py",
        old="if job.client == client and job.left_at is None:",
        new="if job.client == client:",
        tests=(
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
            "tests/sidecar/server/test_scheduler_orders.py",
        ),
    ),
    Fault(
        what="the shared memory that larger one takes the place of is never closed",
        file="shared/previews.py",
        old="gone = (self._ring, ring) if self._is_refused else (self._ring,)",
        new="gone = (ring,) if self._is_refused else ()",
        tests=(
            "tests/shared/test_preview_memory.py",
            "tests/shared/test_previews.py",
            "tests/sidecar/server/test_previews.py",
        ),
    ),
    Fault(
        what="what a FLAME file is called goes out as it is, however long",
        file="shared/client.py",
        old="name_told = None if file_name is None else _file_name(file_name)",
        new="name_told = file_name",
        tests=(
            "tests/shared/test_client.py",
            "tests/shared/test_client_calls.py",
            "tests/sidecar/worker/test_flame_heads.py",
        ),
    ),
    Fault(
        what="letters that base64 has not are skipped",
        file="sidecar/motion/llv.py",
        old="base64.b64decode(line, validate=True)) for line in lines]",
        new="base64.b64decode(line)) for line in lines]",
        tests=("tests/sidecar/motion/test_llv.py", "tests/sidecar/motion/test_read.py"),
    ),
)
