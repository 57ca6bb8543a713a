# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes through the quarantine: arrays in nested dictionaries, and nothing that a file names runs.

The attacks' control arms are in `test_safety.py`: the same bytes fire in a plain unpickler.
"""

import collections
import contextlib
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.sidecar.motion.read import decode_motion
from affekt.sidecar.quarantine import child
from affekt.sidecar.quarantine.process import Purpose, read_tree, read_trees
from fakes import attacks
from fakes.mutation import mutated
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load
from scipy.io import savemat

TAKE = Purpose(what="take", origin="track it again", instead="Give a take.")
WANTED = frozenset(("exp", "pose", "fps"))
TENSORS = {
    "exp": torch.arange(60.0).reshape(5, 12)[:, ::2],
    "pose": torch.arange(12).reshape(2, 6).half(),
    "inner": collections.OrderedDict(exp=torch.nn.Parameter(torch.ones(2, 3))),
}


def leaves(kind: str, data: bytes) -> dict[str, np.ndarray]:
    """What the child answers, in this process."""
    return load(child.convert_tree(kind, data, WANTED))


def old_torch(content: object) -> bytes:
    """As torch wrote it before its zip."""
    out = io.BytesIO()
    torch.save(content, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def mat(arrays: dict, *, packed: bool = False) -> bytes:
    out = io.BytesIO()
    savemat(out, arrays, do_compression=packed)
    return out.getvalue()


def test_arrays_lie_under_their_paths_in_dictionaries_and_lists() -> None:
    content = {
        "clip_1": {"exp": np.arange(3.0), "other": np.ones(5), "name": "text"},
        7: [{"exp": [1, 2, 3]}, {"pose": [[1.0, 2.0], None, [3.0, 4.0]]}],
        "fps": 25,
    }
    tree = read_tree("pickle", pickle.dumps(content), "take.pkl", TAKE, WANTED)
    assert isinstance(tree, dict)
    assert tree.keys() == {"clip_1", "7", "fps"}
    np.testing.assert_array_equal(tree["clip_1"]["exp"], [0, 1, 2])
    assert tree["clip_1"].keys() == {"exp"}
    np.testing.assert_array_equal(tree["7"]["0"]["exp"], [1, 2, 3])
    np.testing.assert_array_equal(tree["7"]["1"]["pose"], [[1, 2], [np.nan, np.nan], [3, 4]])
    assert tree["fps"] == 25


@pytest.mark.parametrize("protocol", range(6))
def test_tensors_of_torch_in_a_pickle(protocol: int) -> None:
    found = leaves("pickle", pickle.dumps(TENSORS, protocol))
    np.testing.assert_array_equal(found["exp"], TENSORS["exp"].numpy())
    np.testing.assert_array_equal(found["pose"], TENSORS["pose"].numpy())
    np.testing.assert_array_equal(found[f"inner{child.SEPARATOR}exp"], np.ones((2, 3)))


def test_torch_before_its_zip() -> None:
    found = leaves("torch", old_torch(TENSORS))
    np.testing.assert_array_equal(found["exp"], TENSORS["exp"].numpy())
    alone = read_tree("torch", old_torch(torch.ones(4, 103)), "motion.pt", TAKE, WANTED)
    np.testing.assert_array_equal(alone, np.ones((4, 103)))


@pytest.mark.parametrize("packed", [False, True])
def test_matlab_files(packed: bool) -> None:
    exp = np.arange(6.0).reshape(2, 3)
    tree = read_tree("mat", mat({"exp": exp, "verts": exp}, packed=packed), "a.mat", TAKE, WANTED)
    assert isinstance(tree, dict)
    assert tree.keys() == {"exp"}
    np.testing.assert_array_equal(tree["exp"], exp)
    with pytest.raises(InputError, match="it holds verts, landmarks2d") as caught:
        read_tree("mat", mat({"verts": exp, "landmarks2d": exp}), "a.mat", TAKE, WANTED)
    assert caught.value.code == "file.wrong_kind"


def test_many_files_in_one_process() -> None:
    files = [pickle.dumps({"exp": np.full(2, i)}) for i in range(12)]
    trees = read_trees("pickle", files, "folder", TAKE, WANTED)
    assert [tree["exp"].tolist() for tree in trees if isinstance(tree, dict)] == [
        [i, i] for i in range(12)
    ]
    faceless = read_trees("pickle", [*files, pickle.dumps(None)], "folder", TAKE, WANTED)[-1]
    assert isinstance(faceless, np.ndarray)
    assert not faceless.size


@pytest.mark.parametrize("attack", list(attacks.PICKLES))
def test_no_attack_works_in_a_take(attack: str, tmp_path: Path) -> None:
    marker = tmp_path / "fired"
    data = attacks.PICKLES[attack](marker)
    with pytest.raises(child.Refused) as caught:
        leaves("pickle", data)
    assert caught.value.code == "file.unsafe"
    assert not marker.exists()


def test_a_hostile_take_is_refused_by_the_reader(tmp_path: Path) -> None:
    marker = tmp_path / "fired"
    for data in (attacks.evaluate(marker), attacks.npy(marker), old_torch_attack(marker)):
        with pytest.raises(InputError) as caught:
            decode_motion(data, "optim.pkl")
        assert caught.value.code == "file.unsafe"
        assert not marker.exists()


def old_torch_attack(marker: Path) -> bytes:
    """A call in place of the content, behind torch's magic number."""
    whole = old_torch({})
    at = whole.rindex(b"\x80\x02}")
    return whole[:at] + attacks.system(marker) + whole[at + 5 :]


