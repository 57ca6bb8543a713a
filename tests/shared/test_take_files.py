# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing takes without the sidecar's libraries. That what is written is read back is tested where
the readers are, in tests/sidecar/motion."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.shared.take_files import (
    WRITERS,
    encode_livelink,
    encode_motion,
    encode_take,
    encode_vhap,
    guess_format,
    yaw_pitch_roll_of,
)
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


def take(space: str, frames: int = 3, fps: float = 24.0) -> Motion:
    """Each number of each field another one."""

    def counted(start: float, *shape: int) -> np.ndarray:
        return start + np.arange(np.prod(shape)).reshape(shape) / 1000

    return make_motion(
        expression=counted(0.1, frames, 100),
        jaw=counted(0.2, frames, 3),
        neck=counted(0.3, frames, 3),
        eyes=counted(0.4, frames, 6),
        rotation=counted(0.5, frames, 3),
        translation=counted(0.6, frames, 3),
        shape=counted(0.7, 300),
        eyelids=counted(0.8, frames, 2),
        fps=fps,
        space=space,
    )


def test_affekts_own_file_has_the_fields_by_name() -> None:
    motion = take("open")
    with np.load(io.BytesIO(encode_motion(motion))) as file:
        assert sorted(file.files) == [
            "expression", "eyelids", "eyes", "fps", "jaw", "neck", "rotation", "shape", "space",
            "translation",
        ]  # fmt: skip
        assert (float(file["fps"]), str(file["space"])) == (24.0, "open")
        np.testing.assert_array_equal(file["neck"], motion.neck)
    with np.load(io.BytesIO(encode_motion(motion, 7))) as file:
        assert int(file["first_frame"]) == 7


def test_vhaps_file_has_its_names() -> None:
    motion = take("flame2023")
    with np.load(io.BytesIO(encode_vhap(motion))) as file:
        for name, key in (
            ("jaw", "jaw_pose"),
            ("neck", "neck_pose"),
            ("eyes", "eyes_pose"),
            ("rotation", "rotation"),
            ("translation", "translation"),
            ("expression", "expr"),
            ("shape", "shape"),
        ):
            np.testing.assert_array_equal(file[key], getattr(motion, name))
            assert file[key].dtype == np.float32
        assert file["dynamic_offset"].shape == (3, 1, 3)
        assert not file["dynamic_offset"].any()
        assert len(file.files) == 8


def test_live_links_table_by_column() -> None:
    motion = take("arkit", frames=2, fps=60.0)
    header, first, second, end = encode_livelink(motion).decode().split("\r\n")
    names, cells = header.split(","), second.split(",")
    assert names[:4] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert names[16:24] == [
        "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker",
        "MouthRight",
    ]  # fmt: skip
    assert names[-9:] == [
        "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
        "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
    ]  # fmt: skip
    assert (first[:15], cells[0], cells[1], end) == ("00:00:00:00.000", "00:00:00:01.000", "61", "")
    for name in ARKIT_NAMES:
        column = names.index(name[0].upper() + name[1:])
        weight = motion.expression[1, ARKIT_NAMES.index(name)]
        assert float(cells[column]) == pytest.approx(weight, rel=1e-7)
    assert [float(cell) for cell in cells[-6:]] == [0.0] * 6


def test_lams_file_has_an_object_of_expressions_for_each_frame() -> None:
    motion = take("flame2023", frames=2, fps=25.0)
    content = json.loads(encode_take(motion, "lam").data)
    assert list(content) == [
        "jaw_pose", "neck_pose", "eyes_pose", "rotation", "translation", "expr", "shape", "fps",
    ]  # fmt: skip
    assert content["fps"] == 25.0
    assert [list(frame) for frame in content["expr"]] == [[f"expr{i}" for i in range(100)]] * 2
    assert content["expr"][1]["expr3"] == float(np.float32(0.203))
    assert content["jaw_pose"][1] == motion.jaw[1].tolist()
    assert content["neck_pose"][0] == motion.neck[0].tolist()
    assert content["shape"] == motion.shape.tolist()


