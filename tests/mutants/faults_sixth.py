# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, in functions that were drawn by chance."""

from __future__ import annotations

from .fault import Fault

SIXTH = (
    Fault(
        what="with the rig active, the emotion panel has the rig's own channels, which do nothing",
        file="addon/emotion/panel.py",
        old="        layout = self.layout\n        emotion = need_head(context).affekt_emotion\n",
        new="        layout = self.layout\n        emotion = context.object.affekt_emotion\n",
        tests=("tests/addon/test_panels.py",),
    ),
    Fault(
        what="a take whose first timecode is blank ends with an IndexError",
        file="sidecar/motion/timecodes.py",
        old="            if rows and not text.strip():\n",
        new="            if not text.strip():\n",
        tests=(
            "tests/sidecar/motion/test_timecodes.py",
            "tests/sidecar/motion/test_tables.py",
            "tests/sidecar/motion/test_arkit_json.py",
            "tests/sidecar/motion/test_livelink.py",
        ),
    ),
    Fault(
        what="without --memory-gb the worker may use any amount of memory",
        file="sidecar/commands/serve.py",
        old="            memory_bytes=self._memory_bytes(),\n",
        new="            memory_bytes=0 if self.memory_gb is None else self._memory_bytes(),\n",
        tests=("tests/sidecar/commands/test_options.py",),
    ),
    Fault(
        what="buffers that are allowed one by one may exceed a message's limit together",
        file="shared/wire.py",
        old="    if sum(entry.size for entry in entries) > limits.MAX_MESSAGE_BYTES:\n",
        new="    if any(entry.size > limits.MAX_MESSAGE_BYTES for entry in entries):\n",
        tests=(
            "tests/shared/test_wire.py",
            "tests/shared/test_golden.py",
            "tests/faults/test_fuzz.py",
        ),
    ),
    Fault(
        what="after a script's task has failed, every other task is refused as busy",
        file="addon/link/task_operator.py",
        old='        try:\n            self.report({"INFO"}, task.run())\n'
        "        finally:\n            end_task()\n",
        new='        self.report({"INFO"}, task.run())\n        end_task()\n',
        tests=(
            "tests/addon/test_faults.py",
            "tests/addon/test_takes.py",
            "tests/addon/test_supervision.py",
            "tests/addon/test_animator_path.py",
        ),
    ),
    Fault(
        what="flame_params.json is written without the first frame's expression, as LAM's own are",
        file="shared/take_files.py",
        old="for row in motion.expression.tolist()\n",
        new="for row in motion.expression[1:].tolist()\n",
        tests=(
            "tests/sidecar/motion/test_write.py",
            "tests/sidecar/motion/test_trackers.py",
            "tests/sidecar/motion/test_read.py",
        ),
    ),
    Fault(
        what="a pointer of Git LFS is refused with another code",
        file="sidecar/files.py",
        old='            "file.lfs_pointer",\n',
        new='            "file.wrong_kind",\n',
        tests=(
            "tests/sidecar/motion/test_read.py",
            "tests/sidecar/motion/test_adapter.py",
            "tests/sidecar/head/flame/test_read.py",
            "tests/sidecar/avatar/test_sources.py",
        ),
    ),
    Fault(
        what="of a key that is twice in a map, the second value is taken",
        file="shared/wire.py",
        old="            if type(key) is not str or key in found:\n",
        new="            if type(key) is not str:\n",
        tests=(
            "tests/shared/test_wire.py",
            "tests/shared/test_golden.py",
            "tests/faults/test_fuzz.py",
        ),
    ),
    Fault(
        what="on faces that stretch, a Gaussian grows by a length's root in place of an area's",
        file="sidecar/avatar/drive.py",
        old="            stretch = _growth(sizes[:, 1], self._rest_sizes[:, 1])\n",
        new="            stretch = _growth(sizes[:, 0], self._rest_sizes[:, 0])\n",
        tests=(
            "tests/sidecar/avatar/test_drive.py",
            "tests/sidecar/avatar/test_lam.py",
            "tests/sidecar/avatar/test_avatar.py",
        ),
    ),
    Fault(
        what="the root bone cannot be moved, and all others can",
        file="addon/head/build.py",
        old='        bone.lock_location = (bone.name != "root",) * 3\n',
        new='        bone.lock_location = (bone.name == "root",) * 3\n',
        tests=("tests/addon/test_head.py",),
    ),
    Fault(
        what="a program that ends without closing its link never ends",
        file="shared/channel.py",
        old='name="affekt-channel", daemon=True)',
        new='name="affekt-channel")',
        tests=(
            "tests/test_threads.py",
            "tests/shared/test_channel.py",
            "tests/shared/test_client.py",
            "tests/shared/test_connection.py",
            "tests/shared/test_process.py",
        ),
    ),
    Fault(
        what="Gaussians behind what closes a pixel get gradients from it",
        file="sidecar/raster/gradient.py",
        old="        store(alphas, used * LANES, select_at_most(after, MIN_OPEN, 0.0, alpha))\n",
        new="        store(alphas, used * LANES, alpha)\n",
        tests=(
            "tests/sidecar/raster/test_differentiable.py",
            "tests/sidecar/raster/test_gaussians.py",
            "tests/sidecar/raster/test_parallel.py",
        ),
    ),
    Fault(
        what="what fails for another reason than the disk leaves its unfinished file behind",
        file="shared/replacement.py",
        old=(
            "        replace_file(partial, path)\n"
            "    finally:\n"
            "        with contextlib.suppress(OSError):\n"
            "            partial.unlink(missing_ok=True)\n"
        ),
        new=(
            "        replace_file(partial, path)\n"
            "    except OSError:\n"
            "        with contextlib.suppress(OSError):\n"
            "            partial.unlink(missing_ok=True)\n"
            "        raise\n"
        ),
        tests=(
            "tests/shared/test_replacement.py",
            "tests/shared/test_client.py",
            "tests/shared/test_ledger.py",
            "tests/sidecar/render/test_exr.py",
        ),
    ),
    Fault(
        what="a take's sound begins with the scene, wherever the take does",
        file="addon/motion/importing.py",
        old="channel=channel, frame_start=first_frame",
        new="channel=channel, frame_start=scene.frame_start",
        tests=("tests/addon/test_folders.py",),
    ),
    Fault(
        what="a zstd stream that holds more than it should is cut in silence",
        file="sidecar/avatar/spz.py",
        old="            content = reader.read(size + 1)\n",
        new="            content = reader.read(size)\n",
        tests=("tests/sidecar/avatar/test_spz.py", "tests/sidecar/avatar/test_fuzz.py"),
    ),
    Fault(
        what="over a gap, a head that turned past half a turn goes the long way round",
        file="sidecar/motion/gaps.py",
        old="    other = there * (1 - 2 * np.pi / np.maximum(angle, 1e-6))\n",
        new="    other = there * (1 + 2 * np.pi / np.maximum(angle, 1e-6))\n",
        tests=(
            "tests/sidecar/motion/test_gaps.py",
            "tests/sidecar/motion/test_rotations.py",
            "tests/sidecar/motion/test_timeline.py",
        ),
    ),
    Fault(
        what="a head's pass index holds the frame's number",
        file="sidecar/render/mesh_passes.py",
        old="resolve.where_covered(alpha, self._request.object_index).run()\n",
        new="resolve.where_covered(alpha, index).run()\n",
        tests=(
            "tests/sidecar/render/test_passes.py",
            "tests/sidecar/render/test_exr.py",
            "tests/sidecar/render/test_sequence.py",
            "tests/sidecar/render/test_command.py",
        ),
    ),
    Fault(
        what="the shapes' pictures have width and height swapped",
        file="sidecar/render/adapter_sheets.py",
        old="        width=size[0],\n        height=size[1],\n",
        new="        width=size[1],\n        height=size[0],\n",
        tests=("tests/sidecar/render/test_adapter_sheets.py",),
    ),
    Fault(
        what="reading a take does not keep to the caller's time limit",
        file="shared/client.py",
        old="        answer = self._call(request, MotionRead, timeout_s)\n",
        new="        answer = self._call(request, MotionRead, READ_S)\n",
        tests=("tests/shared/test_client_calls.py",),
    ),
    Fault(
        what="a rendering that is refused for its options is told as a full disk",
        file="sidecar/worker/rendering.py",
        old=(
            '        if error.code != "file.not_writable":\n'
            "            raise\n"
            "        raise JobError("
        ),
        new="        raise JobError(",
        tests=("tests/sidecar/worker/test_jobs.py",),
    ),
    Fault(
        what="the depth over a set is the farther one",
        file="addon/avatar/depth_over.py",
        old='"MINIMUM", (660, -220)',
        new='"MAXIMUM", (660, -220)',
        tests=("tests/addon/test_compositor.py",),
    ),
    Fault(
        what="a job's last reply names the last step's pictures once more",
        file="sidecar/worker/work.py",
        old="    files = () if how else step.files  # the last step was sent already\n",
        new="    files = step.files\n",
        tests=(
            "tests/sidecar/worker/test_work.py",
            "tests/sidecar/worker/test_jobs.py",
            "tests/sidecar/worker/test_process.py",
        ),
    ),
    Fault(
        what="a piece that was read while its job began again costs a credit for ever",
        file="sidecar/server/job_events.py",
        old="            self._credit += 1\n            return None\n",
        new="            return None\n",
        tests=("tests/sidecar/server/test_job_events.py", "tests/sidecar/server/test_jobs.py"),
    ),
    Fault(
        what="a bake of a part of the take comes without the vertices that were asked for",
        file="sidecar/worker/work.py",
        old=(
            "            frames=_frames(request.frames),\n"
            "            wants_vertices=request.vertices,\n"
        ),
        new=(
            "            frames=_frames(request.frames),\n"
            "            wants_vertices=request.vertices and request.frames is None,\n"
        ),
        tests=(
            "tests/sidecar/worker/test_work.py",
            "tests/sidecar/worker/test_jobs.py",
            "tests/sidecar/bake/test_bake.py",
        ),
    ),
    Fault(
        what="the views of an open mouth vote on what is around it too, without its hair",
        file="sidecar/avatar/visible_regions.py",
        old="        view.label[:] = _NONE\n        view.label[mine]",
        new="        view.label[mine]",
        tests=(
            "tests/sidecar/avatar/test_visible_regions.py",
            "tests/sidecar/avatar/test_regions.py",
        ),
    ),
    Fault(
        what="where the system sets no limit of its own, the worker's memory has none",
        file="sidecar/worker/main.py",
        old="    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)\n",
        new="    most = min(most_bytes, hard)\n",
        tests=(
            "tests/sidecar/worker/test_process.py",
            "tests/sidecar/worker/test_work.py",
            "tests/sidecar/test_memory.py",
        ),
    ),
    Fault(
        what="a lone face among frames of several is taken for the first of them",
        file="sidecar/motion/tracking.py",
        old="    counts = {len(rows) for rows in groups.values()}\n",
        new="    counts = {len(rows) for rows in groups.values() if len(rows) > 1}\n",
        tests=(
            "tests/sidecar/motion/test_faces.py",
            "tests/sidecar/motion/test_arkit_json.py",
            "tests/sidecar/motion/test_tables.py",
            "tests/sidecar/motion/test_trackers.py",
        ),
    ),
    Fault(
        what="depths are clamped to a metre before they are compared",
        file="addon/avatar/depth_over.py",
        old="    node.operation, node.location = operation, place\n",
        new="    node.operation, node.location, node.use_clamp = operation, place, True\n",
        tests=("tests/addon/test_compositor.py",),
    ),
    Fault(
        what="an SPZ of version 3 loses its extensions, and with them its axes",
        file="sidecar/avatar/spz.py",
        old="    content = _inflate(data, size + _MAX_EXTENSIONS_BYTES, name)\n",
        new="    content = _inflate(data, size, name)\n",
        tests=(
            "tests/sidecar/avatar/test_spz.py",
            "tests/sidecar/avatar/test_fuzz.py",
            "tests/sidecar/avatar/test_sources.py",
        ),
    ),
    Fault(
        what="of two faces at the same place the later one is seen",
        file="sidecar/raster/mesh.py",
        old="                if nearness > near_out[row, column]:\n",
        new="                if nearness >= near_out[row, column]:\n",
        tests=(
            "tests/sidecar/raster/test_mesh.py",
            "tests/sidecar/raster/test_mesh_attributes.py",
            "tests/sidecar/raster/test_pytorch3d.py",
            "tests/sidecar/raster/test_oversample.py",
        ),
    ),
)
