# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text that Blender has of ours, as Blender itself tells it; and where its help leads."""

import time

import bpy
import harness
from bl_operators.wm import WM_OT_doc_view_manual

help_of = WM_OT_doc_view_manual._lookup_rna_url
"""What Blender's *Online Manual* opens for a name, in its own words."""
_OURS = f"{harness.MODULE}."


def own_properties(item: type, rna: bpy.types.Struct) -> list[bpy.types.Property]:
    """Those that our classes add, which an animator may meet."""
    if issubclass(item, bpy.types.Panel):
        return []  # Blender's own, whatever we say of their types
    own = {
        name
        for base in item.__mro__
        if base.__module__.startswith(_OURS)
        for name in vars(base).get("__annotations__", {})
    }
    found = {one.identifier: one for one in rna.properties if one.identifier in own}
    return [one for one in found.values() if not one.is_hidden]


def tell_property(one: bpy.types.Property) -> dict[str, object]:
    items = [] if one.type != "ENUM" else list(one.enum_items)
    is_number = one.type in ("INT", "FLOAT")
    return {
        "id": one.identifier,
        "label": one.name,
        "tip": one.description,
        "type": one.type,
        "subtype": one.subtype if is_number else "",
        "items": [[entry.identifier, entry.name, entry.description] for entry in items],
    }


def tell_class(item: type) -> dict[str, object]:
    rna = item.bl_rna
    if issubclass(item, bpy.types.Operator):
        rna = getattr(bpy.ops.affekt, item.bl_idname.partition(".")[2]).get_rna_type()
    return {
        "name": item.__name__,
        "label": getattr(item, "bl_label", ""),
        "tip": rna.description if rna is not item.bl_rna else getattr(item, "bl_description", ""),
        "is_shown": issubclass(item, bpy.types.Operator | bpy.types.Panel | bpy.types.Menu),
        "properties": [tell_property(one) for one in own_properties(item, rna)],
    }


with harness.enabled():
    registry = harness.load("addon.registry")
    classes = [tell_class(item) for item in registry.CLASSES]
    pages = {}
    for item in registry.CLASSES:
        if issubclass(item, bpy.types.Operator):
            pages[item.__name__] = help_of(f"bpy.ops.{item.bl_idname}")
        elif issubclass(item, bpy.types.PropertyGroup):
            pages[item.__name__] = help_of(f"bpy.types.{item.__name__}.some")
    missing = harness.failure(lambda: bpy.ops.affekt.open_manual(page="../README"))
    translating = harness.load("addon.words.translating")
    began = time.perf_counter()
    translating.read_texts("de_DE")
    read_s = time.perf_counter() - began
    shown = harness.load("addon.words.sentences").fill("Apply {name}", name="Grief")

harness.answer(classes=classes, pages=pages, missing=missing, read_s=read_s, shown=shown)
