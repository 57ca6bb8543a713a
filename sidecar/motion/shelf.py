# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders on disk and in zip archives, alike for whoever looks for a take in them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ...shared import limits
from ...shared.errors import InputError
from ..files import read_bytes, too_large
from . import npz

_MOST_MEMBERS = 2 * limits.MAX_FRAMES  # a take's files, and a picture for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies in one folder. files: name -> size in bytes."""

    folders: list[str]
    files: Mapping[str, int]


class Shelf(Protocol):
    """A folder with all that is in it; places are paths with "/" from its top, which is ""."""

    @property
    def label(self) -> str:
        """What errors call it."""
        ...

    def listing(self, place: str) -> Listing:
        """What lies in a folder of it, without what is hidden. Raises InputError `file.missing`."""
        ...

    def read(self, place: str) -> bytes:
        """A file's bytes. Raises InputError `file.*`."""
        ...

    def without_take(self, end: str) -> InputError:
        """The error if no take is in it; `end` ends its sentence."""
        ...


def join(place: str, name: str) -> str:
    """The place of a name in a folder."""
    return f"{place}/{name}" if place else name


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on disk. Links to folders are not followed."""

    root: Path

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.root.name or str(self.root)

    def listing(self, place: str) -> Listing:
        """What lies in a folder of it. Raises InputError `file.missing`."""
        folders: list[str] = []
        files: dict[str, int] = {}
        try:
            with os.scandir(self.root / place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=not place):
                        folders.append(entry.name)
                    elif entry.is_file():
                        files[entry.name] = entry.stat().st_size
        except OSError as error:
            raise InputError(
                "file.missing",
                f"The folder {self.root / place} cannot be read: {error.strerror}.",
                "Check the path and that you may read it.",
            ) from error
        return Listing(folders=folders, files=files)

    def read(self, place: str) -> bytes:
        """A file's bytes. Raises InputError `file.*`."""
        return read_bytes(self.root / place, limits.MAX_MOTION_BYTES, "motion file")

    def without_take(self, end: str) -> InputError:
        """The error if no take is in it; `end` ends its sentence."""
        return InputError(
            "file.folder",
            f"{self.root} is a folder without a take{end}",
            "Give a take, or the folder in which a tracker wrote one file for each frame.",
        )


@dataclass(slots=True)
class Archive:
    """A zip archive, which is read in memory: names that lead out of it are only names.

    Raises InputError `file.damaged`.
    """

    data: bytes
    label: str
    _archive: zipfile.ZipFile = field(init=False)
    _members: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    _listings: dict[str, Listing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(self.data))
            infos = self._archive.infolist()
        except npz.BROKEN as error:
            raise npz.damaged(self.label) from error
        if len(infos) > _MOST_MEMBERS:
            raise npz.damaged(self.label)
        folders: dict[str, tuple[dict[str, None], dict[str, int]]] = {"": ({}, {})}
        for info in infos:
            parts = [part for part in info.filename.replace("\\", "/").split("/") if part]
            if not parts or any(part.startswith((".", "__MACOSX")) for part in parts):
                continue
            self._add(folders, parts, None if info.is_dir() else info)
        self._listings = {
            place: Listing(folders=list(inner), files=files)
            for place, (inner, files) in folders.items()
        }

    def _add(
        self,
        folders: dict[str, tuple[dict[str, None], dict[str, int]]],
        parts: list[str],
        info: zipfile.ZipInfo | None,
    ) -> None:
        place = ""
        for part in parts if info is None else parts[:-1]:
            folders[place][0][part] = None
            place = join(place, part)
            folders.setdefault(place, ({}, {}))
        if info is not None:
            folders[place][1][parts[-1]] = info.file_size
            self._members[join(place, parts[-1])] = info

    def listing(self, place: str) -> Listing:
        """What lies in a folder of it."""
        return self._listings[place]

    def read(self, place: str) -> bytes:
        """A file's bytes. Raises InputError `file.damaged`, `file.too_large`."""
        info = self._members[place]
        if info.file_size > limits.MAX_MOTION_BYTES:
            raise too_large(place, info.file_size, limits.MAX_MOTION_BYTES, "motion file")
        try:
            with self._archive.open(info) as file:
                content = file.read(info.file_size + 1)
        except npz.BROKEN as error:
            raise npz.damaged(self.label) from error
        if len(content) != info.file_size:
            raise npz.damaged(self.label)
        return content

    def without_take(self, end: str) -> InputError:
        """The error if no take is in it; `end` ends its sentence."""
        return InputError(
            "file.wrong_kind",
            f"{self.label} is a zip archive without a take{end}",
            "Give a take, or a zip of the folder in which a tracker wrote it.",
        )
