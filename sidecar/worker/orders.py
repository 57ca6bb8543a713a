# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes between the server's process and its worker's: orders there, replies back.

Each is one frame of `shared/wire.py`, and behind it, where it says so, the frames of a client's
message as they came or as they shall go: neither process unpacks what it only hands on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ...shared import limits, wire
from ...shared.messages import PICTURE_KINDS, JobId, Message, PictureKind
from ...shared.schema import Choice, Flag, Integer, Several, Text
from ...shared.wire import Frame

_UNIT = Integer(low=1)
_USER = Text(longest=64, pattern="[a-z0-9-]+")
_NAME = Text(longest=64, pattern="[A-Za-z0-9_.-]+")
_SENTENCE = Text(longest=4000, pattern=r"[^\x00-\x09\x0b-\x1f\x7f]*")
_INDEX = Integer(high=limits.MAX_FRAMES)
# Of a file in the user's own part of the cache; a step makes one picture, or two.
_FILE = Text(longest=200, pattern=r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.(png|exr)")
_FEW = 64

Unit = Annotated[int, _UNIT]
"""Number of an order; the worker's one reply to it repeats it."""
User = Annotated[str, _USER]
"""Whose data it is: `local`, or a remote user's name. Each has a part of the cache alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Message):
    """Answer the short request behind this; reply: `Answered` or `Refused`. pixels: name of the
    shared memory for a preview's picture."""

    TYPE: ClassVar[str] = "answer"
    unit: Unit
    user: User
    pixels: Annotated[str | None, Text(longest=64, pattern="[A-Za-z0-9_.-]+", optional=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(Message):
    """Ready the job in the request behind this (`Bake`, `Render`); reply: `Stepped` with nothing
    done, or `Refused`. A job that was begun before and not dropped begins again."""

    TYPE: ClassVar[str] = "begin"
    unit: Unit
    user: User
    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Message):
    """Do the job's next chunk, and come back; reply: `Stepped` or `Refused`, which ends it."""

    TYPE: ClassVar[str] = "step"
    unit: Unit
    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Message):
    """Forget the job; what it has finished stays in the cache. No reply."""

    TYPE: ClassVar[str] = "drop"
    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Message):
    """The worker's first word: it has loaded what it needs. device: such as `cpu`."""

    TYPE: ClassVar[str] = "ready"
    device: Annotated[str, _NAME]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Message):
    """Behind this: the answer, with the request's id."""

    TYPE: ClassVar[str] = "answered"
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped(Message):
    """`done` of `total` frames of `stage`; the pictures of this step as files under the user's
    part of the cache. is_last: the job is done, its last event is behind this."""

    TYPE: ClassVar[str] = "stepped"
    unit: Unit
    job: JobId
    stage: Annotated[str, _NAME]
    done: Annotated[int, _INDEX]
    total: Annotated[int, _INDEX]
    indices: Annotated[tuple[int, ...], Several(item=_INDEX, most=_FEW)] = ()
    kinds: Annotated[
        tuple[PictureKind, ...], Several(item=Choice(values=PICTURE_KINDS), most=_FEW)
    ] = ()
    files: Annotated[tuple[str, ...], Several(item=_FILE, most=_FEW)] = ()
    is_last: Annotated[bool, Flag()] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Message):
    """The order failed with an `AffektError`."""

    TYPE: ClassVar[str] = "refused"
    unit: Unit
    code: Annotated[str, Text(longest=64, pattern="[a-z][a-z0-9_.]*")]
    message: Annotated[str, _SENTENCE]
    remedy: Annotated[str, _SENTENCE]


ORDERS: Mapping[str, type[Message]] = {m.TYPE: m for m in (Answer, Begin, Step, Drop)}
REPLIES: Mapping[str, type[Message]] = {m.TYPE: m for m in (Ready, Answered, Stepped, Refused)}


def pack(order: Message, inner: Sequence[Frame] = ()) -> list[Frame]:
    """The order or reply, and behind it the frames of a client's message."""
    return [*wire.encode(order), *inner]


def unpack(
    frames: Sequence[Frame], kinds: Mapping[str, type[Message]]
) -> tuple[Message, Sequence[Frame]]:
    """What `pack` packed. Raises LinkError `link.protocol`, `link.unknown_message`."""
    _, order = wire.decode_frames(frames[:1], kinds)
    return order, frames[1:]
