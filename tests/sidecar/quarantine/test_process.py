# SPDX-License-Identifier: GPL-3.0-or-later
"""The side that asks: what the reader in the other process is told, and what its answers mean."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.quarantine import process
from affekt.sidecar.quarantine.process import (
    Purpose,
    Quarantine,
    read_arrays,
    read_tree,
    read_trees,
)
from safetensors.numpy import save

TAKE = Purpose(what="take", origin="ask who made it", instead="Give a take.")
ECHO = """
import json, os, sys
import numpy as np
from safetensors.numpy import save
told = {
    "arguments": sys.argv[1:],
    "data": sys.stdin.buffer.read().decode(),
    "threads": [os.environ.get(f"{n}_NUM_THREADS") for n in ("OMP", "OPENBLAS", "MKL")],
    "own": os.environ.get("AFFEKT_OWN"),
}
text = np.frombuffer(json.dumps(told).encode(), np.uint8)
sys.stdout.buffer.write(b"ok\\n" + save({"told": text}))
"""


def program(code: str, **limited: float) -> Quarantine:
    return Quarantine(command=(sys.executable, "-c", code), **limited)  # type: ignore[arg-type]


def told(kind: str, *wanted: str, **limited: float) -> dict[str, object]:
    """What an obedient reader was told."""
    asked = program(ECHO, **limited)
    if wanted:
        found = read_tree(kind, b"the file", "a.pkl", TAKE, wanted, asked)
        assert isinstance(found, dict)
        text = found["told"]
    else:
        text = read_arrays(kind, b"the file", "a.pkl", TAKE, asked)["told"]
    assert isinstance(text, np.ndarray)
    return json.loads(text.tobytes())


def answering(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> list[tuple[object, ...]]:
    """Every question gets this answer; the questions."""
    asked: list[tuple[object, ...]] = []

    def ask(*question: object) -> bytes:
        asked.append(question)
        return answer

    monkeypatch.setattr(process, "_ask", ask)
    return asked


def test_the_reader_is_told_its_kind_its_limits_and_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole seconds, at least one; it has one thread, and else the environment of ours."""
    monkeypatch.setenv("AFFEKT_OWN", "mine")
    monkeypatch.setenv("MKL_NUM_THREADS", "8")
    plain = told("npz", memory_bytes=12345 << 20, seconds=30.9)
    assert plain == {
        "arguments": ["npz", str(12345 << 20), "30"],
        "data": "the file",
        "threads": ["1", "1", "1"],
        "own": "mine",
    }
    wanted = told("mat", "pose", "exp", seconds=20.0)
    assert wanted["arguments"] == ["mat", str(limits.QUARANTINE_BYTES), "20", '["exp", "pose"]']
    assert os.environ["MKL_NUM_THREADS"] == "8"


def test_the_limits_that_hold_unless_others_are_given() -> None:
    plain = Quarantine()
    assert plain.command[0] == sys.executable
    assert plain.command[1] == "-P"
    assert plain.command[2].endswith("child.py")
    assert plain.memory_bytes == limits.QUARANTINE_BYTES
    assert plain.seconds == limits.QUARANTINE_SECONDS
    assert plain.answer_bytes == limits.MAX_FLAME_BYTES


@pytest.mark.parametrize(
    ("answer", "code", "message", "remedy"),
    [
        (
            b"no file.damaged\nit ends early",
            "file.damaged",
            "a.pkl is damaged: it ends early.",
            "Download or export it again.",
        ),
        (
            b"no file.wrong_kind\nit holds a song",
            "file.wrong_kind",
            "a.pkl is no take: it holds a song.",
            "Give a take.",
        ),
        (
            b"no file.unsafe\nit calls 'os.system'",
            "file.unsafe",
            "a.pkl was not read: it calls 'os.system'.",
            "Do not open it with other tools either; ask who made it.",
        ),
        (
            b"no file.missing\nwhat",
            "file.unsafe",
            "a.pkl was not read: reading it ended the process that read it.",
            "Do not open it with other tools either; ask who made it.",
        ),
        (
            b"",
            "file.unsafe",
            "a.pkl was not read: reading it ended the process that read it.",
            "Do not open it with other tools either; ask who made it.",
        ),
        (
            b"ok\nno tensors",
            "file.unsafe",
            "a.pkl was not read: its reader answered nonsense.",
            "Do not open it with other tools either; ask who made it.",
        ),
    ],
)
def test_each_answer_that_is_no_file(
    answer: bytes, code: str, message: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, answer)
    with pytest.raises(InputError) as caught:
        read_arrays("pickle", b"", "a.pkl", TAKE)
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.remedy == remedy


