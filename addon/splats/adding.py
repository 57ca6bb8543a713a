# SPDX-License-Identifier: GPL-3.0-or-later
"""From an avatar's file to a rigged object of the scene: driving mesh, armature, and Gaussians that
a node group moves with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import bpy
import numpy as np

from ...shared import limits
from ...shared.avatar_messages import AvatarRead
from ...shared.errors import InputError
from ...shared.head import JOINTS, HeadModel
from ...shared.motion import FlameSpace
from ...shared.personal_head import personal_head
from ...shared.wording import say_count
from ..avatar.rendering import read_avatar
from ..character.find import is_character
from ..head.build import build_head, select_only
from ..head.editing import all_or_nothing
from ..head.find import find_head, heads_among, is_flame, is_head, need_object_mode
from ..head.identity import Sliders, flame_sliders, open_sliders, wear_identity
from ..head.operators import OPEN_HEAD, show_head
from ..link import requests
from ..link.requests import Waiting
from ..link.session import session
from ..link.tasks import Steps
from ..motion.files import read_file
from .binding import RestMesh
from .cloud import LEAST_BLENDER, add_cloud, bind_cloud, clouds_of, need_splats
from .rig import build_rig, joint_names

OPEN_GAUSSIANS = "open-gaussians"
"""The open head's own Gaussians, where an avatar's path may stand."""
Proxy = Literal["HIDDEN", "SHADOW", "KEEP"]
_IDENTITY = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """path: the avatar's file or folder, or None for the open head's own Gaussians. flame: the
    FLAME file that it sits on, or None; flame_space: its version where it does not tell. proxy:
    what becomes of the driving mesh."""

    path: Path | None
    flame: Path | None
    flame_space: FlameSpace | None
    proxy: Proxy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fetched:
    """An avatar, and the head that it sits on if it brings no mesh of its own, with what the
    sidecar calls it and the FLAME file that it comes from."""

    avatar: AvatarRead
    model: HeadModel | None = None
    name: str = OPEN_HEAD
    flame: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Added:
    """The head that moves the avatar, None for one that stands still, and what is to be said."""

    head: bpy.types.Object | None
    said: str


def import_steps(options: ImportOptions, context: bpy.types.Context) -> Steps:
    """Adds the avatar as `add_avatar` does. Raises InputError `splats.blender`."""
    need_splats()
    return _import(options, context)


def _import(options: ImportOptions, context: bpy.types.Context) -> Steps:
    return (yield from add_avatar(options, context)).said


def add_avatar(options: ImportOptions, context: bpy.types.Context) -> Waiting[Added]:
    """Adds the avatar at the 3D cursor, the open head's own Gaussians onto the selected open head;
    in a Blender that draws no Gaussians the head alone on which they sit. If anything fails nothing
    stays."""
    fetched = yield from _fetch(options)
    need_object_mode(context)
    is_first = not any(map(is_head, context.scene.objects))
    add = _add if bpy.app.version >= LEAST_BLENDER else _add_head
    with all_or_nothing():
        return add(fetched, options, context, is_first=is_first)


def _add_head(
    fetched: _Fetched, options: ImportOptions, context: bpy.types.Context, *, is_first: bool
) -> Added:
    """Adds the head alone of what was fetched. is_first: whether the scene had none before."""
    head = _build_head(fetched, _name(options, fetched.avatar), context)
    shown = show_head(head, context, is_first=is_first)
    said = f"Added {head.name}, which Render Avatar draws as the avatar.{shown}"
    return Added(head=head, said=said)


def _add(
    fetched: _Fetched, options: ImportOptions, context: bpy.types.Context, *, is_first: bool
) -> Added:
    """Adds what was fetched. is_first: whether the scene had no head before."""
    avatar = fetched.avatar
    label = f"{_name(options, avatar)} Splats"[:60]
    if avatar.surface == "none":
        cloud = add_cloud(avatar, None, label, context)
        cloud.location, cloud.rotation_euler = context.scene.cursor.location, (0, 0, 0)
        select_only(cloud, context)
        return Added(head=None, said=_describe(avatar, cloud, ""))
    onto = _open_head(context, fetched) if options.path is None else None
    head = onto or _build_head(fetched, label, context)
    rest = rest_mesh(avatar, fetched.model)
    bones = joint_names(avatar) if avatar.surface == "arkit" else JOINTS
    cloud = add_cloud(avatar, rest, label, context)
    bind_cloud(cloud, avatar, rest, head, bones)
    _set_proxy(head, options.proxy)
    select_only(cloud, context)
    shown = "" if onto else show_head(head, context, is_first=is_first)
    said = _describe(avatar, cloud, f"{head.name} drives it.{shown}")
    return Added(head=head, said=said)


def _fetch(options: ImportOptions) -> Waiting[_Fetched]:
    line = session.need_line()
    file = None if options.path is None else read_avatar(options.path)
    path = options.flame
    flame = None if path is None else read_file(path, limits.MAX_FLAME_BYTES)
    try:
        avatar = yield from requests.fetch_avatar(line, file, flame, options.flame_space)
    except InputError as error:
        path = _flame_here() if error.code == "avatar.needs_head" and path is None else None
        if path is None:
            raise
        flame = read_file(path, limits.MAX_FLAME_BYTES)
        avatar = yield from requests.fetch_avatar(line, file, flame, options.flame_space)
    if avatar.surface != "head":
        return _Fetched(avatar=avatar)
    if flame is None or avatar.head_space == OPEN_HEAD:
        model = yield from requests.fetch_head(line, OPEN_HEAD)
        return _Fetched(avatar=avatar, model=_personal(model, avatar))
    name, model = yield from requests.fetch_flame(line, flame, options.flame_space)
    return _Fetched(avatar=avatar, model=_personal(model, avatar), name=name, flame=path)


def _flame_here() -> Path | None:
    """The FLAME file of a head that is in the file."""
    for head in heads_among(bpy.data.objects):
        path = Path(bpy.path.abspath(head.affekt_head.flame_file))
        if is_flame(head) and path.is_file():
            return path
    return None


def _personal(model: HeadModel, avatar: AvatarRead) -> HeadModel:
    """The head with the person's own template and movements."""
    return personal_head(model, avatar.template_change, avatar.shape)


