# SPDX-License-Identifier: GPL-3.0-or-later
"""FLAME files with made-up content in the true layouts: pickles of Python 2 with chumpy arrays
and scipy's sparse regressor, pickles of today, npz, safetensors, landmark embeddings."""

import io
import pickle
import struct
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import scipy.sparse
from safetensors.numpy import save

FlameContent = dict[str, object]


def flame_arrays(
    vertices: int = 200, components: int = 400, seed: int = 0, template_from: Path | None = None
) -> dict[str, np.ndarray]:
    """The arrays of a FLAME file, float64 as published; random but for the template and faces of
    `template_from` (an npz with v_template and faces)."""
    rng = np.random.default_rng(seed)
    if template_from is None:
        template = rng.normal(0, 0.06, (vertices, 3))
        faces = np.stack([np.arange(vertices - 2) + i for i in range(3)], 1)
    else:
        with np.load(template_from, allow_pickle=False) as file:
            template, faces = file["v_template"].astype(np.float64), file["faces"]
        vertices = len(template)
    regressor = np.zeros((5, vertices))
    for joint in range(5):
        chosen = rng.choice(vertices, 7, replace=False)
        regressor[joint, chosen] = rng.dirichlet(np.ones(7))
    weights = rng.dirichlet(np.ones(5) * 0.3, vertices)
    return {
        "v_template": template,
        "f": faces.astype(np.uint32),
        "shapedirs": rng.normal(0, 0.001, (vertices, 3, components)),
        "posedirs": rng.normal(0, 0.0005, (vertices, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
    }


class Ch:
    """As chumpy's leaf: the numbers in `x`, the rest of its state around them."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self._dirty_vars = {"x"}
        self._itr = None
        self._cache = {"r": None, "drs": {}}


class Select:
    """As chumpy's selection: `a.ravel()[idxs]` in the shape `preferred_shape`."""

    def __init__(self, a: object, idxs: np.ndarray, preferred_shape: tuple[int, ...]) -> None:
        self.a, self.idxs, self.preferred_shape = a, idxs, preferred_shape


class Reshape:
    def __init__(self, a: object, newshape: tuple[int, ...]) -> None:
        self.a, self.newshape = a, newshape


class Transpose:
    def __init__(self, a: object, axes: tuple[int, ...]) -> None:
        self.a, self.axes = a, axes


class MatVecMult:
    """A computed expression, which nobody can read without chumpy."""

    def __init__(self, mtx: object, vec: object) -> None:
        self.mtx, self.vec = mtx, vec


_PLACES = {"chumpy.ch": (Ch, MatVecMult), "chumpy.reordering": (Select, Reshape, Transpose)}


@contextmanager
def fake_chumpy() -> Iterator[None]:
    """While it lasts, the classes above pickle under chumpy's names."""
    before = {cls: cls.__module__ for classes in _PLACES.values() for cls in classes}
    for name, classes in _PLACES.items():
        module = types.ModuleType(name)
        for cls in classes:
            cls.__module__ = name
            setattr(module, cls.__name__, cls)
        sys.modules[name] = module
    sys.modules["chumpy"] = types.ModuleType("chumpy")
    try:
        yield
    finally:
        for cls, name in before.items():
            cls.__module__ = name
        for name in (*_PLACES, "chumpy"):
            del sys.modules[name]


class _Python2Pickler(pickle._Pickler):
    """Bytes and ASCII text as Python 2's one kind of string."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_string(self, text: bytes | str) -> None:
        data = text if isinstance(text, bytes) else text.encode("ascii")
        self.write(b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[bytes] = save_string
    dispatch[str] = save_string


_OLD_NAMES = (
    (b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"),
    (b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n"),
    (b"cscipy.sparse._csr\n", b"cscipy.sparse.csr\n"),
)


def python2_pickle(content: object) -> bytes:
    """Protocol 2 as Python 2 with numpy 1 and an old scipy wrote it."""
    out = io.BytesIO()
    with fake_chumpy():
        _Python2Pickler(out, protocol=2).dump(content)
    data = out.getvalue()
    for new, old in _OLD_NAMES:
        data = data.replace(new, old)
    return data


def pickled(content: object, protocol: int) -> bytes:
    with fake_chumpy():
        return pickle.dumps(content, protocol)


def npz(content: FlameContent, *, compressed: bool = False) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **content)
    return out.getvalue()


def npy(content: object) -> bytes:
    """A landmark embedding's npy: an object array around one dictionary, hence a pickle."""
    out = io.BytesIO()
    np.save(out, np.array(content, dtype=object), allow_pickle=True)
    return out.getvalue()


def _with_chumpy(arrays: dict[str, np.ndarray]) -> FlameContent:
    """FLAME 2020's mixture: leaves, a selection, rearrangements, a sparse regressor, words."""
    template, basis, pose = arrays["v_template"], arrays["shapedirs"], arrays["posedirs"]
    wide = np.concatenate([basis, basis[..., :5]], 2)
    index = np.arange(wide.size).reshape(wide.shape)[..., : basis.shape[2]].ravel()
    return {
        **arrays,
        "v_template": Ch(template),
        "shapedirs": Select(Ch(wide), index, basis.shape),
        "posedirs": Reshape(Ch(pose.reshape(-1, 36)), pose.shape),
        "weights": Transpose(Ch(np.ascontiguousarray(arrays["weights"].T)), (1, 0)),
        "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]),
        "J": MatVecMult(arrays["J_regressor"], template.ravel()),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
    }


def _sparse(arrays: dict[str, np.ndarray], kind: type) -> FlameContent:
    return {**arrays, "J_regressor": kind(arrays["J_regressor"]), "bs_type": "lrotmin"}


def _typed(arrays: dict[str, np.ndarray], kind: str, order: str = "C") -> FlameContent:
    """The floats in another type, all arrays in an order of memory."""
    return {
        key: np.array(values, kind if values.dtype.kind == "f" else values.dtype, order=order)
        for key, values in arrays.items()
    }


def _big_endian(arrays: dict[str, np.ndarray]) -> FlameContent:
    return {key: v.astype(v.dtype.newbyteorder(">")) for key, v in arrays.items()}


LAYOUTS = {
    "python2 chumpy": lambda a: python2_pickle(_with_chumpy(a)),
    "python2 csr": lambda a: python2_pickle(_sparse(a, scipy.sparse.csr_matrix)),
    "chumpy in protocol 3": lambda a: pickled(_with_chumpy(a), 3),
    "protocol 0": lambda a: pickled(_sparse(a, scipy.sparse.csc_matrix), 0),
    "protocol 1": lambda a: pickled(_with_chumpy(a), 1),
    "protocol 4": lambda a: pickled(_sparse(a, scipy.sparse.csr_array), 4),
    "protocol 5, float32, column order": lambda a: pickled(_typed(a, "f4", "F"), 5),
    "big endian": lambda a: pickled(_big_endian(a), 2),
    "npz": npz,
    "npz compressed": lambda a: npz(a, compressed=True),
    "npz with a sparse object": lambda a: npz(_sparse(a, scipy.sparse.csc_matrix)),
    "safetensors": lambda a: save(_typed(a, "f4")),
}
"""Name of a layout -> the file's bytes from the arrays."""


def embedding(faces: int, seed: int = 0) -> dict[str, np.ndarray]:
    """The official landmark embedding's arrays, made up."""
    rng = np.random.default_rng(seed)

    def points(*shape: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.integers(0, faces, shape), rng.dirichlet(np.ones(3), shape)

    static, dynamic, full = points(51), points(79, 17), points(1, 68)
    return {
        "static_lmk_faces_idx": static[0],
        "static_lmk_bary_coords": static[1],
        "dynamic_lmk_faces_idx": dynamic[0],
        "dynamic_lmk_bary_coords": dynamic[1],
        "full_lmk_faces_idx": full[0],
        "full_lmk_bary_coords": full[1],
    }
