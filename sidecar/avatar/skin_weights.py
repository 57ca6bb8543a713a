# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained appearance network on disk: `NAME.safetensors` (half precision) and `NAME.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ..files import read_bytes, write_whole
from .skin_network import SkinNetwork, SkinNetworkConfig
from .skin_zones import FOLDS

FORMAT = "affekt skin network 1"
MAX_WEIGHT_BYTES = 64 * 1024 * 1024
"""The default is 3 MB."""
_LARGEST = SkinNetworkConfig(
    layers=24, width=1024, heads=32, hidden=8192, emotion_tokens=64, channels=(512, 512, 512)
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedSkin:
    """A network whose weights no longer change. about: what else its JSON says (training settings,
    figures)."""

    network: SkinNetwork
    about: dict[str, object]


def shipped_skin_weights() -> Path:
    """The path of the network in the package."""
    return Path(str(resources.files("affekt.sidecar.assets") / "skin_network.safetensors"))


def load_skin(path: Path) -> TrainedSkin:
    """Reads a network. Raises InputError `file.missing`, `file.folder`, `file.empty`,
    `file.too_large` (see `read_bytes`), `file.wrong_kind` and `file.damaged`."""
    data = read_bytes(path, MAX_WEIGHT_BYTES, "skin network")
    about = _read_about(path.with_suffix(".json"))
    config = _config(about, path)
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise _damaged(path, "it is not a whole safetensors file") from error
    tensors = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise _damaged(path, "it holds values that are not numbers")
    with torch.random.fork_rng(devices=[]):
        network = SkinNetwork(config)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise _damaged(path, "its tensors do not fit its description") from error
    return TrainedSkin(network=network.requires_grad_(False).eval(), about=about)


def load_shipped_skin() -> TrainedSkin:
    """Reads the network in the package. Raises InputError `file.*` as `load_skin` does, which says
    what helps an animator."""
    try:
        return load_skin(shipped_skin_weights())
    except InputError as error:
        raise InputError(
            error.code,
            f"Affekt's own network of the skin cannot be used. {error.message}",
            "Install Affekt again, or go on without wrinkles: --appearance 0.",
        ) from error


def save_skin(skin: TrainedSkin, path: Path) -> None:
    """Writes `path` (safetensors) and its JSON; a crash leaves the old files whole. Raises
    InputError `file.not_writable`."""
    state = skin.network.state_dict()
    tensors = {name: t.detach().to(torch.float16).contiguous() for name, t in state.items()}
    about = {
        **skin.about,
        "format": FORMAT,
        "emotions": list(EMOTIONS),
        "folds": list(FOLDS),
        "network": asdict(skin.network.config),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, save(tensors))
    text = json.dumps(about, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_whole(path.with_suffix(".json"), text.encode())


def _read_about(path: Path) -> dict[str, object]:
    try:
        about = json.loads(read_bytes(path, MAX_WEIGHT_BYTES, "description").decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not JSON") from error
    wanted = {"format": FORMAT, "emotions": list(EMOTIONS), "folds": list(FOLDS)}
    if not isinstance(about, dict) or any(about.get(k) != v for k, v in wanted.items()):
        raise InputError(
            "file.wrong_kind",
            f"The file {path.name} does not describe a skin network of this version.",
            "Choose a file that `affekt train appearance` wrote.",
        )
    return about


def _config(about: dict[str, object], path: Path) -> SkinNetworkConfig:
    described, largest = about.get("network"), asdict(_LARGEST)
    if not isinstance(described, dict) or set(described) != set(largest):
        raise _damaged(path, "it does not describe the network")
    sizes = {name: described[name] for name in largest if name != "channels"}
    channels = described["channels"]
    known = all(type(v) is int and 1 <= v <= largest[name] for name, v in sizes.items())
    if not known or not isinstance(channels, list) or len(channels) != 3:
        raise _damaged(path, "its network's sizes are none")
    if any(type(c) is not int or not 1 <= c <= 512 for c in channels):
        raise _damaged(path, "its network's channels are none")
    if sizes["width"] % sizes["heads"]:
        raise _damaged(path, "its network's sizes do not fit together")
    coarse, middle, fine = channels
    return SkinNetworkConfig(**sizes, channels=(coarse, middle, fine))


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        "file.damaged",
        f"The skin network's file {path.name} cannot be used: {what}.",
        "Get the file again, or train it again.",
    )
