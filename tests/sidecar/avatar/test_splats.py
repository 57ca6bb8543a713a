# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours by the direction of sight."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.splats import (
    Splats,
    checked,
    decode_splats,
    encode_splats,
    log_scales,
    logistic,
    logits,
    seen_colours,
    zeroth_harmonics,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y


def gaussians(seed: int, known: int, *, count: int = 20) -> Splats:
    rng = np.random.default_rng(seed)
    return Splats(
        means=rng.normal(0, 1, (count, 3)).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.ones((count, 3), np.float32),
        opacities=np.ones(count, np.float32),
        colours=rng.uniform(0, 1, (count, 3)).astype(np.float32),
        harmonics=rng.normal(0, 0.3, (count, known, 3)).astype(np.float32) if known else None,
    )


def view(seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    return look_at(
        target=rng.normal(0, 0.3, 3),
        distance=rng.uniform(2, 6),
        yaw_rad=rng.uniform(-3, 3),
        pitch_rad=rng.uniform(-1.4, 1.4),
        width=32,
        height=32,
        fov_y_rad=0.4,
    )


def plain(values: Splats, directions: np.ndarray) -> np.ndarray:
    """By scipy's complex harmonics: real ones in 3DGS's order carry (-1)^m."""
    polar, azimuth = np.arccos(directions[:, 2]), np.arctan2(directions[:, 1], directions[:, 0])
    colours, term = values.colours.astype(np.float64), 0
    for degree in (1, 2, 3):
        for order in range(-degree, degree + 1):
            if term == values.harmonics.shape[1]:
                break
            wave = sph_harm_y(degree, abs(order), polar, azimuth)
            # scipy's own factor (-1)^m stays: 3DGS's signs have it too.
            part = wave.real if order >= 0 else wave.imag
            real = part * (np.sqrt(2) if order else 1)
            colours = colours + real[:, None] * values.harmonics[:, term]
            term += 1
    return np.maximum(colours, 0)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), known=st.sampled_from([3, 8, 15]))
def test_colours_against_scipy(seed: int, known: int):
    values, camera = gaussians(seed, known), view(seed)
    eye = np.linalg.inv(camera.camera_from_world)[:3, 3]
    sight = values.means - eye
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    np.testing.assert_allclose(seen_colours(values, camera), plain(values, sight), atol=2e-5)


def test_a_scaled_camera_sees_the_same_colours():
    """An affine camera, as Blender's of a scaled head, stands where its matrix sends to zero."""
    values, camera = gaussians(1, 15), view(1)
    matrix = camera.camera_from_world.copy()
    matrix[:3] *= 2.5
    scaled = Camera(
        width=32,
        height=32,
        focal_x=9,
        focal_y=9,
        centre_x=16,
        centre_y=16,
        camera_from_world=matrix,
    )
    np.testing.assert_allclose(
        seen_colours(values, scaled), seen_colours(values, camera), atol=1e-5
    )


def test_an_orthographic_camera_has_one_direction():
    values, camera = gaussians(2, 15), view(2)
    flat = Camera(
        width=32,
        height=32,
        focal_x=9,
        focal_y=9,
        centre_x=16,
        centre_y=16,
        orthographic=True,
        camera_from_world=camera.camera_from_world,
    )
    forward = camera.camera_from_world[2, :3]
    expected = plain(values, np.tile(forward, (len(values.means), 1)))
    np.testing.assert_allclose(seen_colours(values, flat), expected, atol=2e-5)


def test_a_lobe_faces_its_way():
    """The third term of degree 1 is -x: a Gaussian seen along +x loses it."""
    values = gaussians(3, 3, count=2)
    values.harmonics[:] = 0
    values.harmonics[:, 2, 0] = 0.2
    values.means[:] = [[5, 0, 0], [-5, 0, 0]]
    camera = Camera(
        width=8, height=8, focal_x=9, focal_y=9, centre_x=4, centre_y=4, camera_from_world=np.eye(4)
    )
    change = seen_colours(values, camera)[:, 0] - values.colours[:, 0]
    np.testing.assert_allclose(change, [-0.0977205, 0.0977205], atol=1e-6)


def test_a_world_that_turns_with_the_camera_keeps_degree_zero():
    values = gaussians(4, 3)
    values.harmonics[:] = 0
    turned = Splats(
        means=Rotation.from_rotvec([0, 1, 0]).apply(values.means).astype(np.float32),
        quaternions=values.quaternions,
        scales=values.scales,
        opacities=values.opacities,
        colours=values.colours,
        harmonics=values.harmonics,
    )
    np.testing.assert_array_equal(seen_colours(turned, view(4)), values.colours)


