# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of torch.save: which values are arrays, how deep they may lie, and what may not be in them.
Hostile files are in test_trackers."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.motion import torch_file
from affekt.sidecar.motion.torch_file import decode_torch, is_torch


def saved(content: object) -> bytes:
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def decoded(content: object) -> object:
    return decode_torch(saved(content), "a.pt")


def refused(data: bytes) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        decode_torch(data, "a.pt")
    return caught.value.code, caught.value.message


TABLE = np.arange(6.0).reshape(2, 3)


def test_every_kind_of_value() -> None:
    """Of numpy and of torch; what is no number is left out, what is nothing is empty."""
    content = {
        "tensor": torch.arange(6).reshape(2, 3),
        "half": torch.tensor([0.5, 1.5], dtype=torch.bfloat16),
        "seen": torch.ones(2, dtype=torch.float32, requires_grad=True),
        "numpy": TABLE.astype("f4"),
        "turned": np.asfortranarray(TABLE),
        "other end": TABLE.astype(">f8"),
        "bytes": np.array([1, 2], "u1"),
        "flags": np.array([True, False]),
        "scalar": np.float64(0.25),
        "whole": np.int64(-7),
        "plain": 3,
        "text": "x",
        "list": [1, 2],
        "none": None,
        "empty": {},
        7: 0.5,
    }
    found = decoded(content)
    assert isinstance(found, dict)
    assert sorted(found) == sorted(map(str, content.keys() - {"text", "list"}))
    for name in ("tensor", "numpy", "turned", "other end"):
        np.testing.assert_array_equal(found[name], TABLE)
    wanted = {"half": [0.5, 1.5], "seen": [1, 1], "bytes": [1, 2], "flags": [True, False]}
    wanted |= {"scalar": 0.25, "whole": -7.0, "plain": 3.0, "none": [], "empty": [], "7": 0.5}
    for name, value in wanted.items():
        assert found[name].tolist() == value, name
    assert found["half"].dtype == np.float32
    assert found["tensor"].dtype == np.int64


def test_an_array_may_be_all_there_is() -> None:
    for content in (torch.tensor(TABLE), TABLE):
        np.testing.assert_array_equal(decoded(content), TABLE)


def test_dictionaries_in_dictionaries_and_lists() -> None:
    """Three of them within each other; what lies deeper is left out."""
    deep = {"a": {"b": {"c": torch.ones(1), "d": {"e": torch.ones(1)}}}}
    found = decoded(deep)
    assert found == {"a": {"b": {"c": np.ones(1)}}}
    listed = decoded([{"x": torch.ones(1)}, None, {"y": torch.zeros(2)}])
    assert isinstance(listed, dict)
    assert sorted(listed) == ["0", "1", "2"]
    assert list(listed["2"]) == ["y"]
    for content in ([1, 2], [torch.ones(2)], "x", None):
        assert refused(saved(content)) == ("file.wrong_kind", "a.pt holds no named arrays.")


@pytest.mark.parametrize(
    "array",
    [
        np.array([1j]),
        np.array(["x"]),
        np.array([1], "i2"),
        np.zeros((1, 1, 1, 1, 2)),
        np.array([{}]),
    ],
)
def test_arrays_that_no_take_has_are_refused(array: np.ndarray) -> None:
    code, message = refused(saved({"exp": array}))
    assert code == "file.pickled"
    assert message == (
        "a.pt is damaged or holds more than plain arrays, which could run code here."
    )


def test_what_a_pickle_may_not_say_of_an_array() -> None:
    """Another class, a shape that is not that of the bytes, a structured type."""
    number = torch_file._Number("f4")
    assert number.dtype == np.dtype("<f4")
    with pytest.raises(ValueError, match="O8"):
        torch_file._Number("O8")
    for order, *more in (("x", None, None, None), ("<", "x", None, None), ("<", None, None, {})):
        with pytest.raises(ValueError):  # noqa: PT011 - which of them does not matter
            torch_file._Number("f4").__setstate__((3, order, *more))
    number.__setstate__((3, ">", None, None, None, -1, -1, 0))
    assert number.dtype == np.dtype(">f4")
    with pytest.raises(ValueError):  # noqa: PT011
        torch_file._make_array(dict, (0,), b"b")
    array, content = torch_file._make_array(torch_file._Array), bytes(8)
    for shape in ((3,), (-1, -2), (1, 1, 1, 1, 2)):
        with pytest.raises(ValueError):  # noqa: PT011
            array.__setstate__((1, shape, torch_file._Number("f4"), False, content))
    array.__setstate__((1, (1, 1, 1, 2), torch_file._Number("f4"), False, content))
    assert array.values.shape == (1, 1, 1, 2)


def test_how_large_a_file_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, unpacked, or as a tensor that repeats a few numbers."""
    whole = saved({"exp": torch.zeros(4)})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    most = max(len(whole), unpacked)
    monkeypatch.setattr(limits, "MAX_TORCH_BYTES", most)
    assert isinstance(decode_torch(whole, "a.pt"), dict)
    monkeypatch.setattr(limits, "MAX_TORCH_BYTES", most - 1)
    assert refused(whole)[0] == "file.too_large"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(5 << 20))
    monkeypatch.setattr(limits, "MAX_TORCH_BYTES", 3 << 20)
    assert refused(packed.getvalue()) == (
        "file.too_large",
        "a.pt unpacks to 5 MiB; takes saved by torch have at most 3 MiB.",
    )
    endless = saved({"exp": torch.zeros(1).expand(1 << 20, 4)})
    assert refused(endless)[0] == "file.damaged"


def test_what_is_no_archive_is_damaged() -> None:
    assert refused(b"PK no zip")[0] == "file.damaged"
    assert is_torch(["a/version", "a/data.pkl"])
    for members in (["data.pkl"], ["a/data.pkl.bak"], []):
        assert not is_torch(members)
