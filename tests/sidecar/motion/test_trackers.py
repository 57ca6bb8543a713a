# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes in the trackers' own layouts, files and folders, and what is refused of them."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import AffektError, InputError
from affekt.sidecar.motion.read import decode_motion, decode_take, read_motion
from fakes.mutation import mutated
from fakes.takes import (
    as_bytes,
    codes,
    frames_of,
    gagavatar_frames,
    lam_content,
    metrical_frame,
    npz_bytes,
    smirk_arrays,
    smplx_arrays,
    torch_bytes,
    vhap_arrays,
)
from hypothesis import given, settings
from hypothesis import strategies as st

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
SIX_POSES = {"exp": "expcode", "shape": "shapecode", "pose": "posecode"}


def inferno_arrays(frames: int = 9) -> dict:
    arrays = codes(frames, expressions=100, shapes=300)
    both = arrays.pop("pose")
    return arrays | {"globalpose": both[:, :3], "jawpose": both[:, 3:]}


def emoca_arrays(frames: int = 9) -> dict:
    arrays = codes(frames)
    return {new: arrays[old] for old, new in SIX_POSES.items()}


def gagavatar_arrays(frames: int = 9) -> dict:
    content = gagavatar_frames(frames)
    named = [content[f"clip_{i}"] for i in range(frames)]
    return {key: np.stack([frame[key] for frame in named]) for key in named[0]}


def test_vhap_is_read_bit_for_bit() -> None:
    arrays = vhap_arrays()
    motion = decode_motion(npz_bytes(arrays), "tracked_flame_params_30.npz")
    assert (len(motion), motion.fps, motion.space) == (9, 30.0, "flame2023")
    for field, key in {
        "expression": "expr",
        "jaw": "jaw_pose",
        "neck": "neck_pose",
        "eyes": "eyes_pose",
        "rotation": "rotation",
        "translation": "translation",
        "shape": "shape",
    }.items():
        np.testing.assert_array_equal(getattr(motion, field), arrays[key])


def write_export(folder: Path, arrays: dict) -> None:
    (folder / "flame_param").mkdir(parents=True)
    for i, frame in enumerate(frames_of(arrays)):
        (folder / "flame_param" / f"{i}.npz").write_bytes(npz_bytes(frame))
    (folder / "canonical_flame_param.npz").write_bytes(npz_bytes(frames_of(arrays)[0]))
    (folder / "flame_param" / ".DS_Store").write_bytes(b"x")


def test_offsets_of_a_trackers_avatar_are_said() -> None:
    def said(offsets: np.ndarray) -> str:
        read = decode_take(npz_bytes({**vhap_arrays(), "static_offset": offsets}), "take")
        return " ".join(read.notes)

    moved = np.full((1, 5143, 3), 0.001, "f4")
    assert "offsets" not in said(np.zeros_like(moved))
    assert "5,143 vertices: FLAME's 5,023 and 120 of teeth were left out" in said(moved)
    assert "of 5,023 vertices were left out" in said(moved[:, :5023])


def test_vhap_export_is_a_folder_in_order_of_numbers(tmp_path: Path) -> None:
    arrays = vhap_arrays(12)
    write_export(tmp_path / "export", arrays)
    for folder in (tmp_path / "export", tmp_path / "export" / "flame_param"):
        motion = read_motion(folder)
        np.testing.assert_array_equal(motion.expression, arrays["expr"])
        np.testing.assert_array_equal(motion.shape, arrays["shape"])


def test_vhap_output_folder_gives_its_last_epoch(tmp_path: Path) -> None:
    inner = tmp_path / "clip" / "output"
    inner.mkdir(parents=True)
    for epoch, seed in ((5, 1), (30, 2)):
        data = npz_bytes(vhap_arrays(seed=seed))
        (inner / f"tracked_flame_params_{epoch}.npz").write_bytes(data)
    for folder in (inner, inner.parent):
        motion = read_motion(folder)
        np.testing.assert_array_equal(motion.expression, vhap_arrays(seed=2)["expr"])


