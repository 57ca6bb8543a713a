# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process that reads pickles and MATLAB's files; no other module of Affekt does.

`process.py` runs it as a script (`child.py KIND MEMORY_BYTES CPU_SECONDS [WANTED]`). It reads the
file from stdin and writes to stdout the line `ok` and a safetensors, or the line `no CODE` and a
sentence. WANTED, a JSON list of names, asks for a tree: the arrays of these names wherever they
lie in nested dictionaries, each under its path. Without it the file is one dictionary of arrays.

Nothing that a file names is called or imported. A name on the allow list becomes a `Held`, a record
of its arguments; any other name is refused. The records are then read as data: numpy arrays,
torch's tensors, scipy's sparse matrices, chumpy's arrays. Only the standard library, numpy and
safetensors are imported (for a MATLAB file scipy.io too), so that little code is exposed to the
file.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import os
import pickle
import re
import sys
import warnings
import zipfile
from collections.abc import Iterator

import numpy as np
from safetensors.numpy import save

MOST_ELEMENTS = 64_000_000  # shapedirs of FLAME: 5,023 x 3 x 400 = 6,027,600
MOST_DEPTH = 8  # of nested chumpy arrays and object arrays
MOST_ARRAYS = 64
MOST_LEAVES = 800_000  # arrays of a tree: 130,000 frames of six
MOST_VISITS = 4_000_000  # values looked at in search of them; a list that holds itself has no end
MOST_BRANCHES = 5  # dictionaries within dictionaries
MOST_NAME = 200
SEPARATOR = "\x1f"  # between the names of an array's path

