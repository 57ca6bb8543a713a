# SPDX-License-Identifier: GPL-3.0-or-later
"""What we ask the sidecar for, as generators that yield progress until the answer is there.

A generator that is closed, because the animator pressed Esc, cancels its job in the sidecar.
While the sidecar is started again the generators wait: short calls, which may be made twice, are
made again on the new connection; jobs go on in the supervisor's book.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict, TypeVar

from ...shared.arrays import Float32Array, Int32Array
from ...shared.artefact import Artefact
from ...shared.avatar_messages import AvatarRead
from ...shared.calibration import Calibration
from ...shared.client import Client
from ...shared.described import DescribedKeys
from ...shared.emotion import EmotionTrack
from ...shared.errors import LinkError
from ...shared.events import (
    AvatarFinished,
    BakeFinished,
    JobEvent,
    JobFailed,
    JobProgressed,
    RenderFinished,
)
from ...shared.head import HeadModel
from ...shared.messages import RESTART_STAGE
from ...shared.motion import FlameSpace, Motion, ReadOptions, TakeRead, TakeSpace
from ...shared.pictures import PictureRequest
from ...shared.portrait_messages import Backbone
from ...shared.supervisor import Supervisor, SupervisorState
from ...shared.take_files import encode_motion
from ..motion.npz import decode_motion
from .tasks import Progress

Answer = TypeVar("Answer")
Waiting = Generator[Progress, None, Answer]

_IN_MINUTES_S = 100
"""From so many seconds on what is left is told in minutes."""
_AGAIN, _LOADING = "Starting again", "Loading the head"
_STAGES = {
    "modulation": "Emotion",
    "adapter": "Learning this head: step",
    "vertices": "Mesh",
    "pictures": "Pictures",
    RESTART_STAGE: _AGAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """A file's name, for error messages, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadName:
    """What the sidecar calls a head; space: the version of one that was made of a FLAME file."""

    name: str
    space: FlameSpace | None = None

    def options(self) -> HeadOptions:
        """As the client's calls take it."""
        if self.space is None:
            return {"head": self.name}
        return {"head": self.name, "head_space": self.space}


class HeadOptions(TypedDict):
    """The options of the client's calls for a head."""

    head: str
    head_space: NotRequired[FlameSpace]


def fetch_head(line: Supervisor, name: str) -> Waiting[HeadModel]:
    """The head of this name."""
    return (yield from _call(line, lambda client: client.get_head(name), _LOADING))


def fetch_flame(
    line: Supervisor, file: FileBytes, space: FlameSpace | None
) -> Waiting[tuple[str, HeadModel]]:
    """The head of a FLAME file, and what the sidecar calls it from now on."""

    def fetch(client: Client) -> tuple[str, HeadModel]:
        name = client.upload(file.data, "flame", file.name).sha256
        return name, client.get_head(name, head_space=space, file_name=file.name)

    return (yield from _call(line, fetch, f"Reading {file.name}"))


def fetch_flame_again(line: Supervisor, head: HeadName) -> Waiting[HeadModel]:
    """The head of a FLAME file that the sidecar has."""

    def fetch(client: Client) -> HeadModel:
        return client.get_head(head.name, head_space=head.space)

    return (yield from _call(line, fetch, _LOADING))


def fetch_avatar(
    line: Supervisor,
    file: FileBytes | None,
    flame: FileBytes | None,
    flame_space: FlameSpace | None,
) -> Waiting[AvatarRead]:
    """An avatar at rest, and the open head's own Gaussians without a file. flame: the FLAME file
    that it sits on, with its version where it does not tell."""

    def fetch(client: Client) -> AvatarRead:
        sent = None if file is None else client.upload(file.data, "avatar", file.name)
        head = None if flame is None else client.upload(flame.data, "flame", flame.name)
        return client.get_avatar(sent, head, flame_space=flame_space)

    return (
        yield from _call(
            line, fetch, "Reading the avatar" if file is None else f"Reading {file.name}"
        )
    )


