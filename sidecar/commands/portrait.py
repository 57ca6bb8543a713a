# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar create`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...shared import limits
from ...shared.errors import InputError
from ...shared.wording import say_count

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar
    from ..lam.making import LamOptions
    from ..lam.run import Progress
    from ..portrait.create import Stage

_SHEET_PIXELS = 256


@dataclass(frozen=True, kw_only=True)
class Lam:
    """Options of `--backbone lam`."""

    weights: Path | None = None
    """LAM's checkpoint, your own download: `model.safetensors` of LAM-20K (2.36 GB). It brings its
    FLAME along."""
    unknown_weights: bool = False
    """Use another file than the published one, such as one that you trained."""
    emotion_weights: Path | None = None
    """What `affekt train lam` wrote: the avatar then has a look of each emotion."""
    exact: tuple[Path, ...] = ()
    """Emotion keys: the network also runs for each mixture of emotions that is at one of them, so
    that a take with these keys shows there what the network makes of it, at `--appearance 1`.
    Elsewhere looks are interpolated. Each mixture takes as long as an emotion."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """In which the network computes: bfloat16 where the processor or the card multiplies it."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network computes."""
    bundle: Path | None = None
    """A LAM web bundle to write too (.zip), with the person's shape in its mesh."""
    bundle_template: Path | None = None
    """A LAM web bundle of your own, whose skeleton, shapes and clips the bundle takes over."""
    crop: Path | None = None
    """A picture to write too, PNG or JPEG: what the network saw."""


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
    backbone: Literal["affekt", "lam"] = "affekt"
    """What makes the avatar: our own stages, or LAM's network with your checkpoint."""
    lam: tyro.conf.OmitArgPrefixes[Lam] = field(default_factory=Lam)
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
        if self.backbone == "lam":
            self._run_lam()
            return
        self._check_own()
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

    def _check_own(self) -> None:
        """Raises InputError `option.backbone` for options that are LAM's alone."""
        if self.lam != Lam():
            raise InputError(
                "option.backbone",
                "Weights, bundles and the like are options of LAM's network.",
                "Give --backbone lam too.",
            )

    def _run_lam(self) -> None:
        import time

        from ..avatar.affekt_avatar import encode_avatar
        from ..avatar.lam_bundle import encode_lam_bundle
        from ..compiling import say_when_compiling
        from ..files import check_ending, check_outputs, read_bytes, write_whole
        from ..lam.making import make_steps
        from ..render.images import check_sheet_name, write_sheet
        from ..steps import finish

        given = self.lam
        weights = self._lam_weights()
        check_ending(given.bundle, "a LAM bundle", ".zip")
        check_sheet_name(given.crop)
        sources = (self.photo, weights, given.emotion_weights, given.bundle_template, *given.exact)
        check_outputs(self.out, self.sheet, given.bundle, given.crop, sources=sources)
        begun_s = time.perf_counter()
        data = read_bytes(self.photo, limits.MAX_PHOTO_BYTES, "photo")
        template = given.bundle_template
        lent = None if template is None else read_bytes(template, limits.MAX_AVATAR_BYTES, "bundle")
        options = self._lam_options(weights)
        say_when_compiling()
        made = finish(make_steps(data, self.photo.name, self.face, options), say_progress)
        bundle = None if given.bundle is None else encode_lam_bundle(made.plain, lent)
        write_whole(self.out, encode_avatar(made.avatar))
        if given.bundle is not None and bundle is not None:
            write_whole(given.bundle, bundle)
        if given.crop is not None:
            write_sheet(given.crop, made.crop.pixels)
        print("\n".join([made.said, *made.avatar.notes]))
        took_s = time.perf_counter() - begun_s
        size_mb = self.out.stat().st_size / 1e6
        count = say_count(len(made.avatar), "Gaussian")
        print(f"{self.out}: {count}, {size_mb:.1f} MB, in {took_s:.0f} s")
        if self.sheet is not None:
            self._draw_sheet(self.sheet, made.avatar)

    def _lam_options(self, weights: Path) -> LamOptions:
        from ..files import read_bytes
        from ..lam.making import LamOptions
        from ..lam.mixtures import key_mixtures

        given = self.lam
        mixtures = key_mixtures(
            [(read_bytes(p, limits.MAX_MOTION_BYTES, "emotion file"), p.name) for p in given.exact]
        )
        if given.exact:
            print(f"The keys hold {say_count(len(mixtures), 'mixture')} of emotions.")
        return LamOptions(
            weights=weights,
            unknown_weights=given.unknown_weights,
            emotion=given.emotion_weights,
            mixtures=mixtures,
            precision=None if given.precision == "auto" else given.precision,
            device=given.device,
        )

    def _lam_weights(self) -> Path:
        """The checkpoint. Raises InputError `option.backbone` without one, or with options that LAM
        has no use for."""
        if self.lam.weights is None:
            raise InputError(
                "option.backbone",
                "LAM's network needs its weights, which cannot come with Affekt.",
                "Download LAM-20K's model.safetensors and give its path with --weights.",
            )
        if self.more or self.neck != "fade" or self.head != "open":
            raise InputError(
                "option.backbone",
                "LAM makes its avatar of one photo, on its own FLAME head.",
                "Leave --more, --neck and --head out.",
            )
        if self.lam.exact and self.lam.emotion_weights is None:
            raise InputError(
                "option.backbone",
                "Without emotion weights LAM's network knows no emotions to mix.",
                "Give --emotion-weights too, or leave --exact out.",
            )
        return self.lam.weights

    def _draw_sheet(self, path: Path, avatar: Avatar) -> None:
        from ...shared.head import HeadModel
        from ..adapter.kept import adapter_of
        from ..head.read import OPEN, read_head
        from ..modulation.weights import load_modulator
        from ..render.emotion_sheet import draw_emotions
        from ..render.images import write_sheet

        head, spoken = avatar.surface, read_head(OPEN)
        adapter = None
        if isinstance(head, HeadModel) and head.space != spoken.space:
            adapter = adapter_of(head, spoken)
        picture = draw_emotions(avatar, load_modulator(), _SHEET_PIXELS, adapter)
        write_sheet(path, picture)
        print(f"{path}: {picture.shape[1]} x {picture.shape[0]} pixels")


def say_progress(step: Progress) -> None:
    """Prints a step of LAM's making as it begins."""
    of = f", layer {step.done + 1} of {step.total}" if step.total > 1 else ""
    print(f"  {step.stage}{of}", flush=True)


def say_stage(stage: Stage) -> None:
    """Prints a stage of the making as it begins."""
    print(f"  {stage}", flush=True)
