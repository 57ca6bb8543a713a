# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing takes without the sidecar's libraries. That what is written is read back is tested where
the readers are, in tests/sidecar/motion."""

import subprocess
import sys

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.shared.take_files import WRITERS, encode_take, yaw_pitch_roll_of
from scipy.spatial.transform import Rotation


def test_angles_of_one_turn() -> None:
    """Yaw .3 about y, then pitch -.2 about the turned x, then roll .5 about the turned z."""
    turn = Rotation.from_euler("YXZ", [0.3, -0.2, 0.5]).as_rotvec()
    np.testing.assert_allclose(yaw_pitch_roll_of(turn[None]), [[0.3, -0.2, 0.5]], atol=1e-12)


def test_angles_at_the_ends() -> None:
    """No turn, one too small for its own length, and a look straight up."""
    turns = np.array([[0.0, 0, 0], [1e-12, 0, 0], [-np.pi / 2, 0, 0]])
    wanted = [[0, 0, 0], [0, 1e-12, 0], [0, -np.pi / 2, 0]]
    np.testing.assert_allclose(yaw_pitch_roll_of(turns), wanted, atol=1e-7)


def test_each_format_says_which_spaces_it_holds() -> None:
    take = make_motion(expression=np.zeros((2, 100), np.float32), fps=30.0, space="open")
    can = [name for name, writer in WRITERS.items() if writer.holds("open")]
    assert can == ["npz"]
    for name in set(WRITERS) - set(can):
        with pytest.raises(InputError) as caught:
            encode_take(take, name)
        assert caught.value.code == "space.no_adapter"


def test_writing_needs_numpy_alone() -> None:
    """Blender's Python has no SciPy."""
    code = (
        "import sys, numpy as np; from affekt.shared.take_files import WRITERS, encode_take; "
        "from affekt.shared.motion import make_motion; "
        "[encode_take(make_motion(expression=np.zeros((2, 100), 'f4'), fps=30.0, "
        "space=(w.spaces or ('open',))[0]), n) for n, w in WRITERS.items()]; "
        "print({'scipy', 'torch'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
