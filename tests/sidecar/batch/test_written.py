# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches as files: what is written is what engines read, and what they do comes together again."""

import json
import subprocess
from pathlib import Path

import pytest
from affekt.shared.batch_sheet import check_row
from affekt.shared.errors import InputError
from affekt.shared.take_files import encode_arkit
from affekt.sidecar.batch import written
from affekt.sidecar.batch.farm import portable_rows
from affekt.sidecar.batch.flamenco import encode_job, read_job_type
from affekt.sidecar.batch.openjd import encode_template
from affekt.sidecar.batch.plan import SPAN, Settings
from affekt.sidecar.batch.sheet import Fault
from affekt.sidecar.batch.task import Answer, Task, encode_answer
from affekt.sidecar.batch.written import STAGES, collect, group_size, run_written, write_plan
from fakes.engines import OPENJD, FakeEngine, InlineEngine
from fakes.takes import arkit_motion

COUNTS = {"bake": 40, "make": 2500, "finish": 0, "look": 40}


def facts(_: Task) -> Answer:
    return Answer(facts={"frames": SPAN + 1, "fps": 30.0, "space": "arkit"})


def row(number: int, **cells: str):
    return check_row({"take": "a.csv", "out": f"line_{number}", **cells}, number)


def test_tasks_are_lined_up_by_stage(tmp_path: Path) -> None:
    error = InputError("file.missing", "There is no file.", "Check the path.")
    rows = [
        row(1, avatar="open", outputs="png mp4"),
        Fault(number=2, cells={"take": "b", "out": "b"}, error=error),
        row(3, emotions="sad", outputs="arkit"),
    ]
    plan = write_plan(rows, Settings(folder=tmp_path), FakeEngine(facts))
    assert plan.counts == {"bake": 1, "make": 3, "finish": 1, "look": 2}
    assert [outcome.number for outcome in plan.lost] == [2]
    made = (tmp_path / ".affekt_batch/plan/make.jsonl").read_text().splitlines()
    assert [json.loads(line)["task"]["row"] for line in made] == [1, 1, 3]
    assert str(tmp_path) not in "".join(made)


def test_groups_grow_with_the_tasks() -> None:
    assert (group_size(3), group_size(8000), group_size(8001), group_size(25_000)) == (8, 8, 9, 25)


def test_a_template_has_a_step_a_stage_and_the_report() -> None:
    steps = json.loads(encode_template(COUNTS, "night.csv"))["steps"]
    assert [step["name"] for step in steps] == ["bake", "make", "look", "report"]
    assert [step.get("dependencies") for step in steps] == [
        None,
        [{"dependsOn": "bake"}],
        [{"dependsOn": "make"}],
        [{"dependsOn": "look"}],
    ]
    numbers = steps[1]["parameterSpace"]["taskParameterDefinitions"][0]
    assert (numbers["name"], numbers["range"]) == ("First", "1-2500:8")
    assert steps[1]["script"]["actions"]["onRun"]["args"][-1] == "8"
    with pytest.raises(InputError):
        encode_template(dict.fromkeys(STAGES, 0), "night.csv")
    with pytest.raises(InputError):
        encode_job(dict.fromkeys(STAGES, 0), "night.csv", Path("/farm/night"))


