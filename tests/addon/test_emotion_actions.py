# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion keys have an Action of their own, which no take and no bake takes with it."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


@pytest.mark.two_blenders
def test_emotions_have_their_own_action(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    head = save(small_head(vertices=50), tmp_path / "head.npz")
    told = in_blender("emotion_actions.py", head=head, take=take)
    print({name: f"{cost:.3f} ms" for name, cost in told["costs_ms"].items()})
    by_button, by_blender, before = told["buttons"], told["blender"], told["before"]
    own = "Affekt Head emotions"
    assert by_button["at_first"] == [own, 2]  # the head and the fake user
    assert by_button["keyed"] == by_button["after"] == [own]
    assert by_button["left"] == [7, 0.5]
    assert by_button["takes"] == ["take"], "the bake without an Action has left the list"
    assert by_button["in_use"] == ""
    assert "has no take in use" in by_button["said"]
    assert by_blender == {
        "in_take": False,
        "keys": [3, 0.25],
        "slots": 2,
        "in_take_by_button": False,
    }
    check_file_of_before(before)


def check_file_of_before(before: dict) -> None:
    """Keys and strip have moved into new Actions, look as they did, and it is said once."""
    assert before["take"] in before["before"]
    assert before["take"] not in before["after"]
    assert len(before["said"]) == 1
    assert "Affekt Head lay in the Action of a take" in before["said"][0]
    assert before["keys"] == pytest.approx([2, 0.2, 8, 0.9])
    assert before["strip"][0] != before["take"]
    assert before["strip"][1:] == pytest.approx(before["span"])
    assert before["shown"] == pytest.approx(before["shown_after"])
    assert before["shown"][:3] == pytest.approx([0.2, 0.2, 0.9])
    assert before["keys_move"], "the take still moves the head"
