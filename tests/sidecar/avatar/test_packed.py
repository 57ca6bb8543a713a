# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed files of Gaussians: `.splat`, SPZ, compressed PLY, `.ksplat`, SOG."""

import gzip
import json
import struct
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import rest_gaussians
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.splats import DC, Splats, in_axes, seen_colours
from fakes import packed
from fakes.lam import lam_bundle, pack_zip
from fakes.packed import some_splats
from fakes.plain_drive import covariances

# Written as they stand in the file's axes, with the step of each attribute: place (m), logarithm of
# scale, opacity and colour, harmonic.
STEPS = {
    "splat": (0, 0, 0.003, None),
    "spz 2": (2e-4, 0.032, 0.008, 0.004),
    "spz 3": (2e-4, 0.032, 0.008, 0.004),
    "spz 4": (2e-4, 0.032, 0.008, 0.004),
    "compressed": (5e-4, 4e-3, 0.003, 0.02),
    "compressed without colours": (5e-4, 4e-3, 0.003, 0.02),
    "ksplat 0": (1e-7, 1e-6, 0.003, 1e-7),
    "ksplat 1": (3e-5, 1e-3, 0.003, 1e-3),
    "ksplat 2": (3e-5, 1e-3, 0.003, 0.011),
    "sog 1": (3e-5, 0.02, 0.008, 0.003),
    "sog 2": (3e-5, 0.02, 0.008, 0.003),
}
TURN_RAD = {"splat": 0.03, "spz 2": 0.2, "sog 1": 0.02, "sog 2": 0.02}
"""Largest error of a rotation; 0.006 for the others. SPZ 2 loses w of half turns."""
WITH_HARMONICS = [kind for kind in STEPS if kind != "splat"]


def write(kind: str, splats: Splats) -> bytes:
    name, _, what = kind.partition(" ")
    writers: dict[str, Callable[[], bytes]] = {
        "splat": lambda: packed.antimatter15(splats),
        "spz": lambda: packed.spz(splats, int(what)),
        "compressed": lambda: packed.compressed_ply(splats, with_colours=not what),
        "ksplat": lambda: packed.ksplat([splats], int(what)),
        "sog": lambda: packed.sog(splats, int(what)),
    }
    if kind == "spz 4":
        pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    return writers[name]()


def turns(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) angles between rotations."""
    return 2 * np.arccos(np.clip(np.abs(np.sum(first * second, 1)), 0, 1))


def check(kind: str, avatar: Avatar, splats: Splats) -> None:
    place, size, shade, term = STEPS[kind]
    assert (avatar.surface, avatar.binding, avatar.follow) == (None, "none", "still")
    np.testing.assert_allclose(avatar.means, splats.means, atol=place)
    np.testing.assert_allclose(np.log(avatar.scales), np.log(splats.scales), atol=size)
    np.testing.assert_allclose(avatar.opacities, splats.opacities, atol=shade)
    np.testing.assert_allclose(avatar.colours, splats.colours, atol=shade)
    assert turns(avatar.quaternions, splats.quaternions).max() < TURN_RAD.get(kind, 0.006)
    if splats.harmonics is None:
        assert avatar.harmonics is None
    else:
        np.testing.assert_allclose(avatar.harmonics, splats.harmonics, atol=term)


@pytest.mark.parametrize("kind", STEPS)
def test_gaussians_come_out_as_they_went_in(kind: str):
    splats = some_splats()
    check(kind, decode_avatar(write(kind, splats), "any name"), splats)


@pytest.mark.parametrize("harmonics", [3, 8, 15])
@pytest.mark.parametrize("kind", WITH_HARMONICS)
def test_harmonics_come_out_as_they_went_in(kind: str, harmonics: int):
    splats = some_splats(harmonics=harmonics)
    check(kind, decode_avatar(write(kind, splats), "any name"), splats)


def only(data: bytes, name: str = "one") -> Avatar:
    avatar = decode_avatar(data, name)
    assert len(avatar) == 1
    return avatar


def is_one(avatar: Avatar, mean: tuple, scale: tuple, opacity: float, colour: tuple, turn: tuple):
    np.testing.assert_allclose(avatar.means[0], mean, atol=1e-6)
    np.testing.assert_allclose(avatar.scales[0], scale, rtol=1e-5)
    np.testing.assert_allclose(avatar.opacities[0], opacity, atol=1e-6)
    np.testing.assert_allclose(avatar.colours[0], colour, atol=1e-6)
    np.testing.assert_allclose(avatar.quaternions[0], turn, atol=1e-5)


def test_one_row_of_a_splat():
    """antimatter15's main.js: xyz, scales, r g b a, then w x y z around 128."""
    row = struct.pack("<3f3f4B4B", 0.25, -1.5, 3, 0.5, 0.125, 2, 255, 51, 0, 102, 128, 0, 204, 128)
    turn = (0, -128 / np.hypot(128, 76), 76 / np.hypot(128, 76), 0)
    is_one(only(row, "a.splat"), (0.25, -1.5, 3), (0.5, 0.125, 2), 0.4, (1, 0.2, 0), turn)


