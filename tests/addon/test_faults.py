# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong is said in a sentence, and leaves the file as it was."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save

DISK_FULL = "cannot be written: the disk is full (No space left on device). Make room on it"
SENTENCES = {
    "no_sidecar_head": "poll() Start the sidecar first",
    "connect_to_none": "No sidecar is running.",
    "another_version": "the sidecar Affekt 99.0 (protocol 99.0): they do not understand each other",
    "wrong_python": "There is no Python at",
    "no_command": "The sidecar's command 'no-such-program-as-this' was not found.",
    "import_without_head": "poll() Select or add a head first",
    "bake_without_take": "poll() Import a take onto the head first",
    "file_missing": "There is no file at",
    "adapter_missing": "There is no file at",
    "use_unknown_take": "has no take called 'nothing'",
    "no_adapter": "It is in FLAME's space. Give an adapter.",
    "no_avatar": "poll() Choose an avatar file first",
    "no_camera": "poll() Add a camera to the scene first",
    "unsaved_file": "which is not saved yet",
    "outside_the_take": "The scene's frames 500 to 600 are outside the take",
    "bake_breaks_off": "The bake broke off. Try again.",
    "render_breaks_off": "The bake broke off. Try again.",
    "disk_full_take": DISK_FULL,
    "disk_full_emotions": DISK_FULL,
    "disk_full_preset": DISK_FULL,
    "disk_full_pictures": DISK_FULL,
    "euler_bone": "The bone 'jaw' turns in the mode XYZ.",
    "action_deleted": "poll() Import a take onto the head first",
    "use_deleted": "has no take called 'take'",
    "shape_key_deleted": "has lost the shape key",
}


@pytest.mark.one_blender
def test_what_goes_wrong_is_said(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    told = in_blender("faults.py", head=save(small_head(), tmp_path / "head.npz"), take=str(take))
    said = told["said"]
    wrong = {name: said.get(name) for name, part in SENTENCES.items() if part not in said[name]}
    assert wrong == {}
    assert said.keys() == SENTENCES.keys()
    assert told["nothing_made"]
    assert told["pictures"] == told["left_over"] == []
    assert told["on_full_disk"] == [[], []]
    cancel = told["cancel"]
    assert 0 < cancel["fraction"] < 1
    assert cancel["text"] == "Emotion 5/10"
    assert "Bake is still under way." in cancel["busy"]
    assert cancel["goes_on"]
    assert cancel["cancelled"] == ["bake"]
    assert cancel["at_start"] == ["bake"]
    assert told["gone"] == ["FAILED", "The sidecar has gone. Start it again; your scene is safe."]
