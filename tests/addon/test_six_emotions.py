# SPDX-License-Identifier: GPL-3.0-or-later
"""Each emotion is as strong on any character as on Affekt's own head, and told by what it moves:
calibration, take, keys and bake in Blender, landmarks measured on the meshes that it shows.

With AFFEKT_CHARACTERS_PICTURE=docs/characters.png the faces of the open head and of the character
that is made from it are drawn into that picture; strips of all lie in the test's folder.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.emotion import EMOTIONS
from affekt.shared.head import HeadModel
from affekt.shared.motion import cut_motion
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.character import character_rig
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.lab.evaluation.emotion_strength import landmark_motion, sum_landmarks
from affekt.sidecar.lab.evaluation.faces import on_paper
from affekt.sidecar.lab.evaluation.measured_face import MeasuredFace, measure_face
from affekt.sidecar.lab.evaluation.performances import STATES, without_turns
from affekt.sidecar.motion.read import read_take
from affekt.sidecar.render.shade import draw_mesh
from affekt.sidecar.render.sheets import contact_sheet
from fakes.characters import SPLIT, Character, flame_character, lam_character, split_character
from PIL import Image

from .conftest import ROOT, RunScript
from .nouns import save

TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
FIRST, FRAMES = 60, 90
SHOWN = (20, 32, 44, 56, 68, 80)
"""Frames that are measured; the first of them is drawn."""
MOST_OFF = 0.15
"""Landmarks move within so much of what they do on the open head."""
SIZE = 260
PICTURE = os.environ.get("AFFEKT_CHARACTERS_PICTURE")
DATA = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))
"""Real files, which are no part of the project."""
HOW = {
    "split": {"meshes": list(SPLIT), "style": "prefix", "scale": 100.0},
    "flame": {"meshes": ["FLAME"], "style": "snake", "scale": 1.0},
    "lam": {"meshes": ["skin"], "style": "", "scale": 10.0},
}
"""How each comes into Blender: its meshes, the style of its keys' names, units to the metre."""


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


def make(name: str, head: HeadModel) -> Character:
    """The character of that name; skips where its file is not here."""
    if name == "split":
        return split_character(head)
    file = DATA / ("flame_open/flame_basis.npz" if name == "flame" else "lam_avatars/barbara.zip")
    if not file.is_file():
        pytest.skip(f"there is no {file.name} on this machine")
    if name == "flame":
        return flame_character(head, file)
    return lam_character(file.read_bytes(), file.name)


@pytest.mark.one_blender
@pytest.mark.parametrize(
    "names", [("split",), pytest.param(("flame", "lam"), marks=pytest.mark.full)]
)
def test_six_emotions_on_any_character(
    names: tuple[str, ...], in_blender: RunScript, head: HeadModel, tmp_path: Path
) -> None:
    characters = {name: make(name, head) for name in names}
    take = without_turns(cut_motion(read_take(TAKE).motion, FIRST, FIRST + FRAMES))
    subjects: list[dict[str, object]] = [{"name": "open", "file": "", "scale": 1.0}]
    for name, made in characters.items():
        file = made.save(tmp_path / f"{name}.npz")
        subjects.append({"name": name, "file": file, **HOW[name]})
    told = in_blender(
        "six_emotions.py",
        python=sys.executable,
        take=save(take, tmp_path / "take.npz"),
        states=STATES,
        frames=SHOWN,
        subjects=subjects,
    )
    faces = {"open": measure_face(head, head)}
    faces |= {name: face_of(made, head) for name, made in characters.items()}
    moved = {name: motions(np.load(tmp_path / f"{name}.npy"), faces[name]) for name in faces}
    if PICTURE:
        draw_strips(characters, head, tmp_path)
    for name in characters:
        assert told[name]["meshes"] == HOW[name]["meshes"]
        assert told[name]["takes"] == ["take", "take baked"]
        assert "of ARKit's 52 shapes were found" in told[name]["notes"][0]
        shares = {e: strength(moved[name][e]) / strength(moved["open"][e]) for e in EMOTIONS}
        print(name, {emotion: f"{share:.2f}" for emotion, share in shares.items()})
        assert {e: s for e, s in shares.items() if abs(s - 1) > MOST_OFF} == {}
        assert nearest(moved[name], moved["open"]) == {e: e for e in EMOTIONS}


