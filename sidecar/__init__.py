# SPDX-License-Identifier: GPL-3.0-or-later
"""The compute side: everything with torch in it."""

import os

# Must be set before torch loads OpenMP: on a machine that also runs Blender, threads that spin
# while they wait made modulation 20 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
