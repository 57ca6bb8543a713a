# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets' pictures in the extension are those that `affekt presets draw` makes."""

from io import BytesIO
from pathlib import Path

import numpy as np
from affekt.shared.preset_portraits import EDGE
from affekt.shared.presets import BUILT_IN, picture_name
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.preset_pictures import draw_presets, encode_picture
from affekt.sidecar.modulation.weights import load_modulator
from PIL import Image

FOLDER = Path(__file__).resolve().parents[4] / "addon" / "presets" / "pictures"
LARGEST = 20 * 1024


def pixels(data: bytes) -> np.ndarray:
    """(H, W, 4) 0..255, colours as they look on grey."""
    picture = np.asarray(Image.open(BytesIO(data)).convert("RGBA"), np.float64)
    alpha = picture[..., 3:] / 255
    return picture[..., :3] * alpha + 128 * (1 - alpha)


def test_each_has_one_and_it_is_small() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {picture_name(preset.name) for preset in BUILT_IN}
    for path in FOLDER.iterdir():
        assert path.stat().st_size <= LARGEST, path
        with Image.open(path) as picture:
            assert picture.size == (EDGE, EDGE)


def test_they_are_not_stale() -> None:
    """Drawn again they differ by less than two emotions do."""
    drawn = BUILT_IN[:1] + BUILT_IN[-1:]
    head, modulator = read_head("open"), load_modulator()
    again = [pixels(encode_picture(p)) for p in draw_presets(drawn, head, modulator)]
    kept = [pixels((FOLDER / picture_name(preset.name)).read_bytes()) for preset in drawn]
    apart = np.abs(kept[0] - kept[1]).mean()
    print(f"two emotions differ by {apart:.2f}")
    for new, old in zip(again, kept, strict=True):
        assert np.abs(new - old).mean() < 0.2 * apart


def test_no_colour_is_lost_and_no_background_added() -> None:
    picture = np.zeros((EDGE, EDGE, 4), np.uint8)
    # A slope of skin: with few colours it would be a few steps.
    picture[32:96, 32:96] = (200, 120, 90, 255)
    picture[32:96, 32:96, 0] += np.arange(32, dtype=np.uint8).repeat(2)
    read = np.asarray(Image.open(BytesIO(encode_picture(picture))))
    assert (read == picture).all()


def test_those_that_ship_have_all_their_colours() -> None:
    for path in FOLDER.iterdir():
        with Image.open(path) as picture:
            assert picture.mode == "RGBA", path
