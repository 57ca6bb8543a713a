# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays of a binary glTF: strides, offsets and normalised numbers, and never a byte beyond."""

import struct

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import glb
from affekt.sidecar.avatar.glb import Glb, decode_glb, get_dict, get_list, read_accessor

NUMBERS = np.arange(24, dtype="<f4")


def file(view: dict | None = None, binary: bytes = NUMBERS.tobytes(), **entry: object) -> Glb:
    """One accessor of three vectors in a view of 24 numbers."""
    accessor = {"type": "VEC3", "componentType": 5126, "count": 3, "bufferView": 0, **entry}
    views = [{"buffer": 0, "byteLength": len(binary), **(view or {})}]
    return Glb(
        name="a.glb",
        document={"accessors": [accessor], "bufferViews": views},
        binary=memoryview(binary),
    )


def code_of(glb: Glb, **options: int) -> str:
    with pytest.raises(InputError) as caught:
        read_accessor(glb, 0, "VEC3", **options)
    return caught.value.code


@pytest.mark.parametrize(
    ("view", "entry", "first"),
    [
        ({}, {}, [0, 3, 6]),
        ({}, {"byteOffset": 8}, [2, 5, 8]),
        ({"byteOffset": 4, "byteLength": 92}, {"byteOffset": 8}, [3, 6, 9]),
        ({"byteStride": 20}, {}, [0, 5, 10]),
        ({"byteStride": 20, "byteOffset": 12, "byteLength": 84}, {"byteOffset": 4}, [4, 9, 14]),
        ({"byteOffset": 60, "byteLength": 36}, {}, [15, 18, 21]),  # to the last byte
        ({"byteStride": 20, "byteOffset": 44, "byteLength": 52}, {}, [11, 16, 21]),
    ],
)
def test_where_values_lie(view: dict, entry: dict, first: list[float]) -> None:
    found = read_accessor(file(view, **entry), 0, "VEC3", count=3)
    np.testing.assert_array_equal(found, np.add.outer(first, [0, 1, 2]))


@pytest.mark.parametrize(
    ("view", "entry"),
    [
        ({"byteOffset": 60, "byteLength": 35}, {}),
        ({"byteOffset": 64, "byteLength": 36}, {}),
        ({"byteLength": 36}, {"byteOffset": 4}),
        ({"byteStride": 20, "byteLength": 51}, {}),
        ({"byteStride": 8}, {}),
        ({"byteLength": 97}, {}),
        ({"buffer": 1}, {}),
        ({}, {"count": 9}),
        ({}, {"count": 0}),
        ({}, {"byteOffset": -4}),
        ({}, {"componentType": 5124}),
        ({}, {"type": "VEC4"}),
        ({}, {"bufferView": 1}),
        ({}, {"bufferView": True}),
        ({}, {"bufferView": "0"}),
        ({}, {"bufferView": 0.0}),
        ({}, {"bufferView": -1}),
        ({}, {"componentType": "5126"}),
        ({}, {"componentType": [5126]}),
        ({}, {"count": "3"}),
        ({}, {"count": 3.0}),
        ({}, {"byteOffset": [0]}),
        ({}, {"sparse": [1]}),
        ({"byteLength": None}, {}),
    ],
)
def test_values_that_are_not_there(view: dict, entry: dict) -> None:
    assert code_of(file(view, **entry)) == "avatar.glb"


def test_other_counts_than_the_vertices() -> None:
    assert code_of(file(), count=4) == "avatar.glb"
    empty = file()
    del empty.document["accessors"][0]["bufferView"]
    assert not read_accessor(empty, 0, "VEC3", count=3).any()
    assert code_of(empty) == "avatar.glb"


def test_normalised_numbers() -> None:
    data = np.array([[0, 51, 255], [1, 2, 3], [255, 0, 0]], np.uint8)
    plain = file(binary=data.tobytes(), componentType=5121)
    np.testing.assert_array_equal(read_accessor(plain, 0, "VEC3"), data)
    shares = file(binary=data.tobytes(), componentType=5121, normalized=True)
    found = read_accessor(shares, 0, "VEC3")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], [0, 0.2, 1])
    signed = np.array([[-128, -127, 127], [0, 127, 0], [0, 0, 0]], np.int8)
    shares = file(binary=signed.tobytes(), componentType=5120, normalized=True)
    np.testing.assert_allclose(read_accessor(shares, 0, "VEC3")[0], [-1, -1, 1])
    real = read_accessor(file(normalized=True), 0, "VEC3")
    np.testing.assert_array_equal(real[2], [6, 7, 8])


