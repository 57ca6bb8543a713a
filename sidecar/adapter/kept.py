# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter of a FLAME head: built once from the head itself, and kept by its content in the
user's cache folder. A head in Blender needs no file from its animator."""

from __future__ import annotations

import functools
from collections.abc import Generator
from dataclasses import fields, replace
from pathlib import Path

from ...shared.connection import default_cache_folder
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint, fingerprint_code
from ...shared.head import HeadModel
from ..files import find_arrays, keep_arrays
from ..memory import remembered
from ..motion.adapter import LinearAdapter
from ..steps import finish
from .registration import register
from .solve import make_adapter, solve

STEPS = 2
"""Steps of a build: the surfaces are laid onto each other, then every shape is fitted."""
_CODE = ("adapter", "head", "motion/adapter.py", "motion/arkit_from_open.py", "raster/mesh.py")
"""The code that an adapter depends on, below the sidecar's folder."""


def adapter_steps(flame: HeadModel, open_head: HeadModel) -> Generator[int, None, LinearAdapter]:
    """The adapter between a FLAME head and the open head. Yields how many of `STEPS` are done,
    nothing if the adapter was kept.

    Raises InputError `adapter.*` for a head that cannot be laid onto the open head.
    """
    place = cache_folder() / f"{_key(flame, open_head)}.kept"
    kept = _find(place, flame.space)
    if kept is not None:
        return kept
    yield 0
    registration = register(flame, open_head)
    yield 1
    solution = solve(flame, open_head, registration)
    yield STEPS
    adapter = make_adapter(solution, flame.space, open_head)
    names = [entry.name for entry in fields(adapter) if entry.name != "space"]
    keep_arrays(place, {name: getattr(adapter, name) for name in names})
    return adapter


@remembered
def adapter_of(flame: HeadModel, open_head: HeadModel) -> LinearAdapter:
    """`adapter_steps` without a word in between."""
    return finish(adapter_steps(flame, open_head))


def cache_folder() -> Path:
    """The folder of kept adapters, in the cache folder (`AFFEKT_CACHE_DIR`)."""
    return default_cache_folder() / "adapters"


def _find(place: Path, space: str) -> LinearAdapter | None:
    arrays = find_arrays(place)
    try:
        return LinearAdapter(space=space, **arrays) if arrays else None
    except (InputError, TypeError):  # of another Affekt
        return None


@remembered
def _key(flame: HeadModel, open_head: HeadModel) -> str:
    """A fingerprint of both heads, whatever their files are called."""
    return fingerprint(_code_key(), replace(flame, name=""), open_head)


@functools.cache
def _code_key() -> str:
    return fingerprint_code(Path(__file__).parents[1], _CODE)
