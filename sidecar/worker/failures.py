# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns any exception into the `AffektError` that the user reads."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

from ...shared.errors import AffektError, JobError
from ..cache.disk import disk_error
from ..exits import ran_out

_log = logging.getLogger("affekt.worker")
_PART_OF = r"[^\s/\\'\"`,;:()]"
_PATH = re.compile(rf"(?<![\w.:/\\])(?:/|[A-Za-z]:\\|~/)(?:{_PART_OF}+[/\\])+{_PART_OF}*")
"""An absolute path of two parts or more, and no part of a web address."""
OUT_OF_MEMORY = ("job.memory", "job.gpu_memory", "option.device_memory")
"""Codes of errors after which the worker frees what it remembers."""


def without_paths(text: str, folder: Path) -> str:
    """Replaces each path of this machine by its last part: the reader may sit at another one.
    folder: the cache's, whose name may have spaces."""
    for known_folder in (folder, folder.resolve()):
        text = text.replace(str(known_folder), "/affekt/cache")
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)


def known(error: Exception, what: str) -> AffektError:
    """A copy of the error if it is one of ours; otherwise JobError `job.memory`,
    `job.gpu_memory`, `job.disk`, or `job.failed` with the reason in the log. It has no traceback,
    which would keep the failed frames' data alive. what: which order failed."""
    if isinstance(error, AffektError):
        return type(error)(error.code, error.message, error.remedy)
    _log.error("%s failed", what, exc_info=error)
    if is_gpu_memory(error):
        return JobError(
            "job.gpu_memory",
            "The graphics card has too little free memory for this.",
            "Close other programs that use the card, choose a smaller picture or fewer passes, "
            "and start it again: what is done is kept.",
        )
    if ran_out(error):
        return JobError(
            "job.memory",
            "There is too little memory for this, or the sidecar may not use more.",
            "Close other programs, choose a smaller picture or a part of the take, or start the "
            "sidecar with a larger `--memory-gb`; what is done is kept.",
        )
    if isinstance(error, OSError):
        return disk_error(error)
    return JobError(
        "job.failed",
        f"The sidecar failed at {what}: {type(error).__name__}.",
        "The reason is in the sidecar's log; please report it.",
    )


def is_gpu_memory(error: Exception) -> bool:
    """Whether a card's memory ran out. Does not import torch: then torch did not raise it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.cuda.OutOfMemoryError)