def test_of_a_long_reason_the_beginning_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a stranger's: 300 bytes at most, and no nonsense of its letters."""
    answering(monkeypatch, b"no file.damaged\n" + b"x" * 299 + b"\xff" + b"y" * 50)
    with pytest.raises(InputError) as caught:
        read_arrays("pickle", b"", "a.pkl", TAKE)
    assert caught.value.message == f"a.pkl is damaged: {'x' * 299}\ufffd."


def test_paths_become_dictionaries_in_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = (np.full(size, size, np.float32) for size in (1, 2, 3))
    leaves = {"a": one, "b\x1fc\x1fd": two, "b\x1fe": three}
    answering(monkeypatch, b"ok\n" + save(leaves))
    tree = read_tree("npz", b"", "a.npz", TAKE, ("a",))
    assert isinstance(tree, dict)
    assert list(tree) == ["a", "b"]
    inner = tree["b"]
    assert isinstance(inner, dict)
    assert list(inner) == ["c", "e"]
    assert inner["e"].tolist() == [3, 3, 3]  # type: ignore[union-attr]
    assert inner["c"]["d"].tolist() == [2, 2]  # type: ignore[index, union-attr]
    answering(monkeypatch, b"ok\n" + save({"": two}))
    alone = read_tree("npy", b"", "a.npy", TAKE, ("a",))
    assert isinstance(alone, np.ndarray)
    assert alone.tolist() == [2, 2]


def test_an_array_that_has_arrays_in_it_is_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = {"a": np.zeros(1, np.float32), "a\x1fb": np.zeros(1, np.float32)}
    answering(monkeypatch, b"ok\n" + save(leaves))
    with pytest.raises(InputError) as caught:
        read_tree("npz", b"", "a.npz", TAKE, ("a",))
    assert caught.value.code == "file.unsafe"
    assert caught.value.message == "a.npz was not read: its reader answered nonsense."


def test_many_files_come_back_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve of them: the tenth is not the second, whatever comes first by name."""
    leaves = {f"{n}\x1fexp": np.full(1, n, np.float32) for n in reversed(range(12))}
    asked = answering(monkeypatch, b"ok\n" + save(leaves))
    files = [f"file {number}".encode() for number in range(12)]
    found = read_trees("mat", files, "clip", TAKE, ("pose", "exp"))
    values = [tree["exp"].tolist() for tree in found]  # type: ignore[index, union-attr]
    assert values == [[number] for number in range(12)]
    ((question, data, name, purpose, _),) = asked
    assert (question, name, purpose) == (("many", '["exp", "pose"]'), "clip", TAKE)
    assert isinstance(data, bytes)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert {n: packed.read(n) for n in packed.namelist()} == {
            f"mat-{number}": file for number, file in enumerate(files)
        }
    for fewer in (leaves.keys() - {"3\x1fexp"}, leaves.keys() | {"12\x1fexp"}, {""}):
        some = {path: np.zeros(1, np.float32) for path in fewer}
        answering(monkeypatch, b"ok\n" + save(some))
        with pytest.raises(InputError) as caught:
            read_trees("mat", files, "clip", TAKE, ("exp",))
        assert caught.value.code == "file.wrong_kind"
        assert caught.value.message == "clip is no take: not every file of it holds a take."


SAYS = """
import sys
size = int(sys.argv[1].split("-")[1])
sys.stdout.buffer.write(b"ok\\n" + b"x" * (size - 3))
"""


@pytest.mark.parametrize(
    ("size", "said"),
    [(2000, "its reader answered nonsense"), (2001, "it unpacks to more than it may")],
)
def test_how_long_an_answer_may_be(size: int, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_arrays(f"npz-{size}", b"", "a.npz", TAKE, program(SAYS, answer_bytes=2000))
    assert caught.value.message == f"a.npz was not read: {said}."


def test_a_reader_that_does_not_listen_is_heard() -> None:
    """It answers before it has read the file, of which a pipe holds the beginning alone."""
    answer = "import sys; sys.stdout.buffer.write(b'no file.damaged\\nenough')"
    with pytest.raises(InputError) as caught:
        read_arrays("npz", bytes(1 << 20), "a.npz", TAKE, program(answer))
    assert caught.value.message == "a.npz is damaged: enough."
