# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets: each picture in its place, and each pass as the colours that stand for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from affekt.sidecar.render.frame import Frame
from affekt.sidecar.render.sheets import contact_sheet, pass_pictures, pass_sheet

PAPER, INK = [245, 245, 246], [40, 42, 46]


def test_pictures_stand_in_rows_below_a_title() -> None:
    """5 of 60 x 40 pixels in rows of 3: gaps of 6, lines of 21 for letters of 12, a title of 36."""
    images = [np.full((40, 60, 3), [10 * k, 20, 30], np.uint8) for k in range(5)]
    sheet = contact_sheet(images, ["a", "b", "c", "d", ""], 3, title="Five")
    assert sheet.shape == (36 + 2 * (40 + 21 + 6) + 6, 3 * 66 + 6, 3)
    places = [(42, 6), (42, 72), (42, 138), (109, 6), (109, 72)]
    for image, (top, left) in zip(images, places, strict=True):
        np.testing.assert_array_equal(sheet[top : top + 40, left : left + 60], image)
        frame = sheet[top - 1 : top + 41, left - 1 : left + 61]
        assert (frame[[0, -1]] == PAPER).all()
        assert (frame[:, [0, -1]] == PAPER).all()
    labels = [(sheet[top + 41 : top + 60, left : left + 60] != PAPER).any() for top, left in places]
    assert labels == [True, True, True, True, False]
    title = np.argwhere((sheet[:36] != PAPER).any(2))
    assert 6 < title[:, 0].min() < title[:, 0].max() < 30
    assert 11 <= title[:, 1].min() <= 14
    assert sheet.min(axis=(0, 1)).tolist() == [0, 20, 30]


def test_labels_stand_below_the_middle_of_their_pictures() -> None:
    sheet = contact_sheet([np.zeros((30, 400, 3), np.uint8)], ["II"], 1)
    ink = np.argwhere((sheet[36:] != PAPER).any(2))
    assert abs(ink[:, 1].mean() - 206) < 2
    assert abs(ink[:, 0].mean() - 17.5) < 3  # the line is 35 high for letters of 20
    assert sheet.shape == (30 + 35 + 12, 412, 3)


def test_what_is_clear_shows_the_paper() -> None:
    image = np.zeros((2, 3, 4), np.uint8)
    image[0, 1] = (200, 100, 50, 255)
    sheet = contact_sheet([image], [""], 1)
    assert sheet.shape == (14, 15, 3)
    assert sheet[6, 7].tolist() == [200, 100, 50]
    sheet[6, 7] = PAPER
    assert (sheet == PAPER).all()


def frame() -> Frame:
    """Two pixels of the subject, and one of nothing."""

    def row(*values: object) -> np.ndarray:
        return np.array([values], np.float32)

    return Frame(
        index=0,
        combined=row((1, 0, 0, 1), (0, 0.5, 0, 1), (0, 0, 0, 0)),
        depth=row(1.0, 3.0, np.inf),
        normal=row((1, 0, 0), (0, -1, 0.5), (0, 0, 0)),
        position=row((1, 5, -2), (3, 5, -1), (0, 0, 0)),
        masks=row((1, 0, 0, 0, 0, 0), (0, 0.5, 0.5, 0, 0, 0), (0, 0, 0, 0, 0, 0)),
        object_index=row(7, 0, 0),
        uv=row((0.25, 0.75), (1, 0), (0, 0)),
        vector=row((2, 0, 0, -1), (-4, 0, 0, 0), (0, 0, 0, 0)),
    )


NOTHING = [26, 26, 26]


def test_every_pass_has_colours_of_its_own() -> None:
    wanted = {
        "alpha": ([255, 255, 255], [255, 255, 255], NOTHING),
        "depth": ([255] * 3, [34] * 3, NOTHING),  # 1 - 0.85 * 2 / 1.96
        "normal": ([255, 128, 128], [128, 0, 191], NOTHING),
        "position": ([0, 0, 0], [255, 0, 255], NOTHING),
        "masks": ([219, 173, 143], [128, 73, 159], NOTHING),
        "index": ([255] * 3, [0, 0, 0], NOTHING),
        "uv": ([64, 191, 0], [255, 0, 0], NOTHING),
        "vector from": ([128, 32, 32], [0, 191, 191], NOTHING),
        "vector to": ([128, 17, 238], [0, 0, 0], NOTHING),
    }
    shown = pass_pictures(frame())
    assert list(shown) == ["combined", "alpha", *list(wanted)[1:]]
    assert shown["combined"][0, 0].tolist() == [255, 0, 0]
    wanted["alpha"] = (*wanted["alpha"][:2], [0, 0, 0])
    for name, colours in wanted.items():
        np.testing.assert_allclose(shown[name][0].astype(int), colours, atol=1, err_msg=name)


def test_data_are_shown_where_anything_covers_a_pixel_however_thin() -> None:
    whole = frame()
    thin = whole.combined.copy()
    thin[0, 0, 3], thin[0, 1, 3] = 0.01, 0.0
    shown = pass_pictures(replace(whole, combined=thin))
    np.testing.assert_allclose(shown["uv"][0, 0].astype(int), [64, 191, 0], atol=1)
    assert shown["uv"][0, 1].tolist() == NOTHING


def test_passes_that_are_not_there_are_not_shown() -> None:
    whole = frame()
    few = Frame(index=0, combined=whole.combined, depth=whole.depth)
    assert list(pass_pictures(few)) == ["combined", "alpha", "depth"]
    assert pass_sheet(few).shape == (1 + 21 + 12, 4 * 9 + 6, 3)
    assert pass_sheet(whole).shape == (3 * (1 + 21 + 6) + 6, 4 * 9 + 6, 3)
    assert pass_sheet(few, title="Few").shape == (36 + 1 + 21 + 12, 4 * 9 + 6, 3)


def test_nothing_at_all() -> None:
    empty = Frame(
        index=0,
        combined=np.zeros((1, 2, 4), np.float32),
        depth=np.full((1, 2), np.inf, np.float32),
        position=np.zeros((1, 2, 3), np.float32),
        vector=np.zeros((1, 2, 4), np.float32),
    )
    for name, picture in pass_pictures(empty).items():
        if name not in ("combined", "alpha"):
            assert (picture == 26).all(), name
