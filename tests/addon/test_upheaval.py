# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the animator does while a task runs comes out right or is said, and so is a fault of
our own; nothing half-made stays."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


@pytest.mark.two_blenders
def test_changes_while_a_task_runs(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    head = save(small_head(vertices=50), tmp_path / "head.npz")
    told = in_blender("upheaval.py", head=head, take=take)
    changes = told["changes"]
    assert changes["imported"].startswith("Imported take: 10 frames")
    assert changes["renamed"].startswith("Baked 10 frames")
    assert changes["names"] == ["Take 7", "Take 7 baked"]
    for name in ("renamed_import", "undone_import", "scene_switched"):
        assert changes[name].startswith("Imported take"), name
    for name in ("undone", "in_edit_mode", "armature_edited"):
        assert changes[name].startswith("Baked 10 frames"), name
    assert len(changes["after_undo"]) == 4
    assert changes["plays"] == pytest.approx(0.0875)  # 7 frames at 24 fps are 8.75 of the take
    assert changes["add_in_edit_mode"] == "head.mode"
    assert changes["nothing_added"]
    assert changes["scene_removed"] == "scene.gone"
    assert changes["undo"] == {"same": [True, True, True], "played": True}
    assert told["loaded"]
    assert told["kept"]
    assert told["take_deleted"] == "motion.no_action"
    assert told["head_deleted"] == "head.gone"
    check_faults(told["faults"])


def check_faults(faults: dict) -> None:
    """One sentence each, the traceback in a text, nothing left, the task over."""
    for name, label in (("import", "Import Take"), ("bake", "Bake"), ("button", "Key All")):
        assert f"{label} stopped at a fault in Affekt itself. Undo" in faults[name], name
    assert faults["clean"] == [True, True, True]
    assert faults["in_use"]
    assert faults["noted"] == [True, True, True]
    assert faults["guarded"] == []
