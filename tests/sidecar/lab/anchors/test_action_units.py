# SPDX-License-Identifier: GPL-3.0-or-later
"""Action units do on the open head what FACS says they do, in mm, and each emotion has the units by
which people know it and none of its neighbours'. x: outwards on the left side; y: up."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from affekt.shared.arrays import Float64Array, IndexArray
from affekt.shared.emotion import EMOTIONS
from affekt.shared.motion import make_motion
from affekt.sidecar.adapter.features import find_features
from affekt.sidecar.adapter.skin import skin_of
from affekt.sidecar.head.forward import layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.channels import NAMES, columns_of
from affekt.sidecar.lab.anchors.emotions import (
    ACTION_UNITS,
    CLOSED,
    EXPRESSIONS,
    FORMS,
    INTENSITIES,
    OPEN,
    VARIANTS,
    ceilings,
    expression_table,
    parse_units,
    weights_of,
)
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.lab.anchors.takes import still_looks

HEAD = read_head("open")
LANDMARKS = {
    "brow inner": 22,
    "brow middle": 24,
    "brow outer": 26,
    "wing": 35,
    "corner": 54,
    "upper lip": 51,
    "lower lip": 57,
    "chin": 8,
}
"""Of the left side, in the order of the 68 landmarks."""


def vertices(weights: Float64Array) -> Float64Array:
    """(N, V, 3) mm of the head at weights (N, 100)."""
    expression = np.zeros((len(weights), 100))
    arkit = weights[:, :52]
    expression[:, :52] = arkit @ HEAD.arkit_expression[:52].T
    expression[:, 52:] += weights[:, 52:]
    motion = make_motion(
        expression=expression.astype(np.float32),
        jaw=(arkit @ HEAD.arkit_jaw.T).astype(np.float32),
        eyes=np.zeros((len(weights), 6), np.float32),
        neck=np.zeros((len(weights), 3), np.float32),
        shape=np.zeros(300, np.float32),
        fps=30.0,
        space="open",
    )
    return 1000 * layer_of(HEAD).vertices(motion, 0, len(weights)).astype(np.float64)


@cache
def _lids() -> tuple[IndexArray, Float64Array]:
    """(2, 3) skin vertices, and their weights, of the left upper and lower lid's middle."""
    skin = skin_of(HEAD)
    lids = find_features(HEAD, skin, np.eye(3)).pick(["eye_left.upper.2", "eye_left.lower.2"])
    return skin.vertex[skin.faces[lids.faces]], lids.weights


def places_of(points: Float64Array) -> dict[str, Float64Array]:
    """Place (3,) in mm by name, of vertices (V, 3)."""
    corners = points[HEAD.faces[HEAD.landmark_faces]]
    landmarks = np.einsum("nk,nkc->nc", HEAD.landmark_weights, corners)
    found = {name: landmarks[index] for name, index in LANDMARKS.items()}
    lids, shares = _lids()
    upper, lower = np.einsum("nk,nkc->nc", shares, points[lids])
    return {**found, "upper lid": upper, "lower lid": lower}


def moves(weights: Float64Array) -> dict[str, Float64Array]:
    """Displacement (3,) in mm by name, for weights (100,)."""
    rest, moved = map(places_of, vertices(np.stack([np.zeros(100), weights])))
    return {name: moved[name] - rest[name] for name in rest}


AXES = "xyz"
OUTCOMES = {
    "1": {"brow inner y": 7.9, "brow middle y": 4.2, "brow outer y": 0},
    "2": {"brow outer y": 6.1, "brow middle y": 6.1, "brow inner y": 0.4},
    "1 2": {"brow inner y": 8.2, "brow middle y": 10.3, "brow outer y": 5.9},
    "4": {"brow inner y": -9.6, "brow inner x": -4.4, "brow middle y": -7.4, "brow outer y": -5},
    "6": {"lower lid y": 1.1, "corner y": 0, "brow inner y": 0},
    "7": {"lower lid y": 3, "upper lid y": -0.4},
    "9": {"wing y": 5.8, "brow inner y": -2.1, "corner y": 0.2},
    "10": {"upper lip y": 5.5, "wing y": 5.6, "corner y": 2.6, "lower lip y": 0},
    "12": {"corner x": 6.4, "corner y": 11.8, "upper lid y": 0},
    "12 25": {"corner x": 5.7, "corner y": 12.1, "lower lip y": -0.9},
    "14": {"corner x": 4.3, "corner y": 2.3},
    "15": {"corner y": -7.9, "brow inner y": 0},
    "16": {"lower lip y": -5.3, "upper lip y": 0.9},
    "17": {"lower lip y": 4.8, "upper lip y": 1.5},
    "20": {"corner x": 7.3, "corner y": 0},
    "23": {"corner x": -0.7, "corner y": -0.1, "upper lip y": -2, "lower lip y": 2},
    "24": {"corner y": -0.2, "upper lip y": -2.7, "lower lip y": 4.4},
    "25": {"lower lip y": -2.5, "upper lip y": 2.2, "chin y": -1},
    "26": {"chin y": -10.9, "lower lip y": -14},
    "27": {"chin y": -18.9, "lower lip y": -25.1},
}
"""At intensity 1."""


