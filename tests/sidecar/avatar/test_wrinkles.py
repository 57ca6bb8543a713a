# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that wrinkles: on the open head as Gaussians, on somebody else's rig, on no face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import pressing
from affekt.shared.arrays import Float64Array
from affekt.shared.calibration import calibrated
from affekt.shared.emotion import EMOTIONS
from affekt.shared.head import REGIONS
from affekt.shared.motion import Motion, cut_motion, make_motion
from affekt.shared.pressing import WRINKLES
from affekt.shared.wrinkle_patterns import draw_patterns
from affekt.sidecar.adapter.solve import arkit_numbers
from affekt.sidecar.avatar import wrinkles
from affekt.sidecar.avatar.alignment import Alignment
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar, Binding
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.effects import PLACES, open_places, rig_places, row_names, weights_of
from affekt.sidecar.avatar.flush import FLUSHED, ZONES, blood_of
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.pressing import pressing_of
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.rest_pose import rest_gaussians
from affekt.sidecar.avatar.skin_maps import STATES
from affekt.sidecar.avatar.wrinkles import _tint, find_wrinkles
from affekt.sidecar.files import find_arrays, keep_arrays
from affekt.sidecar.head.read import read_head
from fakes.calibrations import any_calibration
from fakes.disguise import in_disguise
from fakes.lam import lam_bundle
from fakes.plain_drive import arkit_motion

OPEN = read_head("open")
SCOWL = weights_of({"browDown": 1.0, "eyeSquint": 0.4})
GRINS_LEFT = np.zeros(52)
GRINS_LEFT[np.flatnonzero(weights_of({"mouthSmile": 1.0, "cheekSquint": 1.0}))[::2]] = 1


def open_motion(*weights: Float64Array) -> Motion:
    """A take of the open head, a frame for each row of ARKit's weights."""
    numbers = (np.array(weights) @ arkit_numbers(OPEN)).astype(np.float32)
    return make_motion(expression=numbers[:, :100], jaw=numbers[:, 100:], fps=30, space="open")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrinkles, "default_cache_folder", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(OPEN)


def light(avatar: Avatar, motion: Motion, index: int, appearance: float = 1.0) -> Float64Array:
    """(N,) by how much each Gaussian's mean colour is multiplied."""
    shown = Actor(avatar, motion, appearance=appearance).pose(index).gaussians.colours
    return shown.mean(1, dtype=np.float64) / avatar.colours.mean(1, dtype=np.float64)


def near(avatar: Avatar, place: str, radius_mm: float) -> np.ndarray:
    where = open_places(OPEN).rest[PLACES.index(place)]
    return np.linalg.norm(avatar.means - where, axis=1) < 1e-3 * radius_mm


def test_black_skin_stays_finite(avatar: Avatar) -> None:
    black = replace(avatar, colours=np.zeros_like(avatar.colours))
    found = find_wrinkles(black)
    assert found is not None
    assert all(np.isfinite(a).all() for a in (found.pattern, found.tint, found.basis))
    posed = Actor(black, open_motion(np.zeros(52), SCOWL), appearance=1.0).pose(1)
    assert np.isfinite(posed.gaussians.colours).all()


def test_nothing_changes_at_rest_or_at_strength_0(avatar: Avatar) -> None:
    """To the last bit: the very arrays."""
    motion = open_motion(np.zeros(52), SCOWL)
    for appearance, index in ((1.0, 0), (2.0, 0), (0.0, 1), (np.array([1.0, 0.0]), 1)):
        posed = Actor(avatar, motion, appearance=appearance).pose(index)
        assert posed.gaussians.colours is avatar.colours
    assert Actor(avatar, motion, appearance=1.0).pose(1).gaussians.colours is not avatar.colours


def test_a_scowl_darkens_the_glabella_and_nothing_of_the_chin(avatar: Avatar) -> None:
    factor = light(avatar, open_motion(SCOWL), 0)
    assert np.quantile(factor[near(avatar, "glabella", 8)], 0.1) < 0.88
    np.testing.assert_array_equal(factor[near(avatar, "chin", 14)], 1)
    stronger = light(avatar, open_motion(SCOWL), 0, 2.0)
    assert stronger.min() == pytest.approx(factor.min() ** 2, rel=0.03)


