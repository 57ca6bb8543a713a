# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's face at rest: MakeHuman's neutral adult, awake and with its lips closed."""

from __future__ import annotations

from pathlib import Path

from ....shared.arrays import Float64Array
from .assemble import lip_masks
from .lips import seal_lips
from .makehuman import BaseMesh, read_target

LIDS_RAISED = 0.48
"""Weight of eyeWide in the face at rest. MakeHuman's upper lid lies 2.5 mm above the middle of the
pupil; people's lies 4 to 4.5 mm above it (MRD1) and covers 1 to 2 mm of the iris."""

LIPS_THINNER = {
    "lowerlip-volume-decr": 0.6,
    "upperlip-volume-decr": 0.6,
    "lowerlip-height-decr": 0.4,
    "upperlip-height-decr": 0.3,
}
"""Weights of MakeHuman's mouth targets in the face at rest: its neutral lips pout."""


def rest_positions(data: Path, mesh: BaseMesh, arkit: dict[str, Float64Array]) -> Float64Array:
    """Base vertices (N, 3) of the face at rest. arkit: displacement (N, 3) by ARKit's name.

    Only the rest changes: all expressions stay MakeHuman's displacements, so eyeBlink, which drew
    the lid 4 mm past the lower one, now ends 2 mm past it."""
    positions = neutral_adult(data, mesh)
    positions += LIDS_RAISED * (arkit["eyeWideLeft"] + arkit["eyeWideRight"])
    for target, weight in LIPS_THINNER.items():
        path = data / f"mpfb2/targets/mouth/mouth-{target}.target.gz"
        positions += weight * read_target(path, len(positions))
    lip, lower = lip_masks(data, mesh, arkit)
    return positions + seal_lips(positions, positions, lip, lower)


def neutral_adult(data: Path, mesh: BaseMesh) -> Float64Array:
    """Base vertices (N, 3) of a young adult, half female and half male, of equal parts of
    MakeHuman's three ancestries."""
    folder = data / "mpfb2/targets/macrodetails"
    positions = mesh.vertices.copy()
    for gender in ("female", "male"):
        body = f"universal-{gender}-young-averagemuscle-averageweight.target.gz"
        positions += 0.5 * read_target(folder / body, len(positions))
        for ancestry in ("african", "asian", "caucasian"):
            face = read_target(folder / f"{ancestry}-{gender}-young.target.gz", len(positions))
            positions += 0.5 / 3 * face
    return positions
