# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on uploads is Affekt's own motion file."""

from dataclasses import fields

import numpy as np
import pytest
from affekt.addon.motion.npz import decode_motion as decode_own
from affekt.shared.errors import LinkError
from affekt.shared.take_files import encode_motion
from affekt.sidecar.motion.read import decode_motion

from .nouns import random_motion


def test_the_sidecar_reads_what_the_addon_writes() -> None:
    motion = random_motion(5)
    back = decode_motion(encode_motion(motion), "take.npz")
    for entry in fields(motion):
        np.testing.assert_array_equal(getattr(back, entry.name), getattr(motion, entry.name))


def test_equal_motions_give_equal_bytes() -> None:
    assert encode_motion(random_motion(5)) == encode_motion(random_motion(5))


def test_the_addon_reads_what_the_sidecar_writes() -> None:
    motion = random_motion(5)
    back = decode_own(encode_motion(motion))
    for entry in fields(motion):
        np.testing.assert_array_equal(getattr(back, entry.name), getattr(motion, entry.name))


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip", encode_motion(random_motion(2))[:300]])
def test_bytes_that_are_no_motion(data: bytes) -> None:
    with pytest.raises(LinkError) as caught:
        decode_own(data)
    assert caught.value.code == "link.protocol"
