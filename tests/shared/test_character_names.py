# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of shape keys and bones in every spelling; what two names could mean is never chosen."""

import re
from collections.abc import Callable

import pytest
from affekt.shared.character_bones import match_bones
from affekt.shared.character_names import CharacterNames, describe_names, match_names, words_of
from affekt.shared.character_tables import CONVENTIONS
from affekt.shared.motion import ARKIT_NAMES
from hypothesis import given
from hypothesis import strategies as st


def found_in(*keys: str, mesh: str = "Face") -> dict[str, list[str]]:
    """Keys by shape."""
    out: dict[str, list[str]] = {}
    for match in match_names({mesh: keys}).matches:
        out.setdefault(match.shape, []).append(match.key)
    return out


def say(*keys: str) -> list[str]:
    return describe_names(match_names({"Face": keys}))


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name)


def short_sides(name: str, left: str = "_L", right: str = "_R") -> str:
    return re.sub("Left$", left, re.sub("Right$", right, name))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "ARKit, Ready Player Me, Faceit": str,
    "Perfect Sync, Live Link": lambda name: name[0].upper() + name[1:],
    "snake case": lambda name: snake(name).lower(),
    "lower case": str.lower,
    "upper case": lambda name: snake(name).upper(),
    "iFacialMocap": short_sides,
    "sides with a point": lambda name: short_sides(name, ".L", ".R"),
    "sides glued on": lambda name: short_sides(name, "L", "R"),
    "kebab case": lambda name: snake(name).lower().replace("_", "-"),
    "spaces": lambda name: snake(name).replace("_", " "),
    "a deformer's prefix": lambda name: f"blendShape1.{name}",
    "a suffix": lambda name: f"{name}_BS",
    "a suffix behind the side": lambda name: f"{short_sides(name)}_shape",
    "ActorCore": lambda name: f"A{ARKIT_NAMES.index(name) + 1:02}_{snake(name).title()}",
    "sides first": lambda name: re.sub("^(.*)(Left|Right)$", r"\2_\1", name),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_all_shapes(spelling: str) -> None:
    spell = SPELLINGS[spelling]
    keys = [spell(name) for name in ARKIT_NAMES]
    told = match_names({"Face": ["Basis", *keys, "V_Open", "mood happy"]})
    assert [(one.shape, one.key) for one in told.matches] == list(
        zip(ARKIT_NAMES, keys, strict=True)
    )
    assert (told.unclear, told.spare, told.conventions) == ((), (), ("ARKit",))


def test_sides_are_never_swapped() -> None:
    told = found_in("mouthSmile_L", "mouthSmile_R", "EyeBlinkLeft", "eye_blink_right", "mouthLeft")
    assert told == {
        "eyeBlinkLeft": ["EyeBlinkLeft"],
        "eyeBlinkRight": ["eye_blink_right"],
        "mouthLeft": ["mouthLeft"],
        "mouthSmileLeft": ["mouthSmile_L"],
        "mouthSmileRight": ["mouthSmile_R"],
    }


CHARACTER_CREATOR = """Brow_Raise_Inner_L Brow_Raise_Inner_R Brow_Raise_Outer_L Brow_Raise_Outer_R
Brow_Drop_L Brow_Drop_R Brow_Compress_L Brow_Compress_R Eye_Blink_L Eye_Blink_R Eye_Squint_L
Eye_Squint_R Eye_Wide_L Eye_Wide_R Eye_L_Look_L Eye_R_Look_L Eye_L_Look_R Eye_R_Look_R Eye_L_Look_Up
Eye_R_Look_Up Eye_L_Look_Down Eye_R_Look_Down Eyelash_Upper_Up_L Nose_Sneer_L Nose_Sneer_R
Cheek_Raise_L Cheek_Raise_R Cheek_Suck_L Cheek_Puff_L Cheek_Puff_R Mouth_Smile_L Mouth_Smile_R
Mouth_Smile_Sharp_L Mouth_Frown_L Mouth_Frown_R Mouth_Stretch_L Mouth_Stretch_R Mouth_Dimple_L
Mouth_Dimple_R Mouth_Press_L Mouth_Press_R Mouth_Pucker_Up_L Mouth_Pucker_Up_R Mouth_Pucker_Down_L
Mouth_Pucker_Down_R Mouth_Funnel_Up_L Mouth_Funnel_Up_R Mouth_Funnel_Down_L Mouth_Funnel_Down_R
Mouth_Roll_In_Upper_L Mouth_Roll_In_Upper_R Mouth_Roll_In_Lower_L Mouth_Roll_In_Lower_R
Mouth_Roll_Out_Upper_L Mouth_Shrug_Upper Mouth_Shrug_Lower Mouth_Up_Upper_L Mouth_Up_Upper_R
Mouth_Down_Lower_L Mouth_Down_Lower_R Mouth_Close Mouth_L Mouth_R Mouth_Up Jaw_Open Jaw_Forward
Jaw_L Jaw_R Jaw_Up Tongue_Out Tongue_Up V_Open V_Explosive"""


