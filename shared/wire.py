# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to bytes and back. Every size, type, dtype and shape is checked before it is used.

    frame 0     header: one msgpack map of at most 64 KiB, exactly these five keys
                  "v"        [major, minor] of the sender's protocol
                  "id"       0 for events, else the request's id (an answer repeats it)
                  "type"     the message's TYPE
                  "buffers"  [[field, dtype, [axis, ...]], ...] of the frames below, in order
                  "body"     {field: value}: the other fields
    frame 1..n  one raw array each: C order, little-endian, as many bytes as dtype x axes say

On a ROUTER the routing id stands before frame 0. Decisions: a key twice, a key that is not text,
bytes, an extension type, NaN or infinity as a number, bytes after the map: refused. A field that
we do not know: refused, unless the sender's minor version is higher than ours (then it is
ignored). NaN inside arrays is the nouns' affair (`Motion`, `EmotionTrack`, ... refuse it).

Counts and lengths are checked against `limits` before the header is unpacked, every frame's
length before any array is made, and every type and shape before an array is copied: a refusal
costs the same whatever the size of what is refused.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgpack
import numpy as np

from . import limits
from .errors import LinkError
from .messages import MESSAGES, Failure, Hello, Message
from .schema import DTYPES, MAX_AXES, FieldRule, field_rules

Frame: TypeAlias = bytes | memoryview
HEADER_KEYS = ("v", "id", "type", "buffers", "body")
FROZEN = (Hello.TYPE, Failure.TYPE)
"""Messages whose layout is the same in every version."""
MAX_ID = 2**53
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ITEM_BYTES = {dtype: np.dtype(dtype).itemsize for dtype in DTYPES}


@dataclass(frozen=True, slots=True)
class BufferEntry:
    """What the header says about one raw frame."""

    field: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the frame."""
        return math.prod(self.shape) * _ITEM_BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header; `body` is still raw."""

    version: tuple[int, int]
    id: int
    type: str
    buffers: tuple[BufferEntry, ...]
    body: Mapping[str, object]


def encode(
    message: Message, request: int = 0, *, version: tuple[int, int] = limits.PROTOCOL_VERSION
) -> list[Frame]:
    """The frames of a message. Raises LinkError `link.protocol` if a field breaks its rule, so
    that our own mistakes stay at home."""
    body: dict[str, object] = {}
    entries: list[tuple[str, str, list[int]]] = []
    frames: list[Frame] = []
    for field in field_rules(type(message)):
        value = _check(message.TYPE, field, getattr(message, field.name))
        if value is None:
            continue
        if field.is_buffer:
            array = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value
            assert isinstance(array, np.ndarray)
            entries.append((field.name, array.dtype.str, list(array.shape)))
            frames.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        else:
            body[field.name] = value
    header = {"v": version, "id": request, "type": message.TYPE, "buffers": entries, "body": body}
    packed = msgpack.packb(header, use_bin_type=True)
    assert isinstance(packed, bytes)
    if (
        len(packed) > limits.MAX_HEADER_BYTES
        or len(frames) > limits.MAX_BUFFERS
        or any(len(frame) > limits.MAX_BUFFER_BYTES for frame in frames)
        or sum(map(len, frames)) > limits.MAX_MESSAGE_BYTES
    ):
        raise misunderstood(f"the message '{message.TYPE}' is too large to send")
    return [packed, *frames]


def decode_header(frame: Frame) -> Header:
    """Checks frame 0. Raises LinkError `link.protocol`."""
    if len(frame) > limits.MAX_HEADER_BYTES:
        raise misunderstood("a header is longer than 64 KiB")
    count = _Count()
    try:
        content = msgpack.unpackb(
            frame,
            raw=False,
            max_ext_len=0,
            max_bin_len=0,
            max_array_len=limits.MAX_HEADER_VALUES,
            max_map_len=limits.MAX_HEADER_VALUES,
            list_hook=count.take_list,
            object_pairs_hook=count.take_pairs,
        )
    # The decoder's errors derive from ValueError; deep nesting may reach Python's own limit.
    except (ValueError, RecursionError, MemoryError) as error:
        raise misunderstood("a header is not valid msgpack") from error
    if not isinstance(content, dict) or set(content) != set(HEADER_KEYS):
        raise misunderstood("a header has other keys than it must have")
    return _check_header(content)


def decode(header: Header, frames: Sequence[Frame], kinds: Mapping[str, type[Message]]) -> Message:
    """The message under the header, one of `kinds` (by TYPE); `frames` are those after it.

    Raises LinkError `link.version` (another major, except for `FROZEN`), `link.unknown_message`,
    `link.protocol`.
    """
    if header.version[0] != limits.PROTOCOL_VERSION[0] and header.type not in FROZEN:
        raise LinkError(
            "link.version",
            f"A message of protocol {header.version[0]}.{header.version[1]} came to protocol "
            f"{limits.PROTOCOL_VERSION[0]}.{limits.PROTOCOL_VERSION[1]}.",
            "Install the same version of Affekt on both sides.",
        )
    kind = kinds.get(header.type)
    if kind is None:
        raise _unknown(header.type)
    return _build(kind, header, _view_buffers(header, frames))


def decode_frames(
    frames: Sequence[Frame], kinds: Mapping[str, type[Message]] = MESSAGES
) -> tuple[int, Message]:
    """(id, message) of a whole message. Raises as `decode_header` and `decode`."""
    if not 0 < len(frames) <= 1 + limits.MAX_BUFFERS:
        raise misunderstood(f"a message has {len(frames)} frames")
    header = decode_header(frames[0])
    return header.id, decode(header, frames[1:], kinds)


