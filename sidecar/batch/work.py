# SPDX-License-Identifier: GPL-3.0-or-later
"""Does one task. Every worker calls `run_text`, whichever engine has brought it the task: the pool,
dask, OpenJD or Flamenco. Text in, text out: nothing of ours is pickled.

What is done is marked in the batch's folder, under a name that all of the task and the content of
its inputs go into, with the size and hash of each file that it made. A task whose mark is there,
with its files whole, is not done again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ...shared import limits
from ...shared.errors import AffektError, InputError, JobError
from ...shared.fingerprint import fingerprint, fingerprint_code
from ...shared.version import AFFEKT_VERSION
from ...shared.wording import say_count
from ..avatar.endings import MANIFEST
from ..cache.disk import hash_file
from ..exits import absence_error
from ..files import stamp_of, write_whole
from .options import make_command
from .rates import kind_of
from .sheet import EMBEDDED, check_kind
from .task import (
    IN,
    INPUTS,
    OWN,
    PLACES,
    Answer,
    Task,
    Value,
    decode_task,
    encode_answer,
    failed,
    resolve,
)

KINDS = {
    "facts": "batch.facts:Facts",
    "bake": "commands.bake:Bake",
    "render": "commands.render:Render",
    "sequence": "commands.avatar:Sequence",
    "convert": "commands.convert:Convert",
    "blender": "batch.blender:Draw",
    "look": "batch.look:Look",
    "anchors": "lab.commands.data:Share",
    "faces": "lab.commands.data:FaceShare",
}
"""Kind of a task -> the module of the sidecar and the dataclass in it that does it; those of the
terminal's commands are the very same. Named as text and imported late, as `cli.py` does it."""
MOST_IN_FOLDER = 2 * limits.MAX_FRAMES
"""A take's files, and a picture for each."""
_UNTOLD = ("  ",)
_lock = threading.Lock()
_done = set[str]()
"""Kinds of tasks, as rates tell them apart, for which this process has loaded what they need."""


def run_text(text: str, elsewhere: str = "") -> str:
    """Does the task of this line (`encode_task`) and returns the line of its answer. It raises
    nothing but what ends the process. elsewhere: the batch's folder on this machine, where it is
    not as the line names it."""
    try:
        task, version, named = decode_task(text)
        if version != version_text():
            raise InputError(
                "batch.version",
                f"This worker has Affekt {version_text()}, the batch is of {version}.",
                "Install the same version on every machine, and start the workers again.",
            )
        folder = Path(elsewhere or named)
        with _lock:  # what a command says is caught from the whole process
            return encode_answer(run_task(task, folder))
    except AffektError as error:
        return encode_answer(failed(error))


def run_task(task: Task, folder: Path) -> Answer:
    """Does the task unless it is done. folder: the batch's. The answer has the error, if any."""
    try:
        options = {name: _resolved(name, value, folder) for name, value in task.options.items()}
        key = _key(task, options)
        mark = folder / OWN / "done" / key[:2] / f"{key}.json"
        found = _find_mark(mark, task, folder)
        if found is not None:
            return replace(found, is_kept=True)
        answer = _do(task, options, folder)
        if task.files:
            mark.parent.mkdir(parents=True, exist_ok=True)
            write_whole(mark, encode_answer(answer).encode())
    except Exception as error:
        return failed(_known(error, task.kind))
    return answer


@functools.cache
def version_text() -> str:
    """Affekt's version and a fingerprint of all in it that results come of: workers that differ in
    either may give other bits."""
    return f"{AFFEKT_VERSION} ({fingerprint_package(Path(__file__).parents[2])[:12]})"


def fingerprint_package(root: Path) -> str:
    """40 hexadecimal digits of the package's code, of its assets (networks, heads) and tables, and
    of the script that Blender draws with."""
    code = fingerprint_code(root, ("sidecar", "shared", "addon/splats/batch_drawing.py"))
    read = [root / "sidecar" / "assets", *sorted((root / "sidecar").rglob("*.toml"))]
    return fingerprint(code, [hash_of_input(path) for path in read])


def _do(task: Task, options: Mapping[str, Value], folder: Path) -> Answer:
    module, name = KINDS[task.kind].split(":")
    kind = getattr(importlib.import_module(f"..{module}", __package__), name)
    command, said = make_command(kind, options), io.StringIO()
    is_first = kind_of(task) not in _done
    _done.add(kind_of(task))
    began = time.perf_counter()
    with contextlib.redirect_stdout(said):
        facts = command.run()
    seconds = time.perf_counter() - began
    made = {name: _size_and_hash(folder / name) for name in task.files}
    return Answer(
        seconds=round(seconds, 4),
        notes=_notes(said.getvalue(), options),
        files=made,
        facts=facts,
        device=_device(task.kind, options),
        is_first=is_first,
    )


def _notes(said: str, options: Mapping[str, Value]) -> list[str]:
    """What a command said but for the lines on its results, which the report has anyway."""
    out, emotions = str(options.get("out", "")), Path(str(options.get("emotions", ""))).name
    own = (*_UNTOLD, *((out,) if out else ()))
    lines = [line.rstrip() for line in said.splitlines()]
    told = [line for line in lines if line and not line.startswith(own)]
    # Words lie in a file that is named by its hash.
    return [f"emotions{n[len(emotions) :]}" if _is_of(n, emotions) else n for n in told]