@pytest.mark.parametrize("version", [2, 3])
def test_one_gaussian_of_an_spz(version: int):
    """Positions of 24 bits, 12 behind the point; logarithms of scales in sixteenths from -10."""
    head = struct.pack("<4sIIBBBB", b"NGSP", version, 1, 0, 12, 0, 0)
    places = bytes([0, 16, 0, 0, 248, 255, 1, 0, 0])  # 4096, -2048, 1
    rest = bytes([51, 255, 0, 102, 160, 144, 16])
    # Half a turn about y has no w; version 3: y is the largest (1), x -0.5 sqrt(1/2) of 511ths.
    turn = bytes([127, 255, 127]) if version == 2 else struct.pack("<I", 1 << 30 | 512 + 256 << 20)
    avatar = only(gzip.compress(head + places + rest + turn))
    x = 0.0 if version == 2 else -256 / 511 * np.sqrt(0.5)
    colour = [0.5 + DC * (b / 255 - 0.5) / 0.15 for b in (255, 0, 102)]
    np.testing.assert_allclose(avatar.means[0], (1, -0.5, 1 / 4096), atol=1e-7)
    np.testing.assert_allclose(np.log(avatar.scales[0]), (0, -1, -9), atol=1e-6)
    np.testing.assert_allclose(avatar.opacities, [0.2], atol=1e-6)
    np.testing.assert_allclose(avatar.colours[0], np.maximum(colour, 0), atol=1e-6)
    expected = np.array([[0, x, np.sqrt(1 - x**2), 0]])
    assert turns(avatar.quaternions, expected).max() < 0.02


def test_one_gaussian_of_a_compressed_ply():
    bounds = [0, 1, 2, 4, 9, 18, -6, -5, -4, -2, -3, 0, 0, 0.5, 0, 1, 1, 0.5]
    names = [f"{e}_{k}{a}" for k in ("", "scale_") for e in ("min", "max") for a in "xyz"]
    names += [f"{e}_{a}" for e in ("min", "max") for a in "rgb"]
    words = [
        2047 << 21 | 0 << 11 | 2047,  # x at its upper bound, y at its lower, z at its upper
        2 << 30 | 1023 << 20 | 512 << 10 | 511,  # y is the largest: w sqrt(1/2), x and z about 0
        0 << 21 | 1023 << 11 | 0,
        255 << 24 | 0 << 16 | 255 << 8 | 51,
    ]
    lines = ["ply", "format binary_little_endian 1.0", "element chunk 1"]
    lines += [f"property float {name}" for name in names] + ["element vertex 1"]
    lines += [f"property uint packed_{w}" for w in ("position", "rotation", "scale", "color")]
    data = ("\n".join([*lines, "end_header"]) + "\n").encode() + struct.pack(
        "<18f4I", *bounds, *words
    )
    avatar = only(data)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(avatar.means[0], (4, 1, 18), rtol=1e-6)
    np.testing.assert_allclose(np.log(avatar.scales[0]), (-6, -3, -4), rtol=1e-6)
    np.testing.assert_allclose(avatar.colours[0], (1, 0.5, 0.5), atol=1e-6)
    np.testing.assert_allclose(avatar.opacities, [0.2], atol=1e-6)
    assert turns(avatar.quaternions, np.array([[half, 0, half, 0]])).max() < 0.003


