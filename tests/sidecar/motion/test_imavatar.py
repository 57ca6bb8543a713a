# SPDX-License-Identifier: GPL-3.0-or-later
"""IMavatar's frames, row by row; the layouts as files are in test_layouts."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.imavatar import IMAVATAR, decode_imavatar
from affekt.sidecar.motion.raw_take import RawTake

QUARTER = [[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]
"""A camera that sees the head turned by a quarter about y."""


def frame(number: int, path: str | None = None, square: bool = False) -> dict[str, object]:
    """Of which every value tells the number; its camera looks from a side."""
    rows = [[*QUARTER[k], 4.0 * (number + k)] for k in range(3)]
    return {
        "file_path": path or f"./image/{number:03}.png",
        "expression": [number + k / 100 for k in range(3)],
        "pose": [0, 0.1, 0, *(number + k / 1000 for k in range(3, 15))],
        "world_mat": [*rows, [0, 0, 0, 1]] if square else rows,
    }


def decode(*frames: dict[str, object], **more: object) -> RawTake:
    return decode_imavatar({"frames": list(frames), **more}, "flame_params.json")


@pytest.mark.parametrize("square", [False, True])
def test_every_second_picture_in_any_order(square: bool) -> None:
    """Half of the rate that the file names."""
    frames = [frame(number, square=square) for number in (6, 2, 8, 4)]
    raw = decode(*frames, fps=48, shape_params=[0.25] * 7)
    assert (raw.space, raw.fps) == ("flame2020", 24)
    assert raw.clock.numbers is not None
    assert raw.clock.numbers.tolist() == [0, 1, 2, 3]
    numbers = np.array([2.0, 4, 6, 8])[:, None]
    for field, columns in (("neck", (3, 6)), ("jaw", (6, 9)), ("eyes", (9, 15))):
        wanted = numbers + np.arange(*columns) / 1000
        np.testing.assert_allclose(raw.rows[field], wanted, atol=1e-6)
    np.testing.assert_allclose(
        raw.rows["expression"][:, :3], numbers + np.arange(3) / 100, atol=1e-6
    )
    assert not raw.rows["expression"][:, 3:].any()
    np.testing.assert_allclose(raw.rows["translation"], numbers + np.arange(3), atol=1e-6)
    turned = np.tile([0, np.pi / 2 + 0.1, 0], (4, 1))
    np.testing.assert_allclose(raw.rows["rotation"], turned, atol=1e-6)
    (note,) = raw.notes
    assert note.startswith("The pictures are numbered in steps of 2, as of a video at 48 frames")


def test_pictures_whose_names_say_no_order_stay_as_they_are() -> None:
    """Two kinds of names, or one number twice."""
    for paths in (("a_9.png", "b_1.png", "a_2.png"), ("a_3.png", "a_3.png", "a_1.png")):
        frames = [frame(k, path) for k, path in zip((5, 1, 3), paths, strict=True)]
        raw = decode(*frames)
        np.testing.assert_allclose(raw.rows["expression"][:, 0], [5, 1, 3])
        assert raw.fps is None


def test_arrays_have_a_rate_and_a_camera_each() -> None:
    record = {
        "expression": np.zeros((4, 50), np.float32),
        "full_pose": np.tile(np.arange(15, dtype=np.float32) / 100, (4, 1)),
        "world_mat": np.tile(np.array(frame(1)["world_mat"], np.float32), (4, 1, 1)),
        "fps": np.array(25.0),
    }
    raw = IMAVATAR.decode(record, "a.npz")
    assert raw.fps == 25
    np.testing.assert_allclose(raw.rows["jaw"][3], [0.06, 0.07, 0.08], atol=1e-6)
    np.testing.assert_allclose(raw.rows["translation"][3], [1, 2, 3], atol=1e-6)
    straight = {**record, "world_mat": np.tile(np.eye(4)[:3], (4, 1, 1))}
    np.testing.assert_array_equal(
        IMAVATAR.decode(straight, "a.npz").rows["rotation"], record["full_pose"][:, :3]
    )


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("world_mat", np.zeros((4, 3, 3)), "a matrix of 3 x 4 numbers in every frame"),
        ("world_mat", np.zeros((3, 3, 4)), "a matrix of 3 x 4 numbers in every frame"),
        ("world_mat", np.zeros((4, 12)), "a matrix of 3 x 4 numbers in every frame"),
        ("pose", np.array(0.5), "the shape (), not one row"),
        ("pose", np.zeros((3, 15)), "(3, 15), not 4 rows of 15 numbers."),
        ("pose", np.zeros((4, 9)), "(4, 9), not 4 rows of 15 numbers."),
    ],
)
def test_arrays_of_other_shapes_are_named(name: str, values: np.ndarray, said: str) -> None:
    record = {"expression": np.zeros((4, 50)), "pose": np.zeros((4, 15)), name: values}
    with pytest.raises(InputError) as caught:
        IMAVATAR.decode(record, "a.npz")
    assert caught.value.code == "motion.shape"
    assert caught.value.message.startswith(f"In a.npz, {name} ")
    assert said in caught.value.message


def test_a_frame_that_lacks_its_pose() -> None:
    lacking = frame(2)
    del lacking["pose"]
    with pytest.raises(InputError) as caught:
        decode(frame(1), lacking)
    assert caught.value.code == "motion.shape"
    assert caught.value.message == (
        "In flame_params.json, frames is not a list of frames with expression and pose."
    )
