# SPDX-License-Identifier: GPL-3.0-or-later
"""LLV's recordings of Live Link Face's stream: `.gesichter`.

Packed with gzip: a version, the number of frames, then each frame's length and the packet as the
phone sent it: version, device, subject, frame time, count, 52 weights and 9 angles, big endian.
Recordings before LLV 1.1 are lines of base64 with a JSON frame each; unpacked ones (clear text)
are JSON, which `arkit_json` reads.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import struct
import zlib

import numpy as np

from ...shared import limits
from ...shared.errors import InputError
from ...shared.take_files import APP_ORDER, EYE_ANGLES, HEAD_ANGLES
from ...shared.wording import say_count
from ..files import too_large
from .columns import sort_columns
from .raw_take import Clock, RawTake
from .timeline import too_long

_GZIP = b"\x1f\x8b"
_VERSION = 6
_LARGEST_PACKET = 2048
_UNPACKED_BYTES = limits.MAX_FRAMES * 800  # a packet is at most 774 bytes
_WEIGHTS = 52
_SWAPPED = {
    "jawLeft": "jawRight",
    "jawRight": "jawLeft",
    "mouthLeft": "mouthRight",
    "mouthRight": "mouthLeft",
}
PACKET_ORDER = (*(_SWAPPED.get(name, name) for name in APP_ORDER), *HEAD_ANGLES, *EYE_ANGLES)
"""The order of a packet's values; the left jaw and mouth come first, unlike in the app's CSV."""


def is_llv(data: bytes) -> bool:
    """Whether this is such a recording."""
    return data.startswith((_GZIP, b"\x06\0")) or _lines_of(data) is not None


def decode_llv(data: bytes, name: str) -> RawTake:
    """Decodes a take in space `arkit`. Raises InputError `file.damaged`, `motion.*`."""
    if data.startswith(_GZIP):
        data = _unpacked(data, name)
    elif data[:1] != bytes([_VERSION]):  # lines of base64, of which one is damaged
        raise _damaged(name)
    found = sort_columns(PACKET_ORDER, name)
    rows, times, seen, notes = _frames(data, name)
    values = np.array(rows)
    expression = np.zeros((len(values), 100))
    expression[:, list(found.weights.values())] = values[:, list(found.weights)]
    angles = values[:, list(found.head)]
    return RawTake(
        rows={"expression": expression, "head_angles": angles},
        space="arkit",
        seen=np.array(seen),
        clock=Clock(times=np.array(times), unit_s=1.0) if np.isfinite(times).all() else Clock(),
        notes=notes,
    )


def json_lines(data: bytes) -> list[object] | None:
    """The frames of a recording in lines of base64, None if this is none."""
    lines = _lines_of(data)
    if lines is None:
        return None
    try:
        return [json.loads(base64.b64decode(line, validate=True)) for line in lines]
    except (ValueError, binascii.Error, RecursionError):
        return None


def _lines_of(data: bytes) -> list[bytes] | None:
    start = data[:4]
    return data.split() if start in (b"eyJ2", b"eyAi", b"eyJk", b"eyJm") else None


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            out = file.read(_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(name) from error
    if len(out) > _UNPACKED_BYTES:
        raise too_large(name, len(out), _UNPACKED_BYTES, "recording")
    if out[:1] != bytes([_VERSION]):
        raise InputError(
            "file.wrong_kind",
            f"{name} is packed with gzip, but it is no recording of LLV's.",
            "Unpack it and give what is in it.",
        )
    return out


def _frames(
    data: bytes, name: str
) -> tuple[list[list[float]], list[float], list[bool], tuple[str, ...]]:
    """Values, times in seconds, and whether a face was seen, of each packet; and a note on a
    recording that was stopped, which has fewer packets than it says."""
    (count,) = struct.unpack_from(">L", data.ljust(5, b"\0"), 1)
    if count > limits.MAX_FRAMES:
        raise too_long(name, count)
    rows, times, seen, at = [], [], [], 5
    while at + 4 <= len(data) and len(rows) < count:
        (size,) = struct.unpack_from(">L", data, at)
        packet = data[at + 4 : at + 4 + size]
        if size > _LARGEST_PACKET or len(packet) < size:
            break
        values, time_s = _packet(packet, name)
        rows.append(values or [0.0] * len(PACKET_ORDER))
        seen.append(bool(values))
        times.append(time_s)
        at += 4 + size
    if not rows:
        raise _damaged(name)
    if len(rows) == count:
        return rows, times, seen, ()
    return (
        rows,
        times,
        seen,
        (f"It says {say_count(count, 'frame')}, but ends after {len(rows)} of them.",),
    )


def _packet(packet: bytes, name: str) -> tuple[list[float], float]:
    """A packet's values and its time in seconds."""
    try:
        at = 1
        for _ in range(2):  # device and subject
            (length,) = struct.unpack_from(">l", packet, at)
            at += 4 + length
            if length < 0:
                raise _damaged(name)
        number, part, rate, divisor = struct.unpack_from(">lfll", packet, at)
        count = packet[at + 16]
        values = list(struct.unpack_from(f">{count}f", packet, at + 17))
    except (struct.error, IndexError) as error:
        raise _damaged(name) from error
    if count not in (0, _WEIGHTS, len(PACKET_ORDER)):
        raise _damaged(name)
    values += [0.0] * (len(PACKET_ORDER) - count if count else 0)
    return values, (number + part) * divisor / rate if rate else np.nan


def _damaged(name: str) -> InputError:
    return InputError(
        "file.damaged",
        f"{name} is damaged: its packets are not those of Live Link Face.",
        "Record or download it again.",
    )
