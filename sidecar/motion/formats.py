# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of trackers that write named arrays; the names tell which it is."""

from __future__ import annotations

from .deca import DECA, EMOCA
from .gagavatar import GAGAVATAR
from .head_tracker import HEAD_TRACKER
from .imavatar import IMAVATAR
from .inferno import INFERNO
from .records import RecordFormat
from .smirk import SMIRK
from .smplx import SMPLX
from .vhap import VHAP

FORMATS = (VHAP, GAGAVATAR, INFERNO, DECA, EMOCA, SMIRK, SMPLX, IMAVATAR, HEAD_TRACKER)

KNOWN = (
    "flame_params.json, npz, pickles or folders of FLAME trackers, SMPL-X npz, ARKit takes as CSV "
    "or JSON, one array of 52, 61, 103, 106 or 112 columns, or Affekt's own motion.npz"
)
"""What can be given, for errors; docs/formats.md has the whole list."""

_METRICAL = ("jaw", "eyes", "eyelids", "R", "t")
NAMES = frozenset((*(key for form in FORMATS for key in form.keys), *_METRICAL))
"""Every array that some format reads."""


def format_of(keys: frozenset[str]) -> RecordFormat | None:
    """The format of a record with these names, or None."""
    return next((form for form in FORMATS if form.matches(keys)), None)
