# SPDX-License-Identifier: GPL-3.0-or-later
"""Strands where no photo shows any."""

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import HeadModel
from affekt.sidecar.head.read import OPEN, read_head
from affekt.sidecar.portrait.framing import Frame
from affekt.sidecar.portrait.strands import (
    Texture,
    ends,
    loose_ends,
    nape_hair,
    nape_height,
    read_texture,
    strand_light,
)
from affekt.sidecar.portrait.surface import Pieces, cut_head

_SIZE = 400


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head(OPEN)


@pytest.fixture(scope="module")
def pieces(head: HeadModel) -> Pieces:
    return cut_head(head, np.zeros(0, np.float32), np.zeros_like(head.template), hairy=True)


def framed(picture: np.ndarray, person: np.ndarray) -> Frame:
    camera = look_at(
        target=np.array([0, 0, -0.03]), distance=1.0, width=_SIZE, height=_SIZE, fov_y_rad=0.36
    )
    return Frame(
        picture=picture.astype(np.float32), camera=camera, landmarks=np.full((478, 2), 250.0),
        person=person.astype(np.float32), inside=person > 0.5,
    )  # fmt: skip


def striped(*, upright: bool) -> tuple[Frame, np.ndarray]:
    """Hair of light and dark strands, or of curls that lie any way, before a grey wall."""
    rows, columns = np.mgrid[:_SIZE, :_SIZE]
    solid = (np.hypot(columns - 200, rows - 150) < 110) & (rows < 220)
    noise = np.random.default_rng(3).normal(size=(1 if upright else _SIZE, _SIZE))
    light = 0.3 + 0.08 * noise
    picture = np.where(solid, light, 0.5)[..., None] * np.ones(3)
    return framed(picture.clip(0, 1), solid), solid


def texture(head: HeadModel, *, upright: bool) -> Texture:
    return read_texture(head, *striped(upright=upright))


def test_strands_are_as_long_as_the_photos_and_lie_from_the_crown_down(head: HeadModel) -> None:
    straight, curled = texture(head, upright=True), texture(head, upright=False)
    assert straight.longer > 8
    assert curled.longer < 2
    height, turn = np.meshgrid(np.linspace(-0.06, 0.03, 61), np.linspace(-1, 1, 121))
    points = np.stack([0.09 * np.sin(turn), height, -0.1 - 0.09 * np.cos(turn)], 2).reshape(-1, 3)
    light = np.log(strand_light(points, straight)).reshape(121, 61)
    down, around = np.abs(np.diff(light, axis=1)).mean(), np.abs(np.diff(light, axis=0)).mean()
    assert around > 3 * down  # steps are 1.5 mm both
    assert light.std() > 0.05


def test_hair_goes_on_to_the_napes_line_and_no_further(head: HeadModel, pieces: Pieces) -> None:
    made = nape_hair(head, pieces, texture(head, upright=True), bottom=0.01)
    places = head.template[head.faces[made.anchors]].mean(1)
    assert (places[:, 2] < -0.066).all()  # behind the ears
    assert (places[:, 1] > nape_height(places) - 0.006).all()
    assert places[:, 1].min() < -0.045
    middle = places[np.abs(places[:, 0]) < 0.01]
    assert middle[:, 1].min() < -0.05 < nape_height(np.array([[0.06, 0, -0.07]]))[0]
    # Low down it lies closer to the skin than where it meets the rest.
    corners = head.template[head.faces[made.anchors]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    off = ((made.means - corners.mean(1)) * normals).sum(1)
    assert 0 < off[places[:, 1] < -0.045].mean() < 0.6 * off[places[:, 1] > 0.0].mean() < 0.008
    assert not len(nape_hair(head, pieces, texture(head, upright=True), -0.11).means)


def test_loose_ends_lie_along_the_hair_on_its_outside(head: HeadModel) -> None:
    frame, _ = striped(upright=True)
    turn = np.linspace(-1, 1, 500)
    out = np.stack([np.sin(turn), 0 * turn, -np.cos(turn)], 1)
    crown = texture(head, upright=True).crown
    means = 0.09 * out + crown - [0, 0.08, 0]
    thick = np.where(turn < 0, 0.0, 0.5).astype(np.float32)
    made = loose_ends(frame, texture(head, upright=True), means, out, thick)
    assert len(made.means) == 3000
    faint = made.means[:, 0] < crown[0]  # where strands have ended
    np.testing.assert_allclose(made.opacities[faint].mean(), 0.0, atol=0.02)
    np.testing.assert_allclose(made.opacities[~faint].mean(), 0.3, atol=0.02)
    away = np.linalg.norm((made.means - crown)[:, [0, 2]], axis=1)
    assert 0.088 < away.min() < away.max() < 0.096
    w, x, y, z = made.quaternions.T
    upright = 2 * (x * y + w * z)  # the y of the long axis
    assert np.median(np.abs(upright)) > 0.9
    assert (made.scales[:, 0] > 4 * made.scales[:, 1]).all()


def test_strands_end_at_different_heights(head: HeadModel) -> None:
    points = np.stack([np.linspace(-0.08, 0.08, 300), np.full(300, -0.1), np.full(300, -0.18)], 1)
    look = texture(head, upright=True)
    assert (ends(points, look, np.full(300, 60.0)) == 1).all()
    assert ends(points, look, np.full(300, -30.0)).max() == 0
    between = ends(points, look, np.full(300, 14.0))
    assert (between > 0.9).any()
    assert (between < 0.1).any()
