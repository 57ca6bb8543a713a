# SPDX-License-Identifier: GPL-3.0-or-later
"""A take prepared for bakes and previews: everything that does not depend on the emotions."""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.emotion import EmotionTrack
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.motion import Motion, cut_motion
from ..denormals import flushed_denormals
from ..memory import remembered
from ..modulation.modulator import Modulator, TakeModulator, answering, with_arkit_units
from ..motion.adapter import LinearAdapter, add_open_difference, to_open


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A take with the head that shows it, as `prepare` makes it.

    motion: the take in its own space. before: the whole take in space "open". head: shows the
    take, in space "open" or in the take's own. spoken: the open head, which says what ARKit's
    weights are. modulator: fitted to this take by `answering`.
    """

    motion: Motion
    before: Motion
    head: HeadModel
    spoken: HeadModel
    adapter: LinearAdapter | None
    modulator: TakeModulator

    @property
    def shown(self) -> Motion:
        """The take without emotion in the space of the head."""
        return self.before if self.head.space == "open" else self.motion


@remembered
def prepare(
    motion: Motion,
    head: HeadModel,
    adapter: LinearAdapter | None,
    modulator: Modulator,
    open_head: HeadModel | None = None,
) -> Prepared:
    """Converts the take into space "open" and fits the modulator to it.

    `open_head` says what ARKit's weights are; it is needed where `head` is in another space.
    Raises InputError `space.no_adapter` if the head can show neither space, or if no adapter
    converts the take.
    """
    if head.space not in ("open", motion.space):
        raise InputError(
            "space.no_adapter",
            f"The take is in the space '{motion.space}', the head '{head.name}' speaks "
            f"'{head.space}'.",
            "Choose the open head, or a head in the take's own space.",
        )
    spoken = head if head.space == "open" else open_head or head
    with flushed_denormals():
        before = to_open(motion, spoken, adapter)
        return Prepared(
            motion=motion,
            before=before,
            head=head,
            spoken=spoken,
            adapter=adapter,
            modulator=answering(modulator, before),
        )


def map_back(prepared: Prepared, after: Motion, track: EmotionTrack, frames: range) -> Motion:
    """Adds the emotions' change to frames of the take in its own space. after: the same frames
    in space "open", with the track's emotion."""
    take = cut_motion(prepared.motion, frames.start, frames.stop)
    cut = cut_motion(prepared.before, frames.start, frames.stop)
    if prepared.motion.space == "arkit":
        after = with_arkit_units(after, track, frames, prepared.modulator)
    with flushed_denormals():
        return add_open_difference(take, cut, after, prepared.adapter, prepared.spoken)
