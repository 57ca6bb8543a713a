# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar's client without a sidecar: the same calls, answers known in advance, and faults."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import harness
import numpy as np


def png(colour: tuple[int, int, int, int], size: int) -> bytes:
    """A picture of one colour, RGBA of 8 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = (b"\0" + bytes(colour) * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class FakeClient:
    """A bake adds the happy curve to the first expression; a PNG's red is its frame + 1, an EXR
    one of `exrs`, frame by frame.

    fault: `job` ends every job with an error; `stall` never ends one; `gone` closes at once;
    `weights` ends every job as LAM's weights that are not the published ones do;
    `full` fails a rendering after two pictures, as a full disk does.
    """

    def __init__(
        self, head: object, take: object, fault: str = "", exrs: tuple[str, ...] = ()
    ) -> None:
        self.welcome = SimpleNamespace(affekt="0.0.fake", capabilities=("bake", "render"))
        self.is_open, self.is_silent = fault != "gone", False
        self.jobs = self  # it keeps its own book
        self.fault, self.head, self.take = fault, head, take
        self.exrs = exrs
        self.notes = ("3 of 900 frames were missing and were filled in.",)
        self.readings: list[object] = []
        self.spaces: list[str] = []
        self.renders: list[dict] = []
        self.uploads: list[tuple[str, str]] = []
        self.uploaded: list[bytes] = []
        self.cancelled: list[str] = []
        self.sat_on: list[tuple[str, str | None]] = []
        self.backbones: list[str] = []
        self._events: list[object] = []
        self._motions: dict[str, object] = {}

    def upload(self, data: bytes, kind: str, name: str) -> object:
        self.uploads.append((kind, name))
        self.uploaded.append(data)
        if kind == "motion" and name == "take.npz":
            path = harness.folder() / f"sent{len(self.uploads)}.npz"
            path.write_bytes(data)
            self._motions[name] = harness.read_motion(str(path))
        return SimpleNamespace(name=name, kind=kind)

    def holds(self, name: str) -> bool:
        return False

    @property
    def sent_motion(self) -> object:
        """The take that was sent last for a bake or a rendering."""
        return self._motions["take.npz"]

    def get_head(self, name: str) -> object:
        return self.head

    def read_take(
        self,
        motion: object,
        adapter: object = None,
        options: object = None,
        *,
        space: str = "open",
        head: str = "open",
    ) -> object:
        errors = harness.load("shared.errors")
        self.readings.append(options)
        self.spaces.append(space)
        if self.fault == "space":
            raise errors.InputError(
                "space.no_adapter", "It is in FLAME's space.", "Give an adapter."
            )
        return harness.load("shared.motion").TakeRead(motion=self.take, notes=self.notes)

    def calibrate(self, vertices: object, faces: object, shapes: object) -> object:
        """Gains .5, .51, ... in the order of the shapes."""
        noun = harness.load("shared.calibration")
        return noun.Calibration(
            map=np.diag(0.5 + 0.01 * np.arange(52)).astype(np.float32),
            most=np.full(52, 3, np.float32),
            gaps=np.zeros((2, 52), np.float32),
            reach=np.ones((52, 2), np.float32),
        )

    def start_bake(
        self,
        motion: object,
        track: object,
        *,
        head: str,
        vertices: bool,
        frames: range | None = None,
    ) -> str:
        events = harness.load("shared.events")
        take = self.sent_motion
        self.sent_track, self.sent_frames = track, frames
        expression = take.expression.copy()
        expression[:, 0] += track.weights[:, 0] * track.influence
        half = events.JobProgressed(
            job="bake", stage="modulation", done=5, total=10, seconds_left=None
        )
        baked = replace(take, expression=expression)
        if frames is not None:
            baked = harness.load("shared.motion").cut_motion(baked, frames.start, frames.stop)
        done = events.BakeFinished(
            job="bake",
            start=0 if frames is None else frames.start,
            motion=baked if take.space == "open" else None,
            baked=None,
            take=SimpleNamespace(motion=baked),
            vertices="vertices" if vertices else None,
        )
        return self._queue("bake", [half, done])

    def download(self, artefact: object, path: Path) -> None:
        if isinstance(artefact, str):  # a bake's mesh
            path.write_text(artefact)
        elif hasattr(artefact, "data"):  # an avatar
            path.write_bytes(artefact.data)
        else:
            path.write_bytes(harness.load("shared.take_files").encode_motion(artefact.motion))

    def start_render(
        self,
        subject: object,
        motion: object,
        folder: Path,
        options: object,
        *,
        adapter: object = None,
    ) -> str:
        events, errors = harness.load("shared.events"), harness.load("shared.errors")
        names = ("frames", "passes", "format", "half", "codec", "antialiased", "follow")
        asked = {name: getattr(options, name) for name in names}
        asked["size"], asked["cameras"] = options.size, len(options.cameras)
        asked["weights"], asked["appearance"] = options.weights, options.appearance
        asked["adapter"] = getattr(adapter, "name", None)
        self.renders.append({"subject": getattr(subject, "name", subject), **asked})
        frames = options.frames
        paths, ledger = [], harness.load("shared.ledger").Ledger(folder)
        for index in frames[:2] if self.fault == "full" else frames:
            data, suffix = png(((index + 1) % 256, 128, 0, 255), options.width), "png"
            if self.exrs:
                data, suffix = Path(self.exrs[index]).read_bytes(), "exr"
            paths.append(folder / f"frame_{index + 1:04d}.{suffix}")
            if self.fault != "job":
                paths[-1].write_bytes(data)
                ledger.note(paths[-1])
        if self.fault == "full":
            error = errors.InputError("file.not_writable", "The disk is full.", "Make room.")
            return self._queue("render", [events.JobFailed(job="render", error=error)])
        done = events.RenderFinished(job="render", folder=folder, paths=tuple(paths))
        return self._queue("render", [done])

    def _queue(self, job: str, happens: list[object]) -> str:
        events, errors = harness.load("shared.events"), harness.load("shared.errors")
        if self.fault == "job":
            error = errors.JobError("job.failed", "The bake broke off.", "Try again.")
            happens = [events.JobFailed(job=job, error=error)]
        if self.fault == "weights":
            error = errors.InputError("file.unknown_weights", "It is another file.", "Get it.")
            happens = [events.JobFailed(job=job, error=error)]
        if self.fault == "stall":
            happens = happens[:-1]
        self._events += happens
        return job

    def start_avatar(
        self,
        photo: object,
        *,
        face: int,
        more: Sequence[object],
        head: str,
        head_space: str | None,
        backbone: str,
    ) -> str:
        """Its file holds the photo's name, the face's number, and further photos' names."""
        self.sat_on.append((head, head_space))
        self.backbones.append(backbone)
        words = " ".join([photo.name, str(face), *(one.name for one in more)])
        events, data = harness.load("shared.events"), words.encode()
        fits = events.JobProgressed(
            job="avatar", stage="fitting-the-head", done=3, total=8, seconds_left=None
        )
        made = SimpleNamespace(name="me.safetensors", data=data)
        done = events.AvatarFinished(job="avatar", avatar=made, said="One face, sure to 97%.")
        return self._queue("avatar", [fits, done])

    def get_avatar(
        self, avatar: object, flame: object = None, *, flame_space: str | None = None
    ) -> object:
        """Two Gaussians on the head's first two faces, of somebody with another face."""
        if self.fault == "avatar":
            raise harness.load("shared.errors").InputError(
                "avatar.too_big", "It is too big.", "Thin it out."
            )
        ones = np.ones((2, 3), np.float32)
        return harness.load("shared.avatar_messages").AvatarRead(
            name="me",
            surface="head",
            binding="face",
            follow="deform",
            is_solid=True,
            head_space="open",
            anchors=np.array([0, 1], np.int32),
            supports=self.head.faces,
            offsets=0 * ones,
            quaternions=np.array([[1, 0, 0, 0]] * 2, np.float32),
            scales=0.01 * ones,
            opacities=ones[:, 0],
            colours=0.5 * ones,
            template_change=np.full_like(self.head.template, 0.001),
        )

    def take_events(self) -> list[object]:
        events, self._events = self._events[:1], self._events[1:]
        return events

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    def give_up(self, error: object) -> None:
        self._events.clear()

    def close(self) -> None:
        self.is_open = False


def silence(frames: int, fps: float = 30.0) -> object:
    """A take in the open space that does nothing but count: expression 1 is frame / 100."""
    expression = np.zeros((frames, 100), np.float32)
    expression[:, 1] = np.arange(frames) / 100
    motion = harness.load("shared.motion")
    return motion.make_motion(expression=expression, fps=fps, space="open")
