# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard an expression presses each wrinkle."""

import re

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.shared.pressing import WRINKLES
from affekt.shared.wrinkle_patterns import _PAIRS
from affekt.sidecar.avatar.effects import (
    EXPRESSIONS,
    face_rows,
    open_motion,
    open_places,
    row_names,
    weights_of,
)
from affekt.sidecar.avatar.pressing import OPEN_FACE_MM, pressing_of
from affekt.sidecar.head.read import read_head


def pressed(**mm: float) -> dict[str, float]:
    """The pressing of rows given in mm, named with `_` for what no keyword may hold."""
    row = np.zeros((1, len(row_names())))
    spelt = [re.sub(r"[. ]", "_", name).replace(":", "__") for name in row_names()]
    for name, value in mm.items():
        row[0, spelt.index(name)] = value / OPEN_FACE_MM
    return dict(zip(WRINKLES, pressing_of(row)[0].tolist(), strict=True))


def test_every_wrinkle_has_its_pattern() -> None:
    assert [f"{name}.{side}" for name in _PAIRS for side in ("left", "right")] == list(WRINKLES)


def test_by_hand() -> None:
    """A left wing that rises by 3.2 mm and its corner by 2, the right wing by 1 mm: 0.7 and 0.25
    of what wrinkles a nose fully, less the 0.15 that does nothing."""
    found = pressed(nose_wing_left__y=3.2, corner_left__y=2.0, nose_wing_right__y=1.0)
    assert found["bunny.left"] == pytest.approx(0.653255, abs=1e-5)
    assert found["bunny.right"] == pytest.approx(0.065045, abs=1e-5)
    assert found["crow.left"] == found["glabella.left"] == 0
    assert found["nasolabial.left"] == found["bunny.left"]
    smiles = pressed(nose_wing_right__y=1.4, corner_right__y=7.7)
    assert smiles["smile.right"] == smiles["dimple.right"] == pytest.approx(found["bunny.left"])
    assert smiles["smile.left"] == smiles["nasolabial.right"] == 0


STRONG, WEAK = 0.653255, 0.065045
"""What comes of 0.7 and of 0.25 of a full pressing, less the 0.15 that does nothing."""


@pytest.mark.parametrize(
    ("wrinkle", "mm"),
    [
        # Brows 10/12 together: times 0.84 where lowered, 0.3 at least where raised.
        (
            "glabella",
            {"brow_width": -7.5, "brow_inner_left__y": -4.885714, "brow_inner_right__y": 12.0},
        ),
        # A third together: adds 0.1 from 3 mm on, and less below.
        (
            "forehead.middle",
            {"brow_width": -3.0, "brow_inner_left__y": 3.6, "brow_inner_right__y": 1.25},
        ),
        (
            "forehead.side",
            {
                "brow_middle_left__y": 9.0,
                "brow_outer_left__y": -2.0,
                "brow_middle_right__y": -1.0,
                "brow_outer_right__y": 3.5,
            },
        ),
        (
            "socket",
            {
                "brow_inner_left__y": -14.0,
                "brow_middle_left__y": 1.4,
                "brow_inner_right__y": 1.0,
                "brow_middle_right__y": -5.5,
            },
        ),
        # Half of the wrinkled nose and, on the left, the lowered brow; a raised one takes nothing.
        (
            "nose.root",
            {
                "brow_inner_left__y": -7.0,
                "brow_middle_left__y": -1.1,
                "nose_wing_left__y": 2.0,
                "brow_inner_right__y": 3.0,
                "nose_wing_right__y": 2.4,
                "corner_right__y": 2.0,
            },
        ),
        ("crow", {"cheek_left__y": 5.6, "cheek_right__y": 2.0}),
        ("under.eye", {"cheek_left__y": 5.6, "cheek_right__y": 2.0}),
        # A corner that rises takes a fifth; a lowered one adds nothing.
        *(
            (
                wrinkle,
                {
                    "nose_wing_left__y": 2.8,
                    "corner_left__y": -5.0,
                    "nose_wing_right__y": 3.0,
                    "corner_right__y": 10.0,
                },
            )
            for wrinkle in ("bunny", "nasolabial")
        ),
        # A wing that rises takes all of it; a lowered one adds nothing.
        *(
            (
                wrinkle,
                {
                    "corner_left__y": 6.3,
                    "nose_wing_left__y": -4.0,
                    "corner_right__y": 4.25,
                    "nose_wing_right__y": 2.0,
                },
            )
            for wrinkle in ("smile", "dimple")
        ),
        # A jaw that opens takes half; one that closes further adds nothing.
        ("corner.down", {"corner_left__y": -6.2, "corner_right__y": -3.5, "chin__y": -4.0}),
        ("corner.down", {"corner_left__y": -4.2, "corner_right__y": -1.5, "chin__y": 5.0}),
    ],
)
def test_each_wrinkle_by_hand(wrinkle: str, mm: dict[str, float]) -> None:
    """On the left 0.7 of what presses it fully, on the right 0.25."""
    found = pressed(**mm)
    assert found[f"{wrinkle}.left"] == pytest.approx(STRONG, abs=1e-5)
    assert found[f"{wrinkle}.right"] == pytest.approx(WEAK, abs=1e-5)


