# SPDX-License-Identifier: GPL-3.0-or-later
"""From a photo to a rigged avatar in the scene: the sidecar makes the avatar, its file is kept, and
it comes in as any other does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ...shared import limits
from ...shared.errors import InputError
from ...shared.portrait_messages import CAPABILITY, LAM_CAPABILITY, Backbone, check_further
from ..flame.source import ready_head
from ..head.find import find_head, flame_space, is_flame
from ..head.operators import OPEN_HEAD
from ..link import requests
from ..link.requests import HeadName
from ..link.session import session
from ..link.tasks import Steps
from ..motion.files import read_file
from ..preferences import preferences
from ..splats.adding import ImportOptions, Proxy, add_avatar
from .places import check_new, find_place

LACKS = "Avatars from photos need networks that see a face, which this sidecar lacks."
_IN_PREFERENCES = "the add-on's preferences"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOptions:
    """photo: its file, from the front. face: in it, counted from 1 by size. more: further photos of
    the same person. on_flame: whether the avatar sits on the FLAME head that is selected, if one
    is. backbone: what makes the avatar; LAM's network takes one photo and makes a head of its own.
    out: where the avatar's file is kept, None for a place beside the photo. proxy: what becomes
    of the mesh that moves the splats."""

    photo: Path
    face: int
    more: tuple[Path, ...] = ()
    on_flame: bool = True
    backbone: Backbone = "affekt"
    out: Path | None
    proxy: Proxy


def create_steps(options: CreateOptions, context: bpy.types.Context) -> Steps:
    """Makes the avatar, keeps its file and adds it at the 3D cursor. Raises InputError
    `option.missing_extra`, `option.backbone`, `photo.too_many`, `file.exists`, `file.missing`,
    `file.not_writable`."""
    if session.lacks(CAPABILITY):
        raise InputError("option.missing_extra", LACKS, "Press Set Up Sidecar in the Affekt panel.")
    blend = Path(bpy.data.filepath).parent if bpy.data.filepath else None
    check_further(len(options.more))
    if options.backbone == "lam":
        _check_lam(options, context)
    _place(options, blend)  # before the work rather than after it
    return _create(options, blend, context)


def selected_flame(context: bpy.types.Context) -> bpy.types.Object | None:
    """The FLAME head that is selected, or the scene's only head, if that is one."""
    head = find_head(context)
    return head if head is not None and is_flame(head) else None


def _create(options: CreateOptions, blend: Path | None, context: bpy.types.Context) -> Steps:
    line = session.need_line()
    photos = [read_file(path, limits.MAX_PHOTO_BYTES) for path in (options.photo, *options.more)]
    on = selected_flame(context) if options.on_flame and options.backbone != "lam" else None
    flame = None if on is None else Path(bpy.path.abspath(on.affekt_head.flame_file))
    space = None if on is None else flame_space(on)
    name = HeadName(name=OPEN_HEAD) if on is None else (yield from ready_head(line, on))
    try:
        made = yield from requests.create_avatar(line, photos, options.face, name, options.backbone)
    except InputError as error:
        raise _as_here(error) from error
    path = _place(options, blend)  # again: minutes may have passed
    yield from requests.keep(line, made.avatar, path)
    wanted = ImportOptions(path=path, flame=flame, flame_space=space, proxy=options.proxy)
    try:
        added = yield from add_avatar(wanted, context)
    except InputError as error:
        kept = f"{error.remedy} The avatar is kept as {path}."
        raise InputError(error.code, error.message, kept) from error
    _render_as(added.head, path)
    return f"{made.said} Kept as {path}. {added.said}"


def offers_lam(context: bpy.types.Context) -> bool:
    """Whether the sidecar can make avatars by LAM's network, or could after its next start."""
    return not session.lacks(LAM_CAPABILITY) or bool(_lam_weights(context))


def _lam_weights(context: bpy.types.Context) -> str:
    settings = preferences(context)
    return "" if settings is None else bpy.path.abspath(settings.lam_weights)


def _check_lam(options: CreateOptions, context: bpy.types.Context) -> None:
    """Raises InputError `option.backbone` where LAM's network is not to be had, or for what it has
    no use for; `file.missing` where its weights have gone."""
    weights, is_ours = _lam_weights(context), session.log_path is not None
    if is_ours and weights and not Path(weights).is_file():
        raise InputError(
            "file.missing",
            f"There is no file of weights at {weights}.",
            f"Correct it in {_IN_PREFERENCES}, then stop the sidecar and start it again.",
        )
    if session.lacks(LAM_CAPABILITY):
        raise _lacks_lam(weights, is_ours=is_ours)
    if options.more:
        raise InputError(
            "option.backbone",
            "LAM makes its avatar of one photo, on its own FLAME head.",
            "Choose one photo, or Affekt as the backbone.",
        )


def _lacks_lam(weights: str, *, is_ours: bool) -> InputError:
    said = "The sidecar was started without LAM's weights."
    if not is_ours:
        remedy = "Start it where it runs with: affekt serve --lam-weights model.safetensors."
    elif weights:
        remedy = f"Stop it and start it again: it then takes those in {_IN_PREFERENCES}."
    else:
        said = "LAM's network needs its weights, which cannot come with Affekt."
        remedy = (
            f"Download LAM-20K's model.safetensors, name it in {_IN_PREFERENCES}, then stop the "
            "sidecar and start it again."
        )
    return InputError("option.backbone", said, remedy)


def _as_here(error: InputError) -> InputError:
    """The error with what to do in Blender, where a terminal has an option."""
    if error.code != "file.unknown_weights":
        return error
    remedy = (
        "Get the published file; or, if you trained it yourself, allow Other Weights Than the "
        f"Published Ones in {_IN_PREFERENCES}, then stop the sidecar and start it again."
    )
    return InputError(error.code, error.message, remedy)


def _place(options: CreateOptions, blend: Path | None) -> Path:
    """Where the avatar can be kept now. blend: the folder of the blend file."""
    if options.out is None:
        return find_place(options.photo, blend)
    check_new(options.out)
    return options.out


def _render_as(head: bpy.types.Object | None, path: Path) -> None:
    """Lets *Render Avatar* draw the head as this avatar."""
    if head is not None:
        head.affekt_avatar.subject, head.affekt_avatar.file = "FILE", str(path)
