# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a take's numbers, and what a change of its track makes unknown."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from affekt.addon.live.numbers import Numbers, Place, place_at
from affekt.shared.conversions import preview_reach, preview_rows
from affekt.shared.emotion import EmotionTrack, constant_track
from hypothesis import given
from hypothesis import strategies as st

FRAMES = 400
REACH = preview_reach(30.0)


def fresh() -> Numbers:
    return Numbers(np.zeros((FRAMES, 103), np.float32), constant_track(FRAMES, 30, happy=0.5))


def whole() -> Numbers:
    """All of them known, 1 everywhere."""
    numbers = fresh()
    numbers.put(0, np.ones((FRAMES, 103), np.float32), 0)
    return numbers


def keyed(track: EmotionTrack, frame: int) -> EmotionTrack:
    weights = track.weights.copy()
    weights[frame, 2] = 0.25
    return replace(track, weights=weights)


def grid(first: float, step: float, frames: int) -> SimpleNamespace:
    return SimpleNamespace(place=SimpleNamespace(first=first), step=step, rows=range(frames))


def test_a_place_lies_between_two_frames_of_the_take() -> None:
    # A take of 30 fps from frame 11 on in a scene of 120: four frames of the scene each.
    assert place_at(11 + 4 * 7 + 1, grid(11, 4, 90)) == Place(low=7, high=8, part=0.25)
    assert place_at(39, grid(11, 4, 90)) == Place(low=7, high=7, part=0)
    assert place_at(39.001, grid(11, 4, 90)).frames == 1  # rounding
    assert place_at(41, grid(11, 4, 90)).frames == 2
    assert place_at(-5, grid(11, 4, 90)) == Place(low=0, high=0, part=0)
    assert place_at(5000, grid(11, 4, 90)) == Place(low=89, high=89, part=0)


def test_a_trimmed_takes_first_frame_is_the_first_of_its_rows() -> None:
    """Rows 20 to 59 of a file's frames, two of the take's for each of the scene's."""
    trimmed = grid(100, 0.5, 0)
    trimmed.rows = range(20, 60)
    assert place_at(110, trimmed) == Place(low=0, high=0, part=0)
    assert place_at(113.625, trimmed) == Place(low=7, high=8, part=0.25)
    assert place_at(129.5, trimmed) == Place(low=39, high=39, part=0)
    assert place_at(200, trimmed) == Place(low=39, high=39, part=0)


def test_a_change_at_an_end_reaches_into_the_take_alone() -> None:
    numbers = whole()
    weights = numbers.track.weights.copy()
    weights[[0, FRAMES - 1], 1] = 0.75
    assert numbers.follow(replace(numbers.track, weights=weights))
    wanted = [*range(REACH + 1), *range(FRAMES - 1 - REACH, FRAMES)]
    assert np.flatnonzero(~numbers.known).tolist() == wanted
    assert numbers.revision == 1
    assert not numbers.follow(replace(numbers.track, weights=weights.copy()))
    assert numbers.revision == 1


def test_of_two_changes_the_later_counts_for_what_both_touch() -> None:
    """An answer between them is good for the first one's frames alone."""
    numbers = fresh()
    numbers.follow(keyed(numbers.track, 100))
    between = numbers.revision
    later = 100 + REACH + 1
    numbers.follow(keyed(numbers.track, later))
    numbers.put(0, np.full((FRAMES, 103), 2, np.float32), between)
    assert (between, numbers.revision) == (1, 2)
    unknown = np.flatnonzero(~numbers.known).tolist()
    assert unknown == list(range(later - REACH, later + REACH + 1))
    assert numbers.at(100).max() == 2
    assert numbers.at(101).max() == 0
    assert not numbers.take.any()  # the take stays as it is


