# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo's file to an avatar, a stage at a time: for the terminal, the sidecar and the
demo."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ...shared import limits
from ...shared.errors import InputError
from ..head.read import OPEN, read_head
from .choice import choose_face
from .create import Neck, Portrait, Stage, portrait_steps
from .further import Photograph
from .kept import landmarks_of
from .photo import Photo, decode_photo


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
    if len(more) > limits.MAX_FURTHER_PHOTOS:
        raise InputError(
            "photo.too_many",
            f"{len(more)} further photos were given; {limits.MAX_FURTHER_PHOTOS} are the most.",
            "Give one or two from each side.",
        )
    yield "reading the photo"
    photo = decode_photo(data, name)
    others = [(decode_photo(its_data, its_name), its_name) for its_data, its_name in more]
    yield "finding the face"
    seen, said = choose_face(photo.pixels, name, face)
    further, their_words = _faces_in(others)
    yield "looking at the head"
    head = read_head(OPEN)
    found = landmarks_of(head)
    stem = PurePath(name).stem
    steps = portrait_steps(photo.pixels, seen, head, found, stem, photo.focal_pixels, neck, further)
    return Made(portrait=(yield from steps), said="\n".join([said, *their_words]))


def _faces_in(photos: Sequence[tuple[Photo, str]]) -> tuple[list[Photograph], list[str]]:
    """The largest face in each photo, with its name, and what is said of it."""
    further, said = [], []
    for photo, name in photos:
        seen, words = choose_face(photo.pixels, name, None)
        said.append(f"{name}: {words}")
        further.append(
            Photograph(name=name, pixels=photo.pixels, seen=seen, focal_pixels=photo.focal_pixels)
        )
    return further, said
