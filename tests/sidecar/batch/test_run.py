# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed out when, and what is told of a row, on an engine that answers at once."""

import contextlib
import gc
import os
import tracemalloc
from pathlib import Path

import pytest
from affekt.shared.batch_sheet import SheetRow, check_row
from affekt.shared.errors import InputError
from affekt.sidecar.batch.facts import Facts
from affekt.sidecar.batch.journal import Journal, read_journal
from affekt.sidecar.batch.plan import SPAN, Settings
from affekt.sidecar.batch.report import About, write_report
from affekt.sidecar.batch.run import Done, Outcome, run_rows
from affekt.sidecar.batch.sheet import Fault, Sheet
from affekt.sidecar.batch.task import Answer, Task
from fakes.engines import FakeEngine

FACTS = {"frames": 2 * SPAN + 5, "fps": 30.0, "space": "arkit"}


def row(number: int, **cells: str) -> SheetRow:
    return check_row({"take": "a.csv", "out": f"line_{number}", **cells}, number)


def answer(task: Task) -> Answer:
    if task.kind == "facts":
        return Answer(facts=FACTS, notes=["a.csv: gaps"])
    return Answer(
        files={name: (3, f"hash of {name}") for name in task.files},
        seconds=0.5,
        device="cpu" if task.kind == "render" else "",
        notes=["a.csv: gaps", f"said by {task.kind}"],
    )


def outcomes(rows: list, engine: FakeEngine, folder: Path) -> list[Outcome]:
    steps = run_rows(iter(rows), Settings(folder=folder), engine)
    return [step for step in steps if isinstance(step, Outcome)]


def test_a_stage_waits_for_the_one_before(tmp_path: Path) -> None:
    engine = FakeEngine(answer, slots=8)
    (made,) = outcomes(
        [row(1, emotions="sad", avatar="open", outputs="png mp4 arkit")], engine, tmp_path
    )
    kinds = [task.kind for task in engine.given]
    assert kinds == ["facts", "bake", "convert", "render", "render", "render", "render", "look"]
    spans = [task.options.get("frames") for task in engine.given[3:7]]
    assert spans == ["0-63", "64-127", "128-132", None]
    assert engine.given[2].options["source"] == "out:line_1/take.npz"
    assert engine.given[3].options["motion"] == "out:line_1/motion.npz"
    assert made.state == "done"
    assert made.devices == ("cpu",)
    assert made.notes[:2] == ("a.csv: gaps", "said by bake")
    assert len(made.notes) == 5
    assert made.seconds == pytest.approx(3.5)


def test_a_row_of_pictures_alone_bakes_nothing(tmp_path: Path) -> None:
    engine = FakeEngine(answer)
    outcomes([row(1, avatar="open", fps="25")], engine, tmp_path)
    assert [task.kind for task in engine.given] == ["facts", *["render"] * 3, "look"]
    assert engine.given[1].options["motion"] == "a.csv"
    assert engine.given[1].options["fps"] == 25.0
    assert "emotions" not in engine.given[1].options


def test_frames_without_emotions_are_baked_as_they_are(tmp_path: Path) -> None:
    engine = FakeEngine(answer)
    outcomes([row(1, frames="3-9", outputs="arkit")], engine, tmp_path)
    emotions = str(engine.given[1].options["emotions"]).removeprefix("out:")
    assert (tmp_path / emotions).read_text() == '{"keys": [{"frame": 0, "influence": 0.0}]}'


def test_a_failed_row_stops_no_other(tmp_path: Path) -> None:
    def fail(task: Task) -> Answer:
        if task.row == 2 and task.kind == "bake":
            return Answer(error=("file.not_writable", "The disk is full.", "Make room."))
        return answer(task)

    error = InputError("file.missing", "There is no file.", "Check the path.")
    rows = [row(1), row(2), Fault(number=3, cells={"take": "c"}, error=error), row(4)]
    made = {o.number: o for o in outcomes(rows, FakeEngine(fail), tmp_path)}
    assert [made[n].state for n in (1, 2, 3, 4)] == ["done", "failed", "failed", "done"]
    assert made[2].error == ("file.not_writable", "The disk is full.", "Make room.")
    assert made[3].cells["take"] == "c"


