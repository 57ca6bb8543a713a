# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender calls when something happens: adding it to Blender's lists, and taking it off."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Pair = tuple[list[Callable[..., None]], Callable[..., None]]
"""A list that Blender calls, and what is to be in it."""


def add_handlers(pairs: Iterable[Pair]) -> None:
    """Lets Blender call each."""
    for listeners, handler in pairs:
        listeners.append(handler)


def remove_handlers(pairs: Iterable[Pair]) -> None:
    """Takes them off; what is in its list no more is passed over."""
    for listeners, handler in pairs:
        if handler in listeners:
            listeners.remove(handler)
