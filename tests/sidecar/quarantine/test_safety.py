# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile FLAME files: nothing in them runs, and they cost neither memory nor time.

Each attack has a control arm that shows it working on a plain unpickler, in a process that is
thrown away.
"""

import io
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import hypothesis.extra.numpy
import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.head.flame.model import FLAME_FILE
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.quarantine import child
from affekt.sidecar.quarantine.process import Quarantine, read_arrays
from fakes import attacks, flame
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

GOOD = flame.LAYOUTS["python2 chumpy"](flame.flame_arrays(20))
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds memory and time")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "cache"))


def fires(data: bytes, read: str, marker: Path) -> bool:
    """Whether a plain reader of this kind runs what is in the data."""
    code = f"import io, pickle, sys; import numpy as np\n{read}"
    subprocess.run(
        [sys.executable, "-c", code],
        input=data,
        cwd=marker.parent,
        capture_output=True,
        timeout=60,
        check=False,
    )
    fired = marker.exists()
    marker.unlink(missing_ok=True)
    return fired


PLAIN_PICKLE = "pickle.loads(sys.stdin.buffer.read(), encoding='latin1')"
PLAIN_NUMPY = """
found = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=True)
[found[key] for key in getattr(found, 'files', ())]
"""


def refused(path: Path, code: str) -> None:
    for read in (lambda: read_flame(path, space="flame2020"), lambda: read_head(str(path))):
        with pytest.raises(InputError) as caught:
            read()
        assert caught.value.code == code, caught.value


@pytest.mark.parametrize("attack", list(attacks.PICKLES))
def test_pickles_that_run_something(attack: str, tmp_path: Path) -> None:
    marker = tmp_path / "fired"
    data = attacks.PICKLES[attack](marker)
    assert fires(data, PLAIN_PICKLE, marker), "the attack itself is broken"
    (tmp_path / "flame.pkl").write_bytes(data)
    refused(tmp_path / "flame.pkl", "file.unsafe")
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_pickles_in_numpy_files(kind: str, tmp_path: Path) -> None:
    marker = tmp_path / "fired"
    data = getattr(attacks, kind)(marker)
    assert fires(data, PLAIN_NUMPY, marker), "the attack itself is broken"
    (tmp_path / "flame.npz").write_bytes(data)
    refused(tmp_path / "flame.npz", "file.unsafe")
    assert not marker.exists()


def test_a_hostile_landmark_file(tmp_path: Path) -> None:
    marker = tmp_path / "fired"
    (tmp_path / "flame.pkl").write_bytes(GOOD)
    (tmp_path / "landmarks.npy").write_bytes(attacks.npy(marker))
    with pytest.raises(InputError) as caught:
        read_flame(tmp_path / "flame.pkl", tmp_path / "landmarks.npy", "flame2020")
    assert caught.value.code == "file.unsafe"
    assert not marker.exists()


def test_the_error_names_what_was_wanted(tmp_path: Path) -> None:
    data = attacks.system(tmp_path / "fired")
    with pytest.raises(InputError, match=r"flame\.pkl was not read: .*'os\.system'"):
        read_arrays("pickle", data, "flame.pkl", FLAME_FILE)


# --- the allow list, in this process: nothing that is read can run ------------------------------

NAMES = (
    "os system",
    "builtins getattr",
    "builtins eval",
    "builtins type",
    "numpy load",
    "numpy ndarray.tofile",
    "numpy.core.multiarray _reconstruct.__globals__",
    "numpy.testing runstring",
    "numpy.core.multiarray fromfile",
    "_codecs open",
    "copyreg add_extension",
    "chumpy.ch Ch.x",
    "chumpy.utils wget",
    "chumpy.ch.os system",
    "scipy.sparse load_npz",
    "builtins bytes.fromhex",
    "_codecs encode\n",
    "a.numpy ndarray",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_refused(name: str) -> None:
    module, _, attribute = name.partition(" ")
    data = b"\x80\x04" + attacks._text(module) + attacks._text(attribute) + b"\x93."
    with pytest.raises(child.Refused) as caught:
        child.unpickle(data)
    assert caught.value.code == "file.unsafe"


def test_allowed_names_are_only_records() -> None:
    """None of the allowed names brings the thing itself."""
    content = child.unpickle(GOOD)
    assert isinstance(content, dict)
    held = [v for v in content.values() if not isinstance(v, str)]
    assert held
    assert all(type(type(value)) is child._Sealed for value in held)
    assert isinstance(child.unpickle(b"c_codecs\nencode\n."), type(child.Held))
    assert type(child.unpickle(b"c__builtin__\nbytes\n(tR.")) is not bytes


numbers = hypothesis.extra.numpy.arrays(
    st.sampled_from(["<f2", "<f4", ">f4", "<f8", ">f8", "i1", "<i2", ">i4", "<i8", "u1", "<u4"]),
    hypothesis.extra.numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    elements={"min_value": 0, "max_value": 100},
)


@given(numbers, st.integers(0, 5), st.sampled_from("CF"))
def test_every_array_comes_back(values: np.ndarray, protocol: int, order: str) -> None:
    """Whatever its type, shape and order, through whichever protocol."""
    data = pickle.dumps({"x": values.copy(order=order), "y": values[..., None][..., 0]}, protocol)
    found = load(child.convert("pickle", data))
    expected = values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
    assert np.array_equal(found["x"], expected)
    assert np.array_equal(found["y"], expected)
    assert found["x"].dtype == expected.dtype


TRICKS = {
    "a class gets a state": b"\x80\x02cnumpy\ndtype\n}V__setstate__\ncnumpy\nndarray\nsb.",
    "a class gets attributes": b"\x80\x02cnumpy\ndtype\nN}Vname\nVother\ns\x86b.",
    "append to a record": b"\x80\x02cnumpy\ndtype\n(tRI1\na.",
    "set items of a record": b"\x80\x02cnumpy\ndtype\n(tRI1\nI2\ns.",
    "call a record": b"\x80\x02cnumpy\ndtype\n(tR(tR.",
    "persistent": b"\x80\x02Vid\nQ.",
    "extension": b"\x80\x02\x82\x01.",
    "an empty stack": b"\x80\x02.",
    "no end": b"\x80\x02}",
    "unknown protocol": b"\x80\x63}.",
    "bytes that are not there": b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"x.",
    "huge frame": b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"}.",
    "endless number": b"I" + b"9" * 1_000_000 + b"\n.",
}


@pytest.mark.parametrize("trick", list(TRICKS))
def test_tricks_with_records(trick: str) -> None:
    with pytest.raises((child.Refused, MemoryError)):
        child.convert("pickle", TRICKS[trick])
    assert child.Held.name == ""


def held(name: str, *arguments: object, state: object = None) -> child.Held:
    made = child._Sealed(name, (child.Held,), {"__slots__": (), "name": name})(*arguments)
    made.__setstate__(state)
    return made


FLOAT = held("dtype", "f8", False, True, state=(3, "<", None, None, None, -1, -1, 0))


def array(shape: object, data: object, dtype: object = FLOAT) -> child.Held:
    return held("_reconstruct", state=(1, shape, dtype, False, data))


def sparse(shape: object, **parts: object) -> child.Held:
    state = {
        "_shape": shape,
        "data": np.ones(1),
        "indices": np.zeros(1, int),
        "indptr": np.array([0, 1, 1, 1, 1, 1]),
        **parts,
    }
    return held("csr_matrix", state=state)


CONTRADICTIONS = {
    "shape bomb": (array((10**9,), b"\0" * 8), "file.unsafe"),
    "shape of shapes": (array((2**40, 2**40, 2**40, 2**40), b""), "file.unsafe"),
    "too short": (array((3, 3), b"\0" * 8), "file.damaged"),
    "negative": (array((-1, 3), b"\0" * 8), "file.damaged"),
    "many axes": (array((1,) * 40, b"\0" * 8), "file.damaged"),
    "no shape": (array("wide", b"\0" * 8), "file.damaged"),
    "shape of flags": (array((True,), b"\0" * 8), "file.damaged"),
    "sparse bomb": (sparse((5, 10**9)), "file.unsafe"),
    "sparse outside": (sparse((5, 20), indices=np.array([20])), "file.damaged"),
    "sparse before": (sparse((5, 20), indices=np.array([-1])), "file.damaged"),
    "sparse backwards": (sparse((5, 20), indptr=np.array([0, 1, 0, 1, 1, 1])), "file.damaged"),
    "sparse short": (sparse((5, 20), indptr=np.array([0, 1])), "file.damaged"),
    "sparse line": (sparse((20,)), "file.damaged"),
    "selection": (held("Select", state={"a": np.zeros(3), "idxs": np.array([3])}), "file.damaged"),
    "selection before": (
        held("Select", state={"a": np.zeros(3), "idxs": np.array([2, -1])}),
        "file.damaged",
    ),
    "reshape": (held("Reshape", state={"a": np.zeros(3), "newshape": (4,)}), "file.damaged"),
    "reshape bomb": (
        held("Reshape", state={"a": np.zeros(3), "newshape": (10**9,)}),
        "file.unsafe",
    ),
    "axes": (held("Transpose", state={"a": np.zeros(3), "axes": (5,)}), "file.damaged"),
    "short call": (held("scalar"), "file.damaged"),
    "short call of old": (held("_reconstructor"), "file.damaged"),
}


@pytest.mark.parametrize("kind", list(CONTRADICTIONS))
def test_arrays_that_contradict_themselves(kind: str) -> None:
    value, code = CONTRADICTIONS[kind]
    with pytest.raises(child.Refused) as caught:
        child._numbers_or_refused(value)
    assert caught.value.code == code


def test_an_npz_of_python_2() -> None:
    """Its headers hold long integers, which numpy parses with help and a warning: neither may
    look like an attack to the second wall."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (5L, 3L), }\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("v_template.npy", member + np.arange(15.0).tobytes())
    found = read_arrays("npz", out.getvalue(), "flame.npz", FLAME_FILE)["v_template"]
    assert np.array_equal(found, np.arange(15.0).reshape(5, 3))


