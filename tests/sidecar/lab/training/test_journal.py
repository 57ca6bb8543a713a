# SPDX-License-Identifier: GPL-3.0-or-later
"""A run tells a person, a machine and an eye how it goes; none of it can end it."""

import importlib.util
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.lab.training import journal as module
from affekt.sidecar.lab.training.geometry import train
from affekt.sidecar.lab.training.journal import LINES, PICTURE, RECORDS, Journal, read_records
from fakes.head import small_head
from fakes.training import BRIEF


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


def test_a_run_leaves_lines_records_and_a_picture(tmp_path: Path):
    said: list[str] = []
    train(BRIEF, small_head(), tmp_path, said.append)
    written = (tmp_path / LINES).read_text().splitlines()
    assert [line[21:] for line in written] == said  # after the time
    records = read_records(tmp_path)
    assert [r["step"] for r in records if "loss" in r] == [1, 2, 3, 4]
    assert [r["step"] for r in records if "figures" in r] == [2, 4]
    assert all(r["loss"] > 0 and r["frames_per_second"] > 0 for r in records if "loss" in r)
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_records_after_the_checkpoint_are_made_again(tmp_path: Path):
    journal = Journal(folder=tmp_path, log=lambda line: None)
    for step in (1, 2, 3):
        journal.say_loss(step, 0.5, 100.0)
    with (tmp_path / RECORDS).open("a") as file:
        file.write('{"step": 4, "lo')  # a crash cut it off
    journal.rewind(2)
    journal.say_loss(3, 0.25, 100.0)
    assert [(r["step"], r["loss"]) for r in read_records(tmp_path)] == [
        (1, 0.5),
        (2, 0.5),
        (3, 0.25),
    ]
    assert len((tmp_path / LINES).read_text().splitlines()) == 4  # lines tell all that happened


@pytest.mark.parametrize(
    "line", [b"[1]", b'{"loss": 1}', b'{"step": "1"}', b"\xff\xfe", b"[" * 10**5]
)
def test_damaged_records_are_refused_and_kept(line: bytes, tmp_path: Path):
    (tmp_path / RECORDS).write_bytes(line + b"\n")
    with pytest.raises(InputError) as refused:
        Journal(folder=tmp_path, log=lambda line: None).rewind(2)
    assert refused.value.code == "file.damaged"
    assert (tmp_path / RECORDS).read_bytes() == line + b"\n"


def test_without_matplotlib_it_says_how_to_get_the_picture_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        module.importlib.util,
        "find_spec",
        lambda name: None if name == "matplotlib" else find(name),
    )
    said: list[str] = []
    path = train(BRIEF, small_head(), tmp_path, said.append)
    assert path.exists()
    assert not (tmp_path / PICTURE).exists()
    assert len([line for line in said if "matplotlib" in line]) == 1


def test_a_picture_that_fails_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plot = pytest.importorskip("affekt.sidecar.lab.training.plot")

    def fail(records: object) -> bytes:
        raise RuntimeError("no font")

    monkeypatch.setattr(plot, "draw_training", fail)
    said: list[str] = []
    assert train(BRIEF, small_head(), tmp_path, said.append).exists()
    assert f"no {PICTURE} this time: no font" in said


@pytest.mark.parametrize("records", [[], [{"step": 1, "loss": 0.5}], [{"step": 1, "figures": {}}]])
def test_a_picture_of_little(records: list[dict]):
    plot = pytest.importorskip("affekt.sidecar.lab.training.plot")
    assert plot.draw_training(records).startswith(b"\x89PNG")
