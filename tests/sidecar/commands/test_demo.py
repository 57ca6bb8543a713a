# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt demo`: which frames of the take it shows, where, and under which names."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.commands import demo
from affekt.sidecar.head.read import read_head
from affekt.sidecar.modulation.modulator import load_modulator
from affekt.sidecar.portrait import networks
from affekt.sidecar.render import sheets


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
        self.pictures: list[np.ndarray] = []
        self.labels: list[str] = []
        self.columns = 0
        monkeypatch.setattr(sheets, "contact_sheet", self.sheet)

    def draw(self, motion: Motion, frame: int) -> np.ndarray:
        self.frames.append((motion, frame))
        return np.zeros((1, 1, 4), np.uint8)

    def sheet(self, pictures: list[np.ndarray], labels: list[str], columns: int) -> np.ndarray:
        self.pictures, self.labels, self.columns = pictures, labels, columns
        return np.zeros((1, 1, 3), np.uint8)


def test_a_strip_has_the_take_above_and_the_bake_below(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(monkeypatch)
    before, after = take(np.zeros(101)), take(np.ones(101))
    demo.strip(before, after, drawn.draw)
    frames = [4, 16, 27, 38, 50, 62, 73, 84, 96]
    assert drawn.frames == [(motion, frame) for motion in (before, after) for frame in frames]
    assert drawn.columns == 9
    assert drawn.labels[0] == "take, 0.2 s"
    assert drawn.labels[8] == "take, 3.8 s"
    assert drawn.labels[9] == "baked, 0.2 s"
    assert len(drawn.labels) == 18


NAMES = ["the take itself", "neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"]


def spoken() -> Motion:
    jaw = np.linspace(0.01, 0.1, 16)
    jaw[11] = 0.3
    return take(jaw)


def test_the_sheet_names_each_emotion_above_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, said = Drawn(monkeypatch), spoken()
    demo.emotion_sheet(said, load_modulator(), drawn.draw)
    assert drawn.columns == 8
    assert drawn.labels == [*NAMES, *[""] * 8]
    quiet, loud = demo.characteristic_frames(said)
    assert [frame for _, frame in drawn.frames] == [quiet] * 8 + [loud] * 8
    assert drawn.frames[0][0] is drawn.frames[8][0] is said
    assert drawn.frames[3][0] is drawn.frames[11][0]
    happy, sad = drawn.frames[2][0], drawn.frames[3][0]
    assert np.abs(happy.expression - sad.expression).max() > 0.05


def test_the_photo_and_its_avatar_stand_left_of_the_emotions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = Drawn(monkeypatch)
    above, below = (np.full((1, 1, 3), value, np.uint8) for value in (1, 2))
    begin = ("the photo", above), ("its avatar", below)
    demo.emotion_sheet(spoken(), load_modulator(), drawn.draw, begin)
    assert drawn.columns == 9
    assert drawn.labels == ["the photo", *NAMES, "its avatar", *[""] * 8]
    assert drawn.pictures[0] is above
    assert drawn.pictures[9] is below


def test_beside_an_avatar_stands_the_part_of_the_photo_with_its_face(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "SHEET_SIZE", (40, 48))
    photo = Path(demo.__file__).parents[1] / "assets" / "demo" / demo.PHOTO
    found = demo.beginning(open_avatar(read_head("open")), photo)
    assert found is not None
    (label, cut), (_, turned) = found
    assert label == "the photo"
    assert cut.shape == turned.shape == (48, 40, 3)
    red, _, blue = cut[18:24, 16:24].reshape(-1, 3).mean(0)
    assert red > blue + 20, "skin"
    assert demo.beginning(read_head("open"), photo) is None


def test_without_what_sees_a_face_the_open_head_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(networks.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    networks.network.cache_clear()
    photo = Path(demo.__file__).parents[1] / "assets" / "demo" / demo.PHOTO
    subject = demo.Demo(out=tmp_path)._make_subject(photo)
    assert subject is read_head("open")
    assert not list(tmp_path.iterdir())
    said = capsys.readouterr().out
    assert "pip install" in said
    assert "So this demo shows the open head." in said


def test_another_fault_of_the_photo_is_no_reason_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        demo.Demo(out=tmp_path)._make_subject(tmp_path / "a.jpg")
    assert caught.value.code == "file.wrong_kind"


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