@pytest.mark.parametrize("arrays", [codes(), emoca_arrays()])
def test_deca_and_emoca_pad_their_fifty_expressions(arrays: dict) -> None:
    motion = decode_motion(npz_bytes(arrays), "codes.npz")
    assert motion.space == "flame2020"
    np.testing.assert_array_equal(motion.expression[:, :50], codes()["exp"])
    assert not motion.expression[:, 50:].any()
    np.testing.assert_array_equal(motion.rotation, codes()["pose"][:, :3])
    np.testing.assert_array_equal(motion.jaw, codes()["pose"][:, 3:])
    np.testing.assert_array_equal(motion.shape[:100], codes()["shape"][0])


@pytest.mark.parametrize("arrays", [codes(11), inferno_arrays(11)])
def test_emoca_and_inferno_write_a_folder_of_arrays_a_frame(tmp_path: Path, arrays: dict) -> None:
    for i in range(11):
        frame = tmp_path / f"{i:06}_000"
        frame.mkdir()
        for key, values in arrays.items():
            np.save(frame / f"{key}.npy", values[i])
    motion = read_motion(tmp_path)
    assert motion.space == "flame2020"
    np.testing.assert_array_equal(motion.expression[:, :50], arrays["exp"][:, :50])
    jaw = arrays["pose"][:, 3:] if "pose" in arrays else arrays["jawpose"]
    np.testing.assert_array_equal(motion.jaw, jaw)
    turn = arrays["pose"][:, :3] if "pose" in arrays else arrays["globalpose"]
    np.testing.assert_array_equal(motion.rotation, turn)
    identity = arrays["shape"][0]
    np.testing.assert_allclose(motion.shape[: len(identity)], identity, atol=1e-6)


def test_a_json_dump_of_codes_is_read() -> None:
    content = {key: values.tolist() for key, values in codes().items()}
    motion = decode_motion(as_bytes(content), "codes.json")
    np.testing.assert_array_equal(motion.expression[:, :50], codes()["exp"])


def test_inferno_has_hundred_expressions() -> None:
    arrays = inferno_arrays()
    motion = decode_motion(npz_bytes(arrays), "codes.npz")
    np.testing.assert_array_equal(motion.expression, arrays["exp"])
    np.testing.assert_array_equal(motion.rotation, arrays["globalpose"])


def test_smirk_has_eyelids() -> None:
    arrays = smirk_arrays()
    motion = decode_motion(npz_bytes(arrays), "smirk.npz")
    assert motion.eyelids is not None
    assert motion.space == "flame2020"
    np.testing.assert_array_equal(motion.eyelids, arrays["eyelid_params"][:, 0])
    np.testing.assert_array_equal(motion.jaw, arrays["jaw_params"][:, 0])
    np.testing.assert_array_equal(motion.expression[:, :50], arrays["expression_params"][:, 0])
    np.testing.assert_array_equal(motion.rotation, arrays["pose_params"][:, 0])
    np.testing.assert_allclose(motion.shape, arrays["shape_params"][0, 0], atol=1e-6)


YAW = np.array([[-np.sqrt(0.75), 0, 0.5], [0, 1, 0], [-0.5, 0, -np.sqrt(0.75)]], "f4")
"""PyTorch3D's camera before a head that is turned by 30 degrees about its y alone."""


def test_gagavatar_is_sorted_by_number_and_unscaled() -> None:
    content = gagavatar_frames(12)
    place = np.array([[1.0], [-2.0], [15.0]], "f4")
    content["clip_10"]["transform_matrix"] = np.concatenate([YAW, place], 1)
    motion = decode_motion(torch_bytes(content), "optim.pt")
    assert motion.space == "flame2020"
    for i in range(12):
        np.testing.assert_array_equal(motion.expression[i], content[f"clip_{i}"]["expcode"])
        np.testing.assert_array_equal(motion.jaw[i], content[f"clip_{i}"]["posecode"][3:])
        np.testing.assert_array_equal(motion.eyes[i], content[f"clip_{i}"]["eyecode"])
    others = np.arange(12) != 10
    np.testing.assert_allclose(motion.rotation[10], [0, np.pi / 6, 0], atol=1e-6)
    np.testing.assert_allclose(motion.rotation[others], 0, atol=1e-7)
    np.testing.assert_allclose(motion.translation[10], [-0.2, -0.4, -3], atol=1e-6)
    expected = np.tile([0, 0.1, -2], (11, 1))
    np.testing.assert_allclose(motion.translation[others], expected, atol=1e-6)
    assert (motion.shape == 1).all()
    again = decode_motion(npz_bytes(gagavatar_arrays(12)), "optim.npz")
    np.testing.assert_array_equal(again.expression, motion.expression)
    np.testing.assert_array_equal(again.translation[others], motion.translation[others])


