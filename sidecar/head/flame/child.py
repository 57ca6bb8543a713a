# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process that reads pickles; no other module of Affekt does.

`quarantine.py` runs it as a script (`child.py KIND MEMORY_BYTES CPU_SECONDS`). It reads the file
from stdin and writes to stdout the line `ok` and a safetensors, or the line `no CODE` and a
sentence.

Nothing that a file names is called or imported. A name on the allow list becomes a `Held`, a record
of its arguments; any other name is refused. The records are then read as data: numpy arrays,
scipy's sparse matrices, chumpy's arrays. Only the standard library, numpy and safetensors are
imported, so that little code is exposed to the file.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import os
import pickle
import re
import sys
import warnings
import zipfile

import numpy as np
from safetensors.numpy import save

MOST_ELEMENTS = 64_000_000  # shapedirs of FLAME: 5,023 x 3 x 400 = 6,027,600
MOST_DEPTH = 8  # of nested chumpy arrays and object arrays
MOST_ARRAYS = 64
MOST_NAME = 200

# FLAME's files were written by Python 2 and 3, numpy 1 and 2, and many versions of scipy.
_ALLOWED = re.compile(
    r"numpy(\._?core(\.multiarray|\.numeric)?)? (_reconstruct|ndarray|dtype|scalar|_frombuffer)"
    r"|_codecs encode"
    r"|(copy_reg|copyreg) _reconstructor"
    r"|(__builtin__|builtins) (object|set|bytes|bytearray)"
    r"|scipy\.sparse(\._?(csc|csr))? cs[cr]_(matrix|array)"
    r"|chumpy\.(ch|reordering) [A-Za-z]+"
)
_NUMBER_TYPE = re.compile(r"[<>=|]?([fiu][1248]|b1|\?)")


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """The file is refused, with an error code and a sentence without the file's name."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code, self.sentence = code, sentence


class _Sealed(type):
    def __setattr__(cls, name: str, value: object) -> None:
        raise TypeError("a stand-in cannot be changed")


class Held(metaclass=_Sealed):
    """An object of a pickle as a record: class or function name, arguments and state."""

    __slots__ = ("arguments", "state")
    name = ""
    arguments: tuple[object, ...]
    state: object

    def __new__(cls, *arguments: object) -> Held:
        held = object.__new__(cls)
        held.arguments, held.state = arguments, None
        return held

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state


class InertUnpickler(pickle.Unpickler):
    """Reads a pickle into dictionaries, lists, numbers, text and `Held` records."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="latin1")
        self._known: dict[str, type] = {}

    def find_class(self, module_name: str, global_name: str) -> type:
        full = f"{module_name} {global_name}"
        if not _ALLOWED.fullmatch(full):
            shown = full.replace(" ", ".")[:80]
            raise Refused("file.unsafe", f"it wants to run '{shown}'")
        if full not in self._known:
            body = {"__slots__": (), "name": global_name}
            self._known[full] = _Sealed(global_name, (Held,), body)
        return self._known[full]

    def persistent_load(self, pid: object) -> object:
        raise Refused("file.unsafe", "it points to objects outside the file")


def unpickle(data: bytes) -> object:
    """Reads a pickle without running it. Raises `Refused`, or MemoryError."""
    try:
        return InertUnpickler(io.BytesIO(data)).load()
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise Refused("file.damaged", "it is cut off or was changed") from error


def numbers(value: object, depth: int = 0) -> np.ndarray | None:
    """The array that a value or record represents, or None if it is of no known kind."""
    if depth > MOST_DEPTH:
        return None
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "fiub" else None
    if isinstance(value, bool | int | float):
        return np.array(value)
    if isinstance(value, list | tuple):
        flat = all(type(item) in (int, float) for item in value)
        return np.array(value) if flat and value else None
    if not isinstance(value, Held):
        return None
    name = _kind(value)
    if name == "ndarray" or name == "_reconstruct":
        return _array(value)
    if name == "_frombuffer":
        return _from_buffer(value)
    if name == "scalar":
        dtype, data = value.arguments
        return _filled(data, dtype, (), "C")
    if name.startswith(("csc_", "csr_")):
        return _dense(value, name[:3], depth)
    return _chumpy(value, name, depth)


def _kind(held: Held) -> str:
    """The name of the class, also of an object that an old protocol made by copyreg."""
    if held.name != "_reconstructor":
        return held.name
    made = held.arguments[0]
    return made.name if isinstance(made, type) and issubclass(made, Held) else ""


