# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt extension build`: the zip that an animator installs in Blender."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..extension.archive import (
    find_source,
    find_validators,
    move_whole,
    read_version,
    stage_tree,
    validate_zip,
    write_zip,
)
from ..extension.manual import FOLDER, write_manual
from ..extension.own_wheel import write_wheel
from ..extension.wheels import collect_wheels

WHEEL_FOLDER = "sidecar_wheel"
"""Where in the zip the sidecar's wheel lies, as `addon/setup/plan.py` looks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Build Blender's extension, with the wheels that it needs and the sidecar's, which its button
    installs, and let Blender validate it."""

    out: Path = Path("dist")
    """Folder for the zip."""
    wheels_from: Path | None = None
    """Folder with wheels already downloaded; what is missing there is downloaded into it."""
    offline: bool = False
    """Never download: take only what --wheels-from has."""
    blender: Path | None = None
    """Blender whose validation counts; by default any that is found."""

    def run(self) -> None:
        """Builds the zip. Raises InputError `option.*` if sources, wheels or a validation fail."""
        source = find_source()
        with tempfile.TemporaryDirectory(prefix="affekt-extension-") as folder:
            stage, fetched = Path(folder, "stage"), Path(folder, "wheels")
            stage.mkdir()
            fetched.mkdir()
            wheels = collect_wheels(
                self.wheels_from or fetched, stage / "wheels", download=not self.offline
            )
            stage_tree(source, stage, wheels)
            write_wheel(source, stage / WHEEL_FOLDER)
            write_manual(source, stage / FOLDER)
            zipped = Path(folder, f"affekt-{read_version(source)}.zip")
            write_zip(stage, zipped)
            validators = find_validators(self.blender, source)
            for command in validators:
                validate_zip(zipped, command)
            path = move_whole(zipped, self.out)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB for {', '.join(wheels)}")
        print(
            f"Validated by {len(validators)} Blender(s)."
            if validators
            else "Not validated: no Blender was found (--blender)."
        )
