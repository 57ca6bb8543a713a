# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME files whose map from the open head is known: the open head on another mesh, as another
person somewhere else, its expressions mixed by a random rotation."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affekt.shared.head import HeadModel
from affekt.sidecar.adapter import registration
from affekt.sidecar.adapter.features import Features
from affekt.sidecar.adapter.skin import Skin, SkinTree, skin_of
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

# MediaPipe's points that lie where iBUG's do: eyes, lips, nose.
IBUG_OF_MEDIAPIPE = {
    33: 36,
    160: 37,
    158: 38,
    133: 39,
    153: 40,
    144: 41,
    362: 42,
    385: 43,
    387: 44,
    263: 45,
    373: 46,
    380: 47,
    61: 48,
    39: 49,
    37: 50,
    0: 51,
    267: 52,
    269: 53,
    291: 54,
    405: 55,
    314: 56,
    17: 57,
    84: 58,
    181: 59,
    78: 60,
    82: 61,
    13: 62,
    312: 63,
    308: 64,
    317: 65,
    14: 66,
    87: 67,
    168: 27,
    4: 30,
    2: 33,
    98: 31,
    327: 35,
}
UPPER_LIP, LOWER_LIP = 13, 14


@dataclass(frozen=True, kw_only=True, eq=False)
class Twin:
    """arrays: a FLAME file's content. corners (V, 3), weights (V, 3): where each vertex lies
    on the open head. jacobian (V, 3, 3): what the other person's face makes of a displacement.
    mix (100, 100): open coefficients = mix @ FLAME's. turn (3, 3): how its head is turned."""

    arrays: dict[str, np.ndarray]
    corners: np.ndarray
    weights: np.ndarray
    jacobian: np.ndarray
    mix: np.ndarray
    turn: np.ndarray

    def sample(self, values: np.ndarray) -> np.ndarray:
        """(V, ...) of values (open vertices, ...)."""
        return np.einsum("vk,vk...->v...", self.weights, values[self.corners])

    def numbers(self, expression: np.ndarray, jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(T, 100), (T, 3): the twin's expression and jaw for the open head's."""
        return expression @ self.mix, jaw @ self.turn.T

    def carry(self, displacement: np.ndarray) -> np.ndarray:
        """(V, 3) the twin's displacement where the open head has (open vertices, 3)."""
        return np.einsum("vij,vj->vi", self.jacobian, self.sample(displacement))


COARSE = 0.125
"""What is left of the points where it does not matter how exactly an adapter maps: it is found in
a quarter of the time."""


def real_mesh_twin(head: HeadModel, basis: Path, seed: int = 0) -> Twin:
    """FLAME 2023 Open's mesh on the open head; `basis` is the npz with its template, faces and
    MediaPipe's embedding."""
    with np.load(basis, allow_pickle=False) as file:
        content = {key: file[key] for key in file.files}
    template, faces = content["v_template"].astype(np.float64), content["faces"].astype(np.int64)
    skin, target = skin_part(template, faces), skin_of(head)
    hits = wrap(skin, content, head, target).hits
    corners, weights = np.zeros((len(template), 3), np.int64), np.zeros((len(template), 3))
    corners[skin.vertex] = target.vertex[target.faces[hits.face]]
    weights[skin.vertex] = hits.weights
    rest = np.setdiff1d(np.arange(len(template)), skin.vertex)
    for side, joint in ((rest[: len(rest) // 2], 3), (rest[len(rest) // 2 :], 4)):
        ball = np.flatnonzero(head.skin_weights[:, joint] > 0.5)
        arms = template[side] - template[side].mean(0)
        arms *= 0.0149 / np.linalg.norm(arms, axis=1).mean()
        near = cKDTree(head.template[ball]).query(_joints(head)[joint] + arms)[1]
        corners[side], weights[side] = ball[near, None], [1, 0, 0]
    return _make_twin(head, corners, weights, faces, seed)


def remeshed_twin(head: HeadModel, seed: int = 0, *, left: float = 0.5) -> Twin:
    """Another mesh without anyone's data: the open head's skin of whose points that share is left,
    each moved into a triangle beside it; its eyeballs as they are."""
    rng = np.random.default_rng(seed)
    skin = skin_of(head)
    faces = _thin_out(skin, int(left * len(skin.points)), rng)
    corners = np.repeat(np.arange(len(head.template))[:, None], 3, 1)
    weights = np.tile([1.0, 0.0, 0.0], (len(corners), 1))
    for face in rng.permutation(skin.faces):
        first = np.argsort(rng.random(3))
        row = skin.vertex[face[first]]
        corners[row[0]], share = row, rng.uniform(0, 0.25, 2)
        weights[row[0]] = [1 - share.sum(), *share]
    balls = head.faces[(head.skin_weights[head.faces, 3:].max(2) > 0.5).all(1)]
    used, local = np.unique(np.concatenate([skin.vertex[faces], balls]), return_inverse=True)
    corners, weights = corners[used], weights[used]
    weights[np.isin(used, balls)] = [1.0, 0.0, 0.0]
    return _make_twin(head, corners, weights, local.reshape(-1, 3), seed)


def _thin_out(skin: Skin, points: int, rng: np.random.Generator) -> np.ndarray:
    """(F, 3) faces after random points were drawn into their nearest neighbour until so many are
    left (half-edge collapse, where the surface stays one and no triangle turns over)."""
    around: list[set[tuple[int, ...]]] = [set() for _ in skin.points]
    for face in map(tuple, skin.faces.tolist()):
        for corner in face:
            around[corner].add(face)
    left = len(skin.points)
    for point in rng.permutation(len(skin.points)).tolist():
        if left <= points:
            break
        left -= _draw_in(point, around, skin.points)
    return np.array(sorted(set().union(*around)))


def _draw_in(point: int, around: list[set[tuple[int, ...]]], places: np.ndarray) -> bool:
    def beside(vertex: int) -> set[int]:
        return {corner for face in around[vertex] for corner in face} - {vertex}

    near = beside(point)
    if len(near) != len(around[point]):  # on a boundary
        return False
    goal = min(near, key=lambda other: float(np.linalg.norm(places[other] - places[point])))
    if len(near & beside(goal)) != 2:
        return False
    gone = {face for face in around[point] if goal in face}
    new = {face: tuple(goal if c == point else c for c in face) for face in around[point] - gone}
    for face, moved in new.items():
        before, after = (
            np.cross(places[f[1]] - places[f[0]], places[f[2]] - places[f[0]])
            for f in (list(face), list(moved))
        )
        if before @ after < 0.7 * np.linalg.norm(before) * np.linalg.norm(after) + 1e-12:
            return False
    for face in list(around[point]):
        for corner in face:
            around[corner].discard(face)
    for moved in new.values():
        for corner in moved:
            around[corner].add(moved)
    return True


def _joints(head: HeadModel) -> np.ndarray:
    return head.joint_regressor.astype(np.float64) @ head.template


def skin_part(template: np.ndarray, faces: np.ndarray) -> Skin:
    """FLAME's skin without its eyeballs."""
    vertices = int(faces[(faces == 0).any(1)].max())
    while True:  # FLAME's skin comes first; its eyeballs are pieces of their own
        reached = int(faces[(faces <= vertices).any(1)].max())
        if reached == vertices:
            break
        vertices = reached
    vertex = np.arange(vertices + 1)
    return Skin(
        points=template[vertex],
        faces=faces[(faces <= vertices).all(1)],
        vertex=vertex,
        side=np.zeros(len(vertex), np.int8),
    )


def wrap(
    skin: Skin, content: dict[str, np.ndarray], head: HeadModel, target: Skin
) -> registration.Registration:
    """FLAME's skin laid onto the open head's by the landmarks of both. content: as in
    `real_mesh_twin`."""
    points = content["landmark_indices"].tolist()
    chosen = [points.index(name) for name in IBUG_OF_MEDIAPIPE]
    names = tuple(f"ibug.{ibug}" for ibug in IBUG_OF_MEDIAPIPE.values())
    on_skin = np.cumsum((content["faces"] < len(skin.vertex)).all(1)) - 1  # index among its faces
    here = Features(
        names=names,
        faces=on_skin[content["lmk_face_idx"][chosen]],
        weights=content["lmk_b_coords"][chosen].astype(np.float64),
    )
    none = Features(names=(), faces=np.zeros(0, np.int64), weights=np.zeros((0, 3)))
    there = registration.with_landmarks(none, head, target).pick(list(names))
    lips = [here.places(skin)[list(IBUG_OF_MEDIAPIPE).index(p)] for p in (UPPER_LIP, LOWER_LIP)]
    skin = _lips_by_distance(skin, lips)
    scale, turn, shift = registration._similarity(here.places(skin), there.places(target))
    seen = registration.find_features(head, target, np.eye(3))
    target = registration._with_sides(target, head, seen)
    ground = SkinTree.of(target)
    bent = registration._bend(scale * skin.points @ turn.T + shift, skin, ground, (here, there))
    return registration.Registration(
        source=skin,
        target=target,
        hits=ground.nearest(bent, registration._normals(bent, skin.faces), skin.side),
        bent=bent,
        turn=turn,
        scale=scale,
        shift=shift,
    )


def _lips_by_distance(skin: Skin, lips: list[np.ndarray]) -> Skin:
    """Which lip a point belongs to, by the way along the surface."""
    ends = np.concatenate([skin.faces[:, [0, 1]], skin.faces[:, [1, 2]], skin.faces[:, [2, 0]]])
    length = np.linalg.norm(skin.points[ends[:, 0]] - skin.points[ends[:, 1]], axis=1)
    count = len(skin.points)
    start = cKDTree(skin.points).query(np.array(lips))[1]
    graph = coo_matrix((length, ends.T), (count, count))
    upper, lower = dijkstra(graph, directed=False, indices=start)
    near = np.minimum(upper, lower) < 0.04
    clear = np.abs(upper - lower) > 0.002
    side = np.where(near & clear, np.where(upper < lower, 1, -1), 0)
    return Skin(points=skin.points, faces=skin.faces, vertex=skin.vertex, side=side.astype(np.int8))


def _make_twin(
    head: HeadModel, corners: np.ndarray, weights: np.ndarray, faces: np.ndarray, seed: int
) -> Twin:
    rng = np.random.default_rng(seed)
    beta = rng.normal(0, 0.5, head.shape_basis.shape[2])

    def sample(values: np.ndarray) -> np.ndarray:
        return np.einsum("vk,vk...->v...", weights, values[corners].astype(np.float64))

    person = head.template + head.shape_basis @ beta
    turn = Rotation.from_rotvec(rng.normal(0, 0.03, 3)).as_matrix()
    move = _other_place(turn, rng)
    rest = sample(person)
    jacobian = _jacobian(move, rest)
    mix = np.linalg.qr(rng.normal(size=(100, 100)))[0]
    expression = np.einsum("vij,vje->vie", jacobian, sample(head.expression_basis)) @ mix
    identity = np.zeros((len(rest), 3, 300))
    identity[..., : len(beta)] = np.einsum("vij,vjs->vis", jacobian, sample(head.shape_basis))
    template = move(rest)
    joints = move(head.joint_regressor.astype(np.float64) @ person)
    arrays = {
        "v_template": template,
        "f": faces.astype(np.uint32),
        "shapedirs": np.concatenate([identity, expression], 2),
        "posedirs": np.einsum("vij,vjp->vip", jacobian, sample(head.pose_basis)),
        "J_regressor": np.stack([_regress(template, joint) for joint in joints]),
        "weights": sample(head.skin_weights),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
    }
    return Twin(
        arrays=arrays, corners=corners, weights=weights, jacobian=jacobian, mix=mix, turn=turn
    )


def _other_place(turn: np.ndarray, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Smoothly bent by up to about 2 mm, 4 % larger, turned, shifted."""
    waves = rng.normal(0, 1, (4, 3))
    waves *= 2 * np.pi / 0.16 / np.linalg.norm(waves, axis=1, keepdims=True)
    swings, phases = rng.normal(0, 0.0008, (4, 3)), rng.uniform(0, 2 * np.pi, 4)
    shift = rng.normal(0, 0.02, 3)

    def move(points: np.ndarray) -> np.ndarray:
        bent = points + np.sin(points @ waves.T + phases) @ swings
        return 1.04 * bent @ turn.T + shift

    return move


def _jacobian(move: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    step = 1e-6
    columns = [
        (move(points + step * axis) - move(points - step * axis)) / (2 * step) for axis in np.eye(3)
    ]
    return np.stack(columns, 2)


def _regress(template: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """(V,) weights of the 60 nearest vertices that give the joint exactly."""
    near = cKDTree(template).query(joint, 60)[1]
    row = np.zeros(len(template))
    system = np.r_[template[near].T, np.ones((1, 60))]
    row[near] = np.linalg.pinv(system) @ np.r_[joint, 1.0]
    return row