def test_metrical_frames_are_a_folder(tmp_path: Path) -> None:
    contents = [metrical_frame(i, frame=i) for i in range(11)]
    contents[3]["flame"]["jaw"] = np.array([[1, 0, 0, 0, np.cos(0.3), -np.sin(0.3)]], "f4")
    contents[4]["flame"]["eyes"][:, 6:] = [[np.cos(0.2), 0, np.sin(0.2), 0, 1, 0]]
    contents[5]["flame"]["eyes"][:, :6] = [[1, 0, 0, 0, np.cos(0.4), -np.sin(0.4)]]
    contents[6]["camera"] = {"R": YAW[:2].reshape(1, 6), "t": np.array([[0.3, -0.4, 2]], "f4")}
    (tmp_path / "checkpoint").mkdir()
    for i, content in enumerate(contents):
        (tmp_path / "checkpoint" / f"{i}.frame").write_bytes(torch_bytes(content))
    motion = read_motion(tmp_path)
    assert motion.space == "flame2020"
    assert motion.eyelids is not None
    for i, content in enumerate(contents):
        np.testing.assert_array_equal(motion.expression[i], content["flame"]["exp"][0])
        np.testing.assert_array_equal(motion.eyelids[i], content["flame"]["eyelids"][0])
    np.testing.assert_allclose(motion.jaw[3], [0.3, 0, 0], atol=1e-6)
    np.testing.assert_allclose(motion.eyes[4], [0, 0, 0, 0, 0.2, 0], atol=1e-6)
    np.testing.assert_allclose(motion.eyes[5], [0.4, 0, 0, 0, 0, 0], atol=1e-6)
    assert np.flatnonzero(np.abs(motion.rotation).max(1) > 1e-6).tolist() == [6]
    np.testing.assert_allclose(motion.rotation[6], [0, np.pi / 6, 0], atol=1e-6)
    np.testing.assert_allclose(motion.translation[[0, 6]], [[-0.1, 0.2, -1], [-0.3, -0.4, -2]])
    assert (motion.shape == 1).all()


@pytest.mark.parametrize("fps", [24, 59.94])
def test_a_rate_that_torch_saved_is_a_number(fps: float) -> None:
    content = {key: codes(3)[key] for key in ("exp", "pose")} | {"fps": fps}
    assert decode_motion(torch_bytes(content), "codes.pt").fps == fps


def test_lam_with_expressions_as_lists() -> None:
    """Rows of numbers say the same as rows of names."""
    content = lam_content(5)
    named = decode_motion(as_bytes(content), "flame_params.json")
    content["expr"] = [list(row.values()) for row in content["expr"]]
    listed = decode_motion(as_bytes(content), "flame_params.json")
    np.testing.assert_array_equal(listed.expression, named.expression)
    assert listed.expression.any()


@pytest.mark.parametrize("expressions", [10, 50, 100])
def test_smplx_head(expressions: int) -> None:
    arrays = smplx_arrays(expressions=expressions)
    motion = decode_motion(npz_bytes(arrays | {"mocap_frame_rate": np.array(60)}), "body.npz")
    assert (motion.fps, motion.space) == (60.0, "flame2020")
    np.testing.assert_array_equal(motion.expression[:, :expressions], arrays["expression"])
    np.testing.assert_array_equal(motion.jaw, arrays["jaw_pose"])
    np.testing.assert_array_equal(motion.eyes[:, :3], arrays["leye_pose"])
    np.testing.assert_array_equal(motion.eyes[:, 3:], arrays["reye_pose"])
    np.testing.assert_array_equal(motion.neck, arrays["body_pose"][:, 42:45])
    np.testing.assert_array_equal(motion.rotation, arrays["global_orient"])
    np.testing.assert_array_equal(motion.translation, arrays["transl"])