def test_opacity_has_its_ends():
    """A byte of 255 is opaque and one of 0 transparent, not nearly."""
    splats = some_splats(6)
    splats.opacities[:2] = (0, 1)
    for kind in STEPS:
        if kind == "sog 1":  # it keeps logits
            continue
        opacities = decode_avatar(write(kind, splats), "x").opacities
        assert opacities[0] == 0, kind
        assert opacities[1] == 1, kind


def test_flat_axes_stay_flat():
    """A scale of 0, or in a PLY's bounds minus infinity, is an axis without extent."""
    splats = some_splats(40)
    splats.scales[3, 1] = 0
    for kind in ("splat", "ksplat 0", "ksplat 1"):
        avatar = decode_avatar(write(kind, splats), "x")
        assert 0 < avatar.scales[3, 1] < 1e-20
    data = bytearray(packed.compressed_ply(some_splats(40)))
    place = data.index(b"end_header\n") + len(b"end_header\n") + 4 * 7
    struct.pack_into("<f", data, place, -np.inf)
    assert decode_avatar(bytes(data), "x").scales[:, 1].min() < 1e-20


def test_a_ksplat_of_several_sections():
    """The sections follow each other, each with its own buckets, degree and room to spare."""
    first, second = some_splats(37, 8, seed=1), some_splats(5, 0, seed=2)
    avatar = decode_avatar(packed.ksplat([first, second], 2), "two")
    assert len(avatar) == 42
    np.testing.assert_allclose(avatar.means[37:], second.means, atol=3e-5)
    np.testing.assert_allclose(avatar.harmonics[:37], first.harmonics, atol=0.011)
    assert not avatar.harmonics[37:].any()


def test_a_ksplat_of_several_buckets_that_are_not_full():
    """One of four Gaussians, which is full, then three, each around a middle of its own."""
    splats = some_splats(10)
    data = packed.ksplat([splats], capacity=4, partial=(2, 3, 1))
    np.testing.assert_allclose(decode_avatar(data, "x").means, splats.means, atol=3e-5)


def test_several_chunks_have_their_own_bounds():
    """Gaussian 256 is the second chunk's first."""
    splats = some_splats(300)
    one = packed.compressed_ply(splats)
    head, body = one.split(b"end_header\n", 1)
    bounds, rows = body[: 18 * 4], body[18 * 4 :]
    moved = np.frombuffer(bounds, "<f4").copy()
    moved[[0, 3]] += 5  # x
    head = head.replace(b"chunk 1", b"chunk 2")
    avatar = decode_avatar(head + b"end_header\n" + bounds + moved.tobytes() + rows, "two")
    np.testing.assert_allclose(avatar.means[:256, 0], splats.means[:256, 0], atol=5e-4)
    np.testing.assert_allclose(avatar.means[256:, 0], splats.means[256:, 0] + 5, atol=5e-4)


@pytest.mark.parametrize("axes", ["RDF", "LUF", "RUF", "RFU", "LBD", "RUB"])
def test_an_spz_of_other_axes_is_turned_into_ours(axes: str):
    """What the file calls its axes: the same Gaussians are written in them."""
    letters = {"R": (1, 0, 0), "U": (0, 1, 0), "B": (0, 0, 1)}
    letters |= {o: tuple(-v for v in letters[a]) for a, o in (("R", "L"), ("U", "D"), ("B", "F"))}
    theirs_from_ours = np.array([letters[letter] for letter in axes], np.float64)
    splats = some_splats(harmonics=15)
    avatar = decode_avatar(packed.spz(in_axes(splats, theirs_from_ours), axes=axes), "turned")
    np.testing.assert_allclose(avatar.means, splats.means, atol=2e-4)
    ours, written = (covariances(g.quaternions, g.scales) for g in (avatar, splats))
    np.testing.assert_allclose(ours, written, atol=2e-4)
    np.testing.assert_allclose(avatar.harmonics, splats.harmonics, atol=0.02)


def test_a_turn_of_axes_changes_no_picture():
    """Gaussians and camera together in other axes, a reflection among them, look the same."""
    splats = some_splats(harmonics=15)
    for axes in (np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0.0]]), np.diag([-1.0, 1, 1])):
        turned = in_axes(splats, axes)
        before, after = (covariances(g.quaternions, g.scales) for g in (splats, turned))
        np.testing.assert_allclose(after, axes @ before @ axes.T, atol=1e-8)
        camera = look_at(
            target=splats.means.mean(0),
            distance=2,
            yaw_rad=0.4,
            pitch_rad=0.3,
            width=8,
            height=8,
            fov_y_rad=1,
        )
        matrix = camera.camera_from_world.copy()
        matrix[:3, :3] = matrix[:3, :3] @ axes.T
        if np.linalg.det(axes) < 0:
            matrix[0] *= -1  # a camera in a mirror sees left and right exchanged
        seen = seen_colours(turned, replace(camera, camera_from_world=matrix))
        np.testing.assert_allclose(seen, seen_colours(splats, camera), atol=1e-5)