def _array(held: Held) -> np.ndarray | None:
    if not isinstance(held.state, tuple) or len(held.state) != 5:
        return None
    _, shape, dtype, fortran, data = held.state
    return _filled(data, dtype, shape, "F" if fortran else "C")


def _from_buffer(held: Held) -> np.ndarray | None:
    data, dtype, shape, order = held.arguments
    return _filled(data, dtype, shape, "F" if order == "F" else "C")


def _filled(data: object, dtype: object, shape: object, order: str) -> np.ndarray | None:
    wanted, content = _number_type(dtype), _content(data)
    if wanted is None or content is None:
        return None
    extents = _extents(shape)
    if math.prod(extents) * wanted.itemsize != len(content):
        raise Refused("file.damaged", "an array is not as long as it says")
    flat = np.frombuffer(content, wanted)
    return flat.reshape(extents[::-1]).T if order == "F" else flat.reshape(extents)


def _extents(shape: object) -> tuple[int, ...]:
    extents: list[int] = []
    for count in shape if isinstance(shape, tuple | list) and len(shape) <= 4 else (None,):
        if type(count) is not int or count < 0:
            raise Refused("file.damaged", "an array has no proper shape")
        extents.append(count)
    if math.prod(extents) > MOST_ELEMENTS:
        raise Refused("file.unsafe", "an array is larger than any in a head")
    return tuple(extents)


def _number_type(dtype: object) -> np.dtype | None:
    if not isinstance(dtype, Held) or dtype.name != "dtype" or not dtype.arguments:
        return None
    text = dtype.arguments[0]
    if not isinstance(text, str) or not _NUMBER_TYPE.fullmatch(text):
        return None
    found = np.dtype(text)
    if isinstance(dtype.state, tuple) and len(dtype.state) > 1 and dtype.state[1] in ("<", ">"):
        found = found.newbyteorder(dtype.state[1])
    return found


def _content(data: object) -> bytes | None:
    """The bytes of an array in any of the forms in which Python 2 and 3 pickle them."""
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    if isinstance(data, str):
        with contextlib.suppress(UnicodeEncodeError):
            return data.encode("latin1")
        return None
    if isinstance(data, Held) and data.name in ("encode", "bytes", "bytearray"):
        return _content(data.arguments[0]) if data.arguments else b""
    return None


def _dense(held: Held, layout: str, depth: int) -> np.ndarray | None:
    state = held.state if isinstance(held.state, dict) else {}
    parts = [numbers(state.get(key), depth + 1) for key in ("data", "indices", "indptr")]
    if any(part is None or part.ndim != 1 for part in parts):
        return None
    values, indices, starts = (part for part in parts if part is not None)
    shape = _extents(state.get("_shape", state.get("shape")))
    lines, across = shape if layout == "csr" else shape[::-1]
    proper = (
        len(starts) == lines + 1
        and len(values) == len(indices)
        and starts[0] == 0
        and starts[-1] == len(values)
        and (np.diff(starts) >= 0).all()
        and (len(indices) == 0 or (indices.min() >= 0 and indices.max() < across))
    )
    if not proper:
        raise Refused("file.damaged", "a sparse matrix contradicts itself")
    out = np.zeros((lines, across), values.dtype)
    np.add.at(out, (np.repeat(np.arange(lines), np.diff(starts)), indices), values)
    return out if layout == "csr" else out.T


def _chumpy(held: Held, name: str, depth: int) -> np.ndarray | None:
    """Arrays of chumpy: plain ones and rearrangements; None for computed expressions."""
    state = held.state if isinstance(held.state, dict) else {}
    if name == "Ch":
        return numbers(state.get("x"), depth + 1)
    source = numbers(state.get("a"), depth + 1)
    if source is None:
        return None
    if name == "Select":
        index = numbers(state.get("idxs"), depth + 1)
        if index is None or index.dtype.kind not in "iu":
            return None
        if index.size and not (index.min() >= 0 and index.max() < source.size):
            raise Refused("file.damaged", "a selection names missing values")
        picked = source.ravel()[index]
        return _reshaped(picked, state.get("preferred_shape", picked.shape))
    if name == "Reshape":
        return _reshaped(source, state.get("newshape"))
    if name == "Transpose":
        axes = state.get("axes")
        return source.T if axes is None else source.transpose(_extents(axes))
    return None


def _reshaped(values: np.ndarray, shape: object) -> np.ndarray:
    extents = _extents(shape)
    if math.prod(extents) != values.size:
        raise Refused("file.damaged", "an array does not fill its shape")
    return values.reshape(extents)


