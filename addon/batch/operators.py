# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import need_head
from ..head.polling import TakeOperator
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from .adding import LABEL, RowOptions, add_row_steps, chosen_sheet
from .properties import BatchProperties


class AFFEKT_OT_add_to_batch(BatchProperties, TakeOperator, TaskOperator, bpy.types.Operator):
    """Add this head with its take, emotions, avatar and camera to a sheet, whose rows the command \
affekt batch makes overnight or on a farm"""

    bl_idname = "affekt.add_to_batch"
    bl_label = LABEL
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender's own form)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        head = need_head(context)
        options = RowOptions(
            sheet=chosen_sheet(self.sheet),
            outputs=tuple(sorted(name.lower() for name in self.outputs)),
            character=self.character,
            bake=head.affekt_bake.bake_options(),
        )
        return add_row_steps(head, context, options)
