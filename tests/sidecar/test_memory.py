# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered: how much, for how long, and by which functions."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.arrays import UInt8Array
from affekt.sidecar.memory import ENTRY_BYTES, KEPT_ENTRIES, MEMORY, Memory, buffers_of

SIDECAR = Path(__file__).resolve().parents[2] / "sidecar"
SIZE = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Compared by identity, as the records of the house are."""

    values: UInt8Array


class Maker:
    """A remembered function that counts how often each number was made."""

    def __init__(self, memory: Memory) -> None:
        self.made: list[int] = []
        self.make: Callable[[int], UInt8Array] = memory.remembered(self._make)

    def _make(self, number: int) -> UInt8Array:
        self.made.append(number)
        return np.zeros(SIZE, np.uint8)


def test_the_least_recently_used_goes_first() -> None:
    memory = Memory(3 * (SIZE + ENTRY_BYTES), kept_entries=1)
    maker = Maker(memory)
    for number in (1, 2, 3):
        maker.make(number)
    assert memory.size_bytes == 3 * (SIZE + ENTRY_BYTES)
    maker.make(1)
    maker.make(4)  # in place of 2
    assert (len(memory), memory.size_bytes) == (3, 3 * (SIZE + ENTRY_BYTES))
    for number in (1, 3, 4):
        maker.make(number)
    assert maker.made == [1, 2, 3, 4]
    maker.make(2)
    assert maker.made == [1, 2, 3, 4, 2]


@pytest.mark.parametrize("count", [5, 100])
def test_the_budget_is_kept_but_for_the_newest(count: int) -> None:
    memory = Memory(0)
    maker = Maker(memory)
    for number in range(count):
        maker.make(number)
        assert memory.size_bytes == len(memory) * (SIZE + ENTRY_BYTES)
        assert len(memory) == min(number + 1, KEPT_ENTRIES)


def test_one_budget_for_all_functions() -> None:
    memory = Memory(SIZE + ENTRY_BYTES, kept_entries=1)
    one, two = Maker(memory), Maker(memory)
    one.make(1)
    two.make(1)
    one.make(1)
    assert (one.made, two.made) == ([1, 1], [1])


def test_shared_buffers_count_once() -> None:
    memory, record = Memory(10 * SIZE), Record(np.zeros(SIZE, np.uint8))
    whole = memory.remembered(lambda record: record)
    part = memory.remembered(lambda record: record.values[10:20])
    whole(record)
    part(record)
    assert memory.size_bytes == SIZE + 2 * ENTRY_BYTES
    memory.forget()
    assert memory.size_bytes == 0


def test_arguments_are_weighed_as_they_are_kept_alive() -> None:
    memory = Memory(10 * SIZE)
    memory.remembered(lambda record: "a short name")(Record(np.zeros(SIZE, np.uint8)))
    assert memory.size_bytes == SIZE + ENTRY_BYTES


def closure_of(values: UInt8Array) -> Callable[[], UInt8Array]:
    return lambda: values


LAYER = torch.nn.Linear(9, 10)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (np.zeros((3, 4), np.float32), 48),
        (np.zeros((3, 4), np.float32)[1:].T, 48),
        (torch.zeros(5, dtype=torch.float64)[:2], 40),
        (b"seven b", 7),
        (
            (Record(np.zeros(3, np.uint8)), [np.zeros(4, np.uint8)], {"a": np.zeros(5, np.uint8)}),
            12,
        ),
        (closure_of(np.zeros(6, np.uint8)), 6),
        (LAYER, 400),
        ([LAYER, LAYER], 400),
        (None, 0),
        ("text", 0),
        (np.zeros(0), 0),
    ],
)
def test_bytes_of(value: object, size: int) -> None:
    assert sum(buffers_of(value).values()) == size


def test_an_error_is_not_remembered() -> None:
    memory = Memory(SIZE)
    answers = iter([ValueError("once"), 7])

    @memory.remembered
    def ask() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="once"):
        ask()
    assert (ask(), ask()) == (7, 7)


def test_two_threads_get_one_result() -> None:
    memory, both = Memory(SIZE), threading.Barrier(2)

    @memory.remembered
    def make() -> object:
        both.wait(10)  # neither finds the other's
        return object()

    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(make())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(memory) == 1
    assert results[0] is results[1] is make()


def test_arguments_are_told_apart_as_by_lru_cache() -> None:
    memory, record, twin = (
        Memory(SIZE),
        Record(np.zeros(1, np.uint8)),
        Record(np.zeros(1, np.uint8)),
    )
    asked: list[object] = []

    @memory.remembered
    def ask(*args: object, **named: object) -> None:
        asked.append((args, named))

    for _ in range(2):
        ask(record)
        ask(twin)
        ask(record, name=1)
        ask(record, 1)
    assert len(asked) == 4
    with pytest.raises(TypeError):
        ask([])


# Pools of threads, which hold no data; and whether a card works, which is asked once a process.
OWN_CACHES = {("threads.py", "_pool"), ("raster/parallel.py", "_pool")}
OWN_CACHES |= {("raster/device.py", "_started_cuda")}
# Bounded: a few thousand short names.
OWN_CACHES |= {("motion/weight_names.py", "key_of")}
# Types of the options of some commands; hashes of a batch's inputs, 64 letters each.
OWN_CACHES |= {("batch/options.py", "_hints"), ("batch/work.py", "_hash_of_file")}
# Three networks of at most 2.6 MB.
OWN_CACHES |= {("portrait/networks.py", "network")}
# Words, of which few are asked for.
OWN_CACHES |= {("words/tokens.py", "base_forms"), ("words/languages.py", "_is_english")}
OWN_CACHES |= {("batch/described.py", "keys_of_words")}


def test_nothing_large_is_remembered_elsewhere() -> None:
    """Outside the laboratory, other caches are of functions without arguments: small tables."""
    found = set()
    for path in SIDECAR.rglob("*.py"):
        place = path.relative_to(SIDECAR).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.args.args:
                names = " ".join(map(ast.unparse, node.decorator_list))
                if "lru_cache" in names or names.endswith("cache"):
                    found.add((place, node.name))
    assert {entry for entry in found if not entry[0].startswith("lab/")} == OWN_CACHES


def test_this_process_has_one_memory() -> None:
    assert MEMORY.budget_bytes > 0
