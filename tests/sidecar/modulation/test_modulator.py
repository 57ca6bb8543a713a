# SPDX-License-Identifier: GPL-3.0-or-later
"""What a modulator promises whatever its weights are; so the weights here are random."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affekt.shared.emotion import CONTROLS, constant_track
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.modulation import windows
from affekt.sidecar.modulation.contact import gaps_of, widest
from affekt.sidecar.modulation.modulator import (
    Modulator,
    answering,
    cue_rows,
    modulate,
    modulate_part,
)
from affekt.sidecar.modulation.network import (
    EMOTION_ENTRIES,
    NUMBERS,
    GeometryNetwork,
    NetworkConfig,
    emotion_cues,
)
from affekt.sidecar.modulation.strength import amplitudes
from fakes.modulator import FRAMES, random_modulator, random_take, random_track
from hypothesis import given, settings
from hypothesis import strategies as st

MODULATOR = random_modulator()
NO_LIPS = np.zeros((NUMBERS, 5), np.float32)
"""`lip_opening` of a head whose lips nothing parts, so that none are kept closed."""
CONCATENATED = NetworkConfig(layers=2, width=64, heads=4, hidden=96, emotion="concatenated")


def numbers(motion: Motion) -> np.ndarray:
    return np.concatenate([motion.expression, motion.jaw], 1)


def test_neutral_adds_exactly_nothing_from_emotion():
    network = MODULATOR.network
    frames = torch.randn(2, 64, NUMBERS)
    plain = network.embed_frame(frames)
    for block in network.blocks:  # the same blocks with the emotion's attention left out
        normed = block.frame_norm(plain)
        plain = plain + block.frame_attention(normed, normed)
        plain = plain + block.feed(block.feed_norm(plain))
    expected = network.residual(network.norm(plain))
    assert torch.equal(network(frames, torch.zeros(2, 64, network.config.cues)), expected)


def test_neutral_adds_exactly_nothing_where_emotion_is_concatenated():
    network = random_modulator(CONCATENATED).network
    frames, neutral = torch.randn(2, 64, NUMBERS), torch.zeros(2, 64, 6)
    expected = network(frames, neutral)
    assert not torch.equal(network(frames, neutral + 0.5), expected)
    with torch.no_grad():
        network.emotions.zero_()
    assert torch.equal(network(frames, neutral + 0.5), expected)


def test_concatenated_emotion_is_attended_by_no_block():
    names = random_modulator(CONCATENATED).network.state_dict().keys()
    assert not [name for name in names if "emotion_" in name]


@pytest.mark.parametrize("emotion", EMOTION_ENTRIES)
def test_an_untrained_network_changes_nothing(emotion: str):
    config = NetworkConfig(layers=1, width=32, heads=2, hidden=32, emotion=emotion)
    network = GeometryNetwork(config)
    assert torch.equal(
        network(torch.randn(1, 64, NUMBERS), torch.rand(1, 64, 6)), torch.zeros(1, 64, NUMBERS)
    )


@pytest.mark.parametrize("control", ["influence", "geometry"])
def test_zero_strength_returns_the_take_bit_for_bit(control: str):
    take = random_take()
    out = modulate(take, random_track(**{control: 0.0}), MODULATOR)
    for name in ("expression", "jaw", "neck", "eyes", "rotation", "translation", "eyelids"):
        assert getattr(out, name).tobytes() == getattr(take, name).tobytes()


def test_frames_of_zero_strength_between_others_are_copied_bit_for_bit():
    track = random_track()
    influence = track.influence.copy()
    influence[100:220] = 0
    take = random_take()
    out = modulate(take, replace(track, influence=influence), MODULATOR)
    assert numbers(out)[100:220].tobytes() == numbers(take)[100:220].tobytes()
    assert (numbers(out)[99] != numbers(take)[99]).any()


def test_weights_zero_and_full_influence_still_take_the_emotion_out():
    take = random_take()
    out = modulate(take, constant_track(FRAMES, 30.0), MODULATOR)
    assert np.abs(numbers(out) - numbers(take)).max() > 0.01


@settings(max_examples=12)
@given(
    bounds=st.tuples(st.integers(0, FRAMES - 1), st.integers(1, FRAMES)).filter(
        lambda b: b[0] < b[1]
    ),
    fps=st.sampled_from([30.0, 24.0, 60.0, 29.97]),
)
def test_any_range_gives_the_bits_of_the_whole(bounds: tuple[int, int], fps: float):
    take, track = random_take(fps=fps), random_track()
    whole = modulate(take, track, MODULATOR)
    part = modulate(take, track, MODULATOR, range(*bounds))
    assert numbers(part).tobytes() == numbers(whole)[slice(*bounds)].tobytes()
    assert part.neck.tobytes() == take.neck[slice(*bounds)].tobytes()


def test_a_take_at_another_rate_by_hand():
    """Four frames at 20 fps are 0.15 s: frames 0, 1.5, 3 and 4.5 at the network's 30. After that
    there is half a frame more, which is the last one held."""
    ones = dict.fromkeys(CONTROLS, 1.0)
    del ones["keep_closed"]
    take, track = random_take(4, fps=20.0), random_track(4, **ones)
    modulator = replace(MODULATOR, lip_opening=NO_LIPS)
    rows = [(0, 0, 0), (0, 1, 2 / 3), (1, 2, 1 / 3), (2, 2, 0), (2, 3, 2 / 3), (3, 3, 0)]

    def at_30(values: np.ndarray) -> np.ndarray:
        between = [(1 - part) * values[low] + part * values[high] for low, high, part in rows]
        return np.stack(between).astype(np.float32)

    fast = make_motion(
        expression=at_30(take.expression), jaw=at_30(take.jaw), fps=30.0, space="open"
    )
    evenly = replace(
        random_track(6, **ones), weights=at_30(track.weights), keep_closed=at_30(track.keep_closed)
    )
    change = numbers(modulate(fast, evenly, modulator))
    change -= numbers(fast)
    wanted = numbers(take).copy()
    for frame, (low, high) in enumerate(((0, 0), (1, 2), (3, 3), (4, 5))):
        wanted[frame] += (change[low] + change[high]) / 2
    found = numbers(modulate(take, track, modulator))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_range_gives_the_same_bits_with_another_number_of_threads():
    take, track = random_take(), random_track()
    before = torch.get_num_threads()
    try:
        outs = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            outs.append(numbers(modulate(take, track, MODULATOR, range(100, 201))).tobytes())
    finally:
        torch.set_num_threads(before)
    assert outs[0] == outs[1]


def test_a_zero_range_outside_does_not_change_a_range():
    # Frames whose strength is 0 still are the context of those whose strength is not.
    take, track = random_take(), random_track()
    influence = track.influence.copy()
    influence[:150] = 0
    silent = modulate(take, replace(track, influence=influence), MODULATOR)
    loud = modulate(take, track, MODULATOR)
    assert numbers(silent)[150:].tobytes() == numbers(loud)[150:].tobytes()


def test_upper_and_lower_reach_their_own_half_only():
    take = random_take()
    share = MODULATOR.upper_share
    upper_only = modulate(take, random_track(lower=0.0), MODULATOR)
    assert (numbers(upper_only)[:, share == 0] == numbers(take)[:, share == 0]).all()
    assert (numbers(upper_only)[:, share == 1] != numbers(take)[:, share == 1]).any()
    lower_only = modulate(take, random_track(upper=0.0), MODULATOR)
    assert (numbers(lower_only)[:, share == 1] == numbers(take)[:, share == 1]).all()


def test_the_output_stays_within_the_range_of_training_unless_the_take_does_not():
    take = random_take()
    narrow = replace(
        MODULATOR,
        lowest=np.full(NUMBERS, -0.2, np.float32),
        highest=np.full(NUMBERS, 0.2, np.float32),
    )
    out = numbers(modulate(take, constant_track(FRAMES, 30.0, angry=1.0), narrow))
    before = numbers(take)
    assert (out <= np.maximum(before, 0.2) + 1e-6).all()
    assert (out >= np.minimum(before, -0.2) - 1e-6).all()
    assert (out != before).any()


def steady_modulator(changes: dict[int, float]) -> Modulator:
    """Adds the same to a number whatever the take is; it was trained from -0.4 to 0.2."""
    modulator = random_modulator()
    bias = torch.zeros(NUMBERS)
    for column, change in changes.items():
        bias[column] = change / float(modulator.residual_scale[column])
    with torch.no_grad():
        modulator.network.residual.weight.zero_()
        modulator.network.residual.bias.copy_(bias)
    lowest, highest = (np.full(NUMBERS, limit, np.float32) for limit in (-0.4, 0.2))
    return replace(modulator, lowest=lowest, highest=highest, lip_opening=NO_LIPS)


def test_a_take_beyond_the_trained_range_is_kept_and_pushed_no_further():
    """Nobody flattens a strong performance: only the change has limits."""
    # Of each number: the take, the network's change, what comes out.
    table = np.array(
        [
            [0.5, 0.1, 0.5],
            [0.5, -0.1, 0.4],
            [0.5, -1.2, -0.4],
            [0.1, 0.3, 0.2],
            [-0.7, -0.2, -0.7],
            [-0.7, 0.25, -0.45],
            [-0.7, 1.5, 0.2],
            [-0.1, -0.2, -0.3],
        ],
        np.float32,
    )
    expression = np.zeros((70, 100), np.float32)
    expression[:, : len(table)] = table[:, 0]
    take = make_motion(expression=expression, fps=30.0, space="open")
    modulator = steady_modulator(dict(enumerate(table[:, 1].tolist())))
    out = modulate(take, constant_track(70, 30.0, angry=1.0), modulator)
    wanted = np.tile(table[:, 2], (70, 1))
    np.testing.assert_allclose(out.expression[:, : len(table)], wanted, atol=2e-6)


class Echo(GeometryNetwork):
    """Answers with what it is told: the cues, and after them the normalised numbers."""

    def __init__(self) -> None:
        super().__init__(NetworkConfig(layers=1, width=32, heads=2, hidden=32, variants=1))
        self.echo = torch.nn.Identity()  # no network that can be folded

    def forward(self, frames: torch.Tensor, cues: torch.Tensor) -> torch.Tensor:
        return torch.cat([cues, frames[..., cues.shape[-1] :]], -1)


def echoing() -> Modulator:
    """Of numbers 12 to 102: mean .2, scale .5, and a fifth of the answer is the change."""
    shares = np.array([[0.5], [1], [0.25], [1], [1], [0.75]], np.float32)
    return replace(
        random_modulator(),
        network=Echo().requires_grad_(False),
        mean=np.full(NUMBERS, 0.2, np.float32),
        scale=np.full(NUMBERS, 0.5, np.float32),
        residual_scale=np.full(NUMBERS, 0.2, np.float32),
        lip_opening=NO_LIPS,
        upper_share=np.linspace(0, 1, NUMBERS, dtype=np.float32),
        variants=shares,
    )


def test_the_network_is_told_each_frames_own_numbers_and_emotions():
    take, track = random_take(100), random_track(100, **dict.fromkeys(CONTROLS, 1.0))
    weights = np.zeros((100, 6), np.float32)
    # .4 is performed as .4 sqrt(1.01 / .41) = .627811, and .1 and .2 with it.
    weights[70, [0, 2, 5]] = 0.2, 0.1, 0.4
    keep_closed = np.full(100, 0.75, np.float32)
    keep_closed[70] = 0.125
    track = replace(track, weights=weights, keep_closed=keep_closed)
    change = numbers(modulate(take, track, echoing())) - numbers(take)
    np.testing.assert_allclose(change[:, 12:], 0.2 * (numbers(take)[:, 12:] - 0.2) / 0.5, atol=1e-6)
    ratio = 0.627811 / 0.4
    told = ratio * np.array([0.2 * 0.5, 0, 0.1 * 0.25, 0, 0, 0.4 * 0.75, 0.05, 0, 0.025, 0, 0, 0])
    np.testing.assert_allclose(change[70, :12], 0.2 * told, atol=1e-6)
    assert not change[[*range(70), *range(71, 100)], :12].any()


def test_how_much_of_the_change_each_number_gets():
    """Influence times geometry, times the mean of upper and lower by the number's own share."""
    take = make_motion(expression=np.full((70, 100), 0.7), jaw=np.full((70, 3), 0.7), fps=30.0,
                       space="open")  # fmt: skip
    controls = {"influence": 0.5, "geometry": 0.75, "upper": 1.6, "lower": 0.4, "keep_closed": 1.0}
    track = random_track(70, **controls)
    found = numbers(modulate(take, track, echoing()))[:, 12:] - 0.7
    share = np.linspace(0, 1, NUMBERS)[12:]
    wanted = 0.2 * 0.5 * 0.75 * (1.6 * share + 0.4 * (1 - share))  # (.7 - .2) / .5 is 1
    np.testing.assert_allclose(found, np.tile(wanted, (70, 1)), atol=1e-6)


