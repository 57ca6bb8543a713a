# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch whose work is done on other machines: all that they read lies in the batch's folder, by
its content, and they check that it does."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from ...shared.batch_sheet import SheetRow, names_a_file
from ...shared.errors import AffektError, not_writable
from ...shared.replacement import partial_path, replace_file
from .sheet import EMBEDDED, FILES, Fault
from .task import IN, OWN
from .work import hash_of_input


def portable_rows(rows: Iterable[SheetRow | Fault], folder: Path) -> Iterator[SheetRow | Fault]:
    """The rows with their files in the batch's folder; each is copied once, however many rows name
    it. A row whose files cannot be copied becomes a fault."""
    for row in rows:
        if isinstance(row, Fault):
            yield row
            continue
        try:
            yield _portable(row, folder)
        except AffektError as error:
            cells = {name: str(value) for name, value in asdict(row).items()}
            yield Fault(number=row.number, cells=cells, error=error)


def _portable(row: SheetRow, folder: Path) -> SheetRow:
    names = (*FILES, "emotions") if names_a_file(row.emotions) else FILES
    given = {name: getattr(row, name) for name in names}
    return replace(
        row,
        **{
            name: keep_input(Path(text), folder)
            for name, text in given.items()
            if text and text not in EMBEDDED
        },
    )


def keep_input(path: Path, folder: Path) -> str:
    """Copies a file or folder into the batch's, under its hash, unless it is there; how a task
    names it."""
    digest = hash_of_input(path)
    target = folder / OWN / "inputs" / digest / path.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            partial = partial_path(target.parent)
            if path.is_dir():
                shutil.copytree(path, partial)
            else:
                shutil.copyfile(path, partial)
            replace_file(partial, target)
    except OSError as error:
        raise not_writable(target, error) from error
    return f"{IN}{digest}/{path.name}"
