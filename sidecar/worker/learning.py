# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter of a client's FLAME head, as a stage of the first job that needs it."""

from __future__ import annotations

from collections.abc import Iterator

from ...shared.head import HeadModel
from ..adapter.kept import STEPS, adapter_steps
from ..head.read import OPEN
from . import inputs
from .services import JobStep

STAGE = "adapter"


def learn(head: HeadModel) -> Iterator[JobStep]:
    """Makes the head's adapter, unless it is kept or the head needs none; a step a stage. Raises
    InputError `adapter.*`."""
    if head.space != OPEN:
        for done in adapter_steps(head, inputs.read_head(OPEN)):
            yield JobStep(stage=STAGE, done=done, total=STEPS)