def test_harmonics_of_degree_four_are_left_out_and_said():
    splats = some_splats(harmonics=24)
    avatar = decode_avatar(packed.spz(splats), "rich.spz")
    np.testing.assert_allclose(avatar.harmonics, splats.harmonics[:, :15], atol=0.004)
    assert "degree 4" in avatar.notes[0]


def test_a_codebook_that_begins_with_null():
    """JSON has no minus infinity, so exporters wrote null for the scale of a flat axis."""
    splats = some_splats()
    files = packed.sog_files(splats)
    meta = json.loads(files["meta.json"])
    first, second, last = (meta["scales"]["codebook"][k] for k in (0, 1, 255))
    meta["scales"]["codebook"][0] = None
    avatar = decode_avatar(pack_zip({**files, "meta.json": json.dumps(meta).encode()}), "flat")
    expected = np.log(splats.scales)
    least = np.unravel_index(expected.argmin(), expected.shape)
    assert np.log(avatar.scales[least]) == pytest.approx(second + (second - last) / 255, abs=1e-5)
    assert abs(first - expected.min()) < 0.02


def code_of(data: bytes, name: str = "x") -> str:
    with pytest.raises(InputError) as caught:
        decode_avatar(data, name)
    assert len(str(caught.value)) < 400
    return caught.value.code


@pytest.mark.parametrize("kind", [kind for kind in STEPS if kind != "spz 4"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_short(kind: str, share: float):
    data = write(kind, some_splats())
    code = code_of(data[: int(share * len(data)) | 1])
    assert code in ("avatar.packed", "avatar.ply", "avatar.zip", "file.wrong_kind"), code


def test_what_no_spz_can_be():
    def head(version: int = 3, count: int = 1, degree: int = 0, bits: int = 12) -> bytes:
        start = struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, 0, 0)
        return gzip.compress(start + bytes(200))

    assert len(decode_avatar(head(), "whole")) == 1
    for data in (
        head(version=1),
        head(version=9),
        head(count=0),
        head(count=3_000_000),
        head(count=1_000_000),
        head(degree=5),
        head(bits=25),
        gzip.compress(b"some text", mtime=0),
        b"\x1f\x8b\x08\0" + bytes(40),
        b"NGSP" + bytes(60),
    ):
        assert code_of(data) == "avatar.packed"


def test_numbers_that_no_gaussian_has():
    for place, value in ((0, np.nan), (0, 1e30), (12, -1.0), (12, np.inf), (16, 1e6)):
        row = bytearray(packed.antimatter15(some_splats(1)))
        struct.pack_into("<f", row, place, value)
        assert code_of(bytes(row), "a.splat") == "avatar.packed"
        assert code_of(bytes(row), "a") == "file.wrong_kind"
        data = bytearray(packed.ksplat([some_splats(1)], 0))
        struct.pack_into("<f", data, 5120 + place, value)
        assert code_of(bytes(data)) == "avatar.packed"


def test_a_splat_that_is_cut_short_is_still_told():
    """By its name: nothing else says what it was."""
    data = packed.antimatter15(some_splats(3))
    with pytest.raises(InputError, match="its last Gaussian is not whole") as caught:
        decode_avatar(data[:-1], "Head.SPLAT")
    assert caught.value.code == "avatar.packed"
    assert code_of(data[:-1]) == "file.wrong_kind"


def test_rotations_of_another_length_need_the_name():
    """Some writers do not normalise; such a file is taken for one if it is called so."""
    data = bytearray(packed.antimatter15(some_splats(3)))
    for row in range(3):
        data[32 * row + 28 : 32 * row + 32] = bytes([255, 255, 128, 128])
    assert code_of(bytes(data)) == "file.wrong_kind"
    half = np.sqrt(0.5)
    turned = decode_avatar(bytes(data), "a.splat").quaternions
    np.testing.assert_allclose(turned, [[half, half, 0, 0]] * 3, atol=1e-6)


def test_texts_are_no_splats():
    for text in (b"0.123, 0.456, 1e5\n" * 32, b"frame,time,jawOpen,mouthSmile__\n" * 9, bytes(320)):
        assert len(text) % 32 == 0
        assert code_of(text) == "file.wrong_kind"


def test_pictures_that_do_not_belong():
    files = packed.sog_files(some_splats(40, 3))
    small = packed.sog_files(some_splats(3, 3))
    for name in files:
        if name == "meta.json":
            continue
        missing = {k: v for k, v in files.items() if k != name}
        assert code_of(pack_zip(missing)) == "avatar.missing_file"
        assert code_of(pack_zip({**files, name: b"no picture"})) == "avatar.packed"
        if name != "shN_centroids.webp":
            assert code_of(pack_zip({**files, name: small[name]})) == "avatar.packed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 3),
        ("count", None),
        ("count", 0),
        ("count", 10**9),
        ("means", None),
        ("means", {"mins": [0, 0], "maxs": [1, 1, 1], "files": ["means_l.webp"] * 2}),
        ("means", {"mins": [0, 0, "1"], "maxs": [1, 1, 1], "files": ["means_l.webp"] * 2}),
        ("means", {"mins": [900, 0, 0], "maxs": [1, 1, 1], "files": ["means_l.webp"] * 2}),
        ("scales", {"codebook": [12.0], "files": ["scales.webp"]}),
        ("scales", {"codebook": [], "files": ["scales.webp"]}),
        ("quats", {"files": [3]}),
        ("sh0", []),
        ("shN", {"codebook": [0.5], "files": ["sh0.webp", "sh0.webp"]}),
    ],
)
def test_lying_descriptions(key: str, value: object):
    files = packed.sog_files(some_splats())
    meta = {**json.loads(files["meta.json"]), key: value}
    assert code_of(pack_zip({**files, "meta.json": json.dumps(meta).encode()})) == "avatar.packed"


