# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained appearance network on disk: `NAME.safetensors` (half precision) and `NAME.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

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
from .skin_network import SkinNetwork, SkinNetworkConfig
from .skin_zones import FOLDS

FORMAT = "affekt skin network 1"
_KIND = "skin network"
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
    return shipped_network("skin_network")


def load_skin(path: Path) -> TrainedSkin:
    """Reads a network. Raises InputError `file.missing`, `file.folder`, `file.empty`,
    `file.too_large` (see `read_bytes`), `file.wrong_kind` and `file.damaged`."""
    tensors = read_tensors(path, _KIND)
    about = _read_about(path.with_suffix(".json"))
    check_weights(path, _KIND, about)
    config = _config(about, path)
    with torch.random.fork_rng(devices=[]):
        network = SkinNetwork(config)
    fill_network(network, tensors, path, _KIND)
    return TrainedSkin(network=network, about=about)


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
    about = {
        **skin.about,
        "format": FORMAT,
        "emotions": list(EMOTIONS),
        "folds": list(FOLDS),
        "network": asdict(skin.network.config),
    }
    save_network(path, skin.network, about)


def _read_about(path: Path) -> dict[str, object]:
    about = read_description(path, _KIND, "description")
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
    return damaged(path, _KIND, what)
