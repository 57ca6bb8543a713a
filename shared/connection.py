# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection file: where a sidecar listens, and the keys that open its door.

JSON, readable by its user alone (0600 in a 0700 folder), with fresh keys at each start, removed
when the sidecar ends. Whoever can read it may use the sidecar.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import LinkError
from .limits import PROTOCOL_VERSION
from .version import AFFEKT_VERSION

FILE_NAME = "sidecar.json"
RUNTIME_VARIABLE = "AFFEKT_RUNTIME_DIR"
CACHE_VARIABLE = "AFFEKT_CACHE_DIR"
START_REMEDY = "Start the sidecar (Affekt panel, or `affekt serve`) and try again."
_MAX_FILE_BYTES = 64 * 1024
_Z85 = frozenset(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """endpoint: `tcp://127.0.0.1:PORT`. Keys are Z85 text of 40 characters (CURVE). pid: the
    sidecar's process. protocol, affekt: its versions."""

    endpoint: str
    server_public_key: str
    client_public_key: str
    client_secret_key: str
    pid: int
    protocol: tuple[int, int]
    affekt: str

    def __repr__(self) -> str:  # keys do not belong in logs
        return f"Connection(endpoint={self.endpoint!r}, pid={self.pid})"


def default_runtime_folder() -> Path:
    """The user's own folder for connection files; `AFFEKT_RUNTIME_DIR` overrides it."""
    if named := os.environ.get(RUNTIME_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "affekt" / "runtime"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "affekt" / "runtime"
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "affekt"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "affekt" / "runtime"


def default_cache_folder() -> Path:
    """The user's own folder for what a sidecar works on; `AFFEKT_CACHE_DIR` overrides it."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "affekt" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "affekt"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affekt"


def make_private_folder(folder: Path) -> None:
    """Makes the folder, for its user alone. Raises LinkError `link.folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name == "posix":
            if folder.stat().st_uid != os.getuid():
                raise PermissionError(f"{folder} belongs to another user")
            folder.chmod(0o700)
    except OSError as error:
        raise LinkError(
            "link.folder",
            f"The folder {folder} cannot be made private to you.",
            f"Set {RUNTIME_VARIABLE} to a folder of your own.",
        ) from error


def write_connection(connection: Connection, folder: Path) -> Path:
    """Writes the file, under its name only once it is whole; an older one is replaced.
    Raises LinkError `link.folder`."""
    make_private_folder(folder)
    try:
        # mkstemp makes the file 0600 from its first moment.
        handle, partial = tempfile.mkstemp(dir=folder, prefix=".sidecar-", suffix=".partial")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(asdict(connection), file, indent=1)
        os.replace(partial, folder / FILE_NAME)
    except OSError as error:
        raise LinkError(
            "link.folder",
            f"The connection file cannot be written to {folder}.",
            "Check the folder's rights and the space left.",
        ) from error
    return folder / FILE_NAME


def read_connection(folder: Path | None = None) -> Connection:
    """The connection file in the folder (by default `default_runtime_folder`).

    Raises LinkError `link.unreachable` (no file: no sidecar), `link.connection_file` (damaged,
    or readable by others), `link.version`.
    """
    path = (default_runtime_folder() if folder is None else folder) / FILE_NAME
    try:
        data = _read_private(path)
    except FileNotFoundError as error:
        raise LinkError("link.unreachable", "No sidecar is running.", START_REMEDY) from error
    except OSError as error:
        raise _damaged(path, f"it cannot be read ({error.strerror or error})") from error
    return _decode(path, data)


def remove_connection(folder: Path, pid: int) -> None:
    """Removes the file if it is still that of process `pid`."""
    with contextlib.suppress(LinkError, OSError):
        if read_connection(folder).pid == pid:
            (folder / FILE_NAME).unlink()


def check_protocol(protocol: tuple[int, int], affekt: str) -> None:
    """Raises LinkError `link.version` if the sidecar's major is not ours."""
    if protocol[0] != PROTOCOL_VERSION[0]:
        raise version_error(client=(PROTOCOL_VERSION, AFFEKT_VERSION), sidecar=(protocol, affekt))


def version_error(
    *, client: tuple[tuple[int, int], str], sidecar: tuple[tuple[int, int], str]
) -> LinkError:
    """The error that both sides give when their majors differ; each side is its protocol's
    version and Affekt's."""
    (client_major, client_minor), client_affekt = client
    (sidecar_major, sidecar_minor), sidecar_affekt = sidecar
    older = "add-on" if client_major < sidecar_major else "sidecar"
    newer = sidecar_affekt if older == "add-on" else client_affekt
    return LinkError(
        "link.version",
        f"The add-on is Affekt {client_affekt} (protocol {client_major}.{client_minor}) and the "
        f"sidecar Affekt {sidecar_affekt} (protocol {sidecar_major}.{sidecar_minor}): they do "
        "not understand each other.",
        f"Update the {older} to Affekt {newer}, then start the sidecar again.",
    )


def _read_private(path: Path) -> bytes:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        # Windows keeps the profile's folders private by its own rights.
        if os.name == "posix" and (status.st_uid != os.getuid() or status.st_mode & 0o077):
            raise _damaged(
                path, f"others may read it (mode {stat.S_IMODE(status.st_mode):o}), or it is theirs"
            )
        return file.read(_MAX_FILE_BYTES + 1)


def _decode(path: Path, data: bytes) -> Connection:
    if len(data) > _MAX_FILE_BYTES:
        raise _damaged(path, "it is too long")
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(entries, dict):
        raise _damaged(path, "it is not an object")
    pid, affekt = entries.get("pid"), entries.get("affekt")
    if type(pid) is not int or pid <= 0 or not isinstance(affekt, str) or len(affekt) > 64:
        raise _damaged(path, "its process or version is missing")
    protocol = _decode_version(path, entries.get("protocol"))
    check_protocol(protocol, affekt)
    names = ("server_public_key", "client_public_key", "client_secret_key")
    keys = {name: _decode_key(path, name, entries.get(name)) for name in names}
    return Connection(
        endpoint=_decode_endpoint(path, entries.get("endpoint")), **keys,
        pid=pid, protocol=protocol, affekt=affekt,
    )  # fmt: skip


def _decode_version(path: Path, value: object) -> tuple[int, int]:
    if not (isinstance(value, list) and [type(part) for part in value] == [int, int]):
        raise _damaged(path, "its protocol version is missing")
    return value[0], value[1]


def _decode_key(path: Path, name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) != 40 or not set(value) <= _Z85:
        raise _damaged(path, f"its {name} is no key")
    return value


def _decode_endpoint(path: Path, value: object) -> str:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        usable = parts.scheme == "tcp" and parts.hostname == "127.0.0.1" and bool(parts.port)
    except ValueError:
        usable = False
    if not usable:
        raise _damaged(path, "its address is not on this machine")
    return str(value)


def _damaged(path: Path, reason: str) -> LinkError:
    return LinkError(
        "link.connection_file",
        f"The connection file {path} cannot be used: {reason}.",
        "Delete it and start the sidecar again.",
    )
