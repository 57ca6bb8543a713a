# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks that an avatar's network has made of emotions: how they are mixed, shown and kept."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import Motion, make_motion
from affekt.sidecar.avatar.affekt_avatar import decode_affekt_avatar, encode_avatar
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.emotion_looks import LOOKS, EmotionLooks, look_shares, shown_strengths
from affekt.sidecar.avatar.feeling import felt
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.rest_pose import HungGaussians, hung_gaussians
from fakes.lam import lam_bundle

HAPPY, SAD = 0, 1


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    plain = decode_lam_avatar(lam_bundle(), "egg")
    count, rng = len(plain), np.random.default_rng(3)

    def some(size: int, spread: float) -> np.ndarray:
        return rng.normal(0, spread, (6, count, size)).astype(np.float32)

    turned = plain.quaternions + some(4, 0.1)
    looks = EmotionLooks(
        weights=np.eye(6, dtype=np.float32),
        colours=np.clip(plain.colours + some(3, 0.1), 0, 1),
        offsets=plain.offsets + some(3, 0.003),
        scales=plain.scales * np.exp(some(3, 0.3)),
        opacities=np.clip(plain.opacities[:, None] + some(1, 0.2), 0, 1),
        quaternions=turned / np.linalg.norm(turned, axis=2, keepdims=True),
    )
    return replace(plain, emotion_looks=looks)


def with_mixture(avatar: Avatar, row: np.ndarray) -> Avatar:
    """The avatar with one look more: that of `disgust` backwards, for the mixture `row`."""
    looks = avatar.emotion_looks
    assert looks is not None
    more = {k: np.concatenate([v := getattr(looks, k), v[4:5, ::-1]]) for k in LOOKS}
    more["weights"][6] = row
    return replace(avatar, emotion_looks=EmotionLooks(**more))


def shown(avatar: Avatar, strengths: np.ndarray) -> HungGaussians:
    assert avatar.emotion_looks is not None
    return felt(hung_gaussians(avatar), avatar.emotion_looks, strengths)


def fixed(avatar: Avatar, strengths: np.ndarray) -> Avatar:
    """An avatar that always has this look."""
    found = shown(avatar, strengths)
    arrays = {k: getattr(found, k) for k in HungGaussians.__slots__}
    return replace(avatar, emotion_looks=None, **arrays)


def take(frames: int = 2) -> Motion:
    return make_motion(expression=np.zeros((frames, 100), np.float32), fps=30, space="arkit")


def weights(**given: float) -> np.ndarray:
    out = np.zeros(6, np.float32)
    for name, value in given.items():
        out[{"happy": HAPPY, "sad": SAD}[name]] = value
    return out


def test_a_mixture_by_hand(avatar: Avatar) -> None:
    looks, mixed = avatar.emotion_looks, shown(avatar, weights(happy=0.5, sad=0.25))
    assert looks is not None
    own = 0.25 * avatar.offsets[7]
    wanted = own + 0.5 * looks.offsets[HAPPY, 7] + 0.25 * looks.offsets[SAD, 7]
    np.testing.assert_allclose(mixed.offsets[7], wanted, rtol=1e-5, atol=1e-9)
    happy, sad = looks.scales[HAPPY, 7], looks.scales[SAD, 7]
    wanted = avatar.scales[7] ** 0.25 * happy**0.5 * sad**0.25
    np.testing.assert_allclose(mixed.scales[7], wanted, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(mixed.quaternions, axis=1), 1, atol=1e-5)
    assert mixed.colours.min() >= 0
    assert mixed.opacities.max() <= 1
    assert np.abs(mixed.colours - avatar.colours).max() > 0.05


def test_nothing_is_changed_at_neutral(avatar: Avatar) -> None:
    found = shown(avatar, np.zeros(6, np.float32))
    for name in ("offsets", "quaternions", "scales", "opacities", "colours"):
        assert getattr(found, name) is getattr(avatar, name)


def test_a_look_is_shown_to_the_bit(avatar: Avatar) -> None:
    mixture = weights(happy=0.5, sad=0.75)
    mixed = with_mixture(avatar, mixture)
    looks = mixed.emotion_looks
    assert looks is not None
    for index, strengths in ((SAD, weights(sad=1)), (6, mixture)):
        found = shown(mixed, strengths)
        for name in ("offsets", "quaternions", "scales", "colours"):
            np.testing.assert_array_equal(getattr(found, name), getattr(looks, name)[index])
        np.testing.assert_array_equal(found.opacities, looks.opacities[index, :, 0])


def test_shares_lie_between_the_nearest_looks() -> None:
    singles = np.eye(6, dtype=np.float32)
    np.testing.assert_array_equal(
        look_shares(singles, weights(happy=1, sad=0.25)), [1, 0.25, 0, 0, 0, 0]
    )
    rows = np.concatenate([singles, weights(happy=0.5, sad=0.25)[None]])
    for given, wanted in (
        (weights(happy=0.25, sad=0.125), [0, 0, 0.5]),  # half way to the mixture
        (weights(happy=0.75, sad=0.125), [0.5, 0, 0.5]),  # between it and happy
        (weights(happy=0.25, sad=0.625), [0, 0.5, 0.5]),
        (weights(happy=1.0, sad=0.5), [1.0, 0.5, 0]),  # beyond all: as without it
        (weights(happy=0.5, sad=0.25), [0, 0, 1]),
        (weights(), [0, 0, 0]),
    ):
        found = look_shares(rows, given)
        np.testing.assert_allclose(found[[HAPPY, SAD, 6]], wanted, atol=1e-6)
        np.testing.assert_allclose(found @ rows, given, atol=1e-6)


