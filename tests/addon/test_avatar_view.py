# SPDX-License-Identifier: GPL-3.0-or-later
"""The avatar's picture over the camera's view: never one of another moment unsaid, never one of
what is no longer there."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

GONE = [None, None, "Avatar preview: waiting"]


@pytest.mark.one_blender
def test_what_camera_views_show_of_an_avatar(in_blender: RunScript, tmp_path: Path) -> None:
    for name in ("face.splat", "flame.npz"):
        (tmp_path / name).write_bytes(name.encode())
    told = in_blender(
        "avatar_view.py",
        head=save(small_head(), tmp_path / "head.npz"),
        avatar=tmp_path / "face.splat",
        adapter=tmp_path / "flame.npz",
    )
    check_sizes(told["moves_and_rests"])
    check_hidden(told["hides"])
    check_wide(told["wide"])
    assert told["elsewhere"]["sizes"] == [[320, 180, 7], [320, 320, 7]]
    assert told["elsewhere"]["differ"]
    assert told["elsewhere"]["metres"] == pytest.approx(14**0.5, abs=1e-4)  # from (1, 2, 3)
    check_ended(told["ended"])
    subjects = told["subjects"]
    assert subjects["open"]["size"] == [320, 180]  # whole, although a region is cropped
    assert subjects["open"]["subject"].endswith("-gaussians")
    assert [subjects["open"]["head"], subjects["open"]["head_space"]] == ["open", None]
    flame = subjects["flame"]
    assert [flame["subject"], flame["adapter"]] == ["avatar:face.splat", "adapter:flame.npz"]
    assert [flame["head"], flame["head_space"]] == ["flame-sha", "flame2020"]
    assert subjects["gone"][:3] == GONE
    assert "There is no file" in subjects["gone"][3] or "cannot be read" in subjects["gone"][3]
    assert told["handlers"] == 0  # there is no window to draw into
    assert told["views"] == 0


def check_sizes(told: dict) -> None:
    assert told["first"] == told["nothing_new"] == GONE
    assert told["draft"] == [1, 1, "Avatar preview: draft"]
    assert told["rests"] == [None, 1, "Avatar preview: draft"]
    assert told["fine"] == [2, 2, "Avatar preview"]
    assert told["moved"] == told["camera"] == [None, 2, "Avatar preview: catching up"]
    assert told["late"] == [3, 3, "Avatar preview: catching up"]
    assert told["newest"] == [4, 4, "Avatar preview: draft"]
    assert told["stale"] == [None, 4, "Avatar preview: draft"]
    small = [320, 180]
    assert told["sizes"] == [[*small, 7], [700, 394, 7], [*small, 8], [*small, 8]]
    assert told["shares"] == pytest.approx(320 / 700, abs=1e-5)
    assert told["same_eye"]


def check_wide(told: dict) -> None:
    assert told["fine"] == GONE
    assert told["answered"] == [1, 1, "Avatar preview"]
    assert told["stays"] == [None, 1, "Avatar preview", ""]
    assert told["sizes"] == [[1024, 576, 7]]


def check_ended(told: dict) -> None:
    assert told["hidden"] == told["hidden_again"] == [1, [-1], [-1]]
    assert told["fault"] == "a fault"
    assert told["left"] == [False, True]
    assert told["then"] == ""


def check_hidden(told: dict) -> None:
    assert told["nowhere"] == [*GONE, 0]
    assert told["seen"] == [1, 1, "Avatar preview: draft"]
    assert told["waiting"] == [*GONE, "A rendering is under way"]
    assert told["gone"] == [*GONE, "The sidecar is not connected."]
    assert told["failed"] == [*GONE, "It is broken. Take another."]
    assert told["not_at_once"] == [*GONE, 2]
    assert told["again"] == [*GONE, "", 3]
    assert told["answered"][1] == 3
    for name, why in (
        ("mesh", "is what the viewport shows anyway"),
        ("no_file", "No avatar is chosen"),
        ("no_camera", "has no camera"),
        ("panorama", "is of type PANO"),
    ):
        assert told[name][:3] == GONE, name
        assert why in told[name][3], name