def test_left_and_right_are_not_swapped(avatar: Avatar) -> None:
    factor = light(avatar, open_motion(GRINS_LEFT), 0)
    lost = np.log(factor)
    left, right = (lost[side * avatar.means[:, 0] > 0.012].sum() for side in (1, -1))
    assert left < 5 * right
    assert left < -5


def test_only_skin_wrinkles(avatar: Avatar) -> None:
    found = find_wrinkles(avatar)
    assert found is not None
    shown = OPEN.region[avatar.faces[avatar.anchors[found.gaussian]]]
    assert (shown == REGIONS.index("skin")).all()
    # Each of them has its own colour's part in the mean, and no other Gaussian has.
    np.testing.assert_allclose(found.tint, _tint(avatar.colours[found.gaussian]), rtol=1e-6)
    assert np.abs(found.tint - _tint(avatar.colours)).max() > 1e-3
    assert (np.diff(found.gaussian) > 0).all()
    assert found.pattern.any((0, 1)).all()
    assert (found.pattern == 0).any(1).all()  # no place has every wrinkle


def test_it_grows_smoothly_with_the_expression(avatar: Avatar) -> None:
    steps = 41
    rows = np.linspace(0, 1, steps)[:, None] * SCOWL
    actor = Actor(avatar, open_motion(*rows), appearance=1.0)
    shown = np.array([actor.pose(i).gaussians.colours.mean(1) for i in range(steps)])
    lost = np.log(shown / shown[0])
    deepest = lost[-1].argmin()
    assert (np.diff(lost[:, deepest]) <= 1e-6).all()
    assert np.abs(np.diff(lost, 2, axis=0)).max() < 0.01


def test_harmonics_change_with_the_colour(avatar: Avatar) -> None:
    rng = np.random.default_rng(0)
    harmonics = rng.uniform(0.1, 0.2, (len(avatar), 3, 3)).astype(np.float32)
    shown = Actor(replace(avatar, harmonics=harmonics), open_motion(SCOWL), appearance=1.0).pose(0)
    assert shown.gaussians.harmonics is not None
    factor = shown.gaussians.colours / avatar.colours
    assert factor.min() < 0.8
    np.testing.assert_allclose(
        shown.gaussians.harmonics / harmonics, np.repeat(factor[:, None], 3, 1), rtol=1e-5
    )


def test_an_actor_in_another_take_has_that_ones_skin(avatar: Avatar) -> None:
    actor = Actor(avatar, open_motion(np.zeros(52)), appearance=1.0)
    scowls = open_motion(SCOWL)
    wanted = {s: Actor(avatar, scowls, appearance=s).pose(0).gaussians.colours for s in (1.0, 0.4)}
    for strength in (None, 0.4):
        found = actor.playing(scowls, strength).pose(0).gaussians.colours
        np.testing.assert_array_equal(found, wanted[strength or 1.0])
    assert actor.playing(scowls, 0.0).pose(0).gaussians.colours is avatar.colours


def test_a_valley_has_the_skins_own_colour() -> None:
    """A channel that is half as bright as the mean darkens by more."""
    found = _tint(np.array([[0.9, 0.3, 0.1], [0.7, 0.5, 0.3]], np.float32))
    assert found == pytest.approx([0.34984, 0.80371, 1.84645], abs=1e-4)


def square_avatar(offsets_mm: list[tuple[float, float, float]], binding: Binding) -> Avatar:
    """A square of 20 mm that looks to +z, with a Gaussian on its first corner or face for each of
    the offsets."""
    count = len(offsets_mm)
    rig = ArkitRig(
        vertices=np.float32([[0, 0, 0], [20, 0, 0], [20, 20, 0], [0, 20, 0]]) / 1000,
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        arkit_shapes=np.zeros((52, 4, 3), np.float32),
        joint_pivots=np.zeros((1, 3), np.float32),
        joint_weights=np.zeros((4, 1), np.float32),
        joint_shares=np.ones(1, np.float32),
    )
    return Avatar(
        name="square",
        surface=rig,
        binding=binding,
        anchors=np.zeros(count, np.int32),
        offsets=np.array(offsets_mm, np.float32) / 1000,
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.tile(np.array([0.003, 0.0005, 0.001], np.float32), (count, 1)),
        opacities=np.ones(count, np.float32),
        colours=np.full((count, 3), 0.7, np.float32),
        follow="stretch",
    )


