# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt demo`: the main job on what the package carries, pictures and timings at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np

from ...shared.arrays import UInt8Array
from ...shared.emotion import EMOTIONS, constant_track
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ...shared.wording import say_count
from ..modulation.modulator import Modulator, modulate

SHEET_SIZE = (300, 360)
VIDEO_SIZE = (400, 480)
STRIP_FRAMES = 9


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Bake the shipped take with happy -> neutral -> sad and show the six emotions."""

    out: Path = Path("demo")
    """Folder for the pictures, the video and the bake."""

    def run(self) -> None:
        from ..compiling import say_when_compiling
        from ..head.read import read_head
        from ..modulation.modulator import load_modulator
        from ..motion.read import read_motion
        from ..render.images import make_folder, write_png
        from .bake import Bake

        say_when_compiling()
        make_folder(self.out)
        clock = Stopwatch()
        with resources.as_file(resources.files("affekt.sidecar.assets") / "demo") as assets:
            with clock.stage("bake with happy -> neutral -> sad"):
                bake = self.out / "bake"
                Bake(
                    motion=assets / "take.npz",
                    emotions=assets / "emotions.json",
                    head="open",
                    out=bake,
                ).run()
            take, baked = read_motion(assets / "take.npz"), read_motion(bake / "motion.npz")
            head, modulator = read_head("open"), load_modulator()
            with clock.stage("contact sheet of the six emotions"):
                write_png(self.out / "emotions.png", emotion_sheet(take, head, modulator))
            with clock.stage("strip of frames"):
                write_png(self.out / "strip.png", strip(take, baked, head))
            with clock.stage("video with sound"):
                write_preview(self.out / "preview.mp4", take, baked, head, assets / "take.wav")
        clock.report(len(take))
        for name in ("emotions.png", "strip.png", "preview.mp4", "bake/"):
            print(f"  {self.out / name}")


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


def emotion_sheet(take: Motion, head: HeadModel, modulator: Modulator) -> UInt8Array:
    """Two rows: the six emotions at weight 1 in a calm frame and in one with an open mouth."""
    from ..render.portrait import draw_frame
    from ..render.sheets import contact_sheet

    quiet, loud = characteristic_frames(take)
    tracks = [constant_track(len(take), take.fps)]
    tracks += [constant_track(len(take), take.fps, **{name: 1.0}) for name in EMOTIONS]
    versions = [take, *(modulate(take, track, modulator) for track in tracks)]
    labels = ["the take itself", "neutral", *EMOTIONS]
    pictures = [
        draw_frame(version, frame, head, SHEET_SIZE)
        for frame in (quiet, loud)
        for version in versions
    ]
    names = [*labels, *("" for _ in labels)]
    return contact_sheet(pictures, names, len(labels))


def characteristic_frames(take: Motion) -> tuple[int, int]:
    """A frame with the mouth nearly shut and the one with the jaw widest, both inside the take."""
    jaw = take.jaw[:, 0].copy()
    middle = slice(len(take) // 8, len(take) - len(take) // 8)
    loud = middle.start + int(jaw[middle].argmax())
    quiet = middle.start + int(np.abs(jaw[middle] - np.quantile(jaw[middle], 0.15)).argmin())
    return quiet, loud


def strip(take: Motion, baked: Motion, head: HeadModel) -> UInt8Array:
    """The take above, the bake below, at equal steps through the time."""
    from ..render.portrait import draw_frame
    from ..render.sheets import contact_sheet

    frames = np.linspace(0.04, 0.96, STRIP_FRAMES) * (len(take) - 1)
    pictures = [
        draw_frame(motion, round(frame), head, SHEET_SIZE)
        for motion in (take, baked)
        for frame in frames
    ]
    labels = [f"take, {frame / take.fps:.1f} s" for frame in frames]
    labels += [f"baked, {frame / take.fps:.1f} s" for frame in frames]
    return contact_sheet(pictures, labels, STRIP_FRAMES)


def write_preview(path: Path, take: Motion, baked: Motion, head: HeadModel, sound: Path) -> None:
    """The take on the left, the bake on the right, with the take's sound."""
    from rich.progress import track

    from ..head.forward import layer_of
    from ..render.portrait import draw
    from ..render.video import VideoWriter

    layer = layer_of(head)
    pair = [layer.vertices(motion, 0, len(motion)) for motion in (take, baked)]

    def draw_pair(index: int) -> UInt8Array:
        pictures = [draw(vertices[index], head, VIDEO_SIZE) for vertices in pair]
        return np.concatenate(pictures, axis=1)[..., :3]

    # The kernels that draw release the interpreter's lock, so threads use every core.
    with VideoWriter(path, take.fps, sound=sound) as video, ThreadPoolExecutor() as pool:
        try:
            for picture in track(pool.map(draw_pair, range(len(take))), "  frames", len(take)):
                video.add(picture)
        finally:
            pool.shutdown(cancel_futures=True)  # else who interrupts it waits for every frame
