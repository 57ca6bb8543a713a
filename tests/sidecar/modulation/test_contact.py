# SPDX-License-Identifier: GPL-3.0-or-later
"""Closures are read from the lips, and kept whatever the network does."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.emotions import OPEN, expression_table
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.modulation.contact import (
    contact_of,
    either,
    gaps_of,
    held_of,
    keep_contact,
    margin,
    rest_of,
    widest,
    yielding_of,
)
from affekt.sidecar.modulation.weights import Modulator, load_modulator
from hypothesis import given, settings
from hypothesis import strategies as st

HEAD = read_head("open")
OPENING = lips_of(HEAD).opening.astype(np.float32)
MODULATOR = replace(load_modulator(), lip_opening=OPENING)
JAW_OPEN = HEAD.expression_names.index("jawOpen")
UPPER_LIP = HEAD.expression_names.index("mouthUpperUpLeft")
SEALS = list(MODULATOR.lip_closers)


def gaps(*mm: float) -> np.ndarray:
    return np.repeat(np.array(mm, np.float64)[:, None], 5, 1)


def kept(
    out: np.ndarray, take: np.ndarray, contact: np.ndarray, modulator: Modulator
) -> np.ndarray:
    return keep_contact(out, take, contact, yielding_of(contact, 30.0), modulator)


def take_that_shuts_its_jaw(frames: int = 60) -> np.ndarray:
    """(T, 103): the mouth opens and shuts six times, by the jaw alone, with a smile throughout."""
    opened = 0.35 * (1 - np.cos(np.arange(frames) * 2 * np.pi / 10)) / 2
    numbers = np.zeros((frames, 103), np.float32)
    numbers[:, JAW_OPEN] = opened
    numbers[:, 100] = opened * HEAD.arkit_jaw[0, JAW_OPEN]
    return numbers


def test_a_dip_to_nothing_is_a_closure():
    contact = contact_of(gaps(*[5] * 10, 3, 0.2, 3, *[5] * 10), 30.0)
    assert contact[11] == 1
    assert 0.3 < contact[10] < 1  # lips are on their way
    assert (contact[:9] == 0).all()
    assert (contact[14:] == 0).all()


@pytest.mark.parametrize(
    "mm",
    [
        [0.0] * 60,  # silence
        [5.0] * 60,  # an open mouth
        [5.0] * 20 + [0.0] * 40,  # the end of a sentence
        [5.0] * 20 + [3.0] * 3 + [5.0] * 20,  # lips that come near
        [0.5, 0.0] * 30,  # a tracker's noise on closed lips
    ],
)
def test_what_is_no_closure(mm: list[float]):
    far_from_ends = contact_of(gaps(*mm), 30.0)
    assert far_from_ends.max() < 0.05


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_a_closure_lasts_as_long_at_every_rate(fps: float):
    times = np.arange(0, 2, 1 / fps)
    apart = 5 * np.clip(np.abs(times - 1) / 0.08, 0, 1)
    contact = contact_of(gaps(*apart), fps)
    assert contact.max() > 0.95
    assert 0.02 < contact.sum() / fps < 0.15


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    start=st.integers(0, 139),
    length=st.integers(1, 40),
    fps=st.sampled_from([24.0, 30.0, 60.0]),
)
def test_a_range_with_its_margin_has_the_bits_of_the_whole(
    seed: int, start: int, length: int, fps: float
):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(0, 0.2, (140, 103)).astype(np.float32)
    numbers[:, JAW_OPEN:] *= np.repeat(rng.integers(0, 2, 7), 20)[:, None]
    whole = gaps_of(numbers, OPENING)
    stop = min(start + length, 140)
    first = max(start - margin(fps), 0)
    part = gaps_of(numbers[first : stop + margin(fps)], OPENING)
    for level in (contact_of, held_of):
        of_whole, of_part = level(whole, fps, 0.4), level(part, fps, 0.4)
        ends = slice(start - first, stop - first)
        assert of_part[ends].tobytes() == of_whole[start:stop].tobytes()
        slow = yielding_of(of_part, fps)[ends]
        assert slow.tobytes() == yielding_of(of_whole, fps)[start:stop].tobytes()


def test_a_ramp_and_the_parting_before_it_reach_twelve_frames():
    """At 30 fps a ramp is 2 frames long, and lips parted at most 10 frames before their closure:
    frame 12 hangs on frame 0."""
    mm = [5.0, *[0.0] * 11, *[5.0] * 10]
    whole = contact_of(gaps(*mm), 30.0)
    np.testing.assert_allclose(
        whole[[0, 1, 2, 10, 11, 12, 13]], [0.2, 0.6, 1, 1, 0.6, 0.2, 0], atol=1e-9
    )
    mirrored = contact_of(gaps(*mm[::-1]), 30.0)
    np.testing.assert_allclose(mirrored[::-1], whole, atol=1e-12)
    for start, contact in ((12, 0.2), (13, 0.0)):
        part = contact_of(gaps(*mm[start - 12 :]), 30.0)
        assert part[12] == pytest.approx(contact)
    nearer = contact_of(gaps(*mm[1:]), 30.0)  # the control: without frame 0 nothing was parted
    assert nearer[12 - 1] == 0


def test_the_margin_reaches_through_a_held_closure_and_its_ramps():
    """At 30 fps a hold is 11 frames; its ramps are 4 frames, and yielding's 8. So the 22nd frame
    past its first one still hangs on that; 21 + 1 frames lie between them."""
    assert margin(30.0) == 22
    held = gaps(5.0, *[0.0] * 11, *[5.0] * 30)
    broken = gaps(5.0, 5.0, *[0.0] * 10, *[5.0] * 30)
    slow = [yielding_of(held_of(mm, 30.0), 30.0) for mm in (held, broken)]
    changed = np.flatnonzero(slow[0] != slow[1])
    assert changed.max() == 1 + margin(30.0)
    assert not slow[1].any()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_closures_are_kept_where_an_emotion_opens_them(emotion: str):
    take = take_that_shuts_its_jaw()
    out = take.copy()
    out[:, :100] += expression_table()[EMOTIONS.index(emotion), :, OPEN].mean(0).astype(np.float32)
    before = gaps_of(take, OPENING)
    contact = contact_of(before, 30.0)
    shut = contact > 0.99
    assert shut.sum() >= 5
    closed = kept(out, take, contact, MODULATOR)
    apart = gaps_of(closed, OPENING)[shut].mean(1)
    assert apart.max() < 1.0
    if emotion == "happy":  # the control: without it, these lips stand open
        assert gaps_of(out, OPENING)[shut].mean(1).min() > 1.0


def test_frames_without_contact_and_unchanged_takes_keep_their_bits():
    take = take_that_shuts_its_jaw()
    before = gaps_of(take, OPENING)
    contact = contact_of(before, 30.0)
    contact[30:] = 0
    assert kept(take, take, contact, MODULATOR).tobytes() == take.tobytes()
    out = take + np.float32(0.1)
    closed = kept(out, take, contact, MODULATOR)
    free = yielding_of(contact, 30.0) == 0
    assert free.any()
    assert closed[free].tobytes() == out[free].tobytes()
    assert closed[contact > 0].tobytes() != out[contact > 0].tobytes()


def test_a_head_whose_shapes_close_nothing_is_left_alone():
    take = take_that_shuts_its_jaw()
    closes_nothing = replace(MODULATOR, lip_opening=np.zeros_like(OPENING))
    out = take + np.float32(0.1)
    assert kept(out, take, np.ones(60), closes_nothing).tobytes() == out.tobytes()


def test_numbers_close_the_lips_in_turn_each_up_to_its_limit():
    """Number 7 closes 4 mm and stands at 0.7 of 0.9; number 3 closes 2 mm; number 5 opens 10."""
    opening = np.zeros((103, 5), np.float32)
    opening[[7, 3, 5]] = np.array([[-4.0], [-2.0], [10.0]], np.float32)
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={7: 0.9, 3: 1.0})
    out = np.zeros((3, 103), np.float32)
    out[:, 5] = 0.5
    out[:, 7] = 0.7, 1.1, 0.7
    # 5 - 2.8 = 2.2 mm apart; 5 - 4.4 = 0.6 mm; 2.2 mm, where the take is 1.2 mm apart.
    take = np.zeros((3, 103), np.float32)
    take[:, 5] = 0.0, -0.3, 0.12
    closed = keep_contact(out, take, np.array([0.5, 1.0, 1.0]), np.zeros(3), modulator)
    np.testing.assert_allclose(closed[:, 7], [0.9, 1.1, 0.9], atol=1e-6)
    # What is left: 0.5 * 2.2 - 0.8 = 0.3 mm; 0.6 mm; 1 - 0.8 = 0.2 mm.
    np.testing.assert_allclose(closed[:, 3], [0.15, 0.3, 0.1], atol=1e-6)
    np.testing.assert_array_equal(closed[:, 5], out[:, 5])


def test_lips_that_meet_by_half_and_part_by_half_are_in_contact_by_a_quarter():
    """1.75 mm lies half way from 1 to 2.5; 1.75 mm wider, half way from 1 to 2.5."""
    contact = contact_of(gaps(*[3.5] * 12, 1.75, *[3.5] * 12), 30.0)
    assert contact[12] == pytest.approx(0.25)
    assert contact_of(gaps(*[3.5] * 12, 1.0, *[3.5] * 12), 30.0)[12] == 1
    assert contact_of(gaps(*[5.0] * 12, 2.5, *[5.0] * 12), 30.0)[12] == 0
    assert contact_of(gaps(*[1.5] * 12, 0.5, *[1.5] * 12), 30.0)[12] == 0


def test_the_gap_to_close_is_mostly_the_widest():
    places = np.array([[1.0, 2, 3, 4, 10], [-1, 0, 0, 0, 0]])
    np.testing.assert_allclose(widest(places), [0.6 * 10 + 0.4 * 4, -0.08])


SILENCE = [*[5.0] * 20, *[0.0] * 40, *[5.0] * 20]


def opened(take: np.ndarray, jaw: float = 0.0, upper_lip: float = 0.0) -> np.ndarray:
    """The take with a jaw that drops and an upper lip that rises."""
    out = take.copy()
    out[:, 100] += np.float32(jaw)
    out[:, UPPER_LIP] += np.float32(upper_lip)
    return out


def numbers_apart(mm: np.ndarray) -> np.ndarray:
    """(T, 103) a take whose lips are so far apart by its jaw alone."""
    numbers = np.zeros((len(mm), 103), np.float32)
    numbers[:, 100] = mm / OPENING[100].mean()
    return numbers


def gap_of(numbers: np.ndarray) -> np.ndarray:
    return gaps_of(numbers, OPENING).mean(1)


def held(numbers: np.ndarray, out: np.ndarray, keep_closed: float = 1.0) -> np.ndarray:
    """What the whole rule makes of out (T, 103)."""
    gaps = gaps_of(numbers, OPENING)
    level = keep_closed * held_of(gaps, 30.0, rest_of(gaps))
    return keep_contact(out, numbers, level, keep_closed * yielding_of(level, 30.0), MODULATOR)


def test_a_jaw_that_drops_in_a_held_closure_comes_back():
    """By itself: nothing is left for sealed lips to hide."""
    take = numbers_apart(np.array(SILENCE))
    out = opened(take, jaw=0.2)
    assert gap_of(out)[20:60].min() > 10
    closed = held(take, out)
    np.testing.assert_allclose(closed[20:60, 100], take[20:60, 100], atol=0.02)
    assert np.abs(gap_of(closed)[20:60]).max() < 1
    assert (closed[:, SEALS] < 0.15).all()
    assert closed[[0, -1]].tobytes() == out[[0, -1]].tobytes()


def test_lips_that_rest_apart_meet_there_in_words():
    mm = np.array([*[5.0] * 10, 3, 0.2, 3, *[5.0] * 10])
    resting = contact_of(gaps(*(mm + 1.5)), 30.0, 1.5)
    np.testing.assert_allclose(resting, contact_of(gaps(*mm), 30.0), atol=1e-12)
    assert resting[11] == 1
    # Each place counts: the mean of these is the dip's.
    uneven = gaps(*mm) + np.array([-0.4, 0.3, 0.2, 0.1, -0.2])
    np.testing.assert_allclose(contact_of(uneven, 30.0), resting, atol=1e-12)


def test_what_opens_lips_is_taken_back_by_one_share():
    """The jaw opens 2 x 3 mm and the upper lip 4 x 0.5, the smile, 1 x -1, closes them: 7 mm, of
    which half goes, 3.5 of the openers' 8 mm."""
    opening = np.zeros((103, 5), np.float32)
    opening[[100, 30, 40]] = np.array([[2.0], [4.0], [-1.0]], np.float32)
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={})
    take, out = np.zeros((1, 103), np.float32), np.zeros((1, 103), np.float32)
    out[0, [100, 30, 40]] = 3, 0.5, 1
    closed = keep_contact(out, take, np.zeros(1), np.array([0.5]), modulator)
    np.testing.assert_allclose(closed[0, [100, 30, 40]], [3 * 0.5625, 0.5 * 0.5625, 1], atol=1e-6)


