# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files with checks of their kind and size, and writes files atomically."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import AffektError, InputError, not_writable
from ..shared.replacement import replacing, try_writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HASH_BYTES = 32
_EMBEDDED = ("open", "open-gaussians")
"""Names of the head and the avatar that are no files, whatever has such a name on the disk."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def check_outputs(
    *files: Path | None,
    folder: Path | None = None,
    names: Iterable[str] = (),
    sources: Iterable[Path | str | None] = (),
) -> None:
    """Checks before the work that its results can be written, each to a place of its own.

    files: the results, None for what nobody asked for. folder: of results with names of their own;
    it is made where it is missing. names: those of its files that might be a source or one of
    `files`. sources: what the results are made of; texts may name what is embedded.
    Raises InputError `option.same_file`, `file.not_writable`."""
    asked = [file for file in files if file is not None]
    results = asked if folder is None else [*asked, *(folder / name for name in names)]
    for first, second in combinations(results, 2):
        if _is_one_place(first, second):
            raise _same_file(f"Two results would be one file, {second}.", "each of them")
    made_of = [Path(source) for source in sources if source not in (None, *_EMBEDDED)]
    for result in results:
        if any(_is_one_place(result, source) for source in made_of):
            raise _same_file(f"{result} is the source itself, which would be lost.", "the result")
        if any(_is_one_place(result.parent, s) for s in made_of) and result.is_file():
            raise _same_file(
                f"{result} is there already, in the folder that is read.", "the result"
            )
    for file in asked:
        _try_place(file, _try_file)
    if folder is not None:
        _try_place(folder, _try_folder)


def _same_file(message: str, what: str) -> InputError:
    return InputError("option.same_file", message, f"Give {what} another name.")


def check_ending(path: Path | None, what: str, *endings: str) -> None:
    """Checks that the name of a result, None for none, says what it is. what: for the error, such
    as "a picture". Raises InputError `option.format`."""
    if path is not None and path.suffix.lower() not in endings:
        raise InputError(
            "option.format",
            f"The name {path.name} is not that of {what}.",
            f"End it in {' or '.join(endings)}.",
        )


def _is_one_place(first: Path, second: Path) -> bool:
    try:
        if first.samefile(second):
            return True
    except (OSError, ValueError):  # mostly since it is not there yet
        pass
    return _plain(first) == _plain(second)


def _plain(path: Path) -> str:
    try:
        return os.path.normcase(path.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, or what no system has
        return os.path.normcase(path.absolute())


def _try_place(path: Path, attempt: Callable[[Path], None]) -> None:
    try:
        attempt(path)
    except (OSError, ValueError) as error:
        raise not_writable(path, error) from error


def _try_file(path: Path) -> None:
    """Raises OSError if no file can be put there."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not path.parent.exists():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder")
    try_writing(path.parent)


def _try_folder(path: Path) -> None:
    """Raises OSError if no file can be put there once the folder, and those above it, are made."""
    there = next((p for p in (path, *path.parents) if os.path.lexists(p)), None)
    if there is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such disk")
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder")
    for part in path.relative_to(there).parts:
        with contextlib.suppress(FileNotFoundError):
            (there / part).lstat()  # tells if a name is too long
    try_writing(there)


def read_bytes(path: Path, most_bytes: int, what: str) -> bytes:
    """The file's content; `what` describes it in errors ("motion file").

    Raises InputError `file.missing`, `file.folder`, `file.wrong_kind`, `file.empty`,
    `file.too_large`.
    """
    try:
        about = path.stat()
        _check_kind(path, about.st_mode, what)
        if about.st_size > most_bytes:
            raise too_large(path.name, about.st_size, most_bytes, what)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error) from error
    if not data:
        raise InputError(
            "file.empty", f"The {what} {path.name} is empty.", "Export or download it again."
        )
    return data


