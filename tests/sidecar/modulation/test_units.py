# SPDX-License-Identifier: GPL-3.0-or-later
"""Action units move what FACS says on the open head, and only that, on the side that was asked for;
they keep closures, close lids wholly, and compete. x: to the head's left; y: up."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources

import numpy as np
import pytest
from affekt.shared.arrays import BoolArray, Float64Array
from affekt.shared.camera import look_at
from affekt.shared.emotion import EmotionTrack, constant_track
from affekt.shared.head import REGIONS
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion, numbers_of
from affekt.shared.preset_portraits import HELD, still_take
from affekt.shared.pressing import SIDES, WRINKLES
from affekt.shared.units import UNIT_OF, UNITS
from affekt.sidecar.avatar.effects import face_rows, open_places
from affekt.sidecar.avatar.pressing import pressing_of
from affekt.sidecar.bake import recipe
from affekt.sidecar.bake.recipe import motion_key
from affekt.sidecar.bake.take import map_back, prepare
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.lips_kept import kept, speech_closures
from affekt.sidecar.lab.evaluation.unit_pictures import held_units
from affekt.sidecar.modulation.contact import gaps_of
from affekt.sidecar.modulation.modulator import answering, modulate, modulate_part
from affekt.sidecar.modulation.units import DEFINITIONS
from affekt.sidecar.modulation.weights import load_modulator
from affekt.sidecar.motion.read import read_take
from affekt.sidecar.raster.mesh import rasterise_mesh

HEAD, MODULATOR = read_head("open"), load_modulator()
CHANNELS = [channel for unit in UNITS for channel in unit.channels]
SPREADS = {"AU16_L", "AU16_R"}
"""One side of the lower lip draws the other along."""


def landmarks(points: Float64Array) -> Float64Array:
    """(68, 3) of vertices (V, 3), in mm."""
    corners = points[HEAD.faces[HEAD.landmark_faces]]
    return np.einsum("nk,nkc->nc", HEAD.landmark_weights, corners)


def posed(motion: Motion) -> Float64Array:
    """(V, 3) mm at the frame that is shown."""
    return 1000 * layer_of(HEAD).vertices(motion, HELD, HELD + 1)[0].astype(np.float64)


@cache
def shown(*weights: tuple[str, float]) -> Float64Array:
    """(V, 3) mm of a silent head with these units."""
    still = still_take()
    return posed(modulate(still, held_units(dict(weights), len(still), still.fps), MODULATOR))


def moved(**weights: float) -> Float64Array:
    """(68, 3) mm by which these units move the landmarks."""
    return landmarks(shown(*weights.items())) - landmarks(shown())


@cache
def regions() -> dict[str, BoolArray]:
    """(V,) where the units of a region may move the face, by heights of the face itself."""
    height, marks = shown()[:, 1], landmarks(shown())[:, 1]
    lid, brow, nose, corner = marks[41], marks[19], marks[33], marks[48]
    return {
        "brows": height > lid - 8,
        "eyes": (height > corner - 8) & (height < brow + 12),
        "nose": (height > corner - 4) & (height < brow + 11),
        "mouth": height < lid,
        "jaw": height < nose,
    }


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_unit_moves_its_region_and_its_side_alone(channel: str) -> None:
    far = np.linalg.norm(shown((channel, 1.0)) - shown(), axis=1)
    assert far.max() > 2  # it is seen
    assert far[~regions()[UNIT_OF[channel].region]].sum() < 0.035 * far.sum()
    across = {"L": shown()[:, 0] < -6, "R": shown()[:, 0] > 6}.get(channel[-1])
    if across is not None and UNIT_OF[channel].sides == "both":
        energy = far**2
        assert energy[across].sum() < (0.15 if channel in SPREADS else 0.04) * energy.sum()


LEFT_BROW, RIGHT_BROW, LEFT_CORNER, RIGHT_CORNER, CHIN = 22, 21, 54, 48, 8


def test_both_sides_and_one_add_up_to_millimetres_that_were_measured() -> None:
    """The left corner of 0.25 + 0.5 and the right one of 0.25, an inner brow of 0.6 alone."""
    found = moved(AU12=0.25, AU12_L=0.5, AU1_R=0.6)
    assert found[LEFT_CORNER, 1] == pytest.approx(8.7, abs=0.5)
    assert found[RIGHT_CORNER, 1] == pytest.approx(3.2, abs=0.5)
    assert found[RIGHT_BROW, 1] == pytest.approx(4.7, abs=0.5)
    assert found[LEFT_BROW, 1] == pytest.approx(0.0, abs=0.3)


def test_the_jaw_goes_to_the_side_that_was_named() -> None:
    assert moved(AU30_L=1.0)[CHIN, 0] > 4
    assert moved(AU30_R=1.0)[CHIN, 0] < -4


def test_a_smile_and_a_pucker_compete() -> None:
    """The corners neither go out as in the smile nor in as far as in the pucker, and the sum of
    both is more than either leaves."""
    smile, pucker = moved(AU12=1.0)[LEFT_CORNER], moved(AU18=1.0)[LEFT_CORNER]
    both = moved(AU12=1.0, AU18=1.0)[LEFT_CORNER]
    assert pucker[0] < both[0] < 0.5 * smile[0]
    assert 1 < both[1] < 0.8 * smile[1]


def test_a_spoken_pucker_competes_too() -> None:
    still = still_take()
    expression = np.zeros((len(still), 100), np.float32)
    expression[:, HEAD.expression_names.index("mouthPucker")] = 0.9
    spoken = replace(still, expression=expression)
    with_smile = modulate(spoken, held_units({"AU12": 1.0}, len(still), 30.0), MODULATOR)
    gained = landmarks(posed(with_smile)) - landmarks(posed(spoken))
    assert gained[LEFT_CORNER, 1] < 0.75 * moved(AU12=1.0)[LEFT_CORNER, 1]


def test_competition_grows_without_a_jump() -> None:
    weights = np.linspace(0, 1, 41)
    corners = [moved(AU12=0.8, AU25=float(w), AU18=float(w))[LEFT_CORNER] for w in weights]
    steps = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    assert steps.max() < 0.9  # mm for a fortieth


def eye_pixels(points: Float64Array) -> int:
    """Pixels of 0.2 mm in which an eyeball is seen from the front and from both sides."""
    ball = np.isin(HEAD.region, [REGIONS.index(n) for n in ("sclera", "iris", "pupil")])
    seen = 0
    for yaw in (-0.5, 0.0, 0.5):
        camera = look_at(target=np.array([0, 0.02, 0]), distance=0.85, yaw_rad=yaw, width=700,
                         height=350, fov_y_rad=0.082)  # fmt: skip
        face = rasterise_mesh(points / 1000, HEAD.faces, camera).face
        seen += int(ball[HEAD.faces[face[face >= 0]]].all(1).sum())
    return seen


@pytest.mark.parametrize("beside", ["", "AU5", "AU6", "AU7", "AU1", "AU4", "AU12"])
def test_closed_eyes_are_closed_whatever_else_the_face_does(beside: str) -> None:
    """No eyeball shows between the lids, nor through them."""
    others = {beside: 1.0} if beside else {}
    assert eye_pixels(shown(*others.items())) > 5000
    closed = shown(("AU43", 1.0), *others.items())
    assert eye_pixels(closed) <= 3
    marks = landmarks(closed)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert marks[upper, 1] - marks[lower, 1] < 0.5


def test_half_closed_is_half_of_whatever_is_open() -> None:
    def gap(**weights: float) -> float:
        marks = landmarks(shown(*weights.items()))
        return float(marks[43, 1] - marks[47, 1])

    shut = gap(AU43=1.0)
    assert gap(AU43=0.5) - shut == pytest.approx(0.5 * (gap() - shut), abs=0.6)
    assert gap(AU43_R=1.0) == pytest.approx(gap(), abs=0.1)
    assert gap(AU45=1.0, AU43=0.5) == pytest.approx(shut, abs=0.1)


@pytest.fixture(scope="module")
def demo() -> Motion:
    """The take that ships."""
    with resources.as_file(resources.files("affekt.sidecar.assets") / "demo") as assets:
        return read_take(assets / "take.npz").motion


@pytest.mark.parametrize(
    "weights",
    [
        {"AU12": 1.0, "AU25": 1.0, "AU26": 1.0},
        {"AU10": 1.5, "AU16": 1.0, "AU27": 1.5},
        {"AU14_L": 1.0, "AU22": 1.0, "AU19": 1.0},
    ],
    ids=str,
)
def test_speech_closes_the_lips_in_every_unit(demo: Motion, weights: dict[str, float]) -> None:
    def gap(motion: Motion) -> Float64Array:
        return gaps_of(numbers_of(motion), MODULATOR.lip_opening).mean(1)

    closures = speech_closures(gap(demo), demo.fps)
    assert len(closures) > 5
    out = modulate(demo, held_units(weights, len(demo), demo.fps), MODULATOR)
    share = kept(gap(out), closures)
    print(f"{share:.2f} of {len(closures)} closures")
    assert share is not None
    assert share >= 0.98
    assert gap(out).max() > gap(demo).max() + 1  # the control: between them it opens the mouth


def test_a_dimple_does_not_flicker_with_each_closure(demo: Motion) -> None:
    out = modulate(demo, held_units({"AU14": 1.0}, len(demo), demo.fps), MODULATOR)
    column = HEAD.expression_names.index("mouthDimpleLeft")
    added = out.expression[:, column] - demo.expression[:, column]
    np.testing.assert_allclose(added, DEFINITIONS[14].weights["mouthDimple"], atol=1e-5)


def mixed(track: EmotionTrack, units: EmotionTrack) -> EmotionTrack:
    return replace(track, unit_names=units.unit_names, units=units.units)


def test_any_range_has_the_bits_of_the_whole(demo: Motion) -> None:
    units = held_units({"AU12_L": 0.7, "AU4": 0.4, "AU43": 0.3, "AU26": 0.5}, len(demo), demo.fps)
    track = mixed(constant_track(len(demo), demo.fps, sad=0.6), units)
    modulator = answering(MODULATOR, demo)
    whole, part = (modulate_part(demo, track, modulator, f) for f in (None, range(70, 101)))
    assert (whole.expression[70:101] == part.expression).all()
    assert (whole.jaw[70:101] == part.jaw).all()


def test_strengths_count_and_influence_does_not() -> None:
    still = still_take()
    units = held_units({"AU1": 1.0, "AU15": 1.0}, len(still), still.fps)
    off = np.zeros(len(still), np.float32)
    half = off + np.float32(0.5)
    base = landmarks(shown())
    lower_off = landmarks(posed(modulate(still, replace(units, lower=off), MODULATOR))) - base
    halved = landmarks(posed(modulate(still, replace(units, geometry=half), MODULATOR))) - base
    whole = moved(AU1=1.0, AU15=1.0)
    assert not units.influence.any()
    assert lower_off[LEFT_CORNER, 1] == pytest.approx(0, abs=0.1)
    assert lower_off[LEFT_BROW, 1] == pytest.approx(whole[LEFT_BROW, 1], abs=0.1)
    np.testing.assert_allclose(halved, 0.5 * whole, atol=0.3)


def test_a_track_without_units_leaves_every_bit(
    demo: Motion, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = constant_track(len(demo), demo.fps, happy=0.7)
    none = mixed(track, held_units({"AU12": 0.0}, len(demo), demo.fps))
    plain, with_none = (modulate(demo, t, MODULATOR, range(64)) for t in (track, none))
    assert (plain.expression == with_none.expression).all()
    prepared = prepare(demo, HEAD, None, MODULATOR)
    other = mixed(track, held_units({"AU12": 0.1}, len(demo), demo.fps))
    keys = [motion_key(prepared, t, range(64)) for t in (track, none, other)]
    assert keys[0] == keys[1] != keys[2]
    monkeypatch.setattr(recipe, "_definitions_key", lambda: "other definitions")
    again = [motion_key(prepared, t, range(64)) for t in (track, none, other)]
    assert again[:2] == keys[:2]
    assert again[2] != keys[2]


def test_a_character_with_arkit_shapes_gets_those_that_mean_the_unit() -> None:
    take = make_motion(expression=np.zeros((31, 100), np.float32), fps=30.0, space="arkit")
    prepared = prepare(take, HEAD, None, MODULATOR)

    def weights(**units: float) -> dict[str, float]:
        track = held_units(units, 31, 30.0)
        after = modulate_part(prepared.before, track, prepared.modulator)
        own = map_back(prepared, after, track, range(31)).expression[HELD]
        return dict(zip(ARKIT_NAMES, own.tolist(), strict=False))

    frown = weights(AU4=1.0)
    assert frown["browDownLeft"] == frown["browDownRight"] == pytest.approx(1.45, abs=0.05)
    assert frown["noseSneerLeft"] < 0.05  # the nearest on the surface would wrinkle the nose
    wink = weights(AU43_R=1.0, AU14_L=0.5)
    assert (wink["eyeBlinkRight"], wink["eyeBlinkLeft"]) == pytest.approx((1, 0), abs=0.05)
    assert wink["mouthDimpleLeft"] == pytest.approx(0.475, abs=0.05)
    assert wink["mouthDimpleRight"] < 0.05


def pressed(**weights: float) -> dict[str, float]:
    """How hard these units press each wrinkle."""
    moved_m = (shown(*weights.items()) - shown())[None] / 1000
    rows = face_rows(moved_m, open_places(HEAD))
    return dict(zip(WRINKLES, pressing_of(rows)[0].tolist(), strict=True))


def test_skin_wrinkles_by_units() -> None:
    """An avatar's skin reads the mesh: raised brows bring lines to the forehead, on the side that
    is raised; a frown between the brows; the nose and the crow's feet have theirs."""
    raised = pressed(AU1=1.0, AU2=1.0)
    assert min(raised[f"forehead.{p}.{s}"] for p in ("middle", "side") for s in SIDES) > 0.3
    left = pressed(AU1_L=1.0, AU2_L=1.0)
    assert left["forehead.side.left"] > 0.3
    assert left["forehead.side.right"] < 0.05
    assert pressed(AU4=1.0)["glabella.left"] > 0.3
    assert pressed(AU9=1.0)["bunny.right"] > 0.3
    assert pressed(AU6=1.0)["crow.left"] > 0.3
    assert raised["glabella.left"] + raised["bunny.left"] + raised["crow.left"] < 0.2
