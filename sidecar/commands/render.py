# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt render`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from math import isfinite, radians
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from ...shared.pictures import PNG_PASSES, Axes, Codec, Follow, Format, Pass, PictureRequest
from ...shared.wording import say_count
from .appearance import appearance_rows, read_track
from .reading import Reading, print_notes

if TYPE_CHECKING:
    from ...shared.camera import Camera
    from ...shared.motion import TakeRead
    from ..render.sequence import SavedFrame, Strangers
    from ..render.shot import Shot, Subject

PassName = Literal[Pass, "all"]
_PREVIEW = "preview.mp4"
_FRAME = re.compile(r"(frame|depth)_\d+\.png")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The picture's size, and where it is taken from."""

    size: int = 512
    """Width and height in pixels, where they are not given one by one."""
    width: int | None = None
    """Width in pixels."""
    height: int | None = None
    """Height in pixels."""
    yaw: float = 0.0
    """Degrees that the camera goes around to the head's left."""
    pitch: float = 0.0
    """Degrees that the camera goes up."""
    fov: float = 13.75
    """The camera's angle of view from the picture's lower to its upper edge, in degrees."""
    camera: Path | None = None
    """A camera file, with one camera or one a frame (docs/formats.md), instead of all these."""

    def check(self) -> None:
        """Checks the angles. Raises InputError `option.camera` for those that no camera has."""
        from ...shared.errors import InputError

        if not (isfinite(self.yaw) and abs(self.pitch) < 90 and 0.1 <= self.fov <= 170):
            raise InputError(
                "option.camera",
                f"A camera cannot stand at yaw {self.yaw:g}, pitch {self.pitch:g} with a view of "
                f"{self.fov:g} degrees.",
                "Give a pitch between -90 and 90 and a --fov from 0.1 to 170.",
            )


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How Gaussians are drawn."""

    antialiased: bool = True
    """Draw a head finer, and average, where its Gaussians are finer than pixels: for small heads
    and zooms."""
    follow: Follow | None = None
    """How Gaussians follow the surface; as the avatar was trained for if absent."""
    appearance: float = 1.0
    """How much an avatar's skin wrinkles with the expression, 0 to 2; times the appearance that
    `--emotions` keys."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to draw: on a CUDA device if there is one, the CPU, or CUDA and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """What is written."""

    format: Format = "png"
    """PNG with straight alpha (and depth), or multilayer EXR with the passes."""
    passes: tuple[PassName, ...] = ("combined", "depth")
    """Passes of an EXR, one after the other; `all` is every one that the avatar can have."""
    normal_axes: Axes = "world"
    """Axes of the normal pass: the head's own, as in Cycles the world's, or the camera's."""
    half: bool = True
    """16-bit floats in an EXR where they suffice; depth, position and vector never have them."""
    codec: Codec = "zip"
    """How an EXR is packed, always without a loss. rle takes half of zip's time for files half as
    large again."""
    depth: bool = True
    """With PNG, also write depth, of 16 bit in tenths of a millimetre."""
    preview: bool = True
    """Also write preview.mp4."""
    resume: bool = True
    """Keep the files of an earlier run that were made from the very same things."""
    sheet: Path | None = None
    """Also write a PNG that shows every pass of the first frame as a picture."""