@pytest.mark.skipif(OPENJD is None, reason="openjd-cli is not installed")
def test_openjd_takes_the_template(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(encode_template(COUNTS | {"make": 300_000}, "x" * 300))
    assert OPENJD is not None
    done = subprocess.run([OPENJD, "check", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_flamenco_authors_every_task_behind_those_before(tmp_path: Path) -> None:
    quickjs = pytest.importorskip("quickjs")
    job = json.loads(encode_job(COUNTS | {"make": 17}, "night.csv", Path("/farm/night")))
    engine = quickjs.Context()
    engine.eval(
        "var made = []; var job = " + json.dumps(job) + ";"
        "job.addTask = function(t) { made.push(t); };"
        "var author = {Command: function(n, p) { return {name: n, parameters: p}; },"
        " Task: function(n, t) { return {name: n, before: [], commands: [],"
        " addCommand: function(c) { this.commands.push(c); },"
        " addDependency: function(o) { this.before.push(o.name); }}; }};"
    )
    engine.eval(read_job_type().decode())
    known = json.loads(engine.eval("JSON.stringify(JOB_TYPE.settings.map(s => s.key))"))
    assert set(job["settings"]) == set(known)
    engine.eval("compileJob(job)")
    made = json.loads(engine.eval("JSON.stringify(made)"))
    names = [task["name"] for task in made]
    assert names[5:8] == ["make-1", "make-9", "make-17"]
    assert made[5]["before"] == names[:5]
    assert made[-1]["before"] == names[-6:-1]
    assert made[6]["commands"][0]["parameters"] == {
        "exe": "affekt",
        "args": ["batch", "task", "/farm/night", "make", "9", "8"],
    }


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch of two rows, of which the second cannot be done."""
    home = tmp_path_factory.mktemp("home")
    (home / "a.json").write_bytes(encode_arkit(arkit_motion(4)))
    folder = home / "batch"
    folder.mkdir()
    rows = [row(n, take=str(home / "a.json"), avatar="open", size="32") for n in (1, 2)]
    settings = Settings(folder=folder, cache="out:.affekt_batch/chunks")
    write_plan(portable_rows(rows, folder), settings, InlineEngine())
    (home / "a.json").unlink()  # all that is needed lies in the folder
    (folder / "line_2").write_bytes(b"in the way")
    return folder


def test_tasks_by_number_and_their_report(batch: Path) -> None:
    answers = {
        stage: [run_written(batch, stage, n)[1] for n in (1, 2)] for stage in ("make", "look")
    }
    assert [answer.error is None for answer in answers["make"]] == [True, False]
    assert (batch / "line_1/png/frame_0004.png").is_file()
    assert answers["look"][1].error == answers["make"][1].error  # not tried
    totals = collect(batch).totals
    assert (totals.rows, totals.done, totals.failed, totals.lost) == (2, 1, 1, [2])
    (batch / "line_2").unlink()
    for stage in ("make", "look"):
        for number in (1, 2):
            run_written(batch, stage, number)
    totals = collect(batch).totals
    assert (totals.done, totals.kept, totals.failed) == (1, 1, 0)


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """A batch of a row with three tasks of a stage, and one behind them."""
    rows = [row(1, avatar="open", outputs="png", size="32")]
    long = Answer(facts={"frames": 2 * SPAN + 1, "fps": 30.0, "space": "arkit"})
    write_plan(rows, Settings(folder=tmp_path), FakeEngine(lambda _: long))
    return tmp_path


def do(monkeypatch: pytest.MonkeyPatch, folder: Path, stage: str, number: int, why: str) -> str:
    """What the task says, were it tried: an error, or none."""
    error = ("file.not_writable", why, "") if why else None
    answer = encode_answer(Answer(error=error))
    monkeypatch.setattr(written, "run_text", lambda _: answer)
    found = run_written(folder, stage, number)[1].error
    return found[1] if found else ""


def test_the_report_has_the_reason_whichever_task_failed(
    four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert do(monkeypatch, four, "make", 1, "") == ""
    assert do(monkeypatch, four, "make", 3, "full") == "full"
    assert do(monkeypatch, four, "make", 2, "") == "full"
    assert do(monkeypatch, four, "look", 1, "") == "full"
    assert "full" in collect(four).path.read_text()
    assert "Not all" not in collect(four).path.read_text()


def test_tasks_that_are_given_out_again_are_tried_again(
    four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (("make", 1), ("make", 2), ("make", 3), ("look", 1))
    first = [do(monkeypatch, four, *task, "full") for task in given]
    assert first == ["full"] * 4
    second = [do(monkeypatch, four, *given[n], "") for n in (1, 0, 2, 3)]
    assert second == [""] * 4
    assert collect(four).totals.failed == 0


def test_a_new_plan_has_no_answers(four: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for task in (("make", 1), ("make", 2), ("make", 3), ("look", 1)):
        do(monkeypatch, four, *task, "")
    assert collect(four).totals.done == 1
    rows = [row(1, avatar="open", outputs="png", size="32", emotions="sad 0.3")]
    write_plan(rows, Settings(folder=four), FakeEngine(facts))
    assert (collect(four).totals.done, collect(four).totals.failed) == (0, 1)


def test_what_is_no_task(batch: Path) -> None:
    for stage, number in (("make", 3), ("make", 0), ("bake", 1), ("draw", 1)):
        with pytest.raises(InputError) as caught:
            run_written(batch, stage, number)
        assert caught.value.code == "batch.task"
    with pytest.raises(InputError) as caught:
        collect(batch / "line_1")
    assert caught.value.code == "batch.task"


def test_an_input_that_was_changed_is_not_taken(batch: Path, tmp_path: Path) -> None:
    (copied,) = (batch / ".affekt_batch/inputs").glob("*/a.json")
    data = copied.read_bytes()
    try:
        copied.write_bytes(encode_arkit(arkit_motion(4, seed=2)))
        answer = run_written(batch, "make", 1)[1]
        assert answer.error is not None
        assert answer.error[0] == "batch.input"
    finally:
        copied.write_bytes(data)


def test_a_task_that_was_not_done_is_said(batch: Path) -> None:
    path = batch / ".affekt_batch/answers/make_1.json"
    path.unlink(missing_ok=True)
    path.with_name("make_2.json").write_text(encode_answer(Answer()))
    assert collect(batch).totals.lost[0] == 1
