# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message between client and sidecar: one frozen dataclass each.

A *request* has an id and gets exactly one answer with that id: the class in `ANSWER`, or
`Failure`. A request whose `ANSWER` is None gets none. *Events* of a job come unasked, with id 0.
`SUPERSEDES` says which older message of the same kind and job loses its meaning when this one
arrives, so that only the newest need be kept.

Never on the wire: paths. Files are artefacts, named by the SHA-256 of their bytes. A later minor
version may add fields with defaults and messages. `Hello` and `Failure` never change their layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, get_args

from . import limits
from . import motion as takes
from . import pictures as files
from .arrays import Float32Array, Float64Array, Int32Array, UInt8Array
from .artefact import KINDS, Kind
from .avatar_messages import AvatarRead, GetAvatar
from .described import Describe, Described
from .message import FILE_NAME as _FILE_NAME
from .message import NAME as _NAME
from .message import NOTE as _NOTE
from .message import SENTENCE as _SENTENCE
from .message import SHA256 as _SHA256
from .message import Acknowledged, JobId, Message, Sha256, Supersedes
from .pictures import AXES, FOLLOWS, FORMATS, OBJECT_INDEX, PASSES, Axes, Follow, Format
from .portrait_messages import AvatarDone, CreateAvatar
from .schema import Array, Blob, Choice, Flag, Integer, Number, Several, Text
from .units import UNIT_CHANNELS

PictureKind = Literal["frame", "depth", "exr"]
PICTURE_KINDS: tuple[PictureKind, ...] = get_args(PictureKind)

WorkerState = Literal["starting", "ready", "restarting", "failed"]
WORKER_STATES: tuple[WorkerState, ...] = get_args(WorkerState)

RESTART_STAGE = "restart"

_KIND = Choice(values=KINDS)
_CODE = Text(longest=64, pattern="[a-z][a-z0-9_.]*")
_FRAME = Integer(high=limits.MAX_FRAMES)
# A terabyte; `limits` holds the size allowed for each kind.
_SIZE = Integer(high=2**40)
_EDGE = Integer(low=1, high=limits.MAX_IMAGE_EDGE)
_VERSION = Several(item=Integer(high=9999), least=2, most=2)
_RANGE = Several(item=_FRAME, least=2, most=2, optional=True)
_SOME_SHA256 = replace(_SHA256, optional=True)
_SOME_FILE_NAME = replace(_FILE_NAME, optional=True)
_PICTURES = Integer(high=2 * limits.MAX_FRAMES)
_CREDIT = Integer(low=1, high=limits.MAX_CREDIT)
_MATRICES = Array(dtype="<f8", shape=(None, 4, 4), optional=True)
_MATRIX = Array(dtype="<f8", shape=(1, 4, 4), optional=True)
_PASSES = Several(item=Choice(values=PASSES), least=1, most=len(PASSES))
_SOME_WEIGHTS = Array(dtype="<f4", shape=(None, 6), optional=True)
_UNIT_NAMES = Several(item=Choice(values=UNIT_CHANNELS), most=len(UNIT_CHANNELS))
_SOME_UNITS = Array(dtype="<f4", shape=(None, None), optional=True)
_SOME_CURVE = Array(dtype="<f4", shape=(None,), optional=True)
_SOME_EYELIDS = Array(dtype="<f4", shape=(None, 2), optional=True)
_SOME_NUMBERS = Array(dtype="<f4", shape=(None, 103), optional=True)
_SOME_VERTICES = Array(dtype="<f4", shape=(None, 3), optional=True)
_SOME_PIXELS = Array(dtype="|u1", shape=(None, None, 4), optional=True)
_SOME_FLAME_SPACE = Choice(values=takes.FLAME_SPACES, optional=True)
_VIEW = Integer(high=limits.MAX_VIEWS - 1)
_SOME_PREVIEW_EDGE = Integer(low=1, high=limits.MAX_PREVIEW_EDGE, optional=True)