def create_avatar(
    line: Supervisor,
    photos: Sequence[FileBytes],
    face: int,
    head: HeadName,
    backbone: Backbone = "affekt",
) -> Waiting[AvatarFinished]:
    """The avatar of the person in some photos, the first from the front. face: in that one, counted
    from 1 by size. head: what the avatar sits on. backbone: what makes it."""

    def start(client: Client) -> str:
        sent, *more = (client.upload(photo.data, "photo", photo.name) for photo in photos)
        return client.start_avatar(
            sent, face=face, more=more, head=head.name, head_space=head.space, backbone=backbone
        )

    done = yield from _run_job(line, start)
    assert isinstance(done, AvatarFinished)  # the job's only other end is a failure
    return done


def keep(line: Supervisor, made: Artefact, path: Path) -> Waiting[None]:
    """Writes what the sidecar has made to `path`, whole or not at all."""
    yield from _call(line, lambda client: client.download(made, path), f"Fetching {made.name}")


def send_flame(line: Supervisor, name: str, read: Callable[[], FileBytes]) -> Waiting[None]:
    """Sends the FLAME file that the sidecar calls `name`, unless it has it."""

    def send(client: Client) -> None:
        if not client.holds(name):
            file = read()
            client.upload(file.data, "flame", file.name)

    yield from _call(line, send, _LOADING)


def read_take(
    line: Supervisor,
    take: FileBytes,
    adapter: FileBytes | None,
    options: ReadOptions,
    head: HeadName,
    space: TakeSpace = "open",
) -> Waiting[TakeRead]:
    """The take in the space of the head, or as ARKit's weights by `space`."""

    def read(client: Client) -> TakeRead:
        sent = client.upload(take.data, "motion", take.name)
        helper = None if adapter is None else client.upload(adapter.data, "adapter", adapter.name)
        return client.read_take(sent, helper, options, space=space, **head.options())

    return (yield from _call(line, read, f"Reading {take.name}"))


def bake(
    line: Supervisor,
    motion: Motion,
    track: EmotionTrack,
    head: HeadName,
    *,
    frames: range | None = None,
    cache: Path | None = None,
) -> Waiting[Motion]:
    """The motion with the track's emotion in it, in its own space, of those frames or of all.
    cache: where the moving mesh is written too."""
    sent = yield from send_take(line, motion)

    def start(client: Client) -> str:
        return client.start_bake(
            sent, track, frames=frames, vertices=cache is not None, **head.options()
        )

    done = yield from _run_job(line, start)
    assert isinstance(done, BakeFinished)  # the job's only other end is a failure
    if cache is not None:
        mesh = done.vertices
        assert mesh is not None  # it was wanted
        yield from _call(line, lambda client: client.download(mesh, cache), "Fetching the mesh")
    if motion.space == "open":
        return done.motion
    take = done.take
    return (yield from _call(line, lambda client: _download(client, take), "Fetching the take"))


def send_avatar(
    line: Supervisor, read: Callable[[], FileBytes], read_adapter: Callable[[], FileBytes] | None
) -> Waiting[tuple[Artefact, Artefact | None]]:
    """The avatar's file and its adapter as the sidecar has them from now on."""

    def send(client: Client) -> tuple[Artefact, Artefact | None]:
        file = read()
        avatar, adapter = client.upload(file.data, "avatar", file.name), None
        if read_adapter is not None:
            helper = read_adapter()
            adapter = client.upload(helper.data, "adapter", helper.name)
        return avatar, adapter

    return (yield from _call(line, send, "Reading the avatar"))


def send_take(line: Supervisor, motion: Motion) -> Waiting[Artefact]:
    """The motion as the sidecar has it from now on."""

    def send(client: Client) -> Artefact:
        return client.upload(encode_motion(motion), "motion", "take.npz")

    return (yield from _call(line, send, "Sending the take"))


def _download(client: Client, take: Artefact) -> Motion:
    """A take that the sidecar has made."""
    with tempfile.TemporaryDirectory(prefix="affekt-") as folder:
        path = Path(folder) / "take.npz"
        client.download(take, path)
        return decode_motion(path.read_bytes())


def describe(line: Supervisor, text: str, fps: float) -> Waiting[DescribedKeys]:
    """The keys of words for a face; see `Client.describe`."""
    return (yield from _call(line, lambda client: client.describe(text, fps), "Reading the words"))


def calibrate(
    line: Supervisor, vertices: Float32Array, faces: Int32Array, shapes: Float32Array
) -> Waiting[Calibration]:
    """A character's calibration; see `Client.calibrate`."""
    return (
        yield from _call(
            line, lambda client: client.calibrate(vertices, faces, shapes), "Measuring the face"
        )
    )


