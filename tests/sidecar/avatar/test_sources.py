# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars from PLYs: 3DGS's and GaussianAvatars'."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.gaussian_avatars import TEETH_FACES, TEETH_VERTICES
from affekt.sidecar.avatar.read import decode_avatar, read_avatar
from affekt.sidecar.avatar.splats import DC
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.motion.read import decode_motion
from fakes import attacks
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_bundle, lam_parts, pack_ply
from fakes.plain_drive import face_frame, rotation_of
from fakes.splats import flame_param, properties, splat_ply, table
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    path = tmp_path_factory.mktemp("flame") / "flame.npz"
    path.write_bytes(npz(flame_arrays()))
    return read_flame(path, space="flame2023")


def code_of(data: bytes, head: HeadModel | None = None, companion: bytes | None = None) -> str:
    with pytest.raises(InputError) as caught:
        decode_avatar(data, "test.ply", head, companion)
    assert len(str(caught.value)) < 400
    return caught.value.code


@pytest.mark.parametrize("harmonics", [0, 3, 8, 15])
def test_a_3dgs_ply_stands_still(harmonics: int):
    values = table(harmonics=harmonics).astype(np.float64)
    names = properties(harmonics)
    avatar = decode_avatar(splat_ply(harmonics=harmonics), "vase.ply")
    assert (avatar.surface, avatar.binding, avatar.follow) == (None, "none", "still")
    np.testing.assert_allclose(avatar.means, values[:, :3], rtol=1e-6)
    scale, rot = names.index("scale_0"), names.index("rot_0")
    np.testing.assert_allclose(avatar.scales, np.exp(values[:, scale : scale + 3]), rtol=1e-5)
    quaternions = values[:, rot:]
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    np.testing.assert_allclose(avatar.quaternions, quaternions, atol=1e-6)
    opacity = values[:, names.index("opacity")]
    np.testing.assert_allclose(avatar.opacities, 1 / (1 + np.exp(-opacity)), rtol=1e-5)
    np.testing.assert_allclose(avatar.colours, 0.5 + DC * values[:, 6:9], atol=1e-6)
    if not harmonics:
        assert avatar.harmonics is None
        return
    for channel in range(3):  # the file holds them channel by channel
        for k in range(harmonics):
            column = values[:, names.index(f"f_rest_{channel * harmonics + k}")]
            np.testing.assert_allclose(avatar.harmonics[:, k, channel], column, rtol=1e-6)


@pytest.mark.parametrize("offset_of", ["none", "flame", "with teeth"])
def test_gaussian_avatars_in_their_faces_frames(flame: HeadModel, offset_of: str):
    vertices = len(flame.template)
    offsets = {"none": None, "flame": vertices, "with teeth": vertices + TEETH_VERTICES}[offset_of]
    companion = flame_param(offsets)
    data = splat_ply(count=60, faces=len(flame.faces))
    avatar = decode_avatar(data, "point_cloud.ply", flame, companion)
    assert (avatar.binding, avatar.follow, avatar.notes) == ("face", "surface", ())
    with np.load(io.BytesIO(companion), allow_pickle=False) as person:
        rest = flame.template + flame.shape_basis @ person["shape"][: flame.shape_basis.shape[2]]
        if offsets:
            rest = rest + person["static_offset"][0, :vertices]
    np.testing.assert_allclose(avatar.vertices, rest, atol=1e-6)
    values, names = table(60, faces=len(flame.faces)).astype(np.float64), properties(bound=True)
    rot, scale = names.index("rot_0"), names.index("scale_0")
    for i, row in enumerate(values):
        middle, axes, size = face_frame(rest[flame.faces[int(row[-1])]])
        np.testing.assert_allclose(avatar.means[i], size * axes @ row[:3] + middle, atol=1e-5)
        expected = size * np.exp(row[scale : scale + 3])
        np.testing.assert_allclose(avatar.scales[i], expected, rtol=1e-4)
        turn = Rotation.from_matrix(axes) * rotation_of(row[rot : rot + 4])
        assert (turn.inv() * rotation_of(avatar.quaternions[i])).magnitude() < 1e-3


def test_gaussian_avatars_play_their_own_take(flame: HeadModel):
    companion = flame_param(len(flame.template))
    data = splat_ply(count=40, faces=len(flame.faces))
    avatar = decode_avatar(data, "point_cloud.ply", flame, companion)
    motion = decode_motion(companion, "flame_param.npz")
    posed = Actor(avatar, motion).pose(2)
    row = table(40, faces=len(flame.faces))[5].astype(np.float64)
    middle, axes, size = face_frame(posed.vertices[flame.faces[int(row[-1])]])
    np.testing.assert_allclose(posed.gaussians.means[5], size * axes @ row[:3] + middle, atol=1e-4)


