# SPDX-License-Identifier: GPL-3.0-or-later
"""What a take's weights become on a character, and as text; where its face looks; its joints."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.arkit_pose import eye_turns, jaw_turn
from affekt.shared.calibration import SHAPES
from affekt.shared.character_axes import face_axes
from affekt.shared.character_mapping import (
    WeightMapping,
    decode_calibration,
    decode_mapping,
    encode_calibration,
    encode_mapping,
)
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.head.read import OPEN, read_head
from fakes.calibrations import any_calibration

SMILE, DIMPLE = ARKIT_NAMES.index("mouthSmileLeft"), ARKIT_NAMES.index("mouthDimpleLeft")


def weights(**named: float) -> np.ndarray:
    out = np.zeros((1, SHAPES), np.float32)
    for name, value in named.items():
        out[0, ARKIT_NAMES.index(name)] = value
    return out


def strengths(**named: float) -> np.ndarray:
    return np.where(weights(**named)[0] > 0, weights(**named)[0], 1).astype(np.float32)


def test_without_calibration_weights_stay_and_strengths_multiply_them() -> None:
    take = weights(jawOpen=0.75, mouthSmileLeft=0.5)
    np.testing.assert_array_equal(WeightMapping().apply(take), take)
    half = WeightMapping(strengths=strengths(jawOpen=0.5))
    np.testing.assert_array_equal(half.apply(take), weights(jawOpen=0.375, mouthSmileLeft=0.5))
    assert half.gains[ARKIT_NAMES.index("jawOpen")] == 0.5


def test_with_calibration_helpers_help_and_strengths_multiply_what_comes_out() -> None:
    mapping = WeightMapping(calibration=any_calibration(), strengths=strengths(mouthSmileLeft=2))
    out = mapping.apply(weights(mouthSmileLeft=0.4))[0]
    assert out[SMILE] == pytest.approx(0.4 * (0.5 + 0.01 * SMILE) * 2)
    assert out[DIMPLE] == pytest.approx(0.4 * 0.25)
    assert mapping.gains[SMILE] == pytest.approx((0.5 + 0.01 * SMILE) * 2)


def test_strengths_have_no_ends_but_a_gain_does() -> None:
    """Who edits a key that hardly follows its weight does not ask for a hundredfold weight."""
    factors = np.ones(SHAPES, np.float32)
    factors[[SMILE, DIMPLE]] = 3, 0.05
    mapping = WeightMapping(strengths=factors)
    out = mapping.apply(weights(mouthSmileLeft=0.75, mouthDimpleLeft=-0.5))[0]
    assert out[[SMILE, DIMPLE]].tolist() == pytest.approx([2.25, -0.025])
    assert mapping.gains[[SMILE, DIMPLE]].tolist() == pytest.approx([3, 0.1])
    held = WeightMapping(calibration=any_calibration(), strengths=factors)
    # Its own gain, not its helper's.
    assert held.gains[DIMPLE] == pytest.approx(0.1)
    assert held.gains[SMILE] == pytest.approx(3 * (0.5 + 0.01 * SMILE))


def test_a_row_is_the_same_alone() -> None:
    rows = np.random.default_rng(1).random((50, SHAPES)).astype(np.float32)
    mapping = WeightMapping(calibration=any_calibration())
    np.testing.assert_array_equal(mapping.apply(rows)[17:18], mapping.apply(rows[17:18]))


def test_as_text_and_back() -> None:
    kept = any_calibration()
    back = decode_calibration(encode_calibration(kept))
    for name in ("map", "most", "gaps", "reach"):
        np.testing.assert_array_equal(getattr(back, name), getattr(kept, name))
    for mapping in (
        WeightMapping(strengths=strengths(jawOpen=0.5)),
        WeightMapping(calibration=kept),
    ):
        text = encode_mapping(mapping)
        assert encode_mapping(decode_mapping(text)) == text
    assert encode_mapping(decode_mapping("")) == encode_mapping(WeightMapping())


def test_the_text_is_that_of_older_files() -> None:
    """A .blend keeps it for years: four tables of float32, one after the other, in base64."""
    kept = any_calibration()
    gaps = np.arange(2 * SHAPES, dtype=np.float32).reshape(2, SHAPES) / 64
    kept = replace(kept, gaps=gaps, reach=np.full((SHAPES, 2), 0.5, np.float32))
    flat = np.frombuffer(base64.b64decode(encode_calibration(kept)), "<f4")
    ends = np.cumsum([SHAPES * SHAPES, SHAPES, 2 * SHAPES, 2 * SHAPES])
    assert len(flat) == ends[-1]
    found = np.split(flat, ends[:-1])
    for values, name in zip(found, ("map", "most", "gaps", "reach"), strict=True):
        np.testing.assert_array_equal(values, getattr(kept, name).ravel(), err_msg=name)
    mapping = WeightMapping(calibration=kept, strengths=strengths(jawOpen=0.5))
    said = json.loads(encode_mapping(mapping))
    assert said == {
        "calibration": encode_calibration(kept),
        "strengths": strengths(jawOpen=0.5).tolist(),
    }
    assert json.loads(encode_mapping(WeightMapping()))["calibration"] == ""


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"strengths": [1]}',
        '{"strengths": [1], "calibration": ""}',
        f'{{"strengths": {[1.0] * SHAPES}, "calibration": "AAAA"}}',
        f'{{"strengths": {[1.0] * SHAPES}, "calibration": "not base64"}}',
        f'{{"strengths": {[float("inf")] * SHAPES}, "calibration": ""}}'.replace("inf", "Infinity"),
    ],
)
def test_damaged_texts(text: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_mapping(text)
    assert caught.value.code == "avatar.calibration_values"


def test_a_calibration_of_impossible_values_is_refused() -> None:
    broken = any_calibration()
    text = encode_calibration(broken)
    broken.map[3, 3] = np.nan
    with pytest.raises(InputError):
        decode_calibration(encode_calibration(broken))
    assert decode_calibration(text)
    with pytest.raises(InputError):
        replace(any_calibration(), most=np.full(SHAPES, -1, np.float32))


def middles(turn: np.ndarray, size: float) -> dict[str, np.ndarray]:
    """Places on a face whose axes are the rows of `turn`, somewhere else, a little lopsided."""
    places = {
        "eyeBlinkLeft": (0.03, 0.05, 0.08),
        "eyeBlinkRight": (-0.031, 0.05, 0.08),
        "browInnerUp": (0.001, 0.07, 0.09),
        "mouthSmileLeft": (0.025, -0.03, 0.085),
        "mouthSmileRight": (-0.026, -0.03, 0.085),
        "jawOpen": (0.0, -0.06, 0.06),
        "mouthLeft": (0.0, -0.03, 0.09),
        "mouthRight": (0.002, -0.03, 0.09),
    }
    return {name: (np.array(p) @ turn + 3) * size for name, p in places.items()}


@pytest.mark.parametrize("size", [1.0, 100.0])
@pytest.mark.parametrize(
    "turn",
    [np.eye(3), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], [[0, -1, 0], [0, 0, 1], [-1, 0, 0]]],
    ids=["y up", "z up, looks along -y", "z up, looks along -x"],
)
def test_a_face_tells_where_it_looks(turn: list[list[float]], size: float) -> None:
    axes = np.array(turn, float)
    np.testing.assert_array_equal(face_axes(middles(axes, size)), axes)


def test_a_face_that_leans_keeps_its_lean() -> None:
    angle = np.radians(50)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0]])
    axes = np.concatenate([turn, [[0, 0, 1]]])
    found = face_axes(middles(axes, 1.0))
    assert found is not None
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-12)
    assert np.degrees(np.arccos((found * axes).sum(1).clip(-1, 1))).max() < 10


def test_a_mouth_that_hangs_to_one_side_turns_nothing() -> None:
    """Left is known by the pairs; what is up of that direction is not the rest's fault."""
    places = {
        "eyeBlinkLeft": (0.03, 0.05, 0.08),
        "eyeBlinkRight": (-0.03, 0.05, 0.08),
        "jawOpen": (-0.2, -0.05, 0.08),
    }
    found = face_axes({name: np.array(place) for name, place in places.items()})
    np.testing.assert_array_equal(found, np.eye(3))


