# SPDX-License-Identifier: GPL-3.0-or-later
"""Several heads in a file, and heads from other files: each moves alone, or it is said why not."""

from pathlib import Path

import pytest
from fakes.head import small_head

from .conftest import RunScript
from .nouns import save


@pytest.mark.two_blenders
def test_heads_that_were_copied(in_blender: RunScript, tmp_path: Path) -> None:
    take = tmp_path / "take.json"
    take.write_text("{}")
    head = save(small_head(vertices=50), tmp_path / "head.npz")
    told = in_blender("duplicates.py", head=head, take=take)
    check_duplicates(told["duplicated"])
    assert told["appended"] == {"takes": ["take", "take baked"], "happy": [pytest.approx(0.6)]}
    check_linked(told["linked"])
    check_overridden(told["overridden"], is_layered=told["layered"])
    assert told["overridden_unused"] == [[0.5, 99, "take"]] * 2


def check_duplicates(told: dict) -> None:
    """Emotions and bones are each head's own; the linked duplicate is the same face."""
    assert told["happy"] == pytest.approx([0.1, 0.2, 0.3])
    still = pytest.approx(0.0174991, abs=1e-6)  # sin(.035 / 2): frame 3 is 2.5 of the take
    assert told["jaws"] == [still, pytest.approx(0.4794255), still, still]
    assert told["rigs"] == 3
    assert told["own_drivers"] == told["parents"] == [True, True, True]
    assert told["takes"] == [
        ["take", "take baked"],
        ["take", "take 2", "take 2 baked"],
        ["take", "take baked"],
    ]
    assert "poll() Select or add a head first" in told["none_meant"]


def check_linked(told: dict) -> None:
    for button, said in told["said"].items():
        assert "is linked from library.blend and cannot be changed here" in said, button
        assert "Library Override" in said
    assert told["happy"] == pytest.approx([0.5])


def check_overridden(told: dict, *, is_layered: bool) -> None:
    """A shot of an overridden head plays after a load as it did before it was saved."""
    before = told["before"]
    assert before["takes"] == ["take", "take 2", "take 2 baked"]
    assert before["used"] == "take 2 baked"
    assert before["shown"] == pytest.approx([0.8, 0.25, 0.75])
    assert before["local"] == [True, True, True]
    assert before["curves"] == [True, True, True]
    assert before["slots"] == [is_layered] * 3
    assert told["after"] == before