def test_what_is_no_number_is_left_out() -> None:
    objects = held("dtype", "O8", False, True)
    fields = held("dtype", "V8", False, True)
    left_out = (
        array((1,), [None], objects),
        array((1,), b"\0" * 8, fields),
        array((1,), None),
        array((1,), b"\0" * 8, None),
        held("Ch"),
        held("Ch", state={"x": "y"}),
        held("MatVecMult"),
        held("csc_matrix"),
        ["text"],
        [[1, 2]],
        {},
        None,
        "text",
        (1, None),
        b"bytes",
    )
    for value in left_out:
        assert child.numbers(value) is None, value


def test_no_end_of_depth() -> None:
    endless = held("Ch")
    endless.__setstate__({"x": endless})
    assert child.numbers(endless) is None
    loop: list[object] = []
    loop.append(loop)
    assert child.numbers(loop) is None
    deep = b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b"."
    with pytest.raises(InputError) as caught:
        read_arrays("pickle", deep, "flame.pkl", FLAME_FILE)
    assert caught.value.code == "file.wrong_kind"
    with pytest.raises(InputError) as caught:
        read_arrays("pickle", pickle.dumps(loop), "flame.pkl", FLAME_FILE)
    assert caught.value.code == "file.wrong_kind"


@pytest.mark.parametrize("layout", ["python2 chumpy", "protocol 0", "protocol 4", "npz"])
def test_truncated_anywhere(layout: str) -> None:
    data = flame.LAYOUTS[layout](flame.flame_arrays(8, 150))
    kind = "npz" if layout == "npz" else "pickle"
    child.convert(kind, data)
    for keep in [*range(0, 200, 7), *np.linspace(200, len(data) - 1, 40).astype(int)]:
        with pytest.raises(child.Refused) as caught:
            child.convert(kind, data[:keep])
        assert caught.value.code == "file.damaged"


