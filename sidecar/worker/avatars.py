# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars at rest, for clients that make objects of them."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from ...shared import limits
from ...shared.avatar_messages import TITLE_LETTERS, AvatarRead
from ...shared.calibration import Calibration
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.wording import say_count
from ..avatar.affekt_avatar import mesh_hash
from ..avatar.avatar import ArkitRig, Avatar, performance_notes
from ..avatar.open_avatar import open_avatar
from ..avatar.read import decode_avatar
from ..avatar.supports import supports_of
from ..avatar.wrinkles import find_wrinkles
from ..head.read import OPEN
from ..memory import remembered
from ..render.shot import head_from_avatar
from .inputs import head_of, read_head
from .services import AvatarSource

_GAUSSIANS = ("anchors", "offsets", "quaternions", "scales", "opacities", "colours", "harmonics")
_PERSON = ("shape", "template_change")
_RIG = tuple(field.name for field in fields(ArkitRig) if field.name != "calibration")
_CALIBRATION = tuple(field.name for field in fields(Calibration))
_CHOOSE_FLAME = "Choose the FLAME file that it was made on beside it (FLAME File)."


def read_avatar(source: AvatarSource) -> AvatarRead:
    """The avatar, with a rig that is calibrated and Gaussians bound to the skin that is seen.
    Raises InputError `file.*`, `avatar.*`, `head.*`."""
    avatar = _avatar_of(source)
    arrays = {name: getattr(avatar, name) for name in (*_GAUSSIANS, *_PERSON)} | _folds(avatar)
    surface = avatar.surface
    if isinstance(surface, ArkitRig):
        surface = _on_open_head(avatar, surface)
        arrays |= {name: getattr(surface, name) for name in _RIG}
        if surface.calibration is not None:
            arrays |= {name: getattr(surface.calibration, name) for name in _CALIBRATION}
    sizes = [0 if values is None else values.nbytes for values in arrays.values()]
    if max(sizes) > limits.MAX_BUFFER_BYTES or sum(sizes) > limits.MAX_MESSAGE_BYTES:
        raise InputError(
            "avatar.too_big",
            f"'{source.name}' has {say_count(len(avatar), 'Gaussian')}, which is too much for one "
            "object.",
            "Thin it out, leave out its spherical harmonics, or render it as pictures.",
        )
    on_head = isinstance(surface, HeadModel)
    return AvatarRead(
        name=_printable(avatar.name)[:TITLE_LETTERS],
        surface="arkit" if isinstance(surface, ArkitRig) else "head" if on_head else "none",
        head_space=surface.space if isinstance(surface, HeadModel) else None,
        binding=avatar.binding,
        follow=avatar.follow,
        supports=supports_of(avatar),
        is_solid=avatar.opaque_core,
        notes=_notes(avatar),
        **arrays,
    )


def _folds(avatar: Avatar) -> dict[str, np.ndarray]:
    """How the skin wrinkles, whatever moved it; nothing of an avatar without a face, nor of one
    whose network made looks of emotions, which stand in place of our wrinkles."""
    found = None if avatar.emotion_looks is not None else find_wrinkles(avatar)
    if found is None:
        return {}
    return {
        "fold_places": found.places,
        "fold_gaussians": found.gaussian,
        "fold_patterns": np.ascontiguousarray(found.pattern[-1]),
        "fold_tint": found.tint,
    }


def _on_open_head(avatar: Avatar, rig: ArkitRig) -> ArkitRig:
    """The rig where a rendering of the avatar's file draws it: its eyes are the open head's."""
    shift = head_from_avatar(avatar, read_head(OPEN))[:3, 3]
    moved = {name: getattr(rig, name) + shift for name in ("vertices", "joint_pivots")}
    return replace(rig, **{name: places.astype(np.float32) for name, places in moved.items()})


@remembered
def _avatar_of(source: AvatarSource) -> Avatar:
    if source.path is None:
        return open_avatar(read_head(OPEN))
    head = None if source.flame is None else head_of(source.flame)
    try:
        avatar = decode_avatar(source.path.read_bytes(), source.name, head)
    except InputError as error:
        if error.code not in ("avatar.needs_head", "avatar.head"):
            raise
        raise InputError(error.code, error.message, _CHOOSE_FLAME) from error
    _check_head(avatar, source, head)
    return avatar


def _check_head(avatar: Avatar, source: AvatarSource, head: HeadModel | None) -> None:
    """A client makes the head itself, from the animator's FLAME file: a file that holds its head
    needs that too, and it must be the same."""
    surface = avatar.surface
    if not isinstance(surface, HeadModel) or surface.space == OPEN:
        return
    if head is None:
        raise InputError(
            "avatar.needs_head",
            f"'{source.name}' sits on a head of the space '{surface.space}'.",
            _CHOOSE_FLAME,
        )
    if mesh_hash(head) != mesh_hash(surface):
        raise InputError(
            "avatar.head",
            f"'{source.name}' was made on another head than that FLAME file's.",
            _CHOOSE_FLAME,
        )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _notes(avatar: Avatar) -> tuple[str, ...]:
    notes = performance_notes(avatar)[: limits.MAX_NOTES]
    return tuple(_printable(note)[: limits.MAX_NOTE_LETTERS] for note in notes)