def test_smplx_as_amass_writes_it_and_the_spine_carries_the_head() -> None:
    arrays = smplx_arrays()
    poses = np.zeros((9, 165), "f4")
    poses[:, 9 : 9 + 3] = [0, 0.2, 0]
    poses[:, 36:39] = [0, 0.1, 0]
    poses[:, 66:69] = arrays["jaw_pose"]
    data = {"expressions": arrays["expression"], "poses": poses, "trans": arrays["transl"]}
    motion = decode_motion(npz_bytes(data), "body.npz")
    np.testing.assert_array_equal(motion.jaw, arrays["jaw_pose"])
    np.testing.assert_allclose(motion.rotation, np.tile([0, 0.3, 0], (9, 1)), atol=1e-6)


def body(**joints: tuple[int, list[float]]) -> np.ndarray:
    """Poses (2, 55, 3), 0.9 wherever nothing of the head is."""
    poses = np.full((2, 55, 3), 0.9)
    poses[:, [0, 3, 6, 9, 12, 15, 22, 23, 24]] = 0
    for joint, turn in joints.values():
        poses[:, joint] = turn
    return poses


def test_which_joints_of_a_body_are_the_heads() -> None:
    """The spine up to the neck turns it about one axis, by all of their angles."""
    poses = body(
        pelvis=(0, [0, 0.1, 0]),
        spine=(3, [0, 0.02, 0]),
        chest=(6, [0, 0.03, 0]),
        shoulders=(9, [0, 0.05, 0]),
        neck=(12, [0, 0.4, 0]),
        head=(15, [0.1, 0.2, 0.3]),
        jaw=(22, [0.11, 0.12, 0.13]),
        left_eye=(23, [0.21, 0.22, 0.23]),
        right_eye=(24, [0.31, 0.32, 0.33]),
    )
    data = {"expression": np.zeros((2, 10)), "poses": poses.reshape(2, 165), "betas": np.ones(10)}
    motion = decode_motion(npz_bytes(data), "body.npz")
    for found, wanted in (
        (motion.rotation, [0, 0.6, 0]),
        (motion.neck, [0.1, 0.2, 0.3]),
        (motion.jaw, [0.11, 0.12, 0.13]),
        (motion.eyes, [0.21, 0.22, 0.23, 0.31, 0.32, 0.33]),
    ):
        np.testing.assert_allclose(found, [wanted] * 2, atol=1e-6)


def test_a_bodys_lower_joints_turn_its_upper_ones() -> None:
    """A quarter of the pelvis about x, one of the neck about z: together, a third of a circle."""
    poses = body(pelvis=(0, [np.pi / 2, 0, 0]), neck=(12, [0, 0, np.pi / 2]))[[0, 0, 0]]
    poses[1, 12] = np.nan  # between two that are known
    data = {"expression": np.zeros((3, 10)), "poses": poses.reshape(3, 165), "betas": np.ones(10)}
    motion = decode_motion(npz_bytes(data), "body.npz")
    third = 2 * np.pi / 3 / np.sqrt(3)
    np.testing.assert_allclose(motion.rotation, [[third, -third, third]] * 3, atol=1e-6)


@pytest.mark.parametrize(
    ("key", "width", "field", "columns"),
    [
        ("global_orient", 3, "rotation", [0, 1, 2]),
        ("root_orient", 3, "rotation", [0, 1, 2]),
        ("neck_pose", 3, "rotation", [0, 1, 2]),
        ("body_pose", 63, "neck", [42, 43, 44]),
        ("pose_body", 63, "neck", [42, 43, 44]),
        ("head_pose", 3, "neck", [0, 1, 2]),
        ("pose_jaw", 3, "jaw", [0, 1, 2]),
        ("pose_eye", 6, "eyes", [0, 1, 2, 3, 4, 5]),
        ("leye_pose", 3, "eyes", [0, 1, 2]),
        ("trans", 3, "translation", [0, 1, 2]),
        ("transl", 3, "translation", [0, 1, 2]),
    ],
)
def test_what_smplx_calls_its_parts(key: str, width: int, field: str, columns: list[int]) -> None:
    """A part of the body is what one array holds; the spine stands still."""
    values = np.arange(2.0 * width).reshape(2, width) / 1000
    if width == 63:
        values[:, [6, 7, 8, 15, 16, 17, 24, 25, 26, 33, 34, 35]] = 0
    jaw = {} if field == "jaw" else {"jaw_pose": np.zeros((2, 3))}
    motion = decode_motion(
        npz_bytes({"expression": np.zeros((2, 10)), **jaw, key: values}), "a.npz"
    )
    found = getattr(motion, field)
    np.testing.assert_allclose(found[:, : len(columns)], values[:, columns], atol=1e-7)
    still = {"rotation", "neck", "jaw", "eyes", "translation"} - {field}
    assert not any(getattr(motion, name).any() for name in still)


