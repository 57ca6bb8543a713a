# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of judged faces, maps of their displacement, and sheets of them."""

import numpy as np
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.emotion import Seen, Shown
from affekt.sidecar.lab.evaluation.emotion_page import (
    CELL,
    emotion_sheet,
    pair_sheet,
    recipe_sheet,
    shrink,
)
from affekt.sidecar.lab.evaluation.emotion_pairs import PAIRS, VERSION, combinations
from affekt.sidecar.lab.evaluation.emotion_states import MODEL, RECIPE
from affekt.sidecar.lab.evaluation.faces import (
    LARGEST_MM,
    colours_of,
    displacement_map,
    draw_faces,
    on_paper,
)
from affekt.sidecar.lab.evaluation.performances import STATES
from affekt.sidecar.motion.adapter import to_open

HEAD = read_head("open")


def smile(*weights: float, turn: float = 0.0) -> Motion:
    """A frame for each weight of the smile, the head turned by `turn` radians."""
    expression = np.zeros((len(weights), 100), np.float32)
    for side in ("Left", "Right"):
        expression[:, ARKIT_NAMES.index(f"mouthSmile{side}")] = weights
    rotation = np.zeros((len(weights), 3), np.float32)
    rotation[:, 1] = turn
    arkit = make_motion(expression=expression, rotation=rotation, fps=30.0, space="arkit")
    return to_open(arkit, HEAD, None)


class TestFaces:
    def test_a_head_and_its_gaussians_are_framed_alike_and_held_still(self):
        mesh, turned = (draw_faces(HEAD, smile(0.0, turn=t), HEAD, 96, None)[0] for t in (0, 0.4))
        np.testing.assert_array_equal(mesh, turned)
        (gaussians,) = draw_faces(open_avatar(HEAD), smile(0.0), HEAD, 96, None)
        both = (mesh[..., 3] > 128) & (gaussians[..., 3] > 128)
        either = (mesh[..., 3] > 128) | (gaussians[..., 3] > 128)
        assert both.sum() > 0.93 * either.sum()

    def test_every_frame_shows_its_own_face(self):
        rest, smiling, again = draw_faces(HEAD, smile(0.0, 1.0, 0.0), HEAD, 96, None)
        np.testing.assert_array_equal(rest, again)
        assert (rest != smiling).any(2).sum() > 50


class TestDisplacement:
    def test_colours_go_from_grey_to_red(self):
        cold, warm, beyond = colours_of(np.array([0.0, LARGEST_MM, 99.0]))
        assert np.ptp(cold) < 0.05
        np.testing.assert_array_equal(warm, beyond)
        assert warm[0] > 3 * warm[1]

    def test_only_what_moved_is_coloured(self):
        picture = displacement_map(HEAD, smile(0.0, 1.0), HEAD, 96).astype(int)
        colour = np.ptp(picture[..., :3], axis=2)
        face = picture[..., 3] > 200
        assert colour[40:75][face[40:75]].max() > 100  # the mouth and the cheeks
        assert colour[:30][face[:30]].max() < 30  # the skull

    def test_a_still_face_is_grey(self):
        picture = displacement_map(HEAD, smile(0.5, 0.5), HEAD, 64).astype(int)
        assert np.ptp(picture[..., :3], axis=2).max() < 30


def test_paper_shows_through_by_alpha():
    picture = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    laid = on_paper(picture, (100, 100, 100))
    np.testing.assert_array_equal(laid, [[[200, 100, 0], [100, 100, 100], [120, 100, 80]]])


def seen(version: str, state: str, form: str, take: str = "a", subject: str = "x") -> Seen:
    shown = Shown(version=version, state=state, take=take, frame=0, form=form, motion=smile(0.0))
    return shrink(Seen(subject=subject, shown=shown, picture=np.full((8, 8, 4), 90, np.uint8)))


def rows_of(sheet: np.ndarray | None) -> int:
    assert sheet is not None
    return sheet.shape[0] // CELL


class TestSheets:
    def test_a_row_for_each_subject_and_form(self):
        faces = [
            seen(MODEL, state, form, subject=subject)
            for subject in ("x", "y")
            for form in ("closed", "open")
            for state in STATES
        ]
        sheet = emotion_sheet(faces)
        assert sheet is not None
        assert sheet.shape[1] // CELL == len(STATES)
        assert rows_of(sheet) == 4
        assert rows_of(emotion_sheet(faces[:7])) == 1
        assert emotion_sheet(faces, "another") is None

    def test_recipes_fill_up_rows_with_fewer_variants(self):
        faces = [seen(RECIPE, "sad", "variant_1"), seen(RECIPE, "sad", "variant_2")]
        faces += [seen(RECIPE, "fear", "variant_1")]
        sheet = recipe_sheet(faces)
        assert sheet is not None
        assert sheet.shape[1] // CELL == 2
        assert recipe_sheet([]) is None

    def test_pairs_beside_their_singles(self):
        faces = [
            seen(VERSION, state, "open", take=take)
            for take in ("a", "b")
            for pair in PAIRS
            for state in combinations(pair)
        ]
        sheet = pair_sheet(faces)
        assert sheet is not None
        assert sheet.shape[1] // CELL == 4
        assert rows_of(sheet) == len(PAIRS)
        assert pair_sheet([]) is None


def test_faces_of_a_sheet_are_small():
    assert seen(MODEL, "sad", "open").picture.shape == (CELL, CELL, 3)
