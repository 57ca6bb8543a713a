# SPDX-License-Identifier: GPL-3.0-or-later
"""Which takes only the quarantine reads, and what is refused before it is asked."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.motion import pickled
from affekt.sidecar.motion.formats import NAMES

ARRAYS = {"exp": np.zeros((1, 50)), "pose": np.zeros((1, 6))}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the quarantine is asked."""
    questions: list[tuple[object, ...]] = []
    monkeypatch.setattr(pickled, "read_tree", lambda *q: questions.append(q) or {})
    monkeypatch.setattr(pickled, "read_trees", lambda *q: questions.append(q) or [])
    return questions


def refused(call: object, *arguments: object) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code, caught.value.message


def npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([{}]), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        *((pickle.dumps(ARRAYS, protocol), "pickle") for protocol in range(6)),
        (pickle.dumps([1], 0), "pickle"),
        (pickle.dumps([1], 1), "pickle"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", "torch"),
        (b"\x80\x02\x8a\nl", "pickle"),
        (npy(), "npy"),
        (b"MATLAB 5.0 MAT-file", "mat"),
        (b"MATLAB 7.3 MAT-file", "mat"),
        (b"\x80\x06", None),
        (b"\x80\x01", None),
        (b"MATLAB 4", None),
        (b" " + pickle.dumps(ARRAYS), None),
        (b"", None),
    ],
)
def test_the_kind_is_told_by_the_beginning(data: bytes, kind: str | None) -> None:
    assert pickled.kind_of(data) == kind


def test_the_quarantine_is_asked_for_what_takes_have(asked: list[tuple[object, ...]]) -> None:
    assert pickled.read("mat", b"data", "a.mat") == {}
    assert asked == [("mat", b"data", "a.mat", pickled.TAKE, NAMES)]
    files = [("0.pkl", pickle.dumps(1)), ("1.pkl", pickle.dumps([2]))]
    assert pickled.read_all(files, "clip") == []
    assert asked[1] == ("pickle", [data for _, data in files], "clip", pickled.TAKE, NAMES)


def test_how_many_bytes_are_handed_over(
    asked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one file, and of all together."""
    one = pickle.dumps(b"x" * 40)
    monkeypatch.setattr(limits, "MAX_PICKLED_TAKE_BYTES", 2 * len(one))
    pickled.read("pickle", one + one, "a.pkl")
    pickled.read_all([("0.pkl", one), ("1.pkl", one)], "clip")
    assert len(asked) == 2
    code, message = refused(pickled.read, "pickle", one + one + b"x", "a.pkl")
    assert (code, message[:9]) == ("file.too_large", "a.pkl has")
    for files, name in (
        ([("0.pkl", one), ("1.pkl", one + b"x")], "clip has"),
        ([("0.pkl", one), ("1.pkl", one + one + b"x")], "1.pkl has"),
    ):
        code, message = refused(pickled.read_all, files, "clip")
        assert (code, message[: len(name)]) == ("file.too_large", name)
    assert len(asked) == 2


def test_what_is_refused_before_anything_is_read(asked: list[tuple[object, ...]]) -> None:
    good = ("0.pkl", pickle.dumps(1))
    newest = b"MATLAB 7.3 MAT-file"
    wrong = "a MATLAB file of version 7.3, which is not read."
    assert refused(pickled.read, "mat", newest, "a.mat") == ("file.wrong_kind", f"a.mat is {wrong}")
    assert refused(pickled.read_all, [("0.mat", newest)], "clip") == (
        "file.wrong_kind",
        f"0.mat is {wrong}",
    )
    code, message = refused(pickled.read_all, [good, ("1.pkl", POINTER)], "clip")
    assert code != "motion.mixed"
    assert message.startswith("1.pkl is ")
    for other in (b"{}", b"MATLAB 5.0", b""):
        assert refused(pickled.read_all, [good, ("1", other)], "clip") == (
            "motion.mixed",
            "The folder's files are of different kinds, so they are not one take.",
        )
    assert refused(pickled.read_all, [("0", b"{}"), ("1", b"[]")], "clip")[0] == "motion.mixed"
    assert asked == []
