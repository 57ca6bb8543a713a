# SPDX-License-Identifier: GPL-3.0-or-later
"""Multilayer EXR: names, types and numbers read back by OpenEXR; hostile and cut-off files."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from affekt.shared import replacement
from affekt.shared.errors import InputError
from affekt.shared.pictures import CODECS
from affekt.sidecar.avatar.regions import PASS_REGIONS
from affekt.sidecar.render.exr import About, read_combined, read_exr, write_exr
from affekt.sidecar.render.frame import Frame

from .conftest import view

SIZE = (37, 53)


def full_frame(seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)

    def noise(channels: int) -> np.ndarray:
        return rng.normal(0, 1, (*SIZE, channels)).astype(np.float32)

    depth = noise(1)[..., 0]
    depth[:4] = np.inf
    return Frame(
        index=41,
        combined=np.abs(noise(4)),
        depth=depth,
        normal=noise(3),
        position=noise(3),
        masks=np.abs(noise(6)),
        object_index=np.full(SIZE, 3, np.float32),
        uv=noise(2),
        vector=100 * noise(4),
    )


def about(**numbers: float) -> About:
    """Of a camera that is no two ways alike."""
    camera = replace(view(64), focal_x=70.0, focal_y=90.0, centre_x=30.0, centre_y=41.0)
    return About(fps=25.0, camera=camera, numbers=numbers)


@pytest.mark.parametrize("half", [True, False])
def test_every_pass_comes_back(half: bool, tmp_path: Path):
    frame = full_frame()
    write_exr(tmp_path / "a.exr", frame, about(happy=0.75, influence=1.0), half=half)
    assert [p.name for p in tmp_path.iterdir()] == ["a.exr"]
    header, pixels = read_exr(tmp_path / "a.exr")
    groups = {
        "Combined": ("RGBA", frame.combined),
        "Depth": ("Z", frame.depth[..., None]),
        "Normal": ("XYZ", frame.normal),
        "Position": ("XYZ", frame.position),
        "Vector": ("XYZW", frame.vector),
        "UV": ("UV", frame.uv),
        "IndexOB": ("X", frame.object_index[..., None]),
    }
    names = {f"ViewLayer.{name}.{k}" for name, (letters, _) in groups.items() for k in letters}
    names |= {"ViewLayer.UV.A"} | {f"ViewLayer.mask_{name}.X" for name in PASS_REGIONS}
    assert set(pixels) == names
    for k, name in enumerate(("skin", "lips", "eyes", "teeth", "mouth", "hair")):
        np.testing.assert_allclose(
            pixels[f"ViewLayer.mask_{name}.X"], frame.masks[..., k], rtol=1e-3, atol=1e-6
        )
    for name, (letters, values) in groups.items():
        exact = not half or name in ("Depth", "Position", "Vector", "UV")
        for k, letter in enumerate(letters):
            found = pixels[f"ViewLayer.{name}.{letter}"]
            assert found.dtype == (np.float32 if exact else np.float16)
            tolerance = 0 if exact else 1e-3
            np.testing.assert_allclose(found, values[..., k], rtol=tolerance)
    assert header["affekt:frame"] == 41
    assert header["affekt:happy"] == pytest.approx(0.75)
    assert header["affekt:fps"] == 25.0
    assert header["affekt:focal_px"].tolist() == [70.0, 90.0]
    assert header["affekt:centre_px"].tolist() == [30.0, 41.0]
    assert header["affekt:orthographic"] == 0
    assert header["affekt:influence"] == 1.0
    assert header["affekt:colour"] == "scene_linear, Rec.709"
    assert header["colorInteropID"] == "lin_rec709_scene"
    red, green, blue, white = (0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0.329)
    assert header["chromaticities"] == pytest.approx((*red, *green, *blue, *white))
    assert header["compression"] == OpenEXR.ZIP_COMPRESSION
    np.testing.assert_allclose(
        header["affekt:camera_from_head"], view(64).camera_from_world, atol=1e-6
    )
    np.testing.assert_allclose(read_combined(tmp_path / "a.exr"), frame.combined, rtol=1e-3)


@pytest.mark.parametrize("half", [True, False])
def test_every_codec_keeps_what_it_promises(half: bool, tmp_path: Path):
    """Other bytes each; the same numbers."""
    frame = smooth_frame()
    write_exr(tmp_path / "none.exr", frame, about(), half=half, codec="none")
    wanted = read_exr(tmp_path / "none.exr")[1]
    sizes = {"none": (tmp_path / "none.exr").stat().st_size}
    for codec, compression in (
        ("zip", OpenEXR.ZIP_COMPRESSION),
        ("zips", OpenEXR.ZIPS_COMPRESSION),
        ("rle", OpenEXR.RLE_COMPRESSION),
        ("piz", OpenEXR.PIZ_COMPRESSION),
    ):
        path = tmp_path / f"{codec}.exr"
        write_exr(path, frame, about(), half=half, codec=codec)
        header, pixels = read_exr(path)
        assert header["compression"] == compression
        sizes[codec] = path.stat().st_size
        assert set(pixels) == set(wanted)
        for name, values in pixels.items():
            np.testing.assert_array_equal(values, wanted[name])
    assert len(set(sizes.values())) == len(CODECS) == len(sizes)
    assert max(sizes, key=sizes.__getitem__) == "none"


@pytest.mark.parametrize("error", [RuntimeError("no"), ValueError("no"), MemoryError()])
def test_whatever_its_library_says_of_a_file_is_one_sentence(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise error

    (tmp_path / "a.exr").write_bytes(b"v/1\1")
    monkeypatch.setattr(OpenEXR, "File", fail)
    with pytest.raises(InputError, match="not a whole EXR picture") as caught:
        read_exr(tmp_path / "a.exr")
    assert caught.value.code == "file.wrong_kind"


def smooth_frame() -> Frame:
    """Colours as pictures have them, of every pass; noise would tell nothing of codecs."""
    y, x = np.mgrid[:256, :192].astype(np.float32) / 256
    round_ = np.clip(1.2 - 3 * np.hypot(x - 0.4, y - 0.5), 0, 1).astype(np.float32)
    colour = np.stack([round_ * (0.5 + 0.3 * np.sin(9 * x * (k + 1))) for k in range(3)], -1)
    noise = 0.01 * np.random.default_rng(0).normal(size=colour.shape)
    colour = (np.abs(colour + noise) * round_[..., None]).astype(np.float32)
    return Frame(
        index=0,
        combined=np.concatenate([colour, round_[..., None]], 2),
        depth=np.where(round_ > 0, 0.85 + 0.1 * x * y, np.inf).astype(np.float32),
        normal=np.stack([x, y, round_], -1),
        position=np.stack([y, x, x * y], -1),
        masks=np.repeat(round_[..., None], 6, 2),
        object_index=(round_ > 0).astype(np.float32),
        uv=np.stack([x, y], -1),
        vector=np.stack([x, y, x, y], -1),
    )


def test_passes_that_were_not_asked_for_are_not_there(tmp_path: Path):
    frame = Frame(index=0, combined=np.zeros((4, 4, 4), np.float32), depth=np.ones((4, 4), "f4"))
    write_exr(tmp_path / "a.exr", frame, about())
    assert set(read_exr(tmp_path / "a.exr")[1]) == {
        *(f"ViewLayer.Combined.{k}" for k in "RGBA"),
        "ViewLayer.Depth.Z",
    }


def test_other_readers_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """OpenCV has a reader of its own, which asks to be let; colour first layer only."""
    monkeypatch.setenv("OPENCV_IO_ENABLE_OPENEXR", "1")
    import cv2

    plain = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    frame = full_frame()
    write_exr(tmp_path / "a.exr", frame, about(), half=False)
    depth = read_exr(tmp_path / "a.exr")[1]["ViewLayer.Depth.Z"]
    OpenEXR.File(plain, {"Y": depth}).write(str(tmp_path / "depth.exr"))
    try:
        found = cv2.imread(str(tmp_path / "depth.exr"), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        found = None
    if found is None:
        pytest.skip("this OpenCV was built without OpenEXR")
    np.testing.assert_array_equal(found.reshape(depth.shape), frame.depth)


def test_a_broken_picture_says_so(tmp_path: Path):
    (tmp_path / "a.exr").write_bytes(b"v/1\x01" + b"\0" * 40)
    for name, code in (("a.exr", "file.wrong_kind"), ("missing.exr", "file.missing")):
        with pytest.raises(InputError) as caught:
            read_exr(tmp_path / name)
        assert caught.value.code == code


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """OpenEXR says it in words of its own; /dev/full is a disk that is really full."""
    path, place = tmp_path / "a.exr", replacement.partial_path(tmp_path)
    place.symlink_to("/dev/full")
    with monkeypatch.context() as patch:
        patch.setattr(replacement, "partial_path", lambda _: place)
        with pytest.raises(InputError) as caught:
            write_exr(path, full_frame(), about())
    assert caught.value.code == "file.not_writable"
    assert "No space left" in caught.value.message
    assert list(tmp_path.iterdir()) == []

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError):
        write_exr(path, full_frame(), about())
    assert list(tmp_path.iterdir()) == []


def test_an_orthographic_camera_and_where_uv_has_light(tmp_path: Path):
    """UV's third channel says where there is any coverage, however little."""
    frame = full_frame()
    frame.combined[:, :, 3] = 0.5
    frame.combined[2, 5, 3] = 0
    frame.combined[3, 5, 3] = 1e-4
    flat = replace(about(), camera=replace(about().camera, orthographic=True))
    write_exr(tmp_path / "a.exr", frame, flat)
    header, pixels = read_exr(tmp_path / "a.exr")
    assert header["affekt:orthographic"] == 1
    wanted = np.ones(SIZE)
    wanted[2, 5] = 0
    np.testing.assert_array_equal(pixels["ViewLayer.UV.A"], wanted)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        read_combined(tmp_path / "none.exr")
    assert caught.value.code == "file.missing"
    assert str(tmp_path / "none.exr") in caught.value.message
