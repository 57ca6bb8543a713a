# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on works out by itself, by examples that were worked out by hand."""

import math

import pytest
from affekt.shared.emotion import CONTROLS

from .conftest import RunScript


@pytest.mark.one_blender
def test_sums(in_blender: RunScript) -> None:
    told = in_blender("sums.py")
    # A shape of 0.9 too little moves a vertex by 1.8 m; the root is 0.3 m off, and 0.2 rad of a
    # bone at half a metre are 0.1 m.
    assert told["worst"] == pytest.approx([2.1, 2.2, 0])
    check_tracks(told["tracks"])
    check_playback(told["playback"])
    check_files(told["files"])
    check_writing(told["writing"])
    assert told["fingerprints"] == [False] + 7 * [True]
    check_speeds(told["speeds"])
    check_bones(told["bones"])
    check_logs(told["logs"])
    assert told["long_reign"] == [3, 3000, 1, 8998]


def check_tracks(told: dict) -> None:
    """Weights go to 1.5, influence and held lips to 1, the other strengths to 2."""
    assert told["fps"] == 23.976
    assert told["weights"][0] == [0] * 6
    assert told["weights"][1] == pytest.approx([0.25, 0.26, 0.27, 0.28, 0.29, 0.3])
    assert told["weights"][2] == [1.5] * 6
    assert list(told["controls"]) == list(CONTROLS)
    for place, (name, values) in enumerate(told["controls"].items()):
        most = 1 if name in ("influence", "keep_closed") else 2
        assert values == pytest.approx([0, 0.31 + 0.01 * place, most]), name


def check_playback(told: dict) -> None:
    for name in ("nothing", "another driver", "empty track", "all muted"):
        assert told[name] is False, name
    assert told["driver"] is told["strip"] is True
    assert told["both"] == ["first", "second"]
    assert told["one muted"] == ["first"]
    assert told["solo"] == told["track muted"] == ["second"]
    assert told["nla off"] == [False, 0]
    assert told["no data"] == 0
    assert told["frame"] == [7, 0.25]


def check_files(told: dict) -> None:
    assert told["needed"] == [[0, 3, 5, 6], [0, 3, 2, 2]]
    assert told["times"] == [5, 8.75]
    assert told["rows"] == [0, 1.5]
    assert told["all"] == [5 + 2 * row for row in range(9)]
    assert told["left out"] == ["", "Affekt has no joy, pain: left out."]
    assert told["plain"] == ["linear", "constant", "bezier", None, None, None, None, None]


def check_writing(told: dict) -> None:
    assert told["still"] == [[3, 0.5]]
    assert told["moving"] == [[3, 0.5], [4, 0.75], [6, 0.5]]
    assert told["kinds"] == ["LINEAR"]
    assert told["set"] == [[1, 7], [2, 9]]
    assert told["set kinds"] == [["CONSTANT", "AUTO_CLAMPED", "AUTO_CLAMPED"]]
    assert told["places"] == [[1, 2], [7, 9]]
    assert told["cut"] == [[5, 5], [10, 10], [20, 20]]
    assert told["inside"] == [[0, 0], [10, 10], [20, 20], [30, 30]]
    assert told["beside"] == [[12, 12], [18, 18]]
    assert told["alone"] == [[5, 8]]
    assert told["moved"] == [[1, 4], [21, 6]]
    assert told["handles"] == pytest.approx([2, 2])
    assert told["added"] == [1, 6, 12]
    assert told["added keys"] == [[0, 1], [5, 6], [10, 12]]
    assert told["fresh"] == [0, True]
    assert told["new"] == ["added", 1, "other"]


def check_speeds(told: dict) -> None:
    assert told["slow"] == (
        "walk plays 20 % too slow: its keys are spaced for 30 fps, and the scene runs at 24."
    )
    assert told["fast"].startswith("walk plays 33.3 % too fast: its keys are spaced for 30 fps")
    assert told["right"] == ""
    assert told["times"] == [1, 2.25, 16]
    assert told["last"] == 16
    # The scene plays half a frame of the curves in one of its own.
    assert told["stretched"] == [0.5, 12, 32]
    assert told["unknown"] == 12
    assert told["base"] == pytest.approx(24 / 1.001)
    assert told["all"] == [1, 3, 5]
    assert told["same"] == [False, True]
    assert told["rate"] == pytest.approx(23.976, rel=1e-6)
    assert told["rate"] != 23.976  # as the list holds it
    assert told["part"] == [True, False]


def check_bones(told: dict) -> None:
    """A quarter turn about y and then one about x are a third of a turn about (1, 1, 1)."""
    third = 2 * math.pi / 3 / math.sqrt(3)
    assert told["joined"] == [pytest.approx([third] * 3)]
    assert told["one"] == [[[math.pi / 2, 0, 0]], [[0, math.pi / 2, 0]]]
    up, same, across = told["edited"]
    assert up == pytest.approx([math.cos(0.3), 0, 0, math.sin(0.3)], abs=1e-7)
    assert same == [math.cos(0.25), 0, 0, math.sin(0.25)]
    assert across == pytest.approx([0.5, 0.5, -0.5, 0.5], abs=1e-7)  # first about z, then about x
    assert [row[2] for row in told["eulers"]] == pytest.approx([0, 2, 4], abs=1e-6)
    assert told["record"] == ["affekt eyes", '["affekt eyes"]']


def check_logs(told: dict) -> None:
    assert told["none"] is None
    assert told["newer log"] is told["newer words"] is told["empty words"] is True
    assert told["parts"] == ["raw.1", "sidecar.log.2", "sidecar.log.1", "raw", "sidecar.log"]
    assert told["end"] == [64 * 1024, "b", True]
    assert told["gone"] == "(No such file or directory)\n"