@pytest.mark.parametrize("units", OUTCOMES)
def test_a_unit_moves_what_facs_says(units: str):
    found = moves(weights_of({int(number): 1.0 for number in units.split()}))
    for where, expected in OUTCOMES[units].items():
        place, axis = where.rsplit(" ", 1)
        assert found[place][AXES.index(axis)] == pytest.approx(expected, rel=0.15, abs=0.4), where


def test_lids_open_tighten_and_droop():
    """Wider bounds than the others': how far a lid goes depends on where it rests."""
    assert 3.5 < moves(weights_of({5: 1.0}))["upper lid"][1] < 7
    assert -11 < moves(weights_of({43: 1.0}))["upper lid"][1] < -6
    both = moves(weights_of({5: 1.0, 7: 1.0}))  # a stare: neither takes the other away
    assert both["upper lid"][1] > 3
    assert both["lower lid"][1] > 2


def test_brows_do_not_add_up():
    """Sadness's brows are oblique, fear's straight, though 1 and 4 are in both."""

    def slope(units: str) -> float:
        found = moves(weights_of(parse_units(units)))
        return found["brow inner"][1] - found["brow outer"][1]

    assert slope("1E 4C") > 10
    assert 3 < slope("1E 2C 4C") < 6
    sum_of_both = weights_of({1: 1.0}) + weights_of({4: 1.0})
    assert np.abs(sum_of_both - weights_of({1: 1.0, 4: 1.0})).max() > 0.5


@pytest.mark.parametrize("number", ACTION_UNITS)
def test_units_name_real_shapes_and_act_on_both_sides(number: int):
    others = [{number: 1.0}, *({number: 1.0, n: 1.0} for n in ACTION_UNITS if n != number)]
    for units in others:
        weights = weights_of(units)
        assert weights.min() >= 0
        assert weights.max() > 0 or number == 30  # which one side has alone
        for index, name in enumerate(NAMES):
            if "Left" in name:
                assert weights[index] == weights[NAMES.index(name.replace("Left", "Right"))]


def test_letters_grow_and_texts_are_read():
    levels = [INTENSITIES[letter] for letter in "ABCDE"]
    assert levels == sorted(levels)
    assert parse_units("6E 12B") == {6: INTENSITIES["E"], 12: INTENSITIES["B"]}
    assert parse_units("") == {}
    for wrong in ("6", "6F", "E6", "3E", "6E 6B", "6e"):
        with pytest.raises(ValueError, match="action unit"):
            parse_units(wrong)


def test_every_emotion_has_four_variants_in_both_forms_under_the_ceilings():
    assert set(EXPRESSIONS) == set(EMOTIONS)
    for variants in EXPRESSIONS.values():
        assert len(variants) == VARIANTS
        assert len({variant.name for variant in variants}) == VARIANTS
    table = expression_table()
    assert table.shape == (6, VARIANTS, len(FORMS), 100)
    # Up to three quarters of a ceiling the soft bend leaves a weight as it is.
    assert (table <= ceilings()).all()
    bent = np.maximum(table - 0.75 * ceilings(), 0) / ceilings()
    assert bent.max() < 0.2


BANNED = {
    "happy": "browDown eyeBlink mouthFrown noseSneer mouthPress mouthShrugLower",
    "sad": "browOuterUp eyeWide mouthSmile mouthStretch mouthPress mouthUpwardRetraction",
    "angry": "browInnerUp browOuterUp cheekSquint noseSneer mouthSmile mouthDimple "
    "mouthCompression eyeBlink",
    "fear": "noseSneer cheekSquint mouthSmile mouthFunnel eyeBlink eyebrowsDown",
    "disgust": "browInnerUp browOuterUp eyeWide mouthStretch mouthSmile noseDilatation",
    "surprise": "browDown eyeSquint mouthStretch mouthFrown cheekSquint noseSneer mouthRollUpper "
    "mouthRollLower",
}
"""Shapes by which each emotion would be taken for another."""


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_what_would_be_taken_for_another_emotion_is_zero(emotion: str):
    table = expression_table()[EMOTIONS.index(emotion)]
    for shape in BANNED[emotion].split():
        assert not table[:, :, columns_of(shape)].any(), shape
    assert table[:, :, columns_of("mouthPress")].max() <= 0.2  # it lifts the corners: a smirk