def test_other_zips():
    assert code_of(pack_zip({"meta.json": b"[" * 100_000})) == "avatar.packed"
    assert code_of(pack_zip({"meta.json": b'{"a": 1}'})) == "avatar.packed"
    assert code_of(pack_zip({"point_cloud.ply": b"ply"})) == "avatar.missing_file"
    assert decode_avatar(lam_bundle(), "egg.zip").surface is not None


def test_version_4_without_zstandard(monkeypatch: pytest.MonkeyPatch):
    """A file that needs the package names the line that installs it."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    toc = b"".join(struct.pack("<QQ", 1, size) for size in (9, 1, 3, 3, 4))
    head = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, 1, 0, 12, 0, 5, 32)
    with pytest.raises(InputError) as caught:
        decode_avatar(head + toc + bytes(5), "new.spz")
    assert caught.value.code == "option.missing_extra"
    assert 'pip install "affekt[export]"' in caught.value.remedy


def test_version_4_that_lies():
    pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    whole = packed.spz(some_splats(), 4)
    for place, form, value in (
        (15, "B", 4),  # streams
        (16, "<I", 3),  # where the table of contents begins
        (16, "<I", 2**31),
        (32, "<Q", 2**62),  # bytes of the first stream
        (40, "<Q", 2**62),  # and unpacked
        (8, "<I", 41),  # Gaussians
    ):
        data = bytearray(whole)
        struct.pack_into(form, data, place, value)
        assert code_of(bytes(data)) == "avatar.packed", (place, value)


@pytest.mark.parametrize("more", [b"", b"\0", bytes(9), None])
def test_a_stream_of_version_4_has_the_size_that_it_should(more: bytes | None):
    """The last of its five streams, which holds a byte more, nine more, or one less."""
    zstandard = pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    whole = packed.spz(some_splats(), 4)
    place = 32 + 16 * (whole[15] - 1)
    length, size = struct.unpack_from("<QQ", whole, place)
    table = zstandard.ZstdDecompressor().decompress(whole[-length:])
    assert len(table) == size
    stream = zstandard.ZstdCompressor().compress(table[:-1] if more is None else table + more)
    data = bytearray(whole[:-length] + stream)
    struct.pack_into("<Q", data, place, len(stream))
    if more == b"":
        assert len(decode_avatar(bytes(data), "whole")) == len(some_splats().means)
    else:
        assert code_of(bytes(data)) == "avatar.packed"


def test_version_4_that_would_fill_the_memory():
    """Forty megabytes of zeros in four thousand bytes: no avatar is that even."""
    zstandard = pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    count, streams, toc = 2_000_000, [], b""
    for bytes_each in (9, 1, 3, 3, 4):
        table = bytes(bytes_each * count)
        streams.append(zstandard.ZstdCompressor().compress(table))
        toc += struct.pack("<QQ", len(streams[-1]), len(table))
    head = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, count, 0, 12, 0, 5, 32)
    data = head + toc + b"".join(streams)
    assert len(data) < 6000
    with pytest.raises(InputError, match="far more than it can hold") as caught:
        decode_avatar(data, "bomb.spz")
    assert caught.value.code == "avatar.packed"


def test_readers_give_what_the_renderer_takes():
    """From the record back to the Gaussians that are drawn."""
    splats = some_splats(harmonics=3)
    drawn = rest_gaussians(decode_avatar(packed.spz(splats), "x"))
    np.testing.assert_allclose(drawn.means, splats.means, atol=2e-4)
    np.testing.assert_allclose(drawn.harmonics, splats.harmonics, atol=0.004)


def test_the_finest_positions_of_an_spz():
    head = struct.pack("<4sIIBBBB", b"NGSP", 2, 1, 0, 24, 0, 0)
    places = bytes([0, 0, 64, 0, 0, 192, 1, 0, 0])  # a quarter of 2^24, minus that, 1
    avatar = only(gzip.compress(head + places + bytes([51, 0, 0, 0, 80, 80, 80, 255, 127, 127])))
    np.testing.assert_allclose(avatar.means[0], (0.25, -0.25, 2**-24), atol=1e-9)


def test_a_large_spz_may_unpack_to_two_hundred_times_its_size():
    """More than a megabyte, of numbers that do not repeat."""
    count = 60_000
    head = struct.pack("<4sIIBBBB", b"NGSP", 2, count, 0, 12, 0, 0)
    body = np.random.default_rng(0).integers(0, 256, 19 * count, np.uint8).tobytes()
    assert len(decode_avatar(gzip.compress(head + body, 1), "large.spz")) == count
    assert code_of(gzip.compress(head + bytes(19 * count))) == "avatar.packed"


def test_a_ksplat_that_names_no_bounds_for_its_harmonics():
    """They are -1.5 and 1.5; the writer's own are -1.25 and 1.5."""
    splats = some_splats(20, 3)
    data = bytearray(packed.ksplat([splats], 2))
    struct.pack_into("<ff", data, 36, 0, 0)
    wanted = -1.5 + 3 * (splats.harmonics + 1.25) / 2.75
    np.testing.assert_allclose(decode_avatar(bytes(data), "x").harmonics, wanted, atol=0.012)


