# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained modulator on disk: `NAME.safetensors` (half precision) and `NAME.json` beside it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ...shared.replacement import replace_file
from .network import EMOTION_ENTRIES, NUMBERS, GeometryNetwork, NetworkConfig

FORMAT = "affekt geometry modulator 1"
MAX_WEIGHT_BYTES = 64 * 1024 * 1024
"""The default is 6 MB; a network ten times as large is no file of ours."""
LARGEST_SIDE_GAIN = 3.0
"""With the largest side there is, one half of the face then moves three times as far as the
other."""
_LARGEST = NetworkConfig(layers=24, width=1024, heads=32, hidden=8192, window=64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modulator:
    """A trained network, whose weights no longer change, and how its numbers are scaled.

    mean, scale: (103,) of the input. residual_scale: (103,) of the output; 0 where training never
    changed a number. lowest, highest: (103,) what the training's targets ranged over: the output
    stays inside, unless the take itself does not. upper_share: (103,) how far a number belongs to
    the face above the nose. lip_opening: (103, 5) mm by which a unit parts the lips at the places
    of `anchors.lips`.
    about: what the JSON says besides (training config, figures). side_gain: how far the take's
    own left and right (`sides.py`) shape the change; 0 leaves it as the network made it.
    """

    network: GeometryNetwork
    mean: Float32Array  # (103,)
    scale: Float32Array  # (103,)
    residual_scale: Float32Array  # (103,)
    lowest: Float32Array  # (103,)
    highest: Float32Array  # (103,)
    upper_share: Float32Array  # (103,)
    lip_opening: Float32Array  # (103, 5)
    about: dict[str, object]
    side_gain: float = 0.0


_SCALINGS = {
    **dict.fromkeys(
        ("mean", "scale", "residual_scale", "lowest", "highest", "upper_share"), (NUMBERS,)
    ),
    "lip_opening": (NUMBERS, 5),
}
"""The arrays beside the network, and their shapes."""


def load_modulator(path: Path | None = None) -> Modulator:
    """Reads a modulator; None is the default that ships.

    Raises InputError `file.missing`, `file.damaged`, `file.wrong_kind`, `file.too_large`.
    """
    if path is None:
        path = Path(
            str(resources.files("affekt.sidecar.assets") / "geometry_modulator.safetensors")
        )
    about = _read_about(path.with_suffix(".json"))
    tensors = _read_tensors(path)
    config = _network_config(about, path)
    with torch.random.fork_rng(devices=[]):
        network = GeometryNetwork(config)
    scalings = {name: tensors.pop(name, torch.zeros(0)) for name in _SCALINGS}
    for name, values in scalings.items():
        if values.shape != _SCALINGS[name]:
            raise _damaged(path, f"{name} is missing or has the wrong shape")
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise _damaged(path, "its tensors do not fit its description") from error
    network.requires_grad_(False).eval()
    return Modulator(
        network=network,
        about=about,
        side_gain=_side_gain(about, path),
        **{name: v.numpy() for name, v in scalings.items()},
    )


def save_modulator(modulator: Modulator, path: Path) -> None:
    """Writes `path` (safetensors) and its JSON; a crash leaves the old files whole."""
    half = {
        name: t.detach().to(torch.float16) for name, t in modulator.network.state_dict().items()
    }
    tensors = {n: t.contiguous() for n, t in half.items()}
    tensors |= {name: torch.from_numpy(getattr(modulator, name).copy()) for name in _SCALINGS}
    about = {
        **modulator.about,
        "format": FORMAT,
        "emotions": list(EMOTIONS),
        "network": asdict(modulator.network.config),
        "side_gain": modulator.side_gain,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, save(tensors))
    text = json.dumps(about, indent=2, sort_keys=True, allow_nan=False) + "\n"
    _write(path.with_suffix(".json"), text.encode())


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_bytes(data)
    replace_file(temporary, path)


def _read_about(path: Path) -> dict[str, object]:
    try:
        about = json.loads(_read(path).decode("utf-8"))
    except ValueError as error:
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
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
    return about


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        tensors = load(_read(path))
    except SafetensorError as error:
        raise _damaged(path, "it is not a whole safetensors file") from error
    tensors = {name: t.to(torch.float32) for name, t in tensors.items()}
    if any(not torch.isfinite(t).all() for t in tensors.values()):
        raise _damaged(path, "it holds values that are not numbers")
    return tensors


def _network_config(about: dict[str, object], path: Path) -> NetworkConfig:
    described = about.get("network")
    largest = asdict(_LARGEST)
    if not isinstance(described, dict):
        raise _damaged(path.with_suffix(".json"), "it does not describe the network")
    values = {"emotion": _LARGEST.emotion, **described}  # which the first files do not say
    if set(values) != set(largest):
        raise _damaged(path.with_suffix(".json"), "it does not describe the network")
    for name, value in values.items():
        if name == "emotion":
            known = value in EMOTION_ENTRIES
        else:
            known = type(value) is int and 0 < value <= largest[name]
        if not known:
            raise _damaged(path.with_suffix(".json"), f"network.{name} is {value!r}")
    if values["window"] != _LARGEST.window or values["width"] % values["heads"]:
        raise _damaged(path.with_suffix(".json"), "its network's sizes do not fit together")
    return NetworkConfig(**values)


def _side_gain(about: dict[str, object], path: Path) -> float:
    value = about.get("side_gain", 0.0)
    if not isinstance(value, int | float) or not 0 <= value <= LARGEST_SIDE_GAIN:
        raise _damaged(path.with_suffix(".json"), f"side_gain is {value!r}")
    return float(value)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_WEIGHT_BYTES:
            raise InputError(
                "file.too_large",
                f"The file {path.name} has {size} bytes, too many for a modulator.",
                "Choose a file that `affekt train geometry` wrote.",
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "file.missing",
            f"The file {path} cannot be read.",
            "Check the path, or train a modulator with `affekt train geometry`.",
        ) from error


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        "file.damaged",
        f"The modulator's file {path.name} cannot be used: {what}.",
        "Get the file again, or train it again.",
    )