@dataclass(frozen=True, kw_only=True)
class Render:
    """Render a take on a head or a Gaussian avatar: pictures with alpha, passes, an MP4 preview."""

    avatar: str
    """A LAM web bundle (zip or folder), GaussianAvatars' folder, Gaussians (PLY, SPZ, .splat,
    .ksplat, SOG), an avatar file; the embedded head as a lit mesh (`open`) or as Gaussians
    (`open-gaussians`); your FLAME as a mesh."""
    motion: Path
    """The take: any motion file that Affekt reads."""
    out: Path
    """Folder for frame_0001.png (or .exr), depth_0001.png, ... and preview.mp4."""
    frames: str | None = None
    """A range such as 100-200, both included, counted from 0, so that frame 0 is the file
    frame_0001; all frames if absent."""
    head: str | None = None
    """The head that the avatar sits on, such as your FLAME file, where its file asks for one."""
    plain_shapes: bool = False
    """Let an ARKit avatar's shapes take the take's weights as they are, not calibrated by their
    effect (`affekt avatar calibrate`), and leave its Gaussians bound as its maker bound them."""
    adapter: Path | None = None
    """Adapter between the open head and FLAME, for a take or an avatar on FLAME (`affekt adapter
    build`)."""
    sound: Path | None = None
    """Sound of the take, for the preview."""
    emotions: Path | None = None
    """Emotion keys that were baked into the take: an avatar's skin folds as in these emotions and
    flushes, and EXRs' headers name them (`affekt bake` moves the face)."""
    picture: tyro.conf.OmitArgPrefixes[Picture] = field(default_factory=Picture)
    drawing: tyro.conf.OmitArgPrefixes[Drawing] = field(default_factory=Drawing)
    files: tyro.conf.OmitArgPrefixes[Files] = field(default_factory=Files)
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)

    def run(self) -> None:
        from ..compiling import say_when_compiling
        from ..motion.adapter import read_adapter
        from ..motion.frames import parse_frames
        from ..motion.read import read_take
        from ..render.shot import make_shot, motion_for, read_subject
        from ..render.video import read_sound

        self._check_places()
        say_when_compiling()
        take = read_take(self.motion, self.reading.options())
        print_notes(self.motion.name, take)
        motion = take.motion
        frames = parse_frames(self.frames, len(motion))
        adapter = None if self.adapter is None else read_adapter(self.adapter)
        subject = read_subject(self.avatar, self.head, plain_shapes=self.plain_shapes)
        self._print_notes(subject)
        if self.sound is not None:
            read_sound(self.sound)  # so that a bad one is known before anything is written
        motion = motion_for(subject, motion, adapter)
        request = self._request(subject, replace(take, motion=motion), frames)
        begin_s = (take.first_frame + frames.start) / motion.fps
        self._render(make_shot(subject, motion, request, self.drawing.device), frames, begin_s)

    def _check_places(self) -> None:
        from ..files import check_ending, check_outputs

        sheet, names = self.files.sheet, list[str]()
        check_ending(sheet, "a PNG", ".png")
        if self.files.preview:
            names.append(_PREVIEW)
        if sheet is not None and _FRAME.fullmatch(sheet.name):
            names.append(sheet.name)
        made_of = (self.avatar, self.motion, self.head, self.adapter, self.sound, self.emotions)
        check_outputs(sheet, folder=self.out, names=names, sources=(*made_of, self.picture.camera))

    def _print_notes(self, subject: Subject) -> None:
        from ..avatar.avatar import Avatar, performance_notes
        from ..raster.device import choose_rasteriser

        if isinstance(subject, Avatar):
            for note in performance_notes(subject):
                print(f"Note: {note}")
            rasteriser = choose_rasteriser(self.drawing.device)
            if rasteriser.device != "cpu":
                print(rasteriser.reason)

    def _request(self, subject: Subject, take: TakeRead, frames: range) -> PictureRequest:
        files, track, first = self.files, read_track(self.emotions, take), take.first_frame
        return PictureRequest(
            frames=frames,
            cameras=self._cameras(subject, len(take.motion)),
            passes=self._passes(subject),
            format=files.format,
            half=files.half,
            codec=files.codec,
            antialiased=self.drawing.antialiased,
            follow=self.drawing.follow,
            axes=files.normal_axes,
            weights=None if track is None else track.weights[first:],
            influence=None if track is None else track.influence[first:],
            appearance=appearance_rows(self.drawing.appearance, len(take.motion), track),
            skin_emotions=None if track is None else track.shown_weights(),  # of before a cut, too
        )

    def _passes(self, subject: Subject) -> tuple[str, ...]:
        from ..render.passes import available_passes

        if self.files.format == "png":
            if self.files.passes != Files.passes:
                print("Note: PNGs hold no passes: --passes does nothing without --format exr.")
            return PNG_PASSES if self.files.depth else PNG_PASSES[:1]
        return available_passes(subject) if "all" in self.files.passes else self.files.passes

    def _cameras(self, subject: Subject, count: int) -> tuple[Camera, ...]:
        from ..render.camera_file import read_cameras
        from ..render.portrait import ViewAngles, default_camera

        given = self.picture
        if given.camera is not None:
            return read_cameras(given.camera, count)
        given.check()
        view = ViewAngles(
            yaw_rad=radians(given.yaw), pitch_rad=radians(given.pitch), fov_y_rad=radians(given.fov)
        )
        width = given.size if given.width is None else given.width
        height = given.size if given.height is None else given.height
        return (default_camera(subject, width, height, view),)

    def _render(self, shot: Shot, frames: range, begin_s: float) -> None:
        """Renders the frames. begin_s: when the first of them is, in seconds of the sound."""
        from rich.progress import track

        from ..render.sequence import save_sequence

        started = time.perf_counter()
        saved = save_sequence(
            shot, self.out, resume=self.files.resume, on_strangers=self._say_strangers
        )
        kept = 0
        with ExitStack() as stack:
            stack.enter_context(closing(saved))
            for done in track(
                self._with_preview(saved, shot.motion.fps, begin_s, stack),
                "Rendering",
                total=len(frames),
                transient=True,
            ):
                kept += done.frame is None
        if self.files.sheet is not None:
            self._write_sheet(self.files.sheet, shot, frames.start)
        seconds = time.perf_counter() - started
        said = f", {kept} of them kept from before" if kept else ""
        print(
            f"{self.out}: {say_count(len(frames), 'frame')} in {seconds:.1f} s "
            f"({1000 * seconds / len(frames):.0f} ms each){said}"
        )

    def _say_strangers(self, found: Strangers) -> None:
        replaced = f"{say_count(found.replaced, 'frame')} of another rendering will be replaced"
        left = (
            f"{say_count(found.left, 'frame')} of another rendering will stay beside the new ones"
        )
        said = [replaced] * bool(found.replaced) + [left] * bool(found.left)
        print(f"{self.out}: {'; '.join(said)}.", flush=True)

    def _with_preview(
        self, saved: Iterator[SavedFrame], fps: float, begin_s: float, stack: ExitStack
    ) -> Iterator[SavedFrame]:
        """Passes the frames on and makes the preview of their files, whether these are new or kept,
        so that it is the same either way."""
        from ..raster.colour import over
        from ..render.sequence import read_saved
        from ..render.video import VideoWriter

        if not self.files.preview:
            yield from saved
            return
        path = self.out / _PREVIEW
        writer = VideoWriter(path, fps, sound=self.sound, sound_start_s=begin_s)
        video = stack.enter_context(writer)
        for done in saved:
            video.add(over(read_saved(done.files[0])))
            yield done

    def _write_sheet(self, path: Path, shot: Shot, frame: int) -> None:
        from ..avatar.regions import kept_labels
        from ..render.images import write_png
        from ..render.passes import available_passes, render_frames
        from ..render.sheets import pass_sheet

        request = replace(shot.request, format="exr", passes=available_passes(shot.subject))
        frames = render_frames(replace(shot, request=request), (frame,), kept_labels)
        shown = next(frames)
        write_png(path, pass_sheet(shown, title=f"{Path(self.avatar).stem}, frame {frame}"))
