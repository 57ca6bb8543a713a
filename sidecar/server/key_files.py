# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of keys: this server's pair, a client's pair, and the users whom this server trusts.

    KEYS/server.json     {"public_key", "secret_key"}, made at first use
    KEYS/trusted.json    {"users": {NAME: public key}}

Keys are Z85 text, files 0600 in a 0700 folder. A file that others may read is not used.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import zmq
from zmq.utils import z85

from ...shared import limits, private_files
from ...shared.connection import is_key, unusable_folder
from ...shared.errors import InputError, LinkError
from .keys import KeyPair, check_name, is_name, make_keys
from .sockets import ClientEndpoint

KEYS_VARIABLE = "AFFEKT_KEYS_DIR"
KEYS_SETTING = f"set the variable {KEYS_VARIABLE}, or give the command `--keys-dir`"
SERVER_FILE = "server.json"
TRUSTED_FILE = "trusted.json"
_log = logging.getLogger("affekt.server")


def default_keys_folder() -> Path:
    """The user's folder for keys; `AFFEKT_KEYS_DIR` overrides it."""
    if named := os.environ.get(KEYS_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "affekt" / "keys"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "affekt" / "keys"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "affekt" / "keys"


def server_keys(folder: Path) -> KeyPair:
    """This server's pair, made at first use. Raises LinkError `link.key_file`."""
    path = folder / SERVER_FILE
    try:
        private_files.make_folder(folder)
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # another command makes it in this moment
                private_files.write_new(path, _pair_text(make_keys()))
    except OSError as error:
        raise _unusable_folder(folder, error) from error
    return read_key_file(path)


def new_key_file(path: Path) -> KeyPair:
    """A client's new pair, written to a new file. Raises InputError `file.not_writable`."""
    pair = make_keys()
    write_secret(path, _pair_text(pair))
    return pair


def write_secret(path: Path, text: str) -> None:
    """Writes a new file that only its user may read. Raises InputError `file.not_writable`."""
    try:
        private_files.write_new(path, text)
    except FileExistsError as error:
        raise InputError(
            "file.not_writable", f"There is a file {path} already.", "Give another with --out."
        ) from error
    except OSError as error:
        raise InputError(
            "file.not_writable",
            f"{path} cannot be written: {error.strerror}.",
            "Choose another folder with --out.",
        ) from error


def read_key_file(path: Path) -> KeyPair:
    """Reads a pair. Raises LinkError `link.key_file` if it is missing, damaged, or others may
    read it."""
    content = _read(path)
    public, secret = content.get("public_key"), content.get("secret_key")
    if not (is_key(public) and is_key(secret)):
        raise _unusable(path, "it holds no pair of keys")
    if zmq.curve_public(secret.encode()) != public.encode():
        raise _unusable(path, "its two keys do not belong together")
    return KeyPair(public=public, secret=secret)


def read_trusted(folder: Path) -> dict[str, str]:
    """The trusted users: name -> public key (Z85). Raises LinkError `link.key_file`."""
    path = folder / TRUSTED_FILE
    users = _read(path).get("users") if path.exists() else {}
    if not isinstance(users, dict) or len(users) > limits.MAX_TRUSTED_KEYS:
        raise _unusable(path, "it holds no list of users")
    for name, key in users.items():
        if not is_name(name) or not is_key(key):
            raise _unusable(path, f"'{name[:40]}' has no proper name or key")
    if len(set(users.values())) < len(users):
        raise _unusable(path, "two users have one key")
    return users


def trust(folder: Path, name: str, key: str) -> None:
    """Trusts the holder of this public key (Z85) as `name` from now on.

    Raises InputError `option.name` (no name, or it has another key), `option.key` (the key has
    another name); LinkError `link.key_file`.
    """
    users = read_trusted(folder)
    known = next((user for user, other in users.items() if other == key), None)
    if known == check_name(name):
        return
    if known is not None:
        raise InputError(
            "option.key",
            f"That key is trusted already, as '{known}'.",
            f"Run `affekt keys forget {known}` first.",
        )
    if name in users:
        raise InputError(
            "option.name",
            f"'{name}' is trusted already, with another key.",
            f"Run `affekt keys forget {name}` first, or choose another name.",
        )
    if len(users) >= limits.MAX_TRUSTED_KEYS:
        raise InputError(
            "option.name",
            f"{len(users)} users are trusted already, as many as there may be.",
            "Forget some with `affekt keys forget`.",
        )
    _write_trusted(folder, {**users, name: key})


def forget(folder: Path, name: str) -> None:
    """Trusts this user no longer, from the next connection on. Raises InputError `option.name`
    if there is no such user."""
    users = read_trusted(folder)
    if name not in users:
        raise InputError(
            "option.name", f"Nobody is trusted as '{name[:40]}'.", "See `affekt keys list`."
        )
    _write_trusted(folder, {user: key for user, key in users.items() if user != name})


class TrustedKeys:
    """A `Trust` of the users in the file, which is read again whenever it has changed. If the file
    cannot be used, nobody is trusted, and the log says why."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, ...] | None = None
        self._users: dict[bytes, str] = {}

    def __call__(self, key: bytes) -> str | None:
        now = _signature(self._folder / TRUSTED_FILE)
        if now != self._seen:
            self._users, self._seen = self._load(), now
        return self._users.get(key)

    def _load(self) -> dict[bytes, str]:
        try:
            users = read_trusted(self._folder)
        except LinkError as error:
            _log.error("nobody is let in: %s", error)
            return {}
        return {z85.decode(key): user for user, key in users.items()}


def remote_endpoint(folder: Path, host: str, port: int) -> ClientEndpoint:
    """An endpoint for the trusted users, with this server's own keys. Raises LinkError
    `link.no_trusted_key` if there are none, `link.key_file`."""
    keys = server_keys(folder)
    if not read_trusted(folder):
        raise LinkError(
            "link.no_trusted_key",
            "Nobody is trusted to use this server from another machine.",
            "Run `affekt keys new` on theirs, then `affekt keys trust` here.",
        )
    return ClientEndpoint(keys=keys, trust=TrustedKeys(folder), host=host, port=port)


def _write_trusted(folder: Path, users: Mapping[str, str]) -> None:
    path = folder / TRUSTED_FILE
    try:
        private_files.make_folder(folder)
        private_files.write(path, json.dumps({"users": users}, indent=1))
    except OSError as error:
        raise _unusable_folder(folder, error) from error


def _pair_text(pair: KeyPair) -> str:
    return json.dumps({"public_key": pair.public, "secret_key": pair.secret}, indent=1)


def _read(path: Path) -> dict[str, object]:
    try:
        data = private_files.read(path)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        content = json.loads(data) if len(data) <= private_files.MAX_FILE_BYTES else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _unusable(path, "it is damaged")
    return content


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def _unusable_folder(folder: Path, error: OSError) -> LinkError:
    said = unusable_folder(folder, KEYS_SETTING, error)
    return LinkError("link.key_file", said.message, said.remedy)


def _unusable(path: Path, reason: OSError | str) -> LinkError:
    said = reason if isinstance(reason, str) else reason.strerror or str(reason)
    remedy = (
        "If others may have read it, delete it and exchange new keys; else mend it (`chmod 600`)."
    )
    is_exposed = isinstance(reason, private_files.NotPrivateError) and path.is_file()
    if isinstance(reason, OSError) and not is_exposed:
        remedy = "Check its path and your right to read it; `affekt keys new` makes new keys."
    return LinkError("link.key_file", f"The key file {path} cannot be used: {said}.", remedy)
