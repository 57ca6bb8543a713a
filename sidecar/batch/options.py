# SPDX-License-Identifier: GPL-3.0-or-later
"""A command's dataclass from options by name, as a task has them: what the terminal's parser does,
in microseconds."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Protocol, Union, cast, get_args, get_origin, get_type_hints

from .task import Value


class Command(Protocol):
    """Something that is done. What it returns is told as facts."""

    def run(self) -> Mapping[str, object] | None: ...


def make_command(kind: type, options: Mapping[str, Value]) -> Command:
    """The command with these options; those of the groups in it stand among them. Raises TypeError
    for an option that it does not have."""
    known = _names(kind)
    unknown = set(options) - known
    if unknown:
        raise TypeError(f"{kind.__name__} has no option {', '.join(sorted(unknown))}")
    return cast("Command", _made(kind, options))


def _made(kind: type, options: Mapping[str, Value]) -> object:
    values: dict[str, object] = {}
    for name, hint in _hints(kind).items():
        if dataclasses.is_dataclass(hint):
            if _names(hint) & set(options):
                values[name] = _made(hint, options)
        elif name in options:
            values[name] = _as(hint, options[name])
    return kind(**values)


def _as(hint: type, value: Value) -> object:
    if isinstance(value, list):
        return tuple(_as(get_args(hint)[0], part) for part in value)
    return Path(str(value)) if hint is Path else value


def _names(kind: type) -> set[str]:
    names = set[str]()
    for name, hint in _hints(kind).items():
        names |= _names(hint) if dataclasses.is_dataclass(hint) else {name}
    return names


@functools.cache
def _hints(kind: type) -> Mapping[str, type]:
    """The plain type of each field, without None and what is noted beside it."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: _plain(hints[field.name]) for field in dataclasses.fields(kind)}


def _plain(hint: object) -> type:
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return _plain(next(part for part in get_args(hint) if part is not type(None)))
    return cast("type", hint)
