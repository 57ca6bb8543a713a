# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, drawn with Python's `random` and seed 1313 from the functions of more than four
lines of `shared/` and the sidecar's rooms that compute, ordered by file and line: the first thirty
that had no fault yet, at most two in a file, in the order drawn; none was left out. All were
written from the functions' code before a test was looked at.
"""

from __future__ import annotations

from .fault import Fault

THIRTEENTH = (
    Fault(
        what="a file whose first bytes are nested without end stops the program",
        file="shared/avatar_files.py",
        old="except (ValueError, RecursionError, TypeError, KeyError):",
        new="except (ValueError, TypeError, KeyError):",
        tests=(
            "tests/shared/test_avatar_files.py",
            "tests/sidecar/avatar/test_sources.py",
            "tests/sidecar/avatar/test_command.py",
        ),
    ),
    Fault(
        what="errors name a take by its SHA-256 rather than by its file",
        file="sidecar/worker/work.py",
        old="""\
        name=request.name,
        adapter=_optional(request.adapter, "the adapter", user),
""",
        new="""\
        name=request.motion,
        adapter=_optional(request.adapter, "the adapter", user),
""",
        tests=(
            "tests/sidecar/worker/test_work.py",
            "tests/sidecar/worker/test_client_files.py",
            "tests/sidecar/worker/test_jobs.py",
            "tests/sidecar/worker/test_flame_heads.py",
            "tests/sidecar/worker/test_inputs.py",
        ),
    ),
    Fault(
        what="a take of ARKit's on a FLAME head counts as needing no adapter",
        file="sidecar/render/shot.py",
        old="return motion.space != space and bool({motion.space, space} & set(FLAME_SPACES))",
        new="return motion.space != space and motion.space in FLAME_SPACES",
        tests=(
            "tests/sidecar/render/test_shot.py",
            "tests/sidecar/render/test_command.py",
            "tests/sidecar/worker/test_warming.py",
            "tests/sidecar/worker/test_avatars.py",
        ),
    ),
    Fault(
        what="LiteRT's own lines go to the user's terminal",
        file="sidecar/portrait/networks.py",
        old="        with _quiet():\n            self._interpreter.invoke()\n",
        new="        self._interpreter.invoke()\n",
        tests=(
            "tests/sidecar/portrait/test_seeing.py",
            "tests/sidecar/portrait/test_making.py",
            "tests/sidecar/commands/test_portrait.py",
        ),
    ),
    Fault(
        what="an event of a preview is told again at each call",
        file="shared/previews.py",
        old="taken, self._events = self._events, {}",
        new="taken = dict(self._events)",
        tests=(
            "tests/shared/test_previews.py",
            "tests/shared/test_preview_memory.py",
            "tests/shared/test_client.py",
            "tests/sidecar/server/test_previews.py",
        ),
    ),
    Fault(
        what="a modulator's pairs may be of three",
        file="sidecar/modulation/weights.py",
        old="not isinstance(pair, list) or len(pair) != 2 for pair in pairs",
        new="not isinstance(pair, list) or len(pair) < 2 for pair in pairs",
        tests=(
            "tests/sidecar/modulation/test_weights.py",
            "tests/sidecar/modulation/test_shipped.py",
            "tests/sidecar/modulation/test_contact.py",
        ),
    ),
    Fault(
        what="the chart's depth is the height",
        file="sidecar/avatar/face_chart.py",
        old="values = np.concatenate([region, normals, 1e3 * points[:, 2:], head.colour], 1)",
        new="values = np.concatenate([region, normals, 1e3 * points[:, 1:2], head.colour], 1)",
        tests=(
            "tests/sidecar/avatar/test_face_chart.py",
            "tests/sidecar/avatar/test_own_wrinkles.py",
            "tests/sidecar/lab/skin/test_made_skins.py",
        ),
    ),
    Fault(
        what="where times are repeated it is not said that they were also out of order",
        file="sidecar/motion/timeline.py",
        old="order=order, notes=(*notes, said))",
        new="order=order, notes=(said,))",
        tests=(
            "tests/sidecar/motion/test_timeline.py",
            "tests/sidecar/motion/test_timeline_disorder.py",
            "tests/sidecar/motion/test_timeline_rates.py",
            "tests/sidecar/motion/test_gaps.py",
            "tests/sidecar/motion/test_field.py",
        ),
    ),
    Fault(
        what="a pixel in which two regions meet is shaded as the one in its middle",
        file="sidecar/render/shade.py",
        old="if index < 0 or label[index] != label[first]:",
        new="if index < 0:",
        tests=(
            "tests/sidecar/render/test_shade.py",
            "tests/sidecar/render/test_mesh_passes.py",
            "tests/sidecar/render/test_passes.py",
            "tests/sidecar/worker/test_previews.py",
        ),
    ),
    Fault(
        what="a pixel counts by its width rather than by its area",
        file="sidecar/avatar/visible_regions.py",
        old="weight = (cube[1] / self.size) ** 2 *",
        new="weight = (cube[1] / self.size) *",
        tests=(
            "tests/sidecar/avatar/test_visible_regions.py",
            "tests/sidecar/avatar/test_regions.py",
        ),
    ),
    Fault(
        what="Gaussians on an ARKit rig are seen from behind too",
        file="sidecar/render/gaussian_passes.py",
        old="return np.full(len(avatar), avatar.surface is None)",
        new="return np.ones(len(avatar), np.bool_)",
        tests=(
            "tests/sidecar/render/test_gaussian_passes.py",
            "tests/sidecar/render/test_resolve.py",
            "tests/sidecar/render/test_passes.py",
            "tests/sidecar/render/test_opaque_core.py",
        ),
    ),
    Fault(
        what="the gradient by a quaternion is that by one of length 1",
        file="sidecar/raster/gradient.py",
        old="scale = 2.0 / length",
        new="scale = 2.0",
        tests=("tests/sidecar/raster/test_differentiable.py",),
    ),
    Fault(
        what="nothing that is remembered is given up when memory runs out",
        file="sidecar/worker/main.py",
        old="forget=MEMORY.forget,",
        new="forget=lambda: None,",
        tests=(
            "tests/sidecar/worker/test_main.py",
            "tests/sidecar/worker/test_process.py",
            "tests/sidecar/worker/test_failures.py",
            "tests/sidecar/worker/test_work.py",
        ),
    ),
    Fault(
        what="the weight that may be meant is named in small letters",
        file="sidecar/motion/columns.py",
        old="f\"Did you mean '{ARKIT_NAMES[WEIGHTS[near[0]]]}'?\"",
        new="f\"Did you mean '{near[0]}'?\"",
        tests=(
            "tests/sidecar/motion/test_columns.py",
            "tests/sidecar/motion/test_arkit_json.py",
            "tests/sidecar/motion/test_livelink.py",
            "tests/sidecar/motion/test_read.py",
            "tests/sidecar/motion/test_tables.py",
        ),
    ),
    Fault(
        what="what has the background's colour on a person counts as background anywhere",
        file="sidecar/portrait/masks.py",
        old="    stray &= np.isin(pieces, np.unique(pieces[outside > 0]))\n",
        new="",
        tests=("tests/sidecar/portrait/test_masks.py", "tests/sidecar/portrait/test_matte.py"),
    ),
    Fault(
        what="a motion loses the shape that it is made with",
        file="shared/motion.py",
        old="""\
    arrays["shape"] = np.zeros(300, np.float32)
    arrays.update(others)
