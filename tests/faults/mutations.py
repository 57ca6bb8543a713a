# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that are wrong in one way each. A kind takes a whole message and gives frames that
must not pass, or that need not (`MAY_PASS`): a flipped bit may give another whole message."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import msgpack
from affekt.shared import limits, wire
from affekt.shared.messages import Message
from affekt.shared.schema import (
    Array,
    Blob,
    Choice,
    FieldRule,
    Flag,
    Integer,
    Number,
    Several,
    Text,
    field_rules,
)
from fakes.messages import any_message


@dataclass(frozen=True, slots=True)
class Whole:
    """A message in its parts; nobody changes them."""

    header: Mapping[str, object]
    packed: bytes
    buffers: tuple[bytes, ...]
    rules: Mapping[str, FieldRule]

    @property
    def frames(self) -> list[bytes]:
        return [self.packed, *self.buffers]

    def of(self, *rules: type) -> list[str]:
        """Names of the body's fields under these rules."""
        return [name for name, field in self.rules.items() if isinstance(field.rule, rules)]

    def changed(self, **parts: object) -> list[bytes]:
        """With other values in its header."""
        return [msgpack.packb({**self.header, **parts}), *self.buffers]

    def with_body(self, **fields: object) -> list[bytes]:
        """With other values in its body."""
        return self.changed(body={**self.header["body"], **fields})  # pyright: ignore


Mutation = Callable[[Random, Whole], "list[bytes] | None"]
"""None: this message has nothing that could be wrong in this way."""


def whole(kind: type[Message]) -> Whole:
    """The message of this class that `any_message` makes."""
    packed, *buffers = (bytes(frame) for frame in wire.encode(any_message(kind), 7))
    rules = {field.name: field for field in field_rules(kind)}
    return Whole(msgpack.unpackb(packed), packed, tuple(buffers), rules)


# --- bytes ----------------------------------------------------------------------------------


def random_bytes(random: Random, message: Whole) -> list[bytes]:
    return [random.randbytes(random.randrange(1, 200)), *message.buffers]


def flipped(random: Random, message: Whole) -> list[bytes]:
    header = bytearray(message.packed)
    for _ in range(random.randrange(1, 4)):
        header[random.randrange(len(header))] ^= 1 << random.randrange(8)
    return [bytes(header), *message.buffers]


def truncated(random: Random, message: Whole) -> list[bytes]:
    frames = message.frames
    full = [place for place, frame in enumerate(frames) if frame]
    place = random.choice(full)
    frames[place] = frames[place][: random.randrange(len(frames[place]))]
    return frames


def prolonged(random: Random, message: Whole) -> list[bytes]:
    frames = message.frames
    frames[random.randrange(len(frames))] += random.randbytes(random.randrange(1, 9))
    return frames


def oversized_header(random: Random, message: Whole) -> list[bytes]:
    return [message.packed + bytes(limits.MAX_HEADER_BYTES), *message.buffers]