CHANGE = """
import random, sys
sys.path.insert(0, sys.argv[1])
import child
data, draw, answers = sys.stdin.buffer.read(), random.Random(0), set()
child.limit_resources(2 << 30, 120)
for _ in range(400):
    changed = bytearray(data)
    changed[draw.randrange(min(len(data), 3000))] = draw.randrange(256)
    try:
        child.convert(sys.argv[2], bytes(changed))
        answers.add("ok")
    except child.Refused as refused:
        answers.add(refused.code)
    except MemoryError:
        answers.add("memory")
print(*sorted(answers))
"""


@linux
@pytest.mark.parametrize("layout", ["python2 chumpy", "protocol 4", "npz"])
def test_changed_anywhere(layout: str) -> None:
    """A changed byte gives arrays, which are checked later, or a refusal, never anything else.
    In a process with limits: some changes ask for gigabytes."""
    data = flame.LAYOUTS[layout](flame.flame_arrays(8, 150))
    arguments = [str(Path(child.__file__).parent), "npz" if layout == "npz" else "pickle"]
    done = subprocess.run(
        [sys.executable, "-c", CHANGE, *arguments],
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert {"ok", "file.damaged"} <= set(done.stdout.decode().split())


def test_truncated_files_end_in_a_sentence(tmp_path: Path) -> None:
    for keep in (1, 2, 100, len(GOOD) // 2, len(GOOD) - 1):
        (tmp_path / "flame.pkl").write_bytes(GOOD[:keep])
        refused(tmp_path / "flame.pkl", "file.damaged")
    data = save({"v_template": np.zeros((20, 3), np.float32)})
    (tmp_path / "flame.safetensors").write_bytes(data[:-1])
    with pytest.raises(InputError) as caught:
        read_flame(tmp_path / "flame.safetensors", space="flame2020")
    assert caught.value.code == "file.damaged"


# --- limits --------------------------------------------------------------------------------------


def answer_of(quarantine: Quarantine, kind: str = "pickle", data: bytes = GOOD) -> InputError:
    started = time.monotonic()
    with pytest.raises(InputError) as caught:
        read_arrays(kind, data, "flame.pkl", FLAME_FILE, quarantine)
    assert time.monotonic() - started < 20
    assert caught.value.code == "file.unsafe"
    return caught.value


def script(code: str, **limits: float) -> Quarantine:
    return Quarantine(command=(sys.executable, "-c", code), **limits)


@linux
def test_a_memory_bomb() -> None:
    """An index that makes the unpickler's memory grow to 4 GiB; a good file passes."""
    bomb = b"\x80\x02}r" + (2**28).to_bytes(4, "little") + b"."
    assert "memory" in answer_of(Quarantine(), data=bomb).message
    assert set(read_arrays("pickle", GOOD, "good", FLAME_FILE)) >= {"v_template", "weights"}


@linux
def test_too_little_memory_is_an_answer() -> None:
    code = answer_of(Quarantine(memory_bytes=300 * 2**20), data=pickle.dumps(b"x" * 2**28, 4)).code
    assert code == "file.unsafe"


@linux
def test_processor_time_ends() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(child.__file__).parent)!r}); import child\n"
        "child.limit_resources(2 ** 40, 1)\nwhile True: pass"
    )
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode != 0
    assert time.monotonic() - started < 20