def test_added_teeth_are_left_out_and_said(flame: HeadModel):
    faces = len(flame.faces)
    values = table(30, faces=faces)
    values[::3, -1] = faces + np.arange(10)
    data = pack_ply(values, 30, properties=properties(bound=True))
    avatar = decode_avatar(data, "p.ply", flame, flame_param())
    assert len(avatar) == 20
    assert avatar.notes[0].startswith("10 Gaussians on teeth")
    values[:, -1] = faces
    only_teeth = pack_ply(values, 30, properties=properties(bound=True))
    assert code_of(only_teeth, flame, flame_param()) == "avatar.ply"


def test_offsets_of_another_mesh_are_left_out_and_said(flame: HeadModel):
    data = splat_ply(faces=len(flame.faces))
    avatar = decode_avatar(data, "p.ply", flame, flame_param(77))
    assert avatar.template_change is None
    assert "77 vertices" in avatar.notes[0]


def test_on_the_mesh_of_flame_2023_open(real_data: Path, tmp_path: Path):
    basis = real_data / "flame_open" / "flame_basis.npz"
    if not basis.is_file():
        pytest.skip("no flame_open/flame_basis.npz in AFFEKT_TEST_DATA")
    (tmp_path / "flame.npz").write_bytes(npz(flame_arrays(template_from=basis)))
    head = read_flame(tmp_path / "flame.npz", space="flame2023")
    assert len(head.faces) == 9976
    (tmp_path / "point_cloud.ply").write_bytes(splat_ply(5000, faces=9976 + TEETH_FACES))
    (tmp_path / "flame_param.npz").write_bytes(flame_param(5023 + TEETH_VERTICES))
    avatar = read_avatar(tmp_path, head)
    assert 4800 < len(avatar) < 5000
    posed = Actor(avatar, decode_motion(flame_param(), "t")).pose(1)
    assert np.isfinite(posed.gaussians.means).all()


def test_what_gaussian_avatars_need(flame: HeadModel, tmp_path: Path):
    from dataclasses import replace

    data = splat_ply(faces=len(flame.faces))
    assert code_of(data, None, flame_param()) == "avatar.needs_head"
    assert code_of(data, replace(flame, space="flame2020"), flame_param()) == "avatar.head"
    assert code_of(data, flame, None) == "avatar.missing_file"
    (tmp_path / "point_cloud.ply").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_avatar(tmp_path, flame)
    assert caught.value.code == "avatar.missing_file"
    (tmp_path / "flame_param.npz").write_bytes(flame_param())
    assert len(read_avatar(tmp_path, flame)) == len(
        read_avatar(tmp_path / "point_cloud.ply", flame)
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (-1, "avatar.mismatch"),
        (1e9, "avatar.mismatch"),
        (0.5, "avatar.ply"),
        (np.nan, "avatar.ply"),
        (np.inf, "avatar.ply"),
    ],
)
def test_bindings_out_of_range(flame: HeadModel, value: float, code: str):
    values = table(30, faces=len(flame.faces))
    values[7, -1] = value
    data = pack_ply(values, 30, properties=properties(bound=True))
    assert code_of(data, flame, flame_param()) == code


@pytest.mark.parametrize(
    ("log_scale", "said"), [(7.1, "far too large"), (6.9, "larger than a room")]
)
def test_a_single_gaussian_of_far_too_many_faces(flame: HeadModel, log_scale: float, said: str):
    """exp(7) faces are allowed where a face is small enough, 7.4 m are not."""
    values = table(60, faces=len(flame.faces))
    names = properties(bound=True)
    values[31, names.index("scale_1")] = log_scale
    with pytest.raises(InputError, match=said) as caught:
        decode_avatar(pack_ply(values, 60, properties=names), "p.ply", flame, flame_param())
    assert caught.value.code == "avatar.ply"


