# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar …` from the command line."""

from pathlib import Path

import numpy as np
import pytest
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.open_avatar import OPEN_GAUSSIANS
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.cli import run
from affekt.sidecar.motion.read import read_motion
from affekt.sidecar.motion.write import write_motion
from affekt.sidecar.render.shot import motion_for, read_subject
from fakes import packed
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_bundle
from fakes.plain_drive import arkit_motion, covariances
from fakes.splats import flame_param, splat_ply
from PIL import Image
from plyfile import PlyData
from safetensors.numpy import load_file, save_file


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """egg.zip, take.npz (ARKit), vase.ply, ga/ (GaussianAvatars) with flame.safetensors."""
    folder = tmp_path_factory.mktemp("avatars")
    (folder / "egg.zip").write_bytes(lam_bundle())
    (folder / "vase.ply").write_bytes(splat_ply())
    write_motion(arkit_motion(np.random.default_rng(0).random((3, 52))), folder / "take.npz")
    arrays = flame_arrays()
    (folder / "flame.npz").write_bytes(npz(arrays))
    (folder / "ga").mkdir()
    faces = len(arrays["f"])
    (folder / "ga" / "point_cloud.ply").write_bytes(splat_ply(60, faces=faces + 168))
    (folder / "ga" / "flame_param.npz").write_bytes(flame_param(len(arrays["v_template"])))
    flame = ["--flame", str(folder / "flame.npz"), "--space", "flame2023"]
    assert run(["head", "import", *flame, "--out", str(folder / "flame.safetensors")]) == 0
    return folder


def avatar(*words: object) -> int:
    return run(["avatar", *(str(word) for word in words)])


