# SPDX-License-Identifier: GPL-3.0-or-later
"""From the animator's FLAME file to a rig in the scene. The file's bytes go to the sidecar, whose
reader runs nothing that is in them; here nobody opens them."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...shared import limits
from ...shared.head import HeadModel
from ...shared.motion import FlameSpace
from ..head.build import build_head
from ..head.find import is_head, need_object_mode
from ..head.identity import flame_sliders
from ..head.operators import show_head
from ..link import requests
from ..link.session import session
from ..link.tasks import Steps
from ..motion.files import read_file

LABEL = "FLAME Head"
_NAMES = {"flame2020": "FLAME 2020", "flame2023": "FLAME 2023"}


def add_steps(path: Path, space: FlameSpace | None, context: bpy.types.Context) -> Steps:
    """Adds the head of the FLAME file at the 3D cursor. space: the file's version, where it does
    not tell. If anything fails nothing stays."""
    is_first = not any(map(is_head, context.scene.objects))
    file = read_file(path, limits.MAX_FLAME_BYTES)
    name, model = yield from requests.fetch_flame(session.need_line(), file, space)
    need_object_mode(context)
    head = _build(model, name, path, context)
    said = (
        f"Added {head.name} from {path.name}, {_NAMES[model.space]}: {len(model.template):,} "
        f"vertices, {len(model.expression_names)} expression shape keys."
    )
    if not model.uv.any():
        said += " The file has no UVs, so the mesh has none."
    return said + show_head(head, context, is_first=is_first)


def _build(model: HeadModel, name: str, path: Path, context: bpy.types.Context) -> bpy.types.Object:
    head = build_head(model, name, context, label=LABEL, sliders=flame_sliders())
    head.affekt_head.space = model.space
    head.affekt_head.flame_file = str(path)
    return head
