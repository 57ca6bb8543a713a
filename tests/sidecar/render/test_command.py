# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt render` as a user meets it: what it writes, and one sentence for each thing wrong."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.cli import run
from affekt.sidecar.motion.write import write_motion
from affekt.sidecar.raster import device
from affekt.sidecar.raster.device import CpuRasteriser
from affekt.sidecar.render.camera_file import read_cameras
from affekt.sidecar.render.exr import read_exr
from affekt.sidecar.render.shot import motion_for, read_subject
from fakes.lam import lam_bundle

FRAMES = 4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """avatar.zip, take.json (ARKit), open.npz and flame.npz (our own form)."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "avatar.zip").write_bytes(lam_bundle())
    weights = np.zeros((FRAMES, 52))
    weights[:, ARKIT_NAMES.index("jawOpen")] = np.linspace(0, 0.8, FRAMES)
    rows = [{"weights": list(row), "time": i / 30, "rotation": []} for i, row in enumerate(weights)]
    take = {"names": list(ARKIT_NAMES), "metadata": {"fps": 30.0}, "frames": rows}
    (folder / "take.json").write_text(json.dumps(take))
    for space in ("open", "flame2023"):
        write_motion(plain_motion(space), folder / f"{space}.npz")
    return folder


def plain_motion(space: str) -> Motion:
    return make_motion(expression=np.zeros((FRAMES, 100), np.float32), fps=30.0, space=space)


def render(files: Path, out: Path, avatar: str = "avatar.zip", **options: str) -> int:
    words = {"motion": str(files / "take.json"), "size": "40", **options}
    flags = [part for key, value in words.items() for part in (f"--{key}", value)]
    subject = avatar if avatar in ("open", "open-gaussians") else str(files / avatar)
    return run(["render", "--avatar", subject, "--out", str(out), *flags])


def test_writes_pictures_depth_and_preview(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert render(files, tmp_path / "a" / "b") == 0
    names = sorted(p.name for p in (tmp_path / "a" / "b").glob("[!.]*"))
    numbers = [f"{i + 1:04d}.png" for i in range(FRAMES)]
    assert names == [
        *(f"depth_{n}" for n in numbers),
        *(f"frame_{n}" for n in numbers),
        "preview.mp4",
    ]
    picture = cv2.imread(str(tmp_path / "a" / "b" / "frame_0001.png"), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (40, 40, 4)
    assert picture[..., 3].max() > 200
    assert picture[0, 0, 3] == 0
    assert "4 frames in" in capsys.readouterr().out


@pytest.mark.parametrize(("form", "said"), [("png", True), ("exr", False)])
def test_passes_that_a_png_cannot_hold_are_told(
    form: str, said: bool, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render(files, tmp_path / "out", format=form, passes="normal", frames="0-0") == 0
    assert ("--passes does nothing without --format exr" in capsys.readouterr().out) == said


def test_says_which_card_draws(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert render(files, tmp_path, frames="0") == 0
    assert "Rendering on" not in capsys.readouterr().out
    card = CpuRasteriser(reason="Rendering on CUDA, which is ready: a card.", device="cuda")
    monkeypatch.setattr(device, "choose_rasteriser", lambda name: card)
    assert render(files, tmp_path, frames="0") == 0
    assert card.reason in capsys.readouterr().out


def test_a_range_equals_those_frames_of_the_whole(files: Path, tmp_path: Path):
    assert render(files, tmp_path / "whole") == 0
    assert render(files, tmp_path / "part", frames="1-2") == 0
    assert sorted(p.name for p in (tmp_path / "part").glob("frame_*")) == [
        "frame_0002.png",
        "frame_0003.png",
    ]
    for name in ("frame_0002.png", "frame_0003.png", "depth_0003.png"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "part" / name).read_bytes() == whole


def test_an_open_take_moves_an_avatar_and_a_take_moves_the_open_head(files: Path, tmp_path: Path):
    assert render(files, tmp_path / "a", motion=str(files / "open.npz"), frames="0") == 0
    assert render(files, tmp_path / "b", avatar="open", frames="2-3") == 0
    picture = cv2.imread(str(tmp_path / "b" / "frame_0003.png"), cv2.IMREAD_UNCHANGED)
    assert picture[20, 20, 3] == 255


def test_open_and_arkit_takes_agree_on_an_avatar(files: Path):
    """ARKit -> open -> ARKit on the way to the avatar loses nothing."""
    weights = np.zeros((2, 100), np.float32)
    weights[1, [ARKIT_NAMES.index(n) for n in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight")]] = 0.5
    take = make_motion(
        expression=weights, fps=30.0, space="arkit", neck=np.full((2, 3), 0.1, np.float32)
    )
    avatar, head = read_subject(str(files / "avatar.zip")), read_subject("open")
    back = motion_for(avatar, motion_for(head, take, None), None)
    assert back.space == "arkit"
    np.testing.assert_allclose(back.expression, weights, atol=2e-3)
    np.testing.assert_array_equal(back.neck, take.neck)
    assert motion_for(avatar, take, None) is take


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"avatar": "missing.zip"}, "file.missing"),
        ({"avatar": "take.json"}, "file.wrong_kind"),
        ({"motion": "missing.json"}, "file.missing"),
        ({"motion": "avatar.zip"}, "file.wrong_kind"),
        ({"motion": "flame2023.npz"}, "space.no_adapter"),
        ({"frames": "2-9"}, "frames.out_of_range"),
        ({"frames": "two"}, "frames.syntax"),
        ({"size": "0"}, "option.size"),
        ({"size": "100000"}, "option.size"),
        ({"sound": "take.json"}, "file.sound"),
        ({"adapter": "take.json"}, "file.wrong_kind"),
        ({"camera": "take.json"}, "option.camera"),
        ({"fov": "0"}, "option.camera"),
        ({"yaw": "inf"}, "option.camera"),
        ({"pitch": "90"}, "option.camera"),
        ({"width": "12000", "height": "9000"}, "option.size"),
        ({"camera": "missing.json"}, "file.missing"),
        ({"emotions": "missing.json"}, "file.missing"),
        ({"appearance": "2.1"}, "option.appearance"),
        ({"appearance": "nan"}, "option.appearance"),
        ({"format": "exr", "passes": "uv"}, "option.pass"),
    ],
)
def test_one_sentence_and_nothing_written(
    options: dict[str, str],
    code: str,
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    places = {"motion", "sound", "adapter", "camera", "emotions"}
    words = {k: str(files / v) if k in places else v for k, v in options.items()}
    assert render(files, tmp_path / "out", **words) == 2
    error = capsys.readouterr().err
    assert f"[{code}]" in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_exr_with_every_pass_and_a_sheet(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    sheet, out = tmp_path / "sheet.png", tmp_path / "out"
    (tmp_path / "camera.json").write_text(json.dumps(camera_file()))
    words = {
        "format": "exr",
        "passes": "all",
        "frames": "1-2",
        "camera": str(tmp_path / "camera.json"),
        "codec": "rle",
    }
    assert (
        render(files, out, "open", **words, sheet=str(sheet), motion=str(files / "open.npz")) == 0
    )
    assert sorted(p.name for p in out.glob("[!.]*")) == [
        "frame_0002.exr",
        "frame_0003.exr",
        "preview.mp4",
    ]
    header, pixels = read_exr(out / "frame_0003.exr")
    assert len(pixels) == 25
    assert pixels["ViewLayer.Depth.Z"].shape == (24, 32)
    assert header["affekt:focal_px"][0] == 90
    assert header["compression"] == OpenEXR.RLE_COMPRESSION
    assert read_exr(out / "frame_0002.exr")[0]["affekt:focal_px"][0] == 80
    assert cv2.imread(str(sheet)).shape[2] == 3
    assert render(files, out, "open", **words, motion=str(files / "open.npz")) == 0
    assert "2 of them kept" in capsys.readouterr().out
    zipped = words | {"codec": "zip", "motion": str(files / "open.npz")}
    assert render(files, out, "open", **zipped) == 0
    assert "kept" not in capsys.readouterr().out
    assert read_exr(out / "frame_0003.exr")[0]["compression"] == OpenEXR.ZIP_COMPRESSION


def test_normals_in_the_cameras_axes(files: Path, tmp_path: Path):
    shown = {}
    for axes in ("world", "camera"):
        words = {
            "format": "exr",
            "passes": "normal",
            "frames": "0",
            "yaw": "80",
            "normal-axes": axes,
        }
        assert render(files, tmp_path / axes, "open", **words) == 0
        _, pixels = read_exr(tmp_path / axes / "frame_0001.exr")
        shown[axes] = np.stack([pixels[f"ViewLayer.Normal.{k}"] for k in "XYZ"], -1)[20, 20]
    assert shown["camera"][2] > 0.5 > shown["world"][2]
    np.testing.assert_allclose(np.linalg.norm(shown["camera"]), 1, atol=2e-3)


def test_a_camera_holds_from_its_entry_to_the_next(tmp_path: Path):
    """And the first one before its entry, in whatever order they stand."""
    path = tmp_path / "camera.json"
    entries = [
        {"frame": 5, "focal_px": [90, 70], "far_m": 7},
        {"frame": 2, "centre_px": [15, 13], "near_m": 0.2},
    ]
    path.write_text(json.dumps({**camera_file(), "focal_px": [80, 60], "frames": entries}))
    cameras = read_cameras(path, 7)
    assert [camera.focal_x for camera in cameras] == [80] * 5 + [90] * 2
    assert [camera.focal_y for camera in cameras] == [60] * 5 + [70] * 2
    first, last = cameras[0], cameras[6]
    assert (first.centre_x, first.centre_y, first.near, first.far) == (15, 13, 0.2, 100)
    assert (last.centre_x, last.centre_y, last.near, last.far) == (16, 12, 0.01, 7)
    assert last.camera_from_world[2, 3] == 1.2


def camera_file() -> dict:
    pose = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 1.2], [0, 0, 0, 1]]
    return {
        "width": 32,
        "height": 24,
        "focal_px": [80, 80],
        "camera_from_head": pose,
        "frames": [{"frame": 0}, {"frame": 2, "focal_px": [90, 90]}],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"width": "wide"},
        {"width": None},
        {"focal_px": [80]},
        {"camera_from_head": [1, 2]},
        {"camera_from_head": [["a"] * 4] * 4},
        {"frames": []},
        {"frames": [{"focal_px": [8, 8]}]},
        {"frames": {}},
        {"focal_px": [float("nan"), 1]},
    ],
)
def test_camera_files_that_cannot_be_used(change: dict, tmp_path: Path):
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(camera_file()))
    cameras = read_cameras(path, 4)
    assert [cameras[i].focal_x for i in range(4)] == [80, 80, 90, 90]
    path.write_text(json.dumps({**camera_file(), **change}))
    with pytest.raises(InputError) as caught:
        read_cameras(path, 4)
    assert caught.value.code == "option.camera"


@pytest.mark.parametrize("name", ["barbara", pytest.param("statue", marks=pytest.mark.full)])
def test_real_avatars_with_both_arkit_takes(name: str, real_data: Path, tmp_path: Path):
    import zipfile

    bundle = real_data / "lam_avatars" / "statue.zip"
    with zipfile.ZipFile(bundle) as file:
        inner = next(n for n in file.namelist() if n.endswith("bsData.json"))
        (tmp_path / "bsData.json").write_bytes(file.read(inner))
    avatar = str(real_data / "lam_avatars" / f"{name}.zip")
    takes = (real_data / "arkit" / "test_expression_1s.json", tmp_path / "bsData.json")
    for take, frames in zip(takes, ("500-501", "40-41"), strict=True):
        out = tmp_path / take.stem
        words = ["render", "--avatar", avatar, "--motion", str(take), "--out", str(out)]
        assert run([*words, "--size", "256", "--frames", frames]) == 0
        pictures = sorted(out.glob("frame_*.png"))
        assert len(pictures) == 2
        picture = cv2.imread(str(pictures[0]), cv2.IMREAD_UNCHANGED)
        assert picture[128, 128, 3] == 255  # no hole in the face
        face = picture[90:170, 100:156, 3]
        assert face.min() > 240


@pytest.mark.parametrize("form", ["png", "exr"])
def test_a_resumed_preview_has_the_same_bytes(form: str, files: Path, tmp_path: Path):
    """Its frames are those of the files, whether they were drawn now or before."""
    for name in ("whole", "resumed"):
        assert render(files, tmp_path / name, format=form) == 0
    out = tmp_path / "resumed"
    (out / "preview.mp4").unlink()
    (out / f"frame_0002.{form}").unlink()
    assert render(files, out, format=form) == 0
    assert (out / "preview.mp4").read_bytes() == (tmp_path / "whole/preview.mp4").read_bytes()


def test_another_rendering_in_the_folder_is_told(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert render(files, tmp_path / "out", frames="0-2") == 0
    assert "of another rendering" not in capsys.readouterr().out
    assert render(files, tmp_path / "out", frames="2-3", size="30") == 0
    told = capsys.readouterr().out
    assert "out: 1 frame of another rendering will be replaced; 2 frames of another" in told
    assert "out: 2 frames in" in told


def test_sound_and_emotions_begin_where_a_partial_bake_does(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The take's frames are 2 to 5 of a performance; frame 1 of them is the third one of it."""
    from affekt.shared.take_files import encode_motion
    from affekt.sidecar.render import video

    (tmp_path / "part.npz").write_bytes(encode_motion(plain_motion("open"), first_frame=2))
    keys = [{"frame": 0, "happy": 0.0}, {"frame": 10, "happy": 1.0}]
    (tmp_path / "keys.json").write_text(json.dumps({"fps": 30, "keys": keys}))
    with wave.open(str(tmp_path / "voice.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    began: list[float] = []
    real = video.read_sound

    def watch(path: Path, start_s: float = 0.0):
        began.append(start_s)
        return real(path, start_s)

    monkeypatch.setattr(video, "read_sound", watch)
    words = {"motion": str(tmp_path / "part.npz"), "emotions": str(tmp_path / "keys.json")}
    out = tmp_path / "out"
    assert (
        render(
            files, out, "open", **words, frames="1-2", format="exr",
            sound=str(tmp_path / "voice.wav"),
        )
        == 0
    )  # fmt: skip
    assert began[-1] == pytest.approx(3 / 30)
    assert read_exr(out / "frame_0002.exr")[0]["affekt:happy"] == pytest.approx(0.3)


def test_the_option_multiplies_the_keyed_appearance(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A scowl: 0.5 in the keys, times 1 unless told, is 0.5; 0 is another rendering, lighter."""
    scowl = np.zeros((1, 100), np.float32)
    scowl[0, [ARKIT_NAMES.index(name) for name in ("browDownLeft", "browDownRight")]] = 1
    write_motion(make_motion(expression=scowl, fps=30.0, space="arkit"), tmp_path / "scowl.npz")
    (tmp_path / "keys.json").write_text('{"fps": 30, "keys": [{"frame": 0, "appearance": 0.5}]}')
    keys, out = {"emotions": str(tmp_path / "keys.json")}, tmp_path / "out"

    def light(**options: str) -> int:
        words = {"motion": str(tmp_path / "scowl.npz"), "size": "64", **options}
        assert render(files, out, "open-gaussians", **words) == 0
        picture = cv2.imread(str(out / "frame_0001.png"), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        return int(picture[..., :3].sum(dtype=np.int64))

    keyed = light(**keys)
    assert light(appearance="0.5") == keyed
    assert light(appearance="0.5") == keyed
    assert "1 of them kept from before" in capsys.readouterr().out
    assert light() < keyed < light(appearance="0")
    assert light(**keys, appearance="2") == light()
    assert "1 frame of another rendering will be replaced" in capsys.readouterr().out


def test_first_use_of_a_kernel_is_told(tmp_path: Path):
    """Once, where something is compiled, and not where it was kept."""
    program = (
        "from affekt.sidecar.compiling import say_when_compiling\n"
        "say_when_compiling(); say_when_compiling()\n"
        "import kernels; kernels.one(1.0); kernels.two(2.0)"
    )
    (tmp_path / "kernels.py").write_text(
        "from numba import njit\n@njit(cache=True)\ndef one(x):\n    return x + 1\n"
        "@njit(cache=True)\ndef two(x):\n    return x + 2\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert said[0].count("Compiling") == 1
    assert said[1] == ""