def laid(labels: str = "skin skin skin skin", distances_mm: tuple[float, ...] = (0,)) -> Alignment:
    """The open head twice as large as the square, somewhere on its brow."""
    return Alignment(
        label=np.array([REGIONS.index(name) for name in labels.split()], np.uint8),
        place=np.float32([[10, 40, 50], [50, 40, 50], [50, 80, 50], [10, 80, 50]]) / 1000,
        vertex=np.arange(4),
        distance=np.full(4, distances_mm) / 1000,
        open_from_metres=2.0,
    )


def skin_under(avatar: Avatar, found: Alignment) -> wrinkles._Skin:
    return wrinkles._Skin.under(avatar, found, wrinkles._rest(avatar))


def test_which_skin_a_gaussian_shows() -> None:
    """Where it is bound, and as much further as it lies beside that; 8 mm beside, 6 mm before and
    6 mm off are too far on the open head, half of it on one that is half as large."""
    offsets = [(1, 2, 0), (3.9, 0, 0), (-2.9, 2.9, 0), (0, 0, 2.9), (0, 0, 3.1), (0, 0, -20)]
    skin = skin_under(square_avatar(offsets, "vertex"), laid())
    wanted = [(12, 44), (17.8, 40), (4.2, 45.8), (10, 40), (10, 40), (10, 40)]
    np.testing.assert_allclose(1000 * skin.place, [(x, y, 50) for x, y in wanted], atol=1e-4)
    assert skin.shows.tolist() == [True, True, False, True, False, True]
    at = square_avatar([(0, 0, 0)], "vertex")
    for labels, distances_mm, shows in (
        ("skin lip lip lip", (0, 9, 9, 9), True),
        ("lip skin skin skin", (0,), False),
        ("skin skin skin skin", (2.9,), True),
        ("skin skin skin skin", (3.1, 0, 0, 0), False),
    ):
        assert skin_under(at, laid(labels, distances_mm)).shows.tolist() == [shows]


def test_which_skin_a_gaussian_on_a_face_shows() -> None:
    """The middle of its corners, all of which must be skin."""
    avatar = square_avatar([(0, 0, 0), (2, 1, 0)], "face")
    found = skin_under(avatar, laid())
    middle = np.array([110, 160]) / 3
    np.testing.assert_allclose(1000 * found.place[0], [*middle, 50], atol=1e-4)
    # Beside it within the face the place itself goes along.
    np.testing.assert_allclose(1000 * found.place[1], [middle[0] + 4, middle[1] + 2, 50], atol=1e-4)
    assert found.shows.all()
    assert skin_under(avatar, laid("skin skin skin lip")).shows.all()
    for labels in ("lip skin skin skin", "skin lip skin skin", "skin skin lip skin"):
        assert not skin_under(avatar, laid(labels)).shows.any()


def test_wrinkles_are_as_fine_as_the_gaussians_that_show_them() -> None:
    """Of each the middle one of its axes, 1 mm here and 2 on the open head."""
    avatar = square_avatar([(2.5, -2.5, 0), (-9, 0, 0)], "vertex")
    skin = skin_under(avatar, laid())
    shown = np.flatnonzero(skin.shows)
    assert shown.tolist() == [0]  # the other lies too far beside its vertex
    normals = wrinkles._rest(avatar)[1]
    found = wrinkles._pattern(avatar, laid(), normals, shown, skin.place[shown])
    wanted = draw_patterns(np.array([[15, 35, 50]]) / 1000, np.full(1, 2.0))
    assert wanted.any()
    np.testing.assert_allclose(found[0].T, wanted, atol=1e-6)


