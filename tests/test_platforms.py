# SPDX-License-Identifier: GPL-3.0-or-later
"""What one operating system lacks stands behind a branch for it.

Nobody here runs Windows or macOS, so the sources are read: a call, a module or a path that is not
everywhere must be inside `if sys.platform ...`, `os.name`, `hasattr(os, ...)`, after such a branch
that returns, or in a `try` that catches what its absence raises. The type checker, which
`make lint` runs for three systems, knows which branch is which; here it is only asked for one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("shared", "addon", "sidecar")

BRANCH = "put it behind `if sys.platform ...`"
MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
SIGNALS = {"SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN"}
"""Those that every system has."""
POSIX_ONLY = re.compile(
    r"fork|forkpty|openpty|nice|uname|mkfifo|mknod|killpg|sysconf|confstr|statvfs|fstatvfs|chroot|"
    r"get(uid|euid|gid|egid|groups|pgid|pgrp|sid|loadavg|priority)|set(uid|gid|sid|pgid|priority)|"
    r"[fl]?chown|fchmod|lchmod|sched_\w+|posix_\w+|memfd_create|pread|pwrite|sendfile|wait[34i]\w*|"
    r"W(NOHANG|IFEXITED|EXITED|NOWAIT)|P_PID|O_(NOFOLLOW|DIRECTORY|CLOEXEC|NONBLOCK|SYNC|TMPFILE)"
)
OTHERWISE_THERE = {
    "kill": f"it ends the process on Windows, with signal 0 too; {BRANCH}",
    "getppid": f"on Windows it stays the same when the parent ends; {BRANCH}",
    "chmod": f"it protects nothing on Windows; {BRANCH}",
    "rename": "it fails on Windows where the target exists: use `replace_file`",
    "replace": "it fails on Windows while the target is open: use `replace_file`",
}
POPEN_ONLY_POSIX = {"preexec_fn", "pass_fds", "process_group", "user", "group", "umask"}
PATH_NAME = re.compile(r"path|target|file|folder|place|final")
SYSTEM_PATH = re.compile(r"/(proc|dev|sys|tmp|etc|usr|var|home|run|opt)(/|$)")
ABSENCE = {"AttributeError", "ImportError", "ModuleNotFoundError"}

Finding = tuple[int, str]


def names_of(node: ast.AST | None) -> set[str]:
    """Every name and attribute in the expression."""
    nodes = list(ast.walk(node)) if node else []
    names = {n.id for n in nodes if isinstance(n, ast.Name)}
    return names | {n.attr for n in nodes if isinstance(n, ast.Attribute)}


class Reader:
    """Finds in one module what is not behind a branch. `branches`: names that hold a platform's
    test, such as `is_windows = sys.platform == "win32"`."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.branches: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and self.is_branch(node.value):
                self.branches |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        self.paths: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(map(is_system_path, ast.walk(node.value))):
                self.paths |= {t.id for t in node.targets if isinstance(t, ast.Name)}

    def is_branch(self, test: ast.expr) -> bool:
        """Whether the test asks for a system, or for what a system has."""
        for node in ast.walk(test):
            if is_attribute(node, "sys", "platform") or is_attribute(node, "os", "name"):
                return True
            if isinstance(node, ast.Call) and asks_os(node):
                return True
            if isinstance(node, ast.Constant) and node.value in ("win32", "darwin", "linux"):
                return True
            if isinstance(node, ast.Name) and node.id in self.branches:
                return True
        return False

    def findings(self) -> list[Finding]:
        return sorted({*self.block(self.tree.body), *self.text_files(), *self.system_paths()})

    def block(self, body: Sequence[ast.stmt]) -> Iterator[Finding]:
        """What stands unguarded in these statements; none of what follows a branch that leaves."""
        for statement in body:
            if isinstance(statement, ast.If) and self.is_branch(statement.test):
                if isinstance(statement.body[-1], ast.Return | ast.Raise | ast.Continue):
                    return
                continue
            yield from self.node(statement)

    def node(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, ast.IfExp) and self.is_branch(node.test):
            return
        if isinstance(node, ast.Try):
            caught = set().union(*(names_of(handler.type) for handler in node.handlers))
            inner = list(self.block(node.body))
            if not caught & ABSENCE:
                is_handled = "PermissionError" in caught
                yield from (f for f in inner if not (is_handled and "replace_file" in f[1]))
            for block in (node.orelse, node.finalbody, *(h.body for h in node.handlers)):
                yield from self.block(block)
            return
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                if self.is_branch(value):
                    return  # the rest is only looked at on one system
                yield from self.node(value)
            return
        yield from ((getattr(node, "lineno", 0), text) for text in faults(node))
        for name, value in ast.iter_fields(node):
            if name in ("body", "orelse") and isinstance(value, list):
                yield from self.block(value)
            else:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from self.node(child)

    def text_files(self) -> Iterator[Finding]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and opens_text(node):
                yield node.lineno, "the system's own encoding is meant: give `encoding`"

    def system_paths(self) -> Iterator[Finding]:
        """Paths in functions that neither ask for the system nor bear that there is no such path;
        a module's constant is judged where it is used."""
        for node in self.tree.body:
            if not (isinstance(node, ast.Assign) and names_of(node.targets[0]) <= self.paths):
                yield from self.paths_in(node)

    def paths_in(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                yield from self.paths_in(inner)
            return
        tests = [n.test for n in ast.walk(node) if isinstance(n, ast.If | ast.IfExp)]
        tests += [n for n in ast.walk(node) if isinstance(n, ast.BoolOp)]
        bears = [n.type for n in ast.walk(node) if isinstance(n, ast.ExceptHandler)]
        calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
        bears += [call for call in calls if "suppress" in names_of(call.func)]
        if any(map(self.is_branch, tests)) or any("OSError" in names_of(bear) for bear in bears):
            return
        docs = docstrings(node)
        for part in ast.walk(node):
            is_constant = isinstance(part, ast.Name) and part.id in self.paths
            if is_constant or (is_system_path(part) and part not in docs):
                yield part.lineno, f"only some systems have this path; {BRANCH}"  # type: ignore[attr-defined]


def is_attribute(node: ast.AST, owner: str, name: str) -> bool:
    """Whether the node is `owner.name`."""
    is_named = isinstance(node, ast.Attribute) and node.attr == name
    return is_named and isinstance(node.value, ast.Name) and node.value.id == owner


def asks_os(call: ast.Call) -> bool:
    """Whether the call is `hasattr(os, ...)`."""
    return isinstance(call.func, ast.Name) and ast.unparse(call).startswith("hasattr(os,")


def docstrings(node: ast.AST) -> set[ast.AST]:
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Expr)}


