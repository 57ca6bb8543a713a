# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar create`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...shared import limits
from ...shared.wording import say_count

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar
    from ..portrait.create import Stage

_SHEET_PIXELS = 256


@dataclass(frozen=True)
class Create:
    """Make an avatar of a person from one photo. It sits on the open head, or on your FLAME head,
    so that every take and every emotion moves it. Needs `affekt[portrait]`."""

    photo: Annotated[Path, tyro.conf.Positional]
    """A photo of a face from the front: JPEG, PNG, WebP, TIFF or BMP."""
    out: Path
    """The safetensors file to write: the avatar in Affekt's own form."""
    face: int | None = None
    """Which face, counted from 1 by size; the largest if absent."""
    neck: Literal["fade", "edge"] = "fade"
    """How the neck ends: fading out, or where the head does."""
    more: tuple[Path, ...] = ()
    """Further photos of the same person, from the sides (up to 65 degrees): they show what the
    first does not."""
    head: str = "open"
    """What the avatar sits on: the open head, or your FLAME file, or a head file made of it. FLAME
    takes move an avatar on FLAME as they are; whoever reads it needs the same head."""
    sheet: Path | None = None
    """A picture to write too, PNG or JPEG: the avatar with each emotion, from the front and from
    its left."""

    def run(self) -> None:
        import time

        from ..avatar.affekt_avatar import encode_avatar
        from ..compiling import say_when_compiling
        from ..files import check_ending, check_outputs, read_bytes, write_whole
        from ..head.read import read_head
        from ..portrait.making import make_steps
        from ..render.images import check_sheet_name
        from ..steps import finish

        check_ending(self.out, "an avatar file", ".safetensors")
        check_sheet_name(self.sheet)
        check_outputs(self.out, self.sheet, sources=(self.photo, *self.more, self.head))
        begun_s = time.perf_counter()
        data, *more = (
            read_bytes(path, limits.MAX_PHOTO_BYTES, "photo") for path in (self.photo, *self.more)
        )
        others = [(its, path.name) for its, path in zip(more, self.more, strict=True)]
        head = read_head(self.head)
        say_when_compiling()
        steps = make_steps(data, self.photo.name, self.face, self.neck, others, head)
        made = finish(steps, say_stage)
        avatar = made.portrait.avatar
        write_whole(self.out, encode_avatar(avatar))
        size_mb = self.out.stat().st_size / 1e6
        count = say_count(len(avatar), "Gaussian")
        print(made.said)
        took_s = time.perf_counter() - begun_s
        print(f"{self.out}: {count}, {size_mb:.1f} MB, in {took_s:.0f} s")
        if self.sheet is not None:
            self._draw_sheet(self.sheet, avatar)

    def _draw_sheet(self, path: Path, avatar: Avatar) -> None:
        from ...shared.head import HeadModel
        from ..adapter.kept import adapter_of
        from ..head.read import OPEN, read_head
        from ..modulation.weights import load_modulator
        from ..render.emotion_sheet import draw_emotions
        from ..render.images import write_sheet

        head, spoken = avatar.surface, read_head(OPEN)
        assert isinstance(head, HeadModel)
        adapter = None if head.space == spoken.space else adapter_of(head, spoken)
        picture = draw_emotions(avatar, load_modulator(), _SHEET_PIXELS, adapter)
        write_sheet(path, picture)
        print(f"{path}: {picture.shape[1]} x {picture.shape[0]} pixels")


def say_stage(stage: Stage) -> None:
    """Prints a stage of the making as it begins."""
    print(f"  {stage}", flush=True)
