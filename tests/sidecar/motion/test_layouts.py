# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes as trackers and talking heads write them: IMavatar's JSON, pickles, MATLAB files, single
arrays, bodies without a face."""

import io
import pickle

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, TakeRead
from affekt.shared.take_files import APP_ORDER
from affekt.sidecar.motion import records
from affekt.sidecar.motion.read import decode_take, encode_motion
from fakes.takes import (
    as_bytes,
    codes,
    gagavatar_frames,
    npz_bytes,
    random_motion,
    smirk_arrays,
    vhap_arrays,
)
from scipy.io import savemat
from scipy.spatial.transform import Rotation


def read(data: bytes, name: str = "take") -> TakeRead:
    return decode_take(data, name)


def code_of(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    return caught.value.code


def npy(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def rows(*widths: int, frames: int = 7) -> np.ndarray:
    """(T, n) numbers that all differ, blocks of these widths beside each other."""
    total = sum(widths)
    return (np.arange(frames * total).reshape(frames, total) / 1000).astype("f4")


# --- IMavatar -------------------------------------------------------------------------------------


def imavatar(frames: int = 5, *, numbers: list[int] | None = None) -> dict:
    numbers = numbers or list(range(1, frames + 1))
    pose = np.arange(15) / 100
    return {
        "frames": [
            {
                "file_path": f"./image/{number}",
                "world_mat": [[1, 0, 0, 0.4], [0, 1, 0, 0.8], [0, 0, 1, -4]],
                "expression": [number + i / 100 for i in range(50)],
                "pose": (pose + number).tolist() if number < 0 else pose.tolist(),
                "bbox": [0, 0, 1, 1],
            }
            for number in numbers
        ],
        "intrinsics": [-2.9, 2.9, 0.5, 0.5],
        "shape_params": [0.5] * 100,
    }


def test_imavatar_has_poses_of_fifteen_and_a_head_of_four_times_its_size() -> None:
    take = read(as_bytes(imavatar())).motion
    assert (len(take), take.space, take.fps) == (5, "flame2020", 30.0)
    np.testing.assert_allclose(take.expression[2, :50], [3 + i / 100 for i in range(50)], atol=1e-6)
    np.testing.assert_allclose(take.rotation[0], [0, 0.01, 0.02], atol=1e-6)
    np.testing.assert_allclose(take.neck[0], [0.03, 0.04, 0.05], atol=1e-6)
    np.testing.assert_allclose(take.jaw[0], [0.06, 0.07, 0.08], atol=1e-6)
    np.testing.assert_allclose(take.eyes[0], np.arange(9, 15) / 100, atol=1e-6)
    np.testing.assert_allclose(take.translation[0], [0.1, 0.2, -1], atol=1e-6)
    np.testing.assert_array_equal(take.shape[:101], [0.5] * 100 + [0])


def test_a_camera_that_turns_turns_the_head() -> None:
    """A quarter turn about y on top of one of 0.3 about the same axis."""
    content = imavatar()
    for frame in content["frames"]:
        frame["world_mat"] = [[0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, -4]]
        frame["pose"] = [0, 0.3, 0, *[0] * 12]
    turned = read(as_bytes(content)).motion.rotation
    np.testing.assert_allclose(turned, np.tile([0, np.pi / 2 + 0.3, 0], (5, 1)), atol=1e-5)


def test_the_head_turns_before_the_camera_sees_it() -> None:
    """A nod of 0.3 by a head that the camera sees from its side: the nose points to the picture's
    right and down."""
    content = imavatar()
    for frame in content["frames"]:
        frame["world_mat"] = [[0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, -4]]
        frame["pose"] = [0.3, 0, 0, *[0] * 12]
    turned = read(as_bytes(content)).motion.rotation
    nose = Rotation.from_rotvec(turned[2]).apply([0, 0, 1])
    np.testing.assert_allclose(nose, [np.cos(0.3), -np.sin(0.3), 0], atol=1e-5)


def test_imavatar_frames_are_in_the_order_of_their_pictures() -> None:
    take = read(as_bytes(imavatar(numbers=[3, 1, 2, 4, 5]))).motion
    np.testing.assert_allclose(take.expression[:, 0], [1, 2, 3, 4, 5])
    unnumbered = imavatar(numbers=[3, 1, 2])
    for frame in unnumbered["frames"]:
        del frame["file_path"]
    np.testing.assert_allclose(read(as_bytes(unnumbered)).motion.expression[:, 0], [3, 1, 2])


def test_imavatars_arrays_may_be_named_arrays() -> None:
    arrays = {"expression": rows(50), "pose": rows(15), "shape_params": np.ones(100)}
    take = read(pickle.dumps(arrays)).motion
    np.testing.assert_array_equal(take.jaw, arrays["pose"][:, 6:9])
    np.testing.assert_array_equal(take.eyes, arrays["pose"][:, 9:])
    short = read(npz_bytes({"expression": rows(100), "pose": rows(6)})).motion
    np.testing.assert_array_equal(short.rotation, rows(6)[:, :3])
    np.testing.assert_array_equal(short.jaw, rows(6)[:, 3:])


def imavatar_with(**changes: object) -> bytes:
    content = imavatar()
    content["frames"][1] |= changes
    return as_bytes(content)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pose": [0] * 7}, "motion.shape"),
        ({"expression": None}, "motion.shape"),
        ({"expression": ["a"] * 50}, "motion.not_a_number"),
        ({"world_mat": [[1]]}, "motion.shape"),
        ({"world_mat": [[9, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}, "motion.rotation"),
    ],
)
def test_bad_frames_of_imavatar_are_named(changes: dict, code: str) -> None:
    assert code_of(imavatar_with(**changes)) == code


# --- pickles and MATLAB ---------------------------------------------------------------------------


def test_gagavatar_track_writes_pickles() -> None:
    content = gagavatar_frames(12)
    take = read(pickle.dumps(content), "optim.pkl").motion
    assert (len(take), take.space) == (12, "flame2020")
    for i in range(12):
        np.testing.assert_array_equal(take.expression[i], content[f"clip_{i}"]["expcode"])
        np.testing.assert_array_equal(take.jaw[i], content[f"clip_{i}"]["posecode"][3:])
    np.testing.assert_allclose(take.translation[0], [0, 0.1, -2], atol=1e-6)


def test_a_face_lost_in_the_video_is_a_frame_that_is_missing() -> None:
    content = gagavatar_frames(12)
    for gap in (4, 5):
        del content[f"clip_{gap}"]
    take = read(pickle.dumps(content), "optim.pkl")
    before, after = content["clip_3"]["expcode"], content["clip_6"]["expcode"]
    assert len(take.motion) == 12
    np.testing.assert_allclose(take.motion.expression[4], before * 2 / 3 + after / 3, atol=1e-6)
    assert "2 of 12 frames" in " ".join(take.notes)


def test_frames_that_are_empty_have_no_face() -> None:
    """Also the first and the last, so that the take keeps its length."""
    arrays = codes(6)
    frames = [{key: values[i].tolist() for key, values in arrays.items()} for i in range(6)]
    lost = [None, {}, *frames[2:5], None]
    tensors = [f and {key: torch.tensor(v) for key, v in f.items()} for f in lost]
    zipped = io.BytesIO()
    torch.save(tensors, zipped)
    for data in (pickle.dumps(lost), as_bytes(lost), zipped.getvalue()):
        take = read(data)
        wanted = arrays["exp"][[2, 2, 2, 3, 4, 4]]
        np.testing.assert_allclose(take.motion.expression[:, :50], wanted, atol=1e-6)
        assert "3 of 6 frames have no face" in " ".join(take.notes)
    named = {f"clip_{i}": frame for i, frame in enumerate(lost)} | {"fps": 25, "video": None}
    assert len(read(pickle.dumps(named)).motion) == 6


def test_two_videos_in_one_pickle_are_not_one_take() -> None:
    one, other = gagavatar_frames(3), gagavatar_frames(4, seed=1)
    both = one | {key.replace("clip", "other"): frame for key, frame in other.items()}
    with pytest.raises(InputError, match="more than one take or face: clip, other") as caught:
        read(pickle.dumps(both), "optim.pkl")
    assert caught.value.code == "motion.several"
    long = {name: smirk_arrays(9) for name in ("a", "b")}
    assert code_of(pickle.dumps(long)) == "motion.several"
    assert len(read(pickle.dumps({"a": long["a"]})).motion) == 9


@pytest.mark.parametrize("arrays", [vhap_arrays(), smirk_arrays(), codes()])
def test_any_record_may_be_pickled_or_an_object_array(arrays: dict) -> None:
    plain = read(npz_bytes(arrays)).motion
    held = np.array(arrays, dtype=object)
    for data in (pickle.dumps(arrays), npy(held), npz_bytes({"arr_0": held})):
        again = read(data).motion
        np.testing.assert_array_equal(again.expression, plain.expression)
        np.testing.assert_array_equal(again.jaw, plain.jaw)
        assert again.space == plain.space


def deca_codes(frames: int = 9) -> dict[str, dict]:
    """code.json of IMavatar's DECA: frames by number, from 1."""
    arrays = codes(frames)
    return {
        str(i + 1): {k: v[i : i + 1].tolist() for k, v in arrays.items()} for i in range(frames)
    }