class _Count:
    """Counts the values of one header while it is unpacked, and refuses too many: as objects they
    may take a hundred times their bytes on the wire."""

    def __init__(self) -> None:
        self._left = limits.MAX_HEADER_VALUES

    def take_list(self, values: list[object]) -> list[object]:
        self._take(len(values))
        return values

    def take_pairs(self, pairs: list[tuple[object, object]]) -> dict[str, object]:
        self._take(len(pairs))
        found: dict[str, object] = {}
        for key, value in pairs:
            if type(key) is not str or key in found:
                raise ValueError("a key is not text, or is there twice")
            found[key] = value
        return found

    def _take(self, count: int) -> None:
        # An empty list is a value too.
        self._left -= count + 1
        if self._left < 0:
            raise ValueError("a header has too many values")


def _check_header(content: Mapping[str, object]) -> Header:
    request, name = content["id"], content["type"]
    if type(request) is not int or not 0 <= request <= MAX_ID:
        raise misunderstood("a header's id is not usable")
    if type(name) is not str or not _TYPE.fullmatch(name):
        raise misunderstood("a header's type is not usable")
    body, buffers = content["body"], content["buffers"]
    if not isinstance(body, dict):
        raise misunderstood("a header's body is not a map")
    if not isinstance(buffers, list) or len(buffers) > limits.MAX_BUFFERS:
        raise misunderstood("a header's buffers are not a short list")
    entries = tuple(_check_entry(entry) for entry in buffers)
    if sum(entry.size for entry in entries) > limits.MAX_MESSAGE_BYTES:
        raise misunderstood("a message is larger than allowed")
    return Header(_check_version(content["v"]), request, name, entries, body)


def _check_version(value: object) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2:
        major, minor = value
        if type(major) is int and type(minor) is int and 0 <= min(value) <= max(value) <= 9999:
            return major, minor
    raise misunderstood("a header's version is not usable")


def _check_entry(value: object) -> BufferEntry:
    if not isinstance(value, list) or len(value) != 3:
        raise misunderstood("a buffer is not described by name, type and shape")
    field, dtype, shape = value
    if type(field) is not str or dtype not in DTYPES:
        raise misunderstood("a buffer has a type that may not be sent")
    if not isinstance(shape, list) or len(shape) > MAX_AXES:
        raise misunderstood("a buffer has too many axes")
    for axis in shape:
        if type(axis) is not int or not 0 <= axis <= limits.MAX_BUFFER_BYTES:
            raise misunderstood("a buffer has an axis that is not usable")
    entry = BufferEntry(field, dtype, tuple(shape))
    if entry.size > limits.MAX_BUFFER_BYTES:
        raise misunderstood("a buffer is larger than allowed")
    return entry


def _view_buffers(header: Header, frames: Sequence[Frame]) -> dict[str, np.ndarray]:
    """The arrays in the frames' own memory."""
    if len(frames) != len(header.buffers):
        raise misunderstood(f"{len(frames)} buffers came, {len(header.buffers)} were announced")
    for entry, frame in zip(header.buffers, frames, strict=True):
        if len(frame) != entry.size:
            raise misunderstood(f"a buffer has {len(frame)} bytes, {entry.size} were announced")
    arrays: dict[str, np.ndarray] = {}
    for entry, frame in zip(header.buffers, frames, strict=True):
        if entry.field in arrays or entry.field in header.body:
            raise misunderstood(f"the field '{_shown(entry.field)}' is there twice")
        arrays[entry.field] = np.frombuffer(frame, entry.dtype).reshape(entry.shape)
    return arrays


def _build(kind: type[Message], header: Header, arrays: Mapping[str, np.ndarray]) -> Message:
    rules = field_rules(kind)
    unknown = (header.body.keys() | arrays.keys()) - _names(kind)
    if unknown and header.version[1] <= limits.PROTOCOL_VERSION[1]:
        name = _shown(min(unknown))
        raise misunderstood(f"the message '{kind.TYPE}' has a field '{name}' too many")
    known: dict[str, object] = {}
    for field in rules:
        here, elsewhere = (arrays, header.body) if field.is_buffer else (header.body, arrays)
        if field.name in here:
            known[field.name] = _check(kind.TYPE, field, here[field.name])
        elif field.name in elsewhere:
            raise misunderstood(f"{kind.TYPE}.{field.name} came in the wrong place")
        elif not field.has_default:
            raise misunderstood(f"the message '{kind.TYPE}' has no field '{field.name}'")
    for name, value in known.items():
        if isinstance(value, np.ndarray):
            # A copy of its own: aligned, writable, and the message's memory is free again.
            known[name] = value.copy()
    return kind(**known)


@functools.cache
def _names(kind: type[Message]) -> frozenset[str]:
    return frozenset(field.name for field in field_rules(kind))


def _check(message: str, field: FieldRule, value: object) -> object:
    if value is None and field.rule.optional:
        return None
    try:
        return field.rule.check(value)
    except ValueError as error:
        raise misunderstood(f"{message}.{field.name}: {error}") from error


def _unknown(name: str) -> LinkError:
    return LinkError(
        "link.unknown_message",
        f"A message of the unknown type '{_shown(name)}' came.",
        "Install the same version of Affekt on both sides.",
    )


def _shown(name: str) -> str:
    """A name from the wire, short and printable, for errors and logs."""
    return "".join(c if c.isprintable() else "?" for c in name[:40])


def misunderstood(reason: str) -> LinkError:
    """The error for a message that breaks the protocol. reason: a clause of a sentence."""
    return LinkError(
        "link.protocol",
        f"The add-on and the sidecar misunderstood each other: {reason}.",
        "Install the same version of Affekt on both sides and start the sidecar again.",
    )