# FLAME's files were written by Python 2 and 3, numpy 1 and 2, and many versions of scipy.
_ALLOWED = re.compile(
    r"numpy(\._?core(\.multiarray|\.numeric)?)? (_reconstruct|ndarray|dtype|scalar|_frombuffer)"
    r"|_codecs encode"
    r"|(copy_reg|copyreg) _reconstructor"
    r"|(__builtin__|builtins) (object|set|bytes|bytearray)"
    r"|scipy\.sparse(\._?(csc|csr))? cs[cr]_(matrix|array)"
    r"|chumpy\.(ch|reordering) [A-Za-z]+"
    r"|collections (OrderedDict|defaultdict)"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter)"
    r"|torch\.storage _load_from_bytes"
    r"|torch (Float|Double|Half|Long|Int|Short|Char|Byte|Bool)Storage"
)
_STORAGES = {"FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "LongStorage": "i8"}
_STORAGES |= {"IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1"}
_STORAGES |= {"BoolStorage": "?"}
"""torch's storages -> their number type."""
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


class HeldDict(dict, metaclass=_Sealed):
    """A dictionary of another class as a plain one. Python 2's was called with its pairs."""

    __slots__ = ()
    name = ""

    def __init__(self, *arguments: object) -> None:
        pairs = arguments[0] if arguments else None
        if isinstance(pairs, list):
            super().__init__(pair for pair in pairs if isinstance(pair, list) and len(pair) == 2)

    def __setstate__(self, state: object) -> None:
        pass


class InertUnpickler(pickle.Unpickler):
    """Reads a pickle into dictionaries, lists, numbers, text and `Held` records."""

    def __init__(self, stream: io.BytesIO, known: dict[str, type] | None = None) -> None:
        super().__init__(stream, encoding="latin1")
        self._known: dict[str, type] = {} if known is None else known

    def find_class(self, module_name: str, global_name: str) -> type:
        full = f"{module_name} {global_name}"
        if not _ALLOWED.fullmatch(full):
            shown = full.replace(" ", ".")[:80]
            raise Refused("file.unsafe", f"it wants to run '{shown}'")
        if full not in self._known:
            body = {"__slots__": (), "name": global_name}
            parent = HeldDict if full.startswith("collections") else Held
            self._known[full] = _Sealed(global_name, (parent,), body)
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


class _TorchUnpickler(InertUnpickler):
    """Reads torch's first format, whose pickle points to storages behind it."""

    def __init__(self, stream: io.BytesIO, known: dict[str, type]) -> None:
        super().__init__(stream, known)
        self.storages: dict[str, Held] = {}

    def persistent_load(self, pid: object) -> object:
        """A storage: its state is the bytes, once they are read."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise Refused("file.unsafe", "it points to objects outside the file")
        return self.storages.setdefault(str(pid[2]), Held(*pid[1:]))


def read_torch(data: bytes) -> object:
    """The content of a file of torch.save before its zip: five pickles, then each storage's count
    of numbers and bytes. Raises `Refused`, or MemoryError."""
    stream = io.BytesIO(data)
    known: dict[str, type] = {}
    try:
        for _ in range(3):  # a magic number, the version, the system
            InertUnpickler(stream, known).load()
        unpickler = _TorchUnpickler(stream, known)
        content = unpickler.load()
        for key in InertUnpickler(stream, known).load():
            storage = unpickler.storages[str(key)]
            count = int.from_bytes(stream.read(8), "little")
            storage.state = stream.read(count * _storage_type(storage).itemsize)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise Refused("file.damaged", "it is cut off or was changed") from error
    return content


def _storage_type(storage: Held) -> np.dtype:
    name = getattr(storage.arguments[0], "name", "")
    return np.dtype(_STORAGES[name]).newbyteorder("<")


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
    if name.startswith("_rebuild_"):
        return _tensor(value, depth)
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
        raise Refused("file.unsafe", "an array is larger than it may be")
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


def _tensor(held: Held, depth: int) -> np.ndarray | None:
    """A tensor of torch: a storage seen from an offset with strides."""
    if held.name == "_rebuild_parameter":
        return numbers(held.arguments[0], depth + 1)
    storage, offset, size, strides = held.arguments[:4]
    if isinstance(storage, Held) and storage.name == "_load_from_bytes":
        data = _content(storage.arguments[0])
        storage = None if data is None else read_torch(data)
    if not isinstance(storage, Held) or not isinstance(storage.state, bytes):
        return None
    kind = _storage_type(storage)
    flat = np.frombuffer(storage.state, kind)
    extents, steps = _extents(size), _extents(strides)
    last = sum((count - 1) * step for count, step in zip(extents, steps, strict=True))
    if type(offset) is not int or offset < 0 or (math.prod(extents) and offset + last >= len(flat)):
        raise Refused("file.damaged", "a tensor is not as long as it says")
    view = np.lib.stride_tricks.as_strided(
        flat[offset:], extents, [step * kind.itemsize for step in steps], writeable=False
    )
    return view if math.prod(extents) else np.zeros(extents, kind)


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
                raise Refused("file.wrong_kind", "it has more parts than it may have")
            if sum(member.file_size for member in members) > 8 * MOST_ELEMENTS:
                raise Refused("file.unsafe", "it unpacks to more than it may")
            content = {m.filename.removesuffix(".npy"): archive.read(m) for m in members}
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged archive raises a dozen kinds of errors
        raise Refused("file.damaged", "its archive is cut off or was changed") from error
    return {key: read_npy(part) for key, part in content.items()}


def read_many(data: bytes, wanted: frozenset[str]) -> dict[str, object]:
    """The content of each file of a zip whose members are named KIND-INDEX, by index."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(name.split("-"), archive.read(name)) for name in archive.namelist()]
    return {index: _read(kind, part, wanted) for (kind, index), part in parts}


def read_mat(data: bytes, wanted: frozenset[str]) -> dict[str, object]:
    """The arrays of a MATLAB file (version 5 to 7) that are wanted; sizes are looked at first."""
    from scipy.io import loadmat, whosmat

    try:
        held = {name: shape for name, shape, _ in whosmat(io.BytesIO(data))}
        names = [name for name in held if name in wanted]
        if sum(math.prod(held[name]) for name in names) > MOST_ELEMENTS:
            raise Refused("file.unsafe", "an array is larger than it may be")
        if not names:
            raise Refused("file.wrong_kind", f"it holds {_shown(held)}")
        found = loadmat(io.BytesIO(data), variable_names=names)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged file raises a dozen kinds of errors
        raise Refused("file.damaged", "it is cut off or was changed") from error
    return {name: found[name] for name in names}


READERS = {"pickle": unpickle, "npy": read_npy, "npz": read_npz, "torch": read_torch}
CHOOSERS = {"mat": read_mat, "many": read_many}


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


def convert_tree(kind: str, data: bytes, wanted: frozenset[str]) -> bytes:
    """The file's wanted arrays as a safetensors, each under its path: the names of the dictionaries
    and indices of the lists that lead to it, and its own, joined by `SEPARATOR`. A file that is one
    array has it under the empty path; None, and a dictionary without any, is an empty array. Floats
    are float32 or float64, the others int64."""
    content = _read(kind, data, wanted)
    arrays: dict[str, np.ndarray] = {}
    for path, found in _Search(wanted).leaves(content, ()):
        exact = np.float64 if found.dtype.itemsize == 8 else np.float32
        values = found.astype(exact if found.dtype.kind == "f" else np.int64)
        arrays[SEPARATOR.join(path)] = np.ascontiguousarray(values).reshape(values.shape)
        if len(arrays) > MOST_LEAVES:
            raise Refused("file.unsafe", "it holds more arrays than it may")
    if not any(values.size for values in arrays.values()):
        raise Refused("file.wrong_kind", f"it holds {_shown(content)}")
    return save(arrays)


def _read(kind: str, data: bytes, wanted: frozenset[str]) -> object:
    return CHOOSERS[kind](data, wanted) if kind in CHOOSERS else READERS[kind](data)


def _shown(content: object) -> str:
    """What the file holds, in a few words."""
    names = [str(k)[:40] for k in list(content)[:6]] if isinstance(content, dict) else []
    plain = [name for name in names if name.isascii() and name.isprintable()]
    return ", ".join(plain) or "nothing with a name"


class _Search:
    """Finds the wanted arrays in nested dictionaries and lists."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted, self._visits = wanted, 0

    def leaves(
        self, value: object, path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
        """(path, array) of each wanted array; one without a name has the empty path."""
        self._visit()
        entries = _entries(value)
        if entries is None:
            found = self._table(value) if not path or path[-1] in self._wanted else None
            if found is not None:
                yield path, found
        elif len(path) < MOST_BRANCHES:
            for key, item in entries:
                inside = list(self.leaves(item, (*path, key)))
                yield from inside
                if not inside and (item is None or isinstance(item, dict)):
                    yield (*path, key), np.zeros(0)  # a frame without a face, perhaps

    def _table(self, value: object, depth: int = 0) -> np.ndarray | None:
        """The array that a value or a list of values is; None in a list is NaN."""
        self._visit()
        found = _numbers_or_refused(value)
        if found is not None or not isinstance(value, list | tuple) or not value or depth > 3:
            return found
        rows = [self._table(row, depth + 1) if row is not None else None for row in value]
        there = [row for row in rows if row is not None]
        if len(there) != sum(row is not None for row in value) or not there:
            return None
        if len({row.shape for row in there}) > 1:
            raise Refused("file.wrong_kind", "its rows are of different lengths")
        lost = np.full(there[0].shape, np.nan)
        return np.stack([lost if row is None else row for row in rows])

    def _visit(self) -> None:
        self._visits += 1
        if self._visits > MOST_VISITS:
            raise Refused("file.unsafe", "it holds more values than it may")


def _entries(value: object) -> list[tuple[str, object]] | None:
    """The named parts of a dictionary, or the numbered ones of a list of dictionaries; None if it
    is neither."""
    if isinstance(value, dict):
        named = [(str(k), v) for k, v in value.items() if isinstance(k, str | int)]
        return [(k, v) for k, v in named if len(k) <= MOST_NAME and SEPARATOR not in k]
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        return [(str(i), item) for i, item in enumerate(value)]
    return None


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
    forbidden = ("open", "exec", "import", "ctypes.", "os.", "pickle.find_class", "shutil.")
    forbidden += ("socket.", "subprocess.", "pty.", "urllib.", "winreg.")

    def watch(event: str, _arguments: object) -> None:
        if event.startswith(forbidden):
            os._exit(3)

    sys.addaudithook(watch)


def main() -> None:
    kind, memory_bytes, cpu_seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    wanted = frozenset(json.loads(sys.argv[4])) if len(sys.argv) > 4 else None
    # Imported now, because late imports would look like an attack: those of safetensors, numpy's
    # for headers of Python 2, zipfile's for names, and the source line of a warning.
    save({"warm": np.zeros(1, np.float32)})
    importlib.import_module("tokenize")
    importlib.import_module("encodings.cp437")
    if kind in ("mat", "many"):
        importlib.import_module("scipy.io")
    warnings.simplefilter("ignore")
    limit_resources(memory_bytes, cpu_seconds)
    data = sys.stdin.buffer.read()
    forbid_effects()
    try:
        answer = b"ok\n"
        answer += convert(kind, data) if wanted is None else convert_tree(kind, data, wanted)
    except Refused as refused:
        answer = f"no {refused.code}\n{refused.sentence}".encode()
    except MemoryError:
        answer = b"no file.unsafe\nit asks for more memory than it may have"
    out = sys.stdout.buffer
    out.write(answer)
    out.flush()
    os._exit(0)  # without finalisers of the file's objects


if __name__ == "__main__":
    main()
