# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: another picture never has the same one, and the same picture always has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.motion import WIDTHS, Motion, make_motion
from affekt.shared.pictures import PictureRequest
from affekt.shared.recipes import PictureRecipes

FRAMES = 4
MATRICES = np.stack([np.eye(4)] * FRAMES)


def camera(distance: float = 1.0) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=distance,
        yaw_rad=0,
        pitch_rad=0,
        width=64,
        height=64,
        fov_y_rad=0.5,
    )


def a_motion() -> Motion:
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(0, 0.1, (FRAMES, width)) for name, width in WIDTHS.items()}
    return make_motion(fps=30.0, space="open", **{n: v.astype(np.float32) for n, v in rows.items()})


REQUEST = PictureRequest(
    cameras=tuple(camera(1 + i / 10) for i in range(FRAMES)),
    format="exr",
    world_from_head=MATRICES,
    weights=np.zeros((FRAMES, 6), np.float32),
    influence=np.ones(FRAMES, np.float32),
    appearance=np.ones(FRAMES, np.float32),
    skin_emotions=np.zeros((FRAMES, 6), np.float32),
)
STILL = {
    "cameras": (camera(),),
    "world_from_head": np.eye(4),
    "weights": None,
    "influence": None,
    "appearance": None,
    "skin_emotions": None,
}
VECTORS = replace(REQUEST, passes=("combined", "vector"))


def recipes(
    motion: Motion, request: PictureRequest, subject: str = "a"
) -> tuple[list[str], PictureRecipes]:
    of = PictureRecipes(subject, motion, request)
    return [of.of_frame(index) for index in range(len(motion))], of


def same(one: list[str], other: list[str]) -> list[bool]:
    return [a == b for a, b in zip(one, other, strict=True)]


def changed(array: np.ndarray | None, index: int) -> np.ndarray:
    assert array is not None
    out = array.copy()
    out[index] += 1
    return out


def test_frames_have_recipes_of_their_own() -> None:
    """Also where nothing moves: an EXR's header says its frame."""
    still = make_motion(expression=np.zeros((3, 100), np.float32), fps=30, space="open")
    found, of = recipes(still, PictureRequest())
    assert len({*found, of.of_take()}) == 4
    assert found == recipes(still, PictureRequest())[0]


def test_which_frames_are_asked_for_does_not_matter() -> None:
    whole, of = recipes(a_motion(), REQUEST)
    part, other = recipes(a_motion(), replace(REQUEST, frames=range(1, 2)))
    assert part == whole
    assert other.of_take() == of.of_take()


@pytest.mark.parametrize(
    "change",
    [
        {"cameras": (*REQUEST.cameras[:2], camera(3), REQUEST.cameras[3])},
        {"cameras": (*REQUEST.cameras[:2], replace(camera(1.2), focal_x=9), REQUEST.cameras[3])},
        {"world_from_head": np.stack([*MATRICES[:2], np.diag([2.0, 2, 2, 1]), MATRICES[3]])},
        {"weights": changed(REQUEST.weights, 2)},
        {"influence": changed(REQUEST.influence, 2)},
        {"appearance": changed(REQUEST.appearance, 2)},
    ],
)
def test_what_changes_in_one_frame(change: dict) -> None:
    before, of = recipes(a_motion(), REQUEST)
    after, other = recipes(a_motion(), replace(REQUEST, **change))
    assert same(before, after) == [True, True, False, True]
    assert of.of_take() != other.of_take()


def test_skin_remembers_an_emotion() -> None:
    before, of = recipes(a_motion(), REQUEST)
    other = replace(REQUEST, skin_emotions=changed(REQUEST.skin_emotions, 1))
    after, of_other = recipes(a_motion(), other)
    assert same(before, after) == [True, False, False, False]
    assert of.of_take() != of_other.of_take()


def test_skin_remembers_emotions_of_before_the_take() -> None:
    rows = np.zeros((FRAMES + 90, 6), np.float32)  # 3 s, of which the last frame is its own
    before, _ = recipes(a_motion(), replace(REQUEST, skin_emotions=rows))
    assert same(before, recipes(a_motion(), REQUEST)[0]) == [False] * FRAMES
    after, _ = recipes(a_motion(), replace(REQUEST, skin_emotions=changed(rows, 2)))
    assert same(before, after) == [False, False, True, True]