_CROWD = [
    {"body": {"a": list(range(limits.MAX_HEADER_VALUES + 1))}},
    {"body": {"a": [[]] * (limits.MAX_HEADER_VALUES // 2 + 1)}},
    {"body": {str(key): key for key in range(limits.MAX_HEADER_VALUES)}},
    {"body": {"a": [[0] * 100] * 100}},
    {"buffers": [["a", "|u1", [0]]] * 300},
]


def crowded(random: Random, message: Whole) -> list[bytes]:
    """More values than a header may have, in few bytes."""
    return message.changed(**random.choice(_CROWD))


def deep(random: Random, message: Whole) -> list[bytes]:
    depth = random.randrange(2, 30_000)
    opener = random.choice([b"\x91", b"\x81\xa1a"])
    return [b"\x85\xa4body" + opener * (depth // len(opener)) + b"\x00", *message.buffers]


def huge_lengths(random: Random, message: Whole) -> list[bytes]:
    """Lengths of billions, with next to nothing behind them."""
    code = random.choice([b"\xdb", b"\xc6", b"\xc9", b"\xdd", b"\xdf"])
    length = random.choice([2**32 - 1, 2**31, 2**24, 65_537]).to_bytes(4, "big")
    start = random.choice([b"", b"\x85\xa4body", b"\x85\xa1v\x92\x03\x00\xa2id"])
    return [start + code + length + b"\x00" * random.randrange(20), *message.buffers]


def key_twice(random: Random, message: Whole) -> list[bytes]:
    key = random.choice(wire.HEADER_KEYS)
    again = msgpack.packb(key) + msgpack.packb(message.header[key])
    if random.random() < 0.5:
        return [b"\x86" + again + message.packed[1:], *message.buffers]
    # In the body, which comes last.
    body = message.packed[: message.packed.rindex(b"\xa4body") + 5]
    return [body + b"\x82\xa1a\x01\xa1a\x01", *message.buffers]


_NO_KEYS = [
    b"\x01\x02",
    b"\xc4\x01a\x02",
    b"\xa2\xff\xfe\x02",
    b"\xa3\xed\xa0\x80\x02",
    b"\xc0\x02",
    b"\x90\x02",
    b"\xcb" + bytes(8) + b"\x02",
]


def not_text(random: Random, message: Whole) -> list[bytes]:
    """A key that is no text, or text that is no UTF-8."""
    bad = random.choice(_NO_KEYS)
    body = message.packed[: message.packed.rindex(b"\xa4body") + 5]
    return [body + b"\x81" + bad, *message.buffers]


_STRANGE = [
    msgpack.ExtType(5, b"raw"),
    msgpack.ExtType(127, b""),
    msgpack.Timestamp(1, 2),
    b"bytes",
    b"",
    msgpack.Timestamp(2**33, 1),
]


def strange_types(random: Random, message: Whole) -> list[bytes]:
    """Extensions, timestamps, bytes."""
    return message.with_body(**{random.choice([*message.rules, "more"]): random.choice(_STRANGE)})


# --- headers --------------------------------------------------------------------------------

_NO_HEADER: Mapping[str, list[object]] = {
    "v": [None, [], [1], [3, 0, 0], [3.0, 0], [True, 0], [-1, 0], [3, 10_000], "3.0", {"3": 0}],
    "id": [None, -1, 2**53 + 1, 2**64 - 1, 1.0, True, "1", [1], math.nan],
    "type": [None, 1, "", "x" * 65, "Ping", "ping\n", "../ping", ["ping"], "p\u0000", True],
    "buffers": [
        None,
        {},
        1,
        "a",
        [1],
        [[]],
        [["a", "|u1"]],
        [["a", "|u1", [1], 1]],
        [[1, "|u1", [1]]],
        [["a", "|u1", 1]],
        [["a", "|u1", [1.0]]],
    ],
    "body": [None, [], 1, "a", True, 1.5],
}


def bad_header(random: Random, message: Whole) -> list[bytes]:
    key = random.choice(wire.HEADER_KEYS)
    return message.changed(**{key: random.choice(_NO_HEADER[key])})


def other_keys(random: Random, message: Whole) -> list[bytes]:
    header = dict(message.header)
    if random.random() < 0.5:
        del header[random.choice(wire.HEADER_KEYS)]
    else:
        header[random.choice(["x", "V", "", "frames"])] = 1
    return [msgpack.packb(header), *message.buffers]


def other_version(random: Random, message: Whole) -> list[bytes] | None:
    if message.header["type"] in wire.FROZEN:
        return None
    return message.changed(v=[random.choice([0, 1, 2, 4, 9999]), random.randrange(5)])


def unknown_type(random: Random, message: Whole) -> list[bytes]:
    return message.changed(type=random.choice(["teapot", "exec", "answer_", "hello2", "a" * 64]))


def replayed(random: Random, message: Whole) -> list[bytes]:
    """The same id again, whole: the decoder has no memory that it could confuse."""
    return message.changed(id=random.choice([0, 1, 7, 2**53]))


# --- fields ---------------------------------------------------------------------------------


def field_missing(random: Random, message: Whole) -> list[bytes] | None:
    needed = [n for n in message.header["body"] if not message.rules[n].has_default]  # type: ignore
    if not needed:
        return None
    gone = random.choice(needed)
    return message.changed(
        body={n: v for n, v in message.header["body"].items() if n != gone}  # type: ignore
    )


def field_too_many(random: Random, message: Whole) -> list[bytes]:
    return message.with_body(**{random.choice(["colour", "__class__", "", "\n", "job2"]): 1})


_WRONG: Mapping[type, list[object]] = {
    Integer: [None, "1", 1.0, True, False, [1], {"a": 1}, math.nan],
    Number: [None, "1", True, False, [1.0], {}],
    Flag: [None, 0, 1, "true", []],
    Text: [None, 1, True, ["a"], {}, 1.5],
    Choice: [None, 1, True, ["a"], {}, "other", ""],
    Several: [None, 1, "ab", {"a": 1}, [None], [[]], [{}], [math.nan]],
    Array: [None, 1, [1.0, 2.0], "array", {}],
    Blob: [None, 1, [1], "bytes", {}],
}


def wrong_type(random: Random, message: Whole) -> list[bytes] | None:
    if not message.rules:
        return None
    name = random.choice(list(message.rules))
    rule = message.rules[name].rule
    values = [v for v in _WRONG[type(rule)] if v is not None or not rule.optional]
    return message.with_body(**{name: random.choice(values)})


def boolean_for_integer(random: Random, message: Whole) -> list[bytes] | None:
    names = message.of(Integer)
    if not names:
        return None
    return message.with_body(**{random.choice(names): random.random() < 0.5})


def overflow(random: Random, message: Whole) -> list[bytes] | None:
    names = message.of(Integer)
    if not names:
        return None
    high = [2**53 + 1, 2**63, 2**64 - 1]
    return message.with_body(**{random.choice(names): random.choice([*high, -1, -(2**63), -2])})


def not_finite(random: Random, message: Whole) -> list[bytes] | None:
    names = message.of(Number, Integer)
    if not names:
        return None
    value = random.choice([math.nan, math.inf, -math.inf, 1e308, -1e308])
    return message.with_body(**{random.choice(names): value})


_TEXTS = [
    "../" * 30,
    "/etc/passwd",
    "a" * 5000,
    "\x00",
    "a\nb\r",
    "\x1b[2J",
    "C:\\x",
    "\u202e" * 99,
    "../../x.png",
]


def bad_text(random: Random, message: Whole) -> list[bytes] | None:
    """Paths, control characters and novels, where a name or a hash belongs."""
    names = [
        name
        for name in message.of(Text)
        if getattr(message.rules[name].rule, "pattern", "").startswith(("[A-Za-z0-9", "[0-9a-f]"))
    ]
    return message.with_body(**{random.choice(names): random.choice(_TEXTS)}) if names else None


# --- buffers --------------------------------------------------------------------------------


def _entries(message: Whole) -> list[list[object]]:
    return [list(entry) for entry in message.header["buffers"]]  # type: ignore


def wrong_dtype(random: Random, message: Whole) -> list[bytes] | None:
    entries = _entries(message)
    if not entries:
        return None
    entry = random.choice(entries)
    dtypes = [
        "|u1",
        "<i4",
        "<f4",
        "<f8",
        ">f4",
        "|O",
        "|S4",
        "<U1",
        "<f2",
        "<c8",
        "|b1",
        "|V4",
        "f",
        "",
        None,
        4,
        ["<f4"],
        "<M8[s]",
    ]
    entry[1] = random.choice([dtype for dtype in dtypes if dtype != entry[1]])
    return message.changed(buffers=entries)


def wrong_shape(random: Random, message: Whole) -> list[bytes] | None:
    entries = _entries(message)
    if not entries:
        return None
    entry = random.choice(entries)
    shape = list(entry[2])  # type: ignore
    other = [
        [*shape, 1],
        [1, *shape],
        shape[:-1],
        [],
        [-1, *shape[1:]],
        [2**40, *shape[1:]],
        [2**63, 2**63],
        [shape[0] + 1, *shape[1:]],
        [True, *shape[1:]],
        [1] * 9,
        [0.5],
        [2**27, 2**27, 2**27, 2**27],
        [str(shape[0])],
        [[shape]],
    ]
    entry[2] = random.choice(other)
    return message.changed(buffers=entries)


def frames_swapped(random: Random, message: Whole) -> list[bytes] | None:
    buffers = list(message.buffers)
    sizes = {len(buffer) for buffer in buffers}
    if len(sizes) < 2:
        return None
    first = random.randrange(len(buffers))
    second = random.choice([p for p, b in enumerate(buffers) if len(b) != len(buffers[first])])
    buffers[first], buffers[second] = buffers[second], buffers[first]
    return [message.packed, *buffers]


def frames_missing(random: Random, message: Whole) -> list[bytes]:
    frames = message.frames
    return frames[: random.randrange(len(frames))]


def frames_extra(random: Random, message: Whole) -> list[bytes]:
    frames = message.frames
    extra = [b""] * random.choice([1, 2, 100, 5000])
    return [*frames, *extra] if random.random() < 0.7 else [b"", *frames]


def field_in_both(random: Random, message: Whole) -> list[bytes] | None:
    entries = _entries(message)
    if not entries:
        return None
    place = random.randrange(len(entries))
    if random.random() < 0.5:
        return message.with_body(**{str(entries[place][0]): 1})
    frames = message.changed(buffers=[*entries, entries[place]])
    return [*frames, message.buffers[place]]


def field_in_the_wrong_place(random: Random, message: Whole) -> list[bytes] | None:
    names = list(message.header["body"])  # type: ignore
    if not names:
        return None
    gone = random.choice(names)
    body = {n: v for n, v in message.header["body"].items() if n != gone}  # type: ignore
    entry = [gone, random.choice(["|u1", "<f8"]), [8]]
    entry[2] = [8] if entry[1] == "|u1" else [1]
    return [*message.changed(body=body, buffers=[*_entries(message), entry]), bytes(8)]


MUST_FAIL: tuple[Mutation, ...] = (
    random_bytes,
    truncated,
    prolonged,
    oversized_header,
    crowded,
    deep,
    huge_lengths,
    key_twice,
    not_text,
    strange_types,
    bad_header,
    other_keys,
    other_version,
    unknown_type,
    field_missing,
    field_too_many,
    wrong_type,
    boolean_for_integer,
    overflow,
    not_finite,
    bad_text,
    wrong_dtype,
    wrong_shape,
    frames_swapped,
    frames_missing,
    frames_extra,
    field_in_both,
    field_in_the_wrong_place,
)
MAY_PASS: tuple[Mutation, ...] = (flipped, replayed)
