# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an appearance training run."""

from __future__ import annotations

from dataclasses import dataclass

from ...avatar.skin_network import SkinNetworkConfig
from .config import DEVICES, bad_setting, check_choices, check_network, check_numbers

_MAY_BE_ZERO = ("seed", "warmup_steps", "plain_faces")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppearanceConfig:
    """Settings of a run. device: "auto" is CUDA if torch sees it. start: the file of a network to
    go on from; if empty, random weights. batch: faces a step, over all processes, of which
    `fresh` were never seen before; the others are taken from the newest `kept`, mirrored or not.
    plain_faces: of so many at the start more shows at rest, ever less. height_weight,
    slope_weight: on the errors of heights, in mm, and of their differences from texel to texel;
    square_weight: on their squares, as a multiple; flush_weight: on the errors of the redness.
    decay_steps: the last ones, over which the learning rate sinks; until they begin, a stopped
    run may be made longer or shorter."""

    seed: int = 1
    device: str = "auto"
    start: str = ""
    layers: int = 4
    width: int = 128
    heads: int = 4
    hidden: int = 512
    steps: int = 1400
    batch: int = 4
    fresh: int = 1
    kept: int = 400
    plain_faces: int = 600
    learning_rate: float = 2.5e-3
    warmup_steps: int = 60
    decay_steps: int = 350
    weight_decay: float = 0.02
    gradient_clip: float = 1.0
    average_decay: float = 0.995
    height_weight: float = 1.0
    square_weight: float = 4.0
    slope_weight: float = 1.5
    flush_weight: float = 0.05
    bfloat16: bool = True
    held_out_people: int = 24
    log_every: int = 25
    measure_every: int = 500
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        check_numbers(self, _MAY_BE_ZERO)
        check_choices(self, {"device": DEVICES})
        if self.fresh > self.batch or self.kept < self.batch:
            raise bad_setting("fresh, batch and kept are not in ascending order", "Change one.")
        check_network(self)
        if self.held_out_people < 2:
            raise bad_setting("held_out_people is 1", "People are compared: give 2 or more.")

    @property
    def network(self) -> SkinNetworkConfig:
        """The sizes of the network that these settings train."""
        names = ("layers", "width", "heads", "hidden")
        return SkinNetworkConfig(**{name: getattr(self, name) for name in names})
