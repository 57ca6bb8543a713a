# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt keys show`, `new`, `trust`, `list`, `forget` and `connect`: an exchange of public keys
by hand, in which each command says the next. No secret is ever printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

EXAMPLE = "tcp://HOST:5870"


@dataclass(frozen=True, kw_only=True)
class Show:
    """Show this server's public key; its pair is made at first use."""

    keys_dir: Path | None = None
    """Folder for this server's keys; by default a folder of the user's own."""

    def run(self) -> None:
        from ..server.key_files import server_keys
        from ..server.keys import to_text

        print(f"This server's public key:\n\n    {to_text(server_keys(_folder(self)).public)}\n")
        print("Give it to whoever shall use this server. Next, on their machine:\n")
        print("    affekt keys new --out me.json")


@dataclass(frozen=True, kw_only=True)
class New:
    """Make your own pair of keys, on the machine where Blender runs."""

    out: Path
    """The file to write, for your eyes only; such as me.json."""

    def run(self) -> None:
        from ..server.key_files import new_key_file
        from ..server.keys import to_text

        pair = new_key_file(self.out)
        print(f"{self.out} holds your keys; give it to nobody. Your public key:\n")
        print(f"    {to_text(pair.public)}\n")
        print("Next, on the server (whoever runs it, with a name for you):\n")
        print(f"    affekt keys trust {to_text(pair.public)} --name NAME")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Let the holder of a key use this server, from now on."""

    key: Annotated[str, tyro.conf.Positional]
    """Their public key, as `affekt keys new` showed it."""
    name: str
    """What to call them: a-z, 0-9 and '-'. Each user's files are kept apart."""
    keys_dir: Path | None = None
    """Folder for this server's keys; by default a folder of the user's own."""

    def run(self) -> None:
        from ..server.key_files import server_keys, trust
        from ..server.keys import from_text, to_text

        folder = _folder(self)
        trust(folder, self.name, from_text(self.key))
        print(f"{self.name} is trusted. Next, here, if it does not run yet:\n")
        print("    affekt serve --remote\n")
        print(f"and on {self.name}'s machine:\n")
        print(f"    {connect_line(to_text(server_keys(folder).public), EXAMPLE)}")


@dataclass(frozen=True, kw_only=True)
class List:
    """Say who may use this server, and by which public key."""

    keys_dir: Path | None = None
    """Folder for this server's keys; by default a folder of the user's own."""

    def run(self) -> None:
        from ..server.key_files import read_trusted
        from ..server.keys import to_text

        users = read_trusted(_folder(self))
        for name in sorted(users):
            print(f"{name:<32}  {to_text(users[name])}")
        if users:
            print("\n`affekt keys forget NAME` takes it back.")
        else:
            print("Nobody is trusted. `affekt keys show` begins an exchange of keys.")


@dataclass(frozen=True, kw_only=True)
class Forget:
    """Let a user in no longer."""

    name: Annotated[str, tyro.conf.Positional]
    """As `affekt keys list` shows it."""
    keys_dir: Path | None = None
    """Folder for this server's keys; by default a folder of the user's own."""

    def run(self) -> None:
        from ..server.key_files import forget

        forget(_folder(self), self.name)
        print(f"{self.name} is refused from the next connection on. One that is open stays open:")
        print("stop `affekt serve --remote` and start it again to end it.")


@dataclass(frozen=True, kw_only=True)
class Connect:
    """Write the file by which Blender finds a remote server."""

    server: str
    """Where it listens: tcp://HOST:PORT."""
    server_key: str
    """Its public key, as `affekt keys show` printed it there."""
    key: Path
    """Your own keys, from `affekt keys new`."""
    out: Path
    """The file to write, for your eyes only; such as remote.json."""

    def run(self) -> None:
        from ...shared.connection import remote_connection, remote_file_text
        from ..server.key_files import read_key_file, write_secret
        from ..server.keys import from_text

        mine = read_key_file(self.key)
        connection = remote_connection(
            self.server,
            server_public_key=from_text(self.server_key),
            client_public_key=mine.public,
            client_secret_key=mine.secret,
        )
        write_secret(self.out, remote_file_text(connection))
        print(f"{self.out} is ready; give it to nobody. Next, in Blender: Edit > Preferences >")
        print("Add-ons > Affekt > Connection File:\n")
        print(f"    {self.out.absolute()}\n")
        print(f"then, in the Affekt panel, Connect by {self.out.name}.")


def connect_line(server_key: str, endpoint: str) -> str:
    """The command by which a trusted user makes a connection file. server_key: as text."""
    return (
        f"affekt keys connect --server {endpoint} --server-key {server_key} "
        "--key me.json --out remote.json"
    )


def _folder(command: Show | Trust | List | Forget) -> Path:
    from ..server.key_files import default_keys_folder

    return command.keys_dir or default_keys_folder()