""",
        new="""\
    arrays.update(others)
    arrays["shape"] = np.zeros(300, np.float32)
""",
        tests=(
            "tests/shared/test_motion_nouns.py",
            "tests/shared/test_recipes.py",
            "tests/shared/test_take_files.py",
            "tests/sidecar/head/test_forward.py",
            "tests/sidecar/motion/test_write.py",
        ),
    ),
    Fault(
        what="a beard is kept below the jaw, and behind it, where it is not both",
        file="sidecar/portrait/colours.py",
        old="off = np.maximum(off, (_BEARD_LOW_M - places[:, 1]) / _BEARD_FADE_M)",
        new="off = np.minimum(off, (_BEARD_LOW_M - places[:, 1]) / _BEARD_FADE_M)",
        tests=(
            "tests/sidecar/portrait/test_colours.py",
            "tests/sidecar/portrait/test_further.py",
            "tests/sidecar/portrait/test_completion.py",
        ),
    ),
    Fault(
        what="a bundle whose nodes have lists for children stops the program",
        file="sidecar/avatar/glb.py",
        old="""\
            if isinstance(child, int):
                parents[child] = index
""",
        new="            parents[child] = index\n",
        tests=(
            "tests/sidecar/avatar/test_lam.py",
            "tests/sidecar/avatar/test_glb.py",
            "tests/sidecar/avatar/test_fuzz.py",
        ),
    ),
    Fault(
        what="an artefact of parts that is in use counts as the oldest",
        file="sidecar/cache/user.py",
        old="        disk.touch(path)\n        return manifest\n",
        new="        return manifest\n",
        tests=(
            "tests/sidecar/cache/test_user.py",
            "tests/sidecar/cache/test_eviction.py",
            "tests/sidecar/cache/test_parts.py",
            "tests/sidecar/cache/test_use.py",
            "tests/sidecar/cache/test_uploads.py",
            "tests/sidecar/cache/test_failing_disk.py",
            "tests/sidecar/cache/test_disk.py",
        ),
    ),
    Fault(
        what="what is unclear on a character's first mesh is forgotten at the second",
        file="shared/character_names.py",
        old="        unclear += open_shapes\n",
        new="        unclear = list(open_shapes)\n",
        tests=("tests/shared/test_character_names.py", "tests/shared/test_character_mapping.py"),
    ),
    Fault(
        what="an avatar on an ARKit rig is moved by the open head's numbers",
        file="sidecar/worker/previews.py",
        old="""\
    if isinstance(avatar.surface, ArkitRig):
        return "arkit"
    return None if avatar.surface is None else avatar.surface.space
