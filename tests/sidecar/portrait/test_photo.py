# SPDX-License-Identifier: GPL-3.0-or-later
"""Photos of every kind become upright sRGB, or one sentence."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.portrait.photo import read_photo
from PIL import ExifTags, Image, PngImagePlugin


def picture(width: int = 96, height: int = 80) -> Image.Image:
    """Red on the left, blue on the right, brighter downwards."""
    values = np.zeros((height, width, 3), np.uint8)
    values[:, : width // 2, 0] = np.linspace(60, 250, height)[:, None]
    values[:, width // 2 :, 2] = np.linspace(60, 250, height)[:, None]
    return Image.fromarray(values)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_photo(path)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    return caught.value.code


def test_a_plain_photo_is_read_as_it_is(tmp_path: Path) -> None:
    found = read_photo(saved(tmp_path / "a.png", picture()))
    np.testing.assert_array_equal(found.pixels, np.asarray(picture()))
    assert found.focal_pixels is None


def test_a_photo_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was held with its right side down
    lying = picture().transpose(Image.Transpose.ROTATE_90)
    found = read_photo(saved(tmp_path / "a.png", lying, exif=exif.tobytes()))
    np.testing.assert_array_equal(found.pixels, np.asarray(picture()))


def test_the_lens_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    about = exif.get_ifd(ExifTags.IFD.Exif)
    about[ExifTags.Base.FocalLengthIn35mmFilm] = 50
    about[ExifTags.Base.ExifImageWidth], about[ExifTags.Base.ExifImageHeight] = 960, 800
    path = saved(tmp_path / "a.jpg", picture(), exif=exif.tobytes())
    assert read_photo(path).focal_pixels == pytest.approx(50 / 43.27 * np.hypot(96, 80), rel=1e-3)
    cut = saved(tmp_path / "b.jpg", picture().crop((0, 0, 80, 80)), exif=exif.tobytes())
    assert read_photo(cut).focal_pixels is None  # who cut it, also moved its middle


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "1"])
def test_other_colours_become_rgb(tmp_path: Path, mode: str) -> None:
    image = picture().convert(mode)
    found = read_photo(saved(tmp_path / "a.tif", image)).pixels
    assert found.shape == (80, 96, 3)
    assert found[70].mean() > found[5].mean() + 20


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 80 * 96).reshape(80, 96).astype(np.uint16)
    found = read_photo(saved(tmp_path / "a.png", Image.fromarray(values))).pixels
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[40, 0].tolist() == [128, 128, 128]
    assert found[-1, -1].tolist() == [255, 255, 255]


def test_numbers_of_any_size_become_eight_bits(tmp_path: Path) -> None:
    """By the largest of the whole picture, wherever that is; what is no number is black."""
    for most, white in ((0.5, 1.0), (200.0, 255.0), (30_000.0, 65535.0), (90_000.0, 90_000.0)):
        values = np.zeros((600, 70), np.float32)
        values[599, 69], values[3, 5], values[300, 2] = most, np.nan, most / 2
        found = read_photo(saved(tmp_path / "a.tif", Image.fromarray(values))).pixels
        assert found[599, 69].tolist() == [round(255 * most / white)] * 3
        assert found[300, 2, 0] == round(255 * most / 2 / white)
        assert found[3, 5, 0] == 0


def test_sixteen_bits_take_few_bytes_a_pixel(tmp_path: Path) -> None:
    """Numpy's alone: the picture once more in its own 2 bytes at most, in 8 bits, and a band."""
    path = saved(tmp_path / "a.png", Image.fromarray(np.full((2000, 1000), 30_000, np.uint16)))
    tracemalloc.start()
    read_photo(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 12 * 2000 * 1000


def test_too_little_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.jpg", picture())

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", fail)
    assert refused(path) == "photo.size"


def test_what_is_clear_is_white(tmp_path: Path) -> None:
    image = picture().convert("RGBA")
    image.putalpha(Image.fromarray(np.full((80, 96), 51, np.uint8)))
    found = read_photo(saved(tmp_path / "a.png", image)).pixels
    assert found[79, 0].tolist() == [254, 204, 204]


def test_a_large_photo_is_made_smaller(tmp_path: Path) -> None:
    found = read_photo(saved(tmp_path / "a.jpg", Image.new("RGB", (5000, 2500), "green"))).pixels
    assert found.shape == (2048, 4096, 3)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("This is a letter, and not a picture at all.")
    assert refused(path) == "file.wrong_kind"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    assert refused(path) == "file.wrong_kind"
    path.write_bytes(b"")
    assert refused(path) == "file.empty"
    assert refused(tmp_path / "none.jpg") == "file.missing"
    assert refused(tmp_path) == "file.folder"


def test_a_tiff_that_is_not_read_is_called_one(tmp_path: Path) -> None:
    """Three channels of real numbers, which no photo has."""
    path = tmp_path / "a.tif"
    cv2.imwrite(str(path), np.full((80, 96, 3), 0.5, np.float32))
    with pytest.raises(InputError, match="TIFF that Affekt does not read") as caught:
        read_photo(path)
    assert caught.value.code == "file.wrong_kind"


@pytest.mark.parametrize("kind", ["text", "profile"])
def test_a_photo_with_too_much_beside_it_is_not_called_damaged(tmp_path: Path, kind: str) -> None:
    path, much = tmp_path / "a.png", bytes(3 << 20)
    if kind == "profile":
        picture().save(path, icc_profile=much)
    else:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", "a" * len(much), zip=True)
        picture().save(path, pnginfo=texts)
    assert refused(path) == "file.too_large"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_a_cut_photo_is_refused(tmp_path: Path, kind: str) -> None:
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (80, 96, 3), np.uint8)
    Image.fromarray(noise).save(whole, kind)
    path = tmp_path / "a"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    assert refused(path) == "file.damaged" or kind == "TIFF"  # its directory lies at the end


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    edge = int(limits.MAX_PHOTO_PIXELS**0.5) + 1
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
    )
    assert refused(path) == "photo.size"


def test_a_stamp_is_refused(tmp_path: Path) -> None:
    assert refused(saved(tmp_path / "a.png", picture(63, 80))) == "photo.size"


def test_exif_that_is_damaged_leaves_a_photo_as_it_lies(tmp_path: Path) -> None:
    """Tags of other types than they say, and none at all."""
    plain = Image.new("RGB", (80, 96), (10, 200, 30))
    for tail in (b"II*\0", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x01abcd\0\0\0\0"):
        path = tmp_path / f"{len(tail)}.jpg"
        plain.save(path, exif=b"Exif\0\0" + tail)
        assert read_photo(path).pixels.shape == (96, 80, 3)