@pytest.mark.parametrize("key", ["mocap_frame_rate", "mocap_framerate", "fps"])
def test_what_smplx_calls_its_rate(key: str) -> None:
    data = smplx_arrays() | {key: np.array(48.0)}
    assert decode_motion(npz_bytes(data), "body.npz").fps == 48


def test_flame_head_tracker_by_its_names() -> None:
    values = {
        "exp": np.full((4, 100), 0.1),
        "jaw_pose": np.full((4, 3), 0.2),
        "neck_pose": np.full((4, 3), 0.3),
        "eye_pose": np.tile([0.41, 0.42, 0.43, 0.44, 0.45, 0.46], (4, 1)),
        "head_pose": np.full((4, 3), 0.5),
        "shape": np.full((4, 300), 0.6),
        "cam": np.ones((4, 6)),
    }
    take = decode_take(npz_bytes(values), "take.npz")
    for field, key in (
        ("expression", "exp"),
        ("jaw", "jaw_pose"),
        ("neck", "neck_pose"),
        ("eyes", "eye_pose"),
        ("rotation", "head_pose"),
    ):
        np.testing.assert_allclose(getattr(take.motion, field), values[key], atol=1e-7)
    np.testing.assert_allclose(take.motion.shape, 0.6, atol=1e-7)
    assert not any("cam" in note for note in take.notes)  # the head's turn is known


@pytest.mark.parametrize(
    ("vertices", "said"),
    [
        (5023, "offsets of 5,023 vertices were left out"),
        (5143, "offsets of 5,143 vertices: FLAME's 5,023 and 120 of teeth were left out"),
        (0, ""),
    ],
)
def test_offsets_of_vhap_are_said(vertices: int, said: str) -> None:
    offsets = np.zeros((1, max(vertices, 7), 3), "f4")
    offsets[0, 3, 1] = 0.001 if vertices else 0
    notes = decode_take(npz_bytes(vhap_arrays() | {"static_offset": offsets}), "take.npz").notes
    assert any(said in note for note in notes) if said else not any("offsets" in n for n in notes)


def changed(arrays: dict, **changes: object) -> bytes:
    whole = {k: v for k, v in (arrays | changes).items() if v is not None}
    return npz_bytes(whole)


class Hostile:
    """Unpickled, it would run a call; the restricted loader must not."""

    called = False

    def __reduce__(self) -> tuple:
        return (_fire, ())


def _fire() -> None:
    Hostile.called = True


def torch_without_pickle() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", b"junk")
    return out.getvalue()


