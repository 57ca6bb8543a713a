# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips, sheets, videos and the page of all of them."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.cli import run
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.commands.evaluate_pictures import take_names
from affekt.sidecar.lab.evaluation import takes
from affekt.sidecar.lab.evaluation.lips_kept import speech_closures
from affekt.sidecar.lab.evaluation.page import markdown_of, tables_of, write_figures, write_page
from affekt.sidecar.lab.evaluation.takes import (
    closures_kept,
    draw_in_frame,
    lip_gap,
    measure_jitter,
    telling_frames,
    write_take_video,
)
from affekt.sidecar.motion.adapter import to_open
from affekt.sidecar.render.images import write_png

HEAD = read_head("open")
ARKIT = {"jawOpen": 24, "eyeBlinkLeft": 8, "eyeBlinkRight": 9}


def take_with(frames: int = 120, **events: tuple[int, float]) -> Motion:
    """A still take with a bump of an ARKit weight around (frame, weight) of each name."""
    weights = np.zeros((frames, 100), np.float32)
    times = np.arange(frames)
    for name, (frame, weight) in events.items():
        bump = weight * np.exp(-(((times - frame) / 4.0) ** 2))
        weights[:, ARKIT[name]] = np.maximum(weights[:, ARKIT[name]], bump)
    rotation = np.zeros((frames, 3), np.float32)
    rotation[100:110, 1] = 0.4
    arkit = make_motion(expression=weights, rotation=rotation, fps=30.0, space="arkit")
    return to_open(arkit, HEAD, None)


