# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes frames of an avatar that plays a take as files of Gaussians for other tools."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.ledger import Ledger
from ...shared.pictures import frame_name
from ..files import not_writable, write_whole
from .drive import Actor
from .endings import ENDINGS, MANIFEST, SplatFormat
from .splats import Splats, encode_splats, log_scales, logits, turned_over, zeroth_harmonics

if TYPE_CHECKING:
    from gsply import GSData

UpAxis = Literal["y-up", "y-down"]
# SPZ's positions are whole numbers of 24 bits: steps of 15 micrometres and 128 m to each side, or
# larger steps for what is further off.
_SPZ_BITS, _SPZ_FRACTION_BITS = 23, 16


def encode_frame(splats: Splats, form: SplatFormat, up: UpAxis = "y-up") -> bytes:
    """Encodes one frame. ply: 3DGS's own, in full. compressed: PlayCanvas' compressed PLY,
    16 bytes a Gaussian and a byte for each harmonic. spz: Niantic's, version 3. up: which way the
    world's y points; viewers of 3DGS expect it down. SPZ has axes of its own, right, up and back,
    which are ours, and its readers turn them for their viewers.

    Raises InputError `option.missing_extra` without gsply, which writes the latter two."""
    turned = turned_over(splats) if _turns(form, up) else splats
    if form == "ply":
        return encode_splats(turned)
    gsply = _gsply()
    content = _gsply_data(turned)
    if form == "compressed":
        return gsply.compress_to_bytes(content)
    return _spz_bytes(content)


def _turns(form: SplatFormat, up: UpAxis) -> bool:
    return up == "y-down" and form != "spz"


def write_sequence(
    folder: Path, actor: Actor, frames: range, form: SplatFormat, up: UpAxis = "y-up"
) -> Iterator[tuple[int, bool]]:
    """Writes each frame into `folder` and yields its index and whether it was written; a frame that
    is there already, undamaged and from the same avatar, take and appearance, is left.

    Raises InputError `file.not_writable`, `option.missing_extra`, `option.folder` if the folder
    holds another sequence."""
    check_writer(form)
    axes: UpAxis = "y-down" if _turns(form, up) else "y-up"
    shown = () if actor.emotions is None else (actor.emotions,)
    sequence = fingerprint(
        actor.avatar, actor.motion, form, axes, actor.follow, actor.appearance, *shown
    )
    _claim(folder, sequence)
    ledger = Ledger(folder)
    ledger.check_place()
    for index in frames:
        path = folder / frame_name(index, suffix=ENDINGS[form])
        found = ledger.find_whole(path)
        if found is not None and found.recipe == sequence:
            yield index, False
            continue
        write_whole(path, encode_frame(actor.pose(index).gaussians, form, up))
        _note(ledger, path, sequence)
        yield index, True


def check_writer(form: SplatFormat) -> None:
    """Raises InputError `option.missing_extra` if what writes the format is not installed."""
    if form != "ply":
        _gsply()


def _note(ledger: Ledger, path: Path, sequence: str) -> None:
    try:
        ledger.note(path, sequence)
    except OSError as error:
        raise ledger.refusal(error) from error


def _claim(folder: Path, sequence: str) -> None:
    """Marks the folder as this sequence's."""
    manifest = folder / MANIFEST
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # In this order: another process that writes the same marks the folder before its frames.
        has_frames = any(folder.glob("frame_*"))
        found = manifest.read_bytes()[:1000] if manifest.is_file() else None
        strange = found is None and has_frames
    except OSError as error:
        raise not_writable(folder, error) from error
    mine = json.dumps({"sequence": sequence}).encode()
    if strange or found not in (None, mine):
        raise InputError(
            "option.folder",
            f"{folder} holds the frames of another avatar, take or format.",
            "Choose an empty folder.",
        )
    if found is None:
        write_whole(manifest, mine)


def _gsply():
    try:
        import gsply
    except ImportError as error:
        raise InputError(
            "option.missing_extra",
            "The formats 'compressed' and 'spz' are written by the package gsply, which is not "
            "installed.",
            'Run: pip install "affekt[export]", or choose the format ply.',
        ) from error
    return gsply


def _gsply_data(splats: Splats) -> GSData:
    rest = splats.harmonics
    return _gsply().GSData.from_arrays(
        means=np.ascontiguousarray(splats.means),
        scales=log_scales(splats.scales),
        quats=np.ascontiguousarray(splats.quaternions),
        opacities=logits(splats.opacities),
        sh0=zeroth_harmonics(splats),
        shN=None if rest is None else np.ascontiguousarray(rest),
        format="ply",
    )


def _spz_bytes(content: GSData) -> bytes:
    """gsply writes SPZ to a path alone."""
    try:
        with tempfile.TemporaryDirectory(prefix="affekt-spz-") as folder:
            path = Path(folder) / "frame.spz"
            bits = _fraction_bits(content.means)
            _gsply().write_spz(path, content, version=3, fractional_bits=bits)
            return path.read_bytes()
    except OSError as error:
        raise not_writable(Path(tempfile.gettempdir()), error) from error


def _fraction_bits(means: Float32Array) -> int:
    """The finest fraction with which the furthest position fits; gsply takes no less than 1 bit."""
    most = max(float(np.abs(means).max()), 1.0)
    return int(np.clip(_SPZ_BITS - np.ceil(np.log2(most * (1 + 1e-6))), 1, _SPZ_FRACTION_BITS))
