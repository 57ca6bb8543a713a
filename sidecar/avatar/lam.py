# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's web bundle: a zip with `skin.glb` (a mesh with ARKit's shapes and a skeleton) and
`offset.ply` (one Gaussian for each of the mesh's vertices).

Facts of the format: Gaussian i sits at vertex i + its x, y, z; `f_dc_0..2` is the colour itself,
0..1 sRGB, with no spherical harmonics; scales are logarithms, opacity a logit, rotation w, x, y,
z. `vertex_order.json` and `animation.glb` are for LAM's own viewer and are not read.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Float64Array, Int32Array
from ...shared.avatar_files import LAM_PARTS
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from ...shared.wording import say_count
from . import glb as gltf
from .archive import read_entry
from .avatar import ArkitRig, Avatar
from .ply import Columns, decode_ply
from .splats import COLOUR, HEAD_LOG_SCALE, MAX_MAGNITUDE, MEAN, SCALE, decode_splats

# Ten times LAM's 20,018; 52 dense shapes of so many vertices take 125 MB.
MAX_VERTICES = 200_000
# LAM's network keeps offsets and standard deviations below these, metres.
_MOST_OFFSET_M, _MOST_SCALE_M = 0.1, 0.01
# Fewer Gaussians may look like LAM's by chance.
_LEAST_GAUSSIANS = 100
TEMPLATES_SHA256 = ("0747d7a6765c61a801ed959d126140f8f4025cc56de71ceed92607fcb8f0bc78",)
"""Of the vertices of bundles that LAM has published, which are the same in two people's."""
_WHOLE = "Choose a LAM web bundle: a zip with skin.glb and offset.ply."


def decode_lam_avatar(data: bytes, name: str) -> Avatar:
    """Decodes a LAM bundle; `name` is what errors call it. Raises InputError `avatar.*` if it is
    damaged or no avatar."""
    skin, offset = (read_entry(data, entry, name, _WHOLE) for entry in LAM_PARTS)
    columns = decode_ply(offset, f"{name}/offset.ply")
    mesh_file = gltf.decode_glb(skin, f"{name}/skin.glb")
    primitive, target_names = _find_mesh(mesh_file)
    attributes = gltf.get_dict(mesh_file, primitive, "attributes")
    vertices = _floats(mesh_file, gltf.read_accessor(mesh_file, attributes.get("POSITION"), "VEC3"))
    _check_counts(len(vertices), len(columns["x"]) if "x" in columns else 0, name)
    pivots, weights, shares = _read_neck(mesh_file, attributes, vertices)
    rig = ArkitRig(
        vertices=vertices,
        faces=_read_faces(mesh_file, primitive, len(vertices)),
        arkit_shapes=_read_shapes(mesh_file, primitive, target_names, len(vertices)),
        joint_pivots=pivots,
        joint_weights=weights,
        joint_shares=shares,
    )
    splats = decode_splats(
        columns, f"{name}/offset.ply", most_log_scale=HEAD_LOG_SCALE, plain_colour=True
    )
    return Avatar(
        name=name,
        surface=rig,
        binding="vertex",
        anchors=np.arange(len(vertices), dtype=np.int32),
        offsets=splats.means,
        quaternions=splats.quaternions,
        scales=splats.scales,
        opacities=splats.opacities,
        colours=splats.colours,
        # LAM's network learned Gaussians that do not turn with the face: its lids and lips smear
        # when they do. Widening with the surface closes the gaps of a closing lid.
        follow="stretch",
        opaque_core=True,
        notes=_shape_notes(vertices),
    )


def _shape_notes(vertices: Float32Array) -> tuple[str, ...]:
    """What to say of a mesh that is LAM's template, whoever the Gaussians are of."""
    digest = hashlib.sha256(np.ascontiguousarray(vertices, "<f4").tobytes()).hexdigest()
    if digest not in TEMPLATES_SHA256:
        return ()
    return (
        "The mesh in this bundle is LAM's template, without the shape of the person whose "
        "Gaussians lie on it: nose and eyes may look narrower than in LAM's own video.",
    )


def is_lam_offset(columns: Columns, name: str) -> bool:
    """Whether a PLY's columns are a bundle's `offset.ply`: colours in f_dc, and by the file's name
    or because all offsets and sizes are below LAM's bounds."""
    if "f_rest_0" in columns or not set(MEAN + COLOUR + SCALE) <= set(columns):
        return False
    if not all(columns[key].min() >= 0 and columns[key].max() <= 1 for key in COLOUR):
        return False
    if PurePath(name).name.lower() == LAM_PARTS[1]:
        return True
    near = all(np.abs(columns[key]).max() <= 1.001 * _MOST_OFFSET_M for key in MEAN)
    small = all(columns[key].max() <= np.log(1.001 * _MOST_SCALE_M) for key in SCALE)
    return near and small and len(columns["x"]) >= _LEAST_GAUSSIANS


def _find_mesh(file: gltf.Glb) -> tuple[gltf.JsonDict, list[object]]:
    """The first mesh's only primitive, and the names of its morph targets."""
    mesh = gltf.get_item(file, "meshes", 0)
    primitives = gltf.get_list(file, mesh, "primitives")
    if len(primitives) != 1 or not isinstance(primitives[0], dict):
        raise gltf.broken(file.name, "its mesh is not in one piece")
    primitive: gltf.JsonDict = primitives[0]
    if primitive.get("mode", 4) != 4:
        raise gltf.broken(file.name, "its mesh is not made of triangles")
    names = gltf.get_list(file, gltf.get_dict(file, mesh, "extras"), "targetNames")
    if len(names) != len(gltf.get_list(file, primitive, "targets")):
        raise gltf.broken(file.name, "its shapes have no names")
    return primitive, names


def _check_counts(vertices: int, gaussians: int, name: str) -> None:
    if vertices > MAX_VERTICES:
        raise InputError(
            "avatar.too_big",
            f"The avatar '{name}' has {vertices} vertices.",
            f"Choose an avatar of at most {MAX_VERTICES}.",
        )
    if vertices != gaussians:
        raise InputError(
            "avatar.mismatch",
            f"In the avatar '{name}' {say_count(gaussians, 'Gaussian')} belong to {vertices} "
            "vertices; "
            "there must be one for each.",
            "Take skin.glb and offset.ply from the same export.",
        )


def _read_faces(file: gltf.Glb, primitive: gltf.JsonDict, vertices: int) -> Int32Array:
    corners = gltf.read_accessor(file, primitive.get("indices"), "SCALAR")[:, 0]
    if corners.dtype.kind != "u" or len(corners) % 3 or corners.max() >= vertices:
        raise gltf.broken(file.name, "its triangles name vertices that are not there")
    return corners.astype(np.int32).reshape(-1, 3)


def _read_shapes(
    file: gltf.Glb, primitive: gltf.JsonDict, names: list[object], vertices: int
) -> Float32Array:
    """(52, V, 3): the targets that carry ARKit's names; LAM's bundles lack `tongueOut`."""
    targets = gltf.get_list(file, primitive, "targets")
    shapes = np.zeros((len(ARKIT_NAMES), vertices, 3), np.float32)
    found = 0
    for name, target in zip(names, targets, strict=True):
        if name in ARKIT_NAMES and isinstance(target, dict) and "POSITION" in target:
            values = gltf.read_accessor(file, target["POSITION"], "VEC3", count=vertices)
            shapes[ARKIT_NAMES.index(str(name))] = _floats(file, values)
            found += 1
    if not found:
        raise InputError(
            "avatar.no_shapes",
            f"The mesh '{file.name}' has none of ARKit's shapes, so it cannot be animated.",
            "Choose a LAM web bundle with its shapes.",
        )
    return shapes


def _floats(file: gltf.Glb, values: NDArray) -> Float32Array:
    if values.dtype.kind != "f" or not (np.abs(values) < MAX_MAGNITUDE).all():
        raise gltf.broken(file.name, "it has positions that are not numbers, or far too large")
    return values.astype(np.float32)


def _read_neck(
    file: gltf.Glb, attributes: gltf.JsonDict, vertices: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Reads pivots (J, 3), weights (V, J) and shares (J,) of the joints that turn the head: `head`
    with all joints below it, and those above it with "neck" in their name. The other joints of
    the body hold still. Without a skeleton the whole mesh turns about its middle."""
    skins = gltf.get_list(file, file.document, "skins")
    if not skins or "JOINTS_0" not in attributes or "WEIGHTS_0" not in attributes:
        middle = vertices.mean(0, keepdims=True)
        return middle, np.ones((len(vertices), 1), np.float32), np.ones(1, np.float32)
    skin = gltf.get_item(file, "skins", 0)
    joints = gltf.get_list(file, skin, "joints")
    parents = gltf.parents_of(file)
    names = [str(gltf.get_item(file, "nodes", joint).get("name", "")).lower() for joint in joints]
    if "head" not in names:
        raise gltf.broken(file.name, "its skeleton has no joint called head")
    chains = [_chain(joint, parents) for joint in joints]
    head = joints[names.index("head")]
    necks = [node for node in _chain(head, parents)[1:] if node in joints]
    necks = [node for node in necks if "neck" in names[joints.index(node)]]
    order = [*reversed(necks), head]
    # A joint belongs to the nearest of the chain at or above it, or to the body.
    owner = [next((order.index(n) for n in chain if n in order), len(order)) for chain in chains]
    weights = _gather_weights(file, attributes, np.array(owner), len(vertices), len(order))
    inverse_bind = gltf.read_accessor(
        file, skin.get("inverseBindMatrices"), "MAT4", count=len(joints)
    )
    pivots = [_pivot(file, inverse_bind[joints.index(node)]) for node in order]
    # The head takes half of the turn, the neck the rest, as necks do.
    shares = [0.5 / len(necks)] * len(necks) + [0.5] if necks else [1.0]
    return np.array(pivots, np.float32), weights, np.array(shares, np.float32)


def _chain(joint: object, parents: dict[object, int]) -> list[object]:
    """The joint and all above it; stops at a cycle in a damaged file."""
    chain = [joint]
    while chain[-1] in parents and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    return chain


def _gather_weights(
    file: gltf.Glb, attributes: gltf.JsonDict, owner: NDArray, vertices: int, count: int
) -> Float32Array:
    """Sums the skin weights (V, J) of each joint of the chain; the rest to 1 is the body's."""
    joints = gltf.read_accessor(file, attributes["JOINTS_0"], "VEC4", count=vertices)
    weights = gltf.read_accessor(file, attributes["WEIGHTS_0"], "VEC4", count=vertices)
    if joints.dtype.kind != "u" or joints.max() >= len(owner):
        raise gltf.broken(file.name, "it is skinned to joints that are not there")
    if weights.dtype.kind != "f" or not np.isfinite(weights).all() or weights.min() < 0:
        raise gltf.broken(file.name, "its skin weights are not usable")
    gathered = np.zeros((vertices, count + 1))
    for corner in range(4):
        np.add.at(gathered, (np.arange(vertices), owner[joints[:, corner]]), weights[:, corner])
    gathered /= np.maximum(gathered.sum(1, keepdims=True), 1e-9)
    return np.ascontiguousarray(gathered[:, :count], np.float32)


def _pivot(file: gltf.Glb, inverse_bind: NDArray) -> Float64Array:
    """The position (3,) of a joint in the mesh's space; glTF stores matrices by columns."""
    matrix = inverse_bind.astype(np.float64).reshape(4, 4).T
    if not (np.abs(matrix) < MAX_MAGNITUDE).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise gltf.broken(file.name, "a joint of its skeleton has no place")
    return np.linalg.inv(matrix)[:3, 3].astype(np.float64)
