# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt describe`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from affekt.shared.emotion_keys import decode_track
from affekt.sidecar.cli import run


def test_words_become_a_file_that_a_bake_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "keys.json"
    assert run(["describe", "angry, AU12_L 0.6", "--json", "--out", str(out), "--fps", "24"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "units": {"AU12_L": 0.6},
        "emotions": {"angry": 0.7},
    }
    track = decode_track(out.read_bytes(), 3, 24.0)
    assert track.unit_names == ("AU12_L",)
    assert track.units == pytest.approx(0.6)
    assert track.weights[2] == pytest.approx([0, 0, 0.7, 0, 0, 0])


def test_nothing_is_written_for_words_that_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "keys.json"
    out.write_text("mine")
    assert run(["describe", "a red car", "--out", str(out)]) == 2
    assert "says nothing of a face" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run(["describe", "smile", "--fps", "0"]) == 2
    assert run(["describe", "smile", "--out", str(tmp_path / "keys.csv")]) == 2
    assert "emotion keys" in capsys.readouterr().err
