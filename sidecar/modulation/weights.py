# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained modulator on disk: `NAME.safetensors` (half precision) and `NAME.json` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np
import torch

from ...shared.arrays import Float32Array, IndexArray
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ..network_file import (
    check_weights,
    damaged,
    fill_network,
    read_description,
    read_tensors,
    save_network,
    shipped_network,
)
from .network import EMOTION_ENTRIES, NUMBERS, GeometryNetwork, NetworkConfig

FORMAT = "affekt geometry modulator 3"
FORMAT_2 = "affekt geometry modulator 2"
"""The form whose networks are told the weights alone."""
FORMAT_1 = "affekt geometry modulator 1"
"""The form that left out `lip_closers` and `mirrored` and said "side_gain"."""
_KIND = "modulator"
LARGEST_ASYMMETRY_GAIN = 3.0
"""With the largest asymmetry of a take, one half of the face then moves four times as far as the
other."""
LARGEST_CLOSER = 2.0
"""Twice the weight 1 that a shape is modelled for."""
_LARGEST = NetworkConfig(layers=24, width=1024, heads=32, hidden=8192, window=64, variants=16)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modulator:
    """A trained network, whose weights no longer change, and all that inference needs besides.

    mean, scale: (103,) of the network's input. residual_scale: (103,) of its output; 0 where
    training never changed a number. lowest, highest: (103,) range of the training's targets, which
    the output leaves only where the take does. upper_share: (103,) how far a number belongs to the
    face above the nose, 0..1. lip_opening: (103, 5) mm by which a unit parts the lips at five
    places across the mouth. lip_closers: column -> largest value, of the numbers that may be raised
    to close the lips, first choice first. mirrored: (P, 2) left and right column of each mirrored
    pair. asymmetry_gain: how far the change follows the take's own asymmetry; 0 is not at all.
    variants: (6, V) shares of the variants by which each emotion is shown; None for a network that
    knows none. about: what else the JSON says (training settings, figures).
    """

    network: GeometryNetwork
    mean: Float32Array  # (103,)
    scale: Float32Array  # (103,)
    residual_scale: Float32Array  # (103,)
    lowest: Float32Array  # (103,)
    highest: Float32Array  # (103,)
    upper_share: Float32Array  # (103,)
    lip_opening: Float32Array  # (103, 5)
    lip_closers: Mapping[int, float]
    mirrored: IndexArray  # (P, 2)
    asymmetry_gain: float
    variants: Float32Array | None  # (6, V)
    about: dict[str, object]


_SCALINGS = {
    **dict.fromkeys(
        ("mean", "scale", "residual_scale", "lowest", "highest", "upper_share"), (NUMBERS,)
    ),
    "lip_opening": (NUMBERS, 5),
}
"""The arrays beside the network, and their shapes."""


def load_modulator(path: Path | None = None) -> Modulator:
    """Reads a modulator; None is the one that ships.

    Raises InputError `file.missing`, `file.folder`, `file.empty`, `file.too_large` (see
    `read_bytes`), `file.wrong_kind` for a JSON that describes something else, and `file.damaged`.
    """
    path = path or _shipped()
    _check_pair(path)
    description = path.with_suffix(".json")
    tensors = read_tensors(path, _KIND)
    about = _read_about(description)
    check_weights(path, _KIND, about)
    config = _network_config(about, description)
    with torch.random.fork_rng(devices=[]):
        network = GeometryNetwork(config)
    scalings = {name: tensors.pop(name, torch.zeros(0)) for name in _SCALINGS}
    for name, values in scalings.items():
        if values.shape != _SCALINGS[name]:
            raise _damaged(path, f"{name} is missing or has the wrong shape")
    fill_network(network, tensors, path, _KIND)
    return Modulator(
        network=network,
        about=about,
        lip_closers=_lip_closers(about, description),
        mirrored=_mirrored(about, description),
        asymmetry_gain=_asymmetry_gain(about, description),
        variants=_variants(about, config, description),
        **{name: v.numpy() for name, v in scalings.items()},
    )


def save_modulator(modulator: Modulator, path: Path) -> None:
    """Writes `path` (safetensors) and its JSON; a crash leaves the old files whole.

    Raises InputError `file.not_writable`.
    """
    scalings = {name: torch.from_numpy(getattr(modulator, name).copy()) for name in _SCALINGS}
    about = {
        **modulator.about,
        "format": FORMAT,
        "emotions": list(EMOTIONS),
        "network": asdict(modulator.network.config),
        "lip_closers": list(modulator.lip_closers.items()),
        "mirrored": modulator.mirrored.tolist(),
        "asymmetry_gain": modulator.asymmetry_gain,
        "variants": [] if modulator.variants is None else modulator.variants.tolist(),
    }
    save_network(path, modulator.network, about, scalings)


