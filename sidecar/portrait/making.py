# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo's file to an avatar, a stage at a time: for the terminal, the sidecar and the
demo."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import PurePath

from ..head.read import OPEN, read_head
from .choice import choose_face
from .create import Neck, Portrait, Stage, portrait_steps
from .kept import landmarks_of
from .photo import decode_photo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """The avatar with how it came about, and a sentence that says which face it is of."""

    portrait: Portrait
    said: str


MakingSteps = Generator[Stage, None, Made]


def make_steps(data: bytes, name: str, face: int | None = None, neck: Neck = "fade") -> MakingSteps:
    """Makes an avatar on the open head, and tells each stage as it begins. data: of the photo's
    file; name: that file's; face: counted from 1 by size, the largest for None; neck: how it
    ends. Raises InputError `file.*`, `photo.*`, `option.missing_extra`."""
    yield "reading the photo"
    photo = decode_photo(data, name)
    yield "finding the face"
    seen, said = choose_face(photo.pixels, name, face)
    yield "looking at the head"
    head = read_head(OPEN)
    found = landmarks_of(head)
    stem = PurePath(name).stem
    steps = portrait_steps(photo.pixels, seen, head, found, stem, photo.focal_pixels, neck)
    return Made(portrait=(yield from steps), said=said)