def test_what_fails_is_not_tried_again_for_every_span(tmp_path: Path) -> None:
    def fail(task: Task) -> Answer:
        return Answer(error=("batch.memory", "", "")) if task.kind == "render" else answer(task)

    engine = FakeEngine(fail, slots=1)
    (made,) = outcomes([row(1, avatar="open", outputs="png spz")], engine, tmp_path)
    assert [task.kind for task in engine.given] == ["facts", "render", *["sequence"] * 3]
    assert made.error == ("batch.memory", "", "")


def test_a_row_that_was_there_says_so(tmp_path: Path) -> None:
    def kept(task: Task) -> Answer:
        made = answer(task)
        return made if task.kind == "facts" else Answer(files=made.files, is_kept=True)

    first, second = (
        outcomes([row(1)], FakeEngine(answer), tmp_path),
        outcomes([row(1)], FakeEngine(kept), tmp_path),
    )
    assert (first[0].state, second[0].state) == ("done", "kept")
    assert first[0].sha256 == second[0].sha256 != ""


def test_a_character_is_read_first_then_baked(tmp_path: Path) -> None:
    """A row without emotions too: the file is made by the bake."""
    engine = FakeEngine(answer)
    (made,) = outcomes([row(1, character="c.glb")], engine, tmp_path)
    assert made.error is None
    first, bake, _ = engine.given
    assert (first.kind, bake.kind) == ("facts", "bake")
    assert first.options["character"] == bake.options["character"] == "c.glb"
    assert "line_1/character.glb" in bake.files


def test_names_need_not_be_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    (made,) = outcomes([row(1, take=f"{name}.csv", out=name)], FakeEngine(answer), tmp_path)
    assert made.state == "done"
    journal = Journal(tmp_path)
    journal.add(made)
    (read,) = read_journal(journal.path)
    assert read.out == name
    about = About(sheet="s", seconds=1.0, engine="x", began="now", version="1")
    page = write_report(tmp_path, journal.path, journal.totals, about)
    assert "caf?" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("cells", "bakes"),
    [({}, True), ({"outputs": "arkit"}, False), ({"outputs": "arkit", "frames": "0-3"}, True)],
)
def test_what_reads_the_take_knows_whether_it_is_baked(
    tmp_path: Path, cells: dict[str, str], bakes: bool
) -> None:
    engine = FakeEngine(answer)
    outcomes([row(1, **cells)], engine, tmp_path)
    assert engine.given[0].options["bakes"] is bakes
    assert ("bake" in [task.kind for task in engine.given]) is bakes
    facts = Facts(motion=Path("a.csv"), bakes=bakes)
    raised = pytest.raises(InputError, match="adapter") if bakes else contextlib.nullcontext()
    with raised:
        facts._check_avatar("flame2023")


def test_memory_is_flat(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()

    def count_bytes(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        path.write_text("take,out\n" + "".join(f"a.csv,line_{n}\n" for n in range(rows)))
        coming = Sheet(path=path, defaults={}).rows()
        engine = FakeEngine(answer)
        engine.given, held = Ignored(), 0
        tracemalloc.start()
        for step in run_rows(coming, Settings(folder=tmp_path), engine):
            assert isinstance(step, Done | Outcome)
            if isinstance(step, Outcome) and step.number == rows - 1:
                gc.collect()  # Python's own store of tuples for the next ones goes too
                held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return held

    count_bytes(10)
    few, many = count_bytes(10), count_bytes(2000)
    print(f"held near the end of 10 rows {few} bytes, of 2000 rows {many}")
    assert many < few + 20_000


class Ignored(list):
    """A list that stays empty."""

    def append(self, item: object) -> None:
        pass
