# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays in numpy's files: what is read, in which order, and where each limit ends."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.motion import npz
from affekt.sidecar.motion.npz import FRAMES

TABLE = np.arange(6, dtype="f4").reshape(2, 3)


def npy(values: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, values, version, allow_pickle=True)
    return out.getvalue()


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def said(call: object, *arguments: object) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code, caught.value.message


DAMAGED = "file.damaged", "a.npz is damaged: its archive is cut off or its content was changed."


@pytest.mark.parametrize("kind", ["u1", "<i2", ">i4", "<i8", "<f2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_keeps_its_type_and_its_order(
    kind: str, order: str, version: tuple[int, int]
) -> None:
    values = np.asarray(TABLE.astype(kind), order=order)  # type: ignore[call-overload]
    found = npz.decode_npy(npy(values, version), "a.npy")
    assert found.dtype == np.dtype(kind)
    np.testing.assert_array_equal(found, TABLE)


def test_only_what_is_wanted_is_read() -> None:
    """By the name of its member, with or without an ending; the others may be anything."""
    data = zip_of({"b.npy": npy(TABLE), "c": npy(TABLE[0]), "more.npy": b"no array", "d/": b""})
    found = npz.decode_npz(data, "a.npz", {"b": (FRAMES, 3), "c": (3,), "gone": None})
    assert sorted(found) == ["b", "c"]
    np.testing.assert_array_equal(found["b"], TABLE)
    assert npz.member_names(data, "a.npz") == ["b.npy", "c", "more.npy", "d/"]


def test_as_many_members_as_an_archive_may_have() -> None:
    members = {f"{number}.npy": npy(TABLE) for number in range(64)}
    assert len(npz.decode_npz(zip_of(members), "a.npz", {"63": None})) == 1
    more = zip_of({**members, "64.npy": b""})
    assert said(npz.decode_npz, more, "a.npz", {"63": None}) == DAMAGED
    many = zip_of({f"{number}": b"" for number in range(6401)}, zipfile.ZIP_STORED)
    assert len(npz.member_names(many, "a.npz")) == 6400


@pytest.mark.parametrize(
    ("shape", "wanted", "message"),
    [
        ((2, 3), (FRAMES, 4), "In a.npz, b has the shape (2, 3), not (frames, 4)."),
        ((2, 3), (3, FRAMES), "In a.npz, b has the shape (2, 3), not (3, frames)."),
        ((2, 3), (2,), "In a.npz, b has the shape (2, 3), not (2)."),
        ((6,), (2, 3), "In a.npz, b has the shape (6,), not (2, 3)."),
        ((3, 2, 1), (FRAMES, 2), "In a.npz, b has the shape (3, 2, 1), not (frames, 2)."),
    ],
)
def test_a_shape_that_is_not_the_wanted_one(
    shape: tuple[int, ...], wanted: tuple[int, ...], message: str
) -> None:
    data = zip_of({"b.npy": npy(np.zeros(shape))})
    assert said(npz.decode_npz, data, "a.npz", {"b": wanted}) == ("motion.shape", message)


def test_as_many_frames_as_a_take_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the frames are counted; in what is no frame there may be more."""
    monkeypatch.setattr(limits, "MAX_FRAMES", 4)
    for shape, wanted in (((4, 9), (FRAMES, 9)), ((9, 4), (9, FRAMES)), ((9,), (9,))):
        data = zip_of({"b.npy": npy(np.zeros(shape))})
        assert npz.decode_npz(data, "a.npz", {"b": wanted})["b"].shape == shape
    for shape, wanted in (((5, 9), (FRAMES, 9)), ((9, 5), (9, FRAMES))):
        data = zip_of({"b.npy": npy(np.zeros(shape))})
        assert said(npz.decode_npz, data, "a.npz", {"b": wanted}) == (
            "motion.too_long",
            "The take in a.npz has 5 frames; 4 are allowed.",
        )


def test_the_ends_of_what_a_take_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four axes, something in it, and so many bytes, where no shape is wanted."""
    monkeypatch.setattr(npz, "_MAX_LOOSE_BYTES", 48)
    for good in ((1, 1, 2, 3), (6,), ()):
        assert npz.decode_npy(npy(np.zeros(good)), "a.npy").shape == good
    for bad in ((1, 1, 1, 1, 2), (0, 3), (7,)):
        assert said(npz.decode_npy, npy(np.zeros(bad)), "a.npy") == (
            "motion.shape",
            f"In a.npy, the array has the shape {bad}, which no take has.",
        )


def test_texts_of_64_letters_and_nothing_else_than_numbers() -> None:
    for length in (1, 64):
        text = np.array("x" * length)
        assert str(npz.decode_npy(npy(text), "a.npy")) == "x" * length
    for values, kind in (
        (np.array("x" * 65), "<U65"),
        (np.array([True]), "bool"),
        (np.array([1j]), "complex128"),
        (np.array(b"x"), "|S1"),
        (np.array([None]), "object"),
    ):
        assert said(npz.decode_npy, npy(values), "a.npy") == (
            "file.wrong_kind",
            f"In a.npy, the array holds values of the type {kind}, not numbers.",
        )


def test_which_files_hold_objects() -> None:
    assert npz.holds_objects(npy(np.array([{}])), "a.npy")
    assert not npz.holds_objects(npy(TABLE), "a.npy")
    damaged = "file.damaged", DAMAGED[1].replace("a.npz", "a.npy")
    for data in (b"\x93NUMPY no", b"\x93NUM", b"", npy(TABLE)[:20]):
        assert said(npz.holds_objects, data, "a.npy") == damaged


def test_what_is_cut_off_or_goes_on_is_damaged() -> None:
    whole = npy(TABLE)
    damaged = "file.damaged", DAMAGED[1].replace("a.npz", "a.npy")
    for data in (whole[:-1], whole + b"x", whole[:20], b"", npy(TABLE, (3, 0)), b"PK" + whole):
        assert said(npz.decode_npy, data, "a.npy") == damaged
        assert said(npz.decode_npz, zip_of({"b.npy": data}), "a.npz", {"b": None}) == DAMAGED
    archive = bytearray(zip_of({"b.npy": whole}, zipfile.ZIP_STORED))
    place = archive.index(TABLE.tobytes())
    archive[place] ^= 1  # which only the archive's checksum tells
    assert said(npz.decode_npz, bytes(archive), "a.npz", {"b": None}) == DAMAGED
    for read in (npz.member_names, lambda data, name: npz.decode_npz(data, name, {})):
        assert said(read, b"PK no zip", "a.npz") == DAMAGED


WANTED = {"one": (3,), "two": (FRAMES, 2), "name": ()}
COMPLETE = {"one": np.zeros(3), "two": np.zeros((4, 2)), "name": np.array("face")}


def complete(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    arrays = {key: value for key, value in {**COMPLETE, **changes}.items() if value is not None}
    data = zip_of({f"{key}.npy": npy(value) for key, value in arrays.items()})
    return npz.decode_complete(data, "a.npz", "head file", WANTED, {"more": (2,)}, {"name"})


def test_a_file_with_all_that_is_wanted() -> None:
    assert sorted(complete()) == ["name", "one", "two"]
    assert sorted(complete(more=np.ones(2), other=np.ones(9))) == ["more", "name", "one", "two"]


def test_a_file_that_lacks_something_or_mixes_it_up() -> None:
    assert said(lambda: complete(two=None, name=None)) == (
        "file.wrong_kind",
        "a.npz is not the head file that is needed: it has no two, name.",
    )
    wanted = dict.fromkeys("abcdef")
    assert said(npz.decode_complete, zip_of({}), "a.npz", "head file", wanted, {}, ())[1] == (
        "a.npz is not the head file that is needed: it has no a, b, c, d."
    )
    mixed = "file.wrong_kind", "a.npz mixes up text and numbers."
    assert said(lambda: complete(name=np.array(3.0))) == mixed
    assert said(lambda: complete(more=np.array(["a", "b"]))) == mixed
    assert said(lambda: complete(more=np.zeros(3)))[0] == "motion.shape"


def test_what_single_precision_cannot_hold_is_endless() -> None:
    found = npz.to_float32(np.array([[1e300, -1e39], [0.1, np.nan]], order="F"))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.array([[np.inf, -np.inf], [0.1, np.nan]], "f4"))
