# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on a dask cluster: its scheduler, its workers, its dashboard, its TLS (dask's own
configuration). A task is a line of text in and a line out, done by `do_task`, which dask names
by its place in this package; data go through the batch's folder."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from ...shared.errors import AffektError, InputError, JobError, LinkError, not_writable
from ...shared.wording import say_count
from .task import OWN, encode_answer, failed
from .work import run_text, version_text

if TYPE_CHECKING:
    from distributed import Client, Future

FOLDER_SETTING = "AFFEKT_BATCH_FOLDER"
"""Where a worker whose machine mounts the batch's folder elsewhere has it."""
CONNECT_S = 10
COUNT_S = 2.0
"""How often workers are counted again."""
WORKERS_S = 10
"""How long a first worker is waited for."""
_LOGGERS = ("distributed", "distributed.client", "distributed.comm", "tornado", "asyncio")
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://[^\s/]+:(?P<port>\d{1,6})")
"""What dask takes for an address; of anything else it says nothing before it ends."""
RETRIES = 2
"""A task whose machine fails otherwise than by an answer is given to another so often."""


Answer = TypeVar("Answer")


class Cluster:
    """An `Engine`. Use it as a context: its end takes back what is not begun."""

    def __init__(self, address: str, folder: Path) -> None:
        """address: of the scheduler, such as tcp://HOST:8786. folder: the batch's, which every
        worker sees. Raises InputError `batch.package`; LinkError `batch.scheduler` if nobody
        answers, no worker is there, or one does not see the folder; InputError `batch.version`."""
        self._client = _connect(address)
        try:
            self._count = _count_workers(self._client, address)
            self._counted = time.monotonic()
            self.most_workers = self._count
            _check_versions(self._client)
            _check_folder(self._client, folder)
            from distributed import as_completed

            self._done = as_completed(loop=self._client.loop)
        except BaseException:
            self._client.close()
            raise
        self._numbers: dict[str, int] = {}
        self._address, self._name = address, secrets.token_hex(4)

    @property
    def slots(self) -> int:
        """Two for each worker, so that none waits; also for those that came later."""
        if time.monotonic() - self._counted > COUNT_S:
            self._counted = time.monotonic()
            with contextlib.suppress(Exception):  # dask's own; `wait` says that it is gone
                self._count = max(_present(self._client), 1)
                self.most_workers = max(self.most_workers, self._count)
        return 2 * self._count

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # dask's own, of a scheduler that is gone
            self._done.clear()
            self._client.close(timeout=CONNECT_S)

    def submit(self, number: int, text: str) -> None:
        """See `Engine`."""
        key = f"affekt-{self._name}-{number}"
        self._numbers[key] = number
        self._done.add(self._client.submit(do_task, text, key=key, pure=False, retries=RETRIES))

    def wait(self) -> tuple[int, str]:
        """See `Engine`. Raises LinkError `batch.scheduler` if the scheduler is lost."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        future: Future = next(self._done)
        number = self._numbers.pop(str(future.key))
        try:
            return number, str(future.result())
        except KilledWorker:
            return number, encode_answer(failed(_died()))
        except (CancelledError, OSError, TimeoutError) as error:
            raise _unreachable(self._address, "it was lost") from error
        except AffektError:
            raise
        except Exception as error:  # of a worker without this module, mostly
            return number, encode_answer(failed(_strange(error)))


def _connect(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "batch.package",
            "A cluster is reached by the package distributed, which is not installed.",
            'Run: pip install "affekt[farm]"',
        ) from error
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 1 << 16:
        raise _unreachable(address, "that is no address such as tcp://HOST:8786")
    for name in _LOGGERS:  # a scheduler that is lost is our sentence, not their tracebacks
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        raise _unreachable(address, str(error).splitlines()[0][:200]) from error


def _count_workers(client: Client, address: str) -> int:
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError as error:
        raise _unreachable(address, "it has no workers") from error
    return _present(client)


def _present(client: Client) -> int:
    """How many workers there are now."""
    return len(cast("Mapping[str, int]", client.nthreads()))


def _on_each(client: Client, ask: Callable[..., Answer], *given: object) -> Mapping[str, Answer]:
    """What each worker answers, by its address."""
    return cast("Mapping[str, Answer]", client.run(ask, *given))


def _check_versions(client: Client) -> None:
    """Raises InputError `batch.version` if a worker has no Affekt, or another one."""
    try:
        found = _on_each(client, version_text)
    except Exception as error:  # whatever an import raises there
        raise InputError(
            "batch.version",
            f"A worker of the cluster cannot load Affekt: {type(error).__name__} {error!s:.200}.",
            "Install the same Affekt with affekt[sidecar,farm] on every machine.",
        ) from error
    others = sorted(name for name, version in found.items() if version != version_text())
    if others:
        raise InputError(
            "batch.version",
            f"{say_count(len(others), 'worker')} of {len(found)} have another Affekt, such as "
            f"{others[0]} with {found[others[0]]}; here it is {version_text()}.",
            "Install the same version on every machine, and start the workers again.",
        )


def _check_folder(client: Client, folder: Path) -> None:
    """Raises LinkError `batch.scheduler` if a worker does not see the batch's folder."""
    token = f"{secrets.token_hex(8)}.seen"
    place = folder / OWN / token
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    except OSError as error:
        raise not_writable(place, error) from error
    try:
        found = _on_each(client, sees, str(folder), token)
    finally:
        place.unlink(missing_ok=True)
    blind = sorted(name for name, seen in found.items() if not seen)
    if blind:
        raise LinkError(
            "batch.scheduler",
            f"{say_count(len(blind), 'worker')} of {len(found)} do not see {folder}, such as "
            f"{blind[0]}.",
            f"Choose a folder that all machines share; where one mounts it elsewhere, set "
            f"{FOLDER_SETTING} for its worker.",
        )


def do_task(text: str) -> str:
    """Does a task's line on this worker."""
    return run_text(text, os.environ.get(FOLDER_SETTING, ""))


def sees(folder: str, token: str) -> bool:
    """Whether this worker sees a file in the batch's folder."""
    return (Path(os.environ.get(FOLDER_SETTING) or folder) / OWN / token).exists()


def _unreachable(address: str, reason: str) -> LinkError:
    return LinkError(
        "batch.scheduler",
        f"The cluster at {address} cannot be used: {reason}.",
        "Start it (`dask scheduler`, then `dask worker ADDRESS --nthreads 1` on each machine), and "
        "run the same line again: what is done is kept.",
    )


def _died() -> JobError:
    return JobError(
        "batch.worker",
        "The workers of the cluster that were given this died of it.",
        "Their logs say why; most often it is memory: give the row smaller pictures.",
    )


def _strange(error: Exception) -> JobError:
    return JobError(
        "batch.worker",
        f"A worker of the cluster failed: {type(error).__name__} {error!s:.200}.",
        "The worker's log says the rest.",
    )
