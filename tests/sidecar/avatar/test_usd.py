# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar's take as one file of USD, read back by usd-core."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import usd
from affekt.sidecar.avatar.drive import Actor
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.rest_pose import rest_gaussians
from affekt.sidecar.avatar.splats import Splats, zeroth_harmonics
from affekt.sidecar.avatar.usd import FIELD, write_usd
from fakes.lam import lam_bundle
from fakes.plain_drive import arkit_motion
from fakes.splats import splat_ply


@pytest.fixture
def pxr():
    return pytest.importorskip("pxr", reason="the extra `usd` is not installed")


def egg(rows: np.ndarray, **options: object) -> Actor:
    """A LAM avatar in a take of these (T, 52) weights."""
    return Actor(decode_lam_avatar(lam_bundle(), "egg.zip"), arkit_motion(rows), **options)


def some_rows(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, 52))


class Playing:
    """Gaussians that are given frame by frame, in place of an actor."""

    def __init__(self, frames: list[Splats]) -> None:
        self._frames = frames
        self.motion = arkit_motion(np.zeros((len(frames), 52)))

    def pose(self, index: int):
        return type("Posed", (), {"gaussians": self._frames[index]})


def attributes(path: Path) -> dict:
    """The Gaussians' attributes by name, and the stage, without which they end."""
    from pxr import Usd

    stage = Usd.Stage.Open(str(path))
    found = stage.GetPrimAtPath(FIELD).GetAttributes()
    return {attribute.GetName(): attribute for attribute in found} | {"stage": stage}


def test_one_gaussian(pxr, tmp_path: Path):
    """Every number, none like another: standard deviations, opacities, w x y z, harmonics."""
    from pxr import Usd, UsdGeom, UsdVol

    half = np.sqrt(0.5)
    one = Splats(
        means=np.float32([[1, 2, 3]]),
        quaternions=np.float32([[half, half, 0, 0]]),
        scales=np.float32([[0.1, 0.2, 0.3]]),
        opacities=np.float32([0.75]),
        colours=np.float32([[1, 0.5, 0.25]]),
        harmonics=np.arange(9, dtype=np.float32).reshape(1, 3, 3),
    )
    assert list(write_usd(tmp_path / "one.usdc", Playing([one]), range(1))) == [0]
    stage = Usd.Stage.Open(str(tmp_path / "one.usdc"))
    found = UsdVol.ParticleField3DGaussianSplat(stage.GetPrimAtPath(FIELD))
    assert found
    assert found.GetPositionsAttr().Get()[0] == (1, 2, 3)
    turn = found.GetOrientationsAttr().Get()[0]
    assert (turn.GetReal(), *turn.GetImaginary()) == pytest.approx((half, half, 0, 0))
    assert found.GetScalesAttr().Get()[0] == pytest.approx((0.1, 0.2, 0.3))
    assert list(found.GetOpacitiesAttr().Get()) == [0.75]
    assert found.GetRadianceSphericalHarmonicsDegreeAttr().Get() == 1
    zeroth, *others = found.GetRadianceSphericalHarmonicsCoefficientsAttr().Get()
    assert zeroth == pytest.approx((0.5 / 0.28209479, 0, -0.25 / 0.28209479))
    assert others == [(0, 1, 2), (3, 4, 5), (6, 7, 8)]
    low, high = found.GetExtentAttr().Get()
    assert low == pytest.approx((0.1, 1.1, 2.1))
    assert high == pytest.approx((1.9, 2.9, 3.9))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert stage.GetDefaultPrim().GetPath() == "/Avatar"
    assert Usd.ModelAPI(stage.GetDefaultPrim()).GetKind() == "component"
    name = Usd.ColorSpaceAPI(found.GetPrim()).GetColorSpaceNameAttr().Get()
    assert name == "srgb_rec709_scene"


@pytest.mark.parametrize("harmonics", [0, 3, 8, 15])
def test_as_many_coefficients_as_the_degree_says(pxr, harmonics: int, tmp_path: Path):
    values = rest_gaussians(decode_avatar(splat_ply(7, harmonics), "v.ply"))
    list(write_usd(tmp_path / "a.usd", Playing([values]), range(1)))
    found = attributes(tmp_path / "a.usd")
    degree = found["radiance:sphericalHarmonicsDegree"].Get()
    read = np.array(found["radiance:sphericalHarmonicsCoefficients"].Get())
    read = read.reshape(7, (degree + 1) ** 2, 3)
    np.testing.assert_array_equal(read[:, 0], zeroth_harmonics(values))
    if harmonics:
        np.testing.assert_array_equal(read[:, 1:], values.harmonics)


def test_a_take_is_its_frames(pxr, tmp_path: Path):
    actor, path = egg(some_rows(6), follow="surface"), tmp_path / "take.usdc"
    assert list(write_usd(path, actor, range(2, 5))) == [2, 3, 4]
    assert [p.name for p in tmp_path.iterdir()] == ["take.usdc"]
    found = attributes(path)
    stage = found["stage"]
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (3, 5)
    assert stage.GetTimeCodesPerSecond() == stage.GetFramesPerSecond() == actor.motion.fps
    for index in (2, 3, 4):
        posed, time = actor.pose(index).gaussians, index + 1
        read = {name: np.array(found[name].Get(time)) for name in ("positions", "scales")}
        np.testing.assert_array_equal(read["positions"], posed.means)
        np.testing.assert_array_equal(read["scales"], posed.scales)
        low, high = np.array(found["extent"].Get(time))
        assert (low < posed.means.min(0)).all()
        assert (high > posed.means.max(0)).all()
        turns = np.array(found["orientations"].Get(time))
        again = np.abs(np.sum(np.roll(turns, 1, 1) * posed.quaternions, 1))
        np.testing.assert_allclose(again, 1, atol=1e-5)
    # What stays has no samples: it is there once for the whole take.
    for name in ("opacities", "radiance:sphericalHarmonicsCoefficients"):
        assert not found[name].GetTimeSamples()
        assert found[name].Get() is not None


