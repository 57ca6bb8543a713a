# SPDX-License-Identifier: GPL-3.0-or-later
"""Cycles' pictures of avatars in the scene beside the sidecar's own: the same heads in the same
places, and how near. `AFFEKT_SPLATS_PICTURES` names a folder for a sheet of each: above the
sidecar's pictures, below Cycles', at the right the avatar in a set. docs/splats.jpg is `open.jpg`
of it."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.raster.colour import linear_to_srgb, srgb_to_linear
from affekt.sidecar.render.exr import read_combined
from fakes.person import SPACE, write_person

from .conftest import run_script
from .test_splats import BAKED, DATA, DEMO

SHEETS = os.environ.get("AFFEKT_SPLATS_PICTURES")
INSIDE = 0.99
"""Of both pictures' coverage: what is within the head."""
WIDTH, HEIGHT = (320, 400) if SHEETS else (240, 300)
SAMPLES, LAM_SAMPLES, SET_SAMPLES = 32, 160, 16
"""Light goes through LAM's Gaussians, which Cycles decides by chance for each sample."""
LONGEST_S = 1800
"""Cycles takes half a minute a picture on two free cores."""
TURNS_DEG = (-40, 0, 40)
SHOWN = (BAKED[5], BAKED[0], BAKED[2])
"""Surprise, happiness and anger."""
LEAST_DB = 30
LAM = ("barbara", "statue")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """avatar: what is imported. flame: the FLAME file that it sits on, or none. file: what the
    sidecar draws, or none for the head's own Gaussians. linear: the same with colours that stand
    for linear light, or none."""

    avatar: Path | str
    flame: Path | str = ""
    file: Path | str = ""
    linear: Path | str = ""


def make_shown(name: str, folder: Path) -> Shown:
    if name == "open":
        return Shown(avatar="open-gaussians")
    if name == "person":
        points, flame = write_person(folder)
        whole = folder / "whole.safetensors"
        person = read_avatar(points, read_flame(flame, space=SPACE))
        whole.write_bytes(encode_avatar(person, embed_head=True))
        return Shown(avatar=points, flame=flame, file=whole)
    path = DATA / "lam_avatars" / f"{name}.zip"
    if not path.exists():
        pytest.skip(f"no LAM avatar {path}")
    linear = folder / "linear.safetensors"
    linear.write_bytes(encode_avatar(in_linear_light(read_avatar(path))))
    return Shown(avatar=path, file=path, linear=linear)


def in_linear_light(avatar: Avatar) -> Avatar:
    """The avatar whose picture, read as sRGB, is what it would be if light and not sRGB were
    blended, as Cycles does; it hides nothing behind it."""
    assert avatar.harmonics is None
    colours = srgb_to_linear(np.clip(avatar.colours.astype(np.float64), 0, 1))
    return replace(avatar, colours=colours.astype(np.float32), opaque_core=False)


def read_cycles(path: str) -> np.ndarray:
    """(H, W, 4) linear, premultiplied."""
    with OpenEXR.File(path, separate_channels=True) as file:
        channels = file.channels()
        found = {name.rpartition(".")[2]: one.pixels for name, one in channels.items()}
    return np.stack([found[letter] for letter in "RGBA"], -1).astype(np.float32)


def seen(linear: np.ndarray) -> np.ndarray:
    """(H, W, 3) sRGB 0..1, over black."""
    return linear_to_srgb(np.clip(linear[..., :3], 0, 1).astype(np.float64))


def decibels(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((seen(one) - seen(other))[where] ** 2)))


