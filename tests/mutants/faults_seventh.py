# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty in functions that were drawn by chance from the whole code, by a reader who knew no
test."""

from __future__ import annotations

from .fault import Fault

SEVENTH = (
    Fault(
        what="a null in a key is passed over in silence",
        file="shared/emotion_keys.py",
        old='            if name != "frame":\n',
        new='            if name != "frame" and value is not None:\n',
        tests=("tests/shared/test_emotion_keys.py",),
    ),
    Fault(
        what="an error of a piece on a helping thread is lost",
        file="sidecar/raster/parallel.py",
        old="            future.result()\n",
        new="            future.exception()\n",
        tests=("tests/sidecar/raster/test_parallel.py",),
    ),
    Fault(
        what="left handles are wrong where keys are unevenly far apart",
        file="shared/curves.py",
        old="    return right / ratio, right\n",
        new="    return right * ratio, right\n",
        tests=("tests/shared/test_curves.py", "tests/addon/test_curves_in_blender.py"),
    ),
    Fault(
        what="tables of SPZ version 4 may unpack to far more than the file can hold",
        file="sidecar/avatar/spz.py",
        old="    _check_ratio(sum(sizes), data, name)\n    tables, end = [], first\n",
        new="    tables, end = [], first\n",
        tests=("tests/sidecar/avatar/test_spz.py", "tests/sidecar/avatar/test_fuzz.py"),
    ),
    Fault(
        what="a step answers with the state from before it",
        file="shared/supervisor.py",
        old="""\
        if self.state not in (SupervisorState.OFF, SupervisorState.FAILED):
            try:
                self._advance()
            except AffektError as error:
                self._lose(error)
        return self.state
""",
        new="""\
        state = self.state
        if state not in (SupervisorState.OFF, SupervisorState.FAILED):
            try:
                self._advance()
            except AffektError as error:
                self._lose(error)
        return state
""",
        tests=("tests/shared/test_supervisor.py", "tests/shared/test_supervised_sidecar.py"),
    ),
    Fault(
        what="a disk that fails under a whole artefact is a bare OSError",
        file="sidecar/cache/user.py",
        old="""\
        with disk.disk_errors():
            path = self._whole_file(sha256)
        if path is None:
            raise _no_artefact(name)
""",
        new="""\
        path = self._whole_file(sha256)
        if path is None:
            raise _no_artefact(name)
""",
        tests=(
            "tests/sidecar/cache/test_failing_disk.py",
            "tests/sidecar/cache/test_user.py",
            "tests/sidecar/cache/test_use.py",
            "tests/faults/test_disk.py",
        ),
    ),
    Fault(
        what="how far the lips' closers may go is not in a chunk's key",
        file="sidecar/bake/recipe.py",
        old="        modulator.lip_closers,\n",
        new="        tuple(modulator.lip_closers),\n",
        tests=("tests/sidecar/bake/test_recipe.py", "tests/sidecar/bake/test_bake.py"),
    ),
    Fault(
        what="a compressed PLY from before 2025, without bounds of colours, is refused",
        file="sidecar/avatar/compressed_ply.py",
        old='rgb, name) if "min_r" in chunk else rgb.copy(),\n',
        new="rgb, name) if chunk else rgb.copy(),\n",
        tests=("tests/sidecar/avatar/test_compressed_ply.py", "tests/sidecar/avatar/test_ply.py"),
    ),
    Fault(
        what="colours are multiplied by alpha once more: edges of hair turn dark",
        file="addon/avatar/depth_over.py",
        old="    background, foreground = compat.alpha_over_inputs(node)\n",
        new="""\
    compat.set_node_option(node, "use_premultiply", "Straight Alpha", True)
    background, foreground = compat.alpha_over_inputs(node)