def test_decas_codes_by_frame_are_a_take() -> None:
    wanted = codes(12)["exp"]
    take = read(as_bytes(deca_codes(12)), "code.json").motion
    np.testing.assert_array_equal(take.expression[:, :50], wanted)
    listed = read(as_bytes(list(deca_codes(12).values()))).motion
    np.testing.assert_array_equal(listed.expression[:, :50], wanted)


def test_decas_mat_holds_codes_or_is_named_for_what_it_holds() -> None:
    out = io.BytesIO()
    savemat(out, {"verts": np.zeros((1, 9, 3)), **codes(1)})
    take = read(out.getvalue(), "a.mat").motion
    np.testing.assert_array_equal(take.expression[:, :50], codes(1)["exp"])
    out = io.BytesIO()
    savemat(out, {"verts": np.zeros((1, 9, 3)), "trans_verts": np.zeros((1, 9, 3))})
    with pytest.raises(InputError, match="verts, trans_verts") as caught:
        read(out.getvalue(), "a.mat")
    assert caught.value.code == "file.wrong_kind"
    assert code_of(b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(100)) == "file.wrong_kind"


# --- one array ------------------------------------------------------------------------------------


def saved(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    torch.save(torch.from_numpy(values), out)
    return out.getvalue()


@pytest.mark.parametrize("write", [npy, saved, lambda values: npz_bytes({"arr_0": values})])
def test_artalk_writes_expression_turn_and_jaw_in_one_array(write: object) -> None:
    assert callable(write)
    values = rows(106)
    take = read(write(values), "motions.pt")
    assert (take.motion.fps, take.motion.space) == (25.0, "flame2020")
    np.testing.assert_array_equal(take.motion.expression, values[:, :100])
    np.testing.assert_array_equal(take.motion.rotation, values[:, 100:103])
    np.testing.assert_array_equal(take.motion.jaw, values[:, 103:])
    assert "ARTalk" in take.notes[0]


def test_a_hundred_and_three_and_twelve_columns() -> None:
    values = rows(112)
    take = read(npy(values)).motion
    np.testing.assert_array_equal(take.rotation, values[:, 100:103])
    np.testing.assert_array_equal(take.jaw, values[:, 103:106])
    np.testing.assert_array_equal(take.eyes, values[:, 106:])
    values = rows(103)
    take = read(npy(values)).motion
    np.testing.assert_array_equal(take.jaw, values[:, 100:])
    assert not take.rotation.any()


def weights(frames: int = 20) -> np.ndarray:
    """ARKit's weights in alphabetical order, the sides nearly alike."""
    rng = np.random.default_rng(0)
    both: dict[str, np.ndarray] = {}
    columns = []
    for name in ARKIT_NAMES:
        side = name.removesuffix("Left").removesuffix("Right")
        if name.startswith(("jaw", "mouthLeft", "mouthRight")):
            side = name
        both.setdefault(side, rng.random(frames) * rng.random())
        columns.append(both[side] * rng.uniform(0.9, 1))
    values = np.stack(columns, 1).astype("f4")
    values[:, -1] = 0  # the tongue
    return values


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (ARKIT_NAMES, "alphabetical"),
        (APP_ORDER, "Live Link"),
        (("_neutral", *ARKIT_NAMES[:-1]), "MediaPipe"),
    ],
)
def test_the_order_of_52_weights_is_told_by_the_two_sides(order: tuple, said: str) -> None:
    wanted = weights()
    by_name = dict(zip(ARKIT_NAMES, wanted.T, strict=True)) | {"_neutral": np.full(20, 1e-6, "f4")}
    take = read(npy(np.stack([by_name[name] for name in order], 1)))
    np.testing.assert_array_equal(take.motion.expression[:, :52], wanted)
    assert said in take.notes[0]


