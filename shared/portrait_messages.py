# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages by which a photo becomes an avatar (3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from . import limits
from . import motion as takes
from .errors import InputError
from .message import (
    FILE_NAME,
    NAME,
    SENTENCE,
    SHA256,
    Acknowledged,
    JobId,
    Message,
    Sha256,
    Supersedes,
)
from .schema import Choice, Integer, Several

CAPABILITY = "create_avatar"
"""What a sidecar says of itself where the networks that see a face are installed."""
LAM_CAPABILITY = "lam"
"""What it says where it was started with LAM's weights."""

Backbone = Literal["affekt", "lam"]
"""What makes an avatar of a photo: our own stages, or LAM's network with a user's checkpoint."""
BACKBONES: tuple[Backbone, ...] = get_args(Backbone)

_SOME_FACE = Integer(low=1, high=limits.MAX_FACES, optional=True)
_PHOTOS = Several(item=SHA256, most=limits.MAX_FURTHER_PHOTOS)
_NAMES = Several(item=FILE_NAME, most=limits.MAX_FURTHER_PHOTOS)
_SOME_FLAME_SPACE = Choice(values=takes.FLAME_SPACES, optional=True)


def check_further(count: int) -> None:
    """Raises InputError `photo.too_many` for more further photos than can be given."""
    if count > limits.MAX_FURTHER_PHOTOS:
        raise InputError(
            "photo.too_many",
            f"{count} further photos were given; {limits.MAX_FURTHER_PHOTOS} are the most.",
            "Give one or two from each side.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAvatar(Message):
    """Makes an avatar of the person in a photo (an artefact, whose file is called `name`). The
    client chooses `job`, a random id. face: which one, counted from 1 by size; the largest if
    absent. Its progress has a stage for each step of the work. more, more_names: further photos of
    the same person, artefacts, and what each file is called; head: what the avatar sits on, `open`
    or the SHA-256 of a FLAME file that was uploaded; head_space: as in `GetHead`; backbone: what
    makes it: LAM's network takes one photo, and makes a head of its own (all since 3.10)."""

    TYPE: ClassVar[str] = "create_avatar"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged
    job: JobId
    photo: Sha256
    name: Annotated[str, FILE_NAME]
    face: Annotated[int | None, _SOME_FACE] = None
    more: Annotated[tuple[str, ...], _PHOTOS] = ()
    more_names: Annotated[tuple[str, ...], _NAMES] = ()
    head: Annotated[str, NAME] = "open"
    head_space: Annotated[takes.FlameSpace | None, _SOME_FLAME_SPACE] = None
    backbone: Annotated[Backbone, Choice(values=BACKBONES)] = "affekt"


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarDone(Message):
    """The end of the work on a photo: the avatar in Affekt's own form, an artefact, and a sentence
    that says which face it is of."""

    TYPE: ClassVar[str] = "avatar_done"
    SUPERSEDES: ClassVar[Supersedes] = "older progress of the same job"
    job: JobId
    avatar: Sha256
    avatar_size: Annotated[int, Integer(high=limits.MAX_AVATAR_BYTES)]
    said: Annotated[str, SENTENCE]