def read_npy(data: bytes) -> object:
    """The array in an npy file, or the single element of an object array (which is a pickle)."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        reader = "read_array_header_1_0" if version == (1, 0) else "read_array_header_2_0"
        shape, fortran, dtype = getattr(np.lib.format, reader)(stream)
    except Exception as error:  # numpy parses the header as Python text
        raise Refused("file.damaged", "its header cannot be read") from error
    if dtype.hasobject:
        held = unpickle(data[stream.tell() :])
        state = held.state if isinstance(held, Held) else None
        inside = state[4] if isinstance(state, tuple) and len(state) == 5 else None
        return inside[0] if isinstance(inside, list) and len(inside) == 1 else None
    if dtype.kind not in "fiub":
        return None
    extents = _extents(shape)
    content = data[stream.tell() :]
    if math.prod(extents) * dtype.itemsize != len(content):
        raise Refused("file.damaged", "an array is not as long as it says")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(extents[::-1]).T if fortran else flat.reshape(extents)


def read_npz(data: bytes) -> dict[str, object]:
    """The content of each member of an npz file by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS:
                raise Refused("file.wrong_kind", "it has more parts than a head")
            if sum(member.file_size for member in members) > 8 * MOST_ELEMENTS:
                raise Refused("file.unsafe", "it unpacks to more than any head")
            content = {m.filename.removesuffix(".npy"): archive.read(m) for m in members}
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged archive raises a dozen kinds of errors
        raise Refused("file.damaged", "its archive is cut off or was changed") from error
    return {key: read_npy(part) for key, part in content.items()}


READERS = {"pickle": unpickle, "npy": read_npy, "npz": read_npz}


def convert(kind: str, data: bytes) -> bytes:
    """The file's arrays as a safetensors: floats as float32, the others as int64. Other values,
    such as the text in FLAME's files, are left out."""
    content = READERS[kind](data)
    if not isinstance(content, dict):
        raise Refused("file.wrong_kind", "it holds no named arrays")
    arrays: dict[str, np.ndarray] = {}
    for key, value in list(content.items())[:MOST_ARRAYS]:
        if not isinstance(key, str) or len(key) > MOST_NAME:
            continue
        found = _numbers_or_refused(value)
        if found is not None:
            with np.errstate(over="ignore"):  # what becomes infinite is refused by the parent
                found = found.astype(np.float32 if found.dtype.kind == "f" else np.int64)
            arrays[key] = np.ascontiguousarray(found).reshape(found.shape)
    return save(arrays)


def _numbers_or_refused(value: object) -> np.ndarray | None:
    try:
        return numbers(value)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # records may have parts of unexpected types
        raise Refused("file.damaged", "an array is not put together as it should be") from error


def limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Limits memory and CPU time where the system can; on Windows only the parent's time limit
    applies."""
    if sys.platform == "win32":
        return
    import resource

    wanted = (
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", cpu_seconds),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
    )
    for name, value in wanted:
        number = getattr(resource, name, None)
        if number is not None:
            with contextlib.suppress(OSError, ValueError):  # macOS refuses RLIMIT_AS
                resource.setrlimit(number, (value, value))


def forbid_effects() -> None:
    """Makes any opening, starting, importing or executing end the process, as a second line of
    defence behind the allow list."""
    # "compile" is left out: numpy parses an npy's header with it, as a literal.
    forbidden = (
        "open",
        "exec",
        "import",
        "ctypes.",
        "os.",
        "pickle.find_class",
        "shutil.",
        "socket.",
        "subprocess.",
        "pty.",
        "urllib.",
        "winreg.",
    )

    def watch(event: str, _arguments: object) -> None:
        if event.startswith(forbidden):
            os._exit(3)

    sys.addaudithook(watch)


def main() -> None:
    kind, memory_bytes, cpu_seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # Imported now, because late imports would look like an attack: those of safetensors, numpy's
    # for headers of Python 2, zipfile's for names, and the source line of a warning.
    save({"warm": np.zeros(1, np.float32)})
    importlib.import_module("tokenize")
    importlib.import_module("encodings.cp437")
    warnings.simplefilter("ignore")
    limit_resources(memory_bytes, cpu_seconds)
    data = sys.stdin.buffer.read()
    forbid_effects()
    try:
        answer = b"ok\n" + convert(kind, data)
    except Refused as refused:
        answer = f"no {refused.code}\n{refused.sentence}".encode()
    except MemoryError:
        answer = b"no file.unsafe\nit asks for more memory than any head"
    out = sys.stdout.buffer
    out.write(answer)
    out.flush()
    os._exit(0)  # without finalisers of the file's objects


if __name__ == "__main__":
    main()
