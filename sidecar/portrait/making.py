# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo's file to an avatar, a stage at a time: for the terminal, the sidecar and the
demo."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from ...shared.head import HeadModel
from ...shared.portrait_messages import check_further
from ..head.read import OPEN, read_head
from .choice import choose_face
from .create import Neck, Portrait, Stage, portrait_steps
from .further import Photograph
from .kept import landmarks_of
from .photo import Photo, decode_photo
from .stand_in import (
    StandIn,
    avatar_on_flame,
    camera_on_flame,
    fit_on_flame,
    needs_stand_in,
    stand_in_of,
)


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
    head: HeadModel | None = None,
) -> MakingSteps:
    """Makes an avatar, and tells each stage as it begins. data: of the photo's file; name: that
    file's; face: counted from 1 by size, the largest for None; neck: how it ends; more: data and
    names of further photos of the same person, whose largest face it is; head: what the avatar
    sits on, a FLAME head or the open one, which it is for None.
    Raises InputError `file.*`, `photo.*`, `option.missing_extra`, `adapter.*`, `head.no_face`."""
    check_further(len(more))
    yield "reading the photo"
    photo = decode_photo(data, name)
    others = [(decode_photo(its_data, its_name), its_name) for its_data, its_name in more]
    yield "finding the face"
    seen, said = choose_face(photo.pixels, name, face)
    further, their_words = _faces_in(others)
    yield "looking at the head"
    head = read_head(OPEN) if head is None else head
    stand_in = stand_in_of(head) if needs_stand_in(head) else None
    worked = head if stand_in is None else stand_in.head
    stem = PurePath(name).stem
    portrait = yield from portrait_steps(
        photo.pixels, seen, worked, landmarks_of(worked), stem, photo.focal_pixels, neck, further
    )
    if stand_in is not None:
        portrait = _on_flame(portrait, stand_in)
    return Made(portrait=portrait, said="\n".join([said, *their_words]))


def _on_flame(portrait: Portrait, stand_in: StandIn) -> Portrait:
    """The portrait that was made on the stand-in, on the FLAME head itself."""
    frame = portrait.frame
    return Portrait(
        avatar=avatar_on_flame(portrait.avatar, stand_in),
        fit=fit_on_flame(portrait.fit, stand_in),
        frame=replace(frame, camera=camera_on_flame(frame.camera, stand_in)),
    )


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
