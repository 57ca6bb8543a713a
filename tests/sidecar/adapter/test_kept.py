# SPDX-License-Identifier: GPL-3.0-or-later
"""An adapter is built once for a head, whatever its file is called, and is kept whole or not."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.sidecar.adapter import kept
from affekt.sidecar.adapter.solve import Solution, make_adapter
from affekt.sidecar.head.read import read_head
from affekt.sidecar.memory import MEMORY
from affekt.sidecar.motion.adapter import LinearAdapter
from affekt.sidecar.steps import finish
from fakes.head import small_head


class Builder:
    """In place of the registration and the solution, which take seconds and need a face."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def make(self, solution: object, space: str, open_head: HeadModel) -> LinearAdapter:
        self.built.append(space)
        rng = np.random.default_rng(len(self.built))
        sizes = {
            "arkit_from_space": (52, 103),
            "arkit_bias": (52,),
            "space_from_arkit": (103, 52),
            "weight_root": (52, 52),
            "space_from_open": (103, 103),
        }
        arrays = {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}
        return LinearAdapter(space=space, **arrays)


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Builder:
    builder = Builder()
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "register", lambda flame, head: None)
    monkeypatch.setattr(kept, "solve", lambda flame, head, registration: None)
    monkeypatch.setattr(kept, "make_adapter", builder.make)
    return builder


def heads() -> tuple[HeadModel, HeadModel]:
    return replace(small_head(seed=1), space="flame2020", name="mine.pkl"), small_head()


def build(flame: HeadModel, head: HeadModel) -> tuple[list[int], LinearAdapter]:
    done: list[int] = []
    return done, finish(kept.adapter_steps(flame, head), done.append)


def test_an_adapter_is_built_once(builder: Builder) -> None:
    flame, head = heads()
    done, first = build(flame, head)
    assert done == list(range(kept.STEPS + 1))
    renamed = replace(flame, name="a copy.npz")
    done, second = build(renamed, head)
    assert (done, builder.built) == ([], ["flame2020"])
    assert second.space == "flame2020"
    for name in ("arkit_from_space", "arkit_bias", "weight_root", "space_from_open"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("changed", ["space", "expression_basis", "template"])
def test_another_head_has_an_adapter_of_its_own(builder: Builder, changed: str) -> None:
    flame, head = heads()
    build(flame, head)
    value = "flame2023" if changed == "space" else getattr(flame, changed) * np.float32(1.01)
    assert build(replace(flame, **{changed: value}), head)[0] != []
    assert len(builder.built) == 2


CODE = {
    "adapter/kept.py": 2,
    "adapter/in/deep.py": 2,
    "head/forward.py": 2,
    "motion/adapter.py": 2,
    "motion/arkit_from_open.py": 2,
    "raster/mesh.py": 2,
    "motion/read.py": 1,
    "raster/colour.py": 1,
    "adapter/notes.txt": 1,
}
"""Files, and how many adapters are built if that file changes after the first one."""


@pytest.mark.parametrize("changed", CODE)
def test_an_adapter_that_older_code_has_made_is_built_again(
    builder: Builder, changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the code that an adapter depends on, and by no other file."""
    code = tmp_path / "sidecar"
    for place in CODE:
        (code / place).parent.mkdir(parents=True, exist_ok=True)
        (code / place).write_text("older")
    monkeypatch.setattr(kept, "__file__", str(code / "adapter" / "kept.py"))
    monkeypatch.setattr(kept, "_code_key", kept._code_key.__wrapped__)  # as a new process has it
    flame, head = heads()
    build(flame, head)
    (code / changed).write_text("newer")
    MEMORY.forget()
    done, _ = build(flame, head)
    assert len(builder.built) == CODE[changed]
    assert done == (list(range(kept.STEPS + 1)) if CODE[changed] == 2 else [])
    MEMORY.forget()
    assert build(flame, head)[0] == []


def test_a_damaged_one_is_built_again(builder: Builder) -> None:
    flame, head = heads()
    build(flame, head)
    (file,) = kept.cache_folder().iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    assert build(flame, head)[0] != []
    assert len(builder.built) == 2
    assert len(file.read_bytes()) == len(whole)


def test_without_a_word_it_is_the_same(builder: Builder) -> None:
    flame, head = heads()
    MEMORY.forget()
    first = kept.adapter_of(flame, head)
    assert kept.adapter_of(flame, head) is first
    np.testing.assert_array_equal(build(flame, head)[1].arkit_bias, first.arkit_bias)


def test_an_adapter_lies_in_memory_as_one_that_is_read_again() -> None:
    """The order of rows and columns decides on the last bits of what is multiplied, and those on
    which weights are 0."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(103, 103))
    solution = Solution(
        numbers=rng.normal(size=(52, 103)),
        share=np.ones(52),
        gram=half @ half.T,
        space_from_open=rng.normal(size=(103, 103)).T,
        wanted=np.zeros((52, 1, 3)),
        fitted=np.zeros((52, 1, 3)),
        face=np.ones(1, bool),
    )
    adapter = make_adapter(solution, "flame2023", read_head("open"))
    for entry in fields(adapter):
        values = getattr(adapter, entry.name)
        assert isinstance(values, str) or values.flags.c_contiguous, entry.name