def sparse(places: list[int], *, count: int | None = None, base: bool = True) -> Glb:
    """Three vectors, of which those at `places` are replaced by 100, 101, ... in threes."""
    indices = np.array(places, np.uint16).tobytes()
    values = np.arange(100, 100 + 3 * len(places), dtype="<f4").tobytes()
    glb = file(binary=NUMBERS.tobytes() + indices.ljust(16, b"\0") + values)
    glb.document["bufferViews"] = [
        {"byteLength": 96},
        {"byteOffset": 96, "byteLength": max(len(indices), 1)},
        {"byteOffset": 112, "byteLength": max(len(values), 1)},
    ]
    entry = glb.document["accessors"][0]
    if not base:
        del entry["bufferView"]
    entry["sparse"] = {
        "count": len(places) if count is None else count,
        "indices": {"bufferView": 1, "componentType": 5123},
        "values": {"bufferView": 2},
    }
    return glb


def test_sparse_values_take_the_place_of_others() -> None:
    found = read_accessor(sparse([2, 0]), 0, "VEC3", count=3)
    assert found.tolist() == [[103, 104, 105], [3, 4, 5], [100, 101, 102]]
    alone = read_accessor(sparse([1], base=False), 0, "VEC3", count=3)
    assert alone.tolist() == [[0, 0, 0], [100, 101, 102], [0, 0, 0]]
    every = read_accessor(sparse([0, 1, 2]), 0, "VEC3", count=3)
    assert every[2].tolist() == [106, 107, 108]


@pytest.mark.parametrize(
    "glb", [sparse([3]), sparse([0], count=0), sparse([0, 1, 2], count=4), sparse([0], count=2)]
)
def test_sparse_values_that_have_no_place(glb: Glb) -> None:
    assert code_of(glb, count=3) == "avatar.glb"


def test_places_of_sparse_values_are_whole_and_not_negative() -> None:
    """As signed bytes the two last ones would count from the end."""
    glb = sparse([0])
    for kind in (5120, 5122, 5126):
        glb.document["accessors"][0]["sparse"]["indices"]["componentType"] = kind
        assert code_of(glb, count=3) == "avatar.glb"


def test_lists_and_objects_of_another_kind() -> None:
    glb = file()
    for function, empty in ((get_list, []), (get_dict, {})):
        assert function(glb, {}, "extras") == empty
        with pytest.raises(InputError) as caught:
            function(glb, {"extras": "x"}, "extras")
        assert caught.value.code == "avatar.glb"
    assert get_list(glb, {"targets": [3]}, "targets") == [3]
    glb.document["accessors"][0] = 3
    assert code_of(glb) == "avatar.glb"
    glb.document["accessors"] = {"0": 1}
    assert code_of(glb) == "avatar.glb"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<I4s", len(data), kind) + data


def packed(*chunks: bytes, version: int = 2, less: int = 0) -> bytes:
    """A file of these chunks; less: how many bytes it says it has too few."""
    body = b"".join(chunks)
    return struct.pack("<4sII", b"glTF", version, 12 + len(body) - less) + body


WHOLE = (chunk(b"JSON", b'{"a": 1}'), chunk(b"BIN\0", b"12345678"))


def test_the_first_chunk_of_a_kind_counts_and_nothing_past_the_end() -> None:
    """Chunks of other kinds are passed over, as glTF has it."""
    more = (chunk(b"MORE", b"none"), chunk(b"JSON", b'{"b": 2}'), chunk(b"BIN\0", b"87654321"))
    found = decode_glb(packed(*WHOLE, *more), "a.glb")
    assert (found.name, found.document, bytes(found.binary)) == ("a.glb", {"a": 1}, b"12345678")
    odd = decode_glb(packed(WHOLE[0], chunk(b"BIN\0", b"xyz")), "a.glb")
    assert bytes(odd.binary) == b"xyz"
    behind = decode_glb(packed(WHOLE[0]) + WHOLE[1], "a.glb")
    assert (behind.document, len(behind.binary)) == ({"a": 1}, 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (packed(*WHOLE)[:19], "does not begin as a binary glTF file does"),
        (b"GLTF" + packed(*WHOLE)[4:], "does not begin as a binary glTF file does"),
        (packed(*WHOLE, version=1), "it is glTF version 1, not 2"),
        (packed(*WHOLE)[:-1], "it should have 44 bytes but ends after 43"),
        (packed(*WHOLE, less=1), "one of its parts is longer than the file"),
        (packed(chunk(b"BIN\0", b"12345678")), "its description is missing or too long"),
        (packed(chunk(b"JSON", b'{"a": 12')), "its description cannot be read"),
        (packed(chunk(b"JSON", 9000 * b"[")), "its description cannot be read"),
        (packed(chunk(b"JSON", b"[1, 2, 3]")), "its description is not an object"),
    ],
)
def test_what_is_wrong_with_a_mesh_file_is_said(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_glb(data, "a.glb")
    assert caught.value.code == "avatar.glb"
    assert said in caught.value.message


def test_a_description_as_long_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glb, "_MAX_JSON_BYTES", 8)
    assert decode_glb(packed(*WHOLE), "a.glb").document == {"a": 1}
    monkeypatch.setattr(glb, "_MAX_JSON_BYTES", 7)
    with pytest.raises(InputError, match="missing or too long"):
        decode_glb(packed(*WHOLE), "a.glb")
