# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a face's places are, what counts how much, and how the sides go together; what is measured
on them is in test_calibration."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.shared.head import JOINTS, REGIONS
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar import effects
from affekt.sidecar.avatar.alignment import open_alignment
from affekt.sidecar.avatar.avatar import ArkitRig
from affekt.sidecar.avatar.effects import (
    PLACES,
    SPEECH,
    FacePlaces,
    face_places,
    face_rows,
    laid_places,
    landmark_places,
    open_places,
    row_names,
    weights_of,
)
from affekt.sidecar.head.read import read_head

OPEN = read_head("open")


@pytest.fixture(scope="module")
def places() -> FacePlaces:
    return open_places(OPEN)


def place(places: FacePlaces, name: str) -> np.ndarray:
    return places.rest[PLACES.index(name)]


def test_every_place_is_seen_and_its_shares_are_one(places: FacePlaces) -> None:
    np.testing.assert_allclose(places.shares.sum(1), 1)
    assert places.is_seen.tolist() == [1.0] * len(PLACES)
    assert 0.08 < places.height_m < 0.13


# From the first to the second it goes up, and to the third outward.
ORDER = """
chin jaw.left | chin rim.lower.middle | rim.lower.middle rim.upper.middle
lip.lower.middle rim.lower.middle | rim.upper.middle lip.upper.middle
lip.lower.left lip.upper.left | rim.lower.left rim.upper.left
lip.upper.middle nose.wing.left | nose.wing.left nose.side.left | corner.left furrow.left
furrow.left cheek.left | cheek.left lid.lower.middle.left | nose.side.left glabella
lid.lower.inner.left lid.upper.inner.left | lid.lower.middle.left lid.upper.middle.left
lid.lower.outer.left lid.upper.outer.left | lid.upper.middle.left brow.middle.left
lid.upper.inner.left glabella | lid.upper.outer.left brow.outer.left
"""
OUTWARD = """
brow.inner brow.middle brow.outer | lid.upper.inner lid.upper.middle lid.upper.outer eye.outer
lid.lower.inner lid.lower.middle lid.lower.outer eye.outer | rim.upper corner
nose.side nose.wing furrow jaw | rim.lower lip.lower corner | rim.upper lip.upper corner
"""


@pytest.mark.parametrize(
    "pair", [p.strip() for p in ORDER.replace("\n", "|").split("|") if p.strip()]
)
def test_what_lies_above_what(places: FacePlaces, pair: str) -> None:
    below, above = pair.split()
    assert place(places, above)[1] > place(places, below)[1] + 0.0005


@pytest.mark.parametrize(
    "row", [p.strip() for p in OUTWARD.replace("\n", "|").split("|") if p.strip()]
)
def test_what_lies_further_outside(places: FacePlaces, row: str) -> None:
    left = [place(places, f"{name}.left")[0] for name in row.split()]
    right = [place(places, f"{name}.right")[0] for name in row.split()]
    assert left[0] > 0.001
    assert (np.diff(left) > 0.0005).all()
    np.testing.assert_allclose(right, -np.array(left), atol=0.001)


def test_places_in_the_middle_lie_there(places: FacePlaces) -> None:
    middles = [name for name in PLACES if not name.endswith((".left", ".right"))]
    assert len(middles) == 6
    for name in middles:
        assert abs(place(places, name)[0]) < 0.001, name


def test_lips_are_told_by_the_jaw(places: FacePlaces) -> None:
    """Places of the upper lip hold no vertex that moves with the jaw, and the other way round."""
    jaw = OPEN.skin_weights[:, JOINTS.index("jaw")]
    for name, row in zip(PLACES, places.shares, strict=True):
        if name.startswith(("lip.upper", "rim.upper")):
            assert row @ jaw < 0.35, name
        if name.startswith(("lip.lower", "rim.lower")):
            assert row @ jaw > 0.5, name