@pytest.mark.parametrize(
    ("lip_mm", "left_mm", "right_mm", "share"),
    [(-1.0, -4.0, 1.0, STRONG), (-1.0, 6.0, 0.5, WEAK), (-4.0, 3.0, 0.0, 0)],
)
def test_the_chin_by_hand(lip_mm: float, left_mm: float, right_mm: float, share: float) -> None:
    """A tenth for each millimetre of the lip above a chin that sank by 4, less the lower corner's
    height; on both sides the same."""
    found = pressed(
        lip_lower_middle__y=lip_mm, corner_left__y=left_mm, corner_right__y=right_mm, chin__y=-4.0
    )
    assert found["chin.left"] == found["chin.right"] == pytest.approx(share, abs=1e-5)


def test_rest_and_little_motion_press_nothing() -> None:
    assert not np.any(pressing_of(np.zeros((3, len(row_names())))))
    rng = np.random.default_rng(0)
    breath = rng.uniform(-0.3, 0.3, (50, len(row_names()))) / OPEN_FACE_MM
    assert not np.any(pressing_of(breath))


def test_it_ends_below_one_and_a_half() -> None:
    rng = np.random.default_rng(1)
    wild = pressing_of(rng.uniform(-90, 90, (200, len(row_names()))) / OPEN_FACE_MM)
    assert wild.min() == 0
    assert 1.4 < wild.max() < 1.5 + 1e-9


@pytest.fixture(scope="module")
def open_head() -> HeadModel:
    return read_head("open")


@pytest.mark.parametrize(
    ("face", "folds", "smooth"),
    [
        ("angry", {"glabella", "socket"}, {"forehead.side", "crow", "nasolabial", "chin"}),
        ("happy", {"crow", "smile", "under.eye"}, {"glabella", "forehead.middle", "chin"}),
        ("surprise", {"forehead.side", "forehead.middle"}, {"glabella", "crow", "nasolabial"}),
        ("fear", {"forehead.middle"}, {"socket", "crow", "bunny"}),
        ("sad", {"forehead.middle", "corner.down"}, {"crow", "nasolabial", "bunny"}),
        ("disgust", {"bunny", "nasolabial"}, {"forehead.side", "forehead.middle"}),
    ],
)
def test_faces_fold_as_people_do(
    face: str, folds: set[str], smooth: set[str], open_head: HeadModel
) -> None:
    motion = open_motion(weights_of(EXPRESSIONS[face])[None], open_head)
    found = pressing_of(face_rows(motion, open_places(open_head)))[0]
    told = dict(zip(WRINKLES, found.round(2).tolist(), strict=True))
    print(face, told)
    for side in ("left", "right"):
        assert all(told[f"{name}.{side}"] > 0.25 for name in folds)
        assert all(told[f"{name}.{side}"] < 0.2 for name in smooth)
