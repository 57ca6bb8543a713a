# SPDX-License-Identifier: GPL-3.0-or-later
"""Pickles that do something when they are read as pickles usually are. Each takes the path of a
file and makes it, if it works."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


class Call:
    """Pickles as the call of `function` with `arguments`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.function, self.arguments


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def touch(marker: Path) -> str:
    return f'echo fired > "{marker}"'


def write(marker: Path) -> str:
    return f"open({str(marker)!r}, 'w').close()"


def system(marker: Path) -> bytes:
    return f"cos\nsystem\n(V{touch(marker)}\ntR.".encode()


def system_by_instance(marker: Path) -> bytes:
    return f"(V{touch(marker)}\nios\nsystem\n.".encode()


def system_by_object(marker: Path) -> bytes:
    return f"(cos\nsystem\nV{touch(marker)}\no.".encode()


def posix_system(marker: Path) -> bytes:
    return f"cposix\nsystem\n(V{touch(marker)}\ntR.".encode()


def evaluate(marker: Path) -> bytes:
    return pickle.dumps({"v_template": Call(eval, write(marker))}, 4)


def execute(marker: Path) -> bytes:
    return pickle.dumps([Call(exec, write(marker))], 2)


def attribute_chain(marker: Path) -> bytes:
    """getattr(__import__('os'), 'system')(…), each step by REDUCE."""
    imported = b"c__builtin__\n__import__\n(Vos\ntR"
    found = b"c__builtin__\ngetattr\n(" + imported + b"Vsystem\ntR"
    return b"\x80\x02" + found + f"(V{touch(marker)}\ntR.".encode()


def dotted(marker: Path) -> bytes:
    """A path of attributes through an allowed module's namesake (protocol 4)."""
    name = _text("shutil") + _text("os.system") + b"\x93"
    return b"\x80\x04" + name + _text(touch(marker)) + b"\x85R."


def dotted_through_numpy(marker: Path) -> bytes:
    name = _text("numpy") + _text("ctypeslib._ctypeslib.os.system") + b"\x93"
    return b"\x80\x04" + name + _text(touch(marker)) + b"\x85R."


def run_string(marker: Path) -> bytes:
    """A helper of numpy's tests that is exec under another name."""
    from numpy.testing import runstring

    return pickle.dumps(Call(runstring, write(marker), {}), 4)


def process(marker: Path) -> bytes:
    import subprocess

    return pickle.dumps(
        Call(subprocess.check_call, touch(marker), 0, None, None, None, None, None, True, True), 4
    )


def partial(marker: Path) -> bytes:
    import functools

    return pickle.dumps(Call(functools.reduce, eval, [write(marker), {}]), 4)


def nested(marker: Path) -> bytes:
    """A whole pickle in a bytes object, read by `pickle.loads`."""
    return pickle.dumps({"f": Call(pickle.loads, system(marker))}, 2)


def inside_an_array(marker: Path) -> bytes:
    return pickle.dumps({"v_template": np.array([Call(eval, write(marker)), 0], dtype=object)}, 2)


def inside_a_good_head(marker: Path) -> bytes:
    from .flame import flame_arrays

    return pickle.dumps({**flame_arrays(20), "bs_style": Call(eval, write(marker))}, 2)


def as_a_state(marker: Path) -> bytes:
    """BUILD with what a call gave."""
    call = f"cos\nsystem\n(V{touch(marker)}\ntR".encode()
    return b"\x80\x02cnumpy\ndtype\n(Vf8\nI0\nI1\ntR" + call + b"b."


PICKLES: dict[str, Callable[[Path], bytes]] = {
    made.__name__: made
    for made in (
        system,
        system_by_instance,
        system_by_object,
        posix_system,
        evaluate,
        execute,
        attribute_chain,
        dotted,
        dotted_through_numpy,
        run_string,
        process,
        partial,
        nested,
        inside_an_array,
        inside_a_good_head,
        as_a_state,
    )
}


def npy(marker: Path) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array({"x": Call(eval, write(marker))}, dtype=object), allow_pickle=True)
    return out.getvalue()


def npz(marker: Path) -> bytes:
    out = io.BytesIO()
    np.savez(out, v_template=np.array([Call(eval, write(marker))], dtype=object))
    return out.getvalue()


def zip_that_lies(size: int) -> bytes:
    """An npz whose directory says that its one member unpacks to `size` bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v_template.npy", b"\0" * 100)
    data = bytearray(out.getvalue())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", size)
    return bytes(data)