def test_hostile_companions(flame: HeadModel, tmp_path: Path):
    data, marker = splat_ply(faces=len(flame.faces)), tmp_path / "fired"

    def pickled() -> bytes:
        out = io.BytesIO()
        content = np.array([attacks.Call(eval, attacks.write(marker))], dtype=object)
        np.savez(out, shape=content, allow_pickle=True)
        return out.getvalue()

    with np.load(io.BytesIO(pickled()), allow_pickle=True) as armed:  # the control: it works
        armed["shape"]
    assert marker.is_file()
    marker.unlink()
    whole = flame_param()
    cases = {
        pickled(): "file.wrong_kind",
        attacks.zip_that_lies(2**31): "avatar.missing_file",  # no member that is asked for
        whole[: len(whole) // 2]: "file.damaged",
        b"": "file.damaged",
        bomb(): "file.damaged",
        flame_param().replace(b"shape.npy", b"shale.npy"): "avatar.missing_file",
    }
    for companion, code in cases.items():
        assert code_of(data, flame, companion) == code
    assert not marker.exists()
    strange = np.zeros(300, "<f4")
    for value in (np.nan, np.inf, 1e30):
        strange[3] = value
        assert code_of(data, flame, npz({"shape": strange})) == "avatar.not_finite"
    assert code_of(data, flame, npz({"shape": np.zeros((3, 3))})) == "motion.shape"


def bomb() -> bytes:
    """An npz whose shape unpacks to 400 MB of zeros behind an honest small header."""
    out, header = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(header, np.zeros(300, "<f4"))
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("shape.npy", "w") as member,
    ):
        member.write(header.getvalue())
        for _ in range(100):
            member.write(b"\0" * 4_000_000)
    return out.getvalue()


def damaged(column: str, value: float, **kwargs: int) -> bytes:
    names = properties(**kwargs)
    values = table(50, **kwargs)
    values[13, names.index(column)] = value
    return pack_ply(values, 50, properties=names)


MEANINGFUL = {("opacity", np.inf), ("opacity", -np.inf)}
MEANINGFUL |= {(f"scale_{axis}", -np.inf) for axis in range(3)}


@pytest.mark.parametrize("column", [n for n in properties(3) if n not in ("nx", "ny", "nz")])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_values_that_are_not_numbers(column: str, value: float):
    if (column, value) not in MEANINGFUL:
        assert code_of(damaged(column, value, harmonics=3)) == "avatar.ply"


@pytest.mark.parametrize(("value", "opacity"), [(np.inf, 1), (-np.inf, 0)])
def test_infinite_opacities(value: float, opacity: float):
    """A logit without end is opaque or transparent, exactly; the others stay as they are."""
    avatar = decode_avatar(damaged("opacity", value), "ends.ply")
    assert avatar.opacities[13] == opacity
    np.testing.assert_array_equal(
        np.delete(avatar.opacities, 13),
        np.delete(decode_avatar(splat_ply(), "whole.ply").opacities, 13),
    )


def test_a_scale_of_minus_infinity_is_flat():
    avatar = decode_avatar(damaged("scale_1", -np.inf), "flat.ply")
    assert 0 < avatar.scales[13, 1] < 1e-20
    assert (avatar.scales[13, [0, 2]] > 1e-6).all()


def test_discs_of_two_scales():
    """2DGS writes no scale_2: its Gaussians have no thickness."""
    values, names = table(50), list(properties())
    values[:, names.index("scale_2")] = -np.inf
    flat = decode_avatar(pack_ply(values, 50, properties=tuple(names)), "flat.ply")
    values = np.delete(values, names.index("scale_2"), 1)
    names.remove("scale_2")
    discs = decode_avatar(pack_ply(values, 50, properties=tuple(names)), "discs.ply")
    np.testing.assert_array_equal(discs.scales, flat.scales)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    "line",
    [
        "comment Grüße aus Köln".encode(),
        "comment Grüße aus Köln".encode("latin-1"),
        "comment 頭部".encode("shift_jis"),
        b"comment " + "頭上".encode("utf-16-be"),  # a byte of which is a line's end
        b"comment end_header is what ends this",
        b"comment",
        b"obj_info num_cols 480",
        b"comment " + 200_000 * b"{}",
        b"",
    ],
)
def test_lines_of_a_header_that_mean_nothing(line: bytes, end: bytes):
    whole = splat_ply()
    head, body = whole.split(b"end_header\n")
    lines = head.splitlines()
    lines[2:2] = [line]
    data = end.join([*lines, b"end_header", b""]) + body
    expected = decode_avatar(whole, "plain.ply")
    np.testing.assert_array_equal(decode_avatar(data, "noted.ply").means, expected.means)


