# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a fine-tuning of LAM."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ...lam.settings import EmotionConfig, EmotionMode
from .config import DEVICES, bad_setting, check_choices

PARTS = ("gates", "decoder", "encoder")
_MAY_BE_ZERO = ("seed", "warmup_steps", "mask_steps")
_MODES: tuple[EmotionMode, ...] = ("gated", "concatenate")


@dataclass(frozen=True, slots=True, kw_only=True)
class LamTrainingConfig:
    """Settings of a run; the defaults are LAM's own for learning rate, decay, warm-up, clipping,
    frames and weights of the losses, and the Feelings paper's for its length.

    device: "auto" is CUDA if torch sees it. part: what is trained: "gates" the emotion tokens,
    their projection and the gates alone, "decoder" those and the decoder with the Gaussian head,
    "encoder" all. start: the file of an earlier part to go on from; if empty, closed gates and LAM
    as it is. emotion_mode, emotion_tokens, emotion_width: as in `EmotionConfig`; those of `start`
    count where there is one. batch: samples a step, over all processes. targets: frames that a
    sample is compared in. image_side: pixels of those. pixel_weight: mean squared error over the
    person's pixels; mask_weight: mean squared error of the alpha, sinking to `mask_weight_end` by
    `mask_steps`; offset_weight: mean squared distance of Gaussians from the head, in metres.
    keep_activations: faster, with the memory of all layers.

    LAM's fourth loss, LPIPS, is not there: its network's weights come with no package of ours. Nor
    is it known how LAM divides its masked loss and takes its offsets; these are means."""

    seed: int = 1
    device: str = "auto"
    part: str = "gates"
    start: str = ""
    emotion_mode: EmotionMode = "gated"
    emotion_tokens: int = 8
    emotion_width: int = 1024
    steps: int = 30_000
    batch: int = 1
    targets: int = 7
    image_side: int = 512
    learning_rate: float = 4e-4
    weight_decay: float = 0.05
    gradient_clip: float = 1.0
    warmup_steps: int = 3_000
    pixel_weight: float = 1.0
    mask_weight: float = 1.0
    mask_weight_end: float = 0.5
    mask_steps: int = 10_000
    offset_weight: float = 0.1
    bfloat16: bool = True
    keep_activations: bool = False
    log_every: int = 25
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        check_choices(self, {"device": DEVICES, "part": PARTS, "emotion_mode": _MODES})
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool | str):
                continue
            if not (math.isfinite(value) and value >= 0):
                raise bad_setting(f"{entry.name} is {value}", "Give a number that is 0 or more.")
            if type(entry.default) is int and entry.name not in _MAY_BE_ZERO and value < 1:
                raise bad_setting(f"{entry.name} is {value}", "Give a whole number above 0.")

    @property
    def emotion(self) -> EmotionConfig:
        """The sizes of new emotion tokens."""
        return EmotionConfig(
            mode=self.emotion_mode, tokens=self.emotion_tokens, width=self.emotion_width
        )

    def rate(self, step: int) -> float:
        """The learning rate of a step: a straight warm-up from nothing, then half a cosine."""
        if step < self.warmup_steps:
            return max(1e-10, self.learning_rate * step / self.warmup_steps)
        share = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def mask_weight_at(self, step: int) -> float:
        """The weight of the mask's error in a step."""
        share = min(step / self.mask_steps, 1.0) if self.mask_steps else 1.0
        return self.mask_weight + share * (self.mask_weight_end - self.mask_weight)