""",
        new="    return avatar.surface.space if isinstance(avatar.surface, HeadModel) else None\n",
        tests=("tests/sidecar/worker/test_previews.py", "tests/sidecar/worker/test_warming.py"),
    ),
    Fault(
        what="kept bindings to vertices that are not there are taken",
        file="sidecar/avatar/seen_bindings.py",
        old="""\
        if anchors is None or anchors.shape != avatar.anchors.shape:
            return False
        return are_indices(anchors, len(avatar.vertices))
""",
        new="        return anchors is not None and anchors.shape == avatar.anchors.shape\n",
        tests=("tests/sidecar/avatar/test_seen_bindings.py",),
    ),
    Fault(
        what="a Gaussian may be bound to the face after the last",
        file="sidecar/avatar/gaussian_avatars.py",
        old="values.max() >= faces + TEETH_FACES:",
        new="values.max() > faces + TEETH_FACES:",
        tests=(
            "tests/sidecar/avatar/test_gaussian_avatars.py",
            "tests/sidecar/avatar/test_sources.py",
            "tests/sidecar/avatar/test_fuzz.py",
        ),
    ),
    Fault(
        what="a bone of a lesser name makes the right one unclear",
        file="shared/character_bones.py",
        old="tuple(name for rank, name in several if rank == least)",
        new="tuple(name for rank, name in several if rank >= least)",
        tests=("tests/shared/test_character_names.py",),
    ),
    Fault(
        what="a cache folder that cannot be read is an error of the program's",
        file="sidecar/cache/user.py",
        old="""\
        with disk.disk_errors():
            size = self._whole_size(sha256)
        if size is not None:
""",
        new="""\
        size = self._whole_size(sha256)
        if size is not None:
""",
        tests=(
            "tests/sidecar/cache/test_failing_disk.py",
            "tests/sidecar/cache/test_user.py",
            "tests/sidecar/cache/test_use.py",
            "tests/sidecar/server/test_transfers.py",
        ),
    ),
    Fault(
        what="between two frames of a take's rate amplitudes change evenly, not weights",
        file="sidecar/modulation/modulator.py",
        old="""\
        weights = at(lambda frames: track.weights[frames])
        keep_closed = at(lambda frames: track.keep_closed[frames, None])[:, 0]
        cues = emotion_cues(_performed(weights, modulator), modulator.variants, keep_closed)
""",
        new="""\
        weights = at(lambda frames: _performed(track.weights[frames], modulator))
        keep_closed = at(lambda frames: track.keep_closed[frames, None])[:, 0]
        cues = emotion_cues(weights, modulator.variants, keep_closed)
""",
        tests=(
            "tests/sidecar/modulation/test_modulator.py",
            "tests/sidecar/modulation/test_strength.py",
            "tests/sidecar/modulation/test_shipped.py",
            "tests/sidecar/bake/test_bake.py",
        ),
    ),
    Fault(
        what="of two numbers in a name that change the last counts the frames",
        file="sidecar/motion/numbering.py",
        old="    return changing[0]\n",
        new="    return changing[-1]\n",
        tests=(
            "tests/sidecar/motion/test_numbering.py",
            "tests/sidecar/motion/test_folder.py",
            "tests/sidecar/motion/test_trees.py",
            "tests/sidecar/motion/test_imavatar.py",
            "tests/sidecar/motion/test_timeline.py",
            "tests/sidecar/motion/test_field.py",
        ),
    ),
    Fault(
        what="an order to a worker that has just died stops the server",
        file="sidecar/server/worker_process.py",
        old="""\
            with contextlib.suppress(zmq.ZMQError):
                self._sockets.worker.send_multipart(
""",
        new="""\
            with contextlib.suppress(zmq.Again):
                self._sockets.worker.send_multipart(
""",
        tests=(
            "tests/sidecar/server/test_worker_process.py",
            "tests/sidecar/server/test_server.py",
            "tests/sidecar/server/test_server_alone.py",
        ),
    ),
    Fault(
        what="who comes newly is served before those that wait",
        file="sidecar/server/round_robin.py",
        old="self._served.get(key) or self._next()",
        new="self._served.get(key, 0)",
        tests=(
            "tests/sidecar/server/test_round_robin.py",
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
            "tests/sidecar/server/test_scheduler_orders.py",
        ),
    ),
    Fault(
        what="a rendering of a take's end has the appearance of its beginning",
        file="sidecar/commands/appearance.py",
        old="track.appearance[-frames:]",
        new="track.appearance[:frames]",
        tests=("tests/sidecar/commands/test_appearance.py", "tests/sidecar/render/test_command.py"),
    ),
)
