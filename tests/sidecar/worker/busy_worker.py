# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker process whose previews never come back, as a step in the middle of a chunk."""

from __future__ import annotations

from dataclasses import replace

from affekt.sidecar.worker.main import main
from affekt.sidecar.worker.services import PreviewOutput, PreviewTask, Services
from fakes.orders import FakeServices


def make_services() -> Services:
    return replace(FakeServices().services(), preview=_work_for_ever)


def _work_for_ever(task: PreviewTask) -> PreviewOutput:
    task.take.path.with_name("begun").touch()
    while True:
        pass


if __name__ == "__main__":
    main(make_services)