@pytest.mark.parametrize(
    ("order", "said"), [(ARKIT_NAMES, "alphabetical"), (APP_ORDER, "Live Link")]
)
def test_a_jaw_that_goes_to_one_side_tells_no_order(order: tuple, said: str) -> None:
    """It cannot go to both at once, so its two weights are no pair of alike ones."""
    values = np.full((4, 52), 0.05, "f4")
    for name in ("jawLeft", "mouthLeft"):
        values[:, order.index(name)] = 1
    assert said in read(npy(values)).notes[0]


def test_weights_that_do_not_tell_their_order_are_alphabetical() -> None:
    noise = np.random.default_rng(1).random((50, 52)).astype("f4")
    np.testing.assert_array_equal(read(npy(noise)).motion.expression[:, :52], noise)
    alone = np.zeros((9, 52), "f4")
    alone[:, ARKIT_NAMES.index("jawOpen")] = 0.5
    np.testing.assert_array_equal(read(npy(alone)).motion.expression[:, :52], alone)


def test_61_columns_are_live_links() -> None:
    values = np.zeros((6, 61), "f4")
    values[:, APP_ORDER.index("jawOpen")] = 0.7
    values[:, 52] = 0.2  # HeadYaw
    take = read(npy(values)).motion
    assert take.expression[0, ARKIT_NAMES.index("jawOpen")] == np.float32(0.7)
    assert take.expression.sum() == pytest.approx(4.2)
    np.testing.assert_allclose(take.rotation, np.tile([0, 0.2, 0], (6, 1)), atol=1e-6)


