# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch will take, on an engine that answers in the order that it was asked."""

from pathlib import Path

from affekt.shared.batch_sheet import check_row
from affekt.sidecar.batch.check import estimate
from affekt.sidecar.batch.plan import Settings
from affekt.sidecar.batch.rates import Rates
from affekt.sidecar.batch.task import Answer, Task, resolve
from fakes.engines import FakeEngine

ROWS = 4
FRAMES = 100


class InOrder(FakeEngine):
    """Answers the oldest first."""

    def wait(self) -> tuple[int, str]:
        return self._waiting.popleft()


def answer(task: Task) -> Answer:
    if task.kind == "facts":
        return Answer(facts={"frames": FRAMES, "fps": 30.0, "space": "arkit"})
    files = dict.fromkeys(task.files[:1], (7 * task.frames, "hash"))
    return Answer(seconds=0.5 * task.frames, files=files)


def test_answers_in_order_are_not_mixed_up(tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    (batch / ".affekt_batch" / "inputs" / "0f").mkdir(parents=True)
    (batch / ".affekt_batch" / "inputs" / "0f" / "a.csv").touch()
    seen = list[bool]()

    def look(task: Task) -> Answer:
        seen.append(Path(resolve(str(task.options.get("motion")), batch)).exists())
        return answer(task)

    rows = [
        check_row({"take": "in:0f/a.csv", "out": f"line_{n}", "outputs": "bake"}, n)
        for n in range(1, ROWS + 1)
    ]
    engine = InOrder(look)
    found = estimate(rows, Settings(folder=batch), engine, Rates(tmp_path))
    assert (found.rows, found.frames, found.faults) == (ROWS, ROWS * FRAMES, [])
    assert (found.seconds, found.bytes) == (0.5 * ROWS * FRAMES, 7 * ROWS * FRAMES)
    kinds = [task.kind for task in engine.given]
    assert kinds[:ROWS] == ["facts"] * ROWS  # no sample before all is read
    baked = [task.frames for task in engine.given if task.kind == "bake"]
    assert baked == [FRAMES, FRAMES]  # two samples of the one kind
    assert sum(seen) == len(engine.given) - kinds.count("look")
    left = {path.name for path in batch.iterdir()}
    assert left == {".affekt_batch"}  # the samples are gone
