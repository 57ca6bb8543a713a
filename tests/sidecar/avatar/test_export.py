# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as files, read back by other people's readers; sequences that go on where they stopped."""

import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.shared.pictures import Follow
from affekt.sidecar.avatar import export
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.endings import ENDINGS, SplatFormat
from affekt.sidecar.avatar.export import UpAxis, encode_frame, write_sequence
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.rest_pose import rest_gaussians
from affekt.sidecar.avatar.splats import DC, Splats, seen_colours, turned_over
from fakes.lam import lam_bundle
from fakes.packed import some_splats
from fakes.plain_drive import arkit_motion, covariances
from fakes.splats import splat_ply
from plyfile import PlyData
from scipy.spatial import cKDTree


def some(harmonics: int, count: int = 300) -> Splats:
    return rest_gaussians(decode_avatar(splat_ply(count, harmonics), "v.ply"))


@pytest.mark.parametrize("harmonics", [0, 3, 8, 15])
def test_plyfile_reads_what_3dgs_would(harmonics: int):
    values = some(harmonics)
    vertex = PlyData.read(io.BytesIO(encode_frame(values, "ply")))["vertex"]
    read = {p.name: np.asarray(vertex[p.name]) for p in vertex.properties}
    for k, name in enumerate("xyz"):
        np.testing.assert_array_equal(read[name], values.means[:, k])
        np.testing.assert_allclose(0.5 + DC * read[f"f_dc_{k}"], values.colours[:, k], atol=1e-6)
        np.testing.assert_allclose(np.exp(read[f"scale_{k}"]), values.scales[:, k], rtol=1e-5)
        for term in range(harmonics):
            column = read[f"f_rest_{k * harmonics + term}"]
            np.testing.assert_array_equal(column, values.harmonics[:, term, k])
    np.testing.assert_allclose(1 / (1 + np.exp(-read["opacity"])), values.opacities, atol=1e-6)
    assert len([name for name in read if name.startswith("f_rest_")]) == 3 * harmonics


@pytest.mark.parametrize("harmonics", [0, 3, 15])
def test_our_reader_and_gsply_agree(harmonics: int, tmp_path: Path):
    gsply = pytest.importorskip("gsply", reason="the extra `export` is not installed")
    values = some(harmonics)
    data = encode_frame(values, "ply")
    back = rest_gaussians(decode_avatar(data, "back.ply"))
    (tmp_path / "f.ply").write_bytes(data)
    theirs = gsply.plyread(tmp_path / "f.ply")
    np.testing.assert_array_equal(back.means, theirs.means)
    np.testing.assert_allclose(np.log(back.scales), theirs.scales, atol=1e-5)
    np.testing.assert_allclose(back.quaternions, theirs.quats, atol=1e-6)
    if harmonics:
        np.testing.assert_array_equal(back.harmonics, theirs.shN)


@pytest.mark.parametrize("form", ["compressed", "spz"])
@pytest.mark.parametrize("harmonics", [0, 15])
def test_packed_formats_within_their_steps(form: SplatFormat, harmonics: int, tmp_path: Path):
    gsply = pytest.importorskip("gsply", reason="the extra `export` is not installed")
    values = some(harmonics)
    kept = {name: getattr(values, name).copy() for name in ("means", "scales", "colours")}
    path = tmp_path / f"frame.{ENDINGS[form]}"
    path.write_bytes(encode_frame(values, form))
    read = gsply.read_spz(path) if form == "spz" else gsply.plyread(path)
    order = cKDTree(read.means).query(values.means)[1]  # the compressed PLY sorts
    assert len(np.unique(order)) == len(values.means)
    # 11 bits of a chunk's box; 24 bits of fixed point.
    step = 1e-5 if form == "spz" else 2e-3
    np.testing.assert_allclose(read.means[order], values.means, atol=step)
    np.testing.assert_allclose(read.scales[order], np.log(values.scales), atol=0.032)
    np.testing.assert_allclose(0.5 + DC * read.sh0[order], values.colours, atol=4e-3)
    logistic = 1 / (1 + np.exp(-read.opacities[order]))
    np.testing.assert_allclose(logistic, values.opacities, atol=2e-3)
    agreement = np.abs(np.sum(read.quats[order] * values.quaternions, 1))
    np.testing.assert_allclose(agreement, 1, atol=1e-4)
    if harmonics:
        np.testing.assert_allclose(read.shN[order], values.harmonics, atol=0.3)
    for name, before in kept.items():
        np.testing.assert_array_equal(getattr(values, name), before)


