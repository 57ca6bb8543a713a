# SPDX-License-Identifier: GPL-3.0-or-later
"""Tooltips of what we register: the first paragraph of a class's docstring, on one line."""

from __future__ import annotations

import inspect

import bpy

_DESCRIBED = (bpy.types.Operator, bpy.types.Panel, bpy.types.Menu)


def describe_class(item: type) -> None:
    """Makes the docstring of an operator, panel or menu its tooltip. Blender itself would take an
    operator's with the line breaks of its source, and a panel's not at all."""
    if issubclass(item, _DESCRIBED) and item.__doc__:
        paragraph = inspect.cleandoc(item.__doc__).partition("\n\n")[0]
        item.bl_description = " ".join(paragraph.split())
