# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on uploads is Affekt's own motion file."""

from dataclasses import fields

import numpy as np
from affekt.addon.motion.npz import encode_motion
from affekt.sidecar.motion.read import decode_motion

from .nouns import random_motion


def test_the_sidecar_reads_what_the_addon_writes() -> None:
    motion = random_motion(5)
    back = decode_motion(encode_motion(motion), "take.npz")
    for entry in fields(motion):
        np.testing.assert_array_equal(getattr(back, entry.name), getattr(motion, entry.name))


def test_equal_motions_give_equal_bytes() -> None:
    assert encode_motion(random_motion(5)) == encode_motion(random_motion(5))
