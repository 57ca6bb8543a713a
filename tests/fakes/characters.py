# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of animators' own, made by script: other people, meshes, names and habits than the
open head's, all with ARKit's 52 shapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affekt.shared.calibration import mirrored_shapes
from affekt.shared.head import REGIONS, HeadModel
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.adapter.skin import skin_of
from affekt.sidecar.adapter.transfer import transfer_displacements
from affekt.sidecar.avatar.avatar import ArkitRig
from affekt.sidecar.avatar.effects import open_motion
from affekt.sidecar.avatar.lam import decode_lam_avatar
from scipy.spatial.transform import Rotation

from .flame_twin import skin_part, wrap

SPLIT = {
    "Face": ("skin", "lip"),
    "Teeth": ("teeth", "mouth"),
    "Tongue": ("tongue",),
    "Brows": ("brow",),
    "Lashes": ("lash",),
    "Eyes": ("sclera", "iris", "pupil"),
}
"""Meshes of the first character, and the open head's regions in each."""
_AS_MADE = ("eyeBlink", "eyeLook", "tongueOut")
"""Shapes that mean the same on every character: lids that shut, a gaze, a tongue."""
_JAW = ("jawOpen", "mouthClose")


@dataclass(frozen=True, kw_only=True, eq=False)
class Character:
    """vertices (V, 3), metres, x left, y up, z front; faces (F, 3); part (V,) the mesh that each
    vertex is in; shapes (52, V, 3)."""

    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    shapes: np.ndarray

    def save(self, path: Path) -> Path:
        """Writes it as `made_character.make_mesh` reads it."""
        np.savez(
            path,
            vertices=self.vertices,
            faces=self.faces,
            part=self.part,
            shapes=self.shapes.astype(np.float32),
            names=np.array(ARKIT_NAMES),
        )
        return path


def split_character(head: HeadModel, seed: int = 1) -> Character:
    """The open head as another person with a longer, narrower face, in the meshes of `SPLIT`."""
    rng = np.random.default_rng(seed)
    person = head.template + head.shape_basis[..., :20] @ rng.normal(0, 1, 20)
    stretch = np.array([0.94, 1.1, 1.0])
    part = np.zeros(len(person), np.int64)
    for number, names in enumerate(SPLIT.values()):
        part[np.isin(head.region, [REGIONS.index(name) for name in names])] = number
    return Character(
        vertices=person * stretch,
        faces=head.faces,
        part=part,
        shapes=_habits(rng) * _open_shapes(head) * stretch,
    )


def flame_character(head: HeadModel, basis: Path, seed: int = 2) -> Character:
    """FLAME 2023 Open's mesh as a person of its own, with the open head's shapes transferred as an
    adapter does; one mesh with its two eyeballs. basis: the npz with its template, faces, shape
    directions and landmarks."""
    rng = np.random.default_rng(seed)
    with np.load(basis, allow_pickle=False) as file:
        content = {key: file[key] for key in file.files}
    average, faces = content["v_template"].astype(np.float64), content["faces"].astype(np.int64)
    skin = skin_part(average, faces)
    person = average + content["shapedirs"][..., :10] @ rng.normal(0, 1, 10)
    laid_on = wrap(skin, content, head, skin_of(head))
    shapes = np.zeros((len(ARKIT_NAMES), *person.shape))
    shapes[:, skin.vertex] = transfer_displacements(laid_on, _open_shapes(head))
    _turn_balls(shapes, person, np.setdiff1d(np.arange(len(person)), skin.vertex), head)
    part = np.zeros(len(person), np.int64)
    return Character(vertices=person, faces=faces, part=part, shapes=_habits(rng) * shapes)


def lam_character(bundle: bytes, name: str) -> Character:
    """The animated mesh of one of LAM's web bundles, as its network's authors shaped it."""
    rig = decode_lam_avatar(bundle, name).surface
    assert isinstance(rig, ArkitRig)
    part = np.zeros(len(rig.vertices), np.int64)
    return Character(vertices=rig.vertices, faces=rig.faces, part=part, shapes=rig.arkit_shapes)


def _open_shapes(head: HeadModel) -> np.ndarray:
    return open_motion(np.eye(len(ARKIT_NAMES)), head)


def _habits(rng: np.random.Generator) -> np.ndarray:
    """(52, 1, 1) how strong another artist makes each shape; both sides alike."""
    found = rng.uniform(0.65, 1.4, len(ARKIT_NAMES))
    found = np.minimum(found, found[mirrored_shapes()])
    for index, name in enumerate(ARKIT_NAMES):
        if name.startswith(_AS_MADE):
            found[index] = 1
        if name in _JAW:
            found[index] = 0.8
    return found[:, None, None]


def _turn_balls(
    shapes: np.ndarray, vertices: np.ndarray, balls: Sequence[int] | np.ndarray, head: HeadModel
) -> None:
    """Lets eyeLook turn the eyeballs, the left one first, as the open head's turn."""
    for ball, rows, side in zip(np.array_split(balls, 2), (0, 3), ("Left", "Right"), strict=True):
        middle = vertices[ball].mean(0)
        for index, name in enumerate(ARKIT_NAMES):
            if name.startswith("eyeLook") and name.endswith(side):
                turn = Rotation.from_rotvec(head.arkit_eyes[rows : rows + 3, index]).as_matrix()
                arms = vertices[ball] - middle
                shapes[index, ball] = arms @ turn.T - arms