def test_a_seal_that_the_emotion_takes_off_is_put_back_but_no_smile_that_it_takes_off():
    """Without the seal of 0.5 the lips are 3 mm wider apart, without the smile of 1 they are 1."""
    opening = np.zeros((103, 5), np.float32)
    opening[[7, 40]] = np.array([[-6.0], [-1.0]], np.float32)
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={7: 0.9})
    take, out = np.zeros((1, 103), np.float32), np.zeros((1, 103), np.float32)
    take[0, [7, 40, 100]] = 0.5, 1.0, 0.2
    opening[100] = 20.0  # the take's lips meet: 4 - 3 - 1
    out[0, 100] = 0.2
    closed = keep_contact(out, take, np.ones(1), np.ones(1), modulator)
    assert closed[0, 40] == 0
    np.testing.assert_allclose(closed[0, 7], 4 / 6, atol=1e-6)


def test_an_emotion_takes_back_what_it_opens_beyond_the_take_and_no_more():
    """The jaw opens 2 mm. The take's .5 are 1 mm, the emotion's 3 are 6: half of the 5 between
    goes. Contact of .2 asks for 1 mm of the 5, of which yielding has closed more already."""
    opening = np.zeros((103, 5), np.float32)
    opening[[100, 7]] = np.array([[2.0], [-4.0]], np.float32)
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={7: 0.9})
    take, out = np.zeros((1, 103), np.float32), np.zeros((1, 103), np.float32)
    take[0, 100], out[0, 100] = 0.5, 3
    closed = keep_contact(out, take, np.array([0.2]), np.array([0.5]), modulator)
    np.testing.assert_allclose(closed[0, [100, 7]], [1.75, 0], atol=1e-6)
    closed = keep_contact(out, take, np.array([0.8]), np.array([0.5]), modulator)
    # 6 - .8 * 5 = 2 mm are wanted, 3.5 are left.
    np.testing.assert_allclose(closed[0, [100, 7]], [1.75, 1.5 / 4], atol=1e-6)


