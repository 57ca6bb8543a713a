# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages between the server's process and its worker's: the first line on the worker's standard
input (`WorkerStart`), then orders one way and replies the other.

An order or reply is one frame of `shared/wire.py`. Where its docstring says so, the frames of a
client's message follow as they are: a process that only hands them on does not unpack them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar

from ...shared import limits, wire
from ...shared.messages import PICTURE_KINDS, JobId, Message, PictureKind
from ...shared.schema import Choice, Flag, Integer, Several, Text
from ...shared.wire import Frame
from .services import LamFiles

_UNIT = Integer(low=1)
_USER = Text(longest=64, pattern="[a-z0-9-]+")
_NAME = Text(longest=64, pattern="[A-Za-z0-9_.-]+")
_SENTENCE = Text(longest=4000, pattern=r"[^\x00-\x09\x0b-\x1f\x7f]*")
_INDEX = Integer(high=limits.MAX_FRAMES)
# A file in the user's own part of the cache. A step makes one picture, or two.
_FILE = Text(longest=200, pattern=r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.(png|exr)")
_FEW = 64
_PIECES = Integer(high=_FEW)

Unit = Annotated[int, _UNIT]
"""Number of an order. The worker's reply to it has the same number."""
User = Annotated[str, _USER]
"""Name of the user whose data it is: `local`, or a remote user's. Each user has their own part of
the cache."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkerAccess:
    """A worker's connection data. endpoint: where the server listens for it. Keys are Z85 text
    (CURVE)."""

    endpoint: str
    server_public_key: str
    public_key: str
    secret_key: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkerStart(WorkerAccess):
    """The start data of a new worker. It comes on standard input, since keys may be on no command
    line and in no file.

    cache_folder, cache_bytes: as `Cache` takes them. memory_bytes: the most that the worker may
    use, 0 for no limit. server_pid: the server's process, whose child the worker is. lam_weights,
    lam_emotion, lam_unknown: as in `LamFiles`, "" and 0 for none."""

    cache_folder: str
    cache_bytes: int
    memory_bytes: int
    server_pid: int
    lam_weights: str = ""
    lam_emotion: str = ""
    lam_unknown: int = 0

    @property
    def lam(self) -> LamFiles | None:
        """LAM's files, or None."""
        if not self.lam_weights:
            return None
        return LamFiles(
            weights=Path(self.lam_weights),
            emotion=Path(self.lam_emotion) if self.lam_emotion else None,
            unknown_allowed=bool(self.lam_unknown),
        )


def encode_start(start: WorkerStart) -> bytes:
    """The line, with its end."""
    return json.dumps(asdict(start)).encode("ascii") + b"\n"


def decode_start(line: bytes) -> WorkerStart:
    """Reads a line that `encode_start` made. Raises ValueError for any other."""
    entries = json.loads(line)
    known = {entry.name: int if entry.type == "int" else str for entry in fields(WorkerStart)}
    if not isinstance(entries, dict) or {k: type(v) for k, v in entries.items()} != known:
        raise ValueError("that is not how a worker is started")
    return WorkerStart(**entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Message):
    """Order: answer the short request that follows. Reply: `Answered` or `Refused`. pixels: name
    of the shared memory for a preview's picture."""

    TYPE: ClassVar[str] = "answer"
    unit: Unit
    user: User
    pixels: Annotated[str | None, Text(longest=64, pattern="[A-Za-z0-9_.-]+", optional=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(Message):
    """Order: begin the job of the request that follows (`messages.JobRequest`). Reply: `Stepped`
    with nothing done, or `Refused`. A job that was begun before and not dropped begins again."""

    TYPE: ClassVar[str] = "begin"
    unit: Unit
    user: User
    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Message):
    """Order: do the job's next chunk. Reply: `Stepped`, or `Refused`, which ends the job."""

    TYPE: ClassVar[str] = "step"
    unit: Unit
    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Message):
    """Order: drop the job. What it has finished stays in the cache. There is no reply."""

    TYPE: ClassVar[str] = "drop"
    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Message):
    """The worker's first message: it has loaded. device: what it computes on, such as `cpu`.
    pieces: how many are being compiled aside."""

    TYPE: ClassVar[str] = "ready"
    device: Annotated[str, _NAME]
    pieces: Annotated[int, _PIECES] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled(Message):
    """So many of the pieces that are compiled aside are done; comes unasked."""

    TYPE: ClassVar[str] = "compiled"
    pieces: Annotated[int, _PIECES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Message):
    """Reply: the answer to the request follows, with the request's id."""

    TYPE: ClassVar[str] = "answered"
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped(Message):
    """Reply: the job has done `done` of `total` frames of `stage`. indices, kinds, files: of the
    pictures that this step made, files under the user's part of the cache. is_last: the job has
    ended, and its last event follows."""

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
    """Reply: the order failed with this `AffektError`."""

    TYPE: ClassVar[str] = "refused"
    unit: Unit
    code: Annotated[str, Text(longest=64, pattern="[a-z][a-z0-9_.]*")]
    message: Annotated[str, _SENTENCE]
    remedy: Annotated[str, _SENTENCE]


ORDERS: Mapping[str, type[Message]] = {m.TYPE: m for m in (Answer, Begin, Step, Drop)}
REPLIES: Mapping[str, type[Message]] = {
    m.TYPE: m for m in (Ready, Compiled, Answered, Stepped, Refused)
}


def pack(order: Message, inner: Sequence[Frame] = ()) -> list[Frame]:
    """Frames of the order or reply, followed by those of a client's message."""
    return [*wire.encode(order), *inner]


def unpack(
    frames: Sequence[Frame], kinds: Mapping[str, type[Message]]
) -> tuple[Message, Sequence[Frame]]:
    """Splits what `pack` made into the order or reply and the client's frames. kinds: message
    types that may come. Raises LinkError `link.protocol`, `link.unknown_message`."""
    _, order = wire.decode_frames(frames[:1], kinds)
    return order, frames[1:]
