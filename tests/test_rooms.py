# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms' walls: who may import what (see the table in docs/architecture.md)."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STANDARD_AND_SHARED = {"numpy", "msgpack", "zmq"}


@functools.cache
def imports(path: Path) -> list[tuple[int, str]]:
    """(level, module) of every import statement in the file, nested ones too."""
    return list(read_imports(path))


def read_imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.level, module
            yield from ((node.level, f"{module}.{alias.name}") for alias in node.names)


def files(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, room
    return found


def reaches(path: Path, room: str) -> list[str]:
    """Imports of the file that lead out of its room, as absolute dotted names in the project."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    out = []
    for level, module in imports(path):
        if level:
            absolute = [*parts[: len(parts) - level], *module.split(".")]
            if absolute[0] != room:
                out.append(".".join(absolute))
        elif module.split(".")[0] == "affekt":
            out.append(module)
    return out


@pytest.mark.parametrize("room", ["shared", "sidecar"])
def test_bpy_only_in_the_addon(room: str) -> None:
    for path in files(room):
        tops = {module.split(".")[0] for level, module in imports(path) if level == 0}
        assert not tops & {"bpy", "bmesh", "mathutils", "gpu"}, path


@pytest.mark.parametrize("room", ["shared", "addon"])
def test_torch_only_in_the_sidecar(room: str) -> None:
    for path in files(room):
        tops = {module.split(".")[0] for level, module in imports(path) if level == 0}
        assert "torch" not in tops, path


def test_shared_stands_on_three_packages() -> None:
    import sys

    for path in files("shared"):
        tops = {module.split(".")[0] for level, module in imports(path) if level == 0}
        foreign = tops - STANDARD_AND_SHARED - sys.stdlib_module_names
        assert not foreign, (path, foreign)


@pytest.mark.parametrize(
    ("room", "may"), [("shared", set()), ("addon", {"shared"}), ("sidecar", {"shared"})]
)
def test_rooms_reach_only_where_they_may(room: str, may: set[str]) -> None:
    for path in files(room):
        for name in reaches(path, room):
            assert name.split(".")[0] in may, (path, name)


# FLAME is published as pickles. This one script reads them, in a process of its own, with an
# unpickler that makes records of whatever a file names and runs nothing; no module imports it.
READS_PICKLES = ROOT / "sidecar" / "head" / "flame" / "child.py"


def test_nobody_unpickles() -> None:
    for room in ("shared", "addon", "sidecar"):
        for path in files(room):
            if path == READS_PICKLES:
                continue
            tops = {module.split(".")[0] for level, module in imports(path) if level == 0}
            assert not tops & {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}, (
                path
            )


def test_what_reads_pickles_is_only_ever_a_process_of_its_own() -> None:
    for room in ("shared", "addon", "sidecar"):
        for path in files(room):
            assert not [m for _, m in imports(path) if m.split(".")[-1] == "child"], path
    reached = {module.split(".")[0] for _, module in imports(READS_PICKLES)}
    assert "affekt" not in reached
    assert not [level for level, _ in imports(READS_PICKLES) if level]


def test_root_imports_nothing_at_import_time() -> None:
    top = ast.parse((ROOT / "__init__.py").read_text()).body
    assert not [node for node in top if isinstance(node, ast.Import | ast.ImportFrom)]


def test_every_package_is_installed() -> None:
    """A folder that pyproject.toml forgets works in a clone and is missing from a wheel."""
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    for room in ("shared", "sidecar"):
        for init in (ROOT / room).rglob("__init__.py"):
            name = ".".join(("affekt", *init.parent.relative_to(ROOT).parts))
            assert name in listed, name
