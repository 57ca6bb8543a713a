# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to an avatar of GaussianAvatars: the person, the faces, sizes and turns. Whole files
are in test_sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.sidecar.avatar import gaussian_avatars as reader
from affekt.sidecar.avatar.archive import read_entry
from affekt.sidecar.avatar.read import decode_avatar
from fakes.flame import npz
from fakes.head import small_head
from fakes.lam import pack_zip
from fakes.splats import flame_param, splat_ply


def head(components: int = 8, vertices: int = 40) -> HeadModel:
    plain = small_head(vertices)
    basis = np.zeros((vertices, 3, components), np.float32)
    return replace(plain, space="flame2023", shape_basis=basis)


def person(**arrays: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    return reader._read_person("mia.ply", npz(arrays), head())


SHAPE = np.arange(300, dtype=np.float32) / 10


def test_a_person_has_as_many_numbers_as_the_head_knows() -> None:
    shape, change, notes = person(shape=SHAPE)
    np.testing.assert_array_equal(shape, SHAPE[:8])
    assert (change, notes) == (None, ())
    long = np.arange(400, dtype=np.float32) / 10
    shape, *_ = reader._read_person("mia.ply", npz({"shape": long}), head(350))
    np.testing.assert_array_equal(shape, long[:300])


@pytest.mark.parametrize("extra", [0, 120])
def test_a_persons_own_change_of_the_mesh(extra: int) -> None:
    """Of the head's vertices, or of those and the teeth that were added behind them."""
    offset = np.random.default_rng(3).normal(0, 0.01, (1, 40 + extra, 3)).astype(np.float32)
    _, change, notes = person(shape=SHAPE, static_offset=offset)
    assert notes == ()
    assert change is not None
    assert change.flags.c_contiguous
    np.testing.assert_array_equal(change, offset[0, :40])


def test_a_change_that_is_none_or_another_meshs() -> None:
    assert person(shape=SHAPE, static_offset=np.zeros((1, 99, 3), np.float32))[1:] == (None, ())
    _, change, (note,) = person(shape=SHAPE, static_offset=np.ones((1, 41, 3), np.float32))
    assert change is None
    assert note == (
        "The offsets of 41 vertices in flame_param.npz do not fit the head's 40; they are left out."
    )


@pytest.mark.parametrize(
    ("arrays", "code", "said"),
    [
        ({"expr": np.zeros((3, 100))}, "avatar.missing_file", "mia.ply's flame_param.npz has no"),
        ({"shape": np.full(300, 100.0)}, "avatar.not_finite", "no usable shape"),
        ({"shape": np.full(300, -100.0)}, "avatar.not_finite", "no usable shape"),
        (
            {"shape": SHAPE, "static_offset": np.full((1, 40, 3), np.nan)},
            "avatar.not_finite",
            "no usable static_offset",
        ),
    ],
)
def test_a_person_that_cannot_be(arrays: dict[str, np.ndarray], code: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        person(**arrays)
    assert caught.value.code == code
    assert said in caught.value.message


def test_without_the_file_beside_it_says_which() -> None:
    with pytest.raises(InputError) as caught:
        reader._read_person("mia.ply", None, head())
    assert caught.value.code == "avatar.missing_file"
    assert "no flame_param.npz beside 'mia.ply'" in caught.value.message
    assert "flame_param.npz in the same folder" in caught.value.remedy


def test_sizes_are_those_of_the_face_and_end_at_a_room() -> None:
    """exp(2) m, 7.389."""
    scales = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    found = reader._in_metres(scales, np.array([0.5, 1.23], np.float32), "mia.ply")
    np.testing.assert_allclose(found, [[0.5, 1, 1.5], [4.92, 6.15, 7.38]], rtol=1e-6)
    with pytest.raises(InputError, match="larger than a room") as caught:
        reader._in_metres(scales, np.array([0.5, 1.232], np.float32), "mia.ply")
    assert caught.value.code == "avatar.ply"


def test_a_face_without_area_turns_nothing() -> None:
    """Of three Gaussians turned by 90 degrees about z, on faces turned by as much about x: of the
    second the face is no face, whatever its axes say."""
    turned = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
    frames = np.stack([turned, np.full((3, 3), np.nan, np.float32), turned])
    half = np.float32(np.sqrt(0.5))
    quaternions = np.tile(np.array([half, 0, 0, half], np.float32), (3, 1))
    found = reader._turned(frames, np.array([0.1, 0, 1e-9], np.float32), quaternions)
    about_both = np.array([0.5, 0.5, -0.5, 0.5])  # first about z, then about x
    for row in (0, 2):
        np.testing.assert_allclose(found[row] * np.sign(found[row, 0]), about_both, atol=1e-6)
    np.testing.assert_allclose(found[1] * np.sign(found[1, 0]), quaternions[1], atol=1e-6)
    assert found.dtype == np.float32


def bound(*faces: float) -> list[int]:
    columns = {reader.BINDING: np.array(faces, np.float32)}
    return reader._read_binding(columns, "mia.ply", 30).tolist()


def test_faces_are_whole_and_end_with_the_teeths() -> None:
    assert bound(0, 29, 30, 197) == [0, 29, 30, 197]
    for faces, code in (((0, 198), "avatar.mismatch"), ((-1, 5), "avatar.mismatch")):
        with pytest.raises(InputError) as caught:
            bound(*faces)
        assert caught.value.code == code
        assert f"on face {faces[1]}; the head has 30 faces" in caught.value.message
    for broken in (0.5, np.nan, -np.inf):
        with pytest.raises(InputError, match="bound to no whole face") as caught:
            bound(3, broken)
        assert caught.value.code == "avatar.ply"


def test_a_zip_of_both_files_is_the_avatar() -> None:
    """In any folder, and read as the two beside each other are."""
    flame = replace(small_head(60), space="flame2023")
    points, companion = splat_ply(40, faces=len(flame.faces)), flame_param()
    data = pack_zip({"a/point_cloud.ply": points, "a/flame_param.npz": companion})
    assert read_entry(data, "flame_param.npz", "mia.zip", "") == companion
    found = decode_avatar(data, "mia.zip", flame)
    wanted = decode_avatar(points, "mia.zip", flame, companion)
    for name in ("anchors", "offsets", "quaternions", "scales", "shape"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)
    with pytest.raises(InputError) as caught:
        decode_avatar(data, "mia.zip", None)
    assert caught.value.code == "avatar.needs_head"
