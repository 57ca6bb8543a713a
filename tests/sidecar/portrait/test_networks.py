# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's run by a made-up interpreter, which writes lines of its own."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import numpy as np
import pytest
from affekt.sidecar.portrait import networks


class Interpreter:
    """Tells what it is at work on, as LiteRT does: on the file of standard error, not by Python."""

    def __init__(self, *, model_content: bytes, num_threads: int) -> None:
        assert (model_content, num_threads) == (b"face", 2)
        self.values: dict[int, np.ndarray] = {}
        os.write(2, b"INFO: made\n")

    def allocate_tensors(self) -> None:
        os.write(2, b"INFO: allocated\n")

    def get_input_details(self) -> list[dict[str, object]]:
        return [{"name": "picture", "index": 4, "shape": np.array([1, 2, 3])}]

    def get_output_details(self) -> list[dict[str, object]]:
        return [{"name": "turned", "index": 7}, {"name": "sum", "index": 5}]

    def set_tensor(self, index: int, values: np.ndarray) -> None:
        self.values = {index: values}

    def invoke(self) -> None:
        os.write(2, b"INFO: ran\n")
        given = self.values[4]
        self.values |= {7: given[..., ::-1], 5: given.sum(keepdims=True)}

    def get_tensor(self, index: int) -> np.ndarray:
        return self.values[index]


def test_a_network_gives_its_outputs_by_name_and_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    package, module = ModuleType("ai_edge_litert"), ModuleType("ai_edge_litert.interpreter")
    module.__dict__["Interpreter"] = Interpreter
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(networks, "_model", lambda name: name.encode())
    found = networks.Network("face")(np.array([[1, 2, 3], [4, 5, 9]], np.float32))
    assert capfd.readouterr().err == ""
    assert list(found) == ["turned", "sum"]
    np.testing.assert_array_equal(found["turned"], [[[3, 2, 1], [9, 5, 4]]])
    assert found["sum"].item() == 24
    os.write(2, b"and now\n")  # what others write is seen again
    assert capfd.readouterr().err == "and now\n"
