# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of PLY files: elements, properties, and where the numbers begin."""

import struct

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.ply import decode_elements, decode_ply, encode_ply, is_ply


def ply(*lines: str, form: str = "binary_little_endian", body: bytes = b"") -> bytes:
    text = "\n".join(["ply", f"format {form} 1.0", *lines, "end_header"]) + "\n"
    return text.encode() + body


VERTEX = ("element vertex 2", "property short x", "property double y")
ROWS = [(-3, 0.5), (258, 4.0)]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("binary_little_endian", b"".join(struct.pack("<hd", *row) for row in ROWS)),
        ("binary_big_endian", b"".join(struct.pack(">hd", *row) for row in ROWS)),
        ("ascii", b"-3 0.5\n258 4\n"),
        ("ascii", b"-3 0.5\r\n258 4"),
    ],
)
def test_numbers_of_each_form(form: str, body: bytes) -> None:
    found = decode_ply(ply(*VERTEX, form=form, body=body), "a.ply")
    assert found["x"].tolist() == [-3, 258]
    assert found["y"].tolist() == [0.5, 4.0]


def test_elements_follow_each_other() -> None:
    lines = ("element first 1", "property uchar a", *VERTEX, "element last 2", "property int b")
    body = b"\x07" + b"".join(struct.pack("<hd", *row) for row in ROWS) + struct.pack("<ii", 8, -9)
    found = decode_elements(ply(*lines, body=body), "a.ply")
    assert list(found) == ["first", "vertex", "last"]
    assert (found["first"]["a"].tolist(), found["last"]["b"].tolist()) == ([7], [8, -9])
    assert found["vertex"]["x"].tolist() == [-3, 258]
    text = ply(*lines, form="ascii", body=b"7\n-3 0.5\n258 4\n8\n-9\n")
    assert decode_elements(text, "a.ply")["last"]["b"].tolist() == [8, -9]
    listed = ply(*VERTEX, "element face 1", "property list uchar int i", body=body[1:21] + b"\0")
    assert list(decode_elements(listed, "a.ply")) == ["vertex"]


def many(count: int) -> tuple[str, ...]:
    return tuple(line for i in range(count) for line in (f"element e{i} 0", "property float x"))


BODY = b"".join(struct.pack("<hd", *row) for row in ROWS)


def test_up_to_64_elements_and_256_properties() -> None:
    assert len(decode_elements(ply(*VERTEX, *many(63), body=BODY), "a.ply")) == 64
    names = [f"property uchar p{i}" for i in range(256)]
    wide = decode_ply(ply("element vertex 1", *names, body=bytes(range(256))), "a.ply")
    assert wide["p200"].tolist() == [200]


@pytest.mark.parametrize(
    "lines",
    [
        ("element face 1", "property float x"),
        (*VERTEX, "element vertex 2", "property float z"),
        (*VERTEX, *many(64)),
        ("element vertex 1", *(f"property uchar p{i}" for i in range(257))),
        ("element vertex 1", "property float x y"),
        ("element vertex 1", "property float"),
        ("element vertex 1", "property half x"),
        ("element vertex 1", "property float größe"),
        ("element vertex 1", "property float x", "property float x"),
        ("element vertex 1", "property list uchar int i"),
        ("element vertex",),
        ("element vertex one", "property float x"),
        ("element vertex 0", "property float x"),
        ("element vertex 2", "property float x", "property double y", "property uchar z"),
    ],
)
def test_headers_that_no_reader_understands(lines: tuple[str, ...]) -> None:
    """The last one announces a byte more than there is."""
    body = np.zeros(25, np.uint8).tobytes() if "z" in lines[-1] else bytes(600)
    with pytest.raises(InputError) as caught:
        decode_elements(ply(*lines, body=body), "a.ply")
    assert caught.value.code == "avatar.ply"


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_elements(data, "mine.ply")
    assert caught.value.code == "avatar.ply"
    assert "mine.ply" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("begin", [b"plyx\n", b"ply", b"\nply\n", b"PLY\n", b""])
def test_what_does_not_begin_as_a_ply_does(begin: bytes) -> None:
    data = begin + ply(*VERTEX, body=BODY)[4:]
    assert not is_ply(data) or begin == b"ply"
    if begin != b"ply":
        assert "does not begin as a PLY file does" in refusal(data)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_three_ways(end: str) -> None:
    """A blank after the first word and the last one does no harm."""
    head = ["ply ", "format binary_little_endian 1.0", "", *VERTEX, "end_header\t"]
    found = decode_ply(end.join([*head, ""]).encode() + BODY, "a.ply")
    assert found["x"].tolist() == [-3, 258]
    assert found["y"].tolist() == [0.5, 4.0]


def test_comments_may_be_in_any_encoding_and_of_some_length() -> None:
    long = "comment " + "settings " * 60_000
    odd = ply(*VERTEX, body=BODY).replace(b"1.0\n", b"1.0\ncomment \xff\x85\xe9 element x\n")
    for data in (odd, ply(long, *VERTEX, body=BODY)):
        assert decode_ply(data, "a.ply")["x"].tolist() == [-3, 258]
    assert "its header has no end" in refusal(ply(long, long, *VERTEX, body=BODY))
    assert "its header has no end" in refusal(b"ply\n" + BODY)


def test_a_text_that_ends_too_early() -> None:
    """Before there is any list of lines, after too few of them, and within a line."""
    cut = "it announces 2 Gaussians but ends before the last"
    assert cut in refusal(ply(*VERTEX, form="ascii", body=b"1 2"[:3]))
    assert cut in refusal(ply(*VERTEX, form="ascii", body=b"-30 0.5"))
    for body in (b"-3 0.5\n258\n", b"-3 0.5\n258 x\n", b"-3 0.5\n258 4 5\n"):
        assert "a line has too few numbers" in refusal(ply(*VERTEX, form="ascii", body=body))
    all_short = ply(*VERTEX, form="ascii", body=b"-3\n258\n")
    assert cut in refusal(all_short)
    many_rows = ply("element vertex 300000", *VERTEX[1:], form="ascii", body=b"1 2\n" * 100)
    assert "it announces 300,000 Gaussians but ends before" in refusal(many_rows)


@pytest.mark.parametrize("form", ["binary_middle_endian", "ascii 2.0", "text"])
def test_a_form_that_is_unknown_says_what_to_export(form: str) -> None:
    with pytest.raises(InputError) as caught:
        decode_elements(ply(*VERTEX, form=form, body=BODY), "a.ply")
    assert "neither binary nor ascii" in caught.value.message
    assert "as 3DGS writes it" in caught.value.remedy


def test_what_is_written_is_read() -> None:
    given = {"b": np.array([1.5, -2]), "a": np.array([3, 4], np.int64)}
    data = encode_ply(given)
    assert is_ply(data)
    found = decode_elements(data, "a.ply")
    assert list(found) == ["vertex"]
    assert list(found["vertex"]) == ["b", "a"]
    for name, values in given.items():
        assert found["vertex"][name].dtype == np.float32
        np.testing.assert_array_equal(found["vertex"][name], values)
