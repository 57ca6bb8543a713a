# SPDX-License-Identifier: GPL-3.0-or-later
"""Poison for a real worker. Python imports this at its start where the folder is on PYTHONPATH;
in the worker's process it wraps the rooms' functions, so that a take does harm by its name:

    kill*        the process dies at once, as by a bug in a library
    gpu-once*    the card's memory runs out, once in this process's life
    memory-once* so does the machine's
    disk-once*   the disk is full
    slow*        each step of a bake takes 0.2 s longer
"""

import os
import sys


def _is_worker() -> bool:
    return "affekt.sidecar.worker" in sys.orig_argv


def _error(name: str) -> Exception:
    if name.startswith("gpu"):
        import torch

        return torch.cuda.OutOfMemoryError("CUDA out of memory")
    if name.startswith("memory"):
        return MemoryError()
    return OSError(28, "No space left on device")


_done: set[str] = set()


def _harm(name: str) -> None:
    if name.startswith("kill"):
        os._exit(9)
    if "-once" in name and name not in _done:
        _done.add(name)
        raise _error(name)


def _poison() -> None:
    import dataclasses
    import time

    from affekt.sidecar.worker import main
    from affekt.sidecar.worker.services import Services

    original = main.real_services

    def poisoned() -> Services:
        rooms = original()

        def bake(task, user):
            _harm(task.take.name)
            steps = rooms.bake(task, user)
            try:
                while True:
                    step = next(steps)
                    yield step
                    if task.take.name.startswith("slow"):
                        time.sleep(0.2)
            except StopIteration as end:
                return end.value
            finally:
                steps.close()

        def read_take(take, space):
            _harm(take.name)
            return rooms.read_take(take, space)

        return dataclasses.replace(rooms, bake=bake, read_take=read_take)

    main.real_services = poisoned


if _is_worker():
    _poison()
