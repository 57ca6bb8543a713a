# SPDX-License-Identifier: GPL-3.0-or-later
"""What every message is built on: the base class, and the rules that several modules of messages
share. `messages` lists all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from . import limits
from .schema import Text

SHA256 = Text(longest=64, pattern="[0-9a-f]{64}")
# A file's own name, for the user: no separators, so that it can never be a path.
FILE_NAME = Text(longest=255, pattern=r"[^\x00-\x1f\x7f/\\]+")
NAME = Text(longest=64, pattern="[A-Za-z0-9_.-]+")
NOTE = Text(longest=limits.MAX_NOTE_LETTERS, pattern=r"[^\x00-\x09\x0b-\x1f\x7f]*")

SENTENCE = Text(longest=4000, pattern=r"[^\x00-\x09\x0b-\x1f\x7f]*")
JOB = Text(longest=32, pattern="[0-9a-f]{32}")

JobId = Annotated[str, JOB]
Sha256 = Annotated[str, SHA256]
Supersedes = Literal["nothing", "older progress of the same job", "older previews of the same view"]


class Message:
    """Base of all messages. TYPE is its name on the wire."""

    __slots__ = ()
    TYPE: ClassVar[str]
    ANSWER: ClassVar[type[Message] | None] = None
    SUPERSEDES: ClassVar[Supersedes] = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Message):
    """The request was accepted; the answer carries no data."""

    TYPE: ClassVar[str] = "acknowledged"