def test_a_seal_comes_back_as_far_as_the_emotion_yields():
    """It took off .4, which closed 2.4 mm; half of what that opened comes back, by itself."""
    opening = np.zeros((103, 5), np.float32)
    opening[7], opening[100] = -6.0, 10.0
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={7: 0.9})
    take, out = np.zeros((1, 103), np.float32), np.zeros((1, 103), np.float32)
    take[0, [7, 100]], out[0, [7, 100]] = (0.5, 0.4), (0.1, 0.4)
    closed = keep_contact(out, take, np.zeros(1), np.array([0.5]), modulator)
    np.testing.assert_allclose(closed[0, [7, 100]], [0.3, 0.4], atol=1e-6)
    plain = replace(modulator, lip_closers={})  # the control: any other number stays
    assert keep_contact(out, take, np.zeros(1), np.array([0.5]), plain).tobytes() == out.tobytes()


def test_a_number_that_closes_less_than_a_millimetre_is_left_alone():
    opening = np.zeros((103, 5), np.float32)
    opening[[7, 8, 100]] = np.array([[-0.99], [-1.0], [2.0]], np.float32)
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={7: 1.0, 8: 0.25})
    take, out = np.zeros((1, 103), np.float32), np.zeros((1, 103), np.float32)
    out[0, 100] = 1
    closed = keep_contact(out, take, np.ones(1), np.zeros(1), modulator)
    np.testing.assert_allclose(closed[0, [7, 8]], [0, 0.25])