def test_character_creator() -> None:
    told = match_names({"CC_Base_Body": CHARACTER_CREATOR.split()})
    assert (told.missing, told.unclear) == ((), ())
    shapes = {m.key: m.shape for m in told.matches}
    assert shapes["Eye_L_Look_R"] == "eyeLookInLeft"
    assert shapes["Eye_R_Look_R"] == "eyeLookOutRight"
    assert shapes["Brow_Drop_R"] == "browDownRight"
    quarters = [m.key for m in told.matches if m.shape == "mouthFunnel"]
    assert len(quarters) == 4
    assert "Brow_Compress_L" not in shapes
    assert "Mouth_Smile_Sharp_L" not in shapes


def test_of_two_whole_sets_the_larger_is_taken_and_that_is_said() -> None:
    actor_core = [SPELLINGS["ActorCore"](name) for name in ARKIT_NAMES]
    told = match_names({"Body": [*CHARACTER_CREATOR.split(), *actor_core]})
    assert [m.key for m in told.matches if m.shape == "jawOpen"] == ["A25_Jaw_Open"]
    assert len(told.matches) == 52
    assert any("left out" in sentence for sentence in describe_names(told))


METAHUMAN = """browDownL browDownR browRaiseInL browRaiseInR browRaiseOuterL browRaiseOuterR
browLateralL eyeBlinkL eyeBlinkR eyeWidenL eyeWidenR eyeSquintInnerL eyeSquintInnerR eyeCheekRaiseL
eyeCheekRaiseR eyeLookUpL eyeLookUpR eyeLookDownL eyeLookDownR eyeLookLeftL eyeLookLeftR
eyeLookRightL eyeLookRightR noseWrinkleL noseWrinkleR noseWrinkleUpperL mouthCheekBlowL
mouthCheekBlowR mouthLeft mouthRight mouthUpperLipRaiseL mouthUpperLipRaiseR mouthLowerLipDepressL
mouthLowerLipDepressR mouthCornerPullL mouthCornerPullR mouthStretchL mouthStretchR mouthDimpleL
mouthDimpleR mouthCornerDepressL mouthCornerDepressR mouthPressUL mouthPressUR mouthPressDL
mouthPressDR mouthLipsPurseUL mouthLipsPurseUR mouthLipsPurseDL mouthLipsPurseDR mouthFunnelUL
mouthFunnelUR mouthFunnelDL mouthFunnelDR mouthLipsTogetherUL mouthLipsTogetherUR
mouthLipsTogetherDL mouthLipsTogetherDR mouthUpperLipRollInL mouthUpperLipRollInR
mouthLowerLipRollInL mouthLowerLipRollInR jawOpen jawFwd jawLeft jawRight jawChinRaiseDL
jawChinRaiseDR jawChinRaiseUL jawChinRaiseUR tongueOut"""


def test_metahuman_controls_and_shapes() -> None:
    told = match_names({"Head": [f"CTRL_expressions_{name}" for name in METAHUMAN.split()]})
    assert (told.missing, told.unclear) == ((), ())
    shapes = {m.key.removeprefix("CTRL_expressions_"): m.shape for m in told.matches}
    assert shapes["eyeLookRightL"] == "eyeLookInLeft"
    assert shapes["mouthCornerPullR"] == "mouthSmileRight"
    assert shapes["mouthPressDR"] == "mouthPressRight"
    assert "noseWrinkleUpperL" not in shapes
    names = ["eye_blink_L", "mouth_cornerPull_left", "jaw_open", "mouth_cornersUp_L"]
    own = found_in(*(f"head_lod0_mesh__{name}" for name in names))
    assert {shape: keys[0][16:] for shape, keys in own.items()} == {
        "eyeBlinkLeft": "eye_blink_L",
        "mouthSmileLeft": "mouth_cornerPull_left",
        "jawOpen": "jaw_open",
    }


