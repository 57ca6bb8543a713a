# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard an expression presses each wrinkle."""

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.sidecar.avatar.effects import (
    EXPRESSIONS,
    face_rows,
    open_motion,
    open_places,
    row_names,
    weights_of,
)
from affekt.sidecar.avatar.pressing import OPEN_FACE_MM, pressing_of
from affekt.sidecar.avatar.wrinkle_patterns import WRINKLES
from affekt.sidecar.head.read import read_head


def pressed(**mm: float) -> dict[str, float]:
    """The pressing of rows given in mm, named with `_` for what no keyword may hold."""
    row = np.zeros((1, len(row_names())))
    for name, value in mm.items():
        row[0, row_names().index(name.replace("__", ":").replace("_", "."))] = value / OPEN_FACE_MM
    return dict(zip(WRINKLES, pressing_of(row)[0].tolist(), strict=True))


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
