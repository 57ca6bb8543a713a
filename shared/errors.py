# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error that a user can meet: a stable code, a sentence for the artist, and what to do.

Both doors (CLI and server) turn any `AffektError` into text; anything else is a bug.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path


class AffektError(Exception):
    """Base of all expected failures.

    `code` is API: dotted, lower case, never renamed. `message` says what is wrong,
    `remedy` what to do about it; both are whole sentences without jargon.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


class InputError(AffektError):
    """A file, value or option from the user cannot be used. Codes: `file.*`, `motion.*`,
    `emotion.*`, `batch.*`, `frames.*`, `preset.*`, `space.*`, `head.*`, `avatar.*`, `photo.*`,
    `option.*`, `doctor.*`, `setup.*`, `words.*`."""


class LinkError(AffektError):
    """Blender and the sidecar cannot talk. Codes: `link.*`, `pixels.*`."""


class JobError(AffektError):
    """A job or preview in the sidecar ended without a result. Codes: `job.*`, `preview.*`."""


_REFUSALS = {
    errno.EACCES: ("you may not use it", "Choose another place, or ask its owner for the right."),
    errno.EPERM: ("you may not use it", "Choose another place, or ask its owner for the right."),
    errno.EROFS: ("its disk can only be read", "Choose a place on another disk."),
    errno.ENOENT: ("it is not there", "Check the path."),
    errno.ENOTDIR: ("a file is where a folder should be", "Check the path."),
    errno.EISDIR: ("it is a folder, not a file", "Give the path of a file."),
    errno.EEXIST: ("a file has that name", "Choose another name, or move it away."),
    errno.ENAMETOOLONG: ("its name is too long", "Choose a shorter name."),
    errno.ELOOP: ("its links lead in a circle", "Check the path and its links."),
    errno.ENOSPC: ("the disk is full", "Make room on it, or choose another place."),
    errno.EDQUOT: ("your share of the disk is full", "Make room, or choose another place."),
    errno.EFBIG: ("the file would be too large", "Choose another disk, or write less."),
    errno.EIO: ("the disk does not answer", "Check the disk, or choose another place."),
    errno.EMFILE: ("too many files are open", "Close other programs and try again."),
    errno.ENFILE: ("too many files are open", "Close other programs and try again."),
}
"""What the system says -> what that means, and what to do."""
_WRONG_KIND = (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENOTEMPTY)


def refusal(error: Exception) -> tuple[str, str]:
    """Why the system refused a place, in words and in its own, and what to do about it."""
    said = getattr(error, "strerror", None) or str(error)
    known = _REFUSALS.get(getattr(error, "errno", None) or 0)
    if known is None:
        return said, "Choose another place, or check its rights and the space left."
    return f"{known[0]} ({said})", known[1]


def what_is_at(path: Path) -> str | None:
    """What stands at a file's place and is no file: "a folder", "a link", "a pipe or a device".
    None for a file, and where nothing is."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode):
        return None
    return {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link"}.get(
        stat.S_IFMT(mode), "a pipe or a device"
    )


def in_the_way(path: Path, obstacle: str) -> InputError:
    """The error for a file that cannot be written since `what_is_at` its place."""
    return InputError(
        "file.not_writable",
        f"{path} cannot be written: {obstacle} has that name.",
        "Move it away or rename it, or choose another place.",
    )


def not_writable(path: Path, error: Exception) -> InputError:
    """The error for a place where nothing can be written."""
    obstacle = what_is_at(path)
    if obstacle is not None and getattr(error, "errno", None) in _WRONG_KIND:
        return in_the_way(path, obstacle)
    reason, remedy = refusal(error)
    return InputError("file.not_writable", f"{path} cannot be written: {reason}.", remedy)
