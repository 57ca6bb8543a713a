# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrating a character: its face with its shapes goes to the sidecar, a map of weights comes
back and is kept with it."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array, Int32Array
from ...shared.calibration import SHAPES, Calibration
from ...shared.character_face import FACE_SHAPES, FaceArrays, near_face
from ...shared.character_mapping import encode_calibration
from ...shared.wording import say_count
from ..head.find import Held, hold, need_editable
from ..link import requests
from ..link.session import session
from ..link.tasks import Progress, Steps
from .applying import apply_mapping
from .find import DrivenKey, need_driven_keys
from .look import positions


def calibration_steps(head: bpy.types.Object, scene: bpy.types.Scene) -> Steps:
    """Measures the character, keeps its calibration and writes its takes by it."""
    need_editable(head)
    return _calibrate(hold(head, scene))


def _calibrate(held: Held) -> Steps:
    line = session.need_line()
    yield Progress(fraction=0.0, text="Reading the face")
    face = read_face(held.get()[0])
    found = yield from requests.calibrate(line, face.vertices, face.faces, face.shapes)
    head, scene = held.get()
    head.affekt_character.calibration = encode_calibration(found)
    if not head.affekt_character.uses_calibration:
        head.affekt_character.uses_calibration = True
    written = apply_mapping(head, scene)
    told = f" {say_count(written, 'take')} written anew." if written else ""
    return f"Calibrated {head.name}: {describe(found, face)}.{told}"


def describe(found: Calibration, face: FaceArrays) -> str:
    """How far the character's shapes move it, and how far once calibrated."""
    seen = face.shapes.any((1, 2)) & (found.reach[:, 0] > 0)
    before, after = np.median(found.reach[seen], 0) if seen.any() else (1.0, 1.0)
    return (
        f"its shapes moved it {before:.0%} as far as Affekt's head's do, now {after:.0%} "
        f"(the median of {np.count_nonzero(seen)})"
    )


def read_face(head: bpy.types.Object) -> FaceArrays:
    """The character's face at rest with its shapes. Raises InputError `character.*`."""
    by_mesh: dict[str, list[DrivenKey]] = {}
    for one in need_driven_keys(head):
        by_mesh.setdefault(one.keys.name_full, []).append(one)
    own = head.data.shape_keys.name_full
    chosen = {k: v for k, v in by_mesh.items() if k == own or len(v) >= FACE_SHAPES}
    vertices: list[Float64Array] = []
    faces: list[Int32Array] = []
    shapes: list[Float32Array] = []
    count = 0
    for keys in chosen.values():
        turn, place = _face_from_mesh(head, keys[0].mesh)
        rest = positions(keys[0].keys.reference_key)
        vertices.append(rest @ turn.T + place)
        shapes.append(_displacements(keys, len(rest)) @ turn.T.astype(np.float32))
        faces.append(_triangles(keys[0].mesh.data) + count)
        count += len(rest)
    return near_face(np.concatenate(vertices), np.concatenate(faces), np.concatenate(shapes, 1))


def _face_from_mesh(
    head: bpy.types.Object, mesh: bpy.types.Object
) -> tuple[Float64Array, Float64Array]:
    """(3, 3) and (3,) from a mesh's axes to the face's."""
    head_from_mesh = np.array(head.matrix_world.inverted_safe() @ mesh.matrix_world)
    face_from_head = np.array(head.affekt_character.axes, np.float64).reshape(3, 3)
    return face_from_head @ head_from_mesh[:3, :3], face_from_head @ head_from_mesh[:3, 3]


def _displacements(keys: list[DrivenKey], count: int) -> Float32Array:
    """(52, V, 3) of one mesh, in its own axes."""
    shapes = np.zeros((SHAPES, count, 3), np.float32)
    for one in keys:
        block = one.keys.key_blocks[one.key]
        shapes[one.shape] += (positions(block) - positions(block.relative_key)).astype(np.float32)
    return shapes


def _triangles(mesh: bpy.types.Mesh) -> Int32Array:
    mesh.calc_loop_triangles()
    flat = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", flat)
    return flat.reshape(-1, 3)
