# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a user's file in a child process with limits, which returns arrays that are checked."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from ...shared import limits
from ...shared.errors import InputError

Arrays = dict[str, np.ndarray]
Tree = dict[str, "Tree | np.ndarray"]
"""Arrays by name in nested dictionaries."""

_SEPARATOR = "\x1f"  # as in child.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The child's command and limits. Memory and CPU time are limited where the system can (Linux
    both, macOS CPU time), the elapsed time and the size of the answer everywhere."""

    command: tuple[str, ...] = (sys.executable, "-P", str(Path(__file__).with_name("child.py")))
    memory_bytes: int = limits.QUARANTINE_BYTES
    seconds: float = limits.QUARANTINE_SECONDS
    answer_bytes: int = limits.MAX_FLAME_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a file is read as. what: "FLAME file"; origin: where to get one that is safe, as a
    sentence's end; instead: what to do with a file that is none."""

    what: str
    origin: str
    instead: str

    def wrong_kind(self, name: str, why: str) -> InputError:
        """The error for a file that holds something else."""
        return InputError("file.wrong_kind", f"{name} is no {self.what}: {why}.", self.instead)

    def unsafe(self, name: str, why: str) -> InputError:
        """The error for a file that may be malicious or that exceeds the limits."""
        return InputError(
            "file.unsafe",
            f"{name} was not read: {why}.",
            f"Do not open it with other tools either; {self.origin}.",
        )


def read_arrays(
    kind: str, data: bytes, name: str, purpose: Purpose, quarantine: Quarantine | None = None
) -> Arrays:
    """The arrays, float32 or int64, in a file of the `kind` "pickle", "npy" or "npz".

    Raises InputError `file.unsafe`, `file.damaged`, `file.wrong_kind`.
    """
    return _answer((kind,), data, name, purpose, quarantine or Quarantine())


def read_tree(
    kind: str,
    data: bytes,
    name: str,
    purpose: Purpose,
    wanted: Collection[str],
    quarantine: Quarantine | None = None,
) -> Tree | np.ndarray:
    """The wanted arrays, float32, float64 or int64, of a file of the `kind` "pickle", "npy", "npz",
    "torch" (before its zip) or "mat", in its dictionaries; or the array that the file is.

    Raises InputError as `read_arrays`.
    """
    question = (kind, json.dumps(sorted(wanted)))
    leaves = _answer(question, data, name, purpose, quarantine or Quarantine())
    if set(leaves) == {""}:
        return leaves[""]
    tree: Tree = {}
    for path, values in sorted(leaves.items()):  # safetensors keeps no order
        *branches, last = path.split(_SEPARATOR)
        place = tree
        for branch in branches:
            inner = place.setdefault(branch, {})
            if not isinstance(inner, dict):
                raise purpose.unsafe(name, "its reader answered nonsense")
            place = inner
        place[last] = values
    return tree


def read_trees(
    kind: str, files: Sequence[bytes], name: str, purpose: Purpose, wanted: Collection[str]
) -> list[Tree | np.ndarray]:
    """What `read_tree` reads of each of the files, in one process. Raises as it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for index, data in enumerate(files):
            archive.writestr(f"{kind}-{index}", data)
    trees = read_tree("many", packed.getvalue(), name, purpose, wanted)
    if not isinstance(trees, dict) or trees.keys() != {str(i) for i in range(len(files))}:
        raise purpose.wrong_kind(name, "not every file of it holds a take")
    return [trees[str(index)] for index in range(len(files))]


def _answer(
    question: tuple[str, ...], data: bytes, name: str, purpose: Purpose, quarantine: Quarantine
) -> Arrays:
    head, _, body = _ask(question, data, name, purpose, quarantine).partition(b"\n")
    if head == b"ok":
        try:
            return load(body)
        except (SafetensorError, ValueError) as error:
            raise purpose.unsafe(name, "its reader answered nonsense") from error
    words = head.decode("ascii", "replace").split()
    sentence = body[:300].decode("utf-8", "replace")
    if words == ["no", "file.damaged"]:
        raise InputError(
            "file.damaged", f"{name} is damaged: {sentence}.", "Download or export it again."
        )
    if words == ["no", "file.wrong_kind"]:
        raise purpose.wrong_kind(name, sentence)
    if words == ["no", "file.unsafe"]:
        raise purpose.unsafe(name, sentence)
    raise purpose.unsafe(name, "reading it ended the process that read it")


def _ask(
    question: tuple[str, ...], data: bytes, name: str, purpose: Purpose, quarantine: Quarantine
) -> bytes:
    kind, *wanted = question
    limited = (str(quarantine.memory_bytes), str(max(1, int(quarantine.seconds))))
    arguments = (kind, *limited, *wanted)
    process = subprocess.Popen(
        [*quarantine.command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(os.environ),
        creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
    )
    answer = _Answer(process, data, quarantine.answer_bytes)
    try:
        if not answer.wait(quarantine.seconds):
            raise purpose.unsafe(name, "reading it takes longer than it may")
        if answer.too_long:
            raise purpose.unsafe(name, "it unpacks to more than it may")
        return answer.content
    finally:
        process.kill()
        process.wait()
        answer.join()


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """The environment with one thread: each further one takes address space, which is limited."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**own, **dict.fromkeys(names, "1")}


class _Answer:
    """Writes to a process and reads its answer, in threads that can be abandoned."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes, most_bytes: int) -> None:
        self.content, self.too_long = b"", False
        self._process, self._data, self._most = process, data, most_bytes
        self._threads = [threading.Thread(target=f, daemon=True) for f in (self._feed, self._take)]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the answer and the process's end; whether both came in time."""
        deadline = time.monotonic() + seconds
        self._threads[1].join(seconds)
        if self._threads[1].is_alive():
            return False
        if self.too_long:
            return True
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def join(self) -> None:
        for thread in self._threads:
            thread.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _feed(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # a child that has ended no longer listens
            self._process.stdin.write(self._data)
            self._process.stdin.close()

    def _take(self) -> None:
        parts: list[bytes] = []
        left = self._most
        output = self._process.stdout
        assert isinstance(output, io.BufferedReader)
        while part := output.read1(1 << 20):
            left -= len(part)
            if left < 0:
                self.too_long = True
                return
            parts.append(part)
        self.content = b"".join(parts)
