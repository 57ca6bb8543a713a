# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files in the layouts of real ones, filled with random numbers."""

import io
import json

import numpy as np
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion


def random_motion(frames: int = 40, *, space: str = "open", seed: int = 0) -> Motion:
    """Any take, every array filled."""
    rng = np.random.default_rng(seed)
    return make_motion(
        expression=rng.normal(0, 0.3, (frames, 100)),
        jaw=rng.normal(0, 0.1, (frames, 3)),
        neck=rng.normal(0, 0.1, (frames, 3)),
        eyes=rng.normal(0, 0.1, (frames, 6)),
        rotation=rng.normal(0, 0.1, (frames, 3)),
        translation=rng.normal(0, 0.01, (frames, 3)),
        shape=rng.normal(0, 1, 300),
        eyelids=rng.random((frames, 2)),
        fps=30.0,
        space=space,
    )


def arkit_motion(frames: int = 40, *, seed: int = 0) -> Motion:
    """A take of ARKit weights, half of them zero."""
    rng = np.random.default_rng(seed)
    expression = np.zeros((frames, 100))
    expression[:, :52] = rng.random((frames, 52)) * (rng.random((frames, 52)) < 0.5)
    return make_motion(
        expression=expression, rotation=rng.normal(0, 0.1, (frames, 3)), fps=30.0, space="arkit"
    )


def lam_content(frames: int = 9, *, seed: int = 0) -> dict:
    """flame_params.json as LAM writes it: the first frame's expression is missing."""
    rng = np.random.default_rng(seed)
    widths = {"translation": 3, "rotation": 3, "neck_pose": 3, "jaw_pose": 3, "eyes_pose": 6}
    content = {k: rng.normal(0, 0.1, (frames, w)).tolist() for k, w in widths.items()}
    content["shape"] = rng.normal(0, 1, 300).tolist()
    rows = rng.normal(0, 1, (frames - 1, 100)).tolist()
    content["expr"] = [{f"expr{i}": v for i, v in enumerate(row)} for row in rows]
    return content


def arkit_content(frames: int = 9, *, seed: int = 0, fps: float = 30.0) -> dict:
    """bsData.json as LAM writes it."""
    rng = np.random.default_rng(seed)
    weights = rng.random((frames, 52)).tolist()
    return {
        "names": list(ARKIT_NAMES),
        "metadata": {"fps": fps, "frame_count": frames, "blendshape_names": list(ARKIT_NAMES)},
        "frames": [
            {"weights": row, "time": i / fps, "rotation": []} for i, row in enumerate(weights)
        ],
    }


def as_bytes(content: object) -> bytes:
    return json.dumps(content).encode()


def npz_bytes(arrays: dict) -> bytes:
    """As numpy.savez writes it."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def vhap_arrays(frames: int = 9, *, seed: int = 0) -> dict:
    """tracked_flame_params_30.npz, with what VHAP keeps beside the take."""
    rng = np.random.default_rng(seed)
    widths = {
        "rotation": 3,
        "translation": 3,
        "neck_pose": 3,
        "jaw_pose": 3,
        "eyes_pose": 6,
        "expr": 100,
    }
    arrays = {k: rng.normal(0, 0.1, (frames, w)).astype("f4") for k, w in widths.items()}
    return arrays | {
        "shape": rng.normal(0, 1, 300).astype("f4"),
        "static_offset": np.zeros((1, 50, 3), "f4"),
        "timestep_id": np.array([f"{i:05}" for i in range(frames)]),
        "n_processed_frames": np.array(frames),
        "focal_length": np.ones(1, "f4"),
    }


def frames_of(arrays: dict) -> list[dict]:
    """One dictionary a frame, as VHAP's export has it."""
    frames = len(arrays["expr"])
    per_frame = {k for k, v in arrays.items() if v.shape[:1] == (frames,) and k != "timestep_id"}
    shared = {"shape", "static_offset"}
    return [
        {k: arrays[k][[i]] for k in sorted(per_frame)} | {k: arrays[k] for k in shared}
        for i in range(frames)
    ]


