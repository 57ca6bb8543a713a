# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing a tracker's folder: by one of its numbered files, and by itself."""

import io
import zipfile
from pathlib import Path

import bpy
import harness
from fake_client import FakeClient, silence

asked = harness.options()


class Reader(FakeClient):
    """Reads one frame from any file, and three from a zip."""

    def read_take(self, motion: object, adapter: object = None, options: object = None) -> object:
        is_zip = self.uploaded[-1].startswith(b"PK")
        self.take, self.notes = silence(3 if is_zip else 1), ("A note.",)
        return super().read_take(motion, adapter, options)


def sent() -> dict[str, str]:
    """What lay in the newest upload."""
    with zipfile.ZipFile(io.BytesIO(client.uploaded[-1])) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def imported(path: Path, **options: object) -> dict:
    """What became of it."""
    bpy.ops.affekt.import_take(filepath=str(path), **options)
    take = head.affekt_takes.items[-1]
    return {"name": take.name, "frames": take.frames, "notes": take.notes.splitlines()}


with harness.enabled():
    folder = Path(asked["folder"])
    head = harness.add_head(asked["head"])
    client = Reader(harness.read_head(asked["head"]), silence(1))
    harness.load("addon.link.session").session.attach(client)
    told = {"by_file": imported(folder / "flame_param" / "00007.npz"), "by_file_sent": sent()}
    told["by_folder"] = imported(folder)
    told["by_folder_sent"] = sent()
    told["alone"] = imported(folder / "canonical.npz")
    told["uploads"] = [name for _, name in client.uploads]
    files = harness.load("addon.motion.files")
    told["empty"] = harness.failure(lambda: files.read_source(Path(asked["empty"])))
    told["absent"] = harness.failure(lambda: files.read_source(folder / "absent.npz"))
    harness.load("shared.limits").MAX_MOTION_BYTES = 20
    told["too_large"] = harness.failure(lambda: files.read_source(folder))
    harness.answer(**told)