SIDED_BY_CHARACTER_CREATOR = """browDown Brow_Drop; browOuterUp Brow_Raise_Outer
cheekSquint Cheek_Raise; eyeBlink Eye_Blink; eyeSquint Eye_Squint; eyeWide Eye_Wide
mouthDimple Mouth_Dimple; mouthFrown Mouth_Frown; mouthLowerDown Mouth_Down_Lower
mouthPress Mouth_Press; mouthSmile Mouth_Smile; mouthStretch Mouth_Stretch
mouthUpperUp Mouth_Up_Upper; noseSneer Nose_Sneer; jaw Jaw; mouth Mouth"""
MIDDLE_BY_CHARACTER_CREATOR = """browInnerUp Brow_Raise_Inner_L Brow_Raise_Inner_R
cheekPuff Cheek_Puff_L Cheek_Puff_R; jawForward Jaw_Forward; jawOpen Jaw_Open
mouthClose Mouth_Close; mouthShrugLower Mouth_Shrug_Lower; mouthShrugUpper Mouth_Shrug_Upper
mouthFunnel Mouth_Funnel_Up_L Mouth_Funnel_Up_R Mouth_Funnel_Down_L Mouth_Funnel_Down_R
mouthPucker Mouth_Pucker_Up_L Mouth_Pucker_Up_R Mouth_Pucker_Down_L Mouth_Pucker_Down_R
mouthRollLower Mouth_Roll_In_Lower_L Mouth_Roll_In_Lower_R; tongueOut Tongue_Out
mouthRollUpper Mouth_Roll_In_Upper_L Mouth_Roll_In_Upper_R
eyeLookDownLeft Eye_L_Look_Down; eyeLookDownRight Eye_R_Look_Down; eyeLookUpLeft Eye_L_Look_Up
eyeLookUpRight Eye_R_Look_Up; eyeLookInLeft Eye_L_Look_R; eyeLookInRight Eye_R_Look_L
eyeLookOutLeft Eye_L_Look_L; eyeLookOutRight Eye_R_Look_R"""
SIDED_BY_METAHUMAN = """browDown browDown; browOuterUp browRaiseOuter; cheekSquint eyeCheekRaise
eyeBlink eyeBlink; eyeLookDown eyeLookDown; eyeLookUp eyeLookUp; eyeSquint eyeSquintInner
eyeWide eyeWiden; mouthDimple mouthDimple; mouthFrown mouthCornerDepress
mouthLowerDown mouthLowerLipDepress; mouthSmile mouthCornerPull; mouthStretch mouthStretch
mouthUpperUp mouthUpperLipRaise; noseSneer noseWrinkle"""
MIDDLE_BY_METAHUMAN = """browInnerUp browRaiseInL browRaiseInR
cheekPuff mouthCheekBlowL mouthCheekBlowR; eyeLookInLeft eyeLookRightL; eyeLookInRight eyeLookLeftR
eyeLookOutLeft eyeLookLeftL; eyeLookOutRight eyeLookRightR; jawForward jawFwd; jawLeft jawLeft
jawOpen jawOpen; jawRight jawRight; mouthLeft mouthLeft; mouthRight mouthRight; tongueOut tongueOut
mouthClose mouthLipsTogetherUL mouthLipsTogetherUR mouthLipsTogetherDL mouthLipsTogetherDR
mouthFunnel mouthFunnelUL mouthFunnelUR mouthFunnelDL mouthFunnelDR
mouthPucker mouthLipsPurseUL mouthLipsPurseUR mouthLipsPurseDL mouthLipsPurseDR
mouthPressLeft mouthPressUL mouthPressDL; mouthPressRight mouthPressUR mouthPressDR
mouthRollLower mouthLowerLipRollInL mouthLowerLipRollInR
mouthRollUpper mouthUpperLipRollInL mouthUpperLipRollInR
mouthShrugLower jawChinRaiseDL jawChinRaiseDR; mouthShrugUpper jawChinRaiseUL jawChinRaiseUR"""


