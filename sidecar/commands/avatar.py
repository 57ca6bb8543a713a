# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar info`, `convert`, `export`, `sequence` and `compare`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...shared.pictures import Follow
from ...shared.wording import say_count
from .appearance import appearance_rows, read_track
from .reading import Reading, print_notes

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar
    from ..avatar.drive import Actor
    from ..avatar.endings import SplatFormat

_USD_NAMES = (".usd", ".usda", ".usdc", ".usdz")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Options of the commands that read an avatar."""

    avatar: str
    """A LAM web bundle (zip or folder), GaussianAvatars' folder, Gaussians (PLY, SPZ, .splat,
    .ksplat, SOG), an avatar file, or `open-gaussians`."""
    head: str | None = None
    """The head that the avatar sits on, such as your FLAME file, where its file asks for one."""

    def read(self, *, plain_shapes: bool) -> Avatar:
        """Reads the avatar. Raises InputError `option.avatar` for a head without Gaussians."""
        from ...shared.errors import InputError
        from ..avatar.avatar import Avatar
        from ..compiling import say_when_compiling
        from ..render.shot import read_subject

        say_when_compiling()
        subject = read_subject(self.avatar, self.head, plain_shapes=plain_shapes)
        if not isinstance(subject, Avatar):
            raise InputError(
                "option.avatar",
                f"'{self.avatar}' is a head without Gaussians.",
                "Give an avatar, or `open-gaussians`.",
            )
        return subject


@dataclass(frozen=True, kw_only=True)
class _Avatar(Source):
    """Options of the commands that show an avatar."""

    plain_shapes: bool = False
    """Let an ARKit avatar's shapes take a take's weights as they are, not calibrated by their
    effect (`affekt avatar calibrate`), and leave its Gaussians bound as its maker bound them."""

    def _read(self) -> Avatar:
        return self.read(plain_shapes=self.plain_shapes)


@dataclass(frozen=True, kw_only=True)
class _Performance(_Avatar):
    """Options of the commands that move an avatar by a take."""

    motion: Path
    """The take: any motion file that Affekt reads."""
    adapter: Path | None = None
    """Adapter between the open head and FLAME, for a take or an avatar on FLAME (`affekt adapter
    build`)."""
    follow: Follow | None = None
    """How Gaussians follow the surface; as the avatar was made for if absent."""
    appearance: float = 1.0
    """How much the skin shows of the expression, 0 to 2."""
    emotions: Path | None = None
    """The emotion keys that the take was baked with: the skin folds as in these emotions, and
    flushes. `affekt bake` writes none into a take."""
    up: Literal["y-up", "y-down"] = "y-up"
    """Axes of a PLY: the head's own (y-up), or those of most 3DGS viewers (y-down). SPZ and USD
    have axes of their own (y-up), which their readers know."""
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)

    def _sources(self) -> tuple[str | Path | None, ...]:
        return (self.avatar, self.head, self.motion, self.adapter, self.emotions)

    def _actor(self) -> Actor:
        """The avatar in the take; prints what is noticed."""
        from ..avatar.avatar import performance_notes
        from ..avatar.drive import Actor
        from ..motion.adapter import read_adapter
        from ..motion.read import read_take
        from ..render.shot import motion_for

        take = read_take(self.motion, self.reading.options())
        print_notes(self.motion.name, take)
        adapter = None if self.adapter is None else read_adapter(self.adapter)
        avatar = self._read()
        for note in performance_notes(avatar):
            print(f"Note: {note}")
        motion = motion_for(avatar, take.motion, adapter)
        track = read_track(self.emotions, take)
        appearance = appearance_rows(self.appearance, len(motion), track)
        shown = None if track is None else track.shown_weights()  # those before a cut take too
        return Actor(avatar, motion, self.follow, appearance, shown)


@dataclass(frozen=True, kw_only=True)
class Info(_Avatar):
    """Say what an avatar's file holds."""

    file: Annotated[str, tyro.conf.Positional] = ""
    """The avatar: a LAM web bundle (zip or folder), GaussianAvatars' folder, Gaussians (PLY, SPZ,
    .splat, .ksplat, SOG), an avatar file, or `open-gaussians`."""
    avatar: str = ""
    """The same, named as in the other commands."""

    def run(self) -> None:
        from ...shared.errors import InputError
        from ..avatar.avatar import describe

        if bool(self.file) == bool(self.avatar):
            raise InputError(
                "option.lacking",
                "`affekt avatar info` needs one avatar.",
                "Give its file, as in `affekt avatar info me.safetensors`.",
            )
        asked = replace(self, avatar=self.file or self.avatar)
        print("\n".join(describe(asked._read())))


@dataclass(frozen=True, kw_only=True)
class Convert(_Avatar):
    """Write an avatar in Affekt's own form: one file, read at once, bit for bit."""

    out: Path
    """The safetensors file to write."""
    embed_head: bool = False
    """Put the head into the file, so that nobody is asked for it again. Keep such a file of
    FLAME's to yourself: its licence does not let you pass it on."""
    turn_over: bool = False
    """For Gaussians that stand on their head: most files but SPZ have y pointing down."""

    def run(self) -> None:
        from ...shared.errors import InputError
        from ..avatar.affekt_avatar import encode_avatar
        from ..avatar.avatar import describe
        from ..files import check_ending, check_outputs, write_whole

        check_ending(self.out, "an avatar file", ".safetensors")
        check_outputs(self.out, sources=(self.avatar, self.head))
        avatar = self._read()
        if self.turn_over:
            if avatar.surface is not None:
                raise InputError(
                    "option.turn_over",
                    "Only Gaussians without a surface can be turned over.",
                    "Leave out --turn-over.",
                )
            avatar = _turned_over(avatar)
        write_whole(self.out, encode_avatar(avatar, embed_head=self.embed_head))
        print(f"{self.out}: {self.out.stat().st_size / 1e6:.1f} MB")
        print("\n".join(describe(avatar)))


