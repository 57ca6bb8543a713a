# SPDX-License-Identifier: GPL-3.0-or-later
"""Teeth are told from one another and from gums, and gaps are dark."""

import numpy as np
import pytest
from affekt.shared.head import JOINTS, REGIONS, HeadModel
from affekt.sidecar.head.read import read_head
from affekt.sidecar.portrait.surface import Pieces, cut_head
from affekt.sidecar.portrait.teeth import near_gaps, teeth_of, tooth_shade


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return read_head("open")


@pytest.fixture(scope="module")
def pieces(head: HeadModel) -> Pieces:
    identity = np.zeros(head.shape_basis.shape[-1], np.float32)
    return cut_head(head, identity, np.zeros_like(head.template))


def test_there_are_twenty_eight_teeth_and_gums_are_none(head: HeadModel) -> None:
    teeth = teeth_of(head)
    assert teeth.max() + 1 == 28
    assert np.bincount(teeth[teeth >= 0]).min() > 20
    assert (head.region[teeth >= 0] == REGIONS.index("teeth")).all()
    colours = head.colour[(teeth < 0) & (head.region == REGIONS.index("teeth"))]
    assert (colours[:, 0] > 1.3 * colours[:, 1]).mean() > 0.9


def test_the_gap_between_the_two_first_teeth_is_dark(head: HeadModel, pieces: Pieces) -> None:
    number = teeth_of(head)[pieces.corners[:, 0]]
    x, y, z = pieces.places.T
    first = (number >= 0) & (np.abs(x) < 0.0085) & (z > 0.036) & (pieces.normals[:, 2] > 0.5)
    upper = head.skin_weights[pieces.corners[:, 0], JOINTS.index("jaw")] < 0.5
    first &= upper & (y < -0.043) & (y > -0.049)
    shade = tooth_shade(head, pieces.places[first], pieces.normals[first], number[first]).mean(1)
    gap, middle = np.abs(x[first]) < 0.0004, np.abs(np.abs(x[first]) - 0.0045) < 0.0015
    assert gap.sum() >= 4
    assert middle.sum() >= 4
    assert shade[gap].mean() < 0.55 * shade[middle].mean()
    assert shade[middle].min() > 0.75


def test_pieces_beside_a_gap_are_small_enough_to_show_it(head: HeadModel, pieces: Pieces) -> None:
    number = teeth_of(head)[pieces.corners[:, 0]]
    beside = near_gaps(head)[pieces.avatar.anchors]
    assert (number[beside] >= 0).all()
    assert 2000 < beside.sum() < 7000
    assert np.quantile(pieces.areas[beside], 0.9) < 0.6e-6  # square millimetres
