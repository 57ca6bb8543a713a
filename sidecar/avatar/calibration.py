# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives an avatar on an ARKit rig, or an animator's character, its calibration: measured once for
each mesh, then read from the cache folder."""

from __future__ import annotations

import contextlib
from dataclasses import fields, replace

import numpy as np

from ...shared.calibration import Calibration, solve_calibration
from ...shared.connection import default_cache_folder
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.head import HeadModel
from ..files import find_arrays, keep_arrays
from ..head.read import OPEN, read_head
from .alignment import head_key
from .avatar import ArkitRig, Avatar
from .effects import effects_of

_VERSION = 11
"""Goes up whenever the same rig gets another calibration."""


PORTRAIT_BROWS_MM = 2.5
"""The open head's brows lie so much higher over its lids than those painted on a portrait's mesh.
Where the open head's come to lie, the mesh moves more than what is seen of it, and a scowl that
measured right was hardly a scowl."""


def calibrate(rig: ArkitRig, open_head: HeadModel, *, brows_lower_mm: float = 0.0) -> Calibration:
    """Measures the rig against the open head and solves for its calibration; takes seconds.
    brows_lower_mm: how much nearer to the lids the rig's brows are. Keeps nothing.
    Raises InputError `avatar.calibration` if the rig's face is not found."""
    try:
        return solve_calibration(effects_of(rig, open_head, brows_lower_mm=brows_lower_mm))
    except InputError as error:
        why = error.message.partition(": ")[2] or error.message
        raise InputError(
            "avatar.calibration",
            f"Its shapes cannot be calibrated by their effect: {why}",
            "The avatar works without: its shapes then take a take's weights as they are.",
        ) from error


def with_calibration(avatar: Avatar) -> Avatar:
    """The avatar with its rig calibrated. An avatar without a rig, or with a calibration, stays as
    it is; one whose face is not found too, and a note says so."""
    rig = avatar.surface
    if not isinstance(rig, ArkitRig) or rig.calibration is not None:
        return avatar
    head = read_head(OPEN)
    try:
        found = kept_calibration(rig, head, brows_lower_mm=PORTRAIT_BROWS_MM)
    except InputError as error:
        return replace(avatar, notes=(*avatar.notes, error.message))
    return replace(avatar, surface=replace(rig, calibration=found))


def kept_calibration(rig: ArkitRig, head: HeadModel, *, brows_lower_mm: float = 0.0) -> Calibration:
    """As `calibrate`, from the cache folder where the same mesh was measured before; a new one is
    kept there."""
    name = fingerprint(_VERSION, rig, head_key(head), brows_lower_mm)
    kept = default_cache_folder() / "calibrations" / f"{name}.kept"
    names = [field.name for field in fields(Calibration)]
    arrays = find_arrays(kept)
    with contextlib.suppress(KeyError, InputError):
        return Calibration(**{key: arrays[key].astype(np.float32) for key in names})
    found = calibrate(rig, head, brows_lower_mm=brows_lower_mm)
    keep_arrays(kept, {key: getattr(found, key) for key in names})
    return found