@cache
def faces() -> tuple[Float64Array, list[list[list[dict[str, Float64Array]]]]]:
    """(6, 4, 2, N) landmarks' displacements, and by name, of every variant in both forms as it is
    performed: with the lips of closed forms shut."""
    table = still_looks(HEAD)
    points = vertices(np.concatenate([np.zeros((1, 100)), table.reshape(-1, 100)]))
    places = [places_of(p) for p in points]
    named = [{name: p[name] - places[0][name] for name in p} for p in places[1:]]
    corners = points[:, HEAD.faces[HEAD.landmark_faces]]
    landmarks = np.einsum("nk,tnkc->tnc", HEAD.landmark_weights, corners)[:, 17:]
    lids = np.stack([[p["upper lid"], p["lower lid"]] for p in places])
    rows = np.concatenate([landmarks, lids], 1)
    rows = (rows[1:] - rows[0]).reshape(*table.shape[:3], -1)
    found = iter(named)
    return rows, [[[next(found) for _ in FORMS] for _ in range(VARIANTS)] for _ in EMOTIONS]


def shown(emotion: str) -> list[tuple[str, int, dict[str, Float64Array]]]:
    """(variant, form, displacements) of each face of the emotion."""
    by_name = faces()[1][EMOTIONS.index(emotion)]
    return [
        (EXPRESSIONS[emotion][v].name, form, by_name[v][form])
        for v in range(VARIANTS)
        for form in (OPEN, CLOSED)
    ]


def test_happiness_smiles_with_closed_lips_too_and_lifts_the_cheeks():
    for name, _, face in shown("happy"):
        assert face["corner"][1] > 9.5, name
        assert face["lower lid"][1] > 1, name


def test_sadness_has_oblique_brows_and_low_corners():
    for name, _, face in shown("sad"):
        assert face["brow inner"][1] - face["brow outer"][1] > 8, name
        assert face["corner"][1] < -6, name
        assert face["upper lid"][1] < 0.2, name


def test_anger_stares_under_low_brows_and_does_not_smirk():
    for name, form, face in shown("angry"):
        assert face["brow inner"][1] < -9, name
        assert face["brow inner"][0] < -4, name
        # Under low brows, so as high as at rest is a stare; wider lids were read as surprise.
        assert face["upper lid"][1] > -0.7, name
        assert face["lower lid"][1] > 1.4, name
        assert -3.5 < face["corner"][1] < 2, name
        if form == CLOSED:  # thin lips
            assert face["upper lip"][1] < -2, name
            assert face["lower lip"][1] > 4, name


def test_fear_raises_its_brows_together_and_stretches_its_lips():
    for name, form, face in shown("fear"):
        assert face["brow inner"][1] > 4, name
        assert face["brow inner"][0] < -2.5, name
        assert face["brow outer"][1] > -1.6, name
        assert face["upper lid"][1] > 3, name
        assert face["corner"][0] > (5.5 if form == OPEN else 6), name
        assert abs(face["corner"][1]) < 3.2, name
        assert face["chin"][1] > -7, name  # the jaw that drops is surprise's


def test_disgust_wrinkles_its_nose_more_than_its_brows():
    """The brow comes down a little, as the wrinkled nose draws it; anger's twice as far."""
    lowest = min(face["brow inner"][1] for _, _, face in shown("angry"))
    for name, _, face in shown("disgust"):
        assert face["wing"][1] > 9, name
        assert face["upper lip"][1] > 4.5, name
        assert face["brow inner"][1] > max(-7, 0.75 * lowest), name


def test_surprise_arches_its_brows_and_drops_its_jaw():
    for name, form, face in shown("surprise"):
        assert face["brow middle"][1] > face["brow inner"][1] - 0.5, name
        assert face["brow outer"][1] > 5, name
        assert abs(face["brow inner"][0]) < 0.5, name
        assert face["upper lid"][1] > 3, name
        if form == OPEN:
            assert face["chin"][1] < -7, name


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_closed_forms_can_be_shut(emotion: str):
    shut = still_looks(HEAD)[EMOTIONS.index(emotion), :, CLOSED]
    assert (shut @ lips_of(HEAD).weight_opening).max() < 0.5


COSINES = {
    frozenset(("angry", "disgust")): 0.7,
    frozenset(("fear", "surprise")): 0.76,
    frozenset(("fear", "sad")): 0.5,
}
"""Emotions that are taken for each other, and the largest cosine of their mean displacements."""


@pytest.mark.parametrize("form", [OPEN, CLOSED])
def test_emotions_move_the_face_in_directions_of_their_own(form: int):
    mean = faces()[0][:, :, form].mean(1)
    unit = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    cosines = unit @ unit.T
    for one, two in combinations(range(6), 2):
        most = COSINES.get(frozenset((EMOTIONS[one], EMOTIONS[two])), 0.6)
        assert cosines[one, two] < most, (EMOTIONS[one], EMOTIONS[two], cosines[one, two])
