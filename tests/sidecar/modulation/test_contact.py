# SPDX-License-Identifier: GPL-3.0-or-later
"""Closures are read from the lips, and kept whatever the network does."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.emotions import OPEN, expression_table
from affekt.sidecar.lab.anchors.lips import lips_of
from affekt.sidecar.modulation.contact import contact_of, gaps_of, keep_contact, margin, widest
from affekt.sidecar.modulation.weights import load_modulator
from hypothesis import given, settings
from hypothesis import strategies as st

HEAD = read_head("open")
OPENING = lips_of(HEAD).opening.astype(np.float32)
MODULATOR = replace(load_modulator(), lip_opening=OPENING)
JAW_OPEN = HEAD.expression_names.index("jawOpen")


def gaps(*mm: float) -> np.ndarray:
    return np.repeat(np.array(mm, np.float64)[:, None], 5, 1)


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
@given(seed=st.integers(0, 2**31), start=st.integers(0, 79), length=st.integers(1, 40))
def test_a_range_with_its_margin_has_the_bits_of_the_whole(seed: int, start: int, length: int):
    numbers = np.random.default_rng(seed).normal(0, 0.2, (80, 103)).astype(np.float32)
    whole = contact_of(gaps_of(numbers, OPENING), 30.0)
    stop = min(start + length, 80)
    first = max(start - margin(30.0), 0)
    part = contact_of(gaps_of(numbers[first : stop + margin(30.0)], OPENING), 30.0)
    assert part[start - first : stop - first].tobytes() == whole[start:stop].tobytes()


def test_the_margin_reaches_as_far_as_a_ramp_and_the_parting_before_it():
    """At 30 fps a ramp is 2 frames long, and lips parted at most 10 frames before their closure:
    frame 12 hangs on frame 0."""
    mm = [5.0, *[0.0] * 11, *[5.0] * 10]
    whole = contact_of(gaps(*mm), 30.0)
    assert margin(30.0) == 12
    np.testing.assert_allclose(
        whole[[0, 1, 2, 10, 11, 12, 13]], [0.2, 0.6, 1, 1, 0.6, 0.2, 0], atol=1e-9
    )
    mirrored = contact_of(gaps(*mm[::-1]), 30.0)
    np.testing.assert_allclose(mirrored[::-1], whole, atol=1e-12)
    for start, contact in ((12, 0.2), (13, 0.0)):
        first = max(start - margin(30.0), 0)
        part = contact_of(gaps(*mm[first:]), 30.0)
        assert part[start - first] == pytest.approx(contact)
    nearer = contact_of(gaps(*mm[1:]), 30.0)  # the control: without frame 0 nothing was parted
    assert nearer[12 - 1] == 0


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_closures_are_kept_where_an_emotion_opens_them(emotion: str):
    take = take_that_shuts_its_jaw()
    out = take.copy()
    out[:, :100] += expression_table()[EMOTIONS.index(emotion), :, OPEN].mean(0).astype(np.float32)
    before = gaps_of(take, OPENING)
    contact = contact_of(before, 30.0)
    shut = contact > 0.99
    assert shut.sum() >= 5
    closed = keep_contact(out, before, contact, MODULATOR)
    apart = gaps_of(closed, OPENING)[shut].mean(1)
    assert apart.max() < 1.0
    if emotion == "happy":  # the control: without it, these lips stand open
        assert gaps_of(out, OPENING)[shut].mean(1).min() > 1.0


def test_frames_without_contact_and_unchanged_takes_keep_their_bits():
    take = take_that_shuts_its_jaw()
    before = gaps_of(take, OPENING)
    contact = contact_of(before, 30.0)
    assert keep_contact(take, before, contact, MODULATOR).tobytes() == take.tobytes()
    out = take + np.float32(0.1)
    closed = keep_contact(out, before, contact, MODULATOR)
    free = contact == 0
    assert free.any()
    assert closed[free].tobytes() == out[free].tobytes()
    assert closed[contact > 0].tobytes() != out[contact > 0].tobytes()


def test_a_head_whose_shapes_close_nothing_is_left_alone():
    take = take_that_shuts_its_jaw()
    closes_nothing = replace(MODULATOR, lip_opening=np.zeros_like(OPENING))
    closed = keep_contact(take, gaps(*[1.0] * 60), np.ones(60), closes_nothing)
    assert closed.tobytes() == take.tobytes()


def test_numbers_close_the_lips_in_turn_each_up_to_its_limit():
    """Number 7 closes 4 mm and stands at 0.7 of 0.9; number 3 closes 2 mm; number 5 opens 10."""
    opening = np.zeros((103, 5), np.float32)
    opening[[7, 3, 5]] = np.array([[-4.0], [-2.0], [10.0]], np.float32)
    modulator = replace(MODULATOR, lip_opening=opening, lip_closers={7: 0.9, 3: 1.0})
    out = np.zeros((3, 103), np.float32)
    out[:, 5] = 0.5
    out[:, 7] = 0.7, 1.1, 0.7
    # 5 - 2.8 = 2.2 mm apart; 5 - 4.4 = 0.6 mm; 2.2 mm, where the take is 1.2 mm apart.
    take_gaps = gaps(0.0, -3.0, 1.2)
    closed = keep_contact(out, take_gaps, np.array([0.5, 1.0, 1.0]), modulator)
    np.testing.assert_allclose(closed[:, 7], [0.9, 1.1, 0.9], atol=1e-6)
    # What is left: 0.5 * 2.2 - 0.8 = 0.3 mm; 0.6 mm; 1 - 0.8 = 0.2 mm.
    np.testing.assert_allclose(closed[:, 3], [0.15, 0.3, 0.1], atol=1e-6)
    np.testing.assert_array_equal(closed[:, 5], out[:, 5])


def test_lips_that_meet_by_half_and_part_by_half_are_in_contact_by_a_quarter():
    """1.25 mm lies half way from 0.5 to 2; 1.75 mm wider, half way from 1 to 2.5."""
    contact = contact_of(gaps(*[3.0] * 12, 1.25, *[3.0] * 12), 30.0)
    assert contact[12] == pytest.approx(0.25)
    assert contact_of(gaps(*[3.0] * 12, 0.5, *[3.0] * 12), 30.0)[12] == 1
    assert contact_of(gaps(*[4.5] * 12, 2.0, *[4.5] * 12), 30.0)[12] == 0
    assert contact_of(gaps(*[1.5] * 12, 0.5, *[1.5] * 12), 30.0)[12] == 0


def test_the_gap_to_close_is_mostly_the_widest():
    places = np.array([[1.0, 2, 3, 4, 10], [-1, 0, 0, 0, 0]])
    np.testing.assert_allclose(widest(places), [0.6 * 10 + 0.4 * 4, -0.08])