def is_system_path(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text and SYSTEM_PATH.match(node.value) is not None  # type: ignore[attr-defined]


def faults(node: ast.AST) -> Iterator[str]:
    """What is wrong with this very node outside a platform's branch."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
        if getattr(node, "level", 0) == 0 and set(modules) & MODULES:
            yield f"Windows has no such module; {BRANCH}"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner, name = node.value.id, node.attr
        if owner == "os" and POSIX_ONLY.fullmatch(name):
            yield f"Windows has no os.{name}; {BRANCH}"
        if owner == "os" and name in OTHERWISE_THERE:
            yield f"os.{name}: {OTHERWISE_THERE[name]}"
        is_rare = name.startswith("SIG") and name not in SIGNALS
        if owner == "signal" and (is_rare or name == "pause"):
            yield f"Windows has no signal.{name}; {BRANCH}"
    if isinstance(node, ast.Call):
        yield from call_faults(node)


def call_faults(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    is_of_os = isinstance(owner, ast.Name) and owner.id == "os"
    # Path's take one argument; so does what else is called `replace`, but no path.
    is_path = not is_of_os and len(call.args) == 1 and not call.keywords
    if name in ("chmod", "rename") and is_path:
        yield f"Path.{name}: {OTHERWISE_THERE[name]}"
    if name == "replace" and is_path and PATH_NAME.search(ast.unparse(call.args[0])):
        yield f"Path.replace: {OTHERWISE_THERE[name]}"
    if name == "fsync" and is_of_os and not isinstance(call.args[0], ast.Call):
        yield f"Windows opens no folder: if this may be one, {BRANCH}"
    if name in ("Popen", "run", "check_output", "check_call"):
        for keyword in call.keywords:
            if keyword.arg in POPEN_ONLY_POSIX:
                yield f"Windows cannot start a process with {keyword.arg}; {BRANCH}"


def opens_text(call: ast.Call) -> bool:
    """Whether the call reads or writes text in whatever encoding the system has."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in keywords:
        return False
    if isinstance(call.func, ast.Name):
        name, mode_at = call.func.id, 1
        if name != "open":
            return False
    elif isinstance(call.func, ast.Attribute):
        name = call.func.attr
        owner = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
        if name in ("read_text", "write_text"):
            return len(call.args) <= (name == "write_text")
        if name in ("Popen", "run", "check_output"):
            return bool({"text", "universal_newlines"} & keywords.keys())
        if name not in ("open", "fdopen") or (owner, name) == ("os", "open"):
            return False
        mode_at = 1 if name == "fdopen" else 0
        if owner[:1].isupper() and call.args:  # a class's own way of opening
            return False
    else:
        return False
    mode = keywords.get("mode", call.args[mode_at] if len(call.args) > mode_at else None)
    if mode is None:
        return True
    return isinstance(mode, ast.Constant) and bool(re.fullmatch(r"[rwax+t]+", str(mode.value)))


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_system_lacks_is_behind_a_branch(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in Reader(path.read_text("utf-8")).findings()
    ]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import getrlimit",
        "def f():\n    import termios",
        "signal.signal(signal.SIGHUP, end)",
        "process.send_signal(signal.SIGKILL)",
        "signal.pause()",
        "os.kill(pid, 0)",
        "os.fork()",
        "gone = os.getppid() != pid",
        "os.chmod(path, 0o600)",
        "path.chmod(0o600)",
        "os.fchmod(handle, 0o600)",
        "os.open(path, os.O_RDONLY | os.O_NOFOLLOW)",
        "os.open(path, os.O_DIRECTORY)",
        "own = os.geteuid() == 0",
        "len(os.sched_getaffinity(0))",
        "os.statvfs(path)",
        "os.fsync(folder)",
        "os.rename(a, b)",
        "a.rename(b)",
        "os.replace(a, b)",
        "partial.replace(self._path)",
        "subprocess.Popen(command, preexec_fn=limit)",
        "subprocess.run(command, text=True)",
        "def f():\n    return open('/proc/self/stat', 'rb')",
        "def f():\n    return f'/proc/{pid}/statm'",
        "def f(folder='/tmp/affekt'):\n    pass",
        "SHARED = Path('/dev/shm')\ndef f():\n    return SHARED",
        "open(path)",
        "open(path, 'w')",
        "path.open()",
        "path.open('a+')",
        "os.fdopen(handle, 'w')",
        "path.read_text()",
        "path.write_text(text)",
        # Near a branch, or behind another one.
        "if sys.platform == 'win32':\n    pass\nos.kill(pid, 0)",
        "if wanted:\n    os.fork()",
        "os.getuid() == 0 and sys.platform != 'win32'",
        "try:\n    os.getuid()\nexcept OSError:\n    pass",
        "try:\n    import fcntl\nfinally:\n    pass",
        "try:\n    pass\nexcept AttributeError:\n    os.getuid()",
        "def f():\n    if os.name != 'posix':\n        return\ndef g():\n    os.getuid()",
    ],
)
def test_it_is_found(source: str) -> None:
    assert len(Reader(source).findings()) == 1