def test_only_the_last_calls_windows_are_kept_and_those_are_not_computed_again():
    take, track = random_take(200), random_track(200)
    modulator = answering(echoing(), take)
    whole, answers = numbers(modulate(take, track, echoing())), {}
    for first, last, windows_then in (
        (40, 41, [1, 2]), (63, 65, [1, 2, 3]), (70, 71, [2, 3]), (31, 34, [0, 1, 2]),
    ):  # fmt: skip
        part = modulate_part(take, track, modulator, range(first, last), answers)
        assert numbers(part).tobytes() == whole[first:last].tobytes()
        assert sorted(answers) == windows_then
    for window in answers:
        answers[window] = np.zeros_like(answers[window])
    part = modulate_part(take, track, modulator, range(33, 34), answers)
    assert numbers(part).tobytes() == numbers(take)[33:34].tobytes()
    assert sorted(answers) == [1, 2]


@pytest.mark.parametrize("fps", [30.0, 24.0, 60.0])
def test_on_which_rows_of_the_track_frames_depend(fps: float):
    take, track = random_take(420, fps), replace(random_track(420), fps=fps)
    influence = track.influence.copy()
    influence[:130], influence[200:] = 0, 0
    track = replace(track, influence=influence)
    frames = range(100, 230)
    rows = cue_rows(take, track, frames)
    # At 60 fps every other frame is one of the network's, and has no share in its neighbours.
    last = rows.stop - (2 if fps == 60 else 1)
    found = numbers(modulate(take, track, MODULATOR, frames))
    for changed, matters in ((rows.start - 1, False), (rows.start, True),
                             (last, True), (rows.stop, False)):  # fmt: skip
        weights = track.weights.copy()
        weights[changed] += 0.4
        other = numbers(modulate(take, replace(track, weights=weights), MODULATOR, frames))
        assert (other.tobytes() != found.tobytes()) == matters
    assert cue_rows(take, track, range(100, 130)) == range(0)
    assert cue_rows(take, track, range(200, 420)) == range(0)
    # Of frames 95 and 96 the network's windows are those of 32 to 95, 64 to 127 and 96 to 159.
    at_a_seam = np.zeros(420, np.float32)
    at_a_seam[95:97] = 1
    if fps == 30:
        found = cue_rows(take, replace(track, influence=at_a_seam), range(90, 110))
        assert found == range(32, 160)


