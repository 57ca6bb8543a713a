# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of orders: takes, avatars, heads and the modulator. Each is read once and
remembered (`sidecar/memory.py`), since most orders ask for the same ones again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ...shared.calibration import Calibration
from ...shared.described import DescribedKeys
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.messages import Calibrate
from ...shared.motion import FLAME_SPACES, Motion, TakeRead, TakeSpace
from ..adapter.kept import adapter_of
from ..avatar.calibration import kept_calibration
from ..avatar.character import character_rig
from ..avatar.open_avatar import OPEN_GAUSSIANS, open_avatar
from ..avatar.read import decode_avatar
from ..bake.take import Prepared, prepare
from ..head import read as files
from ..head.flame.read import read_flame
from ..head.forward import Mover, layer_of
from ..memory import remembered
from ..modulation.modulator import Modulator, load_modulator
from ..motion.adapter import LinearAdapter, as_arkit, from_open, read_adapter, to_open
from ..motion.read import decode_take
from ..raster.device import choose_rasteriser
from ..render.shot import Subject
from ..words.describe import describe
from ..words.keys import to_keys
from .services import HeadSource, Take

_SAY_VERSION = (
    "Say which it is where the file is chosen (Version): FLAME 2020 is generic_model.pkl, FLAME "
    "2023 is flame2023.pkl."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectSource:
    """Where a subject comes from: an avatar's file, which errors call `name`, or else the head
    called `head`. flame: the head of the take if that is FLAME, on which the avatar may sit."""

    avatar: Path | None
    name: str
    head: str
    flame: HeadSource | None = None


def load() -> str:
    """Loads the head and the modulator. Returns what pictures are drawn on, `cpu` or `cuda`."""
    read_head(files.OPEN)
    modulator()
    return choose_rasteriser("auto").device


@remembered
def modulator() -> Modulator:
    """The modulator that ships."""
    return load_modulator()


@remembered
def source_of(take: Take) -> tuple[TakeRead, LinearAdapter | None]:
    """The take in the space of its file, and its adapter if it has one. Raises InputError
    `file.*`, `motion.*`."""
    read = decode_take(take.path.read_bytes(), take.name, take.options)
    return read, _read_adapter(take.adapter)


@remembered
def prepared(take: Take) -> Prepared:
    """The take prepared for bakes and previews on its head. Raises InputError `file.*`,
    `motion.*`, `space.*`, `head.*`, `adapter.*`."""
    read, adapter = source_of(take)
    head, spoken = head_of(take.head), read_head(files.OPEN)
    if head.space == files.OPEN:
        return prepare(read.motion, head, adapter, modulator())
    return prepare(
        _for_flame(read.motion, head), head, adapter_of(head, spoken), modulator(), spoken
    )


@remembered
def mover_of(take: Prepared) -> Mover:
    """The forward pass of the take's head for its identity."""
    return layer_of(take.head).mover(take.shown)


@remembered
def subject(source: SubjectSource) -> Subject:
    """Reads the avatar or head. Raises InputError `file.*`, `avatar.*`, `head.unknown`."""
    if source.avatar is not None:
        try:
            flame = None if source.flame is None else head_of(source.flame)
            return decode_avatar(source.avatar.read_bytes(), source.name, flame)
        except InputError as error:
            raise _one_file(error) from error
    if source.head == OPEN_GAUSSIANS:
        return open_avatar(read_head(files.OPEN))
    return read_head(source.head)


def read_head(name: str) -> HeadModel:
    """The head of that name. Raises InputError `head.unknown` for any but `open`."""
    if name != files.OPEN:  # `files.read_head` takes paths too, which no client may give
        raise InputError(
            "head.unknown", f"The sidecar has no head called '{name}'.", "Use the head 'open'."
        )
    return files.read_head(name)


def flame_of(take: Take) -> HeadSource | None:
    """The FLAME head that the take is for; None for any other."""
    return None if take.head.path is None else take.head


@remembered
def head_of(source: HeadSource) -> HeadModel:
    """The head of a client's. Raises InputError `file.*`, `head.*`."""
    if source.path is None:
        return read_head(source.name)
    try:
        return read_flame(source.path, space=source.space)
    except InputError as error:
        # In the cache a file's name is its hash, which tells the user nothing.
        message = error.message.replace(source.path.name, source.name)
        remedy = error.remedy.replace(source.path.name, source.name)
        if error.code == "head.version":
            remedy = _SAY_VERSION
        raise InputError(error.code, message, remedy) from error


def adapter_of_head(head: HeadModel) -> LinearAdapter | None:
    """The adapter of a FLAME head; None for the open head. Raises InputError `adapter.*`."""
    return None if head.space == files.OPEN else adapter_of(head, read_head(files.OPEN))


def read_take(take: Take, space: TakeSpace) -> tuple[TakeRead, str]:
    """The take in the space of its head, or as ARKit's weights if these are wanted, and the space
    of its file. A FLAME take on a head of its own space stays as it is, bit for bit. Raises as
    `prepared`."""
    read, head = source_of(take)[0], head_of(take.head)
    own = read.motion
    if head.space != files.OPEN:
        motion = _for_flame(own, head)
        if space == "arkit":
            spoken = read_head(files.OPEN)
            motion = as_arkit(to_open(motion, spoken, adapter_of(head, spoken)), spoken)
        return replace(read, motion=motion), own.space
    ready = prepared(take)
    motion = ready.before
    if space == "arkit":
        motion = own if own.space == "arkit" else as_arkit(motion, ready.spoken)
    return TakeRead(motion=motion, notes=read.notes), own.space


def _for_flame(motion: Motion, head: HeadModel) -> Motion:
    """The take in the space of a FLAME head, by that head's adapter if it is not FLAME's already.
    Raises InputError `space.other_flame`, `adapter.*`."""
    if motion.space == head.space:
        return motion
    if motion.space in FLAME_SPACES:
        raise InputError(
            "space.other_flame",
            f"The take was tracked with '{motion.space}', and this head is of '{head.space}': "
            "their expressions are not the same.",
            "Add a FLAME head from the file of the take's version, or import the take onto the "
            "open head with an adapter.",
        )
    spoken = read_head(files.OPEN)
    return from_open(to_open(motion, spoken, None), spoken, adapter_of(head, spoken))


def calibrate(character: Calibrate) -> Calibration:
    """The calibration of a client's character. Raises InputError `avatar.*`."""
    head = read_head(files.OPEN)
    rig = character_rig(character.vertices, character.faces, character.shapes, head)
    return kept_calibration(rig, head)


def describe_face(text: str, fps: float) -> DescribedKeys:
    """The keys of words for a face. Raises InputError `words.*`."""
    return to_keys(describe(text, fps=fps))


def _read_adapter(path: Path | None) -> LinearAdapter | None:
    if path is None:
        return None
    try:
        return read_adapter(path)
    except InputError as error:
        # In the cache a file's name is its hash, which tells the user nothing.
        message = error.message.replace(path.name, "the adapter")
        raise InputError(error.code, message, error.remedy) from error


def _one_file(error: InputError) -> InputError:
    """Adds a remedy to `avatar.needs_head`: a client can give only one file."""
    if error.code != "avatar.needs_head":
        return error
    return InputError(
        error.code,
        error.message,
        "Make one file of the avatar and its head, and choose that: `affekt avatar convert "
        "--avatar FILE_OR_FOLDER --head FLAME_FILE --embed-head --out mine.safetensors`.",
    )