class TestTakes:
    def test_frames_show_what_they_are_named_for(self):
        take = take_with(jawOpen=(30, 0.7), eyeBlinkLeft=(70, 1.0), eyeBlinkRight=(70, 1.0))
        picked = telling_frames(take, HEAD)
        names = [name for _, name in picked]
        found = {name: [f for f, n in picked if n == name] for name in names}
        assert 30 in found["open"]
        assert found["blink"] == [70]
        assert any(100 <= frame < 110 for frame in found["turned"])
        assert [frame for frame, _ in picked] == sorted({frame for frame, _ in picked})

    @pytest.mark.parametrize("frames", [1, 3, 9])
    def test_short_takes_have_fewer(self, frames: int):
        still = make_motion(expression=np.zeros((frames, 100)), fps=30.0, space="open")
        picked = telling_frames(still, HEAD)
        assert 0 < len(picked) <= min(frames, 8)
        assert all(0 <= frame < frames for frame, _ in picked)

    def test_a_head_that_walks_off_stays_in_the_picture(self):
        far = make_motion(
            expression=np.zeros((1, 100)),
            translation=np.array([[0.4, 0.2, 0.0]]),
            fps=30.0,
            space="open",
        )
        still = make_motion(expression=np.zeros((1, 100)), fps=30.0, space="open")
        pictures = [draw_in_frame(motion, 0, HEAD, (60, 72)) for motion in (far, still)]
        assert np.abs(pictures[0].astype(int) - pictures[1]).mean() < 1

    def test_jitter_is_seen_against_the_take(self):
        take = take_with(60, jawOpen=(30, 0.7))
        shaken = take.expression.copy()
        shaken[:, ARKIT["jawOpen"]] += 0.05 * (-1.0) ** np.arange(60)
        trembling = make_motion(expression=shaken, jaw=take.jaw, fps=30.0, space="open")
        found = measure_jitter({"itself": take, "same": take, "trembling": trembling}, HEAD)
        assert found["same"] == pytest.approx(1)
        assert found["trembling"] > 1.5
        assert "itself" not in found

    def test_closures_are_found_between_openings_and_lost_when_opened(self):
        mouth = np.zeros((90, 100), np.float32)
        mouth[10:80, ARKIT["jawOpen"]] = 0.5
        mouth[40:43, ARKIT["jawOpen"]] = 0  # an m in the midst of vowels; silence at both ends
        take = to_open(make_motion(expression=mouth, fps=30.0, space="arkit"), HEAD, None)
        frames = speech_closures(lip_gap(take, HEAD), take.fps)
        assert len(frames)
        assert set(frames) <= {40, 41, 42}
        mouth[40:43, ARKIT["jawOpen"]] = 0.3
        opened = to_open(make_motion(expression=mouth, fps=30.0, space="arkit"), HEAD, None)
        kept = closures_kept({"itself": take, "same": take, "opened": opened}, HEAD)
        assert kept == {"same": 1.0, "opened": 0.0}
        assert closures_kept({"itself": take_with(30), "same": take_with(30)}, HEAD) == {}

    def test_a_video_of_all_versions(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(takes, "VIDEO_SIZE", (32, 38))
        take = take_with(3)
        write_take_video(tmp_path / "a.mp4", {"take": take, "same": take}, HEAD)
        assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"

    def test_names_of_takes(self):
        paths = (
            Path("a/flame_params.json"),
            Path("b/flame_params.json"),
            Path("c/x.csv"),
            Path("d/x.csv"),
        )
        assert take_names(paths) == ["a", "b", "x", "x_3"]

    def test_no_two_takes_have_one_name(self):
        paths = (Path("p/x.jpg"), Path("q/x.jpg"), Path("x_1.jpg"), Path("r/X.jpg"))
        assert take_names(paths) == ["x", "x_2", "x_1", "X_3"]


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.pictures: list[str | None] = []
        self.cells: list[str] = []
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        if tag == "img":
            self.pictures.append(dict(attrs)["src"])

    def handle_data(self, data: str) -> None:
        if self._tag in ("h2", "h3"):
            self.headings.append(data)
        if self._tag in ("td", "th"):
            self.cells.append(data)


class TestPage:
    def page(self, folder: Path) -> _Seen:
        seen = _Seen()
        seen.feed(write_page(folder).read_text("utf-8"))
        return seen

    def test_what_lies_there_is_shown_and_what_does_not_is_left_out(self, tmp_path: Path):
        write_figures(tmp_path / "interpolation.json", {"happy-sad": {"collapse": 0.98765}})
        for name in ("interpolation", "take_a & b", "unknown"):
            write_png(tmp_path / f"{name}.png", np.zeros((4, 4, 3), np.uint8))
        seen = self.page(tmp_path)
        assert seen.pictures == ["interpolation.png", "take_a & b.png"]
        assert "0.988" in seen.cells
        assert "happy-sad" in seen.cells
        assert "Upper and lower" not in seen.headings

    def test_names_cannot_become_markup(self, tmp_path: Path):
        write_figures(tmp_path / "sides.json", {"<script>": {"a": "<b>"}})
        text = write_page(tmp_path).read_text("utf-8")
        assert "<script>" not in text
        assert "<b>" not in text

    @pytest.mark.parametrize("content", ["", "[1]", "{"])
    def test_damaged_figures_are_refused(self, tmp_path: Path, content: str):
        (tmp_path / "regions.json").write_text(content)
        with pytest.raises(InputError) as caught:
            write_page(tmp_path)
        assert caught.value.code == "file.damaged"

    def test_tables_of_any_depth(self):
        figures = {"one": 1.0, "flat": {"a": 0.5}, "deep": {"x": {"y": {"b": 2}}}}
        tables = tables_of(figures)
        assert tables[""] == [["", "value"], ["one", "1.000"]]
        assert ["flat", "0.500"] in tables[" "]
        assert tables["deep x"] == [["", "b"], ["y", "2"]]

    def test_tables_come_in_the_figures_order(self):
        names = [f"{k:02d}" for k in (5, 3, 9, 1, 7, 2, 8)]
        figures = {name: {"row": {"column": {"value": 1}}} for name in names}
        assert [heading.split()[0] for heading in tables_of(figures)] == names

    def test_markdown_has_a_rule_below_each_head(self):
        text = markdown_of({"one": {"a|b": {"x": 0.25, "y": 2}}})
        assert text == "### one\n\n|  | x | y |\n|---|---|---|\n| a/b | 0.250 | 2 |\n"

    def test_figures_are_json(self, tmp_path: Path):
        write_figures(tmp_path / "sides.json", {"kept": 0.5})
        assert json.loads((tmp_path / "sides.json").read_text()) == {"kept": 0.5}


def test_half_a_reader_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code = run(["evaluate", "pictures", "--out", str(tmp_path / "o"), "--reader-python", "x"])
    assert code == 2
    assert "option.reader" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
