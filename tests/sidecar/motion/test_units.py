# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and axes: recognised where the numbers prove them, refused where they cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, HeadAxes, ReadOptions
from affekt.sidecar.motion.raw_take import RawTake
from affekt.sidecar.motion.units import convert
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

JAW = ARKIT_NAMES.index("jawOpen")
BLINK = ARKIT_NAMES.index("eyeBlinkLeft")
BROW = ARKIT_NAMES.index("browInnerUp")
FLIP = np.diag([1.0, -1.0, -1.0])


def weights(jaw: object, blink: object = 0.1) -> RawTake:
    jaws = np.asarray(jaw, np.float64)
    expression = np.zeros((len(jaws), 100))
    expression[:, JAW], expression[:, BLINK] = jaws, blink
    return RawTake(rows={"expression": expression}, space="arkit")


def head(turns: object, *, key: str = "head_angles", **rows: np.ndarray) -> RawTake:
    values = np.asarray(turns, np.float64)
    return RawTake(
        rows={"expression": np.zeros((len(values), 100)), key: values, **rows}, space="arkit"
    )


def converted(take: RawTake, **options: object) -> RawTake:
    return convert(take, "take.csv", ReadOptions(**options))  # type: ignore[arg-type]


def refusal(take: RawTake) -> str:
    with pytest.raises(InputError) as caught:
        converted(take)
    assert caught.value.remedy
    return caught.value.code


def test_percent() -> None:
    out = converted(weights([30, 59.8, 12.0], 7.0))
    np.testing.assert_allclose(out.rows["expression"][:, JAW], [0.3, 0.598, 0.12])
    assert out.notes == ("The weights are percent (up to 60) and were divided by 100.",)


