# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty more, chosen as the ninth set was, in functions that had none yet."""

from __future__ import annotations

from .fault import Fault

TENTH = (
    # --- shared ------------------------------------------------------------------------------
    Fault(
        what="a slot that is written again while it is read counts as spoilt memory",
        file="shared/pixels.py",
        old="        return data if self._table[entry] == 2 * sequence else None\n",
        new="        return data\n",
        tests=("tests/shared/test_pixels.py", "tests/shared/test_previews.py"),
    ),
    Fault(
        what="a transition that is longer than its entry runs on past the next one",
        file="shared/ace_emotions.py",
        old="np.minimum(places[1:] + transition * fps, np.append(places[2:], np.inf))",
        new="places[1:] + transition * fps",
        tests=("tests/shared/test_ace_emotions.py",),
    ),
    Fault(
        what="an animator's preset forgets a strength of 0",
        file="shared/presets.py",
        old="if v != _neutral(c)})",
        new="if v})",
        tests=("tests/shared/test_presets.py",),
    ),
    # --- the modulation ----------------------------------------------------------------------
    Fault(
        what="lips held through a silence are held in its middle only",
        file="sidecar/modulation/contact.py",
        old='    level = maximum_filter1d(level, size, mode="nearest")\n',
        new="",
        tests=(
            "tests/sidecar/modulation/test_contact.py",
            "tests/sidecar/modulation/test_modulator.py",
        ),
    ),
    Fault(
        what="rows that are remembered of a window are taken for its other rows",
        file="sidecar/modulation/inference.py",
        old="        key = (part, *(tensor",
        new="        key = (None, *(tensor",
        tests=(
            "tests/sidecar/modulation/test_inference.py",
            "tests/sidecar/modulation/test_modulator.py",
        ),
    ),
    # --- readers of takes --------------------------------------------------------------------
    Fault(
        what="where the first time is off, others are put on the frame beside theirs",
        file="sidecar/motion/grid.py",
        old="    frames = np.rint(places - phase).astype(np.int64)\n",
        new="    frames = np.rint(places).astype(np.int64)\n",
        tests=(
            "tests/sidecar/motion/test_grid.py",
            "tests/sidecar/motion/test_timeline.py",
            "tests/sidecar/motion/test_timeline_disorder.py",
        ),
    ),
    Fault(
        what="a packet's mouth moves to the other side",
        file="sidecar/motion/llv.py",
        old='    "mouthLeft": "mouthRight",\n    "mouthRight": "mouthLeft",\n',
        new="",
        tests=("tests/sidecar/motion/test_llv.py",),
    ),
    Fault(
        what="a zip with Windows' separators has no folders",
        file="sidecar/motion/shelf.py",
        old='info.filename.replace("\\\\", "/").split("/")',
        new='info.filename.split("/")',
        tests=("tests/sidecar/motion/test_shelf.py", "tests/sidecar/motion/test_folder.py"),
    ),
    # --- the adapter and heads ---------------------------------------------------------------
    Fault(
        what="on a triangle's third edge the weights of its two corners are swapped",
        file="sidecar/adapter/skin.py",
        old="        return 1 - share, share\n",
        new="        return share, 1 - share\n",
        tests=("tests/sidecar/adapter/test_skin.py", "tests/sidecar/adapter"),
    ),
    Fault(
        what="an adapter that older code has made is taken",
        file="sidecar/adapter/kept.py",
        old='fingerprint(_code_key(), replace(flame, name=""), open_head)',
        new='fingerprint(replace(flame, name=""), open_head)',
        tests=("tests/sidecar/adapter/test_kept.py",),
    ),
    Fault(
        what="joints stay where the mean person has them, whoever it is",
        file="sidecar/head/forward.py",
        old="        joints = (self.joint_regressor @ shaped).numpy()",
        new="        joints = (self.joint_regressor @ self.template).numpy()",
        tests=("tests/sidecar/head/test_forward.py", "tests/sidecar/head/test_skinning.py"),
    ),
    Fault(
        what="FLAME 2023's file passes for FLAME 2020's if one says so",
        file="sidecar/head/flame/version.py",
        old="    if found is not None and asked is not None and found != asked:\n"
        "        raise _error(f\"{label} is '{found}', not '{asked}'.\", label)\n"
        '    return found or asked or ""\n',
        new='    return asked or found or ""\n',
        tests=("tests/sidecar/head/flame", "tests/sidecar/head/test_read.py"),
    ),
    # --- bakes and the cache -----------------------------------------------------------------
    Fault(
        what="memory that is full drops the chunk that has just come",
        file="sidecar/bake/store.py",
        old="            self._chunks.popitem(last=False)\n",
        new="            self._chunks.popitem()\n",
        tests=("tests/sidecar/bake/test_store.py", "tests/sidecar/bake/test_bake.py"),
    ),
    Fault(
        what="where the emotion's strength is 0 its name is told all the same",
        file="sidecar/bake/emotion_summary.py",
        old="    alone = track.influence * track.geometry == 0\n",
        new="    alone = track.influence == 0\n",
        tests=("tests/sidecar/bake/test_emotion_summary.py",),
    ),
    Fault(
        what="files of somebody else's in a folder of another name may be evicted",
        file="sidecar/cache/cache.py",
        old="for user in found if _USER.fullmatch(user) for room in ROOMS]",
        new="for user in found for room in ROOMS]",
        tests=("tests/sidecar/cache",),
    ),
    # --- avatars -----------------------------------------------------------------------------
    Fault(
        what="brows that lie lower are looked for higher",
        file="sidecar/avatar/effects.py",
        old="            middle[1] -= _MM * brows_lower_mm\n",
        new="            middle[1] += _MM * brows_lower_mm\n",
        tests=("tests/sidecar/avatar/test_effects.py", "tests/sidecar/avatar/test_calibration.py"),
    ),
    Fault(
        what="a jaw that opens draws the wrinkles of lowered corners",
        file="shared/pressing.py",
        old=' - _part(-_up("chin")) * 0.5) / 6',
        new=") / 6",
        tests=("tests/sidecar/avatar/test_pressing.py",),
    ),
    Fault(
        what="values that lie interleaved with others are read as if they lay alone",
        file="sidecar/avatar/glb.py",
        old='    stride = _whole(glb, view, "byteStride", 0) or packed\n',
        new="    stride = packed\n",
        tests=("tests/sidecar/avatar/test_glb.py", "tests/sidecar/avatar/test_lam.py"),
    ),
    # --- pictures ----------------------------------------------------------------------------
    Fault(
        what="a sheet's paper is mixed in by its code, not by its light",
        file="sidecar/raster/colour.py",
        old="    paper = srgb_to_linear(np.array(background, np.float32)).astype(np.float32)\n",
        new="    paper = np.array(background, np.float32)\n",
        tests=("tests/sidecar/raster/test_colour.py", "tests/sidecar/render/test_compare.py"),
    ),
    Fault(
        what="a build of kernels that broke off counts as done",
        file="sidecar/raster/device.py",
        old='any(path.suffix in (".so", ".pyd", ".lib") for path in found)',
        new="bool(found)",
        tests=("tests/sidecar/raster/test_device.py",),
    ),
    Fault(
        what="what is farther than 6.55 m comes near again in a depth's file",
        file="sidecar/render/images.py",
        old="    return np.minimum(np.round(steps), NOTHING).astype(np.uint16)\n",
        new="    whole = np.where(np.isfinite(steps), np.round(steps), NOTHING)\n"
        "    return whole.astype(np.int64).astype(np.uint16)\n",
        tests=("tests/sidecar/render/test_images.py",),
    ),
    Fault(
        what="the sky shines from below",
        file="sidecar/render/shade.py",
        old="    up = 0.5 - 0.5 * ny\n",
        new="    up = 0.5 + 0.5 * ny\n",
        tests=("tests/sidecar/render/test_shade.py",),
    ),
    # --- the server and its worker -----------------------------------------------------------
    Fault(
        what="after a minute every stranger is logged, however many they are",
        file="sidecar/server/authenticator.py",
        old="            self._begin = self._now()\n",
        new="",
        tests=(
            "tests/sidecar/server/test_authenticator.py",
            "tests/sidecar/server/test_security.py",
        ),
    ),
    Fault(
        what="once a worker has been ready, those that never are start for ever",
        file="sidecar/server/worker_process.py",
        old="self._stillborn = 0 if self._ready == self._born else",
        new="self._stillborn = 0 if self._ready else",
        tests=("tests/sidecar/server/test_worker_process.py",),
    ),
    Fault(
        what="a preview is made without the emotions after its frame that it depends on",
        file="sidecar/worker/previews.py",
        old="first + len(rows) < needed.stop or first + len(rows) > len(take):",
        new="first + len(rows) > len(take):",
        tests=("tests/sidecar/worker/test_previews.py",),
    ),
    Fault(
        what="what another processor compiled counts as compiled here",
        file="sidecar/worker/warming.py",
        old='    parts = [_processor(), os.environ.get("NUMBA_CPU_NAME", "")]\n',
        new='    parts = [os.environ.get("NUMBA_CPU_NAME", "")]\n',
        tests=("tests/sidecar/worker/test_warming.py",),
    ),
    # --- the add-on --------------------------------------------------------------------------
    Fault(
        what="a character's copied take forgets by which mapping it was written",
        file="addon/motion/editing.py",
        old='    "mapping",\n',
        new="",
        tests=("tests/addon/test_takes.py", "tests/addon/test_character.py"),
    ),
    Fault(
        what="a sentence on a take that is too fast says that it is too slow",
        file="addon/motion/placement.py",
        old="    change = 100 * (played / placed - 1)\n",
        new="    change = 100 * (placed / played - 1)\n",
        tests=("tests/addon/test_placement.py",),
    ),
    Fault(
        what="keys are thinned by the root of what is allowed",
        file="addon/bake/thinning.py",
        old="        if off[worst] > tolerance**2:\n",
        new="        if off[worst] > tolerance:\n",
        tests=("tests/addon/test_thinning.py",),
    ),
    Fault(
        what="a driver that offers just the new CUDA gets the old build",
        file="addon/setup/plan.py",
        old="    if card.cuda < NEW_CUDA:\n",
        new="    if card.cuda <= NEW_CUDA:\n",
        tests=("tests/addon/setup/test_plan.py",),
    ),
)