def test_shapes_of_one_array() -> None:
    values = weights(30)
    wanted = read(npy(values)).motion.expression
    for other in (values[None], values[:, None], np.ascontiguousarray(values.T)):
        np.testing.assert_array_equal(read(npy(other)).motion.expression, wanted)
    assert len(read(npy(values[0])).motion) == 1
    assert code_of(npy(np.stack([values, values], 1))) == "motion.several"
    assert code_of(npy(np.stack([values, values]))) == "motion.several"
    for shape in ((30, 51), (30, 5023, 3), (3,), (0, 52), (2, 2, 2, 52)):
        assert code_of(npy(np.zeros(shape, "f4"))) == "motion.shape"
    assert code_of(npy(np.full((3, 52), "x"))) == "motion.not_a_number"


# --- records --------------------------------------------------------------------------------------


def test_two_people_side_by_side_are_not_one_take() -> None:
    arrays = {k: np.repeat(v[:, None], 2, 1) for k, v in codes().items()}
    assert code_of(npz_bytes(arrays)) == "motion.several"
    assert code_of(npz_bytes({k: v.swapaxes(0, 1) for k, v in arrays.items()})) == "motion.several"


def test_a_batch_of_one_and_rotations_joint_by_joint() -> None:
    arrays = vhap_arrays()
    plain = read(npz_bytes(arrays)).motion
    eyes = arrays["eyes_pose"].reshape(9, 2, 3)
    again = read(npz_bytes({**arrays, "expr": arrays["expr"][None], "eyes_pose": eyes})).motion
    np.testing.assert_array_equal(again.expression, plain.expression)
    np.testing.assert_array_equal(again.eyes, plain.eyes)


