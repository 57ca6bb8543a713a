# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of all errors in the source, as it is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CODE = re.compile(r"[a-z]+(\.[a-z0-9_]+)+")
ROOMS = ("shared", "sidecar", "addon")


def codes_in(root: Path) -> dict[str, str]:
    """Each code that is raised by a literal, and one place where."""
    trees = {
        path: ast.parse(path.read_text("utf-8"))
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
    }
    found: dict[str, str] = {}
    for path, tree in trees.items():
        helpers = _helpers(tree)
        for node in ast.walk(tree):
            for code in _codes_of(node, helpers):
                line = getattr(node, "lineno", 0)
                found.setdefault(code, f"{path.relative_to(root)}:{line}")
    return found


def _codes_of(node: ast.AST, helpers: dict[str, int]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = _name(node.func)
    place = 0 if name.endswith("Error") else helpers.get(name)
    if place is not None and place < len(node.args):
        for part in ast.walk(node.args[place]):
            if isinstance(part, ast.Constant) and _is_code(part.value):
                yield str(part.value)


def _helpers(tree: ast.Module) -> dict[str, int]:
    """Functions that hand one of their arguments on as an error's code: where it stands."""
    found: dict[str, int] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = [argument.arg for argument in function.args.args]
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _name(call.func).endswith("Error") and call.args:
                first = call.args[0]
                if isinstance(first, ast.Name) and first.id in names:
                    found[function.name] = names.index(first.id)
    return found


def _is_code(value: object) -> bool:
    return isinstance(value, str) and CODE.fullmatch(value) is not None


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))
