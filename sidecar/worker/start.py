# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server's process tells its worker's, in one line on standard input: the keys are on no
command line and in no file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkerStart:
    """endpoint: the server's door for its worker. Keys are Z85 text (CURVE). cache_folder and
    cache_bytes: as `Cache` takes them. memory_bytes: that the worker may use, 0 for any number.
    server_pid: whose child the worker is."""

    endpoint: str
    server_public_key: str
    public_key: str
    secret_key: str
    cache_folder: str
    cache_bytes: int
    memory_bytes: int
    server_pid: int


def encode_start(start: WorkerStart) -> bytes:
    """The line, with its end."""
    return json.dumps(asdict(start)).encode("ascii") + b"\n"


def decode_start(line: bytes) -> WorkerStart:
    """Raises ValueError for anything but what `encode_start` made."""
    entries = json.loads(line)
    known = {entry.name: int if entry.type == "int" else str for entry in fields(WorkerStart)}
    if not isinstance(entries, dict) or {k: type(v) for k, v in entries.items()} != known:
        raise ValueError("that is not how a worker is started")
    return WorkerStart(**entries)
