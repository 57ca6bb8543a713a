# SPDX-License-Identifier: GPL-3.0-or-later
"""Has Blender itself draw files of Gaussians: `blender -b` with a script of ours. From 5.3 on a PLY
of Gaussians is an object that Cycles draws, with the lamps and the shadows of a scene."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ...shared.errors import InputError, JobError
from ...shared.pictures import frame_name
from ...shared.replacement import partial_path

_SCRIPT = Path(__file__).parents[2] / "addon" / "splats" / "batch_drawing.py"
_TIME_S = 3600
"""For 64 frames: a Blender that hangs ends some time."""


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Draws the frames of a row."""

    splats: Path
    avatar: str
    out: Path
    frames: str
    width: int
    height: int
    blender: str = "blender"
    head: str | None = None
    camera: Path | None = None
    scene: Path | None = None

    def run(self) -> None:
        """Raises InputError `batch.blender` if there is no Blender, or one before 5.3; JobError
        `batch.blender` if it failed."""
        first, last = (int(part) for part in self.frames.split("-"))
        frames = range(first, last + 1)
        self.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as name:
            job = Path(name) / "job.json"
            job.write_text(json.dumps(self._job(frames)), "utf-8")
            for index in frames:
                self._target(index).unlink(missing_ok=True)
            self._start(job)
        lost = [i for i in frames if not self._target(i).is_file()]
        if lost:
            raise JobError(
                "batch.blender",
                f"Blender has not drawn frame {lost[0]}.",
                "Check that it is 5.3 or later, and that the scene renders by itself.",
            )

    def _target(self, index: int) -> Path:
        return self.out / frame_name(index)

    def _job(self, frames: range) -> dict[str, object]:
        from ..render.camera_file import read_cameras
        from ..render.portrait import default_camera
        from ..render.shot import read_subject

        if self.camera is None:
            subject = read_subject(self.avatar, self.head)
            cameras = (default_camera(subject, self.width, self.height),)
        else:
            cameras = read_cameras(self.camera, frames.stop)
        seen = [cameras[i if len(cameras) > 1 else 0] for i in frames]
        sources = [str(self.splats / frame_name(i, suffix="ply")) for i in frames]
        return {
            "frames": [
                [s, str(partial_path(self.out)), str(self._target(i))]
                for i, s in zip(frames, sources, strict=True)
            ],
            "cameras": [
                {
                    "camera_from_world": camera.camera_from_world.tolist(),
                    "width": camera.width,
                    "height": camera.height,
                    "focal_x": camera.focal_x,
                    "centre_x": camera.centre_x,
                    "centre_y": camera.centre_y,
                }
                for camera in seen
            ],
        }

    def _start(self, job: Path) -> None:
        scene = [str(self.scene)] if self.scene is not None else ["--factory-startup"]
        options = ["--python-exit-code", "1", "--python", str(_SCRIPT), "--", str(job)]
        words = [self.blender, "-b", *scene, *options]
        try:
            done = subprocess.run(
                words, capture_output=True, encoding="utf-8", errors="replace", timeout=_TIME_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(
                "batch.blender",
                f"Blender cannot be started as '{self.blender}': {error!s:.200}.",
                "Give its path with --blender, 5.3 or later.",
            ) from error
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or [""]
            raise JobError(
                "batch.blender",
                f"Blender ended with the code {done.returncode}: {lines[-1]:.200}",
                "Check that it is 5.3 or later, and that the scene renders by itself.",
            )
