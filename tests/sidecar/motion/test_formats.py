# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tracker wrote an npz, by the names of its arrays."""

from __future__ import annotations

import pytest
from affekt.sidecar.motion.deca import DECA, EMOCA
from affekt.sidecar.motion.formats import format_of
from affekt.sidecar.motion.gagavatar import GAGAVATAR
from affekt.sidecar.motion.head_tracker import HEAD_TRACKER
from affekt.sidecar.motion.imavatar import IMAVATAR
from affekt.sidecar.motion.inferno import INFERNO
from affekt.sidecar.motion.records import RecordFormat
from affekt.sidecar.motion.smirk import SMIRK
from affekt.sidecar.motion.smplx import SMPLX
from affekt.sidecar.motion.vhap import VHAP


@pytest.mark.parametrize(
    ("names", "form"),
    [
        ("expr jaw_pose neck_pose rotation shape static_offset", VHAP),
        ("expr shape", None),
        ("expcode posecode eyecode shapecode transform_matrix", GAGAVATAR),
        ("expcode posecode shapecode cam", EMOCA),
        ("exp pose shape tex cam", DECA),
        ("exp shape", None),
        ("exp jawpose globalpose shape", INFERNO),
        ("expcode jawpose", INFERNO),
        ("expression_params jaw_params pose_params eyelid_params", SMIRK),
        ("expression_params", None),
        ("exp jaw_pose neck_pose eye_pose head_pose shape cam", HEAD_TRACKER),
        ("expression jaw_pose leye_pose global_orient body_pose transl betas", SMPLX),
        ("expression poses", SMPLX),
        ("poses trans gender", SMPLX),
        ("poses mocap_framerate", SMPLX),
        ("poses", None),
        ("root_orient pose_body", SMPLX),
        ("global_orient body_pose", SMPLX),
        ("expression pose world_mat", IMAVATAR),
        ("expression full_pose", IMAVATAR),
        ("expression", None),
        ("", None),
    ],
)
def test_whose_names_these_are(names: str, form: RecordFormat | None) -> None:
    assert format_of(frozenset(names.split())) is form
