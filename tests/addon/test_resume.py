# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendering that breaks off costs nothing: what is there stays, and what was done is used."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

ALL = [f"avatar_{frame:06d}.png" for frame in range(1, 9)]


@pytest.mark.one_blender
def test_renderings_break_off_and_go_on(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender("resume.py", head=save(small_head(), tmp_path / "head.npz"), take=take)
    assert told["full"] == {
        "frames": [[0, 8]],
        "said": "file.not_writable",
        "pictures": [],
        "subjects": ["open"],
        "appearance": [None],
    }
    assert [told["goes_on"]["frames"], told["goes_on"]["pictures"]] == [[[2, 8]], ALL]
    assert told["goes_on"]["said"].startswith("Rendered 6 frames into ")
    assert "2 were there already." in told["goes_on"]["said"]
    assert "is hidden from the camera and still casts its shadow" in told["goes_on"]["said"]
    assert not told["sees_head"]
    assert told["again"]["frames"] == []
    # The camera moves after frame 6.
    assert [told["cancelled"]["frames"], told["cancelled"]["pictures"]] == [[[6, 8]], ALL]
    assert told["nothing_lost"]
    assert [told["moved"]["pictures"], told["back_at"]] == [ALL, 1]
    assert told["all"]["frames"] == [[0, 8]]
    # Another sidecar may draw otherwise, and Gaussians are another picture than the mesh.
    assert told["newer"]["frames"] == told["gaussians"]["frames"] == [[0, 8]]
    assert [told["newer"]["subjects"], told["gaussians"]["subjects"]] == [
        ["open"],
        ["open-gaussians"],
    ]
    assert told["same"]["frames"] == []
    assert "is no longer rendered" in told["same"]["said"]
    assert not told["renders_head"]
    # Frames 6 to 8 have another appearance than before; a mesh has none.
    assert told["gaussians"]["appearance"] == [[1.0] * 8]
    assert told["wrinkled"]["frames"] == [[5, 8]]
    (rows,) = told["wrinkled"]["appearance"]
    assert rows[:5] == [1.0] * 5
    assert rows[6:] == [2.0, 0.0]
    assert 1.2 < rows[5] < 1.8
    assert told["hidden"] == [".affekt_frames"]
