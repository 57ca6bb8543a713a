# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection file: where a sidecar listens, and the keys that open its door.

JSON, readable by its user alone (0600 in a 0700 folder), with fresh keys at each start, removed
when the sidecar ends. Whoever can read it may use the sidecar.

A file for a sidecar on another machine (`"remote": true`) is made by hand, with `affekt keys
connect`, and is only ever read where the user has named it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeGuard

from zmq.utils import z85

from . import private_files
from .errors import InputError, LinkError, what_is_at
from .limits import PROTOCOL_VERSION
from .version import AFFEKT_VERSION

FILE_NAME = "sidecar.json"
RUNTIME_VARIABLE = "AFFEKT_RUNTIME_DIR"
CACHE_VARIABLE = "AFFEKT_CACHE_DIR"
DATA_VARIABLE = "AFFEKT_DATA_DIR"
RUNTIME_SETTING = f"set the variable {RUNTIME_VARIABLE}, or give `affekt serve --runtime-dir`"
CACHE_SETTING = f"set the variable {CACHE_VARIABLE}, or give the command `--cache-dir`"
START_REMEDY = "Start the sidecar (Affekt panel, or `affekt serve`) and try again."
ASK_REMEDY = (
    "Ask whoever runs the remote sidecar whether it is up, and whether a firewall is in the way."
)
REMOTE_REMEDY = "Make the file again with `affekt keys connect`."
_LOOPBACK = "127.0.0.1"
# The host is a name or an IPv4 address.
_ENDPOINT = re.compile(
    r"tcp://(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):(?P<port>[1-9][0-9]{0,4})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """endpoint: `tcp://127.0.0.1:PORT`, of a remote sidecar `tcp://HOST:PORT`. Keys are Z85 text
    of 40 characters (CURVE). pid: the sidecar's process, None if it is remote. protocol, affekt:
    its versions; of a remote one only the hello tells them, until then they are our own."""

    endpoint: str
    server_public_key: str
    client_public_key: str
    client_secret_key: str
    pid: int | None
    protocol: tuple[int, int]
    affekt: str

    @property
    def is_remote(self) -> bool:
        """Whether it may be on another machine: no shared memory, no process to look after."""
        return self.pid is None

    def unreachable(self, message: str) -> LinkError:
        """The error when nobody answers there any more; message: what was noticed."""
        remedy = ASK_REMEDY if self.is_remote else START_REMEDY
        return LinkError("link.unreachable", message, remedy)

    def refused(self) -> LinkError:
        """The error when somebody answers there, but does not let us in."""
        remedy = "Start the sidecar again: it writes a fresh file."
        if self.is_remote:
            remedy = (
                "Ask whoever runs it whether `affekt keys list` has your key, and make the file "
                "again with `affekt keys connect` if its own has changed."
            )
        return LinkError(
            "link.refused", "The sidecar refused the keys in the connection file.", remedy
        )

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


def default_data_folder() -> Path:
    """The user's own folder for the sidecar that Blender has installed; `AFFEKT_DATA_DIR` overrides
    it."""
    if named := os.environ.get(DATA_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "affekt" / "sidecar"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "affekt" / "sidecar"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "affekt" / "sidecar"


def make_private_folder(folder: Path, setting: str) -> None:
    """Makes the folder, for its user alone. setting: how a user says another one, such as
    `RUNTIME_SETTING`. Raises LinkError `link.folder`."""
    try:
        private_files.make_folder(folder)
    except OSError as error:
        raise unusable_folder(folder, setting, error) from error


def unusable_folder(folder: Path, setting: str, error: OSError) -> LinkError:
    """The error for a folder of Affekt's own that cannot be used; it names the setting that leads
    to another one, and no other."""
    reason = error.strerror or str(error)
    place = "" if error.filename in (None, str(folder)) else f" at {error.filename}"
    return LinkError(
        "link.folder",
        f"The folder {folder} cannot be used, or not be made private to you ({reason}{place}).",
        f"Make it yours and free some space on its disk, or choose another one: {setting}.",
    )


def write_connection(connection: Connection, folder: Path) -> Path:
    """Writes the file, under its name only once it is whole; an older one is replaced.
    Raises LinkError `link.folder`."""
    make_private_folder(folder, RUNTIME_SETTING)
    path = folder / FILE_NAME
    try:
        private_files.write(path, json.dumps(asdict(connection), indent=1))
    except OSError as error:
        obstacle = what_is_at(path)
        if obstacle is None:
            raise unusable_folder(folder, RUNTIME_SETTING, error) from error
        raise LinkError(
            "link.folder",
            f"The connection file {path} cannot be written: {obstacle} has that name.",
            f"Move it away or rename it, or choose another folder: {RUNTIME_SETTING}.",
        ) from error
    return path


def remote_connection(
    endpoint: str, *, server_public_key: str, client_public_key: str, client_secret_key: str
) -> Connection:
    """A connection to a sidecar that was started with `--remote`. endpoint: `tcp://HOST:PORT`.
    Raises InputError `option.server`."""
    if not _is_endpoint(endpoint):
        raise InputError(
            "option.server",
            f"'{endpoint[:80]}' is no server's address.",
            "Give it as tcp://HOST:PORT, such as tcp://render1.example:5870.",
        )
    return Connection(
        endpoint=endpoint,
        server_public_key=server_public_key,
        client_public_key=client_public_key,
        client_secret_key=client_secret_key,
        pid=None,
        protocol=PROTOCOL_VERSION,
        affekt=AFFEKT_VERSION,
    )


def remote_file_text(connection: Connection) -> str:
    """What stands in a remote connection's file."""
    entries = {name: getattr(connection, name) for name in ("endpoint", *_KEYS)}
    return json.dumps({"remote": True, **entries}, indent=1)


def read_connection(folder: Path | None = None) -> Connection:
    """The connection file in the folder (by default `default_runtime_folder`).

    Raises LinkError `link.unreachable` (no file: no sidecar), `link.connection_file` (damaged,
    or readable by others), `link.version`.
    """
    path = (default_runtime_folder() if folder is None else folder) / FILE_NAME
    try:
        data = private_files.read(path)
    except FileNotFoundError as error:
        raise LinkError("link.unreachable", "No sidecar is running.", START_REMEDY) from error
    except OSError as error:
        raise _unreadable(path, error, _LOCAL_REMEDY) from error
    entries = _decode(path, data, _LOCAL_REMEDY)
    if "remote" in entries:
        raise _damaged(path, "its address is not on this machine", _LOCAL_REMEDY)
    return _local(path, entries)


def read_connection_file(path: Path) -> Connection:
    """A connection file that the user has named, such as one of `affekt keys connect`.

    Raises LinkError `link.connection_file` (missing, damaged, or readable by others),
    `link.version`.
    """
    try:
        data = private_files.read(path)
    except OSError as error:
        raise _unreadable(path, error, REMOTE_REMEDY) from error
    entries = _decode(path, data, REMOTE_REMEDY)
    return _remote(path, entries) if "remote" in entries else _local(path, entries)


def remove_connection(folder: Path, pid: int) -> None:
    """Removes the file if it is still that of process `pid`."""
    with contextlib.suppress(LinkError, OSError):
        if read_connection(folder).pid == pid:
            (folder / FILE_NAME).unlink()


def check_protocol(protocol: tuple[int, int], affekt: str) -> None:
    """Checks that a sidecar speaks our major version. Raises LinkError `link.version`."""
    if protocol[0] != PROTOCOL_VERSION[0]:
        raise version_error(client=(PROTOCOL_VERSION, AFFEKT_VERSION), sidecar=(protocol, affekt))


def version_error(
    *, client: tuple[tuple[int, int], str], sidecar: tuple[tuple[int, int], str]
) -> LinkError:
    """The error that both sides give when their major versions differ. client, sidecar: the
    versions of protocol and Affekt."""
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


_KEYS = ("server_public_key", "client_public_key", "client_secret_key")
_LOCAL_REMEDY = "Delete it and start the sidecar again."


def _decode(path: Path, data: bytes, remedy: str) -> dict[str, object]:
    if len(data) > private_files.MAX_FILE_BYTES:
        raise _damaged(path, "it is too long", remedy)
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not JSON", remedy) from error
    if not isinstance(entries, dict):
        raise _damaged(path, "it is not an object", remedy)
    return entries


def _local(path: Path, entries: dict[str, object]) -> Connection:
    pid, affekt = entries.get("pid"), entries.get("affekt")
    if type(pid) is not int or pid <= 0 or not isinstance(affekt, str) or len(affekt) > 64:
        raise _damaged(path, "its process or version is missing", _LOCAL_REMEDY)
    protocol = _decode_version(path, entries.get("protocol"))
    check_protocol(protocol, affekt)
    keys = {name: _decode_key(path, name, entries.get(name), _LOCAL_REMEDY) for name in _KEYS}
    endpoint = entries.get("endpoint")
    if not _is_endpoint(endpoint) or not endpoint.startswith(f"tcp://{_LOOPBACK}:"):
        raise _damaged(path, "its address is not on this machine", _LOCAL_REMEDY)
    return Connection(endpoint=endpoint, **keys, pid=pid, protocol=protocol, affekt=affekt)


def _remote(path: Path, entries: dict[str, object]) -> Connection:
    keys = {name: _decode_key(path, name, entries.get(name), REMOTE_REMEDY) for name in _KEYS}
    endpoint = entries.get("endpoint")
    if entries["remote"] is not True or not _is_endpoint(endpoint):
        raise _damaged(path, "its address is missing", REMOTE_REMEDY)
    return remote_connection(endpoint, **keys)


def _decode_version(path: Path, value: object) -> tuple[int, int]:
    if not (isinstance(value, list) and [type(part) for part in value] == [int, int]):
        raise _damaged(path, "its protocol version is missing", _LOCAL_REMEDY)
    return value[0], value[1]


def _decode_key(path: Path, name: str, value: object, remedy: str) -> str:
    if not is_key(value):
        raise _damaged(path, f"its {name} is no key", remedy)
    return value


def is_key(value: object) -> TypeGuard[str]:
    """Whether this is a CURVE key as Z85 text."""
    if not isinstance(value, str) or len(value) != 40:
        return False
    try:
        z85.decode(value)
    except (ValueError, KeyError, struct.error):  # not ASCII, no letter of Z85, past 32 bits
        return False
    return True


def _is_endpoint(value: object) -> TypeGuard[str]:
    match = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    # 0.0.0.0 is where a server listens, not where it is.
    return match is not None and int(match["port"]) < 65536 and match["host"] != "0.0.0.0"


def _unreadable(path: Path, error: OSError, remedy: str) -> LinkError:
    if isinstance(error, FileNotFoundError):
        return _damaged(path, "it is not there", remedy)
    return _damaged(path, str(error.strerror or error), remedy)


def _damaged(path: Path, reason: str, remedy: str) -> LinkError:
    return LinkError(
        "link.connection_file", f"The connection file {path} cannot be used: {reason}.", remedy
    )
