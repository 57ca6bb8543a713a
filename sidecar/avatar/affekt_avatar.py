# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's avatar file: one safetensors with the arrays of an `Avatar`, bit for bit.

docs/formats.md lists the keys. The file holds an ARKit rig whole, but names a head by its space
and its mesh's SHA-256 only, so that no file carries FLAME by accident; the reader gives the head.
`embed_head` writes the head's arrays too; FLAME's licence allows that for a user's own use alone.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import fields
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from ...shared import limits
from ...shared.calibration import Calibration
from ...shared.errors import InputError
from ...shared.head import ARRAY_FIELDS, HeadModel
from ...shared.pictures import Follow
from ...shared.wording import without_controls
from ..head.read import OPEN, read_head
from .avatar import ArkitRig, Avatar, Binding, Surface
from .emotion_looks import LOOKS as EMOTION_LOOKS
from .emotion_looks import EmotionLooks
from .looks import Looks
from .side_look import SideLook

FORMAT, VERSION = "affekt-avatar", "1"
MAX_HEADER_BYTES = 1024 * 1024  # ours are 4 KB
MAX_SURFACE_VERTICES = 200_000
_GAUSSIANS = ("anchors", "offsets", "quaternions", "scales", "opacities", "colours")
_OPTIONAL = ("harmonics", "shape", "template_change")
_LOOKS = tuple(field.name for field in fields(Looks))
_SIDE_LOOK = tuple(field.name for field in fields(SideLook))
_RIG = tuple(field.name for field in fields(ArkitRig) if field.name != "calibration")
_CALIBRATION = tuple(field.name for field in fields(Calibration))
_CALIBRATED, _PLAIN = "calibrated", "plain"
_TYPES = {
    **dict.fromkeys(("anchors", "faces", "landmark_faces", "gaussian", "driver"), "int32"),
    "region": "uint8",
}

_NAMES = {"float32": "F32", "int32": "I32", "uint8": "U8"}

Arrays = dict[str, NDArray]


def is_affekt_avatar(data: bytes) -> bool:
    """Whether the bytes are a safetensors file, or its beginning, with the format of an avatar."""
    return _header(data).get("format") == FORMAT


def encode_avatar(avatar: Avatar, *, embed_head: bool = False) -> bytes:
    """Encodes an avatar file; with `embed_head` it holds the arrays of the avatar's head."""
    arrays: Arrays = {key: getattr(avatar, key) for key in _GAUSSIANS}
    arrays |= {k: v for k in _OPTIONAL if (v := getattr(avatar, k)) is not None}
    if avatar.emotion_looks is not None:
        arrays |= {
            f"emotion_looks.{key}": getattr(avatar.emotion_looks, key) for key in EMOTION_LOOKS
        }
    if avatar.looks is not None:
        arrays |= {f"looks.{key}": getattr(avatar.looks, key) for key in _LOOKS}
    if avatar.side_look is not None:
        arrays |= {f"side_look.{key}": getattr(avatar.side_look, key) for key in _SIDE_LOOK}
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "name": avatar.name,
        "binding": avatar.binding,
        "follow": avatar.follow,
        "solid": "yes" if avatar.opaque_core else "no",
        "notes": json.dumps(avatar.notes),
        "surface": "none",
    }
    surface = avatar.surface
    if isinstance(surface, ArkitRig):
        metadata["surface"] = "arkit"
        arrays |= {f"rig.{key}": getattr(surface, key) for key in _RIG}
        known = surface.calibration
        metadata["shapes"] = _PLAIN if known is None else _CALIBRATED
        if known is not None:
            arrays |= {f"rig.calibration_{key}": getattr(known, key) for key in _CALIBRATION}
    elif surface is not None:
        metadata |= {
            "surface": "head",
            "head_space": surface.space,
            "head_mesh": mesh_hash(surface),
        }
        if embed_head:
            metadata["head_name"] = surface.name
            metadata["head_expressions"] = json.dumps(surface.expression_names)
            arrays |= {f"head.{key}": getattr(surface, key) for key in ARRAY_FIELDS}
    return _pack(arrays, metadata)


def _pack(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    """Encodes a safetensors file whose bytes depend on its content alone; the library's encoder
    writes metadata in another order each time."""
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    start, blocks = 0, []
    for key in sorted(arrays):
        values = np.ascontiguousarray(arrays[key])
        block = values.astype(values.dtype.newbyteorder("<")).tobytes()
        header[key] = {
            "dtype": _NAMES[values.dtype.name],
            "shape": list(values.shape),
            "data_offsets": [start, start + len(block)],
        }
        blocks.append(block)
        start += len(block)
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *blocks])


def decode_affekt_avatar(data: bytes, name: str, head: HeadModel | None = None) -> Avatar:
    """Decodes an avatar file. name: what errors call it. head: the one that the avatar sits on,
    needed if the file does not hold it and it is not the open head.

    Raises InputError `file.damaged`, `avatar.version`, `avatar.needs_head`, `avatar.head`,
    `avatar.shape`, `avatar.not_finite`, `avatar.values`, `avatar.too_big`.
    """
    metadata = _header(data)
    if metadata.get("version") != VERSION:
        raise InputError(
            "avatar.version",
            f"'{name}' is an avatar file of version {str(metadata.get('version'))[:20]}; this "
            f"Affekt reads version {VERSION}.",
            "Use the Affekt that wrote it, or a newer one.",
        )
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(name, "it is cut off or was changed") from error
    _check_arrays(arrays, name)
    missing = [key for key in _GAUSSIANS if key not in arrays]
    if missing:
        raise _damaged(name, f"{missing[0]} is missing")
    looks = None
    if "looks.drivers" in arrays:
        looks = Looks(**_part(arrays, "looks.", _LOOKS, name))
    side_look = None
    if "side_look.colours" in arrays:
        side_look = SideLook(**_part(arrays, "side_look.", _SIDE_LOOK, name))
    return Avatar(
        name=metadata.get("name", name),
        surface=_surface(arrays, metadata, name, head),
        binding=cast(Binding, _choice(metadata, "binding", get_args(Binding), name)),
        follow=cast(Follow, _choice(metadata, "follow", get_args(Follow), name)),
        opaque_core=_choice(metadata, "solid", ("yes", "no"), name) == "yes",
        notes=_words(metadata, "notes", name),
        emotion_looks=_emotion_looks(arrays, name),
        looks=looks,
        side_look=side_look,
        **{key: arrays[key] for key in (*_GAUSSIANS, *_OPTIONAL) if key in arrays},
    )


