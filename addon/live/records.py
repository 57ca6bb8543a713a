# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live head knows: its take, what the sidecar has of it, what was asked and answered."""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.arrays import Float32Array
from ...shared.artefact import Artefact
from ...shared.client import Client
from ...shared.emotion import EmotionTrack
from ..bake.reading import Performance
from ..link.requests import HeadName
from .emotions import Emotions, Shifts
from .face import Face
from .numbers import Numbers, Place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """A take that was read: its face, what is known of its numbers, its emotions."""

    read: Performance
    face: Face
    numbers: Numbers
    emotions: Emotions


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the sidecar of this client has: the take, and the head under this name."""

    client: Client
    take: Artefact
    head: HeadName


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A preview under way: which frames, under which revision of the track, and with which sliders
    shifted from their curves."""

    number: int
    place: Place
    revision: int
    shifts: Shifts = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """The numbers (frames, 103) of the moment that was told last."""

    asked: Asked
    numbers: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """Numbers (103,) of each frame of a moment, and whether they are its own. key: the same for the
    same numbers of one take."""

    rows: list[Float32Array]
    is_right: bool
    key: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """A frame of a take that the client's sidecar has, and the track that it is shown with. key:
    the same for the same moment."""

    client: Client
    take: Artefact
    head: HeadName
    track: EmotionTrack
    frame: int
    key: tuple[object, ...]