def render(
    line: Supervisor,
    subject: FileBytes | str,
    adapter: FileBytes | None,
    motion: Motion,
    pictures: PictureRequest,
    folder: Path,
    head: HeadName,
) -> Waiting[tuple[Path, ...]]:
    """The pictures' paths in the folder, one for each requested frame, in order. subject: an
    avatar's file or a head's name; adapter: between the open head and the avatar's space, or None
    where they are one. head: the one that the motion is on; one on FLAME has its own adapter."""
    data = encode_motion(motion)

    def start(client: Client) -> str:
        shown, helper = subject, None
        if isinstance(shown, FileBytes):
            shown = client.upload(shown.data, "avatar", shown.name)
        sent = client.upload(data, "motion", "take.npz")
        if adapter is not None:
            helper = client.upload(adapter.data, "adapter", adapter.name)
        if head.space is None:
            return client.start_render(shown, sent, folder, pictures, adapter=helper)
        return client.start_render(shown, sent, folder, pictures, adapter=helper, **head.options())

    done = yield from _run_job(line, start)
    assert isinstance(done, RenderFinished)  # the job's only other end is a failure
    return done.paths


def _call(line: Supervisor, call: Callable[[Client], Answer], text: str) -> Waiting[Answer]:
    """The call's answer. A call whose connection is lost is made again on the next one."""
    progress = Progress(fraction=0.0, text=text)
    while True:
        client = yield from _wait_for_client(line, progress)
        answer = line.submit(call)
        try:
            while not answer.done():
                yield _show(line, progress)
        except GeneratorExit:
            answer.cancel()  # unless its turn has come
            raise
        try:
            return answer.result()
        except LinkError:
            if client.is_open or not line.is_lasting:
                raise


def _wait_for_client(line: Supervisor, progress: Progress) -> Waiting[Client]:
    """The connection that works. Raises the error that the supervisor gave up with."""
    while True:
        client = line.client
        if client is not None and client.is_open:
            return client
        yield _show(line, progress)
        if not line.is_lasting:
            raise line.error or LinkError("link.closed", "The sidecar was stopped.", "Start it.")


def _show(line: Supervisor, progress: Progress) -> Progress:
    """The progress to show while waiting. It also steps the supervisor, since a script has no
    timer."""
    if line.step() is SupervisorState.CONNECTED:
        return progress
    return Progress(fraction=progress.fraction, text=f"Sidecar: {line.describe()}")


def _run_job(line: Supervisor, start: Callable[[Client], str]) -> Waiting[JobEvent]:
    """Starts a job and follows it to its end. Raises the AffektError that it ended with."""
    started: list[str] = []
    is_over = threading.Event()

    def begin(client: Client) -> str:
        started.append(start(client))
        if is_over.is_set():  # while it was about to start
            line.cancel(started[-1])
        return started[-1]

    try:
        job = yield from _call(line, begin, "Sending")
        progress, client = Progress(fraction=0.0, text="Waiting for the sidecar"), line.client
        while True:
            if line.client not in (client, None):  # it takes a while until the job is under way
                progress = Progress(fraction=progress.fraction, text=_AGAIN)
                client = line.client
            for event in line.take_events():
                if event.job != job:
                    continue  # the late end of a job that was cancelled
                if isinstance(event, JobFailed):
                    raise event.error
                if event.ends_job:
                    return event
                if isinstance(event, JobProgressed):
                    progress = _describe(event)
            yield _show(line, progress)
    except GeneratorExit:
        is_over.set()
        if started:
            line.cancel(started[-1])
        raise


def _describe(event: JobProgressed) -> Progress:
    seconds = 0 if event.seconds_left is None else round(event.seconds_left)
    left = f", {seconds} s left" if seconds > 0 else ""
    left = f", {round(seconds / 60)} min left" if seconds >= _IN_MINUTES_S else left
    stage = _STAGES.get(event.stage, _sentence(event.stage.replace("-", " ")))
    return Progress(
        fraction=event.done / max(event.total, 1), text=f"{stage} {event.done}/{event.total}{left}"
    )


def _sentence(words: str) -> str:
    """The words with a capital at their start, and their names as they are."""
    return words[:1].upper() + words[1:]
