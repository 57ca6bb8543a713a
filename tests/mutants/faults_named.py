# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that once survived the tests of their module."""

from __future__ import annotations

from .fault import Fault

NAMED = (
    Fault(
        what="a take beyond the trained range is flattened to it",
        file="sidecar/modulation/modulator.py",
        old="np.minimum(old, modulator.lowest), np.maximum(old, modulator.highest)\n",
        new="modulator.lowest, modulator.highest\n",
        tests=("tests/sidecar/modulation/test_modulator.py",),
    ),
    Fault(
        what="an ARKit take loses the eyes that it has",
        file="sidecar/motion/adapter.py",
        old="eyes = _product(weights, head.arkit_eyes) + motion.eyes\n",
        new="eyes = _product(weights, head.arkit_eyes)\n",
        tests=("tests/sidecar/motion/test_adapter.py",),
    ),
    Fault(
        what="negative weights of an ARKit take are lifted to zero",
        file="sidecar/motion/adapter.py",
        old="        floor = np.minimum(own, 0)  #",
        new="        floor = 0 * own  #",
        tests=("tests/sidecar/motion/test_adapter.py",),
    ),
    Fault(
        what="a shift up does not count the pixels' aspect",
        file="addon/camera.py",
        old="lens.shift_y * fit / aspect - top",
        new="lens.shift_y * fit - top",
        tests=("tests/addon/test_camera.py",),
    ),
    Fault(
        what="a portrait camera's focal length comes from the width",
        file="shared/camera.py",
        old="    focal = 0.5 * height / ",
        new="    focal = 0.5 * width / ",
        tests=("tests/shared/test_camera.py",),
    ),
    Fault(
        # Equal keys are held level twice, here and by their bound of 0: no single fault bends them.
        what="keys at which a curve turns are not level",
        file="shared/curves.py",
        old="rise[:-1] * rise[1:] <= 0\n",
        new="rise[:-1] * rise[1:] < -1\n",
        tests=("tests/shared/test_curves.py",),
    ),
)
