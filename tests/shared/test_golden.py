# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message's bytes, as an Affekt that is out there sends them. They change with the protocol's
major only; a minor adds to them. `python -m tests.shared.test_golden` writes the file anew.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from affekt.shared import limits, wire
from affekt.shared.messages import MESSAGES, Message

from ..fakes.messages import any_message

REQUEST = 7
FILE = Path(__file__).parent / "golden" / f"protocol_{limits.PROTOCOL_VERSION[0]}.json"
LONG_BYTES = 64
"""Frames beyond this are kept as their hash."""


def frames_of(kind: type[Message]) -> list[str]:
    frames = [bytes(frame) for frame in wire.encode(any_message(kind), REQUEST)]
    return [frames[0].hex(), *(_short(frame) for frame in frames[1:])]


def _short(frame: bytes) -> str:
    if len(frame) <= LONG_BYTES:
        return frame.hex()
    return f"{len(frame)} bytes, sha256 {hashlib.sha256(frame).hexdigest()}"


def golden() -> dict[str, list[str]]:
    return json.loads(FILE.read_text("ascii"))


@pytest.mark.parametrize("kind", MESSAGES.values(), ids=lambda kind: kind.TYPE)
def test_golden_bytes(kind: type[Message]) -> None:
    assert frames_of(kind) == golden()[kind.TYPE]


def test_no_message_was_forgotten() -> None:
    assert set(golden()) == set(MESSAGES)


def test_a_changed_byte_is_seen() -> None:
    """The control: another value, another name, another order of fields are other bytes."""
    frames = frames_of(MESSAGES["cancel"])
    other = wire.encode(MESSAGES["cancel"](job="cd" * 16), REQUEST)
    assert bytes(other[0]).hex() != frames[0]
    assert len(set(map(str, golden().values()))) == len(MESSAGES)


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(
        json.dumps({name: frames_of(kind) for name, kind in MESSAGES.items()}, indent=1) + "\n"
    )
