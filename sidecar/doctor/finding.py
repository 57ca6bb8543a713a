# SPDX-License-Identifier: GPL-3.0-or-later
"""What the doctor says of one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """name: of the thing. state: `missing` where Affekt does not work without it, `warn` where
    some of Affekt does not. detail: what was found. remedy: what mends it, empty where all is
    well; a line for the terminal where one can do it."""

    name: str
    state: State
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is looked at, and how long that may take in seconds."""

    name: str
    look: Callable[[], Finding]
    limit_s: float = 15.0


def ok(name: str, detail: str) -> Finding:
    return Finding(name=name, state="ok", detail=detail)


def warn(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name=name, state="warn", detail=detail, remedy=remedy)


def missing(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name=name, state="missing", detail=detail, remedy=remedy)