def _check_kind(path: Path, mode: int, what: str) -> None:
    if stat.S_ISDIR(mode):
        raise InputError(
            "file.folder", f"{path} is a folder, not {_a(what)}.", f"Give the path of {_a(what)}."
        )
    if not stat.S_ISREG(mode):  # a device or a pipe might have no end
        raise InputError(
            "file.wrong_kind",
            f"{path} is a device, not {_a(what)}.",
            f"Give the path of {_a(what)}.",
        )


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def _unreadable(path: Path, what: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("file.missing", f"There is no {what} at {path}.", "Check the path.")
    reason = error.strerror if isinstance(error, OSError) else "the path is not valid"
    return InputError(
        "file.missing",
        f"The {what} {path} cannot be read: {reason}.",
        "Check the path and that you may read it.",
    )


def too_large(name: str, size: int, most_bytes: int, what: str) -> InputError:
    """The error for a file that exceeds its size limit."""
    return InputError(
        "file.too_large",
        f"{name} has {size / 2**20:,.0f} MiB; {_a(what)} has at most "
        f"{most_bytes / 2**20:,.0f} MiB.",
        "Choose another file, or cut it into parts.",
    )


def refuse_lfs_pointer(data: bytes, name: str) -> None:
    """Refuses a pointer of Git LFS in place of a file: InputError `file.lfs_pointer`."""
    if data.startswith(_LFS_POINTER):
        raise InputError(
            "file.lfs_pointer",
            f"{name} is only a pointer of Git LFS; the file itself was not downloaded.",
            "Run `git lfs pull` in that repository, or download the file itself.",
        )


def stamp_of(name: str | Path | None) -> tuple[tuple[int, int], ...]:
    """The size and the time of writing, in nanoseconds, of the file at a path, or of those in a
    folder: as long as they are the same, so is what was read. Empty where nothing is."""
    if name is None:
        return ()
    try:
        path = Path(name)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        return tuple((status.st_size, status.st_mtime_ns) for status in map(Path.stat, files))
    except (OSError, ValueError):
        return ()


def write_whole(path: Path, data: bytes) -> None:
    """Writes a temporary file beside `path` and renames it, so that `path` is never incomplete.

    Raises InputError `file.not_writable`.
    """
    try:
        with replacing(path) as partial:
            partial.write_bytes(data)
    except (OSError, ValueError) as error:  # ValueError: a path that no system has
        raise not_writable(path, error) from error


def write_kept(path: Path, data: bytes) -> None:
    """Writes a file that only Affekt reads again: the SHA-256 of `data`, then `data`. Raises
    InputError `file.not_writable`."""
    write_whole(path, hashlib.sha256(data).digest() + data)


def read_kept(path: Path) -> bytes:
    """What `write_kept` wrote. Raises ValueError if it is damaged, OSError if it cannot be read."""
    found = path.read_bytes()
    data = found[_HASH_BYTES:]
    if hashlib.sha256(data).digest() != found[:_HASH_BYTES]:
        raise ValueError(f"{path.name} has another hash")
    return data


def find_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays that `keep_arrays` put into the cache folder; none if they are not there whole."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    with contextlib.suppress(OSError, ValueError, KeyError, SafetensorError):
        return load(read_kept(path))
    return {}


def kept_arrays(
    path: Path, fit: Callable[[Mapping[str, NDArray]], bool], make: Callable[[], dict[str, NDArray]]
) -> dict[str, NDArray]:
    """The arrays in the cache folder, or new ones, which are then kept there. fit: whether those
    that are there are what is wanted."""
    arrays = find_arrays(path)
    if fit(arrays):
        return arrays
    made = make()
    keep_arrays(path, made)
    return made


def are_shaped(
    arrays: Mapping[str, NDArray], wanted: Mapping[str, tuple[type, tuple[int, ...]]]
) -> bool:
    """Whether kept arrays are just those that are wanted, by their types and shapes."""
    return {name: (found.dtype.type, found.shape) for name, found in arrays.items()} == wanted


def are_indices(values: NDArray, count: int) -> bool:
    """Whether kept values are int32 and all point at one of `count` things."""
    return values.dtype.name == "int32" and not ((values < 0) | (values >= count)).any()


def keep_arrays(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Puts arrays into a folder of the cache. Where it cannot be written, the next run takes
    seconds longer, nothing else."""
    import numpy as np
    from safetensors.numpy import save

    from ..shared.connection import CACHE_SETTING, make_private_folder

    with contextlib.suppress(OSError, AffektError):
        make_private_folder(path.parent, CACHE_SETTING)
        write_kept(path, save({key: np.ascontiguousarray(v) for key, v in arrays.items()}))
