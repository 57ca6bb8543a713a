# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt avatar calibrate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .avatar import Source

if TYPE_CHECKING:
    from ...shared.calibration import Calibration

_LEAST = 0.02
"""Helpers below this are not worth a line."""


@dataclass(frozen=True, kw_only=True)
class Calibrate(Source):
    """Measure what an avatar's ARKit shapes do to its face, and map weights so that it moves as
    far as the open head does. Avatars are calibrated when they are read; this shows how."""

    show: Path | None = None
    """A PNG to write: poses on the open head, on the avatar by the shapes' names, and by their
    effect."""
    out: Path | None = None
    """The safetensors file to write: the avatar in Affekt's own form, with its calibration."""

    def run(self) -> None:
        from dataclasses import replace

        from ...shared.errors import InputError
        from ..avatar.affekt_avatar import encode_avatar
        from ..avatar.avatar import ArkitRig
        from ..avatar.calibration import PORTRAIT_BROWS_MM, calibrate
        from ..avatar.seen_bindings import with_seen_bindings
        from ..files import check_ending, check_outputs, write_whole
        from ..head.read import OPEN, read_head
        from ..render.calibration_sheets import calibration_sheet
        from ..render.images import write_png

        check_ending(self.out, "an avatar file", ".safetensors")
        check_ending(self.show, "a PNG", ".png")
        check_outputs(self.show, self.out, sources=(self.avatar, self.head))
        avatar, head = with_seen_bindings(self.read(plain_shapes=True)), read_head(OPEN)
        if not isinstance(avatar.surface, ArkitRig):
            raise InputError(
                "avatar.calibration",
                f"'{avatar.name}' has no ARKit shapes that could be calibrated.",
                "Give an avatar that has them, such as a LAM web bundle.",
            )
        calibration = calibrate(avatar.surface, head, brows_lower_mm=PORTRAIT_BROWS_MM)
        print("\n".join(report(calibration)))
        if self.show is not None:
            picture = calibration_sheet(avatar, calibration, head, title=avatar.name)
            write_png(self.show, picture)
            print(f"{self.show}: {picture.shape[1]} x {picture.shape[0]} pixels")
        if self.out is not None:
            rig = replace(avatar.surface, calibration=calibration)
            write_whole(self.out, encode_avatar(replace(avatar, surface=rig)))
            print(f"{self.out}: {self.out.stat().st_size / 1e6:.1f} MB")


def report(calibration: Calibration) -> list[str]:
    """Lines of a table: how far each shape moves the face, as a share of the open head's motion,
    by its name and by its effect, and what it becomes."""
    from ...shared.motion import ARKIT_NAMES

    lines = [f"{'':22}{'by name':>8}{'by effect':>10}{'most':>6}  becomes"]
    for shape, name in enumerate(ARKIT_NAMES):
        parts = [
            f"{calibration.map[helper, shape]:.2f} {ARKIT_NAMES[helper]}"
            for helper in (-calibration.map[:, shape]).argsort(kind="stable")
            if calibration.map[helper, shape] >= _LEAST
        ]
        by_name, by_effect = calibration.reach[shape]
        figures = f"{by_name:8.0%}{by_effect:10.0%}{calibration.most[shape]:6.2f}"
        lines.append(f"{name:22}{figures}  {' + '.join(parts)}")
    return lines
