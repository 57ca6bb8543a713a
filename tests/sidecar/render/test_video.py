# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos and their sound: what is heard when, on which side, and for how long."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.render.video import VideoWriter, read_sound

RATE = 16_000


def write_sound(path: Path, left: np.ndarray, right: np.ndarray) -> Path:
    """A stereo file of samples from -1 to 1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.stack([left, right], 1) * 32_767).astype("<i2").tobytes())
    return path


def loud_between(start_s: float, end_s: float, seconds: float) -> np.ndarray:
    times = np.arange(round(RATE * seconds)) / RATE
    tone = 0.5 * np.sin(2 * np.pi * 500 * times)
    return np.where((times >= start_s) & (times < end_s), tone, 0)


def when_loud(samples: np.ndarray, rate: int = 48_000) -> tuple[float, float]:
    """Seconds of the first and the last sample that can be heard."""
    heard = np.flatnonzero(np.abs(samples) > 0.05)
    return heard[0] / rate, heard[-1] / rate


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), av.error.EOFError(1, "end")]
)
def test_a_video_that_cannot_be_begun(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(InputError) as caught:
        VideoWriter(tmp_path / "a.mp4", 30.0)
    assert caught.value.code == "file.not_writable"
    assert list(tmp_path.iterdir()) == []


def test_a_sound_keeps_its_sides_its_strength_and_its_time(tmp_path: Path) -> None:
    left, right = loud_between(0.25, 0.5, 1.0), 0.5 * loud_between(0.625, 0.75, 1.0)
    path = write_sound(tmp_path / "voice.wav", left, right)
    samples = read_sound(path)
    assert samples.shape == (2, 48_000)
    assert samples.dtype == np.float32
    assert when_loud(samples[0]) == pytest.approx((0.25, 0.5), abs=0.002)
    assert when_loud(samples[1]) == pytest.approx((0.625, 0.75), abs=0.002)
    assert np.abs(samples[0]).max() == pytest.approx(0.5, abs=0.03)
    assert np.abs(samples[1]).max() == pytest.approx(0.25, abs=0.03)
    later = read_sound(path, 0.2)
    assert later.shape == (2, 38_400)
    np.testing.assert_array_equal(later, samples[:, 9600:])
    assert read_sound(path, 5).shape == (2, 0)


def test_the_sound_is_heard_with_the_picture_that_it_belongs_to(tmp_path: Path) -> None:
    """Ten pictures a second from the sound's 0.4 s on: its bang at 0.7 s is with the fourth."""
    sound = write_sound(tmp_path / "bang.wav", loud_between(0.7, 0.75, 2.0), np.zeros(2 * RATE))
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 10, sound=sound, sound_start_s=0.4) as video:
        for index in range(8):
            video.add(np.full((32, 48, 3), 30 * index, np.uint8))
    with av.open(str(path)) as file:
        pictures = [(float(f.pts * f.time_base), f) for f in file.decode(video=0)]
    assert [round(time_s, 3) for time_s, _ in pictures] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    shades = [f.to_ndarray(format="rgb24").mean() for _, f in pictures]
    np.testing.assert_allclose(shades, [30 * index for index in range(8)], atol=5)
    with av.open(str(path)) as file:
        heard = np.concatenate([f.to_ndarray() for f in file.decode(audio=0)], 1)
    assert heard.shape[1] / 48_000 == pytest.approx(0.8, abs=0.03)
    assert when_loud(heard[0]) == pytest.approx((0.3, 0.35), abs=0.03)
    assert np.abs(heard[1]).max() < 0.02


def test_a_sound_that_ends_before_the_pictures_ends_no_picture(tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.wav", np.zeros(RATE // 10), np.zeros(RATE // 10))
    with VideoWriter(tmp_path / "out.mp4", 23.976, sound=sound) as video:
        for _ in range(24):
            video.add(np.zeros((16, 18, 3), np.uint8))
    with av.open(str(tmp_path / "out.mp4")) as file:
        rate = file.streams.video[0].average_rate
        assert float(rate) == pytest.approx(23.976, abs=1e-4)
        assert sum(1 for _ in file.decode(video=0)) == 24


def test_a_picture_keeps_its_colours_and_its_way_up(tmp_path: Path) -> None:
    picture = np.zeros((40, 65, 3), np.uint8)
    picture[:20] = (200, 40, 40)
    picture[20:, :32] = (40, 40, 200)
    with VideoWriter(tmp_path / "out.mp4", 25) as video:
        video.add(picture)
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert not file.streams.audio
        (found,) = (frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0))
    assert found.shape == (40, 66, 3)
    np.testing.assert_allclose(found[5:15, 5:60].mean((0, 1)), (200, 40, 40), atol=8)
    np.testing.assert_allclose(found[25:35, 5:27].mean((0, 1)), (40, 40, 200), atol=8)
    np.testing.assert_allclose(found[25:35, 40:].mean((0, 1)), (0, 0, 0), atol=8)
    np.testing.assert_allclose(found[:, 64], found[:, 65], atol=12)  # the column that was added