def test_how_much_is_known_and_what_comes_next() -> None:
    numbers = Numbers(np.zeros((20, 103), np.float32), constant_track(20, 30))
    numbers.known[[0, 1, 6, 7, 12]] = True
    assert numbers.share(range(4, 14)) == pytest.approx(0.3)
    assert numbers.share(range(0)) == 1
    assert numbers.next_piece(6, range(2, 18), 6) == range(8, 14)
    assert numbers.next_piece(6, range(2, 18), 5) == range(8, 12)  # the last one is known
    assert numbers.next_piece(6, range(2, 9), 9) == range(8, 9)
    assert numbers.next_piece(17, range(2, 13), 3) == range(2, 5)  # nothing ahead
    assert numbers.next_piece(0, range(6, 8), 3) is None


def test_a_change_makes_unknown_what_depends_on_it_and_nothing_else() -> None:
    numbers = whole()
    assert not numbers.follow(constant_track(FRAMES, 30, happy=0.5))
    assert numbers.known.all()
    assert numbers.follow(keyed(numbers.track, 200))
    unknown = np.flatnonzero(~numbers.known).tolist()
    assert unknown == list(range(200 - REACH, 200 + REACH + 1))
    # As the sidecar has it: the frames whose preview has frame 200 among its rows.
    assert unknown == [f for f in range(FRAMES) if 200 in preview_rows(f, 30.0, FRAMES)]


def test_the_skin_of_an_avatar_is_no_change_of_the_face() -> None:
    numbers = whole()
    track = replace(numbers.track, appearance=np.zeros(FRAMES, np.float32))
    assert not numbers.follow(track)
    assert numbers.known.all()


@pytest.mark.parametrize("control", ["influence", "upper", "lower", "geometry", "keep_closed"])
def test_every_control_of_the_face_is_one(control: str) -> None:
    numbers = whole()
    values = getattr(numbers.track, control).copy()
    values[7] = 0.125
    assert numbers.follow(replace(numbers.track, **{control: values}))
    assert np.flatnonzero(~numbers.known).tolist() == list(range(7 + REACH + 1))


def test_an_answer_to_an_older_track_counts_where_it_made_no_difference() -> None:
    numbers = fresh()
    asked_at = numbers.revision
    numbers.follow(keyed(numbers.track, 200))
    numbers.put(0, np.full((FRAMES, 103), 3, np.float32), asked_at)
    outside = np.abs(np.arange(FRAMES) - 200) > REACH
    np.testing.assert_array_equal(numbers.known, outside)
    assert numbers.at(200).max() == 0
    assert numbers.at(200 - REACH - 1).min() == 3
    numbers.put(190, np.full((20, 103), 5, np.float32), numbers.revision)
    assert numbers.at(200).min() == 5
    assert numbers.is_known(Place(low=208, high=209, part=0.5))
    assert not numbers.is_known(Place(low=209, high=210, part=0.5))


@given(
    known=st.sets(st.integers(0, 39)),
    row=st.integers(0, 39),
    bounds=st.tuples(st.integers(0, 39), st.integers(1, 40)),
    most=st.integers(1, 50),
)
def test_pieces_come_to_all_that_is_wanted(
    known: set[int], row: int, bounds: tuple[int, int], most: int
) -> None:
    """From the frame that is shown on, then what lies before it; and never a known one first."""
    numbers = Numbers(np.zeros((40, 103), np.float32), constant_track(40, 30))
    numbers.known[list(known)] = True
    wanted, order = range(min(bounds), max(bounds)), []
    while (piece := numbers.next_piece(row, wanted, most)) is not None:
        assert 0 < len(piece) <= most
        assert not numbers.known[piece.start]
        assert not numbers.known[piece.stop - 1]
        order.append(piece.start)
        numbers.put(piece.start, np.ones((len(piece), 103), np.float32), 0)
    assert numbers.share(wanted) == 1
    ahead = [start >= row for start in order]
    assert ahead == sorted(ahead, reverse=True)
    assert numbers.known.sum() == len(set(wanted) | known)