def _emotion_looks(arrays: Arrays, name: str) -> EmotionLooks | None:
    if not any(key.startswith("emotion_looks.") for key in arrays):
        return None
    return EmotionLooks(**_part(arrays, "emotion_looks.", EMOTION_LOOKS, name))


def says_how_shapes_move(data: bytes) -> bool:
    """Whether an avatar file says that its rig is calibrated, or that it is to stay as it is;
    files from before there were calibrations do not."""
    return "shapes" in _header(data)


def mesh_hash(head: HeadModel) -> str:
    """SHA-256 of a head's template and faces."""
    digest = hashlib.sha256(np.ascontiguousarray(head.template, "<f4").tobytes())
    digest.update(np.ascontiguousarray(head.faces, "<i4").tobytes())
    return digest.hexdigest()


def _surface(
    arrays: Arrays, metadata: dict[str, str], name: str, head: HeadModel | None
) -> Surface:
    kind = _choice(metadata, "surface", get_args(Literal["arkit", "head", "none"]), name)
    if kind == "none":
        return None
    if kind == "arkit":
        known = None
        if metadata.get("shapes") == _CALIBRATED:
            known = Calibration(**_part(arrays, "rig.calibration_", _CALIBRATION, name))
        return ArkitRig(**_part(arrays, "rig.", _RIG, name), calibration=known)
    if "head.template" in arrays:
        return HeadModel(
            name=metadata.get("head_name", name),
            space=metadata.get("head_space", ""),
            expression_names=_words(metadata, "head_expressions", name),
            **_part(arrays, "head.", ARRAY_FIELDS, name),
        )
    return _referenced(metadata, name, head)


def _referenced(metadata: dict[str, str], name: str, head: HeadModel | None) -> HeadModel:
    wanted, space = metadata.get("head_mesh"), metadata.get("head_space", "")[:20]
    for known in (head, read_head(OPEN) if space == OPEN else None):
        if known is not None and mesh_hash(known) == wanted:
            return known
    if head is not None:
        raise InputError(
            "avatar.head",
            f"'{name}' was made on another head than '{head.name}' (its space is '{space}').",
            "Give the head that the avatar was made on.",
        )
    raise InputError(
        "avatar.needs_head",
        f"'{name}' sits on a head of the space '{space}', which is not in the file.",
        "Give that head's file too (`--head`). An avatar that was made on an earlier open head "
        "than the one that comes with Affekt is made again by `affekt avatar convert`.",
    )


def _part(arrays: Arrays, prefix: str, keys: tuple[str, ...], name: str) -> Arrays:
    missing = [key for key in keys if prefix + key not in arrays]
    if missing:
        raise _damaged(name, f"{prefix}{missing[0]} is missing")
    return {key: arrays[prefix + key] for key in keys}


def _check_arrays(arrays: Arrays, name: str) -> None:
    for key, values in arrays.items():
        wanted = _TYPES.get(key.rpartition(".")[2], "float32")
        if values.dtype != np.dtype(wanted):
            raise _damaged(name, f"{key} is of type {values.dtype}, not {wanted}")
        if values.ndim == 0:
            raise _damaged(name, f"{key} is a single number")
    counts = {"anchors": limits.MAX_GAUSSIANS}
    counts |= dict.fromkeys(("rig.vertices", "head.template"), MAX_SURFACE_VERTICES)
    for key, most in counts.items():
        if key in arrays and not 0 < len(arrays[key]) <= most:
            raise InputError(
                "avatar.too_big",
                f"'{name}' has {len(arrays[key])} entries in {key}; 1 to {most} are allowed.",
                "Choose another avatar.",
            )


def _choice(metadata: dict[str, str], key: str, known: tuple[str, ...], name: str) -> str:
    value = metadata.get(key)
    if value not in known:
        raise _damaged(name, f"its {key} is none of {', '.join(known)}")
    return value


def _words(metadata: dict[str, str], key: str, name: str) -> tuple[str, ...]:
    try:
        words = json.loads(metadata.get(key, "[]"))
    except (ValueError, RecursionError) as error:
        raise _damaged(name, f"its {key} cannot be read") from error
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise _damaged(name, f"its {key} are no words")
    return tuple(map(without_controls, words))


def _header(data: bytes) -> dict[str, str]:
    """The metadata of a safetensors; empty for anything else."""
    if len(data) < 10:
        return {}
    (size,) = struct.unpack_from("<Q", data)
    if not 2 <= size <= min(MAX_HEADER_BYTES, len(data) - 8):
        return {}
    try:
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    if not isinstance(metadata, dict):
        return {}
    return {k: without_controls(v) for k, v in metadata.items() if isinstance(v, str)}


def _damaged(name: str, what: str) -> InputError:
    return InputError(
        "file.damaged",
        f"The avatar file '{name}' is damaged: {what}.",
        "Make or download it again.",
    )
