# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt adapter build` and `affekt adapter linear`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..adapter.solve import Solution
    from ..render.adapter_sheets import Heads


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Make an adapter between a FLAME space and ARKit's weights from matrices in an npz."""

    matrices: Path
    """npz with arkit_from_flame, arkit_bias, flame_from_arkit, arkit_names (docs/formats.md)."""
    out: Path
    """The adapter file to write."""
    space: str = "flame2023"
    """Expression space of the takes: flame2020 or flame2023."""

    def run(self) -> None:
        from ...shared.motion import ARKIT_NAMES
        from ..files import check_outputs
        from ..motion.adapter import make_linear_adapter, write_adapter

        check_outputs(self.out, sources=(self.matrices,))
        adapter = make_linear_adapter(self.matrices, self.space)
        write_adapter(adapter, self.out)
        unseen = [
            name
            for name, row in zip(ARKIT_NAMES, adapter.arkit_from_space, strict=True)
            if not row.any()
        ]
        print(f"{self.out}: {self.space}, {len(ARKIT_NAMES) - len(unseen)} of 52 weights")
        if unseen:
            print(f"  the matrices say nothing about {', '.join(unseen)}")


@dataclass(frozen=True, kw_only=True)
class Build:
    """Make an adapter from your FLAME file alone: its surface is laid onto the open head's, the
    open head's shapes are carried over, and FLAME's expression and jaw fitted to them."""

    flame: Path
    """FLAME's model file, such as generic_model.pkl or flame2023.pkl. Read without running it."""
    out: Path
    """The adapter file to write; its report is written beside it as JSON."""
    space: str | None = None
    """flame2020 or flame2023, where the file does not tell."""
    landmarks: Path | None = None
    """FLAME's landmark embedding (npy, npz or pickle), for a head whose features are not found."""
    pictures: Path | None = None
    """Folder for pictures of the registration and of each shape on both heads."""

    def run(self) -> None:
        from ..adapter.registration import register
        from ..adapter.report import make_report, table
        from ..adapter.solve import make_adapter, solve
        from ..files import check_outputs, write_whole
        from ..head.flame.read import read_flame
        from ..head.read import read_head
        from ..motion.adapter import write_adapter
        from ..render.adapter_sheets import Heads

        told = self.out.parent / f"{self.out.stem}.json"
        check_outputs(self.out, told, folder=self.pictures, sources=(self.flame, self.landmarks))
        flame = read_flame(self.flame, self.landmarks, self.space)
        head = read_head("open")
        registration = register(flame, head)
        solution = solve(flame, head, registration)
        report = make_report(solution, registration, flame.space)
        write_adapter(make_adapter(solution, flame.space, head), self.out)
        write_whole(told, json.dumps(report.as_json(), indent=1).encode())
        print(table(report))
        print(f"{self.out}: {flame.space}, {52 - len(report.left_out)} of 52 weights; {told}")
        if report.left_out:
            print(f"  this head does not show {', '.join(report.left_out)}")
        if self.pictures is not None:
            heads = Heads(flame=flame, open=head, registration=registration)
            _write_pictures(self.pictures, heads, solution)


def _write_pictures(folder: Path, heads: Heads, solution: Solution) -> None:
    """Writes the sheets of the registration and of the shapes into the folder."""
    from ..render.adapter_sheets import registration_sheet, shape_sheets
    from ..render.images import make_folder, write_png

    make_folder(folder)
    write_png(folder / "registration.png", registration_sheet(heads))
    for index, sheet in enumerate(shape_sheets(heads, solution), 1):
        write_png(folder / f"shapes_{index}.png", sheet)
    print(f"  {folder}: registration.png, shapes_1.png, ...")
