# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message's bytes and rules, as an Affekt that is out there sends and enforces them. They
change with the protocol's major only; a minor adds to them. `python -m tests.shared.test_golden`
writes the files anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path

import pytest
from affekt.shared import limits, wire
from affekt.shared.messages import (
    ANSWERS,
    EVENTS,
    MESSAGES,
    REQUESTS,
    Bake,
    GetHead,
    Message,
    ReadMotion,
    Render,
)
from affekt.shared.schema import field_rules

from ..fakes.messages import any_message

REQUEST = 7
FILE = Path(__file__).parent / "golden" / f"protocol_{limits.PROTOCOL_VERSION[0]}.json"
RULES_FILE = FILE.with_name(f"rules_{limits.PROTOCOL_VERSION[0]}.json")
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


def rules_of(kind: type[Message]) -> dict[str, str]:
    """What a message is, who sends it, and each field's rule and default."""
    groups = {"request": REQUESTS, "answer": ANSWERS, "event": EVENTS}
    answer = kind.ANSWER.TYPE if kind.ANSWER else "no answer"
    roles = [name for name, group in groups.items() if kind in group]
    told = {"": f"{' and '.join(roles)}, {answer}, supersedes {kind.SUPERSEDES}"}
    defaults = {entry.name: entry.default for entry in fields(kind)}
    for field in field_rules(kind):
        default = f" = {defaults[field.name]!r}" if field.has_default else ""
        told[field.name] = f"{field.rule!r}{default}"
    return told


@pytest.mark.parametrize("kind", MESSAGES.values(), ids=lambda kind: kind.TYPE)
def test_golden_rules(kind: type[Message]) -> None:
    """A rule that became narrower refuses what others send; a wider one lets a flood in."""
    assert rules_of(kind) == json.loads(RULES_FILE.read_text("ascii"))[kind.TYPE]


@pytest.mark.parametrize("kind", MESSAGES.values(), ids=lambda kind: kind.TYPE)
def test_golden_bytes(kind: type[Message]) -> None:
    assert frames_of(kind) == golden()[kind.TYPE]


def test_a_bake_of_protocol_3_2_is_read() -> None:
    """It has no `keep_closed`, and no action units."""
    text = FILE.with_name("bake_3_2.json").read_text("ascii")
    number, message = wire.decode_frames([bytes.fromhex(frame) for frame in json.loads(text)])
    today = any_message(Bake)
    assert isinstance(message, Bake)
    assert (number, message.keep_closed) == (REQUEST, None)
    assert (message.unit_names, message.units) == ((), None)
    assert message.appearance.tolist() == today.appearance.tolist()
    assert (message.fps, message.frames) == (today.fps, today.frames)


def test_requests_of_protocol_3_3_mean_the_open_head() -> None:
    """They know of no head that comes from a file."""
    told = json.loads(FILE.with_name("heads_3_3.json").read_text("ascii"))
    _, head = wire.decode_frames([bytes.fromhex(frame) for frame in told["get_head"]])
    assert isinstance(head, GetHead)
    assert (head.head_space, head.file_name) == (None, None)
    _, read = wire.decode_frames([bytes.fromhex(frame) for frame in told["read_motion"]])
    assert isinstance(read, ReadMotion)
    assert (read.head, read.head_space) == ("open", None)
    assert read.name == any_message(ReadMotion).name


def test_a_rendering_of_protocol_3_4_has_its_wrinkles() -> None:
    """It knows of no appearance, which is 1 then."""
    text = FILE.with_name("render_3_4.json").read_text("ascii")
    _, message = wire.decode_frames([bytes.fromhex(frame) for frame in json.loads(text)])
    today = any_message(Render)
    assert isinstance(message, Render)
    assert message.appearance is None
    assert message.influence is not None
    assert today.influence is not None
    assert message.influence.tolist() == today.influence.tolist()
    assert (message.take_head, message.job) == (today.take_head, today.job)


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
    for file, told in ((FILE, frames_of), (RULES_FILE, rules_of)):
        file.write_text(
            json.dumps({name: told(kind) for name, kind in MESSAGES.items()}, indent=1) + "\n"
        )
