# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/errors.md is the table of all codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from affekt.shared import errors, messages
from affekt.shared.schema import field_rules
from fakes.codes import codes_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def raised() -> dict[str, str]:
    """Each code in the source, and a place where it is raised."""
    return codes_in(ROOT)


def table() -> dict[str, str]:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [code for code, _ in rows] == sorted(code for code, _ in rows)
    return dict(rows)


def test_every_code_is_in_the_table(raised: dict[str, str]) -> None:
    missing = {code: place for code, place in raised.items() if code not in table()}
    assert not missing, f"write these into docs/errors.md: {missing}"


def test_the_table_has_no_code_that_nobody_raises(raised: dict[str, str]) -> None:
    stale = table().keys() - raised.keys()
    assert not stale


def test_the_codes_are_found(raised: dict[str, str]) -> None:
    """The control: by literal, through a helper, and in an expression."""
    assert len(raised) > 100
    assert {"link.version", "avatar.shape", "motion.too_long", "link.protocol"} <= raised.keys()


def test_every_code_may_cross_the_wire(raised: dict[str, str]) -> None:
    (rule,) = [field.rule for field in field_rules(messages.Failure) if field.name == "code"]
    assert [rule.check(code) for code in raised] == list(raised)


def test_an_error_is_a_sentence_and_a_remedy() -> None:
    error = errors.JobError("job.failed", "It failed.", "Try again.")
    assert str(error) == "It failed. Try again."
