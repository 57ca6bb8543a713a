# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator does to takes that are there, by the operators of the panel's menu."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


@pytest.mark.two_blenders
def test_takes_are_edited(in_blender: RunScript, tmp_path: Path) -> None:
    take, adapter = tmp_path / "take.json", tmp_path / "flame.npz"
    take.write_text("{}")
    adapter.write_text("adapter")
    head = save(small_head(vertices=50), tmp_path / "head.npz")
    told = in_blender("take_editing.py", head=head, take=take, adapter=adapter)
    check_edit(told["edit"])
    check_delete(told["delete"])
    check_rates(told["rates"])
    check_emotions(told["emotions"])
    check_adapter(told["adapter"], adapter)


def check_edit(told: dict) -> None:
    assert told["renamed"] == ["Line 7", "take baked"]
    assert told["source"] == "Line 7"
    assert told["action"] == ["Line", "7"]
    assert "'take baked' is taken" in told["taken"]
    assert "needs a name" in told["nameless"]
    assert told["baked_again"] == ["Line 7", "take baked"]
    assert told["duplicated"] == ["Line 7", "take baked", "Line 7 copy"]
    assert told["in_use"] == "Line 7 copy"
    # The take counts hundredths from frame 1 on: frame 11 says 0.1.
    assert told["trimmed"] == [[frame, pytest.approx((frame - 1) / 100)] for frame in range(11, 18)]
    assert told["whole"] == 31
    before, trimmed, whole = told["smooth"]
    assert whole == before, "the take that was duplicated is as it was"
    assert trimmed[1:3] == pytest.approx(before[1:3], abs=0.03)
    assert trimmed[0] == pytest.approx(0.926, abs=0.01), "held before the cut at its value there"
    assert told["read"] == [7, 0.1]
    assert "no frame from 100 to 120" in told["outside"]
    assert told["loop"] == [True, 11, 17]
    assert not told["no_loop"]


def check_delete(told: dict) -> None:
    assert told["left"] == ["Line 7", "take baked"]
    assert told["in_use"] == "Line 7"
    assert told["gone"] in (1, 2)  # before Blender 4.4 a take is two Actions
    assert told["stays"]
    assert told["then"] == ["Line 7"]
    assert told["none"] == []
    assert told["no_use"] == ""
    assert told["plays"]
    assert "no take called 'gone'" in told["unknown"]


def check_rates(told: dict) -> None:
    """31 frames at 30 are a second: 24, then 30 frames of the scene, 15 where they were 60."""
    assert told["placed"] == [25, 0.3]
    assert told["end"] == 25
    assert told["scene"] == [30, 1]
    assert told["at_take"] == [31, 0.3]
    assert told["end_at_take"] == 31
    assert told["emotion"] == [1, 16]
    assert told["at_60"] == [16, 0.3]
    assert told["end_at_60"] == 16
    assert told["emotion_at_60"] == [1, 8.5]
    assert told["take_fps"] == 60
    assert told["speed"] == ""
    assert told["rates"] == [[24, 1], [24, 1.001], [30, 1.001], [13, pytest.approx(1.04)]]


def check_emotions(told: dict) -> None:
    assert told["copied"] == [0.75, 0]
    assert told["first"] == [0.75, 0]
    assert told["baked"] == [0.75, 0]
    assert told["second"] == [0.25, 0.5]
    assert told["shared"] == [0.25, 0.5], "without the option emotions stay where they are"


def check_adapter(told: dict, adapter: Path) -> None:
    assert "It is in FLAME's space" in told["refused"]
    assert told["adapters"] == [None, "flame.npz", None, "flame.npz"]
    assert told["notes"].startswith("Read by the adapter flame.npz, as the take before.")
    assert told["kept"] == str(adapter)
    assert "It is in FLAME's space" in told["gone"]