def test_an_old_torch_file_that_calls_fires_in_a_plain_loader(tmp_path: Path) -> None:
    """The control arm of the one above."""
    marker = tmp_path / "fired"
    with contextlib.suppress(pickle.UnpicklingError):  # behind the call nothing is whole
        torch.load(io.BytesIO(old_torch_attack(marker)), weights_only=False)
    assert marker.exists()


def tensor(**changes: object) -> bytes:
    """The pickle of a tensor whose view is changed, as `_rebuild_tensor_v2` is called."""
    parts = {"offset": 0, "size": (3,), "stride": (1,), **changes}

    class View:
        def __reduce__(self) -> tuple:
            storage = torch.arange(3.0).storage()
            arguments = (storage, parts["offset"], parts["size"], parts["stride"], False, {})
            return torch._utils._rebuild_tensor_v2, arguments

    return pickle.dumps({"exp": View()})


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"offset": 1, "size": (2,)}, [1, 2]),
        ({"size": (2,), "stride": (2,)}, [0, 2]),
        ({"offset": 1, "size": (2, 2), "stride": (0, 1)}, [[1, 2], [1, 2]]),
    ],
)
def test_tensors_that_see_a_part_of_their_storage(changes: dict, seen: list) -> None:
    """As a slice of a tensor is saved: `code[:, 100:]` with the whole of `code` behind it."""
    assert leaves("pickle", tensor(**changes))["exp"].tolist() == seen


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"size": (4,)}, "file.damaged"),
        ({"offset": 1}, "file.damaged"),
        ({"offset": -1}, "file.damaged"),
        ({"stride": (2,)}, "file.damaged"),
        ({"stride": (-1,)}, "file.damaged"),
        ({"size": (10**12,), "stride": (0,)}, "file.unsafe"),
        ({"size": (10**9,), "stride": (0,)}, "file.unsafe"),
        ({"size": (3, 3)}, "file.damaged"),
        ({"size": "abc"}, "file.damaged"),
    ],
)
def test_tensors_that_look_beyond_their_storage(changes: dict, code: str) -> None:
    assert leaves("pickle", tensor())["exp"].tolist() == [0, 1, 2]
    with pytest.raises(child.Refused) as caught:
        leaves("pickle", tensor(**changes))
    assert caught.value.code == code


def test_values_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MOST_VISITS", 10_000)
    loop: list = []
    loop.extend([loop] * 200)
    endless: dict = {}
    endless |= {f"k{i}": endless for i in range(200)}
    for content in ({"exp": loop}, endless):
        with pytest.raises(child.Refused) as caught:
            leaves("pickle", pickle.dumps(content))
        assert caught.value.code == "file.unsafe"
    with pytest.raises(child.Refused) as caught:
        leaves("pickle", pickle.dumps({"exp": [[1, 2], [1]]}))
    assert caught.value.code == "file.wrong_kind"


def test_a_matrix_that_says_too_much_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MOST_ELEMENTS", 5)
    with pytest.raises(child.Refused) as caught:
        leaves("mat", mat({"exp": np.zeros((2, 3))}))
    assert caught.value.code == "file.unsafe"