def test_a_places_motion_is_the_mean_of_its_vertices(places: FacePlaces) -> None:
    moved = np.zeros((2, len(OPEN.template), 3))
    chin = places.shares[PLACES.index("chin")]
    moved[1, chin > 0, 2] = 0.004
    found = face_places(moved, places)
    assert found.shape == (2, len(PLACES), 3)
    np.testing.assert_allclose(found[1, PLACES.index("chin")], [0, 0, 0.004])
    assert not found[0].any()


def one_vertex_each(rest: dict[str, tuple[float, float, float]]) -> FacePlaces:
    """A mesh of as many vertices as there are places, on a face of 100 mm."""
    there = np.zeros((len(PLACES), 3))
    for name, point in rest.items():
        there[PLACES.index(name)] = point
    return FacePlaces(shares=np.eye(len(PLACES)), rest=there, height_m=0.1)


def test_gaps_width_and_slopes_by_hand() -> None:
    """A lid that stands open by 8 mm and one that is shut, which counts as 1 mm open."""
    where = "lid.{}.middle.left", "lid.{}.outer.right"
    rest = {
        where[0].format("upper"): (0.03, 0.068, 0.07),
        where[0].format("lower"): (0.03, 0.06, 0),
    }
    places = one_vertex_each(rest)
    moves = {
        where[0].format("upper"): (0.001, -0.004, 0.002),
        where[0].format("lower"): (0.003, 0.002, 0.005),
        where[1].format("upper"): (0, 0.0005, 0),
        "rim.upper.left": (0.001, 0.004, 0.009),
        "rim.lower.left": (0.002, -0.003, 0.001),
        "rim.lower.middle": (0, -0.002, 0),
        "corner.left": (0.005, 0.02, 0.03),
        "corner.right": (-0.003, 0.04, 0.05),
        "brow.inner.left": (0.001, 0.006, 0.02),
        "brow.outer.left": (0.009, 0.002, 0.03),
        "brow.inner.right": (-0.004, -0.001, 0.04),
        "brow.outer.right": (0.007, 0.003, 0.05),
    }
    moved = np.zeros((1, len(PLACES), 3))
    for name, motion in moves.items():
        moved[0, PLACES.index(name)] = motion
    rows = dict(zip(row_names(), face_rows(moved, places)[0], strict=True))
    assert rows["corner.left:z"] == pytest.approx(0.3)
    last = list(row_names())[len(PLACES) * 3 :]
    assert {name: pytest.approx(rows[name]) for name in last if abs(rows[name]) > 1e-9} == {
        "lid gap.middle.left": 0.08 * -0.06 / 0.08,
        "lid gap.outer.right": 0.08 * 0.005 / 0.01,
        "rim.gap.left": 0.07,
        "rim.gap.middle": 0.02,
        "mouth width": 0.08,
        "brow slope.left": 0.04,
        "brow slope.right": -0.04,
        "brow width": 0.05,
    }
    assert face_rows(moved[:0], places).shape == (0, len(row_names()))


CHEEK = PLACES.index("cheek.right")


@pytest.mark.parametrize(
    ("name", "landmark", "shift_mm", "size_mm"),
    [("cheek.right", 46, (-1, -22, 4), 7.0), ("chin", 8, (0, 0, 0), 7.0)],
)
def test_a_place_is_a_soft_spot_weighted_by_area(
    places: FacePlaces, name: str, landmark: int, shift_mm: tuple[float, ...], size_mm: float
) -> None:
    """A right one's landmark is the left one's mirror image; x grows to the left."""
    row, sides = PLACES.index(name), (0 if name == "chin" else -1, 1, 1)
    middle = landmark_places(OPEN)[landmark] * sides + np.array(shift_mm) / 1000
    away = np.linalg.norm(OPEN.template - middle, axis=1) / (size_mm / 1000)
    shares = places.shares[row]
    near = np.isin(OPEN.region, [REGIONS.index(name) for name in ("skin", "lip")]) & (away < 2.5)
    np.testing.assert_array_equal(shares > 0, near)
    a, b, c = (OPEN.template[OPEN.faces[:, k]].astype(float) for k in range(3))
    of_face = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    area = np.bincount(OPEN.faces.ravel(), np.repeat(of_face / 3, 3), len(OPEN.template))
    wanted = np.exp(-(away**2) / 2) * area * near
    np.testing.assert_allclose(shares, wanted / wanted.sum(), atol=1e-9)
    np.testing.assert_allclose(places.rest[row], shares @ OPEN.template, atol=1e-9)
    lids = [k for k, name in enumerate(PLACES) if name.startswith("lid.")]
    height = places.rest[lids, 1].mean() - place(places, "chin")[1]
    assert places.height_m == pytest.approx(height)


