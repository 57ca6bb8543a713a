# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error that a user can meet: a stable code, a sentence for the artist, and what to do.

Both doors (CLI and server) turn any `AffektError` into text; anything else is a bug.
"""

from __future__ import annotations

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
    `emotion.*`, `frames.*`, `space.*`, `head.*`, `avatar.*`, `option.*`,
    `doctor.*`."""


class LinkError(AffektError):
    """Blender and the sidecar cannot talk. Codes: `link.*`, `pixels.*`."""


class JobError(AffektError):
    """A job or preview in the sidecar ended without a result. Codes: `job.*`, `preview.*`."""


def not_writable(path: Path, error: OSError) -> InputError:
    """The error for a place where nothing can be written."""
    return InputError(
        "file.not_writable",
        f"'{path}' cannot be written ({error.strerror or error}).",
        "Choose another place, or check its rights and the space left.",
    )
