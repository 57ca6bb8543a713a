# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker keeps in memory because nearly every order needs it again: the open head, the
modulator, and the takes and avatars that were used last."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..avatar.open_avatar import OPEN_GAUSSIANS, open_avatar
from ..avatar.read import decode_avatar
from ..avatar.surface import personal_head
from ..bake import recipe
from ..bake.take import Prepared, prepare
from ..head import read as files
from ..head.forward import Mover, layer_of
from ..modulation.modulator import load_modulator
from ..motion.adapter import LinearAdapter, read_adapter
from ..motion.read import decode_motion
from ..render.passes import Subject
from .services import Take

TAKES = 4
"""Takes at once: a few clients with one each. The longest is 200 MB in both spaces."""
SUBJECTS = 2
"""Avatars at once: a million Gaussians with harmonics are 240 MB."""

modulator = functools.cache(load_modulator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Who is to be seen: an avatar's file with what errors call it, or else the head `head`."""

    avatar: Path | None
    name: str
    head: str


@functools.lru_cache(TAKES)
def motion_of(take: Take) -> tuple[Motion, LinearAdapter | None]:
    """The take in its own space, and its adapter. Raises InputError `file.*`, `motion.*`."""
    return decode_motion(take.path.read_bytes(), take.name), _read_adapter(take.adapter)


@functools.lru_cache(TAKES)
def prepared(take: Take) -> Prepared:
    """The take, ready for bakes and previews on the open head. Raises InputError `file.*`,
    `motion.*`, `space.*`."""
    motion, adapter = motion_of(take)
    return prepare(motion, read_head(files.OPEN), adapter, modulator())


@functools.lru_cache(TAKES)
def mover_of(take: Prepared) -> Mover:
    """The open head with the take's identity."""
    return layer_of(take.head).mover(take.before)


@functools.lru_cache(SUBJECTS)
def subject(named: Named) -> Subject:
    """The avatar or head. Raises InputError `file.*`, `avatar.*`, `head.unknown`."""
    if named.avatar is not None:
        try:
            return decode_avatar(named.avatar.read_bytes(), named.name)
        except InputError as error:
            raise _one_file(error) from error
    if named.head == OPEN_GAUSSIANS:
        return open_avatar(read_head(files.OPEN))
    return read_head(named.head)


def read_head(name: str) -> HeadModel:
    """The head of that name. Raises InputError `head.unknown`."""
    if name != files.OPEN:  # `files.read_head` also takes paths, which never come from a client
        raise InputError(
            "head.unknown", f"The sidecar has no head called '{name}'.", "Use the head 'open'."
        )
    return files.read_head(name)


def read_motion(take: Take) -> tuple[Motion, str]:
    """The take in the open head's space, and the space of the file. Raises as `prepared`."""
    ready = prepared(take)
    return ready.before, ready.motion.space


def forget() -> None:
    """Frees takes and avatars, in memory and on a card."""
    from . import previews

    recipe.forget()
    for cached in (
        motion_of,
        prepared,
        mover_of,
        subject,
        previews.stage_of,
        previews.portrait_of,
        previews.sky_at_rest,
        layer_of,
        personal_head,
    ):
        cached.cache_clear()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _read_adapter(path: Path | None) -> LinearAdapter | None:
    if path is None:
        return None
    try:
        return read_adapter(path)
    except InputError as error:
        # The file's name here is its hash, which tells the user nothing.
        message = error.message.replace(path.name, "the adapter")
        raise InputError(error.code, message, error.remedy) from error


def _one_file(error: InputError) -> InputError:
    """A client gives one file: an avatar that needs its head beside it must be joined first."""
    if error.code != "avatar.needs_head":
        return error
    return InputError(
        error.code,
        error.message,
        "Make one file of the avatar and its head, and choose that: `affekt avatar convert "
        "--avatar FILE_OR_FOLDER --head FLAME_FILE --embed-head --out mine.safetensors`.",
    )