def test_gaussians_that_keep_their_direction_have_it_once(pxr, tmp_path: Path):
    list(write_usd(tmp_path / "a.usdc", egg(some_rows(4), follow="still"), range(4)))
    found = attributes(tmp_path / "a.usdc")
    assert not found["orientations"].GetTimeSamples()
    assert not found["scales"].GetTimeSamples()
    assert found["positions"].GetTimeSamples() == [1, 2, 3, 4]


def test_a_face_that_rests_stays_until_it_moves(pxr, tmp_path: Path):
    """Between samples USD goes straight: where nothing changed there must be one at the end."""
    a, b = some_rows(2)
    actor = egg(np.stack([a, a, a, b, b, b, a]))
    list(write_usd(tmp_path / "a.usdc", actor, range(7)))
    found = attributes(tmp_path / "a.usdc")
    positions = found["positions"]
    assert positions.GetTimeSamples() == [1, 3, 4, 6, 7]
    for index in range(7):
        posed = actor.pose(index).gaussians.means
        np.testing.assert_array_equal(np.array(positions.Get(index + 1)), posed)


def test_no_quaternion_turns_the_long_way(pxr, tmp_path: Path):
    """A Gaussian whose quaternion changes its sign stands still, and is still halfway."""
    one = rest_gaussians(decode_avatar(splat_ply(5), "v.ply"))
    bent = one.quaternions + np.float32([0.01, 0, 0, 0.02])
    bent /= np.linalg.norm(bent, axis=1, keepdims=True)
    other = replace(one, quaternions=-bent)
    list(write_usd(tmp_path / "a.usdc", Playing([one, other]), range(2)))
    found = attributes(tmp_path / "a.usdc")
    first, second = (np.array(found["orientations"].Get(time)) for time in (1, 2))
    assert (np.sum(first * second, 1) > 0.9).all()
    np.testing.assert_allclose(second, np.roll(bent, -1, 1), atol=1e-6)


def test_a_long_take_is_put_into_the_file_bit_by_bit(pxr, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(usd, "_UNSAVED_BYTES", 10_000)
    actor = egg(some_rows(6))
    sizes = []
    for _ in write_usd(tmp_path / "a.usdc", actor, range(6)):
        (partial,) = tmp_path.iterdir()
        sizes.append(partial.stat().st_size)
    assert sizes[1] < sizes[3] < sizes[5]
    found = attributes(tmp_path / "a.usdc")
    positions = found["positions"]
    for index in range(6):
        posed = actor.pose(index).gaussians.means
        np.testing.assert_array_equal(np.array(positions.Get(index + 1)), posed)


def test_what_is_broken_off_leaves_nothing(pxr, tmp_path: Path):
    path = tmp_path / "a.usdc"
    path.write_bytes(b"an older one")
    writing = write_usd(path, egg(some_rows(5)), range(5))
    assert [next(writing), next(writing)] == [0, 1]
    writing.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.usdc"]
    assert path.read_bytes() == b"an older one"


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file of this process grows beyond 30 kB; the rest is refused as on a full disk."""
    resource = pytest.importorskip("resource", reason="no limit for the size of files here")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_nothing(pxr, tmp_path: Path, little_room):
    path = tmp_path / "a.usdc"
    path.write_bytes(b"an older one")
    with pytest.raises(InputError, match="File too large") as caught:
        list(write_usd(path, egg(some_rows(8)), range(8)))
    assert caught.value.code == "file.not_writable"
    assert [p.name for p in tmp_path.iterdir()] == ["a.usdc"]
    assert path.read_bytes() == b"an older one"


def test_places_where_nothing_can_be_written(pxr, tmp_path: Path):
    (tmp_path / "folder.usdc").mkdir()
    (tmp_path / "file").write_text("")
    for place in ("folder.usdc", "file/a.usdc", "nowhere/a.usdc", "n" * 300 + ".usdc"):
        with pytest.raises(InputError) as caught:
            next(write_usd(tmp_path / place, egg(some_rows(2)), range(2)))
        assert caught.value.code == "file.not_writable"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.usdc"]


def test_names_that_are_not_usds(pxr, tmp_path: Path):
    for name in ("take", "take.usda", "take.ply"):
        with pytest.raises(InputError) as caught:
            next(write_usd(tmp_path / name, egg(some_rows(2)), range(2)))
        assert caught.value.code == "option.format"


def test_without_usd_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    old = type(sys)("pxr")
    old.UsdVol = type(sys)("pxr.UsdVol")  # of before 26.3
    for module in (None, old):
        monkeypatch.setitem(sys.modules, "pxr", module)
        with pytest.raises(InputError) as caught:
            next(write_usd(tmp_path / "a.usdc", egg(some_rows(2)), range(2)))
        assert caught.value.code == "option.missing_extra"
    assert not list(tmp_path.iterdir())
