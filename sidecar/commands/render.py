# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt render`."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...shared.head import HeadModel
    from ...shared.motion import Motion
    from ..avatar.avatar import Avatar


@dataclass(frozen=True, kw_only=True)
class Render:
    """Render a take on a Gaussian avatar: PNG pictures with alpha, depth, and an MP4 preview."""

    avatar: str
    """A LAM web bundle (zip), or `open` for the embedded head as a lit mesh."""
    motion: Path
    """The take: any motion file that Affekt reads."""
    out: Path
    """Folder for frame_0001.png, depth_0001.png, ... and preview.mp4."""
    size: int = 512
    """Width and height in pixels."""
    frames: str | None = None
    """A range such as 100-200, both included, counted from 0; all frames if absent."""
    adapter: Path | None = None
    """Adapter between the take's expression space and the avatar's, where they differ."""
    sound: Path | None = None
    """Sound of the take, for the preview."""
    depth: bool = True
    """Also write depth, as 16-bit PNG in tenths of a millimetre."""
    preview: bool = True
    """Also write preview.mp4."""

    def run(self) -> None:
        from ..motion.adapter import read_adapter
        from ..motion.read import read_motion
        from ..render.source import motion_for, read_subject
        from ..render.video import read_sound
        from .frames import parse_frames

        motion = read_motion(self.motion)
        frames = parse_frames(self.frames, len(motion))
        adapter = None if self.adapter is None else read_adapter(self.adapter)
        subject = read_subject(self.avatar)
        if self.sound is not None:
            read_sound(self.sound)  # so that a bad one is known before anything is written
        self._render(subject, motion_for(subject, motion, adapter), frames)

    def _render(self, subject: Avatar | HeadModel, motion: Motion, frames: range) -> None:
        from rich.progress import track

        from ..render import images
        from ..render.render import default_camera, render_frames
        from ..render.video import VideoWriter

        camera = default_camera(subject, self.size, self.size)
        images.make_folder(self.out)
        started = time.perf_counter()
        with ExitStack() as stack:
            video = None
            if self.preview:
                path, start_s = self.out / "preview.mp4", frames.start / motion.fps
                writer = VideoWriter(path, motion.fps, sound=self.sound, sound_start_s=start_s)
                video = stack.enter_context(writer)
            rendered = render_frames(subject, motion, camera, self.size, frames)
            for frame in track(rendered, "Rendering", total=len(frames), transient=True):
                images.write_frame(self.out, frame, with_depth=self.depth)
                if video is not None:
                    video.add(images.over(frame.rgba))
        seconds = time.perf_counter() - started
        print(
            f"{self.out}: {len(frames)} frames of {self.size} x {self.size} in {seconds:.1f} s "
            f"({1000 * seconds / len(frames):.0f} ms each)"
        )
