# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's bases: expressions from ARKit's 52 shapes and 48 more of MakeHuman's, the jaw's
soft tissue as a pose corrective."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.motion import ARKIT_NAMES
from .assemble import Assembly
from .makehuman import read_target
from .rig import Rig

TARGETS = tomllib.loads(Path(__file__).with_name("targets.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """shape (V, 3, S) per standard deviation; expression (V, 3, 100); pose (V, 3, 36)."""

    shape: Float64Array
    expression: Float64Array
    expression_names: tuple[str, ...]
    pose: Float64Array


def arkit_targets(data: Path, vertices: int) -> dict[str, Float64Array]:
    """Reads the base mesh's displacement (N, 3) at weight 1 of each ARKit name."""
    folder = data / "faceunits01/targets/faceunits"
    return {name: read_target(folder / f"{name}.target", vertices) for name in ARKIT_NAMES}


def build_bases(
    data: Path,
    assembly: Assembly,
    rig: Rig,
    arkit: dict[str, Float64Array],
    made: dict[str, Float64Array],
    shape: Float64Array,
) -> Bases:
    """Builds all bases of the assembled head. made: further expression components (V, 3) by
    name; shape: the identities, see `identities`."""
    pose, open_lips = jaw_corrective(assembly, rig, assembly.carry(arkit["jawOpen"]))
    columns = [assembly.carry(arkit[name]) for name in ARKIT_NAMES]
    eyes = np.concatenate([assembly.slice_of(f"eye_{side}") for side in ("left", "right")])
    for name, column in zip(ARKIT_NAMES, columns, strict=True):
        column[eyes] = 0  # an eyeball turns by its joint and is never bent
        if name == "jawOpen":
            column[:] = open_lips
    names, extras = _extras(data, assembly, eyes)
    names += list(made)
    extras += list(made.values())
    return Bases(
        shape=shape,
        expression=np.stack([*columns, *extras], -1),
        expression_names=(*ARKIT_NAMES, *names),
        pose=pose,
    )


def _extras(
    data: Path, assembly: Assembly, eyes: np.ndarray
) -> tuple[list[str], list[Float64Array]]:
    targets = data / "mpfb2/targets"
    paths = [targets / f"expression/units/caucasian/{unit}.target.gz" for unit in TARGETS["units"]]
    paths += [targets / f"{detail}.target.gz" for detail in TARGETS["details"]]
    names, columns = [], []
    for path in paths:
        column = assembly.carry(read_target(path, len(assembly.base)))
        column[eyes] = 0
        names.append(_camel(path.name.removesuffix(".target.gz")))
        columns.append(column)
    return names, columns


def _camel(name: str) -> str:
    words = name.split("-")
    side = {"l": "Left", "r": "Right"}.get(words[0], "")
    words = words[1:] if side else words
    words = [w.capitalize() for w in words]
    words[0] = words[0].lower()
    return "".join(words) + side


def jaw_corrective(
    assembly: Assembly, rig: Rig, jaw_open: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Splits the difference between ARKit's jawOpen and a turn of the jaw joint in two: a pose
    corrective (V, 3, 36) for cheeks and chin, so that a jaw turned by hand looks right too, and
    the expression component jawOpen (V, 3) for the lips. All three together are ARKit's shape.

    The elements sin(angle) and -sin(angle) of R - I carry half of the corrective each.
    """
    c, s = np.cos(rig.jaw_angle), np.sin(rig.jaw_angle)
    rotation = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    weight = rig.skin_weights[:, 2][:, None, None]
    blend = (1 - weight) * np.eye(3) + weight * rotation
    pivot = rig.joints[2]
    rest = assembly.vertices
    target = rest + jaw_open
    shift = weight[:, :, 0] * (pivot - rotation @ pivot)
    unposed = np.linalg.solve(blend, (target - shift)[..., None])[..., 0]
    corrective = unposed - rest
    eyes = np.concatenate([assembly.slice_of(f"eye_{side}") for side in ("left", "right")])
    corrective[eyes] = 0
    mouth = np.array([0.0, -0.045, 0.058])
    near = np.exp(-(((rest - mouth) / [0.022, 0.014, 0.03]) ** 2).sum(1))[:, None]
    pose = np.zeros((len(rest), 3, 36))
    jaw_row = 9  # R - I of neck, then jaw; row-major elements (1, 2) and (2, 1)
    pose[:, :, jaw_row + 5] = (1 - near) * corrective * (-0.5 / s)
    pose[:, :, jaw_row + 7] = (1 - near) * corrective * (0.5 / s)
    return pose, near * corrective
