# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints say what things hold, not where they lie."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.fingerprint import fingerprint, fingerprint_code


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    name: str
    values: np.ndarray
    more: dict[str, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Other:
    """With the same fields."""

    name: str
    values: np.ndarray
    more: dict[str, float] | None = None


def record() -> Record:
    return Record(name="a", values=np.arange(6.0).reshape(2, 3), more={"x": 1.0})


def test_equal_things_have_one():
    assert fingerprint(record()) == fingerprint(record())
    turned = np.asfortranarray(record().values)
    assert fingerprint(replace(record(), values=turned)) == fingerprint(record())
    assert len(fingerprint()) == 40


def test_whatever_differs_shows():
    base, values = record(), record().values
    other = values.copy()
    other[1, 2] = np.nextafter(other[1, 2], 9)
    things = [
        (base,),
        (replace(base, name="b"),),
        (replace(base, values=other),),
        (replace(base, values=values.astype(np.float32)),),
        (replace(base, values=values.reshape(3, 2)),),
        (replace(base, more=None),),
        (replace(base, more={"x": 2.0}),),
        (replace(base, more={"y": 1.0}),),
        (replace(base, more={"x": 1.0, "y": 1.0}),),
        (replace(base, more={"y": 1.0, "x": 1.0}),),
        (Other(name=base.name, values=base.values, more=base.more),),
        (base, 1),
        (base, "1"),
        (base, 1.0),
        (base, True),
        (base, None),
        (base, base),
        (("ab", "c"),),
        (("a", "bc"),),
        ((("a",), "bc"),),
        ((),),
        (((), ()),),
        (range(2),),
    ]
    found = [fingerprint(*thing) for thing in things]
    for one, two in itertools.combinations(range(len(found)), 2):
        assert found[one] != found[two], (things[one], things[two])


@pytest.mark.parametrize("thing", [object(), {1, 2}, Record, b"bytes"])
def test_what_has_no_content_is_refused(thing: object):
    with pytest.raises(TypeError):
        fingerprint(thing)


def test_a_fingerprint_of_yesterday_still_counts():
    """Pictures and chunks that lie on disks are found again by it: it changes with `VERSION`, on
    purpose, and never by the way."""
    values = np.array([[1.5, -2.0, 0.0], [3.0, 4.0, 5.0]], "<f4")
    assert fingerprint("open", 24.0, 3, True, None, [values, ("a",)], {"x": range(1, 3)}) == GOLDEN


GOLDEN = "95c3395b8a72298da446fd85abd4e35d8c7baf9b"
GOLDEN_CODE = "b56263bf877f08f2b21599acfd7b41b878a3634f"


def write_code(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


CODE = {"a.py": "x = 1\n", "room/b.py": "y = 2\n", "room/deep/c.py": "z = 3\n", "other/d.py": "w"}


def test_code_is_files_and_all_that_is_in_folders(tmp_path: Path):
    """By place below the root and bytes; what is no Python, and what was not named, is none."""
    places = ("a.py", "room")
    first = fingerprint_code(write_code(tmp_path / "one", CODE), places)
    assert first == GOLDEN_CODE
    same = CODE | {"room/notes.txt": "never mind", "other/d.py": "changed", "b.py": "y"}
    assert fingerprint_code(write_code(tmp_path / "two", same), places) == first
    for number, other in enumerate(
        (
            CODE | {"a.py": "x = 2\n"},
            CODE | {"room/b.py": "y = 3\n"},
            CODE | {"room/deep/c.py": "z = 4\n"},
            CODE | {"room/e.py": ""},
            {"a.py": "x = 1\n", "room/b2.py": "y = 2\n", "room/deep/c.py": "z = 3\n"},
        )
    ):
        assert fingerprint_code(write_code(tmp_path / f"{number}", other), places) != first
    assert fingerprint_code(tmp_path / "one", ("room", "a.py")) != first
    assert fingerprint_code(tmp_path / "one", ("a.py",)) != first