VHAP, SMIRK, GAG = vhap_arrays(), smirk_arrays(), gagavatar_arrays()
NOT_TURNED = np.zeros((9, 3, 4), "f4")
BAD = {
    "rows": (changed(VHAP, jaw_pose=np.zeros((8, 3))), "motion.shape"),
    "width": (changed(VHAP, eyes_pose=np.zeros((9, 3))), "motion.shape"),
    "too many expressions": (changed(VHAP, expr=np.zeros((9, 101))), "motion.shape"),
    "too long a shape": (changed(VHAP, shape=np.zeros(301)), "motion.shape"),
    "text": (changed(VHAP, jaw_pose=np.full((9, 3), "x")), "motion.not_a_number"),
    "nan": (changed(VHAP, jaw_pose=np.full((9, 3), np.nan)), "motion.not_finite"),
    "no frames": (changed(VHAP, expr=np.zeros((0, 100))), "motion.shape"),
    "objects": (changed(VHAP, jaw_pose=np.array([None] * 9)), "file.wrong_kind"),
    "rate": (changed(VHAP, fps=np.zeros(2)), "motion.shape"),
    "rate zero": (changed(VHAP, fps=np.zeros(())), "motion.rate"),
    "smirk lids": (changed(SMIRK, eyelid_params=np.zeros((9, 3))), "motion.shape"),
    "no rotation": (changed(GAG, transform_matrix=NOT_TURNED), "motion.rotation"),
    "camera": (changed(GAG, transform_matrix=np.zeros((9, 3))), "motion.shape"),
    "one camera": (changed(GAG, transform_matrix=GAG["transform_matrix"][0]), "motion.shape"),
    "other npz": (npz_bytes({"verts": np.zeros((5, 3))}), "file.wrong_kind"),
    "pickle cut off": (b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94.", "file.damaged"),
    "mat cut off": (b"MATLAB 5.0 MAT-file, Platform: posix" + bytes(50), "file.damaged"),
    "npy cut off": (b"\x93NUMPY\x01\0" + bytes(200), "file.damaged"),
    "torch hostile": (torch_bytes({"flame": Hostile()}), "file.pickled"),
    "torch junk": (torch_without_pickle(), "file.pickled"),
    "torch list": (torch_bytes([1, 2]), "file.wrong_kind"),
    "torch other": (torch_bytes({"weights": np.zeros(3)}), "file.wrong_kind"),
    "metrical without exp": (torch_bytes({"flame": {}}), "file.wrong_kind"),
    "torch objects": (torch_bytes({"flame": {"exp": np.array([None])}}), "file.pickled"),
    "json ragged": (as_bytes({"exp": [[1], [1, 2]], "pose": [[0] * 6]}), "motion.shape"),
    "json text": (as_bytes({"exp": [["a"]], "pose": [[0] * 6]}), "motion.not_a_number"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_content_is_named(kind: str) -> None:
    data, code = BAD[kind]
    with pytest.raises(InputError) as caught:
        decode_motion(data, "take")
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert caught.value.remedy


def test_hostile_torch_file_would_fire_in_a_plain_loader() -> None:
    """The control arm: the same bytes do run code where nothing is restricted."""
    import torch

    data = torch_bytes({"flame": Hostile()})
    Hostile.called = False
    with pytest.raises(InputError):
        decode_motion(data, "take.frame")
    assert not Hostile.called
    torch.load(io.BytesIO(data), weights_only=False)
    assert Hostile.called


def test_frames_that_claim_too_much_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    endless = torch.zeros(1).expand(10**12)
    with pytest.raises(InputError) as caught:
        decode_motion(torch_bytes({"flame": {"exp": endless}}), "take.frame")
    assert caught.value.code == "file.damaged"
    monkeypatch.setattr(limits, "MAX_TORCH_BYTES", 1000)
    with pytest.raises(InputError) as caught:
        decode_motion(torch_bytes(metrical_frame()), "take.frame")
    assert caught.value.code == "file.too_large"


def test_tensors_instead_of_arrays_are_read_too() -> None:
    import torch

    content = metrical_frame()
    content["flame"] = {k: torch.from_numpy(v) for k, v in content["flame"].items()}
    motion = decode_motion(torch_bytes(content), "take.frame")
    np.testing.assert_array_equal(motion.expression[0], content["flame"]["exp"][0].numpy())


def test_a_foreign_byte_order_stays_in_its_file() -> None:
    content = metrical_frame()
    wanted = content["flame"]["exp"].copy()
    content["flame"]["exp"] = wanted.astype(">f4")
    motion = decode_motion(torch_bytes(content), "take.frame")
    np.testing.assert_array_equal(motion.expression, wanted)
    assert np.dtype("f4").isnative
    assert np.frombuffer(b"\0\0\x80?", "f4")[0] == 1


def code_of_folder(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_motion(folder)
    return caught.value.code


def test_bad_folders_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_of_folder(tmp_path) == "file.folder"
    (tmp_path / "notes.txt").write_text("x")
    assert code_of_folder(tmp_path) == "file.folder"
    (tmp_path / "0.npz").write_bytes(npz_bytes(frames_of(VHAP)[0]))
    (tmp_path / "1.npz").write_bytes(npz_bytes(codes(1)))
    assert code_of_folder(tmp_path) == "motion.mixed"
    (tmp_path / "1.npz").write_bytes(LFS_POINTER)
    assert code_of_folder(tmp_path) == "file.lfs_pointer"
    monkeypatch.setattr(limits, "MAX_FRAMES", 1)
    assert code_of_folder(tmp_path) == "motion.too_long"


def test_folder_of_arrays_without_a_jaw_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "exp.npy", np.zeros(50))
    assert code_of_folder(tmp_path) == "file.wrong_kind"
    (tmp_path / "pose.npy").write_bytes(b"\x93NUMPY\x01\0v\0{")
    assert code_of_folder(tmp_path) == "file.damaged"
    np.save(tmp_path / "pose.npy", np.array([None] * 6), allow_pickle=True)
    assert code_of_folder(tmp_path) == "file.wrong_kind"


WHOLE = {
    "vhap": npz_bytes(vhap_arrays(2)),
    "deca": npz_bytes(codes(2)),
    "inferno": npz_bytes(inferno_arrays(2)),
    "smirk": npz_bytes(smirk_arrays(2)),
    "smplx": npz_bytes(smplx_arrays(2)),
    "gagavatar": torch_bytes(gagavatar_frames(2)),
    "metrical": torch_bytes(metrical_frame()),
    "json": as_bytes({k: v.tolist() for k, v in codes(2).items()}),
}


@pytest.mark.filterwarnings("ignore")  # zipfile and torch may warn of what was mutated
@given(kind=st.sampled_from(sorted(WHOLE)), data=st.data())
@settings(max_examples=300)
def test_mutated_files_give_a_take_or_an_error_of_ours(kind: str, data: st.DataObject) -> None:
    content = mutated(data, WHOLE[kind])
    try:
        motion = decode_motion(content, "take")
    except AffektError:
        return
    assert np.isfinite(motion.expression).all()


@pytest.mark.filterwarnings("ignore")
def test_torch_pickle_broken_at_every_place() -> None:
    """The archive is made again around each broken pickle, so that no checksum saves us."""
    with zipfile.ZipFile(io.BytesIO(WHOLE["metrical"])) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    key = next(name for name in members if name.endswith("data.pkl"))
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(members[key]), 300):
        broken = bytearray(members[key])
        broken[place] ^= int(rng.integers(1, 256))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, bytes(broken) if name == key else content)
        try:
            decode_motion(out.getvalue(), "take")
        except AffektError as error:
            assert error.code  # noqa: PT017


@pytest.mark.parametrize("encode", [npz_bytes, torch_bytes])
def test_arrays_whose_columns_lie_together_are_the_same_arrays(encode: object) -> None:
    """As MATLAB lays them, and numpy after a transposition."""
    arrays = {key: np.asfortranarray(codes(7)[key]) for key in ("exp", "pose")}
    assert arrays["exp"].flags.f_contiguous
    motion = decode_motion(encode(arrays), "codes")  # type: ignore[operator]
    np.testing.assert_array_equal(motion.expression[:, :50], codes(7)["exp"])
    np.testing.assert_array_equal(motion.jaw, codes(7)["pose"][:, 3:])


def test_what_torch_saves_of_other_kinds() -> None:
    """Half precisions, numbers of numpy's, lists of dictionaries, and values that mean nothing."""
    import torch

    exp = np.linspace(-1, 1, 150).reshape(3, 50).astype("f4")
    content = {
        "exp": torch.from_numpy(exp).to(torch.bfloat16),
        "pose": torch.zeros((3, 6), dtype=torch.float16, requires_grad=True),
        "fps": np.float64(24),
        "note": None,
    }
    motion = decode_motion(torch_bytes(content), "a.pt")
    np.testing.assert_allclose(motion.expression[:, :50], exp, atol=0.01)
    assert motion.fps == 24
    listed = [{"exp": row[None], "pose": np.zeros((1, 6), "f4")} for row in exp]
    np.testing.assert_array_equal(
        decode_motion(torch_bytes(listed), "a.pt").expression[:, :50], exp
    )
    deep = {"a": {"b": {"exp": exp, "pose": np.zeros((3, 6), "f4")}}}
    np.testing.assert_array_equal(decode_motion(torch_bytes(deep), "a.pt").expression[:, :50], exp)
