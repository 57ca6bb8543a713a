# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt keys` as two people use it, each saying the next command, and `affekt serve --remote`."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from affekt.shared.connection import read_connection_file
from affekt.shared.errors import AffektError
from affekt.sidecar import cli
from affekt.sidecar.commands.serve import Serve
from affekt.sidecar.server.key_files import KEYS_VARIABLE, read_key_file, server_keys


@dataclass
class Terminal:
    """Runs command lines and keeps all that they print."""

    capsys: pytest.CaptureFixture[str]
    printed: str = ""
    codes: list[int] = field(default_factory=list)

    def run(self, line: str) -> str:
        """What it printed; its exit code goes to `codes`."""
        self.codes.append(cli.run(shlex.split(line)))
        captured = self.capsys.readouterr()
        text = captured.out + captured.err
        self.printed += text
        return text


def next_command(text: str) -> str:
    """The last command that the text tells to run, without `affekt`."""
    return re.findall(r"^    affekt (.+)$", text, re.MULTILINE)[-1]


@pytest.fixture
def terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)


def test_each_command_says_the_next(terminal: Terminal, tmp_path: Path) -> None:
    said = next_command(terminal.run("keys show"))
    assert said == "keys new --out me.json"
    said = next_command(terminal.run(said))
    assert said.startswith("keys trust ")
    said = next_command(terminal.run(said.replace("NAME", "anna")))
    assert said.startswith("keys connect --server tcp://HOST:5870 ")
    terminal.run(said.replace("HOST", "render1.example"))
    connection = read_connection_file(tmp_path / "remote.json")
    mine, theirs = read_key_file(tmp_path / "me.json"), server_keys(tmp_path / "keys")
    assert connection.endpoint == "tcp://render1.example:5870"
    assert connection.server_public_key == theirs.public
    assert (connection.client_public_key, connection.client_secret_key) == (
        mine.public,
        mine.secret,
    )
    assert "anna" in terminal.run("keys list")
    terminal.run("keys forget anna")
    assert "Nobody is trusted" in terminal.run("keys list")
    assert terminal.codes == [0] * len(terminal.codes)
    assert mine.secret not in terminal.printed
    assert theirs.secret not in terminal.printed


MISTAKES = {
    "keys trust aaaa --name anna": "option.key",
    "keys trust {key} --name local": "option.name",
    "keys trust {key} --name Anna": "option.name",
    "keys forget ben": "option.name",
    "keys new --out me.json": "file.not_writable",
    "keys connect --server render1 --server-key {key} --key me.json --out r": "option.server",
    "keys connect --server tcp://a:1 --server-key x --key me.json --out r": "option.key",
    "keys connect --server tcp://a:1 --server-key {key} --key no.json --out r": "link.key_file",
    "keys connect --server tcp://a:1 --server-key {key} --key me.json --out me.json": (
        "file.not_writable"
    ),
    "serve --remote": "link.no_trusted_key",
    "serve --listen 0.0.0.0": "option.remote",
    "serve --port 5870": "option.remote",
    "serve --remote --port 65536": "option.port",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_one_sentence(terminal: Terminal, line: str) -> None:
    text = terminal.run("keys new --out me.json")
    key = re.findall("[a-z2-7]{56}", text)[0]
    secret = json.loads(Path("me.json").read_text())["secret_key"]
    said = terminal.run(line.format(key=key))
    assert terminal.codes[-1] == 2
    assert f"[{MISTAKES[line]}]" in said
    assert secret not in said


def test_without_remote_it_listens_to_this_machine_alone() -> None:
    first, second = Serve()._endpoint(), Serve()._endpoint()
    assert (first.host, first.port) == ("127.0.0.1", None)
    assert first.client is not None
    assert first.keys.public != second.keys.public


def test_remote_listens_where_it_is_told(terminal: Terminal) -> None:
    terminal.run("keys new --out me.json")
    terminal.run(f"keys trust {re.findall('[a-z2-7]{56}', terminal.printed)[0]} --name anna")
    endpoint = Serve(remote=True)._endpoint()
    assert (endpoint.host, endpoint.port, endpoint.client) == ("0.0.0.0", 5870, None)
    endpoint = Serve(remote=True, listen="192.0.2.1", port=6000)._endpoint()
    assert (endpoint.host, endpoint.port) == ("192.0.2.1", 6000)
    said = Serve(remote=True, port=6000)._say_how()
    assert "for anna" in said
    assert re.search(r"affekt keys connect --server tcp://\S+:6000 ", said)


def test_remote_writes_no_secret_on_its_own_address(terminal: Terminal, tmp_path: Path) -> None:
    """Nothing is made where nobody is trusted."""
    with pytest.raises(AffektError):
        Serve(remote=True, runtime_dir=tmp_path / "run", cache_dir=tmp_path / "cache").run()
    assert not (tmp_path / "run").exists()


def test_another_folder_for_a_servers_keys(terminal: Terminal, tmp_path: Path) -> None:
    key = re.findall("[a-z2-7]{56}", terminal.run("keys new --out me.json"))[0]
    other = f"--keys-dir {tmp_path / 'other'}"
    own, theirs = terminal.run("keys show"), terminal.run(f"keys show {other}")
    assert own != theirs
    assert terminal.run(f"keys show {other}") == theirs
    said = terminal.run(f"keys trust {key} --name anna {other}")
    assert re.findall("[a-z2-7]{56}", theirs)[0] in said
    assert "Nobody is trusted" in terminal.run("keys list")
    assert terminal.run(f"keys list {other}").startswith(f"{'anna':<32}  {key}\n")
    terminal.run(f"keys forget anna {other}")
    assert "Nobody is trusted" in terminal.run(f"keys list {other}")
    assert terminal.codes == [0] * len(terminal.codes)