WHOLE = {
    "pickle": pickle.dumps({"clip_0": {"exp": np.ones(3, "f4")}, "pose": [[1, 2], [3, 4]]}),
    "torch": old_torch({"exp": torch.ones(2, 3)}),
    "mat": mat({"exp": np.ones((2, 3))}),
}


@given(kind=st.sampled_from(["pickle", "torch"]), data=st.data())
@settings(max_examples=100)
def test_changed_files_give_arrays_or_a_refusal(kind: str, data: st.DataObject) -> None:
    content = mutated(data, WHOLE[kind])
    try:
        leaves(kind, content)
    except (child.Refused, MemoryError):
        return


def test_matlab_files_that_are_cut_off() -> None:
    for keep in (*range(0, 128, 16), 130, 140, 170, 179, 190, 230):
        with pytest.raises(child.Refused) as caught:
            leaves("mat", WHOLE["mat"][:keep])
        assert caught.value.code == "file.damaged"


def test_a_matlab_file_that_ends_its_reader_ends_no_more() -> None:
    """scipy reads beyond its buffer where the numbers are of a type that there is not; the same
    bytes in this process end it."""
    changed = bytearray(WHOLE["mat"])
    assert changed[176:184] == b"\x09\0\0\0\x30\0\0\0"
    changed[176] = 14
    with pytest.raises(InputError) as caught:
        read_tree("mat", bytes(changed), "a.mat", TAKE, WANTED)
    assert caught.value.code in ("file.unsafe", "file.damaged")


@pytest.mark.parametrize("write", [pickle.dumps, old_torch])
@pytest.mark.parametrize(
    ("kind", "values", "read_as"),
    [
        ("float32", [1.5, -2, 3], "f4"),
        ("float64", [1e300, -2, 3], "f8"),
        ("float16", [1.5, -2, 3], "f4"),
        ("int64", [2**40, -2, 3], "i8"),
        ("int32", [2**30, -2, 3], "i8"),
        ("int16", [300, -2, 3], "i8"),
        ("int8", [100, -2, 3], "i8"),
        ("uint8", [200, 2, 3], "i8"),
        ("bool", [True, False, True], "i8"),
    ],
)
def test_each_kind_of_tensor(write: object, kind: str, values: list, read_as: str) -> None:
    assert callable(write)
    data = write({"exp": torch.tensor(values, dtype=getattr(torch, kind))})
    found = leaves("torch" if write is old_torch else "pickle", data)["exp"]
    assert found.dtype == read_as
    assert found.tolist() == values


def inside(depth: int, leaf: object) -> object:
    return leaf if depth == 0 else {f"k{depth}": inside(depth - 1, leaf)}


def test_how_deep_a_take_may_lie() -> None:
    (path,) = leaves("pickle", pickle.dumps(inside(4, {"exp": np.ones(2)})))
    assert path.split(child.SEPARATOR) == ["k4", "k3", "k2", "k1", "exp"]
    with pytest.raises(child.Refused) as caught:
        leaves("pickle", pickle.dumps(inside(5, {"exp": np.ones(2)})))
    assert caught.value.code == "file.wrong_kind"


def test_names_that_cannot_be_told_apart_are_passed_over() -> None:
    long, longer = "a" * 200, "b" * 201
    one = {"exp": np.ones(2)}
    content = {long: one, longer: one, f"c{child.SEPARATOR}d": one, (1, 2): one, 7: one}
    found = leaves("pickle", pickle.dumps(content))
    assert sorted(name.split(child.SEPARATOR)[0] for name in found) == ["7", long]


def test_an_array_in_columns_is_not_turned_over() -> None:
    values = np.arange(6.0).reshape(2, 3)
    for order in ("C", "F"):
        out = io.BytesIO()
        np.save(out, np.asarray(values, order=order))
        assert leaves("npy", out.getvalue())[""].tolist() == values.tolist()
        wide = pickle.dumps({"exp": np.asarray(values, ">f8", order=order)}, 2)
        assert leaves("pickle", wide)["exp"].tolist() == values.tolist()


def test_what_is_in_a_file_without_a_take_is_named() -> None:
    names = [f"name{i}" for i in range(8)]
    with pytest.raises(child.Refused) as caught:
        leaves("pickle", pickle.dumps(dict.fromkeys(names, 1) | {"exp": []}))
    assert caught.value.code == "file.wrong_kind"
    assert caught.value.sentence == "it holds name0, name1, name2, name3, name4, name5"