def _is_of(note: str, file: str) -> bool:
    return bool(file) and note.startswith(f"{file}: ")


def _device(kind: str, options: Mapping[str, Value]) -> str:
    """The device that drew, "" for what is not drawn by our rasteriser."""
    if kind != "render":
        return ""
    from ..raster.device import choose_rasteriser

    return choose_rasteriser(str(options.get("device", "auto"))).device


def _resolved(name: str, value: Value, folder: Path) -> Value:
    if name not in PLACES:
        return value
    if isinstance(value, list):
        return [resolve(text, folder) for text in value]
    return resolve(str(value), folder)


# --- marks ----------------------------------------------------------------------------------------


def _key(task: Task, options: Mapping[str, Value]) -> str:
    """Names the task by all that its files depend on, inputs by their content."""
    plain = {n: v for n, v in task.options.items() if n not in PLACES or str(v) in EMBEDDED}
    read = {n: hash_of_input(Path(str(options[n]))) for n in INPUTS if _names_input(n, options)}
    for name, digest in read.items():
        given = str(task.options[name])
        if given.startswith(IN) and digest != given[len(IN) :].partition("/")[0]:
            raise InputError(
                "batch.input",
                f"{options[name]} is not what it was when the batch was begun.",
                "Remove it, and run the same line again, which copies it anew.",
            )
    names = {n: Path(str(options[n])).name for n in read}
    if "splats" in options:  # the folder says itself of what its frames are
        read["splats"] = hash_of_input(Path(str(options["splats"])) / MANIFEST)
    pictures = options.get("pictures")
    seen = [hash_of_input(Path(text)) for text in pictures] if isinstance(pictures, list) else []
    parts = sorted(plain.items()), sorted(read.items()), names, seen, task.files
    return fingerprint(version_text(), task.kind, *parts)


def _names_input(name: str, options: Mapping[str, Value]) -> bool:
    return name in options and options[name] not in EMBEDDED


def _find_mark(mark: Path, task: Task, folder: Path) -> Answer | None:
    """The answer of a task that is done, if every file of it is whole."""
    try:
        answer = Answer(**json.loads(mark.read_bytes()))
        made = answer.files or {}
        if all(tuple(made[name]) == _size_and_hash(folder / name) for name in task.files):
            return answer
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return None


def _size_and_hash(path: Path) -> tuple[int, str]:
    return path.stat().st_size, _hash_of_file(path, stamp_of(path))


def hash_of_input(path: Path) -> str:
    """64 hexadecimal digits of a file's content, or of the names and contents of a folder's files.
    Raises InputError `file.missing`, `file.wrong_kind` for a device or a pipe, `file.too_large` for
    a folder that holds more than any input."""
    check_kind(path, "a batch", may_be_folder=True)
    try:
        if not path.is_dir():
            return _hash_of_file(path, stamp_of(path))
        files = _files_in(path)
        parts = [f"{f.relative_to(path).as_posix()} {_hash_of_file(f, stamp_of(f))}" for f in files]
    except OSError as error:
        raise InputError("file.missing", f"{path} cannot be read.", "Check the path.") from error
    return hashlib.sha256(os.fsencode("\n".join(parts))).hexdigest()


def _files_in(folder: Path) -> list[Path]:
    """Its files, also in folders below. Raises InputError `file.too_large`."""
    found = list[Path]()
    for number, path in enumerate(folder.rglob("*")):
        if number >= MOST_IN_FOLDER:
            raise InputError(
                "file.too_large",
                f"{folder} holds more than {say_count(MOST_IN_FOLDER, 'file')}, which no take has.",
                "Name the take's own folder.",
            )
        if path.is_file():
            found.append(path)
    return sorted(found)


@functools.lru_cache(4096)
def _hash_of_file(path: Path, _stamp: tuple[tuple[int, int], ...]) -> str:
    with path.open("rb") as file:
        return hash_file(file)


# --- errors ---------------------------------------------------------------------------------------


def _known(error: Exception, kind: str) -> AffektError:
    from ..worker.failures import OUT_OF_MEMORY, known

    if isinstance(error, ImportError):
        return absence_error(error, "batch")
    found = known(error, kind)
    if found.code in OUT_OF_MEMORY:
        return too_little_memory()
    if found.code == "job.failed":
        return JobError(
            found.code,
            f"Affekt failed at {kind}: {type(error).__name__}.",
            "The reason is in the worker's log; please report it.",
        )
    return found


def too_little_memory() -> JobError:
    """The error for a row that takes more memory than a worker may have."""
    return JobError(
        "batch.memory",
        "This row needs more memory than a worker may use.",
        "Give it smaller pictures or fewer passes, or start fewer workers (--workers).",
    )


# --- the worker of a pool -------------------------------------------------------------------------


def serve(read: Callable[[], str], write: Callable[[str], object]) -> None:
    """Answers line by line until there are none."""
    for line in iter(read, ""):
        write(run_text(line) + "\n")


@contextlib.contextmanager
def own_output() -> Iterator[int]:
    """The descriptor of standard output for answers alone: what libraries print goes to standard
    error meanwhile."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield kept
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
