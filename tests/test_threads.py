# SPDX-License-Identifier: GPL-3.0-or-later
"""No thread of ours keeps a program alive that has come to its end."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [f for room in ("addon", "shared", "sidecar") for f in sorted((ROOT / room).rglob("*.py"))]


def threads_that_hold(source: str) -> Iterator[int]:
    """Lines that make a `threading.Thread` or `Timer` which is not made a daemon."""
    tree = ast.parse(source)
    daemons = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and ast.unparse(node).endswith(".daemon = True")
    }
    for node in ast.walk(tree):
        values = [*ast.iter_child_nodes(node)] if not isinstance(node, ast.Assign) else []
        pairs = [("", value) for value in values]
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            pairs = [(f"{ast.unparse(node.targets[0])}.daemon", node.value)]
        for name, value in pairs:
            if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
                continue
            is_thread = ast.unparse(value.func) in ("threading.Thread", "threading.Timer")
            told = [ast.unparse(k.value) for k in value.keywords if k.arg == "daemon"]
            if is_thread and told != ["True"] and name not in daemons:
                yield value.lineno


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("threading.Thread(target=f, daemon=True).start()", []),
        ("x = 1\nthreading.Thread(target=f).start()", [2]),
        ("self.t = threading.Thread(target=f, daemon=False)", [1]),
        ("later = threading.Timer(1, f)\nlater.daemon = True", []),
        ("later = threading.Timer(1, f)\nother.daemon = True", [1]),
        ("run(1, threading.Timer(1, f))", [1]),
    ],
)
def test_the_reader(source: str, lines: list[int]) -> None:
    assert list(threads_that_hold(source)) == lines


def test_every_thread_is_a_daemon() -> None:
    found = {
        f"{file.relative_to(ROOT)}:{line}"
        for file in FILES
        for line in threads_that_hold(file.read_text("utf-8"))
    }
    assert found == set()