def rows_of(text: str) -> list[list[str]]:
    return [row.split() for row in text.replace("\n", ";").split(";")]


@pytest.mark.parametrize(
    ("keys", "sided", "middle", "end"),
    [
        (CHARACTER_CREATOR, SIDED_BY_CHARACTER_CREATOR, MIDDLE_BY_CHARACTER_CREATOR, "_"),
        (METAHUMAN, SIDED_BY_METAHUMAN, MIDDLE_BY_METAHUMAN, ""),
    ],
)
def test_each_key_of_a_maker_is_the_shape_that_it_looks_like(
    keys: str, sided: str, middle: str, end: str
) -> None:
    """Which shape does what a key does was told by looking, not by the tables."""
    wanted = {shape: sorted(found) for shape, *found in rows_of(middle)}
    for shape, key in rows_of(sided):
        wanted |= {f"{shape}Left": [f"{key}{end}L"], f"{shape}Right": [f"{key}{end}R"]}
    assert set(wanted) == set(ARKIT_NAMES)
    found = found_in(*keys.split())
    assert {shape: sorted(own) for shape, own in found.items()} == wanted


def test_vrm_has_a_blink_and_perfect_sync_more() -> None:
    presets = ["Fcl_ALL_Joy", "Fcl_EYE_Close", "Fcl_EYE_Close_L", "Fcl_EYE_Close_R", "Fcl_MTH_A"]
    assert found_in(*presets) == {
        "eyeBlinkLeft": ["Fcl_EYE_Close_L"],
        "eyeBlinkRight": ["Fcl_EYE_Close_R"],
    }
    assert found_in("aa", "happy", "blinkLeft", "lookUp") == {"eyeBlinkLeft": ["blinkLeft"]}
    both = match_names({"Face": [*presets, *ARKIT_NAMES]})
    assert [m.key for m in both.matches if m.shape == "eyeBlinkLeft"] == ["eyeBlinkLeft"]
    assert both.unclear == ()


@pytest.mark.parametrize(
    "several", ["jawOpen/JawOpen", "jaw_open/JawOpen", "Jaw-Open/jawOpen/jaw open"]
)
def test_two_keys_for_one_shape_are_said_and_none_is_taken(several: str) -> None:
    keys = several.split("/")
    others = [name for name in ARKIT_NAMES if name != "jawOpen"]
    told = match_names({"Face": [*others, *keys]})
    assert "jawOpen" in told.missing
    assert [(one.shape, one.keys) for one in told.unclear] == [("jawOpen", tuple(sorted(keys)))]
    assert any(
        sentence.startswith(f"Face has {len(keys)} keys for jawOpen, ")
        for sentence in describe_names(told)
    )


def test_what_is_unclear_is_said_of_every_mesh() -> None:
    told = match_names({"Head": ["jawOpen", "JawOpen"], "Beard": ["cheek_puff", "cheekPuff"]})
    assert [(one.mesh, one.shape) for one in told.unclear] == [
        ("Head", "jawOpen"),
        ("Beard", "cheekPuff"),
    ]


def test_two_decorated_sets_of_one_size_are_not_chosen_between() -> None:
    names = ("jawOpen", "cheekPuff", "tongueOut")
    told = match_names({"Face": [f"{end}_{name}" for name in names for end in ("old", "new")]})
    assert told.matches == ()
    assert {one.shape: len(one.keys) for one in told.unclear} == dict.fromkeys(names, 2)


def test_other_shapes_are_no_arkit_shapes() -> None:
    keys = ("jawOpen_mouthClose", "mouthOpen", "mouthSmile", "eyesClosed", "jawOpen_L", "browUp")
    assert found_in(*keys) == {}


def test_a_decoration_of_one_key_says_something() -> None:
    told = match_names({"Face": ["jawOpen_fix"]})
    assert told.matches == ()
    assert describe_names(told)[-1] == (
        "jawOpen_fix of Face may be jawOpen: choose it in the list if it is."
    )
    assert say("jawOpen", "jawOpen.001")[-1] == (
        "Face also has jawOpen.001 for shapes that it has already: it was left out."
    )


