# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM bundles: what is read, and that nothing damaged or hostile gets further than an error."""

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar import lam
from affekt.sidecar.avatar.lam import decode_lam_avatar, is_lam_offset
from affekt.sidecar.avatar.read import read_avatar
from fakes.lam import (
    PROPERTIES,
    SKELETON,
    TARGETS,
    egg,
    lam_bundle,
    lam_parts,
    make_shapes,
    offset_ply,
    pack_glb,
    pack_ply,
    pack_zip,
    unpack_glb,
)
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def parts() -> tuple[bytes, bytes]:
    return lam_parts()


def code_of(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_lam_avatar(data, "test.zip")
    return caught.value.code


def test_reads_mesh_and_gaussians():
    avatar = decode_lam_avatar(lam_bundle(), "test.zip")
    vertices, faces = egg()
    np.testing.assert_array_equal(avatar.vertices, vertices)
    np.testing.assert_array_equal(avatar.faces, faces)
    np.testing.assert_array_equal(avatar.anchors, np.arange(len(vertices)))
    np.testing.assert_allclose(avatar.opacities, 1 / (1 + np.exp(-4)), rtol=1e-6)
    np.testing.assert_allclose(avatar.scales[0], (0.008, 0.008, 0.003), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(avatar.quaternions, axis=1), 1, rtol=1e-6)
    assert 0 <= avatar.colours.min() <= avatar.colours.max() <= 1
    assert (avatar.follow, avatar.opaque_core, avatar.harmonics) == ("stretch", True, None)


def test_a_gaussian_is_what_its_row_says():
    """Colours as they are, without the 0.28 and the half of 3DGS; scales by their logarithms,
    opacity by its logit, rotations as w, x, y, z of any length."""
    vertices, _ = egg()
    table = np.zeros((len(vertices), len(PROPERTIES)))
    table[:, 10:13], table[:, 13] = np.log(0.005), 1
    row = [
        0.01,
        -0.02,
        0.03,
        9,
        9,
        9,
        0.8,
        1.25,
        -0.5,
        -2,
        *np.log((0.002, 0.004, 0.008)),
        3,
        0,
        4,
        0,
    ]
    table[5] = row
    avatar = decode_lam_avatar(lam_bundle(offset=pack_ply(table, len(vertices))), "test.zip")
    np.testing.assert_allclose(avatar.offsets[5], (0.01, -0.02, 0.03), rtol=1e-6)
    np.testing.assert_allclose(avatar.colours[5], (0.8, 1, 0), rtol=1e-6)
    np.testing.assert_allclose(avatar.opacities[5], 0.1192029, rtol=1e-6)
    np.testing.assert_allclose(avatar.scales[5], (0.002, 0.004, 0.008), rtol=1e-6)
    np.testing.assert_allclose(avatar.quaternions[5], (0.6, 0, 0.8, 0), rtol=1e-6)
    assert avatar.harmonics is None
    assert (avatar.binding, avatar.follow, avatar.opaque_core) == ("vertex", "stretch", True)


def test_shapes_come_in_arkit_order_with_and_without_base():
    avatar = decode_lam_avatar(lam_bundle(), "test.zip")
    expected = make_shapes(egg()[0])
    for index, name in enumerate(TARGETS):
        np.testing.assert_array_equal(
            avatar.surface.arkit_shapes[ARKIT_NAMES.index(name)], expected[index]
        )
    assert not avatar.surface.arkit_shapes[ARKIT_NAMES.index("tongueOut")].any()


def test_finds_head_and_neck_in_a_body_skeleton():
    avatar = decode_lam_avatar(lam_bundle(), "test.zip")
    places = [place for name, _, place in SKELETON if name in ("neckLower", "neckUpper", "head")]
    np.testing.assert_allclose(avatar.surface.joint_pivots, places, atol=1e-6)
    np.testing.assert_allclose(avatar.surface.joint_shares, (0.25, 0.25, 0.5))
    top, bottom = np.argmax(avatar.vertices[:, 1]), np.argmin(avatar.vertices[:, 1])
    np.testing.assert_array_equal(avatar.surface.joint_weights[top], (0, 0, 1))
    np.testing.assert_array_equal(avatar.surface.joint_weights[bottom], (0, 0, 0))


def test_joints_are_known_in_any_case(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    for node in document["nodes"]:
        node["name"] = node.get("name", "").title()
    assert {"Head", "Neckupper"} <= {node["name"] for node in document["nodes"]}
    rig = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip").surface
    plain = decode_lam_avatar(lam_bundle(), "test.zip").surface
    np.testing.assert_array_equal(rig.joint_pivots, plain.joint_pivots)
    np.testing.assert_array_equal(rig.joint_weights, plain.joint_weights)


def test_an_eye_joint_counts_as_head(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    order = document["skins"][0]["joints"]
    assert order[4:6] == [4, 5]
    order[4:6] = [5, 4]  # what was the head's weight is now the left eye's, a child of the head
    avatar = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip")
    assert avatar.surface.joint_weights[np.argmax(avatar.vertices[:, 1])].sum() == 1


def test_shares_of_joints_are_parts_of_their_sum(parts: tuple[bytes, bytes]):
    """A vertex that the chest has with 1, the lower neck with 2 and the head with 5."""
    document, binary = unpack_glb(parts[0])
    places = {
        name: document["bufferViews"][document["accessors"][accessor]["bufferView"]]["byteOffset"]
        for name, accessor in document["meshes"][0]["primitives"][0]["attributes"].items()
    }
    changed, vertex = bytearray(binary), 7
    joints, weights = places["JOINTS_0"] + 4 * vertex, places["WEIGHTS_0"] + 16 * vertex
    changed[joints : joints + 4] = bytes([2, 1, 0, 4])
    changed[weights : weights + 16] = np.float32([2, 1, 0, 5]).tobytes()
    rig = decode_lam_avatar(lam_bundle(skin=pack_glb(document, bytes(changed))), "a").surface
    np.testing.assert_allclose(rig.joint_weights[vertex], (0.25, 0, 0.625), atol=1e-7)


def test_without_a_skin_all_turns_as_one(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    del document["skins"]
    avatar = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip")
    assert avatar.surface.joint_weights.shape[1] == 1
    assert avatar.surface.joint_weights.min() == 1
    np.testing.assert_allclose(avatar.surface.joint_pivots, [avatar.vertices.mean(0)], atol=1e-6)
    assert avatar.surface.joint_shares.tolist() == [1]


def test_a_plain_zip_without_folder_is_fine(parts: tuple[bytes, bytes]):
    data = pack_zip({"skin.glb": parts[0], "offset.ply": parts[1]})
    assert len(decode_lam_avatar(data, "test.zip")) == len(egg()[0])


def test_of_several_avatars_the_nearest_counts(parts: tuple[bytes, bytes]):
    """A backup in a deeper folder is passed over, wherever it stands; two side by side are not."""
    skin, offset = parts
    own = {"her/skin.glb": skin, "her/offset.ply": offset}
    backup = {"her/old/skin.glb": b"no", "her/old/offset.ply": b"no"}
    for whole in ({**own, **backup}, {**backup, **own}):
        assert len(decode_lam_avatar(pack_zip(whole), "test.zip")) == len(egg()[0])
    twin = {"him/skin.glb": skin, "him/offset.ply": offset}
    with pytest.raises(InputError, match="several files called") as caught:
        decode_lam_avatar(pack_zip({**own, **twin}), "test.zip")
    assert caught.value.code == "avatar.zip"


def test_names_that_climb_out_are_only_names(parts: tuple[bytes, bytes], tmp_path: Path):
    path = tmp_path / "inner" / "climb.zip"
    path.parent.mkdir()
    path.write_bytes(pack_zip({"../../escape/skin.glb": parts[0], "/tmp/offset.ply": parts[1]}))
    read_avatar(path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["climb.zip", "inner"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.999])
def test_truncated_zip(share: float):
    data = lam_bundle()
    assert code_of(data[: int(share * len(data))]) == "avatar.zip"


@pytest.mark.parametrize("part", ["skin", "offset"])
def test_truncated_parts(part: str, parts: tuple[bytes, bytes]):
    whole = parts[0] if part == "skin" else parts[1]
    cuts = np.unique(np.linspace(0, len(whole) - 1, 40).astype(int))
    for cut in [*cuts, 4, 11, 12, 19, 20, 21]:
        code = code_of(lam_bundle(**{part: whole[:cut]}))
        assert code in ("avatar.glb", "avatar.ply"), (cut, code)


def test_flipped_bytes_never_escape_as_other_errors(parts: tuple[bytes, bytes]):
    """2 x 150 damaged parts: each is either still an avatar or an InputError."""
    rng = np.random.default_rng(3)
    document_end = 20 + int.from_bytes(parts[0][12:16], "little")
    for which, whole, end in ((0, parts[0], document_end), (1, parts[1], 600)):
        for _ in range(150):
            damaged = bytearray(whole)
            damaged[rng.integers(0, end)] = rng.integers(0, 256)
            pair = [*parts]
            pair[which] = bytes(damaged)
            with contextlib.suppress(InputError):
                decode_lam_avatar(pack_zip({"skin.glb": pair[0], "offset.ply": pair[1]}), "t")


def change(path: str, value: object):
    """A test case: the entry of the GLB's JSON at `path` replaced by `value`."""
    return pytest.param(path, value, id=f"{path}={str(value)[:30]}")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        change("accessors.0.count", 2_000_000_000),
        change("accessors.0.count", -5),
        change("accessors.0.count", 1.5),
        change("accessors.0.count", True),
        change("accessors.0.componentType", 9999),
        change("accessors.0.componentType", 5123),
        change("accessors.0.type", "VEC4"),
        change("accessors.0.bufferView", 10_000),
        change("accessors.0.bufferView", -1),
        change("accessors.0.byteOffset", 10**9),
        change("accessors.0.byteOffset", -4),
        change("accessors.3.count", 7),
        change("accessors.5.count", 199_999_999),
        change("accessors.5.sparse.count", 10**9),
        change("accessors.5.sparse.indices.componentType", 5126),
        change("accessors.5.sparse.indices", 3),
        change("accessors.5.sparse.values.bufferView", None),
        change("bufferViews.0.byteLength", 2**62),
        change("bufferViews.0.byteOffset", 2**39),
        change("bufferViews.0.byteStride", 1),
        change("bufferViews.0.buffer", 1),
        change("meshes", []),
        change("meshes.0.primitives", [1, 2]),
        change("meshes.0.primitives", [1]),
        change("meshes.0.primitives", []),
        change("accessors.3.componentType", 5122),
        change("meshes.0.primitives.0.mode", 1),
        change("meshes.0.primitives.0.attributes", "POSITION"),
        change("meshes.0.primitives.0.targets", {}),
        change("meshes.0.extras", {}),
        change("nodes", 3),
        change("skins.0.joints", [0, 1, 2, 3, 4, "head"]),
        change("skins.0.joints", []),
        change("nodes.4.name", "nose"),
        change("skins.0.inverseBindMatrices", 0),
    ],
)
def test_lying_glb(path: str, value: object, parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    started = time.perf_counter()
    code = code_of(lam_bundle(skin=pack_glb(document, binary)))
    assert code in ("avatar.glb", "avatar.mismatch"), code
    assert time.perf_counter() - started < 2


def test_bad_vertex_indices(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    for accessor in (3, 1):
        view = document["bufferViews"][document["accessors"][accessor]["bufferView"]]
        start = view["byteOffset"]
        damaged = binary[:start] + b"\xff" * 8 + binary[start + 8 :]
        assert code_of(lam_bundle(skin=pack_glb(document, damaged))) == "avatar.glb"


def test_a_ring_of_joints_ends(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    document["nodes"][4]["children"] = [0]
    document["nodes"][0]["children"] = [1]
    decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "ring.zip")


def test_children_that_are_no_joints_are_none(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    for node in document["nodes"]:
        node["children"] = [[4], {"node": 4}, "head", None, *node.get("children", [])]
    found = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "lists.zip").surface
    wanted = decode_lam_avatar(lam_bundle(), "test.zip").surface
    np.testing.assert_array_equal(found.joint_weights, wanted.joint_weights)
    assert found.joint_shares.tolist() == wanted.joint_shares.tolist()


def with_values(skin: bytes, accessor: int, first: int, values: np.ndarray) -> bytes:
    """The mesh file with other values in an accessor, from its row `first` on."""
    document, binary = unpack_glb(skin)
    view = document["bufferViews"][document["accessors"][accessor]["bufferView"]]
    start = view["byteOffset"] + first * values[0].nbytes
    return pack_glb(document, binary[:start] + values.tobytes() + binary[start + values.nbytes :])


def test_of_several_joints_each_has_its_share(parts: tuple[bytes, bytes]):
    """The left eye's .3, neckUpper's .6, neckLower's .15 and the hip's .45 are a whole of 1.5."""
    skin = with_values(parts[0], 1, 7, np.array([[5, 3, 2, 0], [0, 4, 4, 1]], "u1"))
    weights = np.array([[0.3, 0.6, 0.15, 0.45], [0, 0.25, 0.5, 0.25]], "<f4")
    rig = decode_lam_avatar(lam_bundle(skin=with_values(skin, 2, 7, weights)), "test.zip").surface
    wanted = [[0.1, 0.4, 0.2], [0, 0, 0.75]]
    np.testing.assert_allclose(rig.joint_weights[7:9], wanted, atol=1e-6)


def test_a_joint_stands_where_its_turned_axes_begin(parts: tuple[bytes, bytes]):
    """Joints have axes of their own: the inverse of the bind matrix says where, by columns."""
    document, _ = unpack_glb(parts[0])
    accessor = document["skins"][0]["inverseBindMatrices"]
    mesh_from_joint = np.eye(4)
    mesh_from_joint[:3, :3] = 2 * Rotation.from_rotvec([0.3, -0.5, 0.8]).as_matrix()
    mesh_from_joint[:3, 3] = 0.01, 1.63, -0.03
    bind = np.linalg.inv(mesh_from_joint).T.reshape(1, 16).astype("<f4")
    rig = decode_lam_avatar(lam_bundle(skin=with_values(parts[0], accessor, 4, bind)), "t").surface
    np.testing.assert_allclose(rig.joint_pivots[2], [0.01, 1.63, -0.03], atol=1e-6)
    np.testing.assert_allclose(rig.joint_pivots[1], SKELETON[3][2], atol=1e-6)


@pytest.mark.parametrize(("necks", "shares"), [(("neckUpper",), (0.5, 0.5)), ((), (1.0,))])
def test_a_head_turns_by_itself_as_far_as_no_neck_does(
    necks: tuple[str, ...], shares: tuple[float, ...], parts: tuple[bytes, bytes]
):
    """Joints in another order than the chain's, too: each has the bind matrix of its own place."""
    document, binary = unpack_glb(parts[0])
    for node in document["nodes"]:
        if "neck" in node.get("name", "") and node["name"] not in necks:
            node["name"] = "spine"
    rig = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip").surface
    assert rig.joint_shares.tolist() == list(shares)
    places = {name: place for name, _, place in SKELETON}
    wanted = [places[name] for name in (*necks, "head")]
    np.testing.assert_allclose(rig.joint_pivots, wanted, atol=1e-6)
    order = document["skins"][0]["joints"]
    assert order[3:5] == [3, 4]
    order[3:5] = [4, 3]
    swapped = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip").surface
    assert swapped.joint_pivots[-1].tolist() == pytest.approx(places["neckUpper"])


def test_not_a_number(parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    assert code_of(lam_bundle(skin=pack_glb(document, b"\xff" * 12 + binary[12:]))) == "avatar.glb"
    head, body = parts[1].split(b"end_header\n", 1)
    for column in range(len(PROPERTIES)):
        if PROPERTIES[column] in ("nx", "ny", "nz"):
            continue
        damaged = bytearray(body)
        damaged[4 * column : 4 * column + 4] = b"\xff\xff\xff\xff"
        assert code_of(lam_bundle(offset=head + b"end_header\n" + bytes(damaged))) == "avatar.ply"


def test_deeply_nested_json():
    text = b"[" * 100_000
    glb = pack_glb(None, b"").replace(b"null", text)
    glb = glb[:8] + (len(glb)).to_bytes(4, "little") + len(text).to_bytes(4, "little") + glb[16:]
    assert code_of(lam_bundle(skin=glb)) == "avatar.glb"


@pytest.mark.parametrize(
    "header",
    [
        b"ply\nformat ascii 2.0\nelement vertex 1\nproperty float x\nend_header\n",
        b"ply\nformat binary_middle_endian 1.0\nelement vertex 1\nproperty float x\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 99999999999\nproperty float x\n"
        b"end_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex -1\nproperty float x\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 0\nproperty float x\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement face 1\nproperty float x\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uchar int x\n"
        b"end_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\n"
        b"property float x\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float \xc3\xa9\n"
        b"end_header\n",
        b"ply\n" + b"comment x\n" * 10_000,
        b"",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_other_ply(header: bytes):
    assert code_of(lam_bundle(offset=header + b"\0" * 64)) == "avatar.ply"


def test_missing_property_and_empty_rotation():
    vertices, _ = egg()
    table = np.zeros((len(vertices), len(PROPERTIES)))
    short = pack_ply(table[:, :-1], len(vertices), properties=PROPERTIES[:-1])
    assert code_of(lam_bundle(offset=short)) == "avatar.ply"
    assert code_of(lam_bundle(offset=pack_ply(table, len(vertices)))) == "avatar.ply"


def test_counts_must_agree(monkeypatch: pytest.MonkeyPatch):
    vertices, _ = egg(rows=20)
    with pytest.raises(InputError) as caught:
        decode_lam_avatar(lam_bundle(offset=offset_ply(vertices)), "test.zip")
    assert caught.value.code == "avatar.mismatch"
    assert "640 Gaussians belong to 768 vertices" in caught.value.message
    monkeypatch.setattr(lam, "MAX_VERTICES", 768)
    assert len(decode_lam_avatar(lam_bundle(), "test.zip")) == 768
    monkeypatch.setattr(lam, "MAX_VERTICES", 767)
    assert code_of(lam_bundle()) == "avatar.too_big"


@pytest.mark.parametrize("lost", ["JOINTS_0", "WEIGHTS_0"])
def test_half_a_skin_is_none(lost: str, parts: tuple[bytes, bytes]):
    document, binary = unpack_glb(parts[0])
    del document["meshes"][0]["primitives"][0]["attributes"][lost]
    avatar = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip")
    assert avatar.surface.joint_weights.shape == (768, 1)
    np.testing.assert_allclose(
        avatar.surface.joint_pivots, avatar.vertices.mean(0, keepdims=True), atol=1e-6
    )
    assert avatar.surface.joint_shares.tolist() == [1]


def test_what_is_an_offset_by_its_columns():
    """By its bounds with a hundred Gaussians or more, by its name with fewer."""
    columns = {name: np.zeros(100, np.float32) for name in PROPERTIES}
    for name in ("scale_0", "scale_1", "scale_2"):
        columns[name] += np.log(0.01)
    columns["x"][3], columns["y"][4] = 0.1, -0.1
    assert is_lam_offset(columns, "my head.ply")
    few = {name: values[:99] for name, values in columns.items()}
    assert not is_lam_offset(few, "my head.ply")
    assert is_lam_offset(few, "a/Offset.PLY")
    assert not is_lam_offset({**columns, "x": columns["x"] + 0.01}, "my head.ply")
    assert not is_lam_offset({**columns, "scale_1": columns["scale_1"] + 0.1}, "my head.ply")
    for name, value in (("f_dc_1", 1.1), ("f_dc_2", -0.1)):
        assert not is_lam_offset({**columns, name: columns[name] + value}, "offset.ply")
    assert not is_lam_offset({**columns, "f_rest_0": columns["x"]}, "offset.ply")
    for lost in ("x", "f_dc_2", "scale_1"):
        less = {name: values for name, values in columns.items() if name != lost}
        assert not is_lam_offset(less, "offset.ply")


def test_zip_without_the_parts_and_with_two_avatars(parts: tuple[bytes, bytes]):
    assert code_of(pack_zip({"readme.txt": b"hello"})) == "avatar.missing_file"
    assert code_of(pack_zip({"skin.glb": parts[0]})) == "avatar.missing_file"
    two = {f"{name}/skin.glb": parts[0] for name in "ab"} | {"a/offset.ply": parts[1]}
    assert code_of(pack_zip(two)) == "avatar.zip"


def test_zip_bomb(parts: tuple[bytes, bytes]):
    bomb = pack_zip({"skin.glb": b"\0" * 50_000_000, "offset.ply": parts[1]})
    assert len(bomb) < 200_000
    assert code_of(bomb) == "avatar.too_big"


def test_an_unzipped_bundle_is_a_bundle(tmp_path: Path, parts: tuple[bytes, bytes]):
    """In the folder itself or in one below, as zips unpack."""
    inner = tmp_path / "barbara" / "p2-1"
    inner.mkdir(parents=True)
    (inner / "skin.glb").write_bytes(parts[0])
    (inner / "offset.ply").write_bytes(parts[1])
    zipped = decode_lam_avatar(lam_bundle(), "egg.zip")
    for folder in (inner, tmp_path / "barbara"):
        avatar = read_avatar(folder)
        assert avatar.name == folder.name
        np.testing.assert_array_equal(avatar.means, zipped.means)
        np.testing.assert_array_equal(avatar.surface.arkit_shapes, zipped.surface.arkit_shapes)
    for name in ("skin.glb", "offset.ply"):  # one of them stands for nothing, but we know the rest
        with pytest.raises(InputError) as caught:
            read_avatar(inner / name)
        assert caught.value.code == "avatar.part"
        assert str(inner) in caught.value.remedy


def test_a_part_alone_is_said_to_be_one(tmp_path: Path, parts: tuple[bytes, bytes]):
    for name, data in (
        ("skin.glb", parts[0]),
        ("offset.ply", parts[1]),
        ("Offset.PLY", parts[1]),
        ("my head.ply", parts[1]),  # by its numbers
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="of a LAM avatar") as caught:
            read_avatar(tmp_path / name)
        assert caught.value.code == "avatar.part"
        assert "zip" in caught.value.remedy
        (tmp_path / name).unlink()


def test_wrong_kinds_of_file(tmp_path: Path):
    (tmp_path / "text.zip").write_text("not a zip")
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "lfs.zip").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    for name, code in (
        ("missing.zip", "file.missing"),
        (".", "file.folder"),
        ("text.zip", "file.wrong_kind"),
        ("empty.zip", "file.empty"),
        ("lfs.zip", "file.lfs_pointer"),
    ):
        with pytest.raises(InputError) as caught:
            read_avatar(tmp_path / name)
        assert caught.value.code == code
    assert code_of(b"PK is no zip") == "avatar.zip"


@pytest.mark.parametrize("name", ["barbara", "statue"])
def test_real_bundles(name: str, real_data: Path):
    avatar = read_avatar(real_data / "lam_avatars" / f"{name}.zip", plain_shapes=True)
    assert len(avatar) == 20_018
    assert avatar.faces.shape == (39_904, 3)
    moved = np.abs(avatar.surface.arkit_shapes).max((1, 2))
    assert (moved > 0).sum() == 51
    assert avatar.surface.joint_pivots.shape == (3, 3)
    assert avatar.surface.joint_weights[:, 2].mean() > 0.9


def test_a_mesh_without_any_of_arkits_shapes(parts: tuple[bytes, bytes]):
    """One that is known is enough."""
    document, binary = unpack_glb(parts[0])
    names = [f"shape{index}" for index in range(len(TARGETS))]
    document["meshes"][0]["extras"]["targetNames"] = names
    assert code_of(lam_bundle(skin=pack_glb(document, binary))) == "avatar.no_shapes"
    names[7] = "jawOpen"
    avatar = decode_lam_avatar(lam_bundle(skin=pack_glb(document, binary)), "test.zip")
    assert avatar.surface.arkit_shapes.any((1, 2)).sum() == 1
    np.testing.assert_array_equal(
        avatar.surface.arkit_shapes[ARKIT_NAMES.index("jawOpen")], make_shapes(egg()[0])[7]
    )


def offset_columns(count: int = 100, **changes: float) -> dict[str, np.ndarray]:
    """An offset.ply's, in which the last Gaussian has these values."""
    plain = {"x": -0.1, "y": 0.1, "z": 0.05, "f_dc_0": 0, "f_dc_1": 1, "f_dc_2": 0.5}
    plain |= {"scale_0": -4.606, "scale_1": -9, "scale_2": -4.606, **changes}
    columns = {name: np.full(count, min(value, 0.0)) for name, value in plain.items()}
    for name, value in plain.items():
        if name in ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2"):
            columns[name][:] = 0
        columns[name][-1] = value
    return columns


@pytest.mark.parametrize(
    ("columns", "by_name", "alone"),
    [
        (offset_columns(), True, True),
        (offset_columns(99), True, False),
        (offset_columns(x=-0.102), True, False),
        (offset_columns(y=0.102), True, False),
        (offset_columns(scale_1=-4.6), True, False),  # exp(-4.6) is 10.05 mm
        (offset_columns(f_dc_1=1.01), False, False),
        (offset_columns(f_dc_2=-0.01), False, False),
        (offset_columns(f_rest_0=0), False, False),
        ({k: v for k, v in offset_columns().items() if k != "scale_2"}, False, False),
    ],
)
def test_what_is_the_offsets_of_a_bundle(
    columns: dict[str, np.ndarray], by_name: bool, alone: bool
):
    """By its name, or by colours in place of harmonics and LAM's bounds of 10 cm and 1 cm."""
    assert is_lam_offset(columns, "some/folder/Offset.PLY") == by_name
    assert is_lam_offset(columns, "head.ply") == alone