def test_up_stands_on_what_is_left() -> None:
    """A head that is turned half way, and nods a little to one side: up is nearly an axis, which
    left is not, and yet they are at a right angle."""
    turned, nods = np.radians(45), np.radians(12)
    left = np.array([np.cos(turned) * np.cos(nods), np.sin(nods), np.sin(turned) * np.cos(nods)])
    up = np.array([0.0, 1, 0]) - np.sin(nods) * left
    up /= np.linalg.norm(up)
    axes = np.stack([left, up, np.cross(left, up)])
    places = {
        "eyeBlinkLeft": (0.03, 0.05, 0.08),
        "eyeBlinkRight": (-0.03, 0.05, 0.08),
        "jawOpen": (0.0, -0.05, 0.08),
    }
    found = face_axes({name: np.array(place) @ axes for name, place in places.items()})
    assert found is not None
    np.testing.assert_allclose(found, axes, atol=1e-9)


def test_too_few_shapes_do_not_tell() -> None:
    whole = middles(np.eye(3), 1.0)
    for lacking in (("eyeBlinkL", "mouthSmileL"), ("brow", "eye"), ("mouth", "jaw")):
        few = {n: p for n, p in whole.items() if not n.startswith(lacking)}
        assert face_axes(few) is None
    assert face_axes({}) is None
    assert face_axes({"jawOpen": whole["jawOpen"]}) is None
    assert face_axes({name: p for name, p in whole.items() if "eye" in name}) is None
    assert face_axes({name: np.zeros(3) for name in whole}) is None


def test_joints_turn_as_the_open_head_says() -> None:
    head = read_head(OPEN)
    one = np.eye(SHAPES, dtype=np.float32)
    np.testing.assert_allclose(jaw_turn(one), head.arkit_jaw.T, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(eye_turns(one), 1), head.arkit_eyes.T, atol=1e-6)
    left, right = eye_turns(weights(eyeLookOutLeft=1, eyeLookUpRight=0.5))
    assert left[0].tolist() == pytest.approx([0, 0.4537856, 0])  # to the head's left
    assert right[0].tolist() == pytest.approx([-0.148353, 0, 0])