def test_three_keys_share_a_decoration_and_two_do_not() -> None:
    names = ["jawOpen", "cheekPuff", "tongueOut"]
    for spell in (lambda name: f"{name}_fix", lambda name: f"fix 07 {name}"):
        keys = [spell(name) for name in names]
        assert found_in(*keys[:2]) == {}
        assert found_in(*keys) == dict(zip(names, ([key] for key in keys), strict=True))
    # Also in several meshes, but not with words before in one and behind in another.
    told = match_names({"Face": ["jawOpen_fix", "cheekPuff_fix"], "Teeth": ["tongueOut_fix"]})
    assert len(told.matches) == 3
    told = match_names({"Face": ["jawOpen_fix", "cheekPuff_fix"], "Teeth": ["fix_tongueOut"]})
    assert told.matches == ()


@pytest.mark.parametrize(("before", "found"), [(11, 3), (12, 0)])
def test_names_of_more_than_twelve_words_are_none(before: int, found: int) -> None:
    """One of these words is the shape's own, in lower case."""
    names = ("jawopen", "cheekpuff", "tongueout")
    told = match_names({"Face": ["x " * before + name for name in names]})
    assert (len(told.matches), told.spare) == (found, ())


def test_a_mesh_may_put_its_own_name_before_its_keys() -> None:
    told = match_names({"Face": ARKIT_NAMES, "Lower Teeth": ["Lower Teeth_jawOpen"]})
    assert [m.mesh for m in told.matches if m.shape == "jawOpen"] == ["Face", "Lower Teeth"]
    assert describe_names(told)[-1] == "jawOpen is in Face and Lower Teeth: all of them move."


def test_a_mesh_with_a_part_of_the_face_in_its_name_keeps_the_whole_names_of_its_keys() -> None:
    """`Jaw` is no name before `Open`; and half of a mesh's name before a key is none of it."""
    assert found_in("jawOpen", "jawLeft", mesh="Jaw") == {
        "jawOpen": ["jawOpen"],
        "jawLeft": ["jawLeft"],
    }
    assert found_in("Lower_jawOpen", mesh="Lower Teeth") == {}


@pytest.mark.parametrize("spell", ["{}_BS", "BS_{}", "my_{}_BS", "{}_shape_2"])
def test_of_two_sets_of_one_size_the_plain_one_is_taken(spell: str) -> None:
    """Whichever comes first; the other one is said to be left out."""
    plain = ["jawOpen", "cheekPuff", "tongueOut"]
    decorated = [spell.format(name) for name in plain]
    for keys in ([*decorated, *plain], [*plain, *decorated]):
        told = match_names({"Face": keys})
        assert sorted(m.key for m in told.matches) == sorted(plain)
        assert told.unclear == ()
        assert sorted(one.keys[0] for one in told.spare) == sorted(decorated)


def test_a_single_shape_that_is_missing_is_said() -> None:
    assert say(*ARKIT_NAMES[:-1]) == [
        "51 of ARKit's 52 shapes were found by the names of ARKit.",
        f"It lacks {ARKIT_NAMES[-1]}.",
    ]
    assert say("jawOpen")[0] == "1 of ARKit's 52 shapes was found by the names of ARKit."


def test_only_arkits_own_words_are_left_out_with_a_word() -> None:
    """A character may have another maker's shapes beside: nobody means those by ARKit's."""
    told = match_names({"Face": [*ARKIT_NAMES, "Brow_Drop_L", "jawOpen_fix"]})
    assert [(one.shape, one.keys) for one in told.spare] == [("jawOpen", ("jawOpen_fix",))]


def test_meshes_that_share_shapes_are_said_in_one_sentence() -> None:
    told = match_names(
        {"Face": ARKIT_NAMES, "Teeth": ["jawOpen"], "Brows": ["browInnerUp", "browDownLeft"]}
    )
    assert describe_names(told)[1:] == [
        "3 shapes are in several meshes (Brows, Face and Teeth): all of them move."
    ]


def test_halves_of_a_middle_shape_both_move() -> None:
    assert found_in("browInnerUp_L", "browInnerUp_R") == {
        "browInnerUp": ["browInnerUp_L", "browInnerUp_R"]
    }


def test_what_is_missing_is_said() -> None:
    assert say("jawOpen", "mouthSmile_L", "mouthSmile_R") == [
        "3 of ARKit's 52 shapes were found by the names of ARKit.",
        "It lacks browDownLeft, browDownRight, browInnerUp, browOuterUpLeft and 45 more.",
    ]
    assert say("Basis") == ["0 of ARKit's 52 shapes were found."]


