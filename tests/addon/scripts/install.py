# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the zip into the user folder as an animator does, and enables it once."""

import bpy
import harness

bpy.ops.extensions.package_install_files(
    filepath=harness.options()["zip"], repo="user_default", enable_on_install=True
)
harness.load("addon")
import msgpack  # noqa: E402 (there only now, from the zip's wheels)
import zmq  # noqa: E402

bpy.ops.preferences.addon_disable(module=harness.MODULE)
harness.answer(zmq=zmq.__version__, msgpack=msgpack.version, zmq_at=zmq.__file__)