def test_without_harmonics_colours_are_as_they_are():
    values = gaussians(5, 0)
    assert seen_colours(values, view(5)) is values.colours


@pytest.mark.parametrize("known", [3, 8, 15])
def test_colours_are_never_below_zero(known: int):
    values = gaussians(6, known)
    values.harmonics[:] -= 3
    assert seen_colours(values, view(6)).min() == 0


def three(**changes: float | tuple[float, ...]) -> Splats:
    """Three Gaussians, of which the second has these values."""
    arrays = {
        "means": np.zeros((3, 3), np.float32),
        "quaternions": np.tile(np.float32([1, 0, 0, 0]), (3, 1)),
        "scales": np.full((3, 3), 0.01, np.float32),
        "opacities": np.full(3, 0.5, np.float32),
        "colours": np.full((3, 3), 0.5, np.float32),
    }
    for name, value in changes.items():
        arrays[name][1] = value
    return Splats(**arrays)


@pytest.mark.parametrize(
    ("field", "value", "fits"),
    [
        ("means", (0, -9.9e5, 0), True),
        ("means", (0, -1.1e6, 0), False),
        ("means", (0, 1.1e6, 0), False),
        ("means", (0, 0, np.nan), False),
        ("scales", (8100, 0, 1), True),  # exp(9) = 8103 m
        ("scales", (1, 8110, 1), False),
        ("scales", (1, 1, -1e-6), False),
        ("quaternions", (0, np.inf, 0, 0), False),
        ("opacities", np.nan, False),
        ("colours", (2, -3, 0), True),
    ],
)
def test_the_ends_of_what_a_file_may_hold(field: str, value: float | tuple[float, ...], fits: bool):
    if fits:
        assert len(checked(three(**{field: value}), "a.ply").means) == 3
        return
    with pytest.raises(InputError) as caught:
        checked(three(**{field: value}), "a.ply")
    assert caught.value.code == "avatar.ply"