def test_rows_of_nan_are_frames_without_a_face() -> None:
    arrays = codes(12)
    for values in arrays.values():
        values[4:6] = np.nan
    take = read(npz_bytes({k: arrays[k] for k in ("exp", "pose")}))
    assert len(take.motion) == 12
    assert np.isfinite(take.motion.jaw).all()
    assert take.notes
    arrays["exp"][:] = np.nan
    assert code_of(npz_bytes(arrays)) == "motion.not_finite"


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_a_body_without_a_face_turns_the_head(width: int) -> None:
    poses = np.zeros((8, width), "f4")
    poses[:, 0:3] = [0, 0.5, 0]
    poses[:, 45:48] = [0.1, 0, 0]
    poses[:, -1] = 0.3  # a finger
    arrays = {"poses": poses, "trans": np.ones((8, 3)), "mocap_framerate": np.array(120.0)}
    take = read(npz_bytes(arrays))
    assert (len(take.motion), take.motion.fps) == (8, 120.0)
    np.testing.assert_allclose(take.motion.rotation, poses[:, 0:3])
    np.testing.assert_allclose(take.motion.neck, poses[:, 45:48])
    assert not take.motion.expression.any()
    assert not take.motion.jaw.any()
    assert "without expressions" in take.notes[0]


def test_smplx_without_expressions_may_move_the_jaw() -> None:
    arrays = {
        "root_orient": np.zeros((4, 3)),
        "pose_body": np.zeros((4, 63)),
        "pose_jaw": np.full((4, 3), 0.1),
    }
    take = read(npz_bytes(arrays))
    np.testing.assert_allclose(take.motion.jaw, 0.1)
    assert "the jaw moves" in take.notes[0]


@pytest.mark.parametrize(
    ("key", "width", "jaw"),
    [("poses", 165, True), ("poses", 72, False), ("poses", 156, False), ("poses", 66, False)],
)
def test_what_lies_in_a_bodys_place_of_the_jaw(key: str, width: int, jaw: bool) -> None:
    """Numbers 66 to 68 are the jaw with a face, and a hand without."""
    for place in (66, 67, 68, 69):
        values = np.zeros((3, width))
        values[:, place : place + 1] = 0.2
        take = read(npz_bytes({key: values, "trans": np.zeros((3, 3))}))
        moves = jaw and place < 69
        said = "the jaw moves, the rest of the face stands" if moves else "the face stands"
        assert take.notes[0].endswith(f"the head turns, {said} still.")
        assert take.motion.jaw.any() == moves
        assert take.motion.expression.shape == (3, 100)


def test_a_body_of_one_frame_may_be_a_row() -> None:
    pose = np.zeros(165)
    pose[66:69], pose[45:48] = 0.2, 0.1
    take = read(npz_bytes({"poses": pose, "trans": np.array([0.1, 0.2, 0.3])}))
    np.testing.assert_allclose(take.motion.jaw, [[0.2] * 3])
    np.testing.assert_allclose(take.motion.neck, [[0.1] * 3])
    assert "the jaw moves" in take.notes[0]


@pytest.mark.parametrize("values", [np.ones((4, 50), bool), np.full((4, 50), 1j)])
def test_rows_of_what_is_no_number(values: np.ndarray) -> None:
    with pytest.raises(InputError) as caught:
        records.rows({"exp": values}, "exp", "take")
    assert caught.value.code == "motion.not_a_number"


def test_a_rate_is_one_number_under_the_first_name_that_is_there() -> None:
    held = {"b": np.array([25]), "c": np.array(30.0), "d": np.array("30"), "e": np.array([24, 25])}
    assert records.rate(held, "a", "b", "c") == 25.0
    assert records.rate(held, "a") is None
    for key in ("d", "e"):
        with pytest.raises(InputError) as caught:
            records.rate(held, key)
        assert caught.value.code == "motion.shape"


@pytest.mark.parametrize("others", [("pose",), ("full_pose",), ("exp", "jaw_pose"), ("poses",)])
def test_a_take_of_ours_stays_ours_whatever_lies_beside_its_arrays(others: tuple[str, ...]) -> None:
    """Its space and jaw tell it; the other names are trackers'."""
    motion = random_motion(6)
    with np.load(io.BytesIO(encode_motion(motion))) as own:
        arrays = {**own, **{name: np.full((6, 55), 0.25, np.float32) for name in others}}
    file = io.BytesIO()
    np.savez(file, **arrays)
    found = read(file.getvalue(), "mine.npz")
    assert (found.motion.space, found.notes) == ("open", ())
    for name in ("expression", "jaw", "eyes", "translation"):
        np.testing.assert_array_equal(getattr(found.motion, name), getattr(motion, name))