@given(share=st.floats(0.1, 1), frames=st.integers(1, 50), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_percent_of_any_take(share: float, frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain = rng.uniform(0.03, 1, (frames, 100)) * share
    plain[:, 52:] = 0
    out = converted(RawTake(rows={"expression": plain * 100}, space="arkit"))
    np.testing.assert_allclose(out.rows["expression"], plain)
    assert len(out.notes) == 1
    again = converted(RawTake(rows={"expression": plain}, space="arkit"))
    np.testing.assert_array_equal(again.rows["expression"], plain)
    assert again.notes == ()


def test_weights_a_little_outside_are_kept() -> None:
    out = converted(weights([-0.05, 1.3, 0.2]))
    np.testing.assert_array_equal(out.rows["expression"][:, JAW], [-0.05, 1.3, 0.2])
    assert out.notes == ()


def test_a_single_spike_is_no_percent() -> None:
    jaw = np.full(60, 0.3)
    jaw[20] = 60
    with pytest.raises(InputError, match="jawOpen is 60 in row 20") as caught:
        converted(weights(jaw))
    assert caught.value.code == "motion.range"


@pytest.mark.parametrize("jaw", [[255.0, 120, 30], [1e9, 1, 1], [-40.0, 0.1, 0.2]])
def test_impossible_weights_are_refused(jaw: list[float]) -> None:
    assert refusal(weights(jaw)) == "motion.range"


def pushed(brow: float, frames: int = 30) -> np.ndarray:
    """Weights (F, 100) as a bake of fear has them: a few held above 1, most well below."""
    expression = np.zeros((frames, 100))
    expression[:, 10:22] = 0.2
    expression[:, JAW] = 0.3 + 0.3 * np.sin(np.arange(frames))
    expression[:, BROW], expression[:, BLINK] = brow, 1.4
    return expression


def take_of(expression: np.ndarray, *, ours: bool = False) -> RawTake:
    return RawTake(rows={"expression": expression}, space="arkit", ours=ours)


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_weights_that_an_emotion_has_pushed_are_kept(frames: int) -> None:
    expression = pushed(3.1, frames)
    out = converted(take_of(expression))
    np.testing.assert_array_equal(out.rows["expression"], expression)
    assert out.notes == ("The weights go up to 3.1, beyond ARKit's 1, and were kept.",)
    assert converted(take_of(expression, ours=True)).notes == ()


def test_an_emotion_that_comes_and_goes_is_no_spike() -> None:
    expression = pushed(0.9)
    expression[12:15, BROW] = [2.3, 3.2, 1.9]
    np.testing.assert_array_equal(converted(take_of(expression)).rows["expression"], expression)


@pytest.mark.parametrize("spike", [4.4, 40.0])
def test_a_spike_among_pushed_weights_is_named(spike: float) -> None:
    expression = pushed(3.1)
    expression[17, JAW] = spike
    seen = np.ones(30, bool)
    seen[3] = False
    take = RawTake(rows={"expression": expression}, space="arkit", seen=seen)
    with pytest.raises(InputError, match=f"jawOpen is {spike:g} in row 17;") as caught:
        converted(take)
    assert caught.value.code == "motion.range"


@pytest.mark.parametrize(
    ("jaw", "blink", "is_percent"), [(5, 3, True), (0.4, 3, True), (0.4, 0, False)]
)
def test_percent_of_a_still_face(jaw: float, blink: float, is_percent: bool) -> None:
    """Half of what moves is above 1, or more: that many an emotion does not push."""
    out = converted(weights([jaw] * 4, blink)).rows["expression"][2, [JAW, BLINK]]
    scale = 0.01 if is_percent else 1
    np.testing.assert_allclose(out, [jaw * scale, blink * scale])


def test_numbers_of_rows_without_a_face_mean_nothing() -> None:
    take = weights([0.3, 999.0, 0.4])
    seen = np.array([True, False, True])
    out = converted(RawTake(rows=take.rows, space="arkit", seen=seen))
    assert out.rows["expression"][0, JAW] == 0.3


def test_degrees_are_proved_by_an_angle_beyond_a_heads() -> None:
    out = converted(head([[25, 2, -3], [0, 0, 0], [-10, 1, 1]]))
    expected = Rotation.from_euler("YXZ", [25, 2, -3], degrees=True).as_rotvec()
    np.testing.assert_allclose(out.rows["rotation"][0], expected)
    assert out.notes == ("The head's angles are degrees (up to 25) and were converted.",)


def test_small_angles_are_radians_unless_said() -> None:
    angles = [[1.2, 0.1, 0.0]] * 5
    np.testing.assert_allclose(converted(head(angles)).rows["rotation"][0], [0.1, 1.2, 0], atol=0.1)
    by_hand = converted(head(angles), angles="degrees").rows["rotation"][0]
    np.testing.assert_allclose(by_hand, np.radians([0.1, 1.2, 0]), atol=1e-3)
    forced = converted(head([[2.5, 0, 0], [0, 0, 0]]), angles="radians")
    np.testing.assert_allclose(forced.rows["rotation"][0], [0, 2.5, 0], atol=1e-9)


def test_angles_that_are_neither_are_refused() -> None:
    assert refusal(head([[5000.0, 0, 0]])) == "motion.rotation"
    assert refusal(head([[1e4, 0, 0]], key="rotation")) == "motion.rotation"


TURN = [0.2, -0.3, 0.1]


def opencv_turns() -> np.ndarray:
    ours = Rotation.from_rotvec([TURN, [0.0, 0.4, 0.0], [-0.1, 0, 0]]).as_matrix()
    return Rotation.from_matrix(FLIP @ ours).as_rotvec()


def test_opencvs_axes_are_recognised_and_turned() -> None:
    places = np.array([[0.01, 0.02, 0.6]] * 3)
    out = converted(head(opencv_turns(), key="rotation", translation=places))
    np.testing.assert_allclose(out.rows["rotation"][0], TURN, atol=1e-9)
    np.testing.assert_allclose(out.rows["translation"][0], [0.01, -0.02, -0.6])
    assert out.notes == (
        "The head was in OpenCV's axes (y down, z forward) and was turned to ours.",
    )


def test_opencvs_angles_in_degrees() -> None:
    angles = [[2.0, 176.0 * (-1) ** i, 1.0] for i in range(8)]
    out = converted(head(angles))
    assert np.abs(out.rows["rotation"]).max() < 0.1
    assert len(out.notes) == 2


def test_a_head_that_turns_round_for_a_moment_is_left() -> None:
    turns = np.zeros((30, 3))
    turns[5] = [3.0, 0, 0]
    out = converted(head(turns, key="rotation"))
    np.testing.assert_array_equal(out.rows["rotation"], turns)
    assert out.notes == ()


@pytest.mark.parametrize(
    ("axes", "place_there", "ours"),
    [
        ("opencv", [1.0, 2.0, 3.0], [1.0, -2.0, -3.0]),
        ("opengl", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ("blender", [1.0, 2.0, 3.0], [1.0, 3.0, -2.0]),
    ],
)
def test_axes_by_hand(axes: HeadAxes, place_there: list[float], ours: list[float]) -> None:
    matrix = {
        "opencv": FLIP,
        "opengl": np.eye(3),
        "blender": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    }[axes]
    camera_only = Rotation.from_matrix(matrix.T @ Rotation.from_rotvec(TURN).as_matrix())
    head_too = np.array(TURN) @ matrix
    for turn in (camera_only.as_rotvec(), head_too):
        take = head([turn] * 4, key="rotation", translation=np.array([place_there] * 4))
        out = converted(take, axes=axes)
        np.testing.assert_allclose(out.rows["rotation"][2], TURN, atol=1e-9)
        np.testing.assert_allclose(out.rows["translation"][2], ours)
        assert out.notes == ()


@pytest.mark.parametrize(("scale", "unit"), [(1, ""), (100, "centimetres"), (1000, "millimetres")])
def test_units_of_place(scale: float, unit: str) -> None:
    places = np.array([[0.05, -0.1, -0.6]] * 4)
    out = converted(head(np.zeros((4, 3)), key="rotation", translation=places * scale))
    np.testing.assert_allclose(out.rows["translation"], places)
    assert bool(out.notes) == bool(unit)
    assert not unit or unit in out.notes[0]


def test_a_trackers_poses_in_degrees() -> None:
    def tracker(jaw: float) -> RawTake:
        turns = np.array([[jaw, 1.0, 2.0]] * 3)
        rows = {"expression": np.zeros((3, 100)), "jaw": turns, "rotation": turns / 2}
        return RawTake(rows=rows, space="flame2023")

    out = converted(tracker(25.0))
    np.testing.assert_allclose(out.rows["jaw"][0], np.radians([25, 1, 2]))
    np.testing.assert_allclose(out.rows["rotation"][0], np.radians([12.5, 0.5, 1]))
    assert "degrees (up to 25)" in out.notes[0]
    by_hand = converted(tracker(2.0), angles="degrees")
    np.testing.assert_allclose(by_hand.rows["jaw"][0], np.radians([2, 1, 2]))
    assert converted(tracker(0.5)).rows["jaw"][0, 0] == 0.5
    assert refusal(tracker(900.0)) == "motion.rotation"


def test_our_own_files_keep_their_units() -> None:
    far = np.array([[0.0, 0.0, -20.0]] * 4)
    take = head([[3.0, 0.1, 0.0]] * 4, key="rotation", translation=far)
    take.rows["expression"][:, JAW] = 2.5
    own = RawTake(rows=take.rows, space="arkit", ours=True)
    out = converted(own)
    np.testing.assert_array_equal(out.rows["rotation"], take.rows["rotation"])
    np.testing.assert_array_equal(out.rows["translation"], far)
    assert out.notes == ()
    turned = converted(own, axes="opencv").rows["rotation"]
    assert np.abs(turned).max() < 0.3
    take.rows["expression"][2, JAW] = 60
    with pytest.raises(InputError, match="jawOpen is 60 in row 2;") as caught:
        converted(own)
    assert caught.value.code == "motion.range"


@pytest.mark.parametrize(("jaw", "kept"), [(5.9, True), (6.1, False)])
def test_the_end_of_weights_that_we_wrote(jaw: float, kept: bool) -> None:
    own = RawTake(rows=weights([0.3, jaw]).rows, space="arkit", ours=True)
    if kept:
        assert converted(own).rows["expression"][1, JAW] == jaw
    else:
        assert refusal(own) == "motion.range"


@pytest.mark.parametrize(
    ("jaw", "kept"), [(1.95, True), (2.05, False), (-1.45, True), (-1.55, False)]
)
def test_the_ends_of_weights(jaw: float, kept: bool) -> None:
    take = weights([0.3] * 20 + [jaw])
    if kept:
        assert converted(take).rows["expression"][20, JAW] == jaw
    else:
        assert refusal(take) == "motion.range"


@pytest.mark.parametrize(
    ("highest", "lowest", "converts"),
    [(118.0, -0.5, True), (122.0, -0.5, False), (80.0, -145.0, True), (80.0, -155.0, False)],
)
def test_the_ends_of_percent(highest: float, lowest: float, converts: bool) -> None:
    take = weights([30.0, highest, lowest], 7.0)
    if converts:
        out = converted(take).rows["expression"][:, [JAW, BLINK]]
        np.testing.assert_allclose(out, [[0.3, 0.07], [highest / 100, 0.07], [lowest / 100, 0.07]])
    else:
        assert refusal(take) == "motion.range"


@pytest.mark.parametrize(("above_one", "converts"), [(9, False), (11, True)])
def test_a_tenth_of_the_weights_that_are_not_zero_proves_percent(
    above_one: int, converts: bool
) -> None:
    jaw = np.full(100, 0.5)
    jaw[:above_one] = 40
    take = weights(jaw, 0)
    if converts:
        assert converted(take).rows["expression"][[0, 99], JAW].tolist() == [0.4, 0.005]
    else:
        assert refusal(take) == "motion.range"


def test_the_first_impossible_weight_is_named_by_its_row_and_value() -> None:
    take = weights([0.1, 0.2, -3.5, 9.0, *[0.1] * 20])
    take.rows["expression"][0, BLINK] = np.nan
    with pytest.raises(InputError, match=r"jawOpen is -3\.5 in row 2;"):
        converted(take)


def test_a_number_too_large_to_count_with_names_its_row() -> None:
    turns = np.zeros((5, 3))
    turns[3, 1] = -2e30
    with pytest.raises(InputError, match="rotation is not a number in row 3") as caught:
        converted(head(turns, key="rotation"))
    assert caught.value.code == "motion.not_finite"
    turns[3, 1] = -1e29
    assert refusal(head(turns, key="rotation")) == "motion.rotation"


@pytest.mark.parametrize(
    ("yaw", "rad"),
    [
        (1.85, 1.85),
        (-1.85, -1.85),
        (2.0, np.radians(2)),
        (-2.0, -np.radians(2)),
        (395.0, np.radians(35)),
    ],
)
def test_the_ends_of_a_heads_angles(yaw: float, rad: float) -> None:
    out = converted(head([[0.1, 0, 0], [yaw, 0, 0], [0.2, 0, 0]])).rows["rotation"]
    np.testing.assert_allclose(out[1], [0, rad, 0], atol=1e-9)


def test_angles_beyond_more_than_a_turn_are_refused() -> None:
    assert refusal(head([[405.0, 0, 0], [0, 0, 0]])) == "motion.rotation"


def test_a_rotation_of_almost_a_whole_turn_stays_in_radians() -> None:
    out = converted(head([[0, 6.2, 0], [0, 0.1, 0]], key="rotation"))
    np.testing.assert_array_equal(out.rows["rotation"][0], [0, 6.2, 0])
    out = converted(head([[0, 6.4, 0], [0, 0.1, 0]], key="rotation"))
    np.testing.assert_allclose(out.rows["rotation"][0], [0, np.radians(6.4), 0])


@pytest.mark.parametrize(("radians", "kept"), [(12.5, True), (12.7, False)])
def test_two_whole_turns_are_the_most(radians: float, kept: bool) -> None:
    take = head([[0, radians, 0], [0, 0.1, 0]], key="rotation")
    if kept:
        assert converted(take, angles="radians").rows["rotation"][0, 1] == radians
        return
    with pytest.raises(InputError) as caught:
        converted(take, angles="radians")
    assert caught.value.code == "motion.rotation"


@pytest.mark.parametrize(("rows_away", "rad"), [(97, 3.0 - np.pi), (3, np.radians(3.0))])
def test_angles_beyond_a_heads_are_other_axes_if_they_last(rows_away: int, rad: float) -> None:
    """Up to a half turn; degrees if only some rows have them."""
    turns = np.zeros((100, 3))
    turns[:rows_away, 1] = -3.0
    out = converted(head(turns)).rows["rotation"]
    np.testing.assert_allclose(np.abs(out[0]), [abs(rad), 0, 0], atol=1e-9)


@pytest.mark.parametrize(("rows_away", "turned"), [(97, True), (93, False)])
def test_opencvs_axes_show_in_nineteen_of_twenty_rows(rows_away: int, turned: bool) -> None:
    turns = np.zeros((100, 3))
    turns[:rows_away, 0] = 3.0
    out = converted(head(turns, key="rotation"))
    assert bool(out.notes) == turned
    expected = 3.0 - np.pi if turned else 3.0
    np.testing.assert_allclose(out.rows["rotation"][0], [expected, 0, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("jaw", "rad"), [(3.1, 3.1), (3.3, np.radians(3.3)), (179, np.radians(179))]
)
def test_the_ends_of_a_trackers_poses(jaw: float, rad: float) -> None:
    rows = {"expression": np.zeros((2, 100)), "jaw": np.array([[jaw, 0, 0], [0.1, 0, 0]])}
    out = converted(RawTake(rows=rows, space="flame2023")).rows["jaw"]
    np.testing.assert_allclose(out[0], [rad, 0, 0])


def test_each_of_a_trackers_poses_proves_degrees() -> None:
    for key, width in (("jaw", 3), ("neck", 3), ("eyes", 6)):
        turns = np.zeros((2, width))
        turns[1, 2] = -20.0
        rows = {"expression": np.zeros((2, 100)), "rotation": np.array([[0, 5.0, 0]] * 2)}
        out = converted(RawTake(rows=rows | {key: turns}, space="flame2020")).rows
        assert out[key][1, 2] == pytest.approx(np.radians(-20))
        assert out["rotation"][0, 1] == pytest.approx(np.radians(5))
        turns[1, 2] = -181
        assert refusal(RawTake(rows=rows | {key: turns}, space="flame2020")) == "motion.rotation"


@pytest.mark.parametrize(
    ("away", "metres"), [(14.0, 14.0), (16.0, 0.16), (99.0, 0.99), (101.0, 0.101)]
)
def test_the_ends_of_units_of_place(away: float, metres: float) -> None:
    places = np.array([[0, 0, -away]] * 3)
    out = converted(head(np.zeros((3, 3)), key="rotation", translation=places))
    np.testing.assert_allclose(out.rows["translation"][1], [0, 0, -metres])


def test_one_place_far_away_does_not_tell_the_unit() -> None:
    """A tracker that slips for a frame, of five in metres, and of five in centimetres."""
    places = np.array([[0, 0, -0.6], [0, 0, -0.61], [3.0, -5, -40], [0, 0, -0.62], [0, 0, -0.63]])
    out = converted(head(np.zeros((5, 3)), key="rotation", translation=places))
    np.testing.assert_allclose(out.rows["translation"], places)
    assert out.notes == ()
    places = np.array([[0, 0, -60.0], [0, 0, -61], [0.3, -0.5, -4], [0, 0, -62], [90, 0, -400]])
    out = converted(head(np.zeros((5, 3)), key="rotation", translation=places))
    np.testing.assert_allclose(out.rows["translation"], places / 100)
    assert "centimetres (61 from" in out.notes[0]


def test_only_rows_with_a_face_prove_anything() -> None:
    seen = np.array([True, False, True])
    away = np.array([[0, 0, -0.5], [0, 0, -900.0], [0, 0, -0.6]])
    take = head([[0.1, 0, 0], [90.0, 0, 0], [0.2, 0, 0]], translation=away)
    out = convert(RawTake(rows=take.rows, space="arkit", seen=seen), "take.csv", ReadOptions())
    np.testing.assert_allclose(out.rows["rotation"][[0, 2], 1], [0.1, 0.2])
    assert out.rows["translation"][2, 2] == -0.6
    assert out.notes == ()


def test_endless_numbers_of_rows_without_a_face_mean_nothing() -> None:
    take = weights([0.3, 1e35, 0.4])
    take = replace(take, seen=np.array([True, False, True]))
    out = converted(take).rows["expression"]
    np.testing.assert_array_equal(out[:, JAW], [0.3, np.nan, 0.4])
    assert np.isnan(out[1]).all()


def test_a_row_of_angles_that_is_not_whole_is_no_turn() -> None:
    turns = converted(head([[0.1, 0, 0], [0.1, np.nan, 0], [0, 0.2, 0]])).rows["rotation"]
    np.testing.assert_allclose(turns, [[0, 0.1, 0], [np.nan] * 3, [0.2, 0, 0]], atol=1e-12)


@pytest.mark.parametrize("key", ["jaw", "neck", "eyes"])
def test_degrees_of_any_one_joint_tell_those_of_all(key: str) -> None:
    widths = {"jaw": 3, "neck": 3, "eyes": 6, "rotation": 3}
    rows = {name: np.full((4, width), 0.5) for name, width in widths.items()}
    rows[key][2, 1] = -20.0
    take = RawTake(rows={"expression": np.zeros((4, 100)), **rows}, space="flame2020")
    out = converted(take)
    for name, values in rows.items():
        np.testing.assert_allclose(out.rows[name], np.radians(values))
    assert out.notes == ("Jaw, neck and eyes are degrees (up to 20); all turns were converted.",)


@pytest.mark.parametrize(("least", "is_refused"), [(-1.5, False), (-1.51, True)])
def test_the_lowest_weight(least: float, is_refused: bool) -> None:
    take = weights([0.3, least, 0.4])
    if is_refused:
        assert refusal(take) == "motion.range"
    else:
        np.testing.assert_array_equal(converted(take).rows["expression"][:, JAW], [0.3, least, 0.4])


@pytest.mark.parametrize(
    ("away_rad", "others_rad", "others", "is_turned"),
    [
        (np.pi, np.pi / 2, 4, True),
        (np.pi, np.pi / 2, 6, False),  # of a hundred rows, in which it does not face away
        (2.2, 2.2, 0, True),
        (1.95, 1.95, 0, False),  # turned round, it would still look aside
        (1.85, 1.85, 0, False),
    ],
)
def test_a_head_that_faces_away_throughout(
    away_rad: float, others_rad: float, others: int, is_turned: bool
) -> None:
    turns = np.zeros((100, 3))
    turns[:, 0] = away_rad
    turns[:others, 0] = others_rad
    out = converted(head(turns, key="rotation"))
    assert bool(out.notes) == is_turned
    wanted = turns[:, 0] - np.pi if is_turned else turns[:, 0]
    np.testing.assert_allclose(out.rows["rotation"][:, 0], wanted, atol=1e-9)


@pytest.mark.parametrize(("highest", "kept"), [(6.0, True), (6.01, False)])
def test_the_end_of_pushed_weights(highest: float, kept: bool) -> None:
    """Reached slowly, and only now and then, so that it is neither a spike nor percent."""
    rise = np.linspace(0.3, highest, 12)
    jaw = np.concatenate([np.full(80, 0.3), rise, rise[::-1]])
    if kept:
        out = converted(weights(jaw))
        np.testing.assert_array_equal(out.rows["expression"][:, JAW], jaw)
        assert out.notes == ("The weights go up to 6.0, beyond ARKit's 1, and were kept.",)
    else:
        with pytest.raises(InputError, match=r"jawOpen is 6\.01 in row 91") as caught:
            converted(weights(jaw))
        assert caught.value.code == "motion.range"