def test_a_reader_that_never_answers() -> None:
    found = answer_of(script("import time; time.sleep(600)", seconds=0.5))
    assert "longer" in found.message


def test_a_reader_that_answers_and_stays() -> None:
    code = "import os, time; os.write(1, b'ok\\n'); os.close(1); time.sleep(600)"
    answer_of(script(code, seconds=0.5))


def test_a_reader_that_never_stops_talking() -> None:
    code = "import os\nwhile True: os.write(1, bytes(1 << 16))"
    answer_of(script(code, answer_bytes=1 << 20))


@pytest.mark.parametrize(
    "said", [b"", b"ok\n", b"ok\nnonsense", b"no\n", b"no file.else\nx", b"\xff"]
)
def test_a_reader_that_talks_nonsense(said: bytes) -> None:
    answer_of(script(f"import os; os.write(1, {said!r})"))


def test_a_reader_that_dies() -> None:
    answer_of(script("import os; os.abort()"))


def test_a_zip_that_unpacks_to_more_than_a_head() -> None:
    answer_of(Quarantine(), "npz", attacks.zip_that_lies(2**31))


def test_a_zip_that_lies() -> None:
    for size in (10, 10_000):
        with pytest.raises(child.Refused) as caught:
            child.convert("npz", attacks.zip_that_lies(size))
        assert caught.value.code == "file.damaged"


EFFECTS = {
    "open": "open({marker!r}, 'w')",
    "system": "import os; os.system('echo > ' + {marker!r})",
    "process": "import subprocess; subprocess.run(['touch', {marker!r}])",
    "exec": "exec('1')",
    "socket": "import socket; socket.socket()",
}


@pytest.mark.parametrize("effect", list(EFFECTS))
def test_the_second_wall_ends_the_process(effect: str, tmp_path: Path) -> None:
    """With the allow list broken, whatever would run still meets the audit hook."""
    marker = tmp_path / "fired"
    folder = str(Path(child.__file__).parent)
    does = EFFECTS[effect].format(marker=str(marker))
    for wall, expected in (("pass", 0), ("child.forbid_effects()", 3)):
        code = f"import sys; sys.path.insert(0, {folder!r}); import child\n{wall}\n{does}"
        done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
        assert done.returncode == expected, wall
        fired = marker.exists()
        marker.unlink(missing_ok=True)
        assert fired == (expected == 0 and effect in ("open", "system", "process"))


