# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sidecar calls a head. Its cache may have lost a head's FLAME file, or it may be another
sidecar than the one that read it: then the file is sent again from where the animator has it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import bpy

from ...shared import limits
from ...shared.errors import InputError
from ...shared.supervisor import Supervisor
from ..head.find import flame_space
from ..link import requests
from ..link.requests import FileBytes, HeadName, Waiting
from ..motion.files import read_file


def ready_head(line: Supervisor, head: bpy.types.Object) -> Waiting[HeadName]:
    """What the sidecar calls the head, once it has the head's file. Raises InputError
    `head.flame_gone`."""
    kept, space = head.affekt_head, flame_space(head)
    if space is None:
        return HeadName(name=kept.model)
    label, name = head.name, HeadName(name=kept.model, space=space)
    path = Path(bpy.path.abspath(kept.flame_file))
    yield from requests.send_flame(line, name.name, lambda: _read(path, name.name, label))
    return name


def _read(path: Path, sha256: str, label: str) -> FileBytes:
    """The file, if it is still the one that the head was made of."""
    remedy = f"Put it back, or correct its path in the panel's Head section ({label})."
    try:
        file = read_file(path, limits.MAX_FLAME_BYTES)
    except InputError as error:
        message = f"The FLAME file of '{label}' is needed again. {error.message}"
        raise InputError("head.flame_gone", message, remedy) from error
    if hashlib.sha256(file.data).hexdigest() != sha256:
        message = f"{path.name} is not the FLAME file that '{label}' was made of."
        raise InputError("head.flame_gone", message, remedy)
    return file
