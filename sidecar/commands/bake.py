# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt bake`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ...shared.motion import Motion
    from ..bake.bake import BakeProgress


@dataclass(frozen=True, kw_only=True)
class Bake:
    """Bake an emotion track into a take: motion.npz, vertices.pc2 and report.json."""

    motion: Path
    """The take: a tracker's file or its folder of frames (docs/formats.md)."""
    emotions: Path
    """Emotion keys as JSON, or ACE's emotions with time codes (docs/formats.md)."""
    out: Path
    """Folder for the results."""
    head: str = "open"
    """`open` for the embedded head, or a head file."""
    frames: str | None = None
    """A range such as 100-200, both included, counted from 0; all frames if absent."""
    adapter: Path | None = None
    """Adapter from the take's space, for FLAME takes (see `affekt adapter build`)."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""

    def run(self) -> None:
        from ...shared import limits
        from ...shared.ace_emotions import decode_emotions
        from ..bake.bake import bake
        from ..bake.output import head_sha256, modulator_sha256, write_bake
        from ..files import read_bytes
        from ..head.read import OPEN, read_head
        from ..modulation.modulator import load_modulator
        from ..motion.adapter import read_adapter
        from .frames import parse_frames

        motion, motion_hash = self._read_motion()
        emotions = read_bytes(self.emotions, limits.MAX_TRACK_BYTES, "emotion file")
        track, left_out = decode_emotions(emotions, len(motion), motion.fps)
        if left_out:
            print(f"{self.emotions}: there is no counterpart for {', '.join(left_out)}")
        frames = parse_frames(self.frames, len(motion))
        inputs: dict[str, bytes | str] = {"motion": motion_hash, "emotions": emotions}
        adapter = None
        if self.adapter is not None:
            adapter = read_adapter(self.adapter)
            inputs["adapter"] = self.adapter.read_bytes()
        head, modulator = read_head(self.head), load_modulator(self.modulator)
        inputs |= {"head": head_sha256(head), "modulator": modulator_sha256(modulator)}
        with _Bar() as bar:
            result = bake(
                motion,
                track,
                head,
                adapter,
                modulator,
                frames,
                on_progress=bar.show,
                open_head=read_head(OPEN),
            )
            report = write_bake(result, self.out, settings=self._settings(), inputs=inputs)
        seconds = sum(result.seconds.values())
        rate = len(frames) / max(seconds, 1e-9)
        print(f"{self.out}: {len(frames)} frames in {seconds:.1f} s ({rate:.0f} frames/s)")
        for name, digest in report["sha256"]["outputs"].items():  # pyright: ignore[reportIndexIssue]
            print(f"  {name}  sha256 {digest[:16]}")

    def _read_motion(self) -> tuple[Motion, str]:
        """The take and its hash: of the file, or of what a folder of frames holds."""
        from ...shared import limits
        from ..bake.output import sha256
        from ..files import read_bytes
        from ..motion.read import decode_motion, encode_motion, is_folder, read_motion

        if is_folder(self.motion):
            motion = read_motion(self.motion)
            return motion, sha256(encode_motion(motion))
        data = read_bytes(self.motion, limits.MAX_MOTION_BYTES, "motion file")
        return decode_motion(data, self.motion.name), sha256(data)

    def _settings(self) -> dict[str, object]:
        """What was asked for, with files by their names, not by where they lay."""
        return {
            "motion": self.motion.name,
            "emotions": self.emotions.name,
            "head": Path(self.head).name,
            "frames": self.frames,
            "adapter": self.adapter and self.adapter.name,
            "modulator": self.modulator and self.modulator.name,
        }


class _Bar:
    """A progress bar with one line for each stage of a bake."""

    def __enter__(self) -> _Bar:
        from rich.console import Console
        from rich.progress import Progress

        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._progress.start()
        self._tasks: dict[str, TaskID] = {}
        return self

    def show(self, progress: BakeProgress) -> None:
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._progress.add_task(progress.stage)
        self._progress.update(
            self._tasks[progress.stage], total=progress.total, completed=progress.done
        )

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