""",
        tests=("tests/addon/test_compositor.py", "tests/addon/test_passes_in_blender.py"),
    ),
    Fault(
        what="from degree 2 on harmonics are taken in the order of their names as text",
        file="sidecar/avatar/compressed_ply.py",
        old='    names = [f"f_rest_{k}" for k in range(len(columns))]\n',
        new="    names = sorted(columns)\n",
        tests=("tests/sidecar/avatar/test_compressed_ply.py", "tests/sidecar/avatar/test_ply.py"),
    ),
    Fault(
        what="a message is taken even if its kind is not among those that may come",
        file="shared/wire.py",
        old="    kind = kinds.get(header.type)\n",
        new="    kind = kinds.get(header.type) or MESSAGES.get(header.type)\n",
        tests=(
            "tests/shared/test_wire.py",
            "tests/shared/test_schema.py",
            "tests/sidecar/server/test_server.py",
        ),
    ),
    Fault(
        what="an adapter whose path is relative to the blend file is not found",
        file="addon/avatar/rendering.py",
        old="    adapter = Path(bpy.path.abspath(chosen.adapter)) if chosen.adapter",
        new="    adapter = Path(chosen.adapter) if chosen.adapter",
        tests=("tests/addon/test_panels.py",),
    ),
    Fault(
        what="the watch does not hear that a worker has loaded: an idle one is killed",
        file="sidecar/server/server.py",
        old="            self._watch.ready()\n            self._scheduler.worker_ready()\n",
        new="            self._scheduler.worker_ready()\n",
        tests=("tests/sidecar/server/test_server.py",),
    ),
    Fault(
        what="a take in several files has the identity of the first of them",
        file="sidecar/motion/records.py",
        old="        shape=_mean(np.stack(shapes)) if shapes else None,\n",
        new="        shape=shapes[0] if shapes else None,\n",
        tests=(
            "tests/sidecar/motion/test_folder.py",
            "tests/sidecar/motion/test_trackers.py",
            "tests/sidecar/motion/test_read.py",
        ),
    ),
    Fault(
        what="buffers of a block that failed are never free again: the next ones hang",
        file="sidecar/head/forward.py",
        old="""\
            try:
                compute(motion, block[0], filled)
            finally:
                self._idle.put(compute)
            return filled
""",
        new="""\
            compute(motion, block[0], filled)
            self._idle.put(compute)
            return filled
""",
        tests=("tests/sidecar/head/test_forward.py",),
    ),
    Fault(
        what="a take may hold infinite numbers",
        file="shared/motion.py",
        old="    if not np.isfinite(values).all():\n",
        new="    if np.isnan(values).any():\n",
        tests=("tests/shared/test_motion_nouns.py", "tests/sidecar/motion/test_read.py"),
    ),
    Fault(
        what="the edges of the lids are not among the features",
        file="sidecar/adapter/features.py",
        old="    found |= _eyes(head, skin, rest, eyes)\n",
        new="",
        tests=("tests/sidecar/adapter/test_features.py",),
    ),
    Fault(
        what="chunks of an artefact in parts are read unchecked: damaged bytes go out",
        file="sidecar/cache/user.py",
        old="""\
            elif self._chunk_length(piece.key) is None:
                return None
            else:
                with self.chunk_path""",
        new="""\
            else:
                with self.chunk_path""",
        tests=(
            "tests/sidecar/cache/test_user.py",
            "tests/sidecar/cache/test_parts.py",
            "tests/sidecar/cache/test_use.py",
        ),
    ),
    Fault(
        what="a worker that is too large before its first order is killed again and again",
        file="sidecar/server/watch.py",
        old="        if pid is None or not self._has_worked or self._now() < self._look_at:\n",
        new="        if pid is None or self._now() < self._look_at:\n",
        tests=("tests/sidecar/server/test_watch.py",),
    ),
    Fault(
        what="a chunk that another process removes meanwhile ends the bake",
        file="sidecar/bake/bake.py",
        old="""\
    try:
        return np.frombuffer(b"".join(store.part_blocks(part)), "<f4").reshape(shape)
    except LinkError:  # another process has removed it since it was found
        return None
""",
        new="""\
    return np.frombuffer(b"".join(store.part_blocks(part)), "<f4").reshape(shape)
