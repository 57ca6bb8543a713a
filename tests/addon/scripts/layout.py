# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout that writes down what panels ask it for."""

from collections.abc import Callable
from types import SimpleNamespace

import bpy


class Layout:
    """Notes sliders, buttons and texts in the order in which they are drawn."""

    def __init__(self, drawn: list[list[str]]) -> None:
        self._drawn = drawn

    def prop(self, owner: bpy.types.bpy_struct, name: str, **_: object) -> None:
        owner.path_resolve(name)  # raises if there is none
        room = owner.id_data.name if owner.id_data else "Preferences"
        self._drawn.append(["prop", f"{room}.{name}"])

    def prop_decorator(self, owner: bpy.types.bpy_struct, name: str) -> None:
        self._drawn.append(["dot", f"{owner.id_data.name}.{name}"])

    def operator(self, name: str, text: str | None = None, **_: object) -> SimpleNamespace:
        room, operator = name.split(".")
        getattr(getattr(bpy.ops, room), operator).get_rna_type()  # raises if there is none
        self._drawn.append(["button", name if text is None else f"{name} {text}".rstrip()])
        return SimpleNamespace()

    def label(self, text: str, **_: object) -> None:
        self._drawn.append(["text", text])

    def separator(self) -> None:
        pass

    def progress(self, factor: float, text: str) -> None:
        self._drawn.append(["progress", f"{factor:g} {text}"])

    def prop_search(
        self, owner: bpy.types.bpy_struct, name: str, data: object, items: str, **_: object
    ) -> None:
        assert name in owner.bl_rna.properties, name
        getattr(data, items)  # raises if there is none
        self._drawn.append(["search", f"{owner.name or name}: {getattr(owner, name)}"])

    def template_list(self, kind: str, _: str, owner: object, items: str, *__: object) -> None:
        for item in getattr(owner, items)[:2]:
            getattr(bpy.types, kind).draw_item(None, bpy.context, self, owner, item, 0, owner, "")

    def template_icon_view(self, owner: bpy.types.bpy_struct, name: str, **_: object) -> None:
        self._drawn.append(["pictures", getattr(owner, name)])

    def menu(self, name: str, **_: object) -> None:
        getattr(bpy.types, name).draw(SimpleNamespace(layout=self), bpy.context)

    def panel(self, _: str, **__: object) -> tuple["Layout", "Layout"]:
        """Heading and body of a part that can be folded; it is open."""
        return Layout(self._drawn), Layout(self._drawn)

    def __getattr__(self, name: str) -> Callable[..., "Layout"]:
        if name not in ("row", "column", "box", "split"):
            raise AttributeError(name)
        return lambda **_: Layout(self._drawn)


def drawn(names: list[str]) -> dict[str, list[list[str]] | None]:
    """What each panel draws in the present context; None if it does not show."""
    told = {}
    for name in names:
        panel = getattr(bpy.types, f"AFFEKT_PT_{name}")
        shows = not hasattr(panel, "poll") or panel.poll(bpy.context)
        told[name] = [] if shows else None
        if shows:
            panel.draw(SimpleNamespace(layout=Layout(told[name])), bpy.context)
    return told