def _check_pair(path: Path) -> None:
    """Checks that the path is that of one of the two files of a modulator. Raises InputError
    `file.folder`, `file.missing`, `file.wrong_kind`."""
    pair = "NAME.safetensors with NAME.json beside it"
    if path.is_dir():
        inside = sorted(
            p.name for p in path.glob("*.safetensors") if p.with_suffix(".json").exists()
        )
        raise InputError(
            "file.folder",
            f"{path} is a folder, not a modulator, which is two files: {pair}.",
            f"Give the path of {inside[0]} in it." if inside else "Give the first one's path.",
        )
    if path.suffix == ".json":
        raise InputError(
            "file.wrong_kind",
            f"{path} only describes a modulator, which is two files: {pair}.",
            "Give the first one's path.",
        )
    if path.is_file() and not (description := path.with_suffix(".json")).exists():
        raise InputError(
            "file.missing",
            f"{description}, which belongs to the modulator {path.name}, is not there.",
            "Put both files that `affekt train geometry` wrote into one folder.",
        )


def _shipped() -> Path:
    return shipped_network("geometry_modulator")


def _read_about(path: Path) -> dict[str, object]:
    about = read_description(path, _KIND, "modulator's description")
    if not isinstance(about, dict) or about.get("format") not in (FORMAT, FORMAT_2, FORMAT_1):
        raise InputError(
            "file.wrong_kind",
            f"The file {path.name} does not describe a geometry modulator.",
            "Choose a file that `affekt train geometry` wrote.",
        )
    if about.get("emotions") != list(EMOTIONS):
        raise InputError(
            "file.wrong_kind",
            f"The modulator {path.name} knows other emotions than this version.",
            "Train it again.",
        )
    return _from_format_1(about) if about["format"] == FORMAT_1 else about


def _from_format_1(about: dict[str, object]) -> dict[str, object]:
    """A description of form 1 in form 2: with the shipped modulator's rules, which were the only
    ones when form 1 was written."""
    shipped = _read_about(_shipped().with_suffix(".json"))
    about["asymmetry_gain"] = about.pop("side_gain", 0.0)
    return about | {name: shipped[name] for name in ("format", "lip_closers", "mirrored")}


def _network_config(about: dict[str, object], path: Path) -> NetworkConfig:
    described = about.get("network")
    largest = asdict(_LARGEST)
    if not isinstance(described, dict):
        raise _damaged(path, "it does not describe the network")
    # The first files leave these out.
    values = {"emotion": _LARGEST.emotion, "variants": 0, **described}
    if set(values) != set(largest):
        raise _damaged(path, "it does not describe the network")
    for name, value in values.items():
        if name == "emotion":
            known = value in EMOTION_ENTRIES
        else:
            known = type(value) is int and (name != "variants") <= value <= largest[name]
        if not known:
            raise _damaged(path, f"network.{name} is {value!r}")
    if values["window"] != _LARGEST.window or values["width"] % values["heads"]:
        raise _damaged(path, "its network's sizes do not fit together")
    return NetworkConfig(**values)


def _lip_closers(about: dict[str, object], path: Path) -> dict[int, float]:
    pairs = _pairs(about, "lip_closers", path)
    closers = {column: limit for column, limit in pairs if _is_column(column)}
    if len(closers) != len(pairs):
        raise _damaged(path, "lip_closers names a column that does not exist, or one twice")
    return {
        column: _within(limit, LARGEST_CLOSER, "a limit of lip_closers", path)
        for column, limit in closers.items()
    }


def _mirrored(about: dict[str, object], path: Path) -> IndexArray:
    pairs = _pairs(about, "mirrored", path)
    columns = {column for pair in pairs for column in pair if _is_column(column)}
    if len(columns) != 2 * len(pairs):
        raise _damaged(path, "mirrored names a column that does not exist, or one twice")
    return np.array(pairs, np.intp).reshape(-1, 2)


def _asymmetry_gain(about: dict[str, object], path: Path) -> float:
    return _within(about.get("asymmetry_gain"), LARGEST_ASYMMETRY_GAIN, "asymmetry_gain", path)


def _variants(about: dict[str, object], config: NetworkConfig, path: Path) -> Float32Array | None:
    rows = about.get("variants", [])
    if not config.variants and rows == []:
        return None
    shape = (len(EMOTIONS), config.variants)
    if (
        not isinstance(rows, list)
        or len(rows) != shape[0]
        or any(not isinstance(row, list) or len(row) != shape[1] for row in rows)
    ):
        raise _damaged(path, f"variants is no table of {shape[0]} x {shape[1]} shares")
    shares = [[_within(share, 1.0, "a share of variants", path) for share in row] for row in rows]
    return np.array(shares, np.float32)


def _pairs(about: dict[str, object], name: str, path: Path) -> list[list[object]]:
    pairs = about.get(name)
    if not isinstance(pairs, list) or any(
        not isinstance(pair, list) or len(pair) != 2 for pair in pairs
    ):
        raise _damaged(path, f"{name} is no list of pairs")
    return pairs


def _is_column(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < NUMBERS


def _within(value: object, largest: float, name: str, path: Path) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= largest:
        raise _damaged(path, f"{name} is {value!r:.60}")
    return float(value)


def _damaged(path: Path, what: str) -> InputError:
    return damaged(path, _KIND, what)