@pytest.mark.parametrize(("span", "away"), [(32767, 0), (0, 0), (16384, 16383 / 16384)])
def test_a_ksplats_steps_span_what_its_section_says(span: int, away: float):
    """Half a block, 1 m, in so many steps; 32,767 where it says none."""
    splats = some_splats(1)
    data = bytearray(packed.ksplat([splats]))
    struct.pack_into("<I", data, 4096 + 24, span)
    np.testing.assert_allclose(only(bytes(data)).means, splats.means + away, atol=3e-5)


def test_a_sogs_rotation_that_names_no_place_turns_nothing():
    splats = some_splats()
    files = packed.sog_files(splats)
    rotations = np.array([packed._sog_rotation(q) for q in splats.quaternions.tolist()])
    rotations[[3, 7], 3] = 200, 0
    found = decode_avatar(pack_zip({**files, "quats.webp": packed._webp(rotations)}), "x")
    np.testing.assert_array_equal(found.quaternions[[3, 7]], [[1, 0, 0, 0]] * 2)
    others = np.delete(np.arange(40), [3, 7])
    assert turns(found.quaternions, splats.quaternions)[others].max() < 0.02


@pytest.mark.parametrize("version", [1, 2])
def test_a_sogs_furthest_places_are_its_bounds(version: int):
    splats = some_splats()
    means = decode_avatar(packed.sog(splats, version), "s.sog").means
    np.testing.assert_allclose(means.max(0), splats.means.max(0), atol=3e-7)
    np.testing.assert_allclose(means.min(0), splats.means.min(0), atol=3e-7)


