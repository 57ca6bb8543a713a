# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's own version, for Blender's side too, where no package metadata is installed."""

AFFEKT_VERSION = "0.1.0"
"""The same as in `pyproject.toml` and `blender_manifest.toml` (a test compares them)."""