@pytest.mark.parametrize(
    "source",
    [
        "if sys.platform != 'win32':\n    import fcntl",
        "def f():\n    if sys.platform == 'win32':\n        return\n    import resource",
        "if os.name == 'posix':\n    os.killpg(pid, signal.SIGKILL)\nelse:\n    process.kill()",
        "if hasattr(os, 'geteuid'):\n    os.geteuid()",
        "try:\n    import resource\nexcept ImportError:\n    resource = None",
        "try:\n    os.sysconf('SC_PAGE_SIZE')\nexcept (AttributeError, OSError):\n    pass",
        "own = os.name != 'posix' or status.st_uid == os.getuid()",
        "cores = len(os.sched_getaffinity(0)) if sys.platform == 'linux' else os.cpu_count()",
        "is_child = sys.platform != 'win32' and os.getppid() == pid\n"
        "gone = is_child and os.getppid() != pid",
        "flags = getattr(os, 'O_NOFOLLOW', 0)",
        "signal.signal(signal.SIGTERM, end)\nsignal.Signals(number).name",
        "try:\n    os.replace(a, b)\nexcept PermissionError:\n    wait()",
        "text.replace('a', 'b')\nwhen.replace(hour=1)\ndisk.rename(partial, path)",
        "self._users.replace({key: 1})",
        "os.fsync(file.fileno())",
        "def f():\n    try:\n        return Path('/proc/stat').read_bytes()\n"
        "    except OSError:\n        return b''",
        "SHM = Path('/dev/shm')\ndef f():\n    if sys.platform == 'linux':\n        return SHM",
        "def f():\n    '''/proc and /tmp'''\n    return 'a/tmp'",
        "open(path, 'rb')\nopen(path, encoding='utf-8')\npath.open('wb')\nos.open(path, flags)",
        "path.read_text('utf-8')\npath.write_text(text, 'utf-8')\nos.fdopen(handle, 'wb')",
        "Client.open(name)\narchive.open(entry)\nav.open(str(path), 'w')",
        "subprocess.run(command, start_new_session=True)",
    ],
)
def test_it_may_stand(source: str) -> None:
    assert Reader(source).findings() == []
