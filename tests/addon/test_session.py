# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender's session, with stand-ins for its supervisors; real ones are in test_supervision."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.addon.link import session as module
from affekt.addon.link.session import Session
from affekt.shared.errors import LinkError
from affekt.shared.supervisor import SupervisorState


@dataclass
class Line:
    """A supervisor that only remembers what it was made of and told."""

    command: list[str] | None
    folder: Path
    options: dict[str, object]
    told: list[str] = field(default_factory=list)
    state: SupervisorState = SupervisorState.CONNECTED
    is_lasting: bool = True
    log_path: Path | None = None
    version: str = "9.8.7"
    error: LinkError | None = None
    client: object = None

    def start(self) -> None:
        self.told.append("start")

    def stop(self) -> None:
        self.told.append("stop")

    def step(self) -> SupervisorState:
        self.told.append("step")
        return self.state

    def submit(self, call: object) -> Future[object]:
        """A sidecar that answers nothing yet."""
        return Future()

    def describe(self) -> str:
        return "as it is"


class Operator:
    said = ""

    @classmethod
    def poll_message_set(cls, text: str) -> None:
        cls.said = text


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Line]:
    made: list[Line] = []

    def make(command: list[str] | None, folder: Path, **options: object) -> Line:
        made.append(Line(command, folder, options))
        return made[-1]

    monkeypatch.setattr(module, "Supervisor", make)
    monkeypatch.setattr(module, "own_run_folder", lambda: tmp_path / "own")
    monkeypatch.setattr(module, "default_runtime_folder", lambda: tmp_path / "run")
    return made


def test_without_a_line_all_is_off() -> None:
    session = Session()
    assert session.state is session.step() is SupervisorState.OFF
    assert (session.error, session.log_path, session.version) == (None, None, "")
    assert session.describe() == SupervisorState.OFF.value
    assert not session.poll(Operator)
    assert Operator.said.startswith("Start the sidecar first")
    session.stop()
    with pytest.raises(LinkError) as caught:
        session.need_line()
    assert caught.value.code == "link.unreachable"


def test_a_sidecar_of_our_own_comes_after_the_last_one(lines: list[Line], tmp_path: Path) -> None:
    """It waits for the one before to end; a line that was stopped is no line any more."""
    session = Session()
    session.start(["python", "-m", "affekt.sidecar"])
    first = lines[0]
    assert (first.command, first.folder) == (
        ["python", "-m", "affekt.sidecar", "serve"],
        tmp_path / "own",
    )
    assert (first.options["after"], first.told) == (None, ["start"])
    assert session.need_line() is first
    assert (session.version, session.describe()) == ("9.8.7", "as it is")
    assert session.step() is SupervisorState.CONNECTED
    session.start(["python"])
    assert first.told == ["start", "step", "stop"]
    assert lines[1].options["after"] is first
    session.stop()
    assert lines[1].told == ["start", "stop"]
    assert session.state is SupervisorState.OFF


def test_what_a_sidecar_lacks_is_what_it_has_not_named(lines: list[Line]) -> None:
    """One that has said nothing yet lacks nothing, nor does none."""
    session = Session()
    assert not session.lacks("preview")
    session.start(["python"])
    lines[0].client = None
    assert not session.lacks("preview")
    lines[0].client = SimpleNamespace(welcome=SimpleNamespace(capabilities=("bake", "preview")))
    assert not session.lacks("preview")
    assert session.lacks("create_avatar")


@pytest.mark.parametrize(
    ("state", "is_there"),
    [
        (SupervisorState.OFF, False),
        (SupervisorState.STARTING, True),
        (SupervisorState.CONNECTED, True),
        (SupervisorState.RESTARTING, True),
        (SupervisorState.FAILED, False),
    ],
)
def test_a_sidecar_on_its_way_is_there(
    lines: list[Line], state: SupervisorState, is_there: bool
) -> None:
    session = Session()
    assert not session.is_there
    session.start(["python"])
    lines[0].state = state
    assert session.is_there == is_there


def test_a_client_takes_the_place_of_what_was_there(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    session.start(["python"])
    adopted = Line(None, Path(), {})
    asked: list[object] = []
    monkeypatch.setattr(
        module.Supervisor, "adopt", lambda client: asked.append(client) or adopted, raising=False
    )
    session.attach("a client")  # type: ignore[arg-type]
    assert lines[0].told[-1] == "stop"
    assert session.need_line() is adopted
    assert (asked, adopted.told) == (["a client"], [])


def test_what_the_sidecar_does_for_itself_is_looked_at_with_each_step(
    lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    session = Session()
    warmth = SimpleNamespace(step=seen.append, progress="half")
    monkeypatch.setattr(session, "_warmth", warmth)
    session.step()
    session.start(["python"])
    session.step()
    assert seen == [None, lines[0]]
    assert session.warming == "half"


def test_operators_wait_for_a_line_that_lasts(lines: list[Line]) -> None:
    session = Session()
    session.start(["python"])
    assert session.poll(Operator)
    lines[0].state, lines[0].is_lasting = SupervisorState.STARTING, False
    assert not session.poll(Operator)
    assert Operator.said == "The sidecar is starting"
    lines[0].state = SupervisorState.FAILED
    assert not session.poll(Operator)
    assert Operator.said.startswith("Start the sidecar first")
    with pytest.raises(LinkError):
        session.need_line()


def test_what_is_said_depends_on_whose_sidecar_it_is(lines: list[Line], tmp_path: Path) -> None:
    session = Session()
    session.start(["python"])
    assert session.advice.endswith("After 10 s of silence the connection is made again.")
    lines[0].log_path = tmp_path / "sidecar.log"
    assert session.advice.endswith("After 10 s of silence it is started again.")


def test_a_file_that_is_not_there_leaves_the_line_as_it_is(
    lines: list[Line], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    session.start(["python"])
    with pytest.raises(LinkError):
        session.connect(tmp_path / "missing.json")
    assert (lines[0].told, len(lines)) == (["start"], 1)
    read: list[object] = []
    monkeypatch.setattr(module, "read_connection_file", read.append)
    monkeypatch.setattr(module, "read_connection", lambda: read.append("own"))
    session.connect(tmp_path / "there.json")
    session.connect()
    assert read == [tmp_path / "there.json", "own"]
    assert [line.options["connection_file"] for line in lines[1:]] == [
        tmp_path / "there.json",
        None,
    ]
    assert all(line.command is None and line.folder == tmp_path / "run" for line in lines[1:])
    assert lines[0].told[-1] == lines[1].told[-1] == "stop"


def test_old_runs_go_before_a_sidecar_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[object] = []
    monkeypatch.setattr(module, "remove_old_runs", told.append)
    monkeypatch.setattr(module, "start_sidecar", lambda *words: told.append(words))
    module._spawn(["--lam-weights", "x"], ["python", "serve"], tmp_path / "own")
    assert told == [tmp_path, (["python", "serve", "--lam-weights", "x"], tmp_path / "own")]
