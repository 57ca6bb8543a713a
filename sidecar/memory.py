# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that are kept in memory because they are slow to make and asked for again: one cache,
with one budget of bytes, for all functions that are decorated with `remembered`."""

from __future__ import annotations

import functools
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Set
from dataclasses import dataclass, fields, is_dataclass
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_BYTES = 2_000_000_000
"""The budget of a command: its take (200 MB in both spaces), its avatar (240 MB for a million
Gaussians) and the head with its forward pass (300 MB), each twice. The worker sets its own."""
KEPT_ENTRIES = 24
"""The newest entries stay even above the budget: one order asks for up to 20, and may not make any
of them twice."""
ENTRY_BYTES = 1024
"""Counted for each entry beside its buffers, so that small ones cannot pile up."""

_PLAIN = (int, float, str, type(None))
"""Hold no buffers, and are most of what a record's notes hold."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    value: object
    buffers: Mapping[int, int]


class Memory:
    """A cache of function results that drops the least recently used ones above `budget_bytes`.

    Any thread may use it. A buffer that several entries share counts once."""

    def __init__(self, budget_bytes: int, kept_entries: int = KEPT_ENTRIES) -> None:
        """kept_entries: how many of the newest stay whatever they weigh."""
        self.budget_bytes = budget_bytes
        self._kept = kept_entries
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._holders: dict[int, int] = {}
        self._lock = threading.Lock()
        self.size_bytes = 0
        """Bytes of all entries: their arguments and results, and `ENTRY_BYTES` for each."""

    def __len__(self) -> int:
        return len(self._entries)

    def remembered(self, function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        """Decorates a function of hashable arguments, as `functools.lru_cache` does. An entry
        keeps its arguments alive as well, so they are weighed with its result."""

        @functools.wraps(function)
        def recall(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            key = (function, args, *kwargs.items())
            with self._lock:
                found = self._entries.get(key)
                if found is not None:
                    self._entries.move_to_end(key)
                    return cast("Result", found.value)
            value = function(*args, **kwargs)
            new = _Entry(value, buffers_of((args, kwargs, value)))
            return cast("Result", self._keep(key, new).value)

        return recall

    def forget(self) -> None:
        """Drops every entry and gives free memory of a graphics card back to the system."""
        with self._lock:
            dropped, self._entries = self._entries, OrderedDict()
            self._holders.clear()
            self.size_bytes = 0
        dropped.clear()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _keep(self, key: Hashable, new: _Entry) -> _Entry:
        """The entry under `key`: the new one, unless another thread was first."""
        dropped: list[_Entry] = []  # they are freed when the lock is free again
        with self._lock:
            entry = self._entries.setdefault(key, new)
            if entry is new:
                self._add(new)
            while self.size_bytes > self.budget_bytes and len(self._entries) > self._kept:
                dropped.append(self._entries.popitem(last=False)[1])
                self._subtract(dropped[-1])
        return entry

    def _add(self, entry: _Entry) -> None:
        self.size_bytes += ENTRY_BYTES
        for address, size in entry.buffers.items():
            count = self._holders.get(address, 0)
            self._holders[address] = count + 1
            self.size_bytes += 0 if count else size

    def _subtract(self, entry: _Entry) -> None:
        self.size_bytes -= ENTRY_BYTES
        for address, size in entry.buffers.items():
            self._holders[address] -= 1
            if not self._holders[address]:
                del self._holders[address]
                self.size_bytes -= size


def buffers_of(value: object) -> dict[int, int]:
    """Address -> bytes of every buffer that the value holds: arrays and tensors (whole, where it
    has a part of one) and bytes, in records, containers, objects and closures."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _PLAIN) or id(one) in seen:
            continue
        seen.add(id(one))
        buffer = _buffer(one)
        if buffer is None:
            waiting.extend(_parts(one))
        elif buffer[1]:
            found[buffer[0]] = buffer[1]
    return found


def _buffer(value: object) -> tuple[int, int] | None:
    """Address and bytes of an array, a tensor or bytes; None for anything else."""
    if isinstance(value, np.ndarray):
        while isinstance(value.base, np.ndarray):
            value = value.base
        return value.__array_interface__["data"][0], value.nbytes
    if isinstance(value, bytes | bytearray):
        return id(value), len(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        storage = cast("Tensor", value).untyped_storage()
        return storage.data_ptr(), storage.nbytes()
    return None


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, tuple | list | Set):
        yield from value
    elif isinstance(value, FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or ())
    elif not isinstance(value, type | ModuleType):
        if is_dataclass(value):
            yield from (getattr(value, entry.name) for entry in fields(value))
        yield from getattr(value, "__dict__", {}).values()


MEMORY = Memory(DEFAULT_BYTES)
"""The cache of this process."""
remembered = MEMORY.remembered
forget = MEMORY.forget