def test_colours_by_the_formula() -> None:
    """exp(strength * tint * sum of pressing * pattern), by the weights that move the rig."""
    egg = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    assert isinstance(egg.surface, ArkitRig)
    rng = np.random.default_rng(5)
    own = wrinkles.Wrinkles(
        gaussian=np.array([3, 7], np.int32),
        pattern=rng.uniform(-0.5, 0.1, (STATES, len(WRINKLES), 2)).astype(np.float32),
        tint=np.float32([0.5, 1, 1.5]),
        basis=rng.normal(0, 0.02, (52, len(row_names()))),
        places=np.zeros((len(pressing.PLACES), len(egg.vertices)), np.float32),
        flushing=np.array([7, 2], np.int32),
        zones=rng.uniform(0, 1, (len(ZONES), 2)).astype(np.float32),
    )
    weights = rng.random((3, 52)).astype(np.float32)
    motion, strength = arkit_motion(weights), np.array([1.0, 0.0, 1.75])
    emotions = np.zeros((3, 6))
    emotions[2, [EMOTIONS.index("sad"), EMOTIONS.index("disgust")]] = 0.5, 0.25
    known = any_calibration()
    calibrated_egg = replace(egg, surface=replace(egg.surface, calibration=known))
    for avatar, moving in ((egg, weights), (calibrated_egg, calibrated(weights, known))):
        skin = wrinkles.WrinkledSkin(avatar, own, motion, strength, emotions)
        pressed = pressing_of(moving.astype(float) @ own.basis) * strength[:, None]
        assert pressed[0].max() > 0.3
        np.testing.assert_allclose(skin.pressing, pressed, atol=1e-6)
        found = skin.coloured(rest_gaussians(avatar), 2).colours
        wanted = avatar.colours.astype(float)
        # A half of it as sadness folds, a quarter as disgust does, the rest as no emotion.
        shares = {1: 0.5, 4: 0.25, 6: 0.25}
        change = sum(share * pressed[2] @ own.pattern[state] for state, share in shares.items())
        wanted[[3, 7]] *= np.exp(change[:, None] * [0.5, 1, 1.5])
        blood = 1.75 * blood_of(emotions, motion.fps)[2] @ own.zones
        assert blood.min() > 0
        wanted[[7, 2]] *= np.exp(blood[:, None] * FLUSHED)
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
        assert skin.coloured(rest_gaussians(avatar), 1).colours is avatar.colours
        assert skin.playing(motion, 0.5).pressing[1] == pytest.approx(
            0.5 * pressing_of(moving[1:2].astype(float) @ own.basis)[0], abs=1e-6
        )


def test_shares_of_states_by_hand() -> None:
    """What two emotions leave of 1 is no emotion's; of more than 1 each has its share."""
    rows = np.array([[0.3, 0, 0, 0, 0, 0.2], [0, 1.5, 0, 0.5, 0, 0], [0, 0, 0, 0, 0, 0]])
    wanted = [[0.3, 0, 0, 0, 0, 0.2, 0.5], [0, 0.75, 0, 0.25, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]]
    np.testing.assert_allclose(wrinkles.states_of(rows), wanted, atol=1e-6)


