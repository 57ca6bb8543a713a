# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to follow a surface, as pictures."""

import numpy as np
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render.compare import draw_follows


def test_the_ways_to_follow_differ():
    sheet = draw_follows(open_avatar(read_head("open")), 64).astype(int)
    columns = [sheet[6:70, 6 + 70 * k : 70 + 70 * k] for k in range(4)]
    for k in range(3):
        assert np.abs(columns[k] - columns[k + 1]).max() > 8
