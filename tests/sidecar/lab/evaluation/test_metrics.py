# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures against truths made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.anchors.channels import NAMES
from affekt.sidecar.lab.evaluation.measured_head import cut_to_measured
from affekt.sidecar.lab.evaluation.metrics import (
    FIGURES,
    FaceMotion,
    asymmetry,
    closures,
    correlation,
    face_error,
    face_motion,
    jerk,
    lip_vertex_error,
    measure_clip,
    slope,
)
from fakes.clips import FRAMES, clip, numbers

RULER = cut_to_measured(read_head("open"))
CLIP = clip(closure=np.ones(FRAMES, np.float32))
TRUTH = face_motion(RULER, CLIP.truth, CLIP.shape)


def figures(output: FaceMotion) -> dict[str, tuple[float, float]]:
    return dict(zip(FIGURES, measure_clip(output, TRUTH, CLIP, RULER).tolist(), strict=True))


def value(output: FaceMotion, name: str) -> float:
    above, below = figures(output)[name]
    return above / below


def test_a_perfect_output_has_no_error():
    assert all(value(TRUTH, n) == 0 for n in ("aed", "apd", "lve_mm", "face_mm", "overshoot_mm"))
    for name in ("jerk_ratio", "jaw_correlation", "gap_correlation", "gap_size", "asymmetry_size"):
        assert value(TRUTH, name) == pytest.approx(1)


def test_a_known_offset_of_the_numbers_is_read_back():
    moved = TRUTH.numbers.copy()
    moved[:, :50] += 0.2
    moved[:, 100] -= 0.03
    output = face_motion(RULER, moved, CLIP.shape)
    assert value(output, "aed") == pytest.approx(0.1, rel=1e-4)
    assert value(output, "apd") == pytest.approx(0.01, rel=1e-4)


def test_a_known_shift_in_millimetres_is_read_back():
    shift = np.array([0, 3, 4], np.float32)
    output = replace(TRUTH, vertices=TRUTH.vertices + shift)
    assert value(output, "lve_mm") == pytest.approx(5, rel=1e-4)
    assert value(output, "face_mm") == pytest.approx(5, rel=1e-4)


def test_lip_vertex_error_is_the_worst_vertex_of_each_frame():
    truth = np.zeros((2, 10, 3), np.float32)
    output = truth.copy()
    output[0, 3, 0], output[0, 4, 0], output[1, 5, 1], output[1, 9, 2] = 2, -6, 1, 100
    lips = np.array([3, 4, 5])
    assert lip_vertex_error(output, truth, lips) == pytest.approx((6 + 1) / 2)
    assert face_error(output, truth, lips) == pytest.approx(9 / 6)


def test_closures_count_the_widest_place_of_the_frames_that_must_close():
    gap = np.array([[0, 0, 0, 0, 0], [0, 0, 1.2, 0, 0], [9, 9, 9, 9, 9], [-2, 0.9, 0, 0, 0]])
    closed = np.array([True, True, False, True])
    assert closures(gap.astype(np.float32), closed) == (2, 3)
    assert closures(gap.astype(np.float32), ~closed) == (0, 1)
    assert closures(gap.astype(np.float32), np.zeros(4, bool)) == (0, 0)


def test_jerk_of_a_cubic_is_six_times_its_factor():
    frames = np.arange(9.0)
    vertices = np.zeros((9, 2, 3), np.float32)
    vertices[:, :, 1] = (0.5 * frames**3 - 2 * frames**2 + frames)[:, None]
    assert jerk(vertices) == pytest.approx(3)
    assert jerk(np.cumsum(np.ones((9, 2, 3), np.float32), 0)) == 0


def test_more_jitter_is_more_jerk():
    noise = np.random.default_rng(0).normal(0, 0.02, CLIP.truth.shape).astype(np.float32)
    assert value(face_motion(RULER, CLIP.truth + noise, CLIP.shape), "jerk_ratio") > 3


def test_overshoot_is_the_widest_frame():
    gap = TRUTH.gap.copy()
    gap[7] += 5
    gap[9] -= 50
    assert value(replace(TRUTH, gap=gap), "overshoot_mm") == pytest.approx(5, rel=1e-4)


def test_correlation_does_not_know_size_and_slope_does():
    curve = np.sin(np.arange(20.0)).astype(np.float32)
    assert correlation(0.5 * curve + 3, curve)[0] == pytest.approx(1)
    assert correlation(-curve, curve)[0] == pytest.approx(-1)
    assert correlation(np.ones_like(curve), curve) == (0, 0)
    above, below = slope(0.5 * curve, curve)
    assert above / below == pytest.approx(0.5)


def test_a_mirrored_face_has_no_asymmetry():
    take = numbers(5)
    for left, name in enumerate(NAMES):
        other = name.replace("Left", "Right")
        if "Left" in name and other in NAMES:
            take[:, NAMES.index(other)] = take[:, left]
    assert np.abs(asymmetry(take)).max() == 0
    assert value(face_motion(RULER, take, CLIP.shape), "asymmetry_size") == 0
    take[:, NAMES.index("mouthSmileLeft")] += 0.25
    assert np.abs(asymmetry(take)).max() == pytest.approx(0.25, rel=1e-5)
    take = numbers(5)
    take[:, NAMES.index("mouthLeft")] += 1  # moves the mouth, of which there is one
    assert np.array_equal(asymmetry(take), asymmetry(numbers(5)))


def test_the_source_keeps_its_own_asymmetry_in_full():
    assert value(face_motion(RULER, CLIP.source, CLIP.shape), "asymmetry_kept") == pytest.approx(1)
