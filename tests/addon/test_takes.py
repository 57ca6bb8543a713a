# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes and bakes are Actions of their own, placed by time, read with the animator's edits."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


@pytest.mark.two_blenders
def test_takes_and_bakes(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender("takes.py", head=save(small_head(), tmp_path / "head.npz"), take=take)
    assert told["names"] == ["take", "take 2"]
    assert told["notes"] == "3 of 900 frames were missing and were filled in."
    assert told["readings"] == [[None, None, None], [59.94, "degrees", "opencv"]]
    assert "cannot have 2 frames a second" in told["too_slow"]
    assert told["other_head"] == 0
    # 31 frames at 30 fps last a second: 24 frames of the scene, whose rate stays.
    assert told["fps"] == 24
    assert told["times"] == pytest.approx([5, 9, 29], abs=1e-5)
    assert told["range"] == [5, 29]
    assert told["constant_keys"] == 1
    assert told["fake_user"]
    assert told["baked_names"] == ["take", "take 2", "take baked", "take baked 2"]
    assert told["baked_source"] == "take"
    assert told["baked_happy"] == pytest.approx(0.75)
    assert told["baked_edit"] == pytest.approx(0.5)
    assert told["baked_times"] == pytest.approx([5, 29], abs=1e-5)
    assert told["baked_shape"] == pytest.approx(0.3)
    # 25 cm along Blender's y, before the face, are 25 cm along FLAME's z; the jaw turns about x.
    assert told["sent_place"] == [pytest.approx([0, 0, 0.25])] * 2
    assert told["sent_jaw"] == pytest.approx([2 * 0.6435011, 0, 0], abs=1e-6)
    assert told["take_happy"] == 1  # the bake has not written into the take
    assert told["shown_baked"] == pytest.approx(0.75)
    assert told["shown_take"] == pytest.approx([0, 0.1], abs=1e-6)
    assert told["found_by_rig"] != "Affekt Head"  # the second head, by its armature
    assert told["after_renaming"] == "take baked 3"
    assert told["torn"] == [0, 5]  # what breaks off leaves no Action and no take
