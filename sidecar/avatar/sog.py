# SPDX-License-Identifier: GPL-3.0-or-later
"""PlayCanvas' SOG: `meta.json` and WebP pictures, a pixel for each Gaussian, in a zip.

Version 2 names 256 values for bytes in codebooks; version 1, which has no number, spans them
between bounds. Positions are 16 bits in two pictures, sign(x) log(1 + |x|) between bounds;
rotations the three smallest of w, x, y, z with the largest's place in alpha (252 to 255); harmonics
a palette of which `labels` gives each Gaussian one.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...shared import limits
from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from .archive import read_entry
from .refusals import broken_pack, check_count
from .splats import DC, SCENE_LOG_SCALE, Splats, checked, from_smallest_three, logistic

META = "meta.json"
_WHOLE = "Choose a whole SOG: a zip, or a folder, with meta.json and all pictures that it names."
_FORMATS = ("WEBP", "PNG")
_MAX_META_BYTES = 4 * 1024 * 1024
# A picture has a pixel for each Gaussian and up to four rows more; a palette of harmonics has
# 65,536 entries of 15.
_MAX_PIXELS = 2 * limits.MAX_GAUSSIANS
_KNOWN = (0, 3, 8, 15)
_PALETTE_ROW = 64
_FIRST_PLACE = 252

_Bytes = NDArray[np.uint8]
_Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sog:
    """The description, and how its pictures are read. count: Gaussians."""

    name: str
    meta: _Json
    data: bytes
    count: int

    @property
    def has_codebooks(self) -> bool:
        return "version" in self.meta


def decode_sog(data: bytes, name: str) -> Splats:
    """Decodes the Gaussians of a zip with `meta.json`; `name` is what errors call it. Raises
    InputError `avatar.packed`, `avatar.zip`, `avatar.missing_file`, `avatar.too_big`."""
    sog = _read_meta(data, name)
    scales = _spread(sog, "scales", _pixels(sog, "scales")[:, :3])
    # Written so that a value that is no number fails.
    if not (scales.max() <= SCENE_LOG_SCALE):
        raise _broken(name, "a Gaussian is far too large")
    colours = _pixels(sog, "sh0")
    found = Splats(
        means=_read_means(sog),
        quaternions=_read_rotations(sog),
        scales=np.exp(scales),
        opacities=_read_opacities(sog, colours[:, 3]),
        colours=np.float32(0.5) + np.float32(DC) * _spread(sog, "sh0", colours[:, :3]),
        harmonics=_read_harmonics(sog) if "shN" in sog.meta else None,
    )
    return checked(found, name, broken_pack)


def _read_meta(data: bytes, name: str) -> _Sog:
    text = read_entry(data, META, name, _WHOLE)
    if len(text) > _MAX_META_BYTES:
        raise _broken(name, "its description is too long")
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(name, f"its {META} cannot be read") from error
    if not isinstance(meta, dict) or "means" not in meta:
        raise _broken(name, f"its {META} describes no Gaussians")
    if meta.get("version", 2) != 2:
        raise _broken(name, f"it is SOG of version {meta['version']!r:.20}; Affekt reads 1 and 2")
    count = meta.get("count")
    if "version" not in meta:
        shape = _member(meta, "means").get("shape")
        count = shape[0] if isinstance(shape, list) and shape else None
    if not isinstance(count, int):
        raise _broken(name, f"its {META} does not say how many Gaussians there are")
    check_count(count, name, broken_pack)
    return _Sog(name=name, meta=meta, data=data, count=count)


def _member(meta: _Json, key: str) -> _Json:
    found = meta.get(key)
    return found if isinstance(found, dict) else {}


def _numbers(sog: _Sog, part: str, key: str, least: int) -> Float32Array:
    """The list of at least so many numbers; a number alone is a list of one. A first one that JSON
    cannot say, as of a flat axis, is as far before the second as the others are from each other."""
    found = _member(sog.meta, part).get(key)
    listed = found if isinstance(found, list) else [found]
    values = [float(v) for v in listed if isinstance(v, int | float) and abs(v) < 1e6]
    if listed[:1] == [None] and len(values) > 1:
        values = [values[0] + (values[0] - values[-1]) / 255, *values]
    if len(values) != len(listed):
        raise _broken(sog.name, f"{part}.{key} in its {META} has values that are not numbers")
    if len(values) < least:
        raise _broken(sog.name, f"{part}.{key} in its {META} is too short")
    return np.array(values, np.float32)


def _picture(sog: _Sog, part: str, place: int = 0) -> NDArray[np.uint8]:
    """(H, W, 4) the picture that the part names at that place."""
    files = _member(sog.meta, part).get("files")
    file = files[place] if isinstance(files, list) and len(files) > place else None
    if not isinstance(file, str):
        raise _broken(sog.name, f"its {META} names no picture for {part}")
    content = read_entry(sog.data, file, sog.name, _WHOLE)
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise _broken(sog.name, f"{file} is far larger than its Gaussians need")
            return np.asarray(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise _broken(sog.name, f"{file} is damaged, or no picture") from error


def _pixels(sog: _Sog, part: str, place: int = 0) -> _Bytes:
    """(N, 4) a pixel for each Gaussian."""
    pixels = _picture(sog, part, place).reshape(-1, 4)
    if len(pixels) < sog.count:
        raise _broken(sog.name, f"a picture of {part} has fewer pixels than there are Gaussians")
    return pixels[: sog.count]


def _spread(sog: _Sog, part: str, pixels: _Bytes) -> Float32Array:
    """The numbers that bytes (N, C) stand for."""
    if sog.has_codebooks:
        return _in_codebook(sog, part)[pixels]
    least, most = (_numbers(sog, part, key, pixels.shape[1]) for key in ("mins", "maxs"))
    channels = pixels.shape[1]
    return _between(least[:channels], most[:channels], pixels.astype(np.float32) / np.float32(255))


def _in_codebook(sog: _Sog, part: str) -> Float32Array:
    """(256,) what each byte stands for; bytes past a short codebook stand for its last value."""
    codebook = _numbers(sog, part, "codebook", 1)[:256]
    return np.pad(codebook, (0, 256 - len(codebook)), mode="edge")


def _between(least: Float32Array, most: Float32Array, shares: Float32Array) -> Float32Array:
    return (least + (most - least) * shares).astype(np.float32)


def _read_means(sog: _Sog) -> Float32Array:
    low, high = (_pixels(sog, "means", place)[:, :3].astype(np.float64) for place in (0, 1))
    least, most = (_numbers(sog, "means", key, 3)[:3] for key in ("mins", "maxs"))
    values = least + (most - least) * ((low + 256 * high) / 65535)
    with np.errstate(over="ignore"):  # what is far too large is told later
        return (np.sign(values) * np.expm1(np.abs(values))).astype(np.float32)


def _read_rotations(sog: _Sog) -> Float32Array:
    """(N, 4) w, x, y, z; those whose alpha names no place turn nothing."""
    pixels = _pixels(sog, "quats")
    three = (pixels[:, :3] / 255 * 2 - 1) * np.sqrt(0.5)
    largest = pixels[:, 3].astype(np.int32) - _FIRST_PLACE
    quaternions = from_smallest_three(three, np.maximum(largest, 0))
    quaternions[largest < 0] = (1, 0, 0, 0)
    return quaternions


def _read_opacities(sog: _Sog, alphas: _Bytes) -> Float32Array:
    """(N,) alpha itself, or in version 1 a logit between the fourth bounds."""
    shares = alphas.astype(np.float32) / np.float32(255)
    if sog.has_codebooks:
        return shares
    least, most = (_numbers(sog, "sh0", key, 4)[3:4] for key in ("mins", "maxs"))
    return logistic(_between(least, most, shares))


def _read_harmonics(sog: _Sog) -> Float32Array:
    """(N, K, 3): the palette's entry of each Gaussian; those past its end have none."""
    palette = _picture(sog, "shN", 0)
    known = palette.shape[1] // _PALETTE_ROW
    if known not in _KNOWN[1:] or palette.shape[1] % _PALETTE_ROW:
        raise _broken(sog.name, "its palette of harmonics has a width that none can have")
    labels = _pixels(sog, "shN", 1).astype(np.int32)
    label = labels[:, 0] | labels[:, 1] << 8
    entries = palette[..., :3].reshape(-1, known, 3)
    inside = label < len(entries)
    return _harmonic_values(sog)[entries[np.where(inside, label, 0)]] * inside[:, None, None]


def _harmonic_values(sog: _Sog) -> Float32Array:
    """(256,) the numbers that bytes of the palette stand for."""
    if sog.has_codebooks:
        return _in_codebook(sog, "shN")
    least, most = (_numbers(sog, "shN", key, 1)[:1] for key in ("mins", "maxs"))
    return _between(least, most, np.arange(256, dtype=np.float32) / np.float32(255))


def _broken(name: str, what: str) -> InputError:
    return broken_pack(name, what, "Export it again, or save it as a PLY of Gaussians.")