def test_the_tables_know_arkit_alone() -> None:
    for table in CONVENTIONS.values():
        assert set(table) <= set(ARKIT_NAMES)
    assert set(CONVENTIONS["MetaHuman"]) == set(CONVENTIONS["Character Creator"]) == {*ARKIT_NAMES}


@given(st.lists(st.text(max_size=40), max_size=12))
def test_any_names_are_read(names: list[str]) -> None:
    told = match_names({"Face": names})
    check_each_key_once(told)


@given(st.permutations([*ARKIT_NAMES, "JawOpen", "A25_Jaw_Open", "jawOpen_fix"]))
def test_the_order_of_keys_does_not_matter(names: list[str]) -> None:
    told = match_names({"Face": names})
    check_each_key_once(told)
    assert told.missing == ("jawOpen",)


def check_each_key_once(told: CharacterNames) -> None:
    """No key stands for two shapes."""
    keys = [(m.mesh, m.key) for m in told.matches]
    assert len(set(keys)) == len(keys)


def test_words() -> None:
    assert words_of("CTRL_expressions_mouthFunnelUL") == (
        "ctrl", "expressions", "mouth", "funnel", "ul",
    )  # fmt: skip
    assert words_of("A25_Jaw_Open.001") == ("a", "25", "jaw", "open", "001")
    assert words_of("表情") == ()


RIGS = {
    "Ready Player Me": ("Hips Spine2 Neck Head LeftEye RightEye HeadTop_End", "Neck Head"),
    "Mixamo": ("mixamorig:Spine mixamorig:Neck mixamorig:Head", "mixamorig:Neck mixamorig:Head"),
    "VRoid": ("J_Bip_C_Neck J_Bip_C_Head J_Adj_L_FaceEye J_Adj_R_FaceEye", None),
    "Character Creator": (
        "CC_Base_NeckTwist01 CC_Base_NeckTwist02 CC_Base_Head CC_Base_JawRoot CC_Base_L_Eye",
        "CC_Base_NeckTwist01 CC_Base_Head",
    ),
    "MetaHuman": ("neck_01 neck_02 head FACIAL_L_Eye FACIAL_R_Eye FACIAL_C_Jaw", "neck_01 head"),
    "Affekt": ("root neck jaw eye_left eye_right", None),
}


@pytest.mark.parametrize("rig", RIGS)
def test_bones_of_rigs(rig: str) -> None:
    names, wanted = RIGS[rig]
    told = match_bones(names.split())
    assert told.unclear == {}
    if wanted is not None:
        assert [told.found["neck"], told.found["head"]] == wanted.split()
    if rig == "VRoid":
        assert told.found["eye_left"] == "J_Adj_L_FaceEye"
    if rig == "MetaHuman":
        assert (told.found["eye_right"], told.found["jaw"]) == ("FACIAL_R_Eye", "FACIAL_C_Jaw")
    if rig == "Character Creator":
        assert (told.found["jaw"], "eye_right" in told.found) == ("CC_Base_JawRoot", False)
    if rig == "Affekt":
        assert "head" not in told.found


@pytest.mark.parametrize("helper", ["ORG-neck", "MCH-neck", "neck_ctrl"])
def test_bones_that_only_help_a_rig_come_last(helper: str) -> None:
    """After any bone of the chain, whatever its number; alone they are all that there is."""
    assert match_bones([helper, "neck_07"]).found == {"neck": "neck_07"}
    assert match_bones(["DEF-neck.003", helper, "DEF-neck.002"]).found == {"neck": "DEF-neck.002"}
    assert match_bones([helper]).found == {"neck": helper}


def test_bones_with_two_numbers_or_a_side_too_many_are_others() -> None:
    assert match_bones(["neck_01_02", "head_L", "eye", "eye_L_R", "jaw_left"]).found == {}
    assert match_bones(["neck_01", "eye_L"]).found == {"neck": "neck_01", "eye_left": "eye_L"}


def test_two_heads_are_not_chosen_between() -> None:
    told = match_bones(["Head", "head", "Jaw", "HeadTop_End", "Headband"])
    assert told.found == {"jaw": "Jaw"}
    assert told.unclear == {"head": ("Head", "head")}
