# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays is what bakes: moved, trimmed, scaled, stripped, driven and constrained takes."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

FRAMES = 90
CLOSE = 2e-6
"""Values in single precision; a constraint's matrix goes back to a quaternion."""


@pytest.mark.two_blenders
def test_what_plays_is_what_bakes(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender("playing.py", head=save(small_head(), tmp_path / "head.npz"), take=take)
    untouched = told["untouched"]
    assert untouched["same"]
    assert untouched["sent"]
    assert untouched["fps"] == 30
    assert "frame by frame" not in untouched["said"]

    plain = {"moved": [41, 130], "trimmed": [1, 119], "apart": [1, 130], "gap": [1, 110]}
    for name, ends in plain.items():
        check(told[name], ends)
        assert "frame by frame" not in told[name]["said"], name
    assert told["moved"]["moves"] == pytest.approx(0.89)
    assert told["trimmed"]["moves"] == pytest.approx(0.59)
    assert "plays 50 % too slow" in told["trimmed"]["said"]

    # The bake remembers what the animator had assigned, so that it can be baked again.
    for name in ("first", "second"):
        check(told["copied"][name], [1, 90])
        assert told["copied"][name]["moves"] == pytest.approx(0.445)
        assert "frame by frame" not in told["copied"][name]["said"]
        check(told["layered"][name], [11, 100])
    assert told["layered"]["layer"] > 0  # and it is not lost with the file
    strips = told["strips"]
    for name in ("first", "second"):
        check(strips[name], [51, 229])
        assert strips[name]["fps"] == 30
        assert "because of NLA strips" in strips[name]["said"]
        assert "too slow" not in strips[name]["said"]  # that is how it plays
    assert strips["same"]
    assert strips["takes"] == 2  # the second bake went into the Action of the first
    check(told["trimmed_strip"], [201, 230])
    assert told["trimmed_strip"]["moves"] == pytest.approx(0.29)
    check(told["driven"], [1, 90])
    assert "because of drivers" in told["driven"]["said"]
    check(told["constrained"], [1, 90])
    assert told["constrained"]["opened"] == pytest.approx(0.5, abs=1e-5)
    assert "because of a constraint on the bone jaw" in told["constrained"]["said"]
    assert told["other_take"] == ["", "", "take 2"]
    assert told["felt"]["happy"] == pytest.approx([0.01 * n for n in range(1, 91)], abs=1e-5)
    assert "because of the emotions' drivers or strips" in told["felt"]["said"]
    check_refusals(told)


def check(told: dict, ends: list[float]) -> None:
    """The take went out as Blender showed it, and the bake shows the same."""
    assert told["gap"] is not None, told
    assert told["gap"] < CLOSE
    assert told["plays"] < CLOSE
    assert told["ends"] == pytest.approx(ends)
    assert told["place"] == 17.25  # reading leaves the scene's frame where it was


def check_refusals(told: dict) -> None:
    """Esc, a hidden head, a strip under edit."""
    reading, *slices = told["cancelled"]["slices"]
    assert reading[0] == "Reading the curves"
    assert [text for text, *_ in slices] == [f"Playing NLA strips {n}/90" for n in (1, 2, 3)]
    assert all(name.startswith("take baked") for _, name, *_ in slices)
    assert [shown for _, _, *shown in slices] == [[23, False]] * 3
    assert told["cancelled"]["takes"] == 2
    assert told["hidden"] == "bake.hidden"
    assert told["tweaked"] == "bake.tweak_mode"