def test_lists_around_the_gaussians():
    """Elements before and behind the Gaussians are passed over, lists only behind."""
    whole = splat_ply(50)
    head, body = whole.split(b"end_header\n")
    camera = b"element camera 2\nproperty float focal\nproperty uchar kind\n"
    faces = b"element face 1\nproperty list uchar int vertex_indices\n"
    start, gaussians = head.split(b"element vertex", 1)
    behind = head + camera + faces + b"end_header\n" + body + bytes(10) + b"\3" + bytes(12)
    before = start + camera + b"element vertex" + gaussians + b"end_header\n" + bytes(10) + body
    expected = decode_avatar(whole, "plain.ply")
    for data in (behind, before):
        np.testing.assert_array_equal(decode_avatar(data, "x.ply").means, expected.means)
    listed = start + faces + b"element vertex" + gaussians + b"end_header\n" + bytes(13) + body
    assert code_of(listed) == "avatar.ply"


def test_scales_and_rotations_past_all_sense():
    assert code_of(damaged("scale_1", 12.0)) == "avatar.ply"  # 160 km
    values, names = table(50), properties()
    values[3, names.index("rot_0") :] = 0
    assert code_of(pack_ply(values, 50, properties=names)) == "avatar.ply"
    smallest = decode_avatar(damaged("scale_1", -900.0), "dust.ply")
    assert np.isfinite(np.log(smallest.scales)).all()


def test_announced_counts():
    whole = splat_ply(50)
    for count in (51, limits.MAX_GAUSSIANS, limits.MAX_GAUSSIANS + 1, 10_000_000, 10**12, 0, -1):
        header = f"element vertex {count}".encode()
        assert code_of(whole.replace(b"element vertex 50", header)) == "avatar.ply"


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.3, 0.6, 0.9, 0.999])
def test_truncated(share: float):
    whole = splat_ply()
    code = code_of(whole[: int(share * len(whole))])
    assert code == ("file.wrong_kind" if share == 0 else "avatar.ply")


def test_wrong_columns():
    names = properties(3)
    whole = splat_ply(harmonics=3)
    for name in ("x", "f_dc_2", "opacity", "scale_1", "rot_3", "f_rest_4"):
        changed = whole.replace(f"float {name}\n".encode(), f"float q{name[1:]}\n".encode())
        assert code_of(changed) == "avatar.ply"
    listed = whole.replace(b"property float nx\n", b"property list uchar float nx\n")
    assert code_of(listed) == "avatar.ply"
    text = struct.pack("<f", 0)
    assert code_of(whole.replace(b"float nz", b"string nz") + text) == "avatar.ply"
    assert len(names) == 26


def test_columns_of_other_types_are_read():
    whole = splat_ply(harmonics=0)
    head, body = whole.split(b"end_header\n")
    rows = np.frombuffer(body, "<f4").reshape(50, -1)
    wide = head.replace(b"property float", b"property double") + b"end_header\n"
    avatar = decode_avatar(wide + rows.astype("<f8").tobytes(), "wide.ply")
    np.testing.assert_array_equal(avatar.means, rows[:, :3])


def test_a_trainings_output_is_its_last_iteration(tmp_path: Path):
    """As 3DGS and GaussianAvatars leave it; 7,000 sorts behind 30,000 as a word."""
    for number, count in ((7000, 20), (30000, 50), (900, 30)):
        folder = tmp_path / "point_cloud" / f"iteration_{number}"
        folder.mkdir(parents=True)
        (folder / "point_cloud.ply").write_bytes(splat_ply(count))
    assert len(read_avatar(tmp_path)) == 50
    for name in ("iteration_best", "iteration_99999999999"):  # no numbers of iterations
        folder = tmp_path / "point_cloud" / name
        folder.mkdir()
        (folder / "point_cloud.ply").write_bytes(splat_ply(10))
    assert len(read_avatar(tmp_path)) == 50


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"glTF\2\0\0\0", "mesh"),
    ],
)
def test_what_people_mistake_for_an_avatar(start: bytes, what: str):
    with pytest.raises(InputError) as caught:
        decode_avatar(start + b"\0" * 100, "portrait")
    assert caught.value.code == "file.wrong_kind"
    assert caught.value.message == f"portrait is a {what}, not an avatar."
    wanted = "choose the whole zip" if what == "mesh" else "choose that avatar's file"
    assert wanted in caught.value.remedy