@pytest.mark.full
@pytest.mark.timeout(LONGEST_S + 60)
@pytest.mark.one_blender
@pytest.mark.parametrize("name", ["open", "person", *LAM])
def test_cycles_draws_what_the_sidecar_draws(
    blender_user_folder: Path, blender_python: str, tmp_path: Path, name: str
) -> None:
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    shown = make_shown(name, tmp_path)
    options = {
        "python": sys.executable,
        "avatar": str(shown.avatar),
        "flame": str(shown.flame),
        "file": str(shown.file),
        "linear": str(shown.linear),
        "take": DEMO,
        "keyed": BAKED,
        "frames": SHOWN,
        "turns_deg": TURNS_DEG,
        "set_frame": BAKED[0],
        "samples": LAM_SAMPLES if name in LAM else SAMPLES,
        "width": WIDTH,
        "height": HEIGHT,
        "set_samples": SET_SAMPLES if SHEETS else 0,
    }
    told = run_script(
        blender_python,
        blender_user_folder,
        "splats_picture.py",
        options,
        tmp_path,
        timeout_s=LONGEST_S,
    )
    pairs = [
        (read_combined(Path(own)), read_cycles(cycles["path"]))
        for own, cycles in zip(told["own"], told["cycles"], strict=True)
    ]
    if SHEETS:
        write_sheet(Path(SHEETS) / f"{name}.jpg", pairs, told["set"]["path"])
    if told["linear"]:
        pairs = [
            (of_linear(read_combined(Path(path))), drawn)
            for path, (_, drawn) in zip(told["linear"], pairs, strict=True)
        ]
    for (own, drawn), turn_deg, cycles in zip(pairs, TURNS_DEG, told["cycles"], strict=True):
        check_near(own, drawn, f"{name} at {turn_deg:g} degrees, {cycles['s']:.0f} s")


def check_near(own: np.ndarray, drawn: np.ndarray, what: str) -> None:
    inside = np.minimum(own[..., 3], drawn[..., 3]) > INSIDE
    apart = np.abs(own[..., 3] - drawn[..., 3]).mean()
    assert inside.mean() > 0.1, "there is a head in both"
    found = decibels(own, drawn, inside)
    print(f"{what}: {found:.1f} dB within the head, coverage {apart:.4f} apart")
    assert apart < 0.015
    assert found > LEAST_DB


def of_linear(drawn: np.ndarray) -> np.ndarray:
    """The picture of `in_linear_light` as linear light: what was read as sRGB is light itself."""
    return np.concatenate([seen(drawn), drawn[..., 3:]], 2).astype(np.float32)


@pytest.mark.full
@pytest.mark.timeout(LONGEST_S + 60)
@pytest.mark.one_blender
def test_the_key_lights_colour_is_drawn(
    blender_user_folder: Path, blender_python: str, tmp_path: Path
) -> None:
    """What Cycles draws of a head whose light is matched is its own picture times the gain; slats
    before the lamp darken a part of it. `light.jpg` is docs/splats_light.jpg."""
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    options = {
        "python": sys.executable,
        "take": DEMO,
        "frame": 100,
        "samples": SAMPLES,
        "width": WIDTH,
        "height": HEIGHT,
    }
    told = run_script(
        blender_python,
        blender_user_folder,
        "splats_light_picture.py",
        options,
        tmp_path,
        timeout_s=LONGEST_S,
    )
    names = ("own", "matched", "shaded")
    own, matched, shaded = (read_cycles(told[name]["path"]) for name in names)
    if SHEETS:
        row = np.concatenate([seen(picture) for picture in (own, matched, shaded)], 1)
        write_jpg(Path(SHEETS) / "light.jpg", row)
    face = np.s_[HEIGHT // 4 : 3 * HEIGHT // 5, WIDTH * 7 // 16 : WIDTH * 9 // 16, :3]
    before, after, under = (picture[face].reshape(-1, 3) for picture in (own, matched, shaded))
    gain = after.mean(0) / before.mean(0)
    print(f"drawn {gain.round(3)} times as bright, told {np.round(told['gain'], 3)}")
    np.testing.assert_allclose(gain, told["gain"], rtol=0.03)
    shade = (under / np.maximum(after, 1e-4)).mean(1)
    assert np.quantile(shade, 0.05) < 0.55
    assert np.quantile(shade, 0.95) > 0.95


def write_sheet(path: Path, pairs: list[tuple[np.ndarray, np.ndarray]], in_set: str) -> None:
    rows = [np.concatenate([over_grey(pair[k]) for pair in pairs], 1) for k in range(2)]
    large = cv2.resize(
        seen(read_cycles(in_set)), (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    sheet = np.concatenate([np.concatenate(rows, 0), large.clip(0, 1)], 1)
    write_jpg(path, sheet)


def write_jpg(path: Path, colours: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = (255 * colours[..., ::-1]).round().astype(np.uint8)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])


def over_grey(linear: np.ndarray) -> np.ndarray:
    """The picture before a dark grey, as a viewport has it."""
    behind = linear.copy()
    behind[..., :3] += 0.05 * (1 - linear[..., 3:])
    return seen(behind)
