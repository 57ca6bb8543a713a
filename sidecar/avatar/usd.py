# SPDX-License-Identifier: GPL-3.0-or-later
# USD's modules fill themselves as they load: no type checker knows what is in them.
# pyright: reportAttributeAccessIssue=false
"""Writes an avatar that plays a take as one file of USD: `UsdVol.ParticleField3DGaussianSplat`
(OpenUSD 26.03 and later) with time samples.

Scales are standard deviations in metres and opacities 0..1, neither logarithms nor logits. The
coefficients of the harmonics are 3DGS's own, the zeroth first: so much times 0.28209, plus 0.5, is
the colour in sRGB, which the prim's colour space says too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.replacement import replacing
from ..files import not_writable
from .avatar import harmonics_degree
from .drive import Actor
from .splats import Splats, zeroth_harmonics

if TYPE_CHECKING:
    from pxr import Sdf, Usd, UsdVol

USD_ENDINGS = (".usd", ".usdc")
ROOT, FIELD = "/Avatar", "/Avatar/Gaussians"
"""The prims: the file's default one, and in it the Gaussians."""
_REACH = 3.0
"""Standard deviations from its mean to where a Gaussian ends for whoever asks for the extent."""
_UNSAVED_BYTES = 64 * 1024 * 1024
"""So much is kept in memory until it is put into the file."""

_ToUsd: TypeAlias = Callable[[Float32Array], object]


def write_usd(path: Path, actor: Actor, frames: range) -> Generator[int, None, None]:
    """Writes the frames of the take into one binary file of USD, and yields the index of each. The
    file appears at `path` behind the last of them; until then, and if this is closed or fails, what
    was there stays. Frame 0 has the time code 1, as the files of pictures count.

    Raises InputError `option.missing_extra` without usd-core, `option.format` for an ending that
    is not USD's, `file.not_writable`."""
    check_usd(path)
    yield from _written(path, actor, frames)


def check_usd(path: Path) -> None:
    """Checks that a file of USD with this name can be written. Raises InputError `option.format`,
    `option.missing_extra`."""
    if path.suffix.lower() not in USD_ENDINGS:
        raise InputError(
            "option.format",
            f"The name {path.name} does not end as a binary USD file's does.",
            f"End it in {' or '.join(USD_ENDINGS)}; OpenUSD's usdcat makes other kinds of it.",
        )
    try:
        from pxr import UsdVol

        known = hasattr(UsdVol, "ParticleField3DGaussianSplat")
    except ImportError:
        known = False
    if not known:
        raise InputError(
            "option.missing_extra",
            "USD is written by the package usd-core, which is not installed, or older than 26.3.",
            'Run: pip install "affekt[usd]"',
        )


def _written(path: Path, actor: Actor, frames: range) -> Generator[int, None, None]:
    from pxr import Tf

    try:
        with replacing(path) as partial:
            partial.touch()  # USD would make the folder, and say less of why it cannot
            if path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            with closing(_UsdFile(partial, actor.motion.fps)) as file:
                for index in frames:
                    file.add(actor.pose(index).gaussians, index + 1)
                    yield index
                file.finish()
    except (OSError, Tf.ErrorException) as error:
        raise not_writable(path, _reason(error)) from error


def _reason(error: Exception) -> Exception:
    """USD says in many lines what the system said in one, behind a last colon and a quote."""
    if isinstance(error, OSError):
        return error
    quoted = [line.rsplit("'", 2) for line in str(error).splitlines() if line.count("'") > 1]
    said = quoted[0][-2] if quoted else str(error)
    return OSError(said.rsplit(": ", 1)[-1])


class _UsdFile:
    """A file of USD that grows by frames of Gaussians, all as many."""

    def __init__(self, path: Path, fps: float) -> None:
        from pxr import Sdf, Usd

        # By its kind and not by its name, which is not USD's until it is finished.
        self._layer: Sdf.Layer | None = Sdf.Layer.New(Sdf.FileFormat.FindById("usdc"), str(path))
        self._stage: Usd.Stage | None = Usd.Stage.Open(self._layer)
        field = _lay_out(self._stage, fps)
        self._samples = _samples_of(field)
        self._degree = field.CreateRadianceSphericalHarmonicsDegreeAttr()
        self._first: float | None = None
        self._last: float | None = None
        self._unsaved = 0

    def add(self, splats: Splats, time: float) -> None:
        """Adds the Gaussians as they are at the time code, which is later than all before."""
        if self._first is None:
            self._first = time
            self._degree.Set(harmonics_degree(splats.harmonics))
        values = {
            "positions": splats.means,
            "orientations": splats.quaternions,
            "scales": splats.scales,
            "opacities": splats.opacities,
            "harmonics": _all_harmonics(splats),
            "extent": _extent_of(splats),
        }
        self._last = time
        self._unsaved += sum(self._samples[name].add(values[name], time) for name in values)
        if self._unsaved > _UNSAVED_BYTES:
            self._save()

    def finish(self) -> None:
        """Writes what is left. Raises pxr's Tf.ErrorException where it cannot be written."""
        for samples in self._samples.values():
            samples.finish()
        assert self._layer is not None
        self._layer.startTimeCode, self._layer.endTimeCode = self._first, self._last
        self._save()

    def _save(self) -> None:
        assert self._layer is not None
        self._layer.Save()
        self._unsaved = 0

    def close(self) -> None:
        """Lets go of the file: Windows renames none that is open."""
        self._samples.clear()
        self._stage = self._layer = None


