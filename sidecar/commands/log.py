# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar's log files, which are kept small.

`sidecar.log` has Python's logging, in parts. `sidecar.stderr` beside it has all other output of the
process: of crashes, of libraries, and of the worker.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import stat
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ...shared.errors import InputError
from ...shared.limits import LOG_PARTS, MAX_LOG_BYTES
from ...shared.process import RAW_NAME

LOOK_S = 1.0
"""How often the size of `sidecar.stderr` is checked."""
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def open_log(path: Path | None) -> None:
    """Sends logging to that file, or to standard error for None, and the stacks of crashes to
    standard error. If that is the file beside the log, a thread keeps it small. Raises InputError
    `file.not_writable`."""
    faulthandler.enable()
    if path is None:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=_FORMAT)
        return
    handler = _open_parts(path)
    logging.basicConfig(handlers=[handler], level=logging.INFO, format=_FORMAT)
    raw = path.with_name(RAW_NAME)
    if _is_standard_error(raw):
        threading.Thread(target=_keep_small, args=(raw,), name="affekt-raw", daemon=True).start()


def cut(raw: Path, descriptor: int, most_bytes: int) -> bool:
    """If the file has more than `most_bytes`, moves its last ones to `raw.1` and empties it for
    all processes that append to it. Returns whether it did. Raises OSError."""
    size = os.fstat(descriptor).st_size
    if size <= most_bytes:
        return False
    with raw.open("rb") as file:
        file.seek(size - most_bytes)
        raw.with_name(f"{raw.name}.1").write_bytes(file.read(most_bytes))
    os.ftruncate(descriptor, 0)
    return True


def _open_parts(path: Path) -> RotatingFileHandler:
    try:
        return RotatingFileHandler(
            path, maxBytes=MAX_LOG_BYTES, backupCount=LOG_PARTS, encoding="utf-8"
        )
    except OSError as error:
        raise InputError(
            "file.not_writable",
            f"The log {path} cannot be written ({error.strerror or error}).",
            "Choose another place, or check its rights and the space left.",
        ) from error


def _is_standard_error(path: Path) -> bool:
    try:
        ours = os.fstat(2)
        return stat.S_ISREG(ours.st_mode) and os.path.samestat(ours, path.stat())
    except OSError:
        return False


def _keep_small(raw: Path) -> None:
    never = threading.Event()
    while not never.wait(LOOK_S):
        try:
            cut(raw, 2, MAX_LOG_BYTES)
        except OSError:  # such as a full disk: the content is dropped
            with contextlib.suppress(OSError):
                os.ftruncate(2, 0)
