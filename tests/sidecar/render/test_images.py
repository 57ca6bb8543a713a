# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as files, framing, and video."""

import wave
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.shared.pictures import PictureRequest
from affekt.sidecar.avatar.animated_mesh import head_turns
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.motion.frames import parse_frames
from affekt.sidecar.raster.colour import over
from affekt.sidecar.raster.project import to_pixels
from affekt.sidecar.render.frame import Frame
from affekt.sidecar.render.images import (
    depth_steps,
    make_folder,
    read_picture,
    write_frame,
    write_png,
)
from affekt.sidecar.render.passes import render_frames
from affekt.sidecar.render.portrait import ViewAngles, default_camera, frame_points
from affekt.sidecar.render.shot import make_shot, read_subject
from affekt.sidecar.render.video import VideoWriter, read_sound


def write_wave(path: Path, seconds: float) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        tone = np.sin(np.arange(int(22_050 * seconds)) * 0.1) * 8000
        file.writeframes(tone.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("yaw", [0.0, 0.7, -1.5])
@pytest.mark.parametrize(("width", "height"), [(512, 512), (300, 500), (800, 300)])
def test_framing_keeps_every_point_inside(width: int, height: int, yaw: float):
    rng = np.random.default_rng(0)
    points = rng.uniform([-0.1, 1.4, -0.1], [0.1, 1.8, 0.1], (500, 3))
    camera = frame_points(points, width, height, ViewAngles(yaw_rad=yaw, pitch_rad=0.2 * yaw))
    screen = to_pixels(points, camera)
    assert 0 < screen[:, 0].min() < screen[:, 0].max() < width
    assert 0 < screen[:, 1].min() < screen[:, 1].max() < height
    used = max(np.ptp(screen[:, 0]) / width, np.ptp(screen[:, 1]) / height)
    assert 0.7 < used < 1


def test_a_picture_of_ours_has_alpha_and_a_byte_for_each_channel(tmp_path: Path):
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 256, (5, 7, 4)).astype(np.uint8)
    write_png(tmp_path / "a.png", whole)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), whole)
    for other in (whole[..., :3], whole[..., 0], whole.astype(np.uint16) * 257):
        write_png(tmp_path / "b.png", other)
        with pytest.raises(InputError, match="not a picture with alpha") as caught:
            read_picture(tmp_path / "b.png")
        assert caught.value.code == "file.wrong_kind"


def test_neck_turns_on_top_of_the_whole():
    motion = make_motion(
        expression=np.zeros((1, 100), np.float32),
        fps=30.0,
        space="arkit",
        rotation=np.array([[0, 0.3, 0]]),
        neck=np.array([[0, 0.2, 0]]),
    )
    np.testing.assert_allclose(head_turns(motion), [[0, 0.5, 0]], atol=1e-6)


def write_video(path: Path, pictures: list[np.ndarray], fps: float, sound: Path | None = None):
    with VideoWriter(path, fps, sound=sound) as video:
        for picture in pictures:
            video.add(picture)


def frame_of(rgba: np.ndarray, depth: float = 1.2345) -> Frame:
    shape = rgba.shape[:2]
    return Frame(
        index=41, combined=rgba.astype(np.float32), depth=np.full(shape, depth, np.float32)
    )


