# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut head measures what the whole one shows."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.lips import lip_edges
from affekt.sidecar.lab.evaluation.measured_head import cut_head, cut_to_measured
from fakes.clips import numbers
from fakes.head import small_head

HEAD = read_head("open")
RULER = cut_to_measured(HEAD)


def test_cut_vertices_move_as_in_the_whole_head():
    take = numbers(3)
    shape = np.zeros(300, np.float32)
    shape[:20] = np.random.default_rng(0).normal(0, 1, 20)
    motion = make_motion(
        expression=take[:, :100], jaw=take[:, 100:], shape=shape, fps=30.0, space="open"
    )
    kept = np.flatnonzero(HEAD.region == 2)
    whole = HeadLayer(HEAD).vertices(motion, 0, len(take))[:, kept]
    cut = HeadLayer(cut_head(HEAD, kept)).vertices(motion, 0, len(take))[:, : len(kept)]
    assert np.abs(whole - HEAD.template[kept]).max() > 0.005
    assert np.abs(whole - cut).max() < 1e-6  # metres


def test_the_template_lips_meet():
    rest = RULER.vertices(np.zeros((1, 103), np.float32), np.zeros(300, np.float32))
    assert np.abs(RULER.gap(rest)).max() < 1e-3


def test_a_gap_is_in_millimetres():
    vertices = RULER.vertices(np.zeros((1, 103), np.float32), np.zeros(300, np.float32))
    vertices[:, np.unique(RULER.lower), 1] -= 4
    assert RULER.gap(vertices)[0] == pytest.approx(np.full(5, 4.0), abs=1e-3)


def test_an_open_jaw_parts_the_lips():
    take = np.zeros((1, 103), np.float32)
    take[0, 100] = 0.2
    assert RULER.gap(RULER.vertices(take, np.zeros(300, np.float32))).min() > 3


def test_lips_and_face_are_what_they_are_called():
    template = HEAD.template * 1000
    rest = RULER.vertices(np.zeros((1, 103), np.float32), np.zeros(300, np.float32))[0]
    lips = template[HEAD.region == 2]
    assert len(RULER.lips) == len(lips)
    assert rest[RULER.lips] == pytest.approx(lips, abs=1e-2)
    assert 400 < len(RULER.face) < 3000
    assert len(np.unique(RULER.face)) == len(RULER.face)


def test_a_head_without_lips_is_refused():
    head = small_head()
    assert all(len(edge) == 0 for edge in lip_edges(head)[0])
    with pytest.raises(InputError) as caught:
        cut_to_measured(head)
    assert caught.value.code == "head.no_lips"
