# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a take from its expression space to the open head's, and a change back.

open <-> ARKit comes from the head: a linear map to open, non-negative least squares to ARKit.
FLAME <-> ARKit is a `LinearAdapter` from a file; one built from the user's FLAME file also has the
metric in which negative weights are avoided, and a map from a change of the open head's expression
and jaw to FLAME's. Neck, eyes, rotation and translation stay unchanged: FLAME and the open head
have the same axes and joints.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...shared import limits
from ...shared.arrays import Float32Array, IndexArray
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES, FLAME_SPACES, Motion, numbers_of
from ...shared.npz import encode_npz
from ..files import read_bytes, refuse_lfs_pointer, write_whole
from . import npz
from .arkit import weight_columns
from .arkit_from_open import arkit_weights, not_negative

LARGEST_WEIGHT = 1.2
"""Upper limit of ARKit weights from FLAME takes: a linear map overshoots at its ends."""
FORMAT, BUILT_FORMAT = "affekt linear adapter 1", "affekt adapter 2"
_LEAST_GAIN = 0.03
"""Least norm of a weight's row. A smaller one means that the data of the fit did not contain the
weight; its inverse is noise divided by almost nothing, so both are set to 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearAdapter:
    """A linear map between a FLAME space and ARKit's weights, in `ARKIT_NAMES` order.

    weights = arkit_from_space @ [expression, jaw] + arkit_bias; a change of weights becomes
    space_from_arkit @ change. arkit_from_space (52, 103), arkit_bias (52,), space_from_arkit
    (103, 52).

    weight_root (52, 52) and space_from_open (103, 103) are both set or both None. If set, the
    eyeLook weights follow from the eyes' rotation, the other weights w >= 0 minimise
    |weight_root @ (w - linear weights)|, and a change of the open head's [expression, jaw] becomes
    space_from_open @ change.
    Raises InputError `space.adapter` for wrong shapes or values that are not finite.
    """

    space: str
    arkit_from_space: Float32Array
    arkit_bias: Float32Array
    space_from_arkit: Float32Array
    weight_root: Float32Array | None = None
    space_from_open: Float32Array | None = None

    def __post_init__(self) -> None:
        if self.space not in FLAME_SPACES:
            raise _bad_adapter(
                f"An adapter for the space '{self.space}' is not needed or not known."
            )
        if (self.weight_root is None) != (self.space_from_open is None):
            raise _bad_adapter("The adapter has one of weight_root and space_from_open only.")
        known = _SHAPES if self.weight_root is None else _SHAPES | _BUILT
        for name, shape in known.items():
            values: Float32Array = getattr(self, name)
            if values.shape != shape or not np.isfinite(values).all():
                raise _bad_adapter(f"The adapter's {name} is not {shape} finite numbers.")


_SHAPES = {"arkit_from_space": (52, 103), "arkit_bias": (52,), "space_from_arkit": (103, 52)}
_BUILT = {"weight_root": (52, 52), "space_from_open": (103, 103)}
_MATRICES = {
    "arkit_from_flame": (npz.FRAMES, 103),
    "arkit_bias": (npz.FRAMES,),
    "flame_from_arkit": (103, npz.FRAMES),
    "arkit_names": (npz.FRAMES,),
}


def read_adapter(path: Path) -> LinearAdapter:
    """Reads an adapter file. Raises InputError `file.*`, `space.adapter`."""
    wanted = {"format": (), "space": (), **_SHAPES}
    arrays = _read_arrays(path, wanted, "adapter file", optional=_BUILT)
    if str(arrays["format"]) not in (FORMAT, BUILT_FORMAT):
        raise InputError(
            "file.wrong_kind",
            f"{path.name} is not an adapter file of this version.",
            "Make it again with `affekt adapter build`.",
        )
    matrices = {
        name: npz.to_float32(arrays[name]) for name in (*_SHAPES, *_BUILT) if name in arrays
    }
    return LinearAdapter(space=str(arrays["space"]), **matrices)


def write_adapter(adapter: LinearAdapter, path: Path) -> None:
    """Writes the adapter atomically. Raises InputError `file.not_writable`."""
    names = _SHAPES if adapter.weight_root is None else _SHAPES | _BUILT
    arrays = {name: getattr(adapter, name) for name in names}
    version = FORMAT if adapter.weight_root is None else BUILT_FORMAT
    texts = {"format": np.array(version), "space": np.array(adapter.space)}
    write_whole(path, encode_npz({**texts, **arrays}))


def make_linear_adapter(matrices_path: Path, space: str) -> LinearAdapter:
    """Makes an adapter of an npz with arkit_from_flame (n, 103), arkit_bias (n,), flame_from_arkit
    (103, n) and arkit_names (n,). Weights that the file leaves out are 0.

    Raises InputError `file.*`, `motion.unknown_weight`, `space.adapter`.
    """
    arrays = _read_arrays(matrices_path, _MATRICES, "file of matrices")
    names = arrays["arkit_names"].tolist()
    if {arrays[n].shape[0] for n in _MATRICES if n != "flame_from_arkit"} != {
        arrays["flame_from_arkit"].shape[1]
    }:
        raise _bad_adapter(f"The matrices in {matrices_path.name} have different sizes.")
    forward, bias, back = (npz.to_float32(arrays[n]) for n in list(_MATRICES)[:3])
    out = {name: np.zeros(shape, np.float32) for name, shape in _SHAPES.items()}
    for source, target in enumerate(weight_columns(names, matrices_path.name)):
        seen = np.linalg.norm(forward[source]) >= _LEAST_GAIN  # also false for NaN
        if target is not None and (seen or not np.isfinite(forward[source]).all()):
            out["arkit_from_space"][target] = forward[source]
            out["arkit_bias"][target] = bias[source]
            out["space_from_arkit"][:, target] = back[:, source]
    return LinearAdapter(space=space, **out)


def _read_arrays(
    path: Path,
    wanted: dict[str, npz.Shape],
    what: str,
    optional: dict[str, npz.Shape] | None = None,
) -> dict[str, npz.Array]:
    data = read_bytes(path, limits.MAX_ADAPTER_BYTES, what)
    refuse_lfs_pointer(data, path.name)
    if not data.startswith(b"PK"):
        raise InputError(
            "file.wrong_kind", f"{path.name} is not an npz {what}.", f"Give the {what}."
        )
    texts = ("format", "space", "arkit_names")
    return npz.decode_complete(data, path.name, what, wanted, optional or {}, texts)


def to_open(motion: Motion, head: HeadModel, adapter: LinearAdapter | None) -> Motion:
    """Converts a take to the space of an open head. An ARKit take's weights also move jaw and eyes;
    a FLAME take keeps its eyes and loses its identity, which has no meaning on the open head.

    Raises InputError `space.no_adapter` if the adapter is missing or is for another space.
    """
    if motion.space == "open":
        return motion
    if head.space != "open":
        raise _no_adapter(motion.space, head.space)
    weights = _take_weights(motion, head, adapter)
    expression = np.zeros((len(motion), 100), np.float32)
    expression[:, : len(head.arkit_expression)] = _product(weights, head.arkit_expression)
    jaw = _product(weights, head.arkit_jaw)
    if motion.space == "arkit":
        eyes = _product(weights, head.arkit_eyes) + motion.eyes
        return replace(motion, expression=expression, jaw=jaw, eyes=eyes, space="open")
    shape = np.zeros_like(motion.shape)
    return replace(motion, expression=expression, jaw=jaw, shape=shape, space="open")


def _take_weights(motion: Motion, head: HeadModel, adapter: LinearAdapter | None) -> Float32Array:
    """ARKit weights (T, 52) of a take in any space but "open"."""
    if motion.space == "arkit":
        return motion.expression[:, : len(ARKIT_NAMES)]
    if adapter is None or adapter.space != motion.space:
        raise _no_adapter(motion.space, "open", adapter)
    if adapter.weight_root is not None:
        return _nearest_weights(motion, head, adapter, adapter.weight_root)
    weights = _product(numbers_of(motion), adapter.arkit_from_space) + adapter.arkit_bias
    return np.clip(weights, 0, np.float32(LARGEST_WEIGHT))


def _nearest_weights(
    motion: Motion, head: HeadModel, adapter: LinearAdapter, root: Float32Array
) -> Float32Array:
    """Weights (T, 52) of a FLAME take in the metric `root`. The eyeLook weights follow from the
    rotation of the eyes; only what they leave of the expression is fitted by the others."""
    size = np.maximum((head.arkit_eyes**2).sum(0), 1e-12)  # (52,)
    gaze = np.maximum(_product(motion.eyes, head.arkit_eyes.T / size[:, None]), 0)
    numbers = numbers_of(motion) - _product(gaze, adapter.space_from_arkit)
    weights = _product(numbers, adapter.arkit_from_space) + adapter.arkit_bias
    held = not_negative(weights.astype(np.float64), root.astype(np.float64)).astype(np.float32)
    return np.clip(held + gaze, 0, np.float32(LARGEST_WEIGHT))


def open_to_arkit(motion: Motion, head: HeadModel) -> Float32Array:
    """The non-negative weights (T, 52) whose expression, jaw and eyes are nearest to the motion's,
    measured on the head's surface; exact if the motion was made by weights.

    Raises InputError `space.no_adapter` unless motion and head are in space "open".
    """
    if (motion.space, head.space) != ("open", "open"):
        raise _no_adapter(motion.space, "arkit")
    return arkit_weights(motion, head)


def as_arkit(motion: Motion, head: HeadModel) -> Motion:
    """The open take as ARKit's weights, which then say what jaw and eyes did as well.

    Raises InputError `space.no_adapter` unless motion and head are in space "open".
    """
    expression = np.zeros_like(motion.expression)
    expression[:, : len(ARKIT_NAMES)] = open_to_arkit(motion, head)
    return replace(
        motion,
        expression=expression,
        jaw=np.zeros_like(motion.jaw),
        eyes=np.zeros_like(motion.eyes),
        space="arkit",
    )


def from_open(motion: Motion, head: HeadModel, adapter: LinearAdapter) -> Motion:
    """Converts an open take to the adapter's FLAME space; eyes and neck stay unchanged.

    Raises InputError `space.no_adapter` unless motion and head are in space "open".
    """
    if adapter.space_from_open is not None and (motion.space, head.space) == ("open", "open"):
        numbers = _product(numbers_of(motion), adapter.space_from_open)
    else:
        numbers = _product(open_to_arkit(motion, head), adapter.space_from_arkit)
    return replace(
        motion,
        expression=numbers[:, :100],
        jaw=numbers[:, 100:],
        space=adapter.space,
        shape=np.zeros_like(motion.shape),
    )


def add_open_difference(
    take: Motion,
    open_before: Motion,
    open_after: Motion,
    adapter: LinearAdapter | None,
    head: HeadModel,
) -> Motion:
    """The take, in its own space, with the change from `open_before` to `open_after` added.

    Frames without a change keep their bits. Raises InputError `space.no_adapter` if the adapter is
    missing or is for another space.
    """
    if take.space == "open":
        return open_after
    changed = np.flatnonzero(
        (open_before.expression != open_after.expression).any(1)
        | (open_before.jaw != open_after.jaw).any(1)
    )
    if not len(changed):
        return take
    expression, jaw = take.expression.copy(), take.jaw.copy()
    if take.space == "arkit":
        change = _weight_change(open_before, open_after, head, changed)
        own = expression[changed, : len(ARKIT_NAMES)]
        floor = np.minimum(own, 0)  # the sum's rounding must not make a weight negative
        expression[changed, : len(ARKIT_NAMES)] = np.maximum(own + change, floor)
        return replace(take, expression=expression)
    if adapter is None or adapter.space != take.space:
        raise _no_adapter(take.space, "open", adapter)
    if adapter.space_from_open is not None:
        before, after = (numbers_of(motion)[changed] for motion in (open_before, open_after))
        step = _product(after - before, adapter.space_from_open)
    else:
        change = _weight_change(open_before, open_after, head, changed)
        step = _product(change, adapter.space_from_arkit)
    expression[changed] += step[:, :100]
    jaw[changed] += step[:, 100:]
    return replace(take, expression=expression, jaw=jaw)


def _weight_change(
    before: Motion, after: Motion, head: HeadModel, frames: IndexArray
) -> Float32Array:
    """Change of the ARKit weights (n, 52) in the given frames."""
    return arkit_weights(after, head, frames) - arkit_weights(before, head, frames)


def _product(rows: Float32Array, matrix: Float32Array) -> Float32Array:
    """rows @ matrix.T in float64, without BLAS, whose sums depend on the number of rows: a frame
    must have the same bits in every range."""
    return np.einsum("ti,oi->to", rows, matrix, dtype=np.float64).astype(np.float32)


def _no_adapter(space: str, wanted: str, adapter: LinearAdapter | None = None) -> InputError:
    have = f", and the adapter given is for '{adapter.space}'" if adapter else ""
    return InputError(
        "space.no_adapter",
        f"The take is in the expression space '{space}', but '{wanted}' is needed{have}.",
        f"Give an adapter for '{space}' (make one with `affekt adapter build`)."
        if space in FLAME_SPACES
        else "Choose a head that speaks the take's space.",
    )


def _bad_adapter(message: str) -> InputError:
    return InputError("space.adapter", message, "Make the adapter again.")