def test_shares_do_not_jump() -> None:
    """Among looks on a grid, whose squares have two diagonals each: along a line the shares change
    no faster than on any one of them."""
    grid = [row for row in itertools.product((0, 0.25, 0.5), repeat=3) if any(row)]
    rows = np.concatenate([np.eye(6), np.pad(grid, ((0, 0), (0, 3)))]).astype(np.float32)
    begin, end = np.array([[0.26, 0.48, 0.07], [0.13, 0.01, 0.47]], np.float32)
    steps = np.pad(begin + (end - begin) * np.linspace(0, 1, 151)[:, None], ((0, 0), (0, 3)))
    shares = np.stack([look_shares(rows, one) for one in steps.astype(np.float32)])
    np.testing.assert_allclose(shares @ rows, steps, atol=1e-5)
    assert (shares > 0).sum(1).max() <= 7
    assert np.abs(np.diff(shares, axis=0)).max() < 12 * np.abs(np.diff(steps, axis=0)).max()


def test_strength_ends_at_its_most() -> None:
    given = np.array([[0.5, 0, 0.25, 0, 0, 0], [1, 0, 1, 0, 0, 0], [0, -1, 0, 0, 0, 0]])
    shown = shown_strengths(given, np.array([1.0, 2.0, 1.0]), 3)
    np.testing.assert_allclose(shown, [given[0], [0.75, 0, 0.75, 0, 0, 0], np.zeros(6)])


def test_an_actor_shows_each_frames_emotion(avatar: Avatar) -> None:
    rows = np.stack([weights(happy=1), weights(sad=0.5)])
    actor = Actor(avatar, take(), appearance=np.array([1.0, 0.5]), emotions=rows)
    for frame, strengths in enumerate((weights(happy=1), weights(sad=0.25))):
        found = actor.pose(frame).gaussians
        wanted = Actor(fixed(avatar, strengths), take()).pose(0).gaussians
        np.testing.assert_array_equal(found.colours, wanted.colours)
        np.testing.assert_array_equal(found.opacities, wanted.opacities)
        np.testing.assert_array_equal(found.means, wanted.means)
        np.testing.assert_array_equal(found.scales, wanted.scales)
    again = actor.playing(take(1), 1.0, weights(sad=1))
    wanted = Actor(fixed(avatar, weights(sad=1)), take(1)).pose(0).gaussians
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
    avatar = with_mixture(avatar, weights(happy=0.5, sad=0.5))
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
    fewer = replace(looks, **{name: getattr(looks, name)[:, 1:] for name in LOOKS[1:]})
    with pytest.raises(InputError, match="looks of"):
        replace(avatar, emotion_looks=fewer)
    with pytest.raises(InputError, match="opacities of emotions"):
        replace(looks, opacities=looks.opacities[:, 2:])
    bad = looks.offsets.copy()
    bad[2, 1, 0] = np.nan
    with pytest.raises(InputError) as caught:
        replace(looks, offsets=bad)
    assert caught.value.code == "avatar.not_finite"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (weights(happy=-0.5, sad=1), "mixtures that are none"),
        (weights(), "mixtures that are none"),
        (weights(happy=1, sad=1), "mixtures that are none"),
    ],
)
def test_mixtures_that_are_none(avatar: Avatar, row: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        with_mixture(avatar, row)
    assert caught.value.code == "avatar.values"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": np.eye(6, dtype=np.float32)[::-1]}, "no look of each emotion"),
        ({"colours": 1.5}, "colours of emotions outside"),
        ({"opacities": -0.5}, "opacities of emotions outside"),
        ({"scales": 0.0}, "not of 0 to 1 m"),
        ({"quaternions": 1.0}, "rotations of emotions"),
    ],
)
def test_looks_that_are_none(avatar: Avatar, change: dict[str, object], said: str) -> None:
    looks = avatar.emotion_looks
    assert looks is not None
    ((name, value),) = change.items()
    if isinstance(value, float):
        value = np.full_like(getattr(looks, name), value)
    with pytest.raises(InputError, match=said) as caught:
        replace(looks, **{name: value})
    assert caught.value.code == "avatar.values"


def test_too_many_looks(avatar: Avatar) -> None:
    looks = avatar.emotion_looks
    assert looks is not None
    rows = np.concatenate([looks.weights, np.full((507, 6), 0.1, np.float32)])
    many = {
        k: np.broadcast_to(getattr(looks, k)[:1], (513, *getattr(looks, k).shape[1:]))
        for k in LOOKS
    }
    with pytest.raises(InputError, match="513 looks of emotions, more than 512") as caught:
        EmotionLooks(**many | {"weights": rows})
    assert caught.value.code == "avatar.too_big"
