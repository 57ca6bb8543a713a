# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt demo`: which frames of the take it shows, where, and under which names."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.commands import demo
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.render import portrait, sheets
from fakes.head import small_head


def take(jaw: np.ndarray, fps: float = 25.0) -> Motion:
    turns = np.zeros((len(jaw), 3))
    turns[:, 0] = jaw
    return make_motion(expression=np.zeros((len(jaw), 100)), jaw=turns, fps=fps, space="open")


def test_a_quiet_and_a_loud_frame_inside_the_take() -> None:
    """The jaw is widest at frame 50 but for the ends, where it does not count."""
    jaw = np.linspace(0.1, 0.5, 80)
    jaw[[2, 9, 70, 78]] = 0.9, 0.95, 0.97, 0.99
    jaw[50] = 0.8
    quiet, loud = demo.characteristic_frames(take(jaw))
    assert loud == 50
    # 10 to 69 are inside; 15 in 100 of them lie below frame 19's jaw.
    assert quiet == 19
    jaw[10], jaw[69] = 0.85, 0.84
    assert demo.characteristic_frames(take(jaw))[1] == 10


class Drawn:
    """Notes which frames are drawn, and what their sheet says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[tuple[Motion, int]] = []
        self.labels: list[str] = []
        self.columns = 0
        monkeypatch.setattr(portrait, "draw_frame", self.draw)
        monkeypatch.setattr(sheets, "contact_sheet", self.sheet)

    def draw(self, motion: Motion, frame: int, *_: object) -> np.ndarray:
        self.frames.append((motion, frame))
        return np.zeros((1, 1, 4), np.uint8)

    def sheet(self, _pictures: object, labels: list[str], columns: int) -> np.ndarray:
        self.labels, self.columns = labels, columns
        return np.zeros((1, 1, 3), np.uint8)


def test_a_strip_has_the_take_above_and_the_bake_below(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch)
    before, after = take(np.zeros(101)), take(np.ones(101))
    demo.strip(before, after, small_head())
    frames = [4, 16, 27, 38, 50, 62, 73, 84, 96]
    assert drawn.frames == [(motion, frame) for motion in (before, after) for frame in frames]
    assert drawn.columns == 9
    assert drawn.labels[0] == "take, 0.2 s"
    assert drawn.labels[8] == "take, 3.8 s"
    assert drawn.labels[9] == "baked, 0.2 s"
    assert len(drawn.labels) == 18


def test_the_sheet_names_each_emotion_above_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch)
    jaw = np.linspace(0.01, 0.1, 16)
    jaw[11] = 0.3
    spoken = take(jaw)
    demo.emotion_sheet(spoken, small_head(), load_modulator())
    assert drawn.columns == 8
    names = ["happy", "sad", "angry", "fear", "disgust", "surprise"]
    assert drawn.labels[:8] == ["the take itself", "neutral", *names]
    assert drawn.labels[8:] == [""] * 8
    quiet, loud = demo.characteristic_frames(spoken)
    assert [frame for _, frame in drawn.frames] == [quiet] * 8 + [loud] * 8
    assert drawn.frames[0][0] is drawn.frames[8][0] is spoken
    assert drawn.frames[3][0] is drawn.frames[11][0]
    happy, sad = drawn.frames[2][0], drawn.frames[3][0]
    assert np.abs(happy.expression - sad.expression).max() > 0.05


def test_a_stopwatch_tells_stages_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    clock = demo.Stopwatch()
    for name in ("second thing", "first thing"):
        with clock.stage(name):
            pass
    clock.seconds = {"second thing": 2.0, "first thing": 0.5}
    clock.report(75)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["second thing …", "first thing …"]
    assert lines[3:7] == [
        "75 frames",
        "     2.00 s  second thing",
        "     0.50 s  first thing",
        "     2.50 s  in all",
    ]
