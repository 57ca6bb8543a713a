# SPDX-License-Identifier: GPL-3.0-or-later
"""The open head's mesh wrinkles as the sidecar's Gaussians do."""

from pathlib import Path

import numpy as np
import pytest
from affekt.shared.head import HeadModel
from affekt.shared.pressing import WRINKLES
from affekt.shared.wrinkle_patterns import draw_patterns
from affekt.sidecar.avatar.effects import face_rows, open_places
from affekt.sidecar.avatar.pressing import pressing_of
from affekt.sidecar.avatar.wrinkles import motion_of_numbers
from affekt.sidecar.head.read import read_head

from .conftest import RunScript
from .nouns import save

PRESSED = [f"affekt_pressed_{number}" for number in range(1, 8)]
PIXELS, APPEARANCE, KEPT = 80, 0.8, 0.5
SCOWL = {"browDownLeft": 1.0, "browDownRight": 0.7, "noseSneerLeft": 0.9, "mouthFrownRight": 0.8}
GRIN = {"mouthSmileLeft": 0.9, "cheekSquintRight": 1.0, "mouthShrugLower": 0.5, "browInnerUp": 1.1}
POSES = [(SCOWL, (0.0, 0.0, 0.0)), (GRIN, (0.08, -0.05, 0.12))]
"""Weights of shape keys, each on top of the last, and the jaw's rotation vector in FLAME's axes."""


def wanted_pressing(head: HeadModel) -> np.ndarray:
    """(poses, wrinkles) by the sidecar."""
    numbers = np.zeros((len(POSES), len(head.expression_names) + 3))
    for number, (_, jaw) in enumerate(POSES):
        for weights, _ in POSES[: number + 1]:
            for name, value in weights.items():
                numbers[number, head.expression_names.index(name)] = value
        numbers[number, -3:] = jaw
    basis = face_rows(motion_of_numbers(head), open_places(head))
    return pressing_of(numbers @ basis)


def wanted_picture(pressed: np.ndarray) -> np.ndarray:
    """(PIXELS, PIXELS) change of log colour on a square of 0.2 m, from the bottom up."""
    steps = 0.1 * ((2 * np.arange(PIXELS) + 1) / PIXELS - 1)
    across, up = np.meshgrid(steps, steps)
    places = np.stack([across, up, np.full_like(across, 0.05)], -1).reshape(-1, 3)
    patterns = draw_patterns(places, np.zeros(len(places)))
    return (patterns @ pressed).reshape(PIXELS, PIXELS)


@pytest.mark.two_blenders
def test_the_mesh_wrinkles_as_gaussians_do(in_blender: RunScript, tmp_path: Path) -> None:
    head = read_head("open")
    numbers = np.zeros(28)
    numbers[: len(WRINKLES)] = np.random.default_rng(5).uniform(0, 1.3, len(WRINKLES))
    numbers[len(WRINKLES)] = KEPT
    told = in_blender(
        "wrinkles.py",
        head=save(head, tmp_path / "head.npz"),
        # (x, y, z) in FLAME's axes is (x, -z, y) in Blender's.
        poses=[(weights, (jaw[0], -jaw[2], jaw[1])) for weights, jaw in POSES],
        pressed=PRESSED,
        numbers=numbers.tolist(),
        appearance=APPEARANCE,
        pixels=PIXELS,
        samples=2,
        out=tmp_path / "wrinkles.npz",
    )
    assert told["simple"]
    print(f"pictures of {told['pictures']} bytes")
    assert sum(told["pictures"]) < 150_000
    with np.load(tmp_path / "wrinkles.npz") as file:
        found = dict(file)
    pressed, wanted = found["pressed"][:, : len(WRINKLES)], wanted_pressing(head)
    apart = np.abs(pressed - wanted).max(1)
    print(f"pressed {wanted.max(1)}, apart {apart}")
    assert (wanted > 0.3).sum(1).min() >= 5
    assert apart.max() < 0.02
    # At rest there is nothing, to the last bit of what a picture holds; pressed there is.
    assert np.abs(found["rest"] - found["plain"]).max() < 1e-4
    assert np.abs(found["posed"] - found["plain"]).max() > 0.02
    picture = wanted_picture(numbers[: len(WRINKLES)])
    assert picture.min() < -0.5
    assert np.abs(picture - picture[:, ::-1]).max() > 0.1  # left and right differ
    for name, strength in (("flat", APPEARANCE), ("alone", KEPT)):
        off = np.abs(1 - found[name][..., 0] - strength * picture)
        print(f"{name}: {off.max():.4f} apart, {off.mean():.5f} in the mean")
        assert off.max() < 0.03
        assert off.mean() < 0.001
