# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms' walls: who may import what (see the table in docs/architecture.md)."""

import ast
import functools
import graphlib
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


FLOORS = (
    (
        "arguments",
        "compiling",
        "denormals",
        "exits",
        "files",
        "memory",
        "parent_watch",
        "smooth",
        "steps",
        "threads",
    ),
    ("cache", "network_file", "quarantine", "raster", "words"),
    ("head",),
    ("motion",),
    ("adapter",),
    ("avatar", "modulation"),
    ("portrait",),
    ("lam",),
    ("bake",),
    ("render",),
    ("worker",),
    ("server",),
    ("batch",),
    ("doctor", "extension"),
    ("lab",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
"""The sidecar's rooms and single files from the bottom up: each imports only from floors below its
own, so that there is no circle between them either. Nothing imports the laboratory."""
ROOMS = [name for floor in FLOORS[1:-2] for name in floor]
LAB_FLOORS = (("anchors", "open_head", "skin"), ("training",), ("evaluation",), ("commands",))
"""The same for the rooms of the laboratory."""


@functools.cache
def imported_files(path: Path) -> list[Path]:
    """The project's files that the file imports: at its top, in functions, or for types only."""
    return list(read_imported_files(path))


def read_imported_files(path: Path) -> Iterator[Path]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [file_of(a.name.split(".")[1:]) for a in node.names if is_ours(a.name)]
        elif isinstance(node, ast.ImportFrom) and (node.level or is_ours(node.module or "")):
            module = (node.module or "").split(".") if node.module else []
            base = [*parts[: len(parts) - node.level], *module] if node.level else module[1:]
            found = [file_of([*base, a.name]) or file_of(base) for a in node.names]
        else:
            continue
        yield from (file for file in found if file is not None)


def is_ours(module: str) -> bool:
    return module.split(".")[0] == "affekt"


def file_of(parts: list[str]) -> Path | None:
    """The file of a dotted name, None if it names no module."""
    place = ROOT.joinpath(*parts)
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def room_of(path: Path, folder: Path) -> str | None:
    """The room of `folder` that holds the file, or the single file's own name; None outside."""
    if not path.is_relative_to(folder) or path == folder / "__init__.py":
        return None
    return path.relative_to(folder).with_suffix("").parts[0]


@pytest.mark.parametrize(
    ("folder", "floors"), [("sidecar", FLOORS), ("sidecar/lab", LAB_FLOORS)], ids=["sidecar", "lab"]
)
def test_rooms_import_only_from_floors_below(
    folder: str, floors: tuple[tuple[str, ...], ...]
) -> None:
    home = ROOT / folder
    floor_of = {room: floor for floor, rooms in enumerate(floors) for room in rooms}
    wrong = set()
    for path in files(folder):
        own = room_of(path, home)
        if own is None:
            continue
        for file in imported_files(path):
            other = room_of(file, home)
            if other not in (None, own) and floor_of[other] >= floor_of[own]:
                wrong.add(f"{path.relative_to(ROOT)} -> {file.relative_to(ROOT)}")
    assert not wrong


def test_nothing_imports_the_laboratory() -> None:
    lab = ROOT / "sidecar" / "lab"
    for room in ("shared", "addon", "sidecar"):
        for path in files(room):
            if not path.is_relative_to(lab):
                assert not [f for f in imported_files(path) if f.is_relative_to(lab)], path


@pytest.mark.parametrize(
    "room", ["shared", *(f"sidecar/{name}" for name in ROOMS if (ROOT / "sidecar" / name).is_dir())]
)
def test_modules_of_a_room_import_each_other_in_no_circle(room: str) -> None:
    arrows = {path: set(imported_files(path)) - {path} for path in files(room)}
    graphlib.TopologicalSorter(arrows).prepare()  # its CycleError names the circle


# FLAME and takes are published as pickles. This one script reads them, in a process of its own,
# with an unpickler that makes records of what a file names and runs nothing; no module imports it.
READS_PICKLES = ROOT / "sidecar" / "quarantine" / "child.py"


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
