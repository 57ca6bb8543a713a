# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a command's options with tyro, and says in a sentence of ours what is wrong with them.

tyro reads and explains the options; what it says of a mistake is for programmers. So a command line
that it refuses is looked at again here: options that there are not, values that are missing or of
another kind, options that must be there, words too many.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..shared.errors import InputError

_Options = TypeVar("_Options")
_NAMED = re.compile(r"--?[A-Za-z].*", re.DOTALL)  # -20 is a value
_NUMBERS = {int: ("a whole number", "512"), float: ("a number", "29.97")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a command. name: `--size`, or `SOURCE` if only its place tells it. kind: of a
    value, bool for a switch. choices: all that a value may be, if they are named. many: whether
    several values may follow."""

    name: str
    kind: type
    choices: tuple[str, ...]
    is_required: bool
    many: bool

    @property
    def is_named(self) -> bool:
        """Whether its name stands before it."""
        return self.name.startswith("--")


def parse(options: type[_Options], rest: Sequence[str], words: str) -> _Options:
    """Reads the options of `affekt WORDS`. Raises InputError `option.unknown`, `option.value`,
    `option.lacking`; SystemExit once the help is shown."""
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(options, args=list(rest), prog=f"affekt {words}")
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise find_mistake(options, rest, words) from stop


def find_mistake(options: type, rest: Sequence[str], words: str) -> InputError:
    """What is wrong with options that cannot be read."""
    known = options_of(options)
    try:
        named, free = _sort(known, rest, words)
    except InputError as error:
        return error
    placed = [option for option in known if not option.is_named]
    lacking = [o.name for o in known if o.is_named and o.is_required and o.name not in named]
    lacking += [option.name for option in placed[len(free) :] if option.is_required]
    if lacking:
        return InputError(
            "option.lacking",
            f"`affekt {words}` needs {' and '.join(lacking)} too.",
            f"Add what is missing; `affekt {words} --help` says what it is.",
        )
    extra = free[len(placed) :]
    said = f"`affekt {words}` does not know what '{extra[0]:.60}' is for." if extra else ""
    return InputError(
        "option.unknown",
        said or f"The options of `affekt {words}` cannot be read.",
        f"`affekt {words} --help` lists its options; a path with blanks needs quotes.",
    )


def options_of(options: type) -> list[Option]:
    """All options of a command, those of the groups in it included."""
    import tyro

    hints, out = get_type_hints(options, include_extras=True), list[Option]()
    for field in dataclasses.fields(options):
        kind, marks = _unwrap(hints[field.name])
        if dataclasses.is_dataclass(kind):
            out += options_of(kind)
            continue
        without = field.default is dataclasses.MISSING
        is_placed = tyro.conf.Positional in marks
        name = field.name.upper() if is_placed else f"--{field.name.replace('_', '-')}"
        value, choices, many = _value_of(kind)
        required = without and field.default_factory is dataclasses.MISSING
        out.append(Option(name=name, kind=value, choices=choices, is_required=required, many=many))
    return out


def _unwrap(hint: object) -> tuple[type, tuple[object, ...]]:
    """A type without what is noted beside it, and without None; and those notes."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        return _unwrap(inner)[0], tuple(marks)
    if get_origin(hint) in (Union, types.UnionType):
        inner = [part for part in get_args(hint) if part is not type(None)]
        return _unwrap(inner[0])
    return hint, ()  # pyright: ignore[reportReturnType]


def _value_of(kind: type) -> tuple[type, tuple[str, ...], bool]:
    """The type of one value, the choices that there are, and whether there may be several."""
    if get_origin(kind) in (tuple, list):
        value, choices, _ = _value_of(_unwrap(get_args(kind)[0])[0])
        return value, choices, True
    if get_origin(kind) is Literal:
        return str, tuple(str(choice) for choice in get_args(kind)), False
    return kind, (), False


def _sort(known: Sequence[Option], rest: Sequence[str], words: str) -> tuple[set[str], list[str]]:
    """The names of the options that are given, and the words that belong to none. Raises InputError
    `option.unknown`, `option.value`."""
    named, free, waiting = set[str](), list[str](), list(rest)
    while waiting:
        token = waiting.pop(0)
        if not _NAMED.fullmatch(token):
            free.append(token)
            continue
        name, joined, value = token.partition("=")
        option = _find(known, name, words)
        named.add(option.name)
        if option.kind is bool:
            _check_switch(option, value, joined)
            continue
        values = [value] if joined else []
        while not joined and waiting and (option.many or not values):
            if _NAMED.fullmatch(waiting[0]):
                break
            values.append(waiting.pop(0))
        _check_values(option, values, words)
    return named, free


def _find(known: Sequence[Option], name: str, words: str) -> Option:
    spelt = name.replace("_", "-")
    names = {option.name: option for option in known if option.is_named}
    switches = {f"--no-{n[2:]}": option for n, option in names.items() if option.kind is bool}
    found = (names | switches).get(spelt)
    if found is not None:
        return found
    near = difflib.get_close_matches(spelt, [*names, *switches], 1, 0.6)
    raise InputError(
        "option.unknown",
        f"`affekt {words}` has no option '{name:.60}'.",
        (f"Did you mean {near[0]}? " if near else "")
        + f"`affekt {words} --help` lists its options.",
    )


def _check_switch(option: Option, value: str, joined: str) -> None:
    if joined:
        raise InputError(
            "option.value",
            f"{option.name} is a switch, which cannot be '{value:.60}'.",
            f"Write {option.name} or --no-{option.name[2:]}.",
        )


def _check_values(option: Option, values: Sequence[str], words: str) -> None:
    if not values and not option.many:
        raise InputError(
            "option.value",
            f"{option.name} lacks its value.",
            f"Put it behind the name; `affekt {words} --help` says what it is.",
        )
    for value in values:
        if option.choices and value not in option.choices:
            raise InputError(
                "option.value",
                f"{option.name} is '{value:.60}', which it cannot be.",
                f"Use one of {', '.join(option.choices)}.",
            )
        if option.kind not in _NUMBERS:
            continue
        what, example = _NUMBERS[option.kind]
        try:
            option.kind(value)
        except ValueError:
            raise InputError(
                "option.value",
                f"{option.name} is '{value:.60}', not {what}.",
                f"Give {what}, such as {example}.",
            ) from None