@pytest.mark.parametrize(
    ("start", "name", "said"),
    [
        (b"glTF\2\0\0\0", "a/Skin.GLB", "only the mesh of a LAM avatar"),
        (b'{"version": 2}', "Meta.JSON", "only describes a SOG"),
    ],
)
def test_parts_of_an_avatar_are_known_by_name(start: bytes, name: str, said: str):
    with pytest.raises(InputError, match=said) as caught:
        decode_avatar(start + b" " * 100, name)
    assert caught.value.code == "avatar.part"


def test_shapes_are_taken_plainly_from_a_folder_as_from_a_zip(tmp_path: Path):
    """An egg's shapes cannot be calibrated, which would be noted."""
    for name, part in zip(("skin.glb", "offset.ply"), lam_parts(), strict=True):
        (tmp_path / name).write_bytes(part)
    for path in (tmp_path, tmp_path / "egg.zip"):
        if path.suffix:
            path.write_bytes(lam_bundle())
        assert read_avatar(path, plain_shapes=True).notes == ()


def test_a_part_that_lies_in_its_folder_names_it_and_a_damaged_one_its_damage(tmp_path: Path):
    skin, offset = lam_parts()
    (tmp_path / "skin.glb").write_bytes(skin)
    (tmp_path / "offset.ply").write_bytes(offset)
    for part in ("skin.glb", "offset.ply"):
        with pytest.raises(InputError) as caught:
            read_avatar(tmp_path / part)
        assert caught.value.code == "avatar.part"
        assert caught.value.remedy == f"Give the whole folder: {tmp_path}"
    (tmp_path / "offset.ply").write_bytes(offset[:-7])
    with pytest.raises(InputError) as caught:
        read_avatar(tmp_path / "offset.ply")
    assert caught.value.code == "avatar.ply"
    assert "folder" not in caught.value.remedy


def test_what_to_do_about_other_plys():
    mesh = b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nend_header\n"
    many = splat_ply().replace(b"element vertex 50", b"element vertex 10000000")
    newer = splat_ply().replace(b"binary_little_endian 1.0", b"binary_little_endian 2.0")
    for data, words in ((mesh + bytes(4), "a mesh"), (many, "Thin it out"), (newer, "binary PLY")):
        with pytest.raises(InputError) as caught:
            decode_avatar(data, "test.ply")
        assert caught.value.code == "avatar.ply"
        assert words in caught.value.remedy


def test_every_form_of_a_ply_holds_the_same_gaussians():
    values = table(7, 3)
    head, end, _ = splat_ply(7, 3).partition(b"end_header\n")
    big = head.replace(b"little", b"big") + end + values.astype(">f4").tobytes()
    lines = "\r\n".join(" ".join(f"{number:.9g}" for number in row) for row in values)
    text = head.replace(b"binary_little_endian", b"ascii") + end + lines.encode()
    plain = decode_avatar(splat_ply(7, 3), "test.ply")
    for data in (big, text):
        avatar = decode_avatar(data, "test.ply")
        for field in ("offsets", "quaternions", "scales", "opacities", "colours"):
            np.testing.assert_array_equal(getattr(avatar, field), getattr(plain, field))
    short, word = text.rsplit(b"\r\n", 1)[0], text.replace(b" ", b" x ", 80)
    for data in (short, word, text[:-12], big[:-1]):
        with pytest.raises(InputError) as caught:
            decode_avatar(data, "test.ply")
        assert caught.value.code == "avatar.ply"


def test_places_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A name that no file can have, and a folder of somebody else's."""
    (tmp_path / "theirs").mkdir()

    def closed(path: Path, **_: bool) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    def code(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            read_avatar(path)
        return caught.value.code

    assert code(tmp_path / (300 * "a")) == "file.missing"
    monkeypatch.setattr(Path, "is_file", closed)
    assert code(tmp_path / "theirs") == "file.missing"


def test_unknown_files(tmp_path: Path):
    for content in (b"hello", b"\0" * 96, b"glTF" + b"\0" * 40, b"\x93NUMPY" + b"\0" * 40):
        assert code_of(content) == "file.wrong_kind"
    with pytest.raises(InputError) as caught:
        read_avatar(tmp_path / "none.ply")
    assert caught.value.code == "file.missing"
    with pytest.raises(InputError) as caught:
        read_avatar(tmp_path)
    assert caught.value.code == "file.folder"
    assert "is a folder without an avatar in it" in caught.value.message
    (tmp_path / "vase.spz").write_bytes(b"x")
    with pytest.raises(InputError, match=r"in the folder: vase\.spz\."):
        read_avatar(tmp_path)
