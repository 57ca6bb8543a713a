# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, chosen at the same time: a test that was written for one of the first thirty says
nothing about these."""

from __future__ import annotations

from .fault import Fault

SECOND = (
    # --- shared ------------------------------------------------------------------------------
    Fault(
        what="a held value changes one key late",
        file="shared/curves.py",
        old='np.searchsorted(places, at, "right")',
        new='np.searchsorted(places, at, "left")',
        tests=("tests/shared/test_curves.py",),
    ),
    Fault(
        what="a picture may have any number of pixels",
        file="shared/camera.py",
        old="        and width * height <= limits.MAX_IMAGE_PIXELS\n",
        new="",
        tests=("tests/shared/test_camera.py",),
    ),
    Fault(
        what="a motion vector's picture stays good when the frame before it changes",
        file="shared/recipes.py",
        old="range(max(index - reach, 0), ",
        new="range(index, ",
        tests=("tests/shared/test_recipes.py",),
    ),
    Fault(
        what="events of a link that was replaced are taken",
        file="shared/jobs.py",
        old="        if job is None or link is not self._link:\n",
        new="        if job is None:\n",
        tests=("tests/shared/test_job_book.py", "tests/shared/test_job_book_faults.py"),
    ),
    Fault(
        what="the newer side is told to update",
        file="shared/connection.py",
        old='    older = "add-on" if client_major < sidecar_major else "sidecar"\n',
        new='    older = "add-on" if client_major > sidecar_major else "sidecar"\n',
        tests=("tests/shared/test_versions.py", "tests/shared/test_connection.py"),
    ),
    Fault(
        what="a value above an emotion's range gets past the check",
        file="shared/emotion_keys.py",
        old="    most = largest_value(name)\n",
        new="    most = 2.0\n",
        tests=("tests/shared/test_emotion_keys.py",),
    ),
    Fault(
        what="a field that this version does not know is ignored",
        file="shared/wire.py",
        old="    if unknown and header.version[1] <= limits.PROTOCOL_VERSION[1]:\n",
        new="    if unknown and header.version[1] < limits.PROTOCOL_VERSION[1]:\n",
        tests=("tests/shared/test_wire.py",),
    ),
    # --- sidecar -----------------------------------------------------------------------------
    Fault(
        what="a joint's rotation is applied before its parent's",
        file="sidecar/head/forward.py",
        old="turned.append(turned[parent] @ rotation[:, joint])\n",
        new="turned.append(rotation[:, joint] @ turned[parent])\n",
        tests=("tests/sidecar/head/test_forward.py", "tests/sidecar/head/test_skinning.py"),
    ),
    Fault(
        what="the last row at other frame rates is not computed",
        file="sidecar/modulation/modulator.py",
        old="        stop = min(int((frames.stop - 1) * self.ratio) + 2, self.length)\n",
        new="        stop = min(int((frames.stop - 1) * self.ratio) + 1, self.length)\n",
        tests=("tests/sidecar/modulation/test_modulator.py",),
    ),
    Fault(
        what="the side that leads is taken for the other",
        file="sidecar/modulation/asymmetry.py",
        old="    factors[left] -= np.float32(asymmetry)\n    factors[right] += np",
        new="    factors[left] += np.float32(asymmetry)\n    factors[right] -= np",
        tests=("tests/sidecar/modulation/test_asymmetry.py",),
    ),
    Fault(
        what="contact at a range's end forgets the ramps",
        file="sidecar/modulation/contact.py",
        old="    return max(speech, held) + 2 * _frames(_YIELD_S, fps)\n",
        new="    return max(speech, held)\n",
        tests=(
            "tests/sidecar/modulation/test_contact.py",
            "tests/sidecar/modulation/test_modulator.py",
        ),
    ),
    Fault(
        what="windows fade out where they should fade in",
        file="sidecar/modulation/windows.py",
        old="    shares = np.concatenate([rise, np.float32(1) - rise])\n",
        new="    shares = np.concatenate([np.float32(1) - rise, rise])\n",
        tests=("tests/sidecar/modulation/test_modulator.py",),
    ),
    Fault(
        what="what the eyes explain is fitted a second time by the other weights",
        file="sidecar/motion/adapter.py",
        old="numbers = numbers_of(motion) - _product(gaze, adapter.space_from_arkit)\n",
        new="numbers = numbers_of(motion)\n",
        tests=("tests/sidecar/motion/test_adapter.py",),
    ),
    Fault(
        what="a camera's rotation is not inverted",
        file="sidecar/motion/rotations.py",
        old="axis_angle_from_matrix(rest @ matrix.transpose(0, 2, 1)), ",
        new="axis_angle_from_matrix(rest @ matrix), ",
        tests=("tests/sidecar/motion/test_rotations.py",),
    ),
    Fault(
        what="points behind an orthographic camera's plane sort the wrong way",
        file="sidecar/raster/project.py",
        old="    return ~bits if bits",
        new="    return bits if bits",
        tests=("tests/sidecar/raster/test_gaussians_properties.py",),
    ),
    Fault(
        what="the Jacobian is clamped inside the picture at the left and the top",
        file="sidecar/raster/project.py",
        old="-centre / focal - slack\n",
        new="-centre / focal + slack\n",
        tests=("tests/sidecar/raster/test_project.py", "tests/sidecar/raster/test_gaussians.py"),
    ),
    Fault(
        what="faces are cut at the mirrored place of an edge",
        file="sidecar/raster/mesh.py",
        old="    share = (near - screen[inner, 3]) / (screen[outer, 3] - screen[inner, 3])\n",
        new="    share = (near - screen[outer, 3]) / (screen[inner, 3] - screen[outer, 3])\n",
        tests=("tests/sidecar/raster/test_mesh.py",),
    ),
    Fault(
        what="normals are turned like points where a head is scaled unevenly",
        file="sidecar/render/resolve.py",
        old="np.linalg.inv(axes_from_head[:3, :3]).T.astype(np.float32)",
        new="axes_from_head[:3, :3].astype(np.float32)",
        tests=("tests/sidecar/render/test_passes.py",),
    ),
    Fault(
        what="the opaque core lies half a cell off",
        file="sidecar/render/opaque_core.py",
        old="    start = 0.5 / cell + _PAD - 0.5\n",
        new="    start = 0.5 / cell + _PAD\n",
        tests=("tests/sidecar/render/test_opaque_core.py",),
    ),
    Fault(
        what="a part of a take reports more frames done than there are",
        file="sidecar/bake/bake.py",
        old="                done=wanted.stop - self.frames.start,\n",
        new="                done=wanted.stop,\n",
        tests=("tests/sidecar/bake/test_bake.py",),
    ),
    Fault(
        what="the take of an earlier bake stays beside a new one",
        file="sidecar/bake/output.py",
        old="        if is_ours and not (part / name).exists():\n",
        new="        if is_ours and (part / name).exists():\n",
        tests=("tests/sidecar/bake/test_output.py",),
    ),
    Fault(
        what="an upload may be longer than announced",
        file="sidecar/cache/user.py",
        old="        if upload.size > most or upload.offset + len(upload.data) > upload.size:\n",
        new="        if upload.size > most:\n",
        tests=("tests/sidecar/cache/test_user.py",),
    ),
    Fault(
        what="a download from the middle of a part begins at the part's begin",
        file="sidecar/cache/parts.py",
        old="offset=part.offset + low - start, length",
        new="offset=part.offset, length",
        tests=("tests/sidecar/cache/test_user.py",),
    ),
    Fault(
        what="a class that was served keeps its count of being passed over",
        file="sidecar/server/scheduler.py",
        old="self._passed[kind] + 1 if waits else 0\n",
        new="self._passed[kind] + 1 if waits else self._passed[kind]\n",
        tests=(
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
        ),
    ),
    Fault(
        what="an answer goes to whoever has the routing id of a client that left",
        file="sidecar/server/scheduler.py",
        old="        if isinstance(request, Request) and not request.has_left:\n",
        new="        if isinstance(request, Request):\n",
        tests=(
            "tests/sidecar/server/test_scheduler.py",
            "tests/sidecar/server/test_scheduler_walk.py",
        ),
    ),
    Fault(
        what="Gaussians are turned in their own axes",
        file="sidecar/avatar/kernels.py",
        old="        w, qx, qy, qz = multiply(q, quaternions[i])\n",
        new="        w, qx, qy, qz = multiply(quaternions[i], q)\n",
        tests=("tests/sidecar/avatar/test_drive.py",),
    ),
    Fault(
        what="a Gaussian's smooth normal comes from the wrong corners",
        file="sidecar/avatar/avatar.py",
        old="np.stack([1 - second - third, second, third], 1)",
        new="np.stack([1 - second - third, third, second], 1)",
        tests=("tests/sidecar/avatar/test_drive.py",),
    ),
    # --- addon -------------------------------------------------------------------------------
    Fault(
        what="neighbouring quaternions lie on different sides",
        file="addon/axes.py",
        old="    flips = np.sum(quaternions[1:] * quaternions[:-1], 1) < 0\n",
        new="    flips = np.sum(quaternions[1:] * quaternions[:-1], 1) > 0\n",
        tests=("tests/addon/test_axes.py",),
    ),
    Fault(
        what="the pixels' aspect does not count when the sensor is fitted",
        file="addon/camera.py",
        old="    fit = _fitted_edge(lens.sensor_fit, width, height * aspect)\n",
        new="    fit = _fitted_edge(lens.sensor_fit, width, height)\n",
        tests=("tests/addon/test_camera.py",),
    ),
    Fault(
        what="a muted curve still moves its property",
        file="addon/motion/keys.py",
        old="    if curve is None or curve.mute or (",
        new="    if curve is None or (",
        tests=("tests/addon/test_takes.py", "tests/addon/test_emotion.py"),
    ),
)
