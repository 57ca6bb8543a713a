# SPDX-License-Identifier: GPL-3.0-or-later
"""Each emotion is as strong on any character as on Affekt's own head: take, calibration, keys and
bake in Blender, landmarks measured on the meshes that it shows.

With AFFEKT_CHARACTERS_PICTURE=docs/characters.png the faces of the open head and of the character
that is made from it are drawn into that picture; pictures of all lie in the test's folder.
"""

import os
import sys
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
"""The aim: landmarks move within so much of what they do on the open head."""
SIZE = 300
PICTURE = os.environ.get("AFFEKT_CHARACTERS_PICTURE")


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


@pytest.fixture(scope="module")
def data() -> Path:
    """Real files, which are no part of the project."""
    return Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def characters(head: HeadModel, data: Path) -> dict[str, Character]:
    """Three people, the last two only where their files are."""
    made = {"split": split_character(head)}
    basis, bundle = data / "flame_open/flame_basis.npz", data / "lam_avatars/barbara.zip"
    if basis.is_file():
        made["flame"] = flame_character(head, basis)
    if bundle.is_file():
        made["lam"] = lam_character(bundle.read_bytes(), bundle.name)
    return made


HOW = {
    "split": {"meshes": list(SPLIT), "style": "prefix", "scale": 100.0},
    "flame": {"meshes": ["FLAME"], "style": "snake", "scale": 1.0},
    "lam": {"meshes": ["skin"], "style": "", "scale": 10.0},
}
"""How each comes into Blender: its meshes, the style of its keys' names, units to the metre."""


@pytest.mark.one_blender
def test_six_emotions_on_any_character(
    in_blender: RunScript, characters: dict[str, Character], head: HeadModel, tmp_path: Path
) -> None:
    take = without_turns(cut_motion(read_take(TAKE).motion, FIRST, FIRST + FRAMES))
    subjects = [{"name": "open", "file": "", "scale": 1.0}]
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
    assert told["split"]["meshes"] == list(SPLIT)
    assert told["flame"]["notes"][0].startswith("52 of ARKit's 52 shapes")
    ranking = {name: told[name]["takes"] for name in told}
    assert set(map(tuple, ranking.values())) == {("take", "take baked")}
    faces = {"open": measure_face(head, head)}
    faces |= {name: face_of(made, head) for name, made in characters.items()}
    sums = {name: strengths(np.load(tmp_path / f"{name}.npy"), faces[name]) for name in faces}
    off = {}
    for name in characters:
        shares = {e: sums[name][e]["all"] / sums["open"][e]["all"] for e in EMOTIONS}
        print(name, {emotion: f"{share:.2f}" for emotion, share in shares.items()})
        off[name] = {e: share for e, share in shares.items() if abs(share - 1) > MOST_OFF}
    draw_strips(characters, head, tmp_path)
    assert off == {name: {} for name in characters}


def face_of(made: Character, head: HeadModel) -> MeasuredFace:
    """The landmarks on the character's face mesh, which is its part 0."""
    own = np.flatnonzero(made.part == 0)
    rig = rig_of(made, head)
    face = measure_face(_with_one_gaussian(rig), head)
    scale = np.ptp(rig.vertices[: len(own), 1]) / np.ptp(made.vertices[own, 1])
    return MeasuredFace(
        subject=face.subject,
        kept=face.kept,
        height_m=face.height_m / scale,
        landmarks=face.landmarks,
        surface=face.surface,
        upper=face.upper,
        lower=face.lower,
        meeting_mm=face.meeting_mm,
    )


def rig_of(made: Character, head: HeadModel) -> ArkitRig:
    own = made.part == 0
    number = np.cumsum(own) - 1
    return character_rig(
        made.vertices[own].astype(np.float32),
        number[made.faces[own[made.faces].all(1)]].astype(np.int32),
        made.shapes[:, own].astype(np.float32),
        head,
    )


def _with_one_gaussian(rig: ArkitRig) -> Avatar:
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


def strengths(positions: np.ndarray, face: MeasuredFace) -> dict[str, dict[str, float]]:
    """How far landmarks move for each emotion, over the face's height. positions: (states, frames,
    V, 3) of a head whose face mesh comes first."""
    seen = positions[:, :, face.kept]
    neutral = seen[STATES.index("neutral")]
    return {
        name: sum_landmarks([landmark_motion(seen[STATES.index(name)], neutral, face)])
        for name in EMOTIONS
    }


def draw_strips(characters: dict[str, Character], head: HeadModel, folder: Path) -> None:
    """A strip of the states for each subject."""
    camera = look_at(
        target=np.array([0, -0.02, 0]), distance=0.85, width=SIZE, height=SIZE, fov_y_rad=0.25
    )
    rows = {}
    for name in ("open", *characters):
        positions = np.load(folder / f"{name}.npy")[:, 0]
        if name == "open":
            faces, colour, region = head.faces, head.colour, head.region
        else:
            made = characters[name]
            order = np.argsort(made.part, kind="stable")  # as the meshes stand in Blender
            number = np.argsort(order)
            faces = number[made.faces].astype(np.int32)
            own = (made.part == 0).sum()
            rig = rig_of(made, head)
            here, there = made.vertices[order][:own], rig.vertices[:own]
            scale = np.ptp(there[:, 1]) / np.ptp(here[:, 1])
            positions = (positions - here.mean(0)) * scale + there.mean(0)
            colour, region = colours(made, head, order)
        rows[name] = [
            on_paper(draw_mesh(p.astype(np.float32), faces, colour, region, camera))
            for p in positions
        ]
        strip = contact_sheet(rows[name], STATES, len(STATES))
        Image.fromarray(strip).save(folder / f"{name}.png")
    if PICTURE:
        pictures = [*rows["open"], *rows["split"]]
        labels = [*STATES, *("" for _ in STATES)]
        Image.fromarray(contact_sheet(pictures, labels, len(STATES))).save(PICTURE)


def colours(made: Character, head: HeadModel, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) and (V,) what `draw_mesh` takes: the open head's where it is its mesh, else clay."""
    if len(made.vertices) == len(head.template):
        return head.colour[order], head.region[order]
    return np.full((len(order), 3), 0.72, np.float32), np.zeros(len(order), np.uint8)