def codes(frames: int = 9, *, seed: int = 0, expressions: int = 50, shapes: int = 100) -> dict:
    """DECA's codes by its short names, and inferno's poses."""
    rng = np.random.default_rng(seed)
    return {
        "exp": rng.normal(0, 1, (frames, expressions)).astype("f4"),
        "shape": np.tile(rng.normal(0, 1, (1, shapes)), (frames, 1)).astype("f4"),
        "pose": rng.normal(0, 0.1, (frames, 6)).astype("f4"),
        "tex": rng.normal(0, 1, (frames, 50)).astype("f4"),
        "cam": rng.normal(0, 1, (frames, 3)).astype("f4"),
    }


def smirk_arrays(frames: int = 9, *, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "pose_params": rng.normal(0, 0.1, (frames, 1, 3)).astype("f4"),
        "cam": rng.normal(0, 1, (frames, 1, 3)).astype("f4"),
        "shape_params": np.tile(rng.normal(0, 1, (1, 1, 300)), (frames, 1, 1)).astype("f4"),
        "expression_params": rng.normal(0, 1, (frames, 1, 50)).astype("f4"),
        "eyelid_params": rng.random((frames, 1, 2)).astype("f4"),
        "jaw_params": rng.normal(0, 0.1, (frames, 1, 3)).astype("f4"),
    }


def gagavatar_frames(frames: int = 12, *, seed: int = 0) -> dict:
    """optim.pkl's content: a dictionary of frames, out of order as dictionaries may be."""
    rng = np.random.default_rng(seed)
    camera = np.concatenate([np.diag([-1.0, 1, -1]), [[0.0], [0.5], [10.0]]], 1).astype("f4")
    content = {
        f"clip_{i}": {
            "bbox": np.ones(4, "f4"),
            "shapecode": np.ones(300, "f4"),
            "expcode": rng.normal(0, 1, 100).astype("f4"),
            "posecode": np.append(np.zeros(3), rng.normal(0, 0.1, 3)).astype("f4"),
            "eyecode": rng.normal(0, 0.1, 6).astype("f4"),
            "transform_matrix": camera,
        }
        for i in range(frames)
    }
    return dict(sorted(content.items()))


def metrical_frame(seed: int = 0, *, frame: int = 0) -> dict:
    """A .frame's content."""
    rng = np.random.default_rng(seed)
    six = np.array([[1, 0, 0, 0, 1, 0]], "f4")
    camera = {"R": np.array([[-1, 0, 0, 0, 1, 0]], "f4"), "t": np.array([[0.1, 0.2, 1]], "f4")}
    flame = {
        "exp": rng.normal(0, 1, (1, 100)).astype("f4"),
        "shape": np.ones((1, 300), "f4"),
        "tex": np.zeros((1, 140), "f4"),
        "sh": np.zeros((1, 9, 3), "f4"),
        "eyes": np.concatenate([six, six], 1),
        "eyelids": rng.random((1, 2)).astype("f4"),
        "jaw": six,
    }
    opencv = {"R": np.eye(3, dtype="f4")[None], "t": camera["t"], "K": np.eye(3, dtype="f4")[None]}
    return {
        "flame": flame,
        "camera": camera,
        "opencv": opencv,
        "img_size": np.array([512, 512]),
        "frame_id": f"{frame:05}",
        "global_step": 900,
    }


def torch_bytes(content: object) -> bytes:
    import torch

    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def smplx_arrays(frames: int = 9, *, seed: int = 0, expressions: int = 10) -> dict:
    rng = np.random.default_rng(seed)
    widths = {
        "expression": expressions,
        "jaw_pose": 3,
        "leye_pose": 3,
        "reye_pose": 3,
        "global_orient": 3,
        "transl": 3,
        "betas": 10,
    }
    arrays = {k: rng.normal(0, 0.1, (frames, w)).astype("f4") for k, w in widths.items()}
    body = np.zeros((frames, 21, 3), "f4")
    body[:, 14] = rng.normal(0, 0.1, (frames, 3))
    return arrays | {"body_pose": body.reshape(frames, 63), "gender": np.array("neutral")}


def livelink_csv(codes: list[str], *, seed: int = 0) -> bytes:
    """As the app writes it: the left eye first, 52 weights, 9 angles."""
    from affekt.shared.take_files import encode_livelink

    header = encode_livelink(arkit_motion(1)).decode().split("\r\n")[0]
    rng = np.random.default_rng(seed)
    rows = [
        f"{code},61," + ",".join(f"{v:.8f}" for v in np.append(rng.random(52), np.zeros(9)))
        for code in codes
    ]
    return "\r\n".join([header, *rows, ""]).encode()
