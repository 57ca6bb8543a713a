# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of values by content: what has the same one need not be computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np

VERSION = 3
"""Goes up whenever the same inputs give another picture."""


def fingerprint(*things: object) -> str:
    """40 hexadecimal digits of records, arrays, numbers, texts and collections of these: by
    content, never by identity. Raises TypeError for anything else."""
    digest = hashlib.blake2b(digest_size=20)
    _add(digest, (VERSION, *things))
    return digest.hexdigest()


def fingerprint_code(root: Path, places: Iterable[str]) -> str:
    """40 hexadecimal digits of Python code: of the files at these places below `root`, and of those
    in folders at them, by place and bytes."""
    digest = hashlib.blake2b(digest_size=20)
    for path in (root / place for place in places):
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, thing: object) -> None:
    if isinstance(thing, np.ndarray):
        digest.update(f"a{thing.dtype.str}{thing.shape}".encode())
        digest.update(np.ascontiguousarray(thing).data)
    elif thing is None or isinstance(thing, str | int | float | np.generic):
        digest.update(f"{type(thing).__name__}{thing!r};".encode())
    elif is_dataclass(thing) and not isinstance(thing, type):
        digest.update(f"r{type(thing).__name__};".encode())
        for entry in fields(thing):
            _add(digest, (entry.name, getattr(thing, entry.name)))
    elif isinstance(thing, Mapping):
        _add(digest, tuple(thing.items()))
    elif isinstance(thing, tuple | list | range):
        digest.update(f"t{len(thing)};".encode())
        for part in thing:
            _add(digest, part)
    else:
        raise TypeError(f"no fingerprint of {type(thing).__name__}")
