# SPDX-License-Identifier: GPL-3.0-or-later
"""`.ksplat`: sections, buckets, levels, headers that lie."""

import struct

import numpy as np
import pytest
from affekt.sidecar.avatar import ksplat
from affekt.sidecar.avatar.read import decode_avatar
from fakes import packed
from fakes.packed import some_splats
from fakes.packed_checks import code_of, only


def test_a_ksplat_of_several_sections():
    """The sections follow each other, each with its own buckets, degree and room to spare."""
    first, second = some_splats(37, 8, seed=1), some_splats(5, 0, seed=2)
    avatar = decode_avatar(packed.ksplat([first, second], 2), "two")
    assert len(avatar) == 42
    np.testing.assert_allclose(avatar.means[37:], second.means, atol=3e-5)
    np.testing.assert_allclose(avatar.harmonics[:37], first.harmonics, atol=0.011)
    assert not avatar.harmonics[37:].any()


def test_a_ksplat_of_several_buckets_that_are_not_full():
    """One of four Gaussians, which is full, then three, each around a middle of its own."""
    splats = some_splats(10)
    data = packed.ksplat([splats], capacity=4, partial=(2, 3, 1))
    np.testing.assert_allclose(decode_avatar(data, "x").means, splats.means, atol=3e-5)


@pytest.mark.parametrize(("span", "away"), [(32767, 0), (0, 0), (16384, 16383 / 16384)])
def test_a_ksplats_steps_span_what_its_section_says(span: int, away: float):
    """Half a block, 1 m, in so many steps; 32,767 where it says none."""
    splats = some_splats(1)
    data = bytearray(packed.ksplat([splats]))
    struct.pack_into("<I", data, 4096 + 24, span)
    np.testing.assert_allclose(only(bytes(data)).means, splats.means + away, atol=3e-5)


def test_a_ksplat_names_the_bounds_of_its_harmonics():
    splats = some_splats(20, 3)
    data = bytearray(packed.ksplat([splats], 2))
    struct.pack_into("<ff", data, 36, -1.25, 4.25)  # twice as far as they were written
    wanted = -1.25 + 2 * (splats.harmonics + 1.25)
    np.testing.assert_allclose(decode_avatar(bytes(data), "x").harmonics, wanted, atol=0.022)


def test_a_ksplat_that_names_no_bounds_for_its_harmonics():
    """They are -1.5 and 1.5; the writer's own are -1.25 and 1.5."""
    splats = some_splats(20, 3)
    data = bytearray(packed.ksplat([splats], 2))
    struct.pack_into("<ff", data, 36, 0, 0)
    wanted = -1.5 + 3 * (splats.harmonics + 1.25) / 2.75
    np.testing.assert_allclose(decode_avatar(bytes(data), "x").harmonics, wanted, atol=0.012)


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [
        (4096 + 40, "<H", 4),  # degree of harmonics
        (4096 + 0, "<I", 41),  # more Gaussians than there is room for
        (4096 + 16, "<f", np.nan),  # size of a block
        (4096 + 8, "<I", 0),  # Gaussians in a bucket
        (4096 + 20, "<H", 8),  # bytes of a bucket
        (4, "<I", 0),  # sections
        (4, "<I", 2),
        (20, "<H", 3),  # level
        (36, "<f", np.inf),
        (40, "<f", np.nan),
    ],
)
def test_headers_that_no_ksplat_has(place: int, form: str, value: float):
    data = bytearray(packed.ksplat([some_splats()]))
    struct.pack_into(form, data, place, value)
    assert code_of(bytes(data)) == "avatar.packed"


def test_a_header_alone_is_no_ksplat():
    whole = packed.ksplat([some_splats()])
    assert ksplat.is_ksplat(whole)
    assert ksplat.is_ksplat(whole[: 4096 + 1024])
    assert not ksplat.is_ksplat(whole[: 4096 + 1023])
    assert not ksplat.is_ksplat(b"\x01" + whole[1:])