def test_records_of_arrays_by_hand() -> None:
    """Nothing about them symmetric: order, axes, and which numbers are picked."""
    six = np.arange(6.0).reshape(2, 3)
    columns = six.tobytes("F")
    big = held("dtype", "f8", False, True, state=(3, ">", None, None, None, -1, -1, 0))
    for record, wanted in (
        (held("_reconstruct", state=(1, (2, 3), FLOAT, True, columns)), six),
        (held("_reconstruct", state=(1, (2, 3), FLOAT, False, six.tobytes())), six),
        (held("_frombuffer", columns, FLOAT, (2, 3), "F"), six),
        (held("_frombuffer", six.tobytes(), FLOAT, (2, 3), "C"), six),
        (array((2, 3), six.astype(">f8").tobytes(), big), six),
        (held("scalar", FLOAT, np.float64(2.5).tobytes()), 2.5),
        (held("Ch", state={"x": six}), six),
        (held("Transpose", state={"a": six}), six.T),
        (held("Transpose", state={"a": six[None], "axes": (1, 2, 0)}), six[:, :, None]),
        (held("Reshape", state={"a": six, "newshape": (3, 2)}), six.reshape(3, 2)),
        (held("Select", state={"a": six, "idxs": np.array([5, 1])}), [5, 1]),
        (held("Select", state={"a": six, "idxs": [4, 0], "preferred_shape": (2, 1)}), [[4], [0]]),
        (sparse((5, 20), indices=np.array([7]), data=np.array([2.5])), at(5, 20, 0, 7)),
        (
            sparse((5, 20), indptr=np.array([0, 0, 0, 1, 1, 1]), data=np.array([2.5])),
            at(5, 20, 2, 0),
        ),
    ):
        found = child.numbers(record)
        assert found is not None
        np.testing.assert_array_equal(found, wanted)
    columnwise = sparse((20, 5), indices=np.array([7]), data=np.array([2.5]))
    made = child._Sealed("csc_matrix", (child.Held,), {"__slots__": (), "name": "csc_matrix"})()
    made.__setstate__(columnwise.state)
    np.testing.assert_array_equal(child.numbers(made), at(20, 5, 7, 0))


def at(lines: int, across: int, line: int, column: int) -> np.ndarray:
    out = np.zeros((lines, across))
    out[line, column] = 2.5
    return out


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ((64_000_000,), "file.damaged"),  # allowed, but not so many bytes are there
        ((64_000_001,), "file.unsafe"),
        ((8000, 8000), "file.damaged"),
        ((8000, 8001), "file.unsafe"),
        ((1, 1, 1, 1), "file.damaged"),
        ((0, 3), "file.damaged"),
    ],
)
def test_the_largest_array(shape: tuple[int, ...], code: str) -> None:
    with pytest.raises(child.Refused) as caught:
        child.numbers(array(shape, b"\0" * 16))
    assert caught.value.code == code


def test_arrays_within_arrays_up_to_eight() -> None:
    record: object = np.ones(2)
    for _ in range(8):
        record = held("Ch", state={"x": record})
    assert child.numbers(record) is not None
    assert child.numbers(held("Ch", state={"x": record})) is None


def test_up_to_64_arrays() -> None:
    def packed(count: int) -> bytes:
        out = io.BytesIO()
        np.savez(out, **{f"a{i}": np.full(1, i) for i in range(count)})
        return out.getvalue()

    assert len(load(child.convert("npz", packed(64)))) == 64
    with pytest.raises(child.Refused) as caught:
        child.convert("npz", packed(65))
    assert caught.value.code == "file.wrong_kind"
    many = {f"a{i}": np.full(1, i) for i in range(65)} | {"b" * 201: np.ones(1)}
    assert "a64" not in load(child.convert("pickle", pickle.dumps(many)))
    named = pickle.dumps({"a" * 200: np.ones(1), "b" * 201: np.ones(1)})
    assert list(load(child.convert("pickle", named))) == ["a" * 200]
    assert list(load(child.convert("pickle", pickle.dumps({7: 1.0, "a": 2.0})))) == ["a"]
