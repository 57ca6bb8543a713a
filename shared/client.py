# SPDX-License-Identifier: GPL-3.0-or-later
"""The one client of the sidecar, for the add-on and the tests.

    client = Client.connect(read_connection(folder))
    take = client.upload_file(path, "motion")
    job = client.start_bake(take, track)
    ...                                # on a timer:
    for event in client.poll(): ...    # JobProgressed, then BakeFinished or JobFailed
    client.close()

Calls that answer at once (`upload`, `read_motion`, `get_head`, ...) wait, at most their timeout.
Jobs never wait: `start_*` and `cancel` return at once, `poll` hands over what has arrived.
All calls come from one thread, the user's.
"""

from __future__ import annotations

from pathlib import Path

from .camera import Camera
from .connection import Connection
from .emotion import EmotionTrack
from .events import JobEvent
from .head import HeadModel
from .messages import Artefact, Kind, Welcome
from .motion import Motion

ANSWER_S = 10.0
"""Longest wait for a short answer, by default."""
READ_S = 120.0
"""Longest wait where the sidecar must read a large file first (its first answer loads torch)."""


class Client:
    """A connection to one running sidecar.

    Every method raises `LinkError`: `link.unreachable` (no sidecar there, or it has gone),
    `link.timeout`, `link.version`, `link.refused` (keys), `link.protocol`. Errors of the
    sidecar's own (`file.*`, `motion.*`, `space.no_adapter`, ...) arrive as they were raised.
    """

    welcome: Welcome
    """What the sidecar said of itself: versions and capabilities."""

    @classmethod
    def connect(cls, connection: Connection, *, timeout_s: float = ANSWER_S) -> Client:
        """Connects and says hello. Raises LinkError."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether the sidecar was there when last heard of; never blocks."""
        raise NotImplementedError

    def ping(self, *, timeout_s: float = ANSWER_S) -> float:
        """Seconds that a round trip takes."""
        raise NotImplementedError

    def upload(
        self, data: bytes, kind: Kind, name: str, *, timeout_s: float = READ_S
    ) -> Artefact:
        """Hands the bytes over, unless the sidecar has them already. `name` is shown to the
        user in errors."""
        raise NotImplementedError

    def upload_file(self, path: Path, kind: Kind, *, timeout_s: float = READ_S) -> Artefact:
        """Hands a file over, piece by piece. Raises InputError `file.missing`,
        `file.too_large`, `file.not_readable` too."""
        raise NotImplementedError

    def download(self, artefact: Artefact, path: Path, *, timeout_s: float = READ_S) -> None:
        """Writes an artefact of the sidecar's to `path`; under that name only once it is whole
        and its hash is right. Raises InputError `file.not_writable` too."""
        raise NotImplementedError

    def read_motion(
        self, motion: Artefact, adapter: Artefact | None = None, *, timeout_s: float = READ_S
    ) -> Motion:
        """The take in the open head's space. Raises InputError `motion.*`, `file.*`,
        `space.no_adapter` (the take's space needs `adapter`) too."""
        raise NotImplementedError

    def get_head(self, name: str = "open", *, timeout_s: float = READ_S) -> HeadModel:
        """The head of this name."""
        raise NotImplementedError

    def start_bake(
        self,
        motion: Artefact,
        track: EmotionTrack,
        *,
        adapter: Artefact | None = None,
        head: str = "open",
        frames: range | None = None,
    ) -> str:
        """Starts a bake and returns its job id at once. The track has one row for each frame of
        the whole take. `poll` gives `JobProgressed`, then `BakeFinished` or `JobFailed`."""
        raise NotImplementedError

    def start_render(
        self,
        subject: Artefact | str,
        motion: Artefact,
        folder: Path,
        *,
        width: int = 512,
        height: int = 512,
        camera: Camera | None = None,
        adapter: Artefact | None = None,
        frames: range | None = None,
        with_depth: bool = False,
    ) -> str:
        """Starts a rendering and returns its job id at once. `subject` is an avatar or a head's
        name, `motion` an uploaded take or `BakeFinished.baked`. The pictures are written into
        `folder` (made if absent) as frame_0001.png for the take's frame 0, and so on, and
        depth_0001.png if wanted, each whole or not at all. With a camera, its width and height
        count. `poll` gives `PictureWritten` and `JobProgressed`, then `RenderFinished` or
        `JobFailed`. Raises InputError `file.not_writable`."""
        raise NotImplementedError

    def cancel(self, job: str) -> None:
        """Asks for the end of a job; it ends with `JobFailed` and code `job.cancelled`."""
        raise NotImplementedError

    def poll(self) -> list[JobEvent]:
        """What has happened to the jobs since the last call. Never blocks: under 1 ms. When the
        sidecar is gone, each open job ends with `JobFailed` and code `link.unreachable`."""
        raise NotImplementedError

    def shutdown(self, *, timeout_s: float = ANSWER_S) -> None:
        """Tells the sidecar to end; the client must still be closed."""
        raise NotImplementedError

    def close(self) -> None:
        """Leaves. Never waits for the sidecar; may be called twice."""
        raise NotImplementedError
