# SPDX-License-Identifier: GPL-3.0-or-later
"""MP4 previews: H.264 with 4:2:0 colour, which every player takes, and optional sound (AAC)."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import av.error
import numpy as np

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.errors import InputError
from ...shared.replacement import partial_path, replace_file
from ..files import not_writable

QUALITY = "18"
"""x264's constant rate factor; 18 cannot be told from the source by eye."""
_SOUND_RATE = 48_000
_SOUND_BLOCK = 1024
# Two hours of stereo at 48 kHz in single precision: 2.8 GB is the most that we would hold.
_MAX_SAMPLES = 2 * 3600 * _SOUND_RATE


class VideoWriter:
    """Writes (H, W, 3) uint8 sRGB pictures to an MP4, one after the other.

    A context manager: the file appears under its name only on a clean exit. Odd sizes grow by a
    repeated row or column, as H.264 needs even ones. sound: a sound file whose `sound_start_s`
    falls on the first picture; it ends with the last.
    Raises InputError `file.not_writable`, `file.missing`, `file.sound`.
    """

    def __init__(
        self, path: Path, fps: float, *, sound: Path | None = None, sound_start_s: float = 0.0
    ) -> None:
        self._path = path
        self._partial = partial_path(path.parent)
        self._fps = Fraction(fps).limit_denominator(1001)
        self._samples = None if sound is None else read_sound(sound, sound_start_s)
        self._count = 0
        try:
            self._file = av.open(str(self._partial), "w", format="mp4")
        except (av.error.FFmpegError, OSError) as error:
            raise not_writable(path, error) from error
        self._picture = self._file.add_stream("libx264", rate=self._fps)
        self._picture.pix_fmt = "yuv420p"
        self._picture.options = {"crf": QUALITY, "preset": "veryfast"}
        self._sound = None
        if self._samples is not None:
            self._sound = self._file.add_stream("aac", rate=_SOUND_RATE, layout="stereo")

    def __enter__(self) -> VideoWriter:
        return self

    def add(self, picture: UInt8Array) -> None:
        """Appends a picture; all must be as large as the first."""
        height, width = picture.shape[:2]
        even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        if self._count == 0:
            self._picture.height, self._picture.width = even.shape[:2]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts = self._count
        frame.time_base = 1 / self._fps
        self._file.mux(self._picture.encode(frame))
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self._count:
                self._file.mux(self._picture.encode())
                self._add_sound()
            self._file.close()
            if kind is None and self._count:
                replace_file(self._partial, self._path)
        except (av.error.FFmpegError, OSError) as failure:
            if kind is None:
                raise not_writable(self._path, failure) from failure
        finally:
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)

    def _add_sound(self) -> None:
        if self._samples is None or self._sound is None:
            return
        total = int(self._count / self._fps * _SOUND_RATE)
        samples = self._samples[:, :total]
        for start in range(0, samples.shape[1], _SOUND_BLOCK):
            part = np.ascontiguousarray(samples[:, start : start + _SOUND_BLOCK])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = _SOUND_RATE, start
            frame.time_base = Fraction(1, _SOUND_RATE)
            self._file.mux(self._sound.encode(frame))
        self._file.mux(self._sound.encode())


def read_sound(path: Path, start_s: float = 0.0) -> Float32Array:
    """(2, N) float32 at 48 kHz from any sound file, from `start_s` seconds on.

    Raises InputError `file.missing`, `file.sound`.
    """
    if not path.is_file():
        raise InputError(
            "file.missing",
            f"The sound '{path}' cannot be opened.",
            "Check the path and that the file may be read.",
        )
    parts: list[Float32Array] = []
    length = 0
    try:
        with av.open(str(path)) as file:
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_SOUND_RATE)
            for frame in file.decode(file.streams.audio[0]):
                for block in resampler.resample(frame):
                    parts.append(block.to_ndarray().astype(np.float32))
                    length += parts[-1].shape[1]
                if length > _MAX_SAMPLES:
                    break
            for block in resampler.resample(None):
                parts.append(block.to_ndarray().astype(np.float32))
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise InputError(
            "file.sound", f"'{path.name}' holds no sound that can be read.", "Choose a WAV file."
        ) from error
    if not parts:
        return np.zeros((2, 0), np.float32)
    return np.concatenate(parts, 1)[:, round(start_s * _SOUND_RATE) :]
