# SPDX-License-Identifier: GPL-3.0-or-later
"""Where hair lies that one photo from the front shows."""

import cv2
import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.shared.head import JOINTS, REGIONS, HeadModel
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.portrait import curtains
from affekt.sidecar.portrait import hair as growing
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.surface import Pieces, cut_head
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.raster.project import to_pixels

_SIDE_M, _LOW_M = 0.115, -0.105
_SIZE = 420


def camera(yaw_deg: float) -> Camera:
    return look_at(
        target=np.array([0, 0, -0.03]),
        distance=1.0,
        yaw_rad=float(np.radians(yaw_deg)),
        width=_SIZE,
        height=_SIZE,
        fov_y_rad=0.36,
    )


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


@pytest.fixture(scope="module")
def pieces(head: HeadModel) -> Pieces:
    return cut_head(head, np.zeros(0, np.float32), np.zeros_like(head.template), hairy=True)


def framed(lens: Camera, person: np.ndarray) -> Frame:
    return Frame(
        picture=np.full((_SIZE, _SIZE, 3), 0.3, np.float32), camera=lens,
        person=person.astype(np.float32), landmarks=np.zeros((478, 2)), inside=person,
    )  # fmt: skip


def grown(head: HeadModel, pieces: Pieces, over: int = 0) -> growing.Hair:
    """Hair that falls from the crown past the cheeks to below the chin, far to either side. over:
    how many pixels of the cheeks it covers."""
    lens = camera(0)
    on_head = rasterise_mesh(head.template, head.faces, lens).face >= 0
    rows, columns = np.mgrid[:_SIZE, :_SIZE] + 0.5
    x = (columns - lens.centre_x) / lens.focal_x
    y = -(rows - lens.centre_y) / lens.focal_y
    outline = (np.hypot(x, y - 0.02) < _SIDE_M) | ((np.abs(x) < _SIDE_M) & (y < 0.02))
    outline &= y > _LOW_M
    bald = cv2.erode(on_head.astype(np.uint8), np.ones((1, 2 * over + 1), np.uint8)) > 0
    hair = outline & (~bald | (y > 0.085))
    frame = framed(lens, outline | on_head)
    bare = np.zeros(len(pieces.region), np.bool_)
    made = growing.make_hair(
        head, pieces, head.template, frame, hair.astype(np.float32), bare, 15_000
    )
    assert made is not None
    return made


def hair_of(head: HeadModel, pieces: Pieces) -> np.ndarray:
    """(N, 3) where its Gaussians lie."""
    made = grown(head, pieces)
    return head.template[head.faces].mean(1)[made.anchors] + made.offsets


def hidden_cheek(head: HeadModel, hair: np.ndarray, yaw_deg: float) -> float:
    """Share of a turned face's skin, from brow to chin and to the rim, that hair stands before."""
    lens = camera(yaw_deg)
    skin = head.faces[head.region[head.faces[:, 0]] == REGIONS.index("skin")]
    seen = rasterise_mesh(head.template, skin, lens)
    middle = head.template[skin].mean(1)
    face = (middle[:, 1] < 0.05) & (middle[:, 1] > -0.08) & (middle[:, 2] > -0.01)
    cheek = (seen.face >= 0) & face[seen.face]
    pose = lens.camera_from_world
    depth = hair @ pose[2, :3] + pose[2, 3]
    column, row = np.clip(to_pixels(hair.astype(np.float32), lens)[:, :2], 0, _SIZE - 1).T
    at = row.astype(int), column.astype(int)
    before = np.zeros(cheek.shape, np.bool_)
    before[at] |= depth < seen.depth[at] - 0.002
    return float((before & cheek).sum() / cheek.sum())


@pytest.mark.parametrize("yaw_deg", [-40, 40])
def test_long_hair_hides_no_cheek_of_a_turned_head(
    head: HeadModel, pieces: Pieces, monkeypatch: pytest.MonkeyPatch, yaw_deg: float
) -> None:
    assert hidden_cheek(head, hair_of(head, pieces), yaw_deg) < 0.004
    monkeypatch.setattr(growing, "depth_beside", lambda *_: np.full((_SIZE, _SIZE), -np.inf))
    assert hidden_cheek(head, hair_of(head, pieces), yaw_deg) > 0.05  # hair as a ball around all


def test_hair_over_a_cheek_hangs_straight(
    head: HeadModel, pieces: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it covers the cheek's rim by 6 pixels it goes on to the side from where it begins; with
    no curtain it winds around the cheek, back to the ears."""

    def depth_beside() -> float:
        made = grown(head, pieces, over=6)
        at = head.template[head.faces].mean(1)[made.anchors] + made.offsets
        x, y, z = at[: made.front].T
        return float(np.median(z[(np.abs(y) < 0.03) & (np.abs(x) > 0.07) & (np.abs(x) < 0.085)]))

    hanging = depth_beside()
    monkeypatch.setattr(curtains, "_CURTAIN_LEAST_PIXELS", 99)
    assert hanging > depth_beside() + 0.008


def test_a_fringe_does_not_move_with_the_brows(head: HeadModel, pieces: Pieces) -> None:
    made = grown(head, pieces)
    fringe = made.anchors[: made.front]
    moves = np.abs(head.expression_basis[head.faces[fringe]])
    assert moves.max() < 2.1e-5
    jaw = head.skin_weights[head.faces[fringe]][..., JOINTS.index("jaw")]
    assert jaw.max() < 1e-4


def test_thin_hair_below_the_eyes_alone_is_none(head: HeadModel, pieces: Pieces) -> None:
    """All of it is thinner than what may hang beside a face: nothing of it is left."""
    hair = np.zeros((_SIZE, _SIZE), np.float32)
    hair[200:350, 100:104] = 1
    frame = framed(camera(0), hair > 0)
    assert growing.solid_hair(frame, hair) is not None
    bare = np.zeros(len(pieces.region), np.bool_)
    assert growing.make_hair(head, pieces, head.template, frame, hair, bare, 15_000) is None
