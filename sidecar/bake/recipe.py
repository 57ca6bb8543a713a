# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of baked chunks: fingerprints of everything that a chunk's bits depend on."""

from __future__ import annotations

import functools
import platform
from dataclasses import fields
from pathlib import Path

import numba
import numpy as np
import scipy
import torch

from ...shared.emotion import EmotionTrack
from ...shared.fingerprint import fingerprint, fingerprint_code
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ...shared.version import AFFEKT_VERSION
from ..memory import remembered
from ..modulation.modulator import Modulator, cue_rows, strength_of
from ..modulation.network import GeometryNetwork
from ..modulation.units import unit_table
from .take import Prepared

_CODE = (
    "sidecar/bake",
    "sidecar/head",
    "sidecar/modulation",
    "sidecar/motion",
    "sidecar/denormals.py",
    "sidecar/network_file.py",
    "sidecar/smooth.py",
    "sidecar/threads.py",
    "shared/arrays.py",
    "shared/emotion.py",
    "shared/head.py",
    "shared/motion.py",
    "shared/npz.py",
    "shared/units.py",
)
"""The code that computes a chunk; tests/sidecar/bake/test_recipe.py checks that none is missing."""


def motion_key(prepared: Prepared, track: EmotionTrack, frames: range) -> str:
    """Names a chunk of motion by the take and the rows of the track that can change it."""
    rows = cue_rows(prepared.before, track, frames)
    strength = strength_of(track, frames)
    span = slice(frames.start, frames.stop)
    regions = [np.where(strength != 0, curve[span], 0) for curve in (track.upper, track.lower)]
    cues = [curve[rows.start : rows.stop] for curve in (track.weights, track.keep_closed)]
    parts = (frames.start, frames.stop, strength, *regions, rows.start, *cues)
    parts += _unit_parts(track, span)
    return fingerprint("motion", _take_key(prepared), *parts)


def _unit_parts(track: EmotionTrack, span: slice) -> tuple[object, ...]:
    """What a chunk with action units depends on besides; nothing where none acts."""
    if track.units is None or not track.units[span].any():
        return ()
    acts = np.flatnonzero(track.units[span].any(0))
    names = [track.unit_names[index] for index in acts]
    curves = (track.geometry, track.upper, track.lower, track.weights, track.keep_closed)
    values = track.units[span][:, acts]
    return ("units", _definitions_key(), names, values, *(curve[span] for curve in curves))


@functools.cache
def _definitions_key() -> str:
    """Fingerprint of what each unit is, which no code says."""
    return fingerprint(unit_table())


def vertices_key(head: HeadModel, shown: Motion) -> str:
    """Names the vertices of a chunk by the head and the motion `shown` on it."""
    return fingerprint("vertices", code_key(), _head_key(head), shown)


@remembered
def _take_key(prepared: Prepared) -> str:
    modulator = prepared.modulator
    scalings = (getattr(modulator, entry.name) for entry in fields(Modulator))
    return fingerprint(
        code_key(),
        prepared.motion,
        _head_key(prepared.spoken),
        prepared.adapter,
        _network_key(modulator.network),
        [v for v in scalings if isinstance(v, np.ndarray)],
        modulator.lip_closers,
    )


@remembered
def _head_key(head: HeadModel) -> str:
    return fingerprint(head)


@remembered
def _network_key(network: GeometryNetwork) -> str:
    state = {name: t.contiguous().numpy() for name, t in network.state_dict().items()}
    return fingerprint(network.config, repr(network), state)


@functools.cache
def code_key() -> str:
    """Fingerprint of the code that computes chunks, its libraries and the processor's features."""
    code = fingerprint_code(Path(__file__).parents[2], _CODE)
    libraries = (torch, np, scipy, numba)
    versions = (AFFEKT_VERSION, *(library.__version__ for library in libraries))
    machine = (platform.machine(), torch.backends.cpu.get_cpu_capability())
    return fingerprint(code, *map(str, versions), *machine)