def face_of(made: Character, head: HeadModel) -> MeasuredFace:
    """The landmarks on the character's face mesh, which is its part 0, in its own unit."""
    rig, own = rig_of(made, head), made.part == 0
    face = measure_face(with_one_gaussian(rig), head)
    return replace(face, height_m=face.height_m / scale_of(rig, made.vertices[own]))


def rig_of(made: Character, head: HeadModel) -> ArkitRig:
    own = made.part == 0
    number = np.cumsum(own) - 1
    return character_rig(
        made.vertices[own].astype(np.float32),
        number[made.faces[own[made.faces].all(1)]].astype(np.int32),
        made.shapes[:, own].astype(np.float32),
        head,
    )


def scale_of(rig: ArkitRig, vertices: np.ndarray) -> float:
    """The size of the rig, whose first vertices these are, over theirs."""
    return float(np.ptp(rig.vertices[: len(vertices), 1]) / np.ptp(vertices[:, 1]))


def with_one_gaussian(rig: ArkitRig) -> Avatar:
    """The rig as something that the evaluation measures."""
    return Avatar(
        name="character",
        surface=rig,
        binding="vertex",
        anchors=np.zeros(1, np.int32),
        offsets=np.zeros((1, 3), np.float32),
        quaternions=np.array([[1, 0, 0, 0]], np.float32),
        scales=np.full((1, 3), 0.001, np.float32),
        opacities=np.ones(1, np.float32),
        colours=np.ones((1, 3), np.float32),
        follow="stretch",
    )


def motions(positions: np.ndarray, face: MeasuredFace) -> dict[str, np.ndarray]:
    """(frames, 51, 3) of each emotion: how its landmarks lie beside those of the same take in
    neutral, over the face's height. positions: (states, frames, V, 3) of a head whose face mesh
    comes first."""
    seen = dict(zip(STATES, positions[:, :, face.kept], strict=True))
    return {name: landmark_motion(seen[name], seen["neutral"], face) for name in EMOTIONS}


def strength(moved: np.ndarray) -> float:
    """The landmarks' summed path over the face's height."""
    return sum_landmarks([moved])["all"]


def nearest(moved: dict[str, np.ndarray], known: dict[str, np.ndarray]) -> dict[str, str]:
    """Of each emotion the known one whose landmarks move most alike."""

    def direction(rows: np.ndarray) -> np.ndarray:
        mean = rows.mean(0).ravel()
        return mean / np.linalg.norm(mean)

    return {
        name: max(known, key=lambda other: direction(rows) @ direction(known[other]))
        for name, rows in moved.items()
    }


def draw_strips(characters: dict[str, Character], head: HeadModel, folder: Path) -> None:
    """A strip of the states for each subject."""
    rows = {"open": draw(np.load(folder / "open.npy")[:, 0], head.faces, head.colour, head.region)}
    for name, made in characters.items():
        rig, order = rig_of(made, head), np.argsort(made.part, kind="stable")
        own = made.vertices[made.part == 0]
        here, there = own.mean(0), rig.vertices[: len(own)].mean(0)
        # As large as the open head and in its place; the meshes stand one behind the other.
        positions = np.load(folder / f"{name}.npy")[:, 0]
        placed = (positions - here) * scale_of(rig, own) + there
        colour, region = np.full((len(order), 3), 0.72), np.zeros(len(order), np.uint8)
        if len(order) == len(head.template):
            colour, region = head.colour[order], head.region[order]
        rows[name] = draw(placed, np.argsort(order)[made.faces], colour, region)
    for name, pictures in rows.items():
        Image.fromarray(contact_sheet(pictures, STATES, len(STATES))).save(folder / f"{name}.png")
    if PICTURE and "split" in rows:
        pictures, labels = rows["open"] + rows["split"], [*STATES, *STATES]
        Image.fromarray(contact_sheet(pictures, labels, len(STATES))).save(PICTURE)


def draw(
    positions: np.ndarray, faces: np.ndarray, colour: np.ndarray, region: np.ndarray
) -> list[np.ndarray]:
    camera = look_at(
        target=np.array([0, -0.02, 0]), distance=0.85, width=SIZE, height=SIZE, fov_y_rad=0.25
    )
    shown = positions.astype(np.float32)
    faces, colour = faces.astype(np.int32), colour.astype(np.float32)
    return [on_paper(draw_mesh(one, faces, colour, region, camera)) for one in shown]