def test_how_long_lips_take_at_a_high_rate():
    """At 200 fps: .05 s for speech's lips, .12 for held ones and .12 + .12 for what yields."""
    mm = gaps(*[5.0] * 200, *[0.0] * 10, *[5.0] * 200)
    contact = contact_of(mm, 200.0)
    assert np.flatnonzero(contact)[[0, -1]].tolist() == [190, 219]
    np.testing.assert_allclose(contact[[190, 195, 199]], [1 / 11, 6 / 11, 10 / 11])
    slow = yielding_of(contact, 200.0)
    assert np.flatnonzero(slow)[[0, -1]].tolist() == [190 - 48, 219 + 48]
    mm = gaps(*[5.0] * 200, *[0.0] * 71, *[5.0] * 200)
    level = held_of(mm, 200.0)
    assert np.flatnonzero(level)[[0, -1]].tolist() == [200 - 24, 270 + 24]
    assert np.flatnonzero(level > 1 - 1e-9).tolist() == list(range(200, 271))
    assert level[188] == pytest.approx(0.5 + 0.5 / 13)  # Hann's window of 25 frames sums to 13
    assert not held_of(gaps(*[5.0] * 200, *[0.0] * 70, *[5.0] * 200), 200.0).any()
    assert margin(200.0) == 2 * 35 + 2 * 12 + 2 * 24


