# SPDX-License-Identifier: GPL-3.0-or-later
"""What may have a file's name, and is none."""

import os
from pathlib import Path

import pytest


def put_in_the_way(path: Path, kind: str) -> None:
    """Makes a folder, a link to nowhere, or a pipe; skips where a system has no named pipes."""
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(path.parent / "nowhere")
    elif hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        pytest.skip("no named pipes on this system")