def test_they_are_found_once(
    avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is damaged, or is another avatar's, is none."""
    calls: list[Avatar] = []
    wanted = wrinkles._measure(avatar)
    monkeypatch.setattr(wrinkles, "default_cache_folder", lambda: tmp_path)
    monkeypatch.setattr(wrinkles, "_measure", lambda one: calls.append(one) or wanted)

    def find() -> wrinkles.Wrinkles:
        found = find_wrinkles.__wrapped__(avatar)  # what the disk keeps, not the memory
        assert found is not None
        return found

    for _ in range(2):
        np.testing.assert_array_equal(find().pattern, wanted["pattern"])
    assert len(calls) == 1
    (kept,) = (tmp_path / "wrinkles").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    find()
    assert len(calls) == 2
    whole = find_arrays(kept)
    for name, values in (
        ("gaussian", whole["gaussian"] + len(avatar)),
        ("pattern", whole["pattern"][:-1]),
        ("tint", whole["tint"].astype(np.float64)),
        ("basis", whole["basis"][:52]),
        ("places", whole["places"][:, 1:]),
        ("flushing", whole["flushing"] - len(avatar)),
        ("zones", whole["zones"][:, 1:]),
    ):
        keep_arrays(kept, {**whole, name: values})
        np.testing.assert_array_equal(getattr(find(), name), wanted[name])
    assert len(calls) == 9


def test_an_angry_face_reddens_and_a_frightened_one_pales(avatar: Avatar) -> None:
    """Without any motion, but by an emotion alone; not at appearance 0, nor where none is known."""
    rest = open_motion(np.zeros(52))
    cheek = near(avatar, "cheek.left", 8)

    def redness(emotion: str | None, appearance: float = 1.0) -> float:
        rows = None if emotion is None else np.eye(len(EMOTIONS))[EMOTIONS.index(emotion)]
        posed = Actor(avatar, rest, appearance=appearance, emotions=rows).pose(0)
        logs = np.log(posed.gaussians.colours[cheek] / avatar.colours[cheek]).mean(0)
        return float(logs[0] - logs[1])

    assert redness("angry") > 0.04
    assert redness("fear") < -0.015
    assert redness("angry", 0.0) == redness(None) == 0


def test_skin_flushes_by_what_was_before_a_take(avatar: Avatar) -> None:
    """A frame alone, of which the emotions before are known, is as in the whole take."""
    motion = open_motion(*[np.zeros(52)] * 40)
    emotions = np.zeros((40, len(EMOTIONS)))
    emotions[10:25, EMOTIONS.index("angry")] = 1
    whole = Actor(avatar, motion, appearance=1.0, emotions=emotions).pose(30).gaussians.colours
    alone = cut_motion(motion, 30, 31)
    for actor in (
        Actor(avatar, alone, appearance=1.0, emotions=emotions[:31]),
        Actor(avatar, motion, appearance=1.0).playing(alone, 1.0, emotions[:31]),
    ):
        np.testing.assert_array_equal(actor.pose(0).gaussians.colours, whole)
    assert not np.array_equal(whole, avatar.colours)


def test_somebody_elses_rig_wrinkles_where_it_scowls() -> None:
    rig, region = in_disguise(OPEN)
    count = len(rig.vertices)
    other = Avatar(
        name="painted",
        surface=rig,
        binding="vertex",
        anchors=np.arange(count, dtype=np.int32),
        offsets=np.zeros((count, 3), np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.full((count, 3), 0.0015, np.float32),
        opacities=np.ones(count, np.float32),
        colours=np.full((count, 3), 0.7, np.float32),
        follow="stretch",
    )
    factor = light(other, arkit_motion(SCOWL), 0)
    where = rig_places(rig, OPEN).rest
    middle, chin = (where[PLACES.index(name)] for name in ("glabella", "chin"))
    around = np.linalg.norm(rig.vertices - middle, axis=1) < 0.009
    assert np.quantile(factor[around], 0.1) < 0.88
    np.testing.assert_array_equal(factor[np.linalg.norm(rig.vertices - chin, axis=1) < 0.014], 1)
    np.testing.assert_array_equal(factor[region != REGIONS.index("skin")], 1)
    fringe = replace(other, offsets=np.tile(np.array([0, 0, 0.012], np.float32), (count, 1)))
    np.testing.assert_array_equal(light(fringe, arkit_motion(SCOWL), 0)[around], 1)


def test_what_has_no_face_stays_as_it_is() -> None:
    egg = decode_avatar(lam_bundle(), "egg.zip", plain_shapes=True)
    still = replace(
        egg, surface=None, binding="none", anchors=np.zeros_like(egg.anchors), follow="still"
    )
    for one in (egg, still):
        assert find_wrinkles(one) is None
        assert (
            Actor(one, arkit_motion(SCOWL), appearance=1.0).pose(0).gaussians.colours is one.colours
        )
