# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of files of Gaussians that cannot be used."""

from __future__ import annotations

from collections.abc import Callable

from ...shared import limits
from ...shared.errors import InputError
from ...shared.wording import say_count

AGAIN = "Export or download the avatar again."

Refusal = Callable[[str, str, str], InputError]
"""Makes the error from the file's name, what is wrong with it, and what to do."""


def broken(name: str, what: str, remedy: str = AGAIN) -> InputError:
    """The error for a PLY of Gaussians."""
    return InputError("avatar.ply", _sentence(name, what), remedy)


def broken_pack(name: str, what: str, remedy: str = AGAIN) -> InputError:
    """The error for a packed file of Gaussians that is no PLY."""
    return InputError("avatar.packed", _sentence(name, what), remedy)


def check_count(count: int, name: str, refuse: Refusal = broken) -> None:
    """Refuses files with no Gaussians or too many."""
    if not 0 < count <= limits.MAX_GAUSSIANS:
        raise refuse(
            name,
            f"it has {say_count(count, 'Gaussian')}; 1 to {limits.MAX_GAUSSIANS:,} are allowed",
            "Thin it out in an editor for Gaussians, or choose another avatar.",
        )


def _sentence(name: str, what: str) -> str:
    return f"The Gaussians in '{name}' cannot be read: {what}."