def test_what_a_file_holds_becomes_usable():
    found = checked(
        three(quaternions=(0, 0, -3, 4), scales=(0, 0.2, 0.3), colours=(-0.5, 0.2, 1.5)), "a.ply"
    )
    np.testing.assert_allclose(found.quaternions[1], [0, 0, -0.6, 0.8])
    np.testing.assert_allclose(found.scales[1], [8.756511e-27, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(found.colours[1], [0, 0.2, 1.5])
    for empty in ((0, 0, 0, 0), (0, 9e-7, 0, 0)):
        turned = checked(three(quaternions=empty), "a.ply").quaternions
        np.testing.assert_array_equal(turned[1], [1, 0, 0, 0])
    short = checked(three(quaternions=(0, 2e-6, 0, 0)), "a.ply").quaternions
    np.testing.assert_allclose(short[1], [0, 1, 0, 0])
    harmonics = np.zeros((3, 3, 3), np.float32)
    shaded = replace(three(colours=(-0.5, 0.2, 1.5)), harmonics=harmonics)
    np.testing.assert_allclose(checked(shaded, "a.ply").colours[1], [-0.5, 0.2, 1.5])


def test_3dgs_numbers():
    """By hand: log(0.6 / 0.4), log of scales, and colours around one half."""
    numbers = np.float32([0.405465, -1.386294, -np.inf, np.inf, 200, -200])
    np.testing.assert_allclose(logistic(numbers), [0.6, 0.2, 0, 1, 1, 0], atol=1e-6)
    ends = logistic(np.float32([-np.inf, -80, 80, np.inf]))
    assert (ends[0], ends[2], ends[3]) == (0, 1, 1)
    assert 0 < ends[1] < 1e-30  # next to nothing, and not nothing
    np.testing.assert_allclose(
        logits(np.float32([0.6, 0.2, 0, 1])), [0.405465, -1.386294, -13.81551, 13.81551], rtol=1e-4
    )
    np.testing.assert_allclose(
        log_scales(np.float32([0.5, 0, 2])), [-0.6931472, -60, 0.6931472], rtol=1e-6
    )
    dc = zeroth_harmonics(three(colours=(0.5, 0.782094792, 0)))
    np.testing.assert_allclose(dc[1], [0, 1, -1.7724539], atol=1e-6)


def columns(**changes: object) -> dict[str, np.ndarray]:
    """Two Gaussians as a PLY's columns."""
    plain = {"x": 1, "y": 2, "z": 3, "f_dc_0": 0, "f_dc_1": 1, "f_dc_2": -1, "opacity": 0.405465}
    plain |= {"scale_0": -1, "scale_1": -2, "scale_2": -3}
    plain |= {"rot_0": 0, "rot_1": 0, "rot_2": 3, "rot_3": -4}
    return {name: np.array([value, value], "f4") for name, value in {**plain, **changes}.items()}


def test_each_column_has_its_place():
    found = decode_splats(columns(), "a.ply", most_log_scale=2.0)
    np.testing.assert_allclose(found.means, [[1, 2, 3]] * 2)
    np.testing.assert_allclose(found.quaternions, [[0, 0, 0.6, -0.8]] * 2)
    np.testing.assert_allclose(found.scales, np.exp([[-1, -2, -3]] * 2))
    np.testing.assert_allclose(found.opacities, [0.6] * 2, atol=1e-6)
    np.testing.assert_allclose(found.colours, [[0.5, 0.782094792, 0.217905208]] * 2, atol=1e-6)
    plain = decode_splats(columns(), "a.ply", most_log_scale=2.0, plain_colour=True)
    np.testing.assert_allclose(plain.colours, [[0, 1, 0]] * 2)
    rest = {f"f_rest_{k}": k / 10 for k in range(9)}  # red's three, green's three, blue's three
    shaded = decode_splats(columns(**rest), "a.ply", most_log_scale=2.0)
    assert shaded.harmonics is not None
    np.testing.assert_allclose(
        shaded.harmonics[1], [[0, 0.3, 0.6], [0.1, 0.4, 0.7], [0.2, 0.5, 0.8]], atol=1e-7
    )


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"scale_1": 1.99}, True),
        ({"scale_1": 2.01}, False),
        ({"scale_1": -np.inf}, True),
        ({"scale_1": np.inf}, False),
        ({"opacity": np.inf}, True),
        ({"opacity": -np.inf}, True),
        ({"opacity": np.nan}, False),
        ({"x": np.inf}, False),
        ({"rot_2": 0, "rot_3": 9e-7}, False),
        ({"rot_2": 0, "rot_3": 2e-6}, True),
        ({"f_rest_0": 0.1}, False),
        ({f"f_rest_{k}": 0.1 for k in range(24)}, True),
        ({f"f_rest_{k}": 0.1 for k in range(10)}, False),
    ],
)
def test_what_a_ply_may_hold(changes: dict[str, float], fits: bool):
    if fits:
        decode_splats(columns(**changes), "a.ply", most_log_scale=2.0)
        return
    with pytest.raises(InputError) as caught:
        decode_splats(columns(**changes), "a.ply", most_log_scale=2.0)
    assert caught.value.code == "avatar.ply"


def test_discs_have_no_third_scale_and_no_ply_lacks_another():
    for missing, thick in (("scale_2", [np.exp(-1), np.exp(-2), 8.756511e-27]), ("scale_1", None)):
        held = {name: values for name, values in columns().items() if name != missing}
        if thick is None:
            with pytest.raises(InputError, match="scale_1 is missing"):
                decode_splats(held, "a.ply", most_log_scale=2.0)
        else:
            flat = decode_splats(held, "a.ply", most_log_scale=2.0).scales
            np.testing.assert_allclose(flat, [thick] * 2, rtol=1e-6)


def test_a_ply_as_other_tools_read_it():
    """3DGS's own columns in its own order: normals that are zero, and harmonics by channel."""
    splats = replace(gaussians(3, 3, count=2), opacities=np.float32([0.6, 0.2]))
    head, body = encode_splats(splats).split(b"end_header\n")
    names = [line.split()[-1] for line in head.decode().splitlines() if "property" in line]
    assert names == [
        *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"),
        *(f"f_rest_{k}" for k in range(9)),
        *("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
    ]
    assert head.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 2\n")
    table = np.frombuffer(body, "<f4").reshape(2, 26)
    np.testing.assert_array_equal(table[:, :3], splats.means)
    assert not table[:, 3:6].any()
    np.testing.assert_allclose(table[:, 6:9], (splats.colours - 0.5) / 0.28209479, rtol=1e-5)
    rest = [splats.harmonics[1, k, channel] for channel in range(3) for k in range(3)]
    np.testing.assert_array_equal(table[1, 9:18], rest)
    np.testing.assert_allclose(table[:, 18], [0.405465, -1.386294], rtol=1e-5)
    np.testing.assert_array_equal(table[:, 19:22], np.zeros((2, 3)))  # logarithms of 1
    np.testing.assert_array_equal(table[:, 22:], splats.quaternions)