def test_which_vertices_show_a_place(places: FacePlaces) -> None:
    """Those on the open head's skin or lips, laid on to 4 mm; of fewer than three no place is
    told, and without lids a face is 100 mm high."""
    whole, row = open_alignment(OPEN), CHEEK
    mine = np.flatnonzero(places.shares[row])

    def shown(label: str = "skin", distance: float = 0.0, spared: int = 0) -> bool:
        labels, distances = whole.label.copy(), whole.distance.copy()
        labels[mine[spared:]] = REGIONS.index(label)
        distances[mine[spared:]] = distance
        found = replace(whole, label=labels, distance=distances)
        return bool(laid_places(OPEN, found, OPEN).is_seen[row])

    assert shown(distance=0.0039)
    assert shown(label="lip")
    assert not shown(distance=0.0041)
    assert not shown(label="mouth")
    assert not shown(label="mouth", spared=2)
    assert shown(label="mouth", spared=3)
    bare = replace(whole, label=np.full_like(whole.label, REGIONS.index("mouth")))
    assert laid_places(OPEN, bare, OPEN).height_m == 0.1


def test_places_on_a_rig_are_measured_on_its_own_vertices(places: FacePlaces) -> None:
    rig = ArkitRig(
        vertices=(2 * OPEN.template + [0, 1, 0]).astype(np.float32),
        faces=OPEN.faces,
        arkit_shapes=np.zeros((52, len(OPEN.template), 3), np.float32),
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((len(OPEN.template), 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )
    found = laid_places(rig, open_alignment(OPEN), OPEN)
    np.testing.assert_allclose(found.rest, 2 * places.rest + [0, 1, 0], atol=1e-6)
    assert found.height_m == pytest.approx(2 * places.height_m)
    lower = laid_places(OPEN, open_alignment(OPEN), OPEN, brows_lower_mm=4.0)
    down = 1000 * (places.rest - lower.rest)[:, 1]
    is_brow = np.array([name.startswith("brow") for name in PLACES])
    np.testing.assert_allclose(down[is_brow], 4, atol=0.8)
    assert not down[~is_brow].any()


def test_landmarks_are_weighted_corners() -> None:
    found = landmark_places(OPEN)
    face = OPEN.faces[OPEN.landmark_faces[45]]
    wanted = OPEN.landmark_weights[45] @ OPEN.template[face]
    np.testing.assert_allclose(found[45], wanted, atol=1e-7)
    assert found[45, 0] > found[42, 0] > found[39, 0] > found[36, 0]  # iBUG goes to the left


def test_each_row_has_its_twin_on_the_other_side() -> None:
    names = row_names()
    mirror, signs = effects._mirror()
    assert (mirror[mirror] == np.arange(len(names))).all()

    def twin(name: str) -> tuple[str, float]:
        index = names.index(name)
        return names[mirror[index]], float(signs[index])

    assert twin("corner.left:x") == ("corner.right:x", -1.0)
    assert twin("corner.right:y") == ("corner.left:y", 1.0)
    assert twin("chin:x") == ("chin:x", -1.0)
    assert twin("lid gap.inner.left") == ("lid gap.inner.right", 1.0)
    assert twin("rim.gap.right") == ("rim.gap.left", 1.0)
    assert twin("rim.gap.middle") == ("rim.gap.middle", 1.0)
    assert twin("brow slope.left") == ("brow slope.right", 1.0)
    assert twin("mouth width") == ("mouth width", 1.0)


def test_what_each_row_counts() -> None:
    seen = np.ones(len(PLACES))
    seen[PLACES.index("chin")] = 0
    counts = dict(zip(row_names(), effects._row_weights(seen), strict=True))
    assert {counts[f"brow.inner.left:{axis}"] for axis in "xyz"} == {3.0}
    assert {counts[f"corner.right:{axis}"] for axis in "xyz"} == {4.0}
    assert {counts[f"chin:{axis}"] for axis in "xyz"} == {0.0}
    assert counts["jaw.left:x"] == 0.5
    assert counts["glabella:y"] == 1.5
    assert (counts["lid gap.outer.right"], counts["rim.gap.middle"]) == (4.0, 0.5)
    assert (counts["mouth width"], counts["brow slope.left"], counts["brow width"]) == (1, 8, 8)


def test_a_place_that_the_rig_does_not_show_counts_nothing(
    places: FacePlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what only the open head lacks; all else counts as on the open head itself."""
    shares = places.shares.copy()
    shares[PLACES.index("chin")] = 0
    shown = replace(places, shares=shares)
    monkeypatch.setattr(effects, "rig_places", lambda *_, **__: shown)
    face: list[np.ndarray] = []
    monkeypatch.setattr(
        effects, "largest_weights", lambda rig, on_face: face.append(on_face) or np.full(52, 2.0)
    )
    rig = SimpleNamespace(arkit_shapes=np.zeros((52, len(OPEN.template), 3)))
    found = effects.effects_of(rig, OPEN)
    seen = np.ones(len(PLACES))
    seen[PLACES.index("chin")] = 0
    np.testing.assert_array_equal(found.row_weights, effects._row_weights(seen))
    assert found.most.tolist() == [2.0] * 52
    np.testing.assert_array_equal(face[0], shares.any(0))
    assert not found.own.any()
    assert found.closing_rows.sum() == 3
    gaps = found.wanted[found.closing_rows]
    assert not gaps[:, 52:55].any()  # lips that touch, as every rig's artist shut them
    assert np.abs(gaps[:, ARKIT_NAMES.index("jawOpen")]).min() > 0.01
    # What moves a face less than a tenth of the middle pose does counts no more than that.
    size = np.linalg.norm(found.wanted, axis=0)
    least = 0.1 * np.median(size)
    smile = ARKIT_NAMES.index("mouthSmileLeft")
    assert found.pose_weights[smile] == pytest.approx(1 / size[smile] ** 2)
    assert found.pose_weights[52] == pytest.approx(8 / max(size[52], least) ** 2)
    assert found.pose_weights.max() <= 8 / least**2


def test_the_poses_and_what_they_count() -> None:
    poses, counts = effects._poses()
    assert poses.shape == (52, 52 + 14)
    np.testing.assert_array_equal(poses[:, :52], np.eye(52))
    assert counts[ARKIT_NAMES.index("mouthClose")] == 0
    assert np.delete(counts[:52], ARKIT_NAMES.index("mouthClose")).tolist() == [1.0] * 51
    assert counts[52:].tolist() == [8.0, 4.0, 4.0, *[1.0] * 11]
    np.testing.assert_array_equal(poses[:, 55], weights_of(SPEECH["f"]))
    smile = weights_of({"mouthSmile": 0.8, "jawOpen": 0.1})
    assert {ARKIT_NAMES[k]: smile[k] for k in np.flatnonzero(smile)} == {
        "jawOpen": 0.1,
        "mouthSmileLeft": 0.8,
        "mouthSmileRight": 0.8,
    }