def test_info_says_what_a_file_is(files: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    for name, words in (
        ("egg.zip", ("768", "51 ARKit shapes", "follow: stretch")),
        ("vase.ply", ("50", "degree 3", "stand still")),
        ("ga", ("flame2023", "follow: surface", "note: ", "teeth")),
    ):
        assert avatar("info", files / name, "--head", files / "flame.safetensors") == 0
        out = capsys.readouterr().out
        assert all(word in out for word in words), out


def test_convert_there_and_back(files: Path, tmp_path: Path):
    out = tmp_path / "egg.safetensors"
    assert avatar("convert", "--avatar", files / "egg.zip", "--out", out) == 0
    again = tmp_path / "again.safetensors"
    assert avatar("convert", "--avatar", out, "--out", again) == 0
    assert out.read_bytes() == again.read_bytes()


def test_convert_of_a_users_flame(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Without --embed-head nothing of FLAME is in the file, and it asks for the head again."""
    flame = files / "flame.safetensors"
    plain, whole = tmp_path / "p.safetensors", tmp_path / "w.safetensors"
    words = ("convert", "--avatar", files / "ga", "--head", flame, "--out")
    assert avatar(*words, plain) == 0
    assert avatar(*words, whole, "--embed-head") == 0
    assert not [key for key in load_file(plain) if key.startswith("head.")]
    assert avatar("info", "--avatar", plain) == 2
    assert "avatar.needs_head" in capsys.readouterr().err
    assert avatar("info", "--avatar", plain, "--head", flame) == 0
    assert avatar("info", "--avatar", whole) == 0


def test_turning_over(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "v.safetensors"
    assert avatar("convert", "--avatar", files / "vase.ply", "--out", out, "--turn-over") == 0
    before, after = read_avatar(files / "vase.ply"), read_avatar(out)
    np.testing.assert_allclose(after.means, before.means * [1, -1, -1])
    over = np.diag([1.0, -1, -1])
    upright, turned = (covariances(a.quaternions, a.scales) for a in (before, after))
    np.testing.assert_allclose(turned, over @ upright @ over, atol=1e-9)
    assert np.abs(turned - upright).max() > 1e-6
    assert before.harmonics is not None
    # The second term of degree 1 goes with z, the third with x.
    np.testing.assert_allclose(after.harmonics[:, 1], -before.harmonics[:, 1], atol=1e-6)
    np.testing.assert_allclose(after.harmonics[:, 2], before.harmonics[:, 2], atol=1e-6)
    words = (
        "convert",
        "--avatar",
        files / "egg.zip",
        "--turn-over",
        "--out",
        tmp_path / "no.safetensors",
    )
    assert avatar(*words) == 2
    assert "option.turn_over" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_export_is_that_frame(files: Path, tmp_path: Path):
    out = tmp_path / "frame.ply"
    words = ("export", "--avatar", files / "egg.zip", "--motion", files / "take.npz")
    assert avatar(*words, "--frame", 2, "--out", out) == 0
    posed = Actor(read_avatar(files / "egg.zip"), read_motion(files / "take.npz")).pose(2)
    vertex = PlyData.read(out)["vertex"]
    np.testing.assert_array_equal(vertex["y"], posed.gaussians.means[:, 1])
    assert avatar(*words, "--frame", 2, "--out", out, "--up", "y-down") == 0
    np.testing.assert_array_equal(PlyData.read(out)["vertex"]["y"], -posed.gaussians.means[:, 1])


def test_export_in_the_emotions_that_were_baked(files: Path, tmp_path: Path):
    """The face reddens and its creases are anger's, where the keys say that anger made them."""
    out, keys = tmp_path / "frame.ply", tmp_path / "keys.json"
    keys.write_text('{"keys": [{"frame": 0, "angry": 0.75, "appearance": 0.5}]}')
    take = files / "take.npz"
    words = ("export", "--avatar", OPEN_GAUSSIANS, "--motion", take, "--frame", 2, "--out", out)
    found = []
    for emotions in ((), ("--emotions", keys)):
        assert avatar(*words, *emotions) == 0
        found.append(np.array(PlyData.read(out)["vertex"]["f_dc_1"]))
    shown = read_subject(OPEN_GAUSSIANS)
    rows = np.float32([0, 0, 0.75, 0, 0, 0])
    actor = Actor(shown, motion_for(shown, read_motion(take), None), None, 0.5, rows)
    wanted = actor.pose(2).gaussians.colours[:, 1]
    np.testing.assert_allclose(0.28209479 * found[1] + 0.5, wanted, atol=1e-5)
    assert np.abs(found[1] - found[0]).max() > 0.05


def test_a_sequence_of_the_open_head(files: Path, tmp_path: Path, capsys):
    words = (
        "sequence",
        "--avatar",
        OPEN_GAUSSIANS,
        "--motion",
        files / "take.npz",
        "--out",
        tmp_path / "s",
        "--frames",
        "1-2",
    )
    assert avatar(*words) == 0
    assert "2 frames written" in capsys.readouterr().out
    assert avatar(*words) == 0
    assert "0 frames written, 2 were there" in capsys.readouterr().out
    names = sorted(p.name for p in (tmp_path / "s").glob("[!.]*"))
    assert names == ["frame_0002.ply", "frame_0003.ply", "sequence.json"]


def test_a_take_as_usd(files: Path, tmp_path: Path, capsys):
    """Told by the name; the format alone is not enough."""
    pytest.importorskip("pxr", reason="the extra `usd` is not installed")
    out = tmp_path / "take.usdc"
    words = ("sequence", "--avatar", files / "egg.zip", "--motion", files / "take.npz", "--out")
    assert avatar(*words, out, "--frames", "1-2") == 0
    assert "take.usdc: 2 frames, 768 Gaussians, " in capsys.readouterr().out
    assert out.read_bytes().startswith(b"PXR-USDC")
    assert avatar(*words, tmp_path / "take", "--format", "usd") == 2
    assert "option.format" in capsys.readouterr().err
    assert avatar(*words, tmp_path / "plys.usdc", "--format", "ply") == 2
    assert "option.format" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["take.usdc"]


def test_gaussian_avatars_on_the_stage(files: Path, tmp_path: Path, capsys):
    """Their own take moves them; what was left out is said."""
    words = (
        "export",
        "--avatar",
        files / "ga",
        "--head",
        files / "flame.safetensors",
        "--motion",
        files / "ga" / "flame_param.npz",
        "--frame",
        1,
        "--out",
        tmp_path / "f.ply",
    )
    assert avatar(*words) == 0
    assert "teeth" in capsys.readouterr().out
    assert (tmp_path / "f.ply").is_file()


def test_a_comparison(files: Path, tmp_path: Path):
    for name, kind in (("c.png", "PNG"), ("c.JPG", "JPEG")):
        out = tmp_path / name
        words = ("compare", "--avatar", files / "egg.zip", "--size", 48, "--out", out)
        assert avatar(*words) == 0
        with Image.open(out) as picture:
            assert picture.size[0] > 3 * 48
            assert picture.format == kind


def test_a_take_on_an_avatar_that_stands_still_is_said(files: Path, tmp_path: Path, capsys):
    """Rendered, exported, and as a sequence; never of an avatar that moves."""
    take = ("--motion", files / "take.npz")
    rendered = ("render", *take, "--size", 32, "--no-preview", "--out", tmp_path)
    exported = ("avatar", "export", *take, "--out", tmp_path / "f.ply")
    sequence = ("avatar", "sequence", *take, "--out", tmp_path / "s")
    for words in (rendered, exported, sequence):
        assert run([*map(str, words), "--avatar", str(files / "vase.ply")]) == 0
        assert capsys.readouterr().out.count("it stands still") == 1
    assert run([*map(str, exported), "--avatar", str(files / "egg.zip")]) == 0
    assert "stands still" not in capsys.readouterr().out


def test_packed_avatars_and_folders(files: Path, tmp_path: Path, capsys):
    (tmp_path / "head.spz").write_bytes(packed.spz(packed.some_splats(40, 3)))
    for name, content in packed.sog_files(packed.some_splats(30)).items():
        (tmp_path / name).write_bytes(content)
    for name, count in (("head.spz", 40), ("meta.json", 30), (".", 30)):
        assert avatar("info", "--avatar", tmp_path / name) == 0
        assert f"Gaussians: {count}," in capsys.readouterr().out
    out = tmp_path / "still.safetensors"
    assert avatar("convert", "--avatar", tmp_path / "head.spz", "--turn-over", "--out", out) == 0
    before, after = read_avatar(tmp_path / "head.spz"), read_avatar(out)
    np.testing.assert_allclose(after.means, before.means * [1, -1, -1])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("info", "--avatar", "open"), "option.avatar"),
        (("info", "open"), "option.avatar"),
        (("info",), "option.lacking"),
        (("info", "open-gaussians", "--avatar", "{files}/egg.zip"), "option.lacking"),
        (("info", "--avatar", "{files}/none.zip"), "file.missing"),
        (("info", "--avatar", "{files}/take.npz"), "avatar.missing_file"),
        (("info", "--avatar", "{files}/ga"), "avatar.needs_head"),
        (
            (
                "export",
                "--avatar",
                "{files}/egg.zip",
                "--motion",
                "{files}/take.npz",
                "--frame",
                "3",
                "--out",
                "{out}/f.ply",
            ),
            "frames.out_of_range",
        ),
        (
            (
                "export",
                "--avatar",
                "{files}/egg.zip",
                "--motion",
                "{files}/take.npz",
                "--out",
                "{out}/no/such/f.ply",
            ),
            "file.not_writable",
        ),
        (
            (
                "sequence",
                "--avatar",
                "{files}/ga",
                "--head",
                "{files}/flame.safetensors",
                "--motion",
                "{files}/take.npz",
                "--out",
                "{out}/s",
            ),
            "space.no_adapter",
        ),
    ],
)
def test_errors(files: Path, tmp_path: Path, capsys, words: tuple[str, ...], code: str):
    filled = [word.format(files=files, out=tmp_path) for word in words]
    assert avatar(*filled) == 2
    assert code in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_safetensors_that_is_no_avatar_is_a_head(tmp_path: Path, capsys):
    save_file({"x": np.zeros(3)}, tmp_path / "x.safetensors")
    assert avatar("info", "--avatar", tmp_path / "x.safetensors") == 2
    error = capsys.readouterr().err
    assert "file.wrong_kind" in error
    assert "neither an avatar file of Affekt's nor a head file" in error
    assert avatar("info", "--avatar", tmp_path / "none.safetensors") == 2
    assert "file.missing" in capsys.readouterr().err
