# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks that an avatar's network has made of emotions: how they are mixed, shown and kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.avatar.affekt_avatar import decode_affekt_avatar, encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.emotion_looks import LOOKS, EmotionLooks, shown_strengths
from affekt.sidecar.avatar.feeling import felt
from affekt.sidecar.avatar.lam import decode_lam_avatar
from fakes.lam import lam_bundle

HAPPY, SAD = 0, 1


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    plain = decode_lam_avatar(lam_bundle(), "egg")
    count, rng = len(plain), np.random.default_rng(3)

    def some(size: int, spread: float) -> np.ndarray:
        return rng.normal(0, spread, (6, count, size)).astype(np.float32)

    looks = EmotionLooks(
        colours=some(3, 0.1),
        offsets=some(3, 0.003),
        log_scales=some(3, 0.3),
        opacities=some(1, 0.2),
        quaternions=some(4, 0.1),
    )
    return replace(plain, emotion_looks=looks)


def take(frames: int = 2) -> Motion:
    return make_motion(expression=np.zeros((frames, 100), np.float32), fps=30, space="arkit")


def weights(**given: float) -> np.ndarray:
    out = np.zeros(6, np.float32)
    for name, value in given.items():
        out[{"happy": HAPPY, "sad": SAD}[name]] = value
    return out


def test_a_mixture_by_hand(avatar: Avatar) -> None:
    looks, mixed = avatar.emotion_looks, felt(avatar, weights(happy=0.5, sad=0.25))
    assert looks is not None
    wanted = avatar.offsets[7] + 0.5 * looks.offsets[HAPPY, 7] + 0.25 * looks.offsets[SAD, 7]
    np.testing.assert_allclose(mixed.offsets[7], wanted, rtol=1e-5)
    grown = 0.5 * looks.log_scales[HAPPY, 7] + 0.25 * looks.log_scales[SAD, 7]
    np.testing.assert_allclose(mixed.scales[7], avatar.scales[7] * np.exp(grown), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(mixed.quaternions, axis=1), 1, atol=1e-5)
    assert mixed.colours.min() >= 0
    assert mixed.opacities.max() <= 1
    assert np.abs(mixed.colours - avatar.colours).max() > 0.05


def test_neutral_is_the_avatar_itself(avatar: Avatar) -> None:
    assert felt(avatar, np.zeros(6)) is avatar


def test_strength_ends_at_its_most() -> None:
    given = np.array([[0.5, 0, 0.25, 0, 0, 0], [1, 0, 1, 0, 0, 0], [0, -1, 0, 0, 0, 0]])
    shown = shown_strengths(given, np.array([1.0, 2.0, 1.0]), 3)
    np.testing.assert_allclose(shown, [given[0], [0.75, 0, 0.75, 0, 0, 0], np.zeros(6)])


def test_an_actor_shows_each_frames_emotion(avatar: Avatar) -> None:
    rows = np.stack([weights(happy=1), weights(sad=0.5)])
    actor = Actor(avatar, take(), appearance=np.array([1.0, 0.5]), emotions=rows)
    for frame, shown in enumerate((weights(happy=1), weights(sad=0.25))):
        found, wanted = actor.pose(frame).gaussians, Actor(felt(avatar, shown), take()).pose(0)
        np.testing.assert_array_equal(found.colours, wanted.gaussians.colours)
        np.testing.assert_array_equal(found.means, wanted.gaussians.means)
        np.testing.assert_array_equal(found.scales, wanted.gaussians.scales)
    again = actor.playing(take(1), 1.0, weights(sad=1))
    wanted = Actor(felt(avatar, weights(sad=1)), take(1)).pose(0).gaussians
    np.testing.assert_array_equal(again.pose(0).gaussians.colours, wanted.colours)


@pytest.mark.parametrize(("appearance", "emotions"), [(0.0, weights(happy=1)), (1.0, None)])
def test_no_strength_or_no_emotion_is_the_neutral_avatar(
    avatar: Avatar, appearance: float, emotions: np.ndarray | None
) -> None:
    plain = Actor(replace(avatar, emotion_looks=None), take()).pose(1).gaussians
    found = Actor(avatar, take(), appearance=appearance, emotions=emotions).pose(1).gaussians
    np.testing.assert_array_equal(found.colours, plain.colours)
    np.testing.assert_array_equal(found.means, plain.means)


def test_a_file_keeps_the_looks(avatar: Avatar) -> None:
    found = decode_affekt_avatar(encode_avatar(avatar), "egg")
    assert found.emotion_looks is not None
    assert avatar.emotion_looks is not None
    for name in LOOKS:
        np.testing.assert_array_equal(
            getattr(found.emotion_looks, name), getattr(avatar.emotion_looks, name)
        )
    without = decode_affekt_avatar(encode_avatar(replace(avatar, emotion_looks=None)), "egg")
    assert without.emotion_looks is None


def test_looks_of_other_gaussians(avatar: Avatar) -> None:
    looks = avatar.emotion_looks
    assert looks is not None
    fewer = EmotionLooks(**{name: getattr(looks, name)[:, 1:] for name in LOOKS})
    with pytest.raises(InputError, match="looks of"):
        replace(avatar, emotion_looks=fewer)
    with pytest.raises(InputError, match="opacities of emotions"):
        replace(looks, opacities=looks.opacities[:, 2:])
    bad = looks.offsets.copy()
    bad[2, 1, 0] = np.nan
    with pytest.raises(InputError) as caught:
        replace(looks, offsets=bad)
    assert caught.value.code == "avatar.not_finite"
