# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo's file to an avatar, a stage at a time: for the terminal, the sidecar and the
demo."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ..head.read import OPEN, read_head
from .choice import choose_face
from .create import Neck, Portrait, Stage, portrait_steps
from .further import Photograph
from .kept import landmarks_of
from .photo import decode_photo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """The avatar with how it came about, and a sentence that says which face it is of."""

    portrait: Portrait
    said: str


MakingSteps = Generator[Stage, None, Made]


def make_steps(
    data: bytes,
    name: str,
    face: int | None = None,
    neck: Neck = "fade",
    more: Sequence[tuple[bytes, str]] = (),
) -> MakingSteps:
    """Makes an avatar on the open head, and tells each stage as it begins. data: of the photo's
    file; name: that file's; face: counted from 1 by size, the largest for None; neck: how it
    ends; more: data and names of further photos of the same person, whose largest face it is.
    Raises InputError `file.*`, `photo.*`, `option.missing_extra`."""
    yield "reading the photo"
    photo = decode_photo(data, name)
    others = [(decode_photo(its_data, its_name), its_name) for its_data, its_name in more]
    yield "finding the face"
    seen, said = choose_face(photo.pixels, name, face)
    further = []
    for other, its_name in others:
        its_face, its_words = choose_face(other.pixels, its_name, None)
        said += f"\n{its_name}: {its_words}"
        further.append(
            Photograph(
                name=its_name, pixels=other.pixels, seen=its_face, focal_pixels=other.focal_pixels
            )
        )
    yield "looking at the head"
    head = read_head(OPEN)
    found = landmarks_of(head)
    stem = PurePath(name).stem
    steps = portrait_steps(photo.pixels, seen, head, found, stem, photo.focal_pixels, neck, further)
    return Made(portrait=(yield from steps), said=said)