def test_arkits_file_by_field() -> None:
    motion = take("arkit", frames=3, fps=24.0)
    content = json.loads(encode_take(motion, "arkit").data)
    assert list(content) == ["names", "metadata", "frames"]
    assert content["names"] == content["metadata"]["blendshape_names"] == list(ARKIT_NAMES)
    assert (content["metadata"]["fps"], content["metadata"]["frame_count"]) == (24.0, 3)
    assert content["metadata"]["units"] == {
        "weights": "fraction",
        "rotation": "axis-angle, radians, x left, y up, z forward",
    }
    assert [frame["time"] for frame in content["frames"]] == [0, 1 / 24, 2 / 24]
    for row, frame in enumerate(content["frames"]):
        assert list(frame) == ["weights", "time", "rotation"]
        assert frame["weights"] == motion.expression[row, :52].tolist()
        assert frame["rotation"] == motion.rotation[row].tolist()


def test_times_of_a_rate_with_a_part_run_at_that_rate() -> None:
    """At 30 for 29.97 sound would be a frame late after 33 s."""
    content = json.loads(encode_take(take("arkit", frames=4, fps=29.97), "arkit").data)
    times = [frame["time"] for frame in content["frames"]]
    np.testing.assert_allclose(times, [0, 0.033366700, 0.066733400, 0.100100100], atol=1e-9)


def test_what_a_motion_does_not_have_is_not_in_its_file() -> None:
    plain = make_motion(expression=np.zeros((2, 100)), fps=30.0, space="open")
    with np.load(io.BytesIO(encode_motion(plain))) as file:
        assert "eyelids" not in file.files
        assert "first_frame" not in file.files


@pytest.mark.parametrize(
    ("space", "form", "lost"),
    [
        ("arkit", "npz", ()),
        ("flame2023", "lam", ("eyelids",)),
        ("flame2023", "vhap", ("eyelids", "the rate")),
        ("arkit", "arkit", ("jaw", "neck", "eyes", "translation", "shape", "eyelids")),
        ("arkit", "livelink", ("jaw", "neck", "eyes", "translation", "shape", "eyelids")),
    ],
)
def test_what_a_format_cannot_hold_is_told(space: str, form: str, lost: tuple[str, ...]) -> None:
    assert encode_take(take(space), form).left_out == lost
    plain = make_motion(expression=np.zeros((3, 100)), fps=30.0, space=space)
    assert encode_take(plain, form).left_out == ()


@pytest.mark.parametrize(
    ("name", "space", "form"),
    [
        ("a.npz", "open", "npz"),
        ("a.npz", "flame2023", "npz"),
        ("a.JSON", "flame2023", "lam"),
        ("a.json", "arkit", "arkit"),
        ("a.csv", "arkit", "livelink"),
        ("a.csv", "flame2023", ""),
        ("a.json", "flame2020", ""),
        ("npz", "open", ""),
    ],
)
def test_the_format_of_an_ending(name: str, space: str, form: str) -> None:
    if form:
        assert guess_format(Path(name), space) == form
        return
    with pytest.raises(InputError) as caught:
        guess_format(Path(name), space)
    assert caught.value.code == "option.format"


def test_which_formats_can_hold_a_take_is_said() -> None:
    with pytest.raises(InputError) as caught:
        encode_take(take("flame2023"), "fbx")
    assert caught.value.code == "option.format"
    assert caught.value.message == "There is no format called 'fbx'."
    assert caught.value.remedy == "Use one of npz, vhap, lam, which can hold this take."
    with pytest.raises(InputError) as caught:
        encode_take(take("arkit"), "lam")
    assert caught.value.message == "The format lam holds takes in flame2023; this take is in arkit."
    assert caught.value.remedy == "This take can be written as npz, arkit, livelink."