def rest_mesh(avatar: AvatarRead, model: HeadModel | None) -> RestMesh:
    """The surface as the avatar's Gaussians lie on it."""
    if model is None:
        assert avatar.vertices is not None
        assert avatar.faces is not None
        return RestMesh(vertices=avatar.vertices.astype(np.float64), faces=avatar.faces)
    vertices = model.template.astype(np.float64)
    if avatar.shape is not None:
        vertices = vertices + model.shape_basis[..., : len(avatar.shape)] @ avatar.shape
    return RestMesh(vertices=vertices, faces=model.faces)


def _open_head(context: bpy.types.Context, fetched: _Fetched) -> bpy.types.Object | None:
    """The selected head, if it is an open head that has no Gaussians yet, whose mesh is this
    file's own: what binds them to a library's mesh would be lost at the next load."""
    head, model = find_head(context), fetched.model
    if head is None or model is None or is_character(head) or is_flame(head):
        return None
    own = not any(item.library or item.override_library for item in (head, head.data))
    is_same = own and len(head.data.vertices) == len(model.template)
    return head if is_same and not clouds_of(head) else None


def _build_head(fetched: _Fetched, label: str, context: bpy.types.Context) -> bpy.types.Object:
    avatar, model = fetched.avatar, fetched.model
    if model is None:
        return build_rig(avatar, f"{label} Head", context)
    sliders: Sliders = open_sliders() if fetched.flame is None else flame_sliders()
    head = build_head(model, fetched.name, context, f"{label} Head", sliders)
    if fetched.flame is not None:
        head.affekt_head.space, head.affekt_head.flame_file = model.space, str(fetched.flame)
    if avatar.shape is not None and avatar.shape.any():
        shape = np.zeros(_IDENTITY, np.float32)
        shape[: len(avatar.shape)] = avatar.shape
        wear_identity(head, model, shape, context)
    return head


def _set_proxy(head: bpy.types.Object, proxy: Proxy) -> None:
    """What becomes of the driving mesh in the viewport and in renderings."""
    if proxy == "KEEP":
        return
    if head.visible_get():  # in a collection that the view layer leaves out it is hidden already
        head.hide_set(True)
    if proxy == "SHADOW":
        head.visible_camera = False
    else:
        head.hide_render = True


def _name(options: ImportOptions, avatar: AvatarRead) -> str:
    return OPEN_GAUSSIANS if options.path is None else options.path.stem or avatar.name


def _describe(avatar: AvatarRead, cloud: bpy.types.Object, said: str) -> str:
    count = say_count(len(avatar), "Gaussian")
    return " ".join(filter(None, (f"Added {cloud.name}: {count}.", said, *avatar.notes)))