@pytest.mark.parametrize("form", ENDINGS)
@pytest.mark.parametrize("harmonics", [0, 15])
def test_what_we_write_we_read(form: SplatFormat, harmonics: int):
    """Every format, opaque, transparent and flat Gaussians among them, within its steps."""
    if form != "ply":
        pytest.importorskip("gsply", reason="the extra `export` is not installed")
    values = some_splats(300, harmonics)
    values.opacities[:2], values.scales[2, 1] = (0, 1), 0
    back = rest_gaussians(decode_avatar(encode_frame(values, form), f"f.{ENDINGS[form]}"))
    order = cKDTree(back.means).query(values.means)[1]
    assert len(np.unique(order)) == len(values.means)
    np.testing.assert_allclose(back.means[order], values.means, atol=2e-3)
    np.testing.assert_allclose(back.opacities[order], values.opacities, atol=2e-3)
    np.testing.assert_allclose(back.colours[order], values.colours, atol=4e-3)
    sizes = np.log(back.scales[order] / np.maximum(values.scales, np.exp(-10)))
    coarse = np.arange(900).reshape(300, 3) % 3 == 1  # one flat axis widens its chunk's bounds
    assert np.abs(np.where(coarse, 0, sizes)).max() < 0.04
    assert back.scales[order][2, 1] < 1e-4
    np.testing.assert_allclose(
        covariances(back.quaternions[order], values.scales),
        covariances(values.quaternions, values.scales),
        atol=1e-4,
    )
    if harmonics:
        np.testing.assert_allclose(back.harmonics[order], values.harmonics, atol=0.02)


def read_spz_plainly(data: bytes) -> np.ndarray:
    """(N, 3) positions as the format's description has them, in the file's axes."""
    content = gzip.decompress(data)
    magic, version, count, _, bits = struct.unpack_from("<4sIIBB", content)
    assert (magic, version) == (b"NGSP", 3)
    places = [content[16 + 3 * k : 19 + 3 * k] for k in range(3 * count)]
    whole = [int.from_bytes(place, "little", signed=True) for place in places]
    return np.array(whole).reshape(count, 3) / 2**bits


@pytest.mark.parametrize("up", ["y-up", "y-down"])
def test_an_spz_stands_upright(up: UpAxis):
    """SPZ's axes are right, up, back: the same for all readers, whatever their viewers like."""
    pytest.importorskip("gsply", reason="the extra `export` is not installed")
    values = some_splats()
    data = encode_frame(values, "spz", up)
    np.testing.assert_allclose(read_spz_plainly(data), values.means, atol=1e-5)
    turned = rest_gaussians(decode_avatar(encode_frame(values, "ply", "y-down"), "d.ply"))
    np.testing.assert_array_equal(turned.means, values.means * np.float32([1, -1, -1]))


def test_an_spz_reaches_as_far_as_its_gaussians():
    """24 bits are 128 m in our finest steps; further off they get coarser, nothing is cut."""
    pytest.importorskip("gsply", reason="the extra `export` is not installed")
    for most in (127.9, 128.0, 1500.0, 4e6):
        values = some_splats()
        values.means[3] = (-most, most, 0.5)
        read = read_spz_plainly(encode_frame(values, "spz"))
        np.testing.assert_allclose(read[3, :2], (-most, most), rtol=1e-6)
        np.testing.assert_allclose(read, values.means, atol=most * 2**-22)


@pytest.mark.parametrize("harmonics", [3, 8, 15])
def test_half_a_turn_changes_no_picture(harmonics: int):
    """Gaussians and camera turned over together look the same."""
    values = some(harmonics)
    turned = turned_over(values)
    over = np.diag([1.0, -1.0, -1.0])
    np.testing.assert_allclose(turned.means, values.means @ over, atol=1e-7)
    before, after = (covariances(g.quaternions, g.scales) for g in (values, turned))
    np.testing.assert_allclose(after, over @ before @ over, atol=1e-9)
    camera = look_at(
        target=np.zeros(3), distance=3, yaw_rad=0.4, pitch_rad=0.3, width=8, height=8, fov_y_rad=1
    )
    matrix = camera.camera_from_world.copy()
    matrix[:3, :3] = matrix[:3, :3] @ over
    from dataclasses import replace

    below = replace(camera, camera_from_world=matrix)
    np.testing.assert_allclose(seen_colours(turned, below), seen_colours(values, camera), atol=1e-5)
    twice = turned_over(turned)
    np.testing.assert_allclose(twice.harmonics, values.harmonics)


def write(
    folder: Path,
    seed: int = 0,
    form: SplatFormat = "ply",
    up: UpAxis = "y-up",
    follow: Follow | None = None,
) -> list:
    avatar = decode_lam_avatar(lam_bundle(), "egg.zip")
    motion = arkit_motion(np.random.default_rng(seed).random((5, 52)))
    return list(write_sequence(folder, Actor(avatar, motion, follow), range(1, 4), form, up))


def test_a_sequence_is_its_frames(tmp_path: Path):
    assert write(tmp_path / "a" / "b") == [(1, True), (2, True), (3, True)]
    names = sorted(p.name for p in (tmp_path / "a" / "b").glob("[!.]*"))
    assert names == ["frame_0002.ply", "frame_0003.ply", "frame_0004.ply", "sequence.json"]
    avatar = decode_lam_avatar(lam_bundle(), "egg.zip")
    motion = arkit_motion(np.random.default_rng(0).random((5, 52)))
    expected = encode_frame(Actor(avatar, motion).pose(2).gaussians, "ply")
    assert (tmp_path / "a" / "b" / "frame_0003.ply").read_bytes() == expected


