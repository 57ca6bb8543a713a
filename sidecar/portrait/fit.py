# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits a head and a camera to a photo's landmarks, by Gauss-Newton with analytic derivatives.

    min  sum_k rho(|project(landmark_k) - seen_k| / sigma_k)  +  priors

over the camera's turn, place and focal length, the identity, the expression, the jaw and the eyes;
of several photos of a person over one identity and the rest for each.
The head stays at rest in the world; all of its pose is the camera's. The expression is held to what
MediaPipe's blendshapes say, strongly: a smile that is free to be anything becomes identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera
from ...shared.head import JOINTS, HeadModel
from ...shared.motion import Motion, make_motion
from ...shared.personal_head import personal_head
from ..head.forward import layer_of
from . import landmarks as marks
from .landmarks import HeadLandmarks
from .seeing import SeenFace

_SIGMA = 0.012
"""Standard deviation of a landmark, as a share of the distance between the eyes."""
_WEIGHTS = (
    ((*marks.UPPER_LIP, *marks.LOWER_LIP, *marks.LIP_CORNERS), 1.6),
    ((*marks.RIGHT_LIDS, *marks.LEFT_LIDS), 2.0),
    (marks.BROWS, 1.2),
    ((*marks.RIGHT_IRIS, *marks.LEFT_IRIS), 1.5),
)
_ROBUST = 3.0
"""Standard deviations at which a landmark begins to count less."""
_FOCAL, _FOCAL_SPREAD = 1.8, 0.25
"""A photo's focal length over its long edge, and the spread of its logarithm."""
_KNOWN_FOCAL_SPREAD = 0.06
_EXPRESSION_SPREAD, _DETAIL_SPREAD = 0.12, 0.05
_THICKNESS = ("mouthRoll", "mouthShrug", "mouthPress", "mouthFunnel", "cheekPuff")
"""Expressions that are told from a person's own lips and cheeks by nothing but MediaPipe's scores:
thin lips would become rolled ones, and the neutral face's would be full."""
_JAW_SPREAD_RAD = np.array([0.06, 0.02, 0.02])
_EYE_SPREAD_RAD = 0.15
_STEPS, _POSE_STEPS = 14, 4
_TURNED_AWAY, _TURNED_HERE, _LEAST_SURE = 0.0, 0.4, 0.1
"""Cosines of a landmark's angle of view between which it grows sure, where several photos say where
it is; and what is left of one that looks away."""
_LEAST_DEPTH_M = 0.05
_TURN_STEP_RAD = 1e-5
_TURNING = ("jaw", "eye_left", "eye_right")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """A photo to fit to. seen: the face in it; size: its width and height; focal_pixels: its focal
    length, if it is known."""

    seen: SeenFace
    size: tuple[int, int]
    focal_pixels: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A head and a camera that show what a photo shows. shape (S,); motion: one frame with the
    photo's expression, jaw and gaze, head at rest; camera: of the photo; residual: (478,) pixels
    that are left at each landmark."""

    shape: Float32Array
    motion: Motion
    camera: Camera
    residual: Float64Array

    @property
    def yaw_rad(self) -> float:
        """How far the head is turned away from the camera, to either side; 0 in front."""
        toward = -self.camera.camera_from_world[2, :3]
        return float(np.arctan2(toward[0], toward[2]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """The unknowns. turn (3, 3) and place (3,): camera from world; focal: logarithm of pixels."""

    turn: Float64Array
    place: Float64Array
    focal: float
    shape: Float64Array
    expression: Float64Array
    angles: Float64Array  # (9,) jaw, left eye, right eye


class _Points:
    """The head's landmarks as a function of shape, expression and the joints that turn."""

    def __init__(self, head: HeadModel, found: HeadLandmarks, shape_spread: float = 1.0) -> None:
        self.held = shape_spread**-2  # how strongly identity is held to the mean
        vertices = head.faces[found.faces]  # (478, 3)

        def at_landmarks(values: Float32Array) -> Float64Array:
            return np.einsum("nk,nk...->n...", found.weights, values[vertices].astype(np.float64))

        self.rest = at_landmarks(head.template)
        self.shapes = at_landmarks(head.shape_basis)
        self.expressions = at_landmarks(head.expression_basis)
        self.correctives = at_landmarks(head.pose_basis)[..., 9:]  # of jaw and eyes
        self.weights = at_landmarks(head.skin_weights)[:, [JOINTS.index(j) for j in _TURNING]]
        joints = head.joint_regressor[[JOINTS.index(j) for j in _TURNING]].astype(np.float64)
        self.joints = joints @ head.template
        self.joint_shapes = np.einsum("jv,vks->jks", joints, head.shape_basis)

    def turns(self, angles: Float64Array) -> Float64Array:
        """(3, 3, 3) R - I of the joints."""
        return Rotation.from_rotvec(angles.reshape(3, 3)).as_matrix() - np.eye(3)

    def place(self, state: _State, turns: Float64Array) -> Float64Array:
        """(478, 3) the landmarks in the world."""
        shaped = self.rest + self.shapes @ state.shape + self.expressions @ state.expression
        shaped = shaped + self.correctives @ turns.ravel()
        arms = shaped[:, None] - (self.joints + self.joint_shapes @ state.shape)
        return shaped + np.einsum("nj,jkl,njl->nk", self.weights, turns, arms)

    def derivatives(self, state: _State, turns: Float64Array) -> tuple[Float64Array, ...]:
        """(478, 3, n) of the landmarks by shape, expression and angles."""
        blend = np.eye(3) + np.einsum("nj,jkl->nkl", self.weights, turns)
        by_shape = blend @ self.shapes
        moved = np.einsum("jkl,jls->jks", turns, self.joint_shapes)
        by_shape -= np.einsum("nj,jks->nks", self.weights, moved)
        here, by_angle = self.place(state, turns), []
        for angle in range(9):
            step = np.zeros(9)
            step[angle] = _TURN_STEP_RAD
            there = self.place(state, self.turns(state.angles + step))
            by_angle.append((there - here) / _TURN_STEP_RAD)
        return by_shape, blend @ self.expressions, np.stack(by_angle, 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prior:
    """Means and spreads of focal, expression and angles, one after another."""

    mean: Float64Array
    spread: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """A photo. size: its width and height; weights: (478,) one over each landmark's standard
    deviation in pixels."""

    seen: SeenFace
    size: tuple[int, int]
    weights: Float64Array
    prior: _Prior

    @property
    def centre(self) -> Float64Array:
        """(2,) pixels."""
        return np.array(self.size) / 2


def fit_heads(
    head: HeadModel, found: HeadLandmarks, looks: Sequence[Look], shape_spread: float = 1.0
) -> list[Fit]:
    """Fits one head to a person's faces in several photos: an identity for all, a camera and an
    expression for each. shape_spread: the standard deviation of identity's components."""
    points = _Points(head, found, shape_spread)
    views = [_view(head, look) for look in looks]
    states = [_first(points, view) for view in views]
    damping = 1e-3
    for step in range(_POSE_STEPS + _STEPS):
        pose_only = step < _POSE_STEPS
        if step == _POSE_STEPS and len(views) > 1:
            views = [
                replace(view, weights=view.weights * landmarks_facing(head, found, state.turn))
                for view, state in zip(views, states, strict=True)
            ]
        states, damping = _step(points, views, states, damping, pose_only=pose_only)
    return [_finished(head, points, view, state) for view, state in zip(views, states, strict=True)]


def landmarks_facing(head: HeadModel, found: HeadLandmarks, turn: Float64Array) -> Float64Array:
    """(478,) how surely a photo shows each landmark of a head that is turned by (3, 3), camera from
    world: those of a side that is turned away are MediaPipe's guess."""
    corners = head.template[head.faces[found.faces]].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    toward = -(normals @ turn.T)[:, 2]
    return np.clip((toward - _TURNED_AWAY) / (_TURNED_HERE - _TURNED_AWAY), _LEAST_SURE, 1)


def _view(head: HeadModel, look: Look) -> _View:
    size, focal_pixels = look.size, look.focal_pixels
    weights = np.ones(len(look.seen.landmarks))
    for places, weight in _WEIGHTS:
        weights[list(places)] = weight
    return _View(
        seen=look.seen,
        size=size,
        weights=weights / (_SIGMA * look.seen.eye_distance),
        prior=_prior(
            head, look.seen, np.log(focal_pixels or _FOCAL * max(size)), focal_pixels is not None
        ),
    )


def _prior(head: HeadModel, seen: SeenFace, focal: float, known: bool) -> _Prior:
    scores = seen.scores.astype(np.float64)
    components = head.expression_basis.shape[2]
    spread = np.full(components, _DETAIL_SPREAD)
    spread[np.abs(head.arkit_expression).sum(1) > 0] = _EXPRESSION_SPREAD
    names = head.expression_names
    spread[: len(names)][[name.startswith(_THICKNESS) for name in names]] = _DETAIL_SPREAD
    eyes = (head.arkit_eyes @ scores).reshape(2, 3)
    return _Prior(
        mean=np.concatenate(
            [[focal], head.arkit_expression @ scores, head.arkit_jaw @ scores, eyes.ravel()]
        ),
        spread=np.concatenate(
            [[_KNOWN_FOCAL_SPREAD if known else _FOCAL_SPREAD], spread,
             _JAW_SPREAD_RAD, np.full(6, _EYE_SPREAD_RAD)]
        ),
    )  # fmt: skip


def _own(state: _State) -> Float64Array:
    """A photo's unknowns that have a prior of their own."""
    return np.concatenate([[state.focal], state.expression, state.angles])


def _first(points: _Points, view: _View) -> _State:
    """A pose by weak perspective, with the expected expression and nobody's identity."""
    seen, centre = view.seen, view.centre
    shapes, components = points.shapes.shape[2], points.expressions.shape[2]
    _, expression, angles = np.split(view.prior.mean, [1, 1 + components])
    focal = float(view.prior.mean[0])
    start = _State(turn=np.eye(3), place=np.zeros(3), focal=focal, shape=np.zeros(shapes),
                   expression=expression, angles=angles)  # fmt: skip
    world = points.place(start, points.turns(angles))
    middle, seen_middle = world.mean(0), seen.landmarks.mean(0)
    rows = np.linalg.lstsq(world - middle, seen.landmarks - seen_middle, rcond=None)[0].T
    scale = float(np.sqrt(np.linalg.norm(rows[0]) * np.linalg.norm(rows[1])))
    u, _, vt = np.linalg.svd(np.vstack([rows, np.cross(rows[0], rows[1]) / scale]))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    depth = np.exp(focal) / scale
    at = np.append((seen_middle - centre) / scale, depth)
    return replace(start, turn=turn, place=at - turn @ middle)


def _step(
    points: _Points,
    views: Sequence[_View],
    states: Sequence[_State],
    damping: float,
    *,
    pose_only: bool,
) -> tuple[Sequence[_State], float]:
    """One damped step; the damping grows until the step helps. The unknowns are the identity, then
    each photo's own: turn, place, focal, expression, angles."""
    shapes, own = len(states[0].shape), 6 + len(views[0].prior.mean)
    normal = np.zeros((shapes + own * len(views),) * 2)
    gradient = np.zeros(len(normal))
    used = np.full(len(normal), not pose_only)
    normal[range(shapes), range(shapes)] = points.held
    gradient[:shapes] = -points.held * states[0].shape
    for index, (view, state) in enumerate(zip(views, states, strict=True)):
        first = shapes + own * index
        places = np.r_[first : first + 7, :shapes, first + 7 : first + own]
        matrix, right = _equations(points, view, state)
        normal[np.ix_(places, places)] += matrix.T @ matrix
        gradient[places] += matrix.T @ right
        prior = np.arange(first + 6, first + own)
        normal[prior, prior] += view.prior.spread**-2
        gradient[prior] += (view.prior.mean - _own(state)) / view.prior.spread**2
        used[first : first + 7] = True
    before = _cost(points, views, states)
    for _ in range(6):
        damped = normal + damping * np.diag(np.diag(normal))
        step = np.zeros(len(normal))
        step[used] = np.linalg.solve(damped[np.ix_(used, used)], gradient[used])
        parts = np.split(step[shapes:], len(views))
        moved = [
            _moved(state, step[:shapes], part) for state, part in zip(states, parts, strict=True)
        ]
        if _cost(points, views, moved) < before:
            return moved, damping / 4
        damping *= 8
    return states, damping


def _equations(points: _Points, view: _View, state: _State) -> tuple[Float64Array, Float64Array]:
    """A photo's landmarks as rows (956, n) and right side (956,) of linear equations, weighted."""
    turns = points.turns(state.angles)
    world = points.place(state, turns)
    error = _project(state, world, view.centre) - view.seen.landmarks
    weights = view.weights
    robust = weights / np.sqrt(1 + (np.linalg.norm(error, axis=1) * weights / _ROBUST) ** 2) ** 0.5
    rows = _jacobian(points, state, turns, world) * robust[:, None, None]
    return rows.reshape(-1, rows.shape[2]), -(error * robust[:, None]).ravel()


def _cost(points: _Points, views: Sequence[_View], states: Sequence[_State]) -> float:
    cost = points.held * float(states[0].shape @ states[0].shape)
    for view, state in zip(views, states, strict=True):
        world = points.place(state, points.turns(state.angles))
        error = np.linalg.norm(_project(state, world, view.centre) - view.seen.landmarks, axis=1)
        # The loss whose weight of a residual r is 1 / sqrt(1 + (r / c)^2).
        loss = 2 * _ROBUST**2 * (np.sqrt(1 + (error * view.weights / _ROBUST) ** 2) - 1)
        away = (_own(state) - view.prior.mean) / view.prior.spread
        cost += float(loss.sum() + away @ away)
    return cost


def _project(state: _State, world: Float64Array, centre: Float64Array) -> Float64Array:
    seen = world @ state.turn.T + state.place
    depth = np.maximum(seen[:, 2:], _LEAST_DEPTH_M)
    return np.exp(state.focal) * seen[:, :2] / depth + centre


def _jacobian(
    points: _Points, state: _State, turns: Float64Array, world: Float64Array
) -> Float64Array:
    """(478, 2, 7 + n) of the pixels by turn (on the left), place, focal, shape, expression,
    angles."""
    turned = world @ state.turn.T
    seen = turned + state.place
    depth = np.maximum(seen[:, 2], _LEAST_DEPTH_M)
    focal = np.exp(state.focal)
    lens = np.zeros((len(world), 2, 3))
    lens[:, 0, 0] = lens[:, 1, 1] = focal / depth
    lens[:, :, 2] = -focal * seen[:, :2] / depth[:, None] ** 2
    crossed = np.zeros((len(world), 3, 3))
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        crossed[:, a, b], crossed[:, b, a] = turned[:, c], -turned[:, c]
    parts = [lens @ crossed, lens, (focal * seen[:, :2] / depth[:, None])[..., None]]
    turn = lens @ state.turn
    parts += [turn @ part for part in points.derivatives(state, turns)]
    return np.concatenate(parts, 2)


def _moved(state: _State, shape: Float64Array, own: Float64Array) -> _State:
    components = len(state.expression)
    focal, expression, angles = np.split(own[6:], [1, 1 + components])
    return _State(
        turn=Rotation.from_rotvec(own[:3]).as_matrix() @ state.turn,
        place=state.place + own[3:6],
        focal=state.focal + float(focal[0]),
        shape=state.shape + shape,
        expression=state.expression + expression,
        angles=state.angles + angles,
    )


def _finished(head: HeadModel, points: _Points, view: _View, state: _State) -> Fit:
    size, centre = view.size, view.centre
    world = points.place(state, points.turns(state.angles))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = state.turn, state.place
    focal = float(np.exp(state.focal))
    expression = np.zeros((1, 100), np.float32)
    expression[0, : len(state.expression)] = state.expression
    motion = make_motion(
        expression=expression,
        fps=30,
        space=head.space,
        jaw=state.angles[None, :3].astype(np.float32),
        eyes=state.angles[None, 3:].astype(np.float32),
    )
    camera = Camera(
        width=size[0], height=size[1], focal_x=focal, focal_y=focal,
        centre_x=centre[0], centre_y=centre[1], camera_from_world=pose,
    )  # fmt: skip
    return Fit(
        shape=state.shape.astype(np.float32),
        motion=motion,
        camera=camera,
        residual=np.linalg.norm(_project(state, world, centre) - view.seen.landmarks, axis=1),
    )


def posed_vertices(head: HeadModel, fit: Fit, change: Float32Array) -> Float32Array:
    """(V, 3) the person with the photo's expression."""
    person = np.zeros(300, np.float32)
    person[: len(fit.shape)] = fit.shape
    mine = personal_head(head, change, fit.shape)
    return layer_of(mine).vertices(replace(fit.motion, shape=person), 0, 1)[0]
