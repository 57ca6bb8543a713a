# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a client hands to the sidecar, or fetches: named by their content, never by a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["motion", "adapter", "avatar", "emotions", "vertices", "flame", "photo"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Kinds of artefacts; only the sidecar makes `vertices`. `flame` is a user's FLAME file,
`photo` a picture of which an avatar is made (3.7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that the sidecar holds: `sha256` of its bytes in hex, what it is (`KINDS`), its
    name as the user knows it, and its size in bytes."""

    sha256: str
    kind: Kind
    name: str
    size: int