def jaw_take(mm: list[float], fps: float = 30.0) -> Motion:
    """Lips so far apart by the jaw alone, of which a unit opens 20 mm."""
    jaw = np.zeros((len(mm), 3), np.float32)
    jaw[:, 0] = np.array(mm) / 20
    return make_motion(expression=np.zeros((len(mm), 100)), jaw=jaw, fps=fps, space="open")


def jaw_dropping() -> Modulator:
    """Drops the jaw by 4 mm."""
    lips = NO_LIPS.copy()
    lips[100] = 20
    highest = np.full(NUMBERS, 9, np.float32)
    return replace(steady_modulator({100: 0.2}), lip_opening=lips, lip_closers={}, highest=highest)


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
@pytest.mark.parametrize(("seconds", "opens"), [(0.5, False), (1.0, True)])
def test_words_last_as_long_at_every_rate(fps: float, seconds: float, opens: bool):
    """Lips that part again a quarter of a second before and after are in a word; half a second,
    in a silence."""
    shut, around = round(seconds * fps), round(1.5 * fps)
    take = jaw_take([*[8.0] * around, *[0.0] * shut, *[8.0] * around], fps)
    track = constant_track(len(take), fps, happy=1.0, keep_closed=0.0)
    out = 20 * modulate(take, track, jaw_dropping()).jaw[:, 0]
    assert out[around + shut // 2] == pytest.approx(4 if opens else 0, abs=1e-4)
    assert out[around // 3] == pytest.approx(12, abs=1e-4)


@pytest.mark.parametrize("rest_mm", [0.0, 1.5])
def test_an_emotion_that_drops_the_jaw_lets_words_and_held_lips_close(rest_mm: float):
    """By 4 mm. Words always, held lips as far as they are kept closed, and both where the take's
    own lips meet, were it 1.5 mm apart."""
    mm = [*[8.0] * 30, *[0.0] * 2, *[8.0] * 40, *[0.0] * 30, *[8.0] * 30]
    take = jaw_take([rest_mm + value for value in mm])
    modulator = jaw_dropping()
    assert answering(modulator, take).rest_mm == pytest.approx(rest_mm)
    word, silence, vowel = slice(30, 32), slice(80, 95), slice(50, 55)
    for emotion, keep_closed, open_mm in (
        ("happy", 0.0, 4), ("happy", 0.25, 2), ("happy", 0.5, 0), ("surprise", 0.5, 4),
        ("surprise", 0.75, 2), ("surprise", 1.0, 0),
    ):  # fmt: skip
        track = constant_track(len(mm), 30.0, keep_closed=keep_closed, **{emotion: 1.0})
        out = 20 * modulate(take, track, modulator).jaw[:, 0] - rest_mm
        np.testing.assert_allclose(out[word], 0, atol=1e-4)
        np.testing.assert_allclose(out[silence], open_mm, atol=1e-4)
        np.testing.assert_allclose(out[vowel], 12, atol=1e-4)


def test_words_seal_lips_that_an_emotion_parts_by_what_it_takes_off():
    """It takes .5 of a number off that closed 4 mm a unit, which nobody puts back; another one
    seals the 2 mm with a quarter of itself. Held lips, as far as they are kept closed."""
    mm = np.array([*[8.0] * 30, *[0.0] * 2, *[8.0] * 40, *[0.0] * 30, *[8.0] * 30])
    expression = np.zeros((len(mm), 100), np.float32)
    expression[:, 40] = 0.3
    jaw = np.zeros((len(mm), 3), np.float32)
    jaw[:, 0] = (mm + 4 * 0.3) / 20
    take = make_motion(expression=expression, jaw=jaw, fps=30.0, space="open")
    lips = NO_LIPS.copy()
    lips[[100, 40, 7]] = np.array([[20], [-4], [-8]], np.float32)
    modulator = replace(steady_modulator({40: -0.5}), lip_opening=lips, lip_closers={7: 1.0})
    for keep_closed, held in ((0.0, 0.0), (0.25, 0.125), (0.5, 0.25)):
        track = constant_track(len(mm), 30.0, keep_closed=keep_closed, happy=1.0)
        out = modulate(take, track, modulator).expression
        np.testing.assert_allclose(out[:, 40], -0.2, atol=1e-6)
        np.testing.assert_allclose(out[30:32, 7], 0.25, atol=1e-5)
        np.testing.assert_allclose(out[80:95, 7], held, atol=1e-5)
        assert not out[50:55, 7].any()


def test_strength_scales_the_change():
    take = random_take()
    ones = {"upper": 1.0, "lower": 1.0, "geometry": 1.0}
    modulator = replace(MODULATOR, lip_opening=NO_LIPS)
    full = numbers(modulate(take, random_track(influence=1.0, **ones), modulator))
    half = numbers(modulate(take, random_track(influence=0.5, **ones), modulator))
    assert np.allclose(half - numbers(take), 0.5 * (full - numbers(take)), atol=1e-6)


def test_keep_closed_holds_the_lips_of_its_own_frames():
    # A network that is told of the lips may answer frames around.
    blind = random_modulator(NetworkConfig(layers=2, width=64, heads=4, hidden=96))
    """A take that is shut throughout, and a network that parts its lips."""
    take = make_motion(expression=np.zeros((FRAMES, 100)), fps=30.0, space="open")
    track = constant_track(FRAMES, 30.0, fear=1.0)
    keep_closed = np.ones(FRAMES, np.float32)
    keep_closed[200:300] = 0
    outs = [
        numbers(modulate(take, replace(track, keep_closed=values), blind))
        for values in (keep_closed, np.ones(FRAMES, np.float32), np.zeros(FRAMES, np.float32))
    ]
    other = np.r_[0:200, 300:FRAMES]
    assert outs[0][other].tobytes() == outs[1][other].tobytes()
    assert outs[0][200:300].tobytes() == outs[2][200:300].tobytes()
    apart = [widest(gaps_of(out, MODULATOR.lip_opening)).max() for out in outs[1:]]
    assert apart[0] < 0.01 < 1 < apart[1]


def test_amplitudes_are_performed_as_they_are():
    take, track = random_take(90), random_track(90)
    performed = replace(answering(MODULATOR, take), is_keyed=False)
    as_amplitudes = replace(track, weights=amplitudes(track.weights))
    found = numbers(modulate_part(take, as_amplitudes, performed))
    assert found.tobytes() == numbers(modulate(take, track, MODULATOR)).tobytes()
    assert found.tobytes() != numbers(modulate_part(take, track, performed)).tobytes()


def test_no_seam_shows_between_windows():
    # A constant take in a constant emotion stays constant: windows may not tell where they begin.
    take = make_motion(expression=np.full((FRAMES, 100), 0.2), fps=30.0, space="open")
    out = numbers(modulate(take, constant_track(FRAMES, 30.0, happy=1.0), MODULATOR))
    step = np.abs(np.diff(out, axis=0)).max()
    assert step < 0.05 * np.abs(out - numbers(take)).max()


def test_a_windows_middle_counts_and_its_edges_hardly_do():
    """Window 2 covers the frames 32 to 95; of frame 32, its first, sin^2(pi / 2 * 0.5 / 32)."""
    total = np.zeros((80, 1), np.float32)
    windows.add_window(total, 20, 2, np.full((64, 1), 10, np.float32))
    found = total[[11, 12, 13, 43, 44, 67, 75, 76], 0]
    wanted = [0, 0.00602, 0.05412, 9.99398, 9.99398, 1.64221, 0.00602, 0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_windows_cover_their_frames_twice():
    """Window k begins at frame 32 (k - 1); past the take's ends the last frame is held."""
    assert windows.windows_of(range(1)) == range(2)
    assert windows.windows_of(range(31, 33)) == range(3)
    assert windows.windows_of(range(40, 64)) == range(1, 3)
    assert windows.windows_of(range(40, 65)) == range(1, 4)
    assert windows.window_frames(0, 20).tolist() == [0] * 33 + list(range(1, 20)) + [19] * 12
    assert windows.window_frames(2, 500).tolist() == list(range(32, 96))


def test_the_rows_of_a_frame_are_the_same_frames_in_both_of_its_windows():
    """Frame 37 is row 5 of window 2 and row 37 of window 1."""
    assert windows.rows_around(2, 37, 8) == slice(0, 8)
    assert windows.rows_around(1, 37, 8) == slice(32, 40)
    assert windows.rows_around(2, 44, 4) == slice(12, 16)


@pytest.mark.parametrize("frames", [1, 2, 31, 32, 33, 64, 257])
def test_short_takes(frames: int):
    out = modulate(random_take(frames), random_track(frames), MODULATOR)
    assert len(out) == frames
    assert np.isfinite(numbers(out)).all()


def test_wrong_input_is_refused():
    take, track = random_take(), random_track()
    cases = {
        "space.not_open": lambda: modulate(replace(take, space="flame2023"), track, MODULATOR),
        "emotion.shape": lambda: modulate(take, random_track(9), MODULATOR),
        "frames.out_of_range": lambda: modulate(take, track, MODULATOR, range(400, FRAMES + 1)),
    }
    for code, call in cases.items():
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
    for frames in (range(5, 5), range(-1, 5), range(0, 10, 2), range(10, 0, -1)):
        with pytest.raises(InputError) as caught:
            modulate(take, track, MODULATOR, frames)
        assert caught.value.code == "frames.out_of_range"


def test_the_network_is_told_each_weight_by_variants_and_by_lips() -> None:
    weights = np.array([[0.5, 0, 0, 0, 0, 1.25]], np.float32)
    variants = np.zeros((6, 2), np.float32)
    variants[0], variants[5] = (0.75, 0.25), (0.5, 0.25)
    cues = emotion_cues(weights, variants, np.array([0.25], np.float32))
    shown = [0.375, 0.125, *[0] * 8, 0.625, 0.3125]
    assert cues.dtype == np.float32
    assert cues[0].tolist() == [*shown, 0.25, 0, 0, 0, 0, 0]
    cues = emotion_cues(weights, variants, np.array([0.75], np.float32))
    assert cues[0].tolist() == [*shown, 0.5, 0, 0, 0, 0, 0.625]
    assert emotion_cues(weights, None, np.ones(1, np.float32)) is weights


@pytest.mark.parametrize("fps", [30.0, 24.0])
def test_variants_and_keep_closed_change_what_the_network_does(fps: float) -> None:
    take, track = random_take(120, fps), replace(random_track(120), fps=fps)
    plain = numbers(modulate(take, track, MODULATOR))
    assert MODULATOR.variants is not None
    other = replace(MODULATOR, variants=MODULATOR.variants[:, ::-1])
    open_ = replace(track, keep_closed=track.keep_closed * np.float32(0.25))
    assert not np.array_equal(numbers(modulate(take, track, other)), plain)
    assert not np.array_equal(numbers(modulate(take, open_, MODULATOR)), plain)
    blind = replace(MODULATOR, network=random_modulator(NetworkConfig(layers=1)).network)
    blind = replace(blind, variants=None, lip_opening=np.zeros_like(blind.lip_opening))
    told = [numbers(modulate(take, t, blind)) for t in (track, open_)]
    assert np.array_equal(*told)


def test_a_windows_share_rises_once_and_is_half_in_its_middle() -> None:
    rise = windows.fade()[: windows.HOP]
    assert (np.diff(rise) > 0).all()
    assert rise[0] < 0.001
    assert rise[windows.HOP // 4] == pytest.approx(np.sin(np.pi / 8) ** 2, abs=0.02)
    # A window is the same both ways: its first frame is as far from its end as its last.
    np.testing.assert_allclose(windows.fade(), windows.fade()[::-1], atol=1e-6)
    assert rise[0] == pytest.approx(np.sin(np.pi / 128) ** 2, rel=1e-4)
