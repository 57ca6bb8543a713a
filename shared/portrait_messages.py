# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages by which a photo becomes an avatar (3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from . import limits
from .message import FILE_NAME, SENTENCE, Acknowledged, JobId, Message, Sha256, Supersedes
from .schema import Integer

CAPABILITY = "create_avatar"
"""What a sidecar says of itself where the networks that see a face are installed."""

_SOME_FACE = Integer(low=1, high=limits.MAX_FACES, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAvatar(Message):
    """Makes an avatar on the open head of the person in a photo (an artefact, whose file is called
    `name`). The client chooses `job`, a random id. face: which one, counted from 1 by size; the
    largest if absent. Its progress has a stage for each step of the work."""

    TYPE: ClassVar[str] = "create_avatar"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged
    job: JobId
    photo: Sha256
    name: Annotated[str, FILE_NAME]
    face: Annotated[int | None, _SOME_FACE] = None


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