def test_another_appearance_is_another_sequence(tmp_path: Path):
    write(tmp_path)
    avatar = decode_lam_avatar(lam_bundle(), "egg.zip")
    motion = arkit_motion(np.random.default_rng(0).random((5, 52)))
    smooth = Actor(avatar, motion, appearance=0.5)
    angry = Actor(avatar, motion, emotions=np.float32([0, 0, 1, 0, 0, 0]))
    for actor in (smooth, angry):
        with pytest.raises(InputError) as raised:
            next(write_sequence(tmp_path, actor, range(1, 4), "ply"))
        assert raised.value.code == "option.folder"


def test_a_sequence_goes_on(tmp_path: Path):
    write(tmp_path)
    path = tmp_path / "frame_0003.ply"
    whole, kept = path.read_bytes(), tmp_path / "frame_0002.ply"
    path.unlink()
    before = kept.stat().st_mtime_ns
    assert write(tmp_path) == [(1, False), (2, True), (3, False)]
    assert path.read_bytes() == whole
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("form", list(ENDINGS))
def test_a_damaged_frame_is_made_again(tmp_path: Path, form: SplatFormat):
    """Whichever byte it is: none of these formats says so itself."""
    if form != "ply":
        pytest.importorskip("gsply")
    write(tmp_path, form=form)
    path = tmp_path / f"frame_0003.{ENDINGS[form]}"
    whole = path.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        assert write(tmp_path, form=form) == [(1, False), (2, True), (3, False)]
        assert write(tmp_path, form=form) == [(1, False), (2, False), (3, False)]


def test_another_sequence_is_not_mixed_in(tmp_path: Path):
    write(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "frame_0001.ply").write_bytes(b"ply")
    for folder, seed, options in (
        (tmp_path, 1, {}),
        (tmp_path, 0, {"up": "y-down"}),
        (tmp_path, 0, {"follow": "still"}),
        (tmp_path / "other", 0, {}),
    ):
        with pytest.raises(InputError) as caught:
            write(folder, seed, **options)
        assert caught.value.code == "option.folder"


def test_a_full_disk_leaves_whole_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, room = Path.write_bytes, [3]

    def full(path: Path, data: bytes) -> int:
        room[0] -= 1
        if room[0] < 0:
            real(path, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError) as caught:
        write(tmp_path)
    assert caught.value.code == "file.not_writable"
    names = sorted(p.name for p in tmp_path.glob("[!.]*"))
    assert names == ["frame_0002.ply", "frame_0003.ply", "sequence.json"]
    monkeypatch.undo()
    assert write(tmp_path) == [(1, False), (2, False), (3, True)]


def test_without_gsply_the_packed_formats_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "gsply", None)
    for form in ("compressed", "spz"):
        with pytest.raises(InputError) as caught:
            write(tmp_path / form, form=form)
        assert caught.value.code == "option.missing_extra"
        assert not (tmp_path / form).exists()
    write(tmp_path / "ply")


@pytest.mark.parametrize(
    ("reach_m", "bits"),
    [(0.1, 16), (1.0, 16), (127.9, 16), (128.0, 15), (129.0, 15), (4000.0, 11), (9e6, 1)],
)
def test_how_fine_an_spzs_places_are(reach_m: float, bits: int):
    """24 bits with a sign: 128 m to each side at 16 bits of fraction."""
    means = np.array([[0, -reach_m, 0], [0.05, 0, 0]], np.float32)
    assert export._fraction_bits(means) == bits


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError) as caught:
        export._claim(tmp_path / "file" / "out", "abc")
    assert caught.value.code == "file.not_writable"


def test_whose_folder_it_is(tmp_path: Path):
    """A new one is marked; one of the same sequence goes on; one with frames and no mark, or with
    another's, is left alone."""
    export._claim(tmp_path / "new" / "deep", "abc")
    manifest = tmp_path / "new" / "deep" / export.MANIFEST
    assert json.loads(manifest.read_text()) == {"sequence": "abc"}
    export._claim(tmp_path / "new" / "deep", "abc")
    for folder, text in (("other", '{"sequence": "abd"}'), ("damaged", "{")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / export.MANIFEST).write_text(text)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "frame_0001.ply").touch()
    for folder in ("other", "damaged", "frames"):
        before = {p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()}
        with pytest.raises(InputError) as caught:
            export._claim(tmp_path / folder, "abc")
        assert caught.value.code == "option.folder"
        assert {p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    export._claim(tmp_path / "mine", "abc")
    assert (tmp_path / "mine" / export.MANIFEST).is_file()


def test_which_way_up_a_format_stands():
    assert export._turns("ply", "y-down")
    assert export._turns("compressed", "y-down")
    for form, up in (("ply", "y-up"), ("compressed", "y-up"), ("spz", "y-up"), ("spz", "y-down")):
        assert not export._turns(form, up)
