# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians as `.splat`, which has neither a header nor a name for itself."""

import struct

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.read import decode_avatar
from fakes import packed
from fakes.packed import some_splats
from fakes.packed_checks import code_of, only


def is_one(avatar: Avatar, mean: tuple, scale: tuple, opacity: float, colour: tuple, turn: tuple):
    np.testing.assert_allclose(avatar.means[0], mean, atol=1e-6)
    np.testing.assert_allclose(avatar.scales[0], scale, rtol=1e-5)
    np.testing.assert_allclose(avatar.opacities[0], opacity, atol=1e-6)
    np.testing.assert_allclose(avatar.colours[0], colour, atol=1e-6)
    np.testing.assert_allclose(avatar.quaternions[0], turn, atol=1e-5)


def test_one_row_of_a_splat():
    """antimatter15's main.js: xyz, scales, r g b a, then w x y z around 128."""
    row = struct.pack("<3f3f4B4B", 0.25, -1.5, 3, 0.5, 0.125, 2, 255, 51, 0, 102, 128, 0, 204, 128)
    turn = (0, -128 / np.hypot(128, 76), 76 / np.hypot(128, 76), 0)
    is_one(only(row, "a.splat"), (0.25, -1.5, 3), (0.5, 0.125, 2), 0.4, (1, 0.2, 0), turn)


def test_a_splat_that_is_cut_short_is_still_told():
    """By its name: nothing else says what it was."""
    data = packed.antimatter15(some_splats(3))
    with pytest.raises(InputError, match="its last Gaussian is not whole") as caught:
        decode_avatar(data[:-1], "Head.SPLAT")
    assert caught.value.code == "avatar.packed"
    assert code_of(data[:-1]) == "file.wrong_kind"


def test_rotations_of_another_length_need_the_name():
    """Some writers do not normalise; such a file is taken for one if it is called so."""
    data = bytearray(packed.antimatter15(some_splats(3)))
    for row in range(3):
        data[32 * row + 28 : 32 * row + 32] = bytes([255, 255, 128, 128])
    assert code_of(bytes(data)) == "file.wrong_kind"
    half = np.sqrt(0.5)
    turned = decode_avatar(bytes(data), "a.splat").quaternions
    np.testing.assert_allclose(turned, [[half, half, 0, 0]] * 3, atol=1e-6)


def test_texts_are_no_splats():
    for text in (b"0.123, 0.456, 1e5\n" * 32, b"frame,time,jawOpen,mouthSmile__\n" * 9, bytes(320)):
        assert len(text) % 32 == 0
        assert code_of(text) == "file.wrong_kind"
