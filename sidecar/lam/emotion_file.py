# SPDX-License-Identifier: GPL-3.0-or-later
"""What `affekt train lam` has learned, as a file: the emotion tokens and gates, and those of LAM's
own parameters that were trained as well. It belongs to one checkpoint, named by its hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ..files import write_whole
from .checkpoint import Checkpoint, file_sha256, put_parameter, read_header, read_tensors
from .emotion import EmotionTokens
from .network import LamNetwork
from .settings import EmotionConfig, LamConfig

FORMAT = "affekt lam emotion 1"
_OWN = "emotion."
_LARGEST = {"tokens": 1296, "width": 4096}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionWeights:
    """A file of emotion weights, looked through. changes: names of LAM's own parameters that
    are in it; about: what its training said of itself."""

    path: Path
    sha256: str
    config: EmotionConfig
    changes: frozenset[str]
    about: Mapping[str, str]


def open_emotion(path: Path, checkpoint: Checkpoint) -> EmotionWeights:
    """Looks whether the file belongs to the checkpoint. Raises InputError `file.*`."""
    entries, about = read_header(path)
    if about.get("format") != FORMAT or about.get("emotions") != json.dumps(EMOTIONS):
        raise _unfit(path, "it was not written by `affekt train lam` of this version")
    if about.get("checkpoint") != checkpoint.sha256:
        raise _unfit(path, "it was trained on another checkpoint than the one given")
    config = _config(about, path)
    wanted = {f"{_OWN}{k}": v for k, v in _tokens(config, checkpoint.config).items()}
    own = {name for name in entries if name.startswith(_OWN)}
    if own != set(wanted) or any(entries[n].shape != tuple(v.shape) for n, v in wanted.items()):
        raise _unfit(path, "its tensors do not fit its description")
    with torch.device("meta"):
        shapes = {n: tuple(v.shape) for n, v in LamNetwork(checkpoint.config).named_parameters()}
    others = {name: entry.shape for name, entry in entries.items() if name not in own}
    if any(shapes.get(name) != shape for name, shape in others.items()):
        raise _unfit(path, "its tensors are not all of LAM's network")
    return EmotionWeights(
        path=path, sha256=file_sha256(path), config=config, changes=frozenset(others), about=about
    )


def with_emotion(network: LamNetwork, weights: EmotionWeights) -> EmotionTokens:
    """Puts what was trained of LAM into the network, and gives the emotion tokens, on its device.
    Raises InputError `file.damaged`."""
    own: dict[str, Tensor] = {}
    entries, _ = read_header(weights.path)
    known = dict(network.named_parameters())
    for name, tensor in read_tensors(weights.path, set(entries)):
        if name.startswith(_OWN):
            own[name.removeprefix(_OWN)] = tensor.float()
        else:
            like = known[name]
            put_parameter(network, name, tensor.to(device=like.device, dtype=like.dtype))
    tokens = EmotionTokens(weights.config, network.config)
    tokens.load_state_dict(own)
    return tokens.requires_grad_(False).to(known["transformer.norm.weight"].device)


def save_emotion(
    path: Path,
    tokens: EmotionTokens,
    trained: Mapping[str, Tensor],
    checkpoint: Checkpoint,
    about: Mapping[str, str],
) -> None:
    """Writes the file; a crash leaves the old one whole. trained: those of LAM's parameters that
    changed. Raises InputError `file.not_writable`."""
    state = {f"{_OWN}{name}": values for name, values in tokens.state_dict().items()}
    tensors = {k: v.detach().float().cpu().contiguous() for k, v in (state | dict(trained)).items()}
    metadata = {
        **about,
        "format": FORMAT,
        "emotions": json.dumps(EMOTIONS),
        "checkpoint": checkpoint.sha256,
        "config": json.dumps(asdict(tokens.config)),
    }
    write_whole(path, save(tensors, metadata))


def _tokens(config: EmotionConfig, network: LamConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return EmotionTokens(config, network).state_dict()


def _config(about: Mapping[str, str], path: Path) -> EmotionConfig:
    try:
        said = json.loads(about.get("config", ""))
    except (ValueError, RecursionError) as error:
        raise _unfit(path, "its description cannot be read") from error
    if not isinstance(said, dict) or said.get("mode") not in ("gated", "concatenate"):
        raise _unfit(path, "its description cannot be read")
    for name, most in _LARGEST.items():
        if type(said.get(name)) is not int or not 1 <= said[name] <= most:
            raise _unfit(path, f"its {name} are not 1 to {most}")
    return EmotionConfig(mode=said["mode"], tokens=said["tokens"], width=said["width"])


def _unfit(path: Path, what: str) -> InputError:
    return InputError(
        "file.wrong_kind",
        f"{path.name} gives LAM no emotions: {what}.",
        "Choose the file that `affekt train lam` wrote for this checkpoint.",
    )