class _Samples:
    """An attribute's values over time: one for all times if they never change, otherwise a sample
    wherever they do, and one where they last were the same, since USD goes straight from sample to
    sample."""

    def __init__(self, attribute: Usd.Attribute, to_usd: _ToUsd) -> None:
        self._attribute, self._to_usd = attribute, to_usd
        self._values: Float32Array | None = None
        self._since, self._until = 0.0, 0.0
        self._is_changing = False

    def add(self, values: Float32Array, time: float) -> int:
        """Adds the values at the time; returns how many bytes of samples were made."""
        before, self._values = self._values, values
        if before is not None and (before is values or np.array_equal(before, values)):
            self._until = time
            return 0
        made = 0
        if before is not None:
            if not self._is_changing:
                made += self._set(before, self._since)
            if self._until > self._since:
                made += self._set(before, self._until)
            made += self._set(values, time)
            self._is_changing = True
        self._since = self._until = time
        return made

    def finish(self) -> None:
        if self._values is not None and not self._is_changing:
            self._attribute.Set(self._to_usd(self._values))

    def _set(self, values: Float32Array, time: float) -> int:
        self._attribute.Set(self._to_usd(values), time)
        return values.nbytes


def _lay_out(stage: Usd.Stage, fps: float) -> UsdVol.ParticleField3DGaussianSplat:
    """Makes the prims; returns the Gaussians."""
    from pxr import Gf, Kind, Usd, UsdGeom, UsdVol

    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    stage.SetTimeCodesPerSecond(fps)
    stage.SetFramesPerSecond(fps)
    root = UsdGeom.Xform.Define(stage, ROOT).GetPrim()
    stage.SetDefaultPrim(root)
    Usd.ModelAPI(root).SetKind(Kind.Tokens.component)
    field = UsdVol.ParticleField3DGaussianSplat.Define(stage, FIELD)
    space = Usd.ColorSpaceAPI.Apply(field.GetPrim())
    space.CreateColorSpaceNameAttr(Gf.ColorSpaceNames.SRGBRec709)
    return field


def _samples_of(field: UsdVol.ParticleField3DGaussianSplat) -> dict[str, _Samples]:
    """The attributes that may change, by what they hold."""
    from pxr import Vt

    vectors = Vt.Vec3fArray.FromNumpy
    return {
        "positions": _Samples(field.CreatePositionsAttr(), vectors),
        "orientations": _Samples(field.CreateOrientationsAttr(), _SignedTurns()),
        "scales": _Samples(field.CreateScalesAttr(), vectors),
        "opacities": _Samples(field.CreateOpacitiesAttr(), Vt.FloatArray.FromNumpy),
        "harmonics": _Samples(field.CreateRadianceSphericalHarmonicsCoefficientsAttr(), vectors),
        "extent": _Samples(field.CreateExtentAttr(), vectors),
    }


class _SignedTurns:
    """Quaternions w, x, y, z as USD has them, each with the sign that is nearer to its one before:
    readers that go straight from sample to sample do not turn the long way round."""

    def __init__(self) -> None:
        self._before: Float32Array | None = None

    def __call__(self, quaternions: Float32Array) -> object:
        from pxr import Vt

        if self._before is not None:
            away = np.einsum("nk,nk->n", quaternions, self._before) < 0
            quaternions = np.where(away[:, None], -quaternions, quaternions)
        self._before = quaternions
        return Vt.QuatfArray.FromNumpy(np.ascontiguousarray(np.roll(quaternions, -1, 1)))


def _all_harmonics(splats: Splats) -> Float32Array:
    """(N (K + 1), 3): a Gaussian's coefficients one after the other, the zeroth first."""
    zeroth = zeroth_harmonics(splats)
    if splats.harmonics is None:
        return zeroth
    return np.concatenate([zeroth[:, None], splats.harmonics], 1).reshape(-1, 3)


def _extent_of(splats: Splats) -> Float32Array:
    """(2, 3) the box around the Gaussians."""
    reach = _REACH * splats.scales.max(1, keepdims=True)
    return np.stack([(splats.means - reach).min(0), (splats.means + reach).max(0)])
