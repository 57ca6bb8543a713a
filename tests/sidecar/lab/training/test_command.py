# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt train geometry` as a user meets it when something is wrong."""

from pathlib import Path

import pytest
from affekt.sidecar.cli import run


@pytest.mark.parametrize(
    ("text", "code"),
    [("steps = 0", "option.config"), ("stpes = 9", "option.config"), ("= 3", "option.config")],
)
def test_bad_settings_are_one_sentence_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: str
):
    config = tmp_path / "c.toml"
    config.write_text(text)
    out = tmp_path / "out"
    assert run(["train", "geometry", "--config", str(config), "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert code in message
    assert "Traceback" not in message
    assert not out.exists()


def test_a_missing_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["train", "geometry", "--config", str(tmp_path / "none"), "--out", str(tmp_path)]
    assert run(arguments) == 2
    assert "file.missing" in capsys.readouterr().err