@pytest.mark.parametrize("name", [*WIDTHS, "eyelids"])
def test_a_motion_that_changes_in_one_frame(name: str) -> None:
    motion = replace(a_motion(), eyelids=np.zeros((FRAMES, 2), np.float32))
    other = replace(motion, **{name: changed(getattr(motion, name), 2)})
    before, after = (recipes(m, REQUEST)[0] for m in (motion, other))
    assert same(before, after) == [True, True, False, True]
    before, after = (recipes(m, VECTORS)[0] for m in (motion, other))
    assert same(before, after) == [True, False, False, False]


def test_vectors_see_the_cameras_beside_them() -> None:
    before = recipes(a_motion(), VECTORS)[0]
    cameras = (camera(3), *VECTORS.cameras[1:])
    after = recipes(a_motion(), replace(VECTORS, cameras=cameras))[0]
    assert same(before, after) == [False, False, True, True]


def test_vectors_of_a_takes_end_change_when_it_grows() -> None:
    motion = a_motion()
    short = replace(motion, **{name: getattr(motion, name)[:3] for name in WIDTHS})
    for request, equal in ((PictureRequest(), 3), (replace(VECTORS, **STILL), 2)):
        found = [recipes(m, request)[0][:3] for m in (short, motion)]
        assert sum(same(*found)) == equal


@pytest.mark.parametrize(
    "change",
    [
        {"cameras": ()},
        {"passes": ("combined", "depth")},
        {"format": "png"},
        {"half": False},
        {"codec": "rle"},
        {"antialiased": False},
        {"follow": "still"},
        {"axes": "camera"},
        {"object_index": 2},
        {"weights": None},
        {"influence": None},
        {"appearance": np.full(FRAMES, 0.5, np.float32)},
        {"skin_emotions": None},
    ],
)
def test_what_changes_every_frame(change: dict) -> None:
    before, of = recipes(a_motion(), REQUEST)
    after, other = recipes(a_motion(), replace(REQUEST, **change))
    assert not {*before, of.of_take()} & {*after, other.of_take()}


def test_other_subjects_motions_and_sizes() -> None:
    before, of = recipes(a_motion(), PictureRequest())
    shape = a_motion().shape + 1
    for after, other in (
        recipes(a_motion(), PictureRequest(), "b"),
        recipes(replace(a_motion(), fps=25.0), PictureRequest()),
        recipes(replace(a_motion(), space="flame2023"), PictureRequest()),
        recipes(replace(a_motion(), shape=shape), PictureRequest()),
        recipes(a_motion(), PictureRequest(width=64)),
    ):
        assert not {*before, of.of_take()} & {*after, other.of_take()}


def test_a_recipe_of_yesterday_still_counts() -> None:
    """Pictures that lie in folders and caches are found again by it: it changes with the
    fingerprints' `VERSION`, on purpose, and never by the way."""
    rows = {name: np.full((2, width), 0.25, np.float32) for name, width in WIDTHS.items()}
    motion = make_motion(fps=24.0, space="open", **rows)
    seen = Camera(
        width=20,
        height=10,
        focal_x=30.0,
        focal_y=31.0,
        centre_x=9.0,
        centre_y=6.0,
        camera_from_world=np.eye(4),
    )
    request = PictureRequest(cameras=(seen,), format="exr", passes=("combined", "vector"))
    of = PictureRecipes("open 0.1", motion, request)
    assert (of.of_frame(1), of.of_take()) == (
        "ba6a8cec096a1a3c1ecb3249e1b50cb3de9a5cc5",
        "681cd1280e6c13e8b2141defc1b9581a6ab3337d",
    )


def test_no_appearance_is_one_in_every_frame() -> None:
    assert (
        recipes(a_motion(), replace(REQUEST, appearance=None))[0] == recipes(a_motion(), REQUEST)[0]
    )