# --- answers --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Message):
    """The request was refused or failed: an `AffektError` with its code. Layout fixed for ever."""

    TYPE: ClassVar[str] = "failure"
    code: Annotated[str, _CODE]
    message: Annotated[str, _SENTENCE]
    remedy: Annotated[str, _SENTENCE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Message):
    """The sidecar accepts the client. capabilities: names of its features: `bake`, `render`, …"""

    TYPE: ClassVar[str] = "welcome"
    protocol: Annotated[tuple[int, int], _VERSION]
    affekt: Annotated[str, _NAME]
    capabilities: Annotated[tuple[str, ...], Several(item=_NAME, most=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Message):
    """The sidecar's server answers, whatever its worker does."""

    TYPE: ClassVar[str] = "pong"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactState(Message):
    """How many of the artefact's bytes have arrived; `is_complete` once the hash was checked."""

    TYPE: ClassVar[str] = "artefact_state"
    sha256: Sha256
    received: Annotated[int, _SIZE]
    is_complete: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactChunk(Message):
    """Bytes of an artefact, from `offset` on."""

    TYPE: ClassVar[str] = "artefact_chunk"
    sha256: Sha256
    offset: Annotated[int, _SIZE]
    data: Annotated[bytes, Blob(most=limits.CHUNK_BYTES)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionArrays(Message):
    """The fields of a `Motion` of T frames; see there for units."""

    expression: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 100))]
    jaw: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    neck: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    eyes: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 6))]
    rotation: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    translation: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    shape: Annotated[Float32Array, Array(dtype="<f4", shape=(300,))]
    eyelids: Annotated[Float32Array | None, _SOME_EYELIDS] = None
    fps: Annotated[float, Number(low=0.001, high=1000)]
    space: Annotated[str, _NAME]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackArrays(Message):
    """The fields of an `EmotionTrack` of T frames; see there. keep_closed: 1 if absent (3.2).
    unit_names, units (T, n): absent where there are none (3.11)."""

    fps: Annotated[float, Number(low=0.001, high=1000)]
    weights: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 6))]
    influence: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    upper: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    lower: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    geometry: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    appearance: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    keep_closed: Annotated[Float32Array | None, _SOME_CURVE] = None
    unit_names: Annotated[tuple[str, ...], _UNIT_NAMES] = ()
    units: Annotated[Float32Array | None, _SOME_UNITS] = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionRead(MotionArrays):
    """A take in the space asked for. source_space: that of its file. notes: as in `TakeRead`."""

    TYPE: ClassVar[str] = "motion_read"
    source_space: Annotated[str, _NAME]
    notes: Annotated[tuple[str, ...], Several(item=_NOTE, most=limits.MAX_NOTES)] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadRead(Message):
    """The fields of a `HeadModel`; see there for shapes and units."""

    TYPE: ClassVar[str] = "head_read"
    name: Annotated[str, _NAME]
    space: Annotated[str, _NAME]
    expression_names: Annotated[tuple[str, ...], Several(item=_NAME, most=100)]
    template: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    faces: Annotated[Int32Array, Array(dtype="<i4", shape=(None, 3))]
    shape_basis: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3, None))]
    expression_basis: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3, None))]
    pose_basis: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3, 36))]
    joint_regressor: Annotated[Float32Array, Array(dtype="<f4", shape=(5, None))]
    skin_weights: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 5))]
    uv: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3, 2))]
    landmark_faces: Annotated[Int32Array, Array(dtype="<i4", shape=(68,))]
    landmark_weights: Annotated[Float32Array, Array(dtype="<f4", shape=(68, 3))]
    region: Annotated[UInt8Array, Array(dtype="|u1", shape=(None,))]
    upper: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    colour: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    arkit_expression: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 52))]
    arkit_jaw: Annotated[Float32Array, Array(dtype="<f4", shape=(3, 52))]
    arkit_eyes: Annotated[Float32Array, Array(dtype="<f4", shape=(6, 52))]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibrated(Message):
    """The fields of a `Calibration`; see there (3.4)."""

    TYPE: ClassVar[str] = "calibrated"
    map: Annotated[Float32Array, Array(dtype="<f4", shape=(52, 52))]
    most: Annotated[Float32Array, Array(dtype="<f4", shape=(52,))]
    gaps: Annotated[Float32Array, Array(dtype="<f4", shape=(2, 52))]
    reach: Annotated[Float32Array, Array(dtype="<f4", shape=(52, 2))]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelsOpened(Message):
    """The shared memory was made: `shared/pixels.py` opens it by its name and checks that it holds
    `token`. Clients on other machines are refused with `pixels.remote`."""

    TYPE: ClassVar[str] = "pixels_opened"
    name: Annotated[str, _NAME]
    token: Sha256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Previewed(Message):
    """Frame `frame` in space "open", the head's vertices in metres, and RGBA pixels (8 bit, sRGB,
    straight alpha, top row first): here, or in shared memory in `slot`, where `sequence` counts the
    slot's writings and `checksum` is the SHA-256 of the pixels. numbers: see `Preview` (3.6)."""

    TYPE: ClassVar[str] = "previewed"
    view: Annotated[int, _VIEW]
    frame: Annotated[int, _FRAME]
    expression: Annotated[Float32Array, Array(dtype="<f4", shape=(1, 100))]
    jaw: Annotated[Float32Array, Array(dtype="<f4", shape=(1, 3))]
    vertices: Annotated[Float32Array | None, _SOME_VERTICES] = None
    pixels: Annotated[UInt8Array | None, _SOME_PIXELS] = None
    width: Annotated[int | None, _SOME_PREVIEW_EDGE] = None
    height: Annotated[int | None, _SOME_PREVIEW_EDGE] = None
    slot: Annotated[int | None, Integer(high=limits.MAX_PIXEL_SLOTS - 1, optional=True)] = None
    sequence: Annotated[int | None, Integer(optional=True)] = None
    checksum: Annotated[str | None, _SOME_SHA256] = None
    numbers: Annotated[Float32Array | None, _SOME_NUMBERS] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Message):
    """The sidecar's state. uptime_s: since its start. device: what it computes on. clients, jobs:
    that are open. memory_bytes: of both processes, 0 where unknown. compiled, pieces: of what is
    compiled once on a machine, those done and all; both 0 where nothing is (3.5)."""

    TYPE: ClassVar[str] = "status"
    uptime_s: Annotated[float, Number(low=0, high=1e9)]
    worker: Annotated[WorkerState, Choice(values=WORKER_STATES)]
    worker_restarts: Annotated[int, Integer()]
    device: Annotated[str, _NAME]
    clients: Annotated[int, Integer()]
    jobs: Annotated[int, Integer()]
    cache_bytes: Annotated[int, Integer()]
    cache_limit_bytes: Annotated[int, Integer()]
    memory_bytes: Annotated[int, Integer()]
    compiled: Annotated[int, Integer()] = 0
    pieces: Annotated[int, Integer()] = 0