def test_speech_closes_what_was_parted_a_third_of_a_second_before():
    """.35 s are 70 frames at 200 fps, on both sides."""
    for before, after, closes in ((70, 70, True), (71, 70, False), (70, 71, False)):
        shut = 1 + before - 1 + after - 1
        mm = gaps(5.0, *[0.0] * shut, 5.0)
        assert (contact_of(mm, 200.0)[before] == 1) == closes


def test_lips_that_stay_together_at_an_end_of_the_take_are_held():
    """Six frames are half of eleven: those beyond the end are as the last one."""
    level = held_of(gaps(*[5.0] * 20, *[0.0] * 6), 30.0)
    assert level[-1] == 1
    assert held_of(gaps(*[5.0] * 20, *[0.0] * 5), 30.0).max() == 0
    assert held_of(gaps(*[0.0] * 6, *[5.0] * 20), 30.0)[0] == 1
    speech = contact_of(gaps(*[0.0] * 6, *[5.0] * 20), 30.0)
    assert not speech.any()  # nothing was parted before


def test_lips_come_to_rest_at_their_most_closed_twentieth():
    steps = 0.3 + 0.02 * np.random.default_rng(6).permutation(101)
    assert rest_of(gaps(*steps)) == pytest.approx(0.3 + 0.02 * 5)
    five = np.stack([steps - 0.2, steps, steps, steps, steps + 0.5], 1)
    assert rest_of(five) == pytest.approx(0.4 + 0.06)


def test_gaps_of_each_place_across_the_mouth():
    opening = np.zeros((103, 5), np.float32)
    opening[3], opening[102] = (1, 2, 3, 4, 5), (10, 0, 0, 0, -10)
    take = np.zeros((2, 103), np.float32)
    take[0, 3], take[1, [3, 102]] = 0.5, (0.25, 0.125)
    np.testing.assert_allclose(
        gaps_of(take, opening), [[0.5, 1, 1.5, 2, 2.5], [1.5, 0.5, 0.75, 1, 0]]
    )