def test_the_ends_of_a_compressed_plys_harmonics():
    """A byte stands for the middle of its 256th, but for the first and the last one."""
    splats = some_splats(2, 3)
    terms = np.array([[-9, 9, 0.0], [3.97, -3.97, 1], [0.04, -1, 2]], np.float32)
    splats = replace(splats, harmonics=np.stack([terms, -terms]))
    found = decode_avatar(packed.compressed_ply(splats), "c.ply").harmonics
    assert found is not None
    wanted = [[-4, 4, 0.015625], [4, -4, 1.015625], [0.046875, -0.984375, 2.015625]]
    np.testing.assert_allclose(found[0], wanted, atol=1e-6)


@pytest.mark.parametrize("version", [1, 2])
def test_a_sogs_palette_of_more_than_a_bytes_entries(version: int):
    splats = some_splats(300, 3)
    avatar = decode_avatar(packed.sog(splats, version), "s.sog")
    np.testing.assert_allclose(avatar.harmonics, splats.harmonics, atol=0.003)


def test_a_sogs_label_past_its_palette_has_no_harmonics():
    splats = some_splats(40, 3)
    files = packed.sog_files(splats)
    labels = np.zeros((40, 3), int)
    labels[:, 0] = np.arange(40)[::-1]
    labels[7] = (255, 255, 0)
    found = decode_avatar(pack_zip({**files, "shN_labels.webp": packed._webp(labels)}), "x")
    assert not found.harmonics[7].any()
    others = np.delete(np.arange(40), 7)
    np.testing.assert_allclose(found.harmonics[others], splats.harmonics[others], atol=0.003)


def test_bytes_past_a_short_codebook_stand_for_its_last_number():
    files = packed.sog_files(some_splats())
    meta = json.loads(files["meta.json"])
    meta["scales"]["codebook"] = [-7.0, -3.0]
    avatar = decode_avatar(pack_zip({**files, "meta.json": json.dumps(meta).encode()}), "short")
    sizes = np.log(avatar.scales)
    assert set(np.round(sizes, 4).ravel()) <= {-7.0, -3.0}
    assert (sizes > -4).mean() > 0.9


def test_an_spz_whose_bytes_repeat_somewhat():
    """Each Gaussian four times: it unpacks to four times its size, above a megabyte."""
    rows = np.random.default_rng(0).integers(0, 256, (15_000, 19), np.uint8)
    tables = [np.repeat(rows[:, part], 4, 0).tobytes() for part in SPZ_PARTS]
    head = struct.pack("<4sIIBBBB", b"NGSP", 2, 60_000, 0, 12, 0, 0)
    assert len(decode_avatar(gzip.compress(head + b"".join(tables)), "large.spz")) == 60_000


SPZ_PARTS = (slice(0, 9), slice(9, 10), slice(10, 13), slice(13, 16), slice(16, 19))


def test_what_lies_behind_an_spzs_tables_counts_only_if_it_says_so():
    """Axes count with the flag of extensions alone; a record that is cut off is none."""
    splats = some_splats(5)
    whole = bytearray(gzip.decompress(packed.spz(splats, axes="LUF")))
    assert whole[14] == 2
    turned = decode_avatar(gzip.compress(bytes(whole)), "x")
    assert np.abs(turned.means - splats.means).max() > 0.1
    for number, known in ((0, True), (99, False), (17, False)):  # no axes, or unknown ones
        whole[-4:] = struct.pack("<I", number)
        data = gzip.compress(bytes(whole))
        if known:
            np.testing.assert_allclose(decode_avatar(data, "x").means, splats.means, atol=2e-4)
        else:
            assert code_of(data) == "avatar.packed"
    whole[14] = 1  # antialiased
    np.testing.assert_allclose(
        decode_avatar(gzip.compress(bytes(whole)), "x").means, splats.means, atol=2e-4
    )
    whole[14] = 2
    for cut in (1, 5, 11, 13):  # of Adobe's record, and of the one before
        found = decode_avatar(gzip.compress(bytes(whole[:-cut])), "x")
        np.testing.assert_allclose(found.means, splats.means, atol=2e-4)
