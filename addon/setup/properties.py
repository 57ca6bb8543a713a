# SPDX-License-Identifier: GPL-3.0-or-later
"""What *Set Up Sidecar* can be told: properties of the preferences, all of which may stay empty."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import bpy

from ...shared.connection import default_data_folder
from .plan import Choices, Device


class SetUpProperties:
    """Mix-in for the add-on's preferences."""

    setup_device: bpy.props.EnumProperty(
        name="Compute On",
        description="Which build of PyTorch is installed",
        items=(
            ("AUTO", "Automatic", "The NVIDIA card if there is one, else the processor"),
            ("CPU", "Processor", "A download of about 0.4 GB"),
            ("CUDA", "NVIDIA Card", "A download of about 3 GB"),
        ),
    )
    setup_python: bpy.props.StringProperty(
        name="Base Python",
        description="Python 3.11, 3.12 or 3.13 on which the sidecar's own is based; leave it empty "
        "to let one be found",
        subtype="FILE_PATH",
    )
    setup_folder: bpy.props.StringProperty(
        name="Folder",
        description="Where the sidecar is installed, 2 GB or more; leave it empty for your user "
        "folder",
        subtype="DIR_PATH",
    )
    setup_wheels: bpy.props.StringProperty(
        name="Packages From",
        description="A folder of packages (wheels), for a machine without a network; leave it "
        "empty to download them",
        subtype="DIR_PATH",
    )
    setup_index: bpy.props.StringProperty(
        name="Package Index",
        description="Address of another package index, such as your studio's; leave it empty for "
        "the one that pip is set to, or PyPI",
    )
    setup_torch_index: bpy.props.StringProperty(
        name="PyTorch Index",
        description="Address of another index for PyTorch alone; leave it empty for the usual one",
    )


def read_choices(settings: SetUpProperties | None) -> Choices:
    """The settings as plain values."""
    if settings is None:
        return Choices(data_folder=default_data_folder())
    return Choices(
        data_folder=_path(settings.setup_folder) or default_data_folder(),
        python=_path(settings.setup_python),
        wheels=_path(settings.setup_wheels),
        index_url=settings.setup_index.strip(),
        torch_index_url=settings.setup_torch_index.strip(),
        device=cast(Device, settings.setup_device.lower()),
    )


def _path(text: str) -> Path | None:
    return Path(bpy.path.abspath(text)) if text.strip() else None