def test_a_silence_is_held_with_soft_ramps_outside():
    """At 30 fps: 11 frames and more, and the 4 frames around them."""
    level = held_of(gaps(*SILENCE), 30.0)
    assert (level[20:60] == 1).all()
    assert not level[:16].any()
    assert not level[64:].any()
    np.testing.assert_allclose(level[16:20], level[63:59:-1], atol=1e-12)
    assert (np.diff(level[15:21]) > 0).all()
    slow = yielding_of(level, 30.0)
    assert (slow >= level).all()
    assert not slow[:8].any()
    assert slow[9] > 0


@pytest.mark.parametrize(("frames", "holds"), [(10, False), (11, True), (12, True)])
def test_lips_are_held_from_a_third_of_a_second_on(frames: int, *, holds: bool):
    level = held_of(gaps(*[5.0] * 20, *[0.0] * frames, *[5.0] * 20), 30.0)
    assert level.max() == float(holds)


def test_a_trackers_noise_does_not_open_held_lips():
    noise = np.random.default_rng(4).normal(0, 0.3, 300)
    mm = np.where(np.arange(300) % 150 < 90, 0, 8) + noise
    shut = gaps(*mm)
    level = held_of(shut, 30.0, rest_of(shut))
    silent = np.arange(300) % 150 < 90
    assert level[silent].min() > 0.9


def test_a_yawn_is_not_held_and_the_silence_around_it_is():
    times = np.arange(150) / 30
    take = numbers_apart(35 * np.clip(1 - np.abs(times - 2.5), 0, None))
    out = opened(take, jaw=0.15)
    closed = held(take, out)
    wide = np.abs(times - 2.5) < 0.5
    assert closed[wide].tobytes() == out[wide].tobytes()
    assert gap_of(closed)[np.abs(times - 2.5) > 1.2].max() < 1


def test_lips_that_part_for_three_frames_within_a_silence_part_as_far_as_the_takes():
    mm = np.zeros(90)
    mm[44:47] = 2, 4, 2
    take = numbers_apart(mm)
    closed = held(take, opened(take, jaw=0.15))
    assert gap_of(closed)[[45]] == pytest.approx(4, abs=1.5)
    others = np.delete(np.arange(90), range(43, 48))
    assert gap_of(closed)[others].max() < 1


def test_lips_that_rest_apart_are_held_there():
    """A tracker whose closed lips stand 1.5 mm apart."""
    take = numbers_apart(np.array(SILENCE) + 1.5)
    assert rest_of(gaps_of(take, OPENING)) == pytest.approx(1.5)
    closed = held(take, opened(take, jaw=0.2))
    np.testing.assert_allclose(gap_of(closed)[20:60], 1.5, atol=0.3)
    far = gaps(*[1.5] * 60)
    assert held_of(far, 30.0).max() < 0.8  # the control: without the take's own rest
    assert held_of(far, 30.0, 1.5).min() == 1


def test_the_rest_of_a_take():
    """The tenth smallest gap of 200, from 0 to 2 mm."""
    mm = np.concatenate([np.full(8, 0.1), np.full(20, 1.2), np.full(172, 6.0)])
    assert rest_of(gaps(*mm)) == pytest.approx(1.2)
    assert rest_of(gaps(*mm - 3)) == 0
    assert rest_of(gaps(*mm + 3)) == 2
    assert rest_of(gaps(*[])) == 0


def test_lips_that_may_open_are_left_as_they_are():
    take = numbers_apart(np.array(SILENCE))
    out = opened(take, jaw=0.2, upper_lip=0.3)
    assert held(take, out, keep_closed=0.0).tobytes() == out.tobytes()
    half = gap_of(held(take, out, keep_closed=0.5))[40]
    assert gap_of(held(take, out))[40] < half < gap_of(out)[40]


def test_either_level_counts():
    np.testing.assert_allclose(
        either(np.array([0.0, 1, 0.5, 0.2]), np.array([0.0, 0.3, 0.5, 0])), [0, 1, 0.75, 0.2]
    )