# --- requests -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Message):
    """The first request of every client. Layout fixed for ever. A major other than the
    sidecar's is refused with `link.version`."""

    TYPE: ClassVar[str] = "hello"
    ANSWER: ClassVar[type[Message] | None] = Welcome
    protocol: Annotated[tuple[int, int], _VERSION]
    affekt: Annotated[str, _NAME]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Message):
    """Checks that the sidecar's server answers. It does so before any work."""

    TYPE: ClassVar[str] = "ping"
    ANSWER: ClassVar[type[Message] | None] = Pong


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown(Message):
    """Ends the sidecar and cancels its jobs."""

    TYPE: ClassVar[str] = "shutdown"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class FindArtefact(Message):
    """Asks how much of this artefact the sidecar holds."""

    TYPE: ClassVar[str] = "find_artefact"
    ANSWER: ClassVar[type[Message] | None] = ArtefactState
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(Message):
    """Sends bytes of an artefact from `offset` on, in order. Once `size` bytes are there their hash
    is checked: on a wrong one the bytes are dropped and the answer is `link.hash`."""

    TYPE: ClassVar[str] = "upload"
    ANSWER: ClassVar[type[Message] | None] = ArtefactState
    kind: Annotated[Kind, _KIND]
    name: Annotated[str, _FILE_NAME]
    sha256: Sha256
    size: Annotated[int, _SIZE]
    offset: Annotated[int, _SIZE]
    data: Annotated[bytes, Blob(most=limits.CHUNK_BYTES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Message):
    """Asks for the artefact's bytes from `offset` on, at most `limits.CHUNK_BYTES`."""

    TYPE: ClassVar[str] = "download"
    ANSWER: ClassVar[type[Message] | None] = ArtefactChunk
    sha256: Sha256
    offset: Annotated[int, _SIZE]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMotion(Message):
    """Decodes the take and converts it to the space of the head (as in `GetHead`), or to ARKit's by
    `space` (3.4). The rest is a `ReadOptions`."""

    TYPE: ClassVar[str] = "read_motion"
    ANSWER: ClassVar[type[Message] | None] = MotionRead
    motion: Sha256
    name: Annotated[str, _FILE_NAME]
    adapter: Annotated[str | None, _SOME_SHA256] = None
    fps: Annotated[float | None, Number(low=0, high=1e9, optional=True)] = None
    angles: Annotated[takes.Angles | None, Choice(values=takes.ANGLES, optional=True)] = None
    axes: Annotated[takes.HeadAxes | None, Choice(values=takes.HEAD_AXES, optional=True)] = None
    space: Annotated[takes.TakeSpace, Choice(values=takes.TAKE_SPACES)] = "open"
    head: Annotated[str, _NAME] = "open"
    head_space: Annotated[takes.FlameSpace | None, _SOME_FLAME_SPACE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetHead(Message):
    """Asks for the head of this name: `open`, or the SHA-256 of a FLAME file that was uploaded.
    head_space: of a FLAME file whose content does not tell it. file_name: its own (3.4)."""

    TYPE: ClassVar[str] = "get_head"
    ANSWER: ClassVar[type[Message] | None] = HeadRead
    name: Annotated[str, _NAME]
    head_space: Annotated[takes.FlameSpace | None, _SOME_FLAME_SPACE] = None
    file_name: Annotated[str | None, _SOME_FILE_NAME] = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibrate(Message):
    """Measures a character's ARKit shapes against the open head's (3.4). vertices (V, 3): at rest,
    in any unit, x to the head's left, y up, z out of the face; faces (F, 3); shapes (52, V, 3):
    differences at weight 1 in `ARKIT_NAMES` order, 0 for shapes that it lacks."""

    TYPE: ClassVar[str] = "calibrate"
    ANSWER: ClassVar[type[Message] | None] = Calibrated
    vertices: Annotated[Float32Array, Array(dtype="<f4", shape=(None, 3))]
    faces: Annotated[Int32Array, Array(dtype="<i4", shape=(None, 3))]
    shapes: Annotated[Float32Array, Array(dtype="<f4", shape=(52, None, 3))]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bake(TrackArrays):
    """Bakes the emotions into the take. The client chooses `job`, a random id. The track has one
    row for each frame of the whole take. frames: (start, stop), or None for all. vertices: whether
    the mesh cache is wanted too. head, head_space: as in `ReadMotion`."""

    TYPE: ClassVar[str] = "bake"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged
    job: JobId
    motion: Sha256
    name: Annotated[str, _FILE_NAME]
    adapter: Annotated[str | None, _SOME_SHA256] = None
    head: Annotated[str, _NAME]
    frames: Annotated[tuple[int, int] | None, _RANGE] = None
    vertices: Annotated[bool, Flag()] = True
    head_space: Annotated[takes.FlameSpace | None, _SOME_FLAME_SPACE] = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Render(Message):
    """Renders the take with an avatar (an artefact) or a head (a name): exactly one of the two.

    The rest is a `PictureRequest`; see there. lens: (C, 7) focal x, focal y, centre x, centre y in
    pixels (pixels per metre where the seventh is 1), near, far in metres, 1 if orthographic else
    0; camera_from_world: (C, 4, 4); C is 1, or the take's frames; both absent for the sidecar's
    own portrait camera. world_from_head: (1 or the take's frames, 4, 4), absent for the identity.
    The first `pictures` pictures are not sent: the client has them. credit: how many pieces may be
    sent before the client allows more with `Credit`. take_head, head_space: the head that the take
    is on, as in `ReadMotion`; a FLAME file's adapter is used where the subject needs one. codec is
    of 3.7, skin_emotions of 3.8.
    """

    TYPE: ClassVar[str] = "render"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged
    job: JobId
    avatar: Annotated[str | None, _SOME_SHA256] = None
    avatar_name: Annotated[str | None, _SOME_FILE_NAME] = None
    head: Annotated[str | None, Text(longest=64, pattern="[A-Za-z0-9_.-]+", optional=True)] = None
    motion: Sha256
    name: Annotated[str, _FILE_NAME]
    adapter: Annotated[str | None, _SOME_SHA256] = None
    width: Annotated[int, _EDGE] = 512
    height: Annotated[int, _EDGE] = 512
    frames: Annotated[tuple[int, int] | None, _RANGE] = None
    passes: Annotated[tuple[str, ...], _PASSES] = ("combined",)
    format: Annotated[Format, Choice(values=FORMATS)] = "png"
    half: Annotated[bool, Flag()] = True
    antialiased: Annotated[bool, Flag()] = True
    follow: Annotated[Follow | None, Choice(values=FOLLOWS, optional=True)] = None
    axes: Annotated[Axes, Choice(values=AXES)] = "world"
    object_index: Annotated[int, Integer(high=limits.MAX_OBJECT_INDEX)] = OBJECT_INDEX
    pictures: Annotated[int, _PICTURES] = 0
    credit: Annotated[int, _CREDIT]
    lens: Annotated[Float64Array | None, Array(dtype="<f8", shape=(None, 7), optional=True)] = None
    camera_from_world: Annotated[Float64Array | None, _MATRICES] = None
    world_from_head: Annotated[Float64Array | None, _MATRICES] = None
    weights: Annotated[Float32Array | None, _SOME_WEIGHTS] = None
    influence: Annotated[Float32Array | None, _SOME_CURVE] = None
    take_head: Annotated[str, _NAME] = "open"
    head_space: Annotated[takes.FlameSpace | None, _SOME_FLAME_SPACE] = None
    appearance: Annotated[Float32Array | None, _SOME_CURVE] = None
    codec: Annotated[files.Codec, Choice(values=files.CODECS)] = "zip"
    skin_emotions: Annotated[Float32Array | None, _SOME_WEIGHTS] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Message):
    """Allows `count` more `Picture` pieces of this job. Not answered."""

    TYPE: ClassVar[str] = "credit"
    job: JobId
    count: Annotated[int, _CREDIT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach(Message):
    """Sends the job's events to this client from now on, for one that lost its connection or has
    crashed. Every client of the same user that knows the job's id may ask. pictures, credit: as in
    `Render`. Refused with `link.no_job` if this user has no such job, or none any more."""

    TYPE: ClassVar[str] = "attach"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged
    job: JobId
    pictures: Annotated[int, _PICTURES] = 0
    credit: Annotated[int, _CREDIT]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPixels(Message):
    """Makes shared memory for this client's previews, in place of what it had before."""

    TYPE: ClassVar[str] = "open_pixels"
    ANSWER: ClassVar[type[Message] | None] = PixelsOpened
    slots: Annotated[int, Integer(low=1, high=limits.MAX_PIXEL_SLOTS)]
    slot_bytes: Annotated[int, Integer(low=1, high=limits.MAX_PIXEL_SLOT_BYTES)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview(TrackArrays):
    """Shows one frame of the take with its emotions, before any job is worked on. A newer preview
    of the same client and `view` replaces one that has not begun (`preview.superseded`). The
    track's rows are the take's from `first` on, as many as the frames depend on
    (`conversions.preview_rows`). vertices: whether the mesh is wanted. width, height: of a picture
    of the head or avatar. lens, camera_from_world, world_from_head: as in `Render`, one of each.
    is_shared: the pixels go into the shared memory of `OpenPixels`, not into the answer. frames: of
    how many, from `frame` on, expression and jaw are wanted in the take's own space too, as
    `numbers`. head, head_space: as in `ReadMotion`. Both since 3.6."""

    TYPE: ClassVar[str] = "preview"
    ANSWER: ClassVar[type[Message] | None] = Previewed
    SUPERSEDES: ClassVar[Supersedes] = "older previews of the same view"
    view: Annotated[int, _VIEW] = 0
    motion: Sha256
    name: Annotated[str, _FILE_NAME]
    adapter: Annotated[str | None, _SOME_SHA256] = None
    head: Annotated[str, _NAME]
    avatar: Annotated[str | None, _SOME_SHA256] = None
    avatar_name: Annotated[str | None, _SOME_FILE_NAME] = None
    frame: Annotated[int, _FRAME]
    first: Annotated[int, _FRAME]
    vertices: Annotated[bool, Flag()] = False
    width: Annotated[int | None, _SOME_PREVIEW_EDGE] = None
    height: Annotated[int | None, _SOME_PREVIEW_EDGE] = None
    lens: Annotated[Float64Array | None, Array(dtype="<f8", shape=(1, 7), optional=True)] = None
    camera_from_world: Annotated[Float64Array | None, _MATRIX] = None
    world_from_head: Annotated[Float64Array | None, _MATRIX] = None
    is_shared: Annotated[bool, Flag()] = False
    frames: Annotated[int, Integer(high=limits.MAX_PREVIEW_FRAMES)] = 0
    head_space: Annotated[takes.FlameSpace | None, _SOME_FLAME_SPACE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStatus(Message):
    """Asks for the sidecar's state. The server answers without the worker."""

    TYPE: ClassVar[str] = "get_status"
    ANSWER: ClassVar[type[Message] | None] = Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Message):
    """Stops the job at its next chunk; it then ends with `JobFailed` `job.cancelled`. A job that
    has ended stays as it is."""

    TYPE: ClassVar[str] = "cancel"
    ANSWER: ClassVar[type[Message] | None] = Acknowledged
    job: JobId


# --- events of a job ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Message):
    """`done` of `total` frames of this stage are finished. In `RESTART_STAGE` the worker has died
    and the next one is starting. seconds_left: an estimate, absent at first."""

    TYPE: ClassVar[str] = "progress"
    SUPERSEDES: ClassVar[Supersedes] = "older progress of the same job"
    job: JobId
    stage: Annotated[str, _NAME]
    done: Annotated[int, _FRAME]
    total: Annotated[int, _FRAME]
    seconds_left: Annotated[float | None, Number(low=0, high=1e9, optional=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture(Message):
    """A piece of a picture file of `size` bytes: `data` from `offset` on. Pieces come in order, and
    each uses one credit. number: of the picture in the job, from 0. index: the take's frame. kind:
    `frame` (PNG: RGBA, straight alpha), `depth` (PNG: 16 bit, tenths of a millimetre) or `exr`
    (every pass)."""

    TYPE: ClassVar[str] = "picture"
    job: JobId
    number: Annotated[int, _PICTURES]
    index: Annotated[int, _FRAME]
    kind: Annotated[PictureKind, Choice(values=PICTURE_KINDS)]
    size: Annotated[int, _SIZE]
    offset: Annotated[int, _SIZE]
    data: Annotated[bytes, Blob(most=limits.CHUNK_BYTES)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeDone(MotionArrays):
    """The end of a bake: the motion in the open head's space from frame `start` on; artefacts of
    the same motion, of the motion in the take's own space, and of the vertices (PC2), if they were
    wanted."""

    TYPE: ClassVar[str] = "bake_done"
    SUPERSEDES: ClassVar[Supersedes] = "older progress of the same job"
    job: JobId
    start: Annotated[int, _FRAME]
    motion: Sha256
    motion_size: Annotated[int, _SIZE]
    take: Sha256
    take_size: Annotated[int, _SIZE]
    vertices: Annotated[str | None, _SOME_SHA256] = None
    vertices_size: Annotated[int, _SIZE] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderDone(Message):
    """The end of a rendering, after its last picture."""

    TYPE: ClassVar[str] = "render_done"
    SUPERSEDES: ClassVar[Supersedes] = "older progress of the same job"
    job: JobId
    pictures: Annotated[int, _PICTURES]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Message):
    """The job ended without a result: an `AffektError` with its code."""

    TYPE: ClassVar[str] = "job_failed"
    SUPERSEDES: ClassVar[Supersedes] = "older progress of the same job"
    job: JobId
    code: Annotated[str, _CODE]
    message: Annotated[str, _SENTENCE]
    remedy: Annotated[str, _SENTENCE]


# fmt: off
REQUESTS = (
    Hello, Ping, GetStatus, Shutdown, FindArtefact, Upload, Download, ReadMotion, GetHead,
    GetAvatar, Calibrate, Describe, OpenPixels, Preview, Bake, Render, CreateAvatar, Attach, Credit,
    Cancel,
)
ANSWERS = (
    Failure, Welcome, Acknowledged, Pong, Status, ArtefactState, ArtefactChunk, MotionRead,
    HeadRead, AvatarRead, Calibrated, Described, PixelsOpened, Previewed,
)
# fmt: on
EVENTS = (Progress, Picture, BakeDone, RenderDone, AvatarDone, JobFailed)
JobRequest = Bake | Render | CreateAvatar
"""A request that begins a job."""
MESSAGES: Mapping[str, type[Message]] = {m.TYPE: m for m in (*REQUESTS, *ANSWERS, *EVENTS)}
