# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, in those functions of the core, none of which had a fault yet, whose failure would
hurt a user most: at most two in a file, spread over its rooms. They were chosen and written from
the functions' code, by somebody who had never seen the tests.
"""

from __future__ import annotations

from .fault import Fault

FOURTEENTH = (
    Fault(
        what="strengths weigh the take's weights, before the calibration mixes them",
        file="shared/character_mapping.py",
        old="""\
        rows = weights if self.calibration is None else calibrated(weights, self.calibration)
        return np.asarray(rows * self.strengths, np.float32)
""",
        new="""\
        rows = np.asarray(weights * self.strengths, np.float32)
        return rows if self.calibration is None else calibrated(rows, self.calibration)
""",
        tests=("tests/shared/test_character_mapping.py", "tests/sidecar/avatar/test_character.py"),
    ),
    Fault(
        what="the times of a written take run at a whole rate, so that 29.97 drifts",
        file="shared/take_files.py",
        old='"time": i / motion.fps,',
        new='"time": i / round(motion.fps),',
        tests=(
            "tests/shared/test_take_files.py",
            "tests/sidecar/motion/test_write.py",
            "tests/sidecar/motion/test_own_bakes.py",
            "tests/sidecar/motion/test_layouts.py",
        ),
    ),
    Fault(
        what="a shape that a rig spreads over the face counts as reaching its size",
        file="shared/calibration.py",
        old="size = float(np.linalg.norm(got[here]))",
        new="size = float(np.linalg.norm(got))",
        tests=(
            "tests/shared/test_calibration.py",
            "tests/sidecar/avatar/test_calibration.py",
            "tests/shared/test_character_mapping.py",
        ),
    ),
    Fault(
        what="a person's left eye gets the ways of the right one's lids",
        file="shared/personal_head.py",
        old="[:, None] * [-1, 1] + [1, 0]",
        new="[:, None] * [1, -1] + [0, 1]",
        tests=("tests/shared/test_personal_head.py",),
    ),
    Fault(
        what="the first trace of an emotion that opens lips opens them wholly",
        file="shared/emotion.py",
        old="np.maximum(weights.sum(-1), _WHOLLY_OPENER)",
        new="np.maximum(weights.sum(-1), 1e-9)",
        tests=(
            "tests/shared/test_motion_nouns.py",
            "tests/sidecar/modulation/test_contact.py",
            "tests/sidecar/modulation/test_modulator.py",
            "tests/shared/test_emotion_keys.py",
        ),
    ),
    Fault(
        what="pictures through a moving camera are kept when it moves otherwise",
        file="shared/recipes.py",
        old="request.camera_at(index) if request.cameras else None]",
        new="request.camera_at(0) if request.cameras else None]",
        tests=("tests/shared/test_recipes.py",),
    ),
    Fault(
        what="a head whose motion begins at the origin stands still in what the sidecar renders",
        file="shared/conversions.py",
        old="is_identity = len(matrices) == 1 and (matrices[0] == np.eye(4)).all()",
        new="is_identity = bool((matrices[0] == np.eye(4)).all())",
        tests=(
            "tests/shared/test_conversions.py",
            "tests/shared/test_pictures.py",
            "tests/shared/test_client_calls.py",
            "tests/sidecar/worker/test_jobs.py",
        ),
    ),
    Fault(
        what="an identity further than three deviations from the mean is cut off",
        file="sidecar/head/forward.py",
        old="shaped = self.shaped(shape)\n",
        new="shaped = self.shaped(shape.clamp(-3, 3))\n",
        tests=(
            "tests/sidecar/head/test_forward.py",
            "tests/sidecar/head/test_open_head.py",
            "tests/sidecar/head/test_skinning.py",
            "tests/sidecar/head/flame/test_read.py",
        ),
    ),
    Fault(
        what="a block's shapes are added to those of the block before",
        file="sidecar/head/skinning.py",
        old="        out[row] = 0\n        for entry",
        new="        for entry",
        tests=(
            "tests/sidecar/head/test_skinning.py",
            "tests/sidecar/head/test_forward.py",
            "tests/sidecar/head/test_open_head.py",
            "tests/sidecar/bake/test_bake.py",
        ),
    ),
    Fault(
        what="the joints of a hand are taken for jaw and eyes",
        file="sidecar/motion/smplx.py",
        old="held = _JOINTS if count == _JOINTS else _BODY_JOINTS",
        new="held = count",
        tests=(
            "tests/sidecar/motion/test_formats.py",
            "tests/sidecar/motion/test_layouts.py",
            "tests/sidecar/motion/test_trackers.py",
        ),
    ),
    Fault(
        what="a missing value is filled by the number of the row, not by its time",
        file="sidecar/motion/gaps.py",
        old="    at = places[seen.faces]\n",
        new="    at = np.flatnonzero(seen.faces).astype(np.float64)\n",
        tests=(
            "tests/sidecar/motion/test_gaps.py",
            "tests/sidecar/motion/test_timeline.py",
            "tests/sidecar/motion/test_field.py",
        ),
    ),
    Fault(
        what="the codes that drop-frame leaves out are counted from the take's first second",
        file="sidecar/motion/timecodes.py",
        old="        minutes = seconds // 60\n",
        new="        minutes = (seconds - seconds[0]) // 60\n",
        tests=(
            "tests/sidecar/motion/test_timecodes.py",
            "tests/sidecar/motion/test_timeline_rates.py",
            "tests/sidecar/motion/test_livelink.py",
        ),
    ),
    Fault(
        what="one stray frame far away makes a take in metres one in centimetres",
        file="sidecar/motion/units.py",
        old="middle = float(np.median(away)) if len(away) else 0.0",
        new="middle = float(away.max()) if len(away) else 0.0",
        tests=("tests/sidecar/motion/test_units.py", "tests/sidecar/motion/test_field.py"),
    ),
    Fault(
        what="frames in which a tracker lost the face are a neutral face",
        file="sidecar/motion/records.py",
        old="np.full_like(values, np.nan) for key",
        new="np.zeros_like(values) for key",
        tests=(
            "tests/sidecar/motion/test_records.py",
            "tests/sidecar/motion/test_layouts.py",
            "tests/sidecar/motion/test_formats.py",
            "tests/sidecar/motion/test_folder.py",
            "tests/sidecar/motion/test_faces.py",
            "tests/sidecar/motion/test_trackers.py",
        ),
    ),
    Fault(
        what="the map of a point from head to head is transposed",
        file="sidecar/adapter/transfer.py",
        old='"nij,nkj->kni"',
        new='"nji,nkj->kni"',
        tests=("tests/sidecar/adapter/test_parts.py",),
    ),
    Fault(
        what="lips that are closed where a take begins or ends count as closed by speech",
        file="sidecar/modulation/contact.py",
        old="padded = np.pad(gap, reach, constant_values=-np.inf)",
        new="padded = np.pad(gap, reach, constant_values=np.inf)",
        tests=(
            "tests/sidecar/modulation/test_contact.py",
            "tests/sidecar/modulation/test_modulator.py",
        ),
    ),
    Fault(
        what="a mixture of emotions is as weak as its sum is large",
        file="sidecar/modulation/strength.py",
        old="largest = weights.max(1, initial=0)",
        new="largest = weights.sum(1)",
        tests=(
            "tests/sidecar/modulation/test_strength.py",
            "tests/sidecar/modulation/test_modulator.py",
        ),
    ),
    Fault(
        what="an emotion opens no lips that the take holds, whatever 'keep closed' says",
        file="sidecar/modulation/modulator.py",
        old="yielding = either(next(slow), kept * next(slow))",
        new="yielding = either(next(slow), next(slow))",
        tests=(
            "tests/sidecar/modulation/test_modulator.py",
            "tests/sidecar/modulation/test_contact.py",
            "tests/sidecar/modulation/test_shipped.py",
        ),
    ),
    Fault(
        what="the head's turn is laid on the neck's",
        file="sidecar/avatar/animated_mesh.py",
        old="return (whole * Rotation.from_rotvec(motion.neck.astype(np.float64))).as_rotvec()",
        new="return (Rotation.from_rotvec(motion.neck.astype(np.float64)) * whole).as_rotvec()",
        tests=("tests/sidecar/avatar/test_drive.py", "tests/sidecar/avatar/test_calibration.py"),
    ),
    Fault(
        what="of two neck joints the upper one carries the lower",
        file="sidecar/avatar/lam.py",
        old="order = [*reversed(necks), head]",
        new="order = [*necks, head]",
        tests=("tests/sidecar/avatar/test_lam.py", "tests/sidecar/avatar/test_drive.py"),
    ),
    Fault(
        what="a take that begins flushed begins pale",
        file="sidecar/avatar/flush.py",
        old="before = np.repeat(wanted[:1], len(kernel) - 1, 0)",
        new="before = np.zeros((len(kernel) - 1, len(ZONES)))",
        tests=("tests/sidecar/avatar/test_flush.py", "tests/sidecar/avatar/test_wrinkles.py"),
    ),
    Fault(
        what="an axis turned by half a turn about z comes out turned the other way",
        file="sidecar/avatar/kernels.py",
        old="w, x, y = m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]",
        new="w, x, y = m[0, 1] - m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]",
        tests=("tests/sidecar/avatar/test_drive.py",),
    ),
    Fault(
        what="light above white is not decoded",
        file="sidecar/raster/colour.py",
        old="light = ((value + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)",
        new="light = value",
        tests=("tests/sidecar/raster/test_colour.py", "tests/sidecar/render/test_images.py"),
    ),
    Fault(
        what="where the head stands in the world is applied before the avatar is moved to it",
        file="sidecar/render/shot.py",
        old="world_from_head=request.world_from_head @ moved",
        new="world_from_head=moved @ request.world_from_head",
        tests=("tests/sidecar/render/test_shot.py", "tests/sidecar/render/test_passes.py"),
    ),
    Fault(
        what="what a camera file says of all frames overrides what it says of one",
        file="sidecar/render/camera_file.py",
        old="_camera({**given, **rest}, path)",
        new="_camera({**rest, **given}, path)",
        tests=("tests/sidecar/render/test_camera_file.py",),
    ),
    Fault(
        what="hair that stands above the mesh is cut off by the portrait",
        file="sidecar/render/portrait.py",
        old="return _without_edge(subject.vertices, max(top, float(subject.vertices[:, 1].max())))",
        new="return _without_edge(subject.vertices, min(top, float(subject.vertices[:, 1].max())))",
        tests=(
            "tests/sidecar/render/test_portrait.py",
            "tests/sidecar/render/test_shot.py",
            "tests/sidecar/render/test_drawer.py",
            "tests/sidecar/render/test_images.py",
        ),
    ),
    Fault(
        what="a part of a take that was baked turns its head as the take's beginning does",
        file="sidecar/bake/bake.py",
        old="_with_numbers(self._prepared.motion, self.frames, numbers[1])",
        new="_with_numbers(self._prepared.motion, range(len(self.frames)), numbers[1])",
        tests=(
            "tests/sidecar/bake/test_bake.py",
            "tests/sidecar/bake/test_output.py",
            "tests/sidecar/commands/test_bake.py",
        ),
    ),
    Fault(
        what="the change of a chunk is taken against the take's beginning",
        file="sidecar/bake/take.py",
        old="cut = cut_motion(prepared.before, frames.start, frames.stop)",
        new="cut = cut_motion(prepared.before, 0, len(frames))",
        tests=("tests/sidecar/bake/test_bake.py", "tests/sidecar/bake/test_output.py"),
    ),
    Fault(
        what="pictures that a rendering goes on from count as long unused",
        file="sidecar/cache/user.py",
        old="""\
            for entry in os.scandir(folder):
                disk.touch(Path(entry.path))
""",
        new="",
        tests=(
            "tests/sidecar/cache/test_user.py",
            "tests/sidecar/cache/test_use.py",
            "tests/sidecar/cache/test_eviction.py",
        ),
    ),
    Fault(
        what="a preview's skin wrinkles as in the first row that came along",
        file="sidecar/worker/previews.py",
        old="float(track.appearance[row])",
        new="float(track.appearance[0])",
        tests=("tests/sidecar/worker/test_previews.py",),
    ),
)
