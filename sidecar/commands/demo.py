# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt demo`: the main job on what the package carries, from a photo to pictures; timings at the
end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.emotion import EMOTIONS, constant_track
from ...shared.errors import InputError
from ...shared.motion import Motion
from ...shared.wording import say_count
from ..avatar.avatar import Avatar
from ..modulation.modulator import Modulator, modulate

if TYPE_CHECKING:
    from ..render.shot import Subject

SHEET_SIZE = (300, 360)
VIDEO_SIZE = (400, 480)
EXR_SIZE = (512, 512)
STRIP_FRAMES = 9
PHOTO, AVATAR = "astronaut.jpg", "astronaut.safetensors"
_CUT = (107, 0, 337, 276)
"""The part of the photo that the sheet shows: left, top, right, bottom in pixels."""
_APPEARANCE = 0.5
"""How much the avatar's skin wrinkles: more than that looks painted on a photo's skin."""
_LEFT_DEG = 25.0
Draw = Callable[[Motion, int], UInt8Array]
"""Draws a frame of a motion."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Make an avatar of the shipped photo, bake the shipped take with happy -> neutral -> sad, and
    show both, and the six emotions."""

    out: Path = Path("demo")
    """Folder for the avatar, the pictures, the video and the bake."""

    def run(self) -> None:
        from ..compiling import say_when_compiling
        from ..modulation.modulator import load_modulator
        from ..motion.read import read_motion
        from ..render.drawer import Drawer
        from ..render.images import make_folder, write_png
        from .bake import Bake

        say_when_compiling()
        make_folder(self.out)
        clock = Stopwatch()
        with resources.as_file(resources.files("affekt.sidecar.assets") / "demo") as assets:
            with clock.stage("avatar of the photo"):
                subject = self._make_subject(assets / PHOTO)
                made = [AVATAR] if isinstance(subject, Avatar) else []
            with clock.stage("bake with happy -> neutral -> sad"):
                bake = self.out / "bake"
                Bake(
                    motion=assets / "take.npz",
                    emotions=assets / "emotions.json",
                    head="open",
                    out=bake,
                ).run()
            take, baked = read_motion(assets / "take.npz"), read_motion(bake / "motion.npz")
            draw = Drawer(subject, SHEET_SIZE, appearance=_APPEARANCE).draw
            with clock.stage("contact sheet of the six emotions"):
                begin = beginning(subject, assets / PHOTO)
                sheet = emotion_sheet(take, load_modulator(), draw, begin)
                write_png(self.out / "emotions.png", sheet)
            with clock.stage("strip of frames"):
                write_png(self.out / "strip.png", strip(take, baked, draw))
            with clock.stage("EXR of a happy, a neutral and a sad frame, every pass"):
                write_exr(self.out / "exr", baked, subject)
            with clock.stage("video with sound"):
                write_preview(self.out / "preview.mp4", take, baked, subject, assets / "take.wav")
        clock.report(len(take))
        for name in (*made, "emotions.png", "strip.png", "preview.mp4", "exr/", "bake/"):
            print(f"  {self.out / name}")

    def _make_subject(self, photo: Path) -> Subject:
        """The avatar of the photo; where what sees a face is not installed, the open head, and
        why."""
        from ..avatar.affekt_avatar import encode_avatar
        from ..files import write_whole
        from ..head.read import OPEN, read_head
        from ..portrait.making import make_steps
        from ..steps import finish
        from .portrait import say_stage

        try:
            made = finish(make_steps(photo.read_bytes(), photo.name), say_stage)
        except InputError as error:
            if error.code != "option.missing_extra":
                raise
            print(f"{error} So this demo shows the open head.", flush=True)
            return read_head(OPEN)
        avatar = made.portrait.avatar
        write_whole(self.out / AVATAR, encode_avatar(avatar))
        return avatar


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times what runs inside and says what it is."""
        print(f"{name} …", flush=True)
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin

    def report(self, frames: int) -> None:
        """Prints one line a stage."""
        print(f"\n{say_count(frames, 'frame')}")
        for name, seconds in self.seconds.items():
            print(f"  {seconds:7.2f} s  {name}")
        print(f"  {sum(self.seconds.values()):7.2f} s  in all\n")


Beginning = tuple[tuple[str, UInt8Array], tuple[str, UInt8Array]]
"""What stands left of the emotions, above and below, each with its label."""


def beginning(subject: Subject, photo: Path) -> Beginning | None:
    """The photo, and its avatar from the side; None for a head, which has no photo."""
    from PIL import Image

    from ...shared.preset_portraits import still_take
    from ..render.drawer import Drawer
    from ..render.portrait import ViewAngles

    if not isinstance(subject, Avatar):
        return None
    side = ViewAngles(yaw_rad=float(np.radians(_LEFT_DEG)))
    turned = Drawer(subject, SHEET_SIZE, side).draw(still_take(), 0)
    with Image.open(photo) as image:
        cut = np.asarray(image.crop(_CUT).resize(SHEET_SIZE, Image.Resampling.LANCZOS))
    return ("the photo", cut), (f"its avatar, {_LEFT_DEG:.0f}°", turned)


def emotion_sheet(
    take: Motion, modulator: Modulator, draw: Draw, begin: Beginning | None = None
) -> UInt8Array:
    """Two rows: the six emotions at weight 1 in a calm frame and in one with an open mouth, right
    of `begin` where there is one."""
    from ..render.sheets import contact_sheet

    tracks = [constant_track(len(take), take.fps)]
    tracks += [constant_track(len(take), take.fps, **{name: 1.0}) for name in EMOTIONS]
    versions = [take, *(modulate(take, track, modulator) for track in tracks)]
    labels = ["the take itself", "neutral", *EMOTIONS]
    pictures, names = [], []
    for row, frame in enumerate(characteristic_frames(take)):
        if begin is not None:
            pictures.append(begin[row][1])
            names.append(begin[row][0])
        pictures += [draw(version, frame) for version in versions]
        names += labels if row == 0 else [""] * len(labels)
    return contact_sheet(pictures, names, len(names) // 2)


def characteristic_frames(take: Motion) -> tuple[int, int]:
    """A frame with the mouth nearly shut and the one with the jaw widest, both inside the take."""
    jaw = take.jaw[:, 0].copy()
    middle = slice(len(take) // 8, len(take) - len(take) // 8)
    loud = middle.start + int(jaw[middle].argmax())
    quiet = middle.start + int(np.abs(jaw[middle] - np.quantile(jaw[middle], 0.15)).argmin())
    return quiet, loud


def strip(take: Motion, baked: Motion, draw: Draw) -> UInt8Array:
    """The take above, the bake below, at equal steps through the time."""
    from ..render.sheets import contact_sheet

    frames = np.linspace(0.04, 0.96, STRIP_FRAMES) * (len(take) - 1)
    pictures = [draw(motion, round(frame)) for motion in (take, baked) for frame in frames]
    labels = [f"take, {frame / take.fps:.1f} s" for frame in frames]
    labels += [f"baked, {frame / take.fps:.1f} s" for frame in frames]
    return contact_sheet(pictures, labels, STRIP_FRAMES)


def write_exr(folder: Path, baked: Motion, subject: Subject) -> None:
    """A frame of each emotion of the bake as a multilayer EXR."""
    from ...shared.pictures import PictureRequest
    from ..render.passes import available_passes
    from ..render.sequence import save_sequence
    from ..render.shot import make_shot, motion_for
    from .appearance import appearance_rows

    first, step = round(0.16 * (len(baked) - 1)), round(0.38 * (len(baked) - 1))
    request = PictureRequest(
        width=EXR_SIZE[0],
        height=EXR_SIZE[1],
        format="exr",
        passes=available_passes(subject),
        frames=range(first, first + 2 * step + 1, step),
        appearance=appearance_rows(_APPEARANCE, len(baked)),
    )
    for _ in save_sequence(make_shot(subject, motion_for(subject, baked, None), request), folder):
        pass


def write_preview(path: Path, take: Motion, baked: Motion, subject: Subject, sound: Path) -> None:
    """The take on the left, the bake on the right, with the take's sound."""
    from rich.progress import track

    from ..render.drawer import Drawer
    from ..render.video import VideoWriter

    pair = [(Drawer(subject, VIDEO_SIZE, appearance=_APPEARANCE), one) for one in (take, baked)]
    with VideoWriter(path, take.fps, sound=sound) as video:
        for frame in track(range(len(take)), "  frames"):
            pictures = [drawer.draw(motion, frame) for drawer, motion in pair]
            video.add(np.concatenate(pictures, axis=1)[..., :3])
