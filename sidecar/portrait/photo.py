# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a photo of any common kind: turned upright, in sRGB, 8 bits a channel, no larger than is of
use."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ...shared import limits
from ...shared.arrays import UInt8Array
from ...shared.errors import InputError
from ..files import read_bytes, refuse_lfs_pointer

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
_LONGEST = 4096
"""Pixels of the long edge; faces in larger photos are large enough in smaller ones."""
_FILM_DIAGONAL_MM = 43.27
_SAME_SHAPE = 0.02
_WHITE = 255
_BAND_ROWS = 256
_KINDS = "Give a JPEG, PNG, WebP, TIFF or BMP."
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


_BAD_EXIF = (
    AttributeError,
    IndexError,
    KeyError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
)
"""What Pillow raises of tags with another type or place than they say."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Photo:
    """pixels: (H, W, 3) sRGB, upright; focal_pixels: the lens, if the camera wrote it down and the
    photo was not cut since."""

    pixels: UInt8Array
    focal_pixels: float | None


def read_photo(path: Path) -> Photo:
    """Reads a photo. Raises InputError `file.*`, `photo.size`."""
    return decode_photo(read_bytes(path, limits.MAX_PHOTO_BYTES, "photo"), path.name)


def decode_photo(data: bytes, name: str) -> Photo:
    """Reads a photo of a file's bytes. name: the file's, for errors. Raises InputError `file.*`,
    `photo.size`."""
    refuse_lfs_pointer(data, name)
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"hevc"):
        raise InputError(
            "file.wrong_kind",
            f"{name} is an HEIC or AVIF picture, which Affekt does not read.",
            "Export it as JPEG; on an iPhone: Settings, Camera, Formats, Most Compatible.",
        )
    try:
        # Pillow warns of photos that are as large as our limit, on which we have a sentence.
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_size(image, name)
                return _decoded(image)
    except UnidentifiedImageError as error:
        raise _unknown(data, name) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except MemoryError as error:
        raise InputError(
            "photo.size",
            f"There is too little memory for {name}.",
            "Close other programs, or make the photo smaller.",
        ) from error
    except (OSError, SyntaxError, TypeError, ValueError, EOFError) as error:
        if "MAX_TEXT" in str(error):  # Pillow's limits, also of profiles, named in its sentences
            raise InputError(
                "file.too_large",
                f"The texts or the colour profile inside {name} are larger than a photo's.",
                "Open it in a picture editor and save it anew without them, such as a JPEG.",
            ) from error
        raise InputError(
            "file.damaged", f"The photo {name} is damaged or cut off.", "Copy or download it again."
        ) from error


def _unknown(data: bytes, name: str) -> InputError:
    if data.startswith(_TIFF):
        return InputError(
            "file.wrong_kind",
            f"{name} is damaged, or a kind of TIFF that Affekt does not read.",
            "Save it with 8 or 16 bits, or as PNG.",
        )
    return InputError("file.wrong_kind", f"{name} is not a picture that Affekt knows.", _KINDS)


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > limits.MAX_PHOTO_PIXELS:
        raise _too_large(name)
    if min(image.size) < 64:
        raise InputError(
            "photo.size",
            f"{name} has {image.width} x {image.height} pixels, too few for a face.",
            "Give a larger photo.",
        )


def _too_large(name: str) -> InputError:
    return InputError(
        "photo.size",
        f"{name} has more than {limits.MAX_PHOTO_PIXELS // 1_000_000} megapixels.",
        "Make it smaller, or cut the face out with some space around it.",
    )


def _decoded(image: Image.Image) -> Photo:
    if image.format == "JPEG":
        image.draft("RGB", (_LONGEST, _LONGEST))
    film_mm = _film_focal_mm(image)
    upright = ImageOps.exif_transpose(_plain(image))
    upright.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BOX, reducing_gap=2.0)
    pixels = np.asarray(upright, np.uint8)
    focal = None
    if film_mm is not None:
        focal = film_mm / _FILM_DIAGONAL_MM * float(np.hypot(*pixels.shape[:2]))
    return Photo(pixels=np.ascontiguousarray(pixels), focal_pixels=focal)


def _plain(image: Image.Image) -> Image.Image:
    """The picture as RGB, keeping how EXIF says it is turned: 16 bits made 8, what is clear on
    white."""
    turn = _turn(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_in_eight_bits(image))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        paper = Image.new("RGBA", clear.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        image = Image.alpha_composite(paper, clear)
    plain = image.convert("RGB")
    plain.info.clear()
    plain.getexif()[ExifTags.Base.Orientation] = turn
    return plain


def _in_eight_bits(image: Image.Image) -> UInt8Array:
    """(H, W) of a picture of one channel with whole or real numbers. Band by band: all at once in
    double precision is 24 bytes a pixel more."""
    values = np.asarray(image)
    bands = [slice(top, top + _BAND_ROWS) for top in range(0, len(values), _BAND_ROWS)]
    white = 65535.0 if image.mode.startswith("I;16") else _white(values[band] for band in bands)
    out = np.empty(values.shape, np.uint8)
    for band in bands:
        shares = np.clip(values[band].astype(np.float64) / max(white, 1e-9), 0, 1)
        out[band] = np.rint(np.nan_to_num(shares) * 255)
    return out


def _turn(image: Image.Image) -> int:
    """EXIF's orientation; 1 where EXIF is damaged. The rest of it may be too, and is not read."""
    image.load()  # Pillow turns a TIFF itself
    try:
        return image.getexif().get(ExifTags.Base.Orientation) or 1
    except _BAD_EXIF:
        return 1


def _white(bands: Iterable[NDArray]) -> float:
    """What is white in a picture of whole or real numbers of any size; black is 0."""
    finite = (band[np.isfinite(band)] for band in bands)
    most = max((float(band.max()) for band in finite if band.size), default=1.0)
    return next((top for top in (1.0, 255.0, 65535.0) if most <= top), most)


def _film_focal_mm(image: Image.Image) -> float | None:
    """The focal length on 35 mm film, if the camera wrote it and the size is still the camera's."""
    try:
        about = image.getexif().get_ifd(ExifTags.IFD.Exif)
        film = float(cast(float, about.get(ExifTags.Base.FocalLengthIn35mmFilm, 0)))
        wide = float(cast(float, about.get(ExifTags.Base.ExifImageWidth, 0)))
        high = float(cast(float, about.get(ExifTags.Base.ExifImageHeight, 0)))
    except _BAD_EXIF:
        return None
    if not (8 <= film <= 800 and wide > 0 and high > 0):
        return None
    ratio = image.width / image.height
    same = min(abs(wide / high / ratio - 1), abs(high / wide / ratio - 1)) < _SAME_SHAPE
    return film if same else None
