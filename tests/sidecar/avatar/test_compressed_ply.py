# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed PLY: chunks with bounds of their own, words of eleven and ten bits."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from affekt.sidecar.avatar.read import decode_avatar
from fakes import packed
from fakes.packed import some_splats
from fakes.packed_checks import code_of, only, refusal, turns


def test_one_gaussian_of_a_compressed_ply():
    bounds = [0, 1, 2, 4, 9, 18, -6, -5, -4, -2, -3, 0, 0, 0.5, 0, 1, 1, 0.5]
    names = [f"{e}_{k}{a}" for k in ("", "scale_") for e in ("min", "max") for a in "xyz"]
    names += [f"{e}_{a}" for e in ("min", "max") for a in "rgb"]
    words = [
        2047 << 21 | 0 << 11 | 2047,  # x at its upper bound, y at its lower, z at its upper
        2 << 30 | 1023 << 20 | 512 << 10 | 511,  # y is the largest: w sqrt(1/2), x and z about 0
        0 << 21 | 1023 << 11 | 0,
        255 << 24 | 0 << 16 | 255 << 8 | 51,
    ]
    lines = ["ply", "format binary_little_endian 1.0", "element chunk 1"]
    lines += [f"property float {name}" for name in names] + ["element vertex 1"]
    lines += [f"property uint packed_{w}" for w in ("position", "rotation", "scale", "color")]
    data = ("\n".join([*lines, "end_header"]) + "\n").encode() + struct.pack(
        "<18f4I", *bounds, *words
    )
    avatar = only(data)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(avatar.means[0], (4, 1, 18), rtol=1e-6)
    np.testing.assert_allclose(np.log(avatar.scales[0]), (-6, -3, -4), rtol=1e-6)
    np.testing.assert_allclose(avatar.colours[0], (1, 0.5, 0.5), atol=1e-6)
    np.testing.assert_allclose(avatar.opacities, [0.2], atol=1e-6)
    assert turns(avatar.quaternions, np.array([[half, 0, half, 0]])).max() < 0.003


def test_several_chunks_have_their_own_bounds():
    """Gaussian 256 is the second chunk's first."""
    splats = some_splats(300)
    one = packed.compressed_ply(splats)
    head, body = one.split(b"end_header\n", 1)
    bounds, rows = body[: 18 * 4], body[18 * 4 :]
    moved = np.frombuffer(bounds, "<f4").copy()
    moved[[0, 3]] += 5  # x
    head = head.replace(b"chunk 1", b"chunk 2")
    avatar = decode_avatar(head + b"end_header\n" + bounds + moved.tobytes() + rows, "two")
    np.testing.assert_allclose(avatar.means[:256, 0], splats.means[:256, 0], atol=5e-4)
    np.testing.assert_allclose(avatar.means[256:, 0], splats.means[256:, 0] + 5, atol=5e-4)


def test_bounds_without_extent() -> None:
    """A lower bound of minus infinity is an axis without extent, and that is no fault."""
    data = bytearray(packed.compressed_ply(some_splats()))
    place = data.index(b"end_header\n") + len(b"end_header\n") + 4 * 7
    struct.pack_into("<f", data, place, -np.inf)
    assert decode_avatar(bytes(data), "x").scales[:, 1].min() < 1e-20


def test_the_ends_of_a_compressed_plys_harmonics():
    """A byte stands for the middle of its 256th, but for the first and the last one."""
    splats = some_splats(2, 3)
    terms = np.array([[-9, 9, 0.0], [3.97, -3.97, 1], [0.04, -1, 2]], np.float32)
    splats = replace(splats, harmonics=np.stack([terms, -terms]))
    found = decode_avatar(packed.compressed_ply(splats), "c.ply").harmonics
    assert found is not None
    wanted = [[-4, 4, 0.015625], [4, -4, 1.015625], [0.046875, -0.984375, 2.015625]]
    np.testing.assert_allclose(found[0], wanted, atol=1e-6)


def test_words_of_a_compressed_ply_are_whole_numbers():
    data = packed.compressed_ply(some_splats(3))
    assert code_of(data.replace(b"uint packed_scale", b"float packed_scale")) == "avatar.ply"


@pytest.mark.parametrize("log_scale", [11.6, 12.5])
def test_a_compressed_plys_largest_gaussian(log_scale: float):
    """e^11.5 m is as large as one may be."""
    splats = some_splats(6)
    scales = splats.scales.copy()
    scales[2] = np.exp(log_scale)
    error = refusal(packed.compressed_ply(replace(splats, scales=scales)), "large.ply")
    assert error.code == "avatar.ply"
    assert "far too large" in error.message
