# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt head import`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Import:
    """Turn your FLAME file (2020, 2023, 2023 Open; pickle, npz or safetensors) into a head file."""

    flame: Path
    """FLAME's model file, such as generic_model.pkl or flame2023.pkl. Read without running it."""
    out: Path
    """The safetensors file to write; `--head` takes it."""
    landmarks: Path | None = None
    """FLAME's landmark embedding (npy, npz or pickle); without it the head has no landmarks."""
    space: str | None = None
    """flame2020 or flame2023, where the file does not tell."""

    def run(self) -> None:
        from ..files import check_ending, check_outputs
        from ..head.flame.read import read_flame
        from ..head.read import write_head

        check_ending(self.out, "a head file", ".safetensors")
        check_outputs(self.out, sources=(self.flame, self.landmarks))
        head = read_flame(self.flame, self.landmarks, self.space)
        write_head(
            head, self.out, recipe="affekt head import", licence="that of the user's FLAME file"
        )
        sizes = f"{len(head.template)} vertices, {head.shape_basis.shape[2]} identity and "
        sizes += f"{len(head.expression_names)} expression components"
        landmarks = "" if head.landmark_weights.any() else ", no landmarks"
        print(f"{self.out}: {head.space}, {sizes}{landmarks}")
