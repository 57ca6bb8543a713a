# SPDX-License-Identifier: GPL-3.0-or-later
"""Camera files: each number where it belongs, and each fault by its own name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.render.camera_file import read_cameras

POSE = [[0, 0, -1, 0.25], [0, -1, 0, 0.5], [-1, 0, 0, 2.0], [0, 0, 0, 1]]
WHOLE = {
    "width": 640,
    "height": 360,
    "focal_px": [900, 700],
    "centre_px": [300, 200],
    "camera_from_head": POSE,
    "near_m": 0.5,
    "far_m": 7,
    "orthographic": True,
}


def write(folder: Path, given: object) -> Path:
    path = folder / "camera.json"
    path.write_text(json.dumps(given))
    return path


def test_each_number_is_where_it_belongs(tmp_path: Path) -> None:
    (camera,) = read_cameras(write(tmp_path, WHOLE), 5)
    assert (camera.width, camera.height) == (640, 360)
    assert (camera.focal_x, camera.focal_y) == (900, 700)
    assert (camera.centre_x, camera.centre_y) == (300, 200)
    assert (camera.near, camera.far, camera.orthographic) == (0.5, 7, True)
    np.testing.assert_array_equal(camera.camera_from_world, POSE)


def test_what_is_left_out_is_what_the_documentation_says(tmp_path: Path) -> None:
    needed = ("width", "height", "focal_px", "camera_from_head")
    (camera,) = read_cameras(write(tmp_path, {key: WHOLE[key] for key in needed}), 5)
    assert (camera.centre_x, camera.centre_y) == (320, 180)
    assert (camera.near, camera.far, camera.orthographic) == (0.01, 100, False)


def test_a_frame_that_is_not_named_has_the_camera_before_it(tmp_path: Path) -> None:
    """Before the first entry there is the first; entries behind the take's end do no harm."""
    entries = [{"frame": frame, "far_m": far} for frame, far in ((6, 60), (2, 20), (3, 30))]
    cameras = read_cameras(write(tmp_path, {**WHOLE, "frames": entries}), 6)
    assert [camera.far for camera in cameras] == [20, 20, 20, 30, 30, 30]
    assert {camera.focal_y for camera in cameras} == {700}
    twice = [{"frame": 0, "far_m": 20}, {"frame": 0, "far_m": 30}]  # the later one counts
    assert read_cameras(write(tmp_path, {**WHOLE, "frames": twice}), 1)[0].far == 30


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": "wide"}, "'width' is missing or not numbers"),
        ({"width": [640]}, "'width' is not one number(s)"),
        ({"height": None}, "'height' is not one number(s)"),
        ({"focal_px": [80]}, "'focal_px' is not 2 number(s)"),
        ({"focal_px": [80, float("inf")]}, "'focal_px' is not 2 number(s)"),
        ({"centre_px": 5}, "'centre_px' is not 2 number(s)"),
        ({"camera_from_head": [1, 2]}, "'camera_from_head' is not 4x4 number(s)"),
        ({"camera_from_head": POSE[:3]}, "'camera_from_head' is not 4x4 number(s)"),
        ({"camera_from_head": [["a"] * 4] * 4}, "'camera_from_head' is missing or not numbers"),
        ({"near_m": "close"}, "'near_m' is missing or not numbers"),
        ({"orthographic": 1}, "'orthographic' is neither true nor false"),
        ({"orthographic": "no"}, "'orthographic' is neither true nor false"),
        ({"orthographic": None}, "'orthographic' is neither true nor false"),
        ({"frames": []}, "'frames' is not a list of cameras"),
        ({"frames": {"frame": 0}}, "'frames' is not a list of cameras"),
        ({"frames": [{"far_m": 8}]}, "an entry of 'frames' does not say its frame"),
        ({"frames": [{"frame": "0"}]}, "an entry of 'frames' does not say its frame"),
        ({"frames": [3]}, "an entry of 'frames' does not say its frame"),
        ({"frames": [{"frame": 0}, {"frame": 1, "far_m": "x"}]}, "'far_m' is missing"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_cameras(write(tmp_path, {**WHOLE, **change}), 4)
    assert caught.value.code == "option.camera"
    assert f"The camera file camera.json cannot be used: {reason}" in caught.value.message


@pytest.mark.parametrize("key", ["width", "height", "focal_px", "camera_from_head"])
def test_what_no_camera_can_do_without(key: str, tmp_path: Path) -> None:
    rest = {name: value for name, value in WHOLE.items() if name != key}
    with pytest.raises(InputError) as caught:
        read_cameras(write(tmp_path, rest), 4)
    assert f"'{key}' is missing" in caught.value.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "is not JSON"), ("[" * 100_000, "is not JSON"), ("[1]", "it is not an object")],
)
def test_files_of_something_else(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_cameras(path, 4)
    assert caught.value.code == "option.camera"
    assert reason in caught.value.message


def test_more_cameras_than_frames_there_may_be(tmp_path: Path) -> None:
    entries = [{"frame": 0}] * 240_001
    with pytest.raises(InputError) as caught:
        read_cameras(write(tmp_path, {"frames": entries}), 4)
    assert "'frames' is not a list of cameras" in caught.value.message