def test_png_holds_straight_alpha_and_depth(tmp_path: Path):
    rgba = np.zeros((4, 5, 4))
    rgba[1, 2] = (0.4, 0.2, 0.1, 0.5)
    write_frame(tmp_path, frame_of(rgba))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["depth_0042.png", "frame_0042.png"]
    picture = cv2.imread(str(tmp_path / "frame_0042.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(picture[1, 2], [124, 170, 231, 128])  # blue first
    np.testing.assert_array_equal(picture[0, 0], 0)
    depth = cv2.imread(str(tmp_path / "depth_0042.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    assert (depth == 12_345).all()
    write_frame(tmp_path / ".", frame_of(rgba), with_depth=False)


def test_a_picture_comes_back_as_it_was_written(tmp_path: Path):
    rgba = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    write_png(tmp_path / "a.png", rgba)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), rgba)
    write_png(tmp_path / "plain.png", rgba[..., :3])
    write_png(tmp_path / "depth.png", np.zeros((3, 4), np.uint16))
    (tmp_path / "text.png").write_text("no picture")
    for name in ("plain.png", "depth.png", "text.png", "missing.png"):
        with pytest.raises(InputError) as caught:
            read_picture(tmp_path / name)
        assert caught.value.code == "file.wrong_kind"
    plain = cv2.imread(str(tmp_path / "plain.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(plain[..., ::-1], rgba[..., :3])


def test_numbers_of_pictures():
    np.testing.assert_array_equal(
        depth_steps(np.array([0.0, 0.00012, 9.0, np.inf, np.nan], np.float32)),
        [0, 1, 65_535, 65_535, 65_535],
    )


def test_a_place_that_takes_no_file(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    for act in (
        lambda: make_folder(tmp_path / "file" / "folder"),
        lambda: write_png(tmp_path / "missing" / "a.png", np.zeros((2, 2), np.uint8)),
        lambda: write_video(tmp_path / "missing" / "a.mp4", [np.zeros((8, 8, 3), np.uint8)], 25),
    ):
        with pytest.raises(InputError) as caught:
            act()
        assert caught.value.code == "file.not_writable"


def test_video_has_every_picture_and_its_sound(tmp_path: Path):
    """Odd sizes grow; sound ends with the picture."""
    pictures = [np.full((63, 45, 3), 40 * i, np.uint8) for i in range(6)]
    sound = write_wave(tmp_path / "voice.wav", 2.0)
    path = tmp_path / "out.mp4"
    write_video(path, pictures, 30000 / 1001, sound=sound)
    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.width, video.height, video.codec_context.pix_fmt) == (46, 64, "yuv420p")
        assert float(video.average_rate) == pytest.approx(30000 / 1001)
        decoded = [frame.to_ndarray(format="rgb24") for frame in file.decode(video)]
        assert float(audio.duration * audio.time_base) < 0.35
    assert len(decoded) == 6
    for source, found in zip(pictures, decoded, strict=True):
        assert np.abs(found[:63, :45].astype(int) - source).mean() < 4
    assert [p.name for p in tmp_path.glob("*.mp4*")] == ["out.mp4"]


def test_an_unfinished_video_leaves_nothing(tmp_path: Path):
    pictures = iter([np.zeros((16, 16, 3), np.uint8)])
    with pytest.raises(StopIteration), VideoWriter(tmp_path / "a.mp4", 25) as video:
        [video.add(next(pictures)) for _ in range(2)]
    with VideoWriter(tmp_path / "b.mp4", 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_sound_that_is_none(tmp_path: Path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    write_video(tmp_path / "silent.mp4", [np.zeros((16, 16, 3), np.uint8)], 25)
    for name, code in (
        ("missing.wav", "file.missing"),
        ("text.wav", "file.sound"),
        ("empty.wav", "file.sound"),
        ("silent.mp4", "file.sound"),
    ):
        with pytest.raises(InputError) as caught:
            read_sound(tmp_path / name)
        assert caught.value.code == code
    samples = read_sound(write_wave(tmp_path / "tone.wav", 1.0), 0.75)
    assert samples.shape == (2, 12_000)


def test_frame_ranges():
    assert parse_frames(None, 10) == range(10)
    assert parse_frames("3-5", 10) == range(3, 6)
    assert parse_frames("7", 10) == range(7, 8)
    for text, code in (
        ("5-3", "frames.out_of_range"),
        ("0-10", "frames.out_of_range"),
        ("a-b", "frames.syntax"),
        ("", "frames.syntax"),
        ("-3", "frames.syntax"),
        ("3-", "frames.syntax"),
        ("1" * 30, "frames.syntax"),
        ("²", "frames.syntax"),
    ):
        with pytest.raises(InputError) as caught:
            parse_frames(text, 10)
        assert caught.value.code == code, text


def correlation(face: np.ndarray, portrait_path: Path) -> float:
    """The best match of a small picture of a face anywhere in a portrait, at any size."""
    portrait = cv2.imread(str(portrait_path))[..., ::-1].astype(np.float32)
    best = 0.0
    for size in range(150, 600, 15):
        small = cv2.resize(portrait, (size, size), interpolation=cv2.INTER_AREA)
        scores = cv2.matchTemplate(small, face, cv2.TM_CCOEFF_NORMED)
        best = max(best, float(scores.max()))
    return best


@pytest.mark.parametrize("name", ["barbara", pytest.param("statue", marks=pytest.mark.full)])
def test_real_avatars_look_like_their_portraits(name: str, real_data: Path):
    """The frontal render matches the picture that it was made from, and far less the other."""
    avatar = read_avatar(real_data / "lam_avatars" / f"{name}.zip")
    camera = look_at(
        target=np.array([0, 1.655, 0.05]),
        distance=1.6,
        yaw_rad=0,
        pitch_rad=0,
        width=96,
        height=96,
        fov_y_rad=0.1,
    )
    motion = make_motion(expression=np.zeros((1, 100), np.float32), fps=30.0, space="arkit")
    shot = make_shot(avatar, motion, PictureRequest(cameras=(camera,)))
    face = over(next(render_frames(shot)).combined).astype(np.float32)
    found = {p.stem: correlation(face, p) for p in (real_data / "portraits").iterdir()}
    print(f"{name}: correlation with the portraits {found}")
    own = found.pop(name)
    assert own > 0.55
    assert own > max(found.values()) + 0.1


def test_default_camera_sees_hair_and_shoulders(avatar: Avatar):
    camera = default_camera(avatar, 128, 128)
    screen = to_pixels(avatar.vertices, camera)
    assert screen[:, 1].min() > 0
    assert screen[:, 0].min() > 0


def test_a_head_is_framed_alike_as_mesh_and_as_gaussians():
    """From where the neck ends below the picture to the top of the skull."""
    cameras = [
        default_camera(read_subject(name), 96, 128, ViewAngles(yaw_rad=0.3))
        for name in ("open", "open-gaussians")
    ]
    mesh, gaussians = (camera.camera_from_world for camera in cameras)
    np.testing.assert_allclose(mesh, gaussians, atol=2e-3)
    assert cameras[0].focal_y == cameras[1].focal_y
