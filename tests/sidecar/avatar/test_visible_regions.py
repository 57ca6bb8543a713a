# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels by what is seen: Gaussians on the wrong anchors get the label of where they are."""

import numpy as np
import pytest
from affekt.shared.camera import look_at
from affekt.shared.head import REGIONS
from affekt.sidecar.avatar import visible_regions as shown
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.regions import find_labels
from affekt.sidecar.avatar.splats import Splats
from affekt.sidecar.avatar.visible_regions import HAIR, LIPS, MOUTH, SKIN, TEETH
from affekt.sidecar.head.read import read_head
from fakes.disguise import in_disguise
from scipy.spatial import cKDTree

OPEN = read_head("open")


@pytest.fixture(scope="module")
def disguised() -> tuple[Avatar, np.ndarray]:
    """Somebody else's head with a Gaussian on each vertex, and, painted by spare Gaussians that
    are bound to the lips around them, bright teeth in a dark mouth; (N,) what each is."""
    rig, known = in_disguise(OPEN)
    inside = np.isin(OPEN.region, [REGIONS.index(name) for name in ("teeth", "tongue")])
    inside &= OPEN.template[:, 2] > 0.03
    scale = np.array([1.08, 1.15, 1.1], np.float32)
    spare = OPEN.template[inside] * scale + np.array([0, 1.6, 0.02], np.float32)
    on = np.flatnonzero(known == REGIONS.index("lip"))
    anchors = np.concatenate([np.arange(len(known)), on[cKDTree(rig.vertices[on]).query(spare)[1]]])
    what = np.concatenate([known, OPEN.region[inside]])
    places = np.concatenate([rig.vertices, spare])
    colour = np.full((len(what), 3), 0.8, np.float32)
    for name, grey in (("teeth", 0.95), ("tongue", 0.15), ("mouth", 0.1), ("lip", 0.5)):
        colour[what == REGIONS.index(name)] = grey
    count = len(what)
    # No holes: as wide as their neighbours are far.
    spread = np.clip(0.6 * cKDTree(places).query(places, 4)[0][:, 3], 1e-3, 8e-3).astype(np.float32)
    avatar = Avatar(
        name="disguised",
        surface=rig,
        binding="vertex",
        anchors=anchors.astype(np.int32),
        offsets=(places - rig.vertices[anchors]).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.repeat(spread[:, None], 3, 1),
        opacities=np.full(count, 0.95, np.float32),
        colours=colour,
        harmonics=None,
        follow="stretch",
    )
    return avatar, what


def test_what_is_seen_between_open_lips_is_mouth_and_teeth(
    disguised: tuple[Avatar, np.ndarray],
) -> None:
    avatar, what = disguised
    label = find_labels(avatar)
    shares = {}
    for name, expected in (("skin", {SKIN}), ("lip", {LIPS, MOUTH}), ("teeth", {TEETH, MOUTH})):
        mine = what == REGIONS.index(name)
        shares[name] = float(np.isin(label[mine], list(expected)).mean())
    teeth = label[what == REGIONS.index("teeth")] == TEETH
    bright = avatar.colours[label == TEETH].mean(), avatar.colours[label == MOUTH].mean()
    print(shares, f"teeth: {teeth.sum()} of {len(teeth)}; grey of teeth and mouth: {bright}")
    assert shares["skin"] > 0.95
    assert shares["lip"] > 0.7  # the inner ones line an open mouth
    assert (label[what == REGIONS.index("lip")] == LIPS).mean() > 0.35
    # Their anchors are lips: those that are never seen keep that.
    assert teeth.sum() > 100
    assert bright[0] > bright[1] + 0.1
    assert not (label == HAIR).any()  # bald


def test_a_hull_closes_the_corners_of_a_mouth() -> None:
    lips = np.zeros((9, 9), bool)
    lips[2, 3:6] = lips[6, 3:6] = lips[4, 1] = lips[4, 7] = True
    view = _view(9)
    hull = shown._hull(view, lips.ravel()).reshape(9, 9)
    assert hull[3:6, 3:6].all()
    assert not hull[0].any()
    assert not shown._hull(view, np.zeros(81, bool)).any()


@pytest.mark.parametrize(("dark", "found"), [(0.1, 30), (0.85, 0), (0.9, 0)])
def test_teeth_stand_out_of_the_dark_or_are_not_told(dark: float, found: int) -> None:
    grey = np.concatenate([np.full(30, 0.9), np.full(70, dark)]).astype(np.float32)
    bright = shown._stand_out(np.repeat(grey[:, None], 3, 1))
    assert bright.sum() == found
    assert not shown._stand_out(np.zeros((0, 3), np.float32)).any()


def _view(size: int) -> shown.View:
    """A picture of size by size pixels, all filled."""
    row, column = (places.ravel() for places in np.indices((size, size)))
    nothing = np.zeros((0, 3), np.float32)
    empty = np.zeros((len(row), 3), np.float32)
    camera = look_at(
        target=np.zeros(3),
        distance=1.0,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=size,
        height=size,
        fov_y_rad=0.3,
    )
    splats = Splats(
        means=nothing,
        quaternions=np.zeros((0, 4), np.float32),
        scales=nothing,
        opacities=np.zeros(0, np.float32),
        colours=nothing,
    )
    return shown.View(
        gaussians=splats,
        camera=camera,
        row=row,
        column=column,
        label=np.zeros(len(row), np.uint8),
        inside=np.zeros(len(row), bool),
        colour=empty,
        stood=empty,
        place=empty,
        weight=1.0,
    )
