# SPDX-License-Identifier: GPL-3.0-or-later
"""A client in a process of its own, to be killed: starts a slow bake of the take that ships,
prints the job's id once it is under way, and polls for ever.

python -m tests.faults.lone_client RUNTIME_FOLDER WEIGHT
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from affekt.shared.client import Client
from affekt.shared.connection import read_connection
from affekt.shared.events import JobProgressed

from .harness import TAKE, take_frames, track_of


def main(folder: Path, weight: float) -> None:
    client = Client.connect(read_connection(folder))
    take = client.upload(TAKE.read_bytes(), "motion", "slow.npz")
    job = client.start_bake(take, track_of(take_frames(), weight))
    while True:
        for event in client.poll():
            if isinstance(event, JobProgressed):
                print(job, flush=True)
        time.sleep(0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