@dataclass(frozen=True, kw_only=True)
class Export(_Performance):
    """Write one frame of a take on an avatar as a 3DGS PLY that other viewers read."""

    out: Path
    """The PLY file to write."""
    frame: int = 0
    """The frame, counted from 0."""

    def run(self) -> None:
        from ..avatar.export import encode_frame
        from ..files import check_ending, check_outputs, write_whole

        check_ending(self.out, "a PLY", ".ply")
        check_outputs(self.out, sources=self._sources())
        shown = self._actor()
        write_whole(self.out, encode_frame(shown.pose(self.frame).gaussians, "ply", self.up))
        print(f"{self.out}: frame {self.frame}, {say_count(len(shown.avatar), 'Gaussian')}")


@dataclass(frozen=True, kw_only=True)
class Sequence(_Performance):
    """Write every frame of a take on an avatar: a file of Gaussians each, going on where it
    stopped, or one file of USD."""

    out: Path
    """Folder for frame_0001.ply, ...; for USD the file, such as take.usdc."""
    format: Literal["ply", "compressed", "spz", "usd"] | None = None
    """3DGS's PLY in full; PlayCanvas' compressed PLY; Niantic's SPZ, both with `affekt[export]`;
    or USD's particle field with time samples, with `affekt[usd]`. If absent: usd where --out ends
    in .usd or .usdc, otherwise ply."""
    frames: str | None = None
    """A range such as 100-200, both included, counted from 0, so that frame 0 is the file
    frame_0001 and USD's time code 1; all frames if absent."""

    def run(self) -> None:
        from ..motion.frames import parse_frames

        form = self._check_place()
        shown = self._actor()
        frames = parse_frames(self.frames, len(shown.motion))
        if form == "usd":
            self._write_usd(shown, frames)
        else:
            self._write_files(shown, frames, form)

    def _check_place(self) -> SplatFormat | Literal["usd"]:
        """Checks before the work that the frames can be written where they are to go; what they
        are written as."""
        from ...shared.errors import InputError
        from ..avatar.export import check_writer
        from ..avatar.usd import check_usd
        from ..files import check_outputs

        name = self.out.name.lower()
        form = self.format or ("usd" if name.endswith(_USD_NAMES) else "ply")
        if form == "usd":
            check_usd(self.out)
            check_outputs(self.out, sources=self._sources())
            return form
        if name.endswith((*_USD_NAMES, ".ply", ".spz")) and not self.out.is_dir():
            raise InputError(
                "option.format",
                f"{self.out.name} is the name of one file; as {form} each frame is a file.",
                "Give the name of a folder, or one that ends in .usdc without --format.",
            )
        check_writer(form)
        check_outputs(folder=self.out)
        return form

    def _write_files(self, shown: Actor, frames: range, form: SplatFormat) -> None:
        from rich.progress import track

        from ..avatar.export import write_sequence

        files = write_sequence(self.out, shown, frames, form, self.up)
        written = sum(new for _, new in track(files, "Writing", total=len(frames), transient=True))
        print(
            f"{self.out}: {say_count(written, 'frame')} written, {len(frames) - written} were there"
        )

    def _write_usd(self, shown: Actor, frames: range) -> None:
        from rich.progress import track

        from ..avatar.usd import write_usd

        with closing(write_usd(self.out, shown, frames)) as written:
            for _ in track(written, "Writing", total=len(frames), transient=True):
                pass
        size = self.out.stat().st_size / 1e6
        count = say_count(len(shown.avatar), "Gaussian")
        print(f"{self.out}: {say_count(len(frames), 'frame')}, {count}, {size:.1f} MB")


@dataclass(frozen=True, kw_only=True)
class Compare(_Avatar):
    """Draw the ways in which Gaussians can follow the surface, side by side."""

    out: Path
    """The picture to write: PNG, or JPEG by its ending."""
    avatar: str = "open-gaussians"
    """A LAM web bundle (zip or folder), GaussianAvatars' folder, Gaussians (PLY, SPZ, .splat,
    .ksplat, SOG), an avatar file, or `open-gaussians`."""
    size: int = 320
    """Pixels of each picture's edges."""

    def run(self) -> None:
        from ..files import check_outputs
        from ..render.compare import draw_follows
        from ..render.images import check_sheet_name, write_sheet

        check_sheet_name(self.out)
        check_outputs(self.out, sources=(self.avatar, self.head))
        picture = draw_follows(self._read(), self.size)
        write_sheet(self.out, picture)
        print(f"{self.out}: {picture.shape[1]} x {picture.shape[0]} pixels")


def _turned_over(avatar: Avatar) -> Avatar:
    """The avatar without a surface, rotated by 180 degrees about the x axis."""
    from ..avatar.rest_pose import rest_gaussians
    from ..avatar.splats import turned_over

    turned = turned_over(rest_gaussians(avatar))
    return replace(
        avatar, offsets=turned.means, quaternions=turned.quaternions, harmonics=turned.harmonics
    )