""",
        tests=(
            "tests/sidecar/bake/test_bake.py",
            "tests/sidecar/bake/test_store.py",
            "tests/sidecar/bake/test_killed_chunks.py",
        ),
    ),
    Fault(
        what="of 70 landmarks the first two go, not the last two",
        file="sidecar/head/flame/landmarks.py",
        old="        return _checked(full[0][:68], full[1][:68], label, faces)\n",
        new="        return _checked(full[0][-68:], full[1][-68:], label, faces)\n",
        tests=("tests/sidecar/head/flame/test_read.py", "tests/sidecar/head/test_read.py"),
    ),
    Fault(
        what="the sidecar listens on every address of the machine",
        file="sidecar/server/sockets.py",
        old="""        socket.bind(f"tcp://{host}:{'*' if port is None else port}")\n""",
        new="""        socket.bind(f"tcp://*:{'*' if port is None else port}")\n""",
        tests=(
            "tests/sidecar/server/test_sockets.py",
            "tests/sidecar/server/test_security.py",
            "tests/sidecar/server/test_remote.py",
            "tests/sidecar/server/test_server.py",
        ),
    ),
    Fault(
        what="a LAM bundle with its folder in the zip is said to stand still",
        file="shared/avatar_files.py",
        old="        return not any(name.endswith(moving) for name in _names_in(data))\n",
        new="        return not any(name in moving for name in _names_in(data))\n",
        tests=("tests/shared/test_avatar_files.py",),
    ),
    Fault(
        what="an answer that is too long is waited for until the time is up",
        file="sidecar/quarantine/process.py",
        old="        if self.too_long:\n            return True\n",
        new="",
        tests=("tests/sidecar/quarantine/test_safety.py", "tests/sidecar/quarantine/test_trees.py"),
    ),
    Fault(
        what="on Windows a process of another user counts as ended",
        file="shared/alive.py",
        old="        return ctypes.get_last_error() == 5  # type: ignore[attr-defined]"
        "  # ERROR_ACCESS_DENIED\n",
        new="        return False\n",
        tests=("tests/shared/test_alive.py", "tests/test_platforms.py"),
    ),
    Fault(
        what="the matrices that only a built adapter has may be of any shape or no numbers",
        file="sidecar/motion/adapter.py",
        old="        known = _SHAPES if self.weight_root is None else _SHAPES | _BUILT\n"
        "        for name, shape in known.items():\n",
        new="        for name, shape in _SHAPES.items():\n",
        tests=("tests/sidecar/motion/test_adapter.py", "tests/sidecar/adapter/test_build.py"),
    ),
    Fault(
        what="a take whose first frame is repeated begins a frame before its start",
        file="sidecar/motion/grid.py",
        old="        before = out[row - 2] if row > 1 else place - 1\n",
        new="        before = out[row - 2] if row > 1 else place - 2\n",
        tests=("tests/sidecar/motion/test_grid.py",),
    ),
    Fault(
        what="a zip with a second copy of the avatar in a deeper folder is refused",
        file="sidecar/avatar/archive.py",
        old="    if len(nearest) > 1:\n",
        new="    if len(matches) > 1:\n",
        tests=(
            "tests/sidecar/avatar/test_lam.py",
            "tests/sidecar/avatar/test_sog.py",
            "tests/sidecar/avatar/test_open_avatar.py",
        ),
    ),
    Fault(
        what="the fraction of --cache-gb is cut off: half a gigabyte is none",
        file="sidecar/commands/serve.py",
        old="        return int(self.cache_gb * 1e9)\n",
        new="        return int(self.cache_gb) * 1_000_000_000\n",
        tests=("tests/sidecar/commands/test_options.py", "tests/sidecar/commands/test_serve.py"),
    ),
    Fault(
        what="a second task ends the one that is under way",
        file="addon/link/tasks.py",
        old="""\
    if _running is not None:
        raise JobError(
            "job.busy", f"{_running.label} is still under way.", "Wait for it, or press Esc."
        )
    _running = task
""",
        new="""\
    end_task()
    _running = task
""",
        tests=(
            "tests/addon/test_requests.py",
            "tests/addon/test_wrapping.py",
            "tests/addon/test_panels.py",
            "tests/addon/test_animator_path.py",
        ),
    ),
)
